//! Records: what is stored, and each way in which one is refused, or taken later.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use liaison_protocol::card::{AgencyKeys, CardFault};
use liaison_protocol::fault::{Answer, Blame};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::check::{CheckContext, check};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::{FormFault, SignatureFault, SignedRecord, VerifiedRecord};
use serde::{Deserialize, Serialize};

use super::{blessing, bytes_of, hex, mentioned, on_disk};
use crate::cast;

/// A vector of a record, as its file holds it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RecordVector {
    /// What it is, or what is wrong with it.
    pub what: String,
    /// `ok`, `refused` or `later`.
    pub expect: String,
    /// What a peer is answered: `stored`, `refused: form`.
    pub answer: String,
    /// Name of the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// At whose door it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// What the error's text must say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// The agency whose cards are at hand.
    pub agency: String,
    /// Its cards, as names of vectors, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<String>,
    /// Codes of the checks that would have kept an author from signing it on 2031-04-10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The payload in diagnostic notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The record's bytes, hexadecimal.
    pub hex: String,
}

/// What may be wrong with a record.
#[derive(Debug)]
pub enum Fault {
    Form(FormFault),
    Signature(SignatureFault),
    Card(CardFault),
}

named! { form_name, FORM_FAULTS, FormFault {
    TooLarge, Cose, TrailingBytes, UnprotectedHeader, ProtectedHeader, SignatureLength, NoPayload,
    Cbor, NotDeterministic, Content, SchemaTooNew, Limit,
} }

named! { signature_name, SIGNATURE_FAULTS, SignatureFault {
    WrongKeys, UnknownKey, OutsideValidity, Revoked, Compromised, NodeKeyUnproven, WrongUse, WeakKey,
    DoesNotVerify,
} }

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Fault::Form(fault) => form_name(fault),
            Fault::Signature(fault) | Fault::Card(CardFault::Signature(fault)) => {
                signature_name(fault)
            }
            Fault::Card(CardFault::NotACard { .. }) => "NotACard",
            Fault::Card(CardFault::Fork { .. }) => "Fork",
        }
    }

    fn answer(&self) -> Answer {
        match self {
            Fault::Form(fault) => fault.answer(),
            Fault::Signature(fault) | Fault::Card(CardFault::Signature(fault)) => fault.answer(),
            Fault::Card(_) => Answer::Refused(liaison_protocol::fault::Refused::Signature),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Fault::Form(fault) => fault.blame(),
            Fault::Signature(fault) | Fault::Card(CardFault::Signature(fault)) => fault.blame(),
            Fault::Card(_) => Blame::Author,
        }
    }

    pub fn text(&self) -> String {
        match self {
            Fault::Form(fault) => fault.to_string(),
            Fault::Signature(fault) => fault.to_string(),
            Fault::Card(fault) => fault.to_string(),
        }
    }
}

/// What a receiver does with the bytes: read, and verify under the agency's keys; a card is
/// learned.
pub fn receive(bytes: Bytes, keys: &mut AgencyKeys) -> Result<VerifiedRecord, Fault> {
    let signed = SignedRecord::parse(bytes).map_err(Fault::Form)?;
    if signed.kind() == Kind::Contact && signed.unverified().envelope.author == keys.agency() {
        return keys
            .learn(signed)
            .map(|(_, card)| card)
            .map_err(Fault::Card);
    }
    signed.verify(keys).map_err(Fault::Signature)
}

/// The record vectors on disk, as `good/card`.
fn all() -> BTreeMap<String, RecordVector> {
    on_disk("records")
}

/// Narova's keys, as its card has them.
pub fn narovas_keys() -> AgencyKeys {
    let mut keys = AgencyKeys::new(cast::narova());
    let card = &all()["good/card"];
    receive(bytes_of(&card.hex), &mut keys).unwrap_or_else(|e| panic!("card: {}", e.text()));
    keys
}

#[test]
fn every_record_vector_is_answered_as_its_file_says() {
    if blessing() {
        return;
    }
    let all = all();
    assert!(all.len() > 70, "{}", all.len());
    let mut faults = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for (name, vector) in &all {
        let agency: AgencyId = vector.agency.parse().expect("agency");
        let mut keys = AgencyKeys::new(agency);
        for card in &vector.cards {
            receive(bytes_of(&all[card].hex), &mut keys)
                .unwrap_or_else(|e| panic!("{name}: card {card}: {}", e.text()));
        }
        match receive(bytes_of(&vector.hex), &mut keys) {
            Ok(record) => {
                assert_eq!(vector.expect, "ok", "{name} was taken");
                assert_eq!(vector.answer, "stored", "{name}");
                assert_eq!(Some(record.id().full()), vector.id, "{name}");
                assert_eq!(Some(record.author().full()), vector.author, "{name}");
                assert_eq!(Some(record.key().to_string()), vector.key, "{name}");
                assert_eq!(Some(record.kind().to_string()), vector.kind, "{name}");
                let statement = record.record();
                let found: Vec<String> = check(
                    &statement.envelope.fields,
                    &statement.content,
                    &CheckContext::on(cast::day(cast::TODAY)),
                )
                .iter()
                .map(|f| f.code.to_owned())
                .collect();
                assert_eq!(found, vector.findings, "{name}");
                kinds.insert(record.kind());
            }
            Err(fault) => {
                let text = fault.text();
                assert_eq!(
                    vector.fault.as_deref(),
                    Some(fault.name()),
                    "{name}: {text}"
                );
                assert_eq!(vector.answer, fault.answer().to_string(), "{name}: {text}");
                let answer = match fault.answer() {
                    Answer::Stored => "ok",
                    Answer::Refused(_) => "refused",
                    Answer::Later(_) => "later",
                };
                assert_eq!(vector.expect, answer, "{name}: {text}");
                assert_eq!(
                    vector.blame,
                    Some(fault.blame().to_string()),
                    "{name}: {text}"
                );
                mentioned(name, &text, &vector.mentions);
                faults.insert(fault.name());
            }
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len(), "a good vector of every kind");
    for name in FORM_FAULTS.iter().chain(SIGNATURE_FAULTS) {
        assert!(faults.contains(name), "no vector is refused as {name}");
    }
    assert!(faults.contains("Fork"));
}

/// A case that must be refused, or taken later.
pub fn refused(
    what: &str,
    fault: &str,
    answer: &str,
    blame: &str,
    mentions: &[&str],
    bytes: Vec<u8>,
) -> RecordVector {
    RecordVector {
        what: what.to_owned(),
        expect: answer.split(':').next().unwrap_or_default().to_owned(),
        answer: answer.to_owned(),
        fault: Some(fault.to_owned()),
        blame: Some(blame.to_owned()),
        mentions: mentions.iter().map(|&m| m.to_owned()).collect(),
        agency: cast::narova().full(),
        cards: vec!["good/card".into()],
        findings: Vec::new(),
        kind: None,
        id: None,
        author: None,
        key: None,
        payload: None,
        hex: hex(&bytes),
    }
}
