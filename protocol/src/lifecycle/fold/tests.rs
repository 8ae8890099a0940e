//! Folds of steps in every order that they may come in.

use proptest::prelude::*;

use super::*;
use crate::record::codes::{ClosureReason, ConsentState, DeclineReason, InfoTopic};
use crate::record::date::Date;

#[derive(Clone, Debug)]
struct Held {
    id: RecordId,
    by: Party,
    step: Step,
}

fn id(n: u8) -> RecordId {
    RecordId::from_bytes([n; 32])
}

fn held(n: u8, by: Party, seen: &[u8], action: Action) -> Held {
    Held {
        id: id(n),
        by,
        step: Step {
            on: id(0),
            seen: seen.iter().copied().map(id).collect(),
            action,
            note: None,
        },
    }
}

fn folded<'a>(steps: impl IntoIterator<Item = &'a Held>) -> Folded {
    fold(steps.into_iter().map(|held| Entry {
        id: held.id,
        by: held.by,
        at: Millis(1_000),
        step: &held.step,
    }))
}

use Party::{Originator, Provider};

const DECLINED: Action = Action::Declined {
    reason: DeclineReason::NoCapacity,
};
const WITHDRAWN: Action = Action::Withdrawn {
    reason: WithdrawalReason::ConsentWithdrawn,
};

fn day() -> Date {
    Date::new(2031, 3, 14).expect("day")
}

fn consent(state: ConsentState, scope: &[ConsentScope]) -> Action {
    Action::Consent {
        state,
        scope: scope.iter().copied().collect(),
        date: day(),
        keep_until: None,
    }
}

#[test]
fn a_referral_goes_its_way() {
    let steps = [
        held(1, Provider, &[], Action::Acknowledged),
        held(
            2,
            Provider,
            &[1],
            Action::InfoAsked {
                topic: InfoTopic::Health,
            },
        ),
        held(
            3,
            Originator,
            &[2],
            Action::InfoGiven {
                topic: InfoTopic::Health,
            },
        ),
        held(4, Provider, &[3], Action::Accepted),
        held(5, Originator, &[4], Action::IdentityReleased),
        held(
            6,
            Provider,
            &[5],
            Action::Assisting {
                phase: AssistPhase::First,
            },
        ),
        held(
            7,
            Provider,
            &[6],
            Action::Assisting {
                phase: AssistPhase::LongTerm,
            },
        ),
        held(8, Provider, &[7], Action::FollowedUp { number: 1 }),
        held(
            9,
            Provider,
            &[8],
            Action::Closed {
                reason: ClosureReason::Integrated,
            },
        ),
    ];
    let states = [
        State::Sent,
        State::Acknowledged,
        State::InfoAsked,
        State::InfoGiven,
        State::Accepted,
        State::IdentityReleased,
        State::Assisting,
        State::Assisting,
        State::FollowedUp,
        State::Closed,
    ];
    for (n, state) in states.iter().enumerate() {
        assert_eq!(folded(&steps[..n]).state, *state);
    }
    let all = folded(&steps);
    assert_eq!(all.phase, Some(AssistPhase::LongTerm));
    assert_eq!(all.follow_ups, 1);
    assert!(all.refused.is_empty() && all.conflicts.is_empty());
    assert_eq!(all.heads, BTreeSet::from([id(9)]));
}

#[test]
fn steps_of_the_wrong_party_or_from_the_wrong_state_are_kept_without_effect() {
    let steps = [
        held(1, Originator, &[], Action::Accepted),
        held(2, Provider, &[1], DECLINED),
        held(3, Provider, &[2], Action::Accepted),
    ];
    let all = folded(&steps);
    assert_eq!(all.state, State::Declined);
    assert_eq!(all.applied, [id(2)]);
    let why: Vec<Why> = all.refused.iter().map(|r| r.refusal.why).collect();
    assert_eq!(why, [Why::Yours, Why::Here]);
    // The acceptance knew of the refusal: that is no conflict, that is a mistake.
    assert!(all.conflicts.is_empty());
    assert_eq!(
        all.refused[1].refusal.to_string(),
        "REF-07 step 'accepted' is not allowed from 'declined'. Send a new referral."
    );
}

