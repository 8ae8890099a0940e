//! The handle: what the rest of the node asks of the transport.

use std::sync::Arc;

use liaison_protocol::id::AgencyId;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::driver::Command;
use super::gate::RefusalLog;
use super::limits::Timing;
use super::probe::{self, PeerTest};
use super::roster::Roster;
use super::streams::OpenRequest;
use super::{
    Channel, FrameStream, LinkEvent, LinkState, LinkedPeer, Refusals, Relayed, SwarmError, Traffic,
};

/// A stream that a linked peer opened.
pub struct Inbound {
    /// The peer, by the key that it proved to hold.
    pub agency: AgencyId,
    /// What the stream is for.
    pub channel: Channel,
    /// The stream.
    pub stream: FrameStream,
}

/// The streams that peers open. Take them up without delay: each peer's number is bounded.
pub struct InboundStreams {
    pub(super) queue: mpsc::Receiver<Inbound>,
    pub(super) roster: Arc<Roster>,
}

impl InboundStreams {
    /// The next stream of a peer that is linked at this moment; `None` when the transport has
    /// stopped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Inbound> {
        loop {
            let inbound = self.queue.recv().await?;
            if self.roster.is_linked(&inbound.agency) && inbound.stream.is_linked() {
                return Some(inbound);
            }
        }
    }
}

/// Talks to a running transport. Clones are cheap; when the last is dropped, it stops.
#[derive(Clone)]
pub struct SwarmHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) roster: Arc<Roster>,
    pub(super) refusals: Arc<RefusalLog>,
    pub(super) links: watch::Receiver<Vec<LinkState>>,
    pub(super) listens: watch::Receiver<Vec<String>>,
    pub(super) relayed: watch::Receiver<Relayed>,
    pub(super) events: broadcast::Sender<LinkEvent>,
    pub(super) peers: watch::Sender<Arc<Vec<LinkedPeer>>>,
    pub(super) timing: Timing,
    pub(super) node_key: [u8; 32],
    pub(super) names: bool,
}

impl SwarmHandle {
    /// Makes these the linked peers, instead of those before: whoever is not among them is
    /// cut off at once, with every stream. Returns what was wrong with their cards; the rest
    /// applies all the same, and each problem also stands in its link's `last_error`.
    ///
    /// # Errors
    /// [`SwarmError::Stopped`].
    pub async fn set_peers(&self, peers: Vec<LinkedPeer>) -> Result<Vec<SwarmError>, SwarmError> {
        let (reply, answer) = oneshot::channel();
        self.peers.send_replace(Arc::new(peers.clone()));
        self.command(Command::Peers(peers, reply)).await?;
        answer.await.map_err(|_| SwarmError::Stopped)
    }

    /// Dials a peer now instead of when its wait is over; does nothing while it is connected.
    ///
    /// # Errors
    /// [`SwarmError::NotLinked`], [`SwarmError::Stopped`].
    pub async fn dial_now(&self, agency: AgencyId) -> Result<(), SwarmError> {
        if !self.roster.is_linked(&agency) {
            return Err(SwarmError::NotLinked { agency });
        }
        self.command(Command::Dial(agency)).await
    }

    /// Opens a stream to a connected peer. Never dials.
    ///
    /// # Errors
    /// `NotLinked`, `NotConnected`, `Unsupported`, `OpenTimeout`, `Broken`.
    pub async fn open(
        &self,
        agency: AgencyId,
        channel: Channel,
    ) -> Result<FrameStream, SwarmError> {
        let (opens, gone) = self.roster.opens(&agency)?;
        let (reply, answer) = oneshot::channel();
        let opening = async {
            let lost = || SwarmError::NotConnected { agency };
            opens
                .send(OpenRequest { channel, reply })
                .await
                .map_err(|_| lost())?;
            answer.await.map_err(|_| lost())?
        };
        tokio::select! {
            biased;
            () = gone.cancelled() => Err(SwarmError::NotLinked { agency }),
            opened = tokio::time::timeout(self.timing.open, opening) => match opened {
                Ok(opened) => opened,
                Err(_) => Err(SwarmError::OpenTimeout { agency, seconds: self.timing.open.as_secs() }),
            },
        }
    }

    /// The state of the link to every linked peer, by agency; await changes on it.
    pub fn links(&self) -> watch::Receiver<Vec<LinkState>> {
        self.links.clone()
    }

    /// The state of one link; `None` if the agency is not linked.
    pub fn link(&self, agency: &AgencyId) -> Option<LinkState> {
        self.links
            .borrow()
            .iter()
            .find(|l| l.agency == *agency)
            .cloned()
    }

    /// Changes from now on. Bounded: a listener that lags gets `Lagged` and reads
    /// [`links`](Self::links).
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.events.subscribe()
    }

    /// What crossed the wire to and from a peer.
    pub fn traffic(&self, agency: &AgencyId) -> Traffic {
        self.roster.traffic(agency)
    }

    /// Callers that were turned away.
    pub fn refusals(&self) -> Refusals {
        self.refusals.read()
    }

    /// The addresses listened on, as multiaddresses that [`super::PeerAddr`] reads; QUIC first.
    pub fn listen_addrs(&self) -> Vec<String> {
        self.listens.borrow().clone()
    }

    /// What this node relays as a hub.
    pub fn relayed(&self) -> watch::Receiver<Relayed> {
        self.relayed.clone()
    }

    /// This node's public key (Ed25519), as it stands on its card.
    pub const fn node_key(&self) -> [u8; 32] {
        self.node_key
    }

    /// Whether names can be resolved here; without a resolv.conf only addresses by number
    /// work.
    pub const fn resolves_names(&self) -> bool {
        self.names
    }

    /// Tests the way to a peer with a fresh connection, step by step up to the first that
    /// fails.
    ///
    /// # Errors
    /// `NotLinked`, `Stopped`.
    pub async fn test(&self, agency: AgencyId) -> Result<PeerTest, SwarmError> {
        let peers = self.peers.borrow().clone();
        let peer = peers
            .iter()
            .find(|p| p.agency == agency)
            .ok_or(SwarmError::NotLinked { agency })?;
        let mut test = PeerTest::new(agency);
        if !probe::resolve(&mut test, &peer.addresses).await {
            return Ok(test);
        }
        let (reply, answer) = oneshot::channel();
        self.command(Command::Test(test, reply)).await?;
        answer.await.map_err(|_| SwarmError::Stopped)
    }

    /// Closes every connection and stops; returns when that is done. Streams then end or
    /// break at both ends.
    pub async fn shutdown(&self) {
        let (reply, done) = oneshot::channel();
        if self.command(Command::Shutdown(reply)).await.is_ok() {
            // An error means that another call stopped it.
            let _ = done.await;
        }
        self.commands.closed().await;
        let mut links = self.links.clone();
        // Fails when the driver is gone.
        while links.changed().await.is_ok() {}
    }

    async fn command(&self, command: Command) -> Result<(), SwarmError> {
        self.commands
            .send(command)
            .await
            .map_err(|_| SwarmError::Stopped)
    }
}
