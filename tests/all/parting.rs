//! Agencies that stop being peers: removed in order, revoked at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_tests::federation::{OPEN, PATIENCE, waits_for};
use liaison_tests::tap::moment;
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
async fn e11_once_a_revocation_is_done_nothing_goes_to_the_peer_under_a_flood() {
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
    let (returned, report) = {
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
            let report = federation["a"].json(&args).await;
            let returned = moment();
            println!("e11: revoked under a flood in {:.1?}", started.elapsed());
            (returned, report)
        };
        let (_, revoked) = tokio::join!(importing, revoking);
        revoked
    };
    federation["c"].holds_count(rows).await;
    // How long the command takes is the machine's; when it comes back the line is cut.
    let frames = federation["a"].tap.sent_to(&b);
    let late: Vec<_> = frames.iter().filter(|f| f.moment > returned).collect();
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
    let args = ["retract", "--yes", &taken.full(), "--reason", "error"];
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
    let args = ["retract", "--yes", &taken.full(), "--reason", "error"];
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

/// What a removed peer holds is asked back if somebody says so, before the link ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_removed_with_all_that_it_holds_called_back() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let ids = [
        federation["a"].push(&trend("One"), &[]).await,
        federation["a"].push(&trend("Two"), &[]).await,
    ];
    let theirs = federation["b"].push(&trend("Theirs"), &["--to", ""]).await;
    for name in ["b", "c"] {
        federation[name].holds_all(&ids).await;
    }
    federation.settled().await;
    let remove = ["peer", "remove", "b", "--recall"];
    let asked = federation["a"].cli(&remove).await.expect_code(2);
    assert!(asked.err.contains("--yes"), "{asked:?}");
    assert!(federation["a"].node().registry.find("b").is_ok());
    federation.node("b").stop().await;
    let args = [&remove[..], &["--yes"]].concat();
    let ran = federation["a"].cli(&args).await.expect_code(0);
    for part in ["'b' holds 2 records", "asked to erase all of it"] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
    assert!(ran.out.contains("told to erase 2 records"), "{ran:?}");
    // It was not there; the link stays until it has answered.
    assert!(federation["a"].node().registry.find("b").is_ok());
    federation.node("b").start().await;
    for id in &ids {
        crate::retraction::erased(&federation["b"], id).await;
    }
    unlinked(&federation["a"], "b").await;
    assert!(federation["b"].holds().contains(&theirs));
    assert_eq!(federation["c"].holds(), ids.into(), "c is no matter of it");
    federation.stop().await;
}

/// Where a second person is required, what is called back by a change of a peer waits as well,
/// and is done for the agency that it was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_of_a_peer_calls_back_waits_for_a_second_person() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = Federation::new();
    for name in ["a", "b"] {
        federation
            .prepare(name, "border", "QN")
            .with_clock(clock.clone());
    }
    waits_for(&federation["a"].home, "second-person-or-a-day");
    for name in ["a", "b"] {
        federation.node(name).start().await;
    }
    federation.link("a", "b").await;
    let near = r#"{"circles": {"near": []}}"#;
    let dir = federation["a"].home.policy_dir();
    std::fs::write(dir.join("entities.json"), near).expect("circles");
    federation["b"].policy(OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let cedar = r#"
        @id("near") @says("Trends go to those who are near.")
        permit (principal in Circle::"near", action == Action::"share", resource)
        when { resource.kind == Kind::"trend" && resource.tlp != Tlp::"red" };"#;
    std::fs::write(dir.join("policy.cedar"), cedar).expect("policy");
    let dir = dir.to_string_lossy();
    let apply = ["policy", "apply", &dir, "--unproven", "--reason", "test"];
    a.cli(&apply).await.expect_code(0);
    let join = ["peer", "circles", "b", "--add", "near", "--yes"];
    a.cli(&join).await.expect_code(0);
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    federation.settled().await;

    let leave = [
        "peer", "circles", "b", "--remove", "near", "--recall", "--yes",
    ];
    let asked = a.cli(&leave).await.expect_code(6);
    assert!(asked.err.contains("liaison approve"), "{asked:?}");
    let remove = ["peer", "remove", "b", "--recall", "--yes"];
    a.cli(&remove).await.expect_code(6);
    let waiting = a.cli(&["approve", "--json"]).await.out;
    let waiting: Vec<Value> = waiting
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    let number = |says: &str| {
        let mut all = waiting.iter();
        let one = all.find(|w| w["says"].as_str().is_some_and(|s| s.contains(says)));
        let one = one.unwrap_or_else(|| panic!("{says}: {waiting:?}"));
        // A name may be another's by then.
        assert_eq!(one["act"]["request"]["agency"], b.agency.full());
        one["number"].as_str().expect("a number").to_owned()
    };
    let (narrowed, removed) = (number("leaves near"), number("calls back all"));
    assert!(b.holds().contains(&id), "nothing is done yet");
    a.cli(&["approve", &narrowed, "--yes"]).await.expect_code(4);

    // A peer whose clock lags would have a day's leap doubted.
    federation.node("b").stop().await;
    clock.advance(25 * 60 * 60 * 1000);
    let a = &federation["a"];
    a.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);
    for number in [&narrowed, &removed] {
        a.cli(&["approve", number, "--yes"]).await.expect_code(0);
    }
    assert!(a.node().registry.find("b").is_ok(), "it was not told yet");
    federation.node("b").start().await;
    crate::retraction::erased(&federation["b"], &id).await;
    unlinked(&federation["a"], "b").await;
    federation.stop().await;
}
