//! What holds for every command: exit codes, help, pipes.

use std::process::Command;

use serde_json::Value;

use crate::fake::{Answer, FakeNode};
use crate::harness::{err, home, liaison, made_home, out};

#[test]
fn wrong_use_is_exit_2_and_names_what_is_missing() {
    let home = home();
    assert_eq!(liaison(home.path(), &["frobnicate"]).status.code(), Some(2));
    let init = liaison(home.path(), &["init", "--name", "X"]);
    assert_eq!(init.status.code(), Some(2));
    assert!(err(&init).contains("--country, --sector"), "{}", err(&init));
    let sector = liaison(
        home.path(),
        &[
            "init",
            "--name",
            "X",
            "--country",
            "QN",
            "--sector",
            "spies",
        ],
    );
    assert_eq!(sector.status.code(), Some(2));
    assert!(err(&sector).contains("possible values"), "{}", err(&sector));
    assert_eq!(liaison(home.path(), &["query"]).status.code(), Some(2));
    assert_eq!(
        liaison(home.path(), &["status", "--behind", "3"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn no_node_is_exit_3_with_the_command_to_type() {
    let empty = home();
    let status = liaison(empty.path(), &["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(err(&status).contains("init"), "{}", err(&status));

    let home = made_home();
    let status = liaison(home.path(), &["--json", "status"]);
    assert_eq!(status.status.code(), Some(3));
    let error: Value = serde_json::from_str(&err(&status)).expect("JSON");
    assert_eq!(error["code"], "not-running");
    assert!(
        error["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("run")),
        "{error}"
    );

    let screen = liaison(home.path(), &[]);
    assert_eq!(screen.status.code(), Some(3));
    assert!(out(&screen).contains("liaison run"), "{}", out(&screen));
}

#[test]
fn an_answer_that_is_not_understood_is_a_fault_and_no_panic() {
    let home = made_home();
    let _node = FakeNode::start(home.path(), |_| Answer::text("<html>"));
    let status = liaison(home.path(), &["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(err(&status).contains("not understood"), "{}", err(&status));
}

#[test]
fn help_teaches_with_examples() {
    let home = home();
    let commands = [
        "init",
        "run",
        "new",
        "push",
        "query",
        "show",
        "why",
        "amend",
        "retract",
        "watch",
        "status",
        "verify",
        "demo",
        "completions",
        "man",
    ];
    for command in commands {
        let help = liaison(home.path(), &[command, "--help"]);
        assert!(help.status.success(), "{command}");
        assert!(
            out(&help).contains("Example"),
            "{command} has no example:\n{}",
            out(&help)
        );
    }
    let short = liaison(home.path(), &["push", "-h"]);
    insta::assert_snapshot!(out(&short), @r"
    Sign a record and offer it to the peers that both gates allow

    Usage: liaison push [OPTIONS] <FILE>

    Arguments:
      <FILE>  The draft; `-` is standard input

    Options:
          --home <DIR>       Home folder of the node [default: LIAISON_HOME, else the running service's,
                             else yours]
          --to <AGENCY,...>  Only these agencies and circles, separated by commas; '' is nobody
          --dry-run          Only say what would happen
          --json             Print JSON: one object, or one object a line
          --no-color         No colours, also on a terminal (NO_COLOR does the same)
          --yes              Don't ask
      -h, --help             Print help (see more with '--help')
    ");
}

#[test]
fn completions_and_manual_pages() {
    let home = home();
    let bash = liaison(home.path(), &["completions", "bash"]);
    assert!(out(&bash).contains("_liaison()"));
    let man = home.path().join("man");
    assert!(
        liaison(home.path(), &["man", &man.display().to_string()])
            .status
            .success()
    );
    for page in ["liaison.1", "liaison-peer-add.1", "liaison-import-csv.1"] {
        assert!(man.join(page).is_file(), "{page}");
    }
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let home = home();
    let mut child = Command::new(env!("CARGO_BIN_EXE_liaison"))
        .arg("--home")
        .arg(home.path())
        .args(["completions", "zsh"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(err(&output), "");
    assert_eq!(output.status.code(), Some(0));
}
