//! What one party of a referral tells the other: one step.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::Private;
use super::encode::{Encode, Out};
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::record::check::Finding;
use crate::record::codes::{
    AssistPhase, ClosureReason, ConsentScope, ConsentState, DeclineReason, InfoTopic, StepKind,
    UnknownCode, Urgency, WithdrawalReason,
};
use crate::record::date::Date;

/// Moves a referral on. Its text is personal data: it is shown nowhere but to who may read
/// the thread.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Flat")]
pub struct Step {
    /// The thread: the id of the profile with which it began.
    pub on: RecordId,
    /// The newest steps of the thread that its author knew: those that no other step that it
    /// knew names. At most [`limits::STEP_SEEN`]; none for the first step.
    pub seen: BTreeSet<RecordId>,
    /// What was done.
    pub action: Action,
    /// A word to the other side. At most [`limits::PERSONAL_NOTE_CHARS`]; never who the person
    /// is, nor what was done to them.
    pub note: Option<Private>,
}

/// What was done, with what that needs.
#[derive(Clone, PartialEq, Eq)]
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
        scope: BTreeSet<ConsentScope>,
        /// When they said so.
        date: Date,
        /// The last day on which who they are may be kept, if longer than it is anyway; only
        /// with 'given'.
        keep_until: Option<Date>,
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

/// The fields of a step as they stand in a seal, and as people write them: those that its
/// action does not need are left out.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepData {
    /// Of a question or an answer: about what.
    #[serde(default)]
    pub topic: Option<InfoTopic>,
    /// Why: of [`DeclineReason`], [`ClosureReason`] or [`WithdrawalReason`].
    #[serde(default)]
    pub reason: Option<String>,
    /// Of assistance: the phase.
    #[serde(default)]
    pub phase: Option<AssistPhase>,
    /// Of a transfer: to whom.
    #[serde(default)]
    pub to: Option<AgencyId>,
    /// Of a transfer: the day of the new consent; of consent: the day on which they said so;
    /// of a guardian or a best-interests officer: since when.
    #[serde(default)]
    pub date: Option<Date>,
    /// Of a follow-up: which, from 1.
    #[serde(default)]
    pub number: Option<u16>,
    /// Of consent: what the person said.
    #[serde(default)]
    pub state: Option<ConsentState>,
    /// Of consent: to what they agree.
    #[serde(default)]
    pub scope: BTreeSet<ConsentScope>,
    /// Of consent that is given: the last day on which who they are may be kept.
    #[serde(default)]
    pub keep_until: Option<Date>,
    /// Of a change of urgency: what it is now.
    #[serde(default)]
    pub urgency: Option<Urgency>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    on: RecordId,
    #[serde(default)]
    seen: BTreeSet<RecordId>,
    action: StepKind,
    #[serde(default)]
    note: Option<Private>,
    #[serde(default)]
    topic: Option<InfoTopic>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    phase: Option<AssistPhase>,
    #[serde(default)]
    to: Option<AgencyId>,
    #[serde(default)]
    date: Option<Date>,
    #[serde(default)]
    number: Option<u16>,
    #[serde(default)]
    state: Option<ConsentState>,
    #[serde(default)]
    scope: BTreeSet<ConsentScope>,
    #[serde(default)]
    keep_until: Option<Date>,
    #[serde(default)]
    urgency: Option<Urgency>,
}

/// Why a step can't be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Something is missing.
    #[error("'{step}' needs '{field}': {wants}")]
    Missing {
        /// The step.
        step: StepKind,
        /// The field.
        field: &'static str,
        /// What belongs there.
        wants: &'static str,
    },
    /// Something is there that the step has no place for.
    #[error("'{step}' has no place for '{field}'; leave it out")]
    Extra {
        /// The step.
        step: StepKind,
        /// The field.
        field: &'static str,
    },
    /// A reason that is on no list.
    #[error(transparent)]
    Reason(#[from] UnknownCode),
}

