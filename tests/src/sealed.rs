//! Things to be sealed, about nobody: each with marker words that can be searched for.

use std::collections::BTreeSet;
use std::path::Path;

use liaison_node::ingest::Sealing;
use liaison_node::store::Arrival;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::personal::{
    Assessment, Consent, Factor, Identity, Inside, Part, Personal, Profile, Subject, Trafficking,
};
use liaison_protocol::record::codes::{
    AgeBand, ChildState, ConsentBy, ConsentQuestion, ConsentScope, ConsentState, DecidedBy,
    FactorType, Gender, ProtectionStatus, Safety, ServiceType, SubjectCategory, TraffickingStatus,
    Urgency, VulnerabilityLevel,
};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::seal::{self, SealingKey, Secret, Stub, Wrap};

use crate::federation::{PATIENCE, TestNode};
use crate::raw::RawPeer;

/// A woman who asks for shelter, as of today.
pub fn profile() -> Profile {
    Profile {
        urgency: Urgency::High,
        age_band: AgeBand::To29,
        gender: Gender::Feminine,
        status: ProtectionStatus::IrregularMigrant,
        trafficking: Trafficking {
            status: TraffickingStatus::Possible,
            decided_by: DecidedBy::Police,
        },
        needs: vec![ServiceType::Shelter, ServiceType::Legal],
        languages: vec!["ar".parse().expect("language")],
        interpreter: true,
        region: "QN-02".parse().expect("area"),
        accompanied_by: Vec::new(),
        safety: vec![Safety::TraffickerNear],
        mobility: None,
        origin_contact_forbidden: true,
        guardian: None,
        reflection_until: None,
        consent: Consent {
            state: ConsentState::Given,
            by: Some(ConsentBy::Person),
            date: Date::from_millis(crate::raw::from_now(0).wall()),
            scope: vec![
                ConsentScope::Assistance,
                ConsentScope::ShareProfile,
                ConsentScope::ShareIdentity,
            ],
            checklist: ConsentQuestion::ALL.to_vec(),
            language: "ar".parse().expect("language"),
            interpreter: true,
            keep_until: None,
            form_hash: None,
            emergency: None,
        },
    }
}

/// An identity under a name that can be searched for.
pub fn identity(marker: &str) -> Identity {
    Identity {
        names: vec![marker.into()],
        birth_date: None,
        citizenship: Vec::new(),
        documents: Vec::new(),
        contact: Vec::new(),
        address: None,
        guardian: None,
        family: Vec::new(),
    }
}

/// An assessment with a note that can be searched for.
pub fn assessment(marker: &str) -> Assessment {
    Assessment {
        factors: vec![Factor {
            level: VulnerabilityLevel::Individual,
            works: FactorType::Risk,
            code: "no-income".parse().expect("slug"),
            note: Some(marker.into()),
        }],
        assessor: "social worker".into(),
        date: Date::from_millis(crate::raw::from_now(0).wall()),
        best_interests_officer: None,
    }
}

/// What stands inside a seal.
pub fn inside(content: impl Into<Personal>) -> Inside {
    Inside {
        fields: Fields::personal("en", "Referral"),
        subjects: vec![Subject {
            category: SubjectCategory::Victim,
            child: ChildState::No,
        }],
        exclude: BTreeSet::new(),
        content: content.into(),
    }
}

/// An identity as it stands inside a seal.
pub fn marked(marker: &str) -> Inside {
    inside(Part::Identity(Box::new(identity(marker))))
}

/// Seals it at a node to others, in no thread.
pub async fn seal(from: &TestNode, to: &[&TestNode], inside: Inside) -> RecordId {
    let statement = Sealing {
        inside,
        recipients: to.iter().map(|node| node.agency).collect(),
        thread: None,
        respond_by: None,
    };
    let made = from.node().ingest.seal(vec![statement], Vec::new()).await;
    made.expect("sealed").first().expect("one").0
}

/// Waits until a node can open a record.
pub async fn opens(node: &TestNode, id: &RecordId) {
    knows(node, id, true).await;
}

/// Waits until a node cannot open a record any more.
pub async fn closed(node: &TestNode, id: &RecordId) {
    knows(node, id, false).await;
}

async fn knows(node: &TestNode, id: &RecordId, open: bool) {
    let mut changes = node.node().vault.changes();
    let met = async {
        while node.node().vault.gist(id).is_some() != open {
            changes.changed().await.expect("the vault is there");
        }
    };
    if tokio::time::timeout(PATIENCE, met).await.is_err() {
        panic!(
            "{}: whether {} opens stays {}",
            node.name,
            id.short(),
            !open
        );
    }
}

/// The name inside an identity that a node holds; none: it does not open.
pub fn name_in(node: &TestNode, id: &RecordId) -> Option<String> {
    let inside = node.node().vault.inside(id).expect("the vault")?;
    let identity = inside.identity()?;
    Some(identity.names.first()?.expose().to_owned())
}

/// Whether a node's store has bytes of a record.
pub fn has_bytes(node: &TestNode, id: &RecordId) -> bool {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store");
    arrival.is_some_and(|at: Arrival| store.record(at).expect("store").is_some())
}

/// The files under a folder in which any of these words stands, in plain bytes.
pub fn files_with(dir: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let kind = entry.file_type().expect("a file type");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                // Temporary files come and go.
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                if words.iter().any(|word| stands_in(&bytes, word.as_bytes())) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}

/// Whether bytes stand in others.
pub fn stands_in(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

impl RawPeer {
    /// Seals something to others, now, and signs it.
    pub fn seal(&self, to: &[AgencyId], inside: &Inside) -> (SignedRecord, Secret) {
        let stub = Stub {
            author: self.agency,
            created: crate::raw::from_now(0),
            thread: None,
            recipients: to.iter().copied().collect(),
            respond_by: None,
        };
        let (record, secret) =
            seal::seal_record(stub, inside, &mut rand::rng()).expect("it can be sealed");
        (record.sign(&self.signing()).expect("signable"), secret)
    }
}

/// The key to which a node's newest statement has others seal.
pub fn sealing_key(node: &TestNode) -> SealingKey {
    let card = node.card();
    let statement = card.statement().expect("a keys statement");
    statement.sealing.first().expect("a sealing key").clone()
}

/// A secret, wrapped to a node for a record.
pub fn wrap(secret: &Secret, to: &TestNode, id: &RecordId) -> Wrap {
    sealing_key(to)
        .wrap(secret, &to.agency, id, &mut rand::rng())
        .expect("a key")
}

/// A record's ciphertext and clear part under another's ciphertext, signed anew: what a
/// faulty author's node could send.
pub fn with_text_of(author: &RawPeer, record: &SignedRecord, other: &SignedRecord) -> SignedRecord {
    let mut statement = record.unverified().clone();
    if let (Content::Sealed(sealed), Content::Sealed(from)) =
        (&mut statement.content, &other.unverified().content)
    {
        sealed.text = from.text.clone();
    }
    statement.sign(&author.signing()).expect("signable")
}

/// When a sealed record was made.
pub fn created(record: &SignedRecord) -> Hlc {
    record.unverified().envelope.created
}

/// A day from now, as records state it.
pub fn in_days(days: i64) -> Date {
    Date::from_millis(Millis(crate::raw::from_now(0).wall().0)).add_days(days)
}
