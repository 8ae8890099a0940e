//! Well-formed records that are not the word of the author that they name.

use ed25519_dalek::SigningKey;
use liaison_protocol::clock::Hlc;
use liaison_protocol::record::signed::Record;

use super::records::{RecordVector, refused};
use crate::cast::{self, IDENTITY};
use crate::raw::{self, AAD, Raw, encode, payload_of, protected, sig_structure};

fn no(what: &str, fault: &str, blame: &str, mentions: &[&str], bytes: Vec<u8>) -> RecordVector {
    refused(what, fault, "refused: signature", blame, mentions, bytes)
}

fn later(what: &str, fault: &str, mentions: &[&str], bytes: Vec<u8>) -> RecordVector {
    refused(
        what,
        fault,
        "later: unknown-author",
        "local",
        mentions,
        bytes,
    )
}

fn by(key: &SigningKey, record: &Record) -> Vec<u8> {
    Raw::signed(encode(&payload_of(record)), key).bytes()
}

fn at(day: &str) -> Record {
    let mut record = cast::small();
    record.envelope.created = Hlc::new(cast::start(day), 0);
    record
}

/// A signature that verifies under the identity as key, for every message, if laxly.
fn anybody() -> Vec<u8> {
    [IDENTITY, [0; 32]].concat()
}

