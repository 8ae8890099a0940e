//! The Frontex file: real input through real processes, with A killed twice on the way.
//! Where the file is missing, made-up rows of its form take its place.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Instant;

use liaison_node::store::Arrival;
use liaison_tests::federation::apply_anyway;
use liaison_tests::process::{Program, Site, Watch, succeeded};
use liaison_tests::sheet::{self, Row};
use liaison_tests::{Federation, TestNode};

use super::crash::{BINARY, args, import_args, link, sorted, trends};

/// Sums by a column, as the file has them.
fn sums<'a>(
    rows: impl Iterator<Item = &'a Row>,
    by: impl Fn(&Row) -> &str,
) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        *sums.entry(by(row).to_owned()).or_default() += row.n;
    }
    sums
}

/// Sums by a field, as a query answers them.
fn answered(b: &Program, words: &[&str], by: &str) -> BTreeMap<String, u64> {
    let args: Vec<&str> = ["query"].iter().chain(words).copied().collect();
    let args = [&args[..], &["--sum", "--by", by, "--limit", "1000"]].concat();
    let report = b.json(&args);
    let groups = report["groups"]
        .as_array()
        .unwrap_or_else(|| panic!("no groups: {report}"));
    groups
        .iter()
        .map(|g| {
            let key = g["key"].as_str().expect("a key").to_owned();
            (
                key,
                g["sum"].as_u64().unwrap_or_else(|| panic!("no sum: {g}")),
            )
        })
        .collect()
}

fn sum(b: &Program, words: &[&str]) -> u64 {
    let args: Vec<&str> = ["query", "--sum"].iter().chain(words).copied().collect();
    b.json(&args)["sum"].as_u64().expect("a sum")
}

/// A, B and C as processes; A is killed when it has `first` rows, and again when B has got
/// `second` records.
fn exchange(file: &Path, first: usize, second: usize) {
    let rows = sheet::read(file);
    let shared: Vec<Row> = rows
        .iter()
        .filter(|r| sheet::SHARED.contains(&r.route.as_str()))
        .cloned()
        .collect();
    let dir = tempfile::tempdir().expect("folder");
    let site = |name: &str| Site::init(BINARY, &dir.path().join(name), &format!("Agency {name}"));
    let (a_site, b_site, c_site) = (site("a"), site("b"), site("c"));
    let (mut a, b, c) = (a_site.start(), b_site.start(), c_site.start());
    link(("a", &a_site, &a), ("b", &b_site, &b));
    link(("a", &a_site, &a), ("c", &c_site, &c));
    let routes = sheet::workspace().join("examples/policies/routes");
    a.ok(&args(&apply_anyway(&routes)));
    for program in [&b, &c] {
        let receiver = routes.join("receiver");
        program.ok(&args(&apply_anyway(&receiver)));
    }
    let import = import_args(file);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    let began = Instant::now();

    // In the middle of the import.
    let mut at_a = Watch::of(&a_site.home);
    let cut_off = std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            liaison_tests::process::run(Path::new(BINARY), a_site.home.dir(), &import, "")
        });
        at_a.records(first);
        a.kill();
        importing.join().expect("the import ends")
    });
    assert!(
        !cut_off.status.success(),
        "the import was over before A was killed: {cut_off:?}"
    );

    // In the middle of the exchange.
    let mut at_b = Watch::of(&b_site.home);
    a = a_site.start();
    let again = std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            liaison_tests::process::run(Path::new(BINARY), a_site.home.dir(), &import, "")
        });
        at_b.records(second);
        a.kill();
        importing.join().expect("the import ends")
    });
    println!("second kill after {:.1?}", began.elapsed());
    println!("the second import ended with {:?}", again.status.code());
    a = a_site.start();
    let args: Vec<&str> = import.iter().copied().chain(["--json"]).collect();
    let summary = succeeded(&a.cli(&args, ""));
    println!("after two kills: {summary}");

    println!("import done after {:.1?}", began.elapsed());
    a.holds(&["kind:trend"], rows.len() as u64);
    b.holds(&["kind:trend"], shared.len() as u64);
    println!("all there after {:.1?}", began.elapsed());
    a.until(&["status"], |s| {
        let peers = s["peers"].as_array().expect("peers");
        peers
            .iter()
            .all(|p| p["behind"] == 0 && p["connected_since"].is_string())
    });
    c.holds(&["kind:trend"], 0);
    println!("{} rows in {:.1?}", rows.len(), began.elapsed());

    // What B answers is what the file says.
    let words = ["kind:trend"];
    assert_eq!(sum(&b, &words), shared.iter().map(|r| r.n).sum::<u64>());
    assert_eq!(
        answered(&b, &words, "route"),
        sums(shared.iter(), |r| &r.route)
    );
    assert_eq!(
        answered(&b, &words, "dim.nationality"),
        sums(shared.iter(), |r| &r.nationality)
    );
    assert_eq!(
        answered(&b, &words, "dim.border"),
        sums(shared.iter(), |r| {
            if r.border == "Sea" { "sea" } else { "land" }
        })
    );
    let nationality = &shared[0].nationality;
    let of_one = || shared.iter().filter(|r| r.nationality == *nationality);
    let word = format!("dim.nationality:{nationality}");
    assert_eq!(sum(&b, &[&word]), of_one().map(|r| r.n).sum::<u64>());
    let in_years = |r: &&Row| ("2009-01"..="2011-12").contains(&r.month.as_str());
    let wanted = sums(of_one().filter(in_years), |r| &r.month);
    assert_eq!(
        answered(&b, &[&word, "period:2009..2011"], "period"),
        wanted
    );
    let route = format!("route:{}", sheet::SHARED[0]);
    let on_route = |r: &&Row| r.route == sheet::SHARED[0];
    assert_eq!(
        answered(&b, &[&route, "period:2010"], "dim.nationality"),
        sums(
            shared
                .iter()
                .filter(on_route)
                .filter(|r| r.month.starts_with("2010")),
            |r| &r.nationality
        )
    );

    // Nothing lost, nothing twice, nothing merged: row for row.
    for program in [a, b, c] {
        assert_eq!(program.terminate(), Some(0));
    }
    let (a_ids, a_rows) = trends(&a_site.home);
    let (b_ids, b_rows) = trends(&b_site.home);
    let (c_ids, _) = trends(&c_site.home);
    assert!(b_ids.is_subset(&a_ids) && c_ids.is_empty());
    assert!(
        sorted(a_rows) == sorted(rows),
        "A does not hold what the file says"
    );
    assert!(
        sorted(b_rows) == sorted(shared),
        "B does not hold what the file says"
    );
}

