//! From a circuit to a direct connection (DCUtR): each side tells the other at which addresses
//! it was seen, and both call at the same moment, so that their routers let the calls in.
//!
//! So a linked peer names addresses that we call. libp2p calls whatever it is told, names and this
//! machine's own services included, and lets the other side see when that failed. Here it is
//! numbers only, of the ports that routers use, no nearer to us than the hub, some at once, and not
//! again and again. What is left to a peer that lies: a few packets a minute of ours to addresses
//! on the hub's side of the network, the first of a QUIC or TLS handshake, which nobody else can
//! complete.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use liaison_protocol::id::AgencyId;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::DialFailure;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, dcutr};

use super::limits::{UPGRADE_ADDRESSES, UPGRADE_BURST, UPGRADE_PORT, UPGRADE_REFILL};
use super::roster::Roster;

/// Why a call that a peer asked for is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("the peer has no circuit to us")]
    NoCircuit,
    #[error("the peer asks for too many calls")]
    TooOften,
    #[error("none of the addresses can be the peer's")]
    Addresses,
    #[error("some of the addresses can't be the peer's: the others are called")]
    InPart,
}

/// libp2p's upgrade, within bounds.
pub(super) struct Upgrade {
    inner: dcutr::Behaviour,
    roster: Arc<Roster>,
    /// A call that it asked for and that the swarm is about to make.
    asked: Option<ConnectionId>,
    /// Calls to some of the addresses, that are still to be made.
    calls: VecDeque<DialOpts>,
    /// Calls of ours, and the ones that they stand for.
    instead: HashMap<ConnectionId, ConnectionId>,
    /// What each agency may have us call yet.
    turns: HashMap<AgencyId, Turns>,
}

impl Upgrade {
    pub(super) fn new(own: PeerId, roster: Arc<Roster>) -> Self {
        Self {
            inner: dcutr::Behaviour::new(own),
            roster,
            asked: None,
            calls: VecDeque::new(),
            instead: HashMap::new(),
            turns: HashMap::new(),
        }
    }

    /// Says to peers that we were seen at an address.
    #[cfg(test)]
    pub(super) fn claims(&mut self, addr: &Multiaddr) {
        let candidate = libp2p::swarm::NewExternalAddrCandidate { addr };
        self.inner
            .on_swarm_event(FromSwarm::NewExternalAddrCandidate(candidate));
    }

    /// The addresses that are called.
    fn judge(
        &mut self,
        peer: &PeerId,
        addresses: &[Multiaddr],
        now: Instant,
    ) -> Result<Vec<Multiaddr>, Refused> {
        let agency = self.roster.seat(peer).map(|s| s.agency);
        let agency = agency.ok_or(Refused::NoCircuit)?;
        let nearest = self.roster.reach_of_hubs(peer).ok_or(Refused::NoCircuit)?;
        let mut good: Vec<Multiaddr> = Vec::new();
        for address in addresses {
            if may_be(address, peer, nearest) && !good.contains(address) {
                good.push(address.clone());
            }
        }
        good.truncate(UPGRADE_ADDRESSES);
        if good.is_empty() {
            return Err(Refused::Addresses);
        }
        let roster = &self.roster;
        self.turns.retain(|agency, _| roster.is_linked(agency));
        let turns = self.turns.entry(agency).or_insert(Turns::full(now));
        match turns.take(now) {
            true => Ok(good),
            false => Err(Refused::TooOften),
        }
    }
}

