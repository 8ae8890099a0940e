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
    store.write(vec![line(8, Direction::Sent)]).await.unwrap();
    assert_eq!(recalled(), None);
}
