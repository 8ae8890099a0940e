//! The runbook's commands are run as they stand there, and print what it says.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::home::Home;
use liaison_protocol::clock::Millis;
use liaison_tests::Federation;
use liaison_tests::address::own_address;
use liaison_tests::federation::{OPEN, PATIENCE, apply_anyway};
use liaison_tests::process::{Program, Site, succeeded};
use liaison_tests::runbook::{Machines, Runbook};
use liaison_tests::sheet;
use serde_json::Value;

use crate::crash::BINARY;
use crate::parcels::CARRY;

fn runbook() -> Runbook {
    let file = sheet::workspace().join("deploy/RUNBOOK.md");
    Runbook::read(&std::fs::read_to_string(file).expect("the runbook"))
}

fn applies_a_policy(node: &Program, dir: &Path) {
    std::fs::write(dir.join("policy.cedar"), OPEN).expect("policy");
    let apply = apply_anyway(dir);
    node.ok(&apply.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The reader's node, with figures and what else its configuration has, in a folder that is there
/// or not yet.
fn narova(machines: &mut Machines, home: &Path, more: &str) {
    let site = Site::init(BINARY, home, "Narova Border Police");
    let address = own_address();
    let config = format!("[metrics]\nlisten = \"{address}\"\n{more}");
    std::fs::write(site.home.config_path(), config).expect("config");
    machines.figures_at(address);
    machines.add("narova", site);
    let policy = machines.node("narova").json(&["status"]);
    assert_eq!(policy["policy"]["applied"], false);
    applies_a_policy(machines.node("narova"), &home.join("policy"));
}

/// A peer's node.
fn lantern(machines: &mut Machines, home: &Path, config: &str) {
    let site = Site::init(BINARY, home, "Lantern House");
    std::fs::write(site.home.config_path(), config).expect("config");
    machines.add("lantern", site);
    applies_a_policy(machines.node("lantern"), &home.join("policy"));
}

/// Lets two machines' nodes take each other's card, under these names.
fn link(machines: &Machines, dir: &Path, one: (&str, &str), other: (&str, &str)) {
    for ((at, _), (of, alias)) in [(one, other), (other, one)] {
        let card = dir.join(of).join("card.liaison");
        let card = card.to_string_lossy();
        let digits = machines.node(at).json(&["card", "show", &card]);
        let digits = digits["fingerprint"].as_str().expect("digits").to_owned();
        let add = [
            "peer",
            "add",
            &card,
            "--as",
            alias,
            "--fingerprint",
            &digits,
        ];
        machines.node(at).ok(&add);
    }
}

/// Writes a draft, as the runbook has it.
fn draft(machines: &Machines) -> String {
    let template = machines.node("narova").ok(&["record", "template", "trend"]);
    std::fs::write(machines.backups().join("draft.json"), &template).expect("draft");
    template
}

/// Once it signs again, if it came back from a backup.
fn push(machines: &Machines) {
    let (draft, narova) = (draft(machines), machines.node("narova"));
    let hears = |v: &Value| v["waiting"].as_array().is_some_and(Vec::is_empty);
    narova.until(&["restore", "status"], hears);
    succeeded(&narova.cli(&["push", "-", "--yes"], &draft));
}

/// The reader's node and a peer's, linked, and a record that the peer has.
fn two(dir: &Path) -> Machines {
    let mut machines = Machines::new(BINARY, dir);
    narova(&mut machines, &dir.join("narova"), "");
    lantern(&mut machines, &dir.join("lantern"), "");
    link(&machines, dir, ("narova", "narova"), ("lantern", "lantern"));
    push(&machines);
    machines.node("lantern").holds(&["kind:trend"], 1);
    machines
}

/// Two hubs, and two agencies that use both; one of these is away, and a parcel for it lies at the
/// first hub.
fn around_hubs(dir: &Path) -> Machines {
    let mut machines = Machines::new(BINARY, dir);
    for (hub, name) in [("hub", "Joint Office"), ("second", "Second Office")] {
        let site = Site::of_sector(BINARY, &dir.join(hub), name, "hub");
        std::fs::write(site.home.config_path(), "[hub]\n").expect("config");
        machines.add(hub, site);
        let policy = dir.join(hub).join("policy");
        std::fs::write(policy.join("policy.cedar"), CARRY).expect("policy");
        let apply = apply_anyway(&policy);
        let apply: Vec<&str> = apply.iter().map(String::as_str).collect();
        machines.node(hub).ok(&apply);
    }
    // A minute and more are waited for where people read this.
    let uses = "[hubs]\nuse = [\"hub-sar\", \"hub-two\"]\nafter_s = 1\n";
    narova(&mut machines, &dir.join("narova"), uses);
    lantern(&mut machines, &dir.join("lantern"), uses);
    for member in ["narova", "lantern"] {
        for (hub, alias) in [("hub", "hub-sar"), ("second", "hub-two")] {
            link(&machines, dir, (member, member), (hub, alias));
        }
        lists_hubs(&dir.join(member), 2);
    }
    link(&machines, dir, ("narova", "narova"), ("lantern", "lantern"));
    // By the line between them: whom nobody saw yet is away, and sent a parcel.
    for (at, other) in [("narova", "lantern"), ("lantern", "narova")] {
        machines.node(at).until(&["status"], |found| {
            let mut peers = found["peers"].as_array().expect("peers").iter();
            peers.any(|p| p["peer"] == other && !p["connected_since"].is_null())
        });
    }
    push(&machines);
    machines.node("lantern").holds(&["kind:trend"], 1);
    machines.node("narova").until(&["parcels"], |found| {
        found["parcels"].as_array().expect("parcels").is_empty()
    });
    machines.stop("lantern");
    push(&machines);
    machines.node("narova").until(&["parcels"], |found| {
        let all = found["parcels"].as_array().expect("parcels");
        all.iter()
            .any(|one| one["hub"] == "hub-sar" && one["state"] == "waits")
    });
    machines
}

/// Waits until a node's card says over how many hubs it is reached.
fn lists_hubs(home: &Path, count: usize) {
    let end = Instant::now() + PATIENCE;
    loop {
        let card = Home::at(home).card_file().expect("a card");
        if card.statement().is_some_and(|s| s.hubs.len() == count) {
            return;
        }
        assert!(Instant::now() < end, "the card lists no hubs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The peer comes back while who sent it something is away: it gets it from a hub.
fn comes_by_a_hub(machines: &mut Machines) {
    machines.stop("narova");
    machines.start("lantern");
    machines.node("lantern").holds(&["kind:trend"], 2);
}

/// Which test runs which chapter: a chapter that none runs would be one that nobody tried.
const RUN_HERE: [&str; 14] = [
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
    "A hub's disk is stolen",
    "Upgrade",
    "Upgrade: the way back",
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
    machines.start("lantern");
    machines.play(&runbook, "A peer is compromised");
}

#[test]
fn e27_runbook_a_hub_is_down_and_the_second_takes_over() {
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), around_hubs(dir.path()));
    machines.stop("hub");
    machines.play(&runbook, "A hub is down");
    machines.stop("hub");
    comes_by_a_hub(&mut machines);
}

#[test]
fn runbook_a_hub_s_disk_is_stolen() {
    if !solves() {
        println!("SKIPPED: the hub's policy is proven, by cvc5, which is not here");
        return;
    }
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), around_hubs(dir.path()));
    let safe = machines.safe();
    let root = safe.join("root.key");
    let remove = ["keys", "root", "remove", "--to", &root.to_string_lossy()];
    machines.node("hub").ok(&remove);
    let before = machines.node("hub").json(&["status"]);
    for (of, copy) in [("hub", "hub.card"), ("narova", "narova.card")] {
        let card = dir.path().join(of).join("card.liaison");
        std::fs::copy(card, safe.join(copy)).expect("a copy");
    }
    machines.stop("hub");
    let home = dir.path().join("hub");
    std::fs::rename(&home, dir.path().join("thief")).expect("stolen");
    machines.play(&runbook, "A hub's disk is stolen");
    let after = machines.node("hub").json(&["status"]);
    assert_eq!(after["fingerprint"], before["fingerprint"]);
    // Under the stolen keys nobody gets in any more: whoever has the disk starts its node.
    let thief = Program::start(BINARY, &dir.path().join("thief"), "127.0.0.1:0");
    let tried = thief.cli(&["peer", "test", "narova", "--json"], "");
    let says = String::from_utf8_lossy(&tried.stdout);
    assert_ne!(tried.status.code(), Some(0), "{says}");
    let tried: Value = serde_json::from_str(&says).expect("JSON");
    let steps = tried["steps"].as_array().expect("steps");
    let step = |name: &str| steps.iter().find(|step| step["step"] == name);
    assert_eq!(step("connect").expect("a step")["ok"], true, "{says}");
    assert_eq!(
        step("known-to-them").expect("a step")["ok"],
        false,
        "{says}"
    );
    assert_eq!(thief.terminate(), Some(0));
    comes_by_a_hub(&mut machines);
}

#[test]
fn runbook_a_node_is_upgraded_and_goes_back() {
    let dir = tempfile::tempdir().expect("folder");
    let (runbook, mut machines) = (runbook(), two(dir.path()));
    machines.play(&runbook, "Upgrade");
    push(&machines);
    machines.node("lantern").holds(&["kind:trend"], 2);
    machines.play(&runbook, "Upgrade: the way back");
    // What the newer program wrote comes back from who has it.
    machines.node("narova").holds(&["kind:trend"], 2);
    push(&machines);
    machines.node("lantern").holds(&["kind:trend"], 3);
}

fn solves() -> bool {
    Command::new("cvc5").arg("--version").output().is_ok()
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
    narova(&mut machines, &small.join("narova"), "");
    draft(&machines);
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
