//! Networks that do not cooperate: hosts in network namespaces, agencies behind NAT, a hub
//! between them, and faults in the middle. Nothing is lost, nothing comes twice; how long it
//! took is printed.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use liaison_tests::federation::{OPEN, apply_anyway};
use liaison_tests::netns::{Host, Lab, obstacle};
use liaison_tests::process::Watch;
use liaison_tests::sheet::{self, Row};
use serde_json::Value;

use super::crash::{BINARY, args, import_args, sorted, trends};

const SLOW_LINE: &str = env!("CARGO_BIN_EXE_slow-line");

/// Where the hub and the routers are: the last byte of their addresses.
const HUB: u8 = 10;
const A: u8 = 21;
const B: u8 = 22;
const A_MOVED: u8 = 31;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Between two looks at what is no event.
const LOOK: Duration = Duration::from_millis(250);

/// Two agencies behind NAT that meet through a hub.
struct World {
    // Hosts before the lab: they stop first.
    a: Host,
    b: Host,
    hub: Host,
    rows: Vec<Row>,
    sent: usize,
    lab: Lab,
}

impl World {
    fn new(rows: usize, before: impl FnOnce(&mut Host)) -> Self {
        let mut lab = Lab::new(BINARY);
        let mut hub = lab.hub("hub", HUB);
        let mut a = lab.agency("a", A, &["hub"]);
        let mut b = lab.agency("b", B, &["hub"]);
        before(&mut a);
        hub.start();
        for agency in [&mut a, &mut b] {
            agency.start();
            policy(agency);
            add(&hub, agency);
            add(agency, &hub);
        }
        for agency in [&a, &b] {
            until("the keys statement lists the hub", || {
                let card = agency.home.card_file().expect("card");
                card.statement().is_some_and(|s| !s.hubs.is_empty())
            });
        }
        add(&a, &b);
        add(&b, &a);
        let world = Self {
            a,
            b,
            hub,
            rows: sheet::made_up(rows),
            sent: 0,
            lab,
        };
        world.meet();
        world
    }

    /// Waits until A reaches B through the hub, or directly.
    fn meet(&self) -> Value {
        let mut link = Value::Null;
        until("A reaches B", || {
            link = peer(&self.a, "b");
            link["connected_since"].is_string()
        });
        link
    }

    fn parted(&self) {
        until("A sees that B is away", || {
            !peer(&self.a, "b")["connected_since"].is_string()
        });
    }

    /// Imports the next rows at A.
    fn write(&mut self, count: usize) {
        let rows = &self.rows[self.sent..self.sent + count];
        self.sent += count;
        let file = self.lab.dir().join(format!("{}.csv", self.sent));
        sheet::write(&file, rows);
        let import = import_args(&file);
        self.a.program().json(&args(&import));
    }

    /// Waits until B has all that A wrote.
    fn arrived(&self, watch: &mut Watch) {
        let left = self.sent.saturating_sub(count(&self.b));
        watch.records(left);
        until("B has all", || count(&self.b) >= self.sent);
        assert_eq!(count(&self.b), self.sent);
    }

    /// All that was written is at both, once and whole.
    fn end(mut self) {
        for host in [&mut self.a, &mut self.b, &mut self.hub] {
            host.stop();
        }
        let expected = sorted(self.rows[..self.sent].to_vec());
        let (at_a, rows) = trends(&self.a.home);
        assert_eq!(sorted(rows), expected);
        let (at_b, rows) = trends(&self.b.home);
        assert_eq!(sorted(rows), expected);
        assert_eq!(at_a, at_b);
        let (at_hub, _) = trends(&self.hub.home);
        assert!(at_hub.is_empty(), "the hub holds {}", at_hub.len());
    }
}

#[test]
fn agencies_behind_nat_converge_through_a_hub_whatever_the_network_does() {
    if let Some(why) = obstacle() {
        say(&format!("skipped, no network namespaces here: {why}"));
        return;
    }
    // Each in a network of its own, at the same time: most of it is waiting.
    thread::scope(|scope| {
        for scenario in [
            a_line_is_cut_and_an_address_changes,
            a_line_is_deaf_and_a_hub_is_cut,
            a_hub_restarts_in_mid_transfer,
            a_slow_line_loses_three_of_a_hundred,
            a_line_loses_thirty_of_a_hundred,
        ] {
            scope.spawn(scenario);
        }
    });
}

