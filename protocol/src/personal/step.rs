//! What one party of a referral tells the other: one step.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::record::codes::{
    AssistPhase, ClosureReason, ConsentScope, ConsentState, DeclineReason, InfoTopic, StepKind,
    Urgency, WithdrawalReason,
};
use crate::record::date::Date;
use crate::record::kinds::in_order;

/// Moves a referral on. Its text is personal data: it is shown nowhere but to who may read
/// the thread.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The thread: the id of the profile with which it began.
    pub on: RecordId,
    /// The newest steps of the thread that its author knew: those that no other step that it
    /// knew names. At most [`limits::STEP_SEEN`]; none for the first step.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        deserialize_with = "in_order"
    )]
    pub seen: BTreeSet<RecordId>,
    /// What was done.
    pub action: Action,
    /// A word to the other side. At most [`limits::NOTE_CHARS`]; never who the person is, nor
    /// what was done to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What was done, with what that needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The candidate has read the profile.
    Acknowledged,
    /// The candidate needs to know more; the question stands in the note.
    InfoAsked {
        /// About what.
        topic: InfoTopic,
    },
    /// The originator answers; the answer stands in the note.
    InfoGiven {
        /// About what.
        topic: InfoTopic,
    },
    /// The candidate takes the person, and is the provider from now on.
    Accepted,
    /// The candidate does not take the person.
    Declined {
        /// Why.
        reason: DeclineReason,
    },
    /// The originator closes the thread to a candidate. That is all the candidate learns.
    Expired,
    /// The originator has sent the identity, in a record of its own.
    IdentityReleased,
    /// The provider begins a phase of assistance.
    Assisting {
        /// Which.
        phase: AssistPhase,
    },
    /// The provider has handed the person over, in a referral of its own.
    Transferred {
        /// To whom.
        to: AgencyId,
        /// The day of the new consent.
        consent: Date,
    },
    /// The provider has seen the person again.
    FollowedUp {
        /// Which time this is, from 1.
        number: u16,
    },
    /// The referral ends.
    Closed {
        /// Why.
        reason: ClosureReason,
    },
    /// Nobody knows where the person is.
    Missing,
    /// The person was found.
    Located,
    /// Consent, as it is from now on; withdrawn or refused: everything is erased.
    Consent {
        /// What the person said.
        state: ConsentState,
        /// What they agree to.
        #[serde(
            default,
            skip_serializing_if = "BTreeSet::is_empty",
            deserialize_with = "in_order"
        )]
        scope: BTreeSet<ConsentScope>,
        /// When they said so.
        date: Date,
    },
    /// The referral is taken back: everything is erased.
    Withdrawn {
        /// Why.
        reason: WithdrawalReason,
    },
    /// A child has a guardian; who that is stands in the identity.
    Guardian {
        /// Since when.
        since: Date,
    },
    /// A best-interests officer is named for a child.
    BestInterests {
        /// Since when.
        since: Date,
    },
    /// The originator changes how urgent it is.
    Reclassified {
        /// How urgent it is now.
        urgency: Urgency,
    },
}

/// Why a step can't be signed or taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The note is too long.
    #[error("the note has {found} characters, {max} are allowed; shorten it")]
    Note {
        /// Characters found.
        found: usize,
        /// Characters allowed.
        max: usize,
    },
    /// A note is needed.
    #[error("'{step}' needs a note: {wants}")]
    NoNote {
        /// The step.
        step: StepKind,
        /// What is to be written.
        wants: &'static str,
    },
    /// It names too many steps.
    #[error("it names {found} steps that it has seen, {max} are allowed")]
    Seen {
        /// Steps named.
        found: usize,
        /// Steps allowed.
        max: usize,
    },
    /// Follow-ups are counted from 1.
    #[error("a follow-up has a number, counted from 1")]
    Number,
}

impl Step {
    /// Whether it keeps its form: holds everywhere and for ever.
    ///
    /// # Errors
    /// What is beyond its bound.
    pub fn limits(&self) -> Result<(), StepError> {
        let found = self.note.as_deref().map_or(0, |note| note.chars().count());
        if found > limits::NOTE_CHARS {
            let max = limits::NOTE_CHARS;
            return Err(StepError::Note { found, max });
        }
        if self.seen.len() > limits::STEP_SEEN {
            return Err(StepError::Seen {
                found: self.seen.len(),
                max: limits::STEP_SEEN,
            });
        }
        match self.action {
            Action::FollowedUp { number: 0 } => Err(StepError::Number),
            _ => self.needs_note(),
        }
    }

    fn needs_note(&self) -> Result<(), StepError> {
        let blank = self.note.as_deref().is_none_or(|n| n.trim().is_empty());
        let wants = match self.action {
            Action::InfoAsked { .. } => "what you need to know, without asking who it is",
            Action::InfoGiven { .. } => "the answer, without saying who it is",
            Action::Declined {
                reason: DeclineReason::Other,
            } => "the reason",
            _ => return Ok(()),
        };
        if blank {
            let step = self.action.kind();
            return Err(StepError::NoNote { step, wants });
        }
        Ok(())
    }
}

