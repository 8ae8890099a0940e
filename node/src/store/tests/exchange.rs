//! Ledger, refusals, cursors.

use super::*;

#[tokio::test]
async fn the_ledger_lists_by_peer_and_record_and_knows_what_waits() {
    let (_dir, store) = open();
    store
        .write((1..=50).map(|n| insert(record(n, 5))).collect())
        .await
        .unwrap();
    let line = |peer, arrival, entry| Op::Ledger {
        peer: agency(peer),
        arrival: Arrival(arrival),
        entry,
    };
    let later = Some(Answer::Later(Later::Clock));
    let mut ops: Vec<_> = (1..=50)
        .map(|n| line(8, n, entry(Direction::Offered, later)))
        .collect();
    ops.push(line(7, 3, entry(Direction::Received, Some(Answer::Stored))));
    ops.push(line(8, 3, entry(Direction::Sent, Some(Answer::Stored))));
    ops.push(line(8, 3, entry(Direction::Offered, later)));
    ops.push(line(8, 51, entry(Direction::Sent, None)));
    let outcomes = store.write(ops).await.unwrap();
    assert_eq!(outcomes[52..], [OpOutcome::Unchanged, OpOutcome::Missing]);
    assert_eq!(
        store.later(&agency(8), Arrival::ZERO, 100).unwrap().len(),
        49
    );
    assert_eq!(
        store.later(&agency(8), Arrival(3), 2).unwrap(),
        [Arrival(4), Arrival(5)]
    );
    assert_eq!(store.later(&agency(7), Arrival::ZERO, 100).unwrap(), []);
    let page = store.ledger_of(&agency(8), Arrival(40), 5).unwrap();
    assert_eq!(
        page.iter().map(|(a, _)| a.0).collect::<Vec<_>>(),
        [40, 41, 42, 43, 44]
    );
    let peers: Vec<_> = store
        .ledgers_for(Arrival(3))
        .unwrap()
        .into_iter()
        .map(|(p, _)| p)
        .collect();
    assert_eq!(peers, [agency(7), agency(8)]);
    let sent = store.ledger_entry(&agency(8), Arrival(3)).unwrap().unwrap();
    assert_eq!(sent, entry(Direction::Sent, Some(Answer::Stored)));
    // What waits is not forgotten while it is sent again, until it is answered.
    let answered = |arrival, answer| Op::Answer {
        peer: agency(8),
        arrival: Arrival(arrival),
        entry: entry(Direction::Offered, answer),
    };
    let again = vec![
        line(8, 4, entry(Direction::Sent, None)),
        answered(9, Some(Answer::Stored)),
    ];
    store.write(again).await.unwrap();
    let waiting = store.later(&agency(8), Arrival::ZERO, 100).unwrap();
    assert_eq!((waiting.len(), waiting.contains(&Arrival(4))), (48, true));
    store
        .write(vec![answered(4, Some(Answer::Stored))])
        .await
        .unwrap();
    let four = store.ledger_entry(&agency(8), Arrival(4)).unwrap();
    assert_eq!(four, Some(entry(Direction::Sent, Some(Answer::Stored))));
    assert_eq!(
        store.later(&agency(8), Arrival::ZERO, 100).unwrap().len(),
        47
    );
    // Names are there after a restart.
    let dir = store.dir().to_path_buf();
    drop(store);
    let store = Store::open(dir, options()).unwrap();
    assert_eq!(
        store.ledger_entry(&agency(8), Arrival(3)).unwrap(),
        Some(sent)
    );
}

#[tokio::test]
async fn refusals_are_remembered_until_their_epoch_passes() {
    let (_dir, store) = open();
    let refuse = |n: u64| Op::Refused {
        peer: agency(8),
        id: id(n),
        entry: RefusedEntry {
            created: Hlc::ZERO,
            epoch: n,
            at: Millis(1),
            answer: Answer::Refused(liaison_protocol::fault::Refused::Policy),
        },
    };
    store.write((1..=10).map(refuse).collect()).await.unwrap();
    let first = store.refused_of(&agency(8), None, 4).unwrap();
    let rest = store
        .refused_of(&agency(8), Some(&first[3].0), 100)
        .unwrap();
    assert_eq!((first.len(), rest.len()), (4, 6));
    assert!(first[3].0 < rest[0].0);
    store
        .write(vec![Op::ForgetRefused {
            peer: agency(8),
            before: 8,
        }])
        .await
        .unwrap();
    assert_eq!(store.refused_of(&agency(8), None, 100).unwrap().len(), 3);
    assert_eq!(store.refused(&agency(8), &id(7)).unwrap(), None);
    assert_eq!(store.refused(&agency(8), &id(8)).unwrap().unwrap().epoch, 8);
    assert_eq!(store.refused(&agency(7), &id(8)).unwrap(), None);
}

