//! Who gets what: exactly those whom the author's word, the list and the policy name.

use std::collections::BTreeSet;

use liaison_node::config::Config;
use liaison_node::store::Arrival;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::wire::{Message, Reason};
use liaison_tests::federation::{ACCEPT, OPEN};
use liaison_tests::raw::{self, RawPeer, RawStream};
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;

/// Two nodes that share everything with each other.
pub async fn author_and_reader() -> Federation {
    Federation::mesh(&["a", "b"], OPEN).await
}

/// `a` linked with `b`, `b` with `c`; `c` has the card of `a`, and no link to it. All share
/// and take everything that handling allows.
pub async fn chain() -> Federation {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
    }
    federation.link("a", "b").await;
    federation.link("b", "c").await;
    federation["c"].adds(&federation["a"]).await;
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation
}

/// A trend with an `onward`.
pub fn onward(title: &str, onward: &Value) -> Value {
    let mut draft = trend(title);
    draft["onward"] = onward.clone();
    draft
}

/// All that a node's store says, but for its quarantine: headers, bytes, ledger, lists,
/// tombstones, counts, peers, values.
pub fn content(node: &TestNode) -> Vec<String> {
    let store = &node.node().store;
    let mut all = Vec::new();
    for (arrival, header) in store.headers(Arrival(0), 10_000).expect("headers") {
        all.push(format!("{arrival:?} {header:?}"));
        all.push(format!("{:?}", store.record(arrival).expect("record")));
        all.push(format!("{:?}", store.audience(arrival).expect("list")));
        all.push(format!("{:?}", store.ledgers_for(arrival).expect("ledger")));
        all.push(format!(
            "{:?}",
            store.tombstone(&header.id).expect("tombstone")
        ));
    }
    let mut counts = store.counts().expect("counts");
    counts.quarantined = 0;
    all.push(format!("{counts:?}"));
    all.push(format!("{:?}", store.peers().expect("peers")));
    all.push(format!("{:?}", store.metas("", 10_000).expect("values")));
    all.push(format!("{:?}", store.jobs(10_000).expect("jobs")));
    all
}

/// Names of the peers that a push would reach.
async fn dry_run(node: &TestNode, draft: &Value, options: &[&str]) -> BTreeSet<String> {
    let args: Vec<&str> = ["push", "-", "--dry-run", "--json"]
        .iter()
        .chain(options)
        .copied()
        .collect();
    let report = node
        .cli_in(&args, &draft.to_string())
        .await
        .expect_code(0)
        .json();
    let peers = report["peers"].as_array().expect("peers").iter();
    peers
        .filter(|p| p["allow"] == true)
        .map(|p| p["peer"].as_str().expect("name").to_owned())
        .collect()
}

