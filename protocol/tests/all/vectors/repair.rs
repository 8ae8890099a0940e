//! A repair, message by message: what each side holds, what it says, what it finds.

use std::collections::VecDeque;

use liaison_protocol::clock::Hlc;
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::repair::{Effect, Entry, Event, Initiator, Responder};
use liaison_protocol::wire::{Hello, Message, Speaks, frame};
use serde::{Deserialize, Serialize};

use super::{bytes_of, hex, on_disk};
use crate::cast;

/// A transcript.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    pub what: String,
    pub initiator: Side,
    pub responder: Side,
    /// In the order in which they are sent.
    pub messages: Vec<Sent>,
}

/// One side's set, and what it is to offer afterwards.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Side {
    pub agency: String,
    pub nonce: String,
    pub set: Vec<Row>,
    pub offers: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub id: String,
    pub created: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    pub from: String,
    pub message: String,
    pub hex: String,
}

fn entries(rows: &[Row]) -> Vec<Entry> {
    rows.iter()
        .map(|row| Entry {
            id: row.id.parse().expect("id"),
            created: Hlc::from_wire(row.created),
        })
        .collect()
}

fn side(agency: &str, nonce: u8, records: &[u8]) -> Side {
    let row = |n: &u8| Row {
        id: RecordId::from_bytes([*n; 32]).full(),
        created: cast::made(u16::from(*n)).to_wire(),
    };
    Side {
        agency: cast::agency(agency).full(),
        nonce: hex(&[nonce; 16]),
        set: records.iter().map(row).collect(),
        offers: Vec::new(),
    }
}

/// Runs both machines against each other.
fn run(what: &str, mut initiator: Side, mut responder: Side) -> Transcript {
    let nonce =
        |side: &Side| -> [u8; 16] { bytes_of(&side.nonce).as_ref().try_into().expect("16 bytes") };
    let hello = |side: &Side| {
        Hello::new(
            Speaks { min: 1, max: 1 },
            "liaison",
            side.agency.parse().expect("agency"),
        )
    };
    let (mut a, first_a) = Initiator::new(
        hello(&initiator),
        nonce(&initiator),
        entries(&initiator.set),
    );
    let (mut b, first_b) = Responder::new(
        hello(&responder),
        nonce(&responder),
        entries(&responder.set),
    );
    let mut messages = Vec::new();
    let mut queue = VecDeque::from([(true, first_a), (false, first_b)]);
    while let Some((from_initiator, mut message)) = queue.pop_front() {
        // Their order means nothing and comes from a hash table.
        if let Message::Missing(hashes) = &mut message {
            hashes.sort_unstable();
        }
        messages.push(Sent {
            from: if from_initiator {
                "initiator"
            } else {
                "responder"
            }
            .to_owned(),
            message: message.name().to_owned(),
            hex: hex(&frame::encode(&message)),
        });
        let effects = if from_initiator {
            b.handle(Event::Message(message))
        } else {
            a.handle(Event::Message(message))
        };
        for effect in effects {
            match effect {
                Effect::Send(message) => queue.push_back((!from_initiator, message)),
                Effect::Finished(finished) => {
                    let offers = finished.offer.iter().map(RecordId::full).collect();
                    if from_initiator {
                        responder.offers = offers;
                    } else {
                        initiator.offers = offers;
                    }
                }
                Effect::Opened { version, .. } => assert_eq!(version, 1),
                other => panic!("{other:?}"),
            }
        }
    }
    Transcript {
        what: what.to_owned(),
        initiator,
        responder,
        messages,
    }
}

pub fn case() -> Transcript {
    run(
        "The initiator holds records 1 to 5 but 4, the responder 1, 2, 4 and 6.",
        side("narova root", 0xA1, &[1, 2, 3, 5]),
        side("shelter root", 0xB2, &[1, 2, 4, 6]),
    )
}

#[test]
fn the_repair_goes_as_its_transcript_says() {
    if super::blessing() {
        return;
    }
    let due: Transcript = on_disk("repair")
        .into_values()
        .next()
        .expect("a transcript");
    let bare = |side: &Side| Side {
        offers: Vec::new(),
        ..side.clone()
    };
    let found = run(&due.what, bare(&due.initiator), bare(&due.responder));
    assert_eq!(found, due);
    let ids = |ns: &[u8]| -> Vec<String> {
        ns.iter()
            .map(|n| RecordId::from_bytes([*n; 32]).full())
            .collect()
    };
    assert_eq!(due.initiator.offers, ids(&[3, 5]));
    assert_eq!(due.responder.offers, ids(&[4, 6]));
    // Ids are salted: none of them stands in a message in the clear.
    for sent in &due.messages {
        let frame = bytes_of(&sent.hex);
        assert!(Message::decode(&frame[frame::HEAD_BYTES..]).is_ok());
        for n in 1..=6u8 {
            assert!(
                !frame.windows(32).any(|w| w == [n; 32]),
                "{} shows an id",
                sent.message
            );
        }
    }
}