impl NetworkBehaviour for Upgrade {
    type ConnectionHandler = <dcutr::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = dcutr::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        // What the driver calls is on cards.
        if self.asked.take_if(|asked| *asked == id).is_none() {
            return Ok(Vec::new());
        }
        let peer = peer.ok_or_else(|| ConnectionDenied::new(Refused::NoCircuit))?;
        let good = self.judge(&peer, addresses, Instant::now());
        let good = good.map_err(|why| {
            tracing::debug!(%peer, %why, "a peer's wish for a direct connection was not followed");
            ConnectionDenied::new(why)
        })?;
        if good.len() == addresses.len() {
            return Ok(Vec::new());
        }
        let call = DialOpts::peer_id(peer).condition(PeerCondition::Always);
        let call = match role {
            Endpoint::Listener => call.override_role(),
            Endpoint::Dialer => call,
        };
        let call = call.addresses(good).build();
        self.instead.insert(call.connection_id(), id);
        self.calls.push_back(call);
        Err(ConnectionDenied::new(Refused::InPart))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::DialFailure(failure) => {
                // It hears how the call went that stands for its own.
                if self
                    .instead
                    .values()
                    .any(|its| *its == failure.connection_id)
                {
                    return;
                }
                let its = self.instead.remove(&failure.connection_id);
                self.inner
                    .on_swarm_event(FromSwarm::DialFailure(DialFailure {
                        connection_id: its.unwrap_or(failure.connection_id),
                        ..failure
                    }));
            }
            FromSwarm::ConnectionEstablished(established) => {
                self.instead.remove(&established.connection_id);
                self.inner.on_swarm_event(event);
            }
            other => self.inner.on_swarm_event(other),
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(opts) = self.calls.pop_front() {
            return Poll::Ready(ToSwarm::Dial { opts });
        }
        let polled = self.inner.poll(cx);
        if let Poll::Ready(ToSwarm::Dial { opts }) = &polled {
            self.asked = Some(opts.connection_id());
        }
        polled
    }
}

/// How near an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine.
    Machine,
    /// A private network.
    Site,
    /// Everybody.
    World,
}

impl Reach {
    fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let site = match ip {
            // The last: what providers use between their routers and their customers'.
            IpAddr::V4(v4) => {
                v4.is_private()
                    || (u32::from(v4) >> 22) == (u32::from_be_bytes([100, 64, 0, 0]) >> 22)
            }
            IpAddr::V6(v6) => v6.is_unique_local(),
        };
        match (ip.is_loopback(), site) {
            (true, _) => Self::Machine,
            (_, true) => Self::Site,
            _ => Self::World,
        }
    }

    /// How near the machine at an address is; by a name: as far as can be.
    pub(super) fn at(address: &Multiaddr) -> Self {
        match address.iter().next() {
            Some(Protocol::Ip4(ip)) => Self::of(ip.into()),
            Some(Protocol::Ip6(ip)) => Self::of(ip.into()),
            _ => Self::World,
        }
    }
}

/// Whether a peer can be at an address, if the hub between us is so near.
fn may_be(address: &Multiaddr, peer: &PeerId, nearest: Reach) -> bool {
    let mut parts = address.iter().peekable();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return false,
    };
    let port = match parts.next() {
        Some(Protocol::Tcp(port)) => port,
        Some(Protocol::Udp(port)) if parts.next_if_eq(&Protocol::QuicV1).is_some() => port,
        _ => return false,
    };
    let named = match parts.next() {
        None => true,
        Some(Protocol::P2p(key)) => key == *peer,
        Some(_) => false,
    };
    let ip = ip.to_canonical();
    let to_one = match ip {
        IpAddr::V4(ip) => !(ip.is_link_local() || ip.is_broadcast()),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    };
    let to_one = to_one && !ip.is_unspecified() && !ip.is_multicast();
    named && parts.next().is_none() && to_one && port >= UPGRADE_PORT && Reach::of(ip) >= nearest
}

/// How often an agency may have us call.
#[derive(Clone, Copy, Debug)]
struct Turns {
    left: u32,
    /// Since when the next one is coming.
    since: Instant,
}