impl Action {
    /// An action, of its name and what is given with it. Nothing may be given that it has no
    /// place for.
    ///
    /// # Errors
    /// What is missing, or too much.
    pub fn new(step: StepKind, mut data: StepData) -> Result<Self, StepError> {
        let missing = |field, wants| StepError::Missing { step, field, wants };
        let action = match step {
            StepKind::Acknowledged => Action::Acknowledged,
            StepKind::InfoAsked | StepKind::InfoGiven => {
                let topic = data.topic.take();
                let topic = topic.ok_or(missing("topic", InfoTopic::WHAT))?;
                if step == StepKind::InfoAsked {
                    Action::InfoAsked { topic }
                } else {
                    Action::InfoGiven { topic }
                }
            }
            StepKind::Accepted => Action::Accepted,
            StepKind::Declined => Action::Declined {
                reason: reason(step, &mut data, DeclineReason::WHAT)?,
            },
            StepKind::Expired => Action::Expired,
            StepKind::IdentityReleased => Action::IdentityReleased,
            StepKind::Assisting => {
                let phase = data.phase.take();
                let phase = phase.ok_or(missing("phase", AssistPhase::WHAT))?;
                Action::Assisting { phase }
            }
            StepKind::Transferred => Action::Transferred {
                to: data.to.take().ok_or(missing("to", "an agency"))?,
                consent: data
                    .date
                    .take()
                    .ok_or(missing("date", "the day of the new consent"))?,
            },
            StepKind::FollowedUp => Action::FollowedUp {
                number: data
                    .number
                    .take()
                    .filter(|number| *number > 0)
                    .ok_or(missing("number", "which follow-up it is, from 1"))?,
            },
            StepKind::Closed => Action::Closed {
                reason: reason(step, &mut data, ClosureReason::WHAT)?,
            },
            StepKind::Missing => Action::Missing,
            StepKind::Located => Action::Located,
            StepKind::Withdrawn => Action::Withdrawn {
                reason: reason(step, &mut data, WithdrawalReason::WHAT)?,
            },
            StepKind::Consent => {
                let state = data.state.take();
                let state = state.ok_or(missing("state", ConsentState::WHAT))?;
                let date = data.date.take();
                // Who agrees to nothing agrees to no longer time.
                let keep_until = match state {
                    ConsentState::Given => data.keep_until.take(),
                    _ => None,
                };
                Action::Consent {
                    state,
                    scope: std::mem::take(&mut data.scope),
                    date: date.ok_or(missing("date", "the day on which they said so"))?,
                    keep_until,
                }
            }
            StepKind::Guardian | StepKind::BestInterests => {
                let since = data.date.take().ok_or(missing("date", "since when"))?;
                if step == StepKind::Guardian {
                    Action::Guardian { since }
                } else {
                    Action::BestInterests { since }
                }
            }
            StepKind::Reclassified => {
                let urgency = data.urgency.take();
                let urgency = urgency.ok_or(missing("urgency", Urgency::WHAT))?;
                Action::Reclassified { urgency }
            }
        };
        match data.first() {
            Some(field) => Err(StepError::Extra { step, field }),
            None => Ok(action),
        }
    }

