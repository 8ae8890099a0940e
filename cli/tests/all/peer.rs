//! `peer`.

use serde_json::{Value, json};

use crate::fake::{Answer, Call, FakeNode};
use crate::harness::{liaison, made_home, out, person};

#[test]
fn a_peer_is_added_only_with_all_digits() {
    let home = made_home();
    let card = home.path().join("their.card");
    let file = card.display().to_string();
    assert!(
        liaison(home.path(), &["card", "export", &file])
            .status
            .success()
    );
    let shown: Value =
        serde_json::from_str(&out(&liaison(home.path(), &["--json", "card", "show"])))
            .expect("JSON");
    let digits = shown["fingerprint"].as_str().expect("digits").to_owned();
    let node = FakeNode::start(home.path(), |call| {
        if call.method == "GET" {
            return Answer::json(&json!([]));
        }
        if call.path == "/v1/preview" {
            let end = json!({ "line": "done", "over": "00", "records": 0, "unchanged": 1 });
            return Answer::text(&format!("{end}\n"));
        }
        Answer::json(&json!({
            "peer": "qn-bord", "agency": "A", "name": "Border Police of QN", "fingerprint": "", "updated": false, "may_have": [],
        }))
    });
    assert_eq!(
        liaison(home.path(), &["peer", "add", &file]).status.code(),
        Some(2)
    );
    assert_eq!(
        liaison(
            home.path(),
            &["peer", "add", &file, "--fingerprint", "12345"]
        )
        .status
        .code(),
        Some(2)
    );
    let wrong = "00000 00000 00000 00000 00000 00000\n";
    let three: &'static str = Box::leak(wrong.repeat(3).into_boxed_str());
    let (code, _, err) = person(home.path(), &["peer", "add", &file], three);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("Border Police of QN"), "{err}");
    assert!(
        !err.contains(&digits),
        "the card's own digits are not shown, so that nobody copies them"
    );
    assert!(
        node.calls().iter().all(|call| call.method == "GET"),
        "nothing was added"
    );
    let right: &'static str = Box::leak(format!("12345\n{digits}\n").into_boxed_str());
    let (code, _, err) = person(
        home.path(),
        &[
            "peer", "add", &file, "--as", "qn-bord", "--circle", "balkan",
        ],
        right,
    );
    assert_eq!(code, 0, "{err}");
    let sent = node
        .calls()
        .iter()
        .find(|call| call.method == "POST" && call.path == "/v1/peers")
        .map(Call::json)
        .expect("POST");
    assert_eq!(sent["unconfirmed"], false);
    assert_eq!(sent["circles"], json!(["balkan"]));
    assert_eq!(sent["fingerprint"].as_str().map(str::len), Some(30));
}

#[test]
fn a_name_cannot_reach_another_route() {
    let home = made_home();
    let node = FakeNode::start(home.path(), |_| {
        Answer::refusal(&json!({"error": "there is no peer of that name", "code": "not-found"}))
    });
    assert_eq!(
        liaison(home.path(), &["peer", "remove", "../records", "--yes"])
            .status
            .code(),
        Some(1)
    );
    assert_eq!(node.calls()[0].path, "/v1/peers/..%2Frecords/remove");
}
