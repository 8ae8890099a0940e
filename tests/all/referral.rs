//! Referrals on real nodes: steps of both sides, candidates one after another, deadlines, and
//! withdrawal.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::clock::{Clock, ManualClock};
use liaison_node::ingest::Sealing;
use liaison_node::referral::inbox::Prompt;
use liaison_node::referral::{Draft, ReferralError, Wanted};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Conflict, Party, State};
use liaison_protocol::personal::{Action, Part, Personal, Private, Step};
use liaison_protocol::record::codes::{
    AssistPhase, ClosureReason, ConsentScope, ConsentState, DeclineReason, InfoTopic, ReferralPart,
    Urgency, WithdrawalReason,
};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{
    by_one_clock, case, gone, pass, refer, refers, stands, states, take, try_step, until,
};
use liaison_tests::sealed::{assessment, closed, inside, name_in, opens, profile};
use liaison_tests::{Federation, TestNode};

use crate::referral_attacks::{say, step};

const NAME: &str = "Quittenmarke Zwetschge";
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

const FIRST: Action = Action::Assisting {
    phase: AssistPhase::First,
};
const NO_PLACE: Action = Action::Declined {
    reason: DeclineReason::NoCapacity,
};

fn refused(tried: Result<liaison_node::referral::Made, ReferralError>) -> String {
    match tried {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    }
}

