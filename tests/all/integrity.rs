//! Nothing but the author's exact word gets in, whoever brings it.

use std::path::Path;

use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use liaison_tests::raw::{self, RawPeer};

use crate::first::trend;
use crate::sharing::{author_and_reader, content};

#[tokio::test(flavor = "multi_thread")]
async fn e6_a_changed_bit_anywhere_is_refused_and_does_not_poison_the_good_id() {
    let mut federation = author_and_reader().await;
    let id = federation["a"]
        .push(&trend("Lorries  at night"), &["--to", ""])
        .await;
    let good = raw::stored(&federation["a"], &id);
    let created = good.unverified().envelope.created;
    let b = &federation["b"];
    let mut courier = RawPeer::new(federation.dir(), "courier").await;
    courier.link(b).await;
    let before = content(b);
    let mut stream = courier.sender(b).await;
    for at in 0..good.bytes().len() {
        let mut bad = good.bytes().to_vec();
        bad[at] ^= 1 << (at % 8);
        let (_, answer) = stream.deliver(id, created, &bad).await;
        assert!(
            matches!(answer, Answer::Refused(Refused::Form | Refused::Signature)),
            "byte {at}: {answer}"
        );
    }
    assert_eq!(content(b), before, "nothing but the quarantine has changed");
    let set_aside = b.node().store.counts().expect("counts").quarantined;
    assert!(set_aside > 0, "samples are set aside");
    // A blank more, a blank less: another text, and not the author's.
    for (from, to) in [
        ("Lorries  at", "Lorries at "),
        ("Lorries  at", "Lorries\u{a0}at"),
    ] {
        let bad = replace(good.bytes(), from.as_bytes(), to.as_bytes());
        let (_, answer) = stream.deliver(id, created, &bad).await;
        assert_eq!(answer, Answer::Refused(Refused::Form));
        // Under its own id it is a well-formed record, which nobody signed.
        let other = SignedRecord::parse(bad.into()).expect("well-formed");
        assert_ne!(other.id(), id);
        assert_eq!(
            stream.give(&other).await,
            Answer::Refused(Refused::Signature)
        );
    }
    assert_eq!(content(b), before, "nothing but the quarantine has changed");
    // Another courier, whom nobody knows to be honest, may still bring the true record.
    let mut second = RawPeer::new(federation.dir(), "second").await;
    second.link(b).await;
    let mut stream = second.sender(b).await;
    assert_eq!(stream.give(&good).await, Answer::Stored);
    assert!(b.holds().contains(&id));
    assert_eq!(raw::stored(b, &id).bytes(), good.bytes());
    federation.stop().await;
}

/// `bytes` with the one place where `from` stands changed to `to`, which is as long.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|w| w == from)
        .expect("it is there");
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to);
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_a_blank_in_a_policy_file_is_seen_and_changes_nothing_in_force() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let file = federation["a"].home.policy_dir().join("policy.cedar");
    let before = federation["a"].json(&["status"]).await;
    assert_eq!(before["policy"]["differs"], false);
    // One bit of it: a blank for another character would be a fault, a blank more is not.
    let forbid = OPEN.replacen(
        "permit (principal, action == Action::\"share\"",
        "forbid (principal, action == Action::\"share\"",
        1,
    );
    for text in [
        Some(OPEN.replacen("permit (", "permit  (", 1)),
        Some(forbid),
        None,
    ] {
        match &text {
            Some(text) => std::fs::write(&file, text).expect("policy file"),
            None => std::fs::remove_dir_all(federation["a"].home.policy_dir()).expect("gone"),
        }
        for restarted in [false, true] {
            if restarted {
                federation.node("a").stop().await;
                federation.node("a").start().await;
                federation.connected("a", "b").await;
            }
            let status = federation["a"].json(&["status"]).await;
            assert_eq!(
                status["policy"]["differs"], true,
                "{text:?}, restarted: {restarted}"
            );
            assert_eq!(status["policy"]["hash"], before["policy"]["hash"]);
            let id = federation["a"]
                .push(&trend("Still under the policy in force"), &[])
                .await;
            federation["b"].holds_all(&[id]).await;
        }
    }
    federation.stop().await;
}

