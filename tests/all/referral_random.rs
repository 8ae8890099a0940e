//! Referrals on real nodes with anybody taking any step at any time, over lines that break.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use liaison_node::store::Arrival;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Folded, Party, State};
use liaison_protocol::personal::Action;
use liaison_protocol::record::codes::{
    AssistPhase, ClosureReason, ConsentScope, ConsentState, DeclineReason, InfoTopic, ReferralPart,
    Urgency, WithdrawalReason,
};
use liaison_protocol::record::date::Date;
use liaison_tests::federation::{OPEN, PATIENCE};
use liaison_tests::referral::{refer, states, try_step};
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
        keep_until: None,
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

/// Names of the nodes; the first is an originator, the others are its candidates. The last is
/// an originator too, with all others as its candidates.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// How long a change of another node may go unseen.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Steps that are tried in one run.
const STEPS: usize = 30;

/// Referrals between so many nodes; what anybody does comes from the seed.
async fn random(size: usize, seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let names = &NAMES[..size];
    let federation = Federation::mesh(names, OPEN).await;
    let nodes: Vec<&TestNode> = names.iter().map(|name| &federation[name]).collect();
    let reversed: Vec<&TestNode> = nodes.iter().rev().copied().collect();
    for order in [&nodes, &nodes, &reversed] {
        refer(order[0], &order[1..], Urgency::High, "Quittenmarke").await;
    }
    let mut cut: BTreeSet<(&str, &str)> = BTreeSet::new();
    for _ in 0..STEPS {
        match dice.below(10) {
            0 => {
                let one = dice.below(size - 1);
                let other = one + 1 + dice.below(size - one - 1);
                if cut.insert((names[one], names[other])) {
                    federation.cut(names[one], names[other]).await;
                }
            }
            1 => {
                if let Some((one, other)) = cut.pop_first() {
                    federation.mend(one, other).await;
                }
            }
            _ => {
                // Originators do more.
                let node = [nodes[0], reversed[0], nodes[dice.below(size)]][dice.below(3)];
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
        for node in &nodes {
            identities_are_where_they_may_be(node);
            each_takes_only_its_own_steps(node);
        }
    }
    // One is taken back at the end, whatever became of it.
    if let Some((thread, _)) = states(nodes[0]).first() {
        let back = Action::Withdrawn {
            reason: WithdrawalReason::ConsentWithdrawn,
        };
        let _gone_already = try_step(nodes[0], *thread, back).await;
    }
    for (one, other) in cut {
        federation.mend(one, other).await;
    }
    for (at, one) in nodes.iter().enumerate() {
        for other in &nodes[at + 1..] {
            agree(one, other).await;
        }
    }
    for node in &nodes {
        identities_are_where_they_may_be(node);
        each_takes_only_its_own_steps(node);
    }
}

/// Waits until two nodes say the same of what is between them, and nothing is left of what was
/// withdrawn.
async fn agree(one: &TestNode, other: &TestNode) {
    let same = async {
        let withdrawn = |(_, folded): &(RecordId, Folded)| folded.state == State::Withdrawn;
        loop {
            let ours = between(one, other);
            if ours == between(other, one) && !ours.iter().any(withdrawn) {
                return;
            }
            let mut changes = other.node().referrals.changes();
            let _again = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
        }
    };
    if tokio::time::timeout(PATIENCE, same).await.is_err() {
        let [ours, theirs] = [(one, other), (other, one)].map(|(node, peer)| told(node, peer));
        panic!("never of one mind:\n{ours}{theirs}");
    }
}

/// What a node knows of each record between it and another, for whoever has to find out why the
/// two differ.
fn told(node: &TestNode, other: &TestNode) -> String {
    let at = node.node();
    let settled = *at.sync.peers().of(&other.agency).settled().borrow();
    let up = node.is_up(&other.agency);
    let error = at.sync.peers().of(&other.agency).last_error();
    let mut text = format!(
        "{} to {}: up {up}, settled {settled:?} of {:?}, last error {error:?}\n",
        node.name,
        other.name,
        at.store.last()
    );
    for (id, folded) in between(node, other) {
        let _infallible = writeln!(text, "  thread {} {}", id.short(), folded.state);
        let _infallible = writeln!(text, "    waiting {:?}", folded.waiting);
    }
    let threads = at.referrals.threads().into_iter();
    let steps: BTreeMap<RecordId, String> = threads
        .flat_map(|thread| {
            let of = thread.id;
            let steps = thread.steps().clone().into_iter();
            steps.map(move |(id, held)| {
                let step = held.step.action.kind();
                (id, format!("{step} by {} in {}", held.by, of.short()))
            })
        })
        .collect();
    let rows = at.store.headers(Arrival(0), 100_000).expect("the store");
    for (arrival, header) in rows {
        let line = at.store.ledger_entry(&other.agency, arrival);
        let line = line.expect("the store");
        let Some(line) = line else { continue };
        let kind = liaison_node::kind::of(&header).map(|kind| kind.as_str());
        let _infallible = writeln!(
            text,
            "  {arrival:?} {} {kind:?} {:?}: {:?} {:?} by '{}', opens {}, {}",
            header.id.short(),
            header.flags,
            line.direction,
            line.answer,
            line.rule,
            at.vault.gist(&header.id).is_some(),
            steps.get(&header.id).map_or("-", String::as_str)
        );
    }
    text
}

/// Every step that anybody sent is one that this party may take at all, by a list of its own.
fn each_takes_only_its_own_steps(node: &TestNode) {
    for thread in node.node().referrals.threads() {
        for (id, held) in thread.steps() {
            let whose: &[Party] = match held.step.action {
                Action::Acknowledged
                | Action::InfoAsked { .. }
                | Action::Accepted
                | Action::Declined { .. }
                | Action::Assisting { .. }
                | Action::Transferred { .. }
                | Action::FollowedUp { .. } => &[Party::Provider],
                Action::InfoGiven { .. }
                | Action::Expired
                | Action::IdentityReleased
                | Action::Reclassified { .. } => &[Party::Originator],
                _ => &[Party::Provider, Party::Originator],
            };
            let step = held.step.action.kind();
            assert!(
                whose.contains(&held.by),
                "{}: {step} by {}",
                id.short(),
                held.by
            );
        }
    }
}

/// What a node knows of the referrals between it and another: the same on both sides, where
/// both hold the same steps.
fn between(node: &TestNode, other: &TestNode) -> Vec<(RecordId, Folded)> {
    let threads = node.node().referrals.threads().into_iter();
    let theirs = threads.filter(|thread| thread.peer == other.agency);
    theirs.map(|thread| (thread.id, thread.folded)).collect()
}

/// Tries some seeds on each number of nodes: a few, or those that the variables say.
async fn seeds(size: usize) {
    let given = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let first = given("LIAISON_REFERRAL_FIRST").unwrap_or(1);
    let last = given("LIAISON_REFERRAL_SEEDS").unwrap_or(4);
    for seed in first..=last {
        eprintln!("{size} nodes, seed {seed}");
        random(size, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_steps_of_anybody_on_two_nodes_end_in_one_state() {
    seeds(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_steps_of_anybody_on_three_nodes_end_in_one_state() {
    seeds(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_steps_of_anybody_on_four_nodes_end_in_one_state() {
    seeds(4).await;
}
