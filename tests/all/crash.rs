//! Nodes as processes of their own, killed with SIGKILL in the middle of their work.

use std::collections::BTreeSet;
use std::path::Path;

use liaison_node::home::Home;
use liaison_node::store::{Arrival, Options, Store};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::federation::{OPEN, apply_anyway};
use liaison_tests::process::{Program, Site, Watch};
use liaison_tests::sheet::{self, Row};

pub const BINARY: &str = env!("CARGO_BIN_EXE_liaison-under-test");

/// Ids and rows of the trends in the store of a home whose node does not run. Fails where a
/// record is there twice, or not whole.
pub fn trends(home: &Home) -> (BTreeSet<RecordId>, Vec<Row>) {
    let store = Store::open(home.store_dir(), Options::default()).expect("the store opens");
    let (mut ids, mut rows) = (BTreeSet::new(), Vec::new());
    let mut from = Arrival(0);
    loop {
        let page = store.headers(from.next(), 1_000).expect("headers");
        let Some((last, _)) = page.last() else { break };
        from = *last;
        for (arrival, header) in page {
            let bytes = store.record(arrival).expect("readable").expect("its bytes");
            let signed = SignedRecord::parse(bytes).expect("a record");
            assert_eq!(signed.id(), header.id);
            assert_eq!(store.arrival_of(&header.id).expect("index"), Some(arrival));
            let content = &signed.unverified().content;
            if matches!(content, Content::Trend(_)) {
                assert!(
                    ids.insert(header.id),
                    "{} is there twice",
                    header.id.short()
                );
                rows.push(row(&content.to_json().expect("JSON")));
            }
        }
    }
    store.close();
    (ids, rows)
}

/// The row that a trend was made of.
pub fn row(trend: &serde_json::Value) -> Row {
    let text = |v: &serde_json::Value| v.as_str().expect("a text").to_owned();
    let cell = &trend["cells"][0];
    let border = text(&cell["dims"]["border"]);
    Row {
        month: text(&trend["period"]["from"]),
        route: text(&trend["route"]),
        border: border[..1].to_uppercase() + &border[1..],
        nationality: text(&cell["dims"]["nationality"]),
        n: cell["n"].as_u64().expect("a count"),
    }
}

pub fn sorted(mut rows: Vec<Row>) -> Vec<String> {
    let mut lines: Vec<String> = rows.drain(..).map(|r| format!("{r:?}")).collect();
    lines.sort();
    lines
}

/// Links two sites, each under the other's name.
pub fn link(a: (&str, &Site, &Program), b: (&str, &Site, &Program)) {
    a.2.ok(&["peer", "add", &b.1.card(), "--as", b.0, "--yes"]);
    b.2.ok(&["peer", "add", &a.1.card(), "--as", a.0, "--yes"]);
}

pub fn open_policy(site: &Site, program: &Program) {
    std::fs::write(site.home.policy_dir().join("policy.cedar"), OPEN).expect("policy");
    let dir = site.home.policy_dir();
    program.ok(&args(&apply_anyway(&dir)));
}

/// Arguments as a command takes them.
pub fn args(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

pub fn import_args(file: &Path) -> [String; 6] {
    let map = sheet::map();
    let text = |p: &Path| p.to_string_lossy().into_owned();
    [
        "import".into(),
        "csv".into(),
        text(file),
        "--map".into(),
        text(&map),
        "--yes".into(),
    ]
}

#[test]
fn e20_a_node_killed_at_any_moment_resumes_and_nothing_is_lost_or_doubled() {
    // Who is killed after how many records more have come to B.
    let moments = [
        ("a", 1),
        ("b", 90),
        ("a", 199),
        ("b", 201),
        ("a", 333),
        ("b", 77),
    ];
    let dir = tempfile::tempdir().expect("folder");
    let a_site = Site::init(BINARY, &dir.path().join("a"), "Agency A");
    let b_site = Site::init(BINARY, &dir.path().join("b"), "Agency B");
    let (mut a, mut b) = (a_site.start(), b_site.start());
    open_policy(&a_site, &a);
    open_policy(&b_site, &b);
    let rows = sheet::made_up(4_000);
    let file = dir.path().join("rows.csv");
    sheet::write(&file, &rows);
    let import = import_args(&file);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    a.json(&import);
    let mut watch = Watch::of(&b_site.home);
    link(("a", &a_site, &a), ("b", &b_site, &b));
    for (who, after) in moments {
        // Counted while it is watched, so that what is waited for is sure to come.
        let left = rows.len() - b.count(&["kind:trend"]);
        watch.records(left.min(after));
        if who == "a" {
            a.kill();
            a = a_site.start();
        } else {
            b.kill();
            // Nothing comes to B before it watches: A finds it only then, or is found.
            a.kill();
            b = b_site.start();
            watch = Watch::of(&b_site.home);
            a = a_site.start();
        }
    }
    b.holds(&["kind:trend"], 4_000);
    a.until(&["status"], |s| s["peers"][0]["behind"] == 0);
    assert_eq!(a.terminate(), Some(0));
    assert_eq!(b.terminate(), Some(0));
    let (a_ids, a_rows) = trends(&a_site.home);
    let (b_ids, b_rows) = trends(&b_site.home);
    assert_eq!(a_ids, b_ids);
    assert_eq!(sorted(a_rows), sorted(rows.clone()));
    assert_eq!(sorted(b_rows), sorted(rows));
}
