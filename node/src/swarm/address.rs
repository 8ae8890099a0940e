//! Addresses as people write them, and what the transport makes of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::SwarmError;
use super::limits::{ADDRESS_CHARS, DEFAULT_PORT};
use super::link::Transport;

/// Where a node listens: an IP address with or without a port, or a multiaddress. Without a
/// port: [`DEFAULT_PORT`]; port 0: one that is free. QUIC and TCP, unless a multiaddress
/// says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    text: String,
    addresses: Vec<Multiaddr>,
}

impl ListenAddr {
    /// All interfaces, IPv4 and IPv6, at the default port: what a node does unless told.
    pub fn defaults() -> Vec<ListenAddr> {
        [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ]
        .map(|ip| Self::both(ip, DEFAULT_PORT))
        .into()
    }

    /// QUIC and TCP at an IP address and port.
    pub fn both(ip: IpAddr, port: u16) -> Self {
        let text = SocketAddr::new(ip, port).to_string();
        Self {
            text,
            addresses: on_both(ip.into(), port),
        }
    }

    pub(super) fn multiaddrs(&self) -> &[Multiaddr] {
        &self.addresses
    }
}

impl FromStr for ListenAddr {
    type Err = SwarmError;
    fn from_str(text: &str) -> Result<Self, SwarmError> {
        let addresses = parse(text)?;
        let by_number = addresses
            .iter()
            .all(|a| matches!(a.iter().next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_))));
        if !by_number {
            return Err(wrong(
                text,
                "to listen, write the address as a number, such as 0.0.0.0 for all interfaces",
            ));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            addresses,
        })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where a peer can be reached: `host`, `host:port` or a multiaddress; hosts are names or
/// IP addresses. Without a port: [`DEFAULT_PORT`]. QUIC first, TCP if that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddr {
    text: String,
    addresses: Vec<Multiaddr>,
}

impl PeerAddr {
    /// The DNS name that has to be resolved, if it is not a number.
    pub fn name(&self) -> Option<String> {
        self.addresses.first().and_then(|a| match a.iter().next() {
            Some(
                Protocol::Dns(n) | Protocol::Dns4(n) | Protocol::Dns6(n) | Protocol::Dnsaddr(n),
            ) => Some(n.into_owned()),
            _ => None,
        })
    }

    pub(super) fn multiaddrs(&self) -> &[Multiaddr] {
        &self.addresses
    }
}

impl FromStr for PeerAddr {
    type Err = SwarmError;
    fn from_str(text: &str) -> Result<Self, SwarmError> {
        let addresses = parse(text)?;
        let zero = addresses.iter().flat_map(Multiaddr::iter).any(|p| {
            matches!(p, Protocol::Tcp(0) | Protocol::Udp(0))
                || matches!(p, Protocol::Ip4(ip) if ip.is_unspecified())
                || matches!(p, Protocol::Ip6(ip) if ip.is_unspecified())
        });
        if zero {
            return Err(wrong(
                text,
                "nobody can be reached at port 0 or at the address 0.0.0.0 or ::",
            ));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            addresses,
        })
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A multiaddress as `host:port`.
pub(super) fn host_port(address: &Multiaddr) -> String {
    let mut host = String::new();
    let mut port = None;
    for part in address.iter() {
        match part {
            Protocol::Ip4(ip) if host.is_empty() => host = ip.to_string(),
            Protocol::Ip6(ip) if host.is_empty() => host = format!("[{ip}]"),
            Protocol::Dns(n) | Protocol::Dns4(n) | Protocol::Dns6(n) | Protocol::Dnsaddr(n)
                if host.is_empty() =>
            {
                host = n.into_owned();
            }
            Protocol::Tcp(p) | Protocol::Udp(p) => port = port.or(Some(p)),
            _ => {}
        }
    }
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

/// What carries a connection to this address.
pub(super) fn transport(address: &Multiaddr) -> Transport {
    if address.iter().any(|p| matches!(p, Protocol::QuicV1)) {
        Transport::Quic
    } else {
        Transport::Tcp
    }
}

/// Whether a connection to this address goes through a relay.
pub(super) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|p| matches!(p, Protocol::P2pCircuit))
}

