//! Through hubs: reservations at ours, dials of peers through theirs, and the way back to a
//! direct connection.

use std::time::{Duration, Instant};

use liaison_protocol::id::AgencyId;
use libp2p::PeerId;
use libp2p::core::transport::ListenerId;
use libp2p::relay;
use libp2p::swarm::DialError;

use super::super::limits::{CIRCUIT_LINGER, CIRCUIT_LOOK, CIRCUITS_PER_PAIR, CROSSINGS};
use super::super::{address, words};
use super::Driver;
use super::link::options;

impl Driver {
    /// When something about circuits is next to be done.
    pub(super) fn next_circuit(&self) -> Option<Instant> {
        let crossings = self
            .links
            .values()
            .filter(|_| self.crossing() < CROSSINGS)
            .filter_map(|l| l.crossings.due);
        let reservations = self
            .links
            .values()
            .filter_map(|l| l.reservation.as_ref()?.schedule.due);
        let left = (!self.left.is_empty()).then(|| Instant::now() + CIRCUIT_LOOK);
        crossings.chain(reservations).chain(left).min()
    }

    fn crossing(&self) -> usize {
        self.links.values().filter(|l| l.crossing.is_some()).count()
    }

    pub(super) fn circuits_on_time(&mut self, now: Instant) {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let mut due: Vec<(Instant, AgencyId)> = self
            .links
            .iter()
            .filter_map(|(agency, l)| Some((l.crossings.due?, *agency)))
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_unstable();
        for (_, agency) in due {
            if self.crossing() >= CROSSINGS {
                break;
            }
            self.cross(&agency);
        }
        let hubs: Vec<AgencyId> = self
            .links
            .iter()
            .filter(|(_, l)| {
                l.reservation
                    .as_ref()
                    .is_some_and(|r| is_due(r.schedule.due))
            })
            .map(|(agency, _)| *agency)
            .collect();
        for hub in hubs {
            self.reserve(&hub);
        }
        self.close_left(now);
    }

    /// Asks a hub that carries for us to be reachable through it.
    fn reserve(&mut self, hub: &AgencyId) {
        let Some(link) = self.links.get_mut(hub) else {
            return;
        };
        let place = link.direct().map(|c| address::circuit(c.peer, &c.address));
        let Some(reservation) = &mut link.reservation else {
            return;
        };
        // Without a connection the next one brings it up again.
        reservation.schedule.rest();
        let Some(place) = place.filter(|_| reservation.listener.is_none()) else {
            return;
        };
        match self.swarm.listen_on(place) {
            Ok(listener) => reservation.listener = Some(listener),
            Err(error) => {
                tracing::warn!(hub = %hub.short(), %error, "the hub was not asked to carry for us");
                let now = Instant::now();
                reservation
                    .schedule
                    .failed(now, &self.timing, rand::random());
            }
        }
    }

    pub(super) fn reserved(&mut self, relay: PeerId) {
        let Some(hub) = self.roster.seat(&relay).map(|s| s.agency) else {
            return;
        };
        if let Some(link) = self.links.get_mut(&hub)
            && let Some(reservation) = &mut link.reservation
        {
            reservation.schedule.attempts = 0;
            if link.state.reserved != Some(true) {
                tracing::info!(hub = %hub.short(), "the hub carries for us");
            }
            link.state.reserved = Some(true);
            self.dirty = true;
        }
    }

    /// A reservation ended, or was refused; `why` says so.
    pub(super) fn reservation_ended(&mut self, listener: ListenerId, why: Option<String>) {
        let Some((hub, link)) = self.links.iter_mut().find(|(_, l)| {
            let reservation = l.reservation.as_ref();
            reservation.is_some_and(|r| r.listener == Some(listener))
        }) else {
            return;
        };
        self.dirty = true;
        link.state.reserved = Some(false);
        if let Some(why) = why {
            tracing::warn!(hub = %hub.short(), %why, "the hub does not carry for us; it is asked again");
        }
        if let Some(reservation) = &mut link.reservation {
            reservation.listener = None;
            let now = Instant::now();
            reservation
                .schedule
                .failed(now, &self.timing, rand::random());
        }
    }

    /// A direct connection to this agency is up: if it is a hub, we ask it to carry for us, and
    /// reach through it whom we can't reach otherwise.
    pub(super) fn hub_is_up(&mut self, hub: AgencyId) {
        let now = Instant::now();
        if let Some(reservation) = self
            .links
            .get_mut(&hub)
            .and_then(|l| l.reservation.as_mut())
            .filter(|r| r.listener.is_none())
        {
            reservation.schedule.reset(now);
        }
        let head_start = self.timing.head_start;
        for link in self.links.values_mut() {
            if link.hubs.contains(&hub) && link.can_cross() && link.crossings.due.is_none() {
                // Not all peers of the hub at the same moment.
                link.crossings.due = Some(now + head_start.mul_f64(rand::random()));
            }
        }
    }

    /// Through a hub as well, unless its own addresses answer first.
    pub(super) fn begin_crossing(&mut self, agency: &AgencyId, now: Instant) {
        let wait = self.head_start(agency);
        if let Some(link) = self.links.get_mut(agency)
            && link.can_cross()
            && link.crossings.due.is_none()
        {
            link.crossings.due = Some(now + wait);
        }
    }

    fn head_start(&self, agency: &AgencyId) -> Duration {
        let theirs = self.links.get(agency).and_then(|l| l.keys.first());
        let second = theirs.is_some_and(|theirs| self.swarm.local_peer_id() > theirs);
        self.timing.head_start * if second { 2 } else { 1 }
    }