#[tokio::test]
async fn a_cursor_only_moves_on() {
    let (_dir, store) = open();
    store
        .write((1..=9).map(|n| insert(record(n, 5))).collect())
        .await
        .unwrap();
    let incarnation = store.incarnation().unwrap();
    let to = |incarnation, epoch, arrival| Op::Cursor {
        peer: agency(8),
        cursor: Cursor {
            incarnation,
            epoch,
            arrival: Arrival(arrival),
        },
    };
    let outcomes = store
        .write(vec![
            to(incarnation, 1, 5),
            to(incarnation, 1, 4),
            to(incarnation, 2, 3),
            to(incarnation, 1, 9),
            to(Incarnation(incarnation.0 ^ 1), 9, 9),
            to(incarnation, 2, 10),
        ])
        .await
        .unwrap();
    use OpOutcome::{Done, Unchanged};
    assert_eq!(
        outcomes,
        [Done, Unchanged, Done, Unchanged, Unchanged, Unchanged]
    );
    let cursor = store.cursor(&agency(8)).unwrap().unwrap();
    assert_eq!((cursor.epoch, cursor.arrival), (2, Arrival(3)));
    store
        .write(vec![Op::Reincarnate(Incarnation(77))])
        .await
        .unwrap();
    assert_eq!(store.incarnation().unwrap(), Incarnation(77));
    assert_eq!(store.cursor(&agency(8)).unwrap(), None);
    let outcomes = store.write(vec![to(Incarnation(77), 2, 1)]).await.unwrap();
    assert_eq!(outcomes, [Done]);
}

#[tokio::test]
async fn a_recall_is_past_once_its_record_is_released_again_whatever_the_clock_says() {
    let (_dir, store) = open();
    let recall = NewRecord {
        owing: Some(Owing::Recall {
            of: id(1),
            to: agency(8),
        }),
        ..record(2, 5)
    };
    // The entry's time lies before the recall's: the clock was set back in between.
    let released = |lifts| Op::Release {
        peer: agency(8),
        arrival: Arrival(1),
        entry: entry(Direction::Sent, None),
        lifts,
    };
    let line = |peer, direction| Op::Ledger {
        peer: agency(peer),
        arrival: Arrival(1),
        entry: entry(direction, None),
    };
    let ops = vec![
        insert(record(1, 5)),
        line(8, Direction::Sent),
        insert(recall),
        line(7, Direction::Sent),
        line(8, Direction::Offered),
    ];
    store.write(ops).await.unwrap();
    let recalled = || store.recalled(&id(1), &agency(8)).unwrap();
    assert_eq!(recalled(), Some(id(2)));
    // One that was decided before the recall, or before a newer one.
    let ops = vec![released(None), released(Some(id(9)))];
    let outcomes = store.write(ops).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::Unchanged, OpOutcome::Unchanged]);
    assert_eq!(recalled(), Some(id(2)));
    let outcomes = store.write(vec![released(Some(id(2)))]).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::Done]);
    assert_eq!(recalled(), None);
    let outcomes = store.write(vec![released(Some(id(2)))]).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::Done]);
}

/// A recall by agency 8 of record 1, made then.
fn called_back(created: u64) -> CalledBack {
    CalledBack {
        by: id(100 + created),
        created: Hlc::new(Millis(created), 0),
        at: Millis(created),
    }
}

fn note(of: u64, created: u64, ended: u64) -> Op {
    Op::CalledBack {
        peer: agency(8),
        of: id(of),
        recall: called_back(created),
        ended: Millis(ended),
    }
}

fn brought(n: u64, by: u8, offered: Option<u64>) -> Op {
    let record = NewRecord {
        courier: Some(agency(by)),
        offered: offered.map(Millis),
        ..record(n, 5)
    };
    Op::Insert {
        record: Box::new(record),
        ledger: Some((agency(by), entry(Direction::Received, None))),
    }
}

