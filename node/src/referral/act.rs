//! Taking a step: what an officer decided, checked, sealed to the other side, and what follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Party, State};
use liaison_protocol::personal::{
    Action, Consent, Identity, Inside, Part, Personal, Private, Profile, Step, is_unknown,
    must_exclude,
};
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::codes::{
    ClosureReason, ConsentScope, ConsentState, Country2, ReferralPart,
};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;

use super::{ReferralError, Thread};
use crate::ingest::Sealing;
use crate::node::Node;

/// A step that an officer wants to take.
pub struct Wanted {
    /// In which referral.
    pub thread: RecordId,
    /// What.
    pub action: Action,
    /// A word to the other side.
    pub note: Option<Private>,
    /// Who it is, where that is released; none: as the referral was made.
    pub identity: Option<Box<Identity>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Made {
    /// The step's record; none: it was only tried.
    pub id: Option<RecordId>,
    /// What else was done, in sentences.
    pub done: Vec<String>,
}

impl Node {
    /// Takes a step, and lets follow what follows from it.
    ///
    /// # Errors
    /// [`ReferralError`]: nothing was sent.
    pub async fn take_step(&self, wanted: Wanted, dry_run: bool) -> Result<Made, ReferralError> {
        let _one = self.referrals.0.acting.lock().await;
        self.take_up().await?;
        let id = wanted.thread;
        let thread = self
            .referrals
            .thread(&id)
            .ok_or(ReferralError::None { thread: id })?;
        thread.folded.permits(&wanted.action, thread.role)?;
        let profile = self.profile_inside(&id)?;
        let parts = self.release(&thread, &profile, &wanted)?;
        let mut found = self.step_findings(&thread, &profile, &wanted.action);
        if wanted.note.is_some() || tells(&wanted.action) {
            found.extend(self.origin_finding(&thread, &profile, wanted.identity.as_deref()));
        }
        let said = wanted.note.iter();
        found.extend(said.flat_map(liaison_protocol::personal::checks::check_note));
        if !found.is_empty() {
            return Err(ReferralError::Checks(found));
        }
        if dry_run {
            return Ok(Made {
                id: None,
                done: Vec::new(),
            });
        }
        let before: BTreeSet<RecordId> = self.referrals.book().threads.keys().copied().collect();
        let step = self
            .sign_step(&thread, wanted.action, wanted.note, parts)
            .await?;
        self.let_follow().await;
        Ok(Made {
            id: Some(step),
            done: self.what_followed(&thread, &before),
        })
    }

    /// Seals a step of this agency to the other side, with what goes with it before it.
    pub(super) async fn sign_step(
        &self,
        thread: &Thread,
        action: Action,
        note: Option<Private>,
        mut with: Vec<Sealing>,
    ) -> Result<RecordId, ReferralError> {
        let step = Step {
            on: thread.id,
            seen: thread.folded.heads.clone(),
            action,
            note,
        };
        let profile = self.profile_inside(&thread.id)?;
        let inside = self.about(thread, &profile, "Step", Personal::Step(step));
        with.push(to_the_other(thread, inside));
        let made = self.ingest.seal(with, Vec::new()).await?;
        self.take_up().await?;
        let last = made.last().map(|(id, _)| *id);
        last.ok_or(ReferralError::Stopping)
    }

    /// What stands inside the profile of a referral.
    pub(super) fn profile_inside(&self, thread: &RecordId) -> Result<Arc<Inside>, ReferralError> {
        self.vault
            .inside(thread)?
            .ok_or(ReferralError::Closed { thread: *thread })
    }

    /// Something about the same person, under the same handling.
    pub(super) fn about(
        &self,
        thread: &Thread,
        profile: &Inside,
        title: &str,
        content: Personal,
    ) -> Inside {
        let named = match &content {
            Personal::Referral(referral) => match &referral.part {
                Part::Identity(identity) => Some(identity.as_ref()),
                _ => None,
            },
            _ => None,
        };
        let mut exclude = self.exclude_now(thread, profile, named);
        // Who may be told nothing more has to be told that: a step of that sort goes.
        if matches!(content, Personal::Step(_))
            && self.registry.bars(&exclude, &thread.peer).is_some()
        {
            exclude.clone_from(&profile.exclude);
        }
        Inside {
            fields: Fields {
                title: title.into(),
                thread: None,
                supersedes: None,
                refs: Vec::new(),
                ..profile.fields.clone()
            },
            subjects: profile.subjects.clone(),
            exclude,
            content,
        }
    }

    /// The countries of which no authority may get what is sealed in a thread now: those of the
    /// profile, and what follows from what the person said since. `identity`: who they are, where
    /// that tells of a citizenship.
    pub(super) fn exclude_now(
        &self,
        thread: &Thread,
        profile: &Inside,
        identity: Option<&Identity>,
    ) -> BTreeSet<Country2> {
        let mut exclude = profile.exclude.clone();
        let (Some(consent), Some(was)) = (consent_now(thread, profile), profile.profile()) else {
            return exclude;
        };
        let named = identity.map(|identity| identity.citizenship.as_slice());
        let named = named.unwrap_or_default();
        let known = match self.citizenship_of(&thread.id) {
            Some(written) => [&written, named].concat(),
            None if !named.is_empty() => named.to_vec(),
            // What the profile is kept from tells; or that there was nothing to be kept.
            None if exclude.is_empty() && !was.consent.covers(ConsentScope::OriginContact) => {
                return exclude;
            }
            None if is_unknown(&exclude) => Vec::new(),
            None => exclude.iter().cloned().collect(),
        };
        let now = Profile {
            consent,
            ..was.clone()
        };
        exclude.extend(must_exclude_of(&now, &known));
        exclude
    }

