//! What its author took back or narrowed is gone, with everyone who had it, and stays gone.

use liaison_node::store::Flags;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::kinds::{Content, Recall};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{self, RawPeer};
use liaison_tests::{Federation, TestNode};
use serde_json::json;

use crate::first::trend;
use crate::sharing::{author_and_reader, chain, content};

/// Waits until a node's copy of a record is erased.
pub async fn erased(node: &TestNode, id: &RecordId) {
    let store = &node.node().store;
    let mut arrivals = store.watch();
    let gone = async {
        loop {
            let arrival = store.arrival_of(id).expect("store").expect("it had it");
            let header = store
                .header(arrival)
                .expect("store")
                .expect("a header stays");
            if header.flags.contains(Flags::ERASED) {
                return store.record(arrival).expect("store");
            }
            arrivals.changed().await.expect("the node runs");
        }
    };
    let bytes = tokio::time::timeout(PATIENCE, gone).await;
    assert_eq!(
        bytes.ok(),
        Some(None),
        "{} still has {}",
        node.name,
        id.short()
    );
}

async fn count(node: &TestNode, words: &str) -> u64 {
    node.json(&["query", words, "--count"]).await["count"]
        .as_u64()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_retraction_reaches_everyone_who_got_it_and_nobody_else() {
    let mut federation = chain().await;
    federation.add("d", "border", "QN").await;
    federation.link("a", "d").await;
    federation.link("b", "d").await;
    federation["d"].policy(OPEN).await;
    for (node, only) in [("a", "b"), ("b", "c")] {
        let to = format!(
            r#"{OPEN} @id("only") @says("One peer only.")
            forbid (principal, action == Action::"share", resource)
            when {{ principal != Agency::"{only}" }};"#
        );
        federation[node].policy(&to).await;
    }
    let first = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    let second = federation["a"].push(&trend("Zwetschgenmarke"), &[]).await;
    federation["c"].holds_all(&[first, second]).await;
    federation.settled().await;

    let args = [
        "retract",
        "--yes",
        &first.full(),
        "--reason",
        "source-at-risk",
    ];
    federation["a"].cli(&args).await.expect_code(0);
    for name in ["a", "b", "c"] {
        erased(&federation[name], &first).await;
    }
    // The index hears of it a moment after the store.
    federation.settled().await;
    for name in ["a", "b", "c"] {
        let node = &federation[name];
        assert_eq!(
            count(node, "quittenmarke").await,
            0,
            "{name} still finds it"
        );
        assert_eq!(count(node, "zwetschgenmarke").await, 1, "{name}");
    }
    // c is away when the second one is retracted, and hears of it when it is back.
    federation.node("c").stop().await;
    let args = ["retract", "--yes", &second.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    erased(&federation["b"], &second).await;
    federation.node("c").start().await;
    erased(&federation["c"], &second).await;
    federation.connected("b", "c").await;
    federation.settled().await;
    let d = &federation["d"];
    for name in ["a", "b"] {
        for id in [first, second] {
            let told = federation[name].tap.sent_contains(&d.agency, id.as_bytes());
            assert!(!told, "{name} tells d of a record that it never had");
        }
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_a_stale_peer_does_not_bring_a_retracted_record_back() {
    brings_it_back(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_a_stale_peer_is_told_of_the_retraction() {
    brings_it_back(true).await;
}

async fn brings_it_back(and_is_told: bool) {
    let mut federation = author_and_reader().await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let stale = raw::stored(b, &id);
    let created = stale.unverified().envelope.created;
    a.cli(&["retract", "--yes", &id.full(), "--reason", "error"])
        .await
        .expect_code(0);
    for node in [a, b] {
        erased(node, &id).await;
        let mut late = RawPeer::new(federation.dir(), &format!("late-to-{}", node.name)).await;
        late.link(node).await;
        let mut back = late.receiver(node).await;
        let mut stream = late.sender(node).await;
        let (wanted, answer) = stream.deliver(id, created, stale.bytes()).await;
        // Only the bytes prove that it has what was withdrawn; its id alone is answered like
        // one that nobody knows.
        assert_eq!(
            (wanted, answer),
            (true, Answer::Refused(Refused::Retracted))
        );
        assert!(!node.holds().contains(&id));
        erased(node, &id).await;
        let by = node
            .node()
            .store
            .tombstone(&id)
            .expect("store")
            .expect("tombstone")
            .by;
        if !and_is_told {
            continue;
        }
        let (batch, place, _) = back.offered(by).await;
        let retraction = back.want(batch, place).await;
        assert_eq!(retraction, Some(raw::stored(node, &by).bytes().to_vec()));
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e15_raising_amber_to_red_leaves_exactly_one_marking_everywhere() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c", "d"] {
        federation.add(name, "border", "QN").await;
    }
    for (one, other) in [("a", "b"), ("a", "c"), ("b", "d")] {
        federation.link(one, other).await;
    }
    // d gets it from b as a named agency: a knows d's name, d the keys of a.
    for (node, other) in [("d", "a"), ("a", "d")] {
        federation[node].adds(&federation[other]).await;
    }
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    let mut draft = trend("Quittenmarke as amber");
    draft["tlp"] = "amber".into();
    draft["onward"] = json!({"to": ["d"]});
    let old = federation["a"].push(&draft, &["--to", "b,c"]).await;
    for name in ["b", "c", "d"] {
        federation[name].holds_all(&[old]).await;
    }
    federation.settled().await;

    let mut draft = trend("Quittenmarke as red");
    draft["tlp"] = "red".into();
    let args = ["amend", &old.full(), "-", "--to", "b", "--json"];
    let ran = federation["a"]
        .cli_in(&args, &draft.to_string())
        .await
        .expect_code(0);
    let new: RecordId = ran.json()["id"].as_str().expect("id").parse().expect("id");
    federation["b"].holds_all(&[new]).await;
    for name in ["a", "b", "c", "d"] {
        erased(&federation[name], &old).await;
    }
    federation.settled().await;
    for (name, has_new) in [("a", true), ("b", true), ("c", false), ("d", false)] {
        let node = &federation[name];
        assert!(!node.holds().contains(&old), "{name} holds the amber one");
        assert_eq!(node.holds().contains(&new), has_new, "{name}");
        assert_eq!(
            count(node, "quittenmarke").await,
            u64::from(has_new),
            "{name}"
        );
        let shown = node.json(&["show", &old.full()]).await.to_string();
        assert!(
            !shown.contains("Quittenmarke"),
            "{name} shows the amber one: {shown}"
        );
        if has_new {
            let shown = node.json(&["show", &new.full()]).await;
            assert_eq!(shown["tlp"], "red");
        }
    }
    for name in ["c", "d"] {
        let peer = federation[name].agency;
        for from in federation.all() {
            assert!(
                !from.tap.sent_contains(&peer, b"Quittenmarke as red"),
                "{}",
                from.name
            );
        }
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e14_an_amendment_that_a_holder_may_not_have_takes_the_old_text_back() {
    let mut federation = author_and_reader().await;
    let only = r#"
        @id("smuggling") @says("Smuggling goes to every peer.")
        permit (principal, action == Action::"share", resource)
        when { resource.class == CrimeClass::"smuggling" };"#;
    federation["a"].policy(only).await;
    let mut draft = trend("Quittenmarke");
    draft["class"] = "smuggling".into();
    let old = federation["a"].push(&draft, &[]).await;
    federation["b"].holds_all(&[old]).await;
    draft["class"] = "trafficking".into();
    let args = ["amend", &old.full(), "-"];
    federation["a"]
        .cli_in(&args, &draft.to_string())
        .await
        .expect_code(0);
    erased(&federation["b"], &old).await;
    federation.settled().await;
    assert!(federation["b"].holds().is_empty());
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e17_only_the_author_can_retract_or_amend() {
    let mut federation = author_and_reader().await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    let hidden = federation["a"]
        .push(&trend("Zwetschgenmarke"), &["--to", ""])
        .await;
    federation["b"].holds_all(&[id]).await;
    federation.settled().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let mut forger = RawPeer::new(federation.dir(), "forger").await;
    forger.link(b).await;
    let before = content(b);

    // At the command line of another node.
    let ran = b
        .cli(&["retract", "--yes", &id.full(), "--reason", "error"])
        .await;
    assert!(
        ran.code == 1 && ran.err.contains("only its author"),
        "{ran:?}"
    );
    let ran = b
        .cli_in(&["amend", &id.full(), "-"], &trend("Mine").to_string())
        .await;
    assert!(
        ran.code == 1 && ran.err.contains("only its author"),
        "{ran:?}"
    );
    let mut sneaky = trend("Mine");
    sneaky["supersedes"] = id.full().into();
    let ran = b.cli_in(&["push", "-"], &sneaky.to_string()).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(content(b), before);

    // On the wire, with real keys and a real card, at any time of its making.
    let mut stream = forger.sender(b).await;
    let (fields, body) = forger.statement(&trend("Mine, and newer"));
    let retraction = forger.retraction(id, &fields);
    let mut newer = fields.clone();
    newer.supersedes = Some(id);
    let amendment = (newer, body.clone());
    let not_the_author = Answer::Refused(Refused::NotTheAuthor);
    const HOUR: i64 = 3_600_000;
    for statement in [retraction, amendment] {
        for (created, due) in [
            (raw::from_now(0), not_the_author),
            (raw::from_now(-12 * HOUR), not_the_author),
            (raw::from_now(HOUR / 10), not_the_author),
            (
                raw::from_now(-9 * 24 * HOUR),
                Answer::Refused(Refused::Signature),
            ),
            (raw::from_now(24 * HOUR), Answer::Later(Later::Clock)),
        ] {
            let own = forger.sign_as(forger.agency, created, statement.clone());
            assert_eq!(stream.give(&own).await, due, "made at {created:?}");
        }
        let in_its_name = forger.sign_as(a.agency, raw::from_now(0), statement);
        assert_eq!(
            stream.give(&in_its_name).await,
            Answer::Later(Later::UnknownAuthor)
        );
    }
    assert_eq!(content(b), before);
    assert!(b.holds().contains(&id));

    // Before the record is there: the forger's word is its own, and binds nobody else's.
    let early = forger.sign(forger.retraction(hidden, &fields));
    assert_eq!(stream.give(&early).await, Answer::Stored);
    let mut newer = fields.clone();
    newer.supersedes = Some(hidden);
    let early = forger.sign((newer, body));
    assert_eq!(stream.give(&early).await, Answer::Stored);
    let mut courier = RawPeer::new(federation.dir(), "courier").await;
    courier.link(b).await;
    assert_eq!(
        courier.sender(b).await.give(&raw::stored(a, &hidden)).await,
        Answer::Stored
    );
    assert!(
        b.holds().contains(&hidden),
        "neither retracted nor superseded"
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_an_agency_is_not_retracted() {
    let mut federation = author_and_reader().await;
    // The last answers are in the ledger.
    federation.settled().await;
    let a = &federation["a"];
    let before = content(a);
    let card = a.card();
    let keys = card.keys().expect("a keys statement").id();
    for id in [card.card().id(), keys] {
        let args = ["retract", "--yes", &id.full(), "--reason", "error"];
        let ran = a.cli(&args).await;
        assert_eq!(ran.code, 1, "{ran:?}");
    }
    assert_eq!(content(a), before);
    // Nor at another node, by whoever has the signing key: the card is the root key's word.
    let mut thief = RawPeer::new(federation.dir(), "thief").await;
    thief.link(a).await;
    let mut stream = thief.sender(a).await;
    let (fields, _) = thief.statement(&trend("Any"));
    for record in thief.card_records() {
        assert_eq!(stream.give(&record).await, Answer::Stored);
        let retraction = thief.sign(thief.retraction(record.id(), &fields));
        let refused = Answer::Refused(Refused::NotTheAuthor);
        assert_eq!(stream.give(&retraction).await, refused);
        assert_eq!(raw::stored(a, &record.id()).bytes(), record.bytes());
    }
    federation.stop().await;
}

/// A thief of a signing key could otherwise keep an erasure from those whom it has not reached.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_retraction_is_neither_retracted_nor_recalled() {
    let mut federation = author_and_reader().await;
    let a = &federation["a"];
    let mut other = RawPeer::new(federation.dir(), "other").await;
    other.link(a).await;
    let mut stream = other.sender(a).await;
    let (fields, _) = other.statement(&trend("Any"));
    let refused = Answer::Refused(Refused::NotTheAuthor);
    let retracts = |of| other.sign(other.retraction(of, &fields));
    let [first, second] = ["First", "Second"].map(|t| other.sign(other.statement(&trend(t))));
    assert_eq!(stream.give(&first).await, Answer::Stored);
    let retraction = retracts(first.id());
    assert_eq!(stream.give(&retraction).await, Answer::Stored);
    assert_eq!(stream.give(&retracts(retraction.id())).await, refused);
    let recall = other.sign((
        retraction.unverified().envelope.fields.clone(),
        Content::Recall(Recall {
            of: retraction.id(),
            to: a.agency,
            reason: "policy".parse().expect("a reason"),
        }),
    ));
    assert_eq!(stream.give(&recall).await, refused);
    let held = raw::stored(a, &retraction.id());
    assert_eq!(held.bytes(), retraction.bytes());

    // Also if it comes ahead.
    let retraction = retracts(second.id());
    let ahead = retracts(retraction.id());
    for record in [&ahead, &retraction] {
        assert_eq!(stream.give(record).await, Answer::Stored);
    }
    let held = raw::stored(a, &retraction.id());
    assert_eq!(held.bytes(), retraction.bytes());
    let gone = Answer::Refused(Refused::Retracted);
    assert_eq!(stream.give(&second).await, gone);
    federation.stop().await;
}

/// Whoever only names a withdrawn record learns neither that it was here nor who took it back
/// and why.
#[tokio::test(flavor = "multi_thread")]
async fn naming_a_retracted_record_is_no_proof_of_having_it() {
    let mut federation = author_and_reader().await;
    let id = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    let a = &federation["a"];
    let created = raw::stored(a, &id).unverified().envelope.created;
    a.cli(&["retract", "--yes", &id.full(), "--reason", "source-at-risk"])
        .await
        .expect_code(0);
    erased(a, &id).await;
    let mut curious = RawPeer::new(federation.dir(), "curious").await;
    curious.link(a).await;
    let mut stream = curious.sender(a).await;
    let told = stream.deliver(id, created, b"not its bytes").await;
    assert_eq!(told, (true, Answer::Refused(Refused::Form)));
    let store = &a.node().store;
    let arrival = store.arrival_of(&id).expect("store").expect("its place");
    let line = store.ledger_entry(&curious.agency, arrival).expect("store");
    assert_eq!(line, None, "the ledger says that it has the record");
    federation.stop().await;
}
