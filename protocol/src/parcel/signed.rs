//! A letter and its sender's signature.

use coset::{CoseSign1, TaggedCborSerializable};

use super::fault::{LetterFault, ParcelFault};
use super::letter::Letter;
use crate::card::{AgencyKeys, KeyStanding};
use crate::clock::Hlc;
use crate::cose;
use crate::id::AgencyId;
use crate::key::{PublicKey, SecretKey};
use crate::record::codes::Kind;
use crate::wire::WireFault;

/// The external AAD of every letter: a domain string, versioned.
pub const AAD: &[u8] = b"liaison/1 letter";

/// The content type in the protected header.
pub const CONTENT_TYPE: &str = "application/vnd.liaison.letter+cbor";

/// A well-formed letter. The signature has not been looked at.
#[derive(Clone, Debug)]
pub struct SignedLetter {
    letter: Letter,
    key: PublicKey,
    tbs: Vec<u8>,
    signature: [u8; 64],
}

impl SignedLetter {
    /// Signs a letter: its bytes.
    pub(super) fn sign(letter: &Letter, key: &SecretKey) -> Result<Vec<u8>, ParcelFault> {
        letter.check().map_err(ParcelFault::Unsendable)?;
        let signed = cose::sign(key, CONTENT_TYPE, AAD, letter.encode());
        let signed = signed.map_err(|e| ParcelFault::Form {
            says: e.to_string(),
        })?;
        Ok(signed.bytes)
    }

    /// Reads a letter from its exact bytes.
    ///
    /// # Errors
    /// [`ParcelFault::Form`]: anything but the one byte sequence that this letter has.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParcelFault> {
        let form = |says: &dyn std::fmt::Display| ParcelFault::Form {
            says: says.to_string(),
        };
        let cose = CoseSign1::from_tagged_slice(bytes).map_err(|e| form(&e))?;
        let key = cose::key_of(&cose).ok_or_else(|| form(&"the key id is not 32 bytes"))?;
        let signature = cose::signature_of(&cose);
        let signature = signature.ok_or_else(|| form(&"the signature is not 64 bytes"))?;
        let payload = cose
            .payload
            .ok_or_else(|| form(&"the payload is missing"))?;
        // Whatever it reads has one encoding.
        let letter = Letter::decode(&payload).map_err(|fault| form(&in_words(&fault)))?;
        let only = cose::only_form(key, CONTENT_TYPE, AAD, payload, signature);
        let only = only.map_err(|e| form(&e))?;
        if only.bytes != bytes {
            let at = crate::cbor::first_difference(&only.bytes, bytes);
            return Err(form(&format_args!(
                "from byte {at} on it differs from the one form of its content"
            )));
        }
        Ok(Self {
            letter,
            key,
            tbs: only.tbs,
            signature,
        })
    }

    /// Whose word it claims to be: whose keys [`SignedLetter::verify`] is to be given.
    pub fn from(&self) -> AgencyId {
        self.letter.from
    }

    /// What it says, by nobody's word yet.
    pub fn unverified(&self) -> &Letter {
        &self.letter
    }

    /// Checks the signature, strictly, under a key with which the sender signs records, valid
    /// when the letter was made and not lost since; then what it says against the limits.
    ///
    /// # Errors
    /// [`ParcelFault`]: the key, the signature, or the letter, which is then its sender's fault.
    pub fn verify(self, keys: &AgencyKeys) -> Result<Letter, ParcelFault> {
        let (from, key) = (self.letter.from, self.key);
        if keys.agency() != from {
            return Err(ParcelFault::UnknownKey { from, key });
        }
        // Any kind but a card: letters are under the keys that records are under.
        let standing = keys.standing(&key, Kind::Keys, Hlc::new(self.letter.made, 0));
        if matches!(standing, KeyStanding::Unknown) {
            return Err(ParcelFault::UnknownKey { from, key });
        }
        // The signature first: that a key is not valid is its holder's fault only if it signed.
        let not_valid = ParcelFault::KeyNotValid { from, key };
        let verifier = key.verifier().ok_or(not_valid.clone())?;
        if !verifier.verify(&self.tbs, &self.signature) {
            return Err(ParcelFault::DoesNotVerify { from, key });
        }
        if !matches!(standing, KeyStanding::Good(_)) {
            return Err(not_valid);
        }
        let faulty = |fault: LetterFault| ParcelFault::Letter { from, fault };
        self.letter.check().map_err(faulty)?;
        Ok(self.letter)
    }
}

/// Without the peer, which is not who wrote it.
fn in_words(fault: &WireFault) -> String {
    match fault {
        WireFault::Form { at, what } => format!("{what} at byte {at} of the letter"),
        WireFault::UnknownCode { what, found } => format!("{what} {found} is not known"),
        WireFault::Bounds {
            what,
            found,
            min,
            max,
        } => format!("{found} {what}; {min} to {max} are allowed"),
        other => other.to_string(),
    }
}
