//! What a peer answers and what becomes of it: refused, later, malformed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::swarm::{Channel, LinkedPeer, Swarm, SwarmConfig};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::limits::RECORD_BYTES;
use liaison_protocol::wire::{Hello, Item, Message, Outcome, Speaks};
use liaison_tests::federation::{ACCEPT, OPEN, PATIENCE};
use liaison_tests::{Federation, TestNode};

use super::first::trend;
use crate::sync::import;

/// Waits until a peer has answered a record so.
async fn answered(node: &TestNode, peer: &str, id: &RecordId, wanted: &str) {
    let agency = node.node().registry.find(peer).expect("a peer").0;
    let mut answers = node.node().sync.peers().of(&agency).answers();
    let met = async {
        loop {
            let why = node.json(&["why", &id.full(), peer]).await;
            if why["ledger"]["answer"] == wanted {
                return;
            }
            // An answer is told before it is written down: once the session is at rest, it is.
            let _told = answers.recv().await;
            let mut settled = node.node().sync.peers().of(&agency).settled();
            settled.wait_for(Option::is_some).await.expect("runs");
        }
    };
    if tokio::time::timeout(PATIENCE, met).await.is_err() {
        let why = node.json(&["why", &id.full(), peer]).await;
        panic!("never answered {wanted}: {why:#}");
    }
}

/// How many records a peer has answered for this reason, by `status`.
async fn tally(node: &TestNode, peer: &str, list: &str, reason: &str) -> u64 {
    let status = node.json(&["status"]).await;
    let peers = status["peers"].as_array().expect("peers");
    let one = peers.iter().find(|p| p["peer"] == peer).expect("the peer");
    let tallies = one[list].as_array().expect("tallies");
    let found = tallies.iter().find(|t| t["reason"] == reason);
    found.map_or(0, |t| t["count"].as_u64().expect("a count"))
}

