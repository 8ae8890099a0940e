//! A hub as a process, and agencies that leave parcels there and collect them, frame by frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits::{PARCEL_CLASSES, PARCEL_DAYS};
use liaison_protocol::parcel::Parcel;
use liaison_protocol::wire::mailbox::{Message, Refusal};
use liaison_tests::RawPeer;
use liaison_tests::address::own_address;
use liaison_tests::federation::OPEN;
use liaison_tests::mailbox::{HubSite, in_ms, parcel, rss_anon_kb};
use liaison_tests::process::Program;

use crate::crash::BINARY;
use crate::operate::Page;

/// A hub that carries for everybody, and agencies that are linked with it.
struct Stage {
    site: HubSite,
    hub: Program,
    peers: Vec<RawPeer>,
    _dir: tempfile::TempDir,
}

impl Stage {
    async fn new(config: &str, names: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let site = HubSite::init(BINARY, dir.path(), config);
        let hub = site.start();
        site.carry_all(&hub);
        let mut peers = Vec::new();
        for name in names {
            let mut peer = RawPeer::new(dir.path(), name).await;
            peer.link_hub(&site, &hub).await;
            peers.push(peer);
        }
        Self {
            site,
            hub,
            peers,
            _dir: dir,
        }
    }

    fn hub_id(&self) -> AgencyId {
        self.site.agency
    }

    /// Starts the hub anew.
    fn again(self, killed: bool) -> Self {
        if killed {
            self.hub.kill();
        } else {
            assert_eq!(self.hub.terminate(), Some(0));
        }
        let hub = self.site.start();
        Self { hub, ..self }
    }

