//! What is found, counted and added up.

use super::*;

#[test]
fn a_record_is_found_at_once_and_by_what_it_says() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    shelf.put(1, trend("Western Balkan Route", "2015-09", "SYR", 40));
    let cells = json!({
        "period": {"from": "2031-01", "to": "2031-03"},
        "area": ["QN"],
        "measure": "identified-victims",
        "method": "administrative",
        "cells": [
            {"dims": {"age": "9-17", "area": "QN-02"}, "n": 12},
            {"dims": {"age": "30-47"}, "n": 30},
            {"n": 100},
        ],
    });
    shelf.put(2, record(3, "Victims by age", Kind::Trend, cells));
    let modus = json!({
        "techniques": ["lover-boy"],
        "phase": "recruitment",
        "transport": ["van"],
        "sectors": ["I"],
        "indicators": ["Two telephones, one never leaves the room"],
        "last_seen": "2031-02",
    });
    shelf.put(
        3,
        record(2, "Hotels on the coast", Kind::ModusOperandi, modus),
    );
    let retract = Retract {
        of: RecordId::from_bytes([1; 32]),
        reason: RetractReason::Error,
        erase: false,
        notify: true,
    };
    let mut withdrawal = trend("x", "2031-01", "SYR", 1);
    withdrawal.content = Content::from(retract);
    shelf.put(4, withdrawal);

    let expected: &[(&str, &[u64])] = &[
        ("", &[3, 2, 1]),
        ("kind:retract", &[4]),
        ("kind:retract detections", &[]),
        ("route:\"western balkan route\"", &[1]),
        ("route:west*", &[1]),
        ("balkan", &[1]),
        ("period:2015", &[1]),
        ("period:2031-02..2031-02", &[3, 2]),
        ("period:2031-03", &[2]),
        ("country:QN", &[2]),
        ("area:QN", &[2]),
        ("area:QN-02", &[2]),
        ("area:QN-02 dim.age:0-17", &[2]),
        ("area:QN-02 dim.age:18+", &[]),
        ("-area:QN-02 dim.age:18+", &[2]),
        ("dim.age:*", &[2]),
        ("-dim.age:*", &[3, 2, 1]),
        ("n:41..", &[2]),
        ("n:40", &[1]),
        ("technique:lover-boy", &[3]),
        ("sector:i", &[3]),
        ("transport:van,bus", &[3]),
        ("two-telephones", &[3]),
        ("\"room two\"", &[]),
        ("tele*", &[3]),
        ("not tele* -kind:trend", &[]),
        ("author:qm-pol", &[3, 1]),
        ("lang:sr", &[3, 2, 1]),
        ("crime:0204", &[3, 2, 1]),
        ("crime:01", &[]),
        ("created:60h", &[3, 1]),
        ("received:today", &[3, 2, 1]),
        ("tlp:amber", &[2]),
    ];
    // First from the store, then from the index.
    for round in ["store", "index"] {
        for (text, arrivals) in expected {
            let outcome = search.query(&parse(text), &Options::default());
            let outcome = outcome.expect("outcome");
            assert_eq!(outcome.arrivals, *arrivals, "{text} from the {round}");
            assert_eq!(outcome.count, arrivals.len() as u64, "{text}");
        }
        search.flush().expect("flush");
        assert_eq!(search.unindexed(), 0);
    }
    let id = shelf.records.lock().expect("lock")[&3].id.full();
    assert_eq!(count(&search, &format!("id:{}", &id[..6])), 1);
    assert_eq!(count(&search, &format!("thread:{id}")), 1);
}

