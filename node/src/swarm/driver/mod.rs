//! The task that owns the libp2p swarm: links, dials, tests.

mod circuits;
mod connections;
mod link;
mod testing;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{PeerId, Swarm, identify, relay};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::circuit::Relaying;
use super::limits::Timing;
use super::probe::{PeerTest, Probe};
use super::roster::{Change, Roster};
use super::{LinkEvent, LinkState, LinkedPeer, Now, PeerAddr, Relayed, SwarmError, words};
use link::{Link, Reservation};

/// What a handle asks of the driver.
pub(super) enum Command {
    Peers(Vec<LinkedPeer>, oneshot::Sender<Vec<SwarmError>>),
    Dial(AgencyId),
    Test(PeerTest, oneshot::Sender<PeerTest>),
    Shutdown(oneshot::Sender<()>),
}

/// What the driver tells handles.
pub(super) struct Outlets {
    pub(super) links: watch::Sender<Vec<LinkState>>,
    pub(super) listens: watch::Sender<Vec<String>>,
    pub(super) relayed: watch::Sender<Relayed>,
    pub(super) events: broadcast::Sender<LinkEvent>,
}

pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    roster: Arc<Roster>,
    commands: mpsc::Receiver<Command>,
    out: Outlets,
    now: Now,
    timing: Timing,
    links: HashMap<AgencyId, Link>,
    owners: HashMap<ConnectionId, AgencyId>,
    /// Circuits that a direct connection took over from.
    left: HashSet<ConnectionId>,
    relaying: Relaying,
    probes: Vec<Probe>,
    dirty: bool,
}

