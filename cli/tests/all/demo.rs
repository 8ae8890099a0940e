//! `liaison demo`, as a newcomer runs it: real nodes, real links.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn demo(args: &[&str], temp: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_liaison"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TMPDIR", temp)
        .env("HOME", temp)
        .stdin(Stdio::null())
        .arg("demo")
        .args(args)
        .output()
        .expect("the program starts")
}

fn temp() -> tempfile::TempDir {
    tempfile::tempdir().expect("tempdir")
}

#[test]
fn it_prints_who_holds_what_and_why_not_the_others() {
    let temp = temp();
    let output = demo(&[], temp.path());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.as_ref()), (Some(0), ""));
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");
    insta::assert_snapshot!("demo", text);
    shown_in_the_readme(&text);
    let left = std::fs::read_dir(temp.path()).expect("folder").count();
    assert_eq!(left, 0, "it leaves nothing behind");
}

/// The README shows lines of it, in their order.
fn shown_in_the_readme(text: &str) {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("README.md");
    let (_, region) = readme.split_once("<!-- demo -->\n```\n").expect("demo");
    let (region, _) = region.split_once("```\n<!-- end -->").expect("its end");
    let mut lines = text.lines();
    for line in region.lines().filter(|line| *line != "…") {
        assert!(lines.any(|l| l == line), "README.md shows: {line}");
    }
}

#[test]
fn json_is_one_object_and_keep_keeps_the_homes() {
    let temp = temp();
    let output = demo(&["--json", "--keep"], temp.path());
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(report["ok"], true);
    assert_eq!(report["faults"], serde_json::json!([]));
    assert_eq!(report["agencies"].as_array().map(Vec::len), Some(5));
    let red = &report["groups"][5];
    assert_eq!(red["records"], "route, red, to prosecutor");
    let held: Vec<_> = red["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .filter(|cell| cell["held"] == 1)
        .map(|cell| cell["agency"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(held, ["border", "prosecutor"]);
    let kept = std::fs::read_dir(temp.path())
        .expect("folder")
        .next()
        .expect("the kept folder")
        .expect("entry")
        .path();
    assert!(kept.join("border/card.liaison").exists());
    let log = std::fs::read_to_string(kept.join("border.log")).expect("log");
    assert!(
        log.contains("/v1/records"),
        "each node's calls are in its log"
    );
}
