//! Agencies that stop being peers: removed in order, revoked at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::{Federation, TestNode, sheet};
use serde_json::Value;

use crate::first::trend;

fn ids(report: &Value, list: &str) -> BTreeSet<RecordId> {
    let list = report[list].as_array().expect("a list");
    list.iter()
        .map(|r| r["id"].as_str().expect("an id").parse().expect("an id"))
        .collect()
}

/// Waits until an agency is no peer of a node any more.
async fn unlinked(node: &TestNode, name: &str) {
    let registry = &node.node().registry;
    let mut changes = registry.changes();
    let gone = async {
        while registry.find(name).is_ok() {
            changes.changed().await.expect("runs");
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    assert!(gone.is_ok(), "{name} stays a peer");
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_two_seconds_after_a_revocation_nothing_goes_to_the_peer_under_a_flood() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "b").await;
    federation.link("a", "c").await;
    let rows = 4_000;
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(rows));
    let b = federation["b"].agency;
    let (started, report) = {
        let federation = &federation;
        let (map, file) = (sheet::map(), &file);
        let importing = federation["a"].import(file, &map);
        let revoking = async {
            let mut arrivals = federation["b"].node().store.watch();
            let flooded = arrivals.wait_for(|last| last.0 >= 500);
            let flooded = tokio::time::timeout(PATIENCE, flooded).await;
            flooded.expect("the flood begins").expect("runs");
            let started = Instant::now();
            let args = ["peer", "revoke", "b", "--reason", "stolen", "--yes"];
            (started, federation["a"].json(&args).await)
        };
        let (_, revoked) = tokio::join!(importing, revoking);
        revoked
    };
    federation["c"].holds_count(rows).await;
    let late = |at: Instant| at > started + Duration::from_secs(2);
    let frames = federation["a"].tap.sent_to(&b);
    let late: Vec<_> = frames.iter().filter(|f| late(f.at)).collect();
    assert!(
        late.is_empty(),
        "{} frames went to it: {late:?}",
        late.len()
    );

    // What the answer says that it holds is what it holds; the one in flight may be missing.
    let held = federation["b"].holds();
    assert!(held.len() < rows, "it has everything: the flood was over");
    let said = ids(&report, "records");
    assert!(held.is_subset(&said), "it holds what was not said");
    let confirmed = report["records"].as_array().expect("a list").iter();
    let confirmed = confirmed.filter(|r| r["confirmed"] == true).count();
    assert!(confirmed <= held.len(), "{confirmed} of {}", held.len());
    assert_eq!(report["held"][0]["kind"], "trend", "{}", report["held"]);

    // It lasts, and only the digits undo it.
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let card = federation["b"].home.dir().join("card.liaison");
    let card = card.to_string_lossy();
    let again = ["peer", "add", &card, "--as", "b", "--yes"];
    let refused = federation["a"].cli(&again).await.expect_code(1);
    assert!(
        refused.err.contains("was revoked here (stolen)"),
        "{}",
        refused.err
    );
    let digits = federation["b"].card().fingerprint();
    let again = ["peer", "add", &card, "--as", "b", "--fingerprint", &digits];
    let added = federation["a"].cli(&again).await.expect_code(0);
    assert!(
        added.out.contains("revoked here before (stolen)"),
        "{}",
        added.out
    );
    federation["b"].holds_count(rows).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_a_revocation_says_what_is_owed_and_unreachable() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let kept = federation["a"].push(&trend("Kept"), &[]).await;
    let taken = federation["a"].push(&trend("Taken back"), &[]).await;
    federation["b"].holds_all(&[kept, taken]).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let args = ["retract", &taken.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    let args = ["peer", "revoke", "b", "--reason", "lost", "--yes"];
    let report = federation["a"].json(&args).await;
    assert_eq!(ids(&report, "records"), BTreeSet::from([kept, taken]));
    assert_eq!(report["unreachable"][0]["of"], taken.full(), "{report}");
    let revoked = federation["a"].json(&["peer", "list", "--revoked"]).await;
    assert_eq!(revoked["reason"], "lost");
    assert!(
        federation["a"]
            .node()
            .registry
            .keys(&federation["b"].agency)
            .is_some()
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_peer_still_gets_what_it_is_owed_and_nothing_else() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let taken = federation["a"].push(&trend("Taken back"), &[]).await;
    federation["b"].holds_all(&[taken]).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let args = ["retract", &taken.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    let report = federation["a"]
        .json(&["peer", "remove", "b", "--yes"])
        .await;
    assert_eq!(report["leaving"], true, "{report}");
    assert_eq!(report["owed"][0]["of"], taken.full(), "{report}");
    let later = federation["a"].push(&trend("Not for them"), &[]).await;
    // The wait outlives a restart.
    federation.node("a").stop().await;
    federation.node("a").start().await;

    federation["a"].tap.clear();
    federation.node("b").start().await;
    let theirs = federation["b"].push(&trend("Not from them"), &[]).await;
    unlinked(&federation["a"], "b").await;
    let store = &federation["b"].node().store;
    let arrival = store.arrival_of(&taken).expect("store").expect("it had it");
    let header = store.header(arrival).expect("store").expect("a header");
    assert!(header.flags.contains(Flags::ERASED), "it was not told");
    assert!(!federation["b"].holds().contains(&later));
    assert!(!federation["a"].holds().contains(&theirs));
    let b = federation["b"].agency;
    // The link stayed until it said what it did with its copy.
    let told = federation["a"]
        .node()
        .store
        .told(&taken, &b)
        .expect("store");
    assert!(told.is_some(), "it was unlinked before its receipt came");
    assert!(!federation["a"].tap.sent_contains(&b, b"Not for them"));
    federation.stop().await;
}
