//! Sealed records that stay closed, each for one reason.

use ciborium::Value;
use liaison_protocol::seal::{Secret, Wrap, open_bytes};

use super::{Case, closed, framed, padded, signed, wrap_for};
use crate::by_hand;
use crate::cast;
use crate::raw::{self, Raw, at, bstr, encode, payload_of};

pub fn cases() -> Vec<Case> {
    [of_frames(), of_wraps(), of_contents()].concat()
}

fn of_frames() -> Vec<Case> {
    let (record, secret) = cast::sealed_with_secret();
    let signed = signed(&record);
    let wrap = wrap_for("wrap", &secret, &signed, &cast::shelter()).to_bytes();
    let not_a_wrap = |what: &str, rest: Vec<u8>| {
        closed(
            what,
            "NotAWrap",
            "refused: form",
            "courier",
            &[&rest.len().to_string(), "not one wrapped key"],
            [signed.bytes(), rest].concat(),
        )
    };
    let trend = super::signed(&cast::small());
    let on_trend = framed(&trend, &wrap_for("wrap", &secret, &trend, &cast::shelter()));
    vec![
        (
            "no-wrap",
            closed(
                "The record alone.",
                "NoWrap",
                "later: no-key",
                "courier",
                &["did not come with it"],
                signed.bytes(),
            ),
        ),
        (
            "two-wraps",
            not_a_wrap("Two wraps.", [bstr(&wrap), bstr(&wrap)].concat()),
        ),
        (
            "wrap-a-byte-short",
            not_a_wrap("A wrap without its last byte.", bstr(&wrap[..1175])),
        ),
        (
            "wrap-a-byte-long",
            not_a_wrap(
                "A wrap with a byte more.",
                bstr(&[wrap.as_slice(), &[0]].concat()),
            ),
        ),
        (
            "wrap-oversized",
            not_a_wrap("4,096 bytes where the wrap stands.", bstr(&[7; 4096])),
        ),
        (
            "wrap-length-not-shortest",
            not_a_wrap(
                "The head of the wrap has 4 bytes of length.",
                [b"\x5a\x00\x00\x04\x98".as_slice(), &wrap].concat(),
            ),
        ),
        (
            "wrap-without-a-head",
            not_a_wrap("The bytes of the wrap without a head.", wrap.clone()),
        ),
        (
            "wrap-cut-short",
            not_a_wrap(
                "The frame ends within the wrap.",
                bstr(&wrap)[..600].to_vec(),
            ),
        ),
        (
            "wrap-and-a-byte",
            not_a_wrap("A byte after the wrap.", [bstr(&wrap), vec![0]].concat()),
        ),
        (
            "wrap-of-a-trend",
            closed(
                "A wrap beside a record that is not sealed.",
                "NotSealed",
                "refused: form",
                "courier",
                &["a wrapped key came with a trend"],
                on_trend,
            ),
        ),
    ]
}

fn of_wraps() -> Vec<Case> {
    let (record, secret) = cast::sealed_with_secret();
    let signed = signed(&record);
    let later = |what: &str, fault: &str, blame: &str, mentions: &[&str], wrap: &Wrap| {
        let bytes = framed(&signed, wrap);
        closed(what, fault, "later: no-key", blame, mentions, bytes)
    };
    let does_not_open = |what: &str, wrap: &Wrap| {
        later(
            what,
            "Closed",
            "courier",
            &["does not open", "sealing key"],
            wrap,
        )
    };
    let shelter = cast::shelter();
    let right = wrap_for("wrap", &secret, &signed, &shelter);
    let flipped = |at: usize| {
        let mut bytes = right.to_bytes();
        bytes[at] ^= 1;
        Wrap::from_bytes(&bytes).expect("a wrap")
    };
    let other = super::signed(&cast::trend());
    let another = Secret::from_bytes(&[7; 32]);
    vec![
        (
            "wrapped-to-another-key",
            later(
                "Its key id is not that of the key at hand.",
                "OtherKey",
                "local",
                &["not at hand", "retired"],
                &flipped(0),
            ),
        ),
        (
            "wrapped-for-another-agency",
            does_not_open(
                "The info names the hub, the key is the shelter's.",
                &wrap_for("wrap", &secret, &signed, &cast::agency("hub root")),
            ),
        ),
        (
            "wrapped-for-another-record",
            does_not_open(
                "The wrap of the same secret for another record id.",
                &wrap_for("wrap", &secret, &other, &shelter),
            ),
        ),
        (
            "enc-bit-changed-in-ml-kem",
            does_not_open("A bit of ML-KEM's ciphertext.", &flipped(8)),
        ),
        (
            "enc-bit-changed-in-x25519",
            does_not_open("A bit of X25519's share.", &flipped(8 + 1088)),
        ),
        (
            "wrapped-secret-bit-changed",
            does_not_open("A bit of the wrapped secret.", &flipped(8 + 1120)),
        ),
        (
            "wrap-tag-bit-changed",
            does_not_open("A bit of the wrap's tag.", &flipped(Wrap::BYTES - 1)),
        ),
        (
            "another-secret",
            later(
                "The wrap opens, to a secret that the record does not commit to.",
                "Commitment",
                "courier",
                &["not the one that its author sealed"],
                &wrap_for("wrap", &another, &signed, &shelter),
            ),
        ),
    ]
}

