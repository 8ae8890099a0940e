use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use liaison_protocol::clock::Hlc;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Kind, Purpose, RetractReason, Tlp};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::{Content, Retract};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Millis = Millis(1_931_688_000_000);

/// A store in memory.
#[derive(Default)]
struct Shelf {
    records: Mutex<BTreeMap<u64, Sourced>>,
    broken: AtomicBool,
}

impl Shelf {
    fn put(&self, arrival: u64, record: Record) {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&arrival.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let sourced = Sourced {
            arrival,
            id: RecordId::from_bytes(id),
            record: Arc::new(record),
            received: Millis(NOW.0 - 1_000_000 + arrival),
            hidden: false,
        };
        self.records.lock().expect("lock").insert(arrival, sourced);
    }

    fn hide(&self, arrival: u64) {
        if let Some(sourced) = self.records.lock().expect("lock").get_mut(&arrival) {
            sourced.hidden = true;
        }
    }

    fn erase(&self, arrival: u64) {
        self.records.lock().expect("lock").remove(&arrival);
    }

    /// The answer without any index.
    fn scan(&self, query: &Query, options: &Options) -> Result<Outcome, SearchError> {
        let mut tally = Tally::new(options);
        for sourced in self.records.lock().expect("lock").values() {
            tally.add(&sourced.document(), query, options);
        }
        tally.finish(options)
    }
}

impl RecordSource for Shelf {
    fn records(&self, from: u64, limit: usize) -> Result<Vec<Sourced>, SourceFault> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(SourceFault("broken".into()));
        }
        let records = self.records.lock().expect("lock");
        let page = records.range(from + 1..).take(limit);
        Ok(page.map(|(_, sourced)| sourced.clone()).collect())
    }

    fn record(&self, arrival: u64) -> Result<Option<Sourced>, SourceFault> {
        Ok(self.records.lock().expect("lock").get(&arrival).cloned())
    }
}

fn agency(n: u8) -> AgencyId {
    AgencyId::from_bytes([n; 32])
}

fn record(author: u8, title: &str, kind: Kind, body: serde_json::Value) -> Record {
    let fields = Fields {
        thread: None,
        supersedes: None,
        tlp: if author % 2 == 0 {
            Tlp::Green
        } else {
            Tlp::Amber
        },
        pap: None,
        handling: Vec::new(),
        handling_note: None,
        onward: Onward::Community,
        purpose: Purpose::Statistics,
        legal_basis: None,
        class: None,
        crime: vec!["02043".into()],
        basis: None,
        grade: None,
        lang: "sr-Latn".into(),
        title: title.into(),
        summary: None,
        review_by: None,
        expires: None,
        refs: Vec::new(),
        exercise: None,
    };
    let created = Hlc::new(Millis(NOW.0 - u64::from(author) * 86_400_000), 0);
    let content = Content::from_json(kind, body).expect("content");
    Record::new(agency(author), created, fields, content)
}

fn trend(route: &str, month: &str, nationality: &str, n: u64) -> Record {
    let body = json!({
        "period": {"from": month, "to": month},
        "route": route,
        "measure": "detections",
        "method": "administrative",
        "cells": [{"dims": {"nationality": nationality, "border": "land"}, "n": n}],
    });
    record(2, "Detections at the border", Kind::Trend, body)
}

fn arrivals(country: &str, n: u64) -> Record {
    let body = json!({
        "period": {"from": "2031-03", "to": "2031-03"},
        "area": [country],
        "measure": "arrivals",
        "method": "registry",
        "cells": [{"n": n}],
    });
    record(1, "Arrivals", Kind::Trend, body)
}

fn alias(name: &str) -> Option<AgencyId> {
    (name == "qm-pol").then(|| agency(2))
}

