//! Who may connect: the node keys of linked peers. Everything asks here, each time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use liaison_protocol::id::AgencyId;
use libp2p::identity::{PublicKey, ed25519};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::limits::{INBOUND_STREAMS_PER_PEER, KEYS_PER_PEER, LINKED_PEERS};
use super::link::Counters;
use super::streams::OpenRequest;
use super::upgrade::Reach;
use super::{LinkedPeer, Path, SwarmError, Traffic, address};

/// One node key of a linked peer.
pub(super) struct Seat {
    pub(super) agency: AgencyId,
    /// Cancelled when the key is no longer linked: every stream sees it at once.
    pub(super) gone: CancellationToken,
    pub(super) counters: Arc<Counters>,
    pub(super) inbound: Arc<Semaphore>,
    connections: Mutex<Vec<Connection>>,
    preferred: Mutex<Option<ConnectionId>>,
}

struct Connection {
    id: ConnectionId,
    accepted: bool,
    opens: mpsc::Sender<OpenRequest>,
    way: Way,
    remote: Multiaddr,
}

/// Which way a connection goes, for the streams on it.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) path: Path,
    /// Cancelled when a better connection took over: what is on this one moves in order. If that
    /// one ends, there is another.
    left: Arc<Mutex<CancellationToken>>,
    /// Held by every stream on it.
    streams: Arc<()>,
}

impl Way {
    pub(super) fn new(path: Path) -> Self {
        Self {
            path,
            left: Arc::default(),
            streams: Arc::default(),
        }
    }

    pub(super) fn left(&self) -> CancellationToken {
        lock(&self.left).clone()
    }

    /// Whether no stream is on it any more; the handler and the seat hold it as well.
    fn is_quiet(&self) -> bool {
        Arc::strong_count(&self.streams) <= 2
    }
}

impl Seat {
    pub(super) fn connected(
        &self,
        id: ConnectionId,
        opens: mpsc::Sender<OpenRequest>,
        way: Way,
        remote: &Multiaddr,
    ) {
        let mut connections = lock(&self.connections);
        connections.retain(|c| !c.opens.is_closed());
        connections.push(Connection {
            id,
            accepted: false,
            opens,
            way,
            remote: address::plain(remote),
        });
    }

    pub(super) fn accepted(&self, id: ConnectionId) {
        for connection in lock(&self.connections).iter_mut().filter(|c| c.id == id) {
            connection.accepted = true;
        }
    }

    pub(super) fn closed(&self, id: ConnectionId) {
        lock(&self.connections).retain(|c| c.id != id);
    }

    /// Opens streams on this connection from now on, while it lasts.
    pub(super) fn prefer(&self, id: ConnectionId) {
        *lock(&self.preferred) = Some(id);
    }

    /// Tells the streams on a connection to move to the preferred one.
    pub(super) fn leave(&self, id: ConnectionId) {
        for connection in lock(&self.connections).iter().filter(|c| c.id == id) {
            lock(&connection.way.left).cancel();
        }
    }

    /// Lets streams be on a connection again.
    pub(super) fn stay(&self, id: ConnectionId) {
        for connection in lock(&self.connections).iter().filter(|c| c.id == id) {
            *lock(&connection.way.left) = CancellationToken::new();
        }
    }

    /// Whether no stream is on a connection.
    pub(super) fn is_quiet(&self, id: ConnectionId) -> bool {
        let connections = lock(&self.connections);
        let connection = connections.iter().find(|c| c.id == id);
        connection.is_none_or(|c| c.way.is_quiet())
    }

    /// The preferred connection, else the newest that both sides have accepted: after a peer was
    /// killed and came back, the older ones are dead and not yet known to be.
    fn opens(&self) -> Option<mpsc::Sender<OpenRequest>> {
        let preferred = *lock(&self.preferred);
        let connections = lock(&self.connections);
        let usable = |c: &&Connection| c.accepted && !c.opens.is_closed();
        connections
            .iter()
            .filter(usable)
            .find(|c| Some(c.id) == preferred)
            .or_else(|| connections.iter().rev().find(usable))
            .map(|c| c.opens.clone())
    }

    /// The hubs by which circuits to the peer go.
    fn hubs(&self) -> Vec<AgencyId> {
        let hub = |connection: &Connection| match connection.way.path {
            Path::Direct => None,
            Path::Circuit(hub) => Some(hub),
        };
        lock(&self.connections).iter().filter_map(hub).collect()
    }

    /// Whether a direct connection to the peer comes from this address.
    fn is_at(&self, remote: &Multiaddr) -> bool {
        let connections = lock(&self.connections);
        let direct = |c: &&Connection| c.way.path == Path::Direct;
        connections
            .iter()
            .filter(direct)
            .any(|c| c.remote == *remote)
    }
}

/// The linked peers' node keys.
#[derive(Default)]
pub(super) struct Roster {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    seats: HashMap<PeerId, Arc<Seat>>,
    agencies: HashMap<AgencyId, Member>,
}

struct Member {
    keys: Vec<PeerId>,
    counters: Arc<Counters>,
    inbound: Arc<Semaphore>,
}

impl Roster {
    pub(super) fn seat(&self, peer: &PeerId) -> Option<Arc<Seat>> {
        self.read().seats.get(peer).cloned()
    }

