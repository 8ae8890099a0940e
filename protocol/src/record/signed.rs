//! A record as it travels: COSE_Sign1 (RFC 9052), its exact bytes kept.
//!
//! Trust is a type: [`Record`] is a statement, [`SignedRecord`] is well-formed bytes that
//! claim an author, [`VerifiedRecord`] is proven to be that author's word.

use bytes::Bytes;
use ciborium::Value;
use coset::{
    CoseSign1, Header, ProtectedHeader, RegisteredLabelWithPrivate, SignatureContext,
    TaggedCborSerializable, iana, sig_structure_data,
};
use sha2::{Digest, Sha256};

use super::check::{Finding, limits_of};
use super::codes::Kind;
use super::envelope::{Envelope, Fields, SCHEMA};
use super::handling::{Holder, Receiver, Terms};
use super::kinds::{Content, ContentError, read_signed};
use crate::card::{AgencyKeys, KeyStanding};
use crate::cbor::direct::NotDirect;
use crate::cbor::{self, CborFault};
use crate::clock::Hlc;
use crate::fault::{Answer, Blame, Later, Refused};
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
        limits_of(&self.envelope.fields, &self.content)
            .map_err(|finding| FormFault::Limit(Box::new(finding)))?;
        let payload = self.payload()?;
        let protected = protected(key.public());
        let tbs = sig_structure_data(
            SignatureContext::CoseSign1,
            protected.clone(),
            None,
            AAD,
            &payload,
        );
        let signature = key.sign(&tbs);
        let bytes = assemble(protected, payload, signature)?;
        if bytes.len() > limits::RECORD_BYTES {
            return Err(FormFault::TooLarge { found: bytes.len() });
        }
        Ok(SignedRecord {
            bytes: bytes.into(),
            id: id_of(&tbs),
            key: key.public(),
            tbs: tbs.into(),
            signature,
            record: self.clone(),
        })
    }

    fn payload(&self) -> Result<Vec<u8>, FormFault> {
        let e = &self.envelope;
        let fields = Value::serialized(&e.fields).map_err(|e| CborFault::Shape {
            says: e.to_string(),
        })?;
        let Value::Map(mut map) = fields else {
            return Err(CborFault::Shape {
                says: "the envelope is not a map".into(),
            }
            .into());
        };
        map.push(("schema".into(), e.schema.into()));
        map.push(("kind".into(), self.kind().as_str().into()));
        map.push(("author".into(), Value::Bytes(e.author.as_bytes().to_vec())));
        map.push(("created".into(), e.created.to_wire().into()));
        map.push(("body".into(), self.content.to_value()?));
        Ok(cbor::encode_value(Value::Map(map))?)
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
        let key: [u8; 32] = cose
            .protected
            .header
            .key_id
            .as_slice()
            .try_into()
            .map_err(|_| FormFault::ProtectedHeader {
                what: "the key id is not 32 bytes",
            })?;
        let key = PublicKey::from_bytes(key);
        let expected = protected(key);
        if cose.protected.header != expected.header {
            return Err(FormFault::ProtectedHeader {
                what: "it must hold algorithm EdDSA, key id and content type, and nothing else",
            });
        }
        let signature: [u8; 64] =
            cose.signature
                .as_slice()
                .try_into()
                .map_err(|_| FormFault::SignatureLength {
                    found: cose.signature.len(),
                })?;
        let payload = cose.payload.ok_or(FormFault::NoPayload)?;
        let record = read_payload(&payload)?;
        let tbs = sig_structure_data(
            SignatureContext::CoseSign1,
            expected.clone(),
            None,
            AAD,
            &payload,
        );
        let only = assemble(expected, payload, signature)?;
        if only != bytes {
            let at = cbor::first_difference(&only, &bytes);
            return Err(FormFault::NotDeterministic { at });
        }
        Ok(Self {
            bytes,
            id: id_of(&tbs),
            key,
            tbs: tbs.into(),
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
            KeyStanding::Unknown => {
                return Err(SignatureFault::UnknownKey {
                    author,
                    key: self.key,
                });
            }
            KeyStanding::OutsideValidity => {
                return Err(SignatureFault::OutsideValidity {
                    author,
                    key: self.key,
                });
            }
            KeyStanding::Revoked => {
                return Err(SignatureFault::Revoked {
                    author,
                    key: self.key,
                });
            }
            KeyStanding::WrongUse => {
                return Err(SignatureFault::WrongUse {
                    author,
                    key: self.key,
                    kind: self.kind(),
                });
            }
            KeyStanding::Weak => {
                return Err(SignatureFault::WeakKey {
                    author,
                    key: self.key,
                });
            }
        };
        if verifier.verify(&self.tbs, &self.signature) {
            Ok(VerifiedRecord(self))
        } else {
            Err(SignatureFault::DoesNotVerify {
                author,
                id: self.id,
            })
        }
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

fn protected(key: PublicKey) -> ProtectedHeader {
    let header = Header {
        alg: Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA)),
        content_type: Some(coset::ContentType::Text(CONTENT_TYPE.to_owned())),
        key_id: key.as_bytes().to_vec(),
        ..Header::default()
    };
    ProtectedHeader {
        original_data: None,
        header,
    }
}

