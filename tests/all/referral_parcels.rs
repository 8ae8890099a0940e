//! Referrals between agencies that are never connected: everything goes by a hub's mailbox.

use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Profile};
use liaison_protocol::record::codes::{AssistPhase, Urgency};
use liaison_tests::TestNode;
use liaison_tests::referral::{case_of, pass, stands, take, until};
use liaison_tests::sealed::{opens, profile};

use crate::parcels::{AFTER_S, around, cuts, keeps, kept_for, ledger, lie, outbox};

const HOUR: u64 = 3_600_000;

/// Refers somebody who is a citizen of none of the countries here: the hub's may carry it.
async fn refer(from: &TestNode, to: &TestNode, urgency: Urgency, name: &str) -> RecordId {
    let profile = Profile {
        urgency,
        ..profile()
    };
    let case = case_of(&["QM"], from, &[to], profile, name);
    from.node().ask(&case, 0).await.expect("asked")
}

#[tokio::test(flavor = "multi_thread")]
async fn e27_a_referral_its_steps_and_its_deadlines_go_through_a_mailbox() {
    let (mut federation, clock) = around(&["hub"], &["a", "b"]).await;
    cuts(&federation, &clock, "a", "b").await;
    clock.advance(2 * AFTER_S * 1_000);
    federation.node("b").stop().await;
    let taken = {
        let [a, b] = ["a", "b"].map(|name| &federation[name]);
        refer(a, b, Urgency::High, "Quittenmarke Zwetschge").await
    };
    outbox(&federation["a"], "the profile lies at the hub", lie).await;
    // Its parcel does not tell that it is about a person: what is taken back goes before it.
    let names = kept_for(&federation["hub"], &federation["b"]);
    assert!(
        !names.is_empty() && names.iter().all(|name| name.ends_with("-other")),
        "{names:?}"
    );
    federation.node("b").start().await;
    clock.advance(2 * AFTER_S * 1_000);
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    stands(b, &taken, State::Sent).await;
    let first = AssistPhase::First;
    for (by, other, action, state) in [
        (b, a, Action::Acknowledged, State::Acknowledged),
        (b, a, Action::Accepted, State::Accepted),
        (a, b, Action::IdentityReleased, State::IdentityReleased),
        (b, a, Action::Assisting { phase: first }, State::Assisting),
    ] {
        let step = take(by, taken, action).await.id.expect("made");
        stands(other, &taken, state).await;
        // A step comes with a parcel, and the word that it came with the next.
        let came = ledger(other, &step, &by.name).await;
        assert_eq!(
            (&came["direction"], &came["path"]),
            (&"received".into(), &"mailbox".into()),
            "{state}: {came}"
        );
    }
    let identity = a.node().referrals.thread(&taken).expect("here");
    let part = liaison_protocol::record::codes::ReferralPart::Identity;
    let identity = identity.parts(part).next().expect("released");
    opens(b, &identity).await;

    // One that nobody answers in time: each deadline fires once at the one who waits, and that
    // it is over goes the same way.
    let silent = refer(a, b, Urgency::Critical, "Mispelmarke Schlehe").await;
    stands(b, &silent, State::Sent).await;
    let fired = a.node().referrals.fired();
    let fires = |count: u64| {
        let what = format!("{count} deadlines fired");
        async move {
            until(a, &what, |a| {
                (a.node().referrals.fired() - fired == count).then_some(())
            })
            .await;
        }
    };
    pass(&federation, &clock, HOUR + 60_000).await;
    fires(1).await;
    stands(a, &silent, State::Sent).await;
    pass(&federation, &clock, 4 * HOUR).await;
    fires(2).await;
    stands(a, &silent, State::Expired).await;
    stands(b, &silent, State::Expired).await;
    federation.node("a").stop().await;
    federation.node("a").start().await;
    let a = &federation["a"];
    stands(a, &silent, State::Expired).await;
    keeps(&federation["hub"], a, 0).await;
    assert_eq!(a.node().referrals.fired(), 0);
    stands(a, &taken, State::Assisting).await;
    federation.stop().await;
}
