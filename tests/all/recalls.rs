//! Recalls that come before what they take back: by another way, or because that came in a parcel
//! that was opened late.

use std::collections::HashSet;

use liaison_node::share::{Route, Search};
use liaison_node::store::{Arrival, Op};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::RecallReason;
use liaison_protocol::wire::{Message, Outcome};
use liaison_tests::federation::OPEN;
use liaison_tests::raw::{RawPeer, RawStream};
use liaison_tests::sealed::has_bytes;
use liaison_tests::{Federation, TestNode, sheet};

use crate::bundles::{apart, pack, unpack};
use crate::first::trend;
use crate::withdrawal::until;

/// Rows of the sheet that is imported: it takes a while to decide them all.
const ROWS: usize = 1_000;

/// Tries at a moment that can't be seen from here.
const ATTEMPTS: usize = 8;

/// Says who may have a record.
async fn list(node: &TestNode, id: &RecordId, names: &str) {
    node.json(&["audience", &id.full(), "--to", names, "--yes"])
        .await;
}

/// The line between A and B is there until A hears so of the record.
async fn meet(federation: &Federation, id: &RecordId, state: &str) {
    federation.mend("a", "b").await;
    stands(&federation["a"], id, "b", state).await;
    federation.settled().await;
    federation.cut("a", "b").await;
}

/// Another policy, which lets everything pass as well: what the line had come to is packed, too.
async fn look_at_all(node: &TestNode) {
    node.policy(&format!("// Once more.\n{OPEN}")).await;
}

fn at(node: &TestNode, id: &RecordId) -> Arrival {
    let arrival = node.node().store.arrival_of(id).expect("the store");
    arrival.expect("it is held")
}

