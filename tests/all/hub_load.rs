//! A hub of 200 agencies with 100,000 parcels waiting, as a process: its own memory, and how
//! long another agency's parcel takes while one floods. It takes minutes, so it runs when asked:
//! `cargo test --release -p liaison-tests --test all -- --ignored --nocapture hub_load`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_protocol::id::AgencyId;
use liaison_protocol::parcel::Parcel;
use liaison_tests::federation::OPEN;
use liaison_tests::mailbox::{HubSite, MailStream, in_ms, parcel, rss_anon_kb};
use liaison_tests::{Federation, RawPeer};

use crate::crash::BINARY;
use crate::first::trend;
use crate::parcels::{AFTER_S, CARRY, lie, lists_hubs, outbox};

/// Agencies with a reservation and a mailbox stream.
const AGENCIES: usize = 200;

/// Parcels that wait.
const PARCELS: usize = 100_000;

/// The hub's own memory, at most.
const MEMORY_KB: u64 = 300 * 1024;

/// What a parcel may take while another agency floods.
const DELAY: Duration = Duration::from_secs(2);

/// Deposits that are timed.
const ROUNDS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure: it takes minutes, and a release build"]
async fn a_hub_of_200_agencies_is_small_and_fair() {
    let dir = tempfile::tempdir().expect("folder");
    let site = HubSite::init(BINARY, dir.path(), "");
    let hub = site.start();
    site.carry_all(&hub);
    let mut peers = Vec::new();
    for n in 0..AGENCIES {
        let peer = RawPeer::new(dir.path(), &format!("p{n}")).await;
        let card = peer.card_path();
        hub.ok(&["peer", "add", &card, "--as", &peer.name, "--yes"]);
        peers.push(peer);
    }
    let all: Vec<AgencyId> = peers.iter().map(|p| p.agency).collect();
    assert_eq!(hub.terminate(), Some(0));
    // For all but the last, whose parcels are timed.
    let (last, others) = all.split_last().expect("agencies");
    site.fill(others, PARCELS);
    let began = Instant::now();
    let hub = site.start();
    println!("started with {PARCELS} parcels in {:.1?}", began.elapsed());
    for peer in &mut peers {
        peer.dial_hub(&site).await;
    }
    hub.until(&["hub", "status"], |s| {
        s["reservations"]["used"] == AGENCIES && s["parcels"] == PARCELS
    });
    let mut streams: Vec<MailStream> = Vec::new();
    for peer in &peers {
        let mut stream = peer.mailbox(site.agency).await;
        stream.collect(1).await;
        streams.push(stream);
    }
    let memory = rss_anon_kb(hub.pid());
    println!(
        "{AGENCIES} agencies connected: {} MB of its own",
        memory / 1024
    );
    assert!(memory < MEMORY_KB, "{memory} KB");

    let [flooding, depositor, .., collector] = peers.as_slice() else {
        panic!("agencies");
    };
    let to = *others.get(2).expect("agencies");
    let count = Arc::new(AtomicUsize::new(0));
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut stream = flooding.mailbox(site.agency).await;
        let count = count.clone();
        floods.push(tokio::spawn(async move {
            let one = parcel(4);
            while stream.deposit(to, &like(&one)).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let mut from = depositor.mailbox(site.agency).await;
    let mut collecting = collector.mailbox(site.agency).await;
    collecting.collect(8).await;
    let (mut longest, mut most) = (Duration::ZERO, 0);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let one = parcel(0);
        let since = Instant::now();
        let kept = from.leave(*last, &one, in_ms(3_600_000), false).await;
        assert_eq!(kept, Some(Ok(())));
        let waiting = collecting.waiting().await;
        assert!(collecting.fetch(&waiting).await.is_some());
        longest = longest.max(since.elapsed());
        collecting.done(waiting.id).await;
        most = most.max(rss_anon_kb(hub.pid()));
    }
    let flood = count.load(Ordering::Relaxed);
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    println!(
        "one agency left {flood} parcels of 1 MiB in {:.1?}; another's took {longest:.1?} at most; {} MB",
        began.elapsed(),
        most / 1024
    );
    assert!(most < MEMORY_KB, "{most} KB");
    assert!(longest < DELAY, "{longest:?}");
}

/// Agencies that are away at once.
const ABSENT: usize = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure: it starts 22 nodes"]
async fn what_twenty_absent_agencies_lack_is_at_the_hub_in_seconds() {
    let mut federation = Federation::new();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let names: Vec<String> = (0..ABSENT).map(|n| format!("p{n:02}")).collect();
    let all = ["hub", "a"]
        .into_iter()
        .chain(names.iter().map(String::as_str));
    for name in all {
        let node = federation.prepare(name, "border", "QN");
        let more = match name {
            "hub" => "[hub]\n",
            _ => "use = [\"hub\"]\n",
        };
        node.configure(&format!("[hubs]\nafter_s = {AFTER_S}\n{more}"));
        node.with_clock(clock.clone()).start().await;
        let policy = if name == "hub" { CARRY } else { OPEN };
        federation[name].policy(policy).await;
        if name != "hub" {
            federation.link("hub", name).await;
        }
        if !["hub", "a"].contains(&name) {
            federation.link("a", name).await;
            lists_hubs(&federation["a"], &federation[name], 1).await;
            federation.node(name).stop().await;
        }
    }
    federation.settled().await;
    let a = &federation["a"];
    a.push(&trend("For all of them"), &[]).await;
    let began = Instant::now();
    clock.advance(2 * AFTER_S * 1_000);
    outbox(a, "a parcel for each", |rows| {
        rows.len() == ABSENT && lie(rows)
    })
    .await;
    let took = began.elapsed();
    println!(
        "parcels for {ABSENT} absent agencies were at the hub in {took:.1?}, {:.0?} each",
        took / 20
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
    federation.stop().await;
}

/// Another parcel, made of one without much noise.
fn like(one: &Parcel) -> Parcel {
    let mut bytes = one.bytes().to_vec();
    bytes[..16].copy_from_slice(&rand::random::<[u8; 16]>());
    Parcel::from_bytes(bytes.into()).expect("a size of parcels")
}
