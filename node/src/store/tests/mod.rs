//! Tests of the store: by hand here, against a plain map in `model`, with kill -9 in
//! `crash`.

mod crash;
mod damage;
mod engine;
mod exchange;
mod model;

use bytes::Bytes;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::{Answer, Later};
use liaison_protocol::id::{AgencyId, IdPrefix, RecordId};

use super::*;

/// Tests may fill the disk of a small machine.
pub(super) fn options() -> Options {
    Options {
        min_free_bytes: 0,
        ..Options::default()
    }
}

pub(super) fn agency(n: u8) -> AgencyId {
    AgencyId::from_bytes([n; 32])
}

pub(super) fn id(n: u64) -> RecordId {
    use sha2::{Digest, Sha256};
    RecordId::from_bytes(Sha256::digest(n.to_be_bytes()).into())
}

/// A record whose bytes follow from its number.
pub(super) fn record(n: u64, length: usize) -> NewRecord {
    let bytes: Vec<u8> = (0..length)
        .map(|i| (n as usize * 31 + i * 7 + i / 251) as u8)
        .collect();
    NewRecord {
        id: id(n),
        bytes: Bytes::from(bytes),
        author: agency((n % 3) as u8),
        kind: 1,
        created: Hlc::new(Millis(1_000), 0),
        received: Millis(2_000 + n),
        courier: None,
        class: Bytes::from(format!("class {}", n % 5)),
        flags: Flags::NONE,
        expires: None,
        review: None,
        thread: None,
        supersedes: None,
        retracts: None,
        owing: None,
        lifts: None,
        offered: None,
        audience: None,
    }
}

pub(super) fn insert(record: NewRecord) -> Op {
    Op::Insert {
        record: Box::new(record),
        ledger: None,
    }
}

pub(super) fn entry(direction: Direction, answer: Option<Answer>) -> LedgerEntry {
    LedgerEntry {
        direction,
        at: Millis(5),
        epoch: 1,
        rule: "routes-to-neighbours".into(),
        path: Path::Direct,
        answer,
    }
}

#[test]
fn what_ended_is_emptied_and_says_so() {
    let (_dir, store) = open();
    let ends = NewRecord {
        expires: Some(Millis(100)),
        audience: Some(vec![agency(1)]),
        ..record(1, 9_000)
    };
    store
        .write_blocking(vec![insert(ends), insert(record(2, 10))])
        .unwrap();
    let expire = |arrival, at| Op::Expire {
        arrival: Arrival(arrival),
        at: Millis(at),
    };
    let ops = vec![expire(1, 99), expire(2, 200), expire(3, 200)];
    let done = store.write_blocking(ops).unwrap();
    let (unchanged, missing) = (OpOutcome::Unchanged, OpOutcome::Missing);
    assert_eq!(done, [unchanged.clone(), unchanged.clone(), missing]);
    assert!(store.record(Arrival(1)).unwrap().is_some());
    let done = store.write_blocking(vec![expire(1, 100), expire(1, 100)]);
    assert_eq!(done.unwrap(), [OpOutcome::Done, unchanged]);
    assert_eq!(store.record(Arrival(1)).unwrap(), None);
    assert_eq!(store.audience(Arrival(1)).unwrap(), None);
    let header = store.header(Arrival(1)).unwrap().unwrap();
    assert_eq!(header.flags, Flags::EXPIRED | Flags::ERASED);
    let tombstone = store.tombstone(&id(1)).unwrap().unwrap();
    assert_eq!(tombstone.reason, Tombstone::EXPIRED);
    let counts = store.counts().unwrap();
    assert_eq!((counts.erased, counts.retracted, counts.bytes), (1, 0, 10));
}

fn erase(n: u64) -> Op {
    Op::Tombstone {
        id: id(n),
        tombstone: Tombstone {
            author: agency(0),
            reason: 0,
            at: Millis(0),
            by: id(9),
        },
        erase: true,
    }
}