/// The relay that a circuit's address names.
pub(super) fn relay(address: &Multiaddr) -> Option<PeerId> {
    address
        .iter()
        .take_while(|p| !matches!(p, Protocol::P2pCircuit))
        .find_map(|p| match p {
            Protocol::P2p(peer) => Some(peer),
            _ => None,
        })
}

/// Where the relay of a circuit's address is.
pub(super) fn relay_address(address: &Multiaddr) -> Multiaddr {
    let before: Multiaddr = address
        .iter()
        .take_while(|p| !matches!(p, Protocol::P2pCircuit))
        .collect();
    plain(&before)
}

/// An address without the key that is behind it.
pub(super) fn plain(address: &Multiaddr) -> Multiaddr {
    address
        .iter()
        .filter(|p| !matches!(p, Protocol::P2p(_)))
        .collect()
}

/// Circuits through a relay that we are connected to at this address.
pub(super) fn circuit(relay: PeerId, at: &Multiaddr) -> Multiaddr {
    plain(at)
        .with(Protocol::P2p(relay))
        .with(Protocol::P2pCircuit)
}

/// Whether it stands for all interfaces.
pub(super) fn is_any(address: &Multiaddr) -> bool {
    address.iter().any(|p| match p {
        Protocol::Ip4(ip) => ip.is_unspecified(),
        Protocol::Ip6(ip) => ip.is_unspecified(),
        _ => false,
    })
}

/// The TCP socket address that this stands for, if it does and its port is fixed.
pub(super) fn tcp_socket(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) if port != 0 => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

fn wrong(text: &str, why: &'static str) -> SwarmError {
    SwarmError::Address {
        text: text.chars().take(64).collect(),
        why,
    }
}

fn parse(text: &str) -> Result<Vec<Multiaddr>, SwarmError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong(text, "it is empty"));
    }
    if text.len() > ADDRESS_CHARS {
        return Err(wrong(text, "it is too long"));
    }
    if text.starts_with('/') {
        return multiaddress(text);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(on_both(ip.into(), DEFAULT_PORT));
    }
    let (host, port) = match text.rsplit_once(':') {
        _ if text.ends_with(']') => (text, DEFAULT_PORT),
        Some((host, port)) => {
            let port = port
                .parse()
                .map_err(|_| wrong(text, "after the colon a port from 1 to 65535 is expected"))?;
            (host, port)
        }
        None => (text, DEFAULT_PORT),
    };
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let ip: Ipv6Addr = inner
            .parse()
            .map_err(|_| wrong(text, "in brackets an IPv6 address is expected"))?;
        return Ok(on_both(Protocol::Ip6(ip), port));
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(on_both(Protocol::Ip4(ip), port));
    }
    if host.contains(':') {
        return Err(wrong(
            text,
            "an IPv6 address with a port stands in brackets, like [2001:db8::1]:7401",
        ));
    }
    if !is_name(host) {
        return Err(wrong(text, "the host is neither a name nor an IP address"));
    }
    Ok(on_both(Protocol::Dns(host.into()), port))
}

fn on_both(host: Protocol<'_>, port: u16) -> Vec<Multiaddr> {
    let host = Multiaddr::empty().with(host.acquire());
    vec![
        host.clone()
            .with(Protocol::Udp(port))
            .with(Protocol::QuicV1),
        host.with(Protocol::Tcp(port)),
    ]
}

/// RFC 1123, plus a trailing dot; not all digits and dots, so that `10.0.0.300` is a
/// mistake and not a name.
fn is_name(host: &str) -> bool {
    let plain = host.strip_suffix('.').unwrap_or(host);
    plain.len() <= 253
        && plain.chars().any(|c| c.is_ascii_alphabetic())
        && plain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}

