//! Parcels that their addressee refuses, each for one reason.

use super::{
    Case, ParcelVector, Plain, list, numbers, padded, record, sealed, sealed_for, signed,
    signed_by, vector,
};
use crate::cast;
use crate::raw::{bstr, head};

const DAY_MS: u64 = 86_400_000;

pub fn cases() -> Vec<Case> {
    [
        of_parcels(),
        of_forms(),
        of_keys(),
        of_letters(),
        of_states(),
    ]
    .concat()
}

fn right() -> Vec<u8> {
    signed_by("narova signing", &Plain::new().payload())
}

fn bad(what: &str, fault: &str, blame: &str, mentions: &[&str], bytes: &[u8]) -> ParcelVector {
    ParcelVector {
        fault: Some(fault.into()),
        blame: Some(blame.into()),
        mentions: mentions.iter().map(|&m| m.to_owned()).collect(),
        ..vector(what, bytes)
    }
}

fn of_parcels() -> Vec<Case> {
    let parcel = sealed("bad", &right());
    let flipped = |at: usize| {
        let mut bytes = parcel.clone();
        bytes[at] ^= 1;
        bytes
    };
    let size = |what: &str, bytes: &[u8]| {
        bad(
            what,
            "Size",
            "courier",
            &[&bytes.len().to_string(), "no parcel"],
            bytes,
        )
    };
    let closed = |what: &str, bytes: Vec<u8>| {
        bad(
            what,
            "Closed",
            "courier",
            &["does not open", "changed on the way"],
            &bytes,
        )
    };
    let padding = |what: &str, text: &[u8]| {
        let bytes = sealed_for("bad", &cast::shelter(), text);
        bad(what, "Padding", "courier", &["not padded"], &bytes)
    };
    let mut zeros = right();
    zeros.resize(4096 - 1144, 0);
    vec![
        ("cut-short", size("Without its last byte.", &parcel[..4095])),
        (
            "a-byte-more",
            size("A byte behind it.", &[parcel.as_slice(), &[0]].concat()),
        ),
        ("empty", size("No bytes.", &[])),
        (
            "sealed-to-another-key",
            bad(
                "Its key id is not that of the key at hand.",
                "OtherKey",
                "courier",
                &["not ours", "another agency"],
                &flipped(0),
            ),
        ),
        (
            "enc-bit-changed",
            closed("A bit of the encapsulated key.", flipped(700)),
        ),
        (
            "text-bit-changed",
            closed("A bit of the text.", flipped(2000)),
        ),
        ("tag-bit-changed", closed("The last bit.", flipped(4095))),
        (
            "sealed-for-another-agency",
            closed(
                "The info names the hub, the key is the shelter's.",
                sealed_for("bad", &cast::agency("hub root"), &padded(&right(), 4096)),
            ),
        ),
        (
            "not-ended",
            padding("Zeros without the byte that ends the letter.", &zeros),
        ),
        (
            "class-too-large",
            padding(
                "A letter of the first class in the second.",
                &padded(&right(), 16384),
            ),
        ),
    ]
}

