//! The key exchange is hybrid post-quantum, whichever way a connection goes.

use std::net::SocketAddr;

use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::tls;
use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};
use tokio::net::UdpSocket;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::super::hybrid::{Hybrid, X25519_MLKEM768};
use super::*;

/// TCP and circuits are made with this, and with nothing else: that two nodes connect over them,
/// which other tests show, says that the exchange was hybrid.
#[tokio::test]
async fn tcp_and_circuits_connect_with_a_hybrid_key_exchange() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let config = |seed| {
        let key = Keypair::ed25519_from_bytes([seed; 32]).expect("a key");
        Hybrid(tls::Config::new(&key).expect("TLS"))
    };
    let (ours, theirs) = tokio::join!(
        config(1).upgrade_outbound(near.compat(), "/tls/1.0.0"),
        config(2).upgrade_inbound(far.compat(), "/tls/1.0.0"),
    );
    for (_, stream) in [ours.expect("ours"), theirs.expect("theirs")] {
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        assert_eq!(u16::from(group.expect("agreed").name()), X25519_MLKEM768);
    }
}

/// What the server chose is read from the wire: its first packet can be opened by whoever saw
/// the client's.
#[tokio::test]
async fn quic_connects_with_a_hybrid_key_exchange() {
    let b = node(2, &["/ip4/127.0.0.1/udp/0/quic-v1"]).await;
    let there: SocketAddr = {
        let listening = b.handle.listen_addrs().remove(0);
        let port = listening.split('/').nth(4).expect("its port").to_owned();
        format!("127.0.0.1:{port}").parse().expect("an address")
    };
    let between = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let port = between.local_addr().expect("its address").port();
    let (seen, group) = tokio::sync::oneshot::channel();
    let passing = tokio::spawn(async move {
        let mut seen = Some(seen);
        let mut caller = None;
        let mut chosen_by: Option<Vec<u8>> = None;
        let mut buffer = vec![0; 65_536];
        loop {
            let (count, from) = between.recv_from(&mut buffer).await.expect("received");
            let datagram = buffer.get(..count).expect("whole");
            let to = if from == there {
                if let Some(id) = &chosen_by
                    && let Some(group) = chosen(datagram, id)
                    && let Some(seen) = seen.take()
                {
                    let _gone = seen.send(group);
                }
                caller.expect("a caller")
            } else {
                caller = Some(from);
                let first = Long::parse(datagram).map(|long| long.destination.to_vec());
                chosen_by = chosen_by.or(first);
                there
            };
            between.send_to(datagram, to).await.expect("sent");
        }
    });
    let a = node(1, &[]).await;
    b.link(&[a.card_without_address()]).await;
    a.link(&[LinkedPeer {
        addresses: vec![format!("/ip4/127.0.0.1/udp/{port}/quic-v1")],
        ..b.card()
    }])
    .await;
    a.up(&b).await;
    let group = within("a server's hello", group).await.expect("seen");
    assert_eq!(group, X25519_MLKEM768);
    passing.abort();
}

/// A QUIC packet of the first sort (RFC 9000, section 17.2.2).
struct Long<'a> {
    destination: &'a [u8],
    /// Where the packet number begins, and where the packet ends.
    number: usize,
    end: usize,
}

impl<'a> Long<'a> {
    fn parse(datagram: &'a [u8]) -> Option<Self> {
        // Long form, sort 0: Initial; version 1. The fixed bit may be anything (RFC 9287).
        if datagram.first()? & 0xb0 != 0x80 || datagram.get(1..5)? != [0, 0, 0, 1] {
            return None;
        }
        let mut at = 5;
        let destination = counted(datagram, &mut at)?;
        counted(datagram, &mut at)?;
        let token = usize::try_from(varint(datagram, &mut at)?).ok()?;
        at += token;
        let length = usize::try_from(varint(datagram, &mut at)?).ok()?;
        Some(Self {
            destination,
            number: at,
            end: at + length,
        })
    }
}

/// The group in the hello of a server whose client first wrote to this connection id; none in
/// other packets.
fn chosen(datagram: &[u8], id: &[u8]) -> Option<u16> {
    let long = Long::parse(datagram)?;
    let suite = TLS13_AES_128_GCM_SHA256.tls13()?;
    let keys = Keys::initial(Version::V1, suite, suite.quic?, id, Side::Client).remote;
    let mut packet = datagram.get(..long.end)?.to_vec();
    let sample = packet.get(long.number + 4..long.number + 20)?.to_vec();
    let (head, rest) = packet.split_at_mut(1);
    let number = rest.get_mut(long.number - 1..long.number + 3)?;
    keys.header
        .decrypt_in_place(&sample, head.first_mut()?, number)
        .ok()?;
    let length = usize::from(packet.first()? & 3) + 1;
    // Bytes beyond the packet number were left as they are.
    let payload_at = long.number + length;
    let (header, payload) = packet.split_at_mut(payload_at);
    let digits = header.get(long.number..)?.iter();
    let number = digits.fold(0u64, |n, b| n << 8 | u64::from(*b));
    let plain = keys.packet.decrypt_in_place(number, header, payload).ok()?;
    hello(&crypto(plain)?)
}

/// The first bytes of the handshake among a packet's frames.
fn crypto(plain: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    loop {
        match varint(plain, &mut at)? {
            0 | 1 => {}
            2 => {
                let (_largest, _delay) = (varint(plain, &mut at)?, varint(plain, &mut at)?);
                let ranges = varint(plain, &mut at)?;
                for _ in 0..=ranges * 2 {
                    varint(plain, &mut at)?;
                }
            }
            6 => {
                let offset = varint(plain, &mut at)?;
                let length = usize::try_from(varint(plain, &mut at)?).ok()?;
                let bytes = plain.get(at..at + length)?;
                at += length;
                if offset == 0 {
                    return Some(bytes.to_vec());
                }
            }
            _ => return None,
        }
    }
}

/// The group of a server's hello (RFC 8446, section 4.1.3), of which the end may be missing.
fn hello(bytes: &[u8]) -> Option<u16> {
    if bytes.first()? != &2 {
        return None;
    }
    // Sort, length, version, random; session, suite, compression, length of the extensions.
    let mut at = 4 + 2 + 32;
    counted(bytes, &mut at)?;
    at += 2 + 1 + 2;
    let word = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    loop {
        let (sort, length) = (word(at)?, word(at + 2)?);
        if sort == 51 {
            return word(at + 4);
        }
        at += 4 + usize::from(length);
    }
}

/// Bytes after a byte that counts them.
fn counted<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let count = usize::from(*bytes.get(*at)?);
    let found = bytes.get(*at + 1..*at + 1 + count)?;
    *at += 1 + count;
    Some(found)
}

/// RFC 9000, section 16.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = *bytes.get(*at)?;
    let length = 1usize << (first >> 6);
    let rest = bytes.get(*at + 1..*at + length)?.iter();
    *at += length;
    Some(rest.fold(u64::from(first & 0x3f), |n, b| n << 8 | u64::from(*b)))
}
