//! Control records and notices from a peer that keeps no rules: only what the ledger owes is
//! taken.

use liaison_node::clock::{Clock, SystemClock};
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::PublicKey;
use liaison_protocol::limits;
use liaison_protocol::record::codes::{RecallReason, ReceiptWhat};
use liaison_protocol::record::kinds::{Affirm, Ask, Content, Permit, Recall, Receipt};
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::Message;
use liaison_tests::Federation;
use liaison_tests::federation::OPEN;
use liaison_tests::raw::RawPeer;

use crate::first::trend;

const HANDLING: Answer = Answer::Refused(Refused::Handling);

/// A control record of a peer's, signed now.
fn says(peer: &RawPeer, content: impl Into<Content>) -> SignedRecord {
    let (fields, _) = peer.statement(&trend("Control"));
    peer.sign((fields, content.into()))
}

fn ask(of: RecordId, to: AgencyId) -> Ask {
    Ask {
        of,
        to: [to].into(),
        why: "A reason.".into(),
    }
}

fn recall(of: RecordId, to: AgencyId) -> Recall {
    Recall {
        of,
        to,
        reason: RecallReason::Policy,
    }
}

fn receipt(r#for: RecordId, of: RecordId) -> Receipt {
    Receipt {
        r#for,
        of,
        what: ReceiptWhat::Erased,
        at: SystemClock.now(),
        why: None,
        further: None,
    }
}

fn affirm(of: RecordId) -> Affirm {
    Affirm {
        key: PublicKey::from_bytes([7; 32]),
        records: [of].into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_record_that_concerns_nothing_that_passed_is_refused() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    let mut x = RawPeer::new(federation.dir(), "x").await;
    let mut y = RawPeer::new(federation.dir(), "y").await;
    x.link(a).await;
    y.link(a).await;
    // a's, that nobody got; x's, that a got from x.
    let kept = a.push(&trend("Quittenmarke"), &["--to", ""]).await;
    let given = x.sign(x.statement(&trend("From x")));
    let mut from_x = x.sender(a).await;
    let mut from_y = y.sender(a).await;
    assert_eq!(from_x.give(&given).await, Answer::Stored);
    let unknown = RecordId::from_bytes([9; 32]);
    let until = Millis(SystemClock.now().0 + 3_600_000);
    let permit = |of, to| Permit {
        of,
        to: [to].into(),
        until,
    };
    let us = a.agency;
    for of in [kept, unknown] {
        for record in [
            says(&x, ask(of, y.agency)),
            says(&x, recall(of, us)),
            says(&x, receipt(of, of)),
        ] {
            assert_eq!(from_x.give(&record).await, HANDLING, "{record:?}");
        }
    }
    // y brought nothing, and brings the word of x.
    for record in [
        says(&x, ask(given.id(), y.agency)),
        says(&x, recall(given.id(), us)),
        says(&x, receipt(given.id(), given.id())),
        says(&x, permit(given.id(), y.agency)),
        // Its own word, about what did not pass between the two.
        says(&y, recall(given.id(), us)),
        says(&y, receipt(given.id(), given.id())),
        says(&y, ask(given.id(), y.agency)),
    ] {
        assert_eq!(from_y.give(&record).await, HANDLING, "{record:?}");
    }
    // A recall for another than us; a word about another's record that is held here.
    let record = says(&x, recall(given.id(), y.agency));
    assert_eq!(from_x.give(&record).await, HANDLING);
    for record in [
        says(&y, permit(given.id(), us)),
        says(&y, affirm(given.id())),
    ] {
        let due = Answer::Refused(Refused::NotTheAuthor);
        assert_eq!(from_y.give(&record).await, due, "{record:?}");
    }
    // A permit at its end.
    let mut ended = permit(given.id(), us);
    ended.until = Millis(1);
    let record = says(&x, ended);
    assert_eq!(
        from_x.give(&record).await,
        Answer::Refused(Refused::Expired)
    );
    // What did pass, in its courier's own word or its author's.
    for record in [
        says(&x, ask(given.id(), y.agency)),
        says(&x, permit(given.id(), y.agency)),
        says(&x, receipt(given.id(), given.id())),
        says(&x, recall(given.id(), us)),
    ] {
        assert_eq!(from_x.give(&record).await, Answer::Stored, "{record:?}");
    }
    // Records under a key that no card calls compromised need no affirmation yet.
    let due = Answer::Later(Later::UnknownAuthor);
    assert_eq!(from_x.give(&says(&x, affirm(given.id()))).await, due);
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_disturb_no_stream_until_they_are_too_many() {
    let mut federation = Federation::mesh(&["a"], OPEN).await;
    let a = &federation["a"];
    let mut x = RawPeer::new(federation.dir(), "x").await;
    x.link(a).await;
    let mut stream = x.sender(a).await;
    // No head at all: nobody but who keeps it looks at it.
    let witness = Message::Witness {
        head: vec![0xFF; limits::AUDIT_HEAD_BYTES],
    };
    stream.send(&witness).await;
    let held = Message::Held {
        head: None,
        clock: Some(Millis(u64::MAX)),
    };
    stream.send(&held).await;
    let given = x.sign(x.statement(&trend("From x")));
    assert_eq!(stream.give(&given).await, Answer::Stored);
    // Time lets a few more in, not a flood.
    for _ in 0..20 * limits::NOTICES_AT_ONCE {
        if !stream.try_send(&witness).await {
            // It hung up while we were still talking.
            break;
        }
    }
    let end = loop {
        match stream.next().await {
            Some(Message::Credit { .. }) => {}
            other => break other,
        }
    };
    assert!(matches!(end, Some(Message::Bye(_)) | None), "{end:?}");
    federation.stop().await;
}
