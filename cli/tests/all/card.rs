//! `init` and the agency's own card.

use std::path::Path;

use serde_json::{Value, json};

use crate::fake::{Answer, FakeNode};
use crate::harness::{err, home, liaison, liaison_with, made_home, out, person};

#[test]
fn init_card_export_and_show_work_without_a_node() {
    let home = made_home();
    let again = liaison(
        home.path(),
        &["init", "--name", "X", "--country", "QN", "--sector", "ngo"],
    );
    assert_eq!(again.status.code(), Some(1));

    let file = home.path().join("out.card");
    let export = liaison(
        home.path(),
        &["card", "export", &file.display().to_string()],
    );
    assert!(export.status.success(), "{}", err(&export));
    assert!(err(&export).contains("still lacks"), "{}", err(&export));

    let own: Value = serde_json::from_str(&out(&liaison(home.path(), &["--json", "card", "show"])))
        .expect("JSON");
    let other = liaison(home.path(), &["card", "show", &file.display().to_string()]);
    let digits: String = own["fingerprint"]
        .as_str()
        .expect("digits")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    assert_eq!(digits.len(), 30);
    let shown: String = out(&other)
        .lines()
        .filter(|line| line.chars().all(|c| c.is_ascii_digit() || c == ' '))
        .collect();
    let shown: String = shown.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(shown, digits, "the digits below the large ones");
    assert!(out(&other).contains("compare all 30 digits"));
    assert!(out(&other).lines().all(|line| line.chars().count() <= 80));

    let garbage = home.path().join("garbage");
    std::fs::write(&garbage, "no card").expect("write");
    assert_eq!(
        liaison(
            home.path(),
            &["card", "show", &garbage.display().to_string()]
        )
        .status
        .code(),
        Some(1)
    );
}

#[test]
fn init_asks_a_person_for_what_is_missing() {
    let home = home();
    let (code, out, err) = person(
        home.path(),
        &["init"],
        "Police of QM\nqm\nspies\npolice\norigin transit\nled\n\n",
    );
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("liaison run"), "{out}");
    assert!(
        err.contains("prosecution"),
        "the allowed codes are shown: {err}"
    );
}

#[test]
fn a_card_is_edited_without_a_node_and_only_what_changed_is_signed() {
    let home = made_home();
    let missing = |home: &Path| {
        let shown: Value =
            serde_json::from_str(&out(&liaison(home, &["--json", "card", "show"]))).expect("JSON");
        shown["missing"].as_array().map_or(0, Vec::len)
    };
    let before = missing(home.path());
    let address = liaison(
        home.path(),
        &["card", "edit", "--address", "node.bord.example"],
    );
    assert!(address.status.success(), "{}", err(&address));
    assert_eq!(
        missing(home.path()),
        before - 1,
        "the card has an address now"
    );

    let editor = home.path().join("editor.sh");
    let script = "#!/bin/sh\nprintf '[[functions]]\\nrole = \"duty officer\"\\nchannel = \"+999 5550 100\"\\n' > \"$1.new\"\ngrep -v '^functions' \"$1\" | cat - \"$1.new\" > \"$1.all\"; mv \"$1.all\" \"$1\"; rm \"$1.new\"\n";
    std::fs::write(&editor, script).expect("write");
    let edited = liaison_with(home.path(), &["card", "edit"], |command| {
        command.env("EDITOR", format!("sh {}", editor.display()));
    });
    assert!(edited.status.success(), "{}", err(&edited));
    assert_eq!(
        missing(home.path()),
        before - 2,
        "the card has a contact point now"
    );
    let shown = out(&liaison(home.path(), &["card", "show"]));
    assert!(shown.contains("duty officer +999 5550 100"), "{shown}");

    let node = FakeNode::start(home.path(), |call| match call.method.as_str() {
        "GET" => Answer::json(
            &json!({"card": "", "contact": {"name": "A", "country": "QN"}, "missing": []}),
        ),
        _ => Answer::json(&json!({})),
    });
    let edited = liaison_with(home.path(), &["card", "edit"], |command| {
        command.env("EDITOR", "sed -i 's/QN/QM/'");
    });
    assert!(edited.status.success(), "{}", err(&edited));
    assert_eq!(node.calls()[1].json(), json!({"country": "QM"}));
    let same = liaison_with(home.path(), &["card", "edit"], |command| {
        command.env("EDITOR", "true");
    });
    assert!(err(&same).contains("Nothing changed"), "{}", err(&same));
}
