//! Peers and hubs that keep no rules, against real nodes: each ends at its own door, nothing leaks
//! and nothing is lost beyond what a hub can withhold, and no memory grows with what they send.
//!
//! A hub, here:
//!
//! | it | test |
//! |---|---|
//! | says what it was not asked, announces too much or twice, sends other bytes, cuts short, oversizes | `a_hub_that_breaks_the_protocol_is_named…` |
//! | swaps, changes, replays, reorders parcels, lies about who deposited | `a_hub_that_tampers_with_parcels…` |
//! | keeps what it was told to discard | `e13_what_a_hub_was_told_to_discard…` |
//! | withholds, loses, acknowledges falsely | `a_hub_that_withholds_or_loses…` |
//! | keeps silent, lists without end | `a_hub_that_says_nothing_or_too_much…` |
//!
//! A peer: what is not here is shown elsewhere.
//!
//! | it | test |
//! |---|---|
//! | replays, reorders, oversizes, speaks out of turn as a sender | `bad_input::a_peer_that_breaks_the_protocol_is_named_and_the_others_go_on` |
//! | sends bad, changed or replayed records | `bad_input::a_bad_record_is_refused_alone_and_its_id_is_not_poisoned`, `integrity::e6_…` |
//! | floods with records | `answers::`, quota; with streams: `swarm::…::a_peer_that_opens_too_many_streams…` |
//! | is a slow loris | `bad_input::a_silent_peer_is_not_waited_for_for_ever`, `swarm::frame::…::a_frame_that_begins_must_end…`, `…::a_peer_that_takes_nothing_is_given_up` |
//! | wants under a policy that is over | `withdrawal::e14_a_release_under_way_does_not_outlive_its_list`, `sync::a_narrower_policy_stops_what_is_under_way` |
//! | guesses and replays wants and ids | `sharing::e10_…` |
//! | retracts or amends in another's name | `retraction::e17_only_the_author_can_retract_or_amend` |
//! | answers and wants out of turn as a receiver | `malice_peer::a_peer_that_answers_out_of_turn…` |
//! | tells in a parcel what became of records that it was never given | `an_answer_to_what_was_never_released…` |
//! | forges receipts | `malice_peer::a_forged_receipt…` |
//! | lies in a repair | `malice_peer::a_peer_that_lies_in_a_repair…`; in `protocol`: `wire::properties::no_sequence_of_messages_breaks_a_repair`, `wire::repair::tests` |

use std::sync::Arc;
use std::time::Duration;

use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::{HOLDING_MS, PARCEL_WORD_MS, SESSION_TICK_MS};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, ParcelId, RecordId};
use liaison_protocol::limits;
use liaison_protocol::parcel::{Cargo, Letter, Parcel};
use liaison_protocol::wire::mailbox::{Held, Message, Waiting};
use liaison_protocol::wire::{Hello, Message as Live, Speaks};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::RawPeer;
use liaison_tests::raw_hub::{Dealt, RawMailbox, held};
use liaison_tests::{Federation, TestNode, sealed};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

use crate::first::trend;

