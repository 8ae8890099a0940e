//! `import csv`.

use serde_json::{Value, json};

use crate::fake::{Answer, FakeNode};
use crate::harness::{err, liaison, made_home, out};

const MAP: &str = r#"
[record]
kind = "trend"
lang = "en"
title = "Detections, {month}"
route = "Western Balkan Route"
measure = "detections"
method = "administrative"
[columns.month]
to = "period"
pattern = "%Y-%m"
[columns.n]
to = "n"
[columns.note]
to = "ignore"
"#;

#[test]
fn an_import_goes_on_where_it_stopped_and_names_bad_rows() {
    let home = made_home();
    let csv = home.path().join("counts.csv");
    let mut text = String::from("month,n,note\n");
    for n in 0..2_500 {
        text.push_str(&format!("2015-10,{n},\"two\nlines\"\n"));
    }
    std::fs::write(&csv, text).expect("write");
    let map = home.path().join("map.toml");
    std::fs::write(&map, MAP).expect("write");
    let node = FakeNode::start(home.path(), |call| {
        if call.method == "GET" {
            return Answer::json(&json!({"rows_done": 1000, "records": 1000, "bad": []}));
        }
        let first = call.json()["first_line"].as_u64().unwrap_or(0);
        let bad = if first == 2_002 {
            json!([{"line": 2_010, "column": "n", "says": "no number."}])
        } else {
            json!([])
        };
        Answer::json(&json!({"rows_done": 0, "records": 999, "bad": bad}))
    });
    let (csv, map) = (csv.display().to_string(), map.display().to_string());
    let done = liaison(
        home.path(),
        &["import", "csv", &csv, "--map", &map, "--json"],
    );
    assert_eq!(done.status.code(), Some(1), "bad rows: {}", err(&done));
    let report: Value = serde_json::from_str(&out(&done)).expect("JSON");
    assert_eq!(report["rows"], 2_500);
    assert_eq!(report["resumed_at"], 1_000);
    assert_eq!(report["bad"][0]["line"], 2_010);
    let calls = node.calls();
    let sent: Vec<Value> = calls
        .iter()
        .filter(|call| call.method == "POST")
        .map(|call| call.json())
        .collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(
        (&sent[0]["rows_before"], &sent[0]["first_line"]),
        (&json!(1_000), &json!(2_002))
    );
    assert_eq!(
        (&sent[1]["rows_before"], &sent[1]["first_line"]),
        (&json!(2_000), &json!(4_002))
    );
    assert_eq!(sent[0]["header"], "month,n,note");
    let rows: String = sent
        .iter()
        .filter_map(|piece| piece["rows"].as_str())
        .collect();
    assert!(
        rows.starts_with("2015-10,1000,\"two\nlines\"\n"),
        "quoted line ends stay whole"
    );
    assert!(rows.ends_with("2015-10,2499,\"two\nlines\"\n"));
    assert!(
        calls.iter().all(|call| call.path == calls[0].path),
        "one job key"
    );
}

#[test]
fn a_guessed_map_is_shown_and_kept_and_nothing_is_signed_unseen() {
    let home = made_home();
    let csv = home.path().join("counts.csv");
    let mut text = String::from("month,route,nationality,detections\n");
    for n in 11..60 {
        text.push_str(&format!("2015-10,Western Balkan Route,SYR,{n}\n"));
    }
    std::fs::write(&csv, text).expect("write");
    let node = FakeNode::start(home.path(), |_| {
        Answer::json(&json!({"rows_done": 0, "records": 49, "bad": []}))
    });
    let file = csv.display().to_string();
    let guessed = liaison(home.path(), &["import", "csv", &file, "--guess"]);
    assert!(guessed.status.success(), "{}", err(&guessed));
    assert!(
        err(&guessed).contains("to = \"period\""),
        "{}",
        err(&guessed)
    );
    assert!(home.path().join("counts.csv.map.toml").is_file());
    assert!(
        node.calls()
            .iter()
            .all(|call| call.json()["dry_run"] == true)
    );
    let again = liaison(home.path(), &["import", "csv", &file, "--guess"]);
    assert_eq!(
        again.status.code(),
        Some(1),
        "a map that is there is not overwritten"
    );
}