    /// What is given with it, as it stands in a seal.
    pub fn data(&self) -> StepData {
        let mut data = StepData::default();
        match self {
            Action::Acknowledged
            | Action::Accepted
            | Action::Expired
            | Action::IdentityReleased
            | Action::Missing
            | Action::Located => {}
            Action::InfoAsked { topic } | Action::InfoGiven { topic } => data.topic = Some(*topic),
            Action::Declined { reason } => data.reason = Some(reason.as_str().into()),
            Action::Assisting { phase } => data.phase = Some(*phase),
            Action::Transferred { to, consent } => {
                data.to = Some(*to);
                data.date = Some(*consent);
            }
            Action::FollowedUp { number } => data.number = Some(*number),
            Action::Closed { reason } => data.reason = Some(reason.as_str().into()),
            Action::Withdrawn { reason } => data.reason = Some(reason.as_str().into()),
            Action::Consent {
                state,
                scope,
                date,
                keep_until,
            } => {
                data.state = Some(*state);
                data.scope.clone_from(scope);
                data.date = Some(*date);
                data.keep_until = *keep_until;
            }
            Action::Guardian { since } | Action::BestInterests { since } => {
                data.date = Some(*since);
            }
            Action::Reclassified { urgency } => data.urgency = Some(*urgency),
        }
        data
    }

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

impl StepData {
    /// The first field that is there.
    fn first(&self) -> Option<&'static str> {
        let fields = [
            ("topic", self.topic.is_some()),
            ("reason", self.reason.is_some()),
            ("phase", self.phase.is_some()),
            ("to", self.to.is_some()),
            ("date", self.date.is_some()),
            ("number", self.number.is_some()),
            ("state", self.state.is_some()),
            ("scope", !self.scope.is_empty()),
            ("keep_until", self.keep_until.is_some()),
            ("urgency", self.urgency.is_some()),
        ];
        fields
            .into_iter()
            .find_map(|(name, there)| there.then_some(name))
    }
}

fn reason<T: FromStr<Err = UnknownCode>>(
    step: StepKind,
    data: &mut StepData,
    wants: &'static str,
) -> Result<T, StepError> {
    let field = "reason";
    let text = data.reason.take();
    let text = text.ok_or(StepError::Missing { step, field, wants })?;
    Ok(text.parse()?)
}

impl TryFrom<Flat> for Step {
    type Error = StepError;

    fn try_from(flat: Flat) -> Result<Self, StepError> {
        let data = StepData {
            topic: flat.topic,
            reason: flat.reason,
            phase: flat.phase,
            to: flat.to,
            date: flat.date,
            number: flat.number,
            state: flat.state,
            scope: flat.scope,
            keep_until: flat.keep_until,
            urgency: flat.urgency,
        };
        Ok(Self {
            on: flat.on,
            seen: flat.seen,
            action: Action::new(flat.action, data)?,
            note: flat.note,
        })
    }
}

impl Encode for Step {
    fn put(&self, out: &mut Out) {
        let data = self.action.data();
        let reason = data.reason.as_deref();
        out.map(&[
            ("on", &self.on),
            ("seen", &self.seen),
            ("action", &self.action.kind()),
            ("note", &self.note),
            ("topic", &data.topic),
            ("reason", &reason),
            ("phase", &data.phase),
            ("to", &data.to),
            ("date", &data.date),
            ("number", &data.number),
            ("state", &data.state),
            ("scope", &data.scope),
            ("keep_until", &data.keep_until),
            ("urgency", &data.urgency),
        ]);
    }
}

/// The first form limit that a step breaks. Its text never says what stands there.
///
/// # Errors
/// The limit, with its place.
pub fn limits_of(step: &Step) -> Result<(), Finding> {
    let most = limits::PERSONAL_NOTE_CHARS;
    let note = step.note.as_ref().map_or("", Private::expose);
    let found = note.chars().count();
    if found > most {
        let says = format!("has {found} characters; at most {most} are allowed");
        return Err(Finding::new("LIM-01", "body.note", says, "Shorten it."));
    }
    let (found, most) = (step.seen.len(), limits::STEP_SEEN);
    if found > most {
        let says = format!("has {found} entries; at most {most} are allowed");
        let remedy = "Name the newest steps only.";
        return Err(Finding::new("LIM-02", "body.seen", says, remedy));
    }
    let wants = match step.action {
        Action::InfoAsked { .. } => "Write what you need to know, without asking who it is.",
        Action::InfoGiven { .. } => "Write the answer, without saying who it is.",
        Action::Declined {
            reason: DeclineReason::Other,
        } => "Write the reason.",
        _ if step.note.is_some() => "Fill it in, or leave the field out.",
        _ => return Ok(()),
    };
    if note.trim().is_empty() {
        return Err(Finding::new("LIM-03", "body.note", "is empty", wants));
    }
    Ok(())
}

