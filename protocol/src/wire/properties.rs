//! Properties: messages round-trip, and nothing that a peer sends panics or piles up.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::clock::{Hlc, Millis};
use crate::fault::Answer;
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::wire::frame::{self, Decoder};
use crate::wire::hello::{Hello, Speaks};
use crate::wire::live::{
    Known, Lane, Receiver, ReceiverEffect, ReceiverEvent, Sender, SenderEffect, SenderEvent,
};
use crate::wire::message::{Item, Message, Reason};
use crate::wire::outcome::Outcome;
use crate::wire::repair::{self, Entry, Initiator, Responder};

fn id() -> impl Strategy<Value = RecordId> {
    prop_oneof![any::<[u8; 32]>(), (0..9u8).prop_map(|n| [n; 32])].prop_map(RecordId::from_bytes)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    any::<u8>().prop_map(|code| Outcome::from_code(code % 38).unwrap_or(Outcome::Withdrawn))
}

fn hello() -> impl Strategy<Value = Hello> {
    (any::<u16>(), any::<u16>(), "[ -~]{0,70}", any::<[u8; 32]>()).prop_map(|(a, b, name, key)| {
        let speaks = Speaks {
            min: a.min(b),
            max: a.max(b),
        };
        Hello::new(speaks, &name, AgencyId::from_bytes(key))
    })
}

fn item() -> impl Strategy<Value = Item> {
    (id(), any::<u64>(), 1..10_000u32).prop_map(|(id, created, size)| Item {
        id,
        created: Hlc::from_wire(created),
        size,
    })
}

/// Batch numbers that a machine may have open, and others.
fn batch() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1..12u64, 1 => any::<u64>()]
}

fn message() -> impl Strategy<Value = Message> {
    let frames = vec(proptest::option::of(vec(any::<u8>(), 1..60)), 1..8);
    prop_oneof![
        1 => hello().prop_map(Message::Hello),
        1 => (0..4usize).prop_map(|n| Message::Bye(Reason::ALL[n])),
        9 => (batch(), vec(item(), 1..6)).prop_map(|(batch, items)| Message::Offer { batch, items }),
        6 => (batch(), vec(0..6u32, 1..5)).prop_map(|(batch, indices)| {
            Message::Want { batch, indices }
        }),
        6 => (batch(), 0..5u32, frames).prop_map(|(batch, first, frames)| {
            Message::Records { batch, first, frames }
        }),
        6 => (batch(), vec(outcome(), 1..6)).prop_map(|(batch, outcomes)| {
            Message::Answers { batch, outcomes }
        }),
        3 => (0..20u32, any::<u64>()).prop_map(|(batches, bytes)| Message::Credit { batches, bytes }),
        1 => any::<[u8; 16]>().prop_map(Message::Nonce),
        3 => vec(any::<u8>(), 1..200).prop_map(Message::Ranges),
        1 => vec(any::<[u8; 32]>(), 1..5).prop_map(Message::Missing),
        1 => Just(Message::Done),
        1 => any::<u64>().prop_map(|now| Message::Time(crate::clock::Millis(now))),
        1 => any::<[u8; 16]>().prop_map(Message::Settled),
        1 => vec(any::<u8>(), 1..300).prop_map(|head| Message::Witness { head }),
        1 => (proptest::option::of(vec(any::<u8>(), 1..300)), proptest::option::of(any::<u64>()))
            .prop_map(|(head, clock)| Message::Held { head, clock: clock.map(crate::clock::Millis) }),
    ]
}

fn ours() -> Hello {
    Hello::new(Speaks::CURRENT, "test", AgencyId::from_bytes([1; 32]))
}

