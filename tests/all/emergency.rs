//! An emergency that two officers sent: who does not look at it again within 72 hours discloses
//! nothing more of it.

use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock};
use liaison_node::referral::emergency::Second;
use liaison_node::referral::{Approval, CaseId, Draft, ReferralError, Wanted};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Emergency, Part, Profile};
use liaison_protocol::record::codes::{
    ConsentState, DeclineReason, EmergencyReason, ReferralPart, Urgency,
};
use liaison_tests::referral::{by_one_clock, case, pass, refers, stands, states, take, until};
use liaison_tests::sealed::{assessment, identity, inside, profile};
use liaison_tests::{Federation, TestNode};

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
        reckoned: at,
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

/// Sets the clock of all nodes back; each administrator says that it is right.
async fn set_back(federation: &Federation, clock: &ManualClock, ms: u64) {
    clock.set(Millis(clock.now().0 - ms));
    pass(federation, clock, 0).await;
}

/// Whoever sets the clock back and confirms it has no more time for the review, and unlocks
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_gives_nobody_more_time_and_unlocks_nothing() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let mut federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    refers(a);
    let (id, thread) = accepted(a, b, NAME).await;
    let told = async |a: &TestNode| {
        let inbox = a.json(&["inbox"]).await;
        inbox["rows"][0]["prompts"].to_string()
    };
    let asked = told(a).await;
    assert!(asked.contains("within 72 h a colleague"), "{asked}");

    for _ in 0..3 {
        pass(&federation, &clock, 23 * HOUR).await;
    }
    // Before it is locked: 70 hours have passed, and stay so.
    pass(&federation, &clock, HOUR).await;
    set_back(&federation, &clock, 50 * HOUR).await;
    assert_eq!(release_refused(a, thread).await, None, "after 70 h");
    pass(&federation, &clock, HOUR).await;
    assert_eq!(release_refused(a, thread).await, None, "after 71 h");
    pass(&federation, &clock, HOUR + 60_000).await;
    let locked = Some(vec!["REF-03"]);
    assert_eq!(release_refused(a, thread).await, locked, "after 72 h");
    // And once it is locked, over a restart too.
    set_back(&federation, &clock, 10 * HOUR).await;
    assert_eq!(release_refused(a, thread).await, locked);
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &thread, State::Accepted).await;
    assert_eq!(release_refused(a, thread).await, locked);
    let asked = told(a).await;
    assert!(asked.contains("nothing more of it goes out"), "{asked}");
    let alerts = a.json(&["status"]).await["alerts"].to_string();
    let review = format!("liaison refer review {id}");
    assert!(alerts.contains(&review), "{alerts}");

    let second = Second {
        uid: 9,
        user: "colleague".into(),
        shared: false,
    };
    a.node()
        .review_emergency(&id, second)
        .await
        .expect("reviewed");
    assert_eq!(release_refused(a, thread).await, None);
    let alerts = a.json(&["status"]).await["alerts"].to_string();
    assert!(!alerts.contains(&review), "{alerts}");
}

/// An emergency of A's that B accepted: its case, and the thread.
pub async fn accepted(a: &TestNode, b: &TestNode, name: &str) -> (CaseId, RecordId) {
    let id = case(a, &[b], emergency(), name);
    approve(a, &id, a.node().time.reckoned());
    let thread = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    (id, thread)
}

/// Whether an emergency was reviewed stands in its case. If that can't be read, it was not.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_emergency_whose_case_does_not_open_nothing_more_goes_out() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let (id, thread) = accepted(a, b, NAME).await;
    assert_eq!(release_refused(a, thread).await, None);
    let file = a.home.dir().join("keyring/files").join(id.as_str());
    std::fs::write(&file, b"nothing that opens").expect("the case");
    let wanted = || Wanted {
        thread,
        action: Action::IdentityReleased,
        note: None,
        identity: Some(Box::new(identity(NAME))),
    };
    // As it is found damaged, and when it is in quarantine.
    for _ in 0..2 {
        match a.node().take_step(wanted(), false).await {
            Err(ReferralError::Checks(found)) => assert_eq!(found[0].code, "REF-03"),
            Ok(_) => panic!("who it is went out"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// What an officer wrote of somebody's situation waits as well until somebody has looked again.
#[tokio::test(flavor = "multi_thread")]
async fn the_assessment_of_an_unreviewed_emergency_waits_for_the_review() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let slow = Profile {
        urgency: Urgency::Standard,
        ..emergency()
    };
    let id = case(a, &[b], slow, NAME);
    let assessed = inside(Part::Assessment(Box::new(assessment("No income"))));
    let assessed = assessed.show_content().expect("it fits");
    let assessed = String::from_utf8(assessed.to_vec()).expect("text");
    let written = a.node().cases.change(&id, |case| {
        let draft = case.draft.expose();
        let draft = draft.strip_suffix('}').expect("an object");
        case.draft = Draft::new(format!(r#"{draft},"assessment":{assessed}}}"#));
    });
    written.expect("kept").expect("here");
    approve(a, &id, Millis(clock.now().0 - 2 * HOUR));
    let thread = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Acknowledged).await;
    stands(a, &thread, State::Acknowledged).await;
    for _ in 0..3 {
        pass(&federation, &clock, 23 * HOUR).await;
    }
    pass(&federation, &clock, 2 * HOUR).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    federation.settled().await;
    let part = |node: &TestNode| {
        let thread = node.node().referrals.thread(&thread)?;
        thread.parts(ReferralPart::Assessment).next()
    };
    assert_eq!((part(a), part(b)), (None, None), "73 h after the approval");
    let second = Second {
        uid: 9,
        user: "colleague".into(),
        shared: false,
    };
    let reviewed = a.node().review_emergency(&id, second).await;
    reviewed.expect("reviewed");
    until(b, "it has the assessment", part).await;
}
