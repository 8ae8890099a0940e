//! What the person says counts at any time, also when a referral is over; and a reflection period
//! ends when it ends, not when a clock says so that nobody believes.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_node::ingest::Sealing;
use liaison_node::referral::ReferralError;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Personal, Profile, Step};
use liaison_protocol::record::codes::{
    ClosureReason, ConsentScope, ConsentState, DeclineReason, Urgency,
};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{by_one_clock, case, gone, refer, stands, take, try_step, until};
use liaison_tests::sealed::{closed, inside, name_in, profile};
use liaison_tests::{Federation, TestNode};

const NAME: &str = "Quittenmarke Zwetschge";
const DAY: u64 = 24 * 3_600_000;
const INTEGRATED: Action = Action::Closed {
    reason: ClosureReason::Integrated,
};

fn consent(node: &TestNode, state: ConsentState, scope: &[ConsentScope]) -> Action {
    Action::Consent {
        state,
        scope: scope.iter().copied().collect::<BTreeSet<_>>(),
        date: Date::from_millis(node.node().clock.now()),
        keep_until: None,
    }
}

/// A referral that went its way to the end; with the identity that the provider was given.
async fn closed_referral(a: &TestNode, b: &TestNode) -> (RecordId, RecordId) {
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    take(a, thread, Action::IdentityReleased).await;
    let held = stands(b, &thread, State::IdentityReleased).await;
    let name = held
        .parts(liaison_protocol::record::codes::ReferralPart::Identity)
        .next()
        .expect("released");
    take(b, thread, INTEGRATED).await;
    stands(a, &thread, State::Closed).await;
    assert_eq!(name_in(b, &name).as_deref(), Some(NAME));
    (thread, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_consent_can_be_taken_back_in_part_by_either_side() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    for by in [a, b] {
        let (thread, name) = closed_referral(a, b).await;
        let less = [ConsentScope::Assistance, ConsentScope::ShareProfile];
        take(by, thread, consent(by, ConsentState::Given, &less)).await;
        closed(b, &name).await;
        assert_eq!(name_in(b, &name), None, "{}", by.name);
        for node in [a, b] {
            let thread = stands(node, &thread, State::Closed).await;
            assert!(!thread.may_share_identity(), "{}", node.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_consent_can_be_withdrawn_and_everything_is_erased() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    for by in [a, b] {
        let (thread, name) = closed_referral(a, b).await;
        take(by, thread, consent(by, ConsentState::Withdrawn, &[])).await;
        for node in [a, b] {
            gone(node, &thread).await;
            closed(node, &thread).await;
            closed(node, &name).await;
        }
    }
    // So is what a provider declined.
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    let reason = DeclineReason::NoCapacity;
    take(b, thread, Action::Declined { reason }).await;
    stands(a, &thread, State::Declined).await;
    take(a, thread, consent(a, ConsentState::Withdrawn, &[])).await;
    for node in [a, b] {
        gone(node, &thread).await;
        closed(node, &thread).await;
    }
}

/// Whoever tells of an emergency after the person was asked opens nothing by it.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_person_was_asked_no_emergency_names_them() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let (_, thread) = crate::emergency::accepted(a, b, NAME).await;
    let less = [ConsentScope::Assistance, ConsentScope::ShareProfile];
    take(a, thread, consent(a, ConsentState::Given, &less)).await;
    let says = |state| {
        move |node: &TestNode| {
            let thread = node.node().referrals.thread(&thread)?;
            (thread.consent().0 == state).then(|| thread.folded.heads.clone())
        }
    };
    let all = [less.as_slice(), &[ConsentScope::ShareIdentity]].concat();
    for by in [a, b] {
        until(by, "it was told", says(ConsentState::Given)).await;
        match try_step(by, thread, consent(by, ConsentState::Emergency, &all)).await {
            Err(ReferralError::Checks(found)) => assert_eq!(found[0].code, "REF-03"),
            other => panic!("{}: {other:?}", by.name),
        }
    }
    // A node that does not look says so all the same.
    let step = Step {
        on: thread,
        seen: until(b, "it was told", says(ConsentState::Given)).await,
        action: consent(b, ConsentState::Emergency, &all),
        note: None,
    };
    let said = Sealing {
        inside: inside(Personal::Step(step)),
        recipients: BTreeSet::from([a.agency]),
        thread: Some(thread),
        respond_by: None,
    };
    let made = b.node().ingest.seal(vec![said], Vec::new()).await;
    made.expect("sealed");
    until(a, "an emergency is told", says(ConsentState::Emergency)).await;
    match try_step(a, thread, Action::IdentityReleased).await {
        Err(ReferralError::Checks(found)) => assert_eq!(found[0].code, "REF-01"),
        other => panic!("{other:?}"),
    }
    let ours = a.node().referrals.thread(&thread).expect("here");
    let part = liaison_protocol::record::codes::ReferralPart::Identity;
    assert_eq!(ours.parts(part).next(), None);
}

/// Whether closing is refused because of the reflection period.
fn waits(tried: Result<liaison_node::referral::Made, ReferralError>) -> bool {
    match tried {
        Ok(_) => false,
        Err(ReferralError::Checks(found)) => {
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].code, "REF-09");
            true
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_ends_no_reflection_period() {
    let start = liaison_tests::raw::from_now(0).wall();
    let clock = Arc::new(ManualClock::new(start));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let ends = liaison_protocol::clock::Millis(start.0 + 30 * DAY);
    let asked = Profile {
        reflection_until: Some(Date::from_millis(ends)),
        ..profile()
    };
    let case = case(a, &[b], asked, NAME);
    let thread = a.node().ask(&case, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    assert!(waits(try_step(b, thread, INTEGRATED).await));

    // Nobody believes a leap of 40 days, so it is no reason.
    clock.advance(40 * DAY);
    assert!(b.node().time.trusted().is_err(), "it is not believed");
    assert!(waits(try_step(b, thread, INTEGRATED).await));
    // It is one once an administrator says that the clock is right.
    b.cli(&["clock", "confirm", "--yes"]).await.expect_code(0);
    assert!(!waits(try_step(b, thread, INTEGRATED).await));
}
