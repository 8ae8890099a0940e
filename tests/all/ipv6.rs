//! Agencies that speak IPv6 only, with each other and through a hub; and a node that listens on
//! both, at the port that the handbook gives to a second node of one machine.

use std::net::{TcpListener, UdpSocket};

use liaison_node::swarm::Path;
use liaison_tests::Federation;
use liaison_tests::federation::{OPEN, PATIENCE};

use crate::circuits::goes;
use crate::doctor::{doctor, health};
use crate::first::trend;

/// Whether this machine has it; it says so if not.
fn is_here() -> bool {
    let here = TcpListener::bind("[::1]:0").is_ok();
    if !here {
        println!("SKIPPED: there is no IPv6 here");
    }
    here
}

/// A port that is free on both, for TCP and UDP.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("[::1]:0").expect("a port");
        let port = tcp.local_addr().expect("its address").port();
        let other = TcpListener::bind(("127.0.0.1", port));
        let hosts = ["127.0.0.1", "::1"];
        if other.is_ok() && hosts.iter().all(|h| UdpSocket::bind((*h, port)).is_ok()) {
            return port;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agencies_exchange_over_ipv6_alone_directly_and_through_a_hub() {
    if !is_here() {
        return;
    }
    let mut federation = Federation::new();
    let hub = federation.prepare("hub", "police", "QO");
    hub.listening_on("[::1]:0").configure("[hub]\n");
    hub.start().await;
    let a = federation.prepare("a", "border", "QN");
    a.listening_on("[::1]:0")
        .configure("[hubs]\nuse = [\"hub\"]\n");
    a.start().await;
    // Two that are reached through the hub alone.
    for name in ["b", "c"] {
        let node = federation.prepare(name, "border", "QN");
        node.listening_as_configured();
        node.configure("listen = []\n[hubs]\nuse = [\"hub\"]\n");
        node.start().await;
    }
    let card = federation["a"].card();
    let nodes = &card.statement().expect("a statement").nodes;
    let addresses: Vec<&String> = nodes.iter().flat_map(|n| &n.addresses).collect();
    assert!(!addresses.is_empty(), "nobody can call");
    for address in addresses {
        assert!(
            address.contains("::1") && !address.contains("127."),
            "{address}"
        );
    }
    for name in ["a", "b", "c"] {
        federation.link(name, "hub").await;
        federation[name].policy(OPEN).await;
        federation[name].lists_hubs(1).await;
    }
    federation.link("a", "b").await;
    federation.link_only("b", "c").await;
    federation.connected("b", "c").await;
    let by_hub = Path::Circuit(federation["hub"].agency);
    goes(&federation, "a", "b", Path::Direct).await;
    goes(&federation, "b", "c", by_hub).await;

    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let direct = a.push(&trend("over IPv6"), &[]).await;
    let carried = c.push(&trend("over IPv6, by a hub"), &[]).await;
    b.holds_all(&[direct, carried]).await;

    let tested = b.json(&["peer", "test", "a"]).await.to_string();
    assert!(tested.contains("[::1]:"), "{tested}");
    let hub = federation["hub"].agency;
    let mut links = a.node().swarm.links();
    let reserved = links.wait_for(|l| {
        let mut to_hub = l.iter().filter(|l| l.agency == hub);
        to_hub.any(|l| l.reserved == Some(true))
    });
    let reserved = tokio::time::timeout(PATIENCE, reserved).await;
    drop(reserved.expect("reserved").expect("runs"));
    let report = doctor(a, &[]).await;
    assert!(health(&report, "hubs", "good").is_some(), "{report}");
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_listens_on_both_at_one_port() {
    if !is_here() {
        return;
    }
    let port = free_port();
    let mut federation = Federation::new();
    let both = federation.prepare("both", "border", "QN");
    both.listening_as_configured();
    // As deploy/README.md has it.
    both.configure(&format!("listen = [\"0.0.0.0:{port}\", \"[::]:{port}\"]\n"));
    both.start().await;
    for (name, host) in [("four", "127.0.0.1"), ("six", "[::1]")] {
        let address = format!("{host}:{port}");
        let card = ["card", "edit", "--address", &address];
        federation["both"].cli(&card).await.expect_code(0);
        let node = federation.prepare(name, "border", "QN");
        node.listening_as_configured().configure("listen = []\n");
        node.start().await;
        federation.link(name, "both").await;
        let tested = federation[name].json(&["peer", "test", "both"]).await;
        assert!(tested.to_string().contains(&address), "{tested}");
    }
    federation.stop().await;
}
