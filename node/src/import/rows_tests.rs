//! Whole tables under whole maps.

use liaison_protocol::clock::Hlc;
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::check::{CheckContext, check};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{Record, SignedRecord};

use super::super::{Map, MapError, cut, limits, pieces, text};
use super::{Row, RowError};

/// What a file holds under a map: its rows as records, and its bad rows.
fn mapped(map: &str, bytes: &[u8]) -> (Vec<Row>, Vec<RowError>) {
    let map = Map::parse(map).expect("map");
    let text = text::decode(bytes, map.encoding()).expect("encoding");
    let mut cuts = cut(&text, map.dialect(), 1);
    let header = cuts.next().expect("header");
    let bound = map.bind(header.text, today()).expect("bind");
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for row in bound.rows(cuts.rest(), cuts.line()).expect("piece") {
        match row {
            Ok(row) => good.push(row),
            Err(error) => bad.push(error),
        }
    }
    (good, bad)
}

fn today() -> Date {
    Date::new(2031, 5, 20).expect("day")
}

fn body(row: &Row) -> serde_json::Value {
    row.content.to_json().expect("json")
}

const GERMAN: &str = include_str!("../../../examples/maps/german-registry.toml");
const FRONTEX: &str = include_str!("../../../examples/maps/frontex-detections.toml");

#[test]
fn a_german_table_is_read_and_its_bad_rows_are_named_by_line() {
    let bytes = include_bytes!("../../../tests/data/german-registry.csv");
    let (good, bad) = mapped(GERMAN, bytes);
    let lines: Vec<u64> = good.iter().map(|row| row.line).collect();
    assert_eq!(lines, [2, 3, 4, 12], "{bad:#?}");
    let first = good.first().expect("first");
    assert_eq!(
        first.fields.title,
        "Durchreisebeobachtungen Übergang Süd, 01.03.2025"
    );
    assert_eq!(
        first.fields.summary.as_deref(),
        Some("Erhebung an drei Übergängen")
    );
    assert_eq!(
        body(first),
        serde_json::json!({
            "period": {"from": "2025-03", "to": "2025-03"},
            "area": ["QN-01"],
            "measure": "transit-observations",
            "method": "registry",
            "cells": [{"dims": {"nationality": "QMM", "transport": "foot"}, "n": 1240}],
        })
    );
    let second = good.get(1).expect("second");
    assert_eq!(
        second.fields.summary.as_deref(),
        Some("Zählung \"grün\"; zwei Tage ohne Besetzung")
    );
    let third = body(good.get(2).expect("third"));
    assert_eq!(
        third["cells"],
        serde_json::json!([{"dims": {"nationality": "QOO"}, "n": 57}])
    );
    let last = good.get(3).expect("last");
    assert_eq!(body(last)["cells"][0]["n"], 0);

    let found: Vec<(u64, Option<&str>)> =
        bad.iter().map(|e| (e.line, e.column.as_deref())).collect();
    assert_eq!(
        found,
        [
            (6, Some("Ort")),
            (7, Some("Stichtag")),
            (8, Some("Anzahl")),
            (9, None),
            (10, None),
            (11, Some("Staatsangehörigkeit")),
        ]
    );
    let says = |at: usize| bad.get(at).map(|e| e.says.as_str()).unwrap_or_default();
    assert!(says(0).contains("is not a place"), "{}", says(0));
    assert!(says(2).contains("never rounded"), "{}", says(2));
    assert!(says(3).contains("never closed"), "{}", says(3));
    assert!(
        says(4).contains("6 fields, and the header has 7"),
        "{}",
        says(4)
    );
}

#[test]
fn pieces_give_what_the_whole_file_gives() {
    let map = Map::parse(GERMAN).expect("map");
    let bytes = include_bytes!("../../../tests/data/german-registry.csv");
    let text = text::decode(bytes, map.encoding()).expect("encoding");
    let mut cuts = cut(&text, map.dialect(), 1);
    let bound = map
        .bind(cuts.next().expect("header").text, today())
        .expect("bind");
    let whole: Vec<_> = bound
        .rows(cuts.rest(), cuts.line())
        .expect("whole")
        .collect();
    for size in 1..12 {
        let pieces = pieces(cuts.rest(), map.dialect(), cuts.line(), size, 10_000);
        let parts: Vec<_> = pieces
            .flat_map(|p| bound.rows(p.text, p.first_line).expect("piece"))
            .collect();
        assert_eq!(parts, whole);
    }
}

