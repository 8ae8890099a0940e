//! The keyring: what opens it, what is in which archive, what leaves it and when.

use std::path::Path;
use std::sync::Arc;

use liaison_node::clock::{Clock as _, ManualClock, SystemClock};
use liaison_node::limits::{SEALING_KEPT_DAYS, SEALING_KEY_DAYS, SEALING_OVERLAP_DAYS};
use liaison_protocol::id::RecordId;
use liaison_protocol::seal::SealingId;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::process::{Program, Site, run, succeeded};
use liaison_tests::sealed::{marked, name_in, opens, seal};
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::doctor::{doctor, health};

const NAME: &str = "Quittenmarke Zwetschge";
const WORDS: &str = "correct horse battery staple\n";
const OTHER: &str = "incorrect horse battery staple\n";

const BINARY: &str = env!("CARGO_BIN_EXE_liaison-under-test");

fn place(federation: &Federation, name: &str) -> String {
    federation.dir().join(name).to_string_lossy().into_owned()
}

/// A backup of a running node.
pub async fn backup(node: &TestNode, file: &str, key: &str, options: &[&str]) -> Value {
    let args = [&["backup", file, "--key-file", key, "--json"], options].concat();
    node.cli(&args).await.expect_code(0).json()
}

#[test]
fn a_passphrase_is_asked_for_at_the_start_and_another_opens_nothing() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "a");
    let home = site.home.dir();
    let binary = Path::new(BINARY);
    let changed = ["keys", "master", "passphrase", "--new-passphrase-fd", "0"];
    let says = succeeded(&run(binary, home, &changed, WORDS));
    assert!(says.contains("passphrase"), "{says}");
    assert!(
        !home.join("keys/keyring.key").exists(),
        "it opens older copies"
    );
    let start = |input| {
        let args = ["run", "--listen", "127.0.0.1:0", "--passphrase-fd", "0"];
        run(binary, home, &args, input)
    };
    let refused = start(OTHER);
    let err = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(err.contains("another one"), "{err}");
    assert_eq!(refused.status.code(), Some(8), "{err}");
    let none = run(binary, home, &["run", "--listen", "127.0.0.1:0"], "");
    let err = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(err.contains("--passphrase-fd"), "{err}");
    assert_eq!(none.status.code(), Some(8), "{err}");

    let node = Program::start_with(
        BINARY,
        home,
        &site.address,
        &["--passphrase-fd", "0"],
        WORDS,
    );
    let sealing = node.json(&["keys", "sealing"]);
    assert_eq!(sealing["opens_with"], "passphrase");
    assert_eq!(sealing["keys"].as_array().map(Vec::len), Some(1));
    // A crash of it writes no memory to a file.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.pid())).expect("limits");
    let core = limits.lines().find(|l| l.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("core").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{limits}");
    // While it runs nobody changes what opens it.
    let while_it_runs = node.cli(&["keys", "master", "file", "--passphrase-fd", "0"], WORDS);
    let err = String::from_utf8_lossy(&while_it_runs.stderr).into_owned();
    assert!(
        !while_it_runs.status.success() && err.contains("in use"),
        "{err}"
    );
    assert_eq!(node.terminate(), Some(0));
    let back = ["keys", "master", "file", "--passphrase-fd", "0"];
    succeeded(&run(binary, home, &back, WORDS));
    let node = site.start();
    assert_eq!(node.json(&["keys", "sealing"])["opens_with"], "key file");
    assert_eq!(node.terminate(), Some(0));
    // A key file that somebody saw is changed for another.
    let key = || std::fs::read(home.join("keys/keyring.key")).expect("a key file");
    let (seen, old) = (
        key(),
        std::fs::read(home.join("keyring/master")).expect("heading"),
    );
    succeeded(&run(binary, home, &["keys", "master", "file"], ""));
    assert_ne!(key(), seen);
    assert_ne!(
        std::fs::read(home.join("keyring/master")).expect("heading"),
        old
    );
    let keys = std::fs::read_dir(home.join("keys")).expect("folder");
    let mut names = keys.map(|entry| entry.expect("entry").file_name());
    assert!(!names.any(|name| name.to_string_lossy().contains(".new")));
    let node = site.start();
    assert_eq!(
        node.json(&["keys", "sealing"])["keys"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

/// The sealing keys that a node's newest statement lists and that hold now, as a peer has it.
fn listed(at: &TestNode, of: &TestNode) -> Vec<SealingId> {
    let known = at.node().registry.agency(&of.agency).expect("known");
    let statement = known.statement_body().expect("a statement");
    let now = at.node().clock.now();
    let holds = statement.sealing.iter().filter(|key| key.is_valid_at(now));
    holds.map(|key| key.id()).collect()
}

/// Waits until a node's own statement lists these.
async fn lists(node: &TestNode, so: impl Fn(&[SealingId]) -> bool) -> Vec<SealingId> {
    let mut changes = node.node().registry.changes();
    let done = async {
        while !so(&listed(node, node)) {
            changes.changed().await.expect("the node runs");
        }
    };
    if tokio::time::timeout(PATIENCE, done).await.is_err() {
        panic!("{} lists {:?}", node.name, listed(node, node));
    }
    listed(node, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_keys_come_and_go_by_the_clock_and_peers_seal_to_the_newest() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    for name in ["a", "b"] {
        federation
            .prepare(name, "ngo", "QN")
            .with_clock(clock.clone());
        federation.node(name).start().await;
        federation[name].policy(OPEN).await;
    }
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let sealing = b.home.keyring_dir().join("sealing");
    let first = lists(b, |keys| keys.len() == 1).await;
    let file = |id: &SealingId| sealing.join(id.to_string());
    let days = |count: u64| {
        // Never further than a clock is believed at once.
        for _ in 0..count * 2 {
            clock.advance(12 * 60 * 60 * 1000);
            for node in [a, b] {
                node.node().time.trusted().expect("believed");
            }
        }
    };
    // Before the first leaves, there is a second.
    days(SEALING_KEY_DAYS - SEALING_OVERLAP_DAYS);
    let both = lists(b, |keys| keys.len() == 2).await;
    assert_eq!(both[1], first[0]);
    // The first is listed no more, and kept for what is on its way; then it is deleted.
    days(SEALING_OVERLAP_DAYS);
    assert_eq!(listed(b, b), both[..1]);
    assert!(file(&first[0]).exists());
    days(SEALING_KEPT_DAYS + 1);
    // A start looks as well, at once; it believes the clock if what was seen of it is on disk.
    b.node().time.keep().await.expect("kept");
    federation.node("b").stop().await;
    federation.node("b").start().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    assert!(!file(&first[0]).exists(), "the private half is gone");
    let newest = listed(b, b);
    assert!(file(&newest[0]).exists() && newest[0] != both[0]);
    federation.link("a", "b").await;
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    let entry = b.node().vault.keyring().get(&id).expect("keyring");
    assert_eq!(entry.expect("a secret").opened_by, Some(newest[0]));
    assert_eq!(listed(a, b), newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sealing_keys_are_deleted_at_once_and_records_stay_readable() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    let before = b.json(&["keys", "sealing"]).await;
    assert_eq!(
        (&before["readable"], &before["keys"][0]["records"]),
        (&1.into(), &1.into())
    );
    let old = before["keys"][0]["key"].as_str().expect("a key").to_owned();

    // Without --now it only says what it would do, and without a terminal it asks for --yes.
    let says = b.cli(&["keys", "erase"]).await.expect_code(0);
    assert!(
        says.out.contains("stay readable") && says.out.contains("--now"),
        "{says:?}"
    );
    b.cli(&["keys", "erase", "--now"]).await.expect_code(2);
    assert_eq!(
        b.json(&["keys", "sealing"]).await["keys"][0]["key"],
        old.as_str()
    );
    let done = b.json(&["keys", "erase", "--now", "--yes"]).await;
    assert_eq!(done["deleted"], serde_json::json!([old]));
    let key_file = b.home.keyring_dir().join("sealing").join(&old);
    assert!(!key_file.exists());
    assert_eq!(name_in(b, &id).as_deref(), Some(NAME));
    // The peer learns the new one, and seals to it.
    let next = seal(a, &[b], marked("Mispelmarke")).await;
    opens(b, &next).await;
    let after = b.json(&["keys", "sealing"]).await;
    assert_eq!(after["keys"][0]["key"], done["made"][0]);
    assert_eq!(after["keys"][0]["records"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_reads_sealed_records_when_its_keyring_is_back_and_says_so_until_then() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    federation.settled().await;
    let key = place(&federation, "backup.key");
    std::fs::write(&key, WORDS).expect("key file");
    let [store, keyring] = ["b.backup", "b.keyring"].map(|n| place(&federation, n));
    backup(b, &store, &key, &["--with-keys"]).await;
    let made = backup(b, &keyring, &key, &["--keyring"]).await;
    assert_eq!(
        (&made["part"], &made["rows"]),
        (&"keyring-only".into(), &0.into())
    );
    federation.stop().await;
    let lost = federation["b"].home.dir().with_file_name("b.lost");
    std::fs::rename(federation["b"].home.dir(), &lost).expect("lost");

    let restore = |file: &str| {
        let args = ["restore", file, "--key-file", &key].map(str::to_owned);
        args.to_vec()
    };
    let b = &federation["b"];
    let args = restore(&store);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let says = b.cli(&args).await.expect_code(0);
    assert!(says.out.contains("Bring the keyring"), "{says:?}");
    let found = doctor(b, &[]).await;
    let lacking = health(&found, "keyring", "warning").expect("told");
    assert!(
        lacking.contains("1 sealed records") && lacking.contains(&id.short()),
        "{lacking}"
    );

    // It runs without, and shows nothing of it.
    for name in ["a", "b"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    federation["b"].heard_from(&federation["a"]).await;
    assert_eq!(name_in(&federation["b"], &id), None);
    federation.stop().await;
    let b = &federation["b"];
    let args = restore(&keyring);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    b.cli(&args).await.expect_code(0);
    let found = doctor(b, &[]).await;
    assert!(
        health(&found, "keyring", "good").is_some_and(|s| s.contains("1 secrets")),
        "{found}"
    );
    assert!(health(&found, "keyring", "warning").is_none(), "{found}");
    // A keyring that holds something is not replaced.
    let again = b.cli(&args).await.expect_code(1);
    assert!(again.err.contains("is not replaced"), "{again:?}");
    federation.node("b").start().await;
    assert_eq!(name_in(&federation["b"], &id).as_deref(), Some(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_secrets_without_records_and_damaged_ones_and_destroys_the_former() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], marked(NAME)).await;
    let other = seal(a, &[b], marked("Mispelmarke")).await;
    opens(b, &id).await;
    opens(b, &other).await;
    let keyring = b.node().vault.keyring();
    let mut orphan = keyring.get(&id).expect("keyring").expect("a secret");
    orphan.id = RecordId::from_bytes([7; 32]);
    keyring.put(&orphan).expect("put");
    federation.stop().await;
    let b = &federation["b"];
    let entries = b.home.keyring_dir().join("entries");
    std::fs::write(entries.join(other.full()), b"damaged").expect("damaged");

    let found = doctor(b, &[]).await;
    let damaged = health(&found, "keyring", "broken").expect("told");
    assert!(damaged.contains(&other.full()), "{damaged}");
    let says: Vec<&str> = found["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["says"].as_str())
        .collect();
    let all = says.join("\n");
    assert!(all.contains("1 secrets belong to no record here"), "{all}");
    assert!(all.contains(&orphan.id.short()), "{all}");
    assert!(all.contains("1 sealed records can't be read"), "{all}");
    assert!(entries.join(orphan.id.full()).exists(), "only looked at");
    let found = doctor(b, &["--repair", "--yes"]).await;
    assert!(health(&found, "keyring", "done").is_some(), "{found}");
    assert!(!entries.join(orphan.id.full()).exists());
    assert!(entries.join(id.full()).exists());
}
