//! Agencies without an address of their own meet through a hub: with the policy, the ledger and
//! the receipts of a direct connection, and nothing in it for the hub.

use std::collections::BTreeSet;

use liaison_node::store::{Direction as Passed, Path as Travelled};
use liaison_node::swarm::{Direction as Way, Path};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Urgency;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::referral::refer;
use liaison_tests::sealed::{files_with, marked, opens, seal};
use liaison_tests::sheet::{self, Row};
use liaison_tests::{Federation, TestNode};

use crate::first::trend;
use crate::sync::import;

const MARKER: &str = "Schlehenmarke Weissdorn";

/// What A and B allow: all to each other, nothing to a hub.
fn between_agencies(hubs: &[(&str, &str)]) -> String {
    let mut cedar = OPEN.to_owned();
    for (hub, _) in hubs {
        cedar.push_str(&format!(
            "@id(\"not-to-{hub}\") @says(\"A hub carries and reads nothing.\")\n\
             forbid (principal == Agency::\"{hub}\", action == Action::\"share\", resource);\n"
        ));
    }
    cedar
}

/// Hubs, and agencies A and B that listen nowhere and are reached through them. Everybody is
/// linked to the hubs, and A and B to each other.
async fn behind_hubs(hubs: &[(&str, &str)]) -> Federation {
    let federation = apart(hubs).await;
    federation.link_only("a", "b").await;
    federation.connected("a", "b").await;
    federation
}

/// The same, but A and B do not know each other yet.
async fn apart(hubs: &[(&str, &str)]) -> Federation {
    let mut federation = Federation::new();
    for (hub, country) in hubs {
        let node = federation.prepare(hub, "police", country);
        node.configure("[hub]\n");
        node.start().await;
    }
    let names: Vec<String> = hubs.iter().map(|(hub, _)| format!("{hub:?}")).collect();
    for name in ["a", "b"] {
        let node = federation.prepare(name, "border", "QN");
        node.listening_as_configured();
        node.configure(&format!(
            "listen = []\n[hubs]\nuse = [{}]\n",
            names.join(", ")
        ));
        node.start().await;
    }
    for (hub, _) in hubs {
        federation.link("a", hub).await;
        federation.link("b", hub).await;
    }
    for name in ["a", "b"] {
        federation[name].policy(&between_agencies(hubs)).await;
        federation[name].lists_hubs(hubs.len()).await;
    }
    federation
}

/// Waits until the way from one node to another is so.
pub async fn goes(federation: &Federation, from: &str, to: &str, path: Path) {
    for (one, other) in [(from, to), (to, from)] {
        let agency = federation[other].agency;
        let mut links = federation[one].node().swarm.links();
        let so = links.wait_for(|links| {
            let mut link = links.iter().filter(|l| l.agency == agency);
            link.any(|l| l.is_up() && l.path == Some(path))
        });
        let so = tokio::time::timeout(PATIENCE, so).await;
        assert!(so.is_ok(), "{one} does not reach {other} by {path:?}");
    }
}

/// Imports rows at A; how many.
async fn write(federation: &Federation, rows: &[Row]) -> usize {
    let name = format!("{}.csv", rows.first().expect("a row").n);
    let file = federation.dir().join(name);
    sheet::write(&file, rows);
    let summary = federation["a"].import(&file, &sheet::map()).await;
    assert_eq!(summary["records"], rows.len(), "{summary}");
    rows.len()
}

