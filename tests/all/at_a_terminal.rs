//! What a person sees at a terminal: the program itself runs on one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use liaison_tests::process::{Program, made, run};
use liaison_tests::{Ran, terminal};
use serde_json::Value;

use crate::command_line::{ESCAPE, PROGRAM, files, put, text};
use crate::first::trend;

/// `watch --json` as a process of its own: a pushed record is a line at once.
#[test]
fn watch_shows_what_happens_as_it_happens() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(PROGRAM, dir.path(), "h");
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let mut watch = Command::new(PROGRAM)
        .args(["--home", &text(&home), "watch", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    // Nothing tells a script that the watch has begun: push until the watch tells of one.
    let (seen, saw) = std::sync::mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || {
        let line = lines.next().expect("a line").expect("text");
        let _gone = seen.send(line);
    });
    let mut pushed = Vec::new();
    let line = loop {
        let ran = program.cli(&["push", "-"], &trend("Lorries").to_string());
        assert!(ran.status.success(), "{ran:?}");
        pushed.push(String::from_utf8_lossy(&ran.stdout).trim().to_owned());
        match saw.recv_timeout(std::time::Duration::from_millis(300)) {
            Ok(line) => break line,
            Err(_) => assert!(pushed.len() < 100, "watch says nothing"),
        }
    };
    let event: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!(event["event"], "record");
    assert!(
        pushed.iter().any(|id| event["id"] == id.as_str()),
        "{event}"
    );
    assert_eq!(
        program.terminate(),
        Some(0),
        "SIGTERM stops the node cleanly"
    );
    reader.join().expect("read");
    assert_eq!(
        watch.wait().expect("it ends").code(),
        Some(3),
        "the node went away"
    );
}

/// `new` on a terminal: the editor writes a fault, the program reopens it at the faulty line
/// with the fault above the text, the editor mends it, it is sent and the draft is gone.
#[test]
fn new_reopens_the_editor_at_the_faulty_line() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(PROGRAM, dir.path(), "h");
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let calls = dir.path().join("calls");
    let editor = script(
        dir.path(),
        "editor",
        &format!(
            r#"for last; do :; done
echo "$@" >> {calls}
if [ "$(wc -l < {calls})" = 1 ]; then
  sed -i 's/^n = 14/n = 3/; s/"n" = 14/"n" = 3/; s/n = 14/n = 3/' "$last"
else
  grep '^#!' "$last" >> {calls}.marks
  sed -i 's/n = 3\b/n = 14/' "$last"
fi"#,
            calls = calls.display()
        ),
    );
    let env = [("EDITOR", editor.as_str()), ("VISUAL", "")];
    let (code, shown) = terminal::run(PROGRAM, &home, &["new", "trend", "--yes"], &env, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("TRD-02"), "the fault is shown: {shown}");
    let marks = std::fs::read_to_string(format!("{}.marks", calls.display())).expect("marks");
    assert!(
        marks.contains("TRD-02"),
        "the fault stands above the text: {marks}"
    );
    let calls = std::fs::read_to_string(&calls).expect("calls");
    assert_eq!(calls.lines().count(), 2, "{calls}");
    let count = program.cli(&["query", "kind:trend", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "1");
    let drafts = std::fs::read_dir(home.join("drafts"))
        .expect("folder")
        .count();
    assert_eq!(drafts, 0, "what is sent is no draft any more");

    // Not on a terminal: the fault ends it, the draft is kept and can be gone on with.
    let wrong = script(
        dir.path(),
        "wrong",
        "for l; do :; done; sed -i 's/n = 14/n = 3/' \"$l\"",
    );
    let ran = with_editor(&home, &["new", "trend", "--yes"], &wrong);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("liaison new --edit trend-1"), "{ran:?}");
    let home_screen = program.cli(&["--json"], "");
    assert!(
        String::from_utf8_lossy(&home_screen.stdout).contains("trend-1"),
        "{home_screen:?}"
    );
    let right = script(
        dir.path(),
        "right",
        "for l; do :; done; sed -i 's/n = 3$/n = 14/; s/n = 3 /n = 14 /; s/n = 3}/n = 14}/' \"$l\"",
    );
    let ran = with_editor(&home, &["new", "--edit", "trend-1", "--yes"], &right);
    assert_eq!(ran.code, 0, "{ran:?}");
    let count = program.cli(&["query", "kind:trend", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "2");
    assert_eq!(program.terminate(), Some(0));
}

