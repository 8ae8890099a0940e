//! The secret of one record, and the commitment to it that stands in the signed payload.

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Salt of the derivation, versioned.
const SALT: &[u8] = b"liaison/1 seal";
/// Label of the content key.
const CONTENT_KEY: &[u8] = b"content key";
/// Label of the commitment.
const COMMITMENT: &[u8] = b"commitment";

/// What opens one record: 32 bytes, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Wraps 32 bytes that were a secret before.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// A fresh one.
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// The bytes, for the keyring and for nothing else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What a record that this secret opens commits to.
    pub fn commitment(&self) -> Commitment {
        Commitment(*self.derive(COMMITMENT))
    }

    /// The key under which the content stands, used once.
    pub(super) fn content_key(&self) -> Zeroizing<[u8; 32]> {
        self.derive(CONTENT_KEY)
    }

    /// HKDF-SHA-256 (RFC 5869).
    fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        // Fails beyond 8,160 bytes of output only.
        let _infallible =
            Hkdf::<Sha256>::new(Some(SALT), self.0.as_ref()).expand(label, out.as_mut());
        out
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Binds a record to one secret: without it a record could open to one text under one
/// secret and to another under a second.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commitment(..)")
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if !d.is_human_readable() {
            let bytes = serde_bytes::ByteArray::<32>::deserialize(d)?;
            return Ok(Self(bytes.into_array()));
        }
        let text = String::deserialize(d)?;
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        let bytes: Result<[u8; 32], _> = bytes.map_err(de::Error::custom)?.try_into();
        bytes
            .map(Self)
            .map_err(|_| de::Error::custom("a commitment has 64 hexadecimal digits"))
    }
}
