//! Records that every receiver takes.

use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::Record;
use serde_json::json;

use super::hex;
use super::records::RecordVector;
use crate::cast;
use crate::raw;

pub fn cases() -> Vec<(&'static str, RecordVector)> {
    let signing = "narova signing";
    let card = good(
        "A card, signed by the root key. All other vectors are verified under it.",
        "narova root",
        &cast::card(),
    );
    let card = RecordVector {
        cards: Vec::new(),
        ..card
    };
    let mut by_rotated = cast::small();
    by_rotated.envelope.created = liaison_protocol::clock::Hlc::new(cast::start("2031-01-31"), 0);
    let mut amendment = cast::small();
    amendment.envelope.created = cast::made(10);
    amendment.envelope.fields.supersedes = Some(
        cast::small()
            .sign(&cast::secret(signing))
            .expect("signs")
            .id(),
    );
    let wide = cast::record(
        Kind::Trend,
        cast::made(11),
        "H2, and onward wider than it",
        json!({"handling": ["H2"]}),
        json!({"period": {"from": "2031-03", "to": "2031-03"}, "area": ["QN"], "measure": "detections",
               "method": "registry", "cells": [{"n": 5}]}),
    );
    let few = cast::record(
        Kind::Trend,
        cast::made(12),
        "Call +999 10 555 0199",
        json!({}),
        json!({"period": {"from": "2031-03", "to": "2031-03"}, "area": ["QN"], "measure": "identified-victims",
               "method": "registry", "cells": [{"n": 4}]}),
    );
    vec![
        ("card", card),
        ("keys", good("A keys statement.", signing, &cast::keys())),
        (
            "trend",
            good(
                "A trend with a total, two cells and an estimate.",
                signing,
                &cast::trend(),
            ),
        ),
        (
            "trend-smallest",
            good(
                "A trend with the fields that must be there and no others.",
                signing,
                &cast::small(),
            ),
        ),
        (
            "trend-every-envelope-field",
            good(
                "A trend whose envelope has every field.",
                signing,
                &cast::every_field(),
            ),
        ),
        (
            "modus-operandi",
            good(
                "A modus operandi of trafficking: act, means, purpose.",
                signing,
                &cast::modus_operandi(),
            ),
        ),
        (
            "route",
            good("A corridor of two legs.", signing, &cast::route()),
        ),
        (
            "document-alert",
            good("A document alert.", signing, &cast::document_alert()),
        ),
        (
            "service",
            good("An offer of a service.", signing, &cast::service()),
        ),
        (
            "retract",
            good("The retraction of good/trend.", signing, &cast::retract()),
        ),
        (
            "recall",
            good(
                "A copy of good/trend is taken back.",
                signing,
                &cast::recall(),
            ),
        ),
        (
            "receipt",
            good("The receipt for good/retract.", signing, &cast::receipt()),
        ),
        (
            "permit",
            good("Leave to pass good/trend on.", signing, &cast::permit()),
        ),
        (
            "ask",
            good("A request for that leave.", signing, &cast::ask()),
        ),
        (
            "affirm",
            good(
                "A record under the lost key that Narova did make.",
                signing,
                &cast::affirm(),
            ),
        ),
        (
            "sealed",
            good(
                "A sealed record; seal/good/two-recipients opens it.",
                signing,
                &cast::sealed(),
            ),
        ),
        (
            "amendment",
            good(
                "A record that supersedes good/trend-smallest.",
                signing,
                &amendment,
            ),
        ),
        (
            "signed-before-its-key-was-rotated",
            good(
                "Made on the last day before its key was rotated: it stands.",
                "narova rotated",
                &by_rotated,
            ),
        ),
        (
            "h2-with-onward-community",
            RecordVector {
                findings: vec!["HND-02".into()],
                ..good(
                    "An author's node would not sign it. Receivers take it, and the handling gate cuts onward to 'ask'.",
                    signing,
                    &wide,
                )
            },
        ),
        (
            "count-below-threshold-and-a-telephone-number",
            RecordVector {
                findings: vec!["TXT-01".into(), "TRD-02".into()],
                ..good(
                    "An author's node would not sign it. Receivers take it, marked.",
                    signing,
                    &few,
                )
            },
        ),
    ]
}

/// A record signed by a key of the cast, put together by hand and not by the library.
pub fn good(what: &str, key: &str, record: &Record) -> RecordVector {
    let payload = raw::payload_of(record);
    let by = raw::key(key);
    let raw = raw::Raw::signed(raw::encode(&payload), &by);
    RecordVector {
        what: what.to_owned(),
        expect: "ok".into(),
        answer: "stored".into(),
        fault: None,
        blame: None,
        mentions: Vec::new(),
        agency: cast::narova().full(),
        cards: vec!["good/card".into()],
        findings: Vec::new(),
        kind: Some(record.kind().to_string()),
        id: Some(liaison_protocol::id::RecordId::from_bytes(raw.id()).full()),
        author: Some(record.envelope.author.full()),
        key: Some(cast::secret(key).public().to_string()),
        payload: Some(raw::diagnostic(&payload)),
        hex: hex(&raw.bytes()),
    }
}

#[test]
fn what_is_put_together_by_hand_is_what_the_library_signs() {
    for (record, key) in [
        (cast::card(), "narova root"),
        (cast::keys(), "narova signing"),
        (cast::every_field(), "narova signing"),
        (cast::retract(), "narova signing"),
        (cast::receipt(), "narova signing"),
        (cast::permit(), "narova signing"),
        (cast::sealed(), "narova signing"),
    ] {
        let signed = record.sign(&cast::secret(key)).expect("signs");
        let vector = good("", key, &record);
        assert_eq!(vector.hex, hex(signed.bytes()));
        assert_eq!(vector.id, Some(signed.id().full()));
    }
}