fn of_contents() -> Vec<Case> {
    let by_author = |what: &str, fault: &str, mentions: &[&str], bytes: Vec<u8>| {
        closed(what, fault, "refused: form", "author", mentions, bytes)
    };
    let broken = |what: &str, change: &dyn Fn(&mut Value)| {
        by_author(what, "Changed", &["broken"], changed(change))
    };
    let ill_padded =
        |what: &str, padded: &[u8]| by_author(what, "Padding", &["not padded"], ill_sealed(padded));
    let no_inside = |what: &str, inside: &[u8]| {
        by_author(
            what,
            "Inside",
            &["not a record of this schema"],
            ill_sealed(&padded(inside, 1024)),
        )
    };
    let over_a_limit = |what: &str, mentions: &[&str], inside: &[u8]| {
        let bytes = ill_sealed(&padded(inside, 1024));
        by_author(what, "Limit", mentions, bytes)
    };
    let (record, secret) = cast::sealed_with_secret();
    let inside = open_bytes(&record, &secret).expect("opens");
    let tree: Value = ciborium::from_reader(inside.as_slice()).expect("CBOR");
    let edited = |change: &dyn Fn(&mut Value)| {
        let mut tree = tree.clone();
        change(&mut tree);
        encode(&tree)
    };
    vec![
        (
            "text-bit-changed",
            broken("A bit of the text, and then signed.", &|payload| {
                if let Value::Bytes(text) = at(payload, &["body", "text"]) {
                    text[0] ^= 1;
                }
            }),
        ),
        (
            "recipient-added-after-sealing",
            broken("Another stub than it was sealed with.", &|payload| {
                if let Value::Array(ids) = at(payload, &["body", "recipients"]) {
                    ids.insert(0, Value::Bytes(vec![0; 32]));
                }
            }),
        ),
        (
            "thread-changed-after-sealing",
            broken("Put into another thread.", &|payload| {
                *at(payload, &["thread"]) = Value::Bytes(vec![7; 32]);
            }),
        ),
        (
            "respond-by-changed-after-sealing",
            broken("Given more time.", &|payload| {
                let later = cast::start("2031-04-12").0;
                *at(payload, &["body", "respond_by"]) = later.into();
            }),
        ),
        (
            "padding-without-an-end",
            ill_padded("No 80 after the inside.", &{
                let mut bytes = inside.to_vec();
                bytes.resize(1024, 0);
                bytes
            }),
        ),
        (
            "padding-of-zeros-alone",
            ill_padded("1,024 zeros.", &[0; 1024]),
        ),
        (
            "padding-of-a-larger-class",
            ill_padded("4,096 bytes, where 1,024 do.", &padded(&inside, 4096)),
        ),
        ("inside-empty", no_inside("Nothing but padding.", &[])),
        (
            "inside-not-cbor",
            no_inside("A text where the inside stands.", b"to whom it may concern"),
        ),
        (
            "inside-keys-out-of-order",
            no_inside("Not deterministic.", &{
                let mut tree = tree.clone();
                tree.as_map_mut().expect("a map").reverse();
                let mut bytes = Vec::new();
                ciborium::into_writer(&tree, &mut bytes).expect("encodes");
                bytes
            }),
        ),
        (
            "inside-of-an-unknown-kind",
            no_inside(
                "A kind that this schema does not have.",
                &edited(&|tree| *at(tree, &["kind"]) = "rumour".into()),
            ),
        ),
        (
            "inside-with-an-unknown-field",
            no_inside(
                "A field that this schema does not have.",
                &edited(&|tree| {
                    if let Value::Map(entries) = tree {
                        entries.push(("colour".into(), "red".into()));
                    }
                }),
            ),
        ),
        (
            "inside-to-be-passed-on",
            over_a_limit(
                "What stands inside lets recipients pass it on.",
                &["LIM-06", "onward"],
                &edited(&|tree| *at(tree, &["fields", "onward"]) = "ask".into()),
            ),
        ),
        (
            "inside-with-a-summary",
            over_a_limit(
                "A summary, for which there is no place.",
                &["LIM-06", "summary"],
                &edited(&|tree| {
                    if let Value::Map(entries) = at(tree, &["fields"]) {
                        entries.push(("summary".into(), "What happened to her".into()));
                    }
                }),
            ),
        ),
        (
            "inside-names-its-thread",
            no_inside(
                "The thread stands in the stub, not inside.",
                &edited(&|tree| {
                    if let Value::Map(entries) = at(tree, &["fields"]) {
                        entries.push(("thread".into(), Value::Bytes(vec![7; 32])));
                    }
                }),
            ),
        ),
    ]
}

/// A record that its author sealed wrongly: with this padded inside.
fn ill_sealed(padded: &[u8]) -> Vec<u8> {
    let (record, secret) = cast::sealed_with_secret();
    let mut payload = payload_of(&record);
    let stub = by_hand::taken_apart(payload.clone())
        .expect("a payload")
        .stub;
    let text = by_hand::encrypt(secret.as_bytes(), &stub, padded);
    *at(&mut payload, &["body", "text"]) = Value::Bytes(text);
    let signed = Raw::signed(encode(&payload), &raw::key("narova signing"));
    let wrap = wrap_for("wrap", &secret, &signed, &cast::shelter());
    framed(&signed, &wrap)
}

/// A record whose payload was changed after it was sealed, and then signed.
fn changed(change: &dyn Fn(&mut Value)) -> Vec<u8> {
    let (record, secret) = cast::sealed_with_secret();
    let mut payload = payload_of(&record);
    change(&mut payload);
    let signed = Raw::signed(encode(&payload), &raw::key("narova signing"));
    let wrap = wrap_for("wrap", &secret, &signed, &cast::shelter());
    framed(&signed, &wrap)
}
