//! What runs on every connection, and the transports below.

use std::num::NonZeroUsize;
use std::time::Duration;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, Swarm, Transport, dns, identify, ping, quic, relay, swarm, tcp, tls, yamux};

use super::SwarmError;
use super::gate::Gate;
use super::hybrid::Hybrid;
use super::limits::{
    MUXED_STREAMS, NEGOTIATED_AT_ONCE, PENDING_INBOUND, QUIC_CONNECTION_WINDOW, QUIC_STREAM_WINDOW,
    Timing, YAMUX_STREAMS,
};
use super::streams::Streams;
use super::upgrade::Upgrade;

/// Identify's protocol: what two nodes must share to understand each other's streams.
const PROTOCOL: &str = "/liaison/1";

/// The behaviours, in the order in which they are asked: the gate first. Streams last, so
/// that no connection that another refuses is ever registered for streams.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    gate: Gate,
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    relay: Toggle<relay::Behaviour>,
    circuits: relay::client::Behaviour,
    upgrade: Upgrade,
    streams: Streams,
}

impl Behaviour {
    pub(super) fn new(
        key: &Keypair,
        software: &str,
        gate: Gate,
        streams: Streams,
        (relayed, circuits): (Option<relay::Behaviour>, relay::client::Behaviour),
        upgrade: Upgrade,
        timing: &Timing,
    ) -> Self {
        let limits = ConnectionLimits::default().with_max_pending_incoming(Some(PENDING_INBOUND));
        let identify = identify::Config::new(PROTOCOL.to_owned(), key.public())
            .with_agent_version(software.to_owned())
            .with_hide_listen_addrs(true)
            .with_push_listen_addr_updates(false)
            .with_cache_size(0);
        let ping = ping::Config::new()
            .with_interval(timing.ping)
            .with_timeout(timing.ping);
        Self {
            gate,
            limits: connection_limits::Behaviour::new(limits),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            relay: relayed.into(),
            circuits,
            upgrade,
            streams,
        }
    }
}

/// Builds the libp2p swarm. The second value is whether names can be resolved.
pub(super) fn build(
    key: &Keypair,
    behaviour: Behaviour,
    through: relay::client::Transport,
    timing: &Timing,
) -> Result<(Swarm<Behaviour>, bool), SwarmError> {
    // Without a resolv.conf, or with one that cannot be read, there are no name servers:
    // addresses by number work and names fail with a reason.
    let (transport, names) = match dns::tokio::Transport::system(carriers(key, timing)?) {
        Ok(transport) => (boxed(transport), true),
        Err(error) => {
            tracing::warn!(%error, "names cannot be resolved on this machine; addresses by number work");
            (without_names(carriers(key, timing)?), false)
        }
    };
    // Circuits first: the others would take such an address for the relay's own.
    let transport = circuits(through, key, timing)?
        .or_transport(transport)
        .map(|either, _| either.into_inner())
        .boxed();
    let config = swarm::Config::with_tokio_executor()
        .with_smart_dial()
        // Our streams keep links alive; this is for the moments before and after.
        .with_idle_connection_timeout(Duration::from_secs(3600))
        .with_notify_handler_buffer_size(NonZeroUsize::MIN.saturating_add(31))
        .with_max_negotiating_inbound_streams(NEGOTIATED_AT_ONCE);
    Ok((
        Swarm::new(transport, behaviour, key.public().to_peer_id(), config),
        names,
    ))
}

type Carried = Boxed<(PeerId, StreamMuxerBox)>;

/// QUIC, and TCP with TLS 1.3 and yamux. There is no way to leave out verification: the
/// peer's key is part of both handshakes.
fn carriers(key: &Keypair, timing: &Timing) -> Result<Carried, SwarmError> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(tls(key)?)
        .multiplex(muxer())
        .timeout(timing.handshake)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let mut config = quic::Config::new(key);
    config.handshake_timeout = timing.handshake.min(Duration::from_secs(5));
    config.max_concurrent_stream_limit = MUXED_STREAMS;
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_CONNECTION_WINDOW;
    let quic = quic::tokio::Transport::new(config)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(quic
        .or_transport(tcp)
        .map(|either, _| either.into_inner())
        .boxed())
}

/// TLS 1.3 and yamux inside a relay's circuit, as on TCP: the relay sees neither.
fn circuits(
    through: relay::client::Transport,
    key: &Keypair,
    timing: &Timing,
) -> Result<Carried, SwarmError> {
    Ok(through
        .upgrade(Version::V1Lazy)
        .authenticate(tls(key)?)
        .multiplex(muxer())
        .timeout(timing.handshake)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed())
}

fn tls(key: &Keypair) -> Result<Hybrid, SwarmError> {
    let tls = tls::Config::new(key).map_err(|e| SwarmError::NodeKey { why: e.to_string() })?;
    Ok(Hybrid(tls))
}

fn muxer() -> yamux::Config {
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(YAMUX_STREAMS);
    muxer
}

/// Numbers only. Never a public resolver: it would learn who talks to whom.
fn without_names(carriers: Carried) -> Carried {
    let none = dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new());
    boxed(dns::tokio::Transport::custom(
        carriers,
        none,
        dns::ResolverOpts::default(),
    ))
}

fn boxed<T>(transport: T) -> Carried
where
    T: Transport<Output = (PeerId, StreamMuxerBox)> + Send + Unpin + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Error: Send + Sync,
{
    transport.boxed()
}

#[cfg(test)]
mod tests {
    use libp2p::core::Endpoint;
    use libp2p::core::transport::{DialOpts, PortUse};

    use super::*;

    #[test]
    fn what_yamux_may_hold_of_a_connection_is_as_the_limits_say() {
        const STREAM: usize = 256 * 1024;
        let window = 1024 * 1024 * 1024;
        let shown = format!("{:?}", muxer());
        // The library's own, on which the bound rests.
        assert!(
            shown.contains(&format!("max_connection_receive_window: Some({window})")),
            "{shown}"
        );
        assert!(
            shown.contains(&format!("max_num_streams: {YAMUX_STREAMS}")),
            "{shown}"
        );
        assert_eq!(window - YAMUX_STREAMS * STREAM, 8 * 1024 * 1024);
    }

    #[tokio::test]
    async fn without_a_resolver_names_fail_and_numbers_work() {
        let key = Keypair::generate_ed25519();
        let mut transport = without_names(carriers(&key, &Timing::default()).expect("carriers"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let port = listener.local_addr().expect("port").port();
        let options = DialOpts {
            role: Endpoint::Dialer,
            port_use: PortUse::New,
        };
        let mut dial = |address: String| {
            transport
                .dial(address.parse().expect("address"), options)
                .expect("dial")
        };
        let name = dial(format!("/dns/node.example/tcp/{port}"));
        let number = dial(format!("/ip4/127.0.0.1/tcp/{port}"));
        assert!(name.await.is_err());
        tokio::select! {
            called = listener.accept() => drop(called.expect("accept")),
            // It waits for the TLS handshake that nobody answers.
            done = number => panic!("{:?}", done.err()),
        }
    }
}
