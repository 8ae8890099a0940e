//! From nothing to the first signed record between two nodes, by the README's commands.

use std::time::Instant;

use liaison_tests::federation::apply_anyway;
use liaison_tests::process::{Site, run, succeeded};

use super::crash::BINARY;

#[test]
fn e37_from_install_to_the_first_record_is_one_exchange_per_side() {
    let began = Instant::now();
    let dir = tempfile::tempdir().expect("folder");
    let mut commands = 0;
    let mut count = |n: usize| commands += n;

    // Each on its own machine: init, run, card export, policy apply.
    let sites = [
        Site::init(BINARY, &dir.path().join("here"), "Border Police of Narova"),
        Site::init(BINARY, &dir.path().join("there"), "Police of Maritania"),
    ];
    let nodes = [sites[0].start(), sites[1].start()];
    count(4);
    let policy = dir.path().join("policy");
    std::fs::create_dir(&policy).expect("folder");
    std::fs::write(policy.join("policy.cedar"), liaison_tests::federation::OPEN).expect("policy");
    let mut files = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        let file = dir.path().join(format!("card-{n}.txt"));
        node.ok(&["card", "export", &file.to_string_lossy()]);
        let apply = apply_anyway(&policy);
        node.ok(&apply.iter().map(String::as_str).collect::<Vec<_>>());
        files.push(file.to_string_lossy().into_owned());
        count(2);
    }
    // The exchange: one file goes each way, and one call in which each reads its digits out.
    let own_digits = |n: usize| {
        let card = nodes[n].json(&["card", "show", &files[n]]);
        let digits = card["fingerprint"]
            .as_str()
            .expect("the 30 digits")
            .to_owned();
        assert_eq!(digits.chars().filter(char::is_ascii_digit).count(), 30);
        digits
    };
    for (n, other, alias) in [(0, 1, "there"), (1, 0, "here")] {
        // One digit wrong: nothing is added.
        let digits = own_digits(other);
        let last = digits
            .chars()
            .last()
            .and_then(|c| c.to_digit(10))
            .expect("a digit");
        let wrong = format!("{}{}", &digits[..digits.len() - 1], (last + 1) % 10);
        let add = ["peer", "add", &files[other], "--as", alias, "--fingerprint"];
        let refused = nodes[n].cli(&[&add[..], &[&wrong]].concat(), "");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        nodes[n].ok(&[&add[..], &[&digits]].concat());
        count(2);
    }
    let template = nodes[0].ok(&["record", "template", "trend"]);
    let pushed = nodes[0].cli(&["push", "-", "--yes"], &template);
    let id = succeeded(&pushed).trim().to_owned();
    nodes[1].holds(&["kind:trend"], 1);
    let shown = nodes[1].json(&["show", &id]);
    assert_eq!(shown["id"], id, "{shown}");
    count(4);
    // The receiver can show that it is that agency's word.
    let exported = nodes[1].cli(&["show", &id, "--cose"], "");
    assert!(exported.status.success());
    let file = dir.path().join("record.cose");
    std::fs::write(&file, &exported.stdout).expect("file");
    let verified = nodes[1].json(&["verify", &file.to_string_lossy()]);
    assert_eq!(verified["verified"], true, "{verified}");
    assert_eq!(verified["author"], "here", "{verified}");

    let took = began.elapsed();
    println!("{commands} commands, one card file and one call per side, {took:.1?}");
    assert!(took.as_secs() < 600);
    for node in nodes {
        assert_eq!(node.terminate(), Some(0));
    }
    // Without its node, a command says so.
    let alone = run(BINARY.as_ref(), sites[0].home.dir(), &["status"], "");
    assert_eq!(alone.status.code(), Some(3), "{alone:?}");
}