impl Action {
    /// Its name.
    pub const fn kind(&self) -> StepKind {
        match self {
            Action::Acknowledged => StepKind::Acknowledged,
            Action::InfoAsked { .. } => StepKind::InfoAsked,
            Action::InfoGiven { .. } => StepKind::InfoGiven,
            Action::Accepted => StepKind::Accepted,
            Action::Declined { .. } => StepKind::Declined,
            Action::Expired => StepKind::Expired,
            Action::IdentityReleased => StepKind::IdentityReleased,
            Action::Assisting { .. } => StepKind::Assisting,
            Action::Transferred { .. } => StepKind::Transferred,
            Action::FollowedUp { .. } => StepKind::FollowedUp,
            Action::Closed { .. } => StepKind::Closed,
            Action::Missing => StepKind::Missing,
            Action::Located => StepKind::Located,
            Action::Consent { .. } => StepKind::Consent,
            Action::Withdrawn { .. } => StepKind::Withdrawn,
            Action::Guardian { .. } => StepKind::Guardian,
            Action::BestInterests { .. } => StepKind::BestInterests,
            Action::Reclassified { .. } => StepKind::Reclassified,
        }
    }

    /// What it does: consent that is withdrawn or refused takes the referral back, whoever
    /// heard it.
    pub const fn effect(&self) -> StepKind {
        match self {
            Action::Consent {
                state: ConsentState::Withdrawn | ConsentState::Refused,
                ..
            } => StepKind::Withdrawn,
            other => other.kind(),
        }
    }
}

/// Names the thread and nothing of the person.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Action(sealed)")
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.note.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ciborium::Value;

    fn step(action: Action) -> Step {
        Step {
            on: RecordId::from_bytes([1; 32]),
            seen: BTreeSet::from([RecordId::from_bytes([2; 32])]),
            action,
            note: Some("a quiet room".into()),
        }
    }

    fn every() -> Vec<Action> {
        let day = Date::new(2031, 3, 14).expect("day");
        vec![
            Action::Acknowledged,
            Action::InfoAsked {
                topic: InfoTopic::Health,
            },
            Action::InfoGiven {
                topic: InfoTopic::Health,
            },
            Action::Accepted,
            Action::Declined {
                reason: DeclineReason::Other,
            },
            Action::Expired,
            Action::IdentityReleased,
            Action::Assisting {
                phase: AssistPhase::LongTerm,
            },
            Action::Transferred {
                to: AgencyId::from_bytes([9; 32]),
                consent: day,
            },
            Action::FollowedUp { number: 2 },
            Action::Closed {
                reason: ClosureReason::OwnWish,
            },
            Action::Missing,
            Action::Located,
            Action::Withdrawn {
                reason: WithdrawalReason::Error,
            },
            Action::Consent {
                state: ConsentState::Given,
                scope: BTreeSet::from([ConsentScope::Assistance, ConsentScope::ShareIdentity]),
                date: day,
            },
            Action::Guardian { since: day },
            Action::BestInterests { since: day },
            Action::Reclassified {
                urgency: Urgency::Critical,
            },
        ]
    }

    #[test]
    fn every_step_reads_back_from_cbor_and_json_under_its_name() {
        let kinds: Vec<StepKind> = every().iter().map(Action::kind).collect();
        assert_eq!(kinds, StepKind::ALL);
        for action in every() {
            let (name, step) = (action.kind(), step(action));
            let value = Value::serialized(&step).expect("value");
            assert_eq!(value.deserialized::<Step>().expect("cbor"), step);
            let json = serde_json::to_value(&step).expect("json");
            let said = match &json["action"] {
                serde_json::Value::String(said) => said.clone(),
                map => map
                    .as_object()
                    .expect("map")
                    .keys()
                    .next()
                    .expect("key")
                    .clone(),
            };
            assert_eq!(said, name.as_str());
            assert_eq!(serde_json::from_value::<Step>(json).expect("json"), step);
            step.limits().expect("limits");
        }
    }

    #[test]
    fn nothing_of_a_step_is_printed() {
        for action in every() {
            let text = format!("{:?} {:?}", action, step(action.clone()));
            assert!(
                !text.contains("quiet") && !text.contains(action.kind().as_str()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_note_has_a_bound_and_some_steps_need_one() {
        let mut long = step(Action::Accepted);
        long.note = Some("x".repeat(limits::NOTE_CHARS + 1));
        assert!(matches!(
            long.limits(),
            Err(StepError::Note { found: 501, .. })
        ));
        let mut bare = step(Action::Declined {
            reason: DeclineReason::Other,
        });
        bare.note = Some("  ".into());
        assert_eq!(
            bare.limits().expect_err("no note").to_string(),
            "'declined' needs a note: the reason"
        );
        let many = (0..=u8::try_from(limits::STEP_SEEN).expect("u8"))
            .map(|n| RecordId::from_bytes([n; 32]))
            .collect();
        bare.seen = many;
        assert!(matches!(bare.limits(), Err(StepError::Seen { .. })));
    }
}