/// Names the thread and nothing of the person.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").finish_non_exhaustive()
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Action(..)")
    }
}

impl fmt::Debug for StepData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepData").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(action: Action) -> Step {
        Step {
            on: RecordId::from_bytes([1; 32]),
            seen: BTreeSet::from([RecordId::from_bytes([2; 32])]),
            action,
            note: Some("a quiet room".into()),
        }
    }

    pub(crate) fn every() -> Vec<Action> {
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
                keep_until: Some(day.add_days(90)),
            },
            Action::Guardian { since: day },
            Action::BestInterests { since: day },
            Action::Reclassified {
                urgency: Urgency::Critical,
            },
        ]
    }

    #[test]
    fn every_step_reads_back_under_its_name() {
        let kinds: Vec<StepKind> = every().iter().map(Action::kind).collect();
        assert_eq!(kinds, StepKind::ALL);
        for action in every() {
            let (name, step) = (action.kind(), step(action));
            let bytes = Out::cbor(&step).expect("cbor");
            let read: Step = crate::cbor::direct::map(&bytes)
                .and_then(|reader| reader.read())
                .expect("read");
            assert_eq!(read, step);
            let json = Out::json(&step).expect("json");
            let shown: serde_json::Value = serde_json::from_slice(&json).expect("json");
            assert_eq!(shown["action"], name.as_str());
            assert_eq!(serde_json::from_slice::<Step>(&json).expect("json"), step);
            limits_of(&step).expect("limits");
        }
    }

    #[test]
    fn a_step_takes_what_it_needs_and_nothing_else() {
        let says = |step, data| match Action::new(step, data) {
            Ok(_) => "taken".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            says(StepKind::Declined, StepData::default()),
            "'declined' needs 'reason': a reason to decline"
        );
        let mut data = StepData {
            reason: Some("did-not-cooperate".into()),
            ..StepData::default()
        };
        assert!(
            says(StepKind::Closed, data.clone())
                .starts_with("'did-not-cooperate' is not a reason to close; allowed: integrated")
        );
        data.reason = Some("own-wish".into());
        assert_eq!(says(StepKind::Closed, data.clone()), "taken");
        assert_eq!(
            says(StepKind::Accepted, data),
            "'accepted' has no place for 'reason'; leave it out"
        );
        let day = Date::new(2031, 3, 14);
        let kept = |state| StepData {
            state: Some(state),
            date: day,
            keep_until: day,
            ..StepData::default()
        };
        assert_eq!(says(StepKind::Consent, kept(ConsentState::Given)), "taken");
        assert_eq!(
            says(StepKind::Consent, kept(ConsentState::Withdrawn)),
            "'consent' has no place for 'keep_until'; leave it out"
        );
        for action in every() {
            assert!(Action::new(action.kind(), action.data()) == Ok(action.clone()));
        }
    }

    #[test]
    fn nothing_of_a_step_is_printed() {
        for action in every() {
            let step = step(action.clone());
            let text = format!("{action:?} {step:?} {:?}", action.data());
            assert_eq!(text, "Action(..) Step { .. } StepData { .. }");
        }
    }

    #[test]
    fn a_note_has_a_bound_and_some_steps_need_one() {
        let mut long = step(Action::Accepted);
        let text = "x".repeat(limits::PERSONAL_NOTE_CHARS + 1);
        long.note = Some(Private::new(text));
        let says = |step: &Step| limits_of(step).expect_err("refused").to_string();
        assert!(says(&long).starts_with("LIM-01 note has 201 characters"));
        let mut bare = step(Action::Declined {
            reason: DeclineReason::Other,
        });
        bare.note = None;
        assert_eq!(says(&bare), "LIM-03 note is empty. Write the reason.");
        let many = (0..=u8::try_from(limits::STEP_SEEN).expect("u8"))
            .map(|n| RecordId::from_bytes([n; 32]));
        bare.seen = many.collect();
        assert!(says(&bare).starts_with("LIM-02 seen has 33 entries"));
    }
}
