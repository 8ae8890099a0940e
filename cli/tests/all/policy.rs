//! `policy`.

use serde_json::json;

use crate::fake::{Answer, FakeNode};
use crate::harness::{err, liaison, made_home, out};

#[test]
fn policy_files_are_read_from_a_folder() {
    let home = made_home();
    let policy = home.path().join("share");
    std::fs::create_dir(&policy).expect("folder");
    std::fs::write(policy.join("notes.txt"), "no policy").expect("write");
    let folder = policy.display().to_string();
    assert_eq!(
        liaison(home.path(), &["policy", "check", &folder])
            .status
            .code(),
        Some(2)
    );
    std::fs::write(
        policy.join("a.cedar"),
        "permit(principal, action, resource);",
    )
    .expect("write");
    std::fs::write(policy.join("entities.json"), "[]").expect("write");
    let node = FakeNode::start(home.path(), |_| {
        Answer::json(&json!({"hash": "ab", "active": true, "statements": [
            {"id": "all", "effect": "permit", "says": "Everything.", "place": "a.cedar:1"}]}))
    });
    let applied = liaison(
        home.path(),
        &["policy", "apply", &folder, "--reason", "exercise"],
    );
    assert!(applied.status.success(), "{}", err(&applied));
    assert!(out(&applied).contains("Everything."), "{}", out(&applied));
    let sent = node.calls()[0].json();
    let names: Vec<&String> = sent["files"].as_object().expect("files").keys().collect();
    assert_eq!(names, ["a.cedar", "entities.json"]);
    assert_eq!(sent["reason"], "exercise");
}