    /// Whether the other agency is an authority of a country that may get nothing more, by what
    /// the person said since the profile.
    pub(super) fn is_barred(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let profile = self.profile_inside(&thread.id)?;
        Ok(self.origin_finding(thread, &profile, None).is_some())
    }

    /// REF-04: what keeps an originator from telling the other agency more.
    pub(crate) fn origin_finding(
        &self,
        thread: &Thread,
        profile: &Inside,
        identity: Option<&Identity>,
    ) -> Option<Finding> {
        if thread.role != Party::Originator {
            return None;
        }
        let exclude = self.exclude_now(thread, profile, identity);
        let country = self
            .registry
            .bars_way(&exclude, &thread.peer, &self.registry.own())?;
        let (author, peer) = (self.registry.own_alias(), self.registry.alias(&thread.peer));
        let found = liaison_protocol::personal::checks::check_origin(&author, &peer, &country);
        Some(found)
    }

    /// The identity, as a record of its own, where the step releases it.
    fn release(
        &self,
        thread: &Thread,
        profile: &Inside,
        wanted: &Wanted,
    ) -> Result<Vec<Sealing>, ReferralError> {
        if wanted.action != Action::IdentityReleased {
            return Ok(Vec::new());
        }
        // One provider knows who it is, whatever ran into what.
        for other in self.threads_of_case(&thread.id) {
            let Some(other) = self.referrals.thread(&other) else {
                continue;
            };
            let released = other.parts(ReferralPart::Identity).next().is_some();
            if other.id != thread.id && released {
                return Err(ReferralError::Elsewhere {
                    thread: other.id,
                    peer: self.registry.alias(&other.peer),
                });
            }
        }
        let identity = match &wanted.identity {
            Some(identity) => identity.clone(),
            None => self
                .kept_identity(&thread.id)?
                .ok_or(ReferralError::NoIdentity { thread: thread.id })?,
        };
        let part = Personal::from(Part::Identity(identity));
        let inside = self.about(thread, profile, "Identity", part);
        Ok(vec![to_the_other(thread, inside)])
    }

    /// What stands in the way of a step that the table allows.
    pub(crate) fn step_findings(
        &self,
        thread: &Thread,
        profile: &Inside,
        action: &Action,
    ) -> Vec<Finding> {
        // A clock that jumped ahead ends nobody's reflection period.
        let today = Date::from_millis(self.time.believed());
        match action {
            Action::IdentityReleased => {
                let Some(consent) = consent_now(thread, profile) else {
                    return Vec::new();
                };
                liaison_protocol::personal::checks::check_identity_release(
                    &consent,
                    thread.child,
                    thread.has_guardian(),
                    self.review_overdue(&thread.id),
                )
            }
            Action::Closed { reason } => self.may_close(thread, *reason, today),
            Action::Consent {
                state: ConsentState::Emergency,
                ..
            } => vec![liaison_protocol::personal::checks::check_emergency_step()],
            _ => Vec::new(),
        }
    }

    fn may_close(&self, thread: &Thread, reason: ClosureReason, today: Date) -> Vec<Finding> {
        let until = thread.reflection_until;
        let found = liaison_protocol::personal::checks::check_close(until, reason, today);
        found.into_iter().collect()
    }

    /// What followed from a step, in sentences.
    fn what_followed(&self, before: &Thread, threads: &BTreeSet<RecordId>) -> Vec<String> {
        let mut done = Vec::new();
        let book = self.referrals.book();
        for new in book.threads.values().filter(|t| !threads.contains(&t.id)) {
            let peer = self.registry.alias(&new.peer);
            done.push(format!(
                "{peer} is asked next, in referral {}",
                new.id.short()
            ));
        }
        match book.threads.get(&before.id) {
            None => done.push(
                "everything that this agency sent of it is retracted, and erased wherever it is; 'liaison show' tells the receipts".into(),
            ),
            Some(now) if now.state() == State::Withdrawn && now.role == Party::Provider => done
                .push(
                    "the originator's node takes the referral back everywhere as soon as this reaches it".into(),
                ),
            Some(_) => {}
        }
        done
    }
}

pub(super) fn to_the_other(thread: &Thread, inside: Inside) -> Sealing {
    Sealing {
        inside,
        recipients: BTreeSet::from([thread.peer]),
        thread: Some(thread.id),
        respond_by: None,
    }
}

/// Consent as it stands now.
pub(super) fn consent_now(thread: &Thread, profile: &Inside) -> Option<Consent> {
    let mut consent = profile.profile()?.consent.clone();
    if let Some(now) = &thread.folded.consent {
        consent.state = now.state;
        consent.scope = now.scope.iter().copied().collect();
        consent.keep_until = now.keep_until;
    }
    // Two officers stand for the emergency of the profile, until the person was asked.
    if !thread.is_emergency() {
        consent.emergency = None;
    }
    Some(consent)
}

/// What follows from a profile, for a person of this citizenship.
pub(super) fn must_exclude_of(profile: &Profile, citizenship: &[Country2]) -> BTreeSet<Country2> {
    let contact = [ConsentScope::OriginContact];
    let scope: &[ConsentScope] = match profile.consent.covers(ConsentScope::OriginContact) {
        true => &contact,
        false => &[],
    };
    must_exclude(profile.status, citizenship, scope, profile.region.country())
}

/// Whether a step tells the other agency more than that it ends, or what the person said.
const fn tells(action: &Action) -> bool {
    !matches!(
        action,
        Action::Expired | Action::Withdrawn { .. } | Action::Consent { .. } | Action::Closed { .. }
    )
}
