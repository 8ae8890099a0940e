//! The parcel itself: a signed letter, padded and sealed to one key of its addressee.

use std::fmt;

use bytes::Bytes;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fault::ParcelFault;
use super::letter::Letter;
use super::signed::SignedLetter;
use crate::id::{AgencyId, ParcelId};
use crate::key::SecretKey;
use crate::limits;
use crate::seal::{ENC_BYTES, SealingId, SealingKey, SealingSecret, TAG_BYTES, info};

/// What the info of a parcel begins with, before the addressee's agency id and the key's name.
pub const DOMAIN: &[u8] = b"liaison/1 parcel";

/// Bytes of a key's name.
const KEY_BYTES: usize = 8;
/// Bytes by which a parcel is longer than the padded letter.
const OVERHEAD: usize = KEY_BYTES + ENC_BYTES + TAG_BYTES;
/// What follows the letter, before zeros up to the size class (ISO/IEC 7816-4).
const END: u8 = 0x80;

/// A parcel: one of [`limits::PARCEL_CLASSES`] bytes, the name of a sealing key in front.
/// Anybody can make one; only what opens says anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel(Bytes);

impl Parcel {
    /// Signs a letter and seals it to a key of `letter.to`.
    ///
    /// # Errors
    /// [`ParcelFault::Unsendable`], [`ParcelFault::TooLong`], [`ParcelFault::BadKey`].
    pub fn seal(
        letter: &Letter,
        signing: &SecretKey,
        sealing: &SealingKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ParcelFault> {
        let signed = Zeroizing::new(SignedLetter::sign(letter, signing)?);
        let found = signed.len();
        let class = class_of(found).ok_or(ParcelFault::TooLong { found })?;
        let padded_len = class.saturating_sub(OVERHEAD);
        let mut padded = Zeroizing::new(Vec::with_capacity(padded_len));
        padded.extend_from_slice(&signed);
        padded.push(END);
        padded.resize(padded_len, 0);
        let key = sealing.id();
        let sealed = sealing.seal(&info(DOMAIN, &letter.to, &key), &[], &padded, rng);
        let (enc, text) = sealed.ok_or(ParcelFault::BadKey { to: letter.to, key })?;
        let bytes = [key.as_bytes().as_slice(), &enc, &text].concat();
        Self::from_bytes(bytes.into())
    }

    /// Takes bytes of a length that a parcel has.
    ///
    /// # Errors
    /// [`ParcelFault::Size`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, ParcelFault> {
        match limits::PARCEL_CLASSES.contains(&bytes.len()) {
            true => Ok(Self(bytes)),
            false => Err(ParcelFault::Size { found: bytes.len() }),
        }
    }

    /// Its name: SHA-256 of its bytes.
    pub fn id(&self) -> ParcelId {
        ParcelId::from_bytes(Sha256::digest(&self.0).into())
    }

    /// The key that it is sealed to.
    pub fn key(&self) -> SealingId {
        let key = self.0.first_chunk::<KEY_BYTES>();
        SealingId::from_bytes(key.copied().unwrap_or_default())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Opens it as `own`, with the private half of the key that [`Parcel::key`] names.
    ///
    /// # Errors
    /// [`ParcelFault`]: sealed to another key or agency, changed, or no letter.
    pub fn open(
        &self,
        own: &AgencyId,
        secret: &SealingSecret,
    ) -> Result<SignedLetter, ParcelFault> {
        let key = self.key();
        if key != secret.id() {
            return Err(ParcelFault::OtherKey { key });
        }
        let rest = self.0.get(KEY_BYTES..).unwrap_or_default();
        let (enc, text) = rest
            .split_at_checked(ENC_BYTES)
            .ok_or(ParcelFault::Closed { key })?;
        let mut plain = secret
            .unseal(&info(DOMAIN, own, &key), &[], enc, text)
            .ok_or(ParcelFault::Closed { key })?;
        let end = plain.iter().rposition(|byte| *byte != 0);
        let end = end.filter(|end| plain.get(*end) == Some(&END));
        // One letter has one length: the smallest class that holds it.
        let end = end.filter(|end| class_of(*end) == Some(self.0.len()));
        plain.truncate(end.ok_or(ParcelFault::Padding)?);
        SignedLetter::parse(&plain)
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parcel({}, {} bytes)", self.id().short(), self.0.len())
    }
}

/// The smallest class that holds a letter of so many bytes, and the byte that ends it.
fn class_of(letter: usize) -> Option<usize> {
    let mut classes = limits::PARCEL_CLASSES.into_iter();
    classes.find(|class| letter.saturating_add(1 + OVERHEAD) <= *class)
}
