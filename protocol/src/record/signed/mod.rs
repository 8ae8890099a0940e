//! A record as it travels: COSE_Sign1 (RFC 9052), its exact bytes kept.
//!
//! Trust is a type: [`Record`] is a statement, [`SignedRecord`] is well-formed bytes that
//! claim an author, [`VerifiedRecord`] is proven to be that author's word.

mod fault;
mod frame;
mod payload;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use ciborium::Value;
use coset::{CoseSign1, TaggedCborSerializable};

pub use self::fault::{FormFault, SignatureFault};
pub(crate) use self::frame::extent;
use self::frame::{Frame, id_of};
pub(crate) use self::payload::stub_of;
use self::payload::{read_payload, tree};
use super::check::limits_of_record;
use super::codes::Kind;
use super::envelope::{Envelope, Fields, SCHEMA};
use super::handling::{Holder, Receiver, Terms};
use super::kinds::Content;
use super::kinds::keys::NodeKey;
use crate::card::{AgencyKeys, KeyStanding};
use crate::cbor;
use crate::clock::Hlc;
use crate::cose;
use crate::id::{AgencyId, RecordId};
use crate::key::{PublicKey, SecretKey};
use crate::limits;

/// The external AAD of every record: a domain string, versioned.
pub const AAD: &[u8] = b"liaison/1 record";

/// The content type in the protected header.
pub const CONTENT_TYPE: &str = "application/vnd.liaison.record+cbor";

/// A statement: envelope and content, not yet anybody's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it says about itself.
    pub envelope: Envelope,
    /// What it says.
    pub content: Content,
}

impl Record {
    /// A statement of `author`, made at `created`.
    pub fn new(author: AgencyId, created: Hlc, fields: Fields, content: Content) -> Self {
        Self {
            envelope: Envelope {
                schema: SCHEMA,
                author,
                created,
                fields,
            },
            content,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.content.kind()
    }

    /// The terms that the handling gate looks at.
    pub fn terms(&self) -> Terms {
        let f = &self.envelope.fields;
        Terms::of(self.kind().plane(), f.tlp, &f.handling, &f.onward)
    }

    /// What the agency `us`, holding this record, is to it.
    pub fn holder(&self, us: &AgencyId) -> Holder {
        if self.envelope.author == *us {
            Holder::Author
        } else if self.envelope.fields.onward.names(us) {
            Holder::Named
        } else {
            Holder::Other
        }
    }

    /// What `peer` is to this record, but for permits.
    pub fn receiver(&self, peer: &AgencyId, addressed: bool) -> Receiver {
        Receiver {
            author: self.envelope.author == *peer,
            addressed,
            named: self.envelope.fields.onward.names(peer),
            permitted: false,
        }
    }

    /// Signs it. The caller has run the checks that bind an author.
    ///
    /// # Errors
    /// A statement over its limits: the record's bytes, a list, a text.
    pub fn sign(&self, key: &SecretKey) -> Result<SignedRecord, FormFault> {
        limits_of_record(&self.envelope, &self.content)
            .map_err(|finding| FormFault::Limit(Box::new(finding)))?;
        let payload = self.payload()?;
        let signed = cose::sign(key, CONTENT_TYPE, AAD, payload)?;
        let found = signed.bytes.len();
        if found > limits::RECORD_BYTES {
            return Err(FormFault::TooLarge { found });
        }
        Ok(SignedRecord {
            bytes: signed.bytes.into(),
            id: id_of(&signed.tbs),
            key: key.public(),
            tbs: signed.tbs.into(),
            signature: signed.signature,
            record: self.clone(),
        })
    }

    fn payload(&self) -> Result<Vec<u8>, FormFault> {
        Ok(cbor::encode_value(Value::Map(tree(self)?))?)
    }
}

/// Well-formed bytes that claim an author. The signature has not been looked at.
#[derive(Clone, Debug)]
pub struct SignedRecord {
    bytes: Bytes,
    id: RecordId,
    key: PublicKey,
    tbs: Bytes,
    signature: [u8; 64],
    record: Record,
}

impl SignedRecord {
    /// Reads a record from its exact bytes.
    ///
    /// # Errors
    /// [`FormFault`]: anything but the one byte sequence that this content has.
    pub fn parse(bytes: Bytes) -> Result<Self, FormFault> {
        if bytes.len() > limits::RECORD_BYTES {
            return Err(FormFault::TooLarge { found: bytes.len() });
        }
        if let Some(frame) = Frame::of(&bytes) {
            let record = read_payload(frame.payload)?;
            let tbs = frame.to_be_signed();
            let (key, signature) = (frame.key, frame.signature);
            return Ok(Self {
                bytes,
                id: id_of(&tbs),
                key,
                tbs: tbs.into(),
                signature,
                record,
            });
        }
        Self::parse_anything(bytes)
    }

