//! Names of things: records, agencies and parcels.
//!
//! All are 32 bytes. People see them in Crockford base32, in groups of four
//! (`3F7K-9Q2M`); machines see the raw bytes (CBOR) or the full base32 text (JSON).

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Crockford's alphabet: no I, L, O or U; those that are misread are translated.
static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    spec.translate.from.push_str("abcdefghjkmnpqrstvwxyzoOiIlL");
    spec.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    spec.ignore.push('-');
    spec.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

/// Fewest characters of an id that a person may type.
pub const MIN_PREFIX: usize = 4;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A character outside Crockford's base32 alphabet.
    #[error(
        "'{text}' is not an id: ids are written with 0-9 and A-Z without I, L, O, U, like 3F7K-9Q2M"
    )]
    Alphabet {
        /// What was given.
        text: String,
    },
    /// The wrong number of characters for a whole id.
    #[error("'{text}' has {found} characters; a whole id has 52")]
    Length {
        /// What was given.
        text: String,
        /// Characters found, hyphens not counted.
        found: usize,
    },
    /// Too few or too many characters for the beginning of an id.
    #[error("'{text}' has {found} characters; type at least {MIN_PREFIX} of an id's 52")]
    Prefix {
        /// What was given.
        text: String,
        /// Characters found, hyphens not counted.
        found: usize,
    },
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps 32 bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight characters in two groups of four: what a table shows.
            pub fn short(&self) -> String {
                let full = CROCKFORD.encode(&self.0);
                format!("{}-{}", &full[..4], &full[4..8])
            }

            /// All 52 characters, ungrouped: what `--json` shows.
            pub fn full(&self) -> String {
                CROCKFORD.encode(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.full())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let found = text.chars().filter(|c| *c != '-').count();
                if found != 52 {
                    return Err(IdError::Length { text: clip(text), found });
                }
                let bytes = CROCKFORD
                    .decode(text.as_bytes())
                    .map_err(|_| IdError::Alphabet { text: clip(text) })?;
                let bytes: [u8; 32] = bytes
                    .try_into()
                    .map_err(|_| IdError::Length { text: clip(text), found })?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() {
                    s.serialize_str(&self.full())
                } else {
                    s.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    String::deserialize(d)?.parse().map_err(de::Error::custom)
                } else {
                    serde_bytes::ByteArray::<32>::deserialize(d).map(|b| Self(b.into_array()))
                }
            }
        }
    };
}

id! {
    /// A record's name: SHA-256 of its COSE `Sig_structure` (RFC 9052 section 4.4), so
    /// that the bytes of a signature cannot change it.
    RecordId
}

id! {
    /// An agency's name: its root Ed25519 public key (RFC 8032).
    AgencyId
}

id! {
    /// A parcel's name: SHA-256 of its bytes.
    ParcelId
}

impl AgencyId {
    /// The fingerprint that people read out: 30 decimal digits in six groups of five.
    ///
    /// Six 40-bit pieces of SHA-256 over a domain string and the root key, each modulo
    /// 100 000: 99.6 bits, so another key with the same digits cannot be found.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::new()
            .chain_update(b"liaison/1 fingerprint")
            .chain_update(self.0)
            .finalize();
        let groups: Vec<String> = digest[..30]
            .chunks_exact(5)
            .map(|c| {
                let n = c.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
                format!("{:05}", n % 100_000)
            })
            .collect();
        groups.join(" ")
    }
}

/// A record id's prefix as a person types it: at least [`MIN_PREFIX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPrefix(String);

impl IdPrefix {
    /// Whether the id begins with these characters.
    pub fn matches(&self, id: &RecordId) -> bool {
        id.full().starts_with(&self.0)
    }

    /// It as ids are written in full: capitals, no hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The leading bytes that the prefix fixes completely: for a range scan.
    pub fn bytes(&self) -> Vec<u8> {
        let whole = self.0.len() / 8 * 8;
        let (whole, rest) = self.0.split_at(whole);
        let mut bytes = CROCKFORD.decode(whole.as_bytes()).unwrap_or_default();
        let mut bits = 0u64;
        for c in rest.chars() {
            let value = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(c).unwrap_or(0) as u64;
            bits = (bits << 5) | value;
        }
        let count = rest.len() * 5;
        for i in 0..count / 8 {
            bytes.push((bits >> (count - 8 * (i + 1))) as u8);
        }
        bytes
    }
}

impl FromStr for IdPrefix {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let plain: String = text
            .chars()
            .filter(|c| *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        let alphabet = plain
            .chars()
            .all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c));
        if !alphabet {
            return Err(IdError::Alphabet { text: clip(text) });
        }
        if plain.len() < MIN_PREFIX || plain.len() > 52 {
            return Err(IdError::Prefix {
                text: clip(text),
                found: plain.len(),
            });
        }
        Ok(Self(plain))
    }
}

/// At most 64 characters of foreign text, for an error message.
pub fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_round_trip_and_forgiving_reading() {
        let id = RecordId::from_bytes([0xA7; 32]);
        assert_eq!(id.full().parse::<RecordId>(), Ok(id));
        assert_eq!(id.full().to_lowercase().parse::<RecordId>(), Ok(id));
        assert_eq!(id.short().len(), 9);
        assert!("hello".parse::<RecordId>().is_err());
    }

    #[test]
    fn a_prefix_fixes_its_leading_bytes() {
        let id = RecordId::from_bytes(std::array::from_fn(|i| (i * 37 + 11) as u8));
        for n in MIN_PREFIX..=52 {
            let prefix: IdPrefix = id.full()[..n].parse().expect("prefix");
            assert!(prefix.matches(&id), "{n}");
            let bytes = prefix.bytes();
            assert_eq!(bytes.len(), n * 5 / 8, "{n}");
            assert_eq!(&id.as_bytes()[..bytes.len()], &bytes[..], "{n}");
        }
        assert!("AB".parse::<IdPrefix>().is_err());
    }

    #[test]
    fn fingerprint_is_thirty_digits() {
        let text = AgencyId::from_bytes([1; 32]).fingerprint();
        assert_eq!(text.split(' ').count(), 6);
        assert!(
            text.split(' ')
                .all(|g| g.len() == 5 && g.chars().all(|c| c.is_ascii_digit()))
        );
    }
}
