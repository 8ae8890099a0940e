//! `vectors/`: written by cases here, read back from disk and judged as a second
//! implementation would.

mod bad;
mod bundle;
mod cards;
mod good;
mod mailbox;
mod parcel;
mod repair;
mod seal;
mod signatures;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use liaison_protocol::card::{AgencyKeys, CardFault};
use liaison_protocol::fault::{Answer, Blame};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::check::{CheckContext, check};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::{FormFault, SignatureFault, SignedRecord, VerifiedRecord};
use serde::{Deserialize, Serialize};

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
enum Fault {
    Form(FormFault),
    Signature(SignatureFault),
    Card(CardFault),
}

/// Names of the variants of an enum, exhaustive by construction.
macro_rules! named {
    ($function:ident, $all:ident, $enum:ident { $($variant:ident,)+ }) => {
        fn $function(fault: &$enum) -> &'static str {
            match fault { $($enum::$variant { .. } => stringify!($variant),)+ }
        }

        const $all: &[&str] = &[$(stringify!($variant),)+];
    };
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

    fn text(&self) -> String {
        match self {
            Fault::Form(fault) => fault.to_string(),
            Fault::Signature(fault) => fault.to_string(),
            Fault::Card(fault) => fault.to_string(),
        }
    }
}

/// What a receiver does with the bytes: read, and verify under the agency's keys; a card is
/// learned.
fn receive(bytes: Bytes, keys: &mut AgencyKeys) -> Result<VerifiedRecord, Fault> {
    let signed = SignedRecord::parse(bytes).map_err(Fault::Form)?;
    if signed.kind() == Kind::Contact && signed.unverified().envelope.author == keys.agency() {
        return keys
            .learn(signed)
            .map(|(_, card)| card)
            .map_err(Fault::Card);
    }
    signed.verify(keys).map_err(Fault::Signature)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

pub fn blessing() -> bool {
    std::env::var_os("LIAISON_BLESS").is_some_and(|v| v == "1")
}

/// Every vector that the cases make, by its path in `vectors/`.
fn made() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |path: String, text: String| {
        assert!(
            all.insert(path.clone(), text).is_none(),
            "{path} is made twice"
        );
    };
    let records = good::cases()
        .into_iter()
        .chain(bad::cases())
        .chain(signatures::cases())
        .chain(cards::cases());
    for (name, vector) in records {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("records/{folder}/{name}.json"), pretty(&vector));
    }
    for (name, vector) in wire::cases() {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("wire/{folder}/{name}.json"), pretty(&vector));
    }
    for (name, vector) in seal::cases() {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("seal/{folder}/{name}.json"), pretty(&vector));
    }
    for (name, vector) in parcel::cases() {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("parcel/{folder}/{name}.json"), pretty(&vector));
    }
    for (name, vector) in mailbox::cases() {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("mailbox/{folder}/{name}.json"), pretty(&vector));
    }
    for (name, vector) in bundle::cases() {
        let folder = if vector.expect == "ok" { "good" } else { "bad" };
        put(format!("bundle/{folder}/{name}.json"), pretty(&vector));
    }
    put(
        "repair/two-missing-on-each-side.json".into(),
        pretty(&repair::case()),
    );
    put("cards/narova.txt".into(), cards::file());
    all
}

fn pretty<T: Serialize>(vector: &T) -> String {
    serde_json::to_string_pretty(vector).expect("json") + "\n"
}

fn on_disk() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, out: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("vectors") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                walk(&path, root, out);
            } else {
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .to_str()
                    .expect("UTF-8");
                out.insert(
                    name.replace('\\', "/"),
                    std::fs::read_to_string(&path).expect("text"),
                );
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(&folder(), &folder(), &mut out);
    out.remove("README.md").expect("vectors/README.md");
    out
}

#[test]
fn the_folder_holds_what_the_cases_make() {
    let made = made();
    if blessing() {
        for (name, text) in &made {
            let path = folder().join(name);
            std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            std::fs::write(path, text).expect("written");
        }
    }
    let found = on_disk();
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&found),
        names(&made),
        "files and cases differ: add the case, delete the file, or LIAISON_BLESS=1"
    );
    for (name, text) in &made {
        assert!(
            found.get(name) == Some(text),
            "{name} differs: LIAISON_BLESS=1 and look at the diff"
        );
    }
}

fn records_on_disk() -> BTreeMap<String, RecordVector> {
    let read = |(name, text): (String, String)| {
        let name = name
            .strip_prefix("records/")?
            .strip_suffix(".json")?
            .to_owned();
        let vector = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        Some((name, vector))
    };
    on_disk().into_iter().filter_map(read).collect()
}

fn bytes_of(hex: &str) -> Bytes {
    data_encoding::HEXLOWER
        .decode(hex.as_bytes())
        .expect("hexadecimal")
        .into()
}

#[test]
fn every_record_vector_is_answered_as_its_file_says() {
    if blessing() {
        return;
    }
    let all = records_on_disk();
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
                assert!(!vector.mentions.is_empty(), "{name}: {text}");
                for piece in &vector.mentions {
                    assert!(text.contains(piece), "{name}: '{piece}' is not in: {text}");
                }
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
fn refused(
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
        hex: data_encoding::HEXLOWER.encode(&bytes),
    }
}
