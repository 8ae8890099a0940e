//! The runbook's commands are run as they stand there, and print what it says.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_protocol::clock::Millis;
use liaison_tests::Federation;
use liaison_tests::federation::{OPEN, apply_anyway};
use liaison_tests::process::{Program, Site, succeeded};
use liaison_tests::runbook::{Machines, Runbook};
use liaison_tests::sheet;

use crate::crash::BINARY;

fn runbook() -> Runbook {
    let file = sheet::workspace().join("deploy/RUNBOOK.md");
    Runbook::read(&std::fs::read_to_string(file).expect("the runbook"))
}

/// An address that was free just now.
fn free() -> std::net::SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("its address")
}

fn applies_a_policy(node: &Program, dir: &Path) {
    std::fs::write(dir.join("policy.cedar"), OPEN).expect("policy");
    let apply = apply_anyway(dir);
    node.ok(&apply.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The reader's node, with figures, in a folder that is there or not yet.
fn narova(machines: &mut Machines, home: &Path) {
    let site = Site::init(BINARY, home, "Narova Border Police");
    let address = free();
    let config = format!("[metrics]\nlisten = \"{address}\"\n");
    std::fs::write(site.home.config_path(), config).expect("config");
    machines.figures_at(address);
    machines.add("narova", site);
    let policy = machines.node("narova").json(&["status"]);
    assert_eq!(policy["policy"]["applied"], false);
    applies_a_policy(machines.node("narova"), &home.join("policy"));
}

/// The reader's node and a peer's, linked, and a record that the peer has.
fn two(dir: &Path) -> Machines {
    let mut machines = Machines::new(BINARY, dir);
    narova(&mut machines, &dir.join("narova"));
    let lantern = Site::init(BINARY, &dir.join("lantern"), "Lantern House");
    machines.add("lantern", lantern);
    applies_a_policy(machines.node("lantern"), &dir.join("lantern/policy"));
    for (at, other) in [("narova", "lantern"), ("lantern", "narova")] {
        let card = dir.join(other).join("card.liaison");
        let card = card.to_string_lossy();
        let digits = machines.node(at).json(&["card", "show", &card]);
        let digits = digits["fingerprint"].as_str().expect("digits").to_owned();
        let add = [
            "peer",
            "add",
            &card,
            "--as",
            other,
            "--fingerprint",
            &digits,
        ];
        machines.node(at).ok(&add);
    }
    let template = machines.node("narova").ok(&["record", "template", "trend"]);
    std::fs::write(machines.backups().join("draft.json"), &template).expect("draft");
    succeeded(
        &machines
            .node("narova")
            .cli(&["push", "-", "--yes"], &template),
    );
    machines.node("lantern").holds(&["kind:trend"], 1);
    machines
}

/// Which test runs which chapter: a chapter that none runs would be one that nobody tried.
const RUN_HERE: [&str; 11] = [
    "First look",
    "The node does not start",
    "A peer is away",
    "A hub is down",
    "A peer is compromised",
    "The disk is full",
    "The clock is wrong",
    "The store or the audit log is damaged",
    "Back from a backup or a snapshot",
    "A key is lost",
    "An officer left",
];

#[test]
fn every_chapter_with_commands_is_run() {
    let runbook = runbook();
    assert_eq!(runbook.chapters().collect::<Vec<_>>(), RUN_HERE);
}

#[test]
fn runbook_a_peer_is_away_and_then_compromised() {
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), two(dir.path()));
    machines.play(&runbook, "First look");
    machines.play(&runbook, "The node does not start");
    machines.play(&runbook, "An officer left");
    machines.stop("lantern");
    machines.play(&runbook, "A peer is away");
    let hub = Site::init(BINARY, &dir.path().join("hub"), "Joint Office");
    std::fs::write(hub.home.config_path(), "[hub]\n").expect("config");
    machines.add("hub", hub);
    // Something that the peer that is away may have.
    let draft = machines.backups().join("draft.json");
    let push = ["push", &draft.to_string_lossy(), "--yes"];
    machines.node("narova").ok(&push);
    machines.play(&runbook, "A hub is down");
    machines.start("lantern");
    machines.play(&runbook, "A peer is compromised");
}