fn parse(text: &str) -> Query {
    try_parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn try_parse(text: &str) -> Result<Query, QueryError> {
    let context = Context {
        now: NOW,
        author: &alias,
    };
    Query::parse(text, &context)
}

fn count(search: &Search, text: &str) -> u64 {
    let outcome = search.query(&parse(text), &Options::default());
    outcome.expect("outcome").count
}

#[test]
fn a_bad_query_is_answered_with_what_is_allowed() {
    for (text, says) in [
        ("rout:x", "did you mean 'route'?"),
        ("nationality:SYR", "did you mean 'dim.nationality'?"),
        (
            "kind:trendy",
            "'trendy' is not a kind of record; allowed: trend, modus-operandi",
        ),
        (
            "tlp:orange",
            "allowed: clear, green, amber, amber+strict, red",
        ),
        ("dim.age:7", "allowed: 0-8"),
        ("country:ZQ9", "country code of two letters"),
        ("author:nobody!", "no agency is called 'nobody!'"),
        ("period:soon", "2031-03"),
        ("period:2016..2015", "ends before it begins"),
        ("n:many", "whole number"),
        ("crime:x", "ICCS"),
        ("id:AB", "id"),
        ("kind:", "no value"),
        ("kind:trend,", "no value"),
        ("route:\"open", "quotation mark"),
        ("a*", "star"),
        ("lover-bo*", "star"),
        ("...", "no letter"),
        ("not", "nothing behind"),
        ("a OR b", "field:a,b"),
    ] {
        let error = try_parse(text).expect_err(text).to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let long = "x ".repeat(limits::QUERY_BYTES);
    assert!(matches!(try_parse(&long), Err(QueryError::TooLong { .. })));
    assert_eq!(try_parse(&"x ".repeat(65)), Err(QueryError::TooMany));
    let values = format!("kind:{}", ["t*"; 300].join(","));
    assert_eq!(try_parse(&values), Err(QueryError::TooMany));
}

#[test]
fn a_query_is_read_into_its_conditions() {
    let query = parse("kind:trend,route -tlp:red not border* \"Lover Boy\" period:2031 dim.age:*");
    let [kind, tlp, word, phrase, period, age] = query.clauses.as_slice() else {
        panic!("{query:?}");
    };
    let is = |text: &str| query::Pattern::Is(text.into());
    let value = |field, any| query::Test::Value { field, any };
    assert_eq!(
        kind.test,
        value(Field::Kind, vec![is("trend"), is("route")])
    );
    assert!(tlp.negated && word.negated && !phrase.negated);
    assert_eq!(
        word.test,
        query::Test::Word(query::Pattern::Starts("border".into()))
    );
    assert_eq!(
        phrase.test,
        query::Test::Phrase(vec!["lover".into(), "boy".into()])
    );
    assert!(matches!(&period.test, query::Test::Days(spans) if spans.len() == 1));
    let query::Test::Value { field, any } = &age.test else {
        panic!("{age:?}");
    };
    assert_eq!(field.to_string(), "dim.age");
    assert_eq!(any, &[query::Pattern::Present]);
    assert_eq!(
        parse("author:qm-pol").clauses[0].test,
        value(Field::Author, vec![is(&agency(2).full())])
    );
    // Without a kind, control traffic is left out.
    assert!(parse("").clauses[0].negated);
}

#[test]
fn the_words_of_a_shell_are_put_together() {
    let joined = query::join(&["kind:trend", "route:Western Balkan Route", "-area:QN BLG"]);
    assert_eq!(
        joined,
        "kind:trend route:\"Western Balkan Route\" -area:\"QN BLG\""
    );
    let whole = "route:Balkan kind:trend";
    assert_eq!(query::join(&[whole]), whole);
    assert_eq!(query::join(&["route:Western B*"]), "route:\"Western B\"*");
}

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
fn what_is_forgotten_is_gone_before_and_after_the_commit_and_a_restart() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=20 {
        shelf.put(i, trend("Route", "2031-03", "SYR", i));
    }
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    search.flush().expect("flush");
    shelf.erase(5);
    search.forget(5);
    shelf.hide(6);
    search.forget(6);
    let all = Options {
        include_hidden: true,
        ..Options::default()
    };
    let check = |search: &Search| {
        assert_eq!(count(search, "kind:trend"), 18);
        let outcome = search.query(&parse("kind:trend"), &all).expect("outcome");
        assert_eq!(outcome.count, 19);
        assert!(!outcome.arrivals.contains(&5) && outcome.arrivals.contains(&6));
    };
    check(&search);
    search.flush().expect("flush");
    check(&search);
    search.close();
    check(&search);
    drop(search);
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    assert_eq!(search.unindexed(), 0);
    check(&search);
    // Killed before the change was committed: found by the check at the next start.
    drop(search);
    shelf.erase(7);
    shelf.hide(8);
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    search.flush().expect("flush");
    assert_eq!(count(&search, "kind:trend"), 16);
    let outcome = search.query(&parse(""), &all).expect("outcome");
    assert!(outcome.notes.is_empty() && outcome.count == 18);
}

#[test]
fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    let mut next = 0;
    for round in 0..6 {
        let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
        for _ in 0..300 {
            next += 1;
            shelf.put(next, trend("Route", "2031-03", "SYR", 1));
            search.added(next);
        }
        assert_eq!(count(&search, "kind:trend"), next);
        if round % 2 == 0 {
            search.flush().expect("flush");
            assert_eq!(count(&search, "kind:trend"), next);
        }
        if round % 3 == 0 {
            search.close();
        }
    }
}

