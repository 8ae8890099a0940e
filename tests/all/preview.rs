//! What a change would do, before it applies: of policy, of circles, of a peer's attributes.

use std::collections::BTreeSet;

use liaison_node::cardfile::CardFile;
use liaison_node::home::CardEdit;
use liaison_protocol::id::RecordId;
use liaison_tests::federation::{ACCEPT, OPEN, Ran};
use liaison_tests::{Federation, TestNode};
use serde_json::{Value, json};

use crate::first::trend;

/// Shares what is smuggling with everybody, and all of it with circle `near`.
const NARROW: &str = r#"
@id("smuggling") @says("Smuggling goes to every peer.")
permit (principal, action == Action::"share", resource)
when { resource.class == CrimeClass::"smuggling" && resource.kind == Kind::"trend" && resource.tlp != Tlp::"red" };
@id("near") @says("All of it goes to those who are near.")
permit (principal in Circle::"near", action == Action::"share", resource)
when { resource.kind == Kind::"trend" && resource.tlp != Tlp::"red" };
@id("accept-all") @says("Everything is taken from every peer.")
permit (principal, action == Action::"accept", resource);
"#;

fn of_class(title: &str, class: &str) -> Value {
    let mut draft = trend(title);
    draft["class"] = class.into();
    draft
}

/// Writes a policy with a circle `near` of these members into a folder of its own.
fn folder(node: &TestNode, name: &str, cedar: &str, near: &[&str]) -> String {
    let dir = node.home.dir().join(name);
    std::fs::create_dir_all(&dir).expect("folder");
    std::fs::write(dir.join("policy.cedar"), cedar).expect("policy");
    let circles = json!({ "circles": { "near": near } }).to_string();
    std::fs::write(dir.join("entities.json"), circles).expect("entities");
    dir.to_string_lossy().into_owned()
}

/// `(peer, would newly get, would get no more, holds)`.
fn counts(preview: &Value) -> Vec<(String, u64, u64, u64)> {
    let number = |v: &Value| v.as_u64().expect("a number");
    let peers = preview["peers"].as_array().expect("peers").iter();
    peers
        .map(|p| {
            (
                p["peer"].as_str().expect("name").to_owned(),
                number(&p["flows"]["records"]),
                number(&p["stops"]["records"]),
                number(&p["held"]),
            )
        })
        .collect()
}

