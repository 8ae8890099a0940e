//! Fields and codes that schema 1 does not have.

use ciborium::Value;
use liaison_protocol::record::signed::Record;

use super::super::records::refused;
use super::{Case, base, form, signed};
use crate::cast;
use crate::raw::{self, Raw, at, encode, payload_of};

pub fn cases() -> Vec<Case> {
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut tree = base();
        change(&mut tree);
        signed(encode(&tree)).bytes()
    };
    let set = |path: &[&str], value: Value| edit(&|tree| *at(tree, path) = value.clone());
    let add = |path: &[&str], key: &str, value: Value| {
        edit(&|tree| {
            if let Value::Map(entries) = at(tree, path) {
                entries.push((key.into(), value.clone()));
            }
        })
    };
    let drop = |path: &[&str], key: &str| {
        edit(&|tree| {
            if let Value::Map(entries) = at(tree, path) {
                entries.retain(|(k, _)| k.as_text() != Some(key));
            }
        })
    };
    let id = |byte: u8| Value::Bytes(vec![byte; 32]);
    let to = |ids: Vec<Value>| Value::Map(vec![("to".into(), Value::Array(ids))]);
    let body_of = |record: &Record, key: &str, value: Value| {
        let mut tree = payload_of(record);
        *at(&mut tree, &["body", key]) = value;
        signed(encode(&tree)).bytes()
    };
    let sealed_with = |path: &[&str], key: &str, value: Value| {
        let mut tree = payload_of(&cast::sealed());
        if let Value::Map(entries) = at(&mut tree, path) {
            entries.push((key.into(), value));
        }
        signed(encode(&tree)).bytes()
    };
    vec![
        (
            "sealed-with-a-marking",
            form(
                "A sealed record that shows its TLP marking.",
                "Content",
                &["tlp", "unknown field"],
                sealed_with(&[], "tlp", "red".into()),
            ),
        ),
        (
            "sealed-with-a-title",
            form(
                "A sealed record that shows a title.",
                "Content",
                &["title", "unknown field"],
                sealed_with(&[], "title", "Referral of a girl".into()),
            ),
        ),
        (
            "sealed-with-its-kind",
            form(
                "A sealed record that shows what stands inside.",
                "Content",
                &["body", "part", "unknown field"],
                sealed_with(&["body"], "part", "identity".into()),
            ),
        ),
        (
            "sealed-for-nobody",
            form(
                "A sealed record without recipients.",
                "Content",
                &["body.recipients", "left out"],
                body_of(&cast::sealed(), "recipients", Value::Array(Vec::new())),
            ),
        ),
        (
            "sealed-recipients-not-in-order",
            form(
                "Recipients in another order.",
                "Content",
                &["body.recipients", "in their order"],
                body_of(
                    &cast::sealed(),
                    "recipients",
                    Value::Array(vec![id(2), id(1)]),
                ),
            ),
        ),
        (
            "sealed-recipient-twice",
            form(
                "A recipient twice.",
                "Content",
                &["body.recipients", "each once"],
                body_of(
                    &cast::sealed(),
                    "recipients",
                    Value::Array(vec![id(1), id(1)]),
                ),
            ),
        ),
        (
            "sealed-commitment-31-bytes",
            form(
                "A commitment of 31 bytes.",
                "Content",
                &["body.commitment", "32"],
                body_of(&cast::sealed(), "commitment", Value::Bytes(vec![7; 31])),
            ),
        ),
        (
            "sealed-text-as-text",
            form(
                "The text under seal as a text.",
                "Content",
                &["body.text"],
                body_of(&cast::sealed(), "text", "a".repeat(1040).into()),
            ),
        ),
        (
            "sealing-key-1215-bytes",
            form(
                "A sealing key that is a byte short.",
                "Content",
                &["body.sealing[0].key", "1216 bytes"],
                {
                    let mut tree = payload_of(&cast::keys());
                    *at(&mut tree, &["body", "sealing", "0", "key"]) = Value::Bytes(vec![7; 1215]);
                    signed(encode(&tree)).bytes()
                },
            ),
        ),
        (
            "permit-for-nobody",
            form(
                "A permit that names nobody.",
                "Content",
                &["body.to", "left out"],
                body_of(&cast::permit(), "to", Value::Array(Vec::new())),
            ),
        ),
        (
            "permit-agencies-not-in-order",
            form(
                "A permit whose agencies stand in another order.",
                "Content",
                &["body.to", "in their order"],
                body_of(&cast::permit(), "to", Value::Array(vec![id(2), id(1)])),
            ),
        ),
        (
            "affirm-record-twice",
            form(
                "An affirmation that lists a record twice.",
                "Content",
                &["body.records", "each once"],
                body_of(&cast::affirm(), "records", Value::Array(vec![id(1), id(1)])),
            ),
        ),
        (
            "receipt-what-unknown",
            form(
                "A receipt for something that no holder does.",
                "Content",
                &["body.what", "'forgotten'", "erased"],
                body_of(&cast::receipt(), "what", "forgotten".into()),
            ),
        ),
        (
            "recall-reason-of-a-retraction",
            form(
                "A recall with a reason that only retractions have.",
                "Content",
                &["body.reason", "'court-order'"],
                body_of(&cast::recall(), "reason", "court-order".into()),
            ),
        ),
        (
            "payload-not-a-map",
            form(
                "The payload is an array.",
                "Content",
                &["payload", "not a map"],
                signed(vec![0x80]).bytes(),
            ),
        ),
        (
            "field-unknown-in-envelope",
            form(
                "A field that schema 1 does not know, in the envelope.",
                "Content",
                &["colour", "unknown field"],
                add(&[], "colour", "red".into()),
            ),
        ),
        (
            "field-unknown-in-body",
            form(
                "A field that schema 1 does not know, in the body.",
                "Content",
                &["body.", "colour", "unknown field"],
                add(&["body"], "colour", "red".into()),
            ),
        ),
        (
            "field-unknown-in-cell",
            form(
                "A field that schema 1 does not know, in a cell.",
                "Content",
                &["body.cells[0]", "colour", "unknown field"],
                add(&["body", "cells", "0"], "colour", "red".into()),
            ),
        ),
        (
            "field-missing-in-envelope",
            form(
                "No title.",
                "Content",
                &["missing field `title`"],
                drop(&[], "title"),
            ),
        ),
        (
            "field-missing-in-body",
            form(
                "No measure.",
                "Content",
                &["body", "missing field `measure`"],
                drop(&["body"], "measure"),
            ),
        ),
        (
            "author-missing",
            form(
                "No author.",
                "Content",
                &["author", "missing"],
                drop(&[], "author"),
            ),
        ),
        (
            "author-31-bytes",
            form(
                "An author of 31 bytes.",
                "Content",
                &["author"],
                set(&["author"], Value::Bytes(vec![7; 31])),
            ),
        ),
        (
            "author-as-text",
            form(
                "The author as text.",
                "Content",
                &["author"],
                set(&["author"], cast::narova().full().into()),
            ),
        ),
        (
            "created-negative",
            form(
                "A negative 'created'.",
                "Content",
                &["created"],
                set(&["created"], Value::Integer((-1).into())),
            ),
        ),
        (
            "schema-0",
            form(
                "Schema 0.",
                "Content",
                &["schema"],
                set(&["schema"], Value::Integer(0.into())),
            ),
        ),
        (
            "kind-unknown",
            form(
                "A kind that schema 1 does not know.",
                "Content",
                &["kind", "'rumour'", "trend"],
                set(&["kind"], "rumour".into()),
            ),
        ),
        (
            "code-unknown-in-envelope",
            form(
                "A TLP marking that is on no list.",
                "Content",
                &["tlp", "'orange'", "amber+strict"],
                set(&["tlp"], "orange".into()),
            ),
        ),
        (
            "code-unknown-in-body",
            form(
                "A measure that is on no list.",
                "Content",
                &["body.measure", "'rumours'", "detections"],
                set(&["body", "measure"], "rumours".into()),
            ),
        ),
        (
            "code-in-capitals",
            form(
                "A code in other letters than on its list.",
                "Content",
                &["body.measure", "'Detections'"],
                set(&["body", "measure"], "Detections".into()),
            ),
        ),
        (
            "area-in-small-letters",
            form(
                "A place in small letters: people may type it so, records don't hold it.",
                "Content",
                &["body.area[0]", "'qn' must be written 'QN'"],
                set(&["body", "area", "0"], "qn".into()),
            ),
        ),
        (
            "country-unknown",
            form(
                "A country that ISO 3166-1 does not list and does not leave to users.",
                "Content",
                &["body.area[0]", "'QL'"],
                set(&["body", "area", "0"], "QL".into()),
            ),
        ),
        (
            "month-13",
            form(
                "A month that the calendar does not have.",
                "Content",
                &["body.period.from", "2031-13"],
                set(&["body", "period", "from"], "2031-13".into()),
            ),
        ),
        (
            "count-negative",
            form(
                "A negative count.",
                "Content",
                &["body.cells[0].n"],
                set(&["body", "cells", "0", "n"], Value::Integer((-4).into())),
            ),
        ),
        (
            "count-as-text",
            form(
                "A count as text.",
                "Content",
                &["body.cells[0].n"],
                set(&["body", "cells", "0", "n"], "1240".into()),
            ),
        ),
        (
            "list-empty-in-body",
            form(
                "An empty list instead of no field.",
                "Content",
                &["body.drivers", "empty list"],
                add(&["body"], "drivers", Value::Array(Vec::new())),
            ),
        ),
        (
            "list-empty-in-envelope",
            form(
                "An empty list instead of no field.",
                "Content",
                &["refs", "empty list"],
                add(&[], "refs", Value::Array(Vec::new())),
            ),
        ),
        (
            "dimension-with-anothers-value",
            form(
                "An age among the means of transport.",
                "Content",
                &["body.cells[0].dims.transport", "'0-17'"],
                add(
                    &["body", "cells", "0"],
                    "dims",
                    Value::Map(vec![("transport".into(), "0-17".into())]),
                ),
            ),
        ),
        (
            "onward-out-of-order",
            form(
                "The agencies of 'onward: to' not in the order of their ids.",
                "Content",
                &["onward", "order of their ids"],
                set(&["onward"], to(vec![id(2), id(1)])),
            ),
        ),
        (
            "onward-names-twice",
            form(
                "One agency twice in 'onward: to'.",
                "Content",
                &["onward", "each once"],
                set(&["onward"], to(vec![id(2), id(2)])),
            ),
        ),
        (
            "flag-not-set",
            form(
                "A flag that is not set, on a card: it is left out.",
                "Content",
                &["body.functions[0].urgent", "left out"],
                {
                    let mut tree = payload_of(&cast::card());
                    *at(&mut tree, &["body", "functions", "0", "urgent"]) = Value::Bool(false);
                    Raw::signed(encode(&tree), &raw::key("narova root")).bytes()
                },
            ),
        ),
        (
            "schema-2",
            refused(
                "Schema 2, with a field that schema 1 does not know: taken after the upgrade.",
                "SchemaTooNew",
                "later: schema",
                "local",
                &["schema 2", "upgrade"],
                edit(&|tree| {
                    *at(tree, &["schema"]) = Value::Integer(2.into());
                    if let Value::Map(entries) = tree {
                        entries.push(("colour".into(), "red".into()));
                    }
                }),
            ),
        ),
    ]
}