#[test]
fn the_wrong_encoding_is_told_by_the_row() {
    let map = GERMAN.replace("windows-1252", "utf-8").replace(
        "[columns.\"Staatsangehörigkeit\"]",
        "[columns.\"Staatsangeh\u{fffd}rigkeit\"]",
    );
    let map = map.replace(
        "[columns.\"Geändert am\"]",
        "[columns.\"Ge\u{fffd}ndert am\"]",
    );
    let bytes = include_bytes!("../../../tests/data/german-registry.csv");
    let (good, bad) = mapped(&map, bytes);
    assert!(good.is_empty());
    assert!(
        bad.iter()
            .any(|e| e.says.contains("bytes that are not utf-8")),
        "{bad:?}"
    );
}

#[test]
fn map_and_file_must_have_the_same_columns() {
    let map = Map::parse(FRONTEX).expect("map");
    let missing = map
        .bind("month,route,border,nationality", today())
        .expect_err("missing");
    assert!(
        missing.to_string().contains("no column 'detections'"),
        "{missing}"
    );
    let more = map
        .bind("month,route,border,nationality,detections,age", today())
        .expect_err("unmapped");
    assert!(more.to_string().contains("[columns.\"age\"]"), "{more}");
    let twice = map
        .bind("month,route,border,nationality,detections,route", today())
        .expect_err("twice");
    assert!(twice.to_string().contains("two columns 'route'"), "{twice}");
    assert!(map.bind("", today()).is_err());
}

#[test]
fn a_wrong_map_is_told_by_its_line() {
    let line_of = |needle: &str, by: &str| {
        let text = FRONTEX.replacen(needle, by, 1);
        assert_ne!(text, FRONTEX, "{needle}");
        Map::parse(&text).expect_err(by).to_string()
    };
    for (needle, by, says) in [
        (
            "kind = \"trend\"",
            "kind = \"contact\"",
            "'contact' is not a kind",
        ),
        (
            "measure = \"detections\"",
            "measure = \"detektions\"",
            "allowed: detections",
        ),
        ("tlp = \"green\"", "tlp = \"orange\"", "orange"),
        ("tlp = \"green\"", "tpl = \"green\"", "no field 'tpl'"),
        ("tlp = \"green\"", "tlp = ", ""),
        ("tlp = \"green\"", "onward = \"to\"", "none, ask, community"),
        ("{month}", "{Monat}", "{Monat} is not a column"),
        ("{month}", "{month", "closing brace"),
        ("%Y-%m", "%m", "needs a year"),
        ("to = \"route\"", "too = \"route\"", "unknown field `too`"),
        ("to = \"route\"", "to = \"rout\"", "no field 'rout'"),
        ("to = \"route\"", "to = \"period.from\"", "filled twice"),
        ("to = \"route\"", "to = \"measure\"", "filled twice"),
        ("to = \"route\"", "to = \"title\"", "under [record]"),
        ("delimiter = \",\"", "delimiter = \", \"", "one character"),
        ("\"utf-8\"", "\"utf-9\"", "'utf-9' is not known"),
    ] {
        let error = line_of(needle, by);
        let at = FRONTEX
            .lines()
            .position(|l| l.contains(needle))
            .expect("line");
        // What is wrong with a column's form is said at its header.
        let line = if needle == "%Y-%m" { at - 1 } else { at + 1 };
        assert!(error.contains(says), "{error}");
        assert!(
            error.starts_with(&format!("line {line} of the map")),
            "{by}: {error}"
        );
    }
    let error = line_of("lang = \"en\"", "");
    assert!(error.contains("lacks lang"), "{error}");
    assert_eq!(
        Map::parse(&" ".repeat(limits::MAP_BYTES + 1)).expect_err("large"),
        MapError::TooLarge {
            found: limits::MAP_BYTES + 1
        }
    );
}

