//! A node that was lost, and comes back with the root key out of its safe.

use liaison_node::home::Home;
use liaison_tests::federation::{OPEN, apply_anyway};
use liaison_tests::process::{Program, Site, run, succeeded};

use crate::crash::BINARY;
use crate::first::trend;

fn push(node: &Program, title: &str) -> String {
    let pushed = node.cli(&["push", "-"], &trend(title).to_string());
    succeeded(&pushed).trim().to_owned()
}

#[test]
fn e39_a_lost_node_resumes_as_the_same_agency_and_its_peers_give_back_what_was_its_own() {
    let dir = tempfile::tempdir().expect("folder");
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let policy = dir.path().join("policy");
    std::fs::create_dir(&policy).expect("folder");
    std::fs::write(policy.join("policy.cedar"), OPEN).expect("policy");
    let apply = apply_anyway(&policy);
    let apply: Vec<&str> = apply.iter().map(String::as_str).collect();

    let a = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let b = Site::init(BINARY, &dir.path().join("b"), "Police of Maritania");
    let safe = path("root.key");
    let removed = run(
        BINARY.as_ref(),
        a.home.dir(),
        &["keys", "root", "remove", "--to", &safe],
        "",
    );
    succeeded(&removed);
    let (first, at_b) = (a.start(), b.start());
    first.ok(&apply);
    at_b.ok(&apply);
    first.ok(&["peer", "add", &b.card(), "--as", "b", "--yes"]);
    at_b.ok(&["peer", "add", &a.card(), "--as", "a", "--yes"]);
    let ours = [
        push(&first, "Ours, the first"),
        push(&first, "Ours, the second"),
    ];
    let theirs = push(&at_b, "Theirs");
    at_b.holds(&["kind:trend"], 3);
    first.holds(&["kind:trend"], 3);
    let before = first.json(&["card", "show"]);

    // The disk is gone: store, signing key, node key, everything.
    first.kill();
    std::fs::remove_dir_all(a.home.dir()).expect("gone");

    // A peer still has a copy of the card; the root key is in its safe.
    let copy = path("copy.card");
    at_b.ok(&["peer", "card", "a", &copy]);
    let home = dir.path().join("anew");
    let wrong = b.home.dir().join("keys/root.key");
    let recover = |root: &str| {
        let args = ["keys", "recover", "--root", root, "--card", &copy];
        run(BINARY.as_ref(), &home, &args, "")
    };
    let refused = recover(&wrong.to_string_lossy());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    succeeded(&recover(&safe));
    assert!(!home.join("keys/root.key").exists(), "the root key stayed");
    liaison_tests::federation::waits_for(&Home::at(&home), "nobody");
    let again = Program::start(BINARY, &home, &a.address);
    again.ok(&apply);
    let after = again.json(&["card", "show"]);
    assert_eq!(before["fingerprint"], after["fingerprint"]);
    assert_eq!(before["contact"]["org"], after["contact"]["org"]);

    // The digits are the old ones: nobody has to telephone anew, but may.
    let digits = after["fingerprint"].as_str().expect("30 digits");
    let card = home.join("card.liaison").to_string_lossy().into_owned();
    at_b.ok(&["peer", "add", &card, "--fingerprint", digits]);
    again.ok(&["peer", "add", &b.card(), "--as", "b", "--yes"]);
    again.holds(&["kind:trend"], 3);
    for id in ours.iter().chain([&theirs]) {
        assert_eq!(again.json(&["show", id])["id"], *id);
    }
    // What the lost key signed stands; what the new one signs is taken.
    let shown = at_b.json(&["show", &ours[0]]);
    assert_eq!(shown["key_state"], "rotated", "{shown}");
    let new = push(&again, "After the loss");
    at_b.holds(&["kind:trend"], 4);
    let shown = at_b.json(&["show", &new]);
    assert_eq!(shown["author"], "a", "{shown}");
    assert!(shown["key_state"].is_null(), "{shown}");
}
