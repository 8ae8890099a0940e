//! Referrals on real nodes with anybody taking any step at any time, over lines that break.

use std::collections::BTreeSet;

use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Party, State};
use liaison_protocol::personal::Action;
use liaison_protocol::record::codes::{
    AssistPhase, ClosureReason, ConsentScope, ConsentState, DeclineReason, InfoTopic, ReferralPart,
    Urgency, WithdrawalReason,
};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::OPEN;
use liaison_tests::referral::{refer, states, try_step, until};
use liaison_tests::{Federation, TestNode};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % most
    }
}

fn actions(node: &TestNode) -> Vec<Action> {
    let date = Date::from_millis(node.node().clock.now());
    let given = |scope: &[ConsentScope]| Action::Consent {
        state: ConsentState::Given,
        scope: scope.iter().copied().collect(),
        date,
    };
    let all = [
        ConsentScope::Assistance,
        ConsentScope::ShareProfile,
        ConsentScope::ShareIdentity,
    ];
    let topic = InfoTopic::Needs;
    vec![
        Action::Acknowledged,
        Action::InfoAsked { topic },
        Action::InfoGiven { topic },
        Action::Accepted,
        Action::Accepted,
        Action::Declined {
            reason: DeclineReason::NoCapacity,
        },
        Action::Expired,
        Action::IdentityReleased,
        Action::IdentityReleased,
        Action::Assisting {
            phase: AssistPhase::First,
        },
        Action::FollowedUp { number: 1 },
        Action::Closed {
            reason: ClosureReason::Integrated,
        },
        Action::Missing,
        Action::Located,
        given(&all),
        given(&all[..2]),
        Action::Guardian { since: date },
        Action::Reclassified {
            urgency: Urgency::Standard,
        },
    ]
}

/// Nobody reads an identity but a provider that accepted, to which it was released, and only
/// while the person agrees.
fn identities_are_where_they_may_be(node: &TestNode) {
    for thread in node.node().referrals.threads() {
        let readable: BTreeSet<RecordId> = thread.readable().into_iter().collect();
        let named = thread
            .parts(ReferralPart::Identity)
            .any(|id| readable.contains(&id));
        if thread.role == Party::Provider && named {
            let (state, scope) = thread.consent();
            assert!(thread.folded.moments.accepted.is_some());
            assert!(thread.folded.identity_released);
            assert_eq!(state, ConsentState::Given);
            assert!(scope.contains(&ConsentScope::ShareIdentity));
        }
    }
}

async fn random(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let federation = Federation::mesh(&["a", "b", "c"], OPEN).await;
    let [a, b, c] = ["a", "b", "c"].map(|n| &federation[n]);
    for _ in 0..2 {
        refer(a, &[b, c], Urgency::High, "Quittenmarke").await;
    }
    let mut cut: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..30 {
        match dice.below(10) {
            0 => {
                let other = ["b", "c"][dice.below(2)];
                if cut.insert(other) {
                    federation.cut("a", other).await;
                }
            }
            1 => {
                if let Some(other) = cut.pop_first() {
                    federation.mend("a", other).await;
                }
            }
            _ => {
                let node = [a, a, b, c][dice.below(4)];
                let threads = states(node);
                if threads.is_empty() {
                    continue;
                }
                let (thread, _) = threads[dice.below(threads.len())];
                let mut actions = actions(node);
                let action = actions.swap_remove(dice.below(actions.len()));
                // What is not allowed is refused, and nothing is sent.
                let _refused = try_step(node, thread, action).await;
            }
        }
        for node in [a, b, c] {
            identities_are_where_they_may_be(node);
        }
    }
    // One is taken back at the end, whatever became of it.
    if let Some((thread, _)) = states(a).first() {
        let back = Action::Withdrawn {
            reason: WithdrawalReason::ConsentWithdrawn,
        };
        let _gone_already = try_step(a, *thread, back).await;
    }
    for other in cut {
        federation.mend("a", other).await;
    }
    for node in [b, c] {
        until(node, "of one mind with the originator", |node| {
            let with =
                |t: &liaison_node::referral::Thread| t.peer == node.agency || t.own == node.agency;
            let ours = a.node().referrals.threads().into_iter().filter(with);
            let theirs = node.node().referrals.threads();
            let ours: Vec<_> = ours.map(|t| (t.id, t.folded)).collect();
            let theirs: Vec<_> = theirs.into_iter().map(|t| (t.id, t.folded)).collect();
            (ours == theirs).then_some(())
        })
        .await;
        identities_are_where_they_may_be(node);
    }
    // What was withdrawn anywhere is nowhere.
    for node in [a, b, c] {
        assert!(
            states(node)
                .iter()
                .all(|(_, state)| *state != State::Withdrawn)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_steps_of_anybody_over_lines_that_break_end_in_one_state() {
    let seeds = std::env::var("LIAISON_REFERRAL_SEEDS").ok();
    let seeds = seeds.and_then(|n| n.parse().ok()).unwrap_or(3);
    for seed in 1..=seeds {
        eprintln!("seed {seed}");
        random(seed).await;
    }
}
