//! Through a hub, and back to a direct connection.

use super::outsider::Outsider;
use super::*;

const BOUNDS: RelayBounds = RelayBounds {
    reservations: 16,
    circuits: 64,
    circuits_per_agency: 8,
};

pub(super) async fn hub(seed: u8) -> Node {
    hub_with(seed, BOUNDS, &BOTH).await
}

async fn hub_with(seed: u8, bounds: RelayBounds, listen: &[&str]) -> Node {
    let config = SwarmConfig {
        relay: Some(bounds),
        ..config(seed, listen)
    };
    started(config).await
}

/// A node that is reached through these hubs, as its peers see it.
fn behind(node: &Node, hubs: &[&Node]) -> LinkedPeer {
    LinkedPeer {
        hubs: hubs.iter().map(|h| h.agency).collect(),
        ..node.card_without_address()
    }
}

/// A hub as one sees it whom it carries for.
pub(super) fn ours(hub: &Node) -> LinkedPeer {
    LinkedPeer {
        is_our_hub: true,
        ..hub.card()
    }
}

pub(super) async fn reserved(node: &Node, hub: &Node) {
    node.until("a reservation", hub, |l| l.reserved == Some(true))
        .await;
}

#[tokio::test]
async fn two_without_addresses_meet_through_a_hub() {
    let hub = hub(9).await;
    let a = node(1, &[]).await;
    let mut b = node(2, &[]).await;
    hub.link(&[a.card_without_address(), b.card_without_address()])
        .await;
    b.link(&[ours(&hub), behind(&a, &[&hub])]).await;
    reserved(&b, &hub).await;
    a.link(&[ours(&hub), behind(&b, &[&hub])]).await;

    let by_hub = Some(Path::Circuit(hub.agency));
    assert_eq!(a.up(&b).await.path, by_hub);
    assert_eq!(b.up(&a).await.path, by_hub);
    let mut stream = a.open(&b).await;
    assert_eq!(stream.path(), Path::Circuit(hub.agency));
    let taken = b.taken().await;
    assert_eq!(taken.agency, a.agency);
    assert_eq!(taken.stream.path(), Path::Circuit(hub.agency));
    // More than what libp2p lets through a circuit by itself.
    let body = vec![7; 512 * 1024];
    let (mut reader, _writer) = taken.stream.split();
    let received = tokio::spawn(async move { reader.next().await });
    stream.send(&body).await.expect("sent");
    stream.flush().await.expect("flushed");
    let received = within("the frame", received).await.expect("a task");
    assert_eq!(received, Ok(Some(body)));

    let mut relayed = hub.handle.relayed();
    let both = within(
        "the hub's figures",
        relayed.wait_for(|r| r.reservations.len() == 2 && !r.circuits.is_empty()),
    );
    drop(both.await.expect("running"));
}

#[tokio::test]
async fn a_hub_carries_for_no_stranger() {
    let hub = hub(9).await;
    let b = node(2, &[]).await;
    hub.link(&[b.card_without_address()]).await;
    b.link(&[ours(&hub)]).await;
    reserved(&b, &hub).await;

    // It knows the hub and has B as a peer, and B has it: only the hub does not know it.
    let stranger = node(3, &[]).await;
    b.link(&[ours(&hub), behind(&stranger, &[&hub])]).await;
    stranger.link(&[ours(&hub), behind(&b, &[&hub])]).await;
    stranger
        .until("turned away", &hub, |l| l.attempts >= 2 && !l.is_up())
        .await;
    let link = stranger.handle.link(&hub.agency).expect("linked");
    assert_eq!(link.reserved, Some(false));
    assert!(!stranger.handle.link(&b.agency).expect("linked").is_up());
    let relayed = hub.handle.relayed().borrow().clone();
    assert_eq!(relayed.reservations, [b.agency]);
    assert!(relayed.circuits.is_empty(), "{relayed:?}");
    assert!(hub.handle.refusals().total > 0);

    // The other end of a circuit is a linked peer as well, whatever the hub thinks of it.
    hub.link(&[b.card_without_address(), stranger.card_without_address()])
        .await;
    reserved(&stranger, &hub).await;
    b.link(&[ours(&hub)]).await;
    stranger
        .until("turned away by B", &b, |l| !l.is_up() && l.attempts >= 1)
        .await;
    assert!(b.handle.refusals().total > 0);
}

#[tokio::test]
async fn a_node_that_is_no_hub_carries_nothing() {
    let other = node(9, &BOTH).await;
    let a = node(1, &[]).await;
    other.link(&[a.card_without_address()]).await;
    a.link(&[ours(&other)]).await;
    assert_eq!(a.up(&other).await.reserved, Some(false));
    let refused = a.open_on(&other, Channel::Mailbox).await;
    assert!(
        matches!(refused, Err(SwarmError::Unsupported { .. })),
        "{:?}",
        refused.err()
    );
    assert_eq!(
        a.handle.link(&other.agency).expect("linked").reserved,
        Some(false)
    );
}

