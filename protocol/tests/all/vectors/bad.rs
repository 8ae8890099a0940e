//! Bytes that are no record, each wrong in one way and otherwise signed rightly.

use ciborium::Value;
use liaison_protocol::limits;
use liaison_protocol::record::signed::Record;
use serde_json::json;

use super::{RecordVector, refused};
use crate::cast;
use crate::raw::{self, Raw, at, encode, head, payload_of, protected, replaced, tstr};

type Case = (&'static str, RecordVector);

pub fn cases() -> Vec<Case> {
    [cose(), cbor(), content(), limits()].concat()
}

fn signed(payload: Vec<u8>) -> Raw {
    Raw::signed(payload, &raw::key("narova signing"))
}

fn base() -> Value {
    payload_of(&cast::small())
}

fn form(what: &str, fault: &str, mentions: &[&str], bytes: Vec<u8>) -> RecordVector {
    let blame = match fault {
        "Limit" | "Content" => "author",
        _ => "courier",
    };
    refused(what, fault, "refused: form", blame, mentions, bytes)
}

fn cose() -> Vec<Case> {
    let good = || signed(encode(&base()));
    let by = raw::key("narova signing");
    let kid = by.verifying_key().to_bytes();
    let with = |protected: Vec<u8>| Raw::with(protected, encode(&base()), &by, raw::AAD).bytes();
    let header = |parts: &[Vec<u8>]| with([head(5, parts.len() as u64), parts.concat()].concat());
    let alg = [head(0, 1), head(1, 7)].concat();
    let content_type = [head(0, 3), tstr(raw::CONTENT_TYPE)].concat();
    let key_id = [head(0, 4), raw::bstr(&kid)].concat();
    let must = "it must hold algorithm EdDSA, key id and content type, and nothing else";
    let long = {
        let mut tree = base();
        *at(&mut tree, &["title"]) = Value::Text("x".repeat(limits::RECORD_BYTES));
        signed(encode(&tree)).bytes()
    };
    vec![
        (
            "no-bytes",
            form("No bytes at all.", "Cose", &["COSE_Sign1"], Vec::new()),
        ),
        (
            "not-cbor",
            form(
                "Bytes that are no CBOR.",
                "Cose",
                &["COSE_Sign1"],
                vec![0xFF, 0x00],
            ),
        ),
        (
            "cut-short",
            form("The last byte is missing.", "Cose", &["COSE_Sign1"], {
                let mut bytes = good().bytes();
                bytes.pop();
                bytes
            }),
        ),
        (
            "untagged",
            form(
                "COSE_Sign1 without its tag 18.",
                "Cose",
                &["COSE_Sign1", "tag"],
                {
                    Raw {
                        tag: Vec::new(),
                        ..good()
                    }
                    .bytes()
                },
            ),
        ),
        (
            "tag-98",
            form("The tag of COSE_Sign.", "Cose", &["COSE_Sign1", "tag"], {
                Raw {
                    tag: head(6, 98),
                    ..good()
                }
                .bytes()
            }),
        ),
        (
            "three-parts",
            form(
                "An array of three: no signature.",
                "Cose",
                &["COSE_Sign1", "array"],
                {
                    let good = good();
                    [
                        good.tag.clone(),
                        head(4, 3),
                        raw::bstr(&good.protected),
                        head(5, 0),
                        raw::bstr(&good.payload.unwrap_or_default()),
                    ]
                    .concat()
                },
            ),
        ),
        (
            "tag-not-shortest",
            form(
                "Tag 18 in two bytes.",
                "NotDeterministic",
                &["byte 0 of the record"],
                {
                    Raw {
                        tag: vec![0xD8, 18],
                        ..good()
                    }
                    .bytes()
                },
            ),
        ),
        (
            "array-indefinite",
            form(
                "The array of COSE_Sign1 with indefinite length.",
                "NotDeterministic",
                &["byte 1 of the record"],
                {
                    let mut bytes = Raw {
                        array: vec![0x9F],
                        ..good()
                    }
                    .bytes();
                    bytes.push(0xFF);
                    bytes
                },
            ),
        ),
        (
            "bytes-after-record",
            form(
                "A zero follows the COSE_Sign1.",
                "TrailingBytes",
                &["follow the end"],
                [good().bytes(), vec![0]].concat(),
            ),
        ),
        (
            "record-too-large",
            form(
                "A record of more than 65,536 bytes.",
                "TooLarge",
                &["65536"],
                long,
            ),
        ),
        (
            "unprotected-header",
            form(
                "A key id in the unprotected header.",
                "UnprotectedHeader",
                &["unprotected header is not empty"],
                {
                    Raw {
                        unprotected: [head(5, 1), head(0, 4), raw::bstr(b"x")].concat(),
                        ..good()
                    }
                    .bytes()
                },
            ),
        ),
        (
            "protected-header-empty",
            form(
                "An empty protected header.",
                "ProtectedHeader",
                &["protected header", "key id"],
                with(Vec::new()),
            ),
        ),
        (
            "protected-header-extra",
            form(
                "A fourth entry (5, IV) in the protected header.",
                "ProtectedHeader",
                &["protected header", must],
                header(&[
                    alg.clone(),
                    content_type.clone(),
                    key_id.clone(),
                    [head(0, 5), raw::bstr(&[0; 8])].concat(),
                ]),
            ),
        ),
        (
            "protected-header-order",
            form(
                "The protected header's keys out of order: 4, 1, 3.",
                "NotDeterministic",
                &["byte 5 of the record"],
                header(&[key_id.clone(), alg.clone(), content_type.clone()]),
            ),
        ),
        (
            "algorithm-es256",
            form(
                "Algorithm ES256 (-7) instead of EdDSA (-8).",
                "ProtectedHeader",
                &["protected header", must],
                header(&[
                    [head(0, 1), head(1, 6)].concat(),
                    content_type.clone(),
                    key_id.clone(),
                ]),
            ),
        ),
        (
            "algorithm-missing",
            form(
                "No algorithm.",
                "ProtectedHeader",
                &["protected header", must],
                header(&[content_type.clone(), key_id.clone()]),
            ),
        ),
        (
            "content-type-other",
            form(
                "Another content type.",
                "ProtectedHeader",
                &["protected header", must],
                header(&[
                    alg.clone(),
                    [head(0, 3), tstr("application/cbor")].concat(),
                    key_id.clone(),
                ]),
            ),
        ),
        (
            "content-type-missing",
            form(
                "No content type.",
                "ProtectedHeader",
                &["protected header", must],
                header(&[alg.clone(), key_id]),
            ),
        ),
        (
            "key-id-31-bytes",
            form(
                "A key id of 31 bytes.",
                "ProtectedHeader",
                &["protected header", "key id is not 32 bytes"],
                with(protected(&kid[..31])),
            ),
        ),
        (
            "payload-detached",
            form(
                "The payload is detached (null).",
                "NoPayload",
                &["payload is missing"],
                {
                    Raw {
                        payload: None,
                        ..good()
                    }
                    .bytes()
                },
            ),
        ),
        (
            "signature-63-bytes",
            form(
                "A signature of 63 bytes.",
                "SignatureLength",
                &["63 bytes", "64"],
                {
                    let mut raw = good();
                    raw.signature.pop();
                    raw.bytes()
                },
            ),
        ),
        (
            "signature-65-bytes",
            form(
                "A signature of 65 bytes.",
                "SignatureLength",
                &["65 bytes", "64"],
                {
                    let mut raw = good();
                    raw.signature.push(0);
                    raw.bytes()
                },
            ),
        ),
    ]
}

fn cbor() -> Vec<Case> {
    let payload = || encode(&base());
    let set = |path: &[&str], value: Value| {
        let mut tree = base();
        *at(&mut tree, path) = value;
        signed(encode(&tree)).bytes()
    };
    let schema = [tstr("schema"), head(0, 1)].concat();
    let n = [tstr("n"), head(0, 1240)].concat();
    let area = [tstr("area"), head(4, 1)].concat();
    let swapped = {
        // "tlp" (3 letters) and "body" (4 letters) changed over.
        let tlp = [tstr("tlp"), tstr("green")].concat();
        let kind = [tstr("kind"), tstr("trend")].concat();
        let lang = [tstr("lang"), tstr("en")].concat();
        let out = replaced(
            &payload(),
            &[kind.clone(), lang.clone()].concat(),
            &[lang, kind].concat(),
        );
        assert!(out.windows(tlp.len()).any(|w| w == tlp));
        out
    };
    let deep = {
        let mut value = Value::Integer(1.into());
        for _ in 0..limits::CBOR_DEPTH + 1 {
            value = Value::Array(vec![value]);
        }
        set(&["body", "area"], value)
    };
    let map_with = |key: Value| {
        let mut tree = base();
        if let Value::Map(entries) = at(&mut tree, &["body"]) {
            entries.push((key, Value::Integer(1.into())));
        }
        signed(encode(&tree)).bytes()
    };
    let shape = "deterministic form";
    vec![
        (
            "payload-not-cbor",
            form(
                "A payload that is no CBOR.",
                "Cbor",
                &["payload", "not CBOR", "byte 0"],
                signed(vec![0xFF]).bytes(),
            ),
        ),
        (
            "payload-cut-short",
            form(
                "A payload whose last byte is missing.",
                "Cbor",
                &["payload", "cut short"],
                {
                    let mut bytes = payload();
                    bytes.pop();
                    signed(bytes).bytes()
                },
            ),
        ),
        (
            "payload-too-deep",
            form(
                "Nested deeper than 12 levels.",
                "Cbor",
                &["payload", "deeper than 12 levels"],
                deep,
            ),
        ),
        (
            "payload-trailing-byte",
            form(
                "A zero follows the payload's map.",
                "Cbor",
                &["payload", "1 bytes follow the end"],
                signed([payload(), vec![0]].concat()).bytes(),
            ),
        ),
        (
            "payload-keys-out-of-order",
            form(
                "'lang' stands before 'kind'.",
                "Cbor",
                &["payload", "from byte", shape],
                signed(swapped).bytes(),
            ),
        ),
        (
            "payload-integer-not-shortest",
            form(
                "The schema, 1, in two bytes.",
                "Cbor",
                &["payload", "from byte", shape],
                signed(replaced(
                    &payload(),
                    &schema,
                    &[tstr("schema"), vec![0x18, 1]].concat(),
                ))
                .bytes(),
            ),
        ),
        (
            "payload-length-not-shortest",
            form(
                "The length of a text in two bytes.",
                "Cbor",
                &["payload", "from byte", shape],
                signed(replaced(
                    &payload(),
                    &tstr("registry"),
                    &[vec![0x78, 8], b"registry".to_vec()].concat(),
                ))
                .bytes(),
            ),
        ),
        (
            "payload-array-indefinite",
            form(
                "An array of indefinite length.",
                "Cbor",
                &["payload", "from byte", shape],
                signed(replaced(
                    &payload(),
                    &[area, tstr("QN")].concat(),
                    &[tstr("area"), vec![0x9F], tstr("QN"), vec![0xFF]].concat(),
                ))
                .bytes(),
            ),
        ),
        (
            "payload-text-indefinite",
            form(
                "A text of indefinite length, in one piece.",
                "Cbor",
                &["payload", "from byte", shape],
                signed(replaced(
                    &payload(),
                    &tstr("registry"),
                    &[vec![0x7F], tstr("registry"), vec![0xFF]].concat(),
                ))
                .bytes(),
            ),
        ),
        (
            "payload-key-twice",
            form(
                "The count 'n' stands twice in a cell.",
                "Cbor",
                &["key 'n' stands twice", "body.cells[0]"],
                signed(replaced(
                    &payload(),
                    &[head(5, 1), n.clone()].concat(),
                    &[head(5, 2), n.clone(), n].concat(),
                ))
                .bytes(),
            ),
        ),
        (
            "payload-float",
            form(
                "A count as a floating-point number.",
                "Cbor",
                &["floating-point", "body.cells[0].n"],
                set(&["body", "cells", "0", "n"], Value::Float(1240.0)),
            ),
        ),
        (
            "payload-null",
            form(
                "A null where the field should be left out.",
                "Cbor",
                &["a null", "body.method"],
                set(&["body", "method"], Value::Null),
            ),
        ),
        (
            "payload-tag",
            form(
                "A date with the tag of dates (1004).",
                "Cbor",
                &["a tag", "body.period.from"],
                set(
                    &["body", "period", "from"],
                    Value::Tag(1004, Box::new("2031-03-01".into())),
                ),
            ),
        ),
        (
            "payload-bignum",
            form(
                "A count as a bignum (tag 2).",
                "Cbor",
                &["payload", "from byte", shape],
                set(
                    &["body", "cells", "0", "n"],
                    Value::Tag(2, Box::new(Value::Bytes(vec![4, 216]))),
                ),
            ),
        ),
        (
            "payload-key-not-text",
            form(
                "A map key that is a number.",
                "Cbor",
                &["a key that is not text", "body"],
                map_with(Value::Integer(7.into())),
            ),
        ),
    ]
}

fn content() -> Vec<Case> {
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
    vec![
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

fn limits() -> Vec<Case> {
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
    vec![
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