/// Gives a node another signing key than its card says.
async fn lose_signing_key(federation: &mut Federation, name: &str) {
    federation.node(name).stop().await;
    let file = federation[name].home.dir().join("keys/signing.key");
    let other = SecretKey::from_bytes(&[7; 32]).to_bytes();
    let digits: String = other.iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(file, digits).expect("key file");
    federation.node(name).start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_failed_signature_aborts_every_write_and_leaves_the_store_as_it_was() {
    let mut federation = author_and_reader().await;
    let id = federation["a"].push(&trend("Before"), &[]).await;
    federation["b"].holds_all(&[id]).await;
    federation.settled().await;
    lose_signing_key(&mut federation, "a").await;
    federation.connected("a", "b").await;
    federation.settled().await;
    let a = &federation["a"];
    let before = content(a);
    let id = id.full();
    let mut red = trend("Red");
    red["tlp"] = "red".into();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(root.join("data/german-registry.csv")).expect("a table");
    let csv = federation.dir().join("table.csv");
    std::fs::write(&csv, &text).expect("a table");
    let csv = csv.to_string_lossy().into_owned();
    let map = root
        .join("../examples/maps/german-registry.toml")
        .to_string_lossy()
        .into_owned();
    let (one, red) = (trend("New").to_string(), red.to_string());
    let several = format!("{one}\n{one}\n");
    let writes: [(&[&str], &str); 6] = [
        (&["push", "-"], &one),
        (&["push", "-"], &several),
        (&["amend", &id, "-"], &one),
        (&["amend", &id, "-", "--to", "b"], &red),
        (&["retract", "--yes", &id, "--reason", "error"], ""),
        (&["import", "csv", &csv, "--map", &map], ""),
    ];
    for (args, input) in writes {
        let ran = a.cli_in(args, input).await;
        assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
        let says = format!("{}{}", ran.out, ran.err);
        assert!(says.contains("key"), "{args:?} does not say why: {says}");
        assert_eq!(content(a), before, "{args:?}");
    }
    federation.settled().await;
    assert_eq!(content(a), before);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_failed_signature_from_a_peer_or_on_a_card_leaves_the_store_as_it_was() {
    let mut federation = author_and_reader().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let mut forger = RawPeer::new(federation.dir(), "forger").await;
    forger.link(b).await;
    let stranger = RawPeer::new(federation.dir(), "stranger").await;
    let before = content(b);
    let mut stream = forger.sender(b).await;
    let statement = forger.statement(&trend("Forged"));
    let now = raw::from_now(0);
    let in_the_name_of_a = forger.sign_as(a.agency, now, statement.clone());
    assert_eq!(
        stream.give(&in_the_name_of_a).await,
        Answer::Later(Later::UnknownAuthor)
    );
    let before_the_key = forger.sign_as(
        forger.agency,
        raw::from_now(-9 * 86_400_000),
        statement.clone(),
    );
    assert_eq!(
        stream.give(&before_the_key).await,
        Answer::Refused(Refused::Signature)
    );
    let good = forger.sign(statement);
    let mut bytes = good.bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let (_, answer) = stream
        .deliver(good.id(), good.unverified().envelope.created, &bytes)
        .await;
    assert_eq!(answer, Answer::Refused(Refused::Signature));
    assert_eq!(content(b), before);

    let card = std::fs::read_to_string(stranger.card_path()).expect("card");
    let start = card.find("CARD-----\n").expect("armour") + 10;
    let end = card.rfind("-----END").expect("armour");
    for at in (start..end).step_by(23) {
        let old = card.as_bytes()[at];
        if !old.is_ascii_alphanumeric() {
            continue;
        }
        let mut bad = card.clone().into_bytes();
        bad[at] = if old == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).expect("text");
        let ran = b
            .cli_in(&["peer", "add", "-", "--as", "stranger", "--yes"], &bad)
            .await;
        assert_eq!(ran.code, 1, "character {at}: {ran:?}");
        assert_eq!(content(b), before, "character {at}");
    }
    // The forger's own true word still gets in.
    assert_eq!(stream.give(&good).await, Answer::Stored);
    federation.stop().await;
}