/// Waits until a node says so of a record and a peer.
async fn stands(node: &TestNode, id: &RecordId, peer: &str, state: &str) {
    until(node, id, &format!("{peer}: {state}"), |view| {
        let all = view["recipients"].as_array();
        all.is_some_and(|all| all.iter().any(|r| r["peer"] == peer && r["state"] == state))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_recall_ahead_of_the_parcel_with_its_record_keeps_the_record_out() {
    let mut federation = apart(&["a", "b", "c"]).await;
    let id = federation["a"]
        .push(&trend("Not for B after all"), &[])
        .await;
    pack(&federation, "a", "b", "old.bundle").await;
    list(&federation["a"], &id, "c").await;
    // By the line, which tells nothing of parcels that do not count any more.
    meet(&federation, &id, "never-had").await;
    // It is not lost by a restart either.
    federation.node("b").stop().await;
    federation.node("b").start().await;

    let opened = unpack(&federation, "b", "old.bundle").await;
    let opened = opened.expect_code(0).json();
    assert_eq!(
        (&opened["stored"], &opened["refused"]),
        (&0.into(), &1.into()),
        "{opened}"
    );
    assert!(!has_bytes(&federation["b"], &id));
    assert!(!federation["b"].holds().contains(&id));
    pack(&federation, "b", "a", "back.bundle").await;
    unpack(&federation, "a", "back.bundle").await.expect_code(0);
    stands(&federation["a"], &id, "b", "never-had").await;

    // A newer offer is past the recall, also in a file.
    look_at_all(&federation["a"]).await;
    list(&federation["a"], &id, "b,c").await;
    let packed = pack(&federation, "a", "b", "new.bundle").await;
    assert_eq!(packed["records"], 1, "{packed}");
    unpack(&federation, "b", "new.bundle").await.expect_code(0);
    federation["b"].holds_all(&[id]).await;
    pack(&federation, "b", "a", "thanks.bundle").await;
    unpack(&federation, "a", "thanks.bundle")
        .await
        .expect_code(0);
    stands(&federation["a"], &id, "b", "delivered").await;
    // And taken back in its turn.
    list(&federation["a"], &id, "c").await;
    meet(&federation, &id, "erased").await;
    assert!(!has_bytes(&federation["b"], &id));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_parcel_between_two_recalls_brings_nothing_back() {
    let mut federation = apart(&["a", "b", "c"]).await;
    let id = federation["a"].push(&trend("Taken back twice"), &[]).await;
    meet(&federation, &id, "delivered").await;
    federation["b"].holds_all(&[id]).await;
    list(&federation["a"], &id, "c").await;
    meet(&federation, &id, "erased").await;

    look_at_all(&federation["a"]).await;
    list(&federation["a"], &id, "b,c").await;
    let packed = pack(&federation, "a", "b", "between.bundle").await;
    assert_eq!(packed["records"], 1, "{packed}");
    list(&federation["a"], &id, "c").await;
    meet(&federation, &id, "erased").await;
    let opened = unpack(&federation, "b", "between.bundle").await;
    assert_eq!(opened.expect_code(0).json()["stored"], 0);
    assert!(!has_bytes(&federation["b"], &id));
    assert!(!federation["b"].holds().contains(&id));
    federation.stop().await;
}

/// A node, and a peer whose node the test is; it is on nobody's list without the other.
async fn site() -> (Federation, RawPeer) {
    let federation = Federation::mesh(&["a", "other"], OPEN).await;
    let mut raw = RawPeer::new(federation.dir(), "raw").await;
    raw.link(&federation["a"]).await;
    (federation, raw)
}

/// The peer has the record, and did not say so; the recall of it.
async fn sent_and_recalled(a: &TestNode, raw: &RawPeer) -> (RecordId, RecordId, RawStream) {
    let id = a.push(&trend("Sent"), &[]).await;
    let mut stream = raw.receiver(a).await;
    let (batch, place, _) = stream.offered(id).await;
    assert!(stream.want(batch, place).await.is_some());
    list(a, &id, "other").await;
    let recall = a.node().store.recalled(&id, &raw.agency);
    let recall = recall.expect("the store").expect("it is recalled");
    drop(stream);
    (id, recall, raw.receiver(a).await)
}

/// The peer answers an offer of a record so.
async fn answers(stream: &mut RawStream, id: RecordId, answer: Answer) {
    let (batch, place, items) = stream.offered(id).await;
    let mut outcomes = vec![Outcome::Answered(Answer::Stored); items];
    outcomes[usize::try_from(place).expect("small")] = Outcome::Answered(answer);
    stream.send(&Message::Answers { batch, outcomes }).await;
}

/// A peer that keeps no list of what came too early, or that had no room on it.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_recall_that_was_refused_goes_again_once_its_record_is_there() {
    let (mut federation, raw) = site().await;
    let a = &federation["a"];
    let (id, recall, mut stream) = sent_and_recalled(a, &raw).await;
    let early = Answer::Refused(Refused::Handling);
    answers(&mut stream, recall, early).await;
    stands(a, &id, "raw", "never-had").await;
    // In a parcel that takes its time.
    let came = vec![(at(a, &id), Answer::Stored)];
    let share = &a.node().share;
    share
        .settle(raw.agency, Route::Bundle, came, None)
        .await
        .expect("settled");
    answers(&mut stream, recall, Answer::Stored).await;
    stands(a, &id, "raw", "told").await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_what_is_owed_stands_behind_no_backlog_when_the_peer_had_no_room() {
    let (mut federation, raw) = site().await;
    let a = &federation["a"];
    let (_, recall, stream) = sent_and_recalled(a, &raw).await;
    drop(stream);
    let share = &a.node().share;
    let of = at(a, &recall);
    for later in [Later::Quota, Later::Disk] {
        let came = vec![(of, Answer::Later(later))];
        share
            .settle(raw.agency, Route::Direct, came, None)
            .await
            .expect("settled");
        let owed = share.owed(&raw.agency, Route::Direct, Arrival(0), 500);
        let owed = owed.expect("the store").items;
        assert!(owed.iter().any(|one| one.arrival == of), "{later:?}");
    }
    // In parcels it rests for a while: each costs the peer a number, and us a line.
    let packed = |again_before| {
        let lacks = share.lacks(Search {
            peer: &raw.agency,
            route: Route::Bundle,
            under_way: &HashSet::new(),
            after: Arrival(0),
            bytes: 1 << 20,
            again_before,
            only_owed: false,
        });
        let items = lacks.expect("the store").items;
        items.iter().any(|one| one.arrival == of)
    };
    assert!(!packed(Millis(0)));
    assert!(packed(Millis(share.now().0 + 1)));
    federation.stop().await;
}

/// A release was decided and not written down yet when the list became narrower: what is written
/// then does not take away the recall that was made since.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e13_a_release_under_way_takes_no_newer_recall_away() {
    let (mut federation, raw) = site().await;
    let a = &federation["a"];
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(ROWS));
    a.import(&file, &sheet::map()).await;
    let (store, share) = (&a.node().store, &a.node().share);
    let others: Vec<Arrival> = (1..=store.last().0).map(Arrival).collect();
    for attempt in 0..ATTEMPTS {
        let id = a.push(&trend("Wanted twice"), &[]).await;
        let arrival = at(a, &id);
        let sent = share
            .release(raw.agency, vec![arrival], Route::Direct)
            .await;
        assert!(sent.expect("released")[0].is_some());
        // It is the first to be decided, and all are written together.
        let mut wanted = vec![arrival];
        wanted.extend(&others);
        let (to, again) = (raw.agency, share.clone());
        let again = tokio::spawn(async move { again.release(to, wanted, Route::Direct).await });
        let audience = Some(vec![federation["other"].agency]);
        let list = Op::Audience { arrival, audience };
        store.write(vec![list]).await.expect("the store");
        let reason = RecallReason::Policy;
        let recall = a.node().recall(&[id], &raw.agency, reason).await;
        let recall = recall.expect("recalled");
        assert_eq!(recall.len(), 1);
        again.await.expect("done").expect("released");
        let stands = store.recalled(&id, &raw.agency).expect("the store");
        assert_eq!(stands, recall.first().copied(), "{attempt}");
        let recall = at(a, &recall[0]);
        let owed = share.owed(&raw.agency, Route::Direct, Arrival(recall.0 - 1), 1);
        assert_eq!(owed.expect("the store").items[0].arrival, recall);
    }
    federation.stop().await;
}
