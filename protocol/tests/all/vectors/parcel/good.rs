//! Parcels that their addressee takes.

use ciborium::Value;
use liaison_protocol::id::ParcelId;
use liaison_protocol::seal::frame;
use sha2::{Digest, Sha256};

use super::{Case, ParcelVector, Plain, list, numbers, record, sealed, signed_by, vector};
use crate::cast::{self, Fixed};
use crate::raw::{bstr, diagnostic, head};

pub fn cases() -> Vec<Case> {
    let signing = cast::secret("narova signing");
    let small = cast::small().sign(&signing).expect("signs");
    let (referral, secret) = cast::sealed_with_secret();
    let referral = referral.sign(&signing).expect("signs");
    let wrap = cast::sealing("shelter sealing")
        .public(cast::start(cast::TODAY), cast::start("2031-05-20"))
        .wrap(
            &secret,
            &cast::shelter(),
            &referral.id(),
            &mut Fixed::new("wrap"),
        )
        .expect("wraps");
    let created = |r: &liaison_protocol::record::signed::SignedRecord| {
        r.unverified().envelope.created.to_wire()
    };
    let answers = list(&[
        head(0, 1),
        bstr(&[[1; 32], [2; 32], [3; 32]].concat()),
        bstr(&[0, 19, 34]),
    ]);
    let every = Plain::with(|letter| {
        letter.contents = vec![
            record(
                referral.id().as_bytes(),
                created(&referral),
                &frame::join(referral.bytes(), &wrap),
            ),
            record(small.id().as_bytes(), created(&small), small.bytes()),
            answers,
            numbers(2, &[1, 2, 300]),
            numbers(3, &[4]),
        ];
    });
    let arrived = Plain::with(|_| {});
    let of_len = |bytes: usize| {
        let with = |n: usize| {
            signed_by(
                "narova signing",
                &Plain::with(|l| l.contents = vec![record(&[7; 32], 9, &vec![8; n])]),
            )
        };
        let more = bytes - with(2000).len();
        let text = with(2000 + more);
        assert_eq!(text.len(), bytes);
        text
    };
    let bundle = |number| {
        let letter = Plain::with(|l| l.number = number);
        ParcelVector {
            depositor: None,
            ..good(
                "It came in a bundle, and later than the next.",
                "bundled",
                &signed_by("narova signing", &letter),
            )
        }
    };
    let retired = Plain::with(|letter| {
        let ids = [[1; 32], [2; 32]].concat();
        letter.contents = vec![list(&[head(0, 4), bstr(&[9; 8]), bstr(&ids)])];
    });
    vec![
        (
            "every-cargo",
            good(
                "A referral with its wrap, a trend, answers, what arrived and what is void.",
                "every cargo",
                &signed_by("narova signing", &every),
            ),
        ),
        (
            "arrived-alone",
            good(
                "Nothing but the numbers of letters that arrived.",
                "arrived",
                &signed_by("narova signing", &arrived),
            ),
        ),
        ("out-of-order", bundle(4)),
        (
            "letter-of-2951-bytes",
            good(
                "As much as the first size class holds. The record in it is none: who opens it says so.",
                "full",
                &of_len(2951),
            ),
        ),
        (
            "letter-of-2952-bytes",
            good(
                "A byte more: it takes the second size class.",
                "next",
                &of_len(2952),
            ),
        ),
        (
            "retired-alone",
            good(
                "Nothing but the names of parcels that open no more.",
                "retired",
                &signed_by("narova signing", &retired),
            ),
        ),
    ]
}

fn good(what: &str, name: &'static str, signed: &[u8]) -> ParcelVector {
    let bytes = sealed(name, signed);
    let outer: Value = ciborium::from_reader(signed).expect("CBOR");
    let Value::Tag(18, inner) = outer else {
        panic!("tag 18")
    };
    let parts = inner.into_array().expect("array");
    let payload = parts[2].as_bytes().expect("payload");
    let says: Value = ciborium::from_reader(payload.as_slice()).expect("CBOR");
    ParcelVector {
        expect: "ok".into(),
        id: Some(ParcelId::from_bytes(Sha256::digest(&bytes).into()).full()),
        letter: Some(diagnostic(&says)),
        ..vector(what, &bytes)
    }
}
