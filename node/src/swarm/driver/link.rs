//! A linked peer as the driver sees it.

use std::collections::HashSet;
use std::time::Instant;

use liaison_protocol::id::AgencyId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

use super::super::schedule::Schedule;
use super::super::{LinkState, Path, address};

/// A linked peer as the driver sees it.
pub(super) struct Link {
    pub(super) state: LinkState,
    pub(super) keys: Vec<PeerId>,
    pub(super) addresses: Vec<Multiaddr>,
    /// Addresses at which this round found someone else.
    pub(super) avoid: HashSet<Multiaddr>,
    pub(super) next_key: usize,
    pub(super) dialling: Option<ConnectionId>,
    pub(super) schedule: Schedule,
    /// In the order in which they were made.
    pub(super) connections: Vec<Connection>,
    pub(super) up_since: Option<Instant>,
}

pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) peer: PeerId,
    pub(super) address: Multiaddr,
    /// Both sides have accepted each other.
    pub(super) accepted: bool,
    pub(super) dialled: bool,
    pub(super) failed_pings: u32,
}

impl Link {
    pub(super) fn new(agency: AgencyId) -> Self {
        Self {
            state: LinkState::new(agency),
            keys: Vec::new(),
            addresses: Vec::new(),
            avoid: HashSet::new(),
            next_key: 0,
            dialling: None,
            schedule: Schedule::default(),
            connections: Vec::new(),
            up_since: None,
        }
    }

    pub(super) fn can_dial(&self) -> bool {
        self.connections.is_empty()
            && self.dialling.is_none()
            && !self.addresses.is_empty()
            && !self.keys.is_empty()
    }

    pub(super) fn options(&self, key: usize) -> Option<DialOpts> {
        let key = self.keys.get(key).or_else(|| self.keys.first())?;
        let addresses = self
            .addresses
            .iter()
            .filter(|a| !self.avoid.contains(a))
            .cloned()
            .collect();
        Some(options(*key, addresses))
    }

    /// Leaves an address out for the rest of this round; false when none would be left.
    pub(super) fn set_aside(&mut self, address: &Multiaddr) -> bool {
        let plain: Multiaddr = address
            .iter()
            .filter(|p| !matches!(p, Protocol::P2p(_)))
            .collect();
        let fresh = self.avoid.insert(plain);
        fresh && self.addresses.iter().any(|a| !self.avoid.contains(a))
    }

    /// Shows the newest connection that both sides accept.
    pub(super) fn show(&mut self) {
        let shown = self
            .connections
            .iter()
            .rev()
            .find(|c| c.accepted)
            .map(|c| &c.address);
        self.state.address = shown.map(address::host_port);
        self.state.transport = shown.map(address::transport);
        self.state.path = shown.map(|_| Path::Direct);
    }
}

/// From a port of its own: dialling from the listening port fails over TCP while an older
/// connection to the same peer lingers.
pub(super) fn options(key: PeerId, addresses: Vec<Multiaddr>) -> DialOpts {
    DialOpts::peer_id(key)
        .condition(PeerCondition::Always)
        .addresses(addresses)
        .allocate_new_port()
        .build()
}
