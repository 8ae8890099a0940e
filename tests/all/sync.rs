//! Sync between real nodes: torn lines, restarts, rings, changes of policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::store::Arrival;
use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::Message;
use liaison_tests::federation::{ACCEPT, OPEN, PATIENCE};
use liaison_tests::tap::{Frame, moment};
use liaison_tests::{Federation, TestNode, sheet};

use super::first::trend;

/// Imports made-up rows at a node; how many.
pub async fn import(federation: &Federation, name: &str, rows: usize) -> usize {
    let file = federation.dir().join(format!("{name}-{rows}.csv"));
    sheet::write(&file, &sheet::made_up(rows));
    let summary = federation[name].import(&file, &sheet::map()).await;
    assert_eq!(summary["records"], rows, "{summary}");
    rows
}

/// Nothing of what a node holds is half there: each record is held once, whole, verifiable
/// by its id, and the ledger says where it came from.
fn assert_whole(node: &TestNode) {
    let store = &node.node().store;
    let mut seen = BTreeSet::new();
    let mut from = Arrival(0);
    loop {
        let rows = store.headers(from.next(), 1_000).expect("headers");
        let Some((last, _)) = rows.last() else { break };
        from = *last;
        for (arrival, header) in rows {
            assert!(
                seen.insert(header.id),
                "{} is held twice",
                header.id.short()
            );
            let bytes = store.record(arrival).expect("readable").expect("bytes");
            let record = SignedRecord::parse(bytes).expect("a record");
            assert_eq!(record.id(), header.id);
            assert_eq!(store.arrival_of(&header.id).expect("index"), Some(arrival));
            if let Some(courier) = header.courier {
                let line = store.ledger_entry(&courier, arrival).expect("ledger");
                assert!(line.is_some(), "the ledger does not know who brought it");
            }
        }
    }
}

/// How often each record's bytes crossed between two nodes, whichever way.
fn crossings(a: &TestNode, b: &TestNode) -> BTreeMap<RecordId, usize> {
    let mut times = BTreeMap::new();
    for (from, to) in [(a, b), (b, a)] {
        for bytes in from.tap.records_to(&to.agency) {
            *times.entry(id_of(bytes)).or_default() += 1;
        }
    }
    times
}

fn id_of(bytes: Vec<u8>) -> RecordId {
    SignedRecord::parse(Bytes::from(bytes))
        .expect("a record")
        .id()
}

/// What was said on live streams besides the frames of an idle session.
fn talk(node: &TestNode) -> Vec<Frame> {
    let idle = |f: &Frame| {
        matches!(
            f.message(),
            Message::Hello(_)
                | Message::Credit { .. }
                | Message::Bye(_)
                | Message::Time(_)
                | Message::Settled(_)
                | Message::Witness { .. }
                | Message::Held { .. }
        )
    };
    let frames = node.tap.frames();
    frames
        .into_iter()
        .filter(|f| f.channel == Channel::Live && !idle(f))
        .collect()
}

