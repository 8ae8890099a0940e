//! Records over a form limit.

use ciborium::Value;
use liaison_protocol::limits;
use liaison_protocol::record::signed::Record;
use serde_json::json;

use super::{Case, form};
use crate::cast;
use crate::raw::{self, Raw, at, encode, payload_of};

pub fn cases() -> Vec<Case> {
    let set = |record: Record, path: &[&str], value: Value| {
        let mut tree = payload_of(&record);
        *at(&mut tree, path) = value;
        let key = if record.kind() == liaison_protocol::record::codes::Kind::Contact {
            "narova root"
        } else {
            "narova signing"
        };
        Raw::signed(encode(&tree), &raw::key(key)).bytes()
    };
    let small = |path: &[&str], value: Value| set(cast::small(), path, value);
    let json = |value: serde_json::Value| Value::serialized(&value).expect("value");
    let key_twice = {
        let mut tree = payload_of(&cast::card());
        let first = at(&mut tree, &["body", "keys", "signing", "0"]).clone();
        *at(&mut tree, &["body", "keys", "signing", "1"]) = first;
        Raw::signed(encode(&tree), &raw::key("narova root")).bytes()
    };
    let whole = cast::every_field;
    let ids = |count: usize| {
        let id = |n: usize| {
            let mut bytes = vec![0; 32];
            bytes[..2].copy_from_slice(&(n as u16).to_be_bytes());
            Value::Bytes(bytes)
        };
        Value::Array((0..count).map(id).collect())
    };
    let sealed = |field: &str, value: Value| set(cast::sealed(), &["body", field], value);
    let lim_07 = |what: &str, mentions: &[&str], bytes: Vec<u8>| {
        form(what, "Limit", &[&["LIM-07"], mentions].concat(), bytes)
    };
    let text = |length: usize| sealed("text", Value::Bytes(vec![7; length]));
    let sealing_keys = |count: usize, days: u64| {
        let from = cast::start(cast::TODAY).0;
        let key = |n: usize| {
            json(json!({"from": from, "until": from + days * 86_400_000, "key": n.to_string()}))
        };
        let mut keys: Vec<Value> = (0..count).map(key).collect();
        for (n, key) in keys.iter_mut().enumerate() {
            *at(key, &["key"]) = Value::Bytes(vec![n as u8; 1216]);
        }
        keys
    };
    let with_keys = |keys: Vec<Value>| set(cast::keys(), &["body", "sealing"], Value::Array(keys));
    vec![
        (
            "sealed-for-17",
            form(
                "A sealed record with 17 recipients.",
                "Limit",
                &["LIM-02", "recipients", "17", "16"],
                sealed("recipients", ids(limits::RECIPIENTS + 1)),
            ),
        ),
        (
            "sealed-for-its-author",
            lim_07(
                "A sealed record that names its author as a recipient.",
                &["recipients", "author"],
                sealed(
                    "recipients",
                    Value::Array(vec![Value::Bytes(cast::narova().as_bytes().to_vec())]),
                ),
            ),
        ),
        (
            "sealed-text-empty",
            lim_07("No text under the seal.", &["text", "0 bytes"], text(0)),
        ),
        (
            "sealed-text-of-no-size-class",
            lim_07(
                "A text that is a byte longer than that of a size class.",
                &["text", "1041"],
                text(1041),
            ),
        ),
        (
            "sealed-text-without-a-tag",
            lim_07(
                "A text as long as a size class, without the 16 bytes of its tag.",
                &["text", "4096"],
                text(4096),
            ),
        ),
        (
            "sealed-respond-by-its-making",
            lim_07(
                "An answer that is due when the record is made.",
                &["respond_by", "366 days"],
                sealed("respond_by", cast::start(cast::TODAY).0.into()),
            ),
        ),
        (
            "sealed-respond-by-in-367-days",
            lim_07(
                "An answer that is due in more than 366 days.",
                &["respond_by", "366 days"],
                sealed(
                    "respond_by",
                    (cast::start(cast::TODAY).0 + 366 * 86_400_000 + 1).into(),
                ),
            ),
        ),
        (
            "sealing-keys-9",
            form(
                "A keys statement with 9 sealing keys.",
                "Limit",
                &["LIM-02", "sealing", "9", "8"],
                with_keys(sealing_keys(9, 45)),
            ),
        ),
        (
            "sealing-key-twice",
            form(
                "A sealing key that is listed twice.",
                "Limit",
                &["LIM-05", "sealing[1]", "twice"],
                with_keys({
                    let keys = sealing_keys(1, 45);
                    [keys.clone(), keys].concat()
                }),
            ),
        ),
        (
            "sealing-key-for-46-days",
            form(
                "A sealing key that is sealed to for 46 days.",
                "Limit",
                &["LIM-04", "sealing[0].until", "45 days"],
                with_keys(sealing_keys(1, 46)),
            ),
        ),
        (
            "sealing-key-ends-before-it-begins",
            form(
                "A sealing key that ends when it begins.",
                "Limit",
                &["LIM-04", "sealing[0].until"],
                with_keys(sealing_keys(1, 0)),
            ),
        ),
        (
            "permit-for-65",
            form(
                "A permit for 65 agencies.",
                "Limit",
                &["LIM-02", "to", "65", "64"],
                set(
                    cast::permit(),
                    &["body", "to"],
                    ids(limits::PERMIT_AGENCIES + 1),
                ),
            ),
        ),
        (
            "affirm-901",
            form(
                "An affirmation of 901 records.",
                "Limit",
                &["LIM-02", "records", "901", "900"],
                set(
                    cast::affirm(),
                    &["body", "records"],
                    ids(limits::AFFIRM_RECORDS + 1),
                ),
            ),
        ),
        (
            "ask-why-empty",
            form(
                "A request that says nothing of what for.",
                "Limit",
                &["LIM-03", "why", "empty"],
                set(cast::ask(), &["body", "why"], " ".into()),
            ),
        ),
        (
            "receipt-more-erased-than-asked",
            form(
                "A receipt with more holders that erased than were asked.",
                "Limit",
                &["LIM-04", "further.erased", "4", "3 asked"],
                set(
                    cast::receipt(),
                    &["body", "further", "erased"],
                    Value::Integer(4.into()),
                ),
            ),
        ),
        (
            "title-too-long",
            form(
                "A title of 201 characters.",
                "Limit",
                &["LIM-01", "title", "201", "200"],
                small(&["title"], "x".repeat(limits::TITLE_CHARS + 1).into()),
            ),
        ),
        (
            "title-empty",
            form(
                "A title of blanks.",
                "Limit",
                &["LIM-03", "title", "empty"],
                small(&["title"], "  ".into()),
            ),
        ),
        (
            "title-with-control-character",
            form(
                "A character that turns the direction of writing.",
                "Limit",
                &["LIM-06", "title", "control character at 2"],
                small(&["title"], "a\u{202e}b".into()),
            ),
        ),
        (
            "cells-too-many",
            form(
                "A trend of 401 cells.",
                "Limit",
                &["LIM-02", "cells", "401", "400"],
                small(
                    &["body", "cells"],
                    json(json!(vec![json!({"n": 1240}); limits::TREND_CELLS + 1])),
                ),
            ),
        ),
        (
            "cells-none",
            form(
                "A trend without a cell has no such field, but the field must be there.",
                "Content",
                &["body.cells", "empty list"],
                small(&["body", "cells"], Value::Array(Vec::new())),
            ),
        ),
        (
            "onward-too-many",
            form(
                "'onward: to' names 65 agencies.",
                "Limit",
                &["LIM-02", "onward.to", "65", "64"],
                small(
                    &["onward"],
                    Value::Map(vec![(
                        "to".into(),
                        Value::Array(
                            (0..=limits::ONWARD_AGENCIES as u8)
                                .map(|n| Value::Bytes(vec![n; 32]))
                                .collect(),
                        ),
                    )]),
                ),
            ),
        ),
        (
            "refs-too-many",
            form(
                "33 links to other records.",
                "Limit",
                &["LIM-02", "refs", "33", "32"],
                set(
                    whole(),
                    &["refs"],
                    Value::Array(
                        (0..=limits::REFS as u8)
                            .map(|n| {
                                Value::Map(vec![
                                    ("rel".into(), "about".into()),
                                    ("id".into(), Value::Bytes(vec![n; 32])),
                                ])
                            })
                            .collect(),
                    ),
                ),
            ),
        ),
        (
            "handling-out-of-order",
            form(
                "Handling codes not in order.",
                "Limit",
                &["LIM-05", "handling"],
                set(whole(), &["handling"], json(json!(["H3", "H0"]))),
            ),
        ),
        (
            "language-in-other-letters",
            form(
                "A language tag that is not written as BCP 47 recommends.",
                "Limit",
                &["LIM-06", "lang", "sr-Latn"],
                small(&["lang"], "SR-latn".into()),
            ),
        ),
        (
            "crime-no-iccs-code",
            form(
                "A crime that is no ICCS code.",
                "Limit",
                &["LIM-06", "crime[0]"],
                set(whole(), &["crime"], json(json!(["smuggling"]))),
            ),
        ),
        (
            "grade-of-another-scheme",
            form(
                "A source's grade that its scheme does not have.",
                "Limit",
                &["LIM-06", "grade.source", "'F'", "A, B, C, X"],
                set(whole(), &["grade", "source"], "F".into()),
            ),
        ),
        (
            "leg-of-0-hours",
            form(
                "A leg of 0 hours.",
                "Limit",
                &["LIM-04", "legs[0].duration_h"],
                set(
                    cast::route(),
                    &["body", "legs", "0", "duration_h"],
                    Value::Integer(0.into()),
                ),
            ),
        ),
        (
            "keys-statement-too-long",
            form(
                "A keys statement valid for 46 days.",
                "Limit",
                &["LIM-04", "until", "45 days"],
                set(
                    cast::keys(),
                    &["body", "until"],
                    Value::Integer((cast::start(cast::TODAY).0 + 46 * 24 * 60 * 60 * 1000).into()),
                ),
            ),
        ),
        (
            "card-key-ends-before-it-begins",
            form(
                "A signing key that ends before it begins.",
                "Limit",
                &["LIM-04", "keys.signing[0]"],
                set(
                    cast::card(),
                    &["body", "keys", "signing", "0", "until"],
                    Value::Integer(1.into()),
                ),
            ),
        ),
        (
            "card-key-twice",
            form(
                "One signing key twice on a card.",
                "Limit",
                &["LIM-05", "keys.signing[1]"],
                key_twice,
            ),
        ),
    ]
}
