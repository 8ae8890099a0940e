//! The sealed plane on real nodes: who gets a sealed record, what opens it, and what is left of
//! it when it is taken back.

use bytes::Bytes;
use liaison_node::ingest::{IngestFault, Sealing};
use liaison_node::share::Gate;
use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::personal::Part;
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::seal::{Secret, frame};
use liaison_tests::federation::OPEN;
use liaison_tests::raw::RawPeer;
use liaison_tests::sealed::{
    assessment, closed, created, files_with, has_bytes, inside, marked, name_in, opens, profile,
    seal, sealing_key, stands_in, with_text_of, wrap,
};
use liaison_tests::{Federation, TestNode};

use crate::doctor::copy;
use crate::expiry::{MINUTE, is_expired, shortly_before_midnight, swept};
use crate::set_back::pair;

const NAME: &str = "Quittenmarke Zwetschge";
const NOTE: &str = "Holundermarke Sanddorn";

const NO_KEY: Answer = Answer::Later(Later::NoKey);

#[tokio::test(flavor = "multi_thread")]
async fn e36_a_sealed_record_reaches_its_recipient_and_nobody_else_not_even_its_id() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let name = seal(a, &[b], marked(NAME)).await;
    let note = seal(
        a,
        &[b],
        inside(Part::Assessment(Box::new(assessment(NOTE)))),
    )
    .await;
    let open = seal(a, &[b, c], inside(Part::Profile(Box::new(profile())))).await;
    for id in [&name, &note, &open] {
        opens(b, id).await;
    }
    opens(c, &open).await;
    federation.settled().await;

    assert_eq!(name_in(b, &name).as_deref(), Some(NAME));
    assert_eq!(
        name_in(a, &name).as_deref(),
        Some(NAME),
        "its author's own copy"
    );
    for id in [&name, &note] {
        assert!(c.node().store.arrival_of(id).expect("store").is_none());
        assert!(!c.holds().contains(id));
        for other in [a, b] {
            assert!(
                !other.tap.sent_contains(&c.agency, id.as_bytes()),
                "{} told c an id",
                other.name
            );
        }
        // Nobody but a lets it go: b's repair with c names it as little.
        c.cli(&["show", &id.full()]).await.expect_code(1);
    }
    // In clear on no wire, and on nobody's disk.
    for node in [a, b, c] {
        for frame in node.tap.frames() {
            for word in [NAME, NOTE] {
                assert!(!stands_in(&frame.body, word.as_bytes()), "{frame:?}");
            }
        }
    }
    let words = [NAME, NOTE, "Zwetschge", "Sanddorn"];
    assert_eq!(files_with(federation.dir(), &words), Vec::<String>::new());
    federation.stop().await;
    assert_eq!(files_with(federation.dir(), &words), Vec::<String>::new());
    // And it opens again after a start, from store and keyring alone.
    federation.node("b").start().await;
    assert_eq!(name_in(&federation["b"], &name).as_deref(), Some(NAME));
    // Of what stands inside, no list of records and no audit line tells.
    let b = &federation["b"];
    for command in [
        &["query", "--new"][..],
        &["query", "Quittenmarke"],
        &["query", "kind:trend"],
        &["audit", "log"],
        &["status"],
    ] {
        let said = b.cli(&[command, &["--json"]].concat()).await;
        let said = said.expect_code(0);
        for word in ["victim-referral", "identity", "assessment", NAME] {
            assert!(!said.out.contains(word), "{command:?}: {}", said.out);
        }
    }
}

/// A raw peer and the node that it seals to.
async fn raw_and_node(federation: &mut Federation) -> RawPeer {
    federation.add("b", "ngo", "QN").await;
    federation["b"].policy(OPEN).await;
    let mut raw = RawPeer::new(federation.dir(), "raw").await;
    raw.link(&federation["b"]).await;
    raw
}

/// A sealed record of a raw peer, as it goes to a node.
struct Sealed {
    record: SignedRecord,
    secret: Secret,
    id: RecordId,
    created: Hlc,
    frame: Bytes,
}

fn sealed_by(raw: &RawPeer, node: &TestNode) -> Sealed {
    let (record, secret) = raw.seal(&[node.agency], &marked(NAME));
    let id = record.id();
    Sealed {
        created: created(&record),
        frame: frame::join(record.bytes(), &wrap(&secret, node, &id)),
        record,
        secret,
        id,
    }
}