    /// Waits until the mailbox has so many files.
    fn has_files(&self, count: usize) -> Duration {
        self.site.has_files(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e27_parcels_wait_while_the_hub_is_started_anew() {
    let stage = Stage::new("", &["a", "b", "c"]).await;
    let (hub, b_id) = (stage.hub_id(), stage.peers[1].agency);
    let mut a = stage.peers[0].mailbox(hub).await;
    let mut left = Vec::new();
    for (n, class) in [0, 1, 0, 4, 0].into_iter().enumerate() {
        let one = parcel(class);
        let expires = in_ms(3_600_000);
        let kept = a.leave(b_id, &one, expires, n == 3).await;
        assert_eq!(kept, Some(Ok(())));
        left.push(one);
    }
    drop(a);
    let stage = stage.again(false);
    let mut b = stage.peers[1].mailbox(hub).await;
    b.collect(64).await;
    let mut got = Vec::new();
    for _ in 0..left.len() {
        let waiting = b.waiting().await;
        assert_eq!(waiting.from, stage.peers[0].agency);
        got.push(b.fetch(&waiting).await.expect("it waits"));
        b.done(waiting.id).await;
    }
    // What is owed first, the rest as it came.
    let order: Vec<ParcelId> = [3, 0, 1, 2, 4].map(|n| left[n].id()).to_vec();
    let came: Vec<ParcelId> = got.iter().map(Parcel::id).collect();
    assert_eq!(came, order);
    stage.has_files(0);
    // What comes while it listens is told at once.
    let one = parcel(0);
    let mut a = stage.peers[0].mailbox(hub).await;
    assert_eq!(a.deposit(b_id, &one).await, Ok(()));
    assert_eq!(b.waiting().await.id, one.id());
    let status = stage.hub.json(&["hub", "status"]);
    assert_eq!(status["parcels"], 1, "{status}");
    assert_eq!(status["waiting"][0]["peer"], "b", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_hub_acknowledged_is_there_when_it_is_back() {
    let mut stage = Stage::new("", &["a", "b"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[1].agency;
    let (mut sent, mut acknowledged): (Vec<ParcelId>, Vec<ParcelId>) = Default::default();
    for round in 0..3u64 {
        let (said, mut heard) = tokio::sync::mpsc::channel(1_000);
        let a = stage.peers.remove(0);
        let depositor = tokio::spawn(async move {
            let mut stream = a.mailbox(hub).await;
            for n in 0u64.. {
                let one = parcel(if n % 3 == 0 { 3 } else { 0 });
                let _listens = said.send((one.id(), false)).await;
                match stream.leave(b_id, &one, in_ms(3_600_000), false).await {
                    Some(Ok(())) => {
                        let _listens = said.send((one.id(), true)).await;
                    }
                    Some(Err(why)) => panic!("{why:?}"),
                    None => break,
                }
            }
            a
        });
        // Killed at another place of a deposit each time.
        let mut left = 5 + round * 7;
        while left > 0 {
            let (id, kept) = heard.recv().await.expect("it deposits");
            if kept {
                acknowledged.push(id);
                left -= 1;
            } else {
                sent.push(id);
            }
        }
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        stage.hub.kill();
        while let Some((id, kept)) = heard.recv().await {
            if kept {
                acknowledged.push(id);
            } else {
                sent.push(id);
            }
        }
        stage.peers.insert(0, depositor.await.expect("it ends"));
        stage.hub = stage.site.start();
    }
    let mut a = stage.peers[0].mailbox(hub).await;
    let held: Vec<ParcelId> = a.holding().await.iter().map(|h| h.id).collect();
    for id in &acknowledged {
        assert!(
            held.contains(id),
            "{} of {} are lost",
            id.short(),
            sent.len()
        );
    }
    assert!(held.iter().all(|id| sent.contains(id)));
    let files = stage.site.files();
    assert_eq!(files.len(), held.len(), "{files:?}");
    let mut b = stage.peers[1].mailbox(hub).await;
    b.collect(64).await;
    for _ in 0..held.len() {
        let waiting = b.waiting().await;
        assert!(b.fetch(&waiting).await.is_some());
        b.done(waiting.id).await;
    }
    assert_eq!(a.holding().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fills_the_mailbox_for_the_others() {
    let config = "parcels_per_agency = 20\nmailbox_mb = 4\nmailbox_mb_per_agency = 2";
    let stage = Stage::new(config, &["a", "b", "c", "d"]).await;
    let hub = stage.hub_id();
    let [_, b, c, d] = [0, 1, 2, 3].map(|n| stage.peers[n].agency);
    let mut a = stage.peers[0].mailbox(hub).await;
    // Half of what may wait for one addressee, from one depositor.
    for _ in 0..9 {
        assert_eq!(a.deposit(b, &parcel(0)).await, Ok(()));
    }
    assert_eq!(a.deposit(b, &parcel(0)).await, Err(Refusal::AddresseeFull));
    // Nine tenths of what one depositor may have; the rest is for what is owed.
    for _ in 0..9 {
        assert_eq!(a.deposit(c, &parcel(0)).await, Ok(()));
    }
    assert_eq!(a.deposit(d, &parcel(0)).await, Err(Refusal::DepositorFull));
    let owed = a.leave(d, &parcel(0), in_ms(60_000), true).await;
    assert_eq!(owed, Some(Ok(())));
    // Bytes as well as parcels, and others have room.
    let mut other = stage.peers[3].mailbox(hub).await;
    assert_eq!(other.deposit(b, &parcel(3)).await, Ok(()));
    assert_eq!(
        other.deposit(b, &parcel(4)).await,
        Err(Refusal::AddresseeFull)
    );
    let status = stage.hub.json(&["hub", "status"]);
    let refused = &status["refused"];
    for (reason, count) in [("depositor-full", 1), ("addressee-full", 2)] {
        let row = refused.as_array().into_iter().flatten();
        let found = row.filter(|r| r["reason"] == reason).map(|r| &r["count"]);
        assert_eq!(found.collect::<Vec<_>>(), [count], "{status}");
    }
    let text = stage.hub.ok(&["hub", "status"]);
    assert!(text.contains("1 deposit refused"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_ends_when_its_depositor_said() {
    let stage = Stage::new("", &["a", "b"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[1].agency;
    let mut a = stage.peers[0].mailbox(hub).await;
    let day = 24 * 3_600_000;
    for wrong in [in_ms(0), in_ms((PARCEL_DAYS + 1) * day)] {
        let kept = a.leave(b_id, &parcel(0), wrong, false).await;
        assert_eq!(kept, Some(Err(Refusal::Expiry)));
    }
    let (short, long) = (parcel(0), parcel(0));
    let ends = in_ms(20_000);
    assert_eq!(a.leave(b_id, &short, ends, false).await, Some(Ok(())));
    let kept = a.leave(b_id, &long, in_ms(PARCEL_DAYS * day), false).await;
    assert_eq!(kept, Some(Ok(())));
    stage.has_files(1);
    assert!(in_ms(0) >= ends, "it left before its time");
    let mut b = stage.peers[1].mailbox(hub).await;
    b.collect(64).await;
    assert_eq!(b.waiting().await.id, long.id());
    let held: Vec<ParcelId> = a.holding().await.iter().map(|h| h.id).collect();
    assert_eq!(held, [long.id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_comes_twice_is_one_parcel() {
    let stage = Stage::new("", &["a", "b"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[1].agency;
    let mut a = stage.peers[0].mailbox(hub).await;
    let one = parcel(1);
    assert_eq!(a.deposit(b_id, &one).await, Ok(()));
    assert_eq!(a.deposit(b_id, &one).await, Ok(()));
    assert_eq!(stage.site.files().len(), 1);
    let mut b = stage.peers[1].mailbox(hub).await;
    b.collect(64).await;
    let waiting = b.waiting().await;
    b.done(waiting.id).await;
    stage.has_files(0);
    // Once it left, it is kept like any other: that it was there before only its addressee knows.
    assert_eq!(a.deposit(b_id, &one).await, Ok(()));
    assert_eq!(b.waiting().await.id, one.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agency_neither_gets_nor_discards_nor_learns_of_a_parcel() {
    let stage = Stage::new("", &["a", "b", "c"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[1].agency;
    let mut a = stage.peers[0].mailbox(hub).await;
    let one = parcel(0);
    assert_eq!(a.deposit(b_id, &one).await, Ok(()));
    let mut c = stage.peers[2].mailbox(hub).await;
    c.collect(64).await;
    assert_eq!(c.discard(&[one.id()]).await, [false]);
    assert_eq!(c.holding().await, []);
    // Its addressee can't take it back in its depositor's place, nor list it as its own.
    let mut b = stage.peers[1].mailbox(hub).await;
    assert_eq!(b.discard(&[one.id()]).await, [false]);
    assert_eq!(b.holding().await, []);
    assert!(!c.was_told());
    // To ask for what was not announced breaks the protocol, whether or not it is there.
    for id in [one.id(), parcel(0).id()] {
        for asked in [Message::Fetch(id), Message::Done(id), Message::Leave(id)] {
            let mut c = stage.peers[2].mailbox(hub).await;
            c.send(&asked).await;
            assert!(matches!(c.next().await, Some(Message::Bye(_)) | None));
        }
    }
    assert_eq!(stage.site.files().len(), 1);
    let peers = stage.hub.json(&["status"]);
    let rows = peers["peers"].as_array().expect("peers").iter();
    let faults: Vec<&str> = rows
        .filter(|p| !p["last_error"].is_null())
        .filter_map(|p| p["peer"].as_str())
        .collect();
    assert_eq!(faults, ["c"], "{peers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_carries_for_whom_its_policy_says() {
    let stage = Stage::new("", &["a", "b", "c"]).await;
    let hub = stage.hub_id();
    let [a_id, b, c] = [0, 1, 2].map(|n| stage.peers[n].agency);
    let mut a = stage.peers[0].mailbox(hub).await;
    let before = parcel(0);
    assert_eq!(a.deposit(b, &before).await, Ok(()));
    let policy = format!(
        r#"{OPEN}
        @id("carry-some") @says("Parcels of a for c only.")
        permit (principal == Agency::"c", action == Action::"carry", resource)
        when {{ resource.author == Agency::"a" }};"#
    );
    stage.site.apply(&stage.hub, &policy);
    // The stream ends with the policy that it began under.
    while a.next().await.is_some() {}
    let mut a = stage.peers[0].mailbox(hub).await;
    let stranger = AgencyId::from_bytes([7; 32]);
    for (to, kept) in [
        (b, Err(Refusal::NotCarried)),
        (c, Ok(())),
        (stranger, Err(Refusal::NotCarried)),
        (a_id, Err(Refusal::NotCarried)),
        (hub, Err(Refusal::NotCarried)),
    ] {
        assert_eq!(a.deposit(to, &parcel(0)).await, kept, "{}", to.short());
    }
    // What was kept before stays, and is not given.
    let mut b_stream = stage.peers[1].mailbox(hub).await;
    b_stream.collect(64).await;
    assert_eq!(b_stream.holding().await, []);
    assert!(!b_stream.was_told());
    assert_eq!(a.holding().await.len(), 2);
    stage.site.carry_all(&stage.hub);
    while b_stream.next().await.is_some() {}
    let mut b_stream = stage.peers[1].mailbox(hub).await;
    b_stream.collect(64).await;
    assert_eq!(b_stream.waiting().await.id, before.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_at_the_hub_a_discarded_parcel_and_those_of_who_is_revoked_are_gone_in_two_seconds() {
    let stage = Stage::new("", &["a", "b", "c"]).await;
    let hub = stage.hub_id();
    let [b, c] = [1, 2].map(|n| stage.peers[n].agency);
    let mut a = stage.peers[0].mailbox(hub).await;
    let mut of_c = stage.peers[2].mailbox(hub).await;
    let mut parcels = Vec::new();
    for _ in 0..20 {
        let one = parcel(1);
        assert_eq!(a.deposit(b, &one).await, Ok(()));
        parcels.push(one.id());
    }
    assert_eq!(a.deposit(c, &parcel(0)).await, Ok(()));
    assert_eq!(of_c.deposit(b, &parcel(0)).await, Ok(()));
    let ids = parcels.get(..19).expect("twenty");
    let since = Instant::now();
    assert_eq!(a.discard(ids).await, [true; 19]);
    let took = since.elapsed();
    let files = stage.site.files();
    assert_eq!(files.len(), 3, "{files:?}");
    for id in ids {
        assert!(!files.iter().any(|f| f.contains(&id.full())));
    }
    // They are off the disk when it says so, however busy the machine.
    println!("19 parcels were off the disk {took:.1?} after their depositor said so");
    // Announced before, and gone when it is fetched.
    let mut collector = stage.peers[1].mailbox(hub).await;
    collector.collect(64).await;
    let waiting = collector.waiting().await;
    assert_eq!(waiting.id, parcels[19]);
    assert_eq!(a.discard(&[waiting.id]).await, [true]);
    assert_eq!(collector.fetch(&waiting).await, None);
    // Of one that was given away it does not say that nobody had it.
    let one = parcel(0);
    assert_eq!(a.deposit(b, &one).await, Ok(()));
    let mut waiting = collector.waiting().await;
    while waiting.id != one.id() {
        waiting = collector.waiting().await;
    }
    assert!(collector.fetch(&waiting).await.is_some());
    assert_eq!(a.discard(&[one.id()]).await, [false]);
    stage.has_files(2);
    // Of and for who is revoked here nothing stays.
    let revoke = ["peer", "revoke", "c", "--reason", "test", "--yes"];
    let since = Instant::now();
    stage.hub.ok(&revoke);
    stage.has_files(0);
    let took = since.elapsed();
    println!("parcels of and for a revoked agency were gone {took:.1?} after it was typed");
    // The command alone takes a second on a busy machine.
    assert!(took < Duration::from_secs(10), "{took:?}");
    // What it may be given was decided anew, so that its stream has ended.
    let mut a = stage.peers[0].mailbox(hub).await;
    assert_eq!(a.deposit(c, &parcel(0)).await, Err(Refusal::NotCarried));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_says_how_many_for_whom_and_not_which() {
    let stage = Stage::new("", &["a", "b"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[1].agency;
    let mut a = stage.peers[0].mailbox(hub).await;
    let all = [parcel(0), parcel(0), parcel(0)];
    for one in &all {
        assert_eq!(a.deposit(b_id, one).await, Ok(()));
    }
    assert_eq!(a.discard(&[all[0].id()]).await, [true]);
    let mut b = stage.peers[1].mailbox(hub).await;
    b.collect(64).await;
    for _ in 0..2 {
        let waiting = b.waiting().await;
        b.done(waiting.id).await;
    }
    let stage = stage.again(false);
    let lines = stage.hub.json(&["audit", "log"]);
    for (by, what, count) in [
        ("hub deposit", "collect", 3),
        ("hub discard", "erase", 1),
        ("hub collect", "disclose", 2),
    ] {
        let rows = lines["lines"].as_array().expect("lines").iter();
        let found: Vec<_> = rows.filter(|l| l["by"] == by).collect();
        // The first at once, the rest of the minute in one.
        assert!((1..=2).contains(&found.len()), "{by}: {lines}");
        let counts = found.iter().filter_map(|l| l["count"].as_u64());
        assert_eq!(counts.sum::<u64>(), count, "{lines}");
        let peers = [stage.peers[0].agency.full(), b_id.full()];
        for line in found {
            assert_eq!(line["what"], what, "{lines}");
            assert_eq!(line["peers"], serde_json::json!(peers), "{lines}");
        }
    }
    for one in &all {
        assert!(!lines.to_string().contains(&one.id().full()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_has_a_line_of_everybody_who_left_something() {
    let stage = Stage::new("", &["a", "b", "c"]).await;
    let hub = stage.hub_id();
    let [a_id, b_id, c_id] = [0, 1, 2].map(|n| stage.peers[n].agency);
    let mut a = stage.peers[0].mailbox(hub).await;
    let since = Instant::now();
    for to in [b_id, c_id] {
        for _ in 0..3 {
            assert_eq!(a.deposit(to, &parcel(0)).await, Ok(()));
        }
    }
    let told = |lines: &serde_json::Value, to: AgencyId| {
        let rows = lines["lines"].as_array().expect("lines").iter();
        let of = serde_json::json!([a_id.full(), to.full()]);
        rows.filter(|l| l["by"] == "hub deposit" && l["peers"] == of)
            .count()
    };
    let log = ["audit", "log"];
    stage
        .hub
        .until(&log, |lines| told(lines, b_id) > 0 && told(lines, c_id) > 0);
    let took = since.elapsed();
    assert!(
        took.as_millis() < u128::from(liaison_node::limits::HUB_AUDIT_MS) / 2,
        "only when the minute was over: {took:?}"
    );
    let stage = stage.again(true);
    let lines = stage.hub.json(&log);
    assert!(told(&lines, b_id) > 0 && told(&lines, c_id) > 0, "{lines}");
}

/// How many parcels of a flood of three streams may be kept while one small one waits: what else
/// runs on a machine slows both.
const FLOODED: u32 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn the_flood_of_one_agency_does_not_hold_up_another() {
    let stage = Stage::new("", &["flood", "a", "b"]).await;
    let hub = stage.hub_id();
    let b_id = stage.peers[2].agency;
    let flooded = Arc::new(AtomicU32::new(0));
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut stream = stage.peers[0].mailbox(hub).await;
        let flooded = flooded.clone();
        floods.push(tokio::spawn(async move {
            let one = parcel(4);
            let mut count = 0u32;
            loop {
                let mut bytes = one.bytes().to_vec();
                bytes[..4].copy_from_slice(&count.to_be_bytes());
                bytes[4..12].copy_from_slice(&rand::random::<[u8; 8]>());
                let next = Parcel::from_bytes(bytes.into()).expect("a size");
                if stream.deposit(b_id, &next).await.is_err() {
                    return count;
                }
                count += 1;
                flooded.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    let mut a = stage.peers[1].mailbox(hub).await;
    let mut b = stage.peers[2].mailbox(hub).await;
    b.collect(1).await;
    // The window of one is taken by a parcel of the flood: what is owed still goes first after it.
    let first = b.waiting().await;
    let (mut longest, mut most) = (Duration::ZERO, 0);
    for _ in 0..10 {
        let one = parcel(0);
        let (since, before) = (Instant::now(), flooded.load(Ordering::SeqCst));
        let kept = a.leave(b_id, &one, in_ms(600_000), true).await;
        assert_eq!(kept, Some(Ok(())));
        longest = longest.max(since.elapsed());
        most = most.max(flooded.load(Ordering::SeqCst) - before);
    }
    println!("while another floods, a parcel is kept within {longest:.1?}, {most} of the flood");
    assert!(longest < Duration::from_secs(30), "{longest:?}");
    assert!(
        most <= FLOODED,
        "{most} parcels of the flood went before it"
    );
    for flood in floods {
        flood.abort();
    }
    b.done(first.id).await;
    assert_eq!(b.waiting().await.from, stage.peers[1].agency);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parcels_take_little_memory() {
    let dir = tempfile::tempdir().expect("folder");
    let site = HubSite::init(BINARY, dir.path(), "");
    let hub = site.start();
    site.carry_all(&hub);
    let mut peers = Vec::new();
    for n in 0..20 {
        let peer = RawPeer::new(dir.path(), &format!("p{n}")).await;
        hub.ok(&[
            "peer",
            "add",
            &peer.card_path(),
            "--as",
            &peer.name,
            "--yes",
        ]);
        peers.push(peer);
    }
    let before = rss_anon_kb(hub.pid());
    assert_eq!(hub.terminate(), Some(0));
    let all: Vec<AgencyId> = peers.iter().map(|p| p.agency).collect();
    site.fill(&all, 10_000);
    let hub = site.start();
    let status = hub.json(&["hub", "status"]);
    assert_eq!(status["parcels"], 10_000, "{status}");
    for peer in &mut peers {
        peer.dial_hub(&site).await;
    }
    hub.until(&["hub", "status"], |s| s["reservations"]["used"] == 20);
    let mut streams = Vec::new();
    for peer in &peers {
        let mut stream = peer.mailbox(site.agency).await;
        stream.collect(1).await;
        let waiting = stream.waiting().await;
        assert!(stream.fetch(&waiting).await.is_some());
        streams.push(stream);
    }
    let after = rss_anon_kb(hub.pid());
    println!(
        "a hub's own memory: {before} KB before, {after} KB with 20 agencies and 10,000 parcels"
    );
    assert!(after < 300 * 1024, "{after} KB");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_a_hub_say_what_it_keeps_for_whom_and_what_it_refused() {
    let address = own_address();
    let config = format!("parcels_per_agency = 20\n[metrics]\nlisten = \"{address}\"");
    let stage = Stage::new(&config, &["a", "b"]).await;
    let b = stage.peers[1].agency;
    let mut a = stage.peers[0].mailbox(stage.hub_id()).await;
    for _ in 0..9 {
        assert_eq!(a.deposit(b, &parcel(0)).await, Ok(()));
    }
    assert_eq!(a.deposit(b, &parcel(0)).await, Err(Refusal::AddresseeFull));
    let page = Page::of(address).await;
    for (figure, value) in [
        ("liaison_hub_parcels", 9),
        ("liaison_hub_parcel_bytes", 9 * PARCEL_CLASSES[0]),
        ("liaison_hub_waiting_parcels{peer=\"a\"}", 0),
        ("liaison_hub_waiting_parcels{peer=\"b\"}", 9),
        ("liaison_hub_refused_total{reason=\"addressee-full\"}", 1),
        ("liaison_hub_refused_total{reason=\"depositor-full\"}", 0),
    ] {
        assert_eq!(page.at(figure), value as f64, "{figure}");
    }
    assert!(page.at("liaison_hub_waiting_seconds{peer=\"b\"}") > 0.0);
}