/// Connects two nodes anew and waits until both sides have nothing to say.
async fn reconnected(federation: &Federation, a: &str, b: &str) {
    federation.cut(a, b).await;
    for node in federation.all() {
        node.tap.clear();
    }
    federation.mend(a, b).await;
    federation[a].repaired_with(&federation[b].agency).await;
    federation.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e20_a_line_torn_at_any_moment_loses_doubles_and_halves_nothing() {
    // Arrivals at B after which the line is torn, and who tears it. Between them lie first
    // records, edges of batches, and the middle of batches.
    let moments = [1, 37, 199, 200, 201, 555, 800, 1_199];
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let before = federation["b"].node().store.last().0;
    let rows = 1_500;
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(rows));
    {
        let federation = &federation;
        let (map, file) = (sheet::map(), &file);
        let importing = federation["a"].import(file, &map);
        let tearing = async {
            for (turn, moment) in moments.into_iter().enumerate() {
                let mut arrivals = federation["b"].node().store.watch();
                let reached = arrivals.wait_for(|last| last.0 >= before + moment);
                tokio::time::timeout(PATIENCE, reached)
                    .await
                    .expect("it goes on")
                    .expect("runs");
                let (one, other) = if turn % 2 == 0 {
                    ("a", "b")
                } else {
                    ("b", "a")
                };
                federation.cut(one, other).await;
                federation.mend(one, other).await;
            }
        };
        let (summary, ()) = tokio::join!(importing, tearing);
        assert_eq!(summary["records"], rows);
    }
    federation["b"].holds_count(rows).await;
    federation.settled().await;
    assert_eq!(federation["a"].holds(), federation["b"].holds());
    for node in federation.all() {
        assert_whole(node);
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e22_ten_thousand_records_sync_and_no_change_costs_little() {
    let mut federation = Federation::new();
    for name in ["a", "b"] {
        federation.add(name, "border", "QN").await;
        federation[name].policy(OPEN).await;
    }
    let rows = import(&federation, "a", 10_000).await;
    let began = Instant::now();
    federation.link("a", "b").await;
    let patience = 10 * PATIENCE;
    federation["b"].holds_count_within(rows, patience).await;
    let took = began.elapsed();
    println!("10,000 records between two fresh nodes in a test build: {took:.1?}");
    federation.settled().await;
    assert_eq!(federation["a"].holds(), federation["b"].holds());

    // B starts anew, and with it its count of bytes.
    federation.node("b").stop().await;
    federation["b"].tap.clear();
    let began = Instant::now();
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation["b"].repaired_with(&federation["a"].agency).await;
    federation.settled().await;
    let traffic = federation["b"]
        .node()
        .swarm
        .traffic(&federation["a"].agency);
    let bytes = traffic.bytes_in + traffic.bytes_out;
    println!(
        "no change, repair included: {bytes} bytes, {:.1?}",
        began.elapsed()
    );
    assert!(bytes < 100_000, "{bytes} bytes for nothing new");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e24_records_of_the_same_moment_are_never_skipped() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation
            .prepare(name, "border", "QN")
            .with_clock(clock.clone());
    }
    // Later than their first cards, which would move it on.
    clock.set(Millis(SystemClock.now().0 + 1_000));
    for name in ["a", "b", "c"] {
        federation.node(name).start().await;
    }
    federation.link_all().await;
    for name in ["a", "b", "c"] {
        federation[name].policy(OPEN).await;
    }
    // One at a time, at two authors, with a torn line after every few.
    let mut ids = Vec::new();
    for n in 0..24 {
        for name in ["a", "c"] {
            ids.push(
                federation[name]
                    .push(&trend(&format!("{name} {n}")), &[])
                    .await,
            );
        }
        if n % 8 == 3 {
            federation.cut("a", "b").await;
            ids.push(
                federation["a"]
                    .push(&trend(&format!("torn {n}")), &[])
                    .await,
            );
            federation.mend("a", "b").await;
        }
    }
    // And several batches at once.
    import(&federation, "a", 450).await;
    for name in ["a", "b", "c"] {
        federation[name].holds_count(ids.len() + 450).await;
    }
    federation.settled().await;
    let held = federation["a"].holds();
    assert!(ids.iter().all(|id| held.contains(id)));
    assert_eq!(held, federation["b"].holds());
    assert_eq!(held, federation["c"].holds());
    let walls: BTreeSet<u64> = federation["b"]
        .node()
        .store
        .headers(Arrival(1), 2_000)
        .expect("headers")
        .iter()
        .filter(|(_, h)| held.contains(&h.id))
        .map(|(_, h)| h.created.wall().0)
        .collect();
    assert_eq!(walls.len(), 1, "the clock stood still");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e25_a_ring_comes_to_rest_and_announces_nothing_again() {
    let names = ["a", "b", "c"];
    let mut federation = Federation::mesh(&names, OPEN).await;
    // Setting up restarts sessions, and their cards may go out twice.
    federation.settled().await;
    for node in federation.all() {
        node.tap.clear();
    }
    let mut count = 0;
    for (name, rows) in [("a", 260), ("b", 30), ("c", 210)] {
        count += import(&federation, name, rows).await;
    }
    for name in names {
        federation[name].holds_count(count).await;
    }
    federation.settled().await;
    let pairs = [("a", "b"), ("b", "c"), ("c", "a")];
    for (one, other) in pairs {
        for (id, times) in crossings(&federation[one], &federation[other]) {
            assert_eq!(
                times,
                1,
                "{} crossed {one}-{other} {times} times",
                id.short()
            );
        }
    }
    // Everybody calls everybody anew: sessions begin, repairs run, and nobody has anything
    // to say.
    for (one, other) in pairs {
        reconnected(&federation, one, other).await;
        for name in names {
            assert!(
                talk(&federation[name]).is_empty(),
                "{:?}",
                talk(&federation[name])
            );
        }
    }
    // One more record: of it alone is spoken.
    for name in names {
        federation[name].tap.clear();
    }
    let new = federation["a"].push(&trend("One more"), &[]).await;
    for name in names {
        federation[name].holds_all(&[new]).await;
    }
    federation.settled().await;
    for name in names {
        for frame in talk(&federation[name]) {
            if let Message::Offer { items, .. } = frame.message() {
                assert!(items.iter().all(|i| i.id == new), "{items:?}");
            }
        }
    }
    for (one, other) in pairs {
        let times = crossings(&federation[one], &federation[other]);
        assert!(
            times.iter().all(|(id, times)| *id == new && *times == 1),
            "{times:?}"
        );
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_policy_brings_what_was_there_before() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let rows = import(&federation, "a", 230).await;
    federation.settled().await;
    assert!(federation["b"].holds().is_empty());
    federation["a"].policy(OPEN).await;
    federation["b"].holds_count(rows).await;
    assert_eq!(federation["a"].holds(), federation["b"].holds());
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_narrower_policy_stops_what_is_under_way() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let rows = import(&federation, "a", 4_000).await;
    // A machine that comes late to the command does not let all of it out before: from here on
    // the session stands still until the policy is in force.
    let out = AtomicUsize::new(0);
    let held = federation["a"].tap.hold_at(move |frame| {
        let records = match frame.direction {
            Direction::Out => frame.records().len(),
            Direction::In => 0,
        };
        out.fetch_add(records, Ordering::SeqCst) + records >= rows / 2
    });
    federation["a"].policy(OPEN).await;
    let mut arrivals = federation["b"].node().store.watch();
    let began = arrivals.borrow_and_update().0;
    let reached = arrivals.wait_for(|last| last.0 > began + 300);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .expect("it flows")
        .expect("runs");
    // Not one record may leave once the new policy is in force, which is before the command
    // comes back.
    let mut policies = federation["a"].node().policies.subscribe();
    policies.mark_unchanged();
    let in_force = tokio::spawn(async move {
        policies.changed().await.expect("runs");
        moment()
    });
    federation["a"].policy(ACCEPT).await;
    let in_force = in_force.await.expect("the policy changed");
    drop(held);
    federation.settled().await;
    let to = federation["b"].agency;
    let mut out = BTreeSet::new();
    for frame in federation["a"].tap.sent_to(&to) {
        let records = frame.records();
        assert!(
            records.is_empty() || frame.moment < in_force,
            "{frame:?} went out under the new policy"
        );
        out.extend(records.into_iter().map(id_of));
    }
    assert!(out.len() < rows, "all {rows} were out");
    reconnected(&federation, "a", "b").await;
    assert!(federation["a"].tap.records_to(&to).is_empty());
    // B may have been taking in still what came before.
    let beyond: Vec<_> = federation["b"].holds().difference(&out).copied().collect();
    assert!(beyond.is_empty(), "{beyond:?}");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_peer_is_cut_off_and_gets_nothing_more() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let before = federation["a"]
        .push(&trend("While we were friends"), &[])
        .await;
    federation["b"].holds_all(&[before]).await;
    federation.settled().await;
    let mut links = federation["b"].node().swarm.links();
    let report = federation["a"]
        .json(&["peer", "remove", "b", "--yes"])
        .await;
    // The record, and our card and keys.
    assert!(report["holds"].as_u64().is_some_and(|n| n >= 1), "{report}");
    let a = federation["a"].agency;
    let down = links.wait_for(|l| l.iter().all(|l| l.agency != a || !l.is_up()));
    tokio::time::timeout(PATIENCE, down)
        .await
        .expect("the line is cut")
        .expect("runs");
    federation["a"].tap.clear();
    federation["a"].push(&trend("Not for them"), &[]).await;
    // B may call as often as it likes.
    federation["b"]
        .node()
        .swarm
        .dial_now(a)
        .await
        .expect("it dials");
    let test = federation["b"]
        .cli(&["peer", "test", "a", "--json"])
        .await
        .expect_code(1);
    assert!(
        test.out.contains("known-to-them") || test.out.contains("connect"),
        "{test:?}"
    );
    assert!(
        federation["a"]
            .tap
            .sent_to(&federation["b"].agency)
            .is_empty()
    );
    assert_eq!(federation["b"].holds(), BTreeSet::from([before]));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_both_nothing_is_sent_again() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let rows = import(&federation, "a", 420).await;
    federation["b"].holds_count(rows).await;
    federation.settled().await;
    federation.stop().await;
    for name in ["a", "b"] {
        federation[name].tap.clear();
    }
    for name in ["a", "b"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    federation["a"].repaired_with(&federation["b"].agency).await;
    federation.settled().await;
    for name in ["a", "b"] {
        assert!(
            talk(&federation[name]).is_empty(),
            "{:?}",
            talk(&federation[name])
        );
    }
    let new = federation["a"].push(&trend("After the restart"), &[]).await;
    federation["b"].holds_all(&[new]).await;
    assert_eq!(
        federation["a"]
            .tap
            .records_to(&federation["b"].agency)
            .len(),
        1
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_while_a_peer_is_away_arrives_when_it_is_back() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(
            federation["a"]
                .push(&trend(&format!("While away {n}")), &[])
                .await,
        );
    }
    let status = federation["a"].json(&["status"]).await;
    assert_eq!(status["peers"][0]["behind"], 3, "{status:#}");
    federation["a"].tap.clear();
    federation.node("b").start().await;
    federation["b"].holds_all(&ids).await;
    federation.settled().await;
    let status = federation["a"].json(&["status"]).await;
    assert_eq!(status["peers"][0]["behind"], 0, "{status:#}");
    let sent = federation["a"].tap.records_to(&federation["b"].agency);
    let sent: BTreeSet<RecordId> = sent.into_iter().map(id_of).collect();
    assert!(ids.iter().all(|id| sent.contains(id)), "{sent:?}");
    federation.stop().await;
}
