//! The sender against an honest and a broken receiver.

use super::*;
use crate::clock::Hlc;
use crate::fault::{Answer, Blame, Later, Refused};
use crate::id::AgencyId;
use crate::wire::hello::Speaks;

const STORED: Outcome = Outcome::Answered(Answer::Stored);

fn hello() -> Hello {
    Hello::new(Speaks::CURRENT, "test", AgencyId::from_bytes([2; 32]))
}

fn item(n: u8) -> Item {
    sized(n, 600)
}

fn sized(n: u8, size: u32) -> Item {
    Item {
        id: RecordId::from_bytes([n; 32]),
        created: Hlc::ZERO,
        size,
    }
}

fn opened(batches: u32) -> Sender {
    let (mut sender, _) = Sender::new(hello());
    assert_eq!(
        sender.room(Lane::Scan),
        0,
        "nothing before the peer's hello"
    );
    sender.handle(Event::Message(Message::Hello(hello())));
    let bytes = limits::CREDIT_BYTES as u64;
    sender.handle(Event::Message(Message::Credit { batches, bytes }));
    sender
}

fn scan(sender: &mut Sender, lane: Lane, mark: u64, items: Vec<Item>) -> Vec<Effect> {
    sender.handle(Event::Scanned { lane, mark, items })
}

fn offered(effects: &[Effect]) -> Vec<(u64, u8)> {
    let offers = effects.iter().filter_map(|e| match e {
        Effect::Send(Message::Offer { batch, items }) => Some((*batch, items[0].id.as_bytes()[0])),
        _ => None,
    });
    offers.collect()
}

fn answers(sender: &mut Sender, batch: u64, outcomes: Vec<Outcome>) -> Vec<Effect> {
    sender.handle(Event::Message(Message::Answers { batch, outcomes }))
}

fn settled(effects: &[Effect]) -> Vec<Option<u64>> {
    let marks = effects.iter().filter_map(|e| match e {
        Effect::Settled { mark, .. } => Some(*mark),
        _ => None,
    });
    marks.collect()
}

fn fault(effects: Vec<Effect>) -> WireFault {
    match effects.as_slice() {
        [
            ..,
            Effect::Send(Message::Bye(Reason::Fault)),
            Effect::Fault(fault),
        ] => fault.clone(),
        other => panic!("no fault: {other:?}"),
    }
}

#[test]
fn a_batch_goes_its_way() {
    let mut sender = opened(8);
    let effects = scan(&mut sender, Lane::Scan, 9, vec![item(1), item(2), item(3)]);
    assert_eq!(offered(&effects), [(1, 1)]);
    let want = Message::Want {
        batch: 1,
        indices: vec![0, 2],
    };
    let effects = sender.handle(Event::Message(want));
    let ids = vec![item(1).id, item(3).id];
    assert_eq!(effects, [Effect::Load { batch: 1, ids }]);
    let frames = vec![Some(vec![7; 600]), None];
    let effects = sender.handle(Event::Loaded {
        batch: 1,
        frames: frames.clone(),
    });
    assert_eq!(
        effects,
        [Effect::Send(Message::Records {
            batch: 1,
            first: 0,
            frames
        })]
    );
    let refused = Outcome::Answered(Answer::Refused(Refused::Policy));
    let outcomes = vec![STORED, refused, Outcome::Withdrawn];
    let effects = answers(&mut sender, 1, outcomes.clone());
    let ids = [1, 2, 3].map(|n| item(n).id);
    let outcomes = ids.into_iter().zip(outcomes).collect();
    let settled = Effect::Settled {
        lane: Lane::Scan,
        mark: Some(9),
        outcomes,
    };
    assert_eq!(effects, [settled, Effect::Room]);
    assert!(sender.is_idle());
}

#[test]
fn batches_settle_in_order_whatever_the_order_of_answers() {
    let mut sender = opened(8);
    for n in 1..=3 {
        scan(&mut sender, Lane::Scan, u64::from(n), vec![item(n)]);
    }
    assert_eq!(settled(&answers(&mut sender, 3, vec![STORED])), []);
    assert_eq!(settled(&answers(&mut sender, 2, vec![STORED])), []);
    assert_eq!(
        settled(&answers(&mut sender, 1, vec![STORED])),
        [Some(1), Some(2), Some(3)]
    );
}

#[test]
fn credit_holds_offers_back_and_owed_traffic_goes_first() {
    let mut sender = opened(1);
    let effects = scan(&mut sender, Lane::Scan, 1, vec![item(1)]);
    assert_eq!(offered(&effects), [(1, 1)]);
    for (lane, n) in [
        (Lane::Scan, 2),
        (Lane::Scan, 3),
        (Lane::Again, 4),
        (Lane::Owed, 5),
    ] {
        assert_eq!(offered(&scan(&mut sender, lane, 0, vec![item(n)])), []);
    }
    let mut order = Vec::new();
    for batch in 1..=4 {
        order.extend(offered(&answers(&mut sender, batch, vec![STORED])));
    }
    assert_eq!(
        order,
        [(2, 5), (3, 2), (4, 4), (5, 3)],
        "owed, then scan and again in turns"
    );
}

