//! Parcels: records for agencies that are away go through a hub's mailbox. The hub is a node like
//! any other; agencies are cut off from each other, or stopped, and the clock is the test's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::DAY_MS;
use liaison_node::parcels::{Row, State};
use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::wire::mailbox::Message;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::tap::Frame;
use liaison_tests::{Federation, TestNode, sealed, sheet};
use serde_json::Value;

use crate::first::trend;
use crate::restored::times;

/// What a hub is allowed beside: to keep parcels for all its peers, and nothing else.
pub const CARRY: &str = r#"
@id("carry-all") @says("We keep parcels for every peer.")
permit (principal, action == Action::"carry", resource);
@id("accept-all") @says("Everything is taken from every peer.")
permit (principal, action == Action::"accept", resource);
"#;

/// Seconds without a connection after which a peer is sent parcels in these tests.
pub(crate) const AFTER_S: u64 = 60;

/// Hubs, and agencies that collect from all of them, in this order; all linked, all with a clock
/// that the test sets.
pub(crate) async fn around(hubs: &[&str], agencies: &[&str]) -> (Federation, Arc<ManualClock>) {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let names = hubs.iter().chain(agencies);
    for name in names {
        let is_hub = hubs.contains(name);
        let (sector, country) = if is_hub {
            ("police", "QO")
        } else {
            ("border", "QN")
        };
        let node = federation.prepare(name, sector, country);
        let uses: Vec<String> = hubs.iter().map(|hub| format!("{hub:?}")).collect();
        let mut config = format!("[hubs]\nafter_s = {AFTER_S}\n");
        match is_hub {
            true => config.push_str("[hub]\n"),
            false => config.push_str(&format!("use = [{}]\n", uses.join(", "))),
        }
        std::fs::write(node.home.config_path(), config).expect("configuration");
        node.with_clock(clock.clone()).start().await;
        let policy = if is_hub { CARRY } else { OPEN };
        federation[*name].policy(policy).await;
    }
    federation.link_all().await;
    // Everybody learns where everybody collects.
    for (from, to) in pairs(agencies) {
        lists_hubs(&federation[from], &federation[to], hubs.len()).await;
    }
    federation.settled().await;
    (federation, clock)
}