#[tokio::test]
async fn a_direct_connection_takes_over_and_a_circuit_is_the_fallback() {
    let hub = hub(9).await;
    let a = node(1, &[]).await;
    let mut b = node(2, &BOTH).await;
    hub.link(&[a.card_without_address(), b.card_without_address()])
        .await;
    b.link(&[ours(&hub), behind(&a, &[&hub])]).await;
    reserved(&b, &hub).await;
    a.link(&[ours(&hub), behind(&b, &[&hub])]).await;
    a.up(&b).await;
    b.up(&a).await;
    let stream = a.open(&b).await;
    let left = stream.left();
    assert!(matches!(stream.path(), Path::Circuit(_)));
    let theirs = b.taken().await;

    // Its keys statement says now where it is.
    let direct = LinkedPeer {
        hubs: vec![hub.agency],
        ..b.card()
    };
    let mut events = a.handle.events();
    a.link(&[ours(&hub), direct]).await;
    within("told to move", left.cancelled()).await;
    a.until("direct", &b, |l| l.path == Some(Path::Direct))
        .await;
    // What is on the circuit still goes on.
    let (mut reader, mut writer) = stream.split();
    writer.send(b"last words").await.expect("sent");
    writer.close().await.expect("closed");
    let (mut heard, _) = theirs.stream.split();
    let body = within("heard", heard.next()).await.expect("a frame");
    assert_eq!(body.as_deref(), Some(&b"last words"[..]));
    drop((reader.next(), writer));
    drop((reader, heard));
    // And when nothing is, the circuit is closed.
    let mut relayed = hub.handle.relayed();
    let over = within("it closes", relayed.wait_for(|r| r.circuits.is_empty()));
    drop(over.await.expect("running"));
    assert_eq!(a.open(&b).await.path(), Path::Direct);
    assert!(events.try_recv().is_err(), "the link was up all the time");

    // The direct way is gone for good: its address is wrong.
    let lost = LinkedPeer {
        addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
        hubs: vec![hub.agency],
        ..b.card()
    };
    a.link(&[ours(&hub)]).await;
    a.link(&[ours(&hub), lost]).await;
    a.until("by the hub again", &b, |l| {
        l.is_up() && l.path == Some(Path::Circuit(hub.agency))
    })
    .await;
}

#[tokio::test]
async fn a_second_hub_takes_over_and_a_hub_that_comes_back_carries_again() {
    let port = format!("127.0.0.1:{}", quiet_port());
    let first = hub_with(8, BOUNDS, &[&port]).await;
    let second = hub(9).await;
    let a = node(1, &[]).await;
    let b = node(2, &[]).await;
    let peers = [a.card_without_address(), b.card_without_address()];
    first.link(&peers).await;
    second.link(&peers).await;
    let hubs = [&first, &second];
    b.link(&[ours(&first), ours(&second), behind(&a, &hubs)])
        .await;
    a.link(&[ours(&first), ours(&second), behind(&b, &hubs)])
        .await;
    for (node, hub) in [(&a, &first), (&a, &second), (&b, &first), (&b, &second)] {
        reserved(node, hub).await;
    }
    a.up(&b).await;
    first.handle.shutdown().await;
    a.until("by the second", &b, |l| {
        l.is_up() && l.path == Some(Path::Circuit(second.agency))
    })
    .await;
    second.handle.shutdown().await;
    a.until("nowhere", &b, |l| !l.is_up()).await;

    let first = hub_with(8, BOUNDS, &[&port]).await;
    first.link(&peers).await;
    a.until("by the first again", &b, |l| {
        l.is_up() && l.path == Some(Path::Circuit(first.agency))
    })
    .await;
    reserved(&a, &first).await;
}

#[tokio::test]
async fn one_agency_has_so_many_circuits_and_no_more() {
    let bounds = RelayBounds {
        circuits_per_agency: 2,
        ..BOUNDS
    };
    let hub = hub_with(9, bounds, &BOTH).await;
    let a = node(1, &[]).await;
    let mut others = Vec::new();
    for seed in 2..5 {
        others.push(node(seed, &[]).await);
    }
    let mut all: Vec<LinkedPeer> = others.iter().map(Node::card_without_address).collect();
    all.push(a.card_without_address());
    hub.link(&all).await;
    for other in &others {
        // They wait to be called.
        other.link(&[ours(&hub), a.card_without_address()]).await;
        reserved(other, &hub).await;
    }
    let mut peers: Vec<LinkedPeer> = others.iter().map(|o| behind(o, &[&hub])).collect();
    peers.push(ours(&hub));
    a.link(&peers).await;
    let mut links = a.handle.links();
    let refused = |l: &LinkState| {
        let error = l.last_error.as_ref();
        !l.is_up() && error.is_some_and(|e| e.1.contains("its bounds are reached"))
    };
    let settled = links.wait_for(|all| {
        let up = all.iter().filter(|l| l.is_up() && l.agency != hub.agency);
        up.count() == 2 && all.iter().any(refused)
    });
    drop(within("two of three", settled).await.expect("running"));
    assert!(hub.handle.relayed().borrow().refused > 0);
}