#[test]
fn credit_of_bytes_counts_what_is_announced() {
    let mut sender = opened(8);
    let bytes = limits::BATCH_BYTES as u64;
    sender.handle(Event::Message(Message::Credit { batches: 8, bytes }));
    let large = limits::RECORD_FRAME_BYTES as u32;
    let items = |from: u8| {
        (from..from + 20)
            .map(|n| sized(n, large))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        offered(&scan(&mut sender, Lane::Scan, 1, items(0))),
        [(1, 0)]
    );
    assert_eq!(offered(&scan(&mut sender, Lane::Scan, 2, items(50))), []);
    assert_eq!(
        offered(&answers(&mut sender, 1, vec![STORED; 20])),
        [(2, 50)]
    );
}

#[test]
fn an_empty_scan_moves_the_mark_only_after_what_is_open() {
    let mut sender = opened(8);
    assert_eq!(
        settled(&scan(&mut sender, Lane::Scan, 4, vec![])),
        [Some(4)]
    );
    scan(&mut sender, Lane::Scan, 5, vec![item(1)]);
    assert_eq!(settled(&scan(&mut sender, Lane::Scan, 6, vec![])), []);
    assert_eq!(settled(&answers(&mut sender, 1, vec![STORED])), [Some(6)]);
}

#[test]
fn a_scan_of_large_records_is_cut_and_its_mark_comes_with_the_last_piece() {
    let mut sender = opened(8);
    let large = limits::RECORD_FRAME_BYTES as u32;
    let items: Vec<Item> = (0..100).map(|n| sized(n, large)).collect();
    let mut effects = scan(&mut sender, Lane::Scan, 77, items);
    let (mut marks, mut sizes) = (Vec::new(), Vec::new());
    while let Some(offer) = effects.iter().position(|e| matches!(e, Effect::Send(_))) {
        let Effect::Send(Message::Offer { batch, items }) = effects.remove(offer) else {
            panic!("not an offer");
        };
        sizes.push(items.len());
        effects.extend(answers(&mut sender, batch, vec![STORED; items.len()]));
    }
    marks.extend(settled(&effects));
    assert_eq!(sizes.iter().sum::<usize>(), 100);
    assert!(
        sizes
            .iter()
            .all(|n| n * large as usize <= limits::BATCH_BYTES)
    );
    assert_eq!(marks.iter().flatten().collect::<Vec<_>>(), [&77]);
    assert_eq!(marks.last(), Some(&Some(77)));
}

#[test]
fn large_wants_are_cut_into_frames() {
    let mut sender = opened(8);
    let large = limits::RECORD_FRAME_BYTES as u32;
    let items: Vec<Item> = (0..30).map(|n| sized(n, large)).collect();
    scan(&mut sender, Lane::Scan, 1, items);
    sender.handle(Event::Message(Message::Want {
        batch: 1,
        indices: (0..30).collect(),
    }));
    let frames = vec![Some(vec![1; large as usize]); 30];
    let effects = sender.handle(Event::Loaded { batch: 1, frames });
    let mut next = 0;
    for effect in &effects {
        let Effect::Send(message) = effect else {
            panic!("{effect:?}")
        };
        assert!(message.encode().len() <= limits::FRAME_BYTES);
        assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(message));
        let Message::Records { first, frames, .. } = message else {
            panic!("{message:?}")
        };
        assert_eq!(*first, next);
        next += frames.len() as u32;
    }
    assert_eq!(next, 30);
    assert!(effects.len() >= 2);
}

#[test]
fn nothing_outside_an_offer_can_be_asked_for() {
    let bad: [(u64, Vec<u32>); 5] = [
        (1, vec![2]),
        (1, vec![1, 1]),
        (1, vec![1, 0]),
        (2, vec![0]),
        (0, vec![0]),
    ];
    for (batch, indices) in bad {
        let mut sender = opened(8);
        scan(&mut sender, Lane::Scan, 1, vec![item(1), item(2)]);
        let effects = sender.handle(Event::Message(Message::Want { batch, indices }));
        assert!(!effects.iter().any(|e| matches!(e, Effect::Load { .. })));
        assert_eq!(fault(effects).blame(), Some(Blame::Courier));
        assert_eq!(sender.room(Lane::Scan), 0, "over");
        assert_eq!(scan(&mut sender, Lane::Scan, 2, vec![item(3)]), []);
    }
    // A second want for one offer neither.
    let mut sender = opened(8);
    scan(&mut sender, Lane::Scan, 1, vec![item(1), item(2)]);
    sender.handle(Event::Message(Message::Want {
        batch: 1,
        indices: vec![0],
    }));
    let again = Message::Want {
        batch: 1,
        indices: vec![1],
    };
    let unknown = WireFault::UnknownBatch {
        message: "want",
        batch: 1,
    };
    assert_eq!(fault(sender.handle(Event::Message(again))), unknown);
}

