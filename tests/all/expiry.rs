//! What ends is gone when its end comes, everywhere and by itself.

use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::store::Flags;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::date::Date;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::first::trend;

pub const MINUTE: u64 = 60_000;

/// Nodes that share everything, with one clock, five minutes before the end of a day.
pub async fn shortly_before_midnight(names: &[&str]) -> (Federation, Arc<ManualClock>, Date) {
    let today = Date::from_millis(SystemClock.now()).add_days(1);
    let clock = Arc::new(ManualClock::new(Millis(today.end_ms().0 - 5 * MINUTE)));
    let mut federation = Federation::new();
    for name in names {
        let node = federation.prepare(name, "border", "QN");
        node.with_clock(clock.clone()).start().await;
    }
    federation.link_all().await;
    for name in names {
        federation[name].policy(OPEN).await;
    }
    (federation, clock, today)
}

/// A trend that ends with a day.
pub fn ending(title: &str, day: Date) -> Value {
    let mut draft = trend(title);
    draft["expires"] = day.to_string().into();
    draft
}

/// Waits until a node has erased so many records because they ended.
pub async fn swept(node: &TestNode, count: u64) {
    let mut swept = node.node().sweeper.swept();
    let enough = swept.wait_for(|s| s.erased >= count);
    if tokio::time::timeout(PATIENCE, enough).await.is_err() {
        panic!("{} does not erase what has ended", node.name);
    }
}

/// Whether a node's copy is erased because it ended.
pub fn is_expired(node: &TestNode, id: &RecordId) -> bool {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("it had it");
    let header = store.header(arrival).expect("store").expect("a header");
    let expired = header.flags.contains(Flags::EXPIRED);
    assert_eq!(store.record(arrival).expect("store").is_none(), expired);
    expired
}

#[tokio::test(flavor = "multi_thread")]
async fn e19_expiry_deletes_at_every_node() {
    let (mut federation, clock, today) = shortly_before_midnight(&["a", "b", "c"]).await;
    let ends = federation["a"]
        .push(&ending("Quittenmarke", today), &[])
        .await;
    let later = today.add_days(40);
    let stays = federation["a"]
        .push(&ending("Zwetschgenmarke", later), &[])
        .await;
    for name in ["b", "c"] {
        federation[name].holds_all(&[ends, stays]).await;
    }
    federation.settled().await;

    // What would go is said before it goes.
    let b = &federation["b"];
    let report = b.json(&["expiry"]).await;
    assert_eq!(report["count"], 1, "{report}");
    assert_eq!(report["rows"][0]["id"], ends.full());
    assert_eq!(report["by_kind"][0]["reason"], "trend");
    let report = b.json(&["expiry", "--until", &later.to_string()]).await;
    assert_eq!(report["count"], 2, "{report}");

    // One of them is off at the moment.
    federation.node("c").stop().await;
    assert!(!is_expired(&federation["a"], &ends));
    clock.advance(6 * MINUTE);
    for name in ["a", "b"] {
        swept(&federation[name], 1).await;
    }
    federation.node("c").start().await;
    swept(&federation["c"], 1).await;
    for name in ["a", "b", "c"] {
        let node = &federation[name];
        assert!(
            is_expired(node, &ends) && !is_expired(node, &stays),
            "{name}"
        );
        let shown = node.cli(&["show", &ends.full()]).await.expect_code(0);
        assert!(shown.out.contains("EXPIRED at"), "{shown:?}");
        assert!(!shown.out.contains("Quittenmarke"), "{shown:?}");
        let found = node.json(&["query", "quittenmarke", "--count"]).await;
        assert_eq!(found["count"], 0, "{name} finds it");
    }
    // Nobody is told of it any more, and nobody owes anything for it.
    let mut late = federation.prepare("d", "border", "QN");
    late.with_clock(clock.clone()).start().await;
    late = federation.node("d");
    late.policy(OPEN).await;
    federation.link("a", "d").await;
    federation["d"].holds_all(&[stays]).await;
    federation.settled().await;
    let (a, d) = (&federation["a"], &federation["d"]);
    assert!(!a.tap.sent_contains(&d.agency, ends.as_bytes()));
    let status = a.json(&["status"]).await;
    assert_eq!(status["peers"][0]["behind"], 0, "{status}");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_date_that_has_come_is_due() {
    let (mut federation, clock, today) = shortly_before_midnight(&["a", "b"]).await;
    let mut draft = trend("Quittenmarke");
    draft["review_by"] = today.add_days(1).to_string().into();
    let id = federation["a"].push(&draft, &[]).await;
    federation["b"].holds_all(&[id]).await;
    let mut reviewed = ending("Zwetschgenmarke", today);
    reviewed["review_by"] = today.to_string().into();
    let ends = federation["a"].push(&reviewed, &[]).await;
    federation["b"].holds_all(&[ends]).await;
    clock.advance(6 * MINUTE);
    for name in ["a", "b"] {
        swept(&federation[name], 1).await;
    }
    // Its author's business, and nobody else's; what ended needs no review.
    let a = federation["a"].json(&["status"]).await;
    assert_eq!(a["reviews_due"], 1, "{a}");
    let b = federation["b"].json(&["status"]).await;
    assert_eq!(b["reviews_due"], 0, "{b}");
    let home = federation["a"].cli(&[]).await.expect_code(0);
    assert!(home.out.contains("review date has come"), "{home:?}");
    let report = federation["a"].json(&["expiry"]).await;
    assert_eq!(report["review_count"], 1, "{report}");
    assert_eq!(report["reviews"][0]["id"], id.full());
    federation.stop().await;
}
