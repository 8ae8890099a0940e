//! How links come, go and are tested.

use super::*;

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
    let _ours = a.open(&b).await;
    assert_eq!(b.taken().await.agency, a.agency);
}

#[tokio::test]
async fn the_link_comes_back_when_the_other_side_restarts_on_its_port() {
    for port in [
        format!("127.0.0.1:{}", quiet_port()),
        format!("/ip4/127.0.0.1/tcp/{}", quiet_port()),
    ] {
        let a = node(1, &BOTH).await;
        let b = node(2, &[&port]).await;
        linked(&a, &b).await;
        let mut events = a.handle.events();
        b.handle.shutdown().await;
        assert_eq!(
            within("down", events.recv()).await,
            Ok(LinkEvent::Down(b.agency))
        );
        assert_eq!(b.handle.dial_now(a.agency).await, Err(SwarmError::Stopped));
        let mut b = node(2, &[&port]).await;
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
async fn an_address_where_someone_else_answers_is_set_aside() {
    // libp2p dials lower ports first, so whoever has the lower one answers first.
    let quiet = || format!("127.0.0.1:{}", quiet_port());
    for (ours, others) in [(quiet(), BOTH[0].to_owned()), (BOTH[0].to_owned(), quiet())] {
        let a = node(1, &BOTH).await;
        let b = node(2, &[&ours]).await;
        let other = node(3, &[&others]).await;
        b.link(&[a.card_without_address()]).await;
        let mut card = b.card();
        card.addresses.splice(0..0, other.handle.listen_addrs());
        a.link(&[card]).await;
        a.up(&b).await;
    }
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
    let free = quiet_port();
    a.link(&[LinkedPeer {
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", free)],
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
        relay: None,
        timing: Timing {
            shutdown: Duration::from_millis(100),
            listen: Duration::from_millis(100),
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
    let free = quiet_port();
    let (v4, v6) = (format!("0.0.0.0:{}", free), format!("[::]:{}", free));
    let b = node(2, &[&v4, &v6]).await;
    let addresses = b.handle.listen_addrs();
    assert!(
        addresses.iter().any(|a| a.contains("/127.0.0.1/udp")),
        "{addresses:?}"
    );
    let a = node(1, &BOTH).await;
    b.link(&[a.card_without_address()]).await;
    a.link(&[LinkedPeer {
        addresses: vec![format!("127.0.0.1:{}", free)],
        ..b.card()
    }])
    .await;
    a.up(&b).await;
}

/// As after kill -9: nothing is said, the sockets are gone, and a new process is there.
#[tokio::test]
async fn a_peer_that_dies_without_a_word_is_found_again() {
    for listen in [BOTH, TCP] {
        let mut a = node(1, &listen).await;
        let card = a.card();
        let doomed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("runtime");
            let b = runtime.block_on(async {
                let b = node(2, &listen).await;
                b.link(&[card]).await;
                b
            });
            (runtime, b)
        });
        let (runtime, b) = doomed.join().expect("thread");
        a.link(&[b.card_without_address()]).await;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        });
        a.up(&b).await;
        b.up(&a).await;
        let old = b.handle.clone();
        let mut stream = old.open(a.agency, Channel::Live).await.expect("open");
        stream.send(b"x").await.expect("send");
        stream.flush().await.expect("flush");
        let mut ours = a.taken().await.stream;
        assert!(ours.next().await.expect("frame").is_some());
        stop.send(()).expect("running");
        thread.join().expect("thread");
        let again = node(2, &listen).await;
        again.link(&[a.card()]).await;
        again.up(&a).await;
        let theirs = again.open(&a).await;
        assert_eq!(a.taken().await.agency, again.agency);
        a.up(&again).await;
        // What hung on the old process ends; over QUIC this takes its idle time of 10 s.
        if listen == TCP {
            let ended = within("ended", ours.next()).await;
            assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
        }
        drop((theirs, stream));
    }
}

#[tokio::test]
async fn a_peer_removed_and_added_again_is_linked_again() {
    let mut a = node(1, &BOTH).await;
    let b = node(2, &BOTH).await;
    linked(&a, &b).await;
    for _ in 0..3 {
        a.link(&[]).await;
        a.link(&[b.card()]).await;
        a.up(&b).await;
        let mut links = b.handle.links();
        within("b sees it", async {
            while b.handle.open(a.agency, Channel::Live).await.is_err() {
                links.changed().await.expect("running");
            }
        })
        .await;
        assert_eq!(a.taken().await.agency, b.agency);
    }
}

#[tokio::test]
async fn a_name_works_where_a_number_does() {
    let a = node(1, &BOTH).await;
    if !a.handle.resolves_names() {
        return;
    }
    let b = node(2, &TCP).await;
    b.link(&[a.card_without_address()]).await;
    let port = b.handle.listen_addrs()[0]
        .rsplit('/')
        .next()
        .expect("port")
        .to_owned();
    a.link(&[LinkedPeer {
        addresses: vec![format!("localhost:{port}")],
        ..b.card()
    }])
    .await;
    a.up(&b).await;
}