#[test]
fn every_kind_of_table_makes_its_kind() {
    let map = r#"
        [file]
        delimiter = "tab"
        header = false
        [record]
        kind = "service"
        lang = "en"
        title = "{2} in {1}"
        purpose = "protection"
        stance = "offer"
        ages = ["18-29", "30-47"]
        genders = ["female"]
        statuses = ["refugee"]
        [columns.1]
        to = "area"
        [columns.2]
        to = "types"
        split = "/"
        [columns.3]
        to = "valid_until"
        pattern = "%d.%m.%Y"
        [columns.4]
        to = "tlp"
        default = "amber"
    "#;
    let parsed = Map::parse(map).expect("map");
    let text = "QN-01\tshelter / legal\t31.05.2031\tgreen\nQN-02\thotline\t1.6.2031\t\nQN-02\thotline\t1.6.2031\tblue\n";
    let bound = parsed.bind(text, today()).expect("bind");
    let rows: Vec<_> = bound.rows(text, 1).expect("piece").collect();
    let first = rows.first().and_then(|r| r.as_ref().ok()).expect("first");
    assert_eq!(
        body(first)["types"],
        serde_json::json!(["shelter", "legal"])
    );
    assert_eq!(body(first)["valid_until"], "2031-05-31");
    assert_eq!(
        first.fields.onward,
        liaison_protocol::record::handling::Onward::Community
    );
    let second = rows.get(1).and_then(|r| r.as_ref().ok()).expect("second");
    assert_eq!(
        second.fields.onward,
        liaison_protocol::record::handling::Onward::Ask
    );
    let third = rows.get(2).and_then(|r| r.as_ref().err()).expect("third");
    assert_eq!((third.line, third.column.as_deref()), (3, Some("4")));
    assert!(third.says.contains("allowed: clear, green"), "{third}");
}

#[test]
fn a_row_over_its_bounds_is_refused_and_the_rest_goes_on() {
    let map = Map::parse(FRONTEX).expect("map");
    let bound = map
        .bind("month,route,border,nationality,detections", today())
        .expect("bind");
    let long = "x".repeat(limits::ROW_BYTES);
    let text = format!("2031-01,{long},Sea,QMM,1\n2031-01,R,Sea,QMM,1\n");
    let rows: Vec<_> = bound.rows(&text, 2).expect("piece").collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0].is_err() && rows[1].is_ok());
    let huge = "x".repeat(limits::PIECE_BYTES + 1);
    assert!(bound.rows(&huge, 2).is_err());
}

/// The real file lies beside the project; it is not part of it.
#[test]
fn the_frontex_file_becomes_one_record_a_row() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/frontex-detections.csv");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: ../shared/data/frontex-detections.csv is not there");
        return;
    };
    let (rows, bad) = mapped(FRONTEX, &bytes);
    assert_eq!(bad, []);
    assert_eq!(rows.len(), 34_273);

    // Each row is compared with the file, read plainly.
    let text = std::str::from_utf8(&bytes).expect("utf-8");
    let key = SecretKey::from_bytes(&[7; 32]);
    let author = AgencyId::from_bytes([7; 32]);
    let (mut shared, mut largest, mut bytes) = (0, 0, 0);
    let mut distinct = std::collections::BTreeSet::new();
    for (row, line) in rows.iter().zip(text.lines().skip(1)) {
        let columns: Vec<&str> = line.split(',').collect();
        let [month, route, border, nationality, n] = columns[..] else {
            panic!("five columns: {line}");
        };
        let Content::Trend(trend) = &row.content else {
            panic!("a trend: {line}");
        };
        let [cell] = &trend.cells[..] else {
            panic!("one cell: {line}");
        };
        assert_eq!(trend.period.to_string(), month);
        assert_eq!(trend.route.as_deref(), Some(route));
        assert_eq!(cell.n.to_string(), n);
        assert_eq!(cell.dims.to_string(), {
            let border = border.to_lowercase();
            format!("{{nationality: {nationality}, border: {border}}}")
        });
        let named = [
            "Western Balkan Route",
            "Circular Route from Albania to Greece",
        ];
        shared += usize::from(named.contains(&route));
        largest = largest.max(row.fields.title.chars().count());

        let findings = check(&row.fields, &row.content, &CheckContext::on(today()));
        assert_eq!(findings, [], "{line}");
        let created = Hlc::new(today().start_ms(), 0);
        let record = Record::new(author, created, row.fields.clone(), row.content.clone());
        let signed = record.sign(&key).expect("sign");
        bytes += signed.bytes().len();
        let back = SignedRecord::parse(signed.bytes().clone()).expect("parse");
        assert_eq!(back.unverified(), &record, "{line}");
        distinct.insert(signed.id());
    }
    assert_eq!(shared, 6_883);
    assert_eq!(distinct.len(), 34_273);
    let average = bytes / rows.len();
    println!("{average} bytes a record");
    assert!((400..900).contains(&average), "{average} bytes a record");
    assert!(largest <= liaison_protocol::limits::TITLE_CHARS);
}
