//! A home is looked over and mended, and what was erased is gone from its files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use liaison_node::node::{Node, RunOptions};
use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::sheet;
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::first::trend;
use crate::sharing::author_and_reader;

/// Files under a folder that hold these bytes.
pub fn grep(dir: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(grep(&path, bytes));
        } else if std::fs::read(&path).is_ok_and(|b| b.windows(bytes.len()).any(|w| w == bytes)) {
            found.push(path.display().to_string());
        }
    }
    found
}

pub fn health<'a>(report: &'a Value, what: &str, health: &str) -> Option<&'a str> {
    let all = report["findings"].as_array().expect("findings");
    let one = all
        .iter()
        .find(|f| f["what"] == what && f["health"] == health);
    one.and_then(|f| f["says"].as_str())
}

pub async fn doctor(node: &TestNode, options: &[&str]) -> Value {
    let args = [&["doctor", "--json"], options].concat();
    node.cli(&args).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_after_a_compaction_no_text_of_an_erased_record_is_on_the_disk() {
    let mut federation = author_and_reader().await;
    let gone = federation["a"]
        .push(&trend("Quittenmarke verschollen"), &[])
        .await;
    let stays = federation["a"].push(&trend("Zwetschgenmarke"), &[]).await;
    federation["b"].holds_all(&[gone, stays]).await;
    federation.settled().await;
    let args = ["retract", "--yes", &gone.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    let b = &federation["b"];
    let mut swept = b.node().store.watch();
    let erased = async {
        let store = &b.node().store;
        let arrival = store.arrival_of(&gone).expect("store").expect("it had it");
        while !store
            .header(arrival)
            .expect("store")
            .expect("header")
            .flags
            .contains(Flags::ERASED)
        {
            swept.changed().await.expect("the node runs");
        }
    };
    tokio::time::timeout(PATIENCE, erased)
        .await
        .expect("it is erased");
    federation.settled().await;
    // The running node's store is left alone.
    let report = doctor(b, &["--compact"]).await;
    assert!(health(&report, "store", "warning").is_some(), "{report}");
    federation.stop().await;
    for name in ["a", "b"] {
        let node = &federation[name];
        let before = grep(node.home.dir(), b"Quittenmarke");
        assert!(!before.is_empty(), "the test finds nothing to begin with");
        let report = doctor(node, &["--compact"]).await;
        assert!(health(&report, "store", "done").is_some(), "{report}");
        assert!(health(&report, "records", "good").is_some(), "{report}");
        for word in ["Quittenmarke", "quittenmarke", "verschollen"] {
            assert_eq!(grep(node.home.dir(), word.as_bytes()), Vec::<String>::new());
        }
        assert!(!grep(node.home.dir(), b"Zwetschgenmarke").is_empty());
    }
    for name in ["a", "b"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    federation.settled().await;
    let found = federation["b"]
        .json(&["query", "zwetschgenmarke", "--count"])
        .await;
    assert_eq!(found["count"], 1);
    federation.stop().await;
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("copied");
        }
    }
}

/// `b` with two records, stopped, and a copy of its store from before the second.
async fn with_an_older_copy() -> (Federation, [RecordId; 2], PathBuf) {
    let mut federation = author_and_reader().await;
    let first = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[first]).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let older = federation.dir().join("older");
    copy(&federation["b"].home.store_dir(), &older);
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let second = federation["a"].push(&trend("Zwetschgenmarke"), &[]).await;
    federation["b"].holds_all(&[second]).await;
    federation.settled().await;
    federation.node("b").stop().await;
    (federation, [first, second], older)
}

