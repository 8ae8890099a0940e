//! Circuits: what a hub relays for its linked peers, and within which bounds.
//!
//! The gate stands before the relay, so whoever reserves, asks or is reached is a linked peer.
//! What libp2p limits by itself is raised on purpose: its circuits end after 128 KiB or two
//! minutes, and one address may ask for 60 an hour, which many agencies behind one NAT share. It
//! counts by node key; [`Relaying`] counts by agency, of which one may have several.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use liaison_protocol::id::AgencyId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, relay};

use super::RelayBounds;
use super::limits::{
    CIRCUIT_ASKED, CIRCUIT_BURST, CIRCUIT_LIFE, CIRCUIT_REFILL, DEFAULT_PORT, RESERVATION_BURST,
    RESERVATION_LIFE, RESERVATION_REFILL, RESERVATIONS_PER_KEY, RESERVED_KEYS,
};
use super::roster::Roster;

/// What a hub relays at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// Agencies that can be reached through it, by id.
    pub reservations: Vec<AgencyId>,
    /// Circuits: who asked for it, whom it reaches, and how many of them there are.
    pub circuits: Vec<(AgencyId, AgencyId, usize)>,
    /// Requests that were refused since the node started, as beyond a bound.
    pub refused: u64,
    /// Circuits that were asked for since the node started to agencies that were not there.
    pub absent: u64,
}

/// The relay of a hub.
pub(super) fn server(own: PeerId, bounds: RelayBounds, relaying: &Relaying) -> relay::Behaviour {
    let burst = |count: usize| {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
    };
    let mut config = relay::Config {
        max_reservations: bounds.reservations,
        max_reservations_per_peer: RESERVATIONS_PER_KEY,
        reservation_duration: RESERVATION_LIFE,
        reservation_rate_limiters: Vec::new(),
        max_circuits: bounds.circuits,
        // It counts those to a key as well: others could use up what one may ask for.
        max_circuits_per_peer: usize::MAX,
        max_circuit_duration: CIRCUIT_LIFE,
        // No bound.
        max_circuit_bytes: 0,
        circuit_src_rate_limiters: Vec::new(),
    }
    .reservation_rate_per_peer(burst(RESERVATION_BURST as usize), RESERVATION_REFILL)
    .circuit_src_per_peer(
        burst(bounds.circuits_per_agency.saturating_mul(CIRCUIT_BURST)),
        CIRCUIT_REFILL,
    );
    // Last: what passes these was let through.
    let reserving = relaying.clone();
    config.reservation_rate_limiters.push(Box::new(
        move |key: PeerId, _: &Multiaddr, _: Instant| reserving.may_reserve(&key),
    ));
    let asking = relaying.clone();
    config.circuit_src_rate_limiters.push(Box::new(
        move |key: PeerId, _: &Multiaddr, now: Instant| asking.may_ask(&key, now),
    ));
    let mut behaviour = relay::Behaviour::new(own, config);
    // Else it would wait until somebody says that it can be reached.
    behaviour.set_status(Some(relay::Status::Enable));
    behaviour
}

/// What this node relays, by node keys, and what an agency may have of it. The relay asks before
/// it lets something through, the driver says what became of that. Clones share it.
#[derive(Clone)]
pub(super) struct Relaying(Arc<Mutex<Counts>>);

struct Counts {
    circuits_per_agency: usize,
    roster: Arc<Roster>,
    reservations: HashSet<PeerId>,
    circuits: HashMap<(PeerId, PeerId), usize>,
    /// When circuits were let through of which nothing was heard since, by who asked.
    asked: HashMap<AgencyId, VecDeque<Instant>>,
    refused: u64,
    absent: u64,
}

impl Relaying {
    pub(super) fn new(bounds: Option<RelayBounds>, roster: Arc<Roster>) -> Self {
        Self(Arc::new(Mutex::new(Counts {
            circuits_per_agency: bounds.map_or(0, |b| b.circuits_per_agency),
            roster,
            reservations: HashSet::new(),
            circuits: HashMap::new(),
            asked: HashMap::new(),
            refused: 0,
            absent: 0,
        })))
    }