/// How the ledger of a node says that a record passed between it and a peer.
fn passed(node: &TestNode, peer: &AgencyId, id: &RecordId) -> (Passed, Travelled, Option<Answer>) {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("held");
    let line = store.ledger_entry(peer, arrival).expect("ledger");
    let line = line.unwrap_or_else(|| panic!("{} has no line", node.name));
    (line.direction, line.path, line.answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agencies_without_addresses_exchange_through_a_hub_that_sees_nothing() {
    let mut federation = behind_hubs(&[("hub", "QO")]).await;
    let hub = federation["hub"].agency;
    goes(&federation, "a", "b", Path::Circuit(hub)).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);

    let id = a.push(&trend(MARKER), &[]).await;
    let back = b.push(&trend(&format!("{MARKER} zwei")), &[]).await;
    let name = seal(a, &[b], marked(&format!("{MARKER} drei"))).await;
    b.holds_all(&[id]).await;
    a.holds_all(&[back]).await;
    opens(b, &name).await;
    federation.settled().await;
    let sent = (Passed::Sent, Travelled::Circuit, Some(Answer::Stored));
    for record in [&id, &name] {
        assert_eq!(passed(a, &b.agency, record), sent);
        let (direction, path, _) = passed(b, &a.agency, record);
        assert_eq!((direction, path), (Passed::Received, Travelled::Circuit));
    }
    let why = a.json(&["why", &id.full(), "b"]).await;
    assert_eq!(why["decision"]["rule"], "share-all", "{why}");
    let peers = a.json(&["status"]).await;
    let shown = |peer: &str| {
        let all = peers["peers"].as_array().expect("peers");
        all.iter().find(|p| p["peer"] == peer).cloned()
    };
    assert_eq!(shown("b").expect("b")["hub"], "hub", "{peers}");
    assert_eq!(
        shown("hub").expect("hub")["carries_for_us"],
        true,
        "{peers}"
    );

    // What is taken back follows, with its receipt.
    a.cli(&["retract", "--yes", &id.full(), "--reason", "error"])
        .await
        .expect_code(0);
    let mut arrivals = b.node().store.watch();
    let gone = async {
        while b.holds().contains(&id) {
            arrivals.changed().await.expect("runs");
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("retracted");
    federation.settled().await;

    // The hub relayed all that, and nothing of it is on a stream of its own or on its disk.
    let carried = &federation["hub"];
    assert!(!carried.node().swarm.relayed().borrow().circuits.is_empty());
    for record in [&id, &back, &name] {
        assert!(
            carried
                .node()
                .store
                .arrival_of(record)
                .expect("store")
                .is_none()
        );
    }
    for frame in carried.tap.frames() {
        for needle in [
            MARKER.as_bytes(),
            id.as_bytes(),
            back.as_bytes(),
            name.as_bytes(),
        ] {
            let stands = frame.body.windows(needle.len()).any(|w| w == needle);
            assert!(!stands, "{frame:?}");
        }
    }
    federation.stop().await;
    let disk = federation["hub"].home.dir();
    assert_eq!(files_with(disk, &[MARKER]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_never_reach_a_country_does_not_go_through_its_hub_and_goes_when_there_is_another_way()
 {
    let mut federation = behind_hubs(&[("hub", "QM")]).await;
    let hub = federation["hub"].agency;
    goes(&federation, "a", "b", Path::Circuit(hub)).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let mut inside = marked(MARKER);
    inside.exclude = ["QM".parse().expect("country")].into();
    let barred = seal(a, &[b], inside).await;
    // Nobody knows of what citizenship this one is: every other country may be theirs.
    let unknown = refer(a, &[b], Urgency::High, MARKER).await;
    let free = seal(a, &[b], marked("Kornelkirsche")).await;
    opens(b, &free).await;
    federation.settled().await;
    for id in [barred, unknown] {
        assert!(b.node().store.arrival_of(&id).expect("store").is_none());
        assert!(!a.tap.sent_contains(&b.agency, id.as_bytes()));
    }

    // B listens now, and says where.
    federation.node("b").stop().await;
    federation.node("b").listening_on("127.0.0.1:0");
    federation.node("b").start().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    a.adds(b).await;
    goes(&federation, "a", "b", Path::Direct).await;
    opens(b, &barred).await;
    opens(b, &unknown).await;
    federation.settled().await;
    let sent = (Passed::Sent, Travelled::Direct, Some(Answer::Stored));
    assert_eq!(passed(a, &b.agency, &barred), sent);
    let sent = (Passed::Sent, Travelled::Circuit, Some(Answer::Stored));
    assert_eq!(passed(a, &b.agency, &free), sent);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_goes_costs_time_only_and_a_second_one_takes_over() {
    let mut federation = behind_hubs(&[("first", "QO"), ("second", "QO")]).await;
    let rows = sheet::made_up(600);
    let mut count = write(&federation, &rows[..200]).await;
    federation["b"].holds_count(count).await;
    // Both are used: whichever carries now goes.
    let by = federation["a"].node().swarm.link(&federation["b"].agency);
    let Some(Path::Circuit(hub)) = by.and_then(|l| l.path) else {
        panic!("no circuit");
    };
    let carries_first = hub == federation["first"].agency;
    let (goes_away, stays) = if carries_first {
        ("first", "second")
    } else {
        ("second", "first")
    };
    federation.node(goes_away).stop().await;
    count += write(&federation, &rows[200..400]).await;
    federation["b"].holds_count(count).await;
    let other = federation[stays].agency;
    goes(&federation, "a", "b", Path::Circuit(other)).await;

    // Neither: what is written meanwhile waits.
    federation.node(stays).stop().await;
    count += write(&federation, &rows[400..]).await;
    federation.node(goes_away).start().await;
    // Only they can call it, and wait the longer the longer it was away.
    for name in ["a", "b"] {
        let dialled = federation[name].node().swarm.dial_now(hub).await;
        dialled.expect("a linked hub");
    }
    federation["b"].holds_count(count).await;
    goes(&federation, "a", "b", Path::Circuit(hub)).await;
    federation.settled().await;
    assert_eq!(federation["b"].holds().len(), count);
    assert_eq!(federation["b"].holds(), federation["a"].holds());
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_way_takes_over_in_the_middle_and_nothing_is_lost_or_comes_twice_on_a_stream() {
    let mut federation = apart(&[("hub", "QO")]).await;
    let hub = federation["hub"].agency;
    let count = import(&federation, "a", 2_000).await;
    federation.link_only("a", "b").await;
    federation.connected("a", "b").await;
    goes(&federation, "a", "b", Path::Circuit(hub)).await;
    let mut arrivals = federation["b"].node().store.watch();
    let some = arrivals.wait_for(|last| last.0 >= 300);
    let some = tokio::time::timeout(PATIENCE, some).await;
    drop(some.expect("some came").expect("runs"));
    federation.node("b").stop().await;
    federation.node("b").listening_on("127.0.0.1:0");
    federation.node("b").start().await;
    let (a, b) = (&federation["a"], &federation["b"]);
    a.adds(b).await;
    goes(&federation, "a", "b", Path::Direct).await;
    b.holds_count(count).await;
    federation.settled().await;
    assert_eq!(b.holds().len(), count);
    let mut ways = [0, 0];
    for id in b.holds() {
        let (_, path, answer) = passed(a, &b.agency, &id);
        assert_eq!(answer, Some(Answer::Stored));
        ways[usize::from(path == Travelled::Direct)] += 1;
    }
    println!("{} through the hub, {} directly", ways[0], ways[1]);
    assert!(ways[0] > 0, "{ways:?}");
    // What was not answered when a stream ended is sent again on the next: on one stream nothing is.
    let mut came = BTreeSet::new();
    let frames = b.tap.frames().into_iter();
    for frame in frames.filter(|f| f.peer == a.agency && f.direction == Way::In) {
        for record in frame.records() {
            assert!(came.insert((frame.stream, record)), "{}", frame.stream);
        }
    }
    federation.stop().await;
}