pub fn cases() -> Vec<(&'static str, RecordVector)> {
    let signing = raw::key("narova signing");
    let good = || Raw::signed(encode(&payload_of(&cast::small())), &signing);
    let changed = |change: &dyn Fn(&mut Raw)| {
        let mut raw = good();
        change(&mut raw);
        raw.bytes()
    };
    let not_verified = ["does not verify"];
    let lax = changed(&|raw| {
        let payload = raw.payload.clone().unwrap_or_default();
        raw.signature = raw::lax_signature(&signing, &sig_structure(&raw.protected, AAD, &payload));
    });
    let weak = {
        let payload = encode(&payload_of(&cast::small()));
        let raw = Raw {
            protected: protected(&IDENTITY),
            ..Raw::signed(payload, &signing)
        };
        Raw {
            signature: anybody(),
            ..raw
        }
        .bytes()
    };
    let weak_root = {
        let mut card = cast::card();
        card.envelope.author = liaison_protocol::id::AgencyId::from_bytes(IDENTITY);
        let payload = encode(&payload_of(&card));
        let raw = Raw {
            protected: protected(&IDENTITY),
            ..Raw::signed(payload, &signing)
        };
        Raw {
            signature: anybody(),
            ..raw
        }
        .bytes()
    };
    let high_s = changed(&|raw| {
        // S + L, with L the order of the group: the same number modulo L.
        let order = data_encoding::HEXLOWER
            .decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
            .expect("hexadecimal");
        let mut carry = 0u16;
        for (s, l) in raw.signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*s) + u16::from(l) + carry;
            *s = sum as u8;
            carry = sum >> 8;
        }
    });
    vec![
        (
            "payload-bit-changed",
            no(
                "One bit of a count was changed after signing.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                changed(&|raw| {
                    let payload = raw.payload.as_mut().expect("payload");
                    let old = [raw::tstr("n"), vec![0x19, 0x04, 0xD8]].concat();
                    let new = [raw::tstr("n"), vec![0x19, 0x04, 0xD9]].concat();
                    *payload = raw::replaced(payload, &old, &new);
                }),
            ),
        ),
        (
            "signature-bit-changed-in-r",
            no(
                "One bit of the signature's R was changed.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                changed(&|raw| raw.signature[3] ^= 1),
            ),
        ),
        (
            "signature-bit-changed-in-s",
            no(
                "One bit of the signature's S was changed.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                changed(&|raw| raw.signature[40] ^= 1),
            ),
        ),
        (
            "signature-of-zeros",
            no(
                "A signature of 64 zeros.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                changed(&|raw| raw.signature = vec![0; 64]),
            ),
        ),
        (
            "signature-of-another-key",
            no(
                "Signed by a stranger, with the key id of the author's key.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                changed(&|raw| {
                    let stranger = Raw::with(
                        raw.protected.clone(),
                        raw.payload.clone().unwrap_or_default(),
                        &raw::key("stranger"),
                        AAD,
                    );
                    raw.signature = stranger.signature;
                }),
            ),
        ),
        (
            "aad-other-domain",
            no(
                "Signed with another external AAD: 'liaison/2 record'.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                Raw::with(
                    protected(signing.verifying_key().as_bytes()),
                    encode(&payload_of(&cast::small())),
                    &signing,
                    b"liaison/2 record",
                )
                .bytes(),
            ),
        ),
        (
            "aad-empty",
            no(
                "Signed with an empty external AAD.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                Raw::with(
                    protected(signing.verifying_key().as_bytes()),
                    encode(&payload_of(&cast::small())),
                    &signing,
                    b"",
                )
                .bytes(),
            ),
        ),
        (
            "lax-r-of-small-order",
            no(
                "R is the identity and S = k*a: lax verification accepts it, strict refuses R of small order.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                lax,
            ),
        ),
        (
            "lax-s-not-reduced",
            no(
                "S is larger than the order of the group: a second spelling of a good signature.",
                "DoesNotVerify",
                "courier",
                &not_verified,
                high_s,
            ),
        ),
        (
            "lax-key-of-small-order",
            no(
                "The card lists a key of small order, under which lax verification accepts R = identity, S = 0 for every message.",
                "WeakKey",
                "author",
                &["no sound Ed25519 key"],
                weak,
            ),
        ),
        (
            "lax-root-of-small-order",
            RecordVector {
                agency: liaison_protocol::id::AgencyId::from_bytes(IDENTITY).full(),
                cards: Vec::new(),
                ..no(
                    "A card whose root key is of small order: everybody could sign it.",
                    "WeakKey",
                    "author",
                    &["no sound Ed25519 key"],
                    weak_root,
                )
            },
        ),
        (
            "key-of-a-stranger",
            later(
                "Signed by a key that is on no card of the author.",
                "UnknownKey",
                &["is on no card", "newest card"],
                by(&raw::key("stranger"), &cast::small()),
            ),
        ),
        (
            "author-unknown",
            RecordVector {
                agency: cast::agency("shelter root").full(),
                cards: Vec::new(),
                ..later(
                    "No card of its author is at hand.",
                    "WrongKeys",
                    &["no keys of"],
                    good().bytes(),
                )
            },
        ),
        (
            "key-not-valid-any-more",
            no(
                "Made after its key's time.",
                "OutsideValidity",
                "author",
                &["was not valid"],
                by(&raw::key("narova past"), &cast::small()),
            ),
        ),
        (
            "key-not-valid-yet",
            no(
                "Made before its key's time.",
                "OutsideValidity",
                "author",
                &["was not valid"],
                by(&signing, &at("2030-12-31")),
            ),
        ),
        (
            "key-rotated",
            no(
                "Made after its key was rotated.",
                "Revoked",
                "author",
                &["is revoked"],
                by(&raw::key("narova rotated"), &cast::small()),
            ),
        ),
        (
            "key-compromised",
            no(
                "Signed by a compromised key; that it says it was made before changes nothing.",
                "Compromised",
                "author",
                &["is compromised"],
                by(&raw::key("narova lost"), &at("2031-01-15")),
            ),
        ),
        (
            "node-key-of-another-agency",
            no(
                "A keys statement that claims a node key whose proof names another statement.",
                "NodeKeyUnproven",
                "author",
                &["can't prove"],
                by(&signing, &cast::keys_proven_for(6)),
            ),
        ),
        (
            "root-key-signs-a-trend",
            no(
                "The root key signs a record that is no card.",
                "WrongUse",
                "author",
                &["may not sign a trend"],
                by(&raw::key("narova root"), &cast::small()),
            ),
        ),
        (
            "signing-key-signs-a-card",
            no(
                "A signing key signs a card.",
                "WrongUse",
                "author",
                &["may not sign a contact"],
                by(&signing, &cast::card()),
            ),
        ),
    ]
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "shows what lax verification accepts"
)]
fn what_is_called_lax_is_accepted_by_lax_verification_and_refused_by_strict() {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let mut seen = 0;
    for (name, vector) in cases() {
        if !name.ends_with("small-order") {
            continue;
        }
        let bytes = super::bytes_of(&vector.hex);
        let outer: ciborium::Value = ciborium::from_reader(bytes.as_ref()).expect("CBOR");
        let ciborium::Value::Tag(_, inner) = outer else {
            panic!("a tag")
        };
        let parts = inner.into_array().expect("array");
        let part = |at: usize| parts[at].as_bytes().expect("bytes").clone();
        let message = sig_structure(&part(0), AAD, &part(2));
        let kid: [u8; 32] = part(0)[part(0).len() - 32..].try_into().expect("key");
        let key = VerifyingKey::from_bytes(&kid).expect("a point");
        let signature = Signature::from_slice(&part(3)).expect("64 bytes");
        assert!(key.verify(&message, &signature).is_ok(), "{name}");
        assert!(key.verify_strict(&message, &signature).is_err(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}