/// A multiaddress of a kind that this node speaks; a trailing `/p2p/…` is cut off, because
/// only a card says which key stands behind an address.
fn multiaddress(text: &str) -> Result<Vec<Multiaddr>, SwarmError> {
    let address: Multiaddr = text
        .parse()
        .map_err(|_| wrong(text, "it is not a multiaddress"))?;
    let mut parts: Vec<Protocol<'_>> = address.iter().collect();
    if matches!(parts.last(), Some(Protocol::P2p(_))) {
        parts.pop();
    }
    let host = matches!(
        parts.first(),
        Some(
            Protocol::Ip4(_)
                | Protocol::Ip6(_)
                | Protocol::Dns(_)
                | Protocol::Dns4(_)
                | Protocol::Dns6(_)
        )
    );
    let carried = matches!(
        parts.get(1..),
        Some([Protocol::Tcp(_)] | [Protocol::Udp(_), Protocol::QuicV1])
    );
    if !host || !carried {
        return Err(wrong(
            text,
            "of multiaddresses, /ip4, /ip6 or /dns with /udp/PORT/quic-v1 or /tcp/PORT are spoken",
        ));
    }
    Ok(vec![parts.into_iter().collect()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Vec<String> {
        let parsed: PeerAddr = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        parsed
            .multiaddrs()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_people_write_is_read() {
        let table: [(&str, &[&str]); 9] = [
            (
                "node.example.org",
                &[
                    "/dns/node.example.org/udp/7401/quic-v1",
                    "/dns/node.example.org/tcp/7401",
                ],
            ),
            (
                "node.example.org:99",
                &[
                    "/dns/node.example.org/udp/99/quic-v1",
                    "/dns/node.example.org/tcp/99",
                ],
            ),
            (
                " 192.0.2.7 ",
                &["/ip4/192.0.2.7/udp/7401/quic-v1", "/ip4/192.0.2.7/tcp/7401"],
            ),
            (
                "192.0.2.7:80",
                &["/ip4/192.0.2.7/udp/80/quic-v1", "/ip4/192.0.2.7/tcp/80"],
            ),
            (
                "2001:db8::1",
                &[
                    "/ip6/2001:db8::1/udp/7401/quic-v1",
                    "/ip6/2001:db8::1/tcp/7401",
                ],
            ),
            (
                "[2001:db8::1]:80",
                &["/ip6/2001:db8::1/udp/80/quic-v1", "/ip6/2001:db8::1/tcp/80"],
            ),
            (
                "[2001:db8::1]",
                &[
                    "/ip6/2001:db8::1/udp/7401/quic-v1",
                    "/ip6/2001:db8::1/tcp/7401",
                ],
            ),
            ("/ip4/192.0.2.7/tcp/80", &["/ip4/192.0.2.7/tcp/80"]),
            (
                "/dns4/n.example/udp/80/quic-v1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
                &["/dns4/n.example/udp/80/quic-v1"],
            ),
        ];
        for (text, want) in table {
            assert_eq!(peer(text), want, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for text in [
            "",
            "host:",
            "host:70000",
            "10.0.0.300",
            "a b",
            "-x.org",
            "2001:db8::1:99999",
            "[::1",
            "http://x",
            "/ip4/1.2.3.4",
            "/ip4/1.2.3.4/udp/5",
            "/ip4/1.2.3.4/tcp/5/ws",
            "/memory/5",
            "host:0",
            "0.0.0.0:5",
            "/dns/x.org/tcp/0",
        ] {
            assert!(text.parse::<PeerAddr>().is_err(), "{text}");
        }
        assert!(
            format!("{}.org", "x".repeat(500))
                .parse::<PeerAddr>()
                .is_err()
        );
        assert!("localhost:1".parse::<ListenAddr>().is_err());
        assert!("0.0.0.0:0".parse::<ListenAddr>().is_ok());
    }

    #[test]
    fn shown_as_host_and_port() {
        let address: PeerAddr = "[2001:db8::1]:80".parse().expect("address");
        let quic = &address.multiaddrs()[0];
        assert_eq!(host_port(quic), "[2001:db8::1]:80");
        assert_eq!(transport(quic), Transport::Quic);
    }
}
