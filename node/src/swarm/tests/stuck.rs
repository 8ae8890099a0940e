//! Peers behind a hub that stop reading, and what that costs the others.

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::*;

/// Streams to each of them, of which each holds yamux's window of 256 KiB.
const STREAMS: usize = 24;

/// Nobody asks whether anybody is still there.
fn calm(seed: u8, listen: &[&str]) -> SwarmConfig {
    let mut calm = config(seed, listen);
    calm.timing.ping = Duration::from_secs(600);
    calm.timing.write_stall = Duration::from_secs(600);
    calm
}

/// A node of its own runtime, which can be stopped in the middle of everything: its sockets are
/// open, and nobody reads them.
struct Stoppable {
    card: LinkedPeer,
    stop: oneshot::Sender<()>,
    /// Until something is said here: then it goes on. It ends when this is dropped.
    stopped: mpsc::SyncSender<()>,
}

/// Reaches the hub by TCP: a QUIC connection ends when nobody answers for 10 s.
async fn stoppable(seed: u8, peers: Vec<LinkedPeer>) -> Stoppable {
    let (say, card) = oneshot::channel();
    let (stop, stopping) = oneshot::channel();
    let (stopped, go_on) = mpsc::sync_channel(0);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let node = started(calm(seed, &[])).await;
            node.link(&peers).await;
            let _heard = say.send(node.card_without_address());
            let _told = stopping.await;
            // Not a task of this runtime moves from here on.
            if go_on.recv().is_ok() {
                std::future::pending::<()>().await;
            }
        });
    });
    Stoppable {
        card: card.await.expect("it starts"),
        stop,
        stopped,
    }
}

fn by_tcp(whole: &LinkedPeer) -> LinkedPeer {
    let tcp = whole.addresses.iter().filter(|a| a.contains("/tcp/"));
    let by_tcp = LinkedPeer {
        addresses: tcp.cloned().collect(),
        ..whole.clone()
    };
    assert!(!by_tcp.addresses.is_empty(), "{whole:?}");
    by_tcp
}

/// More than the relay lets wait for one node; of the rest it forgets the requests.
const CALLERS: u8 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_because_many_wait_for_one_callee_calls_again() {
    let bounds = RelayBounds {
        reservations: 16,
        circuits: 4_096,
        circuits_per_agency: 1_024,
    };
    let hub = started(SwarmConfig {
        relay: Some(bounds),
        ..calm(9, &BOTH)
    })
    .await;
    let whole = LinkedPeer {
        is_our_hub: true,
        ..hub.card()
    };
    let mut callers = Vec::new();
    for n in 0..CALLERS {
        let mut config = config(20 + n, &[]);
        // By default 15 s: after that it is tried again.
        config.timing.handshake = Duration::from_secs(1);
        callers.push(started(config).await);
    }
    let mut peers = vec![by_tcp(&whole)];
    peers.extend(callers.iter().map(Node::card_without_address));
    let callee = stoppable(3, peers.clone()).await;
    peers.push(callee.card.clone());
    hub.link(&peers[1..]).await;
    let agency = callee.card.agency;
    let mut relayed = hub.handle.relayed();
    let reserved = relayed.wait_for(|r| r.reservations.contains(&agency));
    drop(within("reserved", reserved).await.expect("running"));
    callee.stop.send(()).expect("it runs");
    let card = LinkedPeer {
        hubs: vec![hub.agency],
        ..callee.card.clone()
    };
    for caller in &callers {
        caller.link(&[whole.clone(), card.clone()]).await;
    }
    // All of them wait in vain, the relay says no to nobody.
    let link = |all: &[LinkState]| all.iter().find(|l| l.agency == agency).cloned();
    for caller in &callers {
        let mut links = caller.handle.links();
        let gave_up = links.wait_for(|all| link(all).is_some_and(|l| l.last_error.is_some()));
        drop(within("gave up", gave_up).await.expect("running"));
    }
    assert_eq!(hub.handle.relayed().borrow().refused, 0);
    callee.stopped.send(()).expect("it goes on");
    for caller in &callers {
        let mut links = caller.handle.links();
        let up = links.wait_for(|all| link(all).is_some_and(|l| l.is_up()));
        drop(within("up", up).await.expect("running"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_read_nothing_do_not_stop_what_goes_to_others_through_the_hub() {
    let bounds = RelayBounds {
        reservations: 16,
        circuits: 64,
        circuits_per_agency: 8,
    };
    let hub = started(SwarmConfig {
        relay: Some(bounds),
        ..calm(9, &BOTH)
    })
    .await;
    let a = started(calm(1, &[])).await;
    let mut c = started(calm(2, &[])).await;
    let whole = LinkedPeer {
        is_our_hub: true,
        ..hub.card()
    };
    let by_tcp = by_tcp(&whole);
    let mut stuck = Vec::new();
    for seed in [3, 4] {
        stuck.push(stoppable(seed, vec![by_tcp.clone(), a.card_without_address()]).await);
    }
    let through = |card: LinkedPeer| LinkedPeer {
        hubs: vec![hub.agency],
        ..card
    };
    let stuck_cards: Vec<LinkedPeer> = stuck.iter().map(|s| s.card.clone()).collect();
    let mut all = vec![a.card_without_address(), c.card_without_address()];
    all.extend(stuck_cards.clone());
    hub.link(&all).await;
    c.link(&[whole.clone(), through(a.card_without_address())])
        .await;
    let mut peers = vec![by_quic(&whole), through(c.card_without_address())];
    peers.extend(stuck_cards.iter().cloned().map(through));
    a.link(&peers).await;
    assert_eq!(a.up(&hub).await.transport, Some(Transport::Quic));
    a.up(&c).await;

    // To each of them more than its circuit may hold, of which it takes nothing.
    let mut writers = Vec::new();
    for one in stuck {
        let agency = one.card.agency;
        let mut links = a.handle.links();
        let up = links.wait_for(|all| all.iter().any(|l| l.agency == agency && l.is_up()));
        drop(within("up", up).await.expect("running"));
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let stream = a.handle.open(agency, Channel::Live).await;
            streams.push(stream.expect("a stream"));
        }
        one.stop.send(()).expect("it runs");
        for mut stream in streams {
            writers.push(tokio::spawn(async move {
                stream.send(&vec![0; 512 * 1024]).await.expect("queued");
                stream.flush().await
            }));
        }
        // It stays so: what stands for it is kept to the end.
        std::mem::forget(one.stopped);
    }
    let sent = || -> u64 {
        let each = stuck_cards
            .iter()
            .map(|s| a.handle.traffic(&s.agency).bytes_out);
        each.sum()
    };
    let (mut last, mut same) = (0, 0);
    while same < 5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = sent();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    println!("{} KiB were taken, and no more", last / 1024);

    // And whoever reads gets what is sent.
    let mut stream = a.open(&c).await;
    let (mut reader, _writer) = c.taken().await.stream.split();
    let heard = tokio::spawn(async move { reader.next().await });
    stream.send(&vec![7; 512 * 1024]).await.expect("queued");
    within("sent", stream.flush()).await.expect("sent");
    let heard = within("heard", heard).await.expect("a task");
    assert_eq!(
        heard.expect("a frame").map(|body| body.len()),
        Some(512 * 1024)
    );
    for writer in writers {
        assert!(!writer.is_finished(), "it was read after all");
        writer.abort();
    }
}