/// That something stays so for a moment in which it could change: not a proof, but it fails where
/// it must not change and does.
pub(crate) async fn stays(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        assert!(so(), "not so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops a node and waits until those that were connected to it have seen it go: they count how
/// long it is away by the clock, from then on, so that the clock may go on only afterwards.
pub(crate) async fn stops(federation: &mut Federation, clock: &ManualClock, name: &str) {
    let agency = federation[name].agency;
    let all = federation.all();
    let others = all.filter(|node| node.runs() && node.agency != agency && node.is_up(&agency));
    let others: Vec<String> = others.map(|node| node.name.clone()).collect();
    // No other fall was at this moment.
    clock.advance(1);
    federation.node(name).stop().await;
    for other in &others {
        sees_it_go(&federation[other], &agency, clock).await;
    }
}

/// Cuts two nodes off from each other and waits until both have seen the other go, as
/// [`stops`] does.
pub(crate) async fn cuts(federation: &Federation, clock: &ManualClock, a: &str, b: &str) {
    clock.advance(1);
    federation.cut(a, b).await;
    for (one, other) in [(a, b), (b, a)] {
        sees_it_go(&federation[one], &federation[other].agency, clock).await;
    }
}

/// Waits until a node has noted that a peer was last connected at this moment of the clock.
async fn sees_it_go(node: &TestNode, peer: &AgencyId, clock: &ManualClock) {
    let now = clock.now();
    let seen = async {
        while node.node().sync.peers().of(peer).last_seen() != Some(now) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    assert!(
        seen.is_ok(),
        "{} does not see {} go",
        node.name,
        peer.short()
    );
}

fn pairs<'a>(names: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let all = names.iter().flat_map(|a| names.iter().map(|b| (*a, *b)));
    all.filter(|(a, b)| a != b).collect()
}

/// Waits until a node knows that another collects from so many hubs.
pub(crate) async fn lists_hubs(node: &TestNode, of: &TestNode, count: usize) {
    let registry = &node.node().registry;
    let mut changes = registry.changes();
    let met = async {
        while registry.hubs_of_peer(&of.agency).len() < count {
            changes.changed().await.expect("runs");
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    assert!(
        met.is_ok(),
        "{} does not hear of {}'s hubs",
        node.name,
        of.name
    );
}

/// Waits until what is under way from a node is as it should be.
pub(crate) async fn outbox(node: &TestNode, what: &str, met: impl Fn(&[Row]) -> bool) -> Vec<Row> {
    let outbox = node.node().parcels.outbox();
    let mut changes = outbox.changes();
    let waited = async {
        loop {
            let rows = outbox.rows(|_| true);
            if met(&rows) {
                return rows;
            }
            changes.changed().await.expect("runs");
        }
    };
    match tokio::time::timeout(PATIENCE, waited).await {
        Ok(rows) => rows,
        Err(_) => panic!(
            "{}: never {what}; {:#?}; {:?}",
            node.name,
            outbox.rows(|_| true),
            node.node().parcels.faults()
        ),
    }
}

/// The command has seen to it that these parcels are off their hub: nothing is left to be told.
/// On a busy machine two seconds may be over before; then it says that the hub can be reached,
/// and they go after it.
async fn taken_back(node: &TestNode, report: &Value, parcels: &[Row]) {
    if let Some(left) = report["parcels"].as_array() {
        assert!(left.iter().all(|one| one["reachable"] == true), "{report}");
    }
    let old: Vec<_> = parcels.iter().map(Row::key).collect();
    outbox(node, "they are off the hub", |all| {
        all.iter().all(|row| !old.contains(&row.key()))
    })
    .await;
}

pub(crate) fn lie(rows: &[Row]) -> bool {
    !rows.is_empty() && rows.iter().all(|row| row.state == State::Lies)
}

/// The parcels that a hub keeps for an agency, on its disk, by name.
pub(crate) fn kept_for(hub: &TestNode, to: &TestNode) -> Vec<String> {
    let folder = hub.home.mailbox_dir().join(to.agency.full());
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with("incoming")).collect()
}

/// Waits until a hub keeps so many parcels for an agency.
pub(crate) async fn keeps(hub: &TestNode, to: &TestNode, count: usize) {
    let kept = async {
        while kept_for(hub, to).len() != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let kept = tokio::time::timeout(PATIENCE, kept).await;
    assert!(
        kept.is_ok(),
        "for {}: {:?}, not {count}",
        to.name,
        kept_for(hub, to)
    );
}

pub(crate) async fn ledger(node: &TestNode, id: &RecordId, peer: &str) -> Value {
    let why = node.json(&["why", &id.full(), peer]).await;
    why["ledger"].clone()
}

/// Waits until a peer's answer to a record is in a node's ledger.
async fn answered(node: &TestNode, id: &RecordId, peer: &str) -> Value {
    let agency = node.node().registry.find(peer).expect("a peer").0;
    let mut answers = node.node().sync.peers().of(&agency).answers();
    let met = async {
        loop {
            let line = ledger(node, id, peer).await;
            if line["answer"].is_string() {
                return line;
            }
            let _told = tokio::time::timeout(Duration::from_millis(500), answers.recv()).await;
        }
    };
    let met = tokio::time::timeout(PATIENCE, met).await;
    met.unwrap_or_else(|_| panic!("{}: {peer} never answers {}", node.name, id.short()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_through_the_mailbox_when_the_peer_is_away_for_long_and_its_word_comes_back()
{
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    cuts(&federation, &clock, "a", "b").await;
    // B may not pass it on, to the hub least of all.
    let mut draft = trend("By way of the hub");
    draft["onward"] = "none".into();
    let id = federation["a"].push(&draft, &["--to", "b"]).await;
    // Not at once: a line that is down for a moment is no reason.
    clock.advance(AFTER_S * 1_000 / 2);
    let outbox_of_a = federation["a"].node().parcels.outbox();
    stays("nothing is sent by the hub yet", || {
        outbox_of_a.rows(|_| true).is_empty()
    })
    .await;
    clock.advance(AFTER_S * 1_000);
    federation["b"].holds_all(&[id]).await;
    let line = answered(&federation["a"], &id, "b").await;
    assert_eq!(
        (&line["answer"], &line["path"]),
        (&"stored".into(), &"mailbox".into()),
        "{line}"
    );
    let came = ledger(&federation["b"], &id, "a").await;
    assert_eq!(
        (&came["direction"], &came["path"]),
        (&"received".into(), &"mailbox".into())
    );
    outbox(&federation["a"], "nothing is under way", <[Row]>::is_empty).await;
    // The hub was released nothing, and keeps nothing.
    assert!(federation["hub"].holds().is_empty());
    assert_eq!(
        ledger(&federation["a"], &id, "hub").await["direction"],
        Value::Null
    );

    // A sealed one as well.
    let marker = "Zephyrine";
    let id = sealed::seal(
        &federation["a"],
        &[&federation["b"]],
        sealed::marked(marker),
    )
    .await;
    sealed::opens(&federation["b"], &id).await;
    assert_eq!(
        sealed::name_in(&federation["b"], &id).as_deref(),
        Some(marker)
    );

    // Back on a line, nothing comes twice, and nothing more is deposited.
    federation.mend("a", "b").await;
    federation.settled().await;
    let before = federation["b"].node().store.last();
    let live = federation["a"].push(&trend("On the line"), &[]).await;
    federation["b"].holds_all(&[live]).await;
    assert_eq!(ledger(&federation["b"], &live, "a").await["path"], "direct");
    assert_eq!(federation["b"].node().store.last().0, before.0 + 1);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e27_a_node_that_was_off_for_two_weeks_catches_up_through_a_hub_that_was_restarted() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let rows = 3_000;
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(rows));
    federation["a"].import(&file, &sheet::map()).await;
    clock.advance(2 * AFTER_S * 1_000);
    let under_way = outbox(&federation["a"], "all of it lies at the hub", |all| {
        let records: usize = all.iter().map(|row| row.records.len()).sum();
        lie(all) && records >= rows
    })
    .await;
    assert!(under_way.len() > 1, "one parcel would show little");
    let mut records: Vec<_> = under_way
        .iter()
        .flat_map(|row| row.records.clone())
        .collect();
    let count = records.len();
    records.sort();
    records.dedup();
    assert_eq!(records.len(), count, "a record is in one parcel");
    // Day by day, or nobody would believe the clock.
    for _ in 0..7 {
        clock.advance(DAY_MS);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    federation.node("hub").stop().await;
    federation.node("hub").start().await;
    for _ in 0..6 {
        clock.advance(DAY_MS);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // The sender is gone by now: all that B gets, it gets from the hub.
    stops(&mut federation, &clock, "a").await;
    federation.node("b").start().await;
    federation["b"].holds_count(rows).await;
    let held = federation["b"].holds();
    assert_eq!(held.len(), rows);
    // And the sender hears of it in the same way: the two are never there together. Of the last
    // record it holds the answer when the hub was told that the last parcel was collected.
    clock.advance(2 * AFTER_S * 1_000);
    keeps(&federation["hub"], &federation["b"], 0).await;
    let store = federation["b"].node().store.clone();
    let told = || store.metas("parcel-told/", 1).expect("store").is_empty();
    outbox(&federation["b"], "all its word lies at the hub", |all| {
        lie(all) && told()
    })
    .await;
    federation.node("b").stop().await;
    federation.node("a").start().await;
    let arrived = |all: &[Row]| all.iter().all(|row| row.records.len() < 3);
    outbox(&federation["a"], "what it sent has arrived", arrived).await;
    for id in held.iter().step_by(500) {
        let line = ledger(&federation["a"], id, "b").await;
        assert_eq!(line["answer"], "stored", "{line}");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_what_is_retracted_is_gone_from_the_hub_within_two_seconds_and_the_rest_still_comes() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let stays = federation["a"].push(&trend("Stays"), &[]).await;
    let goes = federation["a"].push(&trend("Goes"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let before = outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    let lies = kept_for(&federation["hub"], &federation["b"]);
    assert_eq!(lies.len(), before.len());
    let began = Instant::now();
    let args = ["retract", "--yes", &goes.full(), "--reason", "error"];
    let report = federation["a"].json(&args).await;
    let took = began.elapsed();
    println!("e13: taken back from the hub, and said so, in {took:?}");
    taken_back(&federation["a"], &report, &before).await;
    // Nor on the hub's disk.
    let lies = kept_for(&federation["hub"], &federation["b"]);
    let of_old = |name: &String| before.iter().any(|row| name.contains(&row.id.full()));
    assert!(!lies.iter().any(of_old), "{lies:?}");
    let old: Vec<_> = before.iter().map(Row::key).collect();
    let gone = |all: &[Row]| all.iter().all(|row| !old.contains(&row.key()));
    outbox(&federation["a"], "the old parcels are gone", |all| {
        gone(all) && lie(all)
    })
    .await;
    federation.node("b").start().await;
    federation["b"].holds_all(&[stays]).await;
    assert!(!federation["b"].holds().contains(&goes));
    assert!(!sealed::has_bytes(&federation["b"], &goes));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_where_the_hub_is_away_the_command_says_what_lies_there_and_until_when() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Out of reach"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    federation.node("hub").stop().await;
    let args = ["retract", "--yes", &id.full(), "--reason", "error"];
    let report = federation["a"].json(&args).await;
    let left = &report["parcels"][0];
    assert_eq!(
        (&left["to"], &left["hub"]),
        (&"b".into(), &"hub".into()),
        "{report}"
    );
    assert_eq!(left["reachable"], false, "{report}");
    assert!(left["until"].is_string(), "{report}");
    // It is taken back when the hub is there again.
    federation.node("hub").start().await;
    outbox(&federation["a"], "it is taken back", |all| {
        all.iter().all(|row| row.number != 1)
    })
    .await;
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    federation.settled().await;
    assert!(!sealed::has_bytes(&federation["b"], &id));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_what_lies_at_a_hub_for_a_revoked_peer_is_discarded_within_two_seconds() {
    let (mut federation, clock) = around(&["hub"], &["a", "b", "c"]).await;
    stops(&mut federation, &clock, "b").await;
    stops(&mut federation, &clock, "c").await;
    federation["a"].push(&trend("For both"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let (b, c) = (federation["b"].agency, federation["c"].agency);
    let before = outbox(&federation["a"], "a parcel for each", |all| {
        lie(all) && [b, c].iter().all(|to| all.iter().any(|row| row.to == *to))
    })
    .await;
    let args = ["peer", "revoke", "b", "--reason", "stolen", "--yes"];
    let began = Instant::now();
    let report = federation["a"].json(&args).await;
    println!(
        "e11: discarded at the hub, and said so, in {:?}",
        began.elapsed()
    );
    let before: Vec<Row> = before.into_iter().filter(|row| row.to == b).collect();
    taken_back(&federation["a"], &report, &before).await;
    let left = federation["a"].node().parcels.outbox().rows(|_| true);
    assert!(
        !left.is_empty() && left.iter().all(|row| row.to == c),
        "{left:?}"
    );
    assert_eq!(
        kept_for(&federation["hub"], &federation["b"]),
        [""; 0],
        "of a revoked peer nothing lies there"
    );
    let lies = kept_for(&federation["hub"], &federation["c"]);
    assert_eq!(lies.len(), left.len());
    federation["b"].tap.clear();
    federation.node("b").start().await;
    let collects = |frames: &[Frame]| {
        let mut said = frames
            .iter()
            .filter(|frame| frame.channel == Channel::Mailbox && frame.direction == Direction::Out);
        said.any(|frame| matches!(Message::decode(&frame.body), Ok(Message::Collect(_))))
    };
    federation["b"].tap.until("it collects", collects).await;
    stays("nothing came to it", || federation["b"].holds().is_empty()).await;
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_takes_over_where_the_first_is_gone_for_long() {
    let (mut federation, clock) = around(&["hub", "second"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Twice on its way"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let hub = federation["hub"].agency;
    let rows = outbox(&federation["a"], "it lies at the first hub", lie).await;
    assert!(
        rows.iter().all(|row| row.way.hub() == Some(hub)),
        "{rows:?}"
    );
    stops(&mut federation, &clock, "hub").await;
    clock.advance(2 * AFTER_S * 1_000);
    let second = federation["second"].agency;
    outbox(&federation["a"], "it lies at the second", |all| {
        all.iter()
            .any(|row| row.way.hub() == Some(second) && row.state == State::Lies)
    })
    .await;
    federation.node("b").start().await;
    federation["b"].holds_all(&[id]).await;
    // The first hub is back, and B has dealt with what lay there as well.
    federation.node("hub").start().await;
    keeps(&federation["hub"], &federation["b"], 0).await;
    federation.settled().await;
    assert_eq!(federation["b"].holds().len(), 1);
    assert_eq!(times(&federation["b"], &id), 1, "it was stored once");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hub_has_lost_is_sent_again() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Lost once"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    let first = outbox(&federation["a"], "it lies at the hub", lie).await;
    federation.node("hub").stop().await;
    std::fs::remove_dir_all(federation["hub"].home.dir().join("mailbox")).expect("lost");
    federation.node("hub").start().await;
    federation.connected("a", "hub").await;
    // Collected, says the list; nobody says that it arrived.
    let old: Vec<_> = first.iter().map(Row::key).collect();
    outbox(&federation["a"], "it is gone there", |all| {
        all.iter()
            .any(|row| old.contains(&row.key()) && matches!(row.state, State::Gone { .. }))
    })
    .await;
    let waited = async {
        loop {
            clock.advance(10 * 60 * 1_000);
            let rows = federation["a"].node().parcels.outbox().rows(|_| true);
            if lie(&rows) && rows.iter().all(|row| !old.contains(&row.key())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waited).await;
    assert!(waited.is_ok(), "it is never sent again");
    federation.node("b").start().await;
    federation["b"].holds_all(&[id]).await;
    federation.stop().await;
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).expect("copied")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_brings_a_parcel_again_changes_nothing_and_is_named() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let id = federation["a"].push(&trend("Once"), &[]).await;
    clock.advance(2 * AFTER_S * 1_000);
    outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    federation.node("a").stop().await;
    federation.node("hub").stop().await;
    let (mailbox, aside) = (
        federation["hub"].home.dir().join("mailbox"),
        federation.dir().join("aside"),
    );
    copy(&mailbox, &aside);
    federation.node("hub").start().await;
    federation.node("b").start().await;
    federation["b"].holds_all(&[id]).await;
    // It says that it deleted it.
    let gone = |frames: &[Frame]| {
        let mut said = frames
            .iter()
            .filter(|frame| frame.channel == Channel::Mailbox && frame.direction == Direction::In);
        said.any(|frame| matches!(Message::decode(&frame.body), Ok(Message::Gone(_))))
    };
    federation["b"].tap.until("the hub deletes it", gone).await;
    assert_eq!(kept_for(&federation["hub"], &federation["b"]), [""; 0]);
    let before = federation["b"].node().store.last();
    federation.node("hub").stop().await;
    std::fs::remove_dir_all(&mailbox).expect("removed");
    copy(&aside, &mailbox);
    federation.node("hub").start().await;
    let hub = federation["hub"].agency;
    let named = async {
        while !federation["b"].node().parcels.faults().contains_key(&hub) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, named)
        .await
        .expect("the hub is named");
    let listed = federation["b"].json(&["parcels"]).await;
    assert_eq!(listed["faults"][0]["peer"], "hub", "{listed}");
    assert_eq!(federation["b"].node().store.last(), before);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_list_takes_the_record_out_of_the_parcel_and_the_rest_still_comes() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    stops(&mut federation, &clock, "b").await;
    let both = federation["a"]
        .push(&trend("Stays"), &["--to", "b,hub"])
        .await;
    let less = federation["a"]
        .push(&trend("Not for B after all"), &["--to", "b,hub"])
        .await;
    clock.advance(2 * AFTER_S * 1_000);
    let before = outbox(&federation["a"], "a parcel lies at the hub", lie).await;
    let args = ["audience", &less.full(), "--to", "hub", "--yes"];
    let report = federation["a"].json(&args).await;
    assert_eq!(report["recalled"][0], "b", "{report}");
    taken_back(&federation["a"], &report, &before).await;
    let old: Vec<_> = before.iter().map(Row::key).collect();
    // What takes it back goes first, the rest behind it.
    let rest = federation["a"].node().store.arrival_of(&both);
    let rest = rest.expect("store").expect("its own");
    outbox(&federation["a"], "the rest lies there anew", |all| {
        let anew = all.iter().all(|row| !old.contains(&row.key()));
        anew && lie(all) && all.iter().any(|row| row.records.contains(&rest))
    })
    .await;
    federation.node("a").stop().await;
    federation.node("b").start().await;
    federation["b"].holds_all(&[both]).await;
    assert!(!federation["b"].holds().contains(&less));
    federation.stop().await;
}
