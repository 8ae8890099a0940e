//! The Sarajevo exercise (fictional), rows 1 to 24: eight agencies, their own policies, and for
//! each record who must hold it and who must not, read off each node's own store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_tests::Federation;
use serde_json::{Value, json};

/// Name, sector, country; in the order of the matrix.
pub(crate) const NODES: [(&str, &str, &str); 8] = [
    ("qm-pol", "police", "QM"),
    ("qn-bord", "border", "QN"),
    ("qo-pros", "prosecution", "QO"),
    ("qo-fiu", "fiu", "QO"),
    ("qn-lantern", "ngo", "QN"),
    ("migro", "io", "QN"),
    ("veloren", "private", "QO"),
    ("hub-sar", "hub", "QO"),
];

const LE: &[&str] = &["qm-pol", "qn-bord", "qo-pros"];
const PROT: &[&str] = &["qn-lantern", "migro"];
const FIU: &[&str] = &["qo-fiu"];
const HUB: &[&str] = &["hub-sar"];

/// What becomes of a draft.
enum Fate {
    /// All of these must hold it, its author does, and nobody else may.
    Reaches(&'static [&'static [&'static str]]),
    /// Signing refuses it, with this code and these words: nobody may hold it.
    Refused(&'static str, &'static str),
}
use Fate::{Reaches, Refused};

/// Rows 9 to 24: file, author, fate. `push` has no `--to` in any of them: policy decides.
#[rustfmt::skip]
const ROWS: [(&str, &str, Fate); 16] = [
    ("09-border-detections",                  "qn-bord",    Reaches(&[LE, FIU, PROT, HUB])),
    ("10-presumed-victims-small",             "qn-bord",    Refused("TRD-02", "has n=3; smallest shareable is 11")),
    ("11-presumed-victims-rolled-up",         "qn-bord",    Reaches(&[LE, FIU, PROT, HUB])),
    ("12-transit-observations",               "migro",      Reaches(&[LE, FIU, &["qn-lantern"], HUB])),
    ("13-river-crossing-potential",           "qm-pol",     Reaches(&[LE, &["migro"], HUB])),
    ("14-river-crossing-new",                 "qn-bord",    Reaches(&[LE, &["migro"], HUB])),
    ("15-deceptive-farm-jobs",                "qo-pros",    Reaches(&[LE, FIU, PROT, HUB])),
    ("16-trafficking-without-means",          "qo-pros",    Refused("MET-04", "trafficking needs at least one means")),
    ("17-one-way-van-rentals",                "qn-bord",    Reaches(&[LE, FIU, PROT, &["veloren"], HUB])),
    ("18-scripted-asylum-claims",             "qo-pros",    Reaches(&[&["qn-bord"], HUB])),
    ("19-counterfeit-passport",               "qn-bord",    Reaches(&[LE, HUB])),
    ("20-passport-with-full-number",          "qn-bord",    Refused("DOC-03", "is a full document number")),
    ("21-shelter-women-girls",                "qn-lantern", Reaches(&[LE, &["migro"], HUB])),
    ("22-interpretation-guardianship-return", "migro",      Reaches(&[LE, &["qn-lantern"], HUB])),
    ("23-gap-shelter-boys",                   "qn-bord",    Reaches(&[LE, PROT, HUB])),
    ("24-training-financial-investigation",   "qo-pros",    Reaches(&[LE, FIU, PROT, HUB])),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_record_reaches_whom_it_must_and_nobody_else() {
    let mut federation = federation().await;
    contact_entries(&federation).await;

    let mut pushed: BTreeMap<&str, RecordId> = BTreeMap::new();
    for (file, author, fate) in &ROWS {
        let draft = draft(file, &pushed);
        match fate {
            Reaches(_) => {
                let id = federation[author].push(&draft, &[]).await;
                pushed.insert(file, id);
            }
            Refused(code, says) => {
                // What others pushed before must not arrive in between.
                federation.settled().await;
                let held = federation[author].node().store.last();
                let ran = federation[author]
                    .cli_in(&["push", "-"], &draft.to_string())
                    .await;
                let ran = ran.expect_code(1);
                assert!(
                    ran.err.contains(code) && ran.err.contains(says),
                    "{file}: {ran:?}"
                );
                assert_eq!(ran.out, "", "{file}: no id is printed");
                assert_eq!(
                    federation[author].node().store.last(),
                    held,
                    "{file}: nothing stored"
                );
            }
        }
    }

    // What must arrive is awaited; then nothing moves any more, and the rest may be asserted.
    for (name, ..) in NODES {
        let must: Vec<RecordId> = ROWS
            .iter()
            .filter(|(_, author, fate)| readers(author, fate).contains(name))
            .map(|(file, ..)| pushed[file])
            .collect();
        federation[name].holds_all(&must).await;
    }
    federation.settled().await;

    let titles: Vec<&str> = ROWS.iter().map(|r| r.0).collect();
    println!("{}", matrix(&federation, &titles, &pushed));
    for (file, author, fate) in &ROWS {
        let must = readers(author, fate);
        match pushed.get(file) {
            Some(id) => assert_eq!(holders(&federation, id), must, "{file}"),
            None => assert_eq!(must, BTreeSet::new(), "{file}"),
        }
    }
    let ids: BTreeSet<RecordId> = pushed.values().copied().collect();
    for node in federation.all() {
        let others: Vec<_> = node.holds().difference(&ids).copied().collect();
        assert_eq!(others, [], "{} holds records of no row", node.name);
    }
    no_trace_of_what_was_withheld(&federation, &pushed);
    nobody_passes_on(&federation, &pushed).await;
    no_sum_over_different_measures(&federation).await;
    the_author_can_say_why(&federation, &pushed).await;
    federation.stop().await;
}

/// Rows 1 to 8: every agency's card, with its contact points, is at every other.
async fn contact_entries(federation: &Federation) {
    for (name, ..) in NODES {
        let functions = json!({"functions": [{
            "role": "duty desk", "channel": "+999 555 0101", "hours": "24h",
            "languages": ["en"], "urgent": true,
        }]});
        federation[name]
            .cli_in(&["card", "edit", "--from", "-"], &functions.to_string())
            .await
            .expect_code(0);
    }
    for (at, ..) in NODES {
        for (of, ..) in NODES {
            let node = federation[at].node();
            let agency = federation[of].agency;
            let mut changes = node.registry.changes();
            let known = async {
                while !knows_contact(node, &agency) {
                    changes.changed().await.expect("the node runs");
                }
            };
            let arrived = tokio::time::timeout(liaison_tests::federation::PATIENCE, known).await;
            assert!(arrived.is_ok(), "{at} has no contact entry of {of}");
        }
    }
}

fn knows_contact(node: &liaison_node::node::Node, agency: &AgencyId) -> bool {
    node.registry
        .contact(agency)
        .is_some_and(|c| c.functions.iter().any(|f| f.role == "duty desk"))
}

/// Nothing of a record crossed a wire to an agency that must not have it: not its title, not
/// its id.
fn no_trace_of_what_was_withheld(federation: &Federation, pushed: &BTreeMap<&str, RecordId>) {
    for (file, author, fate) in &ROWS {
        let draft = read(file);
        let title = draft["title"].as_str().expect("title");
        let readers = readers(author, fate);
        for (peer, ..) in NODES.iter().filter(|(n, ..)| !readers.contains(n)) {
            let peer = federation[peer].agency;
            for node in federation.all().filter(|n| n.agency != peer) {
                assert!(
                    !node.tap.sent_contains(&peer, title.as_bytes()),
                    "{file}: {} sent its title to an agency that must not have it",
                    node.name
                );
                if let Some(id) = pushed.get(file) {
                    assert!(
                        !node.tap.sent_contains(&peer, id.as_bytes()),
                        "{file}: {} sent its id to an agency that must not have it",
                        node.name
                    );
                }
            }
        }
    }
}

/// Every record came from its author: no holder passed on what an author withheld.
async fn nobody_passes_on(federation: &Federation, pushed: &BTreeMap<&str, RecordId>) {
    for (file, author, _) in ROWS.iter().filter(|(f, ..)| pushed.contains_key(f)) {
        let id = pushed[file];
        for holder in holders(federation, &id) {
            let store = &federation[holder].node().store;
            let arrival = store.arrival_of(&id).expect("store").expect("held");
            let header = store.header(arrival).expect("store").expect("header");
            let courier = (holder != *author).then_some(federation[author].agency);
            assert_eq!(header.courier, courier, "{file} at {holder}");
            if holder == *author {
                continue;
            }
            for (peer, ..) in NODES.iter().filter(|(n, ..)| *n != holder && n != author) {
                let why = federation[holder].json(&["why", &id.full(), peer]).await;
                assert_eq!(
                    why["decision"]["allow"], false,
                    "{file}: {holder} to {peer}: {why}"
                );
            }
        }
    }
}

/// Row 12: the shelter has detections and transit observations and may not add them up.
async fn no_sum_over_different_measures(federation: &Federation) {
    let lantern = &federation["qn-lantern"];
    let ran = lantern
        .cli(&["query", "kind:trend", "period:2031-03", "--sum"])
        .await
        .expect_code(1);
    assert!(
        ran.err.contains("TRD-04")
            && ran.err.contains("detections")
            && ran.err.contains("transit-observations"),
        "{ran:?}"
    );
    let detections = lantern
        .json(&["query", "measure:detections", "--sum"])
        .await;
    assert_eq!(detections["sum"], 1_240);
    let by = lantern
        .json(&["query", "kind:trend", "--sum", "--by", "measure"])
        .await;
    let sums: BTreeMap<&str, u64> = by["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|g| {
            (
                g["key"].as_str().expect("key"),
                g["sum"].as_u64().expect("sum"),
            )
        })
        .collect();
    let want = [
        ("detections", 1_240),
        ("presumed-victims", 14),
        ("transit-observations", 515),
    ]
    .into();
    assert_eq!(sums, want);
}

/// Row 18: the officer who asks reads the author's own sentence.
async fn the_author_can_say_why(federation: &Federation, pushed: &BTreeMap<&str, RecordId>) {
    let id = pushed["18-scripted-asylum-claims"].full();
    let why = federation["qo-pros"].json(&["why", &id, "qm-pol"]).await;
    assert_eq!(why["decision"]["rule"], "asylum-methods-withheld", "{why}");
    let says = why["decision"]["says"].as_str().expect("words");
    assert!(
        says.contains("could expose applicants to their country of origin"),
        "{says}"
    );
}

async fn federation() -> Federation {
    federation_at(None).await
}

/// The eight agencies with their policies, by a clock of the test if there is one.
pub(crate) async fn federation_at(clock: Option<Arc<ManualClock>>) -> Federation {
    let mut federation = Federation::new();
    for (name, sector, country) in NODES {
        let node = federation.prepare(name, sector, country);
        std::fs::write(node.home.config_path(), "exercise = \"SARAJEVO-1\"\n").expect("config");
        if let Some(clock) = &clock {
            node.with_clock(clock.clone());
        }
        node.start().await;
    }
    federation.link_all().await;
    for (name, ..) in NODES {
        federation[name]
            .policy_dir(&examples().join("policies/sarajevo").join(name))
            .await;
    }
    let trusts = |n: &liaison_tests::TestNode| n.node().registry.peers().len();
    assert!(federation.all().all(|n| trusts(n) == NODES.len() - 1));
    federation
}

/// The draft of a row; row 14 supports row 13.
fn draft(file: &str, pushed: &BTreeMap<&str, RecordId>) -> Value {
    let mut draft = read(file);
    assert_eq!(draft["exercise"], "SARAJEVO-1", "{file}");
    if file.starts_with("14-") {
        let id = pushed["13-river-crossing-potential"].full();
        draft["refs"] = json!([{"rel": "supports", "id": id}]);
    }
    draft
}

fn read(file: &str) -> Value {
    let path = examples()
        .join("exercises/sarajevo-1")
        .join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn readers(author: &'static str, fate: &Fate) -> BTreeSet<&'static str> {
    match fate {
        Reaches(groups) => groups
            .iter()
            .flat_map(|g| g.iter().copied())
            .chain([author])
            .collect(),
        Refused(..) => BTreeSet::new(),
    }
}

fn holders(federation: &Federation, id: &RecordId) -> BTreeSet<&'static str> {
    NODES
        .iter()
        .map(|n| n.0)
        .filter(|name| {
            let held = federation[name].node().store.arrival_of(id);
            held.expect("store").is_some()
        })
        .collect()
}

/// Who holds what, as a table.
fn matrix(federation: &Federation, files: &[&str], pushed: &BTreeMap<&str, RecordId>) -> String {
    let heads: String = NODES.iter().map(|n| format!(" {:>10}", n.0)).collect();
    let mut out = format!("{:<40}{heads}\n", "");
    for file in files {
        let held = pushed
            .get(file)
            .map(|id| holders(federation, id))
            .unwrap_or_default();
        let cells: String = NODES
            .iter()
            .map(|n| format!(" {:>10}", if held.contains(n.0) { "x" } else { "." }))
            .collect();
        out.push_str(&format!("{file:<40}{cells}\n"));
    }
    out
}
