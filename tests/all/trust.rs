//! Cards and keys: what a node believes, and of whom.

use liaison_node::clock::{Clock, SystemClock};
use liaison_node::home::{CardEdit, Home};
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;

use crate::first::trend;

fn rename(name: &str) -> CardEdit {
    CardEdit {
        name: Some(name.into()),
        ..CardEdit::default()
    }
}

/// Two cards of one revision that differ: the root key is used in two places, or stolen.
#[tokio::test(flavor = "multi_thread")]
async fn e12_contradicting_cards_stop_an_author_until_a_person_decides() {
    let mut federation = Federation::mesh(&["a", "x"], OPEN).await;
    federation.settled().await;

    // A thief has a copy of x's folder, with the root key, and makes a card of his own.
    let stolen = federation.dir().join("stolen");
    copy(federation["x"].home.dir(), &stolen);
    let forged = Home::at(&stolen)
        .edit_card(rename("x"), SystemClock.now())
        .expect("the thief's card");
    let file = federation.dir().join("forged.liaison");
    std::fs::write(&file, forged.to_text()).expect("file");
    let file = file.to_string_lossy();
    let added = federation["a"]
        .cli(&["peer", "add", &file, "--as", "x", "--yes"])
        .await;
    added.expect_code(0);

    // Now x itself makes its card of that revision, and a hears of it.
    federation["x"]
        .cli(&["card", "edit", "--name", "x"])
        .await
        .expect_code(0);
    federation.settled().await;
    let status = federation["a"].json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("two different cards"), "{alerts}");

    let id = federation["x"].push(&trend("After the theft"), &[]).await;
    federation.settled().await;
    assert!(!federation["a"].holds().contains(&id));
    let why = federation["x"].json(&["why", &id.full(), "a"]).await;
    assert_eq!(why["ledger"]["answer"], "later: unknown-author");

    // The person telephones x, and x makes a newer card.
    federation["x"]
        .cli(&["card", "edit", "--name", "x"])
        .await
        .expect_code(0);
    let card = federation["x"].home.dir().join("card.liaison");
    let digits = federation["x"].card().fingerprint();
    let added = federation["a"]
        .cli(&[
            "peer",
            "add",
            &card.to_string_lossy(),
            "--fingerprint",
            &digits,
        ])
        .await;
    added.expect_code(0);
    federation["a"].holds_all(&[id]).await;
    federation.stop().await;
}

/// The digits that a person typed are not those of the card.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_with_other_digits_is_not_linked() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation.add("b", "border", "QN").await;
    let card = federation["b"].home.dir().join("card.liaison");
    let wrong = federation["a"].card().fingerprint();
    let ran = federation["a"]
        .cli(&[
            "peer",
            "add",
            &card.to_string_lossy(),
            "--fingerprint",
            &wrong,
        ])
        .await
        .expect_code(1);
    assert!(ran.err.contains("not those of this card"), "{}", ran.err);
    let peers = federation["a"].cli(&["peer", "list", "--json"]).await;
    assert!(!peers.out.contains("agency"), "{}", peers.out);
    federation.stop().await;
}

/// Counts that are harmless each by itself, and show a person when subtracted.
#[tokio::test(flavor = "multi_thread")]
async fn trd_05_a_second_push_is_held_against_the_first() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let victims = |n: u64, extra: &str| {
        let mut draft = trend("Presumed victims");
        draft["body"]["measure"] = "presumed-victims".into();
        draft["body"]["cells"] = serde_json::json!([{"dims": {"gender": extra}, "n": n}]);
        draft
    };
    let mut total = victims(40, "female");
    total["body"]["cells"] = serde_json::json!([{"n": 40}]);
    federation["a"].push(&total, &[]).await;
    let part = victims(38, "female").to_string();
    let ran = federation["a"]
        .cli_in(&["push", "-"], &part)
        .await
        .expect_code(1);
    assert!(ran.err.contains("TRD-05"), "{}", ran.err);
    let part = victims(20, "female").to_string();
    federation["a"]
        .cli_in(&["push", "-"], &part)
        .await
        .expect_code(0);
    federation.stop().await;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to.join("keys")).expect("folder");
    std::fs::copy(from.join("card.liaison"), to.join("card.liaison")).expect("card");
    for key in ["root.key", "signing.key", "node.key"] {
        let name = std::path::Path::new("keys").join(key);
        std::fs::copy(from.join(&name), to.join(&name)).expect("key");
    }
}

/// A peer that revokes the key under which its keys statement stands costs us the link to it,
/// not the start of our node.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_revoked_its_keys_keeps_no_node_from_starting() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let revoked = federation["b"].home.dir().join("keys/revoke-all.liaison");
    federation["a"]
        .cli(&["peer", "add", &revoked.to_string_lossy(), "--yes"])
        .await
        .expect_code(0);
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let status = federation["a"].json(&["status"]).await;
    assert_eq!(status["peers"][0]["peer"], "b", "{status}");
    federation.stop().await;
}

/// Whose link was taken away stays an author: its records verify, its revocations stick.
#[tokio::test(flavor = "multi_thread")]
async fn an_agency_that_is_no_peer_any_more_is_still_known_after_a_start() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    federation["a"]
        .cli(&["peer", "remove", "b", "--yes"])
        .await
        .expect_code(0);
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let b = federation["b"].agency;
    let registry = &federation["a"].node().registry;
    assert!(!registry.is_peer(&b));
    assert!(registry.keys(&b).is_some(), "its records verify no more");
    federation.stop().await;
}
