//! A linked peer that lies: in its answers, in its receipts, in a repair. The table of what else
//! peers and hubs try, and where it is shown, stands in `malice`.

use std::time::Duration;

use liaison_node::swarm::{Channel, FrameStream};
use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::limits::NOTICES_AT_ONCE;
use liaison_protocol::record::codes::{Kind, ReceiptWhat};
use liaison_protocol::record::kinds::{Content, Receipt};
use liaison_protocol::wire::repair::{Effect, Entry, Event, Initiator};
use liaison_protocol::wire::{Hello, Item, Message, Outcome, Speaks};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{RawPeer, RawStream, from_now};
use liaison_tests::{Federation, TestNode};

use crate::bad_input::{fault, told};
use crate::first::trend;
use crate::withdrawal::until;

/// A node and a rogue peer that it may have this record, and not that one.
async fn site() -> (Federation, RawPeer, RecordId, RecordId) {
    let mut federation = Federation::new();
    federation.add("node", "border", "QN").await;
    // Before it is linked: another policy would have the node begin a repair of its own, which the
    // rogue leaves unanswered.
    federation["node"].policy(OPEN).await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let open = node.push(&trend("Open"), &[]).await;
    let kept = node.push(&trend("Kept"), &["--to", ""]).await;
    (federation, rogue, open, kept)
}

/// The first offer of records that a node makes on its stream, and the stream; what proves an
/// agency is taken before. A stream that the node ends, to begin anew, is passed over.
async fn first_offer(rogue: &RawPeer, node: &TestNode) -> (RawStream, u64, Vec<Item>) {
    let about = |item: &Item| {
        let store = &node.node().store;
        let arrival = store.arrival_of(&item.id).expect("store").expect("held");
        let header = store.header(arrival).expect("store").expect("held");
        header.kind == liaison_node::kind::number(Kind::Trend)
    };
    loop {
        let mut stream = rogue.receiver(node).await;
        while let Some(message) = stream.next().await {
            let Message::Offer { batch, items } = message else {
                break;
            };
            if items.iter().all(about) {
                return (stream, batch, items);
            }
            let outcomes = vec![Outcome::Answered(Answer::Stored); items.len()];
            stream.send(&Message::Answers { batch, outcomes }).await;
        }
    }
}

/// Whatever a peer answers or wants out of turn ends the stream at its door, and counts as no
/// answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_out_of_turn_is_named_and_believed_nothing() {
    let (mut federation, rogue, open, _) = site().await;
    let node = &federation["node"];
    let answers = |batch: u64, outcomes: Vec<Outcome>| Message::Answers { batch, outcomes };
    let stored = Outcome::Answered(Answer::Stored);
    let want = |batch: u64, indices: Vec<u32>| Message::Want { batch, indices };
    let offer = Message::Offer {
        batch: 1,
        items: vec![Item {
            id: open,
            created: Hlc::ZERO,
            size: 9,
        }],
    };
    let records = Message::Records {
        batch: 1,
        first: 0,
        frames: vec![Some(vec![1])],
    };
    let flood = vec![Message::Time(from_now(0).wall()); NOTICES_AT_ONCE as usize + 8];
    // With the number of the batch on offer, and of its items.
    type Lie = Box<dyn Fn(u64, usize) -> Vec<Message> + Send>;
    #[rustfmt::skip]
    let cases: Vec<(&str, Lie, &str)> = vec![
        ("answers to nothing",  Box::new(move |_, n| vec![answers(99, vec![stored; n])]),      "batch 99, which is not open"),
        ("one answer too many", Box::new(move |b, n| vec![answers(b, vec![stored; n + 1])]),   "answers for the"),
        ("withdrawn by itself", Box::new(move |b, n| vec![answers(b, vec![Outcome::Withdrawn; n])]), "does not match what was sent"),
        ("wants what is not on offer", Box::new(move |b, n| vec![want(b, vec![n as u32])]),    "wanted item"),
        ("wants twice in one",  Box::new(move |b, _| vec![want(b, vec![0, 0])]),               "wanted item 0"),
        ("wants of nothing",    Box::new(move |_, _| vec![want(98, vec![0])]),                 "batch 98, which is not open"),
        ("offers",              Box::new(move |_, _| vec![offer.clone()]),                     "'offer' where"),
        ("sends records",       Box::new(move |_, _| vec![records.clone()]),                   "'records' where"),
        ("a flood of notices",  Box::new(move |_, _| flood.clone()),                           "notices under way"),
    ];
    for (what, lie, says) in cases {
        let before = fault(node, &rogue);
        // Whatever is offered first; each is answered only by the lie.
        let (mut stream, batch, items) = first_offer(&rogue, node).await;
        for message in lie(batch, items.len()) {
            // It may have hung up on us by now.
            if !stream.try_send(&message).await {
                break;
            }
        }
        while stream.next().await.is_some() {}
        let told = told(node, &rogue, before).await;
        assert!(told.contains(says), "{what}: {told}");
        let store = &node.node().store;
        let arrival = store.arrival_of(&open).expect("store").expect("held");
        let line = store.ledger_entry(&rogue.agency, arrival).expect("store");
        assert!(line.is_none_or(|line| line.answer.is_none()), "{what}");
    }
    federation.stop().await;
}

