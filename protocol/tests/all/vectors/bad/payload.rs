//! Payloads that are not deterministic CBOR.

use ciborium::Value;
use liaison_protocol::limits;

use super::{Case, base, form, signed};
use crate::raw::{at, encode, head, replaced, tstr};

pub fn cases() -> Vec<Case> {
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
