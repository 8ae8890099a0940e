//! The way to other nodes: authenticated connections to linked peers, and streams of frames
//! on them. The only module that knows libp2p.
//!
//! QUIC by preference, TCP with TLS 1.3 as fallback. A connection is made with, and accepted
//! from, only a node key that stands on a linked peer's card; there is no way to turn that
//! off. Who says what on a stream is not decided here.

mod address;
mod behaviour;
mod circuit;
mod driver;
mod error;
mod frame;
mod gate;
mod handle;
mod hybrid;
pub mod limits;
mod link;
mod probe;
mod roster;
mod schedule;
mod streams;
mod upgrade;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use liaison_protocol::clock::Millis;
use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use tokio::sync::{broadcast, mpsc, watch};
use zeroize::Zeroizing;

pub use address::{ListenAddr, PeerAddr};
pub use circuit::Relayed;
pub use error::SwarmError;
pub use frame::{FrameReader, FrameStream, FrameWriter};
pub use handle::{Inbound, InboundStreams, SwarmHandle};
pub use link::{
    Channel, Direction, LinkEvent, LinkState, LinkedPeer, Path, Refusals, RelayBounds, Tap,
    Traffic, Transport,
};
pub use probe::{PeerTest, Step, StepName};

/// Tells the time: nothing here reads the system clock.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// How a transport is set up.
#[derive(Clone)]
pub struct SwarmConfig {
    /// The node key's secret (Ed25519 seed).
    pub node_key: Zeroizing<[u8; 32]>,
    /// Where to listen; empty: nowhere, this node only dials.
    pub listen: Vec<ListenAddr>,
    /// What this node tells linked peers about its software, such as `liaison 0.1.0`.
    pub software: String,
    /// Sees every frame.
    pub tap: Option<Arc<dyn Tap>>,
    /// The time, for what is shown to people.
    pub now: Now,
    /// What this node relays for its linked peers; absent: nothing, it is no hub.
    pub relay: Option<RelayBounds>,
    /// How long things may take.
    pub timing: limits::Timing,
}

impl SwarmConfig {
    /// Listens nowhere yet, with the usual timing and no tap.
    pub fn new(node_key: Zeroizing<[u8; 32]>, software: impl Into<String>, now: Now) -> Self {
        Self {
            node_key,
            listen: Vec::new(),
            software: software.into(),
            tap: None,
            now,
            relay: None,
            timing: limits::Timing::default(),
        }
    }
}

/// A transport. Any number can run in one process.
pub struct Swarm;

impl Swarm {
    /// Listens, and runs in the caller's tokio runtime until
    /// [`shutdown`](SwarmHandle::shutdown). Nobody is linked yet.
    ///
    /// # Errors
    /// `NodeKey`, or `Listen` if one of the addresses cannot be had. Of 0.0.0.0 and :: one
    /// is enough, unless a port is in use: not every machine has IPv6.
    pub async fn start(config: SwarmConfig) -> Result<(SwarmHandle, InboundStreams), SwarmError> {
        let SwarmConfig {
            node_key,
            listen,
            software,
            tap,
            now,
            relay,
            timing,
        } = config;
        let mut seed = node_key.clone();
        let key = Keypair::ed25519_from_bytes(seed.as_mut())
            .map_err(|e| SwarmError::NodeKey { why: e.to_string() })?;
        let node_key = key
            .public()
            .try_into_ed25519()
            .map_err(|e| SwarmError::NodeKey { why: e.to_string() })?
            .to_bytes();
        let roster = Arc::new(roster::Roster::default());
        let refusals = Arc::new(gate::RefusalLog::new(now.clone()));
        let (inbound, queue) = mpsc::channel(limits::INBOUND_QUEUE);
        let streams = streams::Streams::new(streams::Shared {
            roster: roster.clone(),
            inbound,
            served: Channel::served(relay.is_some()),
            tap,
            timing,
        });
        let gate = gate::Gate::new(roster.clone(), refusals.clone());
        let (through, circuits) = libp2p::relay::client::new(key.public().to_peer_id());
        let own = key.public().to_peer_id();
        let relaying = circuit::Relaying::new(relay, roster.clone());
        let server = relay.map(|bounds| circuit::server(own, bounds, &relaying));
        let upgrade = upgrade::Upgrade::new(own, roster.clone());
        let relayed = (server, circuits);
        let behaviour =
            behaviour::Behaviour::new(&key, &software, gate, streams, relayed, upgrade, &timing);
        let (mut swarm, names) = behaviour::build(&key, behaviour, through, &timing)?;
        if relay.is_some() {
            swarm.add_external_address(circuit::nowhere());
        }
        let listens = begin_listening(&mut swarm, &listen, &timing).await?;

        let (commands, inbox) = mpsc::channel(limits::COMMANDS);
        let (links_out, links) = watch::channel(Vec::new());
        let (listens_out, listens) = watch::channel(listens);
        let (relayed_out, relayed) = watch::channel(circuit::Relayed::default());
        let (events, _) = broadcast::channel(limits::LINK_EVENTS);
        let (peers, _) = watch::channel(Arc::default());
        let out = driver::Outlets {
            links: links_out,
            listens: listens_out,
            relayed: relayed_out,
            events: events.clone(),
        };
        let driver = driver::Driver::new(swarm, roster.clone(), relaying, inbox, out, now, timing);
        tokio::spawn(driver.run());
        let handle = SwarmHandle {
            commands,
            roster: roster.clone(),
            refusals,
            links,
            listens,
            relayed,
            events,
            peers,
            timing,
            node_key,
            names,
        };
        Ok((handle, InboundStreams { queue, roster }))
    }
}

