//! Sealing keys: to what an agency's records are sealed, for a month each, so that what
//! travelled under an old one cannot be opened once its private half is destroyed.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SealFault;
use super::secret::Secret;
use super::wrap::Wrap;
use crate::clock::Millis;
use crate::id::{AgencyId, RecordId};

/// Bytes of a public sealing key: ML-KEM-768 (1,184) and X25519 (32).
pub const KEY_BYTES: usize = 1216;
/// What the name of a key is a hash of, before the key.
const ID_DOMAIN: &[u8] = b"liaison/1 sealing key";
/// What the info of a wrap begins with.
const WRAP_DOMAIN: &[u8] = b"liaison/1 wrap";

type Public = <XWing as Kem>::PublicKey;
type Private = <XWing as Kem>::PrivateKey;
type Encapped = <XWing as Kem>::EncappedKey;

/// The name of a sealing key: the first 8 bytes of a hash of it, 16 hexadecimal digits as text.
/// It tells keys of one agency apart and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealingId([u8; 8]);

/// The public half, as a keys statement lists it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealingKey {
    /// X-Wing's public key.
    pub key: PublicBytes,
    /// First moment at which it is sealed to.
    pub from: Millis,
    /// First moment at which it is not, at most [`crate::limits::SEALING_KEY_DAYS`] later. It
    /// opens what was sealed before until its holder destroys it.
    pub until: Millis,
}

/// The bytes of a public key of X-Wing, not yet known to be one.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicBytes(Box<[u8; KEY_BYTES]>);

/// The private half: a seed of 32 bytes, wiped from memory when dropped.
pub struct SealingSecret {
    seed: Zeroizing<[u8; 32]>,
    private: Private,
    public: PublicBytes,
}

impl SealingKey {
    /// Its name.
    pub fn id(&self) -> SealingId {
        self.key.id()
    }

    /// Whether records are sealed to it at this moment.
    pub fn is_valid_at(&self, now: Millis) -> bool {
        self.from <= now && now < self.until
    }

    /// Wraps the secret of a record to `recipient`, whose key this is.
    ///
    /// # Errors
    /// [`SealFault::BadKey`]: the bytes are no public key.
    pub fn wrap(
        &self,
        secret: &Secret,
        recipient: &AgencyId,
        record: &RecordId,
        rng: &mut impl CryptoRng,
    ) -> Result<Wrap, SealFault> {
        let id = self.id();
        let bad = SealFault::BadKey {
            agency: *recipient,
            key: id,
        };
        let info = info(WRAP_DOMAIN, recipient, &id);
        let sealed = self.seal(&info, record.as_bytes(), secret.as_bytes(), rng);
        sealed
            .and_then(|(enc, text)| Wrap::of(id, &enc, &text))
            .ok_or(bad)
    }

    /// HPKE in base mode, one message: the encapsulated key and the text. None: the bytes are no
    /// public key.
    pub(crate) fn seal(
        &self,
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let public = Public::from_bytes(self.key.as_bytes()).ok()?;
        let (enc, text) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &public,
            info,
            plain,
            aad,
            rng,
        )
        .ok()?;
        Some((enc.to_bytes().to_vec(), text))
    }
}

