//! Nodes of different protocol versions.

use std::collections::BTreeSet;

use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::wire::Speaks;
use liaison_tests::Federation;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::tap::{Frame, moment};

use super::first::trend;

/// How many live sessions a node began since then: of those that the other began, the first frame
/// comes in.
fn begun(frames: &[Frame], since: u64) -> usize {
    let mut seen = BTreeSet::new();
    let firsts = frames.iter().filter(|f| seen.insert(f.stream));
    let ours = |f: &&Frame| f.channel == Channel::Live && f.direction == Direction::Out;
    firsts.filter(ours).filter(|f| f.moment > since).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn e29_versions_without_a_common_one_refuse_clearly() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let b = federation.prepare("b", "border", "QN");
    b.speaking(Speaks { min: 7, max: 8 }).start().await;
    for name in ["a", "b"] {
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "b").await;
    for (name, peer) in [("a", "b"), ("b", "a")] {
        let node = &federation[name];
        let agency = federation[peer].agency;
        // The hello of the other side is on the wire; what is made of it follows at once.
        let said = async {
            loop {
                let status = node.json(&["status"]).await;
                if let Some(says) = status["peers"][0]["last_error"].as_str() {
                    return says.to_owned();
                }
                node.tap
                    .until("a hello", |f| f.iter().any(|f| f.peer == agency))
                    .await;
            }
        };
        let says = tokio::time::timeout(PATIENCE, said)
            .await
            .expect("an error in status");
        assert!(
            says.contains("version 1") && says.contains("versions 7 to 8"),
            "{says}"
        );
    }
    let id = federation["a"].push(&trend("Never understood"), &[]).await;
    // A tries again and again, one session at a time: of two that it began since, the first was
    // refused.
    let pushed = moment();
    let tap = &federation["a"].tap;
    tap.until("two more sessions", |all| begun(all, pushed) >= 2)
        .await;
    assert!(!federation["b"].holds().contains(&id));
    let b = federation["b"].agency;
    assert!(!federation["a"].tap.sent_contains(&b, id.as_bytes()));
    federation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e29_a_version_and_the_one_before_it_exchange_records() {
    let mut federation = Federation::new();
    federation.add("a", "border", "QN").await;
    let b = federation.prepare("b", "border", "QN");
    b.speaking(Speaks { min: 1, max: 2 }).start().await;
    for name in ["a", "b"] {
        federation[name].policy(OPEN).await;
    }
    federation.link("a", "b").await;
    let from_old = federation["a"].push(&trend("From the older"), &[]).await;
    let from_new = federation["b"].push(&trend("From the newer"), &[]).await;
    federation["b"].holds_all(&[from_old]).await;
    federation["a"].holds_all(&[from_new]).await;
    federation.stop().await;
}