/// Both sides hold the same steps and are in the same state.
async fn agree(a: &TestNode, b: &TestNode, thread: &RecordId) {
    let ours = a.node().referrals.thread(thread).expect("here").folded;
    until(b, "of one mind with the other side", |b| {
        let theirs = b.node().referrals.thread(thread)?.folded;
        (theirs == ours).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e32_a_referral_goes_its_way_and_both_nodes_agree_at_every_step() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    // Not the provider's to take; not allowed yet; nothing is sent.
    assert_eq!(
        refused(try_step(b, first, Action::Expired).await),
        "REF-07 step 'expired' from 'sent' is for the originator to take, not for the provider. Ask them."
    );
    let early = refused(try_step(a, first, Action::IdentityReleased).await);
    assert!(early.starts_with("REF-07 step 'identity-released' is not allowed from 'sent'."));
    take(b, first, Action::Acknowledged).await;
    stands(a, &first, State::Acknowledged).await;
    // A note never tells who the person is.
    let telling = Wanted {
        thread: first,
        action: Action::InfoAsked {
            topic: InfoTopic::Needs,
        },
        note: Some(Private::new("Is it her on +999 55 010 22?".into())),
        identity: None,
    };
    match b.node().take_step(telling, false).await {
        Err(ReferralError::Checks(found)) => assert_eq!(found[0].code, "REF-05"),
        other => panic!("{other:?}"),
    }
    take(b, first, NO_PLACE).await;
    // Declined: the next candidate is asked by itself, in a thread of its own.
    stands(a, &first, State::Declined).await;
    let second = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    assert_ne!(first, second);
    assert_eq!(
        refused(try_step(b, first, Action::Accepted).await),
        "REF-07 step 'accepted' is not allowed from 'declined'. Send a new referral."
    );
    let topic = InfoTopic::Health;
    for (by, other, action, state) in [
        (c, a, Action::InfoAsked { topic }, State::InfoAsked),
        (a, c, Action::InfoGiven { topic }, State::InfoGiven),
        (c, a, Action::Accepted, State::Accepted),
        (a, c, Action::IdentityReleased, State::IdentityReleased),
        (c, a, FIRST, State::Assisting),
        (c, a, Action::FollowedUp { number: 1 }, State::FollowedUp),
    ] {
        take(by, second, action).await;
        stands(other, &second, state).await;
        agree(by, other, &second).await;
        let named = identity(c, &second);
        assert_eq!(
            named.is_some(),
            state.is_taken() && state != State::Accepted,
            "{state}"
        );
    }
    let held = identity(c, &second).expect("released");
    assert_eq!(name_in(c, &held).as_deref(), Some(NAME));
    let closing = Action::Closed {
        reason: ClosureReason::Integrated,
    };
    take(c, second, closing).await;
    stands(a, &second, State::Closed).await;
    // Neither candidate ever learned of the other, not even an id.
    federation.settled().await;
    for (node, other) in [(b, &second), (c, &first)] {
        assert!(
            node.node()
                .store
                .arrival_of(other)
                .expect("store")
                .is_none()
        );
        assert!(!a.tap.sent_contains(&node.agency, other.as_bytes()));
    }
    assert!(identity(b, &first).is_none());
}

/// The identity that a node may read now, as far as it holds one.
fn identity(node: &TestNode, thread: &RecordId) -> Option<RecordId> {
    let thread = node.node().referrals.thread(thread)?;
    let held = thread.parts(ReferralPart::Identity).next()?;
    thread.readable().contains(&held).then_some(held)
}

#[tokio::test(flavor = "multi_thread")]
async fn e30_steps_taken_while_the_line_was_down_are_both_kept_and_flagged() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    federation.cut("a", "b").await;
    let expired = take(a, thread, Action::Expired).await.id.expect("made");
    let accepted = take(b, thread, Action::Accepted).await.id.expect("made");
    stands(a, &thread, State::Expired).await;
    stands(b, &thread, State::Accepted).await;
    federation.mend("a", "b").await;
    // The table says that an acceptance counts; both are here, at both.
    for node in [a, b] {
        let both = until(node, "flagged", |node| {
            let thread = node.node().referrals.thread(&thread)?;
            (!thread.folded.conflicts.is_empty()).then_some(thread)
        })
        .await;
        assert_eq!(both.state(), State::Accepted);
        let flagged = Conflict {
            kept: accepted,
            other: expired,
        };
        assert_eq!(both.folded.conflicts, [flagged]);
        assert_eq!(both.steps().len(), 2);
        let line = node.node().referrals.line(&thread, false).expect("a line");
        assert!(line.conflict && line.prompts.contains(&Prompt::Conflict));
    }
    agree(a, b, &thread).await;
}

/// The same field, changed on both sides: what the person agreed to.
#[tokio::test(flavor = "multi_thread")]
async fn e30_consent_recorded_twice_while_the_line_was_down_is_kept_and_flagged() {
    use ConsentScope::{Assistance, Return, ShareIdentity, ShareProfile};
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    let given = |scope: &[ConsentScope]| Action::Consent {
        state: ConsentState::Given,
        scope: scope.iter().copied().collect(),
        date: Date::from_millis(a.node().clock.now()),
        keep_until: None,
    };
    federation.cut("a", "b").await;
    let at_a = given(&[Assistance, ShareProfile, ShareIdentity]);
    let at_a = take(a, thread, at_a).await.id.expect("made");
    let at_b = given(&[Assistance, ShareProfile, Return]);
    let at_b = take(b, thread, at_b).await.id.expect("made");
    federation.mend("a", "b").await;
    for node in [a, b] {
        let both = until(node, "flagged", |node| {
            let thread = node.node().referrals.thread(&thread)?;
            (!thread.folded.conflicts.is_empty()).then_some(thread)
        })
        .await;
        assert_eq!(both.steps().len(), 2);
        let [one] = both.folded.conflicts[..] else {
            panic!("{:?}", both.folded.conflicts);
        };
        let flagged = BTreeSet::from([one.kept, one.other]);
        assert_eq!(flagged, BTreeSet::from([at_a, at_b]));
        // Only what both say counts.
        let scope = both.consent().1;
        assert_eq!(*scope, BTreeSet::from([Assistance, ShareProfile]));
        refers(node);
        let shown = node.json(&["refer", "show", &thread.full()]).await;
        let says = shown["conflicts"][0]["says"].as_str().expect("a conflict");
        assert!(says.contains("recorded twice"), "{says}");
        let inbox = node.json(&["inbox"]).await;
        assert_eq!(inbox["rows"][0]["conflict"], true, "{inbox}");
    }
    agree(a, b, &thread).await;
    // Whoever asks the person again, knowing of both, settles it.
    take(a, thread, given(&[Assistance, ShareProfile, ShareIdentity])).await;
    for node in [a, b] {
        until(node, "settled", |node| {
            let thread = node.node().referrals.thread(&thread)?;
            thread.folded.conflicts.is_empty().then_some(())
        })
        .await;
    }
    agree(a, b, &thread).await;
}

/// How long an agency may take is in its configuration; what is late stands in the inbox, here
/// and, as a reminder, there.
#[tokio::test(flavor = "multi_thread")]
async fn e32_what_is_overdue_by_the_configured_clock_stands_in_the_inbox_of_both() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let config = "[referral]\nacknowledge_min = [10, 20, 30]\ndecide_min = [40, 50, 60]\n";
    let federation = by_one_clock(&clock, &["a", "b"], config).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    for node in [a, b] {
        refers(node);
    }
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    let row = async |node: &TestNode| node.json(&["inbox"]).await["rows"][0].clone();
    for node in [a, b] {
        let row = row(node).await;
        assert_eq!(row["due"]["what"], "acknowledge", "{row}");
        let left = row["due"]["left_ms"].as_i64().expect("time");
        // Its clock begins when it is signed, a little after whatever was signed before.
        assert!((0..=21 * 60_000).contains(&left), "{row}");
        assert!(row["prompts"].is_null(), "{row}");
    }
    pass(&federation, &clock, 19 * 60_000).await;
    assert_eq!(a.node().referrals.fired() + b.node().referrals.fired(), 0);
    pass(&federation, &clock, 3 * 60_000).await;
    for (node, says) in [(a, "telephone its duty desk"), (b, "this agency is late")] {
        until(node, "it is late", |node| {
            (node.node().referrals.fired() == 1).then_some(())
        })
        .await;
        let row = row(node).await;
        assert!(row["prompts"].to_string().contains(says), "{row}");
        let count = node.json(&["status"]).await["referrals"].clone();
        let overdue = u64::from(node.name == "b");
        assert_eq!(count["overdue"], overdue, "{count}");
    }
    // It is not over: nobody is left to be asked, so that b may still take the person.
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_another_program_would_send_is_kept_without_effect() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    // Past the checks of its own node: b helps itself to the identity.
    let forged = seal_step(b, a, thread, Action::IdentityReleased).await;
    let both = until(a, "kept", |a| {
        let thread = a.node().referrals.thread(&thread)?;
        thread.step(&forged).is_some().then_some(thread)
    })
    .await;
    assert_eq!(both.state(), State::Sent);
    let refused = both.folded.refused.first().expect("refused");
    assert_eq!((refused.id, refused.refusal.by), (forged, Party::Provider));
    agree(a, b, &thread).await;
    assert!(!both.folded.identity_released);
}

