//! An answer that was cut says so, in the table, as JSON and to a program that writes a file, and
//! says how to get the rest.

use std::collections::BTreeSet;

use liaison_node::limits::AUDIT_ANSWER_IDS;
use liaison_tests::process::{Program, Site, run};
use liaison_tests::sheet;
use serde_json::Value;

use super::crash::{BINARY, import_args};

/// Rows that one answer has at most.
const MOST: usize = 20_000;

/// More than that.
const ALL: usize = MOST + 37;

fn ids(answer: &Value) -> Vec<String> {
    let rows = answer["rows"].as_array().expect("rows");
    let id = |row: &Value| row["id"].as_str().expect("an id").to_owned();
    rows.iter().map(id).collect()
}

/// Pages of a query until there are no more.
fn pages(node: &Program, limit: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut args = vec!["query", "kind:trend", "--limit", limit];
        if let Some(next) = &next {
            args.extend(["--before", next.as_str()]);
        }
        let answer = node.json(&args);
        assert_eq!(answer["count"], ALL as u64, "the count is of all");
        pages.push(ids(&answer));
        match answer["next"].as_str() {
            Some(id) => next = Some(id.to_owned()),
            None => return pages,
        }
    }
}

#[test]
fn what_an_answer_has_no_room_for_is_said_and_can_be_had() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let node = site.start();
    let file = dir.path().join("rows.csv");
    sheet::write(&file, &sheet::made_up(ALL));
    let import = import_args(&file);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    node.json(&import);

    // However many are asked for.
    let pages = pages(&node, "1000000");
    let lengths: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(lengths, [MOST, ALL - MOST]);
    let once: BTreeSet<&String> = pages.iter().flatten().collect();
    assert_eq!(once.len(), ALL, "each of them once");
    // In words, and beside a file.
    let says = format!("{MOST} of them (more: --limit N; older: --before");
    let says = says.replace("20000", "20,000");
    let args = ["query", "kind:trend", "--limit", "1000000"];
    let table = node.ok(&args);
    let last = table.lines().last().expect("lines");
    assert!(
        last.contains("20,037 records") && last.contains(&says),
        "{last}"
    );
    let csv = [&args[..], &["--csv"]].concat();
    let ran = run(BINARY.as_ref(), site.home.dir(), &csv, "");
    let told = String::from_utf8_lossy(&ran.stderr).replace('\n', " ");
    assert!(told.contains("not all of them are in the file"), "{told}");
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout).lines().count(),
        MOST + 1
    );
    // What is whole does not say so.
    let whole = node.json(&["query", "kind:trend", "--count"]);
    assert!(whole["next"].is_null(), "{whole}");

    // Each of these answers is a line that names what was shown: together more than one answer
    // about the log may name.
    for _ in 0..=AUDIT_ANSWER_IDS / MOST - 3 {
        node.ok(&args);
    }
    let log = ["audit", "log", "--what", "consult", "--limit", "10000"];
    let lines = |args: &[&str]| -> (Vec<u64>, bool) {
        let answer = node.json(args);
        let lines = answer["lines"].as_array().expect("lines");
        let names = |line: &Value| line["records"].as_array().map_or(0, Vec::len);
        assert!(lines.iter().map(names).sum::<usize>() <= AUDIT_ANSWER_IDS);
        let numbers = lines.iter().filter_map(|line| line["n"].as_u64());
        (numbers.collect(), answer["more"] == true)
    };
    let (newest, more) = lines(&log);
    assert!(more, "it is cut");
    let first = newest.first().expect("lines").to_string();
    let table = node.ok(&log);
    assert!(table.contains("There are older ones"), "{table}");
    assert!(table.contains(&format!("--before {first}.")), "{table}");
    let (older, more) = lines(&[&log[..], &["--before", &first]].concat());
    assert!(!more && !older.is_empty(), "{older:?}");
    assert!(older.last() < newest.first(), "{older:?} {newest:?}");
    assert_eq!(node.terminate(), Some(0));
}