#[tokio::test]
async fn what_its_courier_called_back_comes_in_by_a_newer_offer_only() {
    let (_dir, store) = open();
    let write = |ops| store.write(ops);
    let first = vec![note(1, 50, 0), note(1, 40, 0)];
    let outcomes = write(first).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::Done, OpOutcome::Unchanged]);
    // As old as the recall, or older: the newest of two counts.
    for made in [45, 50] {
        let outcomes = write(vec![brought(1, 8, Some(made))]).await.unwrap();
        assert_eq!(outcomes, [OpOutcome::CalledBack], "{made}");
    }
    assert_eq!(store.arrival_of(&id(1)).unwrap(), None);
    // Another's copy is no concern of it, and stays.
    let outcomes = write(vec![brought(1, 7, Some(1)), brought(1, 8, Some(45))]).await;
    assert!(outcomes.unwrap().iter().all(|o| o.arrival().is_some()));
    // By now something passed: whoever is to note it judges anew.
    let outcomes = write(vec![note(1, 60, 0)]).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::AlreadyHeld(Arrival(1))]);

    // What is younger comes in, and the recall is past.
    write(vec![note(2, 50, 0)]).await.unwrap();
    let outcomes = write(vec![brought(2, 8, Some(51))]).await.unwrap();
    assert!(outcomes[0].arrival().is_some());
    write(vec![note(3, 50, 0)]).await.unwrap();
    let outcomes = write(vec![brought(3, 8, None)]).await.unwrap();
    assert!(outcomes[0].arrival().is_some());
}

#[tokio::test]
async fn a_recall_that_was_taken_in_keeps_out_what_is_older_whatever_lies_buried() {
    let (_dir, store) = open();
    let recall = |n, created| NewRecord {
        author: agency(8),
        created: Hlc::new(Millis(created), 0),
        courier: Some(agency(8)),
        owing: Some(Owing::CalledBack { of: id(1) }),
        ..record(n, 5)
    };
    let erase = |by| Op::Tombstone {
        id: id(1),
        tombstone: Tombstone {
            author: agency(1),
            reason: Tombstone::RECALLED,
            at: Millis(9),
            by: id(by),
        },
        erase: true,
    };
    let lifted = |by| {
        let Op::Insert { record, ledger } = brought(1, 8, Some(60)) else {
            unreachable!("it is an insert")
        };
        let record = Box::new(NewRecord {
            lifts: Some(id(by)),
            ..*record
        });
        Op::Insert { record, ledger }
    };
    let ops = vec![
        brought(1, 8, None),
        insert(recall(2, 50)),
        erase(2),
        insert(recall(3, 70)),
    ];
    store.write(ops).await.unwrap();
    let outcomes = store.write(vec![lifted(2)]).await.unwrap();
    assert_eq!(outcomes, [OpOutcome::CalledBack]);
    // And the tombstone is the later one's from now on.
    store.write(vec![erase(3)]).await.unwrap();
    let tombstone = store.tombstone(&id(1)).unwrap().unwrap();
    assert_eq!(tombstone.by, id(3));
    assert_eq!(store.counts().unwrap().tombstones, 1);
}

#[tokio::test]
async fn recalls_of_what_never_came_take_room_for_a_while_and_no_more_than_so_much() {
    let (_dir, store) = open();
    let all = limits::CALLED_BACK_PER_PEER;
    let ops: Vec<Op> = (0..all).map(|n| note(n, 50, 0)).collect();
    for some in ops.chunks(limits::STORE_BATCH_OPS) {
        store.write(some.to_vec()).await.unwrap();
    }
    let one_more = |ended| store.write(vec![note(all, 60, ended)]);
    assert_eq!(one_more(50).await.unwrap(), [OpOutcome::Unchanged]);
    // One that was taken in itself is no question of room, nor is a newer one of the same record.
    assert_eq!(
        store.write(vec![note(1, 60, 0)]).await.unwrap(),
        [OpOutcome::Done]
    );
    let recall = NewRecord {
        author: agency(8),
        created: Hlc::new(Millis(60), 0),
        courier: Some(agency(8)),
        owing: Some(Owing::CalledBack { of: id(all + 1) }),
        ..record(all + 2, 5)
    };
    store.write(vec![insert(recall)]).await.unwrap();
    let kept = store.write(vec![brought(all + 1, 8, Some(55))]).await;
    assert_eq!(kept.unwrap(), [OpOutcome::CalledBack]);
    // What no letter is older than leaves.
    assert_eq!(one_more(51).await.unwrap(), [OpOutcome::Done]);
    let kept = store.write(vec![brought(all, 8, Some(55))]).await;
    assert_eq!(kept.unwrap(), [OpOutcome::CalledBack]);
}
