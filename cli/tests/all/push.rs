//! `push`: what is sent, what is asked, what is printed.

use serde_json::json;

use crate::fake::{Answer, FakeNode};
use crate::harness::{ID, err, liaison, liaison_with, made_home, out, person, push_report};

#[test]
fn push_prints_the_id_alone_on_standard_output() {
    let home = made_home();
    let node = FakeNode::start(home.path(), |call| {
        assert_eq!(
            (call.method.as_str(), call.path.as_str()),
            ("POST", "/v1/records")
        );
        Answer::json(&push_report(Some(ID)))
    });
    let draft = home.path().join("draft.toml");
    std::fs::write(&draft, "kind = \"trend\"\n[period]\nfrom = 2015-10-01\n").expect("write");
    let pushed = liaison(
        home.path(),
        &[
            "push",
            &draft.display().to_string(),
            "--to",
            "qm-pol, balkan",
        ],
    );
    assert!(pushed.status.success(), "{}", err(&pushed));
    assert_eq!(out(&pushed).trim(), ID);
    assert!(
        err(&pushed).contains("Prevention only."),
        "{}",
        err(&pushed)
    );
    let calls = node.calls();
    assert_eq!(calls[0].json()["to"], json!(["qm-pol", "balkan"]));
    assert_eq!(calls[0].json()["draft"]["period"]["from"], "2015-10-01");
    assert_eq!(calls[0].json()["dry_run"], false);
}

#[test]
fn an_empty_audience_reaches_the_node_as_nobody() {
    let home = made_home();
    let node = FakeNode::start(home.path(), |_| Answer::json(&push_report(None)));
    let pushed = liaison_with(
        home.path(),
        &["push", "-", "--to", "", "--dry-run", "--json"],
        |command| {
            let file = home.path().join("draft.json");
            std::fs::write(&file, "{\"kind\":\"trend\"}").expect("write");
            command.stdin(std::fs::File::open(file).expect("open"));
        },
    );
    assert!(pushed.status.success(), "{}", err(&pushed));
    assert_eq!(node.calls()[0].json()["to"], json!([]));
    assert_eq!(node.calls()[0].json()["dry_run"], true);
}

#[test]
fn a_person_is_shown_who_gets_it_before_anything_is_signed() {
    let home = made_home();
    let node = FakeNode::start(home.path(), |_| Answer::json(&push_report(Some(ID))));
    let draft = home.path().join("draft.json");
    std::fs::write(&draft, "{\"kind\":\"trend\"}").expect("write");
    let file = draft.display().to_string();
    let (code, _, err) = person(home.path(), &["push", &file], "n\n");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("Police get trends."), "{err}");
    assert!(
        node.calls()
            .iter()
            .all(|call| call.json()["dry_run"] == true),
        "nothing was sent"
    );
    let (code, out, _) = person(home.path(), &["push", &file], "y\n");
    assert_eq!((code, out.trim()), (0, ID));
}

#[test]
fn a_refusal_is_exit_1_with_finding_and_remedy() {
    let home = made_home();
    let _node = FakeNode::start(home.path(), |_| {
        Answer::refusal(&json!({
            "error": "the record was not signed", "code": "invalid", "remedy": "correct it",
            "findings": [{"code": "TRD-02", "place": "cells[4].n", "says": "3 is below 11.", "remedy": "Merge."}],
        }))
    });
    let draft = home.path().join("many.json");
    std::fs::write(&draft, "{\"kind\":\"trend\"}\n{\"kind\":\"route\"}\n").expect("write");
    let file = draft.display().to_string();
    let pushed = liaison(home.path(), &["push", &file]);
    assert_eq!(pushed.status.code(), Some(1));
    assert!(
        err(&pushed).contains("TRD-02 cells[4].n: 3 is below 11."),
        "{}",
        err(&pushed)
    );
    assert!(
        err(&pushed).contains("2 of 2 were refused"),
        "{}",
        err(&pushed)
    );
    let pushed = liaison(home.path(), &["push", &file, "--json"]);
    assert_eq!(
        out(&pushed).lines().count(),
        2,
        "one object an item: {}",
        out(&pushed)
    );
}