/// A hub, nodes of one agency with a key each that know `others` there, and how the others see the
/// agency.
async fn of_one_agency(hub: &Node, keys: std::ops::Range<u8>, others: &[Node]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for seed in keys {
        nodes.push(node(seed, &[]).await);
    }
    let agency = LinkedPeer::new(
        nodes.first().expect("a key").agency,
        nodes.iter().map(|n| n.handle.node_key()).collect(),
        Vec::new(),
    );
    let mut all: Vec<LinkedPeer> = others.iter().map(Node::card_without_address).collect();
    all.push(agency.clone());
    hub.link(&all).await;
    for other in others {
        other.link(&[ours(hub), agency.clone()]).await;
        reserved(other, hub).await;
    }
    nodes
}

#[tokio::test]
async fn an_agency_has_no_more_circuits_by_having_more_keys() {
    let bounds = RelayBounds {
        circuits_per_agency: 2,
        ..BOUNDS
    };
    let hub = hub_with(9, bounds, &BOTH).await;
    let others = [node(1, &[]).await, node(2, &[]).await, node(3, &[]).await];
    let keys = of_one_agency(&hub, 20..23, &others).await;
    for (key, other) in keys.iter().zip(&others).take(2) {
        key.link(&[hub.card(), behind(other, &[&hub])]).await;
        key.up(other).await;
    }
    let [.., last] = keys.as_slice() else {
        panic!("keys")
    };
    let [.., other] = &others;
    last.link(&[hub.card(), behind(other, &[&hub])]).await;
    last.until("refused", other, |l| {
        let error = l.last_error.as_ref();
        !l.is_up() && error.is_some_and(|e| e.1.contains("its bounds are reached"))
    })
    .await;
    // And to one that others call, it is open still: those don't count.
    let [first, second, _] = &others;
    first
        .link(&[
            ours(&hub),
            behind(second, &[&hub]),
            LinkedPeer::new(
                keys[0].agency,
                keys.iter().map(|n| n.handle.node_key()).collect(),
                Vec::new(),
            ),
        ])
        .await;
    second
        .link(&[
            ours(&hub),
            first.card_without_address(),
            LinkedPeer::new(
                keys[0].agency,
                keys.iter().map(|n| n.handle.node_key()).collect(),
                Vec::new(),
            ),
        ])
        .await;
    first.up(second).await;
}

/// One that asks for as many circuits as it likes, all on one connection.
#[tokio::test]
async fn an_agency_that_fills_anothers_connection_with_circuits_is_cut_off_from_the_hub() {
    let hub = hub_with(
        9,
        RelayBounds {
            circuits_per_agency: 100,
            ..BOUNDS
        },
        &BOTH,
    )
    .await;
    let called = node(1, &[]).await;
    let mut greedy = Outsider::new(&hub, &called, |_| {}).await;
    let at = greedy.at;
    greedy.connect();
    let asked = async {
        loop {
            match greedy.swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == at => {
                    for _ in 0..=limits::CIRCUITS_PER_PAIR {
                        greedy.call();
                    }
                }
                SwarmEvent::ConnectionClosed { peer_id, .. } if peer_id == at => return,
                _ => {}
            }
        }
    };
    within("it is cut off", asked).await;
    assert!(hub.handle.relayed().borrow().refused > 0);
    assert!(called.handle.link(&hub.agency).expect("linked").is_up());
}

#[tokio::test]
async fn an_agency_reserves_by_two_keys_and_no_more() {
    let hub = hub(9).await;
    let keys = of_one_agency(&hub, 20..23, &[]).await;
    for key in keys.iter().take(limits::RESERVED_KEYS) {
        key.link(&[ours(&hub)]).await;
        reserved(key, &hub).await;
    }
    let third = keys.last().expect("keys");
    third.link(&[ours(&hub)]).await;
    let mut relayed = hub.handle.relayed();
    let refused = within("refused", relayed.wait_for(|r| r.refused > 0));
    drop(refused.await.expect("running"));
    assert_eq!(
        third.handle.link(&hub.agency).expect("linked").reserved,
        Some(false)
    );
}

#[tokio::test]
async fn a_circuit_to_whom_is_merely_away_is_no_refusal() {
    let hub = hub(9).await;
    let (a, away) = (node(1, &[]).await, node(2, &[]).await);
    hub.link(&[a.card_without_address(), away.card_without_address()])
        .await;
    a.link(&[ours(&hub), behind(&away, &[&hub])]).await;
    let mut relayed = hub.handle.relayed();
    let missed = within("missed", relayed.wait_for(|r| r.absent > 0)).await;
    assert_eq!(missed.expect("running").refused, 0);
}