#[test]
fn frontex_made_up_rows_survive_two_kills_and_reach_only_b() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("rows.csv");
    sheet::write(&file, &sheet::made_up(3_000));
    exchange(&file, 1_000, 700);
}

#[test]
fn frontex_file_done_when_2_survives_two_kills_and_reaches_only_b() {
    let Some(file) = sheet::frontex() else {
        println!("skipped: ../shared/data/frontex-detections.csv is not here");
        return;
    };
    let rows = sheet::read(&file);
    assert_eq!(rows.len(), 34_273);
    let shared = rows
        .iter()
        .filter(|r| sheet::SHARED.contains(&r.route.as_str()))
        .count();
    assert_eq!(shared, 6_883);
    exchange(&file, 9_000, 2_500);
}

/// Imports a file at A under the example policy and looks for every trend in what the tap of
/// A saw go to C.
async fn tapped(file: &Path) {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
    }
    federation.link("a", "b").await;
    federation.link("a", "c").await;
    let routes = sheet::workspace().join("examples/policies/routes");
    federation["a"].policy_dir(&routes).await;
    for name in ["b", "c"] {
        federation[name].policy_dir(&routes.join("receiver")).await;
    }
    let rows = sheet::read(file);
    let shared = rows
        .iter()
        .filter(|r| sheet::SHARED.contains(&r.route.as_str()))
        .count();
    federation["a"].import(file, &sheet::map()).await;
    federation["b"].holds_count(shared).await;
    federation.settled().await;
    assert_eq!(federation["b"].holds().len(), shared);
    assert!(federation["c"].holds().is_empty());

    let to_b = windows(&federation["a"], "b", &federation);
    let to_c = windows(&federation["a"], "c", &federation);
    let held_by_b = federation["b"].holds();
    let store = &federation["a"].node().store;
    let mut from = Arrival(0);
    let mut looked = 0;
    loop {
        let page = store.headers(from.next(), 1_000).expect("headers");
        let Some((last, _)) = page.last() else { break };
        from = *last;
        for (arrival, header) in page {
            let bytes = store.record(arrival).expect("readable").expect("bytes");
            let signed = liaison_protocol::record::signed::SignedRecord::parse(bytes.clone())
                .expect("a record");
            let record = signed.unverified();
            if !matches!(
                record.content,
                liaison_protocol::record::kinds::Content::Trend(_)
            ) {
                continue;
            }
            looked += 1;
            let title = record.envelope.fields.title.as_bytes();
            // Its id, its title and its signature, of which no other record has eight bytes
            // in a row; and its route as it stands in the body.
            let signature = &bytes[bytes.len() - 64..];
            for part in [&header.id.as_bytes()[..], title, signature] {
                assert!(
                    part.windows(8).all(|w| !to_c.contains(w)),
                    "C was sent a part of {}",
                    header.id.short()
                );
                // The same search finds what B was sent, or it would prove nothing.
                if held_by_b.contains(&header.id) {
                    assert!(part.windows(8).all(|w| to_b.contains(w)));
                }
            }
        }
    }
    assert_eq!(looked, rows.len());
    for route in rows
        .iter()
        .map(|r| r.route.as_bytes())
        .filter(|r| r.len() >= 8)
    {
        assert!(route.windows(8).all(|w| !to_c.contains(w)));
    }
    federation.stop().await;
}

/// Every eight bytes in a row that went from a node to a peer.
fn windows(node: &TestNode, peer: &str, federation: &Federation) -> HashSet<[u8; 8]> {
    let frames = node.tap.sent_to(&federation[peer].agency);
    assert!(!frames.is_empty(), "the tap saw something");
    let bytes: usize = frames.iter().map(|f| f.body.len()).sum();
    println!("to {peer}: {} frames, {bytes} bytes", frames.len());
    let eights = |body: &[u8]| {
        body.windows(8)
            .filter_map(|w| w.try_into().ok())
            .collect::<Vec<[u8; 8]>>()
    };
    frames.iter().flat_map(|f| eights(&f.body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn frontex_made_up_rows_leave_no_byte_on_the_way_to_c() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("rows.csv");
    sheet::write(&file, &sheet::made_up(600));
    tapped(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frontex_file_done_when_2_leaves_no_byte_on_the_way_to_c() {
    let Some(file) = sheet::frontex() else {
        println!("skipped: ../shared/data/frontex-detections.csv is not here");
        return;
    };
    tapped(&file).await;
}
