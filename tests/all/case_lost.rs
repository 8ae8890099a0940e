//! The file of a referral is damaged, or can't be read: what is kept there of whom it went to is
//! known all the same while the node runs, and nothing more goes out than with it.

use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_node::referral::{CaseId, ReferralError, Wanted};
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::State;
use liaison_protocol::personal::{Action, Profile};
use liaison_protocol::record::codes::{DeclineReason, Urgency, WithdrawalReason};
use liaison_tests::referral::{by_one_clock, case, gone, stands, states, take, until};
use liaison_tests::sealed::{closed, identity, profile};
use liaison_tests::{Federation, TestNode};

use crate::emergency::accepted;

const NAME: &str = "Quittenmarke Zwetschge";

/// A case of A's that B declined and C accepted: its name, and both threads.
pub async fn went_to_two(federation: &Federation, name: &str) -> (CaseId, [RecordId; 2]) {
    let [a, b, c] = ["a", "b", "c"].map(|node| &federation[node]);
    let standard = Profile {
        urgency: Urgency::Standard,
        ..profile()
    };
    let id = case(a, &[b, c], standard, name);
    let first = a.node().ask(&id, 0).await.expect("asked");
    stands(b, &first, State::Sent).await;
    let declined = Action::Declined {
        reason: DeclineReason::NoCapacity,
    };
    take(b, first, declined).await;
    let second = until(c, "c is asked", |c| Some(states(c).first()?.0)).await;
    take(c, second, Action::Accepted).await;
    stands(a, &second, State::Accepted).await;
    (id, [first, second])
}

fn file(node: &TestNode, id: &CaseId) -> std::path::PathBuf {
    node.home.dir().join("keyring/files").join(id.as_str())
}

fn released(thread: RecordId) -> Wanted {
    Wanted {
        thread,
        action: Action::IdentityReleased,
        note: None,
        identity: Some(Box::new(identity(NAME))),
    }
}

/// Whoever has a profile of it loses that when the person takes it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_reaches_every_candidate_though_the_case_is_damaged() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b", "c"], "").await;
    let (id, [first, second]) = went_to_two(&federation, NAME).await;
    let [a, b, c] = ["a", "b", "c"].map(|name| &federation[name]);
    std::fs::write(file(a, &id), b"nothing that opens").expect("the case");
    let back = Action::Withdrawn {
        reason: WithdrawalReason::ConsentWithdrawn,
    };
    take(c, second, back).await;
    gone(c, &second).await;
    gone(b, &first).await;
    for (node, thread) in [(b, first), (c, second), (a, first), (a, second)] {
        closed(node, &thread).await;
    }
}

/// An emergency of which it can't be read whether somebody looked at it again was not looked at.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_emergency_whose_case_can_t_be_read_nothing_more_goes_out() {
    let clock = Arc::new(ManualClock::new(liaison_tests::raw::from_now(0).wall()));
    let federation = by_one_clock(&clock, &["a", "b"], "").await;
    let [a, b] = ["a", "b"].map(|name| &federation[name]);
    let (id, thread) = accepted(a, b, NAME).await;
    // The disk fails where it lies, which damages nothing: it is not put into quarantine.
    let place = file(a, &id);
    let kept = std::fs::read(&place).expect("the case");
    std::fs::remove_file(&place).expect("gone");
    std::fs::create_dir(&place).expect("what can't be read");
    for _ in 0..2 {
        match a.node().take_step(released(thread), false).await {
            Err(ReferralError::Checks(found)) => assert_eq!(found[0].code, "REF-03"),
            Ok(_) => panic!("who it is went out"),
            Err(error) => panic!("{error}"),
        }
    }
    std::fs::remove_dir(&place).expect("the disk works again");
    std::fs::write(&place, kept).expect("the case");
    let made = a.node().take_step(released(thread), false).await;
    made.expect("in time, and it can be read");
}
