//! Real sockets on the loopback, ports that are free, several transports in one process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use tokio_util::compat::TokioAsyncReadCompatExt;
use zeroize::Zeroizing;

use super::limits::{INBOUND_STREAMS_PER_PEER, Timing};
use super::*;

/// Nothing here waits this long unless it has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const BOTH: [&str; 1] = ["127.0.0.1:0"];
const TCP: [&str; 1] = ["/ip4/127.0.0.1/tcp/0"];

struct Node {
    agency: AgencyId,
    handle: SwarmHandle,
    inbound: InboundStreams,
}

type Captured = Arc<Mutex<Vec<(AgencyId, Channel, Direction, Vec<u8>)>>>;

struct Capture(Captured);

impl Tap for Capture {
    fn frame(&self, peer: &AgencyId, channel: Channel, direction: Direction, body: &[u8]) {
        self.0
            .lock()
            .expect("lock")
            .push((*peer, channel, direction, body.to_vec()));
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited too long: {what}"))
}

async fn node(seed: u8, listen: &[&str]) -> Node {
    tapped(seed, listen, None).await
}

async fn tapped(seed: u8, listen: &[&str], tap: Option<Arc<dyn Tap>>) -> Node {
    let ticks = AtomicU64::new(1);
    let config = SwarmConfig {
        node_key: Zeroizing::new([seed; 32]),
        listen: listen.iter().map(|l| l.parse().expect("address")).collect(),
        software: "liaison test".to_owned(),
        tap,
        now: Arc::new(move || Millis(ticks.fetch_add(1, Ordering::Relaxed))),
        timing: Timing {
            redial_min: Duration::from_millis(40),
            redial_max: Duration::from_millis(400),
            ..Timing::default()
        },
    };
    let (handle, inbound) = Swarm::start(config).await.expect("start");
    Node {
        agency: AgencyId::from_bytes([seed; 32]),
        handle,
        inbound,
    }
}

impl Node {
    fn card(&self) -> LinkedPeer {
        LinkedPeer {
            agency: self.agency,
            node_keys: vec![self.handle.node_key()],
            addresses: self.handle.listen_addrs(),
        }
    }

    /// As [`card`](Self::card), for someone who is to wait for our call.
    fn card_without_address(&self) -> LinkedPeer {
        LinkedPeer {
            addresses: Vec::new(),
            ..self.card()
        }
    }

    async fn link(&self, peers: &[LinkedPeer]) -> Vec<SwarmError> {
        self.handle
            .set_peers(peers.to_vec())
            .await
            .expect("running")
    }

    /// Waits until the link is as wanted.
    async fn until(
        &self,
        what: &str,
        peer: &Node,
        wanted: impl Fn(&LinkState) -> bool,
    ) -> LinkState {
        let mut links = self.handle.links();
        let all = within(
            what,
            links.wait_for(|all| all.iter().any(|l| l.agency == peer.agency && wanted(l))),
        );
        let all = all.await.expect("running");
        all.iter()
            .find(|l| l.agency == peer.agency)
            .cloned()
            .expect("found")
    }

    async fn up(&self, peer: &Node) -> LinkState {
        self.until("up", peer, LinkState::is_up).await
    }

    async fn open(&self, peer: &Node) -> FrameStream {
        self.handle
            .open(peer.agency, Channel::Live)
            .await
            .expect("open")
    }

