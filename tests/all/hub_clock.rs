//! A hub whose clock jumps: what it keeps ends by a clock that is believed, and by no other.

use liaison_node::clock::Clock;
use liaison_node::limits::DAY_MS;
use liaison_protocol::clock::Millis;
use liaison_protocol::limits::PARCEL_DAYS;

use crate::first::trend;
use crate::parcels::{AFTER_S, around, keeps, kept_for, lie, outbox, stays, stops};

/// Whoever sets a hub's clock forward for an hour has not deleted what waits there.
#[tokio::test(flavor = "multi_thread")]
async fn e27_a_hub_deletes_nothing_by_a_clock_that_is_not_believed() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Waits"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    outbox(&federation["a"], "it lies at the hub", lie).await;
    keeps(&federation["hub"], &federation["b"], 1).await;
    // Who left it there can't leave it again.
    stops(&mut federation, &clock, "a").await;
    let leap = (PARCEL_DAYS + 1) * DAY_MS;
    clock.advance(leap);
    let hub = &federation["hub"];
    assert!(hub.node().time.trusted().is_err(), "a leap of a month");
    // It is woken by the clock, looks at what ends, and deletes none of it.
    stays("it keeps what is past its end", || {
        kept_for(hub, &federation["b"]).len() == 1
    })
    .await;
    let hub = hub.json(&["hub", "status"]).await;
    assert_eq!(hub["parcels"], 1, "{hub}");
    let hub = &federation["hub"];
    assert_eq!(kept_for(hub, &federation["b"]).len(), 1);
    // Set right again, it is given to whom it is for.
    clock.set(Millis(clock.now().0 - leap));
    federation.node("b").start().await;
    federation["b"].holds_all(&[id]).await;
    keeps(&federation["hub"], &federation["b"], 0).await;

    // By a clock that somebody has looked at, what is past its end goes.
    stops(&mut federation, &clock, "b").await;
    federation.node("a").start().await;
    federation["a"].push(&trend("Ends"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    keeps(&federation["hub"], &federation["b"], 1).await;
    stops(&mut federation, &clock, "a").await;
    clock.advance(leap);
    let confirm = ["clock", "confirm", "--yes"];
    federation["hub"].cli(&confirm).await.expect_code(0);
    keeps(&federation["hub"], &federation["b"], 0).await;
    federation.stop().await;
}