fn of_forms() -> Vec<Case> {
    let form = |what: &str, mentions: &[&str], signed: &[u8]| {
        bad(what, "Form", "courier", mentions, &sealed("bad", signed))
    };
    let letter = |what: &str, mentions: &[&str], payload: &[u8]| {
        form(what, mentions, &signed_by("narova signing", payload))
    };
    let cargo = |cargo: Vec<u8>| Plain::with(|l| l.contents = vec![cargo]);
    let n = |n| head(0, n);
    let record_of = |frame: usize| record(&[7; 32], 9, &vec![8; frame]);
    vec![
        (
            "not-cose",
            form(
                "The payload without a signature around it.",
                &["no letter"],
                &Plain::new().payload(),
            ),
        ),
        (
            "tag-missing",
            form(
                "A COSE_Sign1 without its tag.",
                &["no letter"],
                &right()[1..],
            ),
        ),
        (
            "bytes-after-letter",
            form(
                "A byte behind the letter.",
                &["no letter"],
                &[right(), vec![7]].concat(),
            ),
        ),
        (
            "content-type-of-a-record",
            form(
                "The content type of a record.",
                &["differs from the one form"],
                &signed(
                    "narova signing",
                    "application/vnd.liaison.record+cbor",
                    b"liaison/1 letter",
                    &Plain::new().payload(),
                ),
            ),
        ),
        (
            "number-not-shortest",
            letter("Its number in two bytes.", &["not the shortest"], &{
                let payload = Plain::new().payload();
                [&payload[..69], &[0x18], &payload[69..]].concat()
            }),
        ),
        (
            "seven-items",
            letter("A seventh item.", &["items in a letter"], &{
                let payload = Plain::new().payload();
                [head(4, 7), payload[1..].to_vec(), n(0)].concat()
            }),
        ),
        (
            "cargo-unknown",
            letter("A cargo of kind 5.", &["cargo 5"], &cargo(numbers(5, &[1]))),
        ),
        (
            "answer-withdrawn",
            letter(
                "An answer that only a stream knows.",
                &["answer 1"],
                &cargo(list(&[n(1), bstr(&[1; 32]), bstr(&[1])])),
            ),
        ),
        (
            "answers-missing",
            letter(
                "Two records and one answer.",
                &["another number of answers"],
                &cargo(list(&[n(1), bstr(&[1; 64]), bstr(&[0])])),
            ),
        ),
        (
            "frame-empty",
            letter(
                "A record of no bytes.",
                &["no or too many bytes"],
                &cargo(record_of(0)),
            ),
        ),
        (
            "frame-too-large",
            letter(
                "A record of 69,633 bytes.",
                &["no or too many bytes"],
                &cargo(record_of(69_633)),
            ),
        ),
        (
            "retired-none",
            letter(
                "A retired key, and no parcel that is sealed to it.",
                &["0 retired parcels"],
                &cargo(retired(8, 0)),
            ),
        ),
        (
            "retired-id-cut-short",
            letter(
                "The last id of two has 31 bytes.",
                &["no letter"],
                &cargo(retired(8, 63)),
            ),
        ),
        (
            "retired-key-of-7-bytes",
            letter(
                "The name of a key in 7 bytes.",
                &["no letter"],
                &cargo(retired(7, 32)),
            ),
        ),
        (
            "numbers-none",
            letter(
                "No number that arrived.",
                &["0 numbers"],
                &cargo(numbers(2, &[])),
            ),
        ),
    ]
}

/// `[4, key, ids]`: so many bytes of each.
fn retired(key: usize, ids: usize) -> Vec<u8> {
    list(&[head(0, 4), bstr(&vec![9; key]), bstr(&vec![1; ids])])
}

fn of_keys() -> Vec<Case> {
    let by = |what: &str, fault: &str, blame: &str, mentions: &[&str], key: &str| {
        let signed = signed_by(key, &Plain::new().payload());
        bad(what, fault, blame, mentions, &sealed("bad", &signed))
    };
    let not_valid = |what: &str, key: &str| {
        by(
            what,
            "KeyNotValid",
            "author",
            &["could not sign", "lost since"],
            key,
        )
    };
    let mut flipped = right();
    let last = flipped.len() - 1;
    flipped[last - 20] ^= 1;
    let unsigned = |what: &str, signed: &[u8]| {
        let mentions = ["does not verify"];
        bad(
            what,
            "DoesNotVerify",
            "courier",
            &mentions,
            &sealed("bad", signed),
        )
    };
    vec![
        (
            "key-of-a-stranger",
            by(
                "Signed by a key that is on no card.",
                "UnknownKey",
                "local",
                &["on no card"],
                "stranger",
            ),
        ),
        (
            "key-compromised",
            not_valid("A key that was compromised.", "narova lost"),
        ),
        (
            "key-rotated",
            not_valid("A key that was rotated before.", "narova rotated"),
        ),
        (
            "key-past",
            not_valid("A key whose time was over.", "narova past"),
        ),
        (
            "key-of-the-root",
            not_valid("The root key signs cards only.", "narova root"),
        ),
        (
            "signature-bit-changed",
            unsigned("A bit of the signature.", &flipped),
        ),
        (
            "signed-as-a-record",
            unsigned(
                "The external AAD of a record.",
                &signed(
                    "narova signing",
                    "application/vnd.liaison.letter+cbor",
                    b"liaison/1 record",
                    &Plain::new().payload(),
                ),
            ),
        ),
    ]
}

