//! Why bytes are not a record, and why a record is not its claimed author's word.

use crate::card::KeyStanding;
use crate::cbor::CborFault;
use crate::fault::{Answer, Blame, Later, Refused};
use crate::id::{AgencyId, RecordId};
use crate::key::PublicKey;
use crate::limits;
use crate::record::check::Finding;
use crate::record::codes::Kind;
use crate::record::envelope::SCHEMA;
use crate::record::kinds::ContentError;

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// More bytes than a record may have.
    #[error(
        "the record has {found} bytes; the largest allowed is {}",
        limits::RECORD_BYTES
    )]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not tagged COSE_Sign1.
    #[error("not a COSE_Sign1 (RFC 9052): {says}")]
    Cose {
        /// What the COSE reader said.
        says: String,
    },
    /// Bytes after the COSE_Sign1.
    #[error("bytes follow the end of the COSE_Sign1")]
    TrailingBytes,
    /// The unprotected header has something in it.
    #[error("the unprotected header is not empty; nothing outside the signature is allowed")]
    UnprotectedHeader,
    /// The protected header is not the one that records have.
    #[error("protected header: {what}")]
    ProtectedHeader {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A signature of another length.
    #[error("the signature has {found} bytes; Ed25519 has 64")]
    SignatureLength {
        /// Bytes found.
        found: usize,
    },
    /// The payload is detached.
    #[error("the payload is missing")]
    NoPayload,
    /// The payload is not deterministic CBOR.
    #[error("payload: {0}")]
    Cbor(#[from] CborFault),
    /// The COSE_Sign1 around the payload is not deterministic CBOR.
    #[error(
        "from byte {at} of the record on it is not in deterministic form (RFC 8949 section 4.2.1)"
    )]
    NotDeterministic {
        /// Bytes from the beginning that are as they should be.
        at: usize,
    },
    /// A field or code that the schema does not know, or one that is missing.
    #[error("{place}: {says}")]
    Content {
        /// Path to the field.
        place: String,
        /// What is wrong.
        says: String,
    },
    /// A newer schema than this node knows: it is taken after an upgrade.
    #[error("schema {found} is newer than {SCHEMA}, the highest that this version reads; upgrade")]
    SchemaTooNew {
        /// The schema stated.
        found: u64,
    },
    /// A list or text over its limit.
    #[error("{0}")]
    Limit(Box<Finding>),
}

impl FormFault {
    /// What a peer is answered.
    pub fn answer(&self) -> Answer {
        match self {
            FormFault::SchemaTooNew { .. } => Answer::Later(Later::Schema),
            _ => Answer::Refused(Refused::Form),
        }
    }

    /// Whose fault it is: bytes that no conforming node would have kept are their
    /// courier's; a schema that we don't know is nobody's but ours.
    pub fn blame(&self) -> Blame {
        match self {
            FormFault::SchemaTooNew { .. } => Blame::Local,
            FormFault::Limit(_) | FormFault::Content { .. } => Blame::Author,
            _ => Blame::Courier,
        }
    }
}

/// Why a well-formed record is not its claimed author's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The caller handed in another agency's keys.
    #[error("no keys of {} at hand", author.short())]
    WrongKeys {
        /// The claimed author.
        author: AgencyId,
    },
    /// The key does not stand on any card of the author that we have.
    #[error("key {key:?} is on no card of {} that we have; ask it for its newest card", author.short())]
    UnknownKey {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The record's time lies outside the key's validity.
    #[error("key {key:?} of {} was not valid when the record says that it was made", author.short())]
    OutsideValidity {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The key was revoked.
    #[error("key {key:?} of {} is revoked", author.short())]
    Revoked {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The key was compromised, and the author has not affirmed the record.
    #[error("key {key:?} of {} is compromised, so that anybody may have signed this; it is taken once {} affirms it ('liaison keys affirm' there)", author.short(), author.short())]
    Compromised {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// A keys statement names a node key that does not say itself that it is the agency's.
    #[error("{} claims node key {key:?} and can't prove that it has it; it may be another agency's node", author.short())]
    NodeKeyUnproven {
        /// The claimed author.
        author: AgencyId,
        /// The node key.
        key: PublicKey,
    },
    /// A card that is not signed by the root key, or another record that is.
    #[error(
        "key {key:?} of {} may not sign a {kind}: the root key signs cards and nothing else, other keys everything but cards",
        author.short()
    )]
    WrongUse {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
        /// The kind of the record.
        kind: Kind,
    },
    /// A key under which everybody can sign.
    #[error(
        "key {key:?} of {} is no sound Ed25519 key (no point, or one of small order): nothing signed with it proves anything",
        author.short()
    )]
    WeakKey {
        /// The claimed author.
        author: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The signature is wrong, or only lax verification would accept it.
    #[error("the signature of {} does not verify: the record was changed, or {} did not sign it", id.short(), author.short())]
    DoesNotVerify {
        /// The claimed author.
        author: AgencyId,
        /// The record.
        id: RecordId,
    },
}

impl SignatureFault {
    /// Why a record of this kind is not `author`'s word under a key that stands so.
    pub(super) fn of_key(
        standing: &KeyStanding,
        author: AgencyId,
        key: PublicKey,
        kind: Kind,
    ) -> Self {
        match standing {
            KeyStanding::Good(_) | KeyStanding::WrongUse => Self::WrongUse { author, key, kind },
            KeyStanding::Unknown => Self::UnknownKey { author, key },
            KeyStanding::OutsideValidity => Self::OutsideValidity { author, key },
            KeyStanding::Revoked => Self::Revoked { author, key },
            KeyStanding::Compromised(_) => Self::Compromised { author, key },
            KeyStanding::Weak => Self::WeakKey { author, key },
        }
    }

    /// What a peer is answered: a key that we don't know yet may be on a card to come.
    pub fn answer(&self) -> Answer {
        match self {
            SignatureFault::WrongKeys { .. } | SignatureFault::UnknownKey { .. } => {
                Answer::Later(Later::UnknownAuthor)
            }
            _ => Answer::Refused(Refused::Signature),
        }
    }

    /// Whose fault it is: whoever passes on what does not verify has not verified it.
    pub fn blame(&self) -> Blame {
        match self {
            SignatureFault::WrongKeys { .. } | SignatureFault::UnknownKey { .. } => Blame::Local,
            SignatureFault::DoesNotVerify { .. } => Blame::Courier,
            _ => Blame::Author,
        }
    }
}

impl From<ContentError> for FormFault {
    fn from(error: ContentError) -> Self {
        FormFault::Content {
            place: error.place,
            says: error.says,
        }
    }
}
