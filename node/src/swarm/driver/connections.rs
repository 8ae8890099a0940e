//! Connections as they come, are accepted, answer and go.

use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{PeerId, ping};

use super::super::limits::{CONNECTIONS_PER_PEER, SOFTWARE_CHARS};
use super::super::{LinkEvent, Path, address, words};
use super::Driver;
use super::link::Connection;

impl Driver {
    pub(super) fn established(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        endpoint: &ConnectedPoint,
    ) {
        self.dirty = true;
        let Some(agency) = self.roster.seat(&peer).map(|s| s.agency) else {
            self.swarm.close_connection(id);
            return;
        };
        let way = match endpoint {
            ConnectedPoint::Dialer { address, .. } => address,
            ConnectedPoint::Listener { local_addr, .. } => local_addr,
        };
        let path = self.roster.path(way);
        let (Some(link), Some(path)) = (self.links.get_mut(&agency), path) else {
            self.swarm.close_connection(id);
            return;
        };
        // Of a circuit that came in, the remote address is the peer's name; where its hub is
        // says the one that it came in at.
        let address = match path {
            Path::Direct => endpoint.get_remote_address().clone(),
            Path::Circuit(_) => way.clone(),
        };
        link.dialling = link.dialling.filter(|dialling| *dialling != id);
        link.crossing = link.crossing.filter(|(crossing, _)| *crossing != id);
        link.crossings.rest();
        if path == Path::Direct {
            link.schedule.rest();
            link.direct_error = None;
        }
        self.owners.insert(id, agency);
        link.connections.push(Connection {
            id,
            peer,
            address: address.clone(),
            path,
            accepted: false,
            dialled: endpoint.is_dialer(),
            failed_pings: 0,
            since: Instant::now(),
            proved: None,
            left: None,
        });
        let surplus = link.connections.len().saturating_sub(CONNECTIONS_PER_PEER);
        for old in link.connections.iter().take(surplus) {
            self.swarm.close_connection(old.id);
        }
        if let Some(probe) = self.probes.iter_mut().find(|p| p.connection == id) {
            probe.established(&address::host_port(&address), address::transport(&address));
        }
    }

    /// The peer has answered on this connection: it has accepted us.
    fn accepted(&mut self, id: ConnectionId) {
        let Some(agency) = self.owners.get(&id).copied() else {
            return;
        };
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        let Some(connection) = link.connections.iter_mut().find(|c| c.id == id) else {
            return;
        };
        if connection.accepted {
            return;
        }
        connection.accepted = true;
        self.dirty = true;
        let direct = connection.is_direct();
        if let Some(seat) = self.roster.seat(&connection.peer) {
            seat.accepted(id);
        }
        self.choose(&agency);
        if direct {
            self.hub_is_up(agency);
        }
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        if link.up_since.is_none() {
            link.up_since = Some(Instant::now());
            link.state.connected_since = Some((self.now)());
            link.state.last_error = None;
            tracing::info!(peer = %agency.short(), address = link.state.address, "connected");
            // No one may be listening.
            let _ = self.out.events.send(LinkEvent::Up(agency));
        }
    }

    pub(super) fn closed(&mut self, id: ConnectionId) {
        self.dirty = true;
        if let Some(at) = self.probes.iter().position(|p| p.connection == id) {
            self.probes.swap_remove(at).closed();
        }
        let Some(agency) = self.owners.remove(&id) else {
            return;
        };
        let at = (self.now)();
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        let Some(index) = link.connections.iter().position(|c| c.id == id) else {
            return;
        };
        let connection = link.connections.remove(index);
        self.left.remove(&id);
        let others = link.connections.iter().any(|c| c.accepted);
        if !connection.accepted && connection.dialled && !others {
            link.state.last_error = Some((
                at,
                format!("{}; {}", words::NOT_KNOWN, words::NOT_KNOWN_REMEDY),
            ));
        }
        if connection.accepted && !others {
            link.state.last_error =
                Some((at, "the connection ended; it is tried again".to_owned()));
        }
        self.choose(&agency);
        let now = Instant::now();
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        if others {
            if connection.is_direct() && link.can_dial() {
                let lasted = connection.since.elapsed();
                link.schedule
                    .ended(now, lasted, &self.timing, rand::random());
            }
            return;
        }
        let lasted = link.up_since.take().map(|since| since.elapsed());
        if lasted.is_some() {
            link.state.connected_since = None;
            tracing::info!(peer = %agency.short(), "disconnected");
            let _ = self.out.events.send(LinkEvent::Down(agency));
        }
        let lasted = lasted.unwrap_or_default();
        if link.can_dial() {
            link.schedule
                .ended(now, lasted, &self.timing, rand::random());
        } else if link.can_cross() {
            link.crossings
                .ended(now, lasted, &self.timing, rand::random());
        }
    }

    pub(super) fn identified(&mut self, id: ConnectionId, software: &str) {
        let software: String = software
            .chars()
            .filter(|c| !c.is_control())
            .take(SOFTWARE_CHARS)
            .collect();
        self.accepted(id);
        if let Some(link) = self.owners.get(&id).and_then(|a| self.links.get_mut(a)) {
            link.state.software = Some(software.clone());
            self.dirty = true;
        }
        self.advance(id, |probe| probe.software(&software));
    }

    pub(super) fn pinged(&mut self, event: ping::Event) {
        let id = event.connection;
        match event.result {
            Ok(round_trip) => {
                let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
                self.accepted(id);
                if let Some(link) = self.owners.get(&id).and_then(|a| self.links.get_mut(a)) {
                    link.state.round_trip_us = Some(micros);
                    if let Some(connection) = link.connections.iter_mut().find(|c| c.id == id) {
                        connection.failed_pings = 0;
                        connection.proved = Some(Instant::now());
                    }
                    self.dirty = true;
                }
                // A direct connection that answers is better than a circuit.
                if let Some(agency) = self.owners.get(&id).copied() {
                    self.choose(&agency);
                }
                self.advance(id, |probe| probe.answered(micros));
            }
            Err(ping::Failure::Unsupported) => {}
            Err(_) => {
                let link = self.owners.get(&id).and_then(|a| self.links.get_mut(a));
                let connection = link.and_then(|l| l.connections.iter_mut().find(|c| c.id == id));
                if let Some(connection) = connection {
                    connection.failed_pings += 1;
                    if connection.failed_pings >= 2 {
                        self.swarm.close_connection(id);
                    }
                }
            }
        }
    }
}
