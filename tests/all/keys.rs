//! Signing keys that leave: rotated, compromised, revoked all at once; and the root key in its
//! safe.

use liaison_node::clock::{Clock, SystemClock};
use liaison_node::limits::AFFIRMATIONS_PER_RECORD;
use liaison_node::store::Flags;
use liaison_protocol::card::KeyState;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::kinds::{Affirm, Content, Permit};
use liaison_protocol::record::signed::SignedRecord;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{self, RawPeer};
use liaison_tests::{Federation, TestNode};

use crate::first::trend;
use crate::leave::{amber, says};
use crate::sharing::chain;

/// Waits until a node knows of another's keys that they are so.
async fn knows(node: &TestNode, of: &TestNode, so: impl Fn(&TestNode) -> bool) {
    let mut changes = node.node().registry.changes();
    let known = async {
        while !so(node) {
            changes.changed().await.expect("runs");
        }
    };
    let known = tokio::time::timeout(PATIENCE, known).await;
    assert!(
        known.is_ok(),
        "{} does not learn it of {}",
        node.name,
        of.name
    );
}

fn state(node: &TestNode, of: &TestNode, key: &SecretKey) -> KeyState {
    let keys = node.node().registry.keys(&of.agency).expect("its card");
    keys.state(&key.public())
}

pub fn signing(node: &TestNode) -> SecretKey {
    node.home.secrets().expect("keys").signing
}

pub async fn change(node: &TestNode, command: &str) {
    let ran = node.cli(&["keys", command, "--yes"]).await;
    ran.expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_what_a_rotated_key_signed_stands_and_new_records_under_it_are_refused() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let mut c = RawPeer::new(federation.dir(), "c").await;
    c.link(&federation["b"]).await;
    let before = federation["a"].push(&trend("Before"), &[]).await;
    federation["b"].holds_all(&[before]).await;
    let old = signing(&federation["a"]);
    change(&federation["a"], "rotate").await;
    let (a, b) = (&federation["a"], &federation["b"]);
    knows(b, a, |b| matches!(state(b, a, &old), KeyState::Rotated(_))).await;
    assert_ne!(signing(a).public(), old.public());

    // The link stays, and what the new key signs is taken.
    let after = a.push(&trend("After"), &[]).await;
    b.holds_all(&[after]).await;
    let shown = b.cli(&["show", &before.full()]).await.expect_code(0);
    assert!(shown.out.contains("Before"), "{}", shown.out);

    // Whoever has the old key signs a new record with it.
    let draft = c.statement(&trend("Forged"));
    let forged = sign(&old, a, draft, raw::from_now(0));
    let mut stream = c.sender(b).await;
    assert_eq!(
        stream.give(&forged).await,
        Answer::Refused(Refused::Signature)
    );
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_a_compromised_key_signs_nothing_more_whatever_day_it_names() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let mut c = RawPeer::new(federation.dir(), "c").await;
    c.link(&federation["b"]).await;
    let held = federation["a"].push(&trend("Held"), &[]).await;
    federation["b"].holds_all(&[held]).await;
    let stolen = signing(&federation["a"]);
    change(&federation["a"], "compromised").await;
    let (a, b) = (&federation["a"], &federation["b"]);
    knows(b, a, |b| {
        matches!(state(b, a, &stolen), KeyState::Compromised(_))
    })
    .await;

    let draft = c.statement(&trend("Backdated"));
    let backdated = sign(&stolen, a, draft, raw::from_now(-3_600_000));
    let mut stream = c.sender(b).await;
    assert_eq!(
        stream.give(&backdated).await,
        Answer::Refused(Refused::Signature)
    );
    // The link went on without a break in between: the statement under the next key came along.
    let after = a.push(&trend("After"), &[]).await;
    b.holds_all(&[after]).await;
    let keys = b.json(&["keys", "show", "a"]).await;
    let states: Vec<_> = keys["keys"].as_array().expect("keys").iter().collect();
    assert!(states.iter().any(|k| k["state"] == "compromised"), "{keys}");
    assert!(states.iter().any(|k| k["state"] == "current"), "{keys}");
    federation.stop().await;
}

