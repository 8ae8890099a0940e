//! A clock that is wrong destroys nothing, and helps nobody.

use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::{AGAIN_TICKS, SESSION_TICK_MS};
use liaison_protocol::clock::Millis;
use liaison_protocol::limits::CLOCK_AHEAD_MS;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::{Federation, TestNode};

use crate::expiry::{MINUTE, ending, is_expired, shortly_before_midnight, swept};
use crate::first::trend;

const DAY: u64 = 24 * 60 * MINUTE;

/// Waits until a node's sweeper stands still, or works again.
async fn stopped(node: &TestNode, stopped: bool) {
    let mut swept = node.node().sweeper.swept();
    let so = swept.wait_for(|s| s.stopped == stopped);
    if tokio::time::timeout(PATIENCE, so).await.is_err() {
        panic!("{}: {:?}", node.name, node.node().time.trusted());
    }
}

/// What is ahead of a peer's clock goes to it when its clock is there, not half a minute later.
#[tokio::test(flavor = "multi_thread")]
async fn e17_a_record_ahead_of_the_peers_clock_waits_for_that_time() {
    const AHEAD: u64 = 3_000;
    let mut federation = Federation::new();
    let fast = Arc::new(ManualClock::new(SystemClock.now()));
    federation
        .prepare("a", "border", "QN")
        .with_clock(fast.clone());
    federation.node("a").start().await;
    federation.add("b", "border", "QN").await;
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation.link("a", "b").await;
    federation.settled().await;
    fast.set(Millis(SystemClock.now().0 + CLOCK_AHEAD_MS + AHEAD));
    let pushed = std::time::Instant::now();
    let early = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[early]).await;
    let waited = pushed.elapsed();
    // Every half a minute everything that waits is offered once more.
    let half_a_minute = AGAIN_TICKS * SESSION_TICK_MS;
    assert!(
        waited.as_millis() < u128::from(half_a_minute) * 2 / 3,
        "{waited:?}"
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e17_a_clock_that_jumps_erases_nothing_until_it_is_right_or_confirmed() {
    let (mut federation, clock, today) = shortly_before_midnight(&["a"]).await;
    let a = &federation["a"];
    let near = a
        .push(&ending("Quittenmarke", today.add_days(9)), &[])
        .await;
    let far = a
        .push(&ending("Zwetschgenmarke", today.add_days(90)), &[])
        .await;
    let was = clock.now();

    // A month ahead: both the alarm and the record stay.
    clock.advance(30 * DAY);
    stopped(a, true).await;
    assert!(!is_expired(a, &near));
    let status = a.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("clock confirm"), "{alerts}");
    let shown = a.json(&["clock", "show"]).await;
    assert!(shown["doubt"].is_string(), "{shown}");

    // Right again: on as before.
    clock.set(Millis(was.0 + MINUTE));
    stopped(a, false).await;
    let shown = a.json(&["clock", "show"]).await;
    assert!(shown["doubt"].is_null(), "{shown}");

    // Two hours back: not believed either, and nothing that had ended is let go again.
    clock.set(Millis(was.0 - 120 * MINUTE));
    stopped(a, true).await;
    assert!(a.node().time.latest() >= Millis(was.0 + MINUTE));

    // A month later in earnest, over a restart; an administrator says so.
    federation.node("a").stop().await;
    clock.set(Millis(was.0 + 30 * DAY));
    federation.node("a").start().await;
    let a = &federation["a"];
    stopped(a, true).await;
    assert!(!is_expired(a, &near));
    let unasked = a.cli(&["clock", "confirm"]).await.expect_code(2);
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    stopped(a, true).await;
    let said = a.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);
    assert!(said.out.contains("Confirmed"), "{said:?}");
    swept(a, 1).await;
    assert!(is_expired(a, &near) && !is_expired(a, &far));
    federation.stop().await;
}
