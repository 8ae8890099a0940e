//! Repairs between honest sides, and against broken ones.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::clock::Hlc;
use crate::fault::Blame;
use crate::id::AgencyId;
use crate::wire::frame;
use crate::wire::hello::Speaks;

fn hello(n: u8) -> Hello {
    Hello::new(Speaks::CURRENT, "test", AgencyId::from_bytes([n; 32]))
}

fn entries(rng: &mut StdRng, count: usize) -> Vec<Entry> {
    let one = |_| Entry {
        // Many share one `created`.
        created: Hlc::from_wire(rng.random_range(0..=count as u64 / 3) << 16),
        id: RecordId::from_bytes(rng.random()),
    };
    (0..count).map(one).collect()
}

struct Run {
    initiator: Finished,
    responder: Finished,
    wire_bytes: usize,
}

fn run(ours: Vec<Entry>, theirs: Vec<Entry>) -> Run {
    let (mut initiator, first) = Initiator::new(hello(1), [1; 16], ours);
    let (mut responder, second) = Responder::new(hello(2), [2; 16], theirs);
    let mut queue = VecDeque::from([(true, first), (false, second)]);
    let (mut at_initiator, mut at_responder, mut wire_bytes) = (None, None, 0);
    while let Some((forth, message)) = queue.pop_front() {
        wire_bytes += frame::encode(&message).len();
        assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
        let event = Event::Message(message);
        let effects = if forth {
            responder.handle(event)
        } else {
            initiator.handle(event)
        };
        for effect in effects {
            match effect {
                Effect::Send(message) => queue.push_back((!forth, message)),
                Effect::Finished(found) if forth => at_responder = Some(found),
                Effect::Finished(found) => at_initiator = Some(found),
                Effect::Opened { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    Run {
        initiator: at_initiator.expect("finished"),
        responder: at_responder.expect("finished"),
        wire_bytes,
    }
}

fn ids(entries: &[Entry]) -> BTreeSet<RecordId> {
    entries.iter().map(|e| e.id).collect()
}

#[test]
fn both_sides_find_exactly_what_the_other_lacks() {
    for seed in 0..60 {
        let mut rng = StdRng::seed_from_u64(seed);
        let size = |rng: &mut StdRng| [0, 1, 40, 700, 3_000][rng.random_range(0..5)];
        let (common, a, b) = (size(&mut rng), size(&mut rng), size(&mut rng));
        let common = entries(&mut rng, common);
        let (only_a, only_b) = (entries(&mut rng, a), entries(&mut rng, b));
        let found = run(
            [common.clone(), only_a.clone()].concat(),
            [common, only_b.clone()].concat(),
        );
        assert_eq!(found.initiator.offer.len(), only_a.len(), "seed {seed}");
        assert_eq!(
            found.initiator.offer.into_iter().collect::<BTreeSet<_>>(),
            ids(&only_a)
        );
        assert_eq!(found.responder.offer.len(), only_b.len(), "seed {seed}");
        assert_eq!(
            found.responder.offer.into_iter().collect::<BTreeSet<_>>(),
            ids(&only_b)
        );
    }
}

#[test]
fn many_messages_of_many_hashes_are_enough_for_an_empty_side() {
    let mut rng = StdRng::seed_from_u64(9);
    let all = entries(&mut rng, 40_000);
    let found = run(Vec::new(), all.clone());
    assert_eq!(found.responder.offer.len(), all.len());
    println!(
        "empty initiator: {} rounds, {} bytes",
        found.initiator.rounds, found.wire_bytes
    );
    let found = run(all.clone(), Vec::new());
    assert_eq!(found.initiator.offer.len(), all.len());
    println!(
        "empty responder: {} rounds, {} bytes",
        found.initiator.rounds, found.wire_bytes
    );
}

#[test]
fn equal_sets_of_100_000_cost_next_to_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    let all = entries(&mut rng, 100_000);
    let mut other_way = all.clone();
    other_way.reverse();
    let begin = Instant::now();
    let found = run(all, other_way);
    let took = begin.elapsed();
    println!(
        "100,000 equal items: {} bytes, {took:?} for both sides",
        found.wire_bytes
    );
    assert_eq!(
        (found.initiator.offer.len(), found.responder.offer.len()),
        (0, 0)
    );
    assert!(found.wire_bytes < 2_000, "{}", found.wire_bytes);
    assert_eq!(found.initiator.rounds, 1);
    // Some 2 s unoptimised on an idle machine: what grew with the square would take hours.
    assert!(took.as_secs_f64() < 60.0, "{took:?}");
}

#[test]
fn one_record_in_100_000_is_found_cheaply() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut all = entries(&mut rng, 100_000);
    let whole = all.clone();
    let missing = all.swap_remove(50_000);
    let found = run(all, whole);
    assert_eq!(found.responder.offer, [missing.id]);
    println!(
        "one of 100,000: {} bytes, {} rounds",
        found.wire_bytes, found.initiator.rounds
    );
    assert!(found.wire_bytes < 10_000, "{}", found.wire_bytes);
}

fn comparing(count: usize) -> Initiator {
    let all = entries(&mut StdRng::seed_from_u64(3), count);
    let (mut initiator, _) = Initiator::new(hello(1), [1; 16], all);
    initiator.handle(Event::Message(Message::Hello(hello(2))));
    let effects = initiator.handle(Event::Message(Message::Nonce([2; 16])));
    assert!(matches!(
        effects.as_slice(),
        [Effect::Send(Message::Ranges(_))]
    ));
    initiator
}

fn answering(count: usize) -> Responder {
    let all = entries(&mut StdRng::seed_from_u64(3), count);
    let (mut responder, _) = Responder::new(hello(2), [2; 16], all);
    responder.handle(Event::Message(Message::Hello(hello(1))));
    responder.handle(Event::Message(Message::Nonce([1; 16])));
    responder
}

fn fault(effects: Vec<Effect>) -> WireFault {
    match effects.as_slice() {
        [
            Effect::Send(Message::Bye(Reason::Fault)),
            Effect::Fault(fault),
        ] => {
            assert_eq!(fault.blame(), Some(Blame::Courier));
            fault.clone()
        }
        other => panic!("no fault: {other:?}"),
    }
}

#[test]
fn a_side_that_never_converges_is_given_up() {
    // One range over everything, with a fingerprint that no set has.
    let ranges: Vec<u8> = [vec![0x61, 0, 0, 1], vec![0xEE; 16]].concat();
    let mut initiator = comparing(300);
    let mut responder = answering(300);
    let mut ends = 0;
    for _ in 0..=limits::REPAIR_ROUNDS {
        let message = || Event::Message(Message::Ranges(ranges.clone()));
        for effects in [initiator.handle(message()), responder.handle(message())] {
            if !matches!(effects.as_slice(), [Effect::Send(Message::Ranges(_))]) {
                let found = fault(effects);
                assert!(matches!(
                    found,
                    WireFault::NotConverging { what: "rounds", .. }
                ));
                ends += 1;
            }
        }
    }
    assert_eq!(ends, 2);
}

#[test]
fn crafted_ranges_are_faults() {
    let bad: [&[u8]; 5] = [
        &[0x62],                                        // another version
        &[0x61, 0, 0, 3],                               // unknown mode
        &[0x61, 0, 33],                                 // bound longer than a hash
        &[0x61, 0, 0, 2, 0xC0, 0x80, 0x80, 0x80, 0x00], // ids that are not there
        &[0x61, 0, 0, 1, 7],                            // fingerprint cut off
    ];
    for ranges in bad {
        let message = || Event::Message(Message::Ranges(ranges.to_vec()));
        fault(comparing(50).handle(message()));
        fault(answering(50).handle(message()));
    }
    fault(answering(50).handle(Event::Message(Message::Ranges(Vec::new()))));
}

#[test]
fn a_hash_of_nothing_is_a_fault() {
    let found = answering(50).handle(Event::Message(Message::Missing(vec![[9; 32]])));
    assert_eq!(fault(found), WireFault::UnknownHash);
}

#[test]
fn an_echoed_nonce_is_a_fault() {
    let (mut initiator, _) = Initiator::new(hello(1), [1; 16], Vec::new());
    initiator.handle(Event::Message(Message::Hello(hello(2))));
    let found = initiator.handle(Event::Message(Message::Nonce([1; 16])));
    assert_eq!(fault(found), WireFault::EchoedNonce);
}

#[test]
fn messages_out_of_turn_are_faults() {
    let done = || Event::Message(Message::Done);
    fault(comparing(5).handle(done()));
    let (mut responder, _) = Responder::new(hello(2), [2; 16], Vec::new());
    fault(responder.handle(done()));
    let missing = Event::Message(Message::Missing(vec![[1; 32]]));
    fault(comparing(5).handle(missing));
    let nonce = Event::Message(Message::Nonce([7; 16]));
    fault(answering(5).handle(nonce));
}

#[test]
fn a_silent_side_is_given_up() {
    let mut initiator = comparing(5);
    assert_eq!(initiator.handle(Event::Tick(Millis(0))), []);
    let found = fault(initiator.handle(Event::Tick(Millis(limits::REPLY_MS + 1))));
    assert!(matches!(found, WireFault::Silent { .. }));
}