impl Turns {
    const fn full(now: Instant) -> Self {
        Self {
            left: UPGRADE_BURST,
            since: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        while self.left < UPGRADE_BURST
            && now.saturating_duration_since(self.since) >= UPGRADE_REFILL
        {
            self.left += 1;
            self.since += UPGRADE_REFILL;
        }
        if self.left == UPGRADE_BURST {
            self.since = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;

    use super::*;

    fn key(seed: u8) -> PeerId {
        let key = Keypair::ed25519_from_bytes([seed; 32]).expect("a seed");
        key.public().to_peer_id()
    }

    #[test]
    fn a_peer_has_us_call_numbers_on_the_hubs_side_only() {
        let peer = key(1);
        let own = format!("/ip4/192.0.2.7/tcp/7401/p2p/{peer}");
        let other = format!("/ip4/192.0.2.7/tcp/7401/p2p/{}", key(2));
        #[rustfmt::skip]
        let cases: Vec<(&str, [bool; 3])> = vec![
            // By a hub on this machine, in a private network, in the world.
            ("/ip4/192.0.2.7/udp/7401/quic-v1",       [true, true, true]),
            ("/ip4/192.0.2.7/tcp/7401",               [true, true, true]),
            ("/ip6/2001:db8::7/tcp/7401",             [true, true, true]),
            (&own,                                    [true, true, true]),
            ("/ip4/10.1.2.3/udp/7401/quic-v1",        [true, true, false]),
            ("/ip4/172.16.0.1/tcp/7401",              [true, true, false]),
            ("/ip4/100.64.1.1/tcp/7401",              [true, true, false]),
            ("/ip4/100.128.1.1/tcp/7401",             [true, true, true]),
            ("/ip6/fd00::1/tcp/7401",                 [true, true, false]),
            ("/ip6/::ffff:10.1.2.3/tcp/7401",         [true, true, false]),
            ("/ip4/127.0.0.1/tcp/7401",               [true, false, false]),
            ("/ip6/::1/tcp/7401",                     [true, false, false]),
            ("/ip6/::ffff:127.0.0.1/tcp/7401",        [true, false, false]),
            (&other,                                  [false; 3]),
            ("/ip4/192.0.2.7/tcp/22",                 [false; 3]),
            ("/ip4/192.0.2.7/udp/53/quic-v1",         [false; 3]),
            ("/ip4/192.0.2.7/udp/7401",               [false; 3]),
            ("/ip4/192.0.2.7/tcp/7401/ws",            [false; 3]),
            ("/ip4/169.254.169.254/tcp/8080",         [false; 3]),
            ("/ip6/fe80::1/tcp/7401",                 [false; 3]),
            ("/ip4/224.0.0.1/udp/7401/quic-v1",       [false; 3]),
            ("/ip4/255.255.255.255/udp/7401/quic-v1", [false; 3]),
            ("/ip4/0.0.0.0/tcp/7401",                 [false; 3]),
            ("/dns/node.example/tcp/7401",            [false; 3]),
            ("/dns4/node.example/udp/7401/quic-v1",   [false; 3]),
            ("/tcp/7401",                             [false; 3]),
        ];
        for (text, expected) in cases {
            let address: Multiaddr = text.parse().expect(text);
            let found = [Reach::Machine, Reach::Site, Reach::World]
                .map(|nearest| may_be(&address, &peer, nearest));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn an_agency_has_us_call_so_often_and_then_now_and_then() {
        let now = Instant::now();
        let mut turns = Turns::full(now);
        let mut at = |now| (0..2 * UPGRADE_BURST).filter(|_| turns.take(now)).count();
        assert_eq!(at(now), UPGRADE_BURST as usize);
        assert_eq!(at(now + UPGRADE_REFILL / 2), 0);
        assert_eq!(at(now + UPGRADE_REFILL), 1);
        assert_eq!(at(now + UPGRADE_REFILL * 4), 3);
        let long = now + UPGRADE_REFILL * (UPGRADE_BURST * 10);
        assert_eq!(at(long), UPGRADE_BURST as usize);
    }
}
