//! Referrals between test nodes, without a command line.

use std::time::Duration;

use liaison_node::referral::{Asked, CaseFile, CaseId, Draft, Made, ReferralError, Thread, Wanted};
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Inside, Part, Private, Profile};
use liaison_protocol::record::codes::Urgency;

use crate::federation::{PATIENCE, TestNode};
use crate::sealed;

/// How long a change of another node may go unseen.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A referral that nobody was asked for yet.
pub fn case(from: &TestNode, to: &[&TestNode], profile: Profile, name: &str) -> CaseId {
    let node = from.node();
    let json = |inside: &Inside| {
        let bytes = inside.show_content().expect("it fits");
        String::from_utf8(bytes.to_vec()).expect("text")
    };
    let profile = json(&sealed::inside(Part::Profile(Box::new(profile))));
    let identity = json(&sealed::marked(name));
    let draft = Draft::new(format!(r#"{{"profile":{profile},"identity":{identity}}}"#));
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
