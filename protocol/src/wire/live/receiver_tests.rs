//! The receiver against an honest and a broken sender.

use super::*;
use crate::clock::Hlc;
use crate::fault::{Blame, Later, Refused};
use crate::id::{AgencyId, RecordId};
use crate::wire::hello::Speaks;

fn hello() -> Hello {
    Hello::new(Speaks::CURRENT, "test", AgencyId::from_bytes([3; 32]))
}

fn items(range: std::ops::Range<u8>) -> Vec<Item> {
    let one = |n| Item {
        id: RecordId::from_bytes([n; 32]),
        created: Hlc::ZERO,
        size: 10,
    };
    range.map(one).collect()
}

fn opened() -> Receiver {
    let (mut receiver, _) = Receiver::new(hello());
    let effects = receiver.handle(Event::Message(Message::Hello(hello())));
    assert!(matches!(
        effects.as_slice(),
        [
            Effect::Opened { version: 1, .. },
            Effect::Send(Message::Credit { batches: 8, .. })
        ]
    ));
    receiver
}

fn send(receiver: &mut Receiver, message: Message) -> Vec<Effect> {
    receiver.handle(Event::Message(message))
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

/// A receiver that wants the second and fourth of four.
fn wanting() -> Receiver {
    let mut receiver = opened();
    let effects = send(
        &mut receiver,
        Message::Offer {
            batch: 1,
            items: items(0..4),
        },
    );
    assert_eq!(
        effects,
        [Effect::Lookup {
            batch: 1,
            items: items(0..4)
        }]
    );
    let known = vec![
        Known::Answer(Answer::Stored),
        Known::Want,
        Known::Answer(Answer::Refused(Refused::Retracted)),
        Known::Want,
    ];
    let effects = receiver.handle(Event::Known { batch: 1, known });
    assert_eq!(
        effects,
        [Effect::Send(Message::Want {
            batch: 1,
            indices: vec![1, 3]
        })]
    );
    receiver
}

#[test]
fn a_batch_goes_its_way_in_pieces() {
    let mut receiver = wanting();
    let frames = vec![Some(vec![1; 10])];
    let effects = send(
        &mut receiver,
        Message::Records {
            batch: 1,
            first: 0,
            frames,
        },
    );
    let records = vec![(items(0..4)[1], vec![1; 10])];
    assert_eq!(
        effects,
        [Effect::Ingest {
            batch: 1,
            first: 0,
            records
        }]
    );
    let frames = vec![Some(vec![3; 9])];
    let effects = send(
        &mut receiver,
        Message::Records {
            batch: 1,
            first: 1,
            frames,
        },
    );
    assert!(matches!(
        effects.as_slice(),
        [Effect::Ingest {
            batch: 1,
            first: 1,
            ..
        }]
    ));
    let later = Answer::Later(Later::Quota);
    let ingested = Event::Ingested {
        batch: 1,
        first: 1,
        answers: vec![later],
    };
    assert_eq!(receiver.handle(ingested), []);
    let ingested = Event::Ingested {
        batch: 1,
        first: 0,
        answers: vec![Answer::Stored],
    };
    let effects = receiver.handle(ingested);
    let outcomes = [
        Answer::Stored,
        Answer::Stored,
        Answer::Refused(Refused::Retracted),
        later,
    ]
    .map(Outcome::Answered);
    let answers = Message::Answers {
        batch: 1,
        outcomes: outcomes.to_vec(),
    };
    assert_eq!(effects, [Effect::Send(answers)]);
    assert_eq!(receiver.open_batches(), 0);
}

#[test]
fn what_the_sender_withdrew_is_answered_as_such() {
    let mut receiver = wanting();
    let effects = send(
        &mut receiver,
        Message::Records {
            batch: 1,
            first: 0,
            frames: vec![None, None],
        },
    );
    let [Effect::Send(Message::Answers { outcomes, .. })] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(outcomes[1], Outcome::Withdrawn);
    assert_eq!(outcomes[3], Outcome::Withdrawn);
}

#[test]
fn an_offer_of_nothing_new_is_answered_at_once() {
    let mut receiver = opened();
    send(
        &mut receiver,
        Message::Offer {
            batch: 1,
            items: items(0..2),
        },
    );
    let known = vec![Known::Answer(Answer::Stored); 2];
    let effects = receiver.handle(Event::Known { batch: 1, known });
    assert!(matches!(
        effects.as_slice(),
        [Effect::Send(Message::Answers { batch: 1, .. })]
    ));
}

#[test]
fn records_that_were_not_wanted_are_a_fault() {
    let one = || Some(vec![1; 10]);
    let bad = [
        (1, 1, vec![one()]),
        (1, 0, vec![one(), one(), one()]),
        (2, 0, vec![one()]),
        (1, 0, vec![Some(vec![1; 11])]),
        (1, 0, vec![]),
    ];
    for (batch, first, frames) in bad {
        let mut receiver = wanting();
        let effects = send(
            &mut receiver,
            Message::Records {
                batch,
                first,
                frames,
            },
        );
        assert!(!effects.iter().any(|e| matches!(e, Effect::Ingest { .. })));
        assert_eq!(fault(effects).blame(), Some(Blame::Courier));
    }
    // Before anything was wanted, neither.
    let mut receiver = opened();
    send(
        &mut receiver,
        Message::Offer {
            batch: 1,
            items: items(0..1),
        },
    );
    let effects = send(
        &mut receiver,
        Message::Records {
            batch: 1,
            first: 0,
            frames: vec![one()],
        },
    );
    assert_eq!(
        fault(effects),
        WireFault::UnknownBatch {
            message: "records",
            batch: 1
        }
    );
}

#[test]
fn offers_are_dense_and_name_nothing_twice() {
    for batch in [0, 2] {
        let found = fault(send(
            &mut opened(),
            Message::Offer {
                batch,
                items: items(0..1),
            },
        ));
        assert_eq!(
            found,
            WireFault::NotDense {
                expected: 1,
                found: batch
            }
        );
    }
    let twice = [items(0..2), items(1..2)].concat();
    let found = fault(send(
        &mut opened(),
        Message::Offer {
            batch: 1,
            items: twice,
        },
    ));
    assert_eq!(found, WireFault::RepeatedId { batch: 1 });
}

#[test]
fn more_than_the_credit_is_a_fault() {
    let mut receiver = opened();
    for batch in 1..=8 {
        let effects = send(
            &mut receiver,
            Message::Offer {
                batch,
                items: items(0..1),
            },
        );
        assert!(matches!(effects.as_slice(), [Effect::Lookup { .. }]));
    }
    let found = fault(send(
        &mut receiver,
        Message::Offer {
            batch: 9,
            items: items(0..1),
        },
    ));
    assert_eq!(
        found,
        WireFault::OverCredit {
            what: "batches",
            found: 9,
            granted: 8
        }
    );

    let mut receiver = opened();
    let size = limits::RECORD_FRAME_BYTES as u32;
    let large: Vec<Item> = items(0..30)
        .into_iter()
        .map(|i| Item { size, ..i })
        .collect();
    send(
        &mut receiver,
        Message::Offer {
            batch: 1,
            items: large.clone(),
        },
    );
    send(
        &mut receiver,
        Message::Offer {
            batch: 2,
            items: large.clone(),
        },
    );
    let found = fault(send(
        &mut receiver,
        Message::Offer {
            batch: 3,
            items: large,
        },
    ));
    assert!(matches!(found, WireFault::OverCredit { what: "bytes", .. }));
}

#[test]
fn a_lowered_grant_does_not_blame_what_was_under_way() {
    let mut receiver = opened();
    let effects = receiver.handle(Event::Grant {
        batches: 0,
        bytes: 0,
    });
    let bytes = limits::BATCH_BYTES as u64;
    assert_eq!(
        effects,
        [Effect::Send(Message::Credit { batches: 0, bytes })]
    );
    let effects = send(
        &mut receiver,
        Message::Offer {
            batch: 1,
            items: items(0..1),
        },
    );
    assert!(matches!(effects.as_slice(), [Effect::Lookup { .. }]));
}

#[test]
fn wanted_records_that_do_not_come_are_given_up() {
    let mut receiver = wanting();
    assert_eq!(receiver.handle(Event::Tick(Millis(0))), []);
    assert_eq!(receiver.handle(Event::Tick(Millis(limits::REPLY_MS))), []);
    let found = fault(receiver.handle(Event::Tick(Millis(limits::REPLY_MS + 1))));
    assert!(matches!(found, WireFault::Silent { .. }));
}

#[test]
fn no_common_version_ends_without_a_bye() {
    let (mut receiver, _) = Receiver::new(hello());
    let theirs = Hello {
        speaks: Speaks { min: 2, max: 4 },
        ..hello()
    };
    let effects = send(&mut receiver, Message::Hello(theirs));
    let incompatible = WireFault::Incompatible {
        ours: Speaks { min: 1, max: 1 },
        theirs: Speaks { min: 2, max: 4 },
        software: "test".into(),
    };
    assert!(
        incompatible.to_string().contains("we speak version 1"),
        "{incompatible}"
    );
    assert_eq!(effects, [Effect::Fault(incompatible)]);
}

#[test]
fn a_notice_is_handed_on_and_disturbs_no_batch() {
    let (mut receiver, _) = Receiver::new(hello());
    receiver.handle(Event::Message(Message::Hello(hello())));
    let notice = Notice::Witness { head: vec![1; 40] };
    let effects = receiver.handle(Event::Message(notice.clone().into()));
    assert_eq!(effects, [Effect::Noticed(notice.clone())]);
    let effects = receiver.handle(Event::Notify(notice.clone()));
    assert_eq!(effects, [Effect::Send(notice.clone().into())]);
    for _ in 1..limits::NOTICES_AT_ONCE {
        receiver.handle(Event::Message(notice.clone().into()));
    }
    let effects = receiver.handle(Event::Message(notice.into()));
    assert!(
        matches!(
            effects.last(),
            Some(Effect::Fault(WireFault::OverCredit { .. }))
        ),
        "{effects:?}"
    );
}
