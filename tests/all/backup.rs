//! A node that was backed up comes back, and nothing comes back with it that was withdrawn.

use std::path::{Path, PathBuf};

use liaison_node::store::Flags;
use liaison_node::swarm::Direction;
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::Message;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::{Federation, TestNode};
use serde_json::Value;

use crate::doctor::{doctor, grep, health};
use crate::first::trend;
use crate::set_back::pair;
use crate::sharing::content;

/// A file of the federation's folder, as the command line takes it.
pub(crate) fn place(federation: &Federation, name: &str) -> String {
    federation.dir().join(name).to_string_lossy().into_owned()
}

pub(crate) fn key_file(federation: &Federation) -> String {
    let key = place(federation, "backup.key");
    std::fs::write(&key, "correct horse battery staple\n").expect("key file");
    key
}

pub(crate) async fn backup(node: &TestNode, file: &str, key: &str, options: &[&str]) -> Value {
    let args = [&["backup", file, "--key-file", key, "--json"], options].concat();
    node.cli(&args).await.expect_code(0).json()
}

/// Moves a stopped node's home away.
pub(crate) fn lose(node: &TestNode, aside: &str) -> PathBuf {
    let aside = node.home.dir().with_file_name(aside);
    std::fs::rename(node.home.dir(), &aside).expect("moved");
    aside
}

fn flags(node: &TestNode, id: &RecordId) -> Flags {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("it has it");
    store
        .header(arrival)
        .expect("store")
        .expect("a header")
        .flags
}

async fn count(node: &TestNode, words: &str) -> u64 {
    let found = node.json(&["query", words, "--count"]).await;
    found["count"].as_u64().expect("a number")
}

