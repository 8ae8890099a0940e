//! The gate: only node keys of linked peers get a connection, in either direction.
//!
//! It stands first in the behaviour, so that nothing else ever sees a stranger.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::address::host_port;
use super::roster::Roster;
use super::{Now, Refusals};

/// How often strangers are logged, at most: a flood of them must not fill the log.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The caller's node key is on no linked peer's card.
#[derive(Debug, thiserror::Error)]
#[error("this node key is on no linked peer's card")]
pub(super) struct NotOnAnyCard;

/// A circuit through a relay that is on no linked peer's card.
#[derive(Debug, thiserror::Error)]
#[error("the relay of this circuit is on no linked peer's card")]
pub(super) struct UnknownRelay;

/// Turned-away callers, counted.
pub(super) struct RefusalLog {
    now: Now,
    inner: Mutex<(Refusals, Option<Instant>)>,
}

impl RefusalLog {
    pub(super) fn new(now: Now) -> Self {
        Self {
            now,
            inner: Mutex::default(),
        }
    }

    pub(super) fn read(&self) -> Refusals {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .clone()
    }

    fn add(&self, peer: &PeerId, address: &Multiaddr) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (refusals, logged) = &mut *inner;
        refusals.total = refusals.total.saturating_add(1);
        refusals.last = Some(((self.now)(), peer.to_string(), host_port(address)));
        if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            *logged = Some(Instant::now());
            tracing::warn!(
                node_key = %peer, address = %host_port(address), total = refusals.total,
                "a caller that is on no linked peer's card was turned away"
            );
        }
    }
}

/// The behaviour that refuses.
pub(super) struct Gate {
    roster: Arc<Roster>,
    refusals: Arc<RefusalLog>,
}

impl Gate {
    pub(super) fn new(roster: Arc<Roster>, refusals: Arc<RefusalLog>) -> Self {
        Self { roster, refusals }
    }

    fn check(&self, peer: &PeerId) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        match self.roster.seat(peer) {
            Some(_) => Ok(dummy::ConnectionHandler),
            None => Err(ConnectionDenied::new(NotOnAnyCard)),
        }
    }

    /// Which hub carries it decides what may go by it, so it has to be known.
    fn check_way(&self, address: &Multiaddr) -> Result<(), ConnectionDenied> {
        match self.roster.path(address) {
            Some(_) => Ok(()),
            None => Err(ConnectionDenied::new(UnknownRelay)),
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let handler = self
            .check(&peer)
            .inspect_err(|_| self.refusals.add(&peer, remote))?;
        self.check_way(local)?;
        Ok(handler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let peer = peer.ok_or_else(|| ConnectionDenied::new(NotOnAnyCard))?;
        self.check(&peer).map(|_| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_way(address)?;
        self.check(&peer)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