/// On a terminal there is colour and a question; with NO_COLOR there is no colour; in a pipe
/// there is neither.
#[test]
fn colour_and_questions_are_for_terminals() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(PROGRAM, dir.path(), "h");
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let draft = put(dir.path(), "draft.json", &trend("Lorries").to_string());
    let on = |args: &[&str], env: &[(&str, &str)], typed: &str| {
        terminal::run(PROGRAM, &home, args, env, typed)
    };
    let (code, shown) = on(&["status"], &[], "");
    assert!(code == Some(0) && shown.contains(ESCAPE), "{shown:?}");
    for (args, env) in [
        (&["status"][..], &[("NO_COLOR", "1")][..]),
        (&["status", "--no-color"], &[]),
        (&["status", "--json"], &[]),
        (&["status"], &[("TERM", "dumb")]),
        (&["nonsense"], &[("NO_COLOR", "1")]),
    ] {
        let (_, shown) = on(args, env, "");
        assert!(!shown.contains(ESCAPE), "{args:?} {env:?}: {shown:?}");
    }
    for args in [
        &["status"][..],
        &["peer", "list"],
        &["nonsense"],
        &["show", "ZZZZ"],
        &["--help"],
    ] {
        let ran = program.cli(args, "");
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(
            !out.contains(ESCAPE) && !err.contains(ESCAPE),
            "{args:?}: {out:?} {err:?}"
        );
    }
    let count = || {
        let ran = program.cli(&["query", "kind:trend", "--count"], "");
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    };
    let (code, shown) = on(&["push", &draft], &[], "n\n");
    assert_eq!((code, count().as_str()), (Some(1), "0"), "{shown}");
    assert!(shown.contains("Sign and send it?"), "{shown}");
    let (code, shown) = on(&["push", &draft], &[], "y\n");
    assert_eq!((code, count().as_str()), (Some(0), "1"), "{shown}");
    let (code, _) = on(&["push", &draft, "--yes"], &[], "");
    assert_eq!((code, count().as_str()), (Some(0), "2"));
    // The home screen.
    let (code, shown) = on(&[], &[], "");
    assert!(
        code == Some(0) && shown.contains("liaison query --new"),
        "{shown}"
    );
    assert_eq!(program.terminate(), Some(0));

    // Its log, where no terminal reads it.
    let mut node = Command::new(PROGRAM)
        .args(["--home", &text(&home), "run", "--listen", "127.0.0.1:0"])
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut ready = String::new();
    let mut out = BufReader::new(node.stdout.take().expect("its output"));
    out.read_line(&mut ready).expect("its ready line");
    let stop = Command::new("kill")
        .args(["-TERM", &node.id().to_string()])
        .status();
    assert!(stop.expect("kill").success());
    let log = node.wait_with_output().expect("it ends").stderr;
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("INFO") && !log.contains(ESCAPE), "{log:?}");
}

