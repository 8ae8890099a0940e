//! What a peer on a circuit has us call, to find a direct way: some of the addresses that it
//! names, numbers only, and not again and again.

use libp2p::Multiaddr;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::circuits::hub;
use super::outsider::Outsider;
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
    // Twice as many as it may have us call, and some that it may not name at all.
    let (mut numbers, mut claimed) = (Vec::new(), Vec::<Multiaddr>::new());
    for _ in 0..2 * UPGRADE_ADDRESSES {
        let (port, count) = called().await;
        let address = format!("/ip4/127.0.0.1/tcp/{port}");
        claimed.push(address.parse().expect("an address"));
        numbers.push(count);
    }
    let mut others = Vec::new();
    for form in ["/dns4/localhost/tcp/PORT", "/ip4/127.0.0.1/tcp/PORT/ws"] {
        let (port, count) = called().await;
        let address = form.replace("PORT", &port.to_string());
        claimed.push(address.parse().expect("an address"));
        others.push(count);
    }
    let mut liar = Outsider::new(&hub, &victim, |upgrade| {
        claimed.iter().for_each(|address| upgrade.claims(address));
    })
    .await;
    let (at, to) = (liar.at, liar.to);
    liar.connect();
    let began = std::time::Instant::now();
    // One circuit after another, each for as long as it has the victim call somebody; some more
    // when it has had all that it may.
    let mut idle = 0;
    // In which a busy machine calls as well.
    const QUIET: Duration = Duration::from_secs(3);
    let lies = async {
        let mut heard = 0;
        // Once the bound is reached two silences are enough: another call falls due soon.
        while idle < if heard < UPGRADE_BURST { 4 } else { 2 } {
            let mut asked = None;
            let mut quiet = Box::pin(tokio::time::sleep(Duration::from_secs(10)));
            loop {
                tokio::select! {
                    event = liar.swarm.select_next_some() => match event {
                        SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == at => {
                            liar.call();
                        }
                        SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. }
                            if peer_id == to =>
                        {
                            asked = Some(connection_id);
                            quiet = Box::pin(tokio::time::sleep(QUIET));
                        }
                        _ => {}
                    },
                    () = &mut quiet => break,
                }
                if most(&numbers) > heard {
                    heard = most(&numbers);
                    idle = 0;
                    quiet = Box::pin(tokio::time::sleep(QUIET));
                }
            }
            idle += 1;
            if let Some(id) = asked {
                liar.swarm.close_connection(id);
            }
            liar.call();
        }
    };
    tokio::time::timeout(Duration::from_secs(480), lies)
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
