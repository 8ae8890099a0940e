//! Real sockets on the loopback, ports that are free, several transports in one process.

mod calls;
mod circuits;
mod gate;
mod hybrid;
mod links;
mod outsider;
mod streams;
mod stuck;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use zeroize::Zeroizing;

use super::limits::Timing;
use super::*;

/// Nothing here waits this long unless it has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const BOTH: [&str; 1] = ["127.0.0.1:0"];
const TCP: [&str; 1] = ["/ip4/127.0.0.1/tcp/0"];

struct Node {
    agency: AgencyId,
    handle: SwarmHandle,
    inbound: InboundStreams,
}

type Captured = Arc<Mutex<Vec<(AgencyId, Channel, Direction, Vec<u8>)>>>;

struct Capture(Captured);

impl Tap for Capture {
    fn frame(
        &self,
        _stream: u64,
        peer: &AgencyId,
        channel: Channel,
        direction: Direction,
        body: &[u8],
    ) {
        self.0
            .lock()
            .expect("lock")
            .push((*peer, channel, direction, body.to_vec()));
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long: {what}"))
}

async fn node(seed: u8, listen: &[&str]) -> Node {
    tapped(seed, listen, None).await
}

async fn tapped(seed: u8, listen: &[&str], tap: Option<Arc<dyn Tap>>) -> Node {
    started(SwarmConfig {
        tap,
        ..config(seed, listen)
    })
    .await
}

fn config(seed: u8, listen: &[&str]) -> SwarmConfig {
    let ticks = AtomicU64::new(1);
    SwarmConfig {
        node_key: Zeroizing::new([seed; 32]),
        listen: listen.iter().map(|l| l.parse().expect("address")).collect(),
        software: "liaison test".to_owned(),
        tap: None,
        now: Arc::new(move || Millis(ticks.fetch_add(1, Ordering::Relaxed))),
        relay: None,
        timing: Timing {
            redial_min: Duration::from_millis(40),
            redial_max: Duration::from_millis(400),
            head_start: Duration::from_millis(100),
            ping: Duration::from_secs(1),
            ..Timing::default()
        },
    }
}

async fn started(config: SwarmConfig) -> Node {
    let seed = config.node_key[0];
    let (handle, inbound) = Swarm::start(config).await.expect("start");
    Node {
        agency: AgencyId::from_bytes([seed; 32]),
        handle,
        inbound,
    }
}

impl Node {
    fn card(&self) -> LinkedPeer {
        LinkedPeer::new(
            self.agency,
            vec![self.handle.node_key()],
            self.handle.listen_addrs(),
        )
    }

    /// As [`card`](Self::card), for someone who is to wait for our call.
    fn card_without_address(&self) -> LinkedPeer {
        LinkedPeer {
            addresses: Vec::new(),
            ..self.card()
        }
    }

    async fn link(&self, peers: &[LinkedPeer]) -> Vec<SwarmError> {
        self.handle
            .set_peers(peers.to_vec())
            .await
            .expect("running")
    }

    /// Waits until the link is as wanted.
    async fn until(
        &self,
        what: &str,
        peer: &Node,
        wanted: impl Fn(&LinkState) -> bool,
    ) -> LinkState {
        let mut links = self.handle.links();
        let all = within(
            what,
            links.wait_for(|all| all.iter().any(|l| l.agency == peer.agency && wanted(l))),
        );
        let all = all.await.expect("running");
        all.iter()
            .find(|l| l.agency == peer.agency)
            .cloned()
            .expect("found")
    }

    async fn up(&self, peer: &Node) -> LinkState {
        self.until("up", peer, LinkState::is_up).await
    }

    async fn open(&self, peer: &Node) -> FrameStream {
        self.open_on(peer, Channel::Live).await.expect("open")
    }

    async fn open_on(&self, peer: &Node, channel: Channel) -> Result<FrameStream, SwarmError> {
        self.handle.open(peer.agency, channel).await
    }

    async fn taken(&mut self) -> Inbound {
        within("inbound", self.inbound.next())
            .await
            .expect("running")
    }
}

/// A card without the addresses for TCP, to which a busy machine else changes over.
fn by_quic(card: &LinkedPeer) -> LinkedPeer {
    let quic = card.addresses.iter().filter(|a| !a.contains("/tcp/"));
    let by_quic = LinkedPeer {
        addresses: quic.cloned().collect(),
        ..card.clone()
    };
    assert!(!by_quic.addresses.is_empty(), "{card:?}");
    by_quic
}

async fn linked(a: &Node, b: &Node) {
    a.link(&[b.card()]).await;
    b.link(&[a.card()]).await;
    a.up(b).await;
    b.up(a).await;
}

/// A free port that no outgoing connection of another test is given meanwhile: below the
/// range from which the system takes those.
fn quiet_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * 61;
        let port = u16::try_from(20_000 + step % 10_000).expect("below 30,000");
        let tcp = std::net::TcpListener::bind(("127.0.0.1", port));
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port));
        if tcp.is_ok() && udp.is_ok() {
            return port;
        }
    }
}