/// A thief's statement, with a number higher than all, names his own node.
#[tokio::test(flavor = "multi_thread")]
async fn e12_a_statement_under_a_compromised_key_links_nobody() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let stolen = signing(&federation["a"]);
    let thief = SecretKey::from_bytes(&[77; 32]);
    let mut c = RawPeer::new(federation.dir(), "c").await;
    c.link(&federation["b"]).await;
    let (a, b) = (&federation["a"], &federation["b"]);
    let statement = thiefs_statement(a, &stolen, &thief);
    // It comes as if from a itself: here as a file that somebody was talked into adding.
    let file = federation.dir().join("thief.liaison");
    std::fs::write(&file, statement).expect("file");
    let file = file.to_string_lossy();
    let added = b.cli(&["peer", "add", &file, "--as", "a", "--yes"]).await;
    added.expect_code(0);
    let names = |b: &TestNode| {
        let linked = b.node().registry.linked();
        linked
            .iter()
            .find(|l| l.agency == a.agency)
            .map(|l| l.node_keys.contains(thief.public().as_bytes()))
    };
    assert_eq!(names(b), Some(true), "the theft works until it is noticed");

    change(a, "compromised").await;
    // The card alone ends it; with the statement under the next key the link is back.
    let alone = liaison_node::cardfile::CardFile::new(a.card().card().clone(), None);
    let file = federation.dir().join("alone.liaison");
    std::fs::write(&file, alone.to_text()).expect("file");
    let file = file.to_string_lossy();
    let added = b.cli(&["peer", "add", &file, "--as", "a", "--yes"]).await;
    added.expect_code(0);
    assert_eq!(names(b), None, "the thief's node is still let in");
    b.adds(a).await;
    assert_eq!(names(b), Some(false));
    federation.connected("a", "b").await;
    federation.stop().await;
}

fn thiefs_statement(a: &TestNode, stolen: &SecretKey, thief: &SecretKey) -> String {
    use liaison_node::cardfile::CardFile;
    use liaison_protocol::card::AgencyKeys;
    use liaison_protocol::record::kinds::Content;
    use liaison_protocol::record::kinds::keys::NodeKey;
    let card = a.card();
    let mut record = card.keys().expect("a statement").record().clone();
    if let Content::Keys(keys) = &mut record.content {
        keys.number = u64::MAX >> 1;
        keys.nodes = vec![NodeKey::claim(thief, a.agency, keys.number, Vec::new())];
    }
    let mut keys = AgencyKeys::new(a.agency);
    let parsed = SignedRecord::parse(card.card().bytes().clone()).expect("a card");
    let (_, parsed) = keys.learn(parsed).expect("a card");
    let signed = record.sign(stolen).expect("signs").verify(&keys);
    CardFile::new(parsed, Some(signed.expect("verifies"))).to_text()
}

/// A revocation that was seen once stays, whatever cards come later, from whomever.
#[tokio::test(flavor = "multi_thread")]
async fn e12_a_revocation_sticks() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let first = federation.dir().join("first.liaison");
    std::fs::copy(federation["a"].home.dir().join("card.liaison"), &first).expect("a copy");
    let stolen = signing(&federation["a"]);
    change(&federation["a"], "compromised").await;
    {
        let (a, b) = (&federation["a"], &federation["b"]);
        knows(b, a, |b| {
            matches!(state(b, a, &stolen), KeyState::Compromised(_))
        })
        .await;
        let first = first.to_string_lossy();
        let args = ["peer", "add", &first, "--as", "a", "--yes"];
        // Its statement is under the stolen key.
        b.cli(&args).await.expect_code(1);
    }
    federation.node("b").stop().await;
    federation.node("b").start().await;
    let (a, b) = (&federation["a"], &federation["b"]);
    assert!(matches!(state(b, a, &stolen), KeyState::Compromised(_)));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_the_revoke_all_card_ends_an_agency_everywhere() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let held = federation["a"].push(&trend("Held"), &[]).await;
    federation["b"].holds_all(&[held]).await;
    federation.settled().await;
    let apart = federation["a"].home.dir().join("keys/revoke-all.liaison");
    let apart = apart.to_string_lossy().into_owned();
    // Another agency's is refused.
    let args = ["keys", "revoke-all", &apart, "--yes"];
    let wrong = federation["b"].cli(&args).await.expect_code(1);
    assert!(
        wrong.err.contains("not the revoke-all card"),
        "{}",
        wrong.err
    );
    let old = signing(&federation["a"]);
    federation["a"].cli(&args).await.expect_code(0);
    {
        let (a, b) = (&federation["a"], &federation["b"]);
        knows(b, a, |b| state(b, a, &old) == KeyState::AllRevoked).await;
        let push = a.cli_in(&["push", "-"], &trend("After").to_string()).await;
        let push = push.expect_code(1);
        assert!(push.err.contains("revoked"), "{}", push.err);
        let linked = b.node().registry.linked();
        assert!(linked.iter().all(|l| l.agency != a.agency));
    }
    // It outlives a start, at both.
    for name in ["a", "b"] {
        federation.node(name).stop().await;
        federation.node(name).start().await;
        let (a, node) = (&federation["a"], &federation[name]);
        assert_eq!(state(node, a, &old), KeyState::AllRevoked, "{name}");
    }
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_root_key_in_its_safe_changes_of_the_card_ask_for_it() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let safe = federation.dir().join("root.key");
    let safe = safe.to_string_lossy().into_owned();
    let a = &federation["a"];
    let removed = a.cli(&["keys", "root", "remove", "--to", &safe]).await;
    removed.expect_code(0);
    assert!(!a.home.has_root());
    for args in [
        vec!["card", "edit", "--name", "a"],
        vec!["keys", "rotate", "--yes"],
        vec!["keys", "compromised", "--yes"],
    ] {
        let refused = a.cli(&args).await.expect_code(1);
        assert!(refused.err.contains("--root FILE"), "{}", refused.err);
        let wrong = federation["b"].home.dir().join("keys/root.key");
        let wrong = wrong.to_string_lossy();
        let wrong = [&args[..], &["--root", &wrong]].concat();
        let refused = a.cli(&wrong).await.expect_code(1);
        assert!(refused.err.contains("another agency"), "{}", refused.err);
        let right = [&args[..], &["--root", &safe]].concat();
        a.cli(&right).await.expect_code(0);
    }
    assert!(!a.home.has_root(), "it came back into the home");
    let again = a.push(&trend("After"), &[]).await;
    federation["b"].holds_all(&[again]).await;
    federation.stop().await;
}

