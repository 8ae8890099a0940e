//! One referral to one candidate, as memory keeps it: codes, no text.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::{
    Deadline, DeadlineTable, Entry, Folded, Party, State, deadlines, fold,
};
use liaison_protocol::limits::THREAD_STEPS;
use liaison_protocol::personal::{Action, Profile, Step};
use liaison_protocol::record::codes::{
    ConsentScope, ConsentState, ReferralPart, StepKind, Urgency,
};
use liaison_protocol::record::date::Date;

use super::book::{Piece, What};

/// A thread between the originator and one candidate.
#[derive(Clone)]
pub struct Thread {
    /// Its id: that of the profile.
    pub id: RecordId,
    /// What this agency is in it.
    pub role: Party,
    /// This agency.
    pub own: AgencyId,
    /// The other one.
    pub peer: AgencyId,
    /// When the profile was signed.
    pub created: Millis,
    /// When the candidate's clock began.
    pub start: Millis,
    /// How urgent the profile says it is.
    pub urgency: Urgency,
    /// Whether the person is treated as a child.
    pub child: bool,
    /// Whether the profile names a guardian.
    pub guardian: bool,
    /// Consent, as the profile has it.
    pub consent: (ConsentState, BTreeSet<ConsentScope>),
    /// Until when the profile lets the identity be kept, if longer than it is anyway.
    keep_until: Option<Date>,
    /// Last day of the reflection period.
    pub reflection_until: Option<Date>,
    /// What it comes to.
    pub folded: Folded,
    steps: BTreeMap<RecordId, Held>,
    parts: BTreeMap<RecordId, ReferralPart>,
    /// Our own records of it that the other agency may not have yet.
    pub(super) on_the_way: BTreeSet<RecordId>,
}

/// A step as it is held: without its note.
#[derive(Clone)]
pub struct Held {
    /// Whose it is.
    pub by: Party,
    /// When its author signed it.
    pub at: Millis,
    /// What it says.
    pub step: Step,
}

impl Thread {
    /// A thread that begins with this profile.
    pub(super) fn new(
        id: RecordId,
        role: Party,
        (own, peer): (AgencyId, AgencyId),
        (created, start): (Millis, Millis),
        profile: &Profile,
    ) -> Self {
        let scope = profile.consent.scope.iter().copied().collect();
        Self {
            id,
            role,
            own,
            peer,
            created,
            start,
            urgency: profile.effective_urgency(),
            child: profile.is_treated_as_child(),
            guardian: profile.guardian.is_some(),
            consent: (profile.consent.state, scope),
            keep_until: profile.consent.keep_until,
            reflection_until: profile.reflection_until,
            folded: fold([]),
            steps: BTreeMap::new(),
            parts: BTreeMap::new(),
            on_the_way: BTreeSet::new(),
        }
    }

    /// Takes up a step of either party, without its effect ([`Thread::refold`]).
    pub(super) fn add(&mut self, id: RecordId, by: Party, at: Millis, mut step: Step) {
        step.note = None;
        self.steps.insert(id, Held { by, at, step });
    }

    /// Whether a party has sent more steps than any thread takes, so that this one is left out.
    /// It can be taken back all the same, though not without end.
    pub(super) fn is_full_of(&self, by: Party, step: &Step) -> bool {
        let most = match step.action.effect() {
            StepKind::Withdrawn => THREAD_STEPS.saturating_mul(2),
            _ => THREAD_STEPS,
        };
        self.steps.values().filter(|held| held.by == by).count() >= most
    }

    /// Takes up another part of the referral.
    pub(super) fn add_part(&mut self, id: RecordId, part: ReferralPart) {
        self.parts.insert(id, part);
    }

    /// A record of it is gone. Whether it was a step, so that it is to be folded anew.
    pub(super) fn remove(&mut self, id: &RecordId) -> bool {
        self.on_the_way.remove(id);
        self.parts.remove(id);
        self.steps.remove(id).is_some()
    }

    /// What it comes to, out of the steps that are here.
    pub(super) fn refold(&mut self) {
        self.folded = fold(self.steps.iter().map(|(id, held)| Entry {
            id: *id,
            by: held.by,
            at: held.at,
            step: &held.step,
        }));
    }

    /// A step of it.
    pub fn step(&self, id: &RecordId) -> Option<&Held> {
        self.steps.get(id)
    }

    /// Its parts of this sort, beside the profile.
    pub fn parts(&self, part: ReferralPart) -> impl Iterator<Item = RecordId> {
        let of = move |(id, found): (&RecordId, &ReferralPart)| (*found == part).then_some(*id);
        self.parts.iter().filter_map(of)
    }

    /// Our own records of it, the profile first.
    pub(super) fn own(&self) -> Vec<RecordId> {
        let mut own = Vec::new();
        if self.role == Party::Originator {
            own.push(self.id);
            own.extend(self.parts.keys());
        }
        let ours = self.steps.iter().filter(|(_, held)| held.by == self.role);
        own.extend(ours.map(|(id, _)| *id));
        own
    }

