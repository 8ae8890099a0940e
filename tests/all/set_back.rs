//! A machine that was set back to an older state, as a virtual one is by its snapshot, and a
//! peer that only says so.

use std::path::PathBuf;
use std::sync::Arc;

use liaison_node::catchup::Reason;
use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::SET_BACK_PROOF_MS;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::wire::Message;
use liaison_tests::federation::{ACCEPT, OPEN, PATIENCE, Ran};
use liaison_tests::raw::{RawPeer, RawStream};
use liaison_tests::{Federation, TestNode};

use crate::doctor::copy;
use crate::first::trend;

/// Two nodes that share everything, each on an address of its own: a node that dials one that
/// is down may else take its port.
pub async fn pair(net: &str) -> Federation {
    let mut federation = Federation::new();
    for (name, address) in [("a", format!("{net}.1:0")), ("b", format!("{net}.2:0"))] {
        let node = federation.prepare(name, "border", "QN");
        node.listening_on(&address).start().await;
    }
    federation.link("a", "b").await;
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation
}

/// Waits until a node waits for a peer, or for nobody.
async fn waits(node: &TestNode, whom: Option<AgencyId>) {
    let catch_up = &node.node().catch_up;
    let mut changes = catch_up.changes();
    let done = async {
        while whom.map_or(catch_up.waiting().is_some(), |w| !catch_up.waits_for(&w)) {
            changes.changed().await.expect("the node runs");
        }
    };
    if tokio::time::timeout(PATIENCE, done).await.is_err() {
        panic!("{} waits for {:?}", node.name, catch_up.waiting());
    }
}

async fn push(node: &TestNode, title: &str) -> Ran {
    node.cli_in(&["push", "-", "--json"], &trend(title).to_string())
        .await
}

fn snapshot(federation: &Federation, name: &str) -> PathBuf {
    let to = federation.dir().join("snapshot");
    copy(federation[name].home.dir(), &to);
    // A socket is no file to copy; the node makes its own.
    let _none = std::fs::remove_file(to.join("liaison.sock"));
    to
}

