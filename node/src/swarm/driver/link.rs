//! A linked peer as the driver sees it.

use std::collections::HashSet;
use std::time::Instant;

use liaison_protocol::id::AgencyId;
use libp2p::core::transport::ListenerId;
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
    /// A dial of its own addresses.
    pub(super) dialling: Option<ConnectionId>,
    pub(super) schedule: Schedule,
    /// The hubs that carry for it.
    pub(super) hubs: Vec<AgencyId>,
    pub(super) next_hub: usize,
    /// A dial through a hub, and through which.
    pub(super) crossing: Option<(ConnectionId, AgencyId)>,
    pub(super) crossings: Schedule,
    /// Why its own addresses do not answer.
    pub(super) direct_error: Option<String>,
    /// It carries for us.
    pub(super) reservation: Option<Reservation>,
    /// In the order in which they were made.
    pub(super) connections: Vec<Connection>,
    pub(super) up_since: Option<Instant>,
}

/// Our reservation at a hub.
#[derive(Default)]
pub(super) struct Reservation {
    /// What stands for it in the swarm, from the request on.
    pub(super) listener: Option<ListenerId>,
    pub(super) schedule: Schedule,
}

pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) peer: PeerId,
    pub(super) address: Multiaddr,
    pub(super) path: Path,
    /// Both sides have accepted each other.
    pub(super) accepted: bool,
    pub(super) dialled: bool,
    pub(super) failed_pings: u32,
    pub(super) since: Instant,
    /// When the peer last answered on it.
    pub(super) proved: Option<Instant>,
    /// When a better one took over.
    pub(super) left: Option<Instant>,
}

impl Connection {
    pub(super) fn is_direct(&self) -> bool {
        self.path == Path::Direct
    }
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
            hubs: Vec::new(),
            next_hub: 0,
            crossing: None,
            crossings: Schedule::default(),
            direct_error: None,
            reservation: None,
            connections: Vec::new(),
            up_since: None,
        }
    }

    /// Whether its own addresses are to be dialled: also while it is reached through a hub.
    pub(super) fn can_dial(&self) -> bool {
        !self.connections.iter().any(Connection::is_direct)
            && self.dialling.is_none()
            && !self.addresses.is_empty()
            && !self.keys.is_empty()
    }

    /// Whether it is to be dialled through a hub, if there is one.
    pub(super) fn can_cross(&self) -> bool {
        self.connections.is_empty()
            && self.crossing.is_none()
            && !self.hubs.is_empty()
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
        // A hub has to see us at the port on which we listen: that is where another agency can
        // get through to us.
        if self.reservation.is_some() && self.schedule.attempts == 0 {
            return Some(from_listening_port(*key, addresses).build());
        }
        Some(options(*key, addresses))
    }

    /// Leaves an address out for the rest of this round; false when none would be left.
    pub(super) fn set_aside(&mut self, address: &Multiaddr) -> bool {
        let fresh = self.avoid.insert(address::plain(address));
        fresh && self.addresses.iter().any(|a| !self.avoid.contains(a))
    }

    /// The direct connection over which it can be reached as a hub, with its key.
    pub(super) fn direct(&self) -> Option<&Connection> {
        let mut newest = self.connections.iter().rev();
        newest.find(|c| c.accepted && c.is_direct())
    }

    /// The connection for streams: the newest that both sides accept, since the older ones may
    /// be dead and not known to be; but a direct one that answered since then comes first.
    pub(super) fn best(&self) -> Option<&Connection> {
        let newest = self.connections.iter().rev().find(|c| c.accepted)?;
        let proved = |c: &&Connection| c.proved.is_some_and(|proved| proved > newest.since);
        match self.direct().filter(proved) {
            Some(direct) if !newest.is_direct() => Some(direct),
            _ => Some(newest),
        }
    }

    /// Shows the connection for streams.
    pub(super) fn show(&mut self) {
        let shown = self.best();
        let address = shown.map(|c| address::host_port(&address::relay_address(&c.address)));
        let transport = shown.map(|c| address::transport(&c.address));
        let path = shown.map(|c| c.path);
        self.state.address = address;
        self.state.transport = transport;
        self.state.path = path;
    }
}

/// From a port of its own: dialling from the listening port fails over TCP while an older
/// connection to the same peer lingers.
pub(super) fn options(key: PeerId, addresses: Vec<Multiaddr>) -> DialOpts {
    from_listening_port(key, addresses)
        .allocate_new_port()
        .build()
}

fn from_listening_port(
    key: PeerId,
    addresses: Vec<Multiaddr>,
) -> libp2p::swarm::dial_opts::WithPeerIdWithAddresses {
    DialOpts::peer_id(key)
        .condition(PeerCondition::Always)
        .addresses(addresses)
}