async fn refuses_to_start(node: &TestNode) {
    let started = Node::start(node.home.clone(), RunOptions::default()).await;
    let error = started.err().expect("it is damaged").to_string();
    assert!(error.contains("liaison doctor"), "{error}");
    let report = doctor(node, &[]).await;
    assert!(health(&report, "store", "broken").is_some(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_what_it_acknowledged_keeps_its_peers_and_is_refilled() {
    let (mut federation, ids, older) = with_an_older_copy().await;
    let b = &federation["b"];
    let mark = std::fs::read(b.home.store_dir().join("mark")).expect("mark");
    std::fs::remove_dir_all(b.home.store_dir()).expect("lost");
    copy(&older, &b.home.store_dir());
    std::fs::write(b.home.store_dir().join("mark"), mark).expect("mark");
    refuses_to_start(b).await;
    let key = b.home.dir().join("keys/signing.key");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&key, open).expect("chmod");
    let report = doctor(b, &["--repair", "--yes"]).await;
    assert!(report.to_string().contains("were taken over"), "{report}");
    assert!(health(&report, "modes", "done").is_some(), "{report}");
    let mode = std::fs::metadata(&key).expect("key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation["b"].holds_all(&ids).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nobody_can_read_is_moved_aside_and_refilled() {
    let (mut federation, ids, _) = with_an_older_copy().await;
    let b = &federation["b"];
    let db = b.home.store_dir().join("db");
    let length = std::fs::metadata(&db).expect("db").len();
    std::fs::write(&db, vec![0xA5; length as usize]).expect("damaged");
    refuses_to_start(b).await;
    let report = doctor(b, &["--repair", "--yes"]).await;
    assert!(health(&report, "store", "done").is_some(), "{report}");
    assert!(b.home.dir().join("store.damaged-1").exists());
    federation.node("b").start().await;
    for (one, other) in [("b", "a"), ("a", "b")] {
        let card = federation[other].home.dir().join("card.liaison");
        let card = card.to_string_lossy();
        let args = ["peer", "add", &card, "--as", other, "--yes"];
        federation[one].cli(&args).await;
    }
    federation["b"].policy(OPEN).await;
    federation.connected("a", "b").await;
    federation["b"].holds_all(&ids).await;
    federation.stop().await;
}

/// It opens, since nothing that is read for that is damaged: only who reads it all finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_one_page_that_nobody_can_read_is_repaired_and_refilled() {
    let mut federation = author_and_reader().await;
    let first = federation["a"].push(&trend("Quittenmarke"), &[]).await;
    let rows = sheet::made_up(400);
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &rows);
    federation["a"].import(&file, &sheet::map()).await;
    federation["b"].holds_count(rows.len() + 1).await;
    federation.settled().await;
    // What is read back at a start is checked then: here only what came later.
    federation.node("b").stop().await;
    federation.node("b").start().await;
    federation.node("b").stop().await;
    let b = &federation["b"];
    let db = b.home.store_dir().join("db");
    let mut bytes = std::fs::read(&db).expect("db");
    let word = b"Quittenmarke";
    let places = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(word));
    let places: Vec<usize> = places.collect();
    assert!(!places.is_empty(), "it is in the file");
    places.into_iter().for_each(|at| bytes[at] ^= 0xFF);
    std::fs::write(&db, bytes).expect("db");
    let report = doctor(b, &[]).await;
    assert!(health(&report, "store", "broken").is_some(), "{report}");
    let report = doctor(b, &["--repair", "--yes"]).await;
    assert!(report.to_string().contains("were taken over"), "{report}");
    let aside = health(&report, "store", "warning").expect("one aside");
    assert!(aside.contains("store.damaged-1"), "{report}");
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation["b"].holds_all(&[first]).await;
    federation["b"].holds_count(rows.len() + 1).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_node_that_runs_the_doctor_asks_for_its_hubs() {
    let mut federation = Federation::new();
    let hub = federation.prepare("hub", "police", "QO");
    hub.configure("[hub]\n");
    hub.start().await;
    let a = federation.prepare("a", "border", "QN");
    a.configure("[hubs]\nuse = [\"hub\", \"nobody\"]\n");
    a.start().await;
    federation.link("a", "hub").await;
    federation["a"].lists_hubs(1).await;
    let hub_id = federation["hub"].agency;
    let mut links = federation["a"].node().swarm.links();
    let reserved = links.wait_for(|l| {
        l.iter()
            .any(|l| l.agency == hub_id && l.reserved == Some(true))
    });
    let reserved = tokio::time::timeout(PATIENCE, reserved).await;
    drop(reserved.expect("reserved").expect("runs"));
    let report = doctor(&federation["a"], &[]).await;
    let good = health(&report, "hubs", "good").expect("a hub");
    assert!(good.starts_with("hub is connected and carries"), "{report}");
    let lacks = health(&report, "hubs", "warning").expect("nobody");
    assert!(lacks.contains("--as nobody"), "{report}");
    let own = doctor(&federation["hub"], &[]).await;
    assert!(health(&own, "hub", "good").is_some(), "{own}");

    federation.node("hub").stop().await;
    let mut links = federation["a"].node().swarm.links();
    let down = links.wait_for(|l| l.iter().any(|l| l.agency == hub_id && !l.is_up()));
    let down = tokio::time::timeout(PATIENCE, down).await;
    drop(down.expect("down").expect("runs"));
    let report = doctor(&federation["a"], &[]).await;
    let away = health(&report, "hubs", "warning").expect("away");
    assert!(away.starts_with("hub is not connected"), "{report}");
    assert!(away.contains("liaison peer test hub"), "{report}");
    federation.stop().await;
    let report = doctor(&federation["a"], &[]).await;
    let asleep = health(&report, "hubs", "warning").expect("not asked");
    assert!(asleep.contains("did not answer"), "{report}");
}