    /// What is left of it without its profile.
    pub(super) fn into_pieces(self) -> BTreeMap<RecordId, Piece> {
        let Self {
            role,
            own,
            peer,
            steps,
            parts,
            on_the_way,
            created,
            ..
        } = self;
        let author = |by: Party| if by == role { own } else { peer };
        let steps = steps.into_iter().map(|(id, held)| {
            let piece = Piece {
                author: author(held.by),
                at: held.at,
                what: What::Step(held.step),
                on_the_way: on_the_way.contains(&id),
            };
            (id, piece)
        });
        let parts = parts.into_iter().map(|(id, part)| {
            let piece = Piece {
                author: author(Party::Originator),
                at: created,
                what: What::Part(part),
                on_the_way: on_the_way.contains(&id),
            };
            (id, piece)
        });
        steps.chain(parts).collect()
    }

    /// Whether it is a record of ours that the other agency may not have yet.
    pub fn is_on_the_way(&self, id: &RecordId) -> bool {
        self.on_the_way.contains(id)
    }

    /// The records of it that this agency may read now.
    pub fn readable(&self) -> Vec<RecordId> {
        let over = matches!(
            self.state(),
            State::Declined | State::Expired | State::Withdrawn
        );
        if self.role == Party::Provider && over {
            return self.steps.keys().copied().collect();
        }
        let may_name = self.role == Party::Originator || self.may_read_identity();
        let parts = self.parts.iter();
        let parts = parts.filter(|(_, part)| may_name || **part != ReferralPart::Identity);
        let mut all = vec![self.id];
        all.extend(parts.map(|(id, _)| *id));
        all.extend(self.steps.keys());
        all
    }

    /// Its steps, by id; [`Folded`] has their order.
    pub fn steps(&self) -> &BTreeMap<RecordId, Held> {
        &self.steps
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.folded.state
    }

    /// How urgent it is now: a child who is missing is always critical.
    pub fn urgency(&self) -> Urgency {
        if self.child && self.state() == State::Missing {
            return Urgency::Critical;
        }
        self.folded.urgency.unwrap_or(self.urgency)
    }

    /// What runs now, the next first.
    pub fn deadlines(&self, table: &DeadlineTable) -> Vec<Deadline> {
        deadlines(&self.folded, self.start, self.urgency, table)
    }

    /// Consent as it stands now.
    pub fn consent(&self) -> (ConsentState, &BTreeSet<ConsentScope>) {
        match &self.folded.consent {
            Some(now) => (now.state, &now.scope),
            None => (self.consent.0, &self.consent.1),
        }
    }

    /// The last day on which the person agrees that who they are is kept, if longer than it is
    /// anyway.
    pub fn keep_until(&self) -> Option<Date> {
        let (state, until) = match &self.folded.consent {
            Some(now) => (now.state, now.keep_until),
            None => (self.consent.0, self.keep_until),
        };
        until.filter(|_| state == ConsentState::Given)
    }

    /// Whether a guardian is recorded, in the profile or since.
    pub fn has_guardian(&self) -> bool {
        self.guardian || self.folded.guardian
    }

    /// Whether the provider may know who it is now: it accepted, the originator released it,
    /// and the person agrees still, or it is an emergency.
    pub fn may_read_identity(&self) -> bool {
        self.may_share_identity() && self.folded.may_read_identity()
    }

    /// Whether it is the emergency for which two officers stand: the one that the profile tells
    /// of, as long as the person could not be asked. A step makes none.
    pub fn is_emergency(&self) -> bool {
        let asked = |held: &Held| matches!(&held.step.action, Action::Consent { state, .. } if *state != ConsentState::Emergency);
        self.consent.0 == ConsentState::Emergency && !self.steps.values().any(asked)
    }

    /// Whether the person agrees that what was written of them without a name is sent on, or
    /// nobody could ask.
    pub fn may_share_profile(&self) -> bool {
        let (state, scope) = self.consent();
        match state {
            ConsentState::Given => scope.contains(&ConsentScope::ShareProfile),
            ConsentState::Emergency => self.is_emergency(),
            ConsentState::Refused | ConsentState::Withdrawn => false,
        }
    }

    /// Whether the person agrees that the provider knows who it is, or nobody could ask.
    pub fn may_share_identity(&self) -> bool {
        let (state, scope) = self.consent();
        match state {
            ConsentState::Given => scope.contains(&ConsentScope::ShareIdentity),
            ConsentState::Emergency => self.is_emergency(),
            ConsentState::Refused | ConsentState::Withdrawn => false,
        }
    }
}

/// Names the thread and nothing of the person.
impl std::fmt::Debug for Thread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