#[test]
fn e30_of_two_steps_that_did_not_know_of_each_other_the_table_takes_one_and_keeps_both() {
    let first = [
        (Provider, WITHDRAWN),
        (Originator, Action::Missing),
        (Provider, Action::Accepted),
        (Provider, DECLINED),
        (Originator, Action::Expired),
    ];
    for (n, (by, one)) in first.iter().enumerate() {
        for (other_by, other) in &first[n + 1..] {
            // The order of ids and of arrival says nothing.
            for (a, b) in [(1, 2), (2, 1)] {
                let one = held(a, *by, &[], one.clone());
                let other = held(b, *other_by, &[], other.clone());
                let all = folded([&other, &one]);
                assert_eq!(all, folded([&one, &other]));
                assert_eq!(
                    all.applied,
                    [id(a)],
                    "{} {}",
                    one.step.action.kind(),
                    other.step.action.kind()
                );
                let conflict = Conflict {
                    kept: id(a),
                    other: id(b),
                };
                assert_eq!(all.conflicts, [conflict]);
            }
        }
    }
}

#[test]
fn a_late_acceptance_wins_over_an_expiry_that_it_did_not_know() {
    let steps = [
        held(1, Originator, &[], Action::Expired),
        held(2, Provider, &[], Action::Acknowledged),
        held(3, Provider, &[2], Action::Accepted),
    ];
    let all = folded(&steps);
    assert_eq!(all.state, State::Accepted);
    assert_eq!(
        all.conflicts,
        [Conflict {
            kept: id(3),
            other: id(1)
        }]
    );
}

#[test]
fn a_step_whose_past_is_not_here_waits() {
    let steps = [
        held(1, Provider, &[], Action::Acknowledged),
        held(2, Provider, &[1], Action::Accepted),
        held(
            3,
            Provider,
            &[2],
            Action::Assisting {
                phase: AssistPhase::First,
            },
        ),
    ];
    let part = folded([&steps[2], &steps[0]]);
    assert_eq!(part.state, State::Acknowledged);
    assert_eq!(part.waiting, BTreeSet::from([id(3)]));
    assert_eq!(part.heads, BTreeSet::from([id(1)]));
    assert_eq!(folded(&steps).state, State::Assisting);
}

#[test]
fn a_missing_person_is_found_where_they_were() {
    let mut steps = vec![
        held(1, Provider, &[], Action::Accepted),
        held(2, Provider, &[1], Action::Missing),
    ];
    let refused = held(
        3,
        Provider,
        &[2],
        Action::Assisting {
            phase: AssistPhase::First,
        },
    );
    assert_eq!(folded(&steps).state, State::Missing);
    assert_eq!(folded(steps.iter().chain([&refused])).state, State::Missing);
    steps.push(held(4, Originator, &[2], Action::Located));
    let found = folded(&steps);
    assert_eq!(
        (found.state, found.stands()),
        (State::Located, State::Accepted)
    );
    steps.push(held(
        5,
        Provider,
        &[4],
        Action::Assisting {
            phase: AssistPhase::First,
        },
    ));
    assert_eq!(folded(&steps).state, State::Assisting);
}

#[test]
fn a_provider_closes_for_a_missing_person_only_what_it_had_taken() {
    let closed = |by| {
        held(
            3,
            by,
            &[2],
            Action::Closed {
                reason: ClosureReason::LostContact,
            },
        )
    };
    let sent = [
        held(1, Provider, &[], Action::Acknowledged),
        held(2, Provider, &[1], Action::Missing),
    ];
    assert_eq!(
        folded(sent.iter().chain([&closed(Provider)])).state,
        State::Missing
    );
    assert_eq!(
        folded(sent.iter().chain([&closed(Originator)])).state,
        State::Closed
    );
}

