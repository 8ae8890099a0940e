//! A hub of 200 agencies with 100,000 parcels waiting, in a process of its own: its memory, and
//! how long another agency's parcel takes while one floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use liaison_protocol::id::AgencyId;
use liaison_protocol::parcel::Parcel;
use liaison_tests::RawPeer;
use liaison_tests::mailbox::{HubSite, MailStream, in_ms, parcel, rss_anon_kb};

use crate::table::{Table, quantile};
use crate::{Fallible, Sizes};

/// Agencies with a reservation and a mailbox stream.
const AGENCIES: usize = 200;

/// Deposits that are timed.
const ROUNDS: usize = 40;

/// Measures, and prints what it measured.
pub async fn measure(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let site = HubSite::init(env!("CARGO_BIN_EXE_liaison-under-test"), dir.path(), "");
    let hub = site.start();
    site.carry_all(&hub);
    let mut peers = Vec::new();
    for n in 0..AGENCIES {
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
    let all: Vec<AgencyId> = peers.iter().map(|p| p.agency).collect();
    hub.terminate();
    // For all but the last, whose parcels are timed.
    let (last, others) = all.split_last().ok_or("agencies")?;
    site.fill(others, sizes.held);
    let began = Instant::now();
    let hub = site.start();
    table.below(
        "hub: start with its parcels",
        began.elapsed().as_secs_f64(),
        "s",
        None,
    );
    for peer in &mut peers {
        peer.dial_hub(&site).await;
    }
    hub.until(&["hub", "status"], |s| {
        s["reservations"]["used"] == AGENCIES
    });
    let mut streams: Vec<MailStream> = Vec::new();
    for peer in &peers {
        let mut stream = peer.mailbox(site.agency).await;
        stream.collect(1).await;
        streams.push(stream);
    }
    let mb = |kb: u64| kb as f64 / 1024.0;
    let aim = Some(300.0);
    table.below(
        "hub: memory, 200 agencies connected",
        mb(rss_anon_kb(hub.pid())),
        "MB",
        aim,
    );

    let [flooding, depositor, .., collector] = peers.as_slice() else {
        return Err("agencies".into());
    };
    let first = *others.get(2).ok_or("agencies")?;
    let count = Arc::new(AtomicUsize::new(0));
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut stream = flooding.mailbox(site.agency).await;
        let count = count.clone();
        floods.push(tokio::spawn(async move {
            let one = parcel(4);
            while stream.deposit(first, &like(&one)).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let mut from = depositor.mailbox(site.agency).await;
    let mut to = collector.mailbox(site.agency).await;
    to.collect(8).await;
    let mut delays = Vec::new();
    let mut memory = 0;
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let one = parcel(0);
        let since = Instant::now();
        let kept = from.leave(*last, &one, in_ms(3_600_000), false).await;
        if !kept.is_some_and(|kept| kept.is_ok()) {
            return Err("the parcel was not kept".into());
        }
        let waiting = to.waiting().await;
        to.fetch(&waiting).await.ok_or("the parcel is gone")?;
        delays.push(since.elapsed().as_secs_f64());
        to.done(waiting.id).await;
        memory = memory.max(rss_anon_kb(hub.pid()));
    }
    let seconds = began.elapsed().as_secs_f64();
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    table.plain_rate(
        "hub: flood of one agency, 1 MiB parcels",
        count.load(Ordering::Relaxed),
        seconds,
    );
    let half = quantile(&mut delays, 0.5);
    let longest = delays.last().copied().unwrap_or_default();
    table.below("hub: another's parcel meanwhile, median", half, "s", None);
    table.below(
        "hub: another's parcel meanwhile, longest",
        longest,
        "s",
        Some(2.0),
    );
    table.below("hub: memory meanwhile", mb(memory), "MB", aim);
    Ok(())
}

/// Another parcel, made of one without much noise.
fn like(one: &Parcel) -> Parcel {
    let mut bytes = one.bytes().to_vec();
    if let Some(head) = bytes.first_chunk_mut::<16>() {
        *head = rand::random();
    }
    Parcel::from_bytes(bytes.into()).unwrap_or_else(|_| one.clone())
}