/// Names of the nodes that hold a record, but for its author.
fn holders(federation: &Federation, author: &str, id: &RecordId) -> BTreeSet<String> {
    let others = federation.all().filter(|n| n.name != author);
    others
        .filter(|n| n.holds().contains(id))
        .map(|n| n.name.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_record_goes_to_exactly_the_peers_that_dry_run_listed() {
    let mut federation = Federation::mesh(&["a", "b", "c", "d"], ACCEPT).await;
    let chosen = r#"
        @id("b-and-c") @says("Trends go to b and c.")
        permit (principal, action == Action::"share", resource)
        when { principal == Agency::"b" || principal == Agency::"c" };"#;
    federation["a"].policy(chosen).await;
    for (options, due) in [
        (&[][..], &["b", "c"][..]),
        (&["--to", "c,d"][..], &["c"][..]),
    ] {
        federation.settled().await;
        federation.all().for_each(|n| n.tap.clear());
        let mut draft = trend("Quittenmarke");
        draft["summary"] = "Zwetschgenmarke".into();
        draft["body"]["period"] = json!({"from": "2021-03", "to": "2021-03"});
        let listed = dry_run(&federation["a"], &draft, options).await;
        assert_eq!(listed, due.iter().map(|n| (*n).to_owned()).collect());
        let id = federation["a"].push(&draft, options).await;
        federation.settled().await;
        assert_eq!(holders(&federation, "a", &id), listed);
        let mut seen = 0;
        for from in federation.all() {
            for to in federation.all().filter(|to| to.name != from.name) {
                let needles = [
                    &b"Quittenmarke"[..],
                    b"Zwetschgenmarke",
                    b"QN-02",
                    b"2021-03",
                ];
                let id_there = from.tap.sent_contains(&to.agency, id.as_bytes());
                let text_there = needles.map(|n| from.tap.sent_contains(&to.agency, n));
                if from.name == "a" && listed.contains(&to.name) {
                    assert_eq!(
                        (id_there, text_there),
                        (true, [true; 4]),
                        "a to {}",
                        to.name
                    );
                    seen += 1;
                } else {
                    let link = format!("{} to {}", from.name, to.name);
                    assert_eq!((id_there, text_there), (false, [false; 4]), "{link}");
                }
                // The audience travels with nobody: not even those who are in it see it.
                for third in federation.all() {
                    if third.name != from.name && third.name != to.name {
                        let named = from.tap.sent_contains(&to.agency, third.agency.as_bytes());
                        assert!(!named, "{} tells {} of {}", from.name, to.name, third.name);
                    }
                }
            }
        }
        assert_eq!(seen, due.len());
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_an_empty_audience_delivers_to_nobody() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    for empty in ["", " , "] {
        let draft = trend("Quittenmarke");
        assert!(
            dry_run(&federation["a"], &draft, &["--to", empty])
                .await
                .is_empty()
        );
        let id = federation["a"].push(&draft, &["--to", empty]).await;
        federation.settled().await;
        assert!(holders(&federation, "a", &id).is_empty());
        for node in federation.all().filter(|n| n.name != "a") {
            assert!(
                !federation["a"]
                    .tap
                    .sent_contains(&node.agency, id.as_bytes())
            );
            assert!(
                !federation["a"]
                    .tap
                    .sent_contains(&node.agency, b"Quittenmarke")
            );
            let why = federation["a"].json(&["why", &id.full(), &node.name]).await;
            assert_eq!(why["decision"]["rule"], "not-listed");
        }
    }
    // A list of names that nobody has is refused, not taken for an empty or an absent one.
    let draft = trend("Quittenmarke").to_string();
    let ran = federation["a"]
        .cli_in(&["push", "-", "--to", "nobody"], &draft)
        .await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let help = federation["a"].cli(&["push", "--help"]).await;
    assert!(help.out.contains("'' is nobody"), "{help:?}");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e8_what_may_not_be_passed_on_never_leaves_its_recipient() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let none = a.push(&onward("Quittenmarke", &json!("none")), &[]).await;
    let ask = a.push(&onward("Zwetschgenmarke", &json!("ask")), &[]).await;
    let free = a
        .push(&onward("Free to go", &json!("community")), &[])
        .await;
    b.holds_all(&[none, ask, free]).await;
    c.holds_all(&[free]).await;
    federation.settled().await;
    for (id, title, rule) in [
        (none, "Quittenmarke", "onward-none"),
        (ask, "Zwetschgenmarke", "onward-ask"),
    ] {
        assert!(!c.holds().contains(&id));
        assert!(!b.tap.sent_contains(&c.agency, id.as_bytes()));
        assert!(!b.tap.sent_contains(&c.agency, title.as_bytes()));
        let why = b.json(&["why", &id.full(), "c"]).await;
        assert_eq!(why["decision"]["gate"], "handling");
        assert_eq!(why["decision"]["rule"], rule);
    }
    // A recipient that passes it on all the same is refused, and the good record is not lost.
    let mut courier = RawPeer::new(federation.dir(), "courier").await;
    courier.link(c).await;
    let mut stream = courier.sender(c).await;
    for id in [none, ask] {
        let answer = stream.give(&raw::stored(a, &id)).await;
        assert_eq!(answer, Answer::Refused(Refused::Handling));
        let noted = c.node().store.refused(&courier.agency, &id).expect("store");
        assert_eq!(
            noted.map(|n| n.answer),
            Some(Answer::Refused(Refused::Handling))
        );
        assert!(!c.holds().contains(&id));
    }
    a.adds(c).await;
    c.holds_all(&[none, ask]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e9_a_node_without_a_policy_shares_nothing_and_takes_nothing() {
    let mut federation = Federation::new();
    for name in ["a", "b"] {
        federation.add(name, "border", "QN").await;
    }
    federation.link("a", "b").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    federation.settled().await;
    b.policy(ACCEPT).await;
    federation.settled().await;
    assert!(
        !a.tap.sent_contains(&b.agency, id.as_bytes()),
        "a has no policy"
    );
    // The other way: b shares, a takes nothing.
    b.policy(OPEN).await;
    let refused = b.push(&trend("Zwetschgenmarke"), &[]).await;
    federation.settled().await;
    assert!(!a.holds().contains(&refused));
    let lines = b
        .node()
        .store
        .ledger_of(&a.agency, Arrival(0), 100)
        .expect("ledger");
    let policy = Some(Answer::Refused(Refused::Policy));
    assert!(
        lines.iter().any(|(_, line)| line.answer == policy),
        "{lines:?}"
    );
    // Each of the two was missing: with both, it flows.
    a.policy(OPEN).await;
    a.holds_all(&[refused]).await;
    b.holds_all(&[id]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e9_an_unlinked_node_cannot_connect() {
    let mut federation = author_and_reader().await;
    let a = &federation["a"];
    a.push(&trend("Quittenmarke"), &[]).await;
    let mut stranger = RawPeer::new(federation.dir(), "stranger").await;
    stranger.dial(a).await;
    let mut links = stranger.swarm().links();
    let refused = links.wait_for(|all| all.iter().any(|l| l.attempts > 0));
    let refused = tokio::time::timeout(liaison_tests::federation::PATIENCE, refused).await;
    assert!(
        refused.is_ok_and(|r| r.is_ok()),
        "the stranger's call must fail"
    );
    assert!(!stranger.swarm().link(&a.agency).expect("link").is_up());
    assert!(
        a.node().swarm.refusals().total > 0,
        "the refusal is counted"
    );
    assert!(a.tap.frames().iter().all(|f| f.peer != stranger.agency));
    federation.stop().await;
}

/// Whoever adds a setting or a flag has to come by here: none may turn a check off.
#[tokio::test(flavor = "multi_thread")]
async fn e9_no_setting_and_no_flag_turns_verification_off() {
    let config = serde_json::to_value(Config::default()).expect("config");
    let known = [
        "audit",
        "cache_mb",
        "exercise",
        // Whose mailboxes and circuits are used; what comes by them is checked as any other.
        "hubs",
        // Where the key file is; what is sealed is checked with whatever key opens it.
        "keyring",
        "listen",
        "log",
        // Where figures are read; nothing is sent there that decides.
        "metrics",
        // A program that is told numbers; it answers nothing.
        "notify",
        // Names the solver and whose proofs count; a solver that proves too much is found out.
        "policy",
        "records_per_minute",
        // Spans until a deadline, within bounds; no check waits for them.
        "referral",
        "repair_every_s",
        "smallest_count",
    ];
    let fields: BTreeSet<&str> = config
        .as_object()
        .expect("fields")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        known.into(),
        "a new setting: does it weaken a check?"
    );
    let mut federation = Federation::new();
    let node = federation.add("a", "border", "QN").await;
    let flags = node.cli(&["completions", "bash"]).await.expect_code(0).out;
    assert!(flags.contains("--dry-run"), "the flags are in it");
    let words = [
        "insecure",
        "no-verify",
        "skip",
        "unsafe",
        "no-check",
        "trust-all",
        "no-tls",
    ];
    for word in words {
        let found = flags
            .split_whitespace()
            .find(|f| f.starts_with("--") && f.contains(word));
        assert_eq!(found, None, "a flag that turns a check off");
    }
    federation.stop().await;
}

/// The peer ends the stream with our fault, and gives nothing more.
async fn is_cut_off(stream: &mut RawStream) {
    while let Some(message) = stream.next().await {
        match message {
            Message::Bye(reason) => {
                assert_eq!(reason, Reason::Fault);
                return;
            }
            // What was under way before.
            Message::Offer { .. } => {}
            other => panic!("nothing more was due, not {other:?}"),
        }
    }
}

fn last_error(node: &TestNode, peer: &AgencyId) -> String {
    node.node()
        .sync
        .peers()
        .of(peer)
        .last_error()
        .map(|e| e.1)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_guessing_and_replaying_wants_yields_nothing() {
    let mut federation = author_and_reader().await;
    let a = &federation["a"];
    let secret = a.push(&trend("Quittenmarke"), &["--to", "b"]).await;
    federation.settled().await;
    let mut guest = RawPeer::new(federation.dir(), "guest").await;
    guest.link(a).await;
    let first = a.push(&trend("Offered once"), &["--to", "guest"]).await;

    // An index outside the offer.
    let mut stream = guest.receiver(a).await;
    let (batch, _, items) = stream.offered(first).await;
    let beyond = u32::try_from(items).expect("small");
    stream
        .send(&Message::Want {
            batch,
            indices: vec![beyond],
        })
        .await;
    is_cut_off(&mut stream).await;

    // A batch that was never offered.
    let mut stream = guest.receiver(a).await;
    assert!(
        last_error(a, &guest.agency).contains("wanted item"),
        "{}",
        last_error(a, &guest.agency)
    );
    let (batch, ..) = stream.offered(first).await;
    stream
        .send(&Message::Want {
            batch: batch + 1,
            indices: vec![0],
        })
        .await;
    is_cut_off(&mut stream).await;

    // The same want twice.
    let mut stream = guest.receiver(a).await;
    assert!(
        last_error(a, &guest.agency).contains("not open"),
        "{}",
        last_error(a, &guest.agency)
    );
    let (batch, place, _) = stream.offered(first).await;
    let given = stream.want(batch, place).await;
    assert_eq!(given, Some(raw::stored(a, &first).bytes().to_vec()));
    let indices = vec![place];
    stream.send(&Message::Want { batch, indices }).await;
    is_cut_off(&mut stream).await;

    // What was withdrawn between offer and want looks like an unknown id.
    let mut stream = guest.receiver(a).await;
    let gone = a
        .push(&trend("Gone before it is wanted"), &["--to", "guest"])
        .await;
    let (batch, place, _) = stream.offered(gone).await;
    a.cli(&["retract", "--yes", &gone.full(), "--reason", "error"])
        .await
        .expect_code(0);
    assert_eq!(stream.want(batch, place).await, None);
    for needle in [
        secret.as_bytes().as_slice(),
        b"Quittenmarke",
        b"Gone before it is wanted",
    ] {
        assert!(!a.tap.sent_contains(&guest.agency, needle));
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_offering_a_guessed_id_does_not_tell_whether_it_is_held() {
    let mut federation = author_and_reader().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let listed = a.push(&trend("For b alone"), &["--to", "b"]).await;
    let none = a
        .push(&onward("Stays with b", &json!("none")), &["--to", "b"])
        .await;
    b.holds_all(&[listed, none]).await;
    federation.settled().await;
    for (node, ids) in [(a, vec![listed, none]), (b, vec![none])] {
        let mut guest = RawPeer::new(federation.dir(), &format!("guest-of-{}", node.name)).await;
        guest.link(node).await;
        let mut stream = guest.sender(node).await;
        let unknown = RecordId::from_bytes([7; 32]);
        let created = raw::from_now(0);
        let junk = stream.deliver(unknown, created, b"no record").await;
        assert_eq!(junk, (true, Answer::Refused(Refused::Form)));
        for id in ids {
            let record = raw::stored(node, &id);
            let created = record.unverified().envelope.created;
            assert_eq!(
                stream.deliver(id, created, b"no record").await,
                junk,
                "{}",
                node.name
            );
            let arrival = node
                .node()
                .store
                .arrival_of(&id)
                .expect("store")
                .expect("held");
            let line = node
                .node()
                .store
                .ledger_entry(&guest.agency, arrival)
                .expect("store");
            assert_eq!(line, None, "a guess makes nobody a holder");
        }
        // Whoever brings the bytes has it: that much may be said to it.
        if node.name == "a" {
            let due = Answer::Stored;
            assert_eq!(stream.give(&raw::stored(node, &listed)).await, due);
        }
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn onward_to_reaches_the_named_through_a_carrier_and_ends_there() {
    let mut federation = chain().await;
    federation.add("d", "border", "QN").await;
    federation.link("c", "d").await;
    federation.link("b", "d").await;
    for (node, other) in [("d", "a"), ("a", "c")] {
        federation[node].adds(&federation[other]).await;
    }
    federation["d"].policy(OPEN).await;
    federation.settled().await;
    // The list keeps it from going to c directly: c gets it from b, who is only a carrier.
    let draft = onward("Quittenmarke", &json!({"to": ["c"]}));
    let id = federation["a"].push(&draft, &["--to", "b"]).await;
    federation["c"].holds_all(&[id]).await;
    federation.settled().await;
    let [b, c, d] = ["b", "c", "d"].map(|n| &federation[n]);
    let header = c
        .node()
        .store
        .arrival_of(&id)
        .expect("store")
        .expect("held");
    let header = c.node().store.header(header).expect("store").expect("held");
    assert_eq!(header.courier, Some(b.agency));
    assert!(!d.holds().contains(&id), "d is not named");
    for from in [b, c] {
        assert!(
            !from.tap.sent_contains(&d.agency, id.as_bytes()),
            "{} told d",
            from.name
        );
    }
    let why = b.json(&["why", &id.full(), "d"]).await;
    assert_eq!(why["decision"]["rule"], "onward-to-others");
    let why = c.json(&["why", &id.full(), "d"]).await;
    assert_eq!(why["decision"]["rule"], "named-may-not-pass");
    federation.stop().await;
}
