//! What is left at a hub for many agencies that are away, and what a hub refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::{DAY_MS, HUB_AGAIN_SOON_MS};
use liaison_node::parcels::Row;
use liaison_protocol::id::AgencyId;
use liaison_protocol::limits::DEPOSITS_AT_ONCE;
use liaison_protocol::wire::mailbox::{Deposit, Message, Refusal};
use liaison_tests::absent::Absent;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw_hub::RawMailbox;
use liaison_tests::{Federation, RawPeer, TestNode};
use serde_json::Value;

use crate::first::trend;
use crate::parcels::{AFTER_S, CARRY, around, lie, outbox, stops};

/// Agencies that are away at once.
const ABSENT: usize = 40;

async fn absent(
    federation: &Federation,
    count: usize,
    hub: AgencyId,
    nodes: &[&str],
) -> Vec<Absent> {
    let mut all = Vec::new();
    for n in 0..count {
        let one = Absent::new(federation.dir(), &format!("p{n:02}"), &[hub]);
        for node in nodes {
            one.is_added(&federation[*node]).await;
        }
        all.push(one);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forty_absent_agencies_lack_is_at_the_hub_one_parcel_each() {
    let (mut federation, clock) = around(&["hub"], &["a"]).await;
    let hub = federation["hub"].agency;
    let all = absent(&federation, ABSENT, hub, &["hub", "a"]).await;
    let a = &federation["a"];
    let first = a.push(&trend("For all of them"), &[]).await;
    let began = Instant::now();
    clock.advance(2 * AFTER_S * 1_000);
    let one_each = |rows: &[Row]| {
        let to: BTreeSet<AgencyId> = rows.iter().map(|row| row.to).collect();
        rows.len() == ABSENT && to.len() == ABSENT && lie(rows)
    };
    outbox(a, "a parcel for each", one_each).await;
    let took = began.elapsed();
    println!(
        "parcels for {ABSENT} absent agencies were at the hub in {took:.1?}, {:.0?} each",
        took / ABSENT as u32
    );
    // What is owed goes to each of them as well, alone: the first parcel is discarded.
    a.cli(&["retract", "--yes", &first.full(), "--reason", "error"])
        .await
        .expect_code(0);
    let to = |rows: &[Row]| rows.iter().map(|row| row.to).collect::<BTreeSet<_>>().len();
    let anew =
        |rows: &[Row]| lie(rows) && to(rows) == ABSENT && rows.iter().all(|row| row.number > 1);
    let rows = outbox(a, "the retraction for each", anew).await;
    for one in &all {
        let due = rows.iter().filter(|row| row.to == one.agency).count();
        let folder = federation["hub"].home.mailbox_dir().join(one.agency.full());
        let files = std::fs::read_dir(folder).expect("its folder");
        assert_eq!(files.count(), due, "{}", one.name);
    }
    federation.stop().await;
}

/// A hub that is the test, and a node that has something for agencies that are away.
pub(crate) async fn raw_hub(count: usize) -> (Federation, RawPeer, Arc<ManualClock>) {
    raw_hub_with(count, "").await
}

/// The same, with more lines under `[hubs]`.
async fn raw_hub_with(count: usize, more: &str) -> (Federation, RawPeer, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = Federation::new();
    let node = federation.prepare("a", "border", "QN");
    node.configure(&format!("[hubs]\nafter_s = 1\n{more}"));
    node.with_clock(clock.clone()).start().await;
    federation["a"].policy(OPEN).await;
    let mut hub = RawPeer::hub(federation.dir(), "hub").await;
    hub.link(&federation["a"]).await;
    absent(&federation, count, hub.agency, &["a"]).await;
    (federation, hub, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_waits_as_many_days_as_the_configuration_says() {
    for (more, days) in [("", 14), ("parcel_days = 2\n", 2)] {
        let (mut federation, hub, clock) = raw_hub_with(1, more).await;
        let a = &federation["a"];
        a.push(&trend("For a while"), &[]).await;
        clock.advance(2_000);
        let deposit = RawMailbox::open(&hub, a).await.offered().await;
        assert_eq!(deposit.expires.0, clock.now().0 + days * DAY_MS);
        federation.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deposits_are_side_by_side_up_to_a_bound_and_one_of_each_agency_in_its_order() {
    let count = DEPOSITS_AT_ONCE + 4;
    let (mut federation, hub, clock) = raw_hub(count).await;
    let a = &federation["a"];
    let mut due: BTreeMap<AgencyId, Vec<_>> = BTreeMap::new();
    a.push(&trend("The first"), &[]).await;
    clock.advance(2_000);
    let mut mailbox = RawMailbox::open(&hub, a).await;
    let mut offered: Vec<Deposit> = Vec::new();
    let mut kept = 0;
    while kept < count {
        while offered.len() < DEPOSITS_AT_ONCE.min(count - kept) {
            let next = mailbox.offered().await;
            assert!(offered.iter().all(|one| one.to != next.to), "{next:?}");
            offered.push(next);
        }
        // While the hub says nothing, no more than these come: the next that is said is what it
        // asks for.
        let one = offered.remove(0);
        let (one, _) = mailbox.kept(one).await;
        due.entry(one.to).or_default().push(one.id);
        kept += 1;
    }
    assert_eq!(due.len(), count, "one each");
    // More for each of them: behind what lies there, by number.
    a.push(&trend("The second"), &[]).await;
    for _ in 0..count {
        let next = mailbox.offered().await;
        let (next, _) = mailbox.kept(next).await;
        due.entry(next.to).or_default().push(next.id);
    }
    let rows = outbox(a, "two each", |rows| rows.len() == 2 * count && lie(rows)).await;
    for (to, ids) in due {
        let numbered = rows.iter().filter(|row| row.to == to).map(|row| row.id);
        assert!(numbered.eq(ids), "not in the order of their numbers");
    }
    federation.stop().await;
}

async fn refusal(node: &TestNode, of: &str) -> Value {
    let list = node.json(&["parcels"]).await;
    let all = list["refused"].as_array().cloned().unwrap_or_default();
    let mut all = all.into_iter();
    all.find(|one| one["to"] == of).unwrap_or(Value::Null)
}

/// Waits until a hub has refused so often to keep parcels for an agency.
pub(crate) async fn refused(node: &TestNode, of: &str, asked: u64) -> Value {
    let mut changes = node.node().parcels.outbox().changes();
    let met = async {
        loop {
            let one = refusal(node, of).await;
            if one["asked"].as_u64() >= Some(asked) {
                return one;
            }
            changes.changed().await.expect("runs");
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    met.unwrap_or_else(|_| panic!("{of} is not refused {asked} times"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_refused_is_asked_again_when_its_policy_changes() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    federation["hub"].policy(OPEN).await;
    stops(&mut federation, &clock, "b").await;
    let a = &federation["a"];
    let id = a.push(&trend("Nobody carries it"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let one = refused(a, "b", 1).await;
    assert_eq!(
        (&one["why"], &one["hub"]),
        (&"not-carried".into(), &"hub".into())
    );
    assert!(one["next"].is_string(), "{one}");
    let said = a.cli(&["parcels"]).await.expect_code(0);
    assert!(
        said.out.contains("Asked once") || said.out.contains("Asked 1 time"),
        "{said:?}"
    );
    assert!(said.out.contains("asked again at"), "{said:?}");
    let why = a.cli(&["why", &id.full(), "b"]).await.expect_code(0);
    assert!(why.out.contains("does not keep a parcel"), "{why:?}");
    // It says that something changed by ending the stream: no wait is over.
    federation["hub"].policy(CARRY).await;
    clock.advance(HUB_AGAIN_SOON_MS);
    outbox(a, "the parcel lies there", lie).await;
    assert_eq!(refusal(a, "b").await, Value::Null);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_refused_is_asked_again_after_growing_waits_and_when_room_is_made() {
    let (mut federation, hub, clock) = raw_hub(2).await;
    let a = &federation["a"];
    a.push(&trend("For both"), &[]).await;
    clock.advance(2_000);
    let mut mailbox = RawMailbox::open(&hub, a).await;
    let (first, second) = (mailbox.offered().await, mailbox.offered().await);
    let refuse = |id| Message::Refuse {
        id,
        why: Refusal::DepositorFull,
    };
    mailbox.kept(first).await;
    mailbox.send(&refuse(second.id)).await;
    let name = a.node().registry.alias(&second.to);
    for (asked, minutes) in [(1, 1), (2, 5), (3, 15)] {
        refused(a, &name, asked).await;
        let one = a.node().parcels.refusal(&hub.agency, &second.to);
        let wait = one.expect("refused").next.0 - clock.now().0;
        assert_eq!(wait, minutes * 60_000, "{one:?}");
        clock.advance(wait);
        let again = mailbox.offered().await;
        assert_eq!(again.to, second.to);
        mailbox.send(&refuse(again.id)).await;
    }
    refused(a, &name, 4).await;
    // The first is collected: the hub does not list it any more, and there is room.
    mailbox.held.clear();
    clock.advance(liaison_node::limits::HOLDING_MS);
    let again = mailbox.offered().await;
    assert_eq!(again.to, second.to);
    mailbox.kept(again).await;
    federation.stop().await;
}
