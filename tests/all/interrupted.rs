//! A node that was killed between two writes that belong together: the next start goes on.

use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::store::{Direction, Flags, LedgerEntry, NewRecord, Op, Path};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::federation::{OPEN, PATIENCE, apply_anyway, waits_for};
use liaison_tests::raw::{self, RawPeer};
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::first::trend;
use crate::keys::{change, marked, sign, signing};

/// Has an affirmation stored and the records that it lists not offered again.
#[tokio::test(flavor = "multi_thread")]
async fn e12_what_was_affirmed_is_offered_again_although_the_node_died_in_between() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let ours = federation["a"].push(&trend("Ours"), &[]).await;
    federation["b"].holds_all(&[ours]).await;
    change(&federation["a"], "compromised").await;
    marked(&federation["b"], &ours).await;
    federation["a"]
        .json(&["keys", "affirm", &ours.full(), "--yes"])
        .await;
    federation.settled().await;
    let affirmed = affirmation(&federation["b"], &federation["a"], &ours).await;
    let b = &federation["b"];
    let left = b.node().store.metas("reopen/", 9).expect("store");
    assert_eq!(left, [], "what is done is noted as done");

    // As it stood at b when c had refused it, and b died before it came to that.
    federation.add("c", "border", "QN").await;
    let [b, c] = ["b", "c"].map(|n| &federation[n]);
    c.adds(&federation["a"]).await;
    let arrival = b.node().store.arrival_of(&ours).expect("store");
    let refused = LedgerEntry {
        direction: Direction::Sent,
        at: SystemClock.now(),
        epoch: 1,
        rule: "share-all".into(),
        path: Path::Direct,
        answer: Some(Answer::Refused(Refused::Signature)),
    };
    let line = Op::Ledger {
        peer: c.agency,
        arrival: arrival.expect("held"),
        entry: refused,
    };
    let mark = Op::PutMeta {
        name: format!("reopen/{}", affirmed.full()),
        bytes: bytes::Bytes::new(),
    };
    b.node().store.write(vec![line, mark]).await.expect("store");
    federation.node("b").stop().await;
    federation.node("b").start().await;
    federation.link("b", "c").await;
    federation["c"].policy(OPEN).await;
    federation["c"].holds_all(&[ours]).await;
    let left = federation["b"].node().store.metas("reopen/", 9);
    assert_eq!(left.expect("store"), []);
    federation.stop().await;
}

/// Waits until a node knows an affirmation of a record; its id.
async fn affirmation(node: &TestNode, author: &TestNode, of: &RecordId) -> RecordId {
    let registry = &node.node().registry;
    let mut changes = registry.changes();
    let known = async {
        loop {
            if let Some(id) = registry.affirmations(&author.agency, of).first() {
                return *id;
            }
            changes.changed().await.expect("runs");
        }
    };
    let known = tokio::time::timeout(PATIENCE, known).await;
    known.unwrap_or_else(|_| panic!("{} knows of no affirmation", node.name))
}

/// A record under a stolen key was judged before its card came, and stored after the look that
/// marks what is held; then the node was killed.
#[tokio::test(flavor = "multi_thread")]
async fn e12_what_was_stored_beside_a_revocation_is_marked_at_the_next_start() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let c = RawPeer::new(federation.dir(), "c").await;
    let held = federation["a"].push(&trend("Held"), &[]).await;
    federation["b"].holds_all(&[held]).await;
    let stolen = signing(&federation["a"]);
    change(&federation["a"], "compromised").await;
    let b = &federation["b"];
    marked(b, &held).await;
    federation.settled().await;
    let late = sign(
        &stolen,
        &federation["a"],
        c.statement(&trend("Late")),
        raw::from_now(0),
    );
    let b = &federation["b"];
    let insert = Op::Insert {
        record: Box::new(as_stored(&late, federation["a"].agency)),
        ledger: None,
    };
    b.node().store.write(vec![insert]).await.expect("store");
    let flags = |node: &TestNode| {
        let store = &node.node().store;
        let arrival = store.arrival_of(&late.id()).expect("store").expect("held");
        let header = store.header(arrival).expect("store").expect("a header");
        header.flags
    };
    assert!(!flags(b).contains(Flags::KEY_LOST));
    federation.node("b").stop().await;
    federation.node("b").start().await;
    marked(&federation["b"], &late.id()).await;
    federation.stop().await;
}