/// Signs a statement in a node's name with some key.
pub fn sign(
    key: &SecretKey,
    author: &TestNode,
    (fields, content): (
        liaison_protocol::record::envelope::Fields,
        liaison_protocol::record::kinds::Content,
    ),
    created: liaison_protocol::clock::Hlc,
) -> SignedRecord {
    liaison_protocol::record::signed::Record::new(author.agency, created, fields, content)
        .sign(key)
        .expect("signs")
}

/// Waits until a record has been marked at a node, and shows it.
pub async fn marked(node: &TestNode, id: &RecordId) -> String {
    let patience = std::time::Instant::now() + PATIENCE;
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("held");
    loop {
        let header = store.header(arrival).expect("store").expect("a header");
        if header.flags.contains(Flags::KEY_LOST) {
            return node.cli(&["show", &id.full()]).await.expect_code(0).out;
        }
        assert!(std::time::Instant::now() < patience, "it is never marked");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_what_is_held_is_marked_until_its_author_affirms_it() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let ours = federation["a"].push(&trend("Ours"), &[]).await;
    let other = federation["a"].push(&trend("Perhaps a thief's"), &[]).await;
    federation["b"].holds_all(&[ours, other]).await;
    federation.settled().await;
    change(&federation["a"], "compromised").await;
    for name in ["a", "b"] {
        let shown = marked(&federation[name], &ours).await;
        assert!(shown.contains("a thief may have made it"), "{shown}");
    }
    let rows = federation["b"].cli(&["query", "kind:trend"]).await;
    assert!(rows.out.contains("(key compromised)"), "{}", rows.out);
    // Neither a figure nor a table elsewhere hides it.
    let csv = federation["b"].cli(&["query", "kind:trend", "--csv"]).await;
    let marks: Vec<&str> = csv
        .out
        .lines()
        .filter_map(|line| line.rsplit(',').next())
        .collect();
    assert_eq!(marks, ["key", "compromised", "compromised"], "{}", csv.out);
    for figure in [&["--sum"][..], &["--by", "kind"], &["--count"]] {
        let args = [&["query", "kind:trend"], figure].concat();
        let counted = federation["b"].json(&args).await;
        let notes = counted["notes"].to_string();
        assert!(notes.contains("2 of the records counted here"), "{counted}");
    }

    // Nobody takes them anew: whoever holds them does not offer them.
    federation.add("c", "border", "QN").await;
    federation["c"].policy(OPEN).await;
    federation.link("b", "c").await;
    federation["c"].adds(&federation["a"]).await;
    federation.settled().await;
    assert!(federation["c"].holds().is_empty());
    let why = federation["b"].json(&["why", &ours.full(), "c"]).await;
    assert_eq!(why["decision"]["gate"], "key", "{why}");

    // Its author affirms one of them: it is shown as such, and goes on to others.
    let affirmed = federation["a"]
        .json(&["keys", "affirm", &ours.full(), "--yes"])
        .await;
    assert_eq!(affirmed["affirmed"], 1, "{affirmed}");
    federation["c"].holds_all(&[ours]).await;
    federation.settled().await;
    assert!(!federation["c"].holds().contains(&other));
    for name in ["a", "b", "c"] {
        let shown = marked(&federation[name], &ours).await;
        assert!(shown.contains("has affirmed"), "{name}: {shown}");
    }
    // Also after a start.
    federation.node("b").stop().await;
    federation.node("b").start().await;
    let row = federation["b"].json(&["show", &ours.full()]).await;
    assert_eq!(row["key_state"], "affirmed", "{row}");
    let row = federation["b"].json(&["show", &other.full()]).await;
    assert_eq!(row["key_state"], "compromised", "{row}");
    let counted = federation["b"]
        .json(&["query", "kind:trend", "--sum"])
        .await;
    let notes = counted["notes"].to_string();
    assert!(notes.contains("1 of the records counted here"), "{counted}");

    // The rest by a day; what is affirmed already is left out.
    let all = ["keys", "affirm", "--all-before", "2999-01-01", "--yes"];
    let affirmed = federation["a"].json(&all).await;
    assert_eq!(affirmed["affirmed"], 1, "{affirmed}");
    federation["c"].holds_all(&[ours, other]).await;
    federation.stop().await;
}

/// Whoever stole the key after the one that was stolen affirms much under it; what the author
/// says under the third key counts all the same.
#[tokio::test(flavor = "multi_thread")]
async fn e12_a_thiefs_affirmations_crowd_out_none_of_the_authors() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let mut relay = RawPeer::new(federation.dir(), "relay").await;
    relay.link(&federation["b"]).await;
    let ours = federation["a"].push(&trend("Ours"), &[]).await;
    federation["b"].holds_all(&[ours]).await;
    let first = signing(&federation["a"]);
    // Before what a signs next: newer ones that b holds would stop a, as after a restore.
    let thefts = SystemClock.now().0 - 1_000;
    change(&federation["a"], "compromised").await;
    let (a, b) = (&federation["a"], &federation["b"]);
    marked(b, &ours).await;
    let stolen = signing(a);
    let mut to_b = relay.sender(b).await;
    for n in 0..AFFIRMATIONS_PER_RECORD + 1 {
        let (fields, _) = relay.statement(&trend("Affirmation"));
        let content = Content::from(Affirm {
            key: first.public(),
            records: [ours].into(),
        });
        let at = Hlc::new(Millis(thefts + n as u64), 0);
        let affirmation = sign(&stolen, a, (fields, content), at);
        assert_eq!(to_b.give(&affirmation).await, Answer::Stored);
    }
    let known = b.node().registry.affirmations(&a.agency, &ours);
    assert_eq!(known.len(), AFFIRMATIONS_PER_RECORD, "and no more memory");

    change(a, "compromised").await;
    knows(b, a, |b| {
        matches!(state(b, a, &stolen), KeyState::Compromised(_))
    })
    .await;
    assert_eq!(b.node().registry.affirmations(&a.agency, &ours), []);
    let affirmed = a.json(&["keys", "affirm", &ours.full(), "--yes"]).await;
    assert_eq!(affirmed["affirmed"], 1, "{affirmed}");
    federation.add("c", "border", "QN").await;
    federation["c"].policy(OPEN).await;
    federation["c"].adds(&federation["a"]).await;
    federation.link("b", "c").await;
    federation["c"].holds_all(&[ours]).await;
    federation.stop().await;
}

