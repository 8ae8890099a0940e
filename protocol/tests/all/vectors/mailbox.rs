//! Frames of every message of a mailbox, and frames that are none.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::ParcelId;
use liaison_protocol::wire::mailbox::{Deposit, Held, Message, Refusal, Waiting};
use liaison_protocol::wire::{Hello, Reason, Speaks, frame};

use super::wire::{WireVector, framed, name_of};
use super::{bytes_of, mentioned, on_disk};
use crate::cast;
use crate::raw::{bstr, head};

fn id(byte: u8) -> ParcelId {
    ParcelId::from_bytes([byte; 32])
}

fn messages() -> Vec<Message> {
    let expires = Millis(cast::start(cast::TODAY).0 + 14 * 86_400_000);
    let held = |byte| Held {
        id: id(byte),
        to: cast::shelter(),
        expires,
    };
    vec![
        Message::Hello(Hello::new(
            Speaks { min: 1, max: 1 },
            "liaison 0.1.0",
            cast::narova(),
        )),
        Message::Bye(Reason::Stopping),
        Message::Deposit(Deposit {
            id: id(1),
            to: cast::shelter(),
            size: 4096,
            expires,
            owed: true,
        }),
        Message::Keep(id(1)),
        Message::Piece {
            id: id(1),
            bytes: vec![0xA5; 64],
        },
        Message::Kept(id(1)),
        Message::Refuse {
            id: id(1),
            why: Refusal::AddresseeFull,
        },
        Message::Discard(vec![id(1), id(2)]),
        Message::Discarded(vec![true, false]),
        Message::Collect(64),
        Message::Waiting(Waiting {
            id: id(3),
            from: cast::narova(),
            size: 1_048_576,
        }),
        Message::Fetch(id(3)),
        Message::Done(id(3)),
        Message::Leave(id(3)),
        Message::Gone(id(3)),
        Message::Holding(Some(id(1))),
        Message::Held {
            parcels: vec![held(2), held(3)],
            more: false,
        },
    ]
}

pub fn cases() -> Vec<(&'static str, WireVector)> {
    let good = messages().into_iter().map(|message| {
        let name = message.name();
        (name, WireVector::good(name, &message.encode()))
    });
    let bad = bad().into_iter().map(|(name, what, fault, mention, body)| {
        let vector = WireVector::bad(what, fault, &[mention], &framed(&body));
        (name, vector)
    });
    good.chain(bad).collect()
}

type Bad = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Vec<u8>,
);

fn bad() -> Vec<Bad> {
    let n = |n| head(0, n);
    let array = |items: &[Vec<u8>]| [head(4, items.len() as u64), items.concat()].concat();
    let deposit = |size, owed| {
        array(&[
            n(32),
            bstr(&[1; 32]),
            bstr(&[2; 32]),
            n(size),
            n(9),
            n(owed),
        ])
    };
    let held = |ids: &[u8], to: usize| {
        let times = vec![n(9); ids.len() / 32];
        array(&[
            n(45),
            bstr(ids),
            bstr(&vec![2; to * 32]),
            array(&times),
            n(0),
        ])
    };
    vec![
        (
            "a-live-message",
            "A 'done' of a live stream.",
            "UnknownCode",
            "message 10",
            array(&[n(10)]),
        ),
        (
            "tag-unknown",
            "Tag 47.",
            "UnknownCode",
            "message 47",
            array(&[n(47)]),
        ),
        (
            "items-missing",
            "A deposit without its last item.",
            "Form",
            "wrong number of items",
            array(&[n(32), bstr(&[1; 32]), bstr(&[2; 32]), n(4096), n(9)]),
        ),
        (
            "deposit-size",
            "A deposit of 4,097 bytes.",
            "Form",
            "none of the lengths",
            deposit(4097, 0),
        ),
        (
            "deposit-owed-2",
            "Owed is 2.",
            "Form",
            "neither 0 nor 1",
            deposit(4096, 2),
        ),
        (
            "id-31-bytes",
            "An id of 31 bytes.",
            "Form",
            "wrong length",
            array(&[n(33), bstr(&[1; 31])]),
        ),
        (
            "piece-empty",
            "A piece of no bytes.",
            "Bounds",
            "0 bytes in a piece",
            array(&[n(34), bstr(&[1; 32]), bstr(&[])]),
        ),
        (
            "piece-too-large",
            "A piece of 65,537 bytes.",
            "Bounds",
            "65537 bytes in a piece",
            array(&[n(34), bstr(&[1; 32]), bstr(&[7; 65_537])]),
        ),
        (
            "refusal-unknown",
            "Refusal 6.",
            "UnknownCode",
            "refusal 6",
            array(&[n(36), bstr(&[1; 32]), n(6)]),
        ),
        (
            "discard-none",
            "No parcels to discard.",
            "Bounds",
            "0 parcels to discard",
            array(&[n(37), bstr(&[])]),
        ),
        (
            "discard-257",
            "257 parcels to discard.",
            "Bounds",
            "257 parcels to discard",
            array(&[n(37), bstr(&[1; 257 * 32])]),
        ),
        (
            "discarded-2",
            "Neither yes nor no.",
            "Form",
            "neither yes nor no",
            array(&[n(38), bstr(&[2])]),
        ),
        (
            "collect-0",
            "None at a time.",
            "Bounds",
            "0 parcels to announce",
            array(&[n(39), n(0)]),
        ),
        (
            "collect-65",
            "65 at a time.",
            "Bounds",
            "65 parcels to announce",
            array(&[n(39), n(65)]),
        ),
        (
            "held-out-of-order",
            "Ids that do not rise.",
            "Form",
            "not in the order",
            held(&[[3; 32], [2; 32]].concat(), 2),
        ),
        (
            "held-row-missing",
            "Two ids and one addressee.",
            "Form",
            "different lengths",
            held(&[[2; 32], [3; 32]].concat(), 1),
        ),
        (
            "trailing-byte",
            "A byte follows the message.",
            "Form",
            "bytes follow",
            [Message::Keep(id(1)).encode(), vec![0]].concat(),
        ),
    ]
}

#[test]
fn every_mailbox_vector_is_read_as_its_file_says() {
    if super::blessing() {
        return;
    }
    let mut names = std::collections::BTreeSet::new();
    for (path, vector) in &on_disk::<WireVector>("mailbox") {
        let mut decoder = frame::Decoder::new();
        decoder.push(&bytes_of(&vector.hex));
        let body = decoder.pull().expect("a frame").expect("whole");
        match Message::decode(&body) {
            Ok(message) => {
                assert_eq!(Some(message.name()), vector.message.as_deref(), "{path}");
                assert_eq!(message.encode(), body, "{path}");
                names.insert(message.name());
            }
            Err(fault) => {
                let text = fault.to_string();
                assert_eq!(
                    Some(name_of(&fault)),
                    vector.fault.as_deref(),
                    "{path}: {text}"
                );
                mentioned(path, &text, &vector.mentions);
            }
        }
    }
    assert_eq!(names.len(), 17, "{names:?}");
}
