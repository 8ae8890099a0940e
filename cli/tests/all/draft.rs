//! `new` and `record template`: drafts, and the editor that they are written in.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::fake::{Answer, FakeNode};
use crate::harness::{ID, err, home, liaison, liaison_with, made_home, out, person, push_report};

#[test]
fn a_draft_is_kept_until_it_is_sent() {
    let home = made_home();
    let drafts = home.path().join("drafts");
    std::fs::create_dir_all(&drafts).expect("drafts");
    let draft = drafts.join("trend-1.toml");
    let template = out(&liaison(
        home.path(),
        &["record", "template", "trend", "--toml"],
    ));
    std::fs::write(&draft, &template).expect("write");
    let editor = |command: &mut Command| {
        command.env("EDITOR", "true");
    };
    let kept = liaison_with(home.path(), &["new", "--edit", "trend-1", "--yes"], editor);
    assert_eq!(kept.status.code(), Some(3));
    assert!(err(&kept).contains("--edit trend-1"), "{}", err(&kept));
    assert!(draft.is_file());
    let screen = liaison(home.path(), &[]);
    assert!(
        out(&screen).contains("liaison new --edit trend-1"),
        "{}",
        out(&screen)
    );

    let node = FakeNode::start(home.path(), |_| Answer::json(&push_report(Some(ID))));
    let sent = liaison_with(home.path(), &["new", "--edit", "trend-1", "--yes"], editor);
    assert!(sent.status.success(), "{}", err(&sent));
    assert_eq!(out(&sent).trim(), ID);
    assert!(!draft.exists());
    let dry: Vec<Value> = node
        .calls()
        .iter()
        .map(|call| call.json()["dry_run"].clone())
        .collect();
    assert_eq!(dry, [json!(true), json!(false)]);
}

#[test]
fn templates_are_drafts_of_every_kind() {
    let home = home();
    for kind in [
        "trend",
        "modus-operandi",
        "route",
        "document-alert",
        "service",
    ] {
        let json = liaison(home.path(), &["record", "template", kind]);
        let value: Value = serde_json::from_str(&out(&json)).expect("JSON");
        assert_eq!(value["kind"], kind);
        let toml = liaison(home.path(), &["record", "template", kind, "--toml"]);
        assert!(out(&toml).contains("# one of: "), "{}", out(&toml));
    }
    assert_eq!(
        liaison(home.path(), &["record", "template", "gossip"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_faulty_draft_is_opened_again_at_its_line() {
    let home = made_home();
    let node = FakeNode::start(home.path(), |call| {
        if call.json()["draft"]["title"] == "Corrected" {
            return Answer::json(&push_report(Some(ID)));
        }
        Answer::refusal(&json!({
            "error": "the record was not signed", "code": "refused",
            "findings": [{"code": "TXT-01", "place": "title", "says": "looks like a number.", "remedy": "Take it out."}],
        }))
    });
    let editor = home.path().join("vi");
    let log = home.path().join("log");
    let script = format!(
        "#!/bin/sh\nfor file; do :; done\necho \"$@\" >> {log}\ngrep '^#!' \"$file\" >> {log}\n[ $# = 2 ] && sed -i 's/^title = .*/title = \"Corrected\"/' \"$file\"\nexit 0\n",
        log = log.display()
    );
    std::fs::write(&editor, script).expect("write");
    let mut permissions = std::fs::metadata(&editor).expect("metadata").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&editor, permissions).expect("permissions");
    // A person needs a terminal here, which `script` of util-linux would give; the library's
    // own entry takes one that is played. It reads EDITOR, so it runs in a process of its own.
    let status = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "draft::played_person_corrects_a_draft",
            "--ignored",
            "--nocapture",
        ])
        .env("LIAISON_TEST_HOME", home.path())
        .env("EDITOR", &editor)
        .env_remove("VISUAL")
        .output()
        .expect("this test");
    let log = std::fs::read_to_string(log).expect("log");
    assert!(
        status.status.success(),
        "{}{}{log}",
        out(&status),
        err(&status)
    );
    assert!(log.contains("+"), "opened at a line: {log}");
    assert!(
        log.contains("#! TXT-01 title: looks like a number. Take it out."),
        "{log}"
    );
    assert_eq!(
        node.calls()
            .last()
            .map(|call| call.json()["dry_run"].clone()),
        Some(json!(false))
    );
}

/// Run by [`a_faulty_draft_is_opened_again_at_its_line`] with its own environment.
#[test]
#[ignore = "the other half of a_faulty_draft_is_opened_again_at_its_line"]
fn played_person_corrects_a_draft() {
    let home = std::env::var_os("LIAISON_TEST_HOME").expect("started by the other half");
    let (code, out, err) = person(Path::new(&home), &["new", "trend"], "y\ns\n");
    assert_eq!((code, out.trim()), (0, ID), "{err}");
}
