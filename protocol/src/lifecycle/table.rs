//! The table of a referral's steps.

use std::fmt;

use super::fold::Folded;
use super::rule::{self, Not, Rule, To};
use super::state::{Party, State};
use crate::record::codes::StepKind;

use Party::{Originator, Provider};

/// Nobody has decided yet.
const UNDECIDED: &[State] = &[
    State::Sent,
    State::Acknowledged,
    State::InfoAsked,
    State::InfoGiven,
];
/// The provider has the person.
const TAKEN: &[State] = &[
    State::Accepted,
    State::IdentityReleased,
    State::Assisting,
    State::Transferred,
    State::FollowedUp,
];
/// Not over, and the person is not missing.
const LIVE: &[State] = &[
    State::Sent,
    State::Acknowledged,
    State::InfoAsked,
    State::InfoGiven,
    State::Accepted,
    State::IdentityReleased,
    State::Assisting,
    State::Transferred,
    State::FollowedUp,
];
/// Not over.
const NOT_OVER: &[State] = &[
    State::Sent,
    State::Acknowledged,
    State::InfoAsked,
    State::InfoGiven,
    State::Accepted,
    State::IdentityReleased,
    State::Assisting,
    State::Transferred,
    State::FollowedUp,
    State::Missing,
];
/// All but withdrawn.
const ANY: &[State] = &[
    State::Sent,
    State::Acknowledged,
    State::InfoAsked,
    State::InfoGiven,
    State::Accepted,
    State::Declined,
    State::Expired,
    State::IdentityReleased,
    State::Assisting,
    State::Transferred,
    State::FollowedUp,
    State::Missing,
    State::Closed,
];
const BOTH: &[Party] = &[Originator, Provider];

const fn row(
    step: StepKind,
    from: &'static [State],
    by: &'static [Party],
    to: To<State>,
) -> Rule<State, StepKind, Party> {
    Rule { step, from, by, to }
}

/// Every step that there is: who may take it, from where and to where. What is not here is
/// not allowed. `located` stands for the state in which the person went missing, and so does
/// `missing` for a closure.
pub const TABLE: &[Rule<State, StepKind, Party>] = &[
    row(
        StepKind::Acknowledged,
        &[State::Sent],
        &[Provider],
        To::State(State::Acknowledged),
    ),
    row(
        StepKind::InfoAsked,
        UNDECIDED,
        &[Provider],
        To::State(State::InfoAsked),
    ),
    row(
        StepKind::InfoGiven,
        &[State::InfoAsked],
        &[Originator],
        To::State(State::InfoGiven),
    ),
    row(
        StepKind::Accepted,
        UNDECIDED,
        &[Provider],
        To::State(State::Accepted),
    ),
    row(
        StepKind::Declined,
        UNDECIDED,
        &[Provider],
        To::State(State::Declined),
    ),
    row(
        StepKind::Expired,
        UNDECIDED,
        &[Originator],
        To::State(State::Expired),
    ),
    row(
        StepKind::IdentityReleased,
        &[State::Accepted, State::IdentityReleased],
        &[Originator],
        To::State(State::IdentityReleased),
    ),
    // Assistance may begin before anybody knows the name.
    row(
        StepKind::IdentityReleased,
        &[State::Assisting, State::FollowedUp],
        &[Originator],
        To::Same,
    ),
    row(
        StepKind::Assisting,
        &[
            State::Accepted,
            State::IdentityReleased,
            State::Assisting,
            State::FollowedUp,
        ],
        &[Provider],
        To::State(State::Assisting),
    ),
    row(
        StepKind::Transferred,
        &[State::Assisting, State::FollowedUp],
        &[Provider],
        To::State(State::Transferred),
    ),
    row(
        StepKind::FollowedUp,
        &[State::Assisting, State::Transferred, State::FollowedUp],
        &[Provider],
        To::State(State::FollowedUp),
    ),
    row(StepKind::Closed, TAKEN, BOTH, To::State(State::Closed)),
    row(
        StepKind::Closed,
        UNDECIDED,
        &[Originator],
        To::State(State::Closed),
    ),
    row(StepKind::Missing, LIVE, BOTH, To::State(State::Missing)),
    row(
        StepKind::Located,
        &[State::Missing],
        BOTH,
        To::State(State::Located),
    ),
    row(StepKind::Withdrawn, ANY, BOTH, To::State(State::Withdrawn)),
    // The person may take back a part of it at any time, also when all is over.
    row(StepKind::Consent, ANY, BOTH, To::Same),
    row(StepKind::Guardian, NOT_OVER, BOTH, To::Same),
    row(StepKind::BestInterests, NOT_OVER, BOTH, To::Same),
    row(StepKind::Reclassified, NOT_OVER, &[Originator], To::Same),
];

/// Why a step has no effect (REF-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The step.
    pub step: StepKind,
    /// Where the referral stood.
    pub from: State,
    /// Who took it.
    pub by: Party,
    /// What was wrong.
    pub why: Why,
}

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody may take it from there.
    Here,
    /// The other party may.
    Yours,
    /// The thread is full: [`crate::limits::THREAD_STEPS`].
    Full,
}