impl SealingSecret {
    /// A fresh one.
    pub fn random(rng: &mut impl CryptoRng) -> Result<Self, SealFault> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_bytes(&seed)
    }

    /// Out of the bytes that [`SealingSecret::as_bytes`] gave.
    ///
    /// # Errors
    /// None that 32 bytes can cause: [`SealFault::BadSecret`] if the library has other sizes.
    pub fn from_bytes(seed: &[u8; 32]) -> Result<Self, SealFault> {
        let private = Private::from_bytes(seed).map_err(|_| SealFault::BadSecret)?;
        let public = XWing::sk_to_pk(&private).to_bytes();
        let public = PublicBytes::of(&public).ok_or(SealFault::BadSecret)?;
        Ok(Self {
            seed: Zeroizing::new(*seed),
            private,
            public,
        })
    }

    /// The seed, for the keyring and for nothing else.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The name of the pair.
    pub fn id(&self) -> SealingId {
        self.public.id()
    }

    /// Its public half, to be sealed to from `from` until before `until`.
    pub fn public(&self, from: Millis, until: Millis) -> SealingKey {
        SealingKey {
            key: self.public.clone(),
            from,
            until,
        }
    }

    /// Opens what was wrapped to `recipient`, the agency whose key this is, for one record.
    /// Whether the secret is the record's says [`super::open_bytes`].
    ///
    /// # Errors
    /// [`SealFault::OtherKey`]: it is wrapped to another key. [`SealFault::Closed`]: it is for
    /// another agency or record, or changed.
    pub fn open(
        &self,
        wrap: &Wrap,
        recipient: &AgencyId,
        record: &RecordId,
    ) -> Result<Secret, SealFault> {
        let key = wrap.key();
        if key != self.id() {
            return Err(SealFault::OtherKey { key });
        }
        let info = info(WRAP_DOMAIN, recipient, &key);
        let bytes = self.unseal(&info, record.as_bytes(), wrap.enc(), wrap.text());
        let bytes = bytes.ok_or(SealFault::Closed { key })?;
        let bytes: &[u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| SealFault::Closed { key })?;
        Ok(Secret::from_bytes(bytes))
    }

    /// What [`SealingKey::seal`] made; none: it is for another key, info or aad, or changed.
    pub(crate) fn unseal(
        &self,
        info: &[u8],
        aad: &[u8],
        enc: &[u8],
        text: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let enc = Encapped::from_bytes(enc).ok()?;
        let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.private,
            &enc,
            info,
            text,
            aad,
        );
        plain.ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingSecret(of {})", self.id())
    }
}

/// What is sealed, and for whom: domain, agency, key.
pub(crate) fn info(domain: &[u8], recipient: &AgencyId, key: &SealingId) -> Vec<u8> {
    [domain, recipient.as_bytes(), key.as_bytes()].concat()
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("id", &self.id())
            .field("from", &self.from)
            .field("until", &self.until)
            .finish()
    }
}

impl PublicBytes {
    /// Takes so many bytes as a key has; none for another length.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
        Some(Self(Box::new(*bytes)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The name of the key.
    fn id(&self) -> SealingId {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(ID_DOMAIN)
            .chain_update(self.0.as_slice())
            .finalize()
            .into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        SealingId([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for PublicBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicBytes({})", self.id())
    }
}

impl Serialize for PublicBytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&BASE64.encode(self.as_bytes()))
        } else {
            s.serialize_bytes(self.as_bytes())
        }
    }
}

impl<'de> Deserialize<'de> for PublicBytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = if d.is_human_readable() {
            let text = String::deserialize(d)?;
            BASE64.decode(text.as_bytes()).map_err(de::Error::custom)?
        } else {
            serde_bytes::ByteBuf::deserialize(d)?.into_vec()
        };
        Self::of(&bytes)
            .ok_or_else(|| de::Error::custom(format_args!("a sealing key has {KEY_BYTES} bytes")))
    }
}

impl SealingId {
    /// Wraps 8 bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for SealingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SealingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no name of a sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a sealing key has 16 hexadecimal digits")]
pub struct BadSealingId;

impl FromStr for SealingId {
    type Err = BadSealingId;

    fn from_str(text: &str) -> Result<Self, BadSealingId> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        let bytes: Result<[u8; 8], _> = bytes.map_err(|_| BadSealingId)?.try_into();
        bytes.map(Self).map_err(|_| BadSealingId)
    }
}

impl Serialize for SealingId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&self.to_string())
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for SealingId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(de::Error::custom)
        } else {
            let bytes = serde_bytes::ByteArray::<8>::deserialize(d)?;
            Ok(Self(bytes.into_array()))
        }
    }
}