fn as_stored(record: &SignedRecord, courier: AgencyId) -> NewRecord {
    let statement = record.unverified();
    NewRecord {
        id: record.id(),
        bytes: record.bytes().clone(),
        author: statement.envelope.author,
        kind: liaison_node::kind::number(Kind::Trend),
        created: statement.envelope.created,
        received: SystemClock.now(),
        courier: Some(courier),
        class: liaison_node::policy::attributes(statement, "QN", false)
            .to_class_bytes()
            .into(),
        flags: Flags::NONE,
        expires: None,
        review: None,
        thread: None,
        supersedes: None,
        retracts: None,
        audience: None,
        owing: None,
        lifts: None,
        offered: None,
    }
}

/// An act that waited for a second person was approved and done, and the node died before that
/// was written down: it is not done once more, whatever was decided since.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_and_begun_is_not_done_a_second_time() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    federation
        .prepare("a", "border", "QN")
        .with_clock(clock.clone());
    waits_for(&federation["a"].home, "second-person-or-a-day");
    federation.node("a").start().await;
    let a = &federation["a"];
    let dir = a.home.policy_dir();
    std::fs::write(dir.join("policy.cedar"), OPEN).expect("policy");
    let args = apply_anyway(&dir);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    a.cli(&args).await.expect_code(6);
    let waiting = a.json(&["approve"]).await;
    let number = waiting["number"].as_str().expect("a number");
    clock.advance(25 * 60 * 60 * 1000);
    a.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);

    // What is refused is not begun: it can be approved once more.
    let name = format!("approval/{number}");
    let store = a.node().store.clone();
    let kept = || store.meta(&name).expect("store").expect("it waits");
    let before = kept();
    let mut begun: Value = serde_json::from_slice(&before).expect("JSON");
    assert!(begun.get("begun").is_none(), "{begun}");
    begun["begun"] = serde_json::to_value(Millis(clock.now().0)).expect("JSON");
    let bytes = serde_json::to_vec(&begun).expect("JSON").into();
    let put = Op::PutMeta {
        name: name.clone(),
        bytes,
    };
    a.node().store.write(vec![put]).await.expect("store");
    drop(store);
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    let status = a.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("stopped while this was done"), "{alerts}");
    let again = a.cli(&["approve", number, "--yes"]).await.expect_code(1);
    assert!(again.err.contains("was begun"), "{again:?}");
    assert_eq!(a.json(&["status"]).await["policy"]["applied"], false);
    // Nor by asking for the same anew; once it is rejected, that is a new act.
    let asked = a.cli(&args).await.expect_code(1);
    assert!(asked.err.contains("was begun"), "{asked:?}");
    a.cli(&["reject", number]).await.expect_code(0);
    a.cli(&args).await.expect_code(6);
    federation.stop().await;
}

/// Started again in the same process, it has its own port: QUIC keeps the socket until what it
/// was connected to is drained (a second and more on a busy machine), and the start waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_restarted_at_once_has_its_port_again() {
    const DRAINED_AFTER: std::time::Duration = std::time::Duration::from_secs(4);
    let mut federation = crate::set_back::pair("127.3.12").await;
    let before = federation["a"].node().swarm.listen_addrs();
    let port = before
        .iter()
        .find_map(|a| {
            a.split("/udp/")
                .nth(1)?
                .split('/')
                .next()?
                .parse::<u16>()
                .ok()
        })
        .expect("a QUIC port");
    federation.node("a").stop().await;
    let kept = loop {
        match std::net::UdpSocket::bind(("127.3.12.1", port)) {
            Ok(socket) => break socket,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let drained = tokio::spawn(async move {
        tokio::time::sleep(DRAINED_AFTER).await;
        drop(kept);
    });
    federation.node("a").start().await;
    assert_eq!(federation["a"].node().swarm.listen_addrs(), before);
    drained.await.expect("a task");
    federation.connected("a", "b").await;
    federation.stop().await;
}
