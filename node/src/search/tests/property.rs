//! Index, tail and store together answer what a plain scan answers.

use super::*;
use proptest::prelude::*;

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
    Put(Box<Record>),
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
        20 => any_record().prop_map(|record| Step::Put(Box::new(record))),
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
                    shelf.put(last, *record);
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