#[tokio::test(flavor = "multi_thread")]
async fn e26_a_refusal_by_policy_is_seen_by_the_sender_and_undone_by_a_wider_one() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    federation["b"]
        .policy(
            r#"@id("clear-only") @says("We take what is TLP clear.")
            permit (principal, action == Action::"accept", resource)
            when { resource.tlp == Tlp::"clear" };"#,
        )
        .await;
    let id = federation["a"].push(&trend("Refused at first"), &[]).await;
    answered(&federation["a"], "b", &id, "refused: policy").await;
    assert_eq!(tally(&federation["a"], "b", "refused", "policy").await, 1);
    assert!(federation["b"].holds().is_empty());
    // Nobody pushes it again.
    federation["b"].policy(ACCEPT).await;
    federation["b"].holds_all(&[id]).await;
    answered(&federation["a"], "b", &id, "stored").await;
    assert_eq!(tally(&federation["a"], "b", "refused", "policy").await, 0);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e26_an_unknown_author_waits_as_later_until_its_card_is_there() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "c").await;
    federation.link("a", "b").await;
    // More than one batch, so that those beyond the first are seen to be offered again too.
    let rows = import(&federation, "c", 450).await;
    federation["a"].holds_count(rows).await;
    federation.settled().await;
    federation.node("c").stop().await;
    assert!(federation["b"].holds().is_empty());
    let one = *federation["a"].holds().first().expect("records");
    answered(&federation["a"], "b", &one, "later: unknown-author").await;
    let waiting = tally(&federation["a"], "b", "later", "unknown-author").await;
    assert!(waiting >= rows as u64, "{waiting}");
    // B gets C's card; C itself is away, so all of it comes by way of A.
    let card = federation["c"].home.dir().join("card.liaison");
    federation["b"].tap.clear();
    let began = Instant::now();
    federation["b"]
        .cli(&["peer", "add", &card.to_string_lossy(), "--as", "c", "--yes"])
        .await
        .expect_code(0);
    federation["b"].holds_count(rows).await;
    println!("after the card: {:.1?}", began.elapsed());
    // The repair that the card asks for brings it: that of the hour is not due.
    federation["b"].repaired_with(&federation["a"].agency).await;
    let frames = federation["b"].tap.frames();
    let repair = frames.iter().position(|f| f.channel == Channel::Repair);
    // Cards come a few at a time.
    let came = frames.iter().position(|f| f.records().len() > 10);
    assert!(repair.expect("a repair") < came.expect("records"));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e26_a_record_ahead_of_the_clock_waits_as_later_until_the_clock_is_there() {
    let now = SystemClock.now();
    let behind = Arc::new(ManualClock::new(now));
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation
        .prepare("b", "border", "QN")
        .with_clock(behind.clone())
        .start()
        .await;
    federation["a"].policy(OPEN).await;
    federation["b"].policy(OPEN).await;
    federation.link("a", "b").await;
    behind.set(Millis(now.0 - 3_600_000));
    let id = federation["a"].push(&trend("From the future"), &[]).await;
    answered(&federation["a"], "b", &id, "later: clock").await;
    assert!(tally(&federation["a"], "b", "later", "clock").await >= 1);
    assert!(federation["b"].holds().is_empty());
    behind.advance(3_600_000);
    federation["b"].holds_all(&[id]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e26_a_peer_over_its_quota_waits_as_later_and_gets_through_in_time() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let b = federation
        .prepare("b", "border", "QN")
        .with_clock(clock.clone());
    // Less than one batch a minute: even so all of it has to come in time.
    std::fs::write(b.home.config_path(), "records_per_minute = 150\n").expect("config");
    b.start().await;
    federation["a"].policy(OPEN).await;
    federation["b"].policy(OPEN).await;
    import(&federation, "a", 200).await;
    federation.link("a", "b").await;
    federation.settled().await;
    let held = federation["b"].holds();
    assert!(held.len() <= 150, "{} in one minute", held.len());
    let waits = federation["a"].holds();
    let waits = waits.difference(&held).next().expect("some wait");
    answered(&federation["a"], "b", waits, "later: quota").await;
    assert!(tally(&federation["a"], "b", "later", "quota").await >= 50);
    clock.advance(60_000);
    federation["b"].holds_count(200).await;
    federation.stop().await;
}

/// An answer's reason, as the wire has it.
fn refused_form() -> Outcome {
    Outcome::Answered(Answer::Refused(Refused::Form))
}

#[tokio::test(flavor = "multi_thread")]
async fn e21_malformed_and_oversized_records_are_set_aside_and_the_rest_goes_on() {
    let mut federation = Federation::new();
    federation.add("b", "border", "QN").await;
    federation["b"].policy(ACCEPT).await;
    // M is an agency like others, whose node is then replaced by a bare transport that says
    // what we want.
    federation.add("m", "border", "QN").await;
    let mut good = Vec::new();
    for n in 0..4 {
        let id = federation["m"]
            .push(&trend(&format!("Good {n}")), &[])
            .await;
        let store = &federation["m"].node().store;
        let arrival = store.arrival_of(&id).expect("index").expect("held");
        let header = store.header(arrival).expect("readable").expect("held");
        let bytes = store.record(arrival).expect("readable").expect("bytes");
        let item = Item {
            id,
            created: header.created,
            size: header.size,
        };
        good.push((item, bytes.to_vec()));
    }
    federation.node("m").stop().await;
    federation["b"].adds(&federation["m"]).await;

    let b = &federation["b"];
    let secrets = federation["m"].home.secrets().expect("keys");
    let config = SwarmConfig::new(secrets.node, "raw", Arc::new(|| SystemClock.now()));
    let (swarm, _inbound) = Swarm::start(config).await.expect("a transport");
    let us = LinkedPeer::new(
        b.agency,
        vec![b.node().swarm.node_key()],
        b.node().swarm.listen_addrs(),
    );
    assert!(swarm.set_peers(vec![us]).await.expect("runs").is_empty());
    let mut links = swarm.links();
    let up = links.wait_for(|l| l.iter().any(|l| l.is_up()));
    tokio::time::timeout(PATIENCE, up)
        .await
        .expect("connected")
        .expect("runs");

    let mut stream = swarm.open(b.agency, Channel::Live).await.expect("a stream");
    let hello = Hello::new(Speaks::CURRENT, "raw", federation["m"].agency);
    stream
        .send(&Message::Hello(hello).encode())
        .await
        .expect("sent");
    stream.flush().await.expect("sent");

    // A bit is wrong in the middle of one; one is no CBOR at all; one is larger than any
    // record may be.
    let other = |n: u8| RecordId::from_bytes([n; 32]);
    let mut bent = good[3].1.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    let bad = [
        (
            Item {
                id: other(1),
                ..good[3].0
            },
            vec![0xff; 400],
        ),
        (
            Item {
                id: other(2),
                ..good[3].0
            },
            vec![0x40; RECORD_BYTES + 1],
        ),
        (good[3].0, bent),
    ];
    let mut batch: Vec<(Item, Vec<u8>)> = Vec::new();
    for (good, bad) in good.iter().zip(&bad) {
        batch.extend([good.clone(), bad.clone()]);
    }
    for (item, bytes) in &mut batch {
        item.size = bytes.len() as u32;
    }
    let items = batch.iter().map(|(item, _)| *item).collect();
    stream
        .send(&Message::Offer { batch: 1, items }.encode())
        .await
        .expect("sent");
    stream.flush().await.expect("sent");
    let mut outcomes = None;
    while outcomes.is_none() {
        let next = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .expect("an answer");
        let body = next
            .expect("the stream goes on")
            .expect("the stream goes on");
        match Message::decode(&body).expect("a message") {
            Message::Want { batch: 1, indices } => {
                assert_eq!(indices.len(), batch.len(), "it can't know yet");
                let frames = batch.iter().map(|(_, bytes)| Some(bytes.clone())).collect();
                let records = Message::Records {
                    batch: 1,
                    first: 0,
                    frames,
                };
                stream.send(&records.encode()).await.expect("sent");
                stream.flush().await.expect("sent");
            }
            Message::Answers {
                batch: 1,
                outcomes: found,
            } => outcomes = Some(found),
            _ => {}
        }
    }
    let outcomes = outcomes.expect("answers");
    let stored = Outcome::Answered(Answer::Stored);
    for (n, outcome) in outcomes.iter().enumerate() {
        match n {
            0 | 2 | 4 => assert_eq!(*outcome, stored, "good record {n}"),
            1 | 3 => assert_eq!(*outcome, refused_form(), "bad record {n}"),
            _ => assert!(
                matches!(outcome, Outcome::Answered(Answer::Refused(_))),
                "{outcome:?}"
            ),
        }
    }
    // The stream goes on: the good record whose bent copy was refused is taken now.
    let (item, bytes) = good[3].clone();
    let offer = Message::Offer {
        batch: 2,
        items: vec![item],
    };
    stream.send(&offer.encode()).await.expect("sent");
    stream.flush().await.expect("sent");
    loop {
        let next = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .expect("an answer");
        let body = next
            .expect("the stream goes on")
            .expect("the stream goes on");
        match Message::decode(&body).expect("a message") {
            Message::Want { .. } => {
                let frames = vec![Some(bytes.clone())];
                let records = Message::Records {
                    batch: 2,
                    first: 0,
                    frames,
                };
                stream.send(&records.encode()).await.expect("sent");
                stream.flush().await.expect("sent");
            }
            Message::Answers { outcomes, .. } => {
                assert_eq!(outcomes, [stored]);
                break;
            }
            _ => {}
        }
    }
    let wanted: BTreeSet<RecordId> = good.iter().map(|(item, _)| item.id).collect();
    assert_eq!(b.holds(), wanted);
    let samples = b.node().store.quarantine(10).expect("readable");
    assert_eq!(samples.len(), 3, "{samples:?}");
    for sample in &samples {
        assert!(!sample.reason.is_empty());
        assert_eq!(sample.courier, Some(federation["m"].agency));
    }
    assert!(
        samples
            .iter()
            .any(|s| s.length as usize == RECORD_BYTES + 1)
    );
    assert_eq!(b.json(&["status"]).await["quarantined"], 3);
    swarm.shutdown().await;
    federation.stop().await;
}