    /// Whether a node key may reserve: not too many others of its agency have.
    fn may_reserve(&self, key: &PeerId) -> bool {
        let counts = self.lock();
        let Some(agency) = counts.agency(key) else {
            return false;
        };
        let others = counts.reservations.iter().filter(|other| *other != key);
        let others = others.filter(|other| counts.agency(other) == Some(agency));
        others.count() < RESERVED_KEYS
    }

    /// Whether a node key may ask for one more circuit; then it counts from now on.
    fn may_ask(&self, key: &PeerId, now: Instant) -> bool {
        let mut counts = self.lock();
        let Some(agency) = counts.agency(key) else {
            return false;
        };
        let open = counts.circuits.iter();
        let open = open.filter(|((from, _), _)| counts.agency(from) == Some(agency));
        let open: usize = open.map(|(_, count)| *count).sum();
        let most = counts.circuits_per_agency;
        let asked = counts.asked.entry(agency).or_default();
        while asked
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= CIRCUIT_ASKED)
        {
            asked.pop_front();
        }
        let may = open.saturating_add(asked.len()) < most;
        if may {
            asked.push_back(now);
        }
        may
    }

    /// A circuit that a key had asked for came to something, or to nothing.
    pub(super) fn settled(&self, key: &PeerId) {
        let mut counts = self.lock();
        if let Some(agency) = counts.agency(key)
            && let Some(asked) = counts.asked.get_mut(&agency)
        {
            asked.pop_front();
            if asked.is_empty() {
                counts.asked.remove(&agency);
            }
        }
    }

    /// A circuit is open; how many there are from the one agency to the other.
    pub(super) fn opened(&self, from: PeerId, to: PeerId) -> usize {
        self.settled(&from);
        let mut counts = self.lock();
        *counts.circuits.entry((from, to)).or_default() += 1;
        let pair = |from, to| (counts.agency(from), counts.agency(to));
        let these = pair(&from, &to);
        let same = counts.circuits.iter();
        let same = same.filter(|((from, to), _)| pair(from, to) == these);
        same.map(|(_, count)| *count).sum()
    }

    pub(super) fn closed(&self, from: PeerId, to: PeerId) {
        let mut counts = self.lock();
        if let Some(count) = counts.circuits.get_mut(&(from, to)) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.circuits.remove(&(from, to));
            }
        }
    }

    pub(super) fn reserved(&self, key: PeerId) {
        self.lock().reservations.insert(key);
    }

    /// A key has no connection any more that holds a reservation.
    pub(super) fn left(&self, key: &PeerId) {
        self.lock().reservations.remove(key);
    }

    /// Whom a key had asked for a circuit to is not there: nobody's fault.
    pub(super) fn missed(&self, key: &PeerId) {
        self.settled(key);
        let mut counts = self.lock();
        counts.absent = counts.absent.saturating_add(1);
    }

    pub(super) fn denied(&self) {
        let mut counts = self.lock();
        counts.refused = counts.refused.saturating_add(1);
    }

    /// The same by agencies.
    pub(super) fn report(&self) -> Relayed {
        let counts = self.lock();
        let reserved = counts.reservations.iter();
        let mut reservations: Vec<AgencyId> = reserved.filter_map(|k| counts.agency(k)).collect();
        reservations.sort_unstable();
        reservations.dedup();
        let mut circuits: BTreeMap<(AgencyId, AgencyId), usize> = BTreeMap::new();
        for ((from, to), count) in &counts.circuits {
            if let (Some(from), Some(to)) = (counts.agency(from), counts.agency(to)) {
                *circuits.entry((from, to)).or_default() += count;
            }
        }
        let circuits = circuits.into_iter().map(|((f, t), n)| (f, t, n));
        Relayed {
            reservations,
            circuits: circuits.collect(),
            refused: counts.refused,
            absent: counts.absent,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn agency(&self, key: &PeerId) -> Option<AgencyId> {
        self.roster.seat(key).map(|s| s.agency)
    }
}

/// A reservation has to name an address of its relay. Nobody dials this one: who is reached
/// through which hub is on keys statements, and where hubs are on theirs.
pub(super) fn nowhere() -> Multiaddr {
    Multiaddr::empty()
        .with(Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED))
        .with(Protocol::Udp(DEFAULT_PORT))
        .with(Protocol::QuicV1)
}