#[test]
fn consent_withdrawn_by_whoever_heard_it_takes_it_back_even_when_it_is_closed() {
    for by in [Originator, Provider] {
        let steps = [
            held(
                1,
                Originator,
                &[],
                Action::Closed {
                    reason: ClosureReason::OwnWish,
                },
            ),
            held(2, by, &[1], consent(ConsentState::Withdrawn, &[])),
        ];
        assert_eq!(folded(&steps).state, State::Withdrawn);
    }
    let mistake = Action::Withdrawn {
        reason: WithdrawalReason::Error,
    };
    assert_eq!(
        folded([&held(1, Provider, &[], mistake.clone())]).state,
        State::Sent
    );
    assert_eq!(
        folded([&held(1, Originator, &[], mistake)]).state,
        State::Withdrawn
    );
}

#[test]
fn of_two_words_on_consent_only_what_both_say_counts() {
    use ConsentScope::{Assistance, Return, ShareIdentity};
    let given = |n, by, seen: &[u8], scope: &[ConsentScope]| {
        held(n, by, seen, consent(ConsentState::Given, scope))
    };
    let mut steps = vec![
        given(1, Originator, &[], &[Assistance, ShareIdentity]),
        given(2, Provider, &[], &[Assistance, Return]),
    ];
    let now = |steps: &[Held]| folded(steps).consent.map(|c| (c.state, c.scope));
    let agreed = |scope: &[ConsentScope]| {
        Some((
            ConsentState::Given,
            scope.iter().copied().collect::<BTreeSet<_>>(),
        ))
    };
    assert_eq!(now(&steps), agreed(&[Assistance]));
    // Both are shown, until somebody asks again and knows of both.
    let flagged = |steps: &[Held]| {
        let conflicts = folded(steps).conflicts.into_iter();
        conflicts.map(|c| (c.kept, c.other)).collect::<Vec<_>>()
    };
    assert_eq!(flagged(&steps), [(steps[0].id, steps[1].id)]);
    steps.push(given(3, Provider, &[1, 2], &[Assistance, Return]));
    assert_eq!(now(&steps), agreed(&[Assistance, Return]));
    assert_eq!(now(&[]), None);
    assert_eq!(flagged(&steps), []);
    steps.push(given(4, Originator, &[2], &[Assistance, Return]));
    assert_eq!(flagged(&steps), [], "the same twice");
}

#[test]
fn of_two_words_on_how_long_the_shorter_counts_and_none_is_the_shortest() {
    let until = |n, days: Option<i64>| {
        let mut action = consent(ConsentState::Given, &[ConsentScope::Assistance]);
        if let Action::Consent { keep_until, .. } = &mut action {
            *keep_until = days.map(|days| day().add_days(days));
        }
        held(n, Provider, &[], action)
    };
    let now = |steps: &[Held]| folded(steps).consent.and_then(|c| c.keep_until);
    let (long, short, none) = (until(1, Some(90)), until(2, Some(40)), until(3, None));
    assert_eq!(now(std::slice::from_ref(&long)), Some(day().add_days(90)));
    let both = [long, short];
    assert_eq!(now(&both), Some(day().add_days(40)));
    let [long, short] = both;
    assert_eq!(now(&[long, short, none]), None);
}

#[test]
fn a_full_thread_takes_a_withdrawal_and_nothing_else() {
    let many = limits::THREAD_STEPS;
    let bytes = |n: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        RecordId::from_bytes(bytes)
    };
    let mut steps: Vec<Held> = (1..=many)
        .map(|n| Held {
            id: bytes(n),
            ..held(0, Provider, &[], Action::Guardian { since: day() })
        })
        .collect();
    let mut next = held(255, Provider, &[], Action::Accepted);
    next.step.seen = BTreeSet::from([bytes(many)]);
    steps.push(next);
    let all = folded(&steps);
    assert_eq!(
        (all.state, all.refused[0].refusal.why),
        (State::Sent, Why::Full)
    );
    steps.push(held(254, Provider, &[255], WITHDRAWN));
    assert_eq!(folded(&steps).state, State::Withdrawn);
}