fn created(node: &TestNode, id: &RecordId) -> Millis {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("held");
    let header = store.header(arrival).expect("store").expect("a header");
    header.created.wall()
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_rolled_back_machine_notices_and_signs_nothing_until_it_caught_up() {
    let mut federation = pair("127.3.8").await;
    // What is its own it gets back whatever policy says.
    federation["a"].policy(ACCEPT).await;
    let before = federation["b"].push(&trend("Quittenmarke"), &[]).await;
    federation["a"].holds_all(&[before]).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let snapshot = snapshot(&federation, "b");

    // What the snapshot does not know of; one of it is for `a` only.
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let lost = federation["b"]
        .push(&trend("Mispelmarke"), &["--to", "a"])
        .await;
    let gone = federation["b"].push(&trend("Schlehenmarke"), &[]).await;
    federation["a"].holds_all(&[lost, gone]).await;
    let made = created(&federation["b"], &gone);
    let incarnation = federation["b"].node().store.incarnation().expect("store");
    federation.settled().await;
    federation.stop().await;
    std::fs::remove_dir_all(federation["b"].home.dir()).expect("lost");
    std::fs::rename(&snapshot, federation["b"].home.dir()).expect("set back");

    // Alone it can't know.
    federation.node("b").start().await;
    let b = &federation["b"];
    assert_eq!(b.node().store.incarnation().expect("store"), incarnation);
    assert!(b.node().catch_up.waiting().is_none());
    let catch_up = b.node().catch_up.clone();
    let seen = tokio::spawn(async move {
        let mut changes = catch_up.changes();
        loop {
            if let Some(waiting) = catch_up.waiting() {
                return waiting;
            }
            changes.changed().await.expect("the node runs");
        }
    });
    federation.node("a").start().await;
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    let seen = seen.expect("it notices").expect("a task");
    let a = federation["a"].agency;
    assert!(
        matches!(seen.reason, Reason::SetBack { by, holds, proven } if by == a && (proven || holds >= made)),
        "{seen:?}"
    );
    // It has all again, and goes on behind it.
    federation.connected("a", "b").await;
    let b = &federation["b"];
    waits(b, None).await;
    b.holds_all(&[before, lost, gone]).await;
    assert_ne!(b.node().store.incarnation().expect("store"), incarnation);
    let new = b.push(&trend("Holundermarke"), &[]).await;
    assert!(created(b, &new) > made);
    federation["a"].holds_all(&[new]).await;
    // Its distribution list is on no wire: what came back goes to nobody else.
    for id in [lost, gone] {
        let store = &b.node().store;
        let arrival = store.arrival_of(&id).expect("store").expect("held");
        assert_eq!(store.audience(arrival).expect("store"), Some(vec![a]));
    }
    let log = b.json(&["audit", "log", "--what", "administer"]).await;
    assert!(log.to_string().contains("machine set back"), "{log}");
    federation.stop().await;
    // It stays so: nothing is noticed once more.
    for name in ["b", "a"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    federation.settled().await;
    assert!(federation["b"].node().catch_up.waiting().is_none());
    federation.stop().await;
}

/// It signed on before it met anybody: by its newest record nobody can tell. What a peer holds
/// of its audit log proves it.
#[tokio::test(flavor = "multi_thread")]
async fn e38_a_rolled_back_machine_that_signed_on_notices_by_its_audit_log() {
    let mut federation = pair("127.3.11").await;
    federation.settled().await;
    federation.node("b").stop().await;
    let snapshot = snapshot(&federation, "b");
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let b = &federation["b"];
    let lost = b.push(&trend("Mispelmarke"), &["--to", "a"]).await;
    federation["a"].holds_all(&[lost]).await;
    b.node().audit.sign_head().await.expect("signed");
    let head = b.node().audit.heads().borrow().clone();
    let head = head.expect("a head");
    let a = &federation["a"];
    let name = format!("witness/{}", b.agency.full());
    let witnessed = async {
        while a.node().store.meta(&name).expect("store").as_ref() != Some(&head) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let witnessed = tokio::time::timeout(PATIENCE, witnessed).await;
    witnessed.expect("a holds the head of b's log");
    federation.stop().await;
    std::fs::remove_dir_all(federation["b"].home.dir()).expect("lost");
    std::fs::rename(&snapshot, federation["b"].home.dir()).expect("set back");

    // Alone it goes on, beyond where it was.
    federation.node("b").start().await;
    let b = &federation["b"];
    let lines = liaison_protocol::audit::SignedHead::parse(head).expect("a head");
    let lines = lines.unverified().lines;
    while b.node().audit.state().borrow().lines <= lines {
        push(b, "Holundermarke").await.expect_code(0);
    }
    assert!(b.node().catch_up.waiting().is_none());
    let incarnation = b.node().store.incarnation().expect("store");
    federation.node("a").start().await;
    federation.connected("a", "b").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    b.holds_all(&[lost]).await;
    waits(b, None).await;
    assert_ne!(b.node().store.incarnation().expect("store"), incarnation);
    let log = b.json(&["audit", "log", "--what", "administer"]).await;
    assert!(log.to_string().contains("machine set back"), "{log}");
    // Once: the log is another chain from there on.
    let new = b.push(&trend("Vogelbeermarke"), &[]).await;
    a.holds_all(&[new]).await;
    federation.stop().await;
    for name in ["b", "a"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    federation.settled().await;
    assert!(federation["b"].node().catch_up.waiting().is_none());
    federation.stop().await;
}

/// `b`, by a clock of the test's own.
async fn alone() -> (Federation, Arc<ManualClock>) {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let node = federation.prepare("b", "border", "QN");
    node.with_clock(clock.clone()).start().await;
    federation["b"].policy(OPEN).await;
    (federation, clock)
}

/// Says something else after it, and waits for the answer: what came before is taken note of.
async fn claim(raw: &RawPeer, stream: &mut RawStream, clock: Millis) {
    let claim = Message::Held {
        head: None,
        clock: Some(clock),
    };
    stream.send(&claim).await;
    let record = raw.sign(raw.statement(&trend(&format!("Marke {}", clock.0))));
    stream.give(&record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_peer_that_lies_about_it_stops_a_node_for_minutes_only() {
    let (mut federation, clock) = alone().await;
    let (dir, b) = (federation.dir().to_owned(), &federation["b"]);
    let first = b.push(&trend("Quittenmarke"), &[]).await;
    let mut liar = RawPeer::new(&dir, "liar").await;
    liar.link(b).await;
    let mut stream = liar.sender(b).await;

    // What is true stops nobody.
    claim(&liar, &mut stream, created(b, &first)).await;
    assert!(b.node().catch_up.waiting().is_none());
    // The lie does, and the status says whose it is.
    let lie = Millis(clock.now().0 + 60_000);
    claim(&liar, &mut stream, lie).await;
    assert!(b.node().catch_up.waits_for(&liar.agency));
    let refused = push(b, "Too early").await.expect_code(1);
    assert!(refused.err.contains("nothing is signed"), "{refused:?}");
    let status = b.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("if liar is right"), "{alerts}");
    clock.advance(SET_BACK_PROOF_MS - 1);
    push(b, "Too early").await.expect_code(1);

    // Not for longer; and not again.
    clock.advance(1);
    waits(b, None).await;
    push(b, "Mispelmarke").await.expect_code(0);
    let status = b.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("liar: it claimed"), "{alerts}");
    claim(&liar, &mut stream, Millis(clock.now().0 + 600_000)).await;
    assert!(b.node().catch_up.waiting().is_none());
    push(b, "Schlehenmarke").await.expect_code(0);

    // An administrator need not wait for the end of it.
    let mut other = RawPeer::new(&dir, "other").await;
    other.link(b).await;
    let mut stream = other.sender(b).await;
    claim(&other, &mut stream, Millis(clock.now().0 + 60_000)).await;
    push(b, "Too early").await.expect_code(1);
    let args = ["restore", "release", "other", "--reason", "test", "--yes"];
    b.cli(&args).await.expect_code(0);
    push(b, "Holundermarke").await.expect_code(0);
    federation.stop().await;
}

/// The end of one claim proves no other.
#[tokio::test(flavor = "multi_thread")]
async fn e38_two_peers_that_lie_about_it_stop_a_node_no_longer_than_one() {
    let (mut federation, clock) = alone().await;
    let (dir, b) = (federation.dir().to_owned(), &federation["b"]);
    b.push(&trend("Quittenmarke"), &[]).await;
    let mut liars = Vec::new();
    for (name, ahead) in [("one", 60_000), ("other", 120_000)] {
        let mut liar = RawPeer::new(&dir, name).await;
        liar.link(b).await;
        let mut stream = liar.sender(b).await;
        claim(&liar, &mut stream, Millis(clock.now().0 + ahead)).await;
        liars.push((liar, stream));
    }
    for (liar, _) in &liars {
        assert!(b.node().catch_up.waits_for(&liar.agency));
    }
    clock.advance(SET_BACK_PROOF_MS);
    waits(b, None).await;
    push(b, "Mispelmarke").await.expect_code(0);
    federation.stop().await;
}
