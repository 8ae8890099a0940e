//! Sealed records that their recipient opens.

use ciborium::Value;
use liaison_protocol::personal::Inside;
use liaison_protocol::record::signed::Record;
use liaison_protocol::seal::{Secret, Stub, open_bytes, seal_record};

use super::{Case, SealVector, closed, framed, hex, signed, wrap_for};
use crate::by_hand;
use crate::cast::{self, Fixed};
use crate::raw::{diagnostic, payload_of};

pub fn cases() -> Vec<Case> {
    let (record, secret) = cast::sealed_with_secret();
    let first = Stub {
        thread: None,
        recipients: [cast::shelter()].into(),
        respond_by: None,
        ..cast::stub()
    };
    let (first, of_first) = sealed_as("first", first, &cast::inside());
    let (full, of_full) = sealed_as("full", cast::stub(), &inside_of(1023));
    let (next, of_next) = sealed_as("next", cast::stub(), &inside_of(1024));
    let mut all = vec![
        (
            "two-recipients",
            good(
                "That an agency is silent, sealed to two; records/good/sealed with its wrap.",
                &record,
                &secret,
            ),
        ),
        (
            "first-of-a-thread",
            good(
                "One recipient, and the fields that must be there and no others.",
                &first,
                &of_first,
            ),
        ),
        (
            "inside-of-1023-bytes",
            good("As much as the first size class holds.", &full, &of_full),
        ),
        (
            "inside-of-1024-bytes",
            good(
                "A byte more: it takes the second size class.",
                &next,
                &of_next,
            ),
        ),
    ];
    let parts = [
        ("referral-profile", cast::profile()),
        ("referral-profile-in-an-emergency", cast::emergency()),
        ("referral-assessment", cast::assessment()),
        ("referral-identity", cast::identity()),
    ];
    for (name, inside) in parts.into_iter().chain(cast::steps()) {
        let stub = Stub {
            thread: (!name.starts_with("referral-profile"))
                .then_some(cast::stub().thread)
                .flatten(),
            recipients: [cast::shelter()].into(),
            ..cast::stub()
        };
        let (record, secret) = sealed_as(name, stub, &inside);
        let what = format!("What is sealed in a referral: {}.", name.replace('-', " "));
        all.push((name, good(&what, &record, &secret)));
    }
    all
}

fn good(what: &str, record: &Record, secret: &Secret) -> SealVector {
    let signed = signed(record);
    let wrap = wrap_for("wrap", secret, &signed, &cast::shelter());
    let inside = open_bytes(record, secret).expect("opens");
    let says: Value = ciborium::from_reader(inside.as_slice()).expect("CBOR");
    let stub = by_hand::taken_apart(payload_of(record))
        .expect("a payload")
        .stub;
    SealVector {
        answer: "stored".into(),
        expect: "ok".into(),
        fault: None,
        blame: None,
        mentions: Vec::new(),
        id: Some(liaison_protocol::id::RecordId::from_bytes(signed.id()).full()),
        secret: Some(hex(secret.as_bytes())),
        stub: Some(hex(&stub)),
        inside: Some(hex(&inside)),
        says: Some(diagnostic(&says)),
        ..closed(what, "", "", "", &[], framed(&signed, &wrap))
    }
}

/// What stands inside, with links and a title that make it as long as this.
fn inside_of(bytes: usize) -> Inside {
    let with = |refs: usize, letters: usize| {
        let mut inside = cast::inside();
        let link = |n: usize| liaison_protocol::record::envelope::Ref {
            rel: liaison_protocol::record::codes::RefRel::About,
            id: liaison_protocol::id::RecordId::from_bytes([n as u8; 32]),
        };
        inside.fields.refs = (1..=refs).map(link).collect();
        inside.fields.title = "a".repeat(letters);
        inside
    };
    let length = |refs: usize, letters: usize| {
        let (record, secret) = sealed_as("length", cast::stub(), &with(refs, letters));
        open_bytes(&record, &secret).expect("opens").len()
    };
    (1..32)
        .filter_map(|refs| {
            bytes
                .checked_sub(length(refs, 30))
                .map(|more| (refs, 30 + more))
        })
        .find(|(refs, letters)| *letters <= 200 && length(*refs, *letters) == bytes)
        .map(|(refs, letters)| with(refs, letters))
        .expect("a length")
}

fn sealed_as(name: &'static str, stub: Stub, inside: &Inside) -> (Record, Secret) {
    seal_record(stub, inside, &mut Fixed::new(name)).expect("seals")
}

#[test]
fn every_step_has_a_vector() {
    use liaison_protocol::record::codes::StepKind;
    let steps = cast::steps();
    let found = steps.iter().filter_map(|(_, inside)| inside.step());
    let found: Vec<StepKind> = found.map(|step| step.action.kind()).collect();
    assert_eq!(found, StepKind::ALL);
}
