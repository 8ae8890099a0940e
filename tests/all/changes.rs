//! What has begun is carried to its end, and what was cut off stays cut.

use std::io::Write;
use std::os::unix::net::UnixStream;

use liaison_node::registry::{PeerEdit, RegistryError, Revoked};
use liaison_node::store::Store;
use liaison_protocol::clock::Millis;
use liaison_tests::Federation;
use liaison_tests::federation::{OPEN, PATIENCE};
use serde_json::json;

/// A change of a peer takes a while; a revocation in that while must hold.
#[tokio::test(flavor = "multi_thread")]
async fn e11_a_change_that_was_under_way_does_not_link_a_revoked_peer_again() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let node = a.node();
    let (registry, store): (_, &Store) = (&node.registry, &node.store);
    // The change has looked the peer up.
    let (agency, peer) = registry.find("b").expect("a peer");
    let edit = PeerEdit {
        add: vec!["near".into()],
        ..PeerEdit::default()
    };
    let changed = registry.edited(&agency, peer, &edit).expect("a change");
    let revoked = Revoked {
        alias: "b".into(),
        at: Millis(1),
        reason: "stolen".into(),
    };
    registry.revoke(&agency, revoked);
    let put = registry.put(store, agency, changed.clone()).await;
    assert!(matches!(put, Err(RegistryError::Revoked { .. })), "{put:?}");
    assert!(registry.linked().is_empty(), "not given to the transport");
    registry.keep_revoked(store, &agency).await.expect("kept");
    let put = registry.put(store, agency, changed).await;
    assert!(put.is_err(), "nor later");
    federation.node("a").stop().await;
    federation.node("a").start().await;
    assert!(federation["a"].node().registry.peers().is_empty());
    federation.stop().await;
}

/// Both at once, over the API: whichever is first, the peer is revoked at the end.
#[tokio::test(flavor = "multi_thread")]
async fn e11_of_a_change_and_a_revocation_at_once_the_revocation_holds() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let a = &federation["a"];
    let card = federation["b"].home.dir().join("card.liaison");
    let card = card.to_string_lossy();
    for circle in ["c1", "c2", "c3"] {
        let add = ["peer", "add", &*card, "--as", "b", "--yes"];
        let change = [
            "peer", "add", &*card, "--as", "b", "--yes", "--circle", circle,
        ];
        let revoke = ["peer", "revoke", "b", "--reason", "stolen", "--yes"];
        let (_, revoked) = tokio::join!(a.cli(&change), a.cli(&revoke));
        revoked.expect_code(0);
        let registry = &a.node().registry;
        assert!(registry.linked().is_empty(), "{circle}");
        assert_eq!(registry.revoked().len(), 1, "{circle}");
        let fingerprint = federation["b"].agency.fingerprint();
        let digits = [&add[..5], &["--fingerprint", &fingerprint]].concat();
        a.cli(&digits).await.expect_code(0);
    }
    federation.stop().await;
}

/// Whoever types Ctrl-C while the node works has not stopped it halfway.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_carried_to_its_end_when_the_client_goes_away() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let a = &federation["a"];
    let policy = r#"@id("trends") @says("Trends up to green.")
permit (principal, action == Action::"share", resource)
when { resource.kind == Kind::"trend" && resource.tlp in [Tlp::"clear", Tlp::"green"] };"#;
    let body = json!({
        "files": {"share.cedar": policy},
        "reason": "test",
        "proof": {"unproven": true},
    });
    let body = body.to_string();
    let request = format!(
        "POST /v1/policy/apply HTTP/1.1\r\nHost: liaison\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let node = a.node();
    // The first call of all tells the log who the officers are.
    a.json(&["status"]).await;
    let (before, epoch) = (
        node.audit.state().borrow().lines,
        node.policies.current().epoch(),
    );
    let mut stream = UnixStream::connect(node.home.socket_path()).expect("the socket");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut log = node.audit.state();
    // The first line announces it: the node is at work.
    let announced = log.wait_for(|state| state.lines > before);
    let announced = tokio::time::timeout(PATIENCE, announced).await;
    announced.expect("announced").expect("runs");
    drop(stream);
    // Lines follow, the last of which tells its end.
    let ended = async {
        while node.policies.current().epoch() == epoch {
            log.changed().await.expect("runs");
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    assert!(ended.is_ok(), "it was not applied");
    let shown = a.json(&["policy", "show"]).await;
    assert_eq!(shown["history"][0]["reason"], "test", "{shown}");
    federation.stop().await;
}