    /// Reads whatever COSE library wrote it, and says what is wrong.
    fn parse_anything(bytes: Bytes) -> Result<Self, FormFault> {
        let cose = CoseSign1::from_tagged_slice(&bytes).map_err(|e| match e {
            coset::CoseError::ExtraneousData => FormFault::TrailingBytes,
            coset::CoseError::DecodeFailed(e) => FormFault::Cose {
                says: cbor::unreadable(&e).to_string(),
            },
            other => FormFault::Cose {
                says: other.to_string(),
            },
        })?;
        if !cose.unprotected.is_empty() {
            return Err(FormFault::UnprotectedHeader);
        }
        let key = cose::key_of(&cose).ok_or(FormFault::ProtectedHeader {
            what: "the key id is not 32 bytes",
        })?;
        if cose.protected.header != cose::protected(key, CONTENT_TYPE).header {
            return Err(FormFault::ProtectedHeader {
                what: "it must hold algorithm EdDSA, key id and content type, and nothing else",
            });
        }
        let signature = cose::signature_of(&cose).ok_or(FormFault::SignatureLength {
            found: cose.signature.len(),
        })?;
        let payload = cose.payload.ok_or(FormFault::NoPayload)?;
        let record = read_payload(&payload)?;
        let only = cose::only_form(key, CONTENT_TYPE, AAD, payload, signature)?;
        if only.bytes != bytes {
            let at = cbor::first_difference(&only.bytes, &bytes);
            return Err(FormFault::NotDeterministic { at });
        }
        Ok(Self {
            bytes,
            id: id_of(&only.tbs),
            key,
            tbs: only.tbs.into(),
            signature,
            record,
        })
    }

    /// Checks the signature, strictly, under a key with which the author may sign.
    ///
    /// # Errors
    /// [`SignatureFault`], which says whose fault it is.
    pub fn verify(self, keys: &AgencyKeys) -> Result<VerifiedRecord, SignatureFault> {
        let author = self.record.envelope.author;
        if keys.agency() != author {
            return Err(SignatureFault::WrongKeys { author });
        }
        let verifier = match keys.standing(&self.key, self.kind(), self.record.envelope.created) {
            KeyStanding::Good(verifier) => verifier,
            KeyStanding::Compromised(verifier) if keys.is_affirmed(&self.key, &self.id) => verifier,
            standing => {
                let (key, kind) = (self.key, self.kind());
                return Err(SignatureFault::of_key(&standing, author, key, kind));
            }
        };
        if !verifier.verify(&self.tbs, &self.signature) {
            return Err(SignatureFault::DoesNotVerify {
                author,
                id: self.id,
            });
        }
        if let Content::Keys(statement) = &self.record.content {
            let unproven = |node: &&NodeKey| !node.is_proven(&author, statement.number);
            if let Some(node) = statement.nodes.iter().find(unproven) {
                return Err(SignatureFault::NodeKeyUnproven {
                    author,
                    key: node.key,
                });
            }
        }
        Ok(VerifiedRecord(self))
    }

    /// Its exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its name.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The key that it claims to be signed with.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.record.kind()
    }

    /// What it states. Not to be believed before [`SignedRecord::verify`].
    pub fn unverified(&self) -> &Record {
        &self.record
    }
}

/// A record whose signature verifies under a key of its author.
#[derive(Clone, Debug)]
pub struct VerifiedRecord(SignedRecord);

impl VerifiedRecord {
    /// Its exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// Its name.
    pub fn id(&self) -> RecordId {
        self.0.id
    }

    /// The key that it is signed with.
    pub fn key(&self) -> PublicKey {
        self.0.key
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// Its author.
    pub fn author(&self) -> AgencyId {
        self.0.record.envelope.author
    }

    /// What it states.
    pub fn record(&self) -> &Record {
        &self.0.record
    }
}