/// Where nobody can be asked, be it that only its errors go to a file, what can't be undone is
/// not done without `--yes`.
#[test]
fn what_cant_be_undone_is_never_done_unasked() {
    let dir = tempfile::tempdir().expect("folder");
    let home = made(PROGRAM, dir.path(), "h");
    let program = Program::start(PROGRAM, &home, "127.0.0.1:0");
    let pushed = program.cli(&["push", "-"], &trend("Lorries").to_string());
    let id = String::from_utf8_lossy(&pushed.stdout).trim().to_owned();
    let retract = ["retract", &id, "--reason", "error"];
    // On a terminal, but for its errors.
    let quiet = script(
        dir.path(),
        "quiet",
        &format!(
            "exec {PROGRAM} \"$@\" 2>{}",
            dir.path().join("err").display()
        ),
    );
    let (code, shown) = terminal::run(&quiet, &home, &retract, &[], "y\n");
    assert_eq!(code, Some(2), "{shown}");
    let says = std::fs::read_to_string(dir.path().join("err")).expect("errors");
    assert!(says.contains("--yes"), "{says}");
    let revoke_all = text(&home.join("keys/revoke-all.liaison"));
    for args in [
        &retract[..],
        &["peer", "revoke", "b", "--reason", "stolen"],
        &["peer", "remove", "b"],
        &[
            "refer",
            "withdraw",
            "3F7K-9Q2M",
            "--reason",
            "consent-withdrawn",
        ],
        &["refer", "consent", "3F7K-9Q2M", "--state", "withdrawn"],
        &["refer", "release-identity", "3F7K-9Q2M"],
        &["refer", "decline", "3F7K-9Q2M", "--reason", "no-capacity"],
        &["keys", "compromised"],
        &["keys", "rotate"],
        &["keys", "affirm", &id],
        &["keys", "revoke-all", &revoke_all],
        &["doctor", "--repair"],
    ] {
        let ran = program.cli(args, "");
        let says = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{args:?}: {says}");
        assert!(says.contains("--yes"), "{args:?}: {says}");
    }
    let count = program.cli(&["query", "kind:trend", "--count"], "");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "1");
    let ran = program.cli(&[&retract[..], &["--yes"]].concat(), "");
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(program.terminate(), Some(0));
}

/// `init` asks on a terminal for what is missing, twice is refused, and nothing is lost.
#[test]
fn init_asks_for_what_is_missing_and_never_overwrites() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().join("h");
    let ran = run(
        PROGRAM.as_ref(),
        &home,
        &["init", "--name", "Border Police"],
        "",
    );
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let says = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(says.contains("init needs --country, --sector"), "{says}");
    assert!(!home.exists(), "a refused init leaves nothing behind");
    let typed = "Border Police of Narova\nqn\nborder\ntransit\nled\n\n";
    let (code, shown) = terminal::run(PROGRAM, &home, &["init"], &[], typed);
    assert_eq!(code, Some(0), "{shown}");
    let card = run(PROGRAM.as_ref(), &home, &["card", "show", "--json"], "");
    let card: Value = serde_json::from_slice(&card.stdout).expect("an object");
    assert_eq!(card["contact"]["org"], "Border Police of Narova");
    assert_eq!(card["contact"]["country"], "QN");
    let keys = files(&home.join("keys"));
    let again = run(
        PROGRAM.as_ref(),
        &home,
        &["init", "--name", "x", "--country", "QN", "--sector", "ngo"],
        "",
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("is a home already"),
        "{again:?}"
    );
    assert_eq!(files(&home.join("keys")), keys, "the keys are as they were");
    // No secret was printed, and none is a file that others may read.
    for (name, bytes) in &keys {
        let secret = String::from_utf8_lossy(bytes);
        if name.ends_with(".key") {
            assert!(!shown.contains(secret.trim()), "{name} was printed");
        }
    }
}

fn script(dir: &Path, name: &str, lines: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("executable");
    text(&path)
}

fn with_editor(home: &Path, args: &[&str], editor: &str) -> Ran {
    let ran = Command::new(PROGRAM)
        .args(["--home", &text(home)])
        .args(args)
        .env("EDITOR", editor)
        .env_remove("VISUAL")
        .stdin(Stdio::null())
        .output()
        .expect("it ends");
    Ran {
        code: ran
            .status
            .code()
            .and_then(|c| u8::try_from(c).ok())
            .unwrap_or(u8::MAX),
        out: String::from_utf8_lossy(&ran.stdout).into_owned(),
        err: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}