fn assemble(
    protected: ProtectedHeader,
    payload: Vec<u8>,
    signature: [u8; 64],
) -> Result<Vec<u8>, FormFault> {
    CoseSign1 {
        protected,
        unprotected: Header::default(),
        payload: Some(payload),
        signature: signature.to_vec(),
    }
    .to_tagged_vec()
    .map_err(|e| FormFault::Cose {
        says: e.to_string(),
    })
}

/// The parts of a record in its one form. All but the payload stands at fixed places.
struct Frame<'a> {
    key: PublicKey,
    payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Frame<'a> {
    /// Tag 18, an array of four, a byte string of 76 bytes, a map of three: algorithm
    /// EdDSA, content type and key id. The tests compare it with what coset writes.
    const BEFORE_KEY: &'static [u8] =
        b"\xD2\x84\x58\x4C\xA3\x01\x27\x03\x78\x23application/vnd.liaison.record+cbor\x04\x58\x20";
    /// How much of it comes before the protected header.
    const BEFORE_HEADER: usize = 2;
    /// A byte string of 64 bytes.
    const BEFORE_SIGNATURE: &'static [u8] = b"\x58\x40";

    /// None: it is not in that form, or broken.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(Self::BEFORE_KEY)?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        // The unprotected header: an empty map.
        let rest = rest.strip_prefix(b"\xA0")?;
        let (rest, signature) = rest.split_last_chunk::<64>()?;
        let rest = rest.strip_suffix(Self::BEFORE_SIGNATURE)?;
        Some(Self {
            key: PublicKey::from_bytes(*key),
            payload: cbor::direct::byte_string(rest)?,
            signature: *signature,
        })
    }

    /// The Sig_structure (RFC 9052 section 4.4).
    fn to_be_signed(&self) -> Vec<u8> {
        let header = Self::BEFORE_KEY
            .get(Self::BEFORE_HEADER..)
            .unwrap_or_default();
        let mut out = Vec::with_capacity(self.payload.len() + 160);
        out.extend_from_slice(b"\x84\x6ASignature1");
        out.extend_from_slice(header);
        out.extend_from_slice(self.key.as_bytes());
        for part in [AAD, self.payload] {
            // Writing to a Vec cannot fail.
            let _infallible = ciborium::into_writer(serde_bytes::Bytes::new(part), &mut out);
        }
        out
    }
}

fn id_of(tbs: &[u8]) -> RecordId {
    RecordId::from_bytes(Sha256::digest(tbs).into())
}

fn read_payload(payload: &[u8]) -> Result<Record, FormFault> {
    let record = match read_direct(payload) {
        Ok(record) => record,
        Err(NotDirect) => read_tree(payload)?,
    };
    limits_of(&record.envelope.fields, &record.content)
        .map_err(|finding| FormFault::Limit(Box::new(finding)))?;
    Ok(record)
}

/// Keys of the payload that [`Fields`] does not have.
const OWN_KEYS: [&str; 5] = ["schema", "kind", "author", "created", "body"];

