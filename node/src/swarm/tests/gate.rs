//! Who gets in.

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::*;

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
    let (mut reader, mut writer) = a.taken().await.stream.split();
    // Two in one write: the second is with us, and not handed out, when B is removed.
    theirs.send(b"in time").await.expect("send");
    theirs.send(b"too late").await.expect("send");
    theirs.flush().await.expect("flush");
    assert_eq!(
        reader.next().await.expect("frame").as_deref(),
        Some(&b"in time"[..])
    );
    let _idle = b.open(&a).await;
    let mut idle = a.taken().await.stream;
    let waiting = tokio::spawn(async move { idle.next().await });
    let mut events = a.handle.events();
    a.link(&[]).await;
    let gone = SwarmError::NotLinked { agency: b.agency };
    assert_eq!(
        within("waiting", waiting).await.expect("join"),
        Err(gone.clone())
    );
    assert_eq!(reader.next().await, Err(gone.clone()));
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