fn row(peer: &str, flows: u64, stops: u64, held: u64) -> (String, u64, u64, u64) {
    (peer.to_owned(), flows, stops, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_what_then_really_flows_and_applies_nothing() {
    let mut federation = Federation::mesh(&["a", "b", "c", "d"], ACCEPT).await;
    let a = &federation["a"];
    let narrow = folder(a, "narrow", NARROW, &["b"]);
    let smuggling = [
        a.push(&of_class("One", "smuggling"), &[]).await,
        a.push(&of_class("Two", "smuggling"), &[]).await,
    ];
    let trafficking = a.push(&of_class("Three", "trafficking"), &[]).await;
    let listed = a
        .push(&of_class("For c", "trafficking"), &["--to", "c"])
        .await;
    a.push(&of_class("Nobody", "smuggling"), &["--to", ""])
        .await;
    let gone = a.push(&of_class("Gone", "smuggling"), &[]).await;
    a.cli(&["retract", "--yes", &gone.full(), "--reason", "error"])
        .await
        .expect_code(0);
    federation.settled().await;

    // Nothing is shared so far: b would get what is near, c and d what is smuggling.
    let epoch = a.node().policies.current().epoch();
    let preview = a.json(&["policy", "preview", &narrow]).await;
    let due = [row("b", 3, 0, 0), row("c", 2, 0, 0), row("d", 2, 0, 0)];
    assert_eq!(counts(&preview), due, "{preview}");
    assert_eq!(preview["peers"][0]["flows"]["kinds"], json!({"trend": 3}));
    let newest = &preview["peers"][0]["flows"]["samples"][0];
    assert_eq!(newest["id"], trafficking.full());
    assert_eq!(newest["title"], "Three");
    assert_eq!(preview["unchanged"], 0);
    assert_eq!(a.node().policies.current().epoch(), epoch, "not applied");
    federation.settled().await;
    assert!(federation["b"].holds().is_empty());

    // Applied, exactly that flows.
    a.policy_dir(narrow.as_ref()).await;
    federation.settled().await;
    let held = |name: &str| federation[name].holds();
    let near: BTreeSet<RecordId> = smuggling.iter().copied().chain([trafficking]).collect();
    assert_eq!(held("b"), near);
    assert_eq!(held("c"), smuggling.into());
    assert_eq!(held("d"), smuggling.into());
    let again = a.json(&["policy", "preview", &narrow]).await;
    assert_eq!(counts(&again), []);
    assert_eq!(again["unchanged"], 3);

    // b leaves the circle for c, whom the list allows one more; what b has, it holds.
    let moved = folder(a, "moved", NARROW, &["c"]);
    let preview = a.json(&["policy", "preview", &moved]).await;
    assert_eq!(counts(&preview), [row("b", 0, 1, 1), row("c", 2, 0, 0)]);
    // The way back is previewed as well, and in words.
    let back = a.json(&["policy", "preview", "--revert"]).await;
    let none = [row("b", 0, 3, 3), row("c", 0, 2, 2), row("d", 0, 2, 2)];
    assert_eq!(counts(&back), none);
    let words = a
        .cli(&["policy", "preview", &moved])
        .await
        .expect_code(0)
        .out;
    for part in [
        "1: trend 1",
        "2: trend 2",
        "1 copy would stay",
        "Nothing was applied",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    a.policy_dir(moved.as_ref()).await;
    federation["c"].holds_all(&[trafficking, listed]).await;
    // A file that is no policy is refused as `apply` would refuse it.
    let ran = a
        .cli_in(
            &["policy", "preview", "-"],
            "permit(principal,action,resource);",
        )
        .await;
    assert!(ran.code == 1 && ran.err.contains("@id"), "{ran:?}");
    federation.stop().await;
}

/// What was decided on by looking is refused when something else is in force by then.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_over_a_policy_that_nobody_looked_at_is_refused() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let a = &federation["a"];
    let dir = folder(a, "narrow", NARROW, &["b"]);
    let before = a.json(&["policy", "preview", &dir]).await;
    a.policy(OPEN).await;
    let files = json!({"a.cedar": NARROW, "entities.json": "{\"circles\": {\"near\": []}}"});
    let epoch = a.node().policies.current().epoch();
    let body = json!({"files": files, "over": before["over"]}).to_string();
    let answer = crate::api::at(
        a,
        "POST",
        "/v1/policy/apply",
        &[crate::api::JSON],
        body.as_bytes(),
    )
    .await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["code"], "conflict");
    assert_eq!(a.node().policies.current().epoch(), epoch);
    federation.stop().await;
}

/// Narrowing leaves copies where they are, unless a person says to ask them back; widening
/// back-fills, also what was asked back.
#[tokio::test(flavor = "multi_thread")]
async fn e14_a_narrowed_policy_recalls_only_when_told_and_a_wider_one_back_fills() {
    let mut federation = Federation::mesh(&["a", "b", "c"], ACCEPT).await;
    let a = &federation["a"];
    let both = folder(a, "both", NARROW, &["b", "c"]);
    let one = folder(a, "one", NARROW, &["b"]);
    a.policy_dir(both.as_ref()).await;
    let near = a.push(&of_class("Near", "trafficking"), &[]).await;
    let other = a.push(&of_class("Other", "smuggling"), &[]).await;
    for name in ["b", "c"] {
        federation[name].holds_all(&[near, other]).await;
    }
    federation.settled().await;
    // Narrowed without a word: c keeps what it has.
    a.policy_dir(one.as_ref()).await;
    federation.settled().await;
    assert!(federation["c"].holds().contains(&near));
    // The way back, and narrowed with --recall: the number is shown first.
    a.policy_dir(both.as_ref()).await;
    federation.settled().await;
    let args = [
        "policy",
        "apply",
        &one,
        "--unproven",
        "--reason",
        "test",
        "--recall",
    ];
    let asked = a.cli(&args).await.expect_code(2);
    assert!(asked.err.contains("--yes"), "{asked:?}");
    let preview = a.json(&["policy", "preview", &one]).await;
    assert_eq!(counts(&preview), [row("c", 0, 1, 1)]);
    let args: Vec<&str> = args.iter().copied().chain(["--yes"]).collect();
    let ran = a.cli(&args).await.expect_code(0);
    assert!(ran.err.contains("1 copy will be asked back"), "{ran:?}");
    assert!(ran.out.contains("c was told to erase 1 record"), "{ran:?}");
    crate::retraction::erased(&federation["c"], &near).await;
    federation.settled().await;
    assert!(federation["c"].holds().contains(&other), "nothing else");
    assert_eq!(federation["b"].holds(), [near, other].into());
    // It is out no more: nothing is left to be recalled, and it would newly flow.
    let preview = a.json(&["policy", "preview", &both]).await;
    assert_eq!(counts(&preview), [row("c", 1, 0, 0)]);
    a.policy_dir(both.as_ref()).await;
    federation["c"].holds_all(&[near]).await;
    federation.stop().await;
}

/// `b` signs a new card as of another sector, and `a` hears of it.
async fn new_sector(a: &TestNode, b: &TestNode, sector: &str) -> CardFile {
    let edit = CardEdit {
        sector: Some(sector.parse().expect("sector")),
        ..CardEdit::default()
    };
    let card = b
        .home
        .edit_card(edit, b.node().clock.now())
        .expect("a new card");
    b.node().take_card(&card).await.expect("taken up");
    let mut changes = a.node().registry.changes();
    let heard = async {
        loop {
            let contact = a.node().registry.contact(&b.agency);
            if contact.is_some_and(|c| c.sector.as_str() == sector) {
                return;
            }
            changes.changed().await.expect("the node runs");
        }
    };
    tokio::time::timeout(liaison_tests::federation::PATIENCE, heard)
        .await
        .expect("a hears of the new card");
    card
}

const POLICE: &str = r#"
@id("police") @says("Trends go to police.")
permit (principal, action == Action::"share", resource)
when { principal.sector == Sector::"police" && resource.kind == Kind::"trend" };
@id("accept-all") @says("Everything is taken from every peer.")
permit (principal, action == Action::"accept", resource);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_attribute_waits_until_a_person_confirms_it() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    a.policy(POLICE).await;
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    let nothing = a.cli(&["peer", "confirm", "b"]).await.expect_code(1);
    assert!(nothing.err.contains("nothing is changed"), "{nothing:?}");

    // A card that says 'police' opens no gate by itself.
    new_sector(a, b, "police").await;
    federation.settled().await;
    assert!(!b.holds().contains(&id));
    let peers = a.json(&["peer", "list"]).await;
    let changed = json!([{"attribute": "sector", "pinned": "border", "card": "police"}]);
    assert_eq!(peers["changed"], changed);
    for args in [&["peer", "list"][..], &["status"], &[]] {
        let out = a.cli(args).await.out;
        assert!(out.contains("liaison peer confirm b"), "{args:?}: {out}");
    }
    let due = json!({"change": "peer", "peer": "b", "edit": {"confirm": true}});
    assert_eq!(counts(&would(a, &due).await), [row("b", 1, 0, 0)]);
    assert!(!b.holds().contains(&id), "a preview changes nothing");

    let done = a.json(&["peer", "confirm", "b", "--yes"]).await;
    assert_eq!(done["confirmed"], changed);
    b.holds_all(&[id]).await;
    let peers = a.json(&["peer", "list"]).await;
    assert_eq!(peers["changed"], Value::Null);
    assert_eq!(peers["sector"], "police");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_of_a_peer_are_edited_through_the_preview() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let dir = folder(a, "near", NARROW, &[]);
    a.policy_dir(dir.as_ref()).await;
    let id = a.push(&of_class("Quittenmarke", "trafficking"), &[]).await;
    federation.settled().await;
    assert!(!b.holds().contains(&id));
    let join = json!({"change": "peer", "peer": "b", "edit": {"add": ["near"]}});
    assert_eq!(counts(&would(a, &join).await), [row("b", 1, 0, 0)]);
    let done = a.json(&["peer", "circles", "b", "--add", "near"]).await;
    assert_eq!(done["circles"], json!(["near"]));
    b.holds_all(&[id]).await;
    federation.settled().await;
    let leave = json!({"change": "peer", "peer": "b", "edit": {"remove": ["near"]}});
    assert_eq!(counts(&would(a, &leave).await), [row("b", 0, 1, 1)]);
    for (args, says) in [
        (&["--add", "Not A Name"][..], "cannot be a circle's name"),
        (&["--remove", "far"], "was not put in the circle"),
    ] {
        let args: Vec<&str> = ["peer", "circles", "b"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let ran = a.cli(&args).await.expect_code(1);
        assert!(ran.err.contains(says), "{ran:?}");
    }
    // Nobody can be asked here: what would be asked back is not, without a word.
    let args = ["peer", "circles", "b", "--remove", "near", "--recall"];
    let ran = a.cli(&args).await.expect_code(2);
    assert!(ran.err.contains("--yes"), "{ran:?}");
    assert!(b.holds().contains(&id));
    federation.stop().await;
}

/// Asks the local API for a preview; its lines as one object.
async fn would(node: &TestNode, request: &Value) -> Value {
    let body = request.to_string();
    let answer = crate::api::at(
        node,
        "POST",
        "/v1/preview",
        &[crate::api::JSON],
        body.as_bytes(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    let text = String::from_utf8(answer.body).expect("text");
    // Each comes as a chunk of its own, with its length before it.
    let lines = text
        .lines()
        .filter(|l| l.starts_with('{'))
        .map(|l| serde_json::from_str::<Value>(l).expect("a line"));
    let (mut peers, mut ended) = (Vec::new(), false);
    for line in lines {
        match line["line"].as_str() {
            Some("peer") => peers.push(line),
            Some("done") => ended = true,
            Some("looked") => {}
            other => panic!("no such line: {other:?}: {text}"),
        }
    }
    assert!(ended, "{text}");
    json!({ "peers": peers })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_names_gates_statements_and_what_they_saw() {
    let mut federation = Federation::mesh(&["a", "b"], ACCEPT).await;
    let a = &federation["a"];
    let dir = folder(a, "near", NARROW, &[]);
    a.policy_dir(dir.as_ref()).await;
    let yes = a.push(&of_class("Quittenmarke", "smuggling"), &[]).await;
    let explained = a.json(&["policy", "explain", &yes.full(), "b"]).await;
    assert_eq!(explained["decision"]["allow"], true);
    let gates: Vec<&str> = explained["gates"]
        .as_array()
        .expect("gates")
        .iter()
        .map(|g| g["gate"].as_str().expect("gate"))
        .collect();
    let order = [
        "link", "expired", "handling", "ceiling", "audience", "policy",
    ];
    assert_eq!(gates, order);
    let statement = json!([{
        "id": "smuggling", "effect": "permit", "says": "Smuggling goes to every peer.",
        "place": "policy.cedar:2",
    }]);
    assert_eq!(explained["statements"], statement);
    assert_eq!(explained["record"]["class"], "smuggling");
    assert_eq!(explained["record"]["own"], "true");
    assert_eq!(explained["peer"]["sector"], "border");
    assert_eq!(explained["addressed"], false);

    // A draft is explained as it would be decided, and as `why` decides once it is a record.
    let draft = of_class("Zwetschgenmarke", "trafficking");
    let file = federation.dir().join("draft.json");
    std::fs::write(&file, draft.to_string()).expect("draft");
    let file = file.to_string_lossy();
    let args = ["policy", "explain", "--draft", &file, "b"];
    let before = a.json(&args).await;
    assert_eq!(before["decision"]["allow"], false);
    assert_eq!(before["decision"]["rule"], "default-deny");
    let nearest = before["nearest"].to_string();
    assert!(nearest.contains("smuggling"), "{nearest}");
    let words = a.cli(&args).await.expect_code(0).out;
    for part in [
        "does not get the draft",
        "resource.class = trafficking",
        "context.addressed",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let listed = ["policy", "explain", "--draft", &file, "b", "--to", "b"];
    assert_eq!(a.json(&listed).await["addressed"], true);
    let id = a.push(&draft, &[]).await;
    let why = a.json(&["why", &id.full(), "b"]).await;
    let after = a.json(&["policy", "explain", &id.full(), "b"]).await;
    for field in ["allow", "gate", "rule", "peer"] {
        assert_eq!(after["decision"][field], before["decision"][field]);
        assert_eq!(after["decision"][field], why["decision"][field]);
    }
    let ran: Ran = a.cli(&["policy", "explain", &id.full(), "nobody"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    federation.stop().await;
}