/// Nobody says for another that a copy is erased, nor of a copy that it never had.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_receipt_closes_nothing() {
    let mut federation = Federation::mesh(&["node", "good"], OPEN).await;
    let mut rogue = RawPeer::new(federation.dir(), "rogue").await;
    rogue.link(&federation["node"]).await;
    let node = &federation["node"];
    let of = node.push(&trend("Copied"), &["--to", "good"]).await;
    federation["good"].holds_all(&[of]).await;
    until(node, &of, "good has it", |view| {
        view["recipients"][0]["state"] == "delivered"
    })
    .await;
    federation.cut("node", "good").await;
    let args = [
        "retract",
        "--yes",
        &of.full(),
        "--reason",
        "error",
        "--json",
    ];
    let retracted = node.cli(&args).await.json();
    let retraction: RecordId = retracted["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("no retraction: {retracted}"));
    let (fields, _) = rogue.statement(&trend("Any"));
    let (envelope, _) = rogue.retraction(of, &fields);
    let receipt = || {
        let receipt = Receipt {
            r#for: retraction,
            of,
            what: ReceiptWhat::Erased,
            at: from_now(0).wall(),
            why: None,
            further: None,
        };
        (envelope.clone(), Content::Receipt(receipt))
    };
    let mut stream = rogue.sender(node).await;
    let good = federation["good"].agency;
    let in_its_name = rogue.sign_as(good, from_now(0), receipt());
    // A card to come may name the key; none ever will.
    let later = Answer::Later(Later::UnknownAuthor);
    assert_eq!(stream.give(&in_its_name).await, later);
    let its_own = rogue.sign(receipt());
    let refused = Answer::Refused(Refused::Handling);
    assert_eq!(stream.give(&its_own).await, refused);
    let view = node.json(&["show", &of.full()]).await;
    assert_ne!(view["recipients"][0]["state"], "erased", "{view}");
    federation.mend("node", "good").await;
    until(node, &of, "good says so itself", |view| {
        view["recipients"][0]["state"] == "erased"
    })
    .await;
    federation.stop().await;
}

async fn repair(rogue: &RawPeer, node: &TestNode) -> FrameStream {
    let stream = rogue.swarm().open(node.agency, Channel::Repair).await;
    stream.expect("a stream")
}

async fn hear(stream: &mut FrameStream, what: &str) -> Option<Message> {
    let next = tokio::time::timeout(PATIENCE, stream.next()).await;
    let next = next.unwrap_or_else(|_| panic!("{what}: the node keeps the stream open"));
    let body = next.ok().flatten()?;
    Some(Message::decode(&body).expect("a message"))
}

