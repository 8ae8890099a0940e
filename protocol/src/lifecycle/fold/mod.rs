//! The state of a referral to one candidate, out of the steps that are here.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{self, Graph, Known, Node};
use super::rule::To;
use super::state::{Party, State};
use super::table::{self, Refusal, Why};
use crate::clock::Millis;
use crate::id::RecordId;
use crate::limits;
use crate::personal::{Action, Step};
use crate::record::codes::{
    AssistPhase, ConsentScope, ConsentState, StepKind, Urgency, WithdrawalReason,
};
use crate::record::date::Date;

/// A step as it is held.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its record.
    pub id: RecordId,
    /// Whose word it is.
    pub by: Party,
    /// When its author signed it. Deadlines run from it; the state never depends on it.
    pub at: Millis,
    /// What it says.
    pub step: &'a Step,
}

/// Where a referral stands, and what came of every step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Where it stands.
    pub state: State,
    /// Where it stood when the person went missing.
    pub before: Option<State>,
    /// The phase of assistance, once that began.
    pub phase: Option<AssistPhase>,
    /// Every step but those that wait, in the order in which they count.
    pub order: Vec<RecordId>,
    /// The steps that took effect, in order.
    pub applied: Vec<RecordId>,
    /// The steps that are kept and had none.
    pub refused: Vec<Refused>,
    /// Steps that did not know of each other and could not both take effect, and words on
    /// consent or urgency that say different things, until a later word knows both.
    pub conflicts: Vec<Conflict>,
    /// Steps that name one that is not here yet; they have no effect until it is.
    pub waiting: BTreeSet<RecordId>,
    /// What the next step names as seen: at most [`limits::STEP_SEEN`].
    pub heads: BTreeSet<RecordId>,
    /// What the person agreed to since the profile; none: as the profile says.
    pub consent: Option<ConsentNow>,
    /// How urgent it is now; none: as the profile says. Of words that did not know of each
    /// other, the most urgent.
    pub urgency: Option<Urgency>,
    /// Whether a guardian was recorded.
    pub guardian: bool,
    /// Whether a best-interests officer was recorded.
    pub best_interests: bool,
    /// Whether the identity was released.
    pub identity_released: bool,
    /// How often the person was followed up.
    pub follow_ups: u16,
    /// When what happened, by the clock of whoever did it.
    pub moments: Moments,
}

/// Consent as the steps have it. Of words that did not know of each other, only what all of
/// them say counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentNow {
    /// What the person said.
    pub state: ConsentState,
    /// To what they agree.
    pub scope: BTreeSet<ConsentScope>,
    /// The last day on which who they are may be kept, if longer than it is anyway.
    pub keep_until: Option<Date>,
}

impl ConsentNow {
    /// What this and another word, that did not know of each other, both say.
    fn and(self, other: Self) -> Self {
        Self {
            // An emergency opens nothing that another word does not.
            state: if self.state == other.state {
                self.state
            } else {
                ConsentState::Given
            },
            scope: self.scope.intersection(&other.scope).copied().collect(),
            keep_until: self
                .keep_until
                .zip(other.keep_until)
                .map(|(one, other)| one.min(other)),
        }
    }
}

/// When what happened; none: not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// The candidate accepted.
    pub accepted: Option<Millis>,
    /// Assistance began.
    pub assisting: Option<Millis>,
    /// The last follow-up.
    pub followed_up: Option<Millis>,
    /// The person went missing, the last time.
    pub missing: Option<Millis>,
    /// It ended: declined, expired, withdrawn or closed.
    pub ended: Option<Millis>,
}

/// A step that had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The step.
    pub id: RecordId,
    /// Why.
    pub refusal: Refusal,
}

/// Two steps that did not know of each other: both are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The one that took effect; of words on consent or urgency, one of the two.
    pub kept: RecordId,
    /// The one that had none; of words on consent or urgency, the other.
    pub other: RecordId,
}

impl Folded {
    /// A referral without a step.
    fn sent() -> Self {
        Self {
            state: State::Sent,
            before: None,
            phase: None,
            order: Vec::new(),
            applied: Vec::new(),
            refused: Vec::new(),
            conflicts: Vec::new(),
            waiting: BTreeSet::new(),
            heads: BTreeSet::new(),
            consent: None,
            urgency: None,
            guardian: false,
            best_interests: false,
            identity_released: false,
            follow_ups: 0,
            moments: Moments::default(),
        }
    }