#[test]
fn five_thousand_rows_add_up() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    let routes = ["Western Balkan Route", "Circular Route", "Eastern Route"];
    let nations = ["SYR", "AFG", "XKX", "BGD", "IRQ", "PAK", "SOM"];
    let mut by_nation: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut total = 0;
    for i in 0..5_000_u64 {
        let route = routes[i as usize % routes.len()];
        let nation = nations[i as usize % nations.len()];
        let year = 2009 + i % 10;
        shelf.put(i + 1, trend(route, &format!("{year}-04"), nation, i));
        if route == "Western Balkan Route" && (2012..=2015).contains(&year) {
            let sum = by_nation.entry(nation).or_default();
            sum.0 += 1;
            sum.1 += i;
            total += i;
        }
    }
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    let query = parse("kind:trend route:\"Western Balkan Route\" period:2012..2015");
    let options = Options {
        limit: 3,
        sum: true,
        by: Some(Field::parse("dim.nationality").expect("field")),
        ..Options::default()
    };
    for _ in 0..2 {
        let outcome = search.query(&query, &options).expect("outcome");
        assert_eq!(outcome.sum, Some(total));
        assert_eq!(outcome.arrivals.len(), 3);
        assert!(outcome.notes.is_empty(), "{:?}", outcome.notes);
        let groups: BTreeMap<&str, (u64, u64)> = outcome
            .groups
            .iter()
            .map(|g| (g.value.as_str(), (g.count, g.sum.expect("sum"))))
            .collect();
        assert_eq!(groups, by_nation);
        search.flush().expect("flush");
    }
    let by_route = Options {
        by: Some(Field::Route),
        ..options
    };
    let outcome = search
        .query(&parse("kind:trend"), &by_route)
        .expect("outcome");
    let names: Vec<&str> = outcome.groups.iter().map(|g| g.value.as_str()).collect();
    assert_eq!(
        names,
        ["Circular Route", "Eastern Route", "Western Balkan Route"]
    );
    // Pages are without gap or double.
    let mut seen = Vec::new();
    let mut page = Options {
        limit: 700,
        ..Options::default()
    };
    loop {
        let outcome = search.query(&parse("kind:trend"), &page).expect("outcome");
        assert_eq!(outcome.count, 5_000);
        let Some(last) = outcome.arrivals.last() else {
            break;
        };
        page.before = Some(*last);
        seen.extend(outcome.arrivals);
    }
    assert_eq!(seen, (1..=5_000).rev().collect::<Vec<u64>>());
}

#[test]
fn arrivals_are_not_added_up_across_countries() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    shelf.put(1, arrivals("QM", 100));
    shelf.put(2, arrivals("QN-01", 50));
    shelf.put(3, arrivals("QN-02", 7));
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    let ask = |text: &str, sum, by| {
        let options = Options {
            sum,
            by,
            ..Options::default()
        };
        search.query(&parse(text), &options)
    };
    for _ in 0..2 {
        let error = ask("measure:arrivals", true, None).expect_err("refused");
        assert!(
            error
                .to_string()
                .starts_with("TRD-04 'arrivals' is not added up across countries (QM, QN)"),
            "{error}"
        );
        assert!(ask("", true, Some(Field::Tlp)).is_err());
        assert_eq!(
            ask("measure:arrivals", false, None).expect("count").count,
            3
        );
        assert_eq!(ask("country:QN", true, None).expect("sum").sum, Some(57));
        let apart = ask("", true, Some(Field::Country)).expect("groups");
        assert_eq!(apart.sum, None);
        assert_eq!(
            apart.groups[1],
            Group {
                value: "QN".into(),
                count: 2,
                sum: Some(57)
            }
        );
        assert!(matches!(&apart.notes[..], [Note::NoTotal { .. }]));
        search.flush().expect("flush");
    }
    assert!(matches!(
        ask("", false, Some(Field::Created)),
        Err(SearchError::NotGroupable { .. })
    ));
}

#[test]
fn sums_that_count_twice_or_mix_measures_say_so() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    let body = json!({
        "period": {"from": "2031-03", "to": "2031-03"},
        "area": ["QN"],
        "measure": "presence",
        "method": "survey",
        "cells": [{"dims": {"gender": "female"}, "n": 20}, {"n": u64::MAX}],
    });
    shelf.put(1, record(1, "Presence", Kind::Trend, body));
    shelf.put(2, trend("x", "2031-03", "SYR", 5));
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    let options = Options {
        sum: true,
        ..Options::default()
    };
    for _ in 0..2 {
        let outcome = search.query(&parse(""), &options).expect("outcome");
        assert_eq!(outcome.sum, Some(u64::MAX));
        assert!(matches!(
            &outcome.notes[..],
            [Note::Overflow, Note::Mixed { .. }, Note::Overlapping]
        ));
        let narrow = search.query(&parse("dim.gender:female"), &options);
        let narrow = narrow.expect("outcome");
        assert_eq!((narrow.sum, narrow.notes), (Some(20), Vec::new()));
        search.flush().expect("flush");
    }
}

#[test]
fn more_groups_than_a_table_takes_are_refused() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 0..=limits::QUERY_GROUPS as u64 {
        shelf.put(i + 1, trend(&format!("Route {i}"), "2031-03", "SYR", 1));
    }
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    let options = Options {
        by: Some(Field::Route),
        ..Options::default()
    };
    for _ in 0..2 {
        assert_eq!(
            search.query(&parse(""), &options),
            Err(SearchError::TooManyGroups)
        );
        search.flush().expect("flush");
    }
}
