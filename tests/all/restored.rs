//! Parcels, and what is owed, after one of the two came back from a backup.

use liaison_node::limits::OWED_AGAIN_MS;
use liaison_node::store::Arrival;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::Kind;
use liaison_tests::referral::{by_one_clock, hours, pass};
use liaison_tests::{Federation, TestNode, sealed};

use crate::backup::{backup, key_file, lose, place, restore};
use crate::first::trend;
use crate::parcels::{AFTER_S, around, copy, cuts, keeps, kept_for, lie, outbox, stops};

/// Backs up a node and its keyring; the two files and the file of their key.
async fn back_up(federation: &Federation, name: &str) -> [String; 3] {
    let [file, ring] =
        ["backup", "keyring"].map(|part| place(federation, &format!("{name}.{part}")));
    let key = key_file(federation);
    for (file, part) in [(&file, "--with-keys"), (&ring, "--keyring")] {
        backup(&federation[name], file, &key, &[part]).await;
    }
    [file, ring, key]
}

/// Stops a node and brings it back from its backup.
async fn set_back(federation: &mut Federation, name: &str, [file, ring, key]: &[String; 3]) {
    federation.node(name).stop().await;
    lose(&federation[name], &format!("{name}.lost"));
    for file in [file, ring] {
        restore(&federation[name], file, key).await;
    }
    federation.node(name).start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_what_a_restored_node_left_at_a_hub_and_forgot_is_discarded_and_can_be_taken_back() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let goes = federation["a"].push(&trend("Goes"), &[]).await;
    let kept = back_up(&federation, "a").await;
    clock.advance(2 * AFTER_S * 1_000);
    let before = outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    let [old] = before.as_slice() else {
        panic!("{before:?}");
    };
    set_back(&mut federation, "a", &kept).await;
    let [a, b, hub] = ["a", "b", "hub"].map(|name| &federation[name]);
    a.heard_from(hub).await;
    let file = federation.dir().join("early.bundle");
    let args = ["bundle", "pack", "--to", "b", &file.to_string_lossy()];
    let early = a.cli(&args).await;
    assert!(
        early.err.contains("until this node has caught up"),
        "{early:?}"
    );
    assert!(a.node().parcels.outbox().rows(|_| true).is_empty());
    // As long as it waits to hear from B, what it left there may be all that is left of it.
    assert_eq!(kept_for(hub, b).len(), 1);
    a.cli(&["restore", "release", "b", "--reason", "gone", "--yes"])
        .await
        .expect_code(0);
    // Away for long, as far as it knows since then.
    clock.advance(2 * AFTER_S * 1_000);
    // Then what it does not know of is discarded, and offered again under numbers of its own.
    let number = old.number;
    outbox(a, "it is deposited anew", |all| {
        lie(all) && all.iter().all(|row| row.number > number)
    })
    .await;
    keeps(hub, b, 1).await;
    assert!(!kept_for(hub, b)[0].contains(&old.id.full()));
    // So nothing lies there that it can't take back.
    a.cli(&["retract", "--yes", &goes.full(), "--reason", "error"])
        .await
        .expect_code(0);
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation.settled().await;
    assert!(!sealed::has_bytes(&federation["b"], &goes));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_restored_addressee_stores_nothing_twice_and_nothing_withdrawn_comes_back() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    cuts(&federation, &clock, "a", "b").await;
    stops(&mut federation, &clock, "b").await;
    let [stays, goes] = [
        federation["a"].push(&trend("Stays"), &[]).await,
        federation["a"].push(&trend("Goes"), &[]).await,
    ];
    clock.advance(2 * AFTER_S * 1_000);
    outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    let (early, late) = (
        federation.dir().join("early"),
        federation.dir().join("late"),
    );
    copy(&federation["hub"].home.mailbox_dir(), &early);
    federation.node("b").start().await;
    federation["b"].holds_all(&[stays, goes]).await;
    let args = ["retract", "--yes", &goes.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    gone(&federation["b"], &goes).await;
    keeps(&federation["hub"], &federation["b"], 0).await;
    let kept = back_up(&federation, "b").await;

    // After the backup one more came.
    federation.node("b").stop().await;
    let more = federation["a"].push(&trend("More"), &[]).await;
    outbox(&federation["a"], "another parcel lies there", |all| {
        lie(all) && all.iter().any(|row| !row.records.is_empty())
    })
    .await;
    keeps(&federation["hub"], &federation["b"], 1).await;
    copy(&federation["hub"].home.mailbox_dir(), &late);
    federation.node("b").start().await;
    federation["b"].holds_all(&[more]).await;
    keeps(&federation["hub"], &federation["b"], 0).await;

    // Restored, it is brought all of them again: one that it knows the number of, and one that
    // it forgot. Their sender, who would take them back, is not there.
    federation.node("b").stop().await;
    federation.node("a").stop().await;
    federation.node("hub").stop().await;
    let mailbox = federation["hub"].home.mailbox_dir();
    for aside in [&early, &late] {
        copy(aside, &mailbox);
    }
    federation.node("hub").start().await;
    assert!(kept_for(&federation["hub"], &federation["b"]).len() >= 2);
    set_back(&mut federation, "b", &kept).await;
    federation["b"].holds_all(&[stays, more]).await;
    keeps(&federation["hub"], &federation["b"], 0).await;
    let b = &federation["b"];
    assert_eq!(b.holds(), [stays, more].into());
    assert!(!sealed::has_bytes(b, &goes));
    for id in [stays, more, goes] {
        assert_eq!(times(b, &id), 1, "{}", id.short());
    }
    // And when the two speak again, nothing changes.
    federation.node("a").start().await;
    federation.mend("a", "b").await;
    federation["b"].heard_from(&federation["a"]).await;
    federation.settled().await;
    let b = &federation["b"];
    assert_eq!(b.holds(), [stays, more].into());
    assert!(!sealed::has_bytes(b, &goes));
    for id in [stays, more, goes] {
        assert_eq!(times(b, &id), 1, "{}", id.short());
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_parcel_that_a_node_restored_without_its_keyring_cannot_open_is_sent_again_at_once() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    cuts(&federation, &clock, "a", "b").await;
    let [file, _, key] = back_up(&federation, "b").await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"]
        .push(&trend("Sealed to a lost key"), &[])
        .await;
    clock.advance(2 * AFTER_S * 1_000);
    let before = outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    lose(&federation["b"], "b.lost");
    restore(&federation["b"], &file, &key).await;
    federation.node("b").start().await;
    // What a node packs while a line begins may not be offered, and is then not told at once.
    federation.connected("b", "hub").await;
    federation["b"]
        .cli(&["restore", "release", "a", "--reason", "gone", "--yes"])
        .await
        .expect_code(0);
    clock.advance(2 * AFTER_S * 1_000);
    // A is not heard of on any line, and its patience is not over: B says that it has no key.
    federation["b"].holds_all(&[id]).await;
    outbox(&federation["a"], "the old one is forgotten", |all| {
        all.iter().all(|row| row.number > before[0].number)
    })
    .await;
    federation.stop().await;
}

/// Waits until the bytes of a record are gone from a node.
async fn gone(node: &TestNode, id: &RecordId) {
    let mut arrivals = node.node().store.watch();
    let gone = async {
        while sealed::has_bytes(node, id) {
            arrivals.changed().await.expect("the node runs");
        }
    };
    let gone = tokio::time::timeout(liaison_tests::federation::PATIENCE, gone).await;
    assert!(gone.is_ok(), "{} keeps {}", node.name, id.short());
}

/// How often a record stands in a node's store.
pub(crate) fn times(node: &TestNode, id: &RecordId) -> usize {
    let store = &node.node().store;
    let (mut after, mut count) = (Arrival::ZERO, 0);
    loop {
        let rows = store.headers(after.next(), 1_000).expect("headers");
        let Some((last, _)) = rows.last() else {
            return count;
        };
        after = *last;
        count += rows.iter().filter(|(_, header)| header.id == *id).count();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_receipt_that_a_restored_peer_has_no_use_for_is_not_offered_for_ever() {
    let start = liaison_tests::raw::from_now(0).wall();
    let clock = std::sync::Arc::new(liaison_node::clock::ManualClock::new(start));
    let mut federation = by_one_clock(&clock, &["a", "b"], "").await;
    let kept = back_up(&federation, "b").await;
    // B makes a record, lets A have it, and takes it back; all of which it will forget.
    let id = federation["b"].push(&trend("Forgotten"), &[]).await;
    federation["a"].holds_all(&[id]).await;
    federation["b"]
        .json(&["audience", &id.full(), "--to", "", "--yes"])
        .await;
    gone(&federation["a"], &id).await;
    federation.settled().await;
    let receipt = receipt_of(&federation["a"]);
    assert!(times(&federation["b"], &receipt) == 1, "it came before");
    for _ in 0..2 {
        pass(&federation, &clock, OWED_AGAIN_MS / 2 + 1).await;
    }
    federation["a"].tap.clear();
    set_back(&mut federation, "b", &kept).await;
    federation.connected("a", "b").await;
    federation["b"].heard_from(&federation["a"]).await;
    federation.settled().await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    assert_eq!(times(b, &receipt), 0);
    // It was offered once more, in vain. The next repair finds it and leaves it.
    let offered = a.tap.sent_contains(&b.agency, receipt.as_bytes());
    assert!(offered, "it would be found lacking");
    clock.advance(1);
    for n in 1..=2 {
        a.tap.clear();
        hours(a, &format!("duty desk {n}"), "24h").await;
        a.repaired_with(&b.agency).await;
        federation.settled().await;
        assert!(
            !a.tap.sent_contains(&b.agency, receipt.as_bytes()),
            "repair {n}"
        );
    }
    federation.stop().await;
}

/// The one receipt that a node made.
fn receipt_of(node: &TestNode) -> RecordId {
    let store = &node.node().store;
    let owed = store.owed(Arrival::ZERO, 1_000).expect("store");
    let number = liaison_node::kind::number(Kind::Receipt);
    let receipts: Vec<RecordId> = owed
        .iter()
        .filter(|(_, kind)| *kind == number)
        .filter_map(|(at, _)| store.header(*at).expect("store"))
        .filter(|header| header.author == node.agency)
        .map(|header| header.id)
        .collect();
    let [receipt] = receipts.as_slice() else {
        panic!("{receipts:?}");
    };
    *receipt
}
