//! The Sarajevo exercise (fictional), rows 1 to 24, decided by the policies in
//! `examples/policies/sarajevo`: who must and who must not receive each record. The rows that
//! no node can sign (10, 16, 20) are refused before policy and not here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::tests::{agency, attributes};
use super::*;

/// Alias, sector, country, regime.
const NODES: [(&str, &str, &str, &str); 8] = [
    ("qm-pol", "police", "QM", "led"),
    ("qn-bord", "border", "QN", "led"),
    ("qo-pros", "prosecution", "QO", "led"),
    ("qo-fiu", "fiu", "QO", "led"),
    ("qn-lantern", "ngo", "QN", "gdpr"),
    ("migro", "io", "QN", "io"),
    ("veloren", "private", "QO", "gdpr"),
    ("hub-sar", "hub", "QO", "led"),
];

struct Row {
    number: u8,
    from: &'static str,
    kind: &'static str,
    tlp: &'static str,
    tags: &'static [&'static str],
    must: &'static [&'static str],
}

const fn row(
    number: u8,
    from: &'static str,
    kind: &'static str,
    tlp: &'static str,
    tags: &'static [&'static str],
    must: &'static [&'static str],
) -> Row {
    Row {
        number,
        from,
        kind,
        tlp,
        tags,
        must,
    }
}

/// From the exercise's table: whoever is not in the last column must not receive it.
const ROWS: [Row; 13] = [
    row(
        9,
        "qn-bord",
        "trend",
        "green",
        &["measure:detections", "area:QN-02", "area:QN"],
        &[
            "qm-pol",
            "qo-pros",
            "qo-fiu",
            "qn-lantern",
            "migro",
            "hub-sar",
        ],
    ),
    row(
        11,
        "qn-bord",
        "trend",
        "green",
        &["measure:presumed-victims", "area:QN"],
        &[
            "qm-pol",
            "qo-pros",
            "qo-fiu",
            "qn-lantern",
            "migro",
            "hub-sar",
        ],
    ),
    row(
        12,
        "migro",
        "trend",
        "green",
        &["measure:transit-observations", "area:QN"],
        &[
            "qm-pol",
            "qn-bord",
            "qo-pros",
            "qo-fiu",
            "qn-lantern",
            "hub-sar",
        ],
    ),
    row(
        13,
        "qm-pol",
        "route",
        "amber",
        &["country:QM", "country:QN", "status:potential"],
        &["qn-bord", "qo-pros", "migro", "hub-sar"],
    ),
    row(
        14,
        "qn-bord",
        "route",
        "amber",
        &["country:QM", "country:QN", "status:new"],
        &["qm-pol", "qo-pros", "migro", "hub-sar"],
    ),
    row(
        15,
        "qo-pros",
        "modus-operandi",
        "amber",
        &[
            "technique:deceptive-job-offer",
            "technique:debt-bondage",
            "sector:A",
        ],
        &[
            "qm-pol",
            "qn-bord",
            "qo-fiu",
            "qn-lantern",
            "migro",
            "hub-sar",
        ],
    ),
    row(
        17,
        "qn-bord",
        "modus-operandi",
        "green",
        &["technique:rental-vehicle-relay", "sector:H"],
        &[
            "qm-pol",
            "qo-pros",
            "qo-fiu",
            "qn-lantern",
            "migro",
            "veloren",
            "hub-sar",
        ],
    ),
    row(
        18,
        "qo-pros",
        "modus-operandi",
        "amber",
        &["technique:asylum-procedure-abuse"],
        &["qn-bord", "hub-sar"],
    ),
    row(
        19,
        "qn-bord",
        "document-alert",
        "amber",
        &["doc:passport", "country:QM"],
        &["qm-pol", "qo-pros", "hub-sar"],
    ),
    row(
        21,
        "qn-lantern",
        "service",
        "green",
        &["stance:offer", "service:shelter", "area:QN-03"],
        &["qm-pol", "qn-bord", "qo-pros", "migro", "hub-sar"],
    ),
    row(
        22,
        "migro",
        "service",
        "green",
        &[
            "stance:offer",
            "service:interpretation",
            "service:guardianship",
        ],
        &["qm-pol", "qn-bord", "qo-pros", "qn-lantern", "hub-sar"],
    ),
    row(
        23,
        "qn-bord",
        "service",
        "green",
        &["stance:gap", "service:shelter", "area:QN-02"],
        &["qm-pol", "qo-pros", "qn-lantern", "migro", "hub-sar"],
    ),
    row(
        24,
        "qo-pros",
        "service",
        "green",
        &["stance:offer", "service:training"],
        &[
            "qm-pol",
            "qn-bord",
            "qo-fiu",
            "qn-lantern",
            "migro",
            "hub-sar",
        ],
    ),
];