#[test]
fn a_cut_is_the_store_as_it_was_whatever_is_written_meanwhile() {
    let (dir, store) = open();
    let meta = |bytes: &'static [u8]| Op::PutMeta {
        name: "name".into(),
        bytes: Bytes::from_static(bytes),
    };
    for n in 0..20 {
        let ops = (0..20).map(|k| insert(record(n * 20 + k, 9_000)));
        store.write_blocking(ops.collect()).unwrap();
    }
    store.write_blocking(vec![meta(b"before")]).unwrap();
    let counts = store.counts().unwrap();
    let cut = store.cut().unwrap();
    assert!(matches!(store.cut(), Err(StoreError::Cut { .. })));
    let made = dir.path().join("made");
    let mut rebuild = Rebuild::begin(&made, Incarnation(7)).unwrap();
    let mut pages = 0;
    while let Some(page) = cut.page().unwrap() {
        rebuild
            .rows(page, |header| header.author == agency(1))
            .unwrap();
        // What was read, and what was not: erased, added, changed, dropped.
        for n in [pages * 3, 399 - pages * 3] {
            store.write_blocking(vec![erase(n)]).unwrap();
        }
        store
            .write_blocking(vec![insert(record(1_000 + pages, 50)), meta(b"after")])
            .unwrap();
        pages += 1;
    }
    drop(cut);
    assert!(pages > 3, "{pages}");
    rebuild.meta("note", b"restored").unwrap();
    rebuild.finish().unwrap();
    let made = Store::open(made, options()).unwrap();
    assert_eq!(made.counts().unwrap(), counts);
    assert_eq!(made.incarnation().unwrap(), Incarnation(7));
    assert_eq!(made.meta("name").unwrap().unwrap(), "before");
    assert_eq!(made.meta("note").unwrap().unwrap(), "restored");
    for n in 0..400 {
        let arrival = made.arrival_of(&id(n)).unwrap().unwrap();
        let bytes = made.record(arrival).unwrap();
        assert_eq!(bytes, Some(record(n, 9_000).bytes), "record {n}");
        let flags = made.header(arrival).unwrap().unwrap().flags;
        assert_eq!(flags.contains(Flags::LOCKED), n % 3 == 1, "record {n}");
    }
    // And the next one can be made.
    assert!(store.cut().is_ok());
}

#[test]
fn a_page_of_a_cut_is_bounded_however_much_was_erased_meanwhile() {
    let (_dir, store) = open();
    for n in 0..20 {
        let ops = (0..20).map(|k| insert(record(n * 20 + k, 60_000)));
        store.write_blocking(ops.collect()).unwrap();
    }
    let cut = store.cut().unwrap();
    for n in 0..400 {
        store.write_blocking(vec![erase(n)]).unwrap();
    }
    let (mut last, mut bytes) = (Vec::new(), 0);
    while let Some(page) = cut.page().unwrap() {
        let of_page: usize = page.iter().map(|(k, v)| k.len() + v.len()).sum();
        assert!(of_page < limits::CUT_PAGE_BYTES + limits::STORE_CHUNK_BYTES + 100);
        bytes += of_page;
        for (key, _) in page {
            assert!(key > last, "in order, and once");
            last = key;
        }
    }
    assert!(bytes > 400 * 60_000, "{bytes}");
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store"), options()).unwrap();
    (dir, store)
}

fn stored(arrival: u64) -> OpOutcome {
    OpOutcome::Stored {
        arrival: Arrival(arrival),
        touched: None,
    }
}

fn touching(arrival: u64, touched: u64) -> OpOutcome {
    OpOutcome::Stored {
        arrival: Arrival(arrival),
        touched: Some(Arrival(touched)),
    }
}

fn flags(store: &Store, arrival: u64) -> Flags {
    store.header(Arrival(arrival)).unwrap().unwrap().flags
}

#[tokio::test]
async fn exact_bytes_come_back_whatever_their_length() {
    let (_dir, store) = open();
    let lengths = [0, 1, 600, 4_091, 4_092, 4_093, 8_188, 8_189, 65_535, 65_536];
    let records: Vec<_> = lengths
        .iter()
        .zip(1..)
        .map(|(l, n)| record(n, *l))
        .collect();
    let outcomes = store
        .write(records.iter().cloned().map(insert).collect())
        .await
        .unwrap();
    for (record, outcome) in records.iter().zip(&outcomes) {
        let arrival = outcome.arrival().unwrap();
        assert_eq!(store.record(arrival).unwrap().as_ref(), Some(&record.bytes));
        assert_eq!(
            store.header(arrival).unwrap().unwrap().size as usize,
            record.bytes.len()
        );
        assert_eq!(store.arrival_of(&record.id).unwrap(), Some(arrival));
    }
    let error = store
        .write(vec![insert(record(99, 65_537))])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert_eq!(store.last(), Arrival(10));
}

