//! Heads of audit chains: what a node signs of its own log and peers keep for it, so that a
//! tail that was cut off is missed by somebody.
//!
//! A head is no record: it goes to peers in a message ([`crate::wire::Notice`]), is kept by
//! them one a sender, and is passed on to nobody. It is a COSE_Sign1 like a record, under a
//! domain string of its own, so that neither can be taken for the other.

use bytes::Bytes;
use ciborium::Value;
use coset::{CoseSign1, TaggedCborSerializable};
use serde::{Deserialize, Serialize};

use crate::card::{AgencyKeys, KeyStanding, KeyState};
use crate::cbor::{self, CborFault};
use crate::clock::{Hlc, Millis};
use crate::cose;
use crate::id::AgencyId;
use crate::key::{PublicKey, SecretKey};
use crate::limits;
use crate::record::codes::Kind;

/// The external AAD of every head: a domain string, versioned.
pub const AAD: &[u8] = b"liaison/1 audit head";

/// The content type in the protected header.
pub const CONTENT_TYPE: &str = "application/vnd.liaison.audit-head+cbor";

/// How far an audit chain had come at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    /// Drawn when the chain began: heads of two chains are never compared.
    #[serde(with = "serde_bytes")]
    pub chain: [u8; 16],
    /// Lines in it.
    pub lines: u64,
    /// SHA-256 over the chain up to the last of them, as the log defines it.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 32],
    /// When it was signed.
    pub at: Millis,
}

