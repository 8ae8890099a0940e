//! An offer that was decided under a policy and not sent yet goes out under no other one.

use std::collections::BTreeSet;

use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::limits::BATCH_RECORDS;
use liaison_protocol::wire::Message;
use liaison_tests::federation::{ACCEPT, OPEN};
use liaison_tests::tap::Frame;
use liaison_tests::{Federation, sheet};

/// Rows of the sheet that is imported: several batches of records.
const ROWS: usize = 1_000;

/// An offer of records, but for cards and keys, which come a few at a time.
fn is_full_offer(frame: &Frame) -> bool {
    let items = match frame.message() {
        Message::Offer { items, .. } => items.len(),
        _ => 0,
    };
    frame.direction == Direction::Out && items == BATCH_RECORDS
}

fn is_hello(frame: &Frame) -> bool {
    frame.direction == Direction::Out
        && frame.channel == Channel::Live
        && matches!(frame.message(), Message::Hello(_))
}

/// E10. The node's session stands still between two offers, as on a slow line or a busy machine,
/// and the policy changes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e10_an_offer_that_waits_is_not_sent_under_a_newer_policy() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    federation["b"].policy(ACCEPT).await;
    federation.settled().await;
    federation.cut("a", "b").await;
    let a = &federation["a"];
    let file = federation.dir().join("rows.csv");
    sheet::write(&file, &sheet::made_up(ROWS));
    a.import(&file, &sheet::map()).await;
    let ids = a.holds();
    assert!(ids.len() > 2 * BATCH_RECORDS, "{}", ids.len());
    a.tap.clear();
    let held = a.tap.hold_at(is_full_offer);
    federation.mend("a", "b").await;
    let held = held.await;
    a.policy(ACCEPT).await;
    let policy = liaison_tests::tap::moment();
    held.go_on();
    a.tap
        .until("a session under the new policy", |frames| {
            frames.iter().any(|f| is_hello(f) && f.moment > policy)
        })
        .await;
    federation.settled().await;
    let told: BTreeSet<_> = a
        .tap
        .sent_to(&federation["b"].agency)
        .iter()
        .filter(|frame| frame.moment > policy)
        .flat_map(|frame| match frame.message() {
            Message::Offer { items, .. } => items.into_iter().map(|i| i.id).collect(),
            _ => Vec::new(),
        })
        .filter(|id| ids.contains(id))
        .collect();
    assert!(told.is_empty(), "{} ids went out", told.len());
    federation.stop().await;
}