/// Reads a payload where it lies; gives no reasons.
fn read_direct(payload: &[u8]) -> Result<Record, NotDirect> {
    let map = cbor::direct::map(payload)?;
    let schema = map.value("schema")?.read::<u64>()?;
    if schema != u64::from(SCHEMA) {
        return Err(NotDirect);
    }
    let kind = map.value("kind")?.text()?.parse().map_err(|_| NotDirect)?;
    Ok(Record {
        envelope: Envelope {
            schema: SCHEMA,
            author: map.value("author")?.read()?,
            created: Hlc::from_wire(map.value("created")?.read()?),
            fields: map.entries_without(&OWN_KEYS)?.read()?,
        },
        content: Content::read_direct(kind, map.value("body")?)?,
    })
}

/// Reads a payload as a tree, and says what is wrong with it.
fn read_tree(payload: &[u8]) -> Result<Record, FormFault> {
    let Value::Map(mut map) = cbor::decode_value(payload)? else {
        return Err(missing("payload", "it is not a map"));
    };
    let mut take = |key: &str| {
        map.iter()
            .position(|(k, _)| k.as_text() == Some(key))
            .map(|at| map.remove(at).1)
            .ok_or_else(|| missing(key, "the field is missing"))
    };
    let schema = take("schema")?;
    let schema = schema
        .as_integer()
        .and_then(|i| u64::try_from(i).ok())
        .filter(|n| *n > 0)
        .ok_or_else(|| missing("schema", "it is not a number from 1"))?;
    if schema > u64::from(SCHEMA) {
        return Err(FormFault::SchemaTooNew { found: schema });
    }
    let kind = take("kind")?;
    let kind: Kind = kind
        .as_text()
        .ok_or_else(|| missing("kind", "it is not text"))?
        .parse()
        .map_err(|e| missing("kind", &format!("{e}")))?;
    let author: AgencyId = read_signed("author", &take("author")?)?;
    let created: u64 = read_signed("created", &take("created")?)?;
    let body = take("body")?;
    let fields: Fields = read_signed("", &Value::Map(map))?;
    let content = Content::from_value(kind, body)?;
    let envelope = Envelope {
        schema: SCHEMA,
        author,
        created: Hlc::from_wire(created),
        fields,
    };
    Ok(Record { envelope, content })
}