/// Fingerprints of a set that it does not have, hashes that nobody has, the node's own nonce: what
/// it may not have is not named to it, and what it may have comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_lies_in_a_repair_learns_nothing_and_is_named() {
    let (mut federation, rogue, open, kept) = site().await;
    let node = &federation["node"];
    let (mut taken, batch, items) = first_offer(&rogue, node).await;
    assert_eq!(items[0].id, open);
    let outcomes = vec![Outcome::Answered(Answer::Stored); items.len()];
    taken.send(&Message::Answers { batch, outcomes }).await;

    let hello = Message::Hello(Hello::new(Speaks::CURRENT, "raw", rogue.agency));
    let nonce = Message::Nonce([3; 16]);
    let cut = Message::Ranges(vec![0x61, 0, 0, 1, 0xff, 0xff]);
    let unknown = Message::Missing(vec![[9; 32]]);
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Message>, &str)> = vec![
        ("no nonce",        vec![hello.clone(), cut.clone()],                 "'ranges' where nonce"),
        ("an unknown hash", vec![hello.clone(), nonce.clone(), unknown],          "a hash that is not in the set"),
        ("two nonces",      vec![hello.clone(), nonce.clone(), nonce.clone()],    "'nonce' where"),
        ("cut ranges",      vec![hello.clone(), nonce, cut],                      "malformed reconciliation"),
        ("no hello",        vec![Message::Done],                                  "'done' where"),
    ];
    for (what, messages, says) in cases {
        let before = fault(node, &rogue);
        let mut stream = repair(&rogue, node).await;
        for message in messages {
            // It may have hung up on us by now.
            let _cut = stream.send(&message.encode()).await;
        }
        let _cut = stream.flush().await;
        while hear(&mut stream, what).await.is_some() {}
        let told = told(node, &rogue, before).await;
        assert!(told.contains(says), "{what}: {told}");
    }
    // Its own nonce back.
    let before = fault(node, &rogue);
    let mut stream = repair(&rogue, node).await;
    stream.send(&hello.encode()).await.expect("sent");
    stream.flush().await.expect("sent");
    while let Some(message) = hear(&mut stream, "its own nonce").await {
        if let Message::Nonce(theirs) = message {
            let echo = Message::Nonce(theirs);
            stream.send(&echo.encode()).await.expect("sent");
            stream.flush().await.expect("sent");
        }
    }
    let told = told(node, &rogue, before).await;
    assert!(told.contains("our own nonce back"), "{told}");

    // A set that it made up, in the same moments as what the node has. It names what it lacks of
    // the node's: hashes only, and of what it was given or may have.
    let made_up = (0..300u16).map(|n| {
        let mut id = [5; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        Entry {
            created: from_now(i64::from(n) * -1_000),
            id: RecordId::from_bytes(id),
        }
    });
    let held = node.node().store.last();
    let ours = Hello::new(Speaks::CURRENT, "raw", rogue.agency);
    let (mut machine, first) = Initiator::new(ours, [7; 16], made_up.collect());
    let mut stream = repair(&rogue, node).await;
    stream.send(&first.encode()).await.expect("sent");
    stream.flush().await.expect("sent");
    'repair: loop {
        let message = hear(&mut stream, "a made-up set").await.expect("a message");
        for effect in machine.handle(Event::Message(message)) {
            match effect {
                Effect::Send(message) => {
                    stream.send(&message.encode()).await.expect("sent");
                    stream.flush().await.expect("sent");
                }
                Effect::Opened { .. } => {}
                Effect::Finished(_) => break 'repair,
                other => panic!("the repair ends with {other:?}"),
            }
        }
    }
    // It is offered again what it claims to lack: of what it may have, and nothing else.
    let last = node.push(&trend("Last"), &[]).await;
    let mut offered = Vec::new();
    while !(offered.contains(&last) && offered.contains(&open)) {
        let (batch, items) = match taken.next().await {
            Some(Message::Offer { batch, items }) => (batch, items),
            // The node begins its stream anew.
            _ => {
                let (stream, batch, items) = first_offer(&rogue, node).await;
                taken = stream;
                (batch, items)
            }
        };
        offered.extend(items.iter().map(|item| item.id));
        let outcomes = vec![Outcome::Answered(Answer::Stored); items.len()];
        taken.send(&Message::Answers { batch, outcomes }).await;
    }
    assert!(!offered.contains(&kept), "{offered:?}");
    assert_eq!(
        node.node().store.last().0,
        held.0 + 1,
        "and nothing came in"
    );
    federation.stop().await;
}

/// Each repair holds the ids of the whole store, so a peer that begins many is served one.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_begins_many_repairs_at_once_is_served_one_and_another_gets_its_turn() {
    const REPAIRS: usize = 6;
    let (mut federation, rogue, ..) = site().await;
    federation.add("b", "border", "QN").await;
    let agency = federation["node"].agency;
    let mut begun = Vec::new();
    for _ in 0..REPAIRS {
        let stream = rogue.swarm().open(agency, Channel::Repair).await;
        let mut stream = stream.expect("a stream");
        let hello = Hello::new(Speaks::CURRENT, "raw", rogue.agency);
        let said = stream.send(&Message::Hello(hello).encode()).await;
        said.expect("sent");
        stream.flush().await.expect("sent");
        begun.push(tokio::spawn(async move {
            let first = tokio::time::timeout(PATIENCE, stream.next()).await;
            let first = first.expect("it says hello, or ends the stream");
            // Those that are served stay open, and say nothing.
            first.ok().flatten().map(|_| stream)
        }));
    }
    let mut served = Vec::new();
    for one in begun {
        served.extend(one.await.expect("a task"));
    }
    assert_eq!(served.len(), 1, "repairs are served at once");

    // Who comes while that one is kept open comes again, and has its turn when it is over.
    federation.link("node", "b").await;
    for name in ["node", "b"] {
        federation[name].policy(OPEN).await;
    }
    drop(served);
    let repaired = async {
        let node = federation["node"].node();
        let b = node.sync.peers().of(&federation["b"].agency);
        while b.repaired().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let repaired = tokio::time::timeout(PATIENCE, repaired).await;
    repaired.expect("the other one is repaired with");
    federation.stop().await;
}
