//! Around the payload: COSE_Sign1 and its header.

use ciborium::Value;
use liaison_protocol::limits;

use super::{Case, base, form, signed};
use crate::raw::{self, Raw, at, encode, head, protected, tstr};

pub fn cases() -> Vec<Case> {
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
