//! An emergency that two officers sent: who does not look at it again within 72 hours discloses
//! nothing more of it.

use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock};
use liaison_node::referral::emergency::Second;
use liaison_node::referral::{Approval, CaseId, ReferralError, Wanted};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Emergency, Profile};
use liaison_protocol::record::codes::{ConsentState, DeclineReason, EmergencyReason, Urgency};
use liaison_tests::TestNode;
use liaison_tests::referral::{by_one_clock, case, pass, stands, states, take, until};
use liaison_tests::sealed::profile;

const NAME: &str = "Quittenmarke Zwetschge";
const HOUR: u64 = 3_600_000;

/// Nobody could wait for this person's consent.
pub(crate) fn emergency() -> Profile {
    let mut profile = profile();
    profile.consent.state = ConsentState::Emergency;
    profile.consent.emergency = Some(Emergency {
        reason: EmergencyReason::DangerToLife,
        note: None,
        approved: false,
    });
    profile
}

/// A colleague's word of this moment on a case.
pub(crate) fn approve(node: &TestNode, id: &CaseId, at: Millis) {
    let approval = Approval {
        uid: 9,
        user: "colleague".into(),
        at,
        reviewed: None,
    };
    let approved = node
        .node()
        .cases
        .change(id, |case| case.approval = Some(approval));
    approved.expect("kept").expect("here");
}

/// What stands in the way of releasing the identity now; nothing is sent.
async fn release_refused(node: &TestNode, thread: RecordId) -> Option<Vec<&'static str>> {
    let wanted = Wanted {
        thread,
        action: Action::IdentityReleased,
        note: None,
        identity: None,
    };
    match node.node().take_step(wanted, true).await {
        Ok(_) => None,
        Err(ReferralError::Checks(found)) => Some(found.iter().map(|f| f.code).collect()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reviewed_in_72_hours_is_locked_until_somebody_does() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let mut federation = by_one_clock(&clock, &["a", "b", "c"], "").await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let id = case(a, &[b], emergency(), NAME);
    approve(a, &id, clock.now());
    let thread = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;

    // Of another, approved an hour before it was sent, the first candidate has decided when
    // nobody may be told any more.
    let slow = Profile {
        urgency: Urgency::Standard,
        ..emergency()
    };
    let other = case(a, &[b, c], slow, NAME);
    approve(a, &other, Millis(clock.now().0 - HOUR));
    let declined = a.node().ask(&other, 0).await.expect("asked");
    stands(b, &declined, State::Sent).await;
    take(b, declined, Action::Acknowledged).await;
    stands(a, &declined, State::Acknowledged).await;

    for _ in 0..3 {
        pass(&federation, &clock, 23 * HOUR).await;
    }
    pass(&federation, &clock, 2 * HOUR + HOUR / 2).await;
    assert_eq!(release_refused(a, thread).await, None, "after 71.5 h");
    let no_place = Action::Declined {
        reason: DeclineReason::NoCapacity,
    };
    take(b, declined, no_place).await;
    stands(a, &declined, State::Declined).await;
    federation.settled().await;
    assert_eq!(states(c), [], "nobody else is told of it");

    pass(&federation, &clock, HOUR / 2 + 1).await;
    assert_eq!(release_refused(a, thread).await, Some(vec!["REF-03"]));
    // A restart does not unlock it.
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    stands(a, &thread, State::Accepted).await;
    assert_eq!(release_refused(a, thread).await, Some(vec!["REF-03"]));

    let second = || Second {
        uid: 9,
        user: "colleague".into(),
        shared: false,
    };
    let reviewed = a.node().review_emergency(&id, second()).await;
    reviewed.expect("reviewed");
    assert_eq!(release_refused(a, thread).await, None);
    take(a, thread, Action::IdentityReleased).await;
    stands(b, &thread, State::IdentityReleased).await;
    // The other one goes on by itself when it was reviewed.
    assert_eq!(states(c), []);
    let reviewed = a.node().review_emergency(&other, second()).await;
    reviewed.expect("reviewed");
    until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
}
