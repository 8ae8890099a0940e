//! Referrals between test nodes, without a command line.

use std::sync::Arc;
use std::time::Duration;

use liaison_node::clock::ManualClock;
use liaison_node::referral::{Asked, CaseFile, CaseId, Draft, Made, ReferralError, Thread, Wanted};
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Inside, Part, Private, Profile};
use liaison_protocol::record::codes::Urgency;

use crate::federation::{Federation, OPEN, PATIENCE, TestNode};
use crate::sealed;

/// How long a change of another node may go unseen.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A referral that nobody was asked for yet, of somebody of whom no citizenship is known.
pub fn case(from: &TestNode, to: &[&TestNode], profile: Profile, name: &str) -> CaseId {
    case_of(&[], from, to, profile, name)
}

/// The same of somebody of this citizenship; where none is known, no hub abroad carries it.
pub fn case_of(
    citizenship: &[&str],
    from: &TestNode,
    to: &[&TestNode],
    profile: Profile,
    name: &str,
) -> CaseId {
    let node = from.node();
    let json = |inside: &Inside| {
        let bytes = inside.show_content().expect("it fits");
        String::from_utf8(bytes.to_vec()).expect("text")
    };
    let profile = json(&sealed::inside(Part::Profile(Box::new(profile))));
    let identity = json(&sealed::marked(name));
    let citizenship = serde_json::json!(citizenship);
    let draft = Draft::new(format!(
        r#"{{"citizenship":{citizenship},"profile":{profile},"identity":{identity}}}"#
    ));
    let mut case = CaseFile::begun(draft, 0, "officer", node.clock.now());
    case.sent = true;
    case.asked = to
        .iter()
        .map(|to| Asked {
            agency: to.agency,
            clock_from: None,
            sealing: None,
            thread: None,
        })
        .collect();
    node.cases.keep(&case).expect("kept");
    case.id
}

/// Refers somebody; gives the thread with the first candidate.
pub async fn refer(from: &TestNode, to: &[&TestNode], urgency: Urgency, name: &str) -> RecordId {
    let profile = Profile {
        urgency,
        ..sealed::profile()
    };
    let case = case(from, to, profile, name);
    from.node().ask(&case, 0).await.expect("asked")
}

/// Takes a step.
pub async fn take(node: &TestNode, thread: RecordId, action: Action) -> Made {
    let made = try_step(node, thread, action).await;
    made.unwrap_or_else(|error| panic!("{}: {error}", node.name))
}

/// Tries a step.
pub async fn try_step(
    node: &TestNode,
    thread: RecordId,
    action: Action,
) -> Result<Made, ReferralError> {
    let note = matches!(action, Action::InfoAsked { .. } | Action::InfoGiven { .. });
    let wanted = Wanted {
        thread,
        action,
        note: note.then(|| Private::new("A ground floor room?".into())),
        identity: None,
    };
    node.node().take_step(wanted, false).await
}

/// Lets whoever runs the tests refer people.
pub fn refers(node: &TestNode) {
    let file = node.home.officers_path();
    let text = std::fs::read_to_string(&file).expect("officers");
    if !text.contains("[\"administrator\", \"referral-officer\"") {
        let with = text.replacen(
            "roles = [\"administrator\", ",
            "roles = [\"administrator\", \"referral-officer\", ",
            1,
        );
        assert_ne!(with, text);
        std::fs::write(&file, with).expect("officers");
    }
}

/// Lets time pass at all nodes of one clock; each administrator says that it is right.
pub async fn pass(federation: &Federation, clock: &ManualClock, ms: u64) {
    clock.advance(ms);
    for node in federation.all() {
        let ran = node.cli(&["clock", "confirm", "--yes"]).await;
        ran.expect_code(0);
    }
}

/// The same for days, in leaps that a clock may take.
pub async fn pass_days(federation: &Federation, clock: &ManualClock, days: u64) {
    let mut left = days * 24;
    while left > 0 {
        let leap = left.min(23);
        pass(federation, clock, leap * 60 * 60 * 1000).await;
        left -= leap;
    }
}

/// Agencies that go by one clock, each linked with each, with a policy that lets everything
/// through and this in their configuration.
pub async fn by_one_clock(clock: &Arc<ManualClock>, names: &[&str], config: &str) -> Federation {
    let mut federation = Federation::new();
    for name in names {
        let node = federation.prepare(name, "border", "QN");
        std::fs::write(node.home.config_path(), config).expect("config");
        node.with_clock(clock.clone());
        node.start().await;
    }
    federation.link_all().await;
    for name in names {
        federation[name].policy(OPEN).await;
    }
    federation
}

/// Puts a duty desk that answers around the clock on a node's card, and waits until another
/// knows it.
pub async fn desk(node: &TestNode, other: &TestNode) {
    hours(node, "duty desk", "24h").await;
    knows_desk(other, node).await;
}

/// Says on a node's card when somebody answers there.
pub async fn hours(node: &TestNode, role: &str, hours: &str) {
    let functions = serde_json::json!({"functions": [{
        "role": role, "channel": "+999 555 0101", "hours": hours,
        "languages": ["en"], "urgent": true,
    }]});
    node.cli_in(&["card", "edit", "--from", "-"], &functions.to_string())
        .await
        .expect_code(0);
}

/// Waits until a node knows whom to telephone at another.
pub async fn knows_desk(node: &TestNode, other: &TestNode) {
    let registry = &node.node().registry;
    let mut changes = registry.changes();
    let known = async {
        let unknown = || {
            registry
                .contact(&other.agency)
                .is_none_or(|card| card.functions.is_empty())
        };
        while unknown() {
            changes.changed().await.expect("the node runs");
        }
    };
    let arrived = tokio::time::timeout(PATIENCE, known).await;
    assert!(arrived.is_ok(), "{} has no card with a desk", node.name);
}

/// Waits until a node's referrals are so.
pub async fn until<T>(node: &TestNode, what: &str, so: impl Fn(&TestNode) -> Option<T>) -> T {
    let mut changes = node.node().referrals.changes();
    let met = async {
        loop {
            if let Some(found) = so(node) {
                return found;
            }
            // What is waited for may be somebody else's change.
            let again = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
            if let Ok(changed) = again {
                changed.expect("it runs");
            }
        }
    };
    match tokio::time::timeout(PATIENCE, met).await {
        Ok(found) => found,
        Err(_) => panic!("{}: never {what}; {:?}", node.name, states(node)),
    }
}

/// Waits until a referral stands so at a node.
pub async fn stands(node: &TestNode, thread: &RecordId, state: State) -> Thread {
    until(node, &format!("{} {state}", thread.short()), |node| {
        let thread = node.node().referrals.thread(thread)?;
        (thread.state() == state).then_some(thread)
    })
    .await
}

/// Waits until a referral is gone from a node.
pub async fn gone(node: &TestNode, thread: &RecordId) {
    until(node, &format!("{} is gone", thread.short()), |node| {
        node.node().referrals.thread(thread).is_none().then_some(())
    })
    .await;
}

/// Where every referral of a node stands.
pub fn states(node: &TestNode) -> Vec<(RecordId, State)> {
    let threads = node.node().referrals.threads();
    threads.iter().map(|t| (t.id, t.state())).collect()
}
