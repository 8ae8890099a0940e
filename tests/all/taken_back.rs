//! What was in a parcel that came back from the hub before anybody collected it: officers read
//! that, and not that it was sent; what takes it back stays owed.

use liaison_node::parcels::Row;
use liaison_protocol::id::RecordId;
use liaison_tests::TestNode;
use serde_json::Value;

use crate::first::trend;
use crate::parcels::{AFTER_S, around, ledger, lie, outbox, stops};
use crate::withdrawal::until;

fn recipient<'a>(view: &'a Value, peer: &str) -> &'a Value {
    let all = view["recipients"].as_array();
    let found = all.and_then(|all| all.iter().find(|one| one["peer"] == peer));
    found.unwrap_or(&Value::Null)
}

/// Waits until a node says so of a record and a peer.
async fn stands(node: &TestNode, id: &RecordId, peer: &str, state: &str) -> Value {
    let is = |view: &Value| recipient(view, peer)["state"] == state;
    let view = until(node, id, &format!("{peer}: {state}"), is).await;
    recipient(&view, peer).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_what_was_taken_back_before_anybody_collected_it_is_not_called_sent() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let a = &federation["a"];
    let [recalled, retracted, stays] = [
        a.push(&trend("Not for B after all"), &[]).await,
        a.push(&trend("Wrong"), &[]).await,
        a.push(&trend("Stays"), &[]).await,
    ];
    clock.advance(2 * AFTER_S * 1_000);
    outbox(a, "a parcel lies at the hub", lie).await;
    stands(a, &recalled, "b", "sent").await;
    let at = |id: &RecordId| {
        let arrival = a.node().store.arrival_of(id).expect("store");
        arrival.expect("its own")
    };
    // In a parcel that lies there, without what was taken back.
    let lies = |all: &[Row], rest: &RecordId, gone: &RecordId| {
        let holds = |id: &RecordId| all.iter().any(|row| row.records.contains(&at(id)));
        lie(all) && holds(rest) && !holds(gone)
    };
    a.json(&["audience", &recalled.full(), "--to", "hub", "--yes"])
        .await;
    let one = stands(a, &recalled, "b", "taken-back").await;
    assert!(one["taken_back"].is_string(), "{one}");
    assert_eq!(one["delivered"], false, "{one}");
    let line = ledger(a, &recalled, "b").await;
    assert!(line["taken_back"].is_string(), "{line}");
    let said = a.cli(&["why", &recalled.full(), "b"]).await.expect_code(0);
    assert!(said.out.contains("before it was collected"), "{said:?}");
    // What is packed anew with the rest is under way, also when that is taken back in its turn.
    outbox(a, "the rest lies there", |all| {
        lies(all, &retracted, &recalled)
    })
    .await;
    stands(a, &retracted, "b", "sent").await;
    a.cli(&["retract", "--yes", &retracted.full(), "--reason", "error"])
        .await
        .expect_code(0);
    stands(a, &retracted, "b", "taken-back").await;
    let said = a.cli(&["show", &retracted.full()]).await.expect_code(0);
    assert!(said.out.contains("taken-back"), "{said:?}");
    outbox(a, "the rest lies there", |all| {
        lies(all, &stays, &retracted)
    })
    .await;
    stands(a, &stays, "b", "sent").await;

    // All of it by the hub's word: so what takes it back is told to whom it was for.
    federation.node("b").start().await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    b.holds_all(&[stays]).await;
    stands(a, &stays, "b", "delivered").await;
    stands(a, &retracted, "b", "erased").await;
    // A recall of what it never had it has no use for: that is its own word, and the end of it.
    stands(a, &recalled, "b", "never-had").await;
    let said = a.cli(&["show", &recalled.full()]).await.expect_code(0);
    assert!(
        said.out.contains("it says that it never had it"),
        "{said:?}"
    );
    for id in [recalled, retracted] {
        assert!(!liaison_tests::sealed::has_bytes(b, &id));
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_collected_is_not_called_taken_back() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Whoever had it"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let before = outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    // What a hub gave away before a restart it does not know.
    federation.node("hub").stop().await;
    federation.node("hub").start().await;
    federation.connected("a", "hub").await;
    let a = &federation["a"];
    a.cli(&["retract", "--yes", &id.full(), "--reason", "error"])
        .await
        .expect_code(0);
    outbox(a, "the parcel is gone", |all| {
        all.iter().all(|row| row.key() != before[0].key())
    })
    .await;
    stands(a, &id, "b", "unreachable").await;
    assert_eq!(ledger(a, &id, "b").await["taken_back"], Value::Null);
    federation.stop().await;
}
