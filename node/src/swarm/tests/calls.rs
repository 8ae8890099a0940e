//! What a peer on a circuit has us call, to find a direct way: some of the addresses that it
//! names, numbers only, and not again and again.

use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::circuits::{hub, ours, reserved};
use super::*;
use crate::swarm::limits::{UPGRADE_ADDRESSES, UPGRADE_BURST, UPGRADE_REFILL};

/// Somebody who is called and hangs up. Counts each call.
async fn called() -> (u16, watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
            count.send_modify(|n| *n += 1);
        }
    });
    (port, counted)
}

fn most(all: &[watch::Receiver<u32>]) -> u32 {
    all.iter().map(|n| *n.borrow()).max().unwrap_or(0)
}

#[tokio::test]
async fn a_peer_that_names_addresses_has_us_call_few_of_them_and_not_for_ever() {
    let hub = hub(9).await;
    let victim = node(1, &[]).await;
    let key = Keypair::ed25519_from_bytes([20; 32]).expect("a seed");
    let own = key.public().to_peer_id();
    let public = key.public().try_into_ed25519().expect("its kind");
    let agency = AgencyId::from_bytes([20; 32]);
    let liar = LinkedPeer::new(agency, vec![public.to_bytes()], Vec::new());
    hub.link(&[liar.clone(), victim.card_without_address()])
        .await;
    victim.link(&[ours(&hub), liar]).await;
    reserved(&victim, &hub).await;

    let timing = config(20, &[]).timing;
    let roster = Arc::new(roster::Roster::default());
    roster.set(&own, &[hub.card(), victim.card_without_address()]);
    let (inbound, _queue) = mpsc::channel(1);
    let streams = crate::swarm::streams::Streams::new(crate::swarm::streams::Shared {
        roster: roster.clone(),
        inbound,
        served: Channel::served(false),
        tap: None,
        timing,
    });
    let refusals = Arc::new(crate::swarm::gate::RefusalLog::new(config(20, &[]).now));
    let gate = crate::swarm::gate::Gate::new(roster.clone(), refusals);
    let mut upgrade = upgrade::Upgrade::new(own, roster);
    // Twice as many as it may have us call, and some that it may not name at all.
    let mut numbers = Vec::new();
    for _ in 0..2 * UPGRADE_ADDRESSES {
        let (port, count) = called().await;
        let address = format!("/ip4/127.0.0.1/tcp/{port}");
        upgrade.claims(&address.parse().expect("an address"));
        numbers.push(count);
    }
    let mut others = Vec::new();
    for form in ["/dns4/localhost/tcp/PORT", "/ip4/127.0.0.1/tcp/PORT/ws"] {
        let (port, count) = called().await;
        let address = form.replace("PORT", &port.to_string());
        upgrade.claims(&address.parse().expect("an address"));
        others.push(count);
    }
    let (through, circuits) = libp2p::relay::client::new(own);
    let relayed = (None, circuits);
    let behaviour =
        behaviour::Behaviour::new(&key, "liar", gate, streams, relayed, upgrade, &timing);
    let (mut swarm, _) = behaviour::build(&key, behaviour, through, &timing).expect("built");
    let peer = |node: &Node| {
        let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&node.handle.node_key());
        libp2p::identity::PublicKey::from(key.expect("a key")).to_peer_id()
    };
    let (at, to) = (peer(&hub), peer(&victim));
    let place: Multiaddr = hub.handle.listen_addrs()[0].parse().expect("an address");
    let call = |peer, address| {
        DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(vec![address])
            .build()
    };
    swarm.dial(call(at, place.clone())).expect("dialled");
    let began = std::time::Instant::now();
    // One circuit after another, each for as long as it has the victim call somebody; some more
    // when it has had all that it may.
    let mut idle = 0;
    let lies = async {
        let mut heard = 0;
        while idle < 4 {
            let mut asked = None;
            let mut quiet = Box::pin(tokio::time::sleep(Duration::from_secs(10)));
            loop {
                tokio::select! {
                    event = swarm.select_next_some() => match event {
                        SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == at => {
                            let circuit = address::circuit(at, &place);
                            swarm.dial(call(to, circuit)).expect("dialled");
                        }
                        SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. }
                            if peer_id == to =>
                        {
                            asked = Some(connection_id);
                            quiet = Box::pin(tokio::time::sleep(Duration::from_millis(700)));
                        }
                        _ => {}
                    },
                    () = &mut quiet => break,
                }
                if most(&numbers) > heard {
                    heard = most(&numbers);
                    idle = 0;
                    quiet = Box::pin(tokio::time::sleep(Duration::from_millis(700)));
                }
            }
            idle += 1;
            if let Some(id) = asked {
                swarm.close_connection(id);
            }
            let circuit = address::circuit(at, &place);
            swarm.dial(call(to, circuit)).expect("dialled");
        }
    };
    tokio::time::timeout(Duration::from_secs(240), lies)
        .await
        .expect("it has had all that it may");
    let calls: Vec<u32> = numbers.iter().map(|n| *n.borrow()).collect();
    let whom = calls.iter().filter(|n| **n > 0).count();
    println!("{calls:?} in {:.1?}", began.elapsed());
    assert!((1..=UPGRADE_ADDRESSES).contains(&whom), "{calls:?}");
    assert_eq!(most(&others), 0, "a name, or another kind of address");
    let more = u32::try_from(began.elapsed().as_secs() / UPGRADE_REFILL.as_secs());
    let may = UPGRADE_BURST + 1 + more.expect("few");
    assert!(most(&numbers) <= may, "{calls:?} are more than {may}");
    assert!(
        most(&numbers) >= UPGRADE_BURST,
        "{calls:?}: the bound was not reached"
    );
}