/// Two nodes that do not reach each other; `b` collects at a hub that is the test.
pub(crate) struct Site {
    pub(crate) federation: Federation,
    hub: RawPeer,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with_clock(None).await
    }

    async fn with_clock(clock: Option<Arc<ManualClock>>) -> Self {
        let mut federation = Federation::new();
        for name in ["a", "b"] {
            let node = federation.prepare(name, "border", "QN");
            let uses = if name == "b" { "use = [\"hub\"]\n" } else { "" };
            let config = format!("[hubs]\nafter_s = 1\n{uses}");
            std::fs::write(node.home.config_path(), config).expect("config");
            if let Some(clock) = &clock {
                node.with_clock(clock.clone());
            }
            node.start().await;
        }
        federation.link("a", "b").await;
        for name in ["a", "b"] {
            federation[name].policy(OPEN).await;
        }
        federation.settled().await;
        let mut hub = RawPeer::hub(federation.dir(), "hub").await;
        hub.link(&federation["b"]).await;
        hub.link(&federation["a"]).await;
        // A hears from B where it collects.
        let (a, b) = (federation["a"].node(), federation["b"].agency);
        let mut registry = a.registry.changes();
        let told = async {
            while !a.registry.hubs_of_peer(&b).contains(&hub.agency) {
                registry.changed().await.expect("it runs");
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        told.expect("a learns of b's hub");
        federation.cut("a", "b").await;
        Self { federation, hub }
    }

    pub(crate) fn a(&self) -> &TestNode {
        &self.federation["a"]
    }

    pub(crate) fn b(&self) -> &TestNode {
        &self.federation["b"]
    }

    pub(crate) async fn mailbox(&self, of: &str) -> RawMailbox<'_> {
        RawMailbox::open(&self.hub, &self.federation[of]).await
    }

    /// What a node says at the hub's door.
    fn fault(&self, at: &str) -> Option<String> {
        let faults = self.federation[at].node().parcels.faults();
        faults.get(&self.hub.agency).map(|fault| fault.says.clone())
    }

    /// The same, other than before: it stands there a moment after.
    async fn told(&self, at: &str, before: Option<String>) -> String {
        let told = async {
            loop {
                match self.fault(at) {
                    Some(says) if Some(&says) != before.as_ref() => return says,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        told.unwrap_or_else(|_| panic!("nothing new is told after {before:?}"))
    }

    /// What a's ledger says that b answered about a record.
    fn answered(&self, id: &RecordId) -> bool {
        let (store, b) = (&self.a().node().store, self.b().agency);
        let arrival = store.arrival_of(id).expect("store").expect("held");
        let line = store.ledger_entry(&b, arrival).expect("store");
        line.is_some_and(|line| line.answer.is_some())
    }
}

fn id(byte: u8) -> ParcelId {
    ParcelId::from_bytes([byte; 32])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_breaks_the_protocol_is_named_and_costs_nothing() {
    let mut site = Site::new().await;
    let from = site.a().agency;
    let waits = |byte: u8| {
        let size = 4096;
        let id = id(byte);
        Message::Waiting(Waiting { id, from, size }).encode()
    };
    let piece = |byte: u8, len: usize| {
        let bytes = vec![0; len];
        Message::Piece {
            id: id(byte),
            bytes,
        }
        .encode()
    };
    let stolen = Hello::new(Speaks::CURRENT, "raw", AgencyId::from_bytes([7; 32]));
    let rows = vec![held(2, from), held(2, from)];
    let unordered = Message::Held {
        parcels: rows,
        more: false,
    };
    let flood: Vec<Vec<u8>> = (0..=limits::WAITING_PARCELS as u8).map(waits).collect();
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("garbage",                vec![vec![0xff; 64]],                       "malformed message"),
        ("kept of nothing",        vec![Message::Kept(id(1)).encode()],        "'kept' for parcel"),
        ("a frame of 1 MiB",       vec![vec![0; 1 << 20]],                     "malformed message"),
        ("keep of nothing",        vec![Message::Keep(id(1)).encode()],        "'keep' for parcel"),
        ("gone of nothing",        vec![Message::Gone(id(1)).encode()],        "'gone' for parcel"),
        ("a piece unasked",        vec![piece(1, 100)],                        "'piece' for parcel"),
        ("two of one id",          vec![waits(1), waits(1)],                   "'waiting' for parcel"),
        ("65 at a time",           flood,                                      "65 parcels under way; it was granted 64"),
        ("a piece too large",      vec![waits(1), piece(1, 65_537)],           "65537 bytes in a piece"),
        ("cut short",              vec![waits(1), piece(1, 4095)],             "4095 bytes of parcel"),
        ("a parcel swapped",       vec![waits(1), piece(1, 4096)],             "other bytes than those of parcel"),
        ("discarded unasked",      vec![Message::Discarded(vec![true]).encode()], "'discarded' where"),
        ("a list out of order",    vec![unordered.encode()],                   "not in the order"),
        ("an agency's message",    vec![Message::Collect(64).encode()],        "'collect' where"),
        ("a live stream's",        vec![Live::Done.encode()],                  "message 10"),
        ("a second hello",         vec![Message::Hello(stolen).encode()],      "'hello' where"),
    ];
    let before_all = site.b().node().store.last();
    for (what, bodies, says) in cases {
        let before = site.fault("b");
        let mut stream = site.mailbox("b").await;
        stream.collects().await;
        for body in &bodies {
            // It may have hung up on us by now. A piece is sent once it was asked for.
            let heard = stream.send_body(body).await;
            let announced = matches!(Message::decode(body), Ok(Message::Waiting(_)));
            if heard && announced && bodies.len() == 2 {
                let _fetch = stream.next().await;
            }
        }
        stream.ended().await;
        let told = site.told("b", before).await;
        assert!(told.contains(says), "{what}: {told}");
        assert_eq!(site.b().node().store.last(), before_all, "{what}");
    }
    // And when it keeps the rules, it is used again.
    let record = site.a().push(&trend("After all"), &[]).await;
    let (deposit, parcel) = site.mailbox("a").await.deposited().await;
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    let dealt = to_b.hand(deposit.id, from, parcel.bytes()).await;
    assert_eq!(dealt, Dealt::Done);
    site.b().holds_all(&[record]).await;
    site.federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_tampers_with_parcels_is_named_and_gains_nothing() {
    let mut site = Site::new().await;
    let (a, hub) = (site.a().agency, site.hub.agency);
    let mut from_a = site.mailbox("a").await;
    let first = site.a().push(&trend("First"), &[]).await;
    let (one, right) = from_a.deposited().await;
    let second = site.a().push(&trend("Second"), &[]).await;
    let (two, later) = from_a.deposited().await;
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    let none = site.b().node().store.last();

    // Parcels of its own making, each under the id that its bytes have.
    let mut changed = right.bytes().to_vec();
    changed[3000] ^= 1;
    let changed = Parcel::from_bytes(changed.into()).expect("a length");
    let now = SystemClock.now();
    let forged = |from: AgencyId, to: AgencyId, door: &TestNode| {
        let record = site.hub.sign(site.hub.statement(&trend("Forged")));
        let created = record.unverified().envelope.created;
        let cargo = Cargo::record(record.id(), created, record.bytes().to_vec());
        let letter = Letter {
            from,
            to,
            number: 1,
            made: now,
            expires: Millis(now.0 + 86_400_000),
            contents: vec![cargo.expect("small")],
        };
        let keys = door.card();
        let keys = keys.statement().expect("a keys statement");
        let key = keys.sealing_at(now).expect("a sealing key");
        let mut rng = UnwrapErr(SysRng);
        Parcel::seal(&letter, &site.hub.signing(), key, &mut rng).expect("sealed")
    };
    let b = site.b().agency;
    let in_as_name = forged(a, b, site.b());
    let for_another = forged(hub, a, site.a());
    let to_another = forged(hub, a, site.b());
    let stranger = forged(AgencyId::from_bytes([7; 32]), b, site.b());
    #[rustfmt::skip]
    let cases: Vec<(&str, AgencyId, &Parcel, &str)> = vec![
        ("a bit changed",             a,   &changed,     "does not open with our key"),
        ("its own, in a's name",      a,   &in_as_name,  ""),
        ("a parcel for another",      hub, &for_another, "which is not ours"),
        ("a letter for another",      hub, &to_another,  "does not open with our key"),
        ("of nobody known",           a,   &stranger,    "which is no peer of ours"),
        ("another as its depositor",  hub, &right,       "deposited it, as the hub says"),
    ];
    for (what, depositor, parcel, says) in cases {
        let before = site.fault("b");
        let dealt = to_b.hand(parcel.id(), depositor, parcel.bytes()).await;
        // A key that a card to come may name: it is left, and nobody is blamed for what nobody
        // is proven to have signed.
        if says.is_empty() {
            assert_eq!(dealt, Dealt::Left, "{what}");
            assert!(!site.b().node().parcels.faults().contains_key(&a), "{what}");
            assert_eq!(site.b().node().store.last(), none, "{what}");
            continue;
        }
        assert_eq!(dealt, Dealt::Done, "{what}");
        let told = site.told("b", before).await;
        assert!(told.contains(says), "{what}: {told}");
        assert_eq!(site.b().node().store.last(), none, "{what}");
    }

    // The later one first: both are taken, and once each.
    for (deposit, parcel) in [(&two, &later), (&one, &right)] {
        assert_eq!(to_b.hand(deposit.id, a, parcel.bytes()).await, Dealt::Done);
    }
    site.b().holds_all(&[first, second]).await;
    let both = site.b().node().store.last();
    // It said that it deleted them: they are there again.
    let before = site.fault("b");
    assert_eq!(to_b.hand(one.id, a, right.bytes()).await, Dealt::Done);
    let told = site.told("b", before).await;
    assert!(told.contains("came before"), "{told}");
    assert_eq!(site.b().node().store.last(), both, "a replay");
    site.federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_what_was_never_released_counts_for_nothing() {
    let mut site = Site::new().await;
    let (a, hub) = (site.a().agency, site.hub.agency);
    let not_theirs = site.b().push(&trend("For A alone"), &["--to", "a"]).await;
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    let now = SystemClock.now();
    let letter = Letter {
        from: hub,
        to: site.b().agency,
        number: 1,
        made: now,
        expires: Millis(now.0 + 86_400_000),
        contents: vec![Cargo::Answers(vec![(not_theirs, Answer::Stored)])],
    };
    let card = site.b().card();
    let keys = card.statement().expect("a keys statement");
    let key = keys.sealing_at(now).expect("a sealing key");
    let mut rng = UnwrapErr(SysRng);
    let parcel = Parcel::seal(&letter, &site.hub.signing(), key, &mut rng).expect("sealed");
    let dealt = to_b.hand(parcel.id(), hub, parcel.bytes()).await;
    assert_eq!(dealt, Dealt::Done);
    let store = &site.b().node().store;
    let arrival = store.arrival_of(&not_theirs).expect("store").expect("held");
    for peer in [hub, a] {
        let line = store.ledger_entry(&peer, arrival).expect("store");
        let answer = line.and_then(|line| line.answer);
        assert_eq!(answer, None);
    }
    site.federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_what_a_hub_was_told_to_discard_is_refused_when_it_comes_all_the_same() {
    let mut site = Site::new().await;
    let a = site.a().agency;
    let mut from_a = site.mailbox("a").await;
    let stays = site.a().push(&trend("Stays"), &[]).await;
    let (first, old) = from_a.deposited().await;
    let goes = site.a().push(&trend("Goes"), &[]).await;
    let (second, withdrawn) = from_a.deposited().await;
    let args = ["retract", "--yes", &goes.full(), "--reason", "error"];
    site.a().cli(&args).await.expect_code(0);
    // In whatever order.
    let (third, new) = from_a.deposited().await;
    assert!(third.owed, "what takes back goes before others");
    from_a.discards(second.id).await;
    assert_eq!(from_a.discarded, [second.id], "the other one is left there");

    // It kept what it said that it discarded.
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    assert_eq!(to_b.hand(third.id, a, new.bytes()).await, Dealt::Done);
    assert_eq!(
        to_b.hand(second.id, a, withdrawn.bytes()).await,
        Dealt::Done
    );
    assert_eq!(to_b.hand(first.id, a, old.bytes()).await, Dealt::Done);
    site.b().holds_all(&[stays]).await;
    assert!(!site.b().holds().contains(&goes));
    assert!(!sealed::has_bytes(site.b(), &goes));
    site.federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_withholds_or_loses_costs_time_and_nothing_counts_as_delivered() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut site = Site::with_clock(Some(clock.clone())).await;
    let a = site.a().agency;
    let record = site.a().push(&trend("Patience"), &[]).await;
    // Long enough away.
    clock.advance(2_000);
    let mut from_a = site.mailbox("a").await;
    let (lost, hidden) = from_a.deposited().await;
    assert!(!site.answered(&record), "that a hub keeps it says nothing");
    // It said that it keeps it, and does not: the depositor asks, waits for the addressee's word,
    // and deposits it again.
    from_a.held.clear();
    let look = Duration::from_millis(2 * SESSION_TICK_MS);
    let mut looks = 0;
    let again = loop {
        clock.advance(HOLDING_MS.max(PARCEL_WORD_MS) + 1);
        if let Ok(deposit) = tokio::time::timeout(look, from_a.offered()).await {
            break deposit;
        }
        looks += 1;
        assert!(looks < 12, "what the hub lost is not sent again");
    };
    let (again, parcel) = from_a.kept(again).await;
    assert_ne!(again.id, lost.id);
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    assert_eq!(to_b.hand(again.id, a, parcel.bytes()).await, Dealt::Done);
    site.b().holds_all(&[record]).await;
    let once = site.b().node().store.last();
    assert!(!site.answered(&record), "that a hub gave it says nothing");
    // The lost one was only withheld.
    assert_eq!(to_b.hand(lost.id, a, hidden.bytes()).await, Dealt::Done);
    assert_eq!(site.b().node().store.last(), once, "it is held once");

    // What it withholds for ever comes when the two meet, and only then is it delivered.
    let other = site.a().push(&trend("Withheld"), &[]).await;
    from_a.deposited().await;
    assert!(!site.b().holds().contains(&other));
    site.federation.mend("a", "b").await;
    site.b().holds_all(&[record, other]).await;
    let answered = async {
        while !site.answered(&record) || !site.answered(&other) {
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(PATIENCE, answered).await;
    answered.expect("b says that it has them");
    site.federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_says_nothing_or_too_much_is_left() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut site = Site::with_clock(Some(clock.clone())).await;
    site.a().push(&trend("For nobody"), &[]).await;
    // Long enough away.
    clock.advance(2_000);
    let look = Duration::from_millis(2 * SESSION_TICK_MS);
    let stages: [(&str, &str); 2] = [
        (
            "says nothing to a deposit",
            "left whether it keeps a parcel out",
        ),
        (
            "takes it and says nothing",
            "left that it has kept a parcel out",
        ),
    ];
    for (what, says) in stages {
        let before = site.fault("a");
        let mut from_a = site.mailbox("a").await;
        match what {
            "says nothing to a deposit" => {
                from_a.offered().await;
            }
            _ => {
                let deposit = from_a.offered().await;
                from_a.taken(deposit).await;
            }
        }
        let mut looks = 0;
        loop {
            clock.advance(limits::DEPOSIT_MS + 1);
            match tokio::time::timeout(look, from_a.next()).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => looks += 1,
            }
            assert!(looks < 6, "{what}: it is waited for for ever");
        }
        let told = site.told("a", before).await;
        assert!(told.contains(says), "{what}: {told}");
    }
    // Pages without end, of parcels that nobody deposited.
    let mut from_a = site.mailbox("a").await;
    let (mut pages, mut number) = (0, 0u64);
    let page = limits::MAILBOX_IDS as u64;
    loop {
        match from_a.next().await {
            Some(Message::Holding(_)) => {
                let row = |n: u64| {
                    let mut bytes = [0; 32];
                    bytes[..8].copy_from_slice(&n.to_be_bytes());
                    Held {
                        id: ParcelId::from_bytes(bytes),
                        ..held(0, site.b().agency)
                    }
                };
                let parcels = (number + 1..=number + page).map(row).collect();
                (number, pages) = (number + page, pages + 1);
                let more = true;
                from_a.send(&Message::Held { parcels, more }).await;
            }
            // It has read enough, and does what it came for.
            Some(Message::Deposit(_)) => break,
            other => panic!("{other:?}"),
        }
        assert!(pages < 100, "it reads without end");
    }
    site.federation.stop().await;
}
