//! What one peer was asked for is not asked of another as well, and nobody who withholds keeps
//! it from coming by another way (E27).

use std::time::{Duration, Instant};

use liaison_node::limits::ASKED_ELSEWHERE_MS;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::{Item, Message, Outcome};
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use liaison_tests::raw::{RawPeer, RawStream};
use serde_json::json;

use crate::first::trend;
use crate::sharing::onward;

/// One peer's stream to the node.
struct Line {
    stream: RawStream,
    batch: u64,
}

impl Line {
    async fn offer(&mut self, record: &SignedRecord) {
        self.batch += 1;
        let items = vec![Item {
            id: record.id(),
            created: record.unverified().envelope.created,
            size: u32::try_from(record.bytes().len()).expect("small"),
        }];
        let batch = self.batch;
        self.stream.send(&Message::Offer { batch, items }).await;
    }

    /// Offers it and is asked for it.
    async fn asked(&mut self, record: &SignedRecord) {
        self.offer(record).await;
        self.stream.expect("want").await;
    }

    async fn deliver(&mut self, record: &SignedRecord) -> Answer {
        let frames = vec![Some(record.bytes().to_vec())];
        let (batch, first) = (self.batch, 0);
        self.stream
            .send(&Message::Records {
                batch,
                first,
                frames,
            })
            .await;
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        match self.stream.expect("answers").await {
            Message::Answers { outcomes, .. } => match outcomes.as_slice() {
                [Outcome::Answered(answer)] => *answer,
                other => panic!("one answer was due, not {other:?}"),
            },
            other => panic!("answers were due, not {other:?}"),
        }
    }

    /// Whether it hears nothing for a moment: not a proof, but it fails where it must not hear.
    async fn hears_nothing(&mut self) {
        let moment = Duration::from_millis(100);
        let heard = tokio::time::timeout(moment, self.stream.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

/// A node with two peers that both have what there is.
async fn site() -> (Federation, [RawPeer; 2]) {
    let federation = Federation::mesh(&["node"], OPEN).await;
    let mut x = RawPeer::new(federation.dir(), "x").await;
    let mut y = RawPeer::new(federation.dir(), "y").await;
    for peer in [&mut x, &mut y] {
        peer.link(&federation["node"]).await;
    }
    (federation, [x, y])
}

async fn line(peer: &RawPeer, federation: &Federation) -> Line {
    Line {
        stream: peer.sender(&federation["node"]).await,
        batch: 0,
    }
}

/// How often a busy machine may be too slow for what has to come while a node waits for it.
const TRIES: usize = 8;

/// Offers one record by two peers; the one that was asked delivers it. Given unless the machine
/// was so slow that the node had to ask the other as well.
async fn offered_by_two(federation: &Federation, x: &RawPeer, y: &RawPeer) -> Option<SignedRecord> {
    let (mut from_x, mut from_y) = (line(x, federation).await, line(y, federation).await);
    let record = x.sign(x.statement(&trend("Quittenmarke")));
    from_x.asked(&record).await;
    let began = Instant::now();
    from_y.offer(&record).await;
    from_y.hears_nothing().await;
    assert_eq!(from_x.deliver(&record).await, Answer::Stored);
    let heard = from_y.stream.next().await;
    if let Some(Message::Want { .. }) = heard {
        // Asked though it was not late: there is no excuse for that.
        let waited = began.elapsed();
        assert!(
            waited >= Duration::from_millis(ASKED_ELSEWHERE_MS),
            "y is asked after {waited:?}, and x was asked before"
        );
        return None;
    }
    let Some(Message::Answers { outcomes, .. }) = heard else {
        panic!("answers were due, not {heard:?}");
    };
    let stored = Outcome::Answered(Answer::Stored);
    assert_eq!(outcomes, [stored], "without its bytes");
    Some(record)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_one_peer_is_not_asked_of_another() {
    for _ in 0..TRIES {
        // Who was late once is not waited for: each time other peers, of another node.
        let (mut federation, [x, y]) = site().await;
        let Some(record) = offered_by_two(&federation, &x, &y).await else {
            federation.stop().await;
            continue;
        };
        // The ledger knows that it has it all the same: what withdraws it is owed to it.
        let store = &federation["node"].node().store;
        let arrival = store.arrival_of(&record.id()).expect("store");
        let line = store.ledger_entry(&y.agency, arrival.expect("held"));
        assert!(line.expect("store").is_some());
        federation.stop().await;
        return;
    }
    panic!("{TRIES} times y was asked for what x delivered");
}

/// What the one may not bring, the other may.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_peer_may_not_bring_is_asked_of_the_other_at_once() {
    let (mut federation, [x, y]) = site().await;
    let (mut from_x, mut from_y) = (line(&x, &federation).await, line(&y, &federation).await);
    // Of y, who lets nobody pass it on.
    let record = y.sign(y.statement(&onward("Quittenmarke", &json!("none"))));
    from_x.asked(&record).await;
    from_y.offer(&record).await;
    from_y.hears_nothing().await;
    let refused = Answer::Refused(Refused::Handling);
    assert_eq!(from_x.deliver(&record).await, refused);
    from_y.stream.expect("want").await;
    assert_eq!(from_y.deliver(&record).await, Answer::Stored);

    // And what does not come because a line broke.
    let record = x.sign(x.statement(&trend("Quittenbrot")));
    from_x.asked(&record).await;
    from_y.offer(&record).await;
    drop(from_x);
    from_y.stream.expect("want").await;
    assert_eq!(from_y.deliver(&record).await, Answer::Stored);
    federation.stop().await;
}

/// Withholding costs time once, and not much.
#[tokio::test(flavor = "multi_thread")]
async fn e27_a_peer_that_withholds_what_it_offers_keeps_it_from_nobody() {
    let (mut federation, [x, y]) = site().await;
    let (mut from_x, mut from_y) = (line(&x, &federation).await, line(&y, &federation).await);
    let records = ["Quittenmarke", "Quittenbrot"].map(|t| y.sign(y.statement(&trend(t))));
    for record in &records {
        from_x.asked(record).await;
    }
    for record in &records {
        from_y.asked(record).await;
        assert_eq!(from_y.deliver(record).await, Answer::Stored);
    }
    // What comes from it in the end does no harm, and it is served on.
    from_x.batch = 1;
    assert_eq!(from_x.deliver(&records[0]).await, Answer::Stored);
    federation.stop().await;
}