fn a_line_is_cut_and_an_address_changes() {
    let begun = Instant::now();
    let mut world = World::new(300, |_| {});
    let link = world.meet();
    let way = link["hub"]
        .as_str()
        .map_or("directly", |_| "through the hub");
    took(&format!("two agencies behind NAT meet {way}"), begun);
    let mut watch = Watch::of(&world.b.home);
    let begun = Instant::now();
    world.write(100);
    world.arrived(&mut watch);
    took("100 records are exchanged", begun);

    world.a.cut();
    world.write(100);
    world.parted();
    world.a.mend();
    let begun = Instant::now();
    world.arrived(&mut watch);
    took("a cut link, since it was mended", begun);

    let begun = Instant::now();
    world.a.moves(A, A_MOVED);
    world.write(100);
    world.arrived(&mut watch);
    took("an address change", begun);
    world.end();
}

fn a_line_is_deaf_and_a_hub_is_cut() {
    let mut world = World::new(200, |a| a.only_by(HUB));
    let mut watch = Watch::of(&world.b.home);
    world.a.deafen();
    world.write(100);
    world.parted();
    assert_eq!(count(&world.b), 0, "nothing is sent to who does not answer");
    world.a.mend();
    let begun = Instant::now();
    world.arrived(&mut watch);
    took("a one-way partition, since it was mended", begun);

    world.hub.cut();
    world.write(100);
    world.parted();
    world.hub.mend();
    let begun = Instant::now();
    world.arrived(&mut watch);
    took("a cut hub, since it was mended", begun);
    world.end();
}

fn a_hub_restarts_in_mid_transfer() {
    let mut world = World::new(10_000, |a| a.only_by(HUB));
    let mut watch = Watch::of(&world.b.home);
    let begun = Instant::now();
    world.hub.kill();
    world.write(10_000);
    world.hub.start();
    watch.records(1_000);
    world.hub.kill();
    let at = count(&world.b);
    world.hub.start();
    world.arrived(&mut watch);
    took(&format!("10,000 records, the hub restarted at {at}"), begun);
    world.end();
}

fn a_slow_line_loses_three_of_a_hundred() {
    let mut world = World::new(10_000, |a| {
        a.only_by(HUB);
        a.slow(SLOW_LINE, HUB, 150, 3);
    });
    let mut watch = Watch::of(&world.b.home);
    let begun = Instant::now();
    world.write(10_000);
    world.arrived(&mut watch);
    took("10,000 records with 3 % loss and 300 ms round trip", begun);
    world.end();
}

fn a_line_loses_thirty_of_a_hundred() {
    let mut world = World::new(200, |a| a.only_by(HUB));
    let mut watch = Watch::of(&world.b.home);
    let begun = Instant::now();
    world.a.lose(30);
    world.write(200);
    world.arrived(&mut watch);
    took("200 records with 30 % loss", begun);
    world.a.mend();
    world.end();
}

/// All to every peer, but nothing to the hub.
fn policy(host: &Host) {
    let cedar = format!(
        r#"{OPEN}
@id("nothing-to-hubs") @says("Hubs carry and read nothing.")
forbid (principal, action == Action::"share", resource) when {{ principal.sector == Sector::"hub" }};
"#
    );
    let dir = host.home.policy_dir();
    std::fs::write(dir.join("policy.cedar"), cedar).expect("policy");
    host.program().ok(&args(&apply_anyway(&dir)));
}

fn add(host: &Host, other: &Host) {
    let card = other.card();
    host.program()
        .ok(&["peer", "add", &card, "--as", &other.name, "--yes"]);
}

fn peer(host: &Host, name: &str) -> Value {
    let peers = host.program().json(&["status"]);
    let all = peers["peers"].as_array().expect("peers");
    let found = all.iter().find(|p| p["peer"] == name);
    found.cloned().unwrap_or_else(|| panic!("no peer {name}"))
}

fn count(host: &Host) -> usize {
    host.program().count(&["kind:trend"])
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::sleep(LOOK);
    }
}

fn took(what: &str, begun: Instant) {
    say(&format!("{what}: {:.1} s", begun.elapsed().as_secs_f64()));
}

/// Seen also where tests that pass print nothing.
fn say(what: &str) {
    let _unseen = writeln!(std::io::stderr(), "netns: {what}");
}
