//! A home is looked over and mended, and what was erased is gone from its files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use liaison_node::node::{Node, RunOptions};
use liaison_node::store::Flags;
use liaison_tests::federation::PATIENCE;
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::first::trend;
use crate::sharing::author_and_reader;

/// Files under a folder that hold these bytes.
fn grep(dir: &Path, bytes: &[u8]) -> Vec<String> {
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

fn health<'a>(report: &'a Value, what: &str, health: &str) -> Option<&'a str> {
    let all = report["findings"].as_array().expect("findings");
    let one = all
        .iter()
        .find(|f| f["what"] == what && f["health"] == health);
    one.and_then(|f| f["says"].as_str())
}

async fn doctor(node: &TestNode, options: &[&str]) -> Value {
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
    let args = ["retract", &gone.full(), "--reason", "error"];
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

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_moved_aside_and_refilled_by_the_peers() {
    let mut federation: Federation = author_and_reader().await;
    let ids = [
        federation["a"].push(&trend("Quittenmarke"), &[]).await,
        federation["a"].push(&trend("Zwetschgenmarke"), &[]).await,
    ];
    federation["b"].holds_all(&ids).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let b = &federation["b"];
    let db = b.home.store_dir().join("db");
    let mut bytes = std::fs::read(&db).expect("db");
    let middle = bytes.len() / 3;
    for byte in bytes.iter_mut().skip(middle) {
        *byte ^= 0xA5;
    }
    std::fs::write(&db, bytes).expect("damaged");
    let started = Node::start(b.home.clone(), RunOptions::default()).await;
    let error = started.err().expect("it is damaged").to_string();
    assert!(error.contains("liaison doctor"), "{error}");

    let report = doctor(b, &[]).await;
    assert!(health(&report, "store", "broken").is_some(), "{report}");
    let key = b.home.dir().join("keys/signing.key");
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode));
    mode(0o644).expect("chmod");
    let report = doctor(b, &["--repair", "--yes"]).await;
    assert!(health(&report, "store", "done").is_some(), "{report}");
    assert!(health(&report, "modes", "done").is_some(), "{report}");
    let now = std::fs::metadata(&key).expect("key").permissions().mode() & 0o777;
    assert_eq!(now, 0o600);
    // Whether peers and policy could be read depends on where the damage is.
    let salvaged = report.to_string().contains("were taken over");
    federation.node("b").start().await;
    if !salvaged {
        for (one, other) in [("b", "a"), ("a", "b")] {
            let card = federation[other].home.dir().join("card.liaison");
            let args = [
                "peer",
                "add",
                &card.to_string_lossy(),
                "--as",
                other,
                "--yes",
            ];
            federation[one].cli(&args).await;
        }
        federation["b"]
            .policy(liaison_tests::federation::OPEN)
            .await;
    }
    federation.connected("a", "b").await;
    federation["b"].holds_all(&ids).await;
    federation.stop().await;
}