async fn seal_step(by: &TestNode, to: &TestNode, on: RecordId, action: Action) -> RecordId {
    let step = Step {
        on,
        seen: BTreeSet::new(),
        action,
        note: None,
    };
    let sealing = Sealing {
        inside: inside(Personal::Step(step)),
        recipients: BTreeSet::from([to.agency]),
        thread: Some(on),
        respond_by: None,
    };
    let made = by.node().ingest.seal(vec![sealing], Vec::new()).await;
    made.expect("sealed").first().expect("one").0
}

fn withdrawn_consent(node: &TestNode) -> Action {
    Action::Consent {
        state: ConsentState::Withdrawn,
        scope: BTreeSet::new(),
        date: Date::from_millis(node.node().clock.now()),
        keep_until: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e31_consent_withdrawn_at_the_provider_erases_everything_at_both() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    take(b, first, NO_PLACE).await;
    let second = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    take(c, second, Action::Accepted).await;
    stands(a, &second, State::Accepted).await;
    take(a, second, Action::IdentityReleased).await;
    stands(c, &second, State::IdentityReleased).await;
    let name = identity(c, &second).expect("released");
    let steps: Vec<RecordId> = {
        let thread = c.node().referrals.thread(&second).expect("here");
        thread.steps().keys().copied().collect()
    };
    take(c, second, withdrawn_consent(c)).await;
    // Everywhere, also at the candidate that had declined.
    for (node, thread) in [(a, &first), (a, &second), (b, &first), (c, &second)] {
        gone(node, thread).await;
        closed(node, thread).await;
    }
    for id in steps.iter().chain([&name]) {
        for node in [a, c] {
            closed(node, id).await;
        }
    }
    // The case goes last, when all else of it is gone.
    until(a, "its case is gone", |a| {
        let left = a.node().cases.ids().expect("keyring");
        left.is_empty().then_some(())
    })
    .await;
    for id in [&first, &second, &name] {
        crate::withdrawal::until(a, id, "erased", |view| {
            let recipients = view["recipients"].as_array().expect("recipients");
            recipients.iter().all(|r| r["state"] == "erased")
        })
        .await;
        // A receipt is signed when the key is destroyed, not before.
        for node in [b, c] {
            assert!(!node.node().keyring.holds(id), "{}", node.name);
        }
    }
}

/// A step that tells of an emergency makes none: nobody else is asked for it, and whoever was
/// not asked is not forgotten. Consent makes the next profile.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_makes_no_emergency_and_drops_no_candidate() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    let consent = |state, scope: &[ConsentScope]| Action::Consent {
        state,
        scope: scope.iter().copied().collect(),
        date: Date::from_millis(b.node().clock.now()),
        keep_until: None,
    };
    // Past what its own node lets it say.
    let emergency = step(first, consent(ConsentState::Emergency, &[]));
    say(b, a, first, emergency).await;
    take(b, first, NO_PLACE).await;
    stands(a, &first, State::Declined).await;
    federation.settled().await;
    assert!(states(c).is_empty());
    let (case, _) = a.node().cases.of_thread(&first).expect("a case");
    let asked = || {
        a.node()
            .cases
            .read(&case)
            .expect("here")
            .expect("kept")
            .asked
    };
    assert_eq!(asked().len(), 2);
    assert!(asked().iter().any(|asked| asked.thread.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_taken_back_when_the_person_no_longer_agrees_to_it() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    take(b, thread, Action::Accepted).await;
    stands(a, &thread, State::Accepted).await;
    take(a, thread, Action::IdentityReleased).await;
    stands(b, &thread, State::IdentityReleased).await;
    let name = identity(b, &thread).expect("released");
    let less = Action::Consent {
        state: ConsentState::Given,
        scope: BTreeSet::from([ConsentScope::Assistance, ConsentScope::ShareProfile]),
        date: Date::from_millis(b.node().clock.now()),
        keep_until: None,
    };
    take(b, thread, less).await;
    assert!(
        identity(b, &thread).is_none(),
        "at once, before the erasure"
    );
    closed(b, &name).await;
    assert_eq!(name_in(b, &name), None);
    let again = refused(try_step(a, thread, Action::IdentityReleased).await);
    assert_eq!(again, "the step is refused for 1 reasons");
    assert_eq!(
        stands(a, &thread, State::IdentityReleased).await.peer,
        b.agency
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_sent_by_mistake_is_taken_back_by_its_originator_only() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::Standard, NAME).await;
    opens(b, &thread).await;
    let mistake = Action::Withdrawn {
        reason: WithdrawalReason::Error,
    };
    stands(b, &thread, State::Sent).await;
    assert!(refused(try_step(b, thread, mistake.clone()).await).contains("for the originator"));
    let made = take(a, thread, mistake).await;
    assert!(made.done.iter().any(|done| done.contains("retracted")));
    gone(b, &thread).await;
}

/// A node whose clock stands where it is set, and peers that it was linked with and that do not
/// answer.
async fn with_silent_peers(clock: &Arc<ManualClock>) -> Federation {
    let mut federation = Federation::new();
    for (name, sector) in [("a", "border"), ("b", "ngo"), ("c", "ngo"), ("h", "hub")] {
        federation
            .prepare(name, sector, "QN")
            .with_clock(clock.clone());
        federation.node(name).start().await;
    }
    for peer in ["b", "c", "h"] {
        federation.link("a", peer).await;
    }
    for name in ["a", "b", "c", "h"] {
        federation[name].policy(OPEN).await;
    }
    for peer in ["b", "c", "h"] {
        federation.node(peer).stop().await;
    }
    federation.node("a").stop().await;
    federation.node("a").start().await;
    federation
}

/// The overdue notices that a node sealed.
fn notices(node: &TestNode) -> usize {
    let vault = &node.node().vault;
    let overdue = liaison_protocol::record::codes::PersonalKind::Overdue;
    let changes = vault.after(0, 10_000);
    let kinds = changes.iter().filter_map(|(_, c)| vault.gist(c.id()));
    kinds.filter(|gist| gist.kind == overdue).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deadline_fires_once_across_restarts_and_jumps_of_the_clock() {
    let start = liaison_tests::raw::from_now(0).wall();
    let clock = Arc::new(ManualClock::new(start));
    let mut federation = with_silent_peers(&clock).await;
    let [b, c] = ["b", "c"].map(|n| federation[n].agency);
    let first = {
        let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
        refer(a, &[b, c], Urgency::Critical, NAME).await
    };
    // Its clock began when it was signed, and that is after whatever was signed before.
    let start = federation["a"].node().referrals.thread(&first);
    let start = start.expect("here").start;
    clock.set(start);
    // A minute before the first deadline nothing happens, restart or not.
    clock.set(Millis(start.0 + HOUR - 60_000));
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &first, State::Sent).await;
    assert_eq!((notices(a), a.node().referrals.fired()), (0, 0));
    // Then the candidate is closed to, the hub is told, and the next one is asked: once.
    clock.set(Millis(start.0 + HOUR));
    let second = until(a, "c is asked", |a| {
        let threads = a.node().referrals.threads();
        Some(threads.iter().find(|t| t.peer == c)?.id)
    })
    .await;
    let closed_to = stands(a, &first, State::Expired).await;
    assert_eq!((closed_to.peer, notices(a)), (b, 1));
    let asked_at = a.node().referrals.thread(&second).expect("here").created;
    // Back by less than what makes a clock doubtful, and by more; through restarts.
    for back in [HOUR / 2, 2 * HOUR] {
        clock.set(Millis(start.0 + HOUR - back));
        federation.node("a").stop().await;
        federation.node("a").start().await;
        clock.set(Millis(start.0 + HOUR + 1));
    }
    let a = &federation["a"];
    stands(a, &second, State::Sent).await;
    assert_eq!((notices(a), a.node().referrals.fired()), (1, 0));
    assert_eq!(a.node().referrals.threads().len(), 2);
    // A jump over both of the last candidate's deadlines, while the node is down: each fires,
    // and nobody is left to be asked.
    federation.node("a").stop().await;
    clock.set(Millis(asked_at.0 + 5 * HOUR));
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &second, State::Expired).await;
    assert_eq!((notices(a), a.node().referrals.fired()), (2, 2));
    let untaken = a.node().untaken(clock.now()).expect("lines");
    let prompts: Vec<Vec<Prompt>> = untaken.into_iter().map(|l| l.prompts).collect();
    assert_eq!(prompts, [[Prompt::RecordGap]]);
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &second, State::Expired).await;
    assert_eq!((notices(a), a.node().referrals.fired()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_of_assistance_and_follow_ups_fire_once_each_at_both_sides() {
    let start = liaison_tests::raw::from_now(0).wall();
    let clock = Arc::new(ManualClock::new(start));
    let mut federation = with_silent_peers(&clock).await;
    federation.node("b").start().await;
    federation.connected("a", "b").await;
    let thread = {
        let [a, b] = ["a", "b"].map(|n| &federation[n]);
        let thread = refer(a, &[b], Urgency::Critical, NAME).await;
        stands(b, &thread, State::Sent).await;
        take(b, thread, Action::Accepted).await;
        stands(a, &thread, State::Accepted).await;
        thread
    };
    // Apart from each other, so that no clock is compared while it jumps.
    for name in ["a", "b"] {
        federation.node(name).stop().await;
    }
    let mut now = start.0;
    let mut fired = 0;
    for (name, other) in [("a", "b"), ("b", "a")] {
        assert!(!federation[other].runs());
        federation.node(name).start().await;
        clock.set(Millis(start.0 + 13 * HOUR));
        let node = &federation[name];
        until(node, "first assistance is late", |node| {
            (node.node().referrals.fired() == 1).then_some(())
        })
        .await;
        fired += node.node().referrals.fired();
        stands(node, &thread, State::Accepted).await;
        federation.node(name).stop().await;
    }
    assert_eq!(fired, 2);
    now += 13 * HOUR;
    for name in ["a", "b"] {
        federation.node(name).start().await;
    }
    federation.connected("a", "b").await;
    take(&federation["b"], thread, FIRST).await;
    stands(&federation["a"], &thread, State::Assisting).await;
    federation.node("b").stop().await;
    federation.node("a").stop().await;
    federation.node("a").start().await;
    // Two weeks, in leaps that a clock may take: one reminder, and then the question how the
    // person is.
    let began = now;
    while now < began + 15 * DAY {
        now += DAY - HOUR;
        clock.set(Millis(now));
        let a = &federation["a"];
        until(a, "it took note of the time", |a| {
            (a.node().time.trusted().is_ok()).then_some(())
        })
        .await;
    }
    let a = &federation["a"];
    until(a, "both fired", |a| {
        (a.node().referrals.fired() == 2).then_some(())
    })
    .await;
    let line = a.node().referrals.line(&thread, false).expect("a line");
    assert!(line.prompts.contains(&Prompt::CheckWelfare));
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &thread, State::Assisting).await;
    assert_eq!(a.node().referrals.fired(), 0);
}

/// The assessment that a referral was made with goes to who accepts, once, and to nobody before.
#[tokio::test(flavor = "multi_thread")]
async fn the_assessment_goes_to_the_provider_that_accepts() {
    let mut federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let id = case(a, &[b, c], profile(), NAME);
    let assessed = inside(Part::Assessment(Box::new(assessment("Holundermarke"))));
    let json = assessed.show_content().expect("it fits");
    let json = String::from_utf8(json.to_vec()).expect("text");
    let changed = a.node().cases.change(&id, |case| {
        let text = case.draft.expose().to_owned();
        let (_, rest) = text.split_once('{').expect("an object");
        case.draft = Draft::new(format!("{{\"assessment\":{json},{rest}"));
    });
    changed.expect("kept").expect("here");
    let first = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &first, State::Sent).await;
    take(b, first, NO_PLACE).await;
    let second = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    let assessed = |node: &TestNode, thread: &RecordId| {
        let thread = node.node().referrals.thread(thread)?;
        thread.parts(ReferralPart::Assessment).next()
    };
    assert_eq!(assessed(c, &second), None);
    take(c, second, Action::Accepted).await;
    let sent = until(c, "it has the assessment", |c| assessed(c, &second)).await;
    let read = c.node().vault.inside(&sent).expect("vault").expect("opens");
    let note = read.assessment().and_then(|a| a.factors[0].note.clone());
    assert!(note.is_some_and(|note| note.expose() == "Holundermarke"));
    federation.settled().await;
    assert_eq!(assessed(b, &first), None);
    // Not a second time, after a restart neither.
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let [a, c] = ["a", "c"].map(|n| &federation[n]);
    stands(a, &second, State::Accepted).await;
    take(a, second, Action::IdentityReleased).await;
    let thread = stands(c, &second, State::IdentityReleased).await;
    assert_eq!(thread.parts(ReferralPart::Assessment).count(), 1);
}

