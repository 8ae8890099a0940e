//! A withdrawal that overtakes what it withdraws: the record is on its way through ingest, and
//! is not in the store yet.

use std::time::Duration;

use futures::future::{join, join_all};
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::limits::INGESTS;
use liaison_node::share::Route;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::record::kinds::{Content, Recall};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::{Item, Message, Outcome};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{RawPeer, RawStream};
use liaison_tests::sealed::has_bytes;
use liaison_tests::{Federation, TestNode};

use crate::first::trend;

/// Records in a batch: enough that it takes a while to judge and to write them.
const BATCH: usize = 150;

/// Tries at a moment that can't be seen from here.
const ATTEMPTS: usize = 2;

/// How long a change may go unseen.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A node, and an agency whose node the test is.
async fn site() -> (Federation, RawPeer) {
    let federation = Federation::mesh(&["node"], OPEN).await;
    let mut author = RawPeer::new(federation.dir(), "author").await;
    author.link(&federation["node"]).await;
    (federation, author)
}

fn batch(author: &RawPeer, name: &str) -> Vec<SignedRecord> {
    let title = |n: usize| {
        let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).expect("a letter"));
        format!("{name} {}{}", letter(n / 26), letter(n))
    };
    let one = |n| author.sign(author.statement(&trend(&title(n))));
    (0..BATCH).map(one).collect()
}

/// What takes a record back: as its author, and as whoever released a copy.
fn withdrawals(author: &RawPeer, node: &TestNode, of: &SignedRecord) -> [SignedRecord; 2] {
    let (fields, _) = author.statement(&trend("Any"));
    let retraction = author.retraction(of.id(), &fields);
    let recall = Content::Recall(Recall {
        of: of.id(),
        to: node.agency,
        reason: "policy".parse().expect("reason"),
    });
    [
        author.sign((retraction.0.clone(), recall)),
        author.sign(retraction),
    ]
}

/// Waits until nothing of a record that was withdrawn is at a node: it came in and was erased, or
/// did not come in at all. Of what was retracted before it came no tombstone tells: the retraction
/// does.
async fn gone(node: &TestNode, of: &SignedRecord, retracted: bool) {
    let store = &node.node().store;
    let mut arrivals = store.watch();
    let gone = async {
        loop {
            let buried = store.tombstone(&of.id()).expect("the store").is_some();
            if (buried || retracted) && !has_bytes(node, &of.id()) {
                return;
            }
            // A mark is no arrival; the receipt that follows it is one.
            let _more = tokio::time::timeout(LOOK_AGAIN, arrivals.changed()).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, gone).await;
    assert!(in_time.is_ok(), "{} is still here", of.id().short());
    assert!(!node.holds().contains(&of.id()));
}

fn item(record: &SignedRecord) -> Item {
    Item {
        id: record.id(),
        created: record.unverified().envelope.created,
        size: u32::try_from(record.bytes().len()).expect("small"),
    }
}

async fn offer(stream: &mut RawStream, batch: u64, records: &[SignedRecord]) {
    let items = records.iter().map(item).collect();
    stream.send(&Message::Offer { batch, items }).await;
    stream.expect("want").await;
}

async fn send(stream: &mut RawStream, batch: u64, records: &[SignedRecord]) {
    let frames = records.iter().map(|r| Some(r.bytes().to_vec())).collect();
    let first = 0;
    stream
        .send(&Message::Records {
            batch,
            first,
            frames,
        })
        .await;
}

/// On one stream: its batch comes right behind that of the record.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_withdrawal_right_behind_its_record_takes_it_back() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    let mut stream = author.sender(node).await;
    let mut number = 1;
    for which in [0, 1] {
        let records = batch(&author, ["Recalled", "Retracted"][which]);
        let last = records.last().expect("some");
        let withdrawal = withdrawals(&author, node, last)[which].clone();
        let withdrawal = std::slice::from_ref(&withdrawal);
        offer(&mut stream, number, &records).await;
        offer(&mut stream, number + 1, withdrawal).await;
        send(&mut stream, number, &records).await;
        send(&mut stream, number + 1, withdrawal).await;
        for _ in 0..2 {
            let Message::Answers { batch, outcomes } = stream.expect("answers").await else {
                unreachable!("it is of this name")
            };
            if batch > number {
                assert_eq!(outcomes, [Outcome::Answered(Answer::Stored)]);
            }
        }
        gone(node, last, which == 1).await;
        assert!(node.holds().contains(&records[0].id()));
        number += 2;
    }
    federation.stop().await;
}

