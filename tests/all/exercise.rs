//! `liaison exercise`, as a trainer uses it: what is built in holds, what is wrong in a scenario
//! fails it, and nothing of an exercise comes into a live store.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use liaison_tests::federation::OPEN;
use liaison_tests::{Federation, sealed, terminal};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_liaison-under-test");

fn exercise(args: &[&str], temp: &Path) -> Output {
    command(args, temp).output().expect("the program starts")
}

fn command(args: &[&str], temp: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", temp)
        .env("HOME", temp)
        .current_dir(temp)
        .stdin(Stdio::null())
        .arg("exercise")
        .args(args);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The template, with something else in the place of something; as a trainer's file.
fn written(temp: &Path, changes: &[(&str, &str)]) -> String {
    let template = exercise(&["template"], temp);
    assert_eq!(template.status.code(), Some(0));
    let mut scenario = text(&template.stdout);
    for (from, to) in changes {
        assert!(scenario.contains(from), "{from}");
        scenario = scenario.replacen(from, to, 1);
    }
    std::fs::write(temp.join("mine.toml"), scenario).expect("write");
    "mine.toml".into()
}

#[test]
fn the_template_can_be_checked_and_played_and_leaves_nothing_behind() {
    let temp = tempfile::tempdir().expect("folder");
    let mine = written(temp.path(), &[]);
    let checked = exercise(&["check", &mine], temp.path());
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(
        text(&checked.stdout).contains("It can be played"),
        "{checked:?}"
    );
    let played = exercise(&[&mine], temp.path());
    let out = text(&played.stdout);
    assert_eq!(
        (played.status.code(), text(&played.stderr)),
        (Some(0), String::new()),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours without a terminal");
    assert!(out.contains("must not, and has not: aid"), "{out}");
    assert!(out.contains("expectations held"), "{out}");
    let left: Vec<_> = std::fs::read_dir(temp.path())
        .expect("folder")
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "only mine.toml: {left:?}");
}

#[test]
fn an_expectation_that_does_not_hold_fails_the_exercise_and_is_named() {
    let temp = tempfile::tempdir().expect("folder");
    let changes = [
        // The organisation for aid has the trend as well; no disk may have a word of its title.
        ("must_hold = [\"providers\"]", "must_hold = [\"shelter\"]"),
        (
            "secrets = [\"Hollermarke\"]",
            "secrets = [\"Detections in March\"]",
        ),
        // The shelter declines, so it does not come to accept.
        ("stands = \"declined\"", "stands = \"accepted\""),
        (
            "run = \"refer decline",
            "within = \"10s\"\nrun = \"refer decline",
        ),
        // What is refused does so for another reason.
        ("refused = [\"TRD-02\"]", "refused = [\"TRD-99\"]"),
        // Who she is must not be where it is not asked for.
        (
            "prints = [\"Flieder Hollermarke\"]",
            "prints_not = [\"Flieder Hollermarke\"]",
        ),
        (
            "run = \"refer release",
            "within = \"10s\"\nrun = \"refer release",
        ),
    ];
    let mine = written(temp.path(), &changes);
    let played = exercise(&[&mine, "--json"], temp.path());
    assert_eq!(played.status.code(), Some(1), "{played:?}");
    let report: Value = serde_json::from_slice(&played.stdout).expect("one object");
    assert_eq!(report["ok"], false);
    let faults = report["faults"].to_string();
    for fault in [
        "Row 1: aid has it, and must not",
        "Row 5: night is declined at border, not accepted",
        "not refused with 'TRD-99'",
        "it says 'Flieder Hollermarke'",
        "'Detections in March' stands in clear in ",
    ] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
    let cells = &report["matrix"][0]["cells"];
    let leaked = cells
        .as_array()
        .expect("cells")
        .iter()
        .find(|c| c["agency"] == "aid");
    assert_eq!(leaked.expect("aid")["state"], "leaked", "{cells}");
}

#[test]
fn what_no_step_gave_somebody_is_found_at_the_end() {
    let temp = tempfile::tempdir().expect("folder");
    // The next provider is asked by itself, and the scenario no longer gives it anything.
    let scenario = text(&exercise(&["template"], temp.path()).stdout);
    let (before, _) = scenario
        .split_once("[[step]]\nsays = \"So the assistance")
        .expect("a step");
    let look = "[[step]]\nsays = \"on\"\npass = \"1s\"\n\n[[step.then]]\nat = [\"aid\"]\nrun = \"inbox\"\nprints = [\"from border\"]\n";
    let scenario = format!("{before}{look}");
    std::fs::write(temp.path().join("mine.toml"), scenario).expect("write");
    let played = exercise(&["mine.toml", "--json"], temp.path());
    assert_eq!(played.status.code(), Some(1), "{played:?}");
    let report: Value = serde_json::from_slice(&played.stdout).expect("one object");
    let faults = report["faults"].to_string();
    assert!(
        faults.contains("aid can read a victim-referral of border"),
        "{faults}"
    );
}

#[test]
fn a_faulty_scenario_is_not_played_and_says_where_and_what_to_write() {
    let temp = tempfile::tempdir().expect("folder");
    let changes = [
        ("must_hold = [\"shelter\"]", "must_hold = [\"sheltr\"]"),
        ("run = \"refer accept", "run = \"backup"),
    ];
    let mine = written(temp.path(), &changes);
    for args in [&["check", mine.as_str()][..], &[mine.as_str()]] {
        let refused = exercise(args, temp.path());
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let says = text(&refused.stderr);
        assert!(says.contains("mine.toml, line "), "{says}");
        assert!(says.contains("nobody is called 'sheltr'"), "{says}");
        assert!(
            says.contains("Write one of: aid, border, shelter"),
            "{says}"
        );
        assert!(
            says.contains("'backup' is no command of an exercise"),
            "{says}"
        );
        assert_eq!(text(&refused.stdout), "");
    }
    let nobody = exercise(&["sarajewo"], temp.path());
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    assert!(
        text(&nobody.stderr).contains("sarajevo, night-shift"),
        "{nobody:?}"
    );
    let listed = exercise(&["--json"], temp.path());
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("a list");
    assert_eq!(listed[0]["name"], "sarajevo");
}

#[test]
fn step_by_step_it_waits_for_a_person_who_may_have_enough() {
    let temp = tempfile::tempdir().expect("folder");
    let dir = temp.path().to_string_lossy().into_owned();
    let env = [("TMPDIR", dir.as_str())];
    let args = ["exercise", "night-shift", "--step"];
    let (code, shown) = terminal::run(BINARY, temp.path(), &args, &env, "\nq\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("Look around in a second terminal"),
        "{shown}"
    );
    assert!(shown.contains("/border status"), "{shown}");
    assert!(shown.contains("Enter: on, q: stop"), "{shown}");
    assert!(shown.contains("+ has it: shelter, aid"), "{shown}");
    assert!(
        !shown.contains("refused: TRD-02"),
        "the second was not played: {shown}"
    );
    assert!(shown.contains("the exercise was stopped"), "{shown}");
    assert!(shown.contains('\u{1b}'), "colours on a terminal: {shown}");
    let left = std::fs::read_dir(temp.path()).expect("folder").count();
    assert_eq!(left, 0, "it leaves nothing behind");
    // Where nobody can press Enter it is not begun.
    let refused = exercise(&["night-shift", "--step"], temp.path());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

/// Plays until the nodes run; then somebody does something about it. The exit code, what was said
/// of it, and how much is left in its temporary folder.
fn broken_off(
    args: &[&str],
    what: impl FnOnce(&Child, ChildStdout),
) -> (Option<i32>, String, usize) {
    let temp = tempfile::tempdir().expect("folder");
    let mut played = command(&[&["night-shift"], args].concat(), temp.path());
    let played = played.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut played = played.spawn().expect("the program starts");
    let mut shown = BufReader::new(played.stdout.take().expect("its output"));
    let mut line = String::new();
    while !line.contains("each under its own policy") {
        line.clear();
        let read = shown.read_line(&mut line).expect("a line");
        assert!(read > 0, "its nodes never ran");
    }
    what(&played, shown.into_inner());
    let done = played.wait_with_output().expect("it ends");
    let left = std::fs::read_dir(temp.path()).expect("folder").count();
    (done.status.code(), text(&done.stderr), left)
}

#[test]
fn whoever_breaks_it_off_finds_nothing_left() {
    for signal in ["INT", "TERM", "HUP"] {
        let ends = |played: &Child, shown: ChildStdout| {
            let pid = played.id().to_string();
            let sent = Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(sent.expect("kill").success());
            // Who looks at it stays until it has ended.
            let _rest = std::io::read_to_string(shown);
        };
        let (code, says, left) = broken_off(&["--pace", "600"], ends);
        assert_eq!((code, left), (Some(130), 0), "{signal}: {says}");
        assert!(says.contains("Nothing of it is left."), "{says}");
        let (code, says, left) = broken_off(&["--pace", "600", "--keep"], ends);
        assert_eq!((code, left), (Some(130), 1), "{signal}: {says}");
        assert!(says.contains("Kept: "), "{says}");
    }
    // `liaison exercise night-shift | head`.
    let (code, says, left) = broken_off(&[], |_, shown| drop(shown));
    assert_eq!((code, says.as_str(), left), (Some(0), "", 0));
}

/// A node of an exercise and a live one, linked, under policies that let everything through:
/// no record of the one enters the store of the other, clear or sealed, pushed or sent.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_exercise_enters_a_live_store_nor_the_reverse() {
    let mut federation = Federation::new();
    for (name, exercise) in [
        ("live", ""),
        ("drill", "exercise = \"NIGHT-1\"\n"),
        ("other", "exercise = \"DAY-1\"\n"),
    ] {
        let node = federation.prepare(name, "ngo", "QN");
        std::fs::write(node.home.config_path(), exercise).expect("config");
        node.start().await;
    }
    federation.link_all().await;
    for name in ["live", "drill", "other"] {
        federation[name].policy(OPEN).await;
    }
    let mut drafts = Vec::new();
    for (at, name) in ["live", "drill", "other"].iter().enumerate() {
        let draft = json!({
            "kind": "trend", "lang": "en", "title": format!("Detections {name}"), "tlp": "green",
            "purpose": "statistics",
            "body": {
                "period": {"from": "2025-03", "to": "2025-03"}, "area": ["QN"],
                "measure": "detections", "method": "administrative", "unit": "persons",
                "cells": [{"dims": {"transport": "truck"}, "n": 100 + at}],
            },
        });
        federation[name].push(&draft, &[]).await;
        drafts.push(draft);
    }
    // What is sealed is not looked into on its way, so its addressee has to refuse it.
    for (from, to) in [("drill", "live"), ("live", "drill"), ("other", "drill")] {
        let mut inside = sealed::marked("Hollermarke");
        inside.fields.exercise = match from {
            "drill" => Some("NIGHT-1".into()),
            "other" => Some("DAY-1".into()),
            _ => None,
        };
        sealed::seal(&federation[from], &[&federation[to]], inside).await;
    }
    federation.settled().await;
    for name in ["live", "drill", "other"] {
        let node = &federation[name];
        assert_eq!(
            node.holds().len(),
            1,
            "{name} holds what it wrote and nothing else"
        );
        let vault = &node.node().vault;
        let changes = vault.after(0, usize::MAX);
        for gist in changes
            .iter()
            .filter_map(|(_, change)| vault.gist(change.id()))
        {
            assert_eq!(gist.author, node.agency, "{name} took in a sealed record");
        }
    }
    // By hand neither: a draft of an exercise is no draft of a live node.
    let mut draft = drafts.remove(0);
    draft["exercise"] = json!("NIGHT-1");
    draft["body"]["cells"][0]["n"] = json!(222);
    for (name, code) in [("live", 1), ("other", 1), ("drill", 0)] {
        let ran = federation[name]
            .cli_in(&["push", "-", "--json"], &draft.to_string())
            .await;
        assert_eq!(ran.code, code, "{name}: {ran:?}");
        assert!(code == 0 || ran.err.contains("exercise"), "{name}: {ran:?}");
    }
    federation.stop().await;
}