#[test]
fn every_row_reaches_whom_it_must_and_nobody_else() {
    let engines = engines();
    for row in &ROWS {
        let record = record(row.from, row.kind, row.tlp, row.tags);
        let holders = spread(&engines, row.from, &record);
        let must: BTreeSet<&str> = row.must.iter().copied().chain([row.from]).collect();
        assert_eq!(holders, must, "row {}", row.number);
    }
}

#[test]
fn contact_entries_reach_all() {
    let engines = engines();
    for (from, ..) in NODES {
        let holders = spread(&engines, from, &record(from, "contact", "green", &[]));
        assert_eq!(holders.len(), NODES.len(), "rows 1 to 8, {from}");
    }
}

#[test]
fn row_18_is_withheld_by_the_authors_statement() {
    let engines = engines();
    let record = record(
        "qo-pros",
        "modus-operandi",
        "amber",
        &["technique:asylum-procedure-abuse"],
    );
    let decision = engines["qo-pros"].decide(Action::Share, &agency("qm-pol"), &record, false);
    let ids: Vec<&str> = decision.statements.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(
        (decision.allow, ids),
        (false, vec!["asylum-methods-withheld"])
    );
}

#[test]
fn nobody_passes_on_what_another_wrote() {
    let engines = engines();
    for row in &ROWS {
        let record = record(row.from, row.kind, row.tlp, row.tags);
        for (holder, ..) in NODES.iter().filter(|n| n.0 != row.from) {
            for (peer, ..) in NODES.iter().filter(|n| n.0 != *holder) {
                let decision = engines[holder].decide(Action::Share, &agency(peer), &record, true);
                assert!(!decision.allow, "row {}: {holder} to {peer}", row.number);
            }
        }
    }
}

/// All who end up holding a record: from hand to hand until nothing moves.
fn spread<'a>(
    engines: &BTreeMap<&'a str, Engine>,
    from: &'a str,
    record: &Attributes,
) -> BTreeSet<&'a str> {
    let mut holders = BTreeSet::from([from]);
    loop {
        let mut next = holders.clone();
        for holder in &holders {
            for (peer, engine) in engines.iter().filter(|(peer, _)| !holders.contains(*peer)) {
                let share = engines[holder].decide(Action::Share, &agency(peer), record, false);
                let accept = engine.decide(Action::Accept, &agency(holder), record, false);
                assert_eq!((share.errors, accept.errors), (vec![], vec![]));
                if share.allow && accept.allow {
                    next.insert(peer);
                }
            }
        }
        if next == holders {
            return holders;
        }
        holders = next;
    }
}

fn record(from: &str, kind: &str, tlp: &str, tags: &[&str]) -> Attributes {
    let country = NODES.iter().find(|n| n.0 == from).map_or("QM", |n| n.2);
    Attributes {
        author: agency(from),
        author_country: country.into(),
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        exercise: true,
        onward: if tlp == "amber" { "ask" } else { "community" }.into(),
        ..attributes(kind, tlp)
    }
}

fn engines() -> BTreeMap<&'static str, Engine> {
    NODES
        .iter()
        .map(|(alias, ..)| (*alias, engine(alias)))
        .collect()
}

fn engine(alias: &str) -> Engine {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/policies/sarajevo")
        .join(alias);
    let set = PolicySet::load(&dir).unwrap_or_else(|e| panic!("{alias}:\n{e}"));
    assert_eq!(set.warnings(), [], "{alias}");
    let (own, peers): (Vec<_>, Vec<_>) = NODES.iter().map(node).partition(|p| p.alias == alias);
    let directory = Directory::new(own[0].clone(), peers).expect("directory");
    set.check_names(&directory)
        .unwrap_or_else(|e| panic!("{alias}:\n{e}"));
    Engine::new(Arc::new(set), directory, 1).expect("engine")
}

fn node((alias, sector, country, regime): &(&str, &str, &str, &str)) -> PeerAttributes {
    PeerAttributes {
        agency: agency(alias),
        alias: (*alias).into(),
        sector: (*sector).into(),
        country: (*country).into(),
        route_roles: BTreeSet::new(),
        regime: (*regime).into(),
        circles: BTreeSet::new(),
    }
}