#[test]
fn an_index_that_does_not_fit_is_built_anew() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=300 {
        shelf.put(i, trend("Route", "2031-03", "SYR", 1));
    }
    let open = |incarnation| {
        let search = Search::open(dir.path(), incarnation, shelf.clone()).expect("open");
        let behind = search.shared.state().upto == 0;
        assert_eq!(count(&search, "kind:trend"), 300);
        search.flush().expect("flush");
        assert_eq!(count(&search, "kind:trend"), 300);
        search.close();
        behind
    };
    let files = |part: &str| -> Vec<std::path::PathBuf> {
        let all = std::fs::read_dir(dir.path().join("index")).expect("dir");
        all.map(|entry| entry.expect("entry").path())
            .filter(|path| path.to_string_lossy().ends_with(part))
            .collect()
    };
    assert!(open(1));
    assert!(!open(1));
    assert!(open(2), "another incarnation");
    assert!(!open(2));
    for path in files("meta.json") {
        std::fs::write(path, "{").expect("write");
    }
    assert!(open(2), "a broken list of files");
    let mut parts = files(".fast");
    parts.extend(files(".idx"));
    assert!(!parts.is_empty());
    for path in parts {
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0x40;
        std::fs::write(path, bytes).expect("write");
    }
    assert!(open(2), "a changed bit");
    assert!(!open(2));
    std::fs::remove_dir_all(dir.path().join("index")).expect("remove");
    assert!(open(2), "missing");
    let held = Search::open(dir.path(), 2, shelf.clone()).expect("open");
    assert!(matches!(
        Search::open(dir.path(), 2, shelf.clone()),
        Err(SearchError::Open { .. })
    ));
    drop(held);
}

#[test]
fn an_index_that_is_given_up_is_built_anew_while_queries_go_on() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=300 {
        shelf.put(i, trend("Route", "2031-03", "SYR", 1));
    }
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    search.flush().expect("flush");
    shelf.erase(1);
    search.shared.give_up();
    assert_eq!(count(&search, "kind:trend"), 299);
    search.flush().expect("flush");
    assert_eq!(search.unindexed(), 0);
    assert_eq!(count(&search, "kind:trend"), 299);
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_and_not_an_empty_answer() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    shelf.broken.store(true, Ordering::SeqCst);
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    assert!(matches!(
        search.query(&parse(""), &Options::default()),
        Err(SearchError::Source(_))
    ));
    assert!(search.flush().is_err());
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

fn any_record() -> impl Strategy<Value = Record> {
    let words = prop::sample::select(vec!["van", "vans", "coast", "hotel", "Balkan", "Élan"]);
    let title = prop::collection::vec(words, 1..5).prop_map(|words| words.join(" "));
    let area = prop::sample::select(vec!["QM", "QN", "QN-01", "QN-02", "QO BLG"]);
    let month = (1_u8..=12, 2030_u16..=2031).prop_map(|(m, y)| format!("{y}-{m:02}"));
    let cell = (
        prop::option::of(prop::sample::select(vec!["0-8", "9-17", "18-29", "18+"])),
        prop::option::of(prop::sample::select(vec!["SYR", "AFG", "XKX"])),
        prop::option::of(area.clone()),
        prop::option::of(prop::sample::select(vec!["van", "bus"])),
        0_u64..50,
    )
        .prop_map(|(age, nationality, area, transport, n)| {
            let mut dims = serde_json::Map::new();
            for (name, value) in [
                ("age", age),
                ("nationality", nationality),
                ("area", area),
                ("transport", transport),
            ] {
                if let Some(value) = value {
                    dims.insert(name.into(), value.into());
                }
            }
            json!({"dims": dims, "n": n})
        });
    let trend = (
        month,
        prop::collection::vec(area.clone(), 0..3),
        prop::option::of(prop::sample::select(vec![
            "West Route",
            "East Route",
            "west route",
        ])),
        prop::sample::select(vec!["detections", "presence", "fee"]),
        prop::collection::vec(cell, 1..5),
    )
        .prop_map(|(month, area, route, measure, cells)| {
            let mut body = json!({
                "period": {"from": month, "to": "2031-12"},
                "measure": measure,
                "method": "survey",
                "cells": cells,
            });
            if !area.is_empty() {
                body["area"] = json!(area);
            }
            if let Some(route) = route {
                body["route"] = json!(route);
            }
            (Kind::Trend, body)
        });
    let service =
        (area, prop::sample::select(vec!["shelter", "legal"])).prop_map(|(area, kind)| {
            let body = json!({
                "stance": "offer", "types": [kind], "area": area, "valid_until": "2031-06-01",
                "accepts_from": ["police"],
            });
            (Kind::Service, body)
        });
    (1_u8..5, title, prop_oneof![3 => trend, 1 => service])
        .prop_map(|(author, title, (kind, body))| record(author, &title, kind, body))
}