fn missing(place: &str, says: &str) -> FormFault {
    FormFault::Content {
        place: place.to_owned(),
        says: says.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;
    use crate::record::codes::{Purpose, RetractReason, Tlp};
    use crate::record::handling::Onward;
    use crate::record::kinds::contact::{CardKeys, SigningKeyEntry};
    use crate::record::kinds::{Contact, Keys, Retract};

    fn fields(title: &str) -> Fields {
        Fields {
            thread: None,
            supersedes: None,
            tlp: Tlp::Clear,
            pap: None,
            handling: Vec::new(),
            handling_note: None,
            onward: Onward::Community,
            purpose: Purpose::Prevention,
            legal_basis: None,
            class: None,
            crime: Vec::new(),
            basis: None,
            grade: None,
            lang: "en".parse().expect("language"),
            title: title.into(),
            summary: None,
            review_by: None,
            expires: None,
            refs: Vec::new(),
            exercise: None,
        }
    }

    fn agency() -> (SecretKey, SecretKey, AgencyKeys) {
        let root = SecretKey::from_bytes(&[1; 32]);
        let signing = SecretKey::from_bytes(&[2; 32]);
        let id = AgencyId::from_bytes(*root.public().as_bytes());
        let contact = Contact {
            org: "Narova border police".into(),
            sector: "border".parse().expect("sector"),
            country: "QN".parse().expect("country"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            memberships: Vec::new(),
            functions: Vec::new(),
            keys: CardKeys {
                signing: vec![SigningKeyEntry {
                    key: signing.public(),
                    from: Millis(1_000),
                    until: Millis(2_000),
                }],
                revoked: Vec::new(),
                revoke_all: false,
            },
            revision: 1,
            valid_until: "2031-01-01".parse().expect("date"),
        };
        let card = Record::new(
            id,
            Hlc::new(Millis(1_000), 0),
            fields("Card"),
            Content::Contact(contact),
        )
        .sign(&root)
        .expect("signs");
        let mut keys = AgencyKeys::new(id);
        keys.learn(card).expect("verifies");
        (root, signing, keys)
    }

    fn statement(keys: &AgencyKeys, at: u64) -> Record {
        let content = Content::Retract(Retract {
            of: RecordId::from_bytes([9; 32]),
            reason: RetractReason::Error,
            erase: true,
            notify: true,
        });
        Record::new(
            keys.agency(),
            Hlc::new(Millis(at), 0),
            fields("Retraction"),
            content,
        )
    }

    #[test]
    fn exact_bytes_round_trip_and_verify() {
        let (_, signing, keys) = agency();
        let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
        let parsed = SignedRecord::parse(signed.bytes().clone()).expect("parses");
        assert_eq!(parsed.id(), signed.id());
        assert_eq!(parsed.unverified(), signed.unverified());
        assert!(parsed.verify(&keys).is_ok());
    }

    #[test]
    fn the_short_way_reads_what_the_long_way_reads() {
        let (root, signing, keys) = agency();
        let card = SignedRecord::parse(
            statement(&keys, 1_500)
                .sign(&root)
                .expect("signs")
                .bytes()
                .clone(),
        );
        let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
        for signed in [card.expect("parses"), signed] {
            let frame = Frame::of(signed.bytes()).expect("the form that coset writes");
            assert_eq!(frame.to_be_signed(), signed.tbs);
            let payload = signed.record.payload().expect("encodes");
            assert_eq!(read_direct(&payload).as_ref(), Ok(&signed.record));
            assert_eq!(read_tree(&payload).as_ref(), Ok(&signed.record));
            let long = SignedRecord::parse_anything(signed.bytes().clone()).expect("parses");
            assert_eq!(
                (long.id, long.key, &long.tbs),
                (signed.id, signed.key, &signed.tbs)
            );
        }
    }

    #[test]
    fn no_changed_bit_makes_the_two_ways_differ() {
        let (_, signing, keys) = agency();
        let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
        let payload = signed.record.payload().expect("encodes");
        for bit in 0..payload.len() * 8 {
            let mut changed = payload.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(record) = read_direct(&changed) {
                assert_eq!(read_tree(&changed), Ok(record), "bit {bit}");
            }
        }
        let whole = signed.bytes();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let short = SignedRecord::parse(changed.clone().into()).map(|r| (r.id, r.record));
            let long = SignedRecord::parse_anything(changed.into()).map(|r| (r.id, r.record));
            assert_eq!(short, long, "bit {bit}");
        }
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let (_, signing, keys) = agency();
        let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let taken = SignedRecord::parse(bytes.into()).map(|r| r.verify(&keys));
            assert!(!matches!(taken, Ok(Ok(_))), "bit {bit}");
        }
    }

    #[test]
    fn keys_hold_within_their_time_and_for_their_kind_only() {
        let (root, signing, keys) = agency();
        let early = statement(&keys, 999).sign(&signing).expect("signs");
        assert!(matches!(
            early.verify(&keys),
            Err(SignatureFault::OutsideValidity { .. })
        ));
        let late = statement(&keys, 2_000).sign(&signing).expect("signs");
        assert!(matches!(
            late.verify(&keys),
            Err(SignatureFault::OutsideValidity { .. })
        ));
        let by_root = statement(&keys, 1_500).sign(&root).expect("signs");
        assert!(matches!(
            by_root.verify(&keys),
            Err(SignatureFault::WrongUse { .. })
        ));
        let content = Content::Keys(Keys {
            number: 1,
            nodes: Vec::new(),
            hubs: Vec::new(),
            from: Millis(1_000),
            until: Millis(1_500),
        });
        let stranger = SecretKey::from_bytes(&[3; 32]);
        let forged = Record::new(
            keys.agency(),
            Hlc::new(Millis(1_500), 0),
            fields("Keys"),
            content,
        )
        .sign(&stranger)
        .expect("signs");
        assert!(matches!(
            forged.verify(&keys),
            Err(SignatureFault::UnknownKey { .. })
        ));
    }

    #[test]
    fn what_stands_outside_the_signature_is_refused() {
        let (_, signing, keys) = agency();
        let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
        let mut cose = CoseSign1::from_tagged_slice(signed.bytes()).expect("COSE");
        cose.unprotected.key_id = vec![1];
        let bytes = cose.to_tagged_vec().expect("encodes");
        assert_eq!(
            SignedRecord::parse(bytes.into()).err(),
            Some(FormFault::UnprotectedHeader)
        );
        let tail = [signed.bytes().as_ref(), b"\x00"].concat();
        assert_eq!(
            SignedRecord::parse(tail.into()).err(),
            Some(FormFault::TrailingBytes)
        );
    }
}