/// A permit that a thief signed opens nothing once the key is known as compromised, neither at
/// a holder nor in the eyes of whom it names.
#[tokio::test(flavor = "multi_thread")]
async fn e12_a_permit_under_a_compromised_key_opens_nothing() {
    let mut federation = chain().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let stolen = signing(a);
    let id = a.push(&amber("Quittenmarke"), &[]).await;
    b.holds_all(&[id]).await;
    federation.settled().await;
    let mut relay = RawPeer::new(federation.dir(), "relay").await;
    relay.link(b).await;
    relay.link(c).await;
    // After the links: a change of peers would connect them again.
    federation.cut("b", "c").await;
    let (fields, _) = relay.statement(&trend("Permit"));
    let content = Content::from(Permit {
        of: id,
        to: [b.agency, c.agency, relay.agency].into(),
        until: Millis(SystemClock.now().0 + 24 * 3_600_000),
    });
    let permit = sign(&stolen, a, (fields, content), raw::from_now(0));
    let (mut to_b, mut to_c) = (relay.sender(b).await, relay.sender(c).await);
    assert_eq!(to_b.give(&permit).await, Answer::Stored);
    assert_eq!(to_c.give(&permit).await, Answer::Stored);
    let why = b.json(&["why", &id.full(), "relay"]).await;
    assert_eq!(
        why["decision"]["allow"], true,
        "the key stands so far: {why}"
    );

    change(a, "compromised").await;
    let lost = |of: &TestNode| matches!(state(of, a, &stolen), KeyState::Compromised(_));
    knows(b, a, lost).await;
    // The author says that the record is its own; of the permit it knows nothing.
    a.json(&["keys", "affirm", &id.full(), "--yes"]).await;
    says(b, &["show", &id.full()], |s| s["key_state"] == "affirmed").await;
    let shown = b.json(&["show", &id.full()]).await;
    assert_eq!(shown["leave"][0]["state"], "key-compromised", "{shown}");
    let why = b.json(&["why", &id.full(), "relay"]).await;
    assert_eq!(why["decision"]["allow"], false, "{why}");
    c.adds(a).await;
    federation.mend("b", "c").await;
    let free = a.push(&trend("Free to go"), &[]).await;
    c.holds_all(&[free]).await;
    assert!(!c.holds().contains(&id));
    // Nor would c take it from another who thinks so.
    let affirmation = b.node().registry.affirmations(&a.agency, &id)[0];
    let affirmation = raw::stored(b, &affirmation);
    assert_eq!(to_c.give(&affirmation).await, Answer::Stored);
    let answer = to_c.give(&raw::stored(b, &id)).await;
    assert_eq!(answer, Answer::Refused(Refused::Handling));
    federation.stop().await;
}

