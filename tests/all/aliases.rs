//! What a policy says of an agency by its local name goes on holding for that agency.

use liaison_tests::federation::OPEN;
use liaison_tests::{Federation, Ran, TestNode};
use serde_json::Value;

use crate::first::trend;

/// The open policy, and a statement against b.
const AGAINST_B: &str = r#"
@id("no-routes-to-b") @says("The agreement with B has no routes.")
forbid (principal == Agency::"b", action == Action::"share", resource)
when { resource.kind == Kind::"route" };
"#;

const CEILING: &str = r#"
[[ceiling]]
name = "b-green"
says = "The agreement with B ends at green."
to = "peer:b"
above = "green"
"#;

/// Links `other` at `node` under a name, or under the one that it has.
async fn add(node: &TestNode, other: &TestNode, alias: Option<&str>) -> Ran {
    let card = other.home.dir().join("card.liaison");
    let digits = other.card().fingerprint();
    let card = card.to_string_lossy();
    let mut args = vec!["peer", "add", &card, "--fingerprint", &digits];
    args.extend(alias.iter().flat_map(|alias| ["--as", alias]));
    node.cli(&args).await
}

/// Refused, with the rule and what to type.
fn is_refused(ran: Ran, rule: &str, types: &str) {
    let ran = ran.expect_code(1);
    assert!(ran.err.contains(rule), "{rule}: {ran:?}");
    assert!(ran.err.contains(types), "{types}: {ran:?}");
}

/// What a record at amber would do: (peer, whether it goes, by which gate).
async fn amber(node: &TestNode) -> Vec<(String, bool, String)> {
    let mut draft = trend("Quittenmarke");
    draft["tlp"] = "amber".into();
    let dry = ["push", "-", "--dry-run", "--json"];
    let ran = node.cli_in(&dry, &draft.to_string()).await.expect_code(0);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let peers = ran.json()["peers"].as_array().expect("peers").clone();
    peers
        .iter()
        .map(|p| (text(&p["peer"]), p["allow"] == true, text(&p["gate"])))
        .collect()
}

/// Removes a peer, and waits for nothing that it is owed.
async fn remove(node: &TestNode, name: &str) {
    let remove = ["peer", "remove", name, "--yes"];
    node.cli(&remove).await.expect_code(0);
    node.cli(&remove).await;
}