/// What the other agency wrote is closed at the originator with the rest, though that agency
/// can't be reached and has retracted nothing yet.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_withdrawal_the_other_sides_words_are_closed_at_once() {
    let federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let thread = refer(a, &[b], Urgency::High, NAME).await;
    stands(b, &thread, State::Sent).await;
    let topic = InfoTopic::Needs;
    let asked = take(b, thread, Action::InfoAsked { topic }).await;
    let asked = asked.id.expect("made");
    stands(a, &thread, State::InfoAsked).await;
    opens(a, &asked).await;
    federation.cut("a", "b").await;
    let back = Action::Withdrawn {
        reason: WithdrawalReason::ConsentWithdrawn,
    };
    take(a, thread, back).await;
    gone(a, &thread).await;
    closed(a, &asked).await;
    assert!(!a.node().keyring.holds(&asked));
    federation.mend("a", "b").await;
    gone(b, &thread).await;
    closed(b, &asked).await;
}

/// A profile that went out before its case knew of it is the case's after the next start, and
/// no second one goes out.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_out_is_claimed_by_its_case_and_not_sent_twice() {
    let mut federation = Federation::mesh(&["a", "b"], OPEN).await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let id = case(a, &[b], profile(), NAME);
    let thread = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &thread, State::Sent).await;
    // As a stop between the seal and the case's file leaves it.
    let left = a
        .node()
        .cases
        .change(&id, |case| case.asked[0].thread = None);
    left.expect("kept").expect("here");
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let [a, b] = ["a", "b"].map(|n| &federation[n]);
    let claimed = until(a, "it is the case's", |a| a.node().cases.of_thread(&thread)).await;
    assert_eq!(claimed, (id.clone(), 0));
    assert_eq!(a.node().ask(&id, 0).await.expect("asked"), thread);
    federation.settled().await;
    assert_eq!(states(b), [(thread, State::Sent)]);
}

