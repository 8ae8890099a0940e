//! What is owed to an agency does not stand behind what is not: at the hub, in the outbox.

use liaison_node::limits::{MERGED_PARCELS, OUTBOX_OWED_PARCELS_OF_PEER, OUTBOX_PARCELS_OF_PEER};
use liaison_node::parcels::{Row, Way};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::ParcelId;
use liaison_protocol::wire::mailbox::{Message, Refusal};
use liaison_tests::federation::PATIENCE;
use liaison_tests::raw_hub::RawMailbox;
use liaison_tests::{TestNode, sealed};

use crate::deposits::{raw_hub, refused};
use crate::first::trend;
use crate::malice::Site;
use crate::parcels::{lie, outbox};

/// Room at the hub for what is owed is of no use if nothing is offered to it.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_retraction_is_offered_to_a_hub_that_has_no_room_for_anything_else() {
    let (mut federation, hub, clock) = raw_hub(1).await;
    let a = &federation["a"];
    let goes = a.push(&trend("Goes"), &[]).await;
    clock.advance(2_000);
    let mut mailbox = RawMailbox::open(&hub, a).await;
    let (first, _) = mailbox.deposited().await;
    let held = outbox(a, "it lies there", lie).await[0].records.len();
    let name = a.node().registry.alias(&first.to);
    for (why, asked) in [(Refusal::AddresseeFull, 1), (Refusal::Disk, 2)] {
        a.push(&trend("Too much"), &[]).await;
        let ordinary = mailbox.offered().await;
        assert!(!ordinary.owed, "{ordinary:?}");
        let id = ordinary.id;
        mailbox.send(&Message::Refuse { id, why }).await;
        refused(a, &name, asked).await;
        if asked == 1 {
            clock.advance(60_000);
        }
    }
    let args = ["retract", &goes.full(), "--reason", "error", "--yes"];
    a.cli(&args).await.expect_code(0);
    // With what was in the first, which is discarded: its cards.
    let anew = |row: &Row| row.number > 1;
    let mut there = Vec::new();
    loop {
        let rows = a.node().parcels.outbox().rows(anew);
        let records: usize = rows.iter().map(|row| row.records.len()).sum();
        if records >= held && rows.iter().all(|row| there.contains(&row.id)) {
            break;
        }
        let (owed, _) = mailbox.deposited().await;
        assert!(owed.owed, "{owed:?}");
        there.push(owed.id);
    }
    // Before the clock moves on: who waited for an answer would take it for silence.
    outbox(a, "what is owed lies there", |rows| {
        lie(rows) && rows.iter().all(anew)
    })
    .await;
    // That says nothing of the rest: the hub is asked no sooner, and then is.
    let still = a.node().parcels.refusal(&hub.agency, &first.to);
    assert_eq!(still.expect("refused").times, 2);
    clock.advance(5 * 60_000);
    while mailbox.deposited().await.0.owed {}
    // What is owed may be refused as well; then all waits, or the hub would be asked without end.
    let more = a.push(&trend("One more"), &[]).await;
    mailbox.deposited().await;
    let args = ["retract", &more.full(), "--reason", "error", "--yes"];
    a.cli(&args).await.expect_code(0);
    let owed = mailbox.offered().await;
    let (id, why) = (owed.id, Refusal::AddresseeFull);
    mailbox.send(&Message::Refuse { id, why }).await;
    refused(a, &name, 1).await;
    let said = a.node().parcels.refusal(&hub.agency, &first.to);
    assert!(said.expect("refused").owed);
    federation.stop().await;
}

/// The last tenth of a hub's room is for what is owed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_a_person_does_not_take_the_room_of_what_is_owed() {
    let site = Site::new().await;
    let mut from_a = site.mailbox("a").await;
    let id = sealed::seal(site.a(), &[site.b()], sealed::marked("Zephyrine")).await;
    let (about, _) = from_a.deposited().await;
    assert!(!about.owed, "{about:?}");
    let args = ["retract", &id.full(), "--reason", "error", "--yes"];
    site.a().cli(&args).await.expect_code(0);
    let (retraction, _) = from_a.deposited().await;
    assert!(retraction.owed, "{retraction:?}");
    let mut site = site;
    site.federation.stop().await;
}

/// As many parcels as may be under way to one agency, each of one record that was pushed alone.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_retraction_leaves_when_nothing_else_may() {
    let (mut federation, hub, clock) = raw_hub(1).await;
    let a = &federation["a"];
    let goes = a.push(&trend("Goes"), &[]).await;
    clock.advance(2_000);
    let mut mailbox = RawMailbox::open(&hub, a).await;
    let (first, _) = mailbox.deposited().await;
    let rows = outbox(a, "the first lies there", lie).await;
    fill(a, &rows[0], 1).await;
    let parcels = &a.node().parcels;
    a.push(&trend("No room for it"), &[]).await;
    let full = async {
        while !parcels.faults().contains_key(&first.to) {
            tokio::task::yield_now().await;
        }
    };
    let full = tokio::time::timeout(PATIENCE, full).await;
    full.expect("it says that too much is under way");
    let args = ["retract", &goes.full(), "--reason", "error", "--yes"];
    a.cli(&args).await.expect_code(0);
    let (owed, _) = mailbox.deposited().await;
    assert!(owed.owed, "{owed:?}");
    federation.stop().await;
}

/// Else agencies that stay away would keep all others from what is theirs.
#[tokio::test(flavor = "multi_thread")]
async fn small_parcels_become_one_when_there_is_no_room_for_more() {
    let (mut federation, hub, clock) = raw_hub(1).await;
    let a = &federation["a"];
    a.push(&trend("With the cards"), &[]).await;
    clock.advance(2_000);
    let mut mailbox = RawMailbox::open(&hub, a).await;
    let (first, _) = mailbox.deposited().await;
    let mut small = Vec::new();
    for n in 0..MERGED_PARCELS {
        a.push(&trend(&format!("Alone {n}")), &[]).await;
        small.push(mailbox.deposited().await.0.id);
    }
    let count = 1 + MERGED_PARCELS;
    let all = |rows: &[Row]| rows.len() == count && lie(rows);
    let rows = outbox(a, "all lie there", all).await;
    fill(a, &rows[0], count).await;
    a.push(&trend("One too many"), &[]).await;
    let (one, _) = mailbox.deposited().await;
    let rows = outbox(a, "they are one", |rows| {
        let there = rows.iter().any(|row| row.id == one.id);
        there && rows.iter().all(|row| !small.contains(&row.id))
    })
    .await;
    let one = rows.iter().find(|row| row.id == one.id);
    let records = one.map(|row| row.records.len());
    assert_eq!(records, Some(MERGED_PARCELS + 1), "{one:?}");
    assert!(!one.is_some_and(|one| one.owed));
    assert!(rows.iter().any(|row| row.id == first.id), "its cards stay");
    mailbox.discarded.sort();
    small.sort();
    assert_eq!(mailbox.discarded, small);
    federation.stop().await;
}

/// Fills the outbox up to what is left for what is owed to an agency, to which so many are under
/// way.
async fn fill(node: &TestNode, like: &Row, count: usize) {
    let parcels = &node.node().parcels;
    let rest = OUTBOX_PARCELS_OF_PEER - OUTBOX_OWED_PARCELS_OF_PEER - count;
    for n in 0..rest as u64 {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let row = Row {
            number: like.number + count as u64 + n,
            id: ParcelId::from_bytes(id),
            way: Way::Bundle,
            records: Vec::new(),
            expires: Millis(u64::MAX),
            ..like.clone()
        };
        parcels.outbox().add(row, Vec::new()).await.expect("added");
    }
}
