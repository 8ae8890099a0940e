//! A linked peer that lies: in its answers, in its receipts. The table of what else
//! peers and hubs try, and where it is shown, stands in `malice`.

use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::limits::NOTICES_AT_ONCE;
use liaison_protocol::record::codes::{Kind, ReceiptWhat};
use liaison_protocol::record::kinds::{Content, Receipt};
use liaison_protocol::wire::{Item, Message, Outcome};
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::raw::{RawPeer, RawStream, from_now};
use liaison_tests::{Federation, TestNode};

use crate::first::trend;
use crate::withdrawal::until;

async fn told(node: &TestNode, peer: &RawPeer, before: Option<String>) -> String {
    let told = async {
        loop {
            match fault(node, peer) {
                Some(says) if Some(&says) != before.as_ref() => return says,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    told.unwrap_or_else(|_| panic!("nothing new is told after {before:?}"))
}

fn fault(node: &TestNode, peer: &RawPeer) -> Option<String> {
    let sync = node.node().sync.peers().of(&peer.agency);
    sync.fault().map(|(_, says)| says)
}

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
    let args = ["retract", &of.full(), "--reason", "error", "--json"];
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