    /// Where it stands but for the person having been missing meanwhile.
    pub fn stands(&self) -> State {
        match (self.state, self.before) {
            (State::Located, Some(before)) => before,
            (state, _) => state,
        }
    }

    /// Whether a party may take a step now.
    ///
    /// # Errors
    /// REF-07: why not, and what to do instead.
    pub fn permits(&self, action: &Action, by: Party) -> Result<(), Refusal> {
        if self.applied.len() + self.refused.len() >= limits::THREAD_STEPS
            && action.effect() != StepKind::Withdrawn
        {
            return Err(Refusal {
                step: action.kind(),
                from: self.state,
                by,
                why: Why::Full,
            });
        }
        self.leads(action, by).map(|_| ())
    }

    /// Where a step would lead.
    ///
    /// # Errors
    /// As [`Folded::permits`].
    pub fn leads_to(&self, action: &Action, by: Party) -> Result<State, Refusal> {
        self.permits(action, by)?;
        Ok(match self.leads(action, by)? {
            To::State(state) => state,
            To::Same => self.state,
        })
    }

    fn leads(&self, action: &Action, by: Party) -> Result<To<State>, Refusal> {
        if by == Party::Provider && is_own_mistake(action) {
            return Err(Refusal {
                step: action.kind(),
                from: self.state,
                by,
                why: Why::Yours,
            });
        }
        table::next((self.state, self.before), action.effect(), by)
    }

    /// Whether the originator may release the identity now, as far as the lifecycle goes;
    /// consent is a question of its own.
    pub fn may_release_identity(&self) -> bool {
        table::allowed(self, Party::Originator).contains(&StepKind::IdentityReleased)
    }

    /// Whether the provider may read an identity that it holds: never before it accepted, not
    /// after a withdrawal, and only if the originator released it.
    pub fn may_read_identity(&self) -> bool {
        self.moments.accepted.is_some() && self.identity_released && self.state != State::Withdrawn
    }
}

/// Folds the steps of one thread. Their order does not matter, nor that one is there twice.
pub fn fold<'a>(steps: impl IntoIterator<Item = Entry<'a>>) -> Folded {
    let steps: BTreeMap<RecordId, Entry<'a>> = steps.into_iter().map(|e| (e.id, e)).collect();
    let graph: Graph = steps
        .iter()
        .map(|(id, entry)| {
            let rank = entry.step.action.effect().rank();
            let seen = entry.step.seen.clone();
            (*id, Node { seen, rank })
        })
        .collect();
    let order = order::order(&graph);
    let mut fold = Fold {
        folded: Folded::sent(),
        placed: &order.placed,
        known: Known::of(&graph, &order.placed),
        consents: BTreeMap::new(),
        urgencies: BTreeMap::new(),
        moved: Vec::new(),
    };
    for (at, id) in order.placed.iter().enumerate() {
        if let Some(entry) = steps.get(id) {
            fold.take(at, entry);
        }
    }
    let (consent, urgency) = (fold.consent(), fold.urgency());
    let mut unlike = fold.unlike(&fold.consents);
    unlike.extend(fold.unlike(&fold.urgencies));
    let mut folded = fold.folded;
    folded.conflicts.extend(unlike);
    Folded {
        order: order.placed,
        waiting: order.waiting,
        heads: order.heads.into_iter().take(limits::STEP_SEEN).collect(),
        consent,
        urgency,
        ..folded
    }
}

/// Steps are named by their places in the order.
struct Fold<'a> {
    folded: Folded,
    placed: &'a [RecordId],
    known: Known,
    /// The consents that took effect.
    consents: BTreeMap<usize, ConsentNow>,
    urgencies: BTreeMap<usize, Urgency>,
    /// The steps that moved the state, in order.
    moved: Vec<usize>,
}

impl<'a> Fold<'a> {
    fn take(&mut self, at: usize, entry: &Entry<'a>) {
        let step = entry.step.action.effect();
        match self.rule(entry, step, at >= limits::THREAD_STEPS) {
            Ok(to) => self.apply(at, entry, step, to),
            Err(refusal) => self.refuse(at, entry, refusal),
        }
    }