/// On a newer stream: the one with the record broke while the record was ingested.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_withdrawal_after_a_broken_line_takes_back_what_was_under_way() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    for which in [0, 1] {
        let records = batch(&author, ["Recalled", "Retracted"][which]);
        let last = records.last().expect("some");
        let withdrawal = withdrawals(&author, node, last)[which].clone();
        node.tap.clear();
        let mut stream = author.sender(node).await;
        offer(&mut stream, 1, &records).await;
        send(&mut stream, 1, &records).await;
        node.tap
            .until("the records", |frames| {
                let came = |f: &liaison_tests::tap::Frame| f.records().len() == BATCH;
                frames.iter().any(came)
            })
            .await;
        // The node has not noticed that the line is dead.
        let answer = author.sender(node).await.give(&withdrawal).await;
        drop(stream);
        assert_eq!(answer, Answer::Stored);
        gone(node, last, which == 1).await;
        if which == 1 {
            let again = author.sender(node).await.give(last).await;
            assert_eq!(again, Answer::Refused(Refused::Retracted));
            assert!(!has_bytes(node, &last.id()));
        }
    }
    federation.stop().await;
}

/// SPEC.md, 'Sessions': of two live streams of one peer the older is dropped, so that nothing of
/// it comes in behind what the newer one brought.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_live_stream_ends_the_one_before() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    let mut older = author.sender(node).await;
    let mut newer = author.sender(node).await;
    assert_eq!(older.next().await, None, "the older one is served still");
    let record = author.sign(author.statement(&trend("Quittenmarke")));
    assert_eq!(newer.give(&record).await, Answer::Stored);
    federation.stop().await;
}

/// What a peer brings, taken in behind what it brought before.
fn received<'a>(
    node: &'a TestNode,
    author: &RawPeer,
    records: &[SignedRecord],
) -> impl Future<Output = Vec<Answer>> + Send + use<'a> {
    let whole = |r: &SignedRecord| (item(r), r.bytes().to_vec().into());
    let records = records.iter().map(whole).collect();
    let ingest = &node.node().ingest;
    ingest.received(author.agency, Route::Direct, records)
}

/// The record was recalled before, and comes back: the recall behind it finds it erased still.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_second_recall_waits_for_what_comes_back() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    let records = batch(&author, "Given twice");
    let last = records.last().expect("some");
    let stored = received(node, &author, &records).await;
    assert_eq!(stored, vec![Answer::Stored; BATCH]);
    let [recall, _] = withdrawals(&author, node, last);
    assert_eq!(received(node, &author, &[recall]).await, [Answer::Stored]);
    gone(node, last, false).await;
    let [recall, _] = withdrawals(&author, node, last);
    let first = received(node, &author, &records);
    let second = received(node, &author, std::slice::from_ref(&recall));
    let (recalled, stored) = join(second, first).await;
    assert_eq!(stored, vec![Answer::Stored; BATCH]);
    assert_eq!(recalled, [Answer::Stored]);
    let told = async {
        let mut arrivals = node.node().store.watch();
        loop {
            let told = node.node().store.told(&last.id(), &node.agency);
            if told
                .expect("the store")
                .is_some_and(|t| t.answers == recall.id())
            {
                return;
            }
            arrivals.changed().await.expect("the store is open");
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, told).await;
    assert!(in_time.is_ok(), "the second recall is not answered");
    gone(node, last, false).await;
    federation.stop().await;
}

/// The one is judged while the other is written: whichever of the two is first, nothing stays.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_recall_and_a_parcel_with_its_record_at_once_leave_nothing() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    for attempt in 0..ATTEMPTS {
        let record = author.sign(author.statement(&trend("In a parcel")));
        let made = SystemClock.now();
        let [recall, _] = withdrawals(&author, node, &record);
        // Judged among others, so that its verdict waits for theirs.
        let mut batch = batch(&author, ["Beside it", "Beside it again"][attempt]);
        batch.insert(0, recall);
        let first = received(node, &author, &batch);
        let letter = vec![(item(&record), record.bytes().to_vec().into())];
        let ingest = &node.node().ingest;
        let second = ingest.received_in_letter(author.agency, Route::Bundle, made, letter);
        let (_recalled, stored) = join(first, second).await;
        if stored == [Answer::Refused(Refused::Retracted)] {
            assert!(!has_bytes(node, &record.id()));
        } else {
            assert_eq!(stored, [Answer::Stored]);
            gone(node, &record, false).await;
        }
    }
    federation.stop().await;
}

/// However many come at once: what takes back has no turn before what it takes back had its own.
#[tokio::test(flavor = "multi_thread")]
async fn e13_more_withdrawals_than_turns_wait_for_the_record_that_came_before_them() {
    let (mut federation, author) = site().await;
    let node = &federation["node"];
    let records: Vec<SignedRecord> = batch(&author, "Recalled");
    let first = received(node, &author, &records);
    let recalls: Vec<_> = (records.iter().take(INGESTS + 1))
        .map(|record| received(node, &author, &withdrawals(&author, node, record)[..1]))
        .collect();
    assert_eq!(recalls.len(), INGESTS + 1);
    // The first to come is the last that anybody looks after.
    let (recalled, stored) = join(join_all(recalls), first).await;
    assert_eq!(stored, vec![Answer::Stored; BATCH]);
    assert_eq!(recalled, vec![[Answer::Stored]; INGESTS + 1]);
    for record in records.iter().take(INGESTS + 1) {
        gone(node, record, false).await;
    }
    assert!(node.holds().contains(&records[INGESTS + 1].id()));
    federation.stop().await;
}