    async fn taken(&mut self) -> Inbound {
        within("inbound", self.inbound.next())
            .await
            .expect("running")
    }
}

async fn linked(a: &Node, b: &Node) {
    a.link(&[b.card()]).await;
    b.link(&[a.card()]).await;
    a.up(b).await;
    b.up(a).await;
}

/// Sends there and back, and looks at all that is counted.
async fn exchange(a: &Node, b: &mut Node) {
    let mut ours = a.open(b).await;
    let mut theirs = b.taken().await;
    assert_eq!((theirs.agency, theirs.channel), (a.agency, Channel::Live));
    let big = vec![7u8; liaison_protocol::limits::FRAME_BYTES];
    let receive = async {
        assert_eq!(
            theirs.stream.next().await.expect("frame").as_deref(),
            Some(&b"one"[..])
        );
        assert_eq!(
            theirs.stream.next().await.expect("frame").as_deref(),
            Some(&[][..])
        );
        assert_eq!(
            theirs.stream.next().await.expect("frame").as_deref(),
            Some(&big[..])
        );
        theirs.stream.send(b"back").await.expect("send");
        theirs.stream.close().await.expect("close");
    };
    let send = async {
        ours.send(b"one").await.expect("send");
        ours.send(b"").await.expect("send");
        ours.send(&big).await.expect("send");
        ours.flush().await.expect("flush");
        assert_eq!(
            ours.next().await.expect("frame").as_deref(),
            Some(&b"back"[..])
        );
        assert_eq!(ours.next().await, Ok(None));
    };
    within("exchange", async { tokio::join!(receive, send) }).await;
    let sent = (3 + big.len() + 3 * 4) as u64;
    let traffic = Traffic {
        bytes_in: 8,
        bytes_out: sent,
        frames_in: 1,
        frames_out: 3,
    };
    assert_eq!(a.handle.traffic(&b.agency), traffic);
    assert_eq!(b.handle.traffic(&a.agency).bytes_in, sent);
}

#[tokio::test]
async fn frames_cross_over_quic_and_are_tapped() {
    let captured = Captured::default();
    let a = tapped(1, &BOTH, Some(Arc::new(Capture(captured.clone())))).await;
    let mut b = node(2, &BOTH).await;
    linked(&a, &b).await;
    let link = a.up(&b).await;
    assert_eq!(
        (link.transport, link.path),
        (Some(Transport::Quic), Some(Path::Direct))
    );
    assert_eq!(link.last_error, None);
    exchange(&a, &mut b).await;
    let captured = captured.lock().expect("lock");
    let bodies: Vec<_> = captured
        .iter()
        .map(|(p, c, d, body)| (*p, *c, *d, body.len()))
        .collect();
    let out = |n| (b.agency, Channel::Live, Direction::Out, n);
    let big = liaison_protocol::limits::FRAME_BYTES;
    assert_eq!(
        bodies,
        [
            out(3),
            out(0),
            out(big),
            (b.agency, Channel::Live, Direction::In, 4)
        ]
    );
    assert!(captured.iter().any(|c| c.3 == b"one"));
}

#[tokio::test]
async fn frames_cross_over_tcp_where_only_tcp_is_listened_on() {
    let a = node(1, &TCP).await;
    let mut b = node(2, &TCP).await;
    linked(&a, &b).await;
    assert_eq!(a.up(&b).await.transport, Some(Transport::Tcp));
    exchange(&a, &mut b).await;
}

#[tokio::test]
async fn tcp_is_the_fallback_when_udp_does_not_answer() {
    let a = node(1, &BOTH).await;
    let mut b = node(2, &TCP).await;
    let tcp = b.handle.listen_addrs();
    // The same port over UDP, where nobody is.
    let quic = format!("{}/quic-v1", tcp[0].replace("/tcp/", "/udp/"));
    a.link(&[LinkedPeer {
        addresses: vec![quic, tcp[0].clone()],
        ..b.card()
    }])
    .await;
    b.link(&[a.card_without_address()]).await;
    assert_eq!(a.up(&b).await.transport, Some(Transport::Tcp));
    exchange(&a, &mut b).await;
}

#[tokio::test]
async fn a_stranger_is_refused_and_gets_no_stream() {
    for listen in [BOTH, TCP] {
        let mut a = node(1, &listen).await;
        let b = node(2, &listen).await;
        let stranger = node(3, &listen).await;
        linked(&a, &b).await;
        let mut events = stranger.handle.events();
        stranger.link(&[a.card()]).await;
        let link = stranger
            .until("refused twice", &a, |l| {
                l.last_error.is_some() && l.attempts >= 2
            })
            .await;
        let (_, why) = link.last_error.expect("error");
        assert!(why.contains("does not list us"), "{why}");
        assert!(a.handle.refusals().total >= 2, "{:?}", a.handle.refusals());
        let opened = stranger.handle.open(a.agency, Channel::Live).await.err();
        assert_eq!(opened, Some(SwarmError::NotConnected { agency: a.agency }));
        let opened = a.handle.open(stranger.agency, Channel::Live).await.err();
        assert_eq!(
            opened,
            Some(SwarmError::NotLinked {
                agency: stranger.agency
            })
        );
        assert!(
            events.try_recv().is_err(),
            "a refused link never counts as up"
        );
        // The next stream that A takes in is B's: none of the stranger's came before it.
        let _ours = b.open(&a).await;
        assert_eq!(a.taken().await.agency, b.agency);
    }
}

#[tokio::test]
async fn removing_a_peer_kills_its_connection_and_streams() {
    let mut a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    linked(&a, &b).await;
    let mut theirs = b.open(&a).await;
    let ours = a.taken().await.stream;
    let (mut reader, mut writer) = ours.split();
    writer.send(b"hello").await.expect("send");
    writer.flush().await.expect("flush");
    assert_eq!(
        theirs.next().await.expect("frame").as_deref(),
        Some(&b"hello"[..])
    );
    // Already with us, but not yet read when B is removed: must not be handed out.
    theirs.send(b"late").await.expect("send");
    theirs.flush().await.expect("flush");
    let waiting = tokio::spawn(async move {
        let mut last = reader.next().await;
        while last.is_ok() {
            last = reader.next().await;
        }
        last
    });
    let mut events = a.handle.events();
    a.link(&[]).await;
    let gone = SwarmError::NotLinked { agency: b.agency };
    assert_eq!(
        within("reader", waiting).await.expect("join"),
        Err(gone.clone())
    );
    assert_eq!(writer.send(b"more").await, Err(gone.clone()));
    assert_eq!(
        a.handle.open(b.agency, Channel::Live).await.err(),
        Some(gone)
    );
    assert_eq!(
        within("event", events.recv()).await,
        Ok(LinkEvent::Down(b.agency))
    );
    assert_eq!(a.handle.link(&b.agency), None);
    let broken = within("theirs", theirs.next()).await;
    assert!(!matches!(broken, Ok(Some(_))), "{broken:?}");
    b.until("refused", &a, |l| !l.is_up() && l.attempts >= 2)
        .await;
}

#[tokio::test]
async fn the_link_comes_back_when_the_other_side_restarts_on_its_port() {
    for listen in [BOTH, TCP] {
        let a = node(1, &listen).await;
        let b = node(2, &listen).await;
        linked(&a, &b).await;
        let again = b.handle.listen_addrs();
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        let mut events = a.handle.events();
        b.handle.shutdown().await;
        assert_eq!(
            within("down", events.recv()).await,
            Ok(LinkEvent::Down(b.agency))
        );
        assert_eq!(b.handle.dial_now(a.agency).await, Err(SwarmError::Stopped));
        let mut b = node(2, &again).await;
        b.link(&[a.card_without_address()]).await;
        assert_eq!(
            within("up", events.recv()).await,
            Ok(LinkEvent::Up(b.agency))
        );
        let _ours = a.open(&b).await;
        assert_eq!(b.taken().await.agency, a.agency);
    }
}

#[tokio::test]
async fn two_that_dial_each_other_at_once_settle() {
    let a = node(1, &BOTH).await;
    let mut b = node(2, &BOTH).await;
    let mut events = a.handle.events();
    let (ours, theirs) = ([b.card()], [a.card()]);
    tokio::join!(a.link(&ours), b.link(&theirs));
    a.up(&b).await;
    b.up(&a).await;
    let mut ours = a.open(&b).await;
    let mut theirs = b.taken().await.stream;
    // Any number of round trips on one stream: nobody closes the connection below it.
    for _ in 0..200 {
        ours.send(b"ping").await.expect("send");
        ours.flush().await.expect("flush");
        assert!(theirs.next().await.expect("frame").is_some());
        theirs.send(b"pong").await.expect("send");
        theirs.flush().await.expect("flush");
        assert!(ours.next().await.expect("frame").is_some());
    }
    while let Ok(event) = events.try_recv() {
        assert_eq!(event, LinkEvent::Up(b.agency));
    }
}

#[tokio::test]
async fn fifty_streams_opened_at_once_all_arrive() {
    for listen in [BOTH, TCP] {
        let a = node(1, &listen).await;
        let mut b = node(2, &listen).await;
        linked(&a, &b).await;
        let opens = (0..50u8).map(|n| {
            let handle = a.handle.clone();
            let to = b.agency;
            async move {
                let channel = if n % 2 == 0 {
                    Channel::Live
                } else {
                    Channel::Repair
                };
                let mut stream = handle.open(to, channel).await.expect("open");
                stream.send(&[n]).await.expect("send");
                stream.flush().await.expect("flush");
                stream
            }
        });
        // They open while nobody takes them up, as when the node is busy.
        let streams = within("opens", futures::future::join_all(opens)).await;
        let mut seen = Vec::new();
        for _ in 0..50 {
            let mut inbound = b.taken().await;
            let body = within("frame", inbound.stream.next())
                .await
                .expect("frame")
                .expect("body");
            let even = inbound.channel == Channel::Live;
            assert_eq!(body[0] % 2 == 0, even);
            seen.push(body[0]);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<u8>>());
        drop(streams);
    }
}

#[tokio::test]
async fn a_peer_that_opens_too_many_streams_loses_the_surplus_only() {
    let a = node(1, &BOTH).await;
    let mut b = node(2, &BOTH).await;
    linked(&a, &b).await;
    let mut kept = Vec::new();
    for _ in 0..INBOUND_STREAMS_PER_PEER {
        kept.push((a.open(&b).await, b.taken().await.stream));
    }
    let mut surplus = a.open(&b).await;
    let refused = within("surplus", surplus.next()).await;
    assert!(!matches!(refused, Ok(Some(_))), "{refused:?}");
    let (ours, theirs) = kept.last_mut().expect("kept");
    ours.send(b"still here").await.expect("send");
    ours.flush().await.expect("flush");
    assert!(theirs.next().await.expect("frame").is_some());
    kept.pop();
    let _again = a.open(&b).await;
    b.taken().await;
}

#[tokio::test]
async fn an_address_where_someone_else_answers_is_set_aside() {
    let a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    let other = node(3, &BOTH).await;
    b.link(&[a.card_without_address()]).await;
    let mut card = b.card();
    card.addresses.splice(0..0, other.handle.listen_addrs());
    a.link(&[card]).await;
    a.up(&b).await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_does_not_keep_a_number_from_working() {
    let a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    b.link(&[a.card_without_address()]).await;
    let mut card = b.card();
    card.addresses.insert(0, "node.invalid:7401".to_owned());
    card.addresses.insert(0, "not an address".to_owned());
    let problems = a.link(&[card]).await;
    assert!(
        matches!(&problems[..], [SwarmError::Address { .. }]),
        "{problems:?}"
    );
    a.up(&b).await;
}

#[tokio::test]
async fn a_new_node_key_is_found_and_an_old_one_is_cut_off() {
    let a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    b.link(&[a.card_without_address()]).await;
    let next = node(9, &[]).await.handle.node_key();
    a.link(&[LinkedPeer {
        node_keys: vec![next, b.handle.node_key()],
        ..b.card()
    }])
    .await;
    a.up(&b).await;
    a.link(&[LinkedPeer {
        node_keys: vec![next],
        ..b.card()
    }])
    .await;
    a.until("down", &b, |l| {
        !l.is_up()
            && l.last_error
                .as_ref()
                .is_some_and(|e| e.1.contains("not with a key"))
    })
    .await;
}

#[tokio::test]
async fn a_node_key_on_two_cards_stays_with_its_first_holder() {
    let a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    linked(&a, &b).await;
    let thief = AgencyId::from_bytes([0x66; 32]);
    let claim = LinkedPeer {
        agency: thief,
        ..b.card()
    };
    let problems = a.link(&[claim, b.card()]).await;
    assert_eq!(
        problems,
        [SwarmError::KeyTaken {
            agency: thief,
            holder: Some(b.agency)
        }]
    );
    a.up(&b).await;
    let own = LinkedPeer {
        agency: thief,
        ..a.card()
    };
    assert_eq!(
        a.link(&[own]).await,
        [SwarmError::KeyTaken {
            agency: thief,
            holder: None
        }]
    );
}

#[tokio::test]
async fn the_peer_test_says_where_it_ends() {
    let a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    linked(&a, &b).await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(test.is_ok(), "{test:?}");
    assert!(test.round_trip_us.is_some());
    assert!(
        test.step(StepName::Version)
            .is_some_and(|s| s.says.contains("liaison test")),
        "{test:?}"
    );
    assert!(a.up(&b).await.is_up(), "the test leaves the link alone");

    // They removed us.
    b.link(&[]).await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(
        test.step(StepName::Identity).is_some_and(|s| s.ok),
        "{test:?}"
    );
    assert!(
        test.step(StepName::KnownToThem)
            .is_some_and(|s| !s.ok && s.remedy.is_some()),
        "{test:?}"
    );

    // Someone else is at the address.
    let key = node(9, &[]).await.handle.node_key();
    a.link(&[LinkedPeer {
        node_keys: vec![key],
        ..b.card()
    }])
    .await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(
        test.step(StepName::Identity).is_some_and(|s| !s.ok),
        "{test:?}"
    );

    // Nobody is.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("port");
    a.link(&[LinkedPeer {
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", free.port())],
        ..b.card()
    }])
    .await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    let step = test.step(StepName::Connect).expect("step");
    assert!(!step.ok && step.says.contains("refused"), "{step:?}");

    // The name is not known.
    a.link(&[LinkedPeer {
        addresses: vec!["node.invalid".to_owned()],
        ..b.card()
    }])
    .await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(
        test.step(StepName::Resolve).is_some_and(|s| !s.ok),
        "{test:?}"
    );

    let unknown = AgencyId::from_bytes([0x55; 32]);
    assert_eq!(
        a.handle.test(unknown).await,
        Err(SwarmError::NotLinked { agency: unknown })
    );
}

#[tokio::test]
async fn the_peer_test_works_on_a_peer_that_only_calls_us() {
    let a = node(1, &BOTH).await;
    let b = node(2, &[]).await;
    a.link(&[b.card_without_address()]).await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(
        test.step(StepName::Connect).is_some_and(|s| !s.ok),
        "{test:?}"
    );
    b.link(&[a.card()]).await;
    a.up(&b).await;
    let test = within("test", a.handle.test(b.agency))
        .await
        .expect("running");
    assert!(test.is_ok(), "{test:?}");
    assert!(a.up(&b).await.is_up());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let a = node(1, &TCP).await;
    let taken = a.handle.listen_addrs().remove(0);
    let config = SwarmConfig {
        node_key: Zeroizing::new([2; 32]),
        listen: vec![taken.parse().expect("address")],
        software: String::new(),
        tap: None,
        now: Arc::new(|| Millis(0)),
        timing: Timing {
            shutdown: Duration::from_millis(100),
            ..Timing::default()
        },
    };
    let error = Swarm::start(config).await.err().expect("refused");
    assert!(
        matches!(&error, SwarmError::Listen { address, why } if address.ends_with(taken.rsplit('/').next().expect("port")) && why.contains("in use")),
        "{error}"
    );
}

#[tokio::test]
async fn all_interfaces_of_both_families_share_a_port() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("bind")
        .local_addr()
        .expect("port");
    let (v4, v6) = (
        format!("0.0.0.0:{}", free.port()),
        format!("[::]:{}", free.port()),
    );
    let b = node(2, &[&v4, &v6]).await;
    let addresses = b.handle.listen_addrs();
    assert!(
        addresses.iter().any(|a| a.contains("/127.0.0.1/udp")),
        "{addresses:?}"
    );
    let a = node(1, &BOTH).await;
    b.link(&[a.card_without_address()]).await;
    a.link(&[LinkedPeer {
        addresses: vec![format!("127.0.0.1:{}", free.port())],
        ..b.card()
    }])
    .await;
    a.up(&b).await;
}

/// Over TCP nothing but TLS is negotiated, and of TLS nothing below 1.3.
#[tokio::test]
async fn noise_plain_text_and_tls_1_2_are_refused() {
    let a = node(1, &TCP).await;
    let address = a.handle.listen_addrs().remove(0);
    let port: u16 = address
        .rsplit('/')
        .next()
        .and_then(|p| p.parse().ok())
        .expect("port");
    let said = |text: &str| {
        [
            &[u8::try_from(text.len() + 1).expect("short")],
            text.as_bytes(),
            b"\n",
        ]
        .concat()
    };
    let connect = || async {
        let socket = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("connect");
        let mut socket = socket.compat();
        socket
            .write_all(&said("/multistream/1.0.0"))
            .await
            .expect("write");
        let mut hello = vec![0; said("/multistream/1.0.0").len()];
        socket.read_exact(&mut hello).await.expect("read");
        socket
    };
    for protocol in ["/noise", "/plaintext/2.0.0", "/secio/1.0.0"] {
        let mut socket = connect().await;
        socket.write_all(&said(protocol)).await.expect("write");
        let mut answer = vec![0; 4];
        within("answer", socket.read_exact(&mut answer))
            .await
            .expect("read");
        assert_eq!(answer, said("na"), "{protocol}");
    }
    let mut socket = connect().await;
    socket.write_all(&said("/tls/1.0.0")).await.expect("write");
    let mut answer = vec![0; said("/tls/1.0.0").len()];
    within("answer", socket.read_exact(&mut answer))
        .await
        .expect("read");
    assert_eq!(answer, said("/tls/1.0.0"));
    socket.write_all(&client_hello_1_2()).await.expect("write");
    let mut alert = [0; 7];
    within("alert", socket.read_exact(&mut alert))
        .await
        .expect("read");
    // RFC 8446 section 6: record type alert (21), fatal (2), protocol_version (70).
    assert_eq!((alert[0], alert[5], alert[6]), (21, 2, 70));
}

/// A TLS 1.2 ClientHello (RFC 5246 section 7.4.1.2) with what every server of that version
/// would take.
fn client_hello_1_2() -> Vec<u8> {
    let sized = |bytes: &[u8]| {
        [
            &u16::try_from(bytes.len()).expect("short").to_be_bytes()[..],
            bytes,
        ]
        .concat()
    };
    let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &sized(body)].concat();
    let extensions = [
        extension(10, &sized(&[0, 29, 0, 23])),
        extension(11, &[1, 0]),
        extension(13, &sized(&[4, 3, 8, 7, 8, 4])),
        extension(16, &sized(b"\x06libp2p")),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[5; 32],
        &[0],
        &sized(&[0xC0, 0x2B, 0xC0, 0x2F, 0xCC, 0xA9]),
        &[1, 0],
        &sized(&extensions),
    ]
    .concat();
    let handshake = [&[1, 0][..], &sized(&body)].concat();
    [&[22, 3, 1][..], &sized(&handshake)].concat()
}