#[test]
fn answers_must_fit_what_was_sent() {
    let later = Outcome::Answered(Answer::Later(Later::Disk));
    let bad = [
        vec![STORED],
        vec![STORED, later, later],
        vec![Outcome::Withdrawn, STORED],
    ];
    for outcomes in bad {
        let mut sender = opened(8);
        scan(&mut sender, Lane::Scan, 1, vec![item(1), item(2)]);
        let fault = fault(answers(&mut sender, 1, outcomes));
        assert_eq!(fault.blame(), Some(Blame::Courier));
    }
    // Not before what was wanted was sent.
    let mut sender = opened(8);
    scan(&mut sender, Lane::Scan, 1, vec![item(1)]);
    sender.handle(Event::Message(Message::Want {
        batch: 1,
        indices: vec![0],
    }));
    let unknown = WireFault::UnknownBatch {
        message: "answers",
        batch: 1,
    };
    assert_eq!(fault(answers(&mut sender, 1, vec![STORED])), unknown);
}

#[test]
fn a_hello_comes_first_and_once() {
    let (mut sender, _) = Sender::new(hello());
    let found = fault(sender.handle(Event::Message(Message::Credit {
        batches: 1,
        bytes: 9,
    })));
    assert_eq!(
        found,
        WireFault::Unexpected {
            expected: "hello",
            found: "credit"
        }
    );
    let mut sender = opened(1);
    let found = fault(sender.handle(Event::Message(Message::Hello(hello()))));
    assert!(matches!(
        found,
        WireFault::Unexpected { found: "hello", .. }
    ));
}

#[test]
fn a_silent_peer_is_given_up() {
    let (mut sender, _) = Sender::new(hello());
    assert_eq!(sender.handle(Event::Tick(Millis(5))), []);
    assert_eq!(sender.handle(Event::Tick(Millis(5 + limits::HELLO_MS))), []);
    let found = fault(sender.handle(Event::Tick(Millis(6 + limits::HELLO_MS))));
    assert!(matches!(found, WireFault::Silent { .. }));

    let mut sender = opened(8);
    sender.handle(Event::Tick(Millis(10)));
    assert_eq!(
        sender.handle(Event::Tick(Millis(1 << 40))),
        [],
        "an idle stream may be silent"
    );
    scan(&mut sender, Lane::Scan, 1, vec![item(1)]);
    // It counts from the first tick after the offer, however long ago the one before was.
    let first = (1 << 40) + 10 * limits::REPLY_MS;
    assert_eq!(sender.handle(Event::Tick(Millis(first))), []);
    let late = Millis(first + limits::REPLY_MS + 1);
    assert!(matches!(
        fault(sender.handle(Event::Tick(late))),
        WireFault::Silent { .. }
    ));
}

#[test]
fn the_callers_own_mistakes_are_local() {
    let mut sender = opened(0);
    for n in 0..limits::BATCHES_IN_FLIGHT as u8 {
        assert_eq!(scan(&mut sender, Lane::Again, 0, vec![item(n)]), []);
    }
    assert_eq!(sender.room(Lane::Again), 0);
    let found = fault(scan(&mut sender, Lane::Again, 0, vec![item(99)]));
    assert_eq!(found.blame(), Some(Blame::Local));
}

#[test]
fn notices_go_both_ways_after_the_hellos_and_are_bounded() {
    let held = Notice::Held {
        head: None,
        clock: Some(Millis(7)),
    };
    let message = Message::from(held.clone());
    let (mut early, _) = Sender::new(hello());
    assert!(matches!(
        early.handle(Event::Notify(held.clone())).last(),
        Some(Effect::Fault(WireFault::Misuse { .. }))
    ));
    let (mut early, _) = Sender::new(hello());
    let effects = early.handle(Event::Message(message.clone()));
    assert!(
        matches!(effects.last(), Some(Effect::Fault(_))),
        "no hello yet"
    );

    let mut sender = opened(8);
    let sent = sender.handle(Event::Notify(held.clone()));
    assert_eq!(sent, [Effect::Send(message.clone())]);
    for _ in 0..limits::NOTICES_AT_ONCE {
        let effects = sender.handle(Event::Message(message.clone()));
        assert_eq!(effects, [Effect::Noticed(held.clone())]);
    }
    sender.handle(Event::Tick(Millis(1)));
    let effects = sender.handle(Event::Message(message.clone()));
    assert_eq!(effects, [Effect::Noticed(held)], "a tick lets one more in");
    let effects = sender.handle(Event::Message(message));
    assert!(
        matches!(
            effects.last(),
            Some(Effect::Fault(WireFault::OverCredit { .. }))
        ),
        "{effects:?}"
    );
}