#[tokio::test]
async fn a_second_copy_keeps_the_number_and_enters_its_ledger_line() {
    let (_dir, store) = open();
    let again = Op::Insert {
        record: Box::new(record(1, 10)),
        ledger: Some((agency(9), entry(Direction::Received, Some(Answer::Stored)))),
    };
    // In one write, and in the next.
    let outcomes = store
        .write(vec![insert(record(1, 10)), again.clone()])
        .await
        .unwrap();
    assert_eq!(outcomes, [stored(1), OpOutcome::AlreadyHeld(Arrival(1))]);
    assert_eq!(
        store.write(vec![again]).await.unwrap(),
        [OpOutcome::AlreadyHeld(Arrival(1))]
    );
    assert_eq!(store.ledgers_for(Arrival(1)).unwrap().len(), 1);
    assert_eq!(store.last(), Arrival(1));
}

#[tokio::test]
async fn a_faulty_operation_undoes_its_whole_write_and_no_other() {
    let (_dir, store) = open();
    let mut ops = vec![insert(record(1, 10))];
    ops.extend((0..=limits::LEDGER_PEERS).map(|n| {
        let mut peer = [0; 32];
        peer[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let peer = AgencyId::from_bytes(peer);
        Op::Ledger {
            peer,
            arrival: Arrival(1),
            entry: entry(Direction::Sent, None),
        }
    }));
    ops.truncate(limits::STORE_OPS);
    let rest = Op::Ledger {
        peer: agency(0xEE),
        arrival: Arrival(1),
        entry: entry(Direction::Sent, None),
    };
    store.write(ops).await.unwrap();
    // The last peers that fit, then one too many.
    let last = Op::Ledger {
        peer: agency(0xDD),
        arrival: Arrival(1),
        entry: entry(Direction::Sent, None),
    };
    store.write(vec![last]).await.unwrap();
    let bad = store.write(vec![insert(record(2, 10)), rest]);
    let good = store.write(vec![insert(record(3, 10))]);
    let (bad, good) = tokio::join!(bad, good);
    assert!(matches!(bad, Err(StoreError::TooLarge { .. })), "{bad:?}");
    assert_eq!(good.unwrap(), [stored(2)]);
    assert_eq!(store.arrival_of(&id(2)).unwrap(), None);
    assert_eq!(store.arrival_of(&id(3)).unwrap(), Some(Arrival(2)));
}

#[tokio::test]
async fn a_retract_acts_on_its_author_s_record_whichever_comes_first() {
    let (_dir, store) = open();
    let retract = |n, of, erase| {
        let retracts = Some(Retraction {
            of: id(of),
            reason: 4,
            erase,
        });
        insert(NewRecord {
            retracts,
            ..record(n, 20)
        })
    };
    // 3 and 6 are of one author, 4 of another.
    let outcomes = store
        .write(vec![
            insert(record(3, 30)),
            retract(4, 3, true),
            retract(6, 3, true),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [stored(1), stored(2), touching(3, 1)]);
    assert_eq!(flags(&store, 1), Flags::RETRACTED | Flags::ERASED);
    assert_eq!(store.record(Arrival(1)).unwrap(), None);
    assert_eq!(store.arrival_of(&id(3)).unwrap(), Some(Arrival(1)));
    assert_eq!(store.tombstone(&id(3)).unwrap().unwrap().by, id(6));
    let outcome = store.write(vec![insert(record(3, 30))]).await.unwrap();
    assert!(matches!(outcome[..], [OpOutcome::Tombstoned(_)]));
    // Before the record: one of a stranger, one of its author.
    store.write(vec![retract(10, 9, true)]).await.unwrap();
    assert!(!store.is_tombstoned(&id(9), &agency(0)).unwrap());
    assert_eq!(
        store.write(vec![insert(record(9, 5))]).await.unwrap(),
        [stored(5)]
    );
    store.write(vec![retract(15, 12, false)]).await.unwrap();
    assert!(store.is_tombstoned(&id(12), &agency(0)).unwrap());
    let outcome = store.write(vec![insert(record(12, 5))]).await.unwrap();
    assert!(matches!(&outcome[..], [OpOutcome::Tombstoned(t)] if t.by == id(15) && t.reason == 4));
    let counts = store.counts().unwrap();
    assert_eq!(
        (
            counts.arrivals,
            counts.erased,
            counts.retracted,
            counts.tombstones
        ),
        (6, 1, 1, 2)
    );
}

#[tokio::test]
async fn a_lifted_tombstone_lets_the_record_in_again_under_its_number() {
    let (_dir, store) = open();
    let tombstone = Tombstone {
        author: agency(1),
        reason: 1,
        at: Millis(3),
        by: id(50),
    };
    store.write(vec![insert(record(1, 30))]).await.unwrap();
    store
        .write(vec![Op::Tombstone {
            id: id(1),
            tombstone,
            erase: true,
        }])
        .await
        .unwrap();
    let outcomes = store
        .write(vec![
            Op::LiftTombstone { id: id(1) },
            insert(record(1, 30)),
            insert(record(2, 30)),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes, [OpOutcome::Done, stored(1), stored(2)]);
    assert_eq!(store.record(Arrival(1)).unwrap(), Some(record(1, 30).bytes));
    let counts = store.counts().unwrap();
    assert_eq!((counts.erased, counts.retracted, counts.bytes), (0, 0, 60));
}

#[tokio::test]
async fn an_amendment_marks_its_author_s_record_whichever_comes_first() {
    let (_dir, store) = open();
    let amend = |n, of| {
        insert(NewRecord {
            supersedes: Some(id(of)),
            ..record(n, 20)
        })
    };
    let outcomes = store
        .write(vec![
            insert(record(3, 9)),
            amend(4, 3),
            amend(6, 3),
            amend(12, 9),
            insert(record(9, 9)),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes[1], stored(2));
    assert_eq!(outcomes[2], touching(3, 1));
    assert_eq!(flags(&store, 1), Flags::SUPERSEDED);
    assert_eq!(flags(&store, 5), Flags::SUPERSEDED);
    assert_eq!(store.superseded_by(&id(3), &agency(0)).unwrap(), [id(6)]);
    assert_eq!(store.superseded_by(&id(3), &agency(1)).unwrap(), [id(4)]);
    assert_eq!(store.counts().unwrap().superseded, 2);
}

#[tokio::test]
async fn a_distribution_list_may_be_empty_and_may_be_lifted() {
    let (_dir, store) = open();
    let nobody = insert(NewRecord {
        audience: Some(vec![]),
        ..record(1, 1)
    });
    store
        .write(vec![nobody, insert(record(2, 1))])
        .await
        .unwrap();
    assert_eq!(store.audience(Arrival(1)).unwrap(), Some(vec![]));
    assert_eq!(flags(&store, 1), Flags::HAS_AUDIENCE);
    assert_eq!(store.audience(Arrival(2)).unwrap(), None);
    let lift = Op::Audience {
        arrival: Arrival(1),
        audience: None,
    };
    let name = Op::Audience {
        arrival: Arrival(2),
        audience: Some(vec![agency(8)]),
    };
    let none = Op::Audience {
        arrival: Arrival(3),
        audience: None,
    };
    let outcomes = store.write(vec![lift, name, none]).await.unwrap();
    assert_eq!(
        outcomes,
        [OpOutcome::Done, OpOutcome::Done, OpOutcome::Missing]
    );
    assert_eq!(store.audience(Arrival(1)).unwrap(), None);
    assert_eq!(flags(&store, 1), Flags::NONE);
    assert_eq!(store.audience(Arrival(2)).unwrap(), Some(vec![agency(8)]));
}

#[tokio::test]
async fn quarantine_is_a_ring() {
    let (_dir, store) = open();
    let sample = |n: u64| {
        let bytes = vec![n as u8; 10_000];
        Op::Quarantine(Quarantined::sample(
            Millis(n),
            None,
            "not CBOR",
            "byte 3",
            &bytes,
        ))
    };
    for from in [0, 400, 800] {
        store
            .write((from..from + 400).map(sample).collect())
            .await
            .unwrap();
    }
    let samples = store.quarantine(10_000).unwrap();
    assert_eq!(samples.len() as u64, limits::QUARANTINE_ENTRIES);
    assert_eq!(samples[0].at, Millis(1_199));
    assert_eq!(
        (samples[0].head.len(), samples[0].length),
        (limits::QUARANTINE_BYTES, 10_000)
    );
    assert_eq!(
        store.counts().unwrap().quarantined,
        limits::QUARANTINE_ENTRIES
    );
    assert_eq!(store.quarantine(3).unwrap().len(), 3);
}

#[tokio::test]
async fn records_made_at_the_same_time_are_all_scanned() {
    let (_dir, store) = open();
    for from in [1, 501] {
        store
            .write((from..from + 500).map(|n| insert(record(n, 5))).collect())
            .await
            .unwrap();
    }
    let (mut from, mut seen) = (Arrival(1), Vec::new());
    loop {
        let page = store.headers(from, 7).unwrap();
        let Some((last, _)) = page.last() else { break };
        from = last.next();
        seen.extend(page);
    }
    assert!(
        seen.iter()
            .all(|(_, header)| header.created == seen[0].1.created)
    );
    let arrivals: Vec<_> = seen.iter().map(|(arrival, _)| arrival.0).collect();
    assert_eq!(arrivals, (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_record_is_found_by_the_beginning_of_its_id() {
    let (_dir, store) = open();
    store
        .write((1..=900).map(|n| insert(record(n, 5))).collect())
        .await
        .unwrap();
    for n in [1, 7, 900] {
        for length in [4, 7, 8, 13, 52] {
            let prefix: IdPrefix = id(n).full()[..length].parse().unwrap();
            let found = store.find(&prefix, 10).unwrap();
            assert!(found.contains(&(id(n), Arrival(n))), "{n} {length}");
            assert!(found.iter().all(|(id, _)| prefix.matches(id)));
        }
    }
}

#[tokio::test]
async fn small_values_of_any_length_and_their_lists() {
    let (_dir, store) = open();
    let bytes = |n: usize| Bytes::from(vec![n as u8; n]);
    let meta = |name: &str, n| Op::PutMeta {
        name: name.into(),
        bytes: bytes(n),
    };
    let peer = |n, length| Op::PutPeer {
        peer: agency(n),
        bytes: bytes(length),
    };
    let card = |n, length| Op::PutCard {
        row: CardRow::new(&agency(4), &RecordId::from_bytes([n; 32])),
        bytes: bytes(length),
    };
    store
        .write(vec![
            meta("policy/1", 50_000),
            meta("policy/12", 3),
            meta("clock", 8),
            peer(1, 9_000),
            peer(2, 0),
            card(2, 5_000),
            card(30, 10),
            Op::JobProgress {
                job: "file 1".into(),
                rows: 7,
            },
        ])
        .await
        .unwrap();
    store
        .write(vec![
            meta("policy/1", 4),
            peer(1, 5_000),
            Op::DeletePeer { peer: agency(2) },
        ])
        .await
        .unwrap();
    assert_eq!(store.meta("policy/1").unwrap(), Some(bytes(4)));
    // Nothing is left of the longer one.
    let key = keys::of_name(keys::META, "policy/1");
    assert_eq!(store.engine().scan(&key, key.clone()).count(), 1);
    assert_eq!(store.meta("policy").unwrap(), None);
    let names: Vec<_> = store
        .metas("policy/", 10)
        .unwrap()
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    assert_eq!(names, ["policy/1", "policy/12"]);
    assert_eq!(store.peers().unwrap(), [(agency(1), bytes(5_000))]);
    let row = |n| CardRow::new(&agency(4), &RecordId::from_bytes([n; 32]));
    let [two, thirty] = [(row(2), bytes(5_000)), (row(30), bytes(10))];
    let cards = |after, limit| store.cards(&agency(4), after, limit).unwrap();
    assert_eq!(cards(None, 9), [two.clone(), thirty.clone()]);
    assert_eq!(cards(None, 1), std::slice::from_ref(&two));
    assert_eq!(cards(Some(&two.0), 1), std::slice::from_ref(&thirty));
    assert_eq!(cards(Some(&thirty.0), 1), []);
    let done = store
        .write(vec![Op::DropCard(row(2)), Op::DropCard(row(3))])
        .await;
    assert_eq!(done.unwrap(), [OpOutcome::Done, OpOutcome::Missing]);
    assert_eq!(cards(None, 9), [thirty]);
    assert_eq!(store.jobs(9).unwrap(), [("file 1".to_owned(), 7)]);
    let longest = Bytes::from(vec![1; limits::STORE_VALUE_BYTES]);
    store
        .write(vec![Op::PutMeta {
            name: "long".into(),
            bytes: longest.clone(),
        }])
        .await
        .unwrap();
    assert_eq!(store.meta("long").unwrap(), Some(longest));
    for name in ["", "a\0b", "ü", &"x".repeat(limits::STORE_NAME_BYTES + 1)] {
        let error = store.write(vec![meta(name, 1)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{error}");
    }
}

/// However many cards one has, no other is forgotten; also of those that an older version kept,
/// by revision.
#[test]
fn every_agency_with_a_card_is_found() {
    let (_dir, store) = open();
    let one = Bytes::from_static(b"card");
    for some in (0..=limits::STORE_ROWS as u64)
        .collect::<Vec<_>>()
        .chunks(1_000)
    {
        let rows = some.iter().flat_map(|revision| {
            let key = keys::key(keys::CARD, &[agency(1).as_bytes(), &revision.to_be_bytes()]);
            value::chunks(&key, &one)
        });
        let rows: Vec<_> = rows.map(|(key, value)| (key, Some(value))).collect();
        store.engine().apply(rows).unwrap();
    }
    let card = |n| Op::PutCard {
        row: CardRow::new(&agency(n), &id(7)),
        bytes: one.clone(),
    };
    store.write_blocking(vec![card(2), card(255)]).unwrap();
    let agencies = store.agencies().unwrap();
    assert!(agencies.into_iter().eq([1, 2, 255].map(agency)));
    let (mut read, mut after) = (0, None);
    loop {
        let page = store.cards(&agency(1), after.as_ref(), 3_000).unwrap();
        let Some((last, bytes)) = page.last() else {
            break;
        };
        assert_eq!(
            (bytes, store.card(last).unwrap()),
            (&one, Some(one.clone()))
        );
        after = Some(last.clone());
        read += page.len();
    }
    assert_eq!(read, limits::STORE_ROWS + 1);
}

#[tokio::test]
async fn a_watcher_is_told_what_is_durable() {
    let (_dir, store) = open();
    let mut watch = store.watch();
    let write = store.write(vec![insert(record(1, 5)), insert(record(2, 5))]);
    let (outcome, change) = tokio::join!(write, watch.changed());
    outcome.unwrap();
    change.unwrap();
    assert_eq!(*watch.borrow_and_update(), Arrival(2));
    store.write(vec![insert(record(1, 5))]).await.unwrap();
    assert!(!watch.has_changed().unwrap());
}

#[tokio::test]
async fn blocking_writes_work_anywhere_and_closing_carries_out_what_waits() {
    let (_dir, store) = open();
    // Inside a runtime, where the runtime's own blocking calls would panic.
    assert_eq!(
        store.write_blocking(vec![insert(record(1, 5))]).unwrap(),
        [stored(1)]
    );
    let tasks: Vec<_> = (0..8u64)
        .map(|k| {
            let store = store.clone();
            let ops = (0..20)
                .map(|n| insert(record(100 + k * 20 + n, 5)))
                .collect();
            tokio::spawn(async move { store.write(ops).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    store.close();
    assert_eq!(store.last(), Arrival(161));
    let error = store.write(vec![insert(record(2, 5))]).await.unwrap_err();
    assert!(matches!(error, StoreError::Closed { .. }), "{error}");
    assert!(store.record(Arrival(161)).unwrap().is_some());
}

#[test]
fn a_long_value_is_never_read_half_old_half_new() {
    let (_dir, store) = open();
    let put = |n: u8, length: usize| Op::PutMeta {
        name: "policy".into(),
        bytes: Bytes::from(vec![n; length]),
    };
    store.write_blocking(vec![put(0, 40_000)]).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let bytes = store.meta("policy").unwrap().unwrap();
                assert!(bytes.iter().all(|b| *b == bytes[0]));
                seen += 1;
            }
            seen
        });
        for n in 0..200u8 {
            store
                .write_blocking(vec![put(n, 30_000 + usize::from(n % 3) * 5_000)])
                .unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[tokio::test]
async fn whoever_watches_hears_of_a_record_that_comes_back_under_its_old_number() {
    let (_dir, store) = open();
    store.write(vec![insert(record(1, 9))]).await.unwrap();
    let mut seen = store.watch();
    seen.mark_unchanged();
    let by = id(7);
    let recalled = Op::Tombstone {
        id: id(1),
        tombstone: Tombstone {
            author: agency(1),
            reason: Tombstone::RECALLED,
            at: Millis(9),
            by,
        },
        erase: true,
    };
    store.write(vec![recalled]).await.unwrap();
    // What is kept out, or held already, is no news.
    let again = |lifts| NewRecord {
        lifts,
        ..record(1, 9)
    };
    store.write(vec![insert(again(None))]).await.unwrap();
    assert!(!seen.has_changed().unwrap());
    let done = store.write(vec![insert(again(Some(by)))]).await.unwrap();
    assert_eq!(done[0].arrival(), Some(Arrival(1)));
    assert!(seen.has_changed().unwrap());
    seen.mark_unchanged();
    store.write(vec![insert(again(None))]).await.unwrap();
    assert!(!seen.has_changed().unwrap());
    assert_eq!(store.last(), Arrival(1));
}