/// Why bytes are not the head of an agency's audit chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    /// More bytes than a head may have.
    #[error(
        "the head of the audit chain has {found} bytes; the largest allowed is {}",
        limits::AUDIT_HEAD_BYTES
    )]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not the one form that a head has.
    #[error("not the head of an audit chain: {says}")]
    Form {
        /// What is wrong.
        says: String,
    },
    /// The key stands on no card of the agency that we have.
    #[error("the head of the audit chain is signed with key {key:?}, which is on no card of {} that we have", agency.short())]
    UnknownKey {
        /// The agency.
        agency: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The key is revoked, was not valid at the time, or signs no heads.
    #[error("key {key:?} of {} could not sign the head of an audit chain at the time that it states", agency.short())]
    KeyNotValid {
        /// The agency.
        agency: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The signature does not verify.
    #[error("the signature of the audit chain's head does not verify under key {key:?} of {}", agency.short())]
    DoesNotVerify {
        /// The agency.
        agency: AgencyId,
        /// The key.
        key: PublicKey,
    },
}

impl AuditHead {
    /// Signs it with the agency's signing key.
    ///
    /// # Errors
    /// [`HeadFault::Form`]: it can't be written; no head that a log makes.
    pub fn sign(&self, key: &SecretKey) -> Result<SignedHead, HeadFault> {
        let value = Value::serialized(self).map_err(|e| form(&e))?;
        let payload = cbor::encode_value(value)?;
        let signed = cose::sign(key, CONTENT_TYPE, AAD, payload).map_err(|e| form(&e))?;
        Ok(SignedHead {
            bytes: signed.bytes.into(),
            head: *self,
            key: key.public(),
            tbs: signed.tbs.into(),
            signature: signed.signature,
        })
    }
}

/// A well-formed head. The signature has not been looked at.
#[derive(Clone, Debug)]
pub struct SignedHead {
    bytes: Bytes,
    head: AuditHead,
    key: PublicKey,
    tbs: Bytes,
    signature: [u8; 64],
}

impl SignedHead {
    /// Reads a head from its exact bytes.
    ///
    /// # Errors
    /// [`HeadFault`]: anything but the one byte sequence that this head has.
    pub fn parse(bytes: Bytes) -> Result<Self, HeadFault> {
        if bytes.len() > limits::AUDIT_HEAD_BYTES {
            return Err(HeadFault::TooLarge { found: bytes.len() });
        }
        let cose = CoseSign1::from_tagged_slice(&bytes).map_err(|e| form(&e))?;
        let key = cose::key_of(&cose).ok_or_else(|| form(&"the key id is not 32 bytes"))?;
        let signature = cose::signature_of(&cose);
        let signature = signature.ok_or_else(|| form(&"the signature is not 64 bytes"))?;
        let payload = cose
            .payload
            .ok_or_else(|| form(&"the payload is missing"))?;
        let head: AuditHead = cbor::decode_value(&payload)?
            .deserialized()
            .map_err(|e| form(&e))?;
        // Headers, lengths and order: whatever differs from the one form shows here.
        let only = cbor::encode_value(Value::serialized(&head).map_err(|e| form(&e))?)?;
        let only = cose::only_form(key, CONTENT_TYPE, AAD, only, signature);
        let only = only.map_err(|e| form(&e))?;
        if only.bytes != bytes {
            let at = cbor::first_difference(&only.bytes, &bytes);
            return Err(form(&format_args!(
                "from byte {at} on it differs from the one form of its content"
            )));
        }
        Ok(Self {
            bytes,
            head,
            key,
            tbs: only.tbs.into(),
            signature,
        })
    }

    /// Checks the signature, strictly, under a key with which the agency signs records.
    ///
    /// # Errors
    /// [`HeadFault`]: the key, or the signature.
    pub fn verify(self, keys: &AgencyKeys) -> Result<VerifiedHead, HeadFault> {
        let (agency, key) = (keys.agency(), self.key);
        match self.verify_also_lost(keys)? {
            head if head.is_key_lost() => Err(HeadFault::KeyNotValid { agency, key }),
            head => Ok(head),
        }
    }

    /// The same, also under a key that was compromised, or revoked with all keys, since:
    /// [`VerifiedHead::is_key_lost`] tells which. For a log's own past, not for what comes in.
    ///
    /// # Errors
    /// [`HeadFault`]: the key, or the signature.
    pub fn verify_also_lost(self, keys: &AgencyKeys) -> Result<VerifiedHead, HeadFault> {
        let (agency, key) = (keys.agency(), self.key);
        // Any kind but a card: heads are under the keys that records are under.
        let made = Hlc::new(self.head.at, 0);
        let all_revoked = keys.state(&key) == KeyState::AllRevoked;
        let listed = || keys.signing_keys().any(|(listed, _, _)| listed == key);
        let (verifier, key_lost) = match keys.standing(&key, Kind::Keys, made) {
            KeyStanding::Good(verifier) => (verifier, false),
            KeyStanding::Compromised(verifier) => (verifier, true),
            KeyStanding::Revoked if all_revoked && listed() => match key.verifier() {
                Some(verifier) => (verifier, true),
                None => return Err(HeadFault::KeyNotValid { agency, key }),
            },
            KeyStanding::Unknown => return Err(HeadFault::UnknownKey { agency, key }),
            _ => return Err(HeadFault::KeyNotValid { agency, key }),
        };
        if !verifier.verify(&self.tbs, &self.signature) {
            return Err(HeadFault::DoesNotVerify { agency, key });
        }
        Ok(VerifiedHead {
            signed: self,
            key_lost,
        })
    }

    /// Its exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What it states. Not to be believed before [`SignedHead::verify`].
    pub fn unverified(&self) -> &AuditHead {
        &self.head
    }
}

/// A head whose signature verifies under a key of its agency.
#[derive(Clone, Debug)]
pub struct VerifiedHead {
    signed: SignedHead,
    key_lost: bool,
}

impl VerifiedHead {
    /// Its exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.signed.bytes
    }

    /// What it states.
    pub fn head(&self) -> &AuditHead {
        &self.signed.head
    }

    /// Whether its key was compromised, or revoked with all keys, since: a thief may have
    /// signed it.
    pub fn is_key_lost(&self) -> bool {
        self.key_lost
    }
}

impl From<CborFault> for HeadFault {
    fn from(fault: CborFault) -> Self {
        form(&fault)
    }
}

fn form(says: &dyn std::fmt::Display) -> HeadFault {
    HeadFault::Form {
        says: says.to_string(),
    }
}
