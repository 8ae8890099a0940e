//! The task that owns the libp2p swarm: links, dials, tests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, ping};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::limits::{CONNECTIONS_PER_KEY, SOFTWARE_CHARS, Timing};
use super::probe::{PeerTest, Probe, StepName};
use super::roster::{Change, Roster};
use super::schedule::Schedule;
use super::{LinkEvent, LinkState, LinkedPeer, Now, PeerAddr, SwarmError, address, words};

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
    probes: Vec<Probe>,
    dirty: bool,
}

/// A linked peer as the driver sees it.
struct Link {
    state: LinkState,
    keys: Vec<PeerId>,
    addresses: Vec<Multiaddr>,
    /// Addresses at which this round found someone else.
    avoid: HashSet<Multiaddr>,
    next_key: usize,
    dialling: Option<ConnectionId>,
    schedule: Schedule,
    due_at: Option<Millis>,
    /// In the order in which they were made.
    connections: Vec<Connection>,
    up_since: Option<Instant>,
}

struct Connection {
    id: ConnectionId,
    peer: PeerId,
    address: Multiaddr,
    /// Both sides have accepted each other.
    accepted: bool,
    dialled: bool,
    failed_pings: u32,
}

impl Driver {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        roster: Arc<Roster>,
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
        dials.chain(self.probes.iter().map(|p| p.deadline)).min()
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
        if let Some(link) = self.links.get_mut(agency)
            && link.can_dial()
        {
            link.schedule.hurry(Instant::now());
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
        let Some(options) = link.options(link.next_key, PeerCondition::Always) else {
            return;
        };
        link.dialling = Some(options.connection_id());
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
        link.state.last_error = Some((at, said));
        if link.connections.is_empty() {
            link.schedule
                .failed(Instant::now(), &self.timing, rand::random());
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
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ListenerClosed { .. } => {
                let mut all: Vec<String> =
                    self.swarm.listeners().map(ToString::to_string).collect();
                all.sort_by_key(|a| !a.contains("quic"));
                self.out.listens.send_replace(all);
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

    fn established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        self.dirty = true;
        let Some(agency) = self.roster.seat(&peer).map(|s| s.agency) else {
            self.swarm.close_connection(id);
            return;
        };
        let Some(link) = self.links.get_mut(&agency) else {
            self.swarm.close_connection(id);
            return;
        };
        let address = endpoint.get_remote_address().clone();
        if link.dialling == Some(id) {
            link.dialling = None;
        }
        link.schedule.rest();
        self.owners.insert(id, agency);
        link.connections.push(Connection {
            id,
            peer,
            address: address.clone(),
            accepted: false,
            dialled: endpoint.is_dialer(),
            failed_pings: 0,
        });
        let of_key: Vec<ConnectionId> = link
            .connections
            .iter()
            .filter(|c| c.peer == peer)
            .map(|c| c.id)
            .collect();
        let surplus = of_key.len().saturating_sub(CONNECTIONS_PER_KEY);
        for old in of_key.into_iter().take(surplus) {
            self.swarm.close_connection(old);
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
        if let Some(seat) = self.roster.seat(&connection.peer) {
            seat.accepted(id);
        }
        link.show();
        if link.up_since.is_none() {
            link.up_since = Some(Instant::now());
            link.state.connected_since = Some((self.now)());
            link.state.last_error = None;
            tracing::info!(peer = %agency.short(), address = link.state.address, "connected");
            // No one may be listening.
            let _ = self.out.events.send(LinkEvent::Up(agency));
        }
    }

    fn closed(&mut self, id: ConnectionId) {
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
        link.show();
        if others {
            return;
        }
        let lasted = link.up_since.take().map(|since| since.elapsed());
        if lasted.is_some() {
            link.state.connected_since = None;
            tracing::info!(peer = %agency.short(), "disconnected");
            let _ = self.out.events.send(LinkEvent::Down(agency));
        }
        if link.can_dial() {
            let lasted = lasted.unwrap_or_default();
            link.schedule
                .ended(Instant::now(), lasted, &self.timing, rand::random());
        }
    }

    fn identified(&mut self, id: ConnectionId, software: &str) {
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

    fn pinged(&mut self, event: ping::Event) {
        let id = event.connection;
        match event.result {
            Ok(round_trip) => {
                let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
                self.accepted(id);
                if let Some(link) = self.owners.get(&id).and_then(|a| self.links.get_mut(a)) {
                    link.state.round_trip_us = Some(micros);
                    if let Some(connection) = link.connections.iter_mut().find(|c| c.id == id) {
                        connection.failed_pings = 0;
                    }
                    self.dirty = true;
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
        }
    }

    fn begin_test(&mut self, mut test: PeerTest, reply: oneshot::Sender<PeerTest>) {
        let deadline = Instant::now() + self.timing.test;
        let Some(link) = self.links.get(&test.agency) else {
            test.bad(
                StepName::Connect,
                "it is not a linked peer",
                "add it with 'liaison peer add FILE'",
            );
            let _ = reply.send(test);
            return;
        };
        if link.addresses.is_empty() || link.keys.is_empty() {
            match link.connections.iter().rev().find(|c| c.accepted) {
                Some(connection) => {
                    let mut probe = Probe::new(test, reply, connection.id, deadline, Vec::new());
                    probe.borrowed = true;
                    probe.established(
                        &address::host_port(&connection.address),
                        address::transport(&connection.address),
                    );
                    let software = link.state.software.clone();
                    let round_trip = link.state.round_trip_us;
                    let told = software.is_some_and(|s| probe.software(&s));
                    let done = round_trip.is_some_and(|us| !told && probe.answered(us));
                    if told || done {
                        probe.finish()
                    } else {
                        self.probes.push(probe)
                    }
                }
                None => {
                    test.bad(
                        StepName::Connect,
                        "its card has no usable address, and it is not connected to us",
                        "ask them for a card with an address, or to run 'liaison peer test' on their side",
                    );
                    let _ = reply.send(test);
                }
            }
            return;
        }
        let mut keys: Vec<PeerId> = link.keys.clone();
        // The key that is in use, if any, first: taken from the end.
        let used = link
            .connections
            .last()
            .map(|c| c.peer)
            .or_else(|| keys.get(link.next_key).copied());
        keys.sort_by_key(|k| Some(*k) == used);
        let mut probe = Probe::new(test, reply, ConnectionId::new_unchecked(0), deadline, keys);
        if let Some(key) = probe.keys.pop() {
            let options = options(key, link.addresses.clone(), PeerCondition::Always);
            probe.connection = options.connection_id();
            self.probes.push(probe);
            if let Err(error) = self.swarm.dial(options) {
                let at = self.probes.len() - 1;
                self.probe_failed(at, &error);
            }
        }
    }

    fn probe_failed(&mut self, at: usize, error: &DialError) {
        let mut probe = self.probes.swap_remove(at);
        let other = match error {
            DialError::WrongPeerId { obtained, .. } => {
                probe.keys.iter().position(|k| k == obtained)
            }
            _ => None,
        };
        let link = self.links.get(&probe.test.agency);
        if let (Some(other), Some(link)) = (other, link) {
            let options = options(
                probe.keys.swap_remove(other),
                link.addresses.clone(),
                PeerCondition::Always,
            );
            probe.connection = options.connection_id();
            match self.swarm.dial(options) {
                Ok(()) => self.probes.push(probe),
                Err(error) => probe.failed(&error),
            }
        } else {
            probe.failed(error);
        }
    }

    fn advance(&mut self, id: ConnectionId, step: impl FnOnce(&mut Probe) -> bool) {
        if let Some(at) = self.probes.iter().position(|p| p.connection == id)
            && let Some(probe) = self.probes.get_mut(at)
            && step(probe)
        {
            let probe = self.probes.swap_remove(at);
            self.release(&probe);
            probe.finish();
        }
    }

    /// Closes a test's connection, unless it is the only one or was there before.
    fn release(&mut self, probe: &Probe) {
        let others = self.links.get(&probe.test.agency).is_some_and(|l| {
            l.connections
                .iter()
                .any(|c| c.accepted && c.id != probe.connection)
        });
        if others && !probe.borrowed {
            self.swarm.close_connection(probe.connection);
        }
    }

    fn publish(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let (now, at) = (Instant::now(), (self.now)());
        let mut states: Vec<LinkState> = Vec::with_capacity(self.links.len());
        for link in self.links.values_mut() {
            link.due_at = link.schedule.due.map(|due| {
                let ms = due.saturating_duration_since(now).as_millis();
                Millis(at.0.saturating_add(u64::try_from(ms).unwrap_or(u64::MAX)))
            });
            let mut state = link.state.clone();
            state.next_attempt = link.due_at;
            state.attempts = if state.is_up() {
                0
            } else {
                link.schedule.attempts
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

impl Link {
    fn new(agency: AgencyId) -> Self {
        Self {
            state: LinkState::new(agency),
            keys: Vec::new(),
            addresses: Vec::new(),
            avoid: HashSet::new(),
            next_key: 0,
            dialling: None,
            schedule: Schedule::default(),
            due_at: None,
            connections: Vec::new(),
            up_since: None,
        }
    }

    fn can_dial(&self) -> bool {
        self.connections.is_empty()
            && self.dialling.is_none()
            && !self.addresses.is_empty()
            && !self.keys.is_empty()
    }

    fn options(&self, key: usize, condition: PeerCondition) -> Option<DialOpts> {
        let key = self.keys.get(key).or_else(|| self.keys.first())?;
        let addresses = self
            .addresses
            .iter()
            .filter(|a| !self.avoid.contains(a))
            .cloned()
            .collect();
        Some(options(*key, addresses, condition))
    }

    /// Leaves an address out for the rest of this round; false when none would be left.
    fn set_aside(&mut self, address: &Multiaddr) -> bool {
        let plain: Multiaddr = address
            .iter()
            .filter(|p| !matches!(p, libp2p::multiaddr::Protocol::P2p(_)))
            .collect();
        let fresh = self.avoid.insert(plain);
        fresh && self.addresses.iter().any(|a| !self.avoid.contains(a))
    }

    /// Shows the newest connection that both sides accept.
    fn show(&mut self) {
        let shown = self
            .connections
            .iter()
            .rev()
            .find(|c| c.accepted)
            .map(|c| &c.address);
        self.state.address = shown.map(address::host_port);
        self.state.transport = shown.map(address::transport);
        self.state.path = shown.map(address::path);
    }
}

/// From a port of its own: dialling from the listening port fails over TCP while an older
/// connection to the same peer lingers.
fn options(key: PeerId, addresses: Vec<Multiaddr>, condition: PeerCondition) -> DialOpts {
    DialOpts::peer_id(key)
        .condition(condition)
        .addresses(addresses)
        .allocate_new_port()
        .build()
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