    /// The connection on which to open a stream to an agency.
    pub(super) fn opens(
        &self,
        agency: &AgencyId,
    ) -> Result<(mpsc::Sender<OpenRequest>, CancellationToken), SwarmError> {
        let inner = self.read();
        let member = inner
            .agencies
            .get(agency)
            .ok_or(SwarmError::NotLinked { agency: *agency })?;
        member
            .keys
            .iter()
            .filter_map(|key| inner.seats.get(key))
            .find_map(|seat| seat.opens().map(|opens| (opens, seat.gone.clone())))
            .ok_or(SwarmError::NotConnected { agency: *agency })
    }

    /// Which way a connection goes, by the address that was dialled, or that it came in at;
    /// none through a relay that is no linked peer.
    pub(super) fn path(&self, address: &Multiaddr) -> Option<Path> {
        if !address::is_relayed(address) {
            return Some(Path::Direct);
        }
        let inner = self.read();
        if let Some(relay) = address::relay(address) {
            return inner.seats.get(&relay).map(|s| Path::Circuit(s.agency));
        }
        // One that came in says where the relay is, not who.
        let place = address::relay_address(address);
        let seat = inner.seats.values().find(|seat| seat.is_at(&place));
        seat.map(|s| Path::Circuit(s.agency))
    }

    /// How near the hubs are by which circuits to a peer go, the nearest of them; none: there is
    /// no circuit.
    pub(super) fn reach_of_hubs(&self, peer: &PeerId) -> Option<Reach> {
        let inner = self.read();
        let hubs = inner.seats.get(peer)?.hubs();
        let seats = inner.seats.values().filter(|s| hubs.contains(&s.agency));
        let reaches = seats.flat_map(|seat| {
            let connections = lock(&seat.connections);
            let direct = connections.iter().filter(|c| c.way.path == Path::Direct);
            direct.map(|c| Reach::at(&c.remote)).collect::<Vec<_>>()
        });
        reaches.min()
    }

    pub(super) fn is_linked(&self, agency: &AgencyId) -> bool {
        self.read().agencies.contains_key(agency)
    }

    pub(super) fn traffic(&self, agency: &AgencyId) -> Traffic {
        self.read()
            .agencies
            .get(agency)
            .map(|m| m.counters.read())
            .unwrap_or_default()
    }

    /// Makes these the linked peers. Seats that are no longer among them are cancelled; a key
    /// claimed by two stays with the one that had it, else goes to the first.
    pub(super) fn set(&self, own: &PeerId, peers: &[LinkedPeer]) -> Change {
        let mut guard = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *guard;
        let mut problems = Vec::new();
        if peers.len() > LINKED_PEERS {
            problems.push((
                None,
                SwarmError::TooManyPeers {
                    found: peers.len(),
                    limit: LINKED_PEERS,
                },
            ));
        }
        let mut claims: HashMap<PeerId, AgencyId> = HashMap::new();
        let mut keys: HashMap<AgencyId, Vec<PeerId>> = HashMap::new();
        for peer in peers.iter().take(LINKED_PEERS) {
            let agency = peer.agency;
            let of_agency = keys.entry(agency).or_default();
            for key in peer.node_keys.iter().take(KEYS_PER_PEER) {
                let Some(id) = peer_id(key) else {
                    problems.push((Some(agency), SwarmError::BadKey { agency }));
                    continue;
                };
                if id == *own {
                    problems.push((
                        Some(agency),
                        SwarmError::KeyTaken {
                            agency,
                            holder: None,
                        },
                    ));
                    continue;
                }
                let held = inner.seats.get(&id).map(|s| s.agency);
                let held = held.filter(|h| *h != agency && claimed(peers, h, key));
                let holder = held
                    .or_else(|| claims.get(&id).copied())
                    .filter(|h| *h != agency);
                if holder.is_some() {
                    problems.push((Some(agency), SwarmError::KeyTaken { agency, holder }));
                } else if let Entry::Vacant(free) = claims.entry(id) {
                    free.insert(agency);
                    of_agency.push(id);
                }
            }
        }
        let mut removed = Vec::new();
        inner.seats.retain(|id, seat| {
            let stays = claims.get(id) == Some(&seat.agency);
            if !stays {
                seat.gone.cancel();
                removed.push(*id);
            }
            stays
        });
        inner.agencies.retain(|agency, _| keys.contains_key(agency));
        for (agency, list) in &keys {
            let member = inner.agencies.entry(*agency).or_insert_with(|| Member {
                keys: Vec::new(),
                counters: Arc::default(),
                inbound: Arc::new(Semaphore::new(INBOUND_STREAMS_PER_PEER)),
            });
            member.keys.clone_from(list);
            for id in list {
                inner.seats.entry(*id).or_insert_with(|| {
                    Arc::new(Seat {
                        agency: *agency,
                        gone: CancellationToken::new(),
                        counters: member.counters.clone(),
                        inbound: member.inbound.clone(),
                        connections: Mutex::default(),
                        preferred: Mutex::default(),
                    })
                });
            }
        }
        Change {
            removed,
            keys,
            problems,
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Roster::set`] did.
pub(super) struct Change {
    /// Keys whose connections must be closed.
    pub(super) removed: Vec<PeerId>,
    /// The keys of every linked peer.
    pub(super) keys: HashMap<AgencyId, Vec<PeerId>>,
    /// What was wrong with the cards.
    pub(super) problems: Vec<(Option<AgencyId>, SwarmError)>,
}

fn claimed(peers: &[LinkedPeer], agency: &AgencyId, key: &[u8; 32]) -> bool {
    peers
        .iter()
        .any(|p| p.agency == *agency && p.node_keys.contains(key))
}

fn peer_id(key: &[u8; 32]) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(key).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