/// Where nobody else can be asked, the officer is told why, in the inbox and in the status.
#[tokio::test(flavor = "multi_thread")]
async fn who_can_ask_nobody_else_is_told_so() {
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    let first = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &first, State::Sent).await;
    let less = Action::Consent {
        state: ConsentState::Given,
        scope: BTreeSet::from([ConsentScope::Assistance]),
        date: Date::from_millis(a.node().clock.now()),
        keep_until: None,
    };
    take(a, first, less).await;
    take(b, first, NO_PLACE).await;
    let untaken = until(a, "an officer has to act", |a| {
        let lines = a.node().untaken(a.node().clock.now()).expect("lines");
        lines.into_iter().next()
    })
    .await;
    assert_eq!(untaken.prompts, [Prompt::AskConsent]);
    let status = a.json(&["status"]).await;
    let alerts = status["alerts"].to_string();
    assert!(alerts.contains("nobody else is asked"), "{alerts}");
    assert_eq!(states(c), []);

    // Of another, the candidate that is left is a peer no longer.
    let second = refer(a, &[b, c], Urgency::High, NAME).await;
    stands(b, &second, State::Sent).await;
    a.cli(&["peer", "remove", "c", "--yes"]).await;
    take(b, second, NO_PLACE).await;
    let why = until(a, "an officer has to act", |a| {
        let lines = a.node().untaken(a.node().clock.now()).expect("lines");
        let line = lines.into_iter().find(|line| line.id == second)?;
        Some(line.prompts)
    })
    .await;
    assert_eq!(why, [Prompt::NobodyCanBeAsked]);
    assert_eq!(a.node().stuck_referrals(), 2);
}