#[test]
fn runbook_a_damaged_store_comes_back_from_its_backup() {
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), two(dir.path()));
    // The backups that somebody made in good time.
    let key = machines.safe().join("backup.key");
    std::fs::write(&key, "correct horse battery staple on paper\n").expect("key");
    let key = key.to_string_lossy();
    for (options, name) in [
        (&[][..], "liaison.backup"),
        (&["--only-keys"], "keys.backup"),
        (&["--keyring"], "keyring.backup"),
    ] {
        let file = machines.backups().join(name);
        let file = file.to_string_lossy();
        let args = [&["backup", "--key-file", &key], options, &[&file]].concat();
        machines.node("narova").ok(&args);
    }
    machines.stop("narova");
    let store = dir.path().join("narova/store");
    for entry in std::fs::read_dir(&store).expect("store") {
        let file = entry.expect("entry").path();
        if file.is_file() {
            let mut bytes = std::fs::read(&file).expect("read");
            for byte in bytes.iter_mut().skip(200).take(600) {
                *byte = !*byte;
            }
            std::fs::write(&file, bytes).expect("damaged");
        }
        if file.to_string_lossy().contains("snap.") {
            std::fs::remove_file(&file).expect("gone");
        }
    }
    machines.play(&runbook, "The store or the audit log is damaged");
    machines.play(&runbook, "Back from a backup or a snapshot");
    machines.node("narova").holds(&["kind:trend"], 1);
}

#[test]
fn runbook_a_node_that_lost_its_disk_comes_back_by_its_root_key() {
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), two(dir.path()));
    let root = machines.safe().join("root.key");
    let remove = ["keys", "root", "remove", "--to", &root.to_string_lossy()];
    machines.node("narova").ok(&remove);
    let before = machines.node("narova").json(&["status"]);
    machines.stop("narova");
    machines.play(&runbook, "A key is lost");
    let after = machines.node("narova").json(&["status"]);
    assert_eq!(after["fingerprint"], before["fingerprint"]);
}

#[test]
fn runbook_a_full_disk_takes_nothing_in_until_there_is_room() {
    let dir = tempfile::tempdir().expect("folder");
    let small = dir.path().join("small");
    std::fs::create_dir(&small).expect("folder");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=192m", "tmpfs"])
        .arg(&small)
        .output();
    if !mount.is_ok_and(|m| m.status.success()) {
        println!("SKIPPED: a small disk needs root, to mount it");
        return;
    }
    struct Unmount<'a>(&'a Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _gone = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let _unmount = Unmount(&small);
    let (runbook, mut machines) = (runbook(), Machines::new(BINARY, dir.path()));
    narova(&mut machines, &small.join("narova"));
    let template = machines.node("narova").ok(&["record", "template", "trend"]);
    std::fs::write(machines.backups().join("draft.json"), &template).expect("draft");
    let ballast = vec![1; 144 * 1024 * 1024];
    std::fs::write(small.join("narova/ballast"), ballast).expect("ballast");
    machines.play(&runbook, "The disk is full");
}

#[tokio::test(flavor = "multi_thread")]
async fn runbook_a_clock_that_is_wrong_is_set_or_confirmed() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let node = federation.prepare("narova", "border", "QN");
    node.with_clock(clock.clone());
    let config = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(node.home.config_path(), config).expect("config");
    node.start().await;
    let node = &federation["narova"];
    node.policy(OPEN).await;
    let figures = liaison_node::metrics::serve(node.node()).await;
    let figures = figures.expect("served").expect("configured");
    clock.set(Millis(SystemClock.now().0 + 3 * 24 * 3_600_000));
    let (dir, home) = (
        tempfile::tempdir().expect("folder"),
        node.home.dir().to_owned(),
    );
    let played = tokio::task::spawn_blocking(move || {
        let mut machines = Machines::new(BINARY, dir.path());
        machines.add_home("narova", &home);
        machines.figures_at(figures);
        machines.play(&runbook(), "The clock is wrong");
    });
    played.await.expect("played");
    federation.stop().await;
}