/// Takes it back, as its author's officer does.
async fn retract(node: &TestNode, id: &RecordId) {
    let id = id.full();
    let retract = ["retract", &id, "--reason", "consent-withdrawn", "--yes"];
    node.cli(&retract).await.expect_code(0);
}

fn nothing_is_kept(node: &TestNode, id: &RecordId) {
    let vault = &node.node().vault;
    assert!(vault.gist(id).is_none());
    assert!(!vault.keyring().holds(id), "a key was kept");
    assert!(!has_bytes(node, id), "bytes were kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_open_leaves_nothing_behind_and_the_right_one_is_taken_later() {
    let mut federation = Federation::new();
    let raw = raw_and_node(&mut federation).await;
    let b = &federation["b"];
    let mut out = raw.sender(b).await;
    let (record, secret) = raw.seal(&[b.agency], &marked(NAME));
    let (id, at) = (record.id(), created(&record));
    let (other, other_secret) = raw.seal(&[b.agency], &marked("Other"));

    let mut wrong = wrap(&secret, b, &id).to_bytes();
    *wrong.last_mut().expect("bytes") ^= 1;
    let right = wrap(&secret, b, &id);
    let for_other_record = wrap(&secret, b, &other.id());
    let of_other_secret = wrap(&other_secret, b, &id);
    let to_another = sealing_key(b)
        .wrap(&secret, &raw.agency, &id, &mut rand::rng())
        .expect("a key");
    let joined = |wrap| frame::join(record.bytes(), wrap);
    let broken = [
        record.bytes().as_ref(),
        &joined(&right)[record.bytes().len()..][..3],
        &wrong,
    ]
    .concat();
    let cases: [(&str, Vec<u8>, Answer); 6] = [
        ("no wrap", record.bytes().to_vec(), NO_KEY),
        ("a bit is wrong", broken, NO_KEY),
        (
            "for another record",
            joined(&for_other_record).to_vec(),
            NO_KEY,
        ),
        (
            "of another secret",
            joined(&of_other_secret).to_vec(),
            NO_KEY,
        ),
        ("to another agency", joined(&to_another).to_vec(), NO_KEY),
        (
            "half a wrap",
            joined(&right)[..record.bytes().len() + 100].to_vec(),
            Answer::Refused(Refused::Form),
        ),
    ];
    for (what, bytes, expected) in cases {
        // Wanted each time anew: a good id is not poisoned by a wrap that nobody signed.
        let (wanted, answer) = out.deliver(id, at, &bytes).await;
        assert_eq!((wanted, answer), (true, expected), "{what}");
        nothing_is_kept(b, &id);
    }
    let (wanted, answer) = out.deliver(id, at, &joined(&right)).await;
    assert_eq!((wanted, answer), (true, Answer::Stored));
    opens(b, &id).await;
    assert_eq!(name_in(b, &id).as_deref(), Some(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_to_others_or_broken_inside_is_refused() {
    let mut federation = Federation::new();
    let raw = raw_and_node(&mut federation).await;
    let b = &federation["b"];
    let mut out = raw.sender(b).await;
    // Not addressed to b, although its wrap would open.
    let stranger = federation.dir().join("stranger");
    let stranger = RawPeer::new(&stranger, "stranger").await;
    let (record, secret) = raw.seal(&[stranger.agency], &marked(NAME));
    let bytes = frame::join(record.bytes(), &wrap(&secret, b, &record.id()));
    let answer = out.deliver(record.id(), created(&record), &bytes).await.1;
    assert_eq!(answer, Answer::Refused(Refused::Handling));
    nothing_is_kept(b, &record.id());

    // Another's ciphertext under its stub: the author's node sealed it wrongly.
    let (one, secret) = raw.seal(&[b.agency], &marked(NAME));
    let (two, _) = raw.seal(&[b.agency], &marked("Other"));
    let swapped = with_text_of(&raw, &one, &two);
    let bytes = frame::join(swapped.bytes(), &wrap(&secret, b, &swapped.id()));
    let answer = out.deliver(swapped.id(), created(&swapped), &bytes).await.1;
    assert_eq!(answer, Answer::Refused(Refused::Form));
    nothing_is_kept(b, &swapped.id());

    // Swapped on the way, under the author's signature: not its word.
    let honest = frame::join(one.bytes(), &wrap(&secret, b, &one.id()));
    let mut changed = honest.to_vec();
    let middle = one.bytes().len() / 2;
    changed[middle] ^= 1;
    let answer = out.deliver(one.id(), created(&one), &changed).await.1;
    assert!(matches!(answer, Answer::Refused(_)), "{answer}");
    nothing_is_kept(b, &one.id());
    let answer = out.deliver(one.id(), created(&one), &honest).await.1;
    assert_eq!(answer, Answer::Stored, "it poisons nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_retraction_destroys_the_key_at_every_holder_and_e16_it_does_not_come_back() {
    let mut federation = Federation::new();
    let raw = raw_and_node(&mut federation).await;
    federation.add("a", "border", "QN").await;
    federation.link("a", "b").await;
    federation["a"].policy(OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    retract(a, &id).await;
    closed(b, &id).await;
    crate::withdrawal::until(a, &id, "b erased it", |view| {
        let recipients = view["recipients"].as_array().expect("recipients");
        recipients
            .iter()
            .any(|r| r["peer"] == "b" && r["state"] == "erased")
    })
    .await;
    for node in [a, b] {
        nothing_is_kept(node, &id);
        assert_eq!(name_in(node, &id), None);
    }
    // From the wire once more, as somebody who recorded it would send it.
    let again = sealed_by(&raw, b);
    let id = again.id;
    let mut out = raw.sender(b).await;
    let stored = out.deliver(id, again.created, &again.frame).await.1;
    assert_eq!(stored, Answer::Stored);
    let statement = raw.retraction(id, &again.record.unverified().envelope.fields);
    assert_eq!(out.give(&raw.sign(statement)).await, Answer::Stored);
    closed(b, &id).await;
    nothing_is_kept(b, &id);
    let refused = out.deliver(id, again.created, &again.frame).await.1;
    assert_eq!(refused, Answer::Refused(Refused::Retracted));
    nothing_is_kept(b, &id);
    federation.node("b").stop().await;
    federation.node("b").start().await;
    nothing_is_kept(&federation["b"], &id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_between_key_and_record_repairs_itself_whichever_came_first() {
    let mut federation = Federation::new();
    let raw = raw_and_node(&mut federation).await;
    let b = &federation["b"];
    let mut out = raw.sender(b).await;
    // The record was erased, and the node was killed before its key was.
    let sealed = sealed_by(&raw, b);
    let gone = sealed.id;
    let stored = out.deliver(gone, sealed.created, &sealed.frame).await.1;
    assert_eq!(stored, Answer::Stored);
    let entry = b
        .node()
        .vault
        .keyring()
        .get(&gone)
        .expect("keyring")
        .expect("a key");
    let statement = raw.retraction(gone, &sealed.record.unverified().envelope.fields);
    assert_eq!(out.give(&raw.sign(statement)).await, Answer::Stored);
    closed(b, &gone).await;
    b.node().vault.keyring().put(&entry).expect("put back");
    // The key was kept, and the node was killed before the record was committed.
    let sealed = sealed_by(&raw, b);
    let kept = sealed.id;
    let mut early = entry.clone();
    (early.id, early.thread, early.secret) = (kept, kept, sealed.secret.clone());
    b.node().vault.keyring().put(&early).expect("kept");

    federation.node("b").stop().await;
    federation.node("b").start().await;
    let b = &federation["b"];
    nothing_is_kept(b, &gone);
    assert!(
        b.node().vault.gist(&kept).is_none(),
        "a key alone opens nothing"
    );
    b.connected_to(&raw.agency).await;
    let mut out = raw.sender(b).await;
    let stored = out.deliver(kept, sealed.created, &sealed.frame).await.1;
    assert_eq!(stored, Answer::Stored);
    assert_eq!(name_in(b, &kept).as_deref(), Some(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sealed_to_whom_the_person_is_kept_from_and_release_looks_again() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    federation.add("police", "police", "QM").await;
    federation.add("shelter", "ngo", "QM").await;
    for name in ["police", "shelter"] {
        federation.link("a", name).await;
        federation[name].policy(OPEN).await;
    }
    federation["a"].policy(OPEN).await;
    let [a, police, shelter] = ["a", "police", "shelter"].map(|n| &federation[n]);
    let kept_from_qm = || {
        let mut inside = marked(NAME);
        inside.exclude = ["QM".parse().expect("country")].into();
        inside
    };
    let statement = Sealing {
        inside: kept_from_qm(),
        recipients: [shelter.agency, police.agency].into(),
        thread: None,
        respond_by: None,
    };
    let before = a.node().store.last();
    let fault = a.node().ingest.seal(vec![statement], Vec::new()).await;
    let fault = fault.expect_err("an authority of QM");
    assert!(matches!(&fault, IngestFault::Barred { recipient, .. } if recipient == "police"));
    assert!(fault.to_string().contains("REF-04"), "{fault}");
    assert_eq!(a.node().store.last(), before, "nothing was stored");
    // A shelter there is no authority.
    let id = seal(a, &[shelter], kept_from_qm()).await;
    opens(shelter, &id).await;
    let store = &a.node().store;
    let arrival = store.arrival_of(&id).expect("store").expect("held");
    let header = store.header(arrival).expect("store").expect("held");
    let (decided, words) = a
        .node()
        .share
        .explain(&police.agency, arrival, &header)
        .expect("explained");
    assert!(!decided.allow);
    let barred = words
        .iter()
        .find(|w| w.gate == Gate::Exclude)
        .expect("asked");
    assert!(!barred.allow && barred.says.contains("QM"), "{barred:?}");
    let unsealed = words
        .iter()
        .find(|w| w.gate == Gate::Audience)
        .expect("asked");
    assert!(!unsealed.allow);
    federation.settled().await;
    assert!(!a.tap.sent_contains(&police.agency, id.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retired_sealing_key_would_have_opened_is_wrapped_anew_to_the_next() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    // b deletes its key, and a does not know yet.
    let now = b.node().clock.now();
    b.node().vault.keyring().retire_all(now).expect("retired");
    let id = seal(a, &[b], marked(NAME)).await;
    let arrival = a
        .node()
        .store
        .arrival_of(&id)
        .expect("store")
        .expect("held");
    let mut answers = a.node().sync.peers().of(&b.agency).answers();
    let line = || {
        a.node()
            .store
            .ledger_entry(&b.agency, arrival)
            .expect("store")
    };
    while line().and_then(|l| l.answer) != Some(NO_KEY) {
        tokio::time::timeout(liaison_tests::federation::PATIENCE, answers.recv())
            .await
            .expect("an answer")
            .expect("an answer");
    }
    nothing_is_kept(b, &id);
    // The next statement tells a of the new key.
    let sealing = b.node().vault.keyring().listed(now);
    // Its node may have made it by now.
    let (card, _) = b.home.renew_keys(sealing, None, now).expect("a statement");
    b.node().take_card(&card).await.expect("taken in");
    opens(b, &id).await;
    assert_eq!(name_in(b, &id).as_deref(), Some(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn e19_what_ends_under_seal_loses_its_key_when_its_day_is_over_everywhere() {
    let (mut federation, clock, today) = shortly_before_midnight(&["a", "b"]).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let mut ending = marked(NAME);
    ending.fields.expires = Some(today);
    let id = seal(a, &[b], ending).await;
    let mut staying = marked(NAME);
    staying.fields.expires = Some(today.add_days(40));
    let stays = seal(a, &[b], staying).await;
    opens(b, &id).await;
    opens(b, &stays).await;
    federation.settled().await;
    clock.advance(10 * MINUTE);
    for node in [a, b] {
        swept(node, 1).await;
        closed(node, &id).await;
        assert!(is_expired(node, &id));
        assert_eq!(name_in(node, &id), None);
        assert_eq!(name_in(node, &stays).as_deref(), Some(NAME));
    }
    federation.stop().await;
    for name in ["a", "b"] {
        federation.node(name).start().await;
        nothing_is_kept(&federation[name], &id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_a_home_put_back_from_a_copy_loses_the_key_again_once_it_hears_of_the_retraction() {
    let mut federation = pair("127.7.31").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = seal(a, &[b], marked(NAME)).await;
    opens(b, &id).await;
    federation.settled().await;
    federation.node("b").stop().await;
    let home = federation["b"].home.dir().to_owned();
    let earlier = home.with_file_name("earlier");
    copy(&home, &earlier);
    let _none = std::fs::remove_file(earlier.join("liaison.sock"));
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    retract(a, &id).await;
    closed(b, &id).await;
    federation.settled().await;
    federation.node("b").stop().await;
    std::fs::remove_dir_all(&home).expect("removed");
    std::fs::rename(&earlier, &home).expect("put back");
    federation.node("b").start().await;
    let b = &federation["b"];
    closed(b, &id).await;
    nothing_is_kept(b, &id);
    assert_eq!(name_in(b, &id), None);
}