/// A step that anybody might take, and what they had seen of the others: anything.
fn any_steps() -> impl Strategy<Value = Vec<Held>> {
    let actions = vec![
        Action::Acknowledged,
        Action::InfoAsked {
            topic: InfoTopic::Needs,
        },
        Action::InfoGiven {
            topic: InfoTopic::Needs,
        },
        Action::Accepted,
        DECLINED,
        Action::Expired,
        Action::IdentityReleased,
        Action::Assisting {
            phase: AssistPhase::First,
        },
        Action::Assisting {
            phase: AssistPhase::Recovery,
        },
        Action::FollowedUp { number: 1 },
        Action::Closed {
            reason: ClosureReason::Integrated,
        },
        Action::Missing,
        Action::Located,
        WITHDRAWN,
        Action::Withdrawn {
            reason: WithdrawalReason::Error,
        },
        consent(ConsentState::Given, &[ConsentScope::Assistance]),
        consent(
            ConsentState::Given,
            &[ConsentScope::Assistance, ConsentScope::ShareIdentity],
        ),
        Action::Guardian { since: day() },
        Action::Reclassified {
            urgency: Urgency::Critical,
        },
        Action::Reclassified {
            urgency: Urgency::Standard,
        },
    ];
    let one = (
        proptest::sample::select(actions),
        any::<bool>(),
        any::<u32>(),
        any::<u8>(),
    );
    proptest::collection::vec(one, 1..24).prop_map(|drawn| {
        // Ids in any order, each once; a step sees any of those made before it.
        let mut made: Vec<RecordId> = Vec::new();
        let mut steps = Vec::new();
        for (n, (action, originator, seen, salt)) in drawn.into_iter().enumerate() {
            let mut bytes = [salt; 32];
            bytes[31] = n as u8;
            let saw = |(at, id): (usize, &RecordId)| {
                // Mostly what came just before.
                let back = n - at;
                (seen >> (at % 32) & 1 == 1 && back < 4).then_some(*id)
            };
            let step = Step {
                on: id(0),
                seen: made.iter().enumerate().filter_map(saw).collect(),
                action,
                note: None,
            };
            let by = if originator { Originator } else { Provider };
            made.push(RecordId::from_bytes(bytes));
            steps.push(Held {
                id: RecordId::from_bytes(bytes),
                by,
                step,
            });
        }
        steps
    })
}

fn shuffled() -> impl Strategy<Value = (Vec<Held>, Vec<usize>)> {
    (any_steps(), any::<[u32; 24]>()).prop_map(|(steps, keys)| {
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by_key(|at| keys[*at]);
        (steps, order)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whoever holds the same steps is in the same state, whatever came first.
    #[test]
    fn any_order_of_arrival_gives_the_same_state((steps, order) in shuffled()) {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for at in order {
            one.insert(0, &steps[at]);
            other.push(&steps[at]);
        }
        let all = folded(&steps);
        prop_assert_eq!(&folded(one), &all);
        prop_assert_eq!(&folded(other), &all);
        // Every step is kept, once.
        let kept = all.applied.len() + all.refused.len() + all.waiting.len();
        prop_assert_eq!(kept, steps.len());
    }

    /// At every moment of every arrival: no step of a party that it is not for takes effect,
    /// and nobody reads an identity that was not released to a provider that had accepted.
    #[test]
    fn no_party_takes_a_step_that_is_not_its_own((steps, order) in shuffled()) {
        let mut here: Vec<&Held> = Vec::new();
        for at in order {
            here.push(&steps[at]);
            let all = folded(here.iter().copied());
            let taken = |kind: StepKind| {
                let is = |h: &&&Held| all.applied.contains(&h.id) && h.step.action.effect() == kind;
                here.iter().find(is).copied()
            };
            for kind in [StepKind::Acknowledged, StepKind::Accepted, StepKind::Declined, StepKind::Assisting, StepKind::FollowedUp] {
                prop_assert!(taken(kind).is_none_or(|h| h.by == Provider), "{}", kind);
            }
            for kind in [StepKind::Expired, StepKind::IdentityReleased, StepKind::InfoGiven, StepKind::Reclassified] {
                prop_assert!(taken(kind).is_none_or(|h| h.by == Originator), "{}", kind);
            }
            if all.may_read_identity() {
                prop_assert!(taken(StepKind::Accepted).is_some());
                prop_assert!(taken(StepKind::IdentityReleased).is_some());
                prop_assert!(taken(StepKind::Withdrawn).is_none());
            }
            if all.may_release_identity() {
                prop_assert!(taken(StepKind::Accepted).is_some() && all.stands().is_taken());
            }
        }
    }
}