fn of_letters() -> Vec<Case> {
    let letter = |what: &str, mentions: &[&str], payload: Vec<u8>| {
        let signed = signed_by("narova signing", &payload);
        bad(what, "Letter", "author", mentions, &sealed("bad", &signed))
    };
    let many: Vec<u64> = (1..=1024).collect();
    vec![
        (
            "number-0",
            letter(
                "Number 0.",
                &["numbered from 1"],
                Plain::with(|l| l.number = 0),
            ),
        ),
        (
            "to-its-sender",
            letter(
                "From and to are one.",
                &["its own sender"],
                Plain::with(|l| l.to = l.from),
            ),
        ),
        (
            "lives-31-days",
            letter(
                "It expires after 31 days.",
                &["within 30 days"],
                Plain::with(|l| l.expires = l.made + 31 * DAY_MS),
            ),
        ),
        (
            "ends-before-it-begins",
            letter(
                "It expires when it is made.",
                &["within 30 days"],
                Plain::with(|l| l.expires = l.made),
            ),
        ),
        (
            "nothing-in-it",
            letter(
                "No contents.",
                &["nothing in it"],
                Plain::with(|l| l.contents.clear()),
            ),
        ),
        (
            "record-twice",
            letter(
                "One record twice.",
                &["twice"],
                Plain::with(|l| {
                    l.contents = vec![record(&[7; 32], 9, &[8]), record(&[7; 32], 9, &[9])]
                }),
            ),
        ),
        (
            "arrived-1025",
            letter(
                "1,025 numbers that arrived, in two lists.",
                &["1025 numbers that arrived", "1024"],
                Plain::with(|l| l.contents = vec![numbers(2, &many), numbers(2, &[2000])]),
            ),
        ),
        (
            "retired-1025",
            letter(
                "1,025 parcels that open no more, in two lists.",
                &["1025 retired parcels", "1024"],
                Plain::with(|l| l.contents = vec![retired(8, 32 * 1024), retired(8, 32)]),
            ),
        ),
    ]
}

fn of_states() -> Vec<Case> {
    let with = |what: &str, fault: &str, blame: &str, mentions: &[&str], payload: Vec<u8>| {
        let signed = signed_by("narova signing", &payload);
        bad(what, fault, blame, mentions, &sealed("bad", &signed))
    };
    let plain = || Plain::new().payload();
    let late = ParcelVector {
        now: cast::start(cast::TODAY).0 + 14 * DAY_MS,
        ..with(
            "It is opened when it expires.",
            "Expired",
            "courier",
            &["past its expiry", "letter 5"],
            plain(),
        )
    };
    let early = ParcelVector {
        now: cast::start(cast::TODAY).0 - 600_001,
        ..with(
            "It is 10 minutes and 1 ms ahead.",
            "Ahead",
            "author",
            &["ahead of our clock"],
            plain(),
        )
    };
    let again = ParcelVector {
        seen: vec![5],
        ..with(
            "Its number came before.",
            "SeenBefore",
            "courier",
            &["letter 5", "came before"],
            plain(),
        )
    };
    let other = ParcelVector {
        depositor: Some(cast::agency("hub root").full()),
        ..with(
            "The hub says that another agency deposited it.",
            "OtherDepositor",
            "courier",
            &["deposited it"],
            plain(),
        )
    };
    vec![
        (
            "for-another-agency",
            with(
                "Signed for the hub, sealed to the shelter by somebody.",
                "NotForUs",
                "courier",
                &["not to us"],
                Plain::with(|l| l.to = cast::agency("hub root")),
            ),
        ),
        ("expired", late),
        ("ahead", early),
        ("replayed", again),
        ("deposited-by-another", other),
    ]
}