impl Refusal {
    /// The code of the check.
    pub const CODE: &'static str = "REF-07";
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, step, from) = (Self::CODE, self.step, self.from);
        match self.why {
            Why::Here => {
                write!(f, "{code} step '{step}' is not allowed from '{from}'. ")?;
                match from {
                    State::Declined | State::Expired | State::Closed => {
                        f.write_str("Send a new referral.")
                    }
                    State::Withdrawn => f.write_str("It was taken back and is erased."),
                    State::Missing => {
                        f.write_str("Record 'located' first, or close the referral.")
                    }
                    _ => {
                        let open = at(from, self.by);
                        let open: Vec<&str> = open.iter().map(|s| s.as_str()).collect();
                        write!(f, "Allowed to the {} now: {}.", self.by, open.join(", "))
                    }
                }
            }
            Why::Yours => write!(
                f,
                "{code} step '{step}' from '{from}' is for the {} to take, not for the {}. Ask them",
                self.by.other(),
                self.by,
            )
            .and_then(|()| f.write_str(".")),
            Why::Full => write!(
                f,
                "{code} step '{step}': the thread has {} steps, and takes no more. Send a new referral.",
                crate::limits::THREAD_STEPS
            ),
        }
    }
}

/// Where a step leads from where the referral stands.
pub(super) fn next(
    (state, before): (State, Option<State>),
    step: StepKind,
    by: Party,
) -> Result<To<State>, Refusal> {
    // Found again, it goes on where it was; a missing person's referral is closed by whoever
    // could have closed it before.
    let from = match (state, step, before) {
        (State::Located, _, Some(before)) | (State::Missing, StepKind::Closed, Some(before)) => {
            before
        }
        _ => state,
    };
    rule::next(TABLE, from, step, by).map_err(|not| Refusal {
        step,
        from: state,
        by,
        why: match not {
            Not::Here => Why::Here,
            Not::Yours => Why::Yours,
        },
    })
}

/// The steps that a party may take now, in the order of the list.
pub fn allowed(folded: &Folded, by: Party) -> Vec<StepKind> {
    let here = (folded.state, folded.before);
    let open = |step: &&StepKind| next(here, **step, by).is_ok();
    StepKind::ALL.iter().filter(open).copied().collect()
}

fn at(from: State, by: Party) -> Vec<StepKind> {
    let open = |step: &&StepKind| rule::next(TABLE, from, **step, by).is_ok();
    StepKind::ALL.iter().filter(open).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(state: State, by: Party) -> Vec<StepKind> {
        at(state, by)
    }

    #[test]
    fn every_step_has_a_row_and_no_two_rows_contradict() {
        for step in StepKind::ALL {
            assert!(TABLE.iter().any(|rule| rule.step == *step), "{step}");
            for state in State::ALL {
                for by in Party::ALL {
                    let rows = TABLE.iter().filter(|rule| {
                        rule.step == *step && rule.from.contains(state) && rule.by.contains(by)
                    });
                    assert!(rows.count() <= 1, "{step} from {state} by {by}");
                }
            }
        }
    }

    #[test]
    fn only_the_originator_expires_releases_identity_and_changes_urgency() {
        for state in State::ALL {
            let open = from(*state, Provider);
            for step in [
                StepKind::Expired,
                StepKind::IdentityReleased,
                StepKind::Reclassified,
                StepKind::InfoGiven,
            ] {
                assert!(!open.contains(&step), "{step} from {state}");
            }
            let open = from(*state, Originator);
            for step in [
                StepKind::Acknowledged,
                StepKind::Accepted,
                StepKind::Declined,
                StepKind::Assisting,
                StepKind::Transferred,
                StepKind::FollowedUp,
            ] {
                assert!(!open.contains(&step), "{step} from {state}");
            }
        }
    }

    #[test]
    fn identity_is_released_to_who_has_taken_the_person_and_nobody_else() {
        for state in State::ALL {
            let open = from(*state, Originator).contains(&StepKind::IdentityReleased);
            assert!(!open || state.is_taken(), "{state}");
        }
    }

    #[test]
    fn withdrawal_and_missing_come_from_anywhere() {
        for state in State::ALL {
            let withdrawn = *state == State::Withdrawn || *state == State::Located;
            for by in Party::ALL {
                let open = from(*state, *by);
                assert_eq!(open.contains(&StepKind::Withdrawn), !withdrawn, "{state}");
                let live = LIVE.contains(state);
                assert_eq!(open.contains(&StepKind::Missing), live, "{state}");
            }
        }
    }

    #[test]
    fn consent_can_be_taken_back_in_part_for_as_long_as_anything_is_held() {
        for state in State::ALL {
            let held = *state != State::Withdrawn && *state != State::Located;
            for by in Party::ALL {
                let open = from(*state, *by).contains(&StepKind::Consent);
                assert_eq!(open, held, "{state} by {by}");
            }
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let text = |from: State, step: StepKind, by: Party| {
            next((from, None), step, by)
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            text(State::Declined, StepKind::Accepted, Provider),
            "REF-07 step 'accepted' is not allowed from 'declined'. Send a new referral."
        );
        assert_eq!(
            text(State::Sent, StepKind::Expired, Provider),
            "REF-07 step 'expired' from 'sent' is for the originator to take, not for the provider. Ask them."
        );
        assert_eq!(
            text(State::Missing, StepKind::Assisting, Provider),
            "REF-07 step 'assisting' is not allowed from 'missing'. Record 'located' first, or close the referral."
        );
        assert!(
            text(State::Acknowledged, StepKind::Acknowledged, Provider)
                .ends_with("Allowed to the provider now: info-asked, accepted, declined, missing, withdrawn, consent, guardian, best-interests.")
        );
    }
}