impl Driver {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        roster: Arc<Roster>,
        relaying: Relaying,
        commands: mpsc::Receiver<Command>,
        out: Outlets,
        now: Now,
        timing: Timing,
    ) -> Self {
        Self {
            swarm,
            roster,
            commands,
            out,
            now,
            timing,
            links: HashMap::new(),
            owners: HashMap::new(),
            left: HashSet::new(),
            relaying,
            probes: Vec::new(),
            dirty: false,
        }
    }

    /// Runs until shutdown, or until the last handle is gone.
    pub(super) async fn run(mut self) {
        let done = loop {
            let wake = self.next_wake();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Peers(peers, reply)) => {
                        let problems = self.set_peers(&peers);
                        let _ = reply.send(problems);
                    }
                    Some(Command::Dial(agency)) => self.hurry(&agency),
                    Some(Command::Test(test, reply)) => self.begin_test(test, reply),
                    Some(Command::Shutdown(reply)) => break Some(reply),
                    None => break None,
                },
                () = sleep_until(wake) => {}
            }
            self.on_time();
            self.publish();
        };
        self.close().await;
        // The sockets are closed before we say so.
        drop(self);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let dials = self.links.values().filter_map(|l| l.schedule.due);
        let probes = self.probes.iter().map(|p| p.deadline);
        dials.chain(probes).chain(self.next_circuit()).min()
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        let due: Vec<AgencyId> = self
            .links
            .iter()
            .filter(|(_, link)| link.schedule.due.is_some_and(|due| due <= now))
            .map(|(agency, _)| *agency)
            .collect();
        for agency in due {
            self.dial(&agency);
        }
        self.circuits_on_time(now);
        while let Some(at) = self.probes.iter().position(|p| p.deadline <= now) {
            let probe = self.probes.swap_remove(at);
            self.release(&probe);
            probe.expired();
        }
    }

    fn set_peers(&mut self, peers: &[LinkedPeer]) -> Vec<SwarmError> {
        let Change {
            removed,
            keys,
            problems,
        } = self.roster.set(self.swarm.local_peer_id(), peers);
        for peer in removed {
            // An error says that there was no connection.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        self.dirty = true;
        let gone: Vec<AgencyId> = self
            .links
            .keys()
            .filter(|a| !keys.contains_key(a))
            .copied()
            .collect();
        for agency in gone {
            if let Some(link) = self.links.remove(&agency) {
                for connection in &link.connections {
                    self.owners.remove(&connection.id);
                    self.swarm.close_connection(connection.id);
                }
                if link.up_since.is_some() {
                    let _ = self.out.events.send(LinkEvent::Down(agency));
                }
            }
        }
        let now = Instant::now();
        let at = (self.now)();
        let mut all: Vec<SwarmError> = Vec::new();
        for peer in peers {
            let Some(keys) = keys.get(&peer.agency) else {
                continue;
            };
            let mut addresses = Vec::new();
            let mut problem = None;
            for text in peer
                .addresses
                .iter()
                .take(liaison_protocol::limits::ADDRESSES)
            {
                match text.parse::<PeerAddr>() {
                    Ok(address) => addresses.extend_from_slice(address.multiaddrs()),
                    Err(error) => problem = Some(error),
                }
            }
            let link = self
                .links
                .entry(peer.agency)
                .or_insert_with(|| Link::new(peer.agency));
            let same = link.keys == *keys && link.addresses == addresses;
            let same_hubs = link.hubs == peer.hubs;
            link.hubs.clone_from(&peer.hubs);
            match (&link.reservation, peer.is_our_hub) {
                (None, true) => {
                    let mut reservation = Reservation::default();
                    reservation.schedule.reset(now);
                    link.reservation = Some(reservation);
                    link.state.reserved = Some(false);
                }
                // What it carries ends with the connection.
                (Some(_), false) => {
                    link.reservation = None;
                    link.state.reserved = None;
                }
                _ => {}
            }
            link.keys.clone_from(keys);
            link.addresses = addresses;
            if !same {
                link.avoid.clear();
                link.next_key = 0;
            }
            let quiet = link.connections.is_empty() && link.dialling.is_none();
            if link.addresses.is_empty() || link.keys.is_empty() {
                link.schedule.rest();
                if quiet {
                    link.state
                        .last_error
                        .get_or_insert((at, words::NO_ADDRESS.to_owned()));
                }
            } else if quiet && (!same || link.schedule.due.is_none()) {
                link.schedule.reset(now);
            }
            let crosses = link.schedule.due.is_none() && link.crossings.due.is_none();
            if quiet && link.can_cross() && (!same_hubs || crosses) {
                link.crossings.reset(now);
            }
            if let Some(problem) = problem {
                link.state.last_error = Some((at, problem.to_string()));
                all.push(problem);
            }
        }
        for (agency, problem) in problems {
            tracing::warn!(%problem, "a linked peer's card cannot be used as it is");
            if let Some(link) = agency.and_then(|a| self.links.get_mut(&a)) {
                link.state.last_error = Some((at, problem.to_string()));
            }
            all.push(problem);
        }
        all
    }

    fn hurry(&mut self, agency: &AgencyId) {
        if let Some(link) = self.links.get_mut(agency) {
            if link.can_dial() {
                link.schedule.hurry(Instant::now());
            } else if link.can_cross() {
                link.crossings.hurry(Instant::now());
            }
        }
    }

    fn dial(&mut self, agency: &AgencyId) {
        self.dirty = true;
        let Some(link) = self.links.get_mut(agency) else {
            return;
        };
        link.schedule.rest();
        if !link.can_dial() {
            return;
        }
        let Some(options) = link.options(link.next_key) else {
            return;
        };
        link.dialling = Some(options.connection_id());
        self.begin_crossing(agency, Instant::now());
        if let Err(error) = self.swarm.dial(options) {
            self.dial_failed(*agency, &error);
        }
    }

    fn dial_failed(&mut self, agency: AgencyId, error: &DialError) {
        self.dirty = true;
        let at = (self.now)();
        let Some(link) = self.links.get_mut(&agency) else {
            return;
        };
        link.dialling = None;
        if let DialError::WrongPeerId { obtained, address } = error {
            // It answers with another key from its card: that one next. Otherwise someone
            // else is at this address: the others, while there are any.
            if let Some(other) = link
                .keys
                .iter()
                .position(|k| k == obtained)
                .filter(|k| *k != link.next_key)
            {
                link.next_key = other;
                link.schedule.hurry(Instant::now());
                return;
            }
            if link.set_aside(address) {
                link.schedule.hurry(Instant::now());
                link.state.last_error = Some((at, words::dial(error)));
                return;
            }
        }
        let said = words::dial(error);
        tracing::debug!(peer = %agency.short(), %said, "dial failed");
        link.avoid.clear();
        link.next_key = (link.next_key + 1)
            .checked_rem(link.keys.len())
            .unwrap_or(0);
        let now = Instant::now();
        link.direct_error = Some(said.clone());
        if link.connections.is_empty() {
            link.state.last_error = Some((at, said));
        }
        if link.can_dial() {
            link.schedule.failed(now, &self.timing, rand::random());
        }
        // No need to wait for its own addresses any more; but one that waits for a hub waits on.
        if link.can_cross() && link.crossings.due.is_some() && link.crossings.attempts == 0 {
            link.crossings.hurry(now);
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => self.closed(connection_id),
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => {
                self.outgoing_failed(connection_id, &error);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                connection_id,
                info,
                ..
            })) => self.identified(connection_id, &info.agent_version),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.pinged(event),
            SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => self.relayed(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Circuits(
                relay::client::Event::ReservationReqAccepted { relay_peer_id, .. },
            )) => self.reserved(relay_peer_id),
            SwarmEvent::Behaviour(BehaviourEvent::Upgrade(event)) => {
                if let Err(error) = event.result {
                    tracing::debug!(peer = %event.remote_peer_id, %error, "no direct connection beside the circuit");
                }
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                self.show_listening();
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } => {
                self.reservation_ended(listener_id, reason.err().map(|e| words::refused(&e)));
                self.show_listening();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "a listening address has trouble")
            }
            SwarmEvent::IncomingConnectionError {
                error,
                send_back_addr,
                ..
            } => {
                tracing::debug!(%error, address = %send_back_addr, "an incoming connection failed");
            }
            _ => {}
        }
    }

    fn show_listening(&self) {
        let listening = super::listening(&self.swarm);
        self.out.listens.send_if_modified(|old| {
            let changed = *old != listening;
            *old = listening;
            changed
        });
    }

    fn outgoing_failed(&mut self, id: ConnectionId, error: &DialError) {
        if let Some(at) = self.probes.iter().position(|p| p.connection == id) {
            self.probe_failed(at, error);
            return;
        }
        let agency = self
            .links
            .iter()
            .find(|(_, l)| l.dialling == Some(id))
            .map(|(a, _)| *a);
        if let Some(agency) = agency {
            self.dial_failed(agency, error);
            return;
        }
        let crossing = self.links.iter().find_map(|(agency, link)| {
            let (crossing, hub) = link.crossing?;
            (crossing == id).then_some((*agency, hub, link.hubs.len()))
        });
        if let Some((agency, hub, hubs)) = crossing {
            self.cross_failed(agency, hub, hubs, error);
        }
    }

    fn publish(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let (now, at) = (Instant::now(), (self.now)());
        let mut states: Vec<LinkState> = Vec::with_capacity(self.links.len());
        for link in self.links.values() {
            let dues = [link.schedule.due, link.crossings.due];
            let next_attempt = dues.into_iter().flatten().min().map(|due| {
                let ms = due.saturating_duration_since(now).as_millis();
                Millis(at.0.saturating_add(u64::try_from(ms).unwrap_or(u64::MAX)))
            });
            let mut state = link.state.clone();
            // While it is reached through a hub, its own addresses are tried as well.
            state.next_attempt = next_attempt.filter(|_| !state.is_up());
            state.attempts = if state.is_up() {
                0
            } else {
                link.schedule.attempts.max(link.crossings.attempts)
            };
            states.push(state);
        }
        states.sort_by_key(|s| s.agency);
        self.out.links.send_replace(states);
    }

    /// Tells every peer that we go, and waits a little for it.
    async fn close(&mut self) {
        self.commands.close();
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let swarm = &mut self.swarm;
        let drain = async {
            while swarm.network_info().num_peers() > 0 {
                swarm.select_next_some().await;
            }
        };
        // Those that do not answer see the connection time out.
        let _ = tokio::time::timeout(self.timing.shutdown, drain).await;
        for state in self.links.values_mut() {
            state.state.connected_since = None;
            state.schedule.rest();
        }
        self.dirty = true;
        self.publish();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