proptest! {
    #[test]
    fn messages_round_trip(message in message()) {
        let body = message.encode();
        prop_assert!(body.len() <= limits::FRAME_BYTES);
        prop_assert_eq!(Message::decode(&body), Ok(message));
    }

    #[test]
    fn what_is_accepted_has_one_encoding(
        message in message(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = message.encode();
        for (place, value) in edits {
            let place = place.index(body.len());
            body[place] = value;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            if let Ok(message) = Message::decode(body) {
                prop_assert_eq!(message.encode(), body);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_the_decoder(chunks in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let mut decoder = Decoder::new();
        for chunk in chunks {
            decoder.push(&chunk);
            while let Ok(Some(_)) = decoder.pull() {}
            let _ = decoder.next_message();
            prop_assert!(decoder.held() <= limits::FRAME_BYTES + frame::HEAD_BYTES + chunk.len()
                || decoder.pull().is_err());
        }
    }

    /// Every step is a message of the peer, or the caller doing what was asked.
    #[test]
    fn no_sequence_of_messages_breaks_a_sender(
        steps in vec(proptest::option::weighted(0.6, message()), 0..120),
        greet in proptest::bool::weighted(0.95),
    ) {
        let (mut sender, _) = Sender::new(ours());
        if greet {
            sender.handle(SenderEvent::Message(Message::Hello(ours())));
            let bytes = limits::CREDIT_BYTES as u64;
            sender.handle(SenderEvent::Message(Message::Credit { batches: 8, bytes }));
        }
        let mut asked = VecDeque::new();
        let mut over = false;
        let mut made = 0u64;
        for (at, step) in steps.into_iter().enumerate() {
            let event = match step {
                Some(message) => SenderEvent::Message(message),
                None => match asked.pop_front() {
                    Some((batch, count)) => {
                        let frames = (0..count).map(|n| (n % 3 != 0).then(|| vec![1; 50]));
                        SenderEvent::Loaded { batch, frames: frames.collect() }
                    }
                    None => {
                        let lane = Lane::ALL[at % 3];
                        if sender.room(lane) == 0 {
                            SenderEvent::Tick(Millis(at as u64 * 100))
                        } else {
                            made += 1;
                            let mut bytes = [0; 32];
                            bytes[..8].copy_from_slice(&made.to_be_bytes());
                            let id = RecordId::from_bytes(bytes);
                            let items = vec![Item { id, created: Hlc::ZERO, size: 50 }];
                            SenderEvent::Scanned { lane, mark: made, items }
                        }
                    }
                },
            };
            let effects = sender.handle(event);
            prop_assert!(!over || effects.is_empty(), "nothing after the end");
            for effect in effects {
                match effect {
                    SenderEffect::Load { batch, ids } => asked.push_back((batch, ids.len())),
                    SenderEffect::Closed(_) => over = true,
                    SenderEffect::Fault(fault) => {
                        over = true;
                        let blame = fault.blame();
                        prop_assert_ne!(blame, Some(crate::fault::Blame::Local), "{}", fault);
                    }
                    _ => {}
                }
            }
            prop_assert!(asked.len() <= limits::BATCHES_IN_FLIGHT);
            if over {
                asked.clear();
            }
        }
    }

    #[test]
    fn no_sequence_of_messages_breaks_a_receiver(
        steps in vec(proptest::option::weighted(0.5, message()), 0..120),
        dense in proptest::bool::weighted(0.8),
    ) {
        let (mut receiver, _) = Receiver::new(ours());
        receiver.handle(ReceiverEvent::Message(Message::Hello(ours())));
        let mut asked = VecDeque::new();
        let (mut over, mut next) = (false, 0);
        for (at, step) in steps.into_iter().enumerate() {
            let event = match step {
                Some(Message::Offer { items, .. }) if dense => {
                    next += 1;
                    ReceiverEvent::Message(Message::Offer { batch: next, items })
                }
                Some(message) => ReceiverEvent::Message(message),
                None => asked.pop_front().unwrap_or(ReceiverEvent::Tick(Millis(at as u64))),
            };
            let effects = receiver.handle(event);
            prop_assert!(!over || effects.is_empty(), "nothing after the end");
            for effect in effects {
                match effect {
                    ReceiverEffect::Lookup { batch, items } => {
                        let known = items.iter().enumerate().map(|(n, _)| match n % 3 {
                            0 => Known::Answer(Answer::Stored),
                            _ => Known::Want,
                        });
                        asked.push_back(ReceiverEvent::Known { batch, known: known.collect() });
                    }
                    ReceiverEffect::Ingest { batch, first, records } => {
                        let answers = vec![Answer::Stored; records.len()];
                        asked.push_back(ReceiverEvent::Ingested { batch, first, answers });
                    }
                    ReceiverEffect::Closed(_) => over = true,
                    ReceiverEffect::Fault(fault) => {
                        over = true;
                        let blame = fault.blame();
                        prop_assert_ne!(blame, Some(crate::fault::Blame::Local), "{}", fault);
                    }
                    _ => {}
                }
            }
            if over {
                asked.clear();
            }
            prop_assert!(receiver.open_batches() <= limits::BATCHES_IN_FLIGHT);
        }
    }

    #[test]
    fn no_sequence_of_messages_breaks_a_repair(
        steps in vec(message(), 0..20),
        ranges in vec(vec(any::<u8>(), 0..120), 0..20),
        count in 0..200u8,
    ) {
        let entry = |n: u8| Entry {
            created: Hlc::from_wire(u64::from(n / 5)),
            id: RecordId::from_bytes([n; 32]),
        };
        let set: Vec<Entry> = (0..count).map(entry).collect();
        let (mut initiator, _) = Initiator::new(ours(), [1; 16], set.clone());
        let (mut responder, _) = Responder::new(ours(), [2; 16], set);
        let begin = [Message::Hello(ours()), Message::Nonce([3; 16])];
        // Bytes that pass as ranges at least in their first byte.
        let ranges = ranges.into_iter().map(|r| Message::Ranges([vec![0x61], r].concat()));
        for message in begin.into_iter().chain(ranges).chain(steps) {
            for effects in [
                initiator.handle(repair::Event::Message(message.clone())),
                responder.handle(repair::Event::Message(message)),
            ] {
                for effect in effects {
                    if let repair::Effect::Send(message) = effect {
                        prop_assert!(message.encode().len() <= limits::FRAME_BYTES);
                        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
                    }
                }
            }
        }
    }
}
