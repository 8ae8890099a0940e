//! What leaves with a record, and what does not: linked records, notices of change, exports.

use std::collections::BTreeSet;

use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::Message;
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use liaison_tests::raw::{self, RawPeer};
use serde_json::{Value, json};

use crate::first::trend;
use crate::leave::amber;
use crate::sharing::{chain, onward};

/// A trend that links to a record, by a reference and by its thread.
fn linked(title: &str, to: &RecordId) -> Value {
    let mut draft = trend(title);
    draft["refs"] = json!([{"rel": "about", "id": to.full()}]);
    draft["thread"] = to.full().into();
    draft
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_following_a_link_never_widens_who_gets_a_record() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    // c may keep it to itself only: else both gates of c would let b have it.
    let stays = onward("Quittenmarke", &json!("none"));
    let kept = a.push(&stays, &["--to", "c"]).await;
    let link = a.push(&linked("Free to go", &kept), &[]).await;
    b.holds_all(&[link]).await;
    c.holds_all(&[kept, link]).await;
    // b sees that there is a link and cannot follow it.
    let shown = b.json(&["show", &link.full()]).await;
    assert_eq!(shown["links"][0]["state"], "unknown");
    b.cli(&["show", &kept.full()]).await.expect_code(1);
    b.cli(&["show", &kept.full(), "--cose"])
        .await
        .expect_code(1);

    // What happens to the record that b has not is told to those who have it.
    let mut changed = onward("Zwetschgenmarke", &json!("none"));
    changed["summary"] = "Holunder".into();
    let amended = a
        .cli_in(
            &["amend", &kept.full(), "-", "--json"],
            &changed.to_string(),
        )
        .await
        .expect_code(0)
        .json();
    let amended: RecordId = amended["id"].as_str().expect("id").parse().expect("id");
    c.holds_all(&[amended]).await;
    let retracted = a
        .json(&["retract", "--yes", &amended.full(), "--reason", "error"])
        .await;
    let retraction: RecordId = retracted["id"].as_str().expect("id").parse().expect("id");
    let mut changes = c.node().store.watch();
    while c
        .node()
        .store
        .arrival_of(&retraction)
        .expect("store")
        .is_none()
    {
        changes.changed().await.expect("runs");
    }
    federation.settled().await;
    for node in [a, c] {
        for needle in [amended, retraction] {
            assert!(!node.tap.sent_contains(&b.agency, needle.as_bytes()));
        }
        for text in ["Quittenmarke", "Zwetschgenmarke", "Holunder"] {
            assert!(
                !node.tap.sent_contains(&b.agency, text.as_bytes()),
                "{text}"
            );
        }
        // The id of the first stands in the link and in nothing else.
        for record in node.tap.records_to(&b.agency) {
            let holds = record.windows(32).any(|w| w == kept.as_bytes());
            assert!(!holds || record == raw::stored(a, &link).bytes().as_ref());
        }
    }
    assert_eq!(b.holds(), [link].into());
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_leave_for_a_record_is_no_leave_for_what_it_links_to() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let kept = a.push(&amber("Quittenmarke"), &[]).await;
    let mut draft = amber("Zwetschgenmarke");
    draft["refs"] = json!([{"rel": "about", "id": kept.full()}]);
    let link = a.push(&draft, &[]).await;
    b.holds_all(&[kept, link]).await;
    let until = "2999-01-01";
    a.cli(&[
        "permit",
        &link.full(),
        "--to",
        &c.agency.full(),
        "--until",
        until,
    ])
    .await
    .expect_code(1);
    let until = liaison_protocol::record::date::Date::from_millis(a.node().clock.now())
        .add_days(30)
        .to_string();
    a.cli(&[
        "permit",
        &link.full(),
        "--to",
        &c.agency.full(),
        "--until",
        &until,
    ])
    .await
    .expect_code(0);
    c.holds_all(&[link]).await;
    federation.settled().await;
    assert_eq!(c.holds(), [link].into());
    assert!(!b.tap.sent_contains(&c.agency, b"Quittenmarke"));
    let why = b.json(&["why", &kept.full(), "c"]).await;
    assert_eq!(why["decision"]["rule"], "onward-ask");
    federation.stop().await;
}

/// The ways out that a recipient could try: the stream, an export that somebody else brings,
/// an amendment, a copy under its own name that says where it is from.
#[tokio::test(flavor = "multi_thread")]
async fn e8_each_way_out_is_refused_and_the_attempt_is_noted() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let mut h2 = trend("Holunder");
    h2["handling"] = json!(["H2"]);
    h2["onward"] = "ask".into();
    let mut red = trend("Sanddorn");
    red["tlp"] = "red".into();
    red["onward"] = "ask".into();
    let none = a.push(&onward("Quittenmarke", &json!("none")), &[]).await;
    let h2 = a.push(&h2, &[]).await;
    let red = a.push(&red, &["--to", "b"]).await;
    let all = [none, h2, red];
    b.holds_all(&all).await;
    federation.settled().await;
    // By sync: b's own node names none of them to c, though its policy lets all go.
    for id in all {
        let why = b.json(&["why", &id.full(), "c"]).await;
        assert_eq!(why["decision"]["gate"], "handling", "{why}");
        assert!(why["ledger"].is_null(), "{why}");
        assert!(!b.tap.sent_contains(&c.agency, id.as_bytes()));
    }
    // By a distribution list, an amendment, a retraction: another's record has none of b's.
    for args in [
        &["amend", &none.full(), "-"][..],
        &["retract", "--yes", &none.full(), "--reason", "error"],
    ] {
        let ran = b.cli_in(args, &trend("Mine now").to_string()).await;
        assert_eq!(ran.code, 1, "{ran:?}");
    }
    // By export: whoever brings the exact bytes to c is no author, and c takes them from nobody
    // else. It notes who tried.
    let exported = b.cli(&["show", &none.full(), "--cose"]).await;
    assert_eq!(exported.code, 0, "{exported:?}");
    let mut relay = RawPeer::new(federation.dir(), "relay").await;
    relay.link(c).await;
    let mut stream = relay.sender(c).await;
    for id in all {
        let answer = stream.give(&raw::stored(b, &id)).await;
        assert_eq!(answer, Answer::Refused(Refused::Handling));
        let noted = c.node().store.refused(&relay.agency, &id).expect("store");
        let noted = noted.expect("the attempt is noted");
        assert_eq!(noted.answer, Answer::Refused(Refused::Handling));
    }
    assert!(c.holds().is_empty());
    federation.stop().await;
}

