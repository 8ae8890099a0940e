//! What crosses.

use super::*;

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
    a.link(&[by_quic(&b.card())]).await;
    b.link(&[by_quic(&a.card())]).await;
    let link = a.up(&b).await;
    b.up(&a).await;
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
    for _ in 0..limits::INBOUND_STREAMS_PER_PEER {
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
