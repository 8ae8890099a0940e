//! A verdict counts for the policy that gave it: what an older one refused comes after a wider
//! one is in force, however close the two were.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use liaison_node::policy::{PolicySet, PolicyText};
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::wire::{Message, Outcome};
use liaison_tests::federation::OPEN;
use liaison_tests::{Federation, RawPeer, TestNode};

use crate::first::trend;

/// A policy that lets nothing in.
const CLOSED: &str =
    "@id(\"closed\")\n@says(\"Nothing comes in.\")\nforbid (principal, action, resource);";

/// Tries at a moment that is nearly always met at the first.
const ATTEMPTS: usize = 40;

/// Puts a policy in force, and nothing else.
async fn reengage(node: &TestNode, cedar: &str) {
    let files = vec![("policy.cedar".to_owned(), cedar.to_owned())];
    let text = PolicyText::new(files, None).expect("a policy");
    let set = Arc::new(PolicySet::from_text(text).expect("a policy"));
    let node = node.node();
    node.reengage(Some(set)).await.expect("in force");
}

/// Holds up all that this process computes beside its tasks, until it is dropped.
struct Busy {
    end: Arc<Barrier>,
}

impl Busy {
    fn new() -> Self {
        let threads = rayon::current_num_threads();
        let (begun, end) = (
            Arc::new(Barrier::new(threads + 1)),
            Arc::new(Barrier::new(threads + 1)),
        );
        for _ in 0..threads {
            let (begun, end) = (begun.clone(), end.clone());
            rayon::spawn(move || {
                begun.wait();
                end.wait();
            });
        }
        begun.wait();
        Self { end }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.end.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e14_what_the_old_policy_refused_while_the_new_one_came_is_taken_after_all() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let mut raw = RawPeer::new(federation.dir(), "raw").await;
    let a = &federation["a"];
    raw.link(a).await;
    let mut stream = raw.sender(a).await;
    // Whether it has begun to judge can't be seen from here, only that somebody took the policy:
    // that may be a stream of its own. So it is tried until the change of policy fell in between.
    for attempt in 0..ATTEMPTS {
        reengage(a, CLOSED).await;
        let record = raw.sign(raw.statement(&trend(&format!("Quittenmarke {attempt}"))));
        // It judges by the policy that it had when the bytes came, and is slow.
        let old = a.node().policies.current();
        let quiet = Arc::strong_count(&old);
        let busy = Busy::new();
        let giving = tokio::spawn(async move {
            let answer = stream.give(&record).await;
            (stream, record, answer)
        });
        let taken = async {
            while Arc::strong_count(&old) <= quiet {
                tokio::task::yield_now().await;
            }
        };
        let _taken_or_not = tokio::time::timeout(Duration::from_secs(1), taken).await;
        reengage(a, OPEN).await;
        drop(busy);
        let (given, record, answer) = giving.await.expect("answered");
        stream = given;
        if answer == Answer::Refused(Refused::Policy) {
            // That answer was the old policy's.
            assert_eq!(stream.give(&record).await, Answer::Stored);
            federation.stop().await;
            return;
        }
        assert_eq!(answer, Answer::Stored);
    }
    panic!("the policy never changed while a record was judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn e14_what_is_refused_while_its_receiver_asks_for_it_is_offered_again() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let mut raw = RawPeer::new(federation.dir(), "raw").await;
    raw.link(&federation["a"]).await;
    let a = &federation["a"];
    a.policy(OPEN).await;
    let id = a.push(&trend("Quittenmarke"), &[]).await;
    let mut stream = raw.receiver(a).await;
    let (batch, place, items) = stream.offered(id).await;
    // Its policy changes: it asks for all that it lacks, before its answer of the old one is here.
    raw.repair(a).await;
    let lacking = a.node().sync.peers().of(&raw.agency);
    while lacking.repaired().is_none() {
        tokio::task::yield_now().await;
    }
    let mut outcomes = vec![Outcome::Answered(Answer::Stored); items];
    outcomes[usize::try_from(place).expect("small")] =
        Outcome::Answered(Answer::Refused(Refused::Policy));
    stream.send(&Message::Answers { batch, outcomes }).await;
    let (batch, place, _) = stream.offered(id).await;
    assert!(stream.want(batch, place).await.is_some());
    federation.stop().await;
}
