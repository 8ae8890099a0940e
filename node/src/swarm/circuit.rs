//! Circuits: what a hub relays for its linked peers, and within which bounds.
//!
//! The gate stands before the relay, so whoever reserves, asks or is reached is a linked peer.
//! What libp2p limits by itself is raised on purpose: its circuits end after 128 KiB or two
//! minutes, and one address may ask for 60 an hour, which many agencies behind one NAT share.

use std::num::NonZeroU32;

use liaison_protocol::id::AgencyId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, relay};

use super::RelayBounds;
use super::limits::{
    CIRCUIT_BURST, CIRCUIT_LIFE, CIRCUIT_REFILL, DEFAULT_PORT, RESERVATION_BURST, RESERVATION_LIFE,
    RESERVATION_REFILL, RESERVATIONS_PER_KEY,
};

/// What a hub relays at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// Agencies that can be reached through it, by id.
    pub reservations: Vec<AgencyId>,
    /// Circuits: who asked for it, whom it reaches, and how many of them there are.
    pub circuits: Vec<(AgencyId, AgencyId, usize)>,
    /// Requests that were refused since the node started: beyond a bound, or for an agency that
    /// is not connected.
    pub refused: u64,
}

/// The relay of a hub.
pub(super) fn server(own: PeerId, bounds: RelayBounds) -> relay::Behaviour {
    let RelayBounds {
        reservations,
        circuits_per_agency,
    } = bounds;
    let burst = |count: usize| {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
    };
    let config = relay::Config {
        max_reservations: reservations,
        max_reservations_per_peer: RESERVATIONS_PER_KEY,
        reservation_duration: RESERVATION_LIFE,
        reservation_rate_limiters: Vec::new(),
        max_circuits: reservations.saturating_mul(circuits_per_agency),
        // It refuses what is more than this, so one beyond it would pass.
        max_circuits_per_peer: circuits_per_agency.saturating_sub(1),
        max_circuit_duration: CIRCUIT_LIFE,
        // No bound.
        max_circuit_bytes: 0,
        circuit_src_rate_limiters: Vec::new(),
    }
    .reservation_rate_per_peer(burst(RESERVATION_BURST as usize), RESERVATION_REFILL)
    .circuit_src_per_peer(
        burst(circuits_per_agency.saturating_mul(CIRCUIT_BURST)),
        CIRCUIT_REFILL,
    );
    let mut behaviour = relay::Behaviour::new(own, config);
    // Else it would wait until somebody says that it can be reached.
    behaviour.set_status(Some(relay::Status::Enable));
    behaviour
}

/// A reservation has to name an address of its relay. Nobody dials this one: who is reached
/// through which hub is on keys statements, and where hubs are on theirs.
pub(super) fn nowhere() -> Multiaddr {
    Multiaddr::empty()
        .with(Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED))
        .with(Protocol::Udp(DEFAULT_PORT))
        .with(Protocol::QuicV1)
}