/// An agency that names another's node as its own would be taken for it by whoever links it
/// first.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_key_is_nobodys_without_its_own_word() {
    use liaison_protocol::record::kinds::Content;
    use liaison_protocol::record::kinds::keys::{NodeKey, NodeProof};
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let mut c = RawPeer::new(federation.dir(), "c").await;
    c.link(&federation["b"]).await;
    let (a, b) = (&federation["a"], &federation["b"]);
    let theirs = a.card().statement().expect("a statement").nodes[0].clone();
    let statement = c.card_records().pop().expect("a statement");
    let mut stream = c.sender(b).await;
    for proof in [theirs.proof, NodeProof::from_bytes([0; 64])] {
        let mut record = statement.unverified().clone();
        if let Content::Keys(keys) = &mut record.content {
            keys.number += 1;
            keys.nodes = vec![NodeKey {
                proof,
                ..theirs.clone()
            }];
        }
        let claim = record.sign(&c.signing()).expect("signs");
        let answer = stream.give(&claim).await;
        assert_eq!(answer, Answer::Refused(Refused::Signature));
    }
    let linked = b.node().registry.linked();
    let of = |agency| linked.iter().find(|l| l.agency == agency).expect("linked");
    assert_ne!(of(c.agency).node_keys, of(a.agency).node_keys);
    federation.stop().await;
}

/// Of two statements the newer one is kept, also on the disk, whichever file is added last.
#[tokio::test(flavor = "multi_thread")]
async fn e12_an_old_card_file_brings_no_old_statement_back() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let old = federation.dir().join("old.liaison");
    let card = federation["a"].home.dir().join("card.liaison");
    std::fs::copy(card, &old).expect("copied");
    let number = |federation: &Federation| {
        let registry = &federation["b"].node().registry;
        let a = registry.agency(&federation["a"].agency).expect("known");
        a.statement_body().expect("a statement").number
    };
    let before = number(&federation);
    change(&federation["a"], "rotate").await;
    federation.settled().await;
    let newer = number(&federation);
    assert!(newer > before);
    let old = old.to_string_lossy();
    let added = ["peer", "add", &old, "--as", "a", "--yes"];
    federation["b"].cli(&added).await.expect_code(0);
    assert_eq!(number(&federation), newer);
    federation.node("b").stop().await;
    federation.node("b").start().await;
    assert_eq!(number(&federation), newer);
    federation.connected("a", "b").await;
    federation.stop().await;
}

/// Where the card is lost, a new node would overwrite the only copy of the root key.
#[tokio::test(flavor = "multi_thread")]
async fn a_home_with_keys_and_no_card_is_not_made_anew() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation.stop().await;
    let a = &federation["a"];
    let root = a.home.dir().join("keys/root.key");
    let before = std::fs::read(&root).expect("a root key");
    std::fs::remove_file(a.home.dir().join("card.liaison")).expect("lost");
    let init = [
        "init",
        "--name",
        "Again",
        "--country",
        "QN",
        "--sector",
        "border",
    ];
    let refused = a.cli(&init).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.err.contains("no card.liaison"), "{refused:?}");
    assert_eq!(std::fs::read(&root).expect("a root key"), before);
}