    fn rule(&self, entry: &Entry, step: StepKind, full: bool) -> Result<To<State>, Refusal> {
        // A full thread can still be taken back.
        if full && step != StepKind::Withdrawn {
            return Err(Refusal {
                step,
                from: self.folded.state,
                by: entry.by,
                why: Why::Full,
            });
        }
        self.folded.leads(&entry.step.action, entry.by)
    }

    fn apply(&mut self, at: usize, entry: &Entry<'a>, step: StepKind, to: To<State>) {
        let folded = &mut self.folded;
        folded.applied.push(entry.id);
        if let To::State(state) = to {
            match state {
                State::Missing => folded.before = Some(folded.stands()),
                State::Located => {}
                _ => folded.before = None,
            }
            folded.state = state;
            self.moved.push(at);
        }
        let moments = &mut folded.moments;
        match step {
            StepKind::Accepted => moments.accepted = Some(entry.at),
            StepKind::Assisting => {
                moments.assisting = moments.assisting.or(Some(entry.at));
            }
            StepKind::FollowedUp => {
                moments.followed_up = Some(entry.at);
                folded.follow_ups = folded.follow_ups.saturating_add(1);
            }
            StepKind::Missing => moments.missing = Some(entry.at),
            StepKind::IdentityReleased => folded.identity_released = true,
            StepKind::Guardian => folded.guardian = true,
            StepKind::BestInterests => folded.best_interests = true,
            _ if folded.state.is_over() => moments.ended = Some(entry.at),
            _ => {}
        }
        match &entry.step.action {
            Action::Assisting { phase } => folded.phase = Some(*phase),
            Action::Consent {
                state,
                scope,
                keep_until,
                ..
            } => {
                let now = ConsentNow {
                    state: *state,
                    scope: scope.clone(),
                    keep_until: *keep_until,
                };
                self.consents.insert(at, now);
            }
            Action::Reclassified { urgency } => {
                self.urgencies.insert(at, *urgency);
            }
            _ => {}
        }
    }

    fn refuse(&mut self, at: usize, entry: &Entry, refusal: Refusal) {
        let id = entry.id;
        self.folded.refused.push(Refused { id, refusal });
        if refusal.why != Why::Here {
            return;
        }
        // It ran into what it did not know of: the latest such step is what stands against it.
        let unknown = |moved: &&usize| !self.known.knew(at, **moved);
        let kept = self.moved.iter().rev().find(unknown);
        if let Some(kept) = kept.and_then(|kept| self.placed.get(*kept)).copied() {
            self.folded.conflicts.push(Conflict { kept, other: id });
        }
    }

    /// What all the newest words on consent say; newest are those that no other word knew.
    fn consent(&self) -> Option<ConsentNow> {
        let newest = self.newest(self.consents.keys());
        let words = newest.iter().filter_map(|at| self.consents.get(at));
        words.cloned().reduce(ConsentNow::and)
    }

    fn urgency(&self) -> Option<Urgency> {
        let newest = self.newest(self.urgencies.keys());
        let urgencies = newest.iter().filter_map(|id| self.urgencies.get(id));
        urgencies.min().copied()
    }

    /// The newest words on the same thing, where they say different things: no later word
    /// settles it yet.
    fn unlike<T: PartialEq>(&self, words: &BTreeMap<usize, T>) -> Vec<Conflict> {
        let newest = self.newest(words.keys());
        let Some((first, others)) = newest.split_first() else {
            return Vec::new();
        };
        let id = |at: &usize| self.placed.get(*at).copied();
        let unlike = others
            .iter()
            .filter(|at| words.get(*at) != words.get(first));
        let pairs = unlike.filter_map(|other| {
            Some(Conflict {
                kept: id(first)?,
                other: id(other)?,
            })
        });
        pairs.collect()
    }

    fn newest<'b>(&self, steps: impl Iterator<Item = &'b usize>) -> Vec<usize> {
        let steps: Vec<usize> = steps.copied().collect();
        self.known.newest(&steps)
    }
}

/// Only whose referral it is can have sent it by mistake.
fn is_own_mistake(action: &Action) -> bool {
    matches!(
        action,
        Action::Withdrawn {
            reason: WithdrawalReason::Error | WithdrawalReason::Duplicate
        }
    )
}

#[cfg(test)]
mod tests;