    /// Dials a peer through one of the hubs that carry for it and are connected to us.
    fn cross(&mut self, agency: &AgencyId) {
        self.dirty = true;
        let places: Vec<_> = self
            .links
            .get(agency)
            .into_iter()
            .flat_map(|l| l.hubs.iter())
            .filter(|hub| *hub != agency)
            .filter_map(|hub| {
                let relay = self.links.get(hub)?.direct()?;
                Some((*hub, address::circuit(relay.peer, &relay.address)))
            })
            .collect();
        let Some(link) = self.links.get_mut(agency) else {
            return;
        };
        link.crossings.rest();
        if !link.can_cross() {
            return;
        }
        // None: when a hub is connected again, it is tried again.
        let turn = link.next_hub.checked_rem(places.len()).unwrap_or(0);
        let Some((hub, place)) = places.get(turn).cloned() else {
            return;
        };
        let Some(key) = link.keys.get(link.next_key).or_else(|| link.keys.first()) else {
            return;
        };
        let options = options(*key, vec![place]);
        link.crossing = Some((options.connection_id(), hub));
        if let Err(error) = self.swarm.dial(options) {
            self.cross_failed(*agency, hub, places.len(), &error);
        }
    }

    pub(super) fn cross_failed(
        &mut self,
        agency: AgencyId,
        hub: AgencyId,
        hubs: usize,
        error: &DialError,
    ) {
        self.dirty = true;
        let at = (self.now)();
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        link.crossing = None;
        let said = words::crossing(&hub, error);
        tracing::debug!(peer = %agency.short(), hub = %hub.short(), %said, "no circuit");
        link.next_hub = link.next_hub.wrapping_add(1);
        link.next_key = (link.next_key + 1)
            .checked_rem(link.keys.len())
            .unwrap_or(0);
        let said = match &link.direct_error {
            Some(direct) => format!("{direct}; {said}"),
            None => said,
        };
        link.state.last_error = Some((at, said));
        if !link.connections.is_empty() {
            return;
        }
        let now = Instant::now();
        // The next hub at once; after the last a wait.
        if hubs > 1 && !link.next_hub.is_multiple_of(hubs) {
            link.crossings.hurry(now);
        } else {
            link.crossings.failed(now, &self.timing, rand::random());
        }
    }

    /// Puts streams on the best connection of a peer, and tells those on circuits to move when
    /// that is a direct one.
    pub(super) fn choose(&mut self, agency: &AgencyId) {
        let Some(link) = self.links.get_mut(agency) else {
            return;
        };
        link.show();
        let Some((best, direct, peer)) = link.best().map(|c| (c.id, c.is_direct(), c.peer)) else {
            return;
        };
        let Some(seat) = self.roster.seat(&peer) else {
            return;
        };
        seat.prefer(best);
        for connection in &mut link.connections {
            let leave = direct && !connection.is_direct() && connection.accepted;
            if leave && connection.left.is_none() {
                connection.left = Some(Instant::now());
                self.left.insert(connection.id);
                seat.leave(connection.id);
                tracing::info!(peer = %agency.short(), "directly connected: what goes through the hub moves over");
            } else if !leave && connection.left.take().is_some() {
                self.left.remove(&connection.id);
                seat.stay(connection.id);
            }
        }
    }

    /// Closes circuits that were left, when nothing is on them any more.
    fn close_left(&mut self, now: Instant) {
        let mut over = Vec::new();
        for link in self.links.values().filter(|_| !self.left.is_empty()) {
            for connection in &link.connections {
                let Some(left) = connection.left else {
                    continue;
                };
                let age = now.saturating_duration_since(left);
                // The peer needs a moment as well.
                let quiet = age >= CIRCUIT_LOOK * 2
                    && self
                        .roster
                        .seat(&connection.peer)
                        .is_none_or(|seat| seat.is_quiet(connection.id));
                if quiet || age >= CIRCUIT_LINGER {
                    over.push(connection.id);
                }
            }
        }
        for id in over {
            self.left.remove(&id);
            self.swarm.close_connection(id);
        }
    }

    /// What became of our relay.
    pub(super) fn relayed(&mut self, event: &relay::Event) {
        let relaying = &self.relaying;
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                relaying.reserved(*src_peer_id);
            }
            relay::Event::ReservationClosed { src_peer_id }
            | relay::Event::ReservationTimedOut { src_peer_id } => {
                // Each connection that ends says so; another may hold it.
                if !self.swarm.is_connected(src_peer_id) {
                    relaying.left(src_peer_id);
                }
            }
            relay::Event::CircuitReqAccepted {
                src_peer_id: from,
                dst_peer_id: to,
            } => {
                if relaying.opened(*from, *to) > CIRCUITS_PER_PAIR {
                    tracing::warn!(
                        from = %from, to = %to,
                        "a peer has more circuits to another than the two can use: it is cut off, and may come back"
                    );
                    relaying.denied();
                    // An error says that it is gone already.
                    let _ = self.swarm.disconnect_peer_id(*from);
                }
            }
            relay::Event::CircuitClosed {
                src_peer_id: from,
                dst_peer_id: to,
                ..
            } => relaying.closed(*from, *to),
            relay::Event::CircuitReqDenied {
                src_peer_id: from,
                status,
                ..
            } => {
                match status {
                    // Beyond a bound: it was never let through.
                    relay::StatusCode::ResourceLimitExceeded => relaying.denied(),
                    // It has no reservation, or does not answer.
                    relay::StatusCode::NoReservation | relay::StatusCode::ConnectionFailed => {
                        relaying.missed(from);
                    }
                    _ => {
                        relaying.settled(from);
                        relaying.denied();
                    }
                }
            }
            relay::Event::ReservationReqDenied { .. } => relaying.denied(),
            _ => return,
        }
        self.out.relayed.send_replace(self.relaying.report());
    }
}