/// All texts and keys of a JSON value.
fn words(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.insert(key.clone());
                words(value, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|v| words(v, out)),
        Value::String(text) => {
            out.insert(text.clone());
        }
        other => {
            out.insert(other.to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e35_what_is_passed_on_and_exported_says_nothing_but_the_record() {
    let mut federation = chain().await;
    // A second recipient of a's, whom b and c don't know.
    federation.add("e", "border", "QN").await;
    // Cards of others, which are records as well, go on only if a policy says so.
    let no_cards = format!(
        r#"{OPEN}
        @id("no-cards") @says("Cards of others are not passed on.")
        forbid (principal, action == Action::"share", resource)
        when {{ resource.kind == Kind::"contact" }};"#
    );
    federation["a"].policy(&no_cards).await;
    federation.link("a", "e").await;
    federation["e"].policy(OPEN).await;
    let [a, b, c, e] = ["a", "b", "c", "e"].map(|n| &federation[n]);
    // Numbers that nobody else would have: arrivals at a and b run ahead of c's.
    for n in 0..7 {
        a.push(&trend(&format!("Filler {n}")), &["--to", ""]).await;
        b.push(&trend(&format!("Filler {n}")), &["--to", ""]).await;
    }
    let id = a
        .push(
            &onward("Quittenmarke", &json!("community")),
            &["--to", "b,e"],
        )
        .await;
    b.holds_all(&[id]).await;
    c.holds_all(&[id]).await;
    federation.settled().await;
    let at_a = a
        .node()
        .store
        .arrival_of(&id)
        .expect("store")
        .expect("held");
    let at_b = b
        .node()
        .store
        .arrival_of(&id)
        .expect("store")
        .expect("held");
    assert!(at_a.0 > 7 && at_b.0 > 7);

    // Forwarded: the author's bytes, and beside them a dense number, the id, the time, a size.
    let sent = b.tap.records_to(&c.agency);
    let signed = raw::stored(a, &id).bytes().clone();
    assert!(sent.iter().any(|bytes| *bytes == signed));
    let mut next = 1;
    for frame in b.tap.sent_to(&c.agency) {
        if let Message::Offer { batch, items } = frame.message() {
            // The first of a stream is 1 again; none is where the record stands in a store.
            assert!(batch == next || batch == 1, "offer {batch} after {next}");
            next = batch + 1;
            for item in items.iter().filter(|i| i.id == id) {
                assert_eq!(item.size as usize, signed.len());
            }
        }
    }
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let secrets = a.home.secrets().expect("keys");
    let keys = [secrets.signing.to_bytes(), secrets.node];
    for (from, to) in [(a, b), (b, c)] {
        for frame in from.tap.sent_to(&to.agency) {
            let has = |needle: &[u8]| frame.body.windows(needle.len()).any(|w| w == needle);
            assert!(!has(e.agency.as_bytes()), "another recipient: {frame:?}");
            assert!(
                keys.iter().all(|key| !has(&key[..])),
                "a secret key: {frame:?}"
            );
            assert!(!has(user.as_bytes()), "an officer: {frame:?}");
        }
    }
    // The record itself names no officer of its author's.
    let text = String::from_utf8_lossy(&signed).into_owned();
    assert!(!text.contains(&user), "{text}");

    // Exported, by each call that shows it at c: the known fields and no others.
    let show = c.json(&["show", &id.full()]).await;
    let fields: BTreeSet<&str> = show
        .as_object()
        .expect("a map")
        .keys()
        .map(String::as_str)
        .collect();
    let known = BTreeSet::from([
        "author",
        "author_id",
        "courier",
        "created",
        "id",
        "key",
        "kind",
        "ledger",
        "received",
        "record",
        "retracted",
        "superseded",
        "title",
        "tlp",
    ]);
    assert!(fields.is_subset(&known), "{fields:?}");
    let query = c.json(&["query", "Quittenmarke"]).await;
    let why = b.json(&["why", &id.full(), "c"]).await;
    for (what, exported) in [("show", &show), ("query", &query), ("why", &why)] {
        let mut found = BTreeSet::new();
        words(exported, &mut found);
        for word in &found {
            assert!(!word.contains("arrival"), "{what}: {word}");
            assert!(!word.contains(&e.agency.full()), "{what}: {word}");
            assert!(*word != "e", "{what} names another recipient");
        }
    }
    assert!(
        show["ledger"].as_array().expect("ledger").len() == 1,
        "{show}"
    );
    assert_eq!(show["ledger"][0]["peer"], "b");
    federation.stop().await;
}