fn any_query() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "kind:trend",
        "kind:service",
        "-kind:trend",
        "author:qm-pol",
        "country:QN",
        "country:QM,QO",
        "area:QN",
        "area:QN-01",
        "area:QN-*",
        "-area:QN-02",
        "area:*",
        "route:\"west route\"",
        "route:w*",
        "-route:*",
        "period:2030",
        "period:2031-05..2031-06",
        "period:..2030-06",
        "-period:2030",
        "period:*",
        "measure:detections,fee",
        "-measure:fee",
        "dim.age:0-17",
        "dim.age:18+",
        "-dim.age:9-17",
        "dim.nationality:SYR",
        "-dim.nationality:SYR",
        "dim.nationality:*",
        "dim.nationality:A*",
        "dim.area:QN",
        "transport:van",
        "tlp:green",
        "n:10..30",
        "-n:..5",
        "n:*",
        "created:60h",
        "created:..2d",
        "received:today",
        "service:legal",
        "sector:police",
        "van",
        "va*",
        "-coast",
        "élan",
        "\"van coast\"",
        "not \"hotel van\"",
        "lang:sr",
        "crime:0204",
        "purpose:statistics",
        "id:0000",
        "exercise:*",
    ]);
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.join(" "))
}

#[derive(Clone, Debug)]
enum Step {
    Put(Record),
    Hide(prop::sample::Index),
    Erase(prop::sample::Index),
    Flush,
    Reopen(bool),
    Ask(String, Options),
}

fn any_step() -> impl Strategy<Value = Step> {
    let fields: Vec<Field> = Field::all().filter(|f| f.is_groupable()).collect();
    let options = (
        0_usize..20,
        any::<bool>(),
        prop::option::of(prop::sample::select(fields)),
        any::<bool>(),
        prop::option::of(0_u64..60),
        prop::option::of(0_u64..60),
    )
        .prop_map(|(limit, sum, by, include_hidden, before, after)| Options {
            limit,
            sum,
            by,
            include_hidden,
            before,
            after,
        });
    prop_oneof![
        20 => any_record().prop_map(Step::Put),
        2 => any::<prop::sample::Index>().prop_map(Step::Hide),
        2 => any::<prop::sample::Index>().prop_map(Step::Erase),
        2 => Just(Step::Flush),
        1 => any::<bool>().prop_map(Step::Reopen),
        15 => (any_query(), options).prop_map(|(query, options)| Step::Ask(query, options)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Index, tail and store together answer what a plain scan answers, wherever the
    /// indexer is.
    #[test]
    fn an_answer_does_not_depend_on_the_index(steps in prop::collection::vec(any_step(), 20..120)) {
        let dir = tempfile::tempdir().expect("dir");
        let shelf = Arc::new(Shelf::default());
        let mut search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
        let mut last = 0;
        for step in steps {
            match step {
                Step::Put(record) => {
                    last += 1;
                    shelf.put(last, record);
                    search.added(last);
                }
                Step::Hide(at) if last > 0 => {
                    let arrival = at.index(last as usize) as u64 + 1;
                    shelf.hide(arrival);
                    search.forget(arrival);
                }
                Step::Erase(at) if last > 0 => {
                    let arrival = at.index(last as usize) as u64 + 1;
                    shelf.erase(arrival);
                    search.forget(arrival);
                }
                Step::Hide(_) | Step::Erase(_) => {}
                Step::Flush => search.flush().expect("flush"),
                Step::Reopen(clean) => {
                    if clean {
                        search.close();
                    }
                    drop(search);
                    search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
                    // What was forgotten and not committed is found by the check.
                    search.flush().expect("flush");
                }
                Step::Ask(text, options) => {
                    let query = parse(&text);
                    let found = search.query(&query, &options);
                    prop_assert_eq!(found, shelf.scan(&query, &options), "{} {:?}", text, options);
                }
            }
        }
    }
}
