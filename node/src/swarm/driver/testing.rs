//! Peer tests: each dials a connection of its own.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::swarm::{ConnectionId, DialError};
use tokio::sync::oneshot;

use super::super::address;
use super::super::probe::{PeerTest, Probe, StepName};
use super::Driver;
use super::link::options;

impl Driver {
    pub(super) fn begin_test(&mut self, mut test: PeerTest, reply: oneshot::Sender<PeerTest>) {
        let deadline = Instant::now() + self.timing.test;
        // Each opens a connection, and too many push out the oldest, which carries the work.
        if self.probes.iter().any(|p| p.test.agency == test.agency) {
            test.bad(
                StepName::Connect,
                "another test of this peer is running",
                "wait for it to end, and try again",
            );
            let _ = reply.send(test);
            return;
        }
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
            let options = options(key, link.addresses.clone());
            probe.connection = options.connection_id();
            self.probes.push(probe);
            if let Err(error) = self.swarm.dial(options) {
                let at = self.probes.len() - 1;
                self.probe_failed(at, &error);
            }
        }
    }

    pub(super) fn probe_failed(&mut self, at: usize, error: &DialError) {
        let mut probe = self.probes.swap_remove(at);
        let other = match error {
            DialError::WrongPeerId { obtained, .. } => {
                probe.keys.iter().position(|k| k == obtained)
            }
            _ => None,
        };
        let link = self.links.get(&probe.test.agency);
        if let (Some(other), Some(link)) = (other, link) {
            let options = options(probe.keys.swap_remove(other), link.addresses.clone());
            probe.connection = options.connection_id();
            match self.swarm.dial(options) {
                Ok(()) => self.probes.push(probe),
                Err(error) => probe.failed(&error),
            }
        } else {
            probe.failed(error);
        }
    }

    pub(super) fn advance(&mut self, id: ConnectionId, step: impl FnOnce(&mut Probe) -> bool) {
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
    pub(super) fn release(&mut self, probe: &Probe) {
        let others = self.links.get(&probe.test.agency).is_some_and(|l| {
            l.connections
                .iter()
                .any(|c| c.accepted && c.id != probe.connection)
        });
        if others && !probe.borrowed {
            self.swarm.close_connection(probe.connection);
        }
    }
}