/// `b` between `a` and `c`, which share everything with it.
async fn between() -> Federation {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
    }
    federation.link("a", "b").await;
    federation.link("b", "c").await;
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_restored_node_applies_what_it_missed_before_it_serves() {
    let mut federation = between().await;
    let [withdrawn, stays] = ["Quittenmarke", "Zwetschgenmarke"].map(trend);
    let withdrawn = federation["a"].push(&withdrawn, &[]).await;
    let stays = federation["a"].push(&stays, &[]).await;
    let of_c = federation["c"].push(&trend("Schlehenmarke"), &[]).await;
    let own = federation["b"].push(&trend("Mispelmarke"), &[]).await;
    federation["b"].holds_all(&[withdrawn, stays, of_c]).await;
    federation["a"].holds_all(&[own]).await;
    federation.settled().await;
    let (file, key) = (place(&federation, "b.backup"), key_file(&federation));
    let made = backup(&federation["b"], &file, &key, &["--with-keys"]).await;
    assert_eq!(made["part"], "with-keys");

    // What the backup does not know of: withdrawn by its author, and by b itself.
    for (node, id) in [("a", withdrawn), ("b", own)] {
        let args = ["retract", "--yes", &id.full(), "--reason", "error"];
        federation[node].cli(&args).await.expect_code(0);
    }
    let later = federation["b"].push(&trend("Vogelbeermarke"), &[]).await;
    federation["a"].holds_all(&[later]).await;
    federation.settled().await;
    assert!(flags(&federation["b"], &withdrawn).contains(Flags::ERASED));
    assert!(flags(&federation["a"], &own).contains(Flags::ERASED));
    let before = federation["b"].node().store.incarnation().expect("store");
    federation.stop().await;
    lose(&federation["b"], "b.lost");
    let args = ["restore", &file, "--key-file", &key];
    let said = federation["b"].cli(&args).await.expect_code(0);
    assert!(said.out.contains("locked"), "{said:?}");

    // Alone it shows nothing of it, passes nothing on, signs nothing.
    federation.node("b").start().await;
    let b = &federation["b"];
    assert_ne!(b.node().store.incarnation().expect("store"), before);
    for id in [withdrawn, stays, of_c, own] {
        assert!(flags(b, &id).contains(Flags::LOCKED));
        let shown = b.cli(&["show", &id.full()]).await.expect_code(1);
        assert!(shown.err.contains("locked"), "{shown:?}");
        let args = ["policy", "explain", &id.full(), "a"];
        let explained = b.cli(&args).await.expect_code(1);
        assert!(explained.err.contains("locked"), "{explained:?}");
    }
    assert_eq!(count(b, "kind:trend").await, 0);
    let refused = b
        .cli_in(&["push", "-"], &trend("Too early").to_string())
        .await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("nothing is signed"), "{refused:?}");
    let status = b.json(&["status"]).await;
    assert!(status["alerts"].to_string().contains("restore status"));
    b.tap.clear();

    // a tells what it missed; c is not there.
    federation.node("a").start().await;
    federation.connected("a", "b").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    b.heard_from(a).await;
    assert!(flags(b, &withdrawn).contains(Flags::ERASED));
    assert!(!flags(b, &stays).contains(Flags::LOCKED));
    assert!(flags(b, &of_c).contains(Flags::LOCKED));
    assert!(flags(b, &own).contains(Flags::LOCKED) || flags(b, &own).contains(Flags::ERASED));
    federation.settled().await;
    assert_eq!(count(b, "quittenmarke").await, 0);
    assert_eq!(count(b, "zwetschgenmarke").await, 1);
    let waits = b.json(&["restore", "status"]).await;
    assert_eq!(waits["waiting"][0]["name"], "c", "{waits}");
    assert_eq!(
        waits["waiting"].as_array().map(Vec::len),
        Some(1),
        "{waits}"
    );
    let refused = b
        .cli_in(&["push", "-"], &trend("Too early").to_string())
        .await;
    assert_eq!(refused.code, 1, "{refused:?}");

    // An administrator waits no longer for c: the rest is unlocked, and it signs again.
    let args = ["restore", "release", "c", "--reason", "telephoned"];
    let unasked = b.cli(&args).await.expect_code(2);
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    assert!(flags(b, &of_c).contains(Flags::LOCKED));
    let args = [&args[..], &["--yes"]].concat();
    b.cli(&args).await.expect_code(0);
    assert!(!flags(b, &of_c).contains(Flags::LOCKED));
    assert!(flags(b, &own).contains(Flags::ERASED), "its own retraction");
    assert_eq!(count(b, "schlehenmarke").await, 1);
    let new = b.push(&trend("Holundermarke"), &[]).await;
    a.holds_all(&[new, later]).await;
    // What was withdrawn was offered to nobody, and nobody was alarmed by a second card.
    assert!(!b.tap.sent_contains(&a.agency, b"Quittenmarke"));
    let status = a.json(&["status"]).await;
    assert!(
        !status["alerts"].to_string().contains("same revision"),
        "{status}"
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_what_is_unlocked_goes_to_peers_that_are_connected_already() {
    let mut federation = between().await;
    // a and c are away, so that nobody but b has it.
    for name in ["a", "c"] {
        federation.node(name).stop().await;
    }
    let own = federation["b"].push(&trend("Mispelmarke"), &[]).await;
    let (file, key) = (place(&federation, "b.backup"), key_file(&federation));
    backup(&federation["b"], &file, &key, &["--with-keys"]).await;
    federation.node("b").stop().await;
    lose(&federation["b"], "b.lost");
    let args = ["restore", &file, "--key-file", &key];
    federation["b"].cli(&args).await.expect_code(0);
    for name in ["b", "c"] {
        federation.node(name).start().await;
    }
    federation.connected("b", "c").await;
    let [b, c] = ["b", "c"].map(|n| &federation[n]);
    b.heard_from(c).await;
    federation.settled().await;
    assert!(flags(b, &own).contains(Flags::LOCKED), "it waits for a");
    assert!(!c.holds().contains(&own));

    let args = ["restore", "release", "a", "--reason", "telephoned", "--yes"];
    b.cli(&args).await.expect_code(0);
    c.holds_all(&[own]).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_backup_of_a_running_node_is_whole_and_opens_to_its_key_only() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    for n in 0..20 {
        federation["a"]
            .push(&trend(&format!("Marke {n}")), &[])
            .await;
    }
    federation.settled().await;
    let key = key_file(&federation);
    let [file, keys] = ["a.backup", "keys.backup"].map(|n| place(&federation, n));
    backup(&federation["a"], &file, &key, &[]).await;
    backup(&federation["a"], &keys, &key, &["--only-keys"]).await;
    let again = ["backup", &file, "--key-file", &key];
    federation["a"].cli(&again).await.expect_code(1);
    let bytes = std::fs::read(&file).expect("backup");
    for secret in [&b"Marke 7"[..], b"permit", b"share-all"] {
        let found = bytes.windows(secret.len()).any(|w| w == secret);
        assert!(!found, "{} in clear", String::from_utf8_lossy(secret));
    }

    // Whole; and neither under another key, nor changed, nor cut short.
    let verify = |file: String, key: String| {
        let a = &federation["a"];
        async move {
            let args = ["backup", "verify", &file, "--key-file", &key];
            a.cli(&args).await
        }
    };
    let whole = verify(file.clone(), key.clone()).await.expect_code(0);
    assert!(whole.out.starts_with("Whole"), "{whole:?}");
    let other = place(&federation, "other.key");
    std::fs::write(&other, "incorrect horse battery staple").expect("key file");
    verify(file.clone(), other).await.expect_code(1);
    let bad = place(&federation, "bad.backup");
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    for bytes in [&changed[..], &bytes[..bytes.len() / 2], &[]] {
        std::fs::write(&bad, bytes).expect("write");
        let said = verify(bad.clone(), key.clone()).await.expect_code(1);
        assert!(
            said.err.contains("damaged") || said.err.contains("backup"),
            "{said:?}"
        );
    }

    // Back again, without its peers: the same store but for what a restore changes.
    let before = content(&federation["a"]);
    federation.stop().await;
    let lost = lose(&federation["a"], "a.lost");
    let a = &federation["a"];
    for (from, has_keys) in [(&file, false), (&keys, true)] {
        let args = ["restore", from, "--key-file", &key, "--json"];
        let said = a.cli(&args).await.expect_code(0).json();
        assert_eq!(said["has_keys"], has_keys, "{said}");
    }
    let twice = ["restore", &file, "--key-file", &key];
    let said = a.cli(&twice).await.expect_code(1);
    assert!(said.err.contains("not empty"), "{said:?}");
    for name in ["config.toml", "policy/policy.cedar", "keys/signing.key"] {
        let read = |dir: &Path| std::fs::read(dir.join(name)).expect("a file");
        assert!(read(&lost) == read(a.home.dir()), "{name}");
    }
    federation.node("a").start().await;
    let a = &federation["a"];
    let args = ["restore", "release", "--all", "--reason", "test", "--yes"];
    a.cli(&args).await.expect_code(0);
    let after = content(a);
    let records = |content: &[String]| -> Vec<String> {
        let kept = |line: &&String| line.contains("Header") || line.contains("Marke");
        content.iter().filter(kept).cloned().collect()
    };
    let (before, after) = (records(&before), records(&after));
    assert!(
        before.len() >= 40 && after.starts_with(&before),
        "{before:#?} {after:#?}"
    );
    federation.stop().await;
}

/// Restores a node of a backup, as it was or was not.
pub(crate) async fn restore(node: &TestNode, file: &str, key: &str) {
    let args = ["restore", file, "--key-file", key];
    node.cli(&args).await.expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_who_may_have_a_record_is_not_wider_after_a_restore() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c"] {
        federation.add(name, "border", "QN").await;
    }
    for peer in ["b", "c"] {
        federation.link("a", peer).await;
    }
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    let narrowed = trend("Quittenmarke");
    let narrowed = federation["a"].push(&narrowed, &["--to", "b,c"]).await;
    for name in ["b", "c"] {
        federation[name].holds_all(&[narrowed]).await;
    }
    federation.settled().await;
    let (file, key) = (place(&federation, "a.backup"), key_file(&federation));
    backup(&federation["a"], &file, &key, &["--with-keys"]).await;

    // After the backup: one is taken back from c, one goes to b alone.
    let a = &federation["a"];
    a.json(&["audience", &narrowed.full(), "--to", "b"]).await;
    let given = a.push(&trend("Mispelmarke"), &["--to", "b"]).await;
    federation["b"].holds_all(&[given]).await;
    federation.settled().await;
    assert!(flags(&federation["c"], &narrowed).contains(Flags::ERASED));
    federation.stop().await;
    lose(&federation["a"], "a.lost");
    restore(&federation["a"], &file, &key).await;

    for name in ["a", "b", "c"] {
        federation.node(name).start().await;
    }
    for peer in ["b", "c"] {
        federation.connected("a", peer).await;
    }
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    a.holds_all(&[given]).await;
    for peer in [b, c] {
        a.heard_from(peer).await;
    }
    federation.settled().await;
    for id in [given, narrowed] {
        assert!(!c.holds().contains(&id), "c has {}", id.short());
    }
    assert!(!a.tap.sent_contains(&c.agency, b"Mispelmarke"));
    // An officer is told, and decides.
    let undecided = a.json(&["restore", "status"]).await["undecided"].to_string();
    let status = a.json(&["status"]).await["alerts"].to_string();
    assert!(status.contains("distribution list"), "{status}");
    for id in [given, narrowed] {
        assert!(undecided.contains(&id.full()), "{undecided}");
        a.json(&["audience", &id.full(), "--to", "b,c"]).await;
    }
    // Also the one that it erased by a withdrawal that the backup did not know of.
    c.holds_all(&[given, narrowed]).await;
    let left = a.json(&["restore", "status"]).await;
    assert_eq!(
        left["undecided"].as_array().map(Vec::len),
        Some(0),
        "{left}"
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e38_a_recall_erases_although_nothing_may_be_signed_yet() {
    let mut federation = Federation::new();
    for name in ["a", "b", "c", "d"] {
        federation.add(name, "border", "QN").await;
    }
    for (one, other) in [("a", "b"), ("b", "c"), ("c", "d")] {
        federation.link(one, other).await;
    }
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation["d"].adds(&federation["b"]).await;
    let ids = [
        federation["b"].push(&trend("Quittenmarke"), &[]).await,
        federation["b"].push(&trend("Mispelmarke"), &[]).await,
    ];
    for name in ["c", "d"] {
        federation[name].holds_all(&ids).await;
    }
    federation.settled().await;
    let (file, key) = (place(&federation, "c.backup"), key_file(&federation));
    backup(&federation["c"], &file, &key, &["--with-keys"]).await;
    for name in ["c", "d"] {
        federation.node(name).stop().await;
    }
    lose(&federation["c"], "c.lost");
    restore(&federation["c"], &file, &key).await;
    for id in &ids {
        federation["b"]
            .json(&["audience", &id.full(), "--to", "a"])
            .await;
    }

    // d is not there: c signs nothing, and erases both all the same.
    federation.node("c").start().await;
    federation.connected("b", "c").await;
    for id in &ids {
        emptied(&federation["c"], id).await;
    }
    assert!(federation["c"].node().catch_up.waiting().is_some());
    // Killed before a word was said of it, it goes on where it stood.
    federation.node("c").stop().await;
    federation.node("c").start().await;
    federation.node("d").start().await;
    federation.connected("b", "c").await;
    federation.connected("c", "d").await;
    let [b, d] = ["b", "d"].map(|n| &federation[n]);
    for id in &ids {
        emptied(d, id).await;
        told(b, id, |recipient| {
            recipient["state"] == "erased" && recipient["passed_on"]["erased"] == 1
        })
        .await;
    }
    federation.stop().await;
}

/// A peer that has told all says so. A restored node that could not take something of it yet (a
/// withdrawal, whose key it does not know) does not take its word for it.
#[tokio::test(flavor = "multi_thread")]
async fn e38_what_waits_for_a_card_keeps_what_came_from_a_peer_locked() {
    const NO_CARDS: &str = r#"
@id("no-cards") @says("Cards are taken from their agencies only.")
forbid (principal, action == Action::"accept", resource)
when { resource.kind == Kind::"contact" };
"#;
    let mut federation = Federation::new();
    for name in ["x", "a", "b"] {
        federation.add(name, "border", "QN").await;
    }
    for (one, other) in [("x", "a"), ("a", "b")] {
        federation.link(one, other).await;
    }
    for node in federation.all() {
        node.policy(OPEN).await;
    }
    federation["b"].adds(&federation["x"]).await;
    let withdrawn = federation["x"].push(&trend("Quittenmarke"), &[]).await;
    federation["b"].holds_all(&[withdrawn]).await;
    federation["b"].policy(&format!("{OPEN}{NO_CARDS}")).await;
    federation.settled().await;
    let (file, key) = (place(&federation, "b.backup"), key_file(&federation));
    backup(&federation["b"], &file, &key, &["--with-keys"]).await;
    federation.node("b").stop().await;
    lose(&federation["b"], "b.lost");

    // x takes it back under its next key, and is gone.
    let [x, a] = ["x", "a"].map(|n| &federation[n]);
    crate::keys::change(x, "rotate").await;
    let args = ["retract", "--yes", &withdrawn.full(), "--reason", "error"];
    x.cli(&args).await.expect_code(0);
    emptied(a, &withdrawn).await;
    federation.settled().await;
    federation.node("x").stop().await;
    restore(&federation["b"], &file, &key).await;
    federation["b"].tap.clear();
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    // A repair of its own that begins now, so that a's word for it is the one that counts.
    b.tap.clear();
    b.policy(&format!("{OPEN}{NO_CARDS}\n// Again.\n")).await;
    b.tap
        .until("that a has told all", |frames| {
            let of_a = || frames.iter().filter(|f| f.peer == a.agency);
            let mut backwards = of_a().rev();
            let last = backwards.find_map(|f| match (f.direction, f.message()) {
                (Direction::Out, Message::Nonce(nonce)) => Some(nonce),
                _ => None,
            });
            last.is_some_and(|last| {
                let settled = Message::Settled(last);
                of_a().any(|f| f.direction == Direction::In && f.message() == settled)
            })
        })
        .await;
    // What comes after it on the same stream: the notice was taken note of.
    let later = a.push(&trend("Mispelmarke"), &[]).await;
    b.holds_all(&[later]).await;
    assert!(b.node().catch_up.waits_for(&a.agency));
    assert!(flags(b, &withdrawn).contains(Flags::LOCKED));

    // With the card comes the withdrawal, and nothing is left to wait for.
    b.policy(OPEN).await;
    b.heard_from(a).await;
    assert!(flags(b, &withdrawn).contains(Flags::ERASED));
    federation.stop().await;
}

/// Waits until a node's copy is erased.
async fn emptied(node: &TestNode, id: &RecordId) {
    let erased = async {
        while !flags(node, id).contains(Flags::ERASED) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, erased).await.is_err() {
        panic!("{} has {} still", node.name, id.short());
    }
}

/// Waits until what a node says of c as a recipient is as it should be.
async fn told(node: &TestNode, id: &RecordId, is: impl Fn(&Value) -> bool) {
    let mut last = Value::Null;
    let done = async {
        loop {
            last = node.json(&["show", &id.full()]).await;
            let recipients = last["recipients"].as_array().cloned().unwrap_or_default();
            if recipients.iter().any(|r| r["peer"] == "c" && is(r)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, done).await.is_ok();
    assert!(done, "{}: {last:#}", node.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_backup_from_before_a_retraction_brings_no_text_back_once_compacted() {
    let mut federation = pair("127.3.9").await;
    let withdrawn = trend("Quittenmarke verschollen");
    let withdrawn = federation["a"].push(&withdrawn, &[]).await;
    let stays = federation["a"].push(&trend("Zwetschgenmarke"), &[]).await;
    federation["b"].holds_all(&[withdrawn, stays]).await;
    federation.settled().await;
    let (file, key) = (place(&federation, "b.backup"), key_file(&federation));
    backup(&federation["b"], &file, &key, &["--with-keys"]).await;

    // The log goes on after the backup, and a holds its head; then the record is withdrawn.
    federation.node("b").stop().await;
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let witnessed = async {
        loop {
            let verify = ["audit", "verify", "--witness", "--json"];
            let report = federation["b"].cli(&verify).await.expect_code(0).json();
            let log = federation["b"]
                .json(&["audit", "log", "--limit", "1000"])
                .await;
            let lines = log["lines"].as_array().expect("lines");
            let backup = lines.iter().find(|l| l["by"] == "POST /v1/backup");
            let backup = backup.and_then(|l| l["n"].as_u64()).expect("a line");
            if report["witnessed"].as_u64() > Some(backup + 2) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, witnessed)
        .await
        .expect("it is witnessed");
    let args = ["retract", "--yes", &withdrawn.full(), "--reason", "error"];
    federation["a"].cli(&args).await.expect_code(0);
    federation.settled().await;
    assert!(flags(&federation["b"], &withdrawn).contains(Flags::ERASED));
    federation.node("b").stop().await;
    let lost = lose(&federation["b"], "b.lost");

    let args = ["restore", &file, "--key-file", &key];
    federation["b"].cli(&args).await.expect_code(0);
    let text = grep(federation["b"].home.dir(), b"Quittenmarke");
    assert!(!text.is_empty(), "the test finds nothing to begin with");
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation["b"].heard_from(&federation["a"]).await;
    federation.settled().await;
    assert!(flags(&federation["b"], &withdrawn).contains(Flags::ERASED));
    assert_eq!(count(&federation["b"], "zwetschgenmarke").await, 1);
    assert_eq!(count(&federation["b"], "quittenmarke").await, 0);
    // The log tells that it was restored, and what was lost with that, by what a witnessed.
    let verify = ["audit", "verify", "--witness", "--json"];
    let report = federation["b"].cli(&verify).await.expect_code(0).json();
    let restores = report["restores"].to_string();
    assert!(restores.contains("came back from the backup"), "{report}");
    assert!(restores.contains("of then are lost"), "{report}");

    federation.stop().await;
    let b = &federation["b"];
    let report = doctor(b, &["--compact"]).await;
    assert!(health(&report, "store", "done").is_some(), "{report}");
    for word in ["Quittenmarke", "quittenmarke", "verschollen"] {
        assert_eq!(grep(b.home.dir(), word.as_bytes()), Vec::<String>::new());
    }
    assert!(!grep(b.home.dir(), b"Zwetschgenmarke").is_empty());
    // What was lost with the old disk is not the backup's to clean.
    assert!(!grep(&lost, b"Quittenmarke").is_empty());
}

/// What it carried for others was collected, taken back or has ended since; the rest is deposited
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_comes_back_from_a_backup_carries_nothing_of_then() {
    let mut federation = Federation::new();
    let hub = federation.prepare("hub", "police", "QO");
    hub.configure("[hub]\n");
    hub.start().await;
    let hub = &federation["hub"];
    let carried = hub.home.mailbox_dir().join("of-an-agency");
    std::fs::create_dir_all(&carried).expect("a folder");
    std::fs::write(carried.join("parcel"), b"Quittenmarke").expect("a parcel");
    let (file, key) = (place(&federation, "hub.backup"), key_file(&federation));
    backup(hub, &file, &key, &["--with-keys"]).await;
    federation.node("hub").stop().await;
    lose(&federation["hub"], "hub.lost");
    let args = ["restore", &file, "--key-file", &key];
    federation["hub"].cli(&args).await.expect_code(0);
    let home = federation["hub"].home.dir().to_owned();
    assert_eq!(grep(&home, b"Quittenmarke"), Vec::<String>::new());
    federation.node("hub").start().await;
    federation.stop().await;
}