async fn alerts(node: &TestNode) -> String {
    node.json(&["status"]).await["alerts"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_by_name_holds_for_its_agency_whatever_it_is_called_later() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let ceilings = a.home.policy_dir().join("ceilings.toml");
    std::fs::write(&ceilings, CEILING).expect("ceilings");
    a.policy(&format!("{OPEN}{AGAINST_B}")).await;
    let kept = [("b".to_owned(), false, "ceiling".to_owned())];
    assert_eq!(amber(a).await[..1], kept);

    // A known peer, under another name.
    is_refused(
        add(a, b, Some("bb")).await,
        "no-routes-to-b",
        "without --as",
    );
    assert_eq!(amber(a).await[..1], kept);
    assert!(!alerts(a).await.contains("no-routes-to-b"));

    // Removed, the rule names nobody: that is seen, and the agency comes back under its name.
    remove(a, "b").await;
    assert!(!a.node().registry.is_peer(&b.agency));
    let says = alerts(a).await;
    let looked = a.json(&["doctor"]).await["findings"].clone();
    let looked = looked.as_array().expect("findings").iter();
    let looked: Vec<String> = looked
        .filter(|found| found["what"] == "policy")
        .map(Value::to_string)
        .collect();
    for rule in ["no-routes-to-b", "b-green"] {
        assert!(says.contains(rule), "{rule}: {says}");
        assert!(
            looked.iter().any(|l| l.contains(rule)),
            "{rule}: {looked:?}"
        );
    }
    is_refused(
        add(a, b, Some("bb")).await,
        "no-routes-to-b",
        "without --as",
    );
    // Nor is another agency meant by what was written about this one.
    remove(a, "c").await;
    is_refused(add(a, c, Some("b")).await, "no-routes-to-b", "another name");

    // A start forgets nothing of it.
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    is_refused(
        add(a, b, Some("bb")).await,
        "no-routes-to-b",
        "without --as",
    );
    is_refused(add(a, c, Some("b")).await, "no-routes-to-b", "another name");
    add(a, b, None).await.expect_code(0);
    assert_eq!(amber(a).await, kept);
    assert!(!alerts(a).await.contains("b-green"));

    // Cut off, and linked again.
    let revoke = ["peer", "revoke", "b", "--reason", "stolen", "--yes"];
    a.cli(&revoke).await.expect_code(0);
    assert!(alerts(a).await.contains("b-green"));
    is_refused(
        add(a, b, Some("bb")).await,
        "no-routes-to-b",
        "without --as",
    );
    add(a, b, Some("b")).await.expect_code(0);
    assert_eq!(amber(a).await, kept);

    // A name that no rule uses can change.
    std::fs::write(&ceilings, "").expect("ceilings");
    a.policy(OPEN).await;
    add(a, b, Some("bb")).await.expect_code(0);
    assert_eq!(amber(a).await[0].0, "bb");
    federation.stop().await;
}

/// What the policy says of an agency's records by its name or its circle holds for them when it
/// is no peer any more: they are here still.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_about_an_author_holds_after_it_was_removed() {
    const ABOUT_B: &str = r#"
@id("by-name") @says("C gets nothing that B wrote.")
forbid (principal == Agency::"c", action == Action::"share", resource)
when { resource.author == Agency::"b" };
@id("by-circle") @says("D gets nothing that the circle wrote.")
forbid (principal == Agency::"d", action == Action::"share", resource)
when { resource.author in Circle::"quince" };
"#;
    let mut federation = Federation::new();
    for name in ["a", "b", "c", "d"] {
        federation.add(name, "border", "QN").await;
    }
    for name in ["b", "c", "d"] {
        federation.link("a", name).await;
        federation[name].policy(OPEN).await;
    }
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let circles = r#"{"circles": {"quince": ["b"]}}"#;
    std::fs::write(a.home.policy_dir().join("entities.json"), circles).expect("entities");
    a.policy(&format!("{OPEN}{ABOUT_B}")).await;
    let mut draft = trend("Quittenmarke");
    draft["onward"] = "community".into();
    let id = b.push(&draft, &[]).await;
    a.holds_all(&[id]).await;
    let id = id.full();
    let holds = async |when: &str| {
        for (peer, rule) in [("c", "by-name"), ("d", "by-circle")] {
            let why = a.json(&["why", &id, peer]).await;
            assert_eq!(why["decision"]["rule"], rule, "{when}: {why}");
        }
    };
    holds("while it is a peer").await;
    remove(a, "b").await;
    holds("when it was removed").await;
    add(a, b, None).await.expect_code(0);
    holds("when it is back").await;
    let revoke = ["peer", "revoke", "b", "--reason", "stolen", "--yes"];
    a.cli(&revoke).await.expect_code(0);
    holds("when it was revoked").await;
    federation.stop().await;
}

/// Our own card may claim the name that a peer has here: policies call us `self`, and the name is
/// the peer's.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_ours_that_claims_a_peers_name_stops_nothing() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let ceilings = federation["a"].home.policy_dir().join("ceilings.toml");
    std::fs::write(ceilings, CEILING).expect("ceilings");
    federation["a"].policy(OPEN).await;
    let renamed = ["card", "edit", "--name", "b"];
    federation["a"].cli(&renamed).await.expect_code(0);
    federation["a"].policy(OPEN).await;
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let kept = [("b".to_owned(), false, "ceiling".to_owned())];
    assert_eq!(amber(&federation["a"]).await, kept);
    federation.stop().await;
}