/// Listens and waits until the real ports are known.
async fn begin_listening(
    swarm: &mut libp2p::Swarm<behaviour::Behaviour>,
    listen: &[ListenAddr],
    timing: &limits::Timing,
) -> Result<Vec<String>, SwarmError> {
    let mut waiting = std::collections::HashSet::new();
    let mut failed = None;
    // A node that is being restarted may hold its ports for a moment longer.
    let patience = tokio::time::Instant::now() + timing.listen;
    for wanted in listen.iter().flat_map(ListenAddr::multiaddrs) {
        persist(patience, || tcp_is_free(wanted))
            .await
            .map_err(|(why, _)| SwarmError::Listen {
                address: address::host_port(wanted),
                why,
            })?;
    }
    for wanted in listen {
        for address in wanted.multiaddrs() {
            let tried = persist(patience, || {
                swarm
                    .listen_on(address.clone())
                    .map_err(|error| words::listen(&error))
            })
            .await;
            match tried {
                Ok(id) => {
                    waiting.insert(id);
                }
                Err((why, in_use)) => {
                    tracing::warn!(%address, %why, "cannot listen on this address");
                    let refused = SwarmError::Listen {
                        address: address::host_port(address),
                        why,
                    };
                    if in_use || !address::is_any(address) {
                        return Err(refused);
                    }
                    failed = Some(refused);
                }
            }
        }
    }
    if let (true, Some(failed)) = (waiting.is_empty(), failed) {
        return Err(failed);
    }
    let ready = async {
        while !waiting.is_empty() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    waiting.remove(&listener_id);
                }
                SwarmEvent::ListenerClosed {
                    listener_id,
                    reason,
                    addresses,
                } => {
                    waiting.remove(&listener_id);
                    let address = addresses
                        .first()
                        .map(address::host_port)
                        .unwrap_or_default();
                    let why = reason.err().map(|e| e.to_string()).unwrap_or_default();
                    return Err(SwarmError::Listen { address, why });
                }
                _ => {}
            }
        }
        Ok(())
    };
    // A listener without an address, such as :: on a machine that has IPv6 switched off, is
    // no reason not to start.
    if let Ok(done) = tokio::time::timeout(timing.shutdown, ready).await {
        done?;
    }
    Ok(listening(swarm))
}

/// The addresses listened on, QUIC first, without those that stand for reservations at hubs.
fn listening(swarm: &libp2p::Swarm<behaviour::Behaviour>) -> Vec<String> {
    let own = swarm.listeners().filter(|a| !address::is_relayed(a));
    let mut all: Vec<String> = own.map(ToString::to_string).collect();
    all.sort_by_key(|a| !a.contains("quic"));
    all
}

/// Tries until the port is no longer in use, or patience is at its end.
async fn persist<T>(
    patience: tokio::time::Instant,
    mut attempt: impl FnMut() -> Result<T, (String, bool)>,
) -> Result<T, (String, bool)> {
    loop {
        match attempt() {
            Err((_, true)) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(limits::LISTEN_RETRY).await;
            }
            done => return done,
        }
    }
}

/// libp2p listens with SO_REUSEPORT: a second node at the same port would be let in and would
/// get every other call. A socket without it tells. Asked before any listening, because the
/// one for :: would find our own 0.0.0.0 in its way.
fn tcp_is_free(address: &libp2p::Multiaddr) -> Result<(), (String, bool)> {
    match address::tcp_socket(address).map(std::net::TcpListener::bind) {
        Some(Err(error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err((words::IN_USE.to_owned(), true))
        }
        // Whatever else is wrong, listening will tell.
        _ => Ok(()),
    }
}
