//! Asking candidates, one after another, each in a thread of its own.

use std::collections::BTreeSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::{Party, State};
use liaison_protocol::personal::{
    Identity, Inside, Part, Personal, ReferralDraft, VictimReferral, is_unknown,
};
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::codes::{
    ConsentScope, ConsentState, Country2, ReferralPart, Urgency,
};
use liaison_protocol::record::date::Date;

use super::inbox::Prompt;
use super::look::blocking;
use super::{CaseFile, CaseId, Draft, ReferralError, Thread};
use crate::ingest::Sealing;
use crate::node::Node;
use crate::notify::Thing;

impl Node {
    /// Asks a candidate of a case: seals the profile to it alone, and gives the thread. Asked
    /// already, it gives the thread that there is.
    ///
    /// The candidate's clock begins when it is asked; `clock_from` of the candidate, when it
    /// opens, is later.
    ///
    /// # Errors
    /// [`ReferralError`]; nothing was sent.
    pub async fn ask(&self, case: &CaseId, at: usize) -> Result<RecordId, ReferralError> {
        let _one = self.referrals.0.acting.lock().await;
        self.take_up().await?;
        let thread = self.ask_candidate(case, at).await?;
        self.let_follow().await;
        Ok(thread)
    }

    /// The thread with the first candidate of a case, where its profile is out: claimed for the
    /// case, if it was not.
    pub(super) async fn first_thread(
        &self,
        id: &CaseId,
    ) -> Result<Option<RecordId>, ReferralError> {
        let _one = self.referrals.0.acting.lock().await;
        self.take_up().await?;
        let Some(case) = self.read_case(id).await? else {
            return Ok(None);
        };
        let Some(asked) = case.asked.first() else {
            return Ok(None);
        };
        if asked.thread.is_some() {
            return Ok(asked.thread);
        }
        let left = asked.sealing.and_then(|at| self.unclaimed(&case, 0, at));
        if let Some(thread) = left {
            self.claim(id, 0, thread).await?;
        }
        Ok(left)
    }

    /// Makes drafts again of what a stop kept from going out: nobody was asked, so no deadline runs
    /// of it, and only who wrote it can send it. Done at the
    /// start, and whenever that is not known of one that was being sent.
    pub(super) async fn draft_again(&self) -> Result<(), ReferralError> {
        let _sending = self.cases.sending().await;
        let _one = self.referrals.0.acting.lock().await;
        self.take_up().await?;
        let cases = self.cases.clone();
        let left = blocking(move || {
            let mut left = Vec::new();
            for id in cases.ids()? {
                // One that is damaged holds nobody else up.
                let case = cases.read(&id).ok().flatten();
                left.extend(case.filter(|case| {
                    case.sent && !case.draft.is_empty() && case.threads().next().is_none()
                }));
            }
            Ok(left)
        })
        .await?;
        for case in left {
            let asked = case.asked.iter().enumerate();
            let out = asked
                .filter_map(|(at, asked)| Some((at, self.unclaimed(&case, at, asked.sealing?)?)))
                .next();
            if let Some((at, thread)) = out {
                self.claim(&case.id, at, thread).await?;
                continue;
            }
            tracing::warn!(draft = %case.id, "a referral was not sent before the node stopped: it is a draft again");
            let now = self.clock.now();
            self.change_case(&case.id, move |case| {
                case.asked.clear();
                case.sent = false;
                // Whoever wrote it has not been told yet: it is kept as one begun now.
                case.made = now;
            })
            .await?;
        }
        Ok(())
    }

    /// Gives a thread of ours that no case knows to the case that was about to make it.
    pub(super) async fn claim_left(&self, thread: &Thread) -> Result<(), ReferralError> {
        if self.cases.of_thread(&thread.id).is_some() {
            return Ok(());
        }
        let cases = self.cases.clone();
        let (agency, created) = (thread.peer, thread.created);
        let found = blocking(move || {
            let mut found: Option<(Millis, CaseId, usize)> = None;
            for id in cases.ids()? {
                // One that is damaged holds nobody else up.
                let Some(case) = cases.read(&id).ok().flatten() else {
                    continue;
                };
                for (at, asked) in case.asked.iter().enumerate() {
                    let Some(began) = asked.sealing.filter(|began| *began <= created) else {
                        continue;
                    };
                    let its = asked.thread.is_none() && asked.agency == agency;
                    // One is sealed at a time: it is the one that began last.
                    if its && found.as_ref().is_none_or(|(last, ..)| *last < began) {
                        found = Some((began, id.clone(), at));
                    }
                }
            }
            Ok(found)
        })
        .await?;
        match found {
            Some((_, id, at)) => self.claim(&id, at, thread.id).await,
            None => Ok(()),
        }
    }

    async fn ask_candidate(&self, id: &CaseId, at: usize) -> Result<RecordId, ReferralError> {
        let case = self
            .read_case(id)
            .await?
            .ok_or_else(|| ReferralError::NoCase { case: id.clone() })?;
        let Some(asked) = case.asked.get(at) else {
            return Err(ReferralError::NoCase { case: id.clone() });
        };
        if let Some(thread) = asked.thread {
            return Ok(thread);
        }
        let agency = asked.agency;
        let now = self.clock.now();
        // A stop between the seal and the case's file left a profile that no case knows.
        if let Some(since) = asked.sealing
            && let Some(thread) = self.unclaimed(&case, at, since)
        {
            self.claim(id, at, thread).await?;
            return Ok(thread);
        }
        let before = self.latest_of(&case);
        let mut inside = self.profile_of(&case, before.as_ref())?;
        if let Some(before) = &before {
            let found = self.check_next(&case, before, &inside, &agency, now)?;
            if !found.is_empty() {
                return Err(ReferralError::Checks(found));
            }
        }
        self.bar_own_hubs(&mut inside, &agency);
        if inside.fields.exercise.is_none() {
            inside.fields.exercise.clone_from(&self.config.exercise);
        }
        let urgency = inside
            .profile()
            .map_or(Urgency::Critical, |p| p.effective_urgency());
        let insists = read(&case)?.keep_order;
        // Its time counts from when it opens.
        let opens = self
            .planned(&agency, insists, now)
            .map_or(now, |planned| planned.clock_from);
        let start = asked.clock_from.unwrap_or(now).max(opens);
        let decide = self.referrals.table().decide.of(urgency);
        self.change_case(id, move |case| {
            if let Some(asked) = case.asked.get_mut(at) {
                asked.sealing = Some(now);
                asked.clock_from = Some(start);
            }
        })
        .await?;
        let profile = Sealing {
            inside,
            recipients: BTreeSet::from([agency]),
            thread: None,
            respond_by: Some(Millis(start.0.saturating_add(decide))),
        };
        let made = self.ingest.seal(vec![profile], Vec::new()).await?;
        let thread = made.first().map(|(id, _)| *id);
        let thread = thread.ok_or(ReferralError::Stopping)?;
        self.claim(id, at, thread).await?;
        self.take_up().await?;
        Ok(thread)
    }

    /// Asks the next candidate, where this one will not take the person and nobody else has;
    /// gives whether anybody was asked.
    pub(super) async fn ask_next(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let open = self.next_of(&thread.id).await?;
        let Some((id, open)) = open.filter(|(_, open)| !open.is_empty()) else {
            self.referrals.book().stuck.remove(&thread.id);
            return Ok(false);
        };
        // What the person agreed to may have changed since the profile.
        if !thread.may_share_profile() {
            self.is_stuck(thread, Prompt::AskConsent);
            return Ok(false);
        }
        if self.review_overdue(&thread.id) {
            self.is_stuck(thread, Prompt::ReviewOverdue);
            return Ok(false);
        }
        // Who can't be asked now holds nobody up who comes after, and is not forgotten.
        for at in open {
            match self.ask_candidate(&id, at).await {
                Ok(_) => {
                    self.referrals.book().stuck.remove(&thread.id);
                    return Ok(true);
                }
                Err(ReferralError::Ingest(fault)) if !self.may_recover(&fault) => {
                    tracing::warn!(%fault, "a candidate can't be asked; the next one is");
                }
                Err(ReferralError::Checks(found)) => {
                    let rules: BTreeSet<&str> = found.iter().map(|f| f.code).collect();
                    tracing::warn!(?rules, "a candidate may not be asked; the next one is");
                }
                Err(error) => {
                    self.is_stuck(thread, Prompt::NobodyCanBeAsked);
                    return Err(error);
                }
            }
        }
        self.is_stuck(thread, Prompt::NobodyCanBeAsked);
        Ok(false)
    }

    /// Notes that nobody else is asked and an officer has to act; tells of it once.
    fn is_stuck(&self, thread: &Thread, why: Prompt) {
        let before = self.referrals.book().stuck.insert(thread.id, why);
        if before != Some(why) {
            tracing::warn!(referral = %thread.id.short(), "nobody else is asked: {}", why.says());
            self.notify.tell(Thing::Due, 1);
        }
    }

    /// How many referrals wait for an officer because nobody else is asked.
    pub fn stuck_referrals(&self) -> usize {
        let threads: Vec<RecordId> = self.referrals.book().stuck.keys().copied().collect();
        let cases = threads
            .iter()
            .map(|id| self.cases.of_thread(id).map(|(case, _)| case));
        cases.collect::<BTreeSet<_>>().len()
    }

    /// Sends the assessment that the referral was made with to the provider that accepted, once;
    /// gives whether it did.
    pub(super) async fn send_assessment(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let sent = thread.parts(ReferralPart::Assessment).next().is_some();
        if sent || !thread.state().is_taken() || !thread.may_share_profile() {
            return Ok(false);
        }
        let Some((id, _)) = self.cases.of_thread(&thread.id) else {
            return Ok(false);
        };
        let case = self.read_case(&id).await?;
        let Some(case) = case.filter(|case| case.assessment.is_none() && !case.draft.is_empty())
        else {
            return Ok(false);
        };
        let Some(assessment) = read(&case)?.assessment.clone() else {
            return Ok(false);
        };
        if self.review_overdue(&thread.id) {
            return Ok(false);
        }
        if self.is_barred(thread)? {
            return Ok(false);
        }
        let profile = self.profile_inside(&thread.id)?;
        let part = Personal::from(Part::Assessment(Box::new(assessment)));
        let inside = self.about(thread, &profile, "Assessment", part);
        let sealing = super::act::to_the_other(thread, inside);
        match self.ingest.seal(vec![sealing], Vec::new()).await {
            Ok(made) => {
                let made = made.first().map(|(id, _)| *id);
                self.change_case(&id, move |case| case.assessment = made)
                    .await?;
                self.take_up().await?;
                Ok(true)
            }
            Err(fault) if !self.may_recover(&fault) => {
                tracing::warn!(%fault, "an assessment can't be sent");
                Ok(false)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Whether another candidate can be asked.
    pub(super) fn is_next(&self, thread: &RecordId) -> bool {
        self.cases
            .of_thread(thread)
            .and_then(|(id, _)| self.cases.read(&id).ok().flatten())
            .is_some_and(|case| case.asked.iter().any(|asked| asked.thread.is_none()))
    }

    /// The candidates of its case that were not asked, where nobody has it or may yet take it.
    async fn next_of(
        &self,
        thread: &RecordId,
    ) -> Result<Option<(CaseId, Vec<usize>)>, ReferralError> {
        let Some((id, _)) = self.cases.of_thread(thread) else {
            return Ok(None);
        };
        let Some(case) = self.read_case(&id).await? else {
            return Ok(None);
        };
        let refused = |id: RecordId| {
            let thread = self.referrals.thread(&id);
            thread.is_none_or(|t| matches!(t.state(), State::Declined | State::Expired))
        };
        // Who the person is was erased long after it ended: nothing is left to be sent.
        if case.draft.is_empty() || !case.threads().all(refused) {
            return Ok(None);
        }
        let asked = case.asked.iter().enumerate();
        let open = asked.filter(|(_, asked)| asked.thread.is_none());
        Ok(Some((id, open.map(|(at, _)| at).collect())))
    }

    /// The threads of the referral that this one belongs to, also where its case does not open:
    /// what was sent to all candidates has to be taken back, and one of them knows who it is.
    pub(super) fn threads_of_case(&self, thread: &RecordId) -> Vec<RecordId> {
        let known = self.cases.of_thread(thread);
        known.map_or_else(|| vec![*thread], |(id, _)| self.cases.threads_of(&id))
    }

    /// Of what citizenship the person is, as it was written; none: the referral is not ours, or
    /// its case does not open.
    pub(super) fn citizenship_of(&self, thread: &RecordId) -> Option<Vec<Country2>> {
        let (id, _) = self.cases.of_thread(thread)?;
        let case = self.cases.read(&id).ok().flatten()?;
        Some(case.draft.read().ok()?.citizenship.clone())
    }

    /// The identity that a referral was made with.
    pub(super) fn kept_identity(
        &self,
        thread: &RecordId,
    ) -> Result<Option<Box<Identity>>, ReferralError> {
        let Some((id, _)) = self.cases.of_thread(thread) else {
            return Ok(None);
        };
        let Some(case) = self.cases.read(&id)? else {
            return Ok(None);
        };
        let draft = read(&case)?;
        Ok(draft.identity.clone().map(Box::new))
    }

    /// Destroys what an officer wrote of a referral, and keeps whom it went to.
    pub(super) async fn empty_case(&self, thread: &RecordId) -> Result<(), ReferralError> {
        let Some((id, _)) = self.cases.of_thread(thread) else {
            return Ok(());
        };
        self.change_case(&id, |case| case.draft = Draft::emptied())
            .await
    }

    /// Destroys what is kept of a referral beside its records.
    pub(super) async fn forget_case(&self, thread: &RecordId) -> Result<(), ReferralError> {
        let Some((id, _)) = self.cases.of_thread(thread) else {
            return Ok(());
        };
        let cases = self.cases.clone();
        blocking(move || {
            cases.destroy(&id)?;
            Ok(())
        })
        .await
    }

    /// The profile as the next candidate gets it: as it was written, with what the steps have
    /// changed since.
    fn profile_of(
        &self,
        case: &CaseFile,
        before: Option<&Thread>,
    ) -> Result<Inside, ReferralError> {
        let today = Date::from_millis(self.clock.now());
        let draft = read(case)?;
        let mut inside = draft.profile_inside(today, case.approval.is_some());
        let ends = today.add_months(self.config.referral.profile_kept_months);
        inside.fields.expires = Some(ends);
        // What is gone by then is not looked at again.
        inside.fields.review_by = inside.fields.review_by.filter(|review| *review < ends);
        if let Some(before) = before
            && let Personal::Referral(VictimReferral {
                part: Part::Profile(profile),
            }) = &mut inside.content
        {
            if let Some(urgency) = before.folded.urgency {
                profile.urgency = urgency;
            }
            if let Some(now) = &before.folded.consent {
                profile.consent.state = now.state;
                profile.consent.scope = now.scope.iter().copied().collect();
                profile.consent.keep_until = before.keep_until();
                // The reason is of an emergency; a step has none, so that it makes none.
                if now.state != ConsentState::Emergency {
                    profile.consent.emergency = None;
                }
                if !profile.consent.covers(ConsentScope::OriginContact) {
                    profile.origin_contact_forbidden = true;
                }
            }
            let since = super::act::must_exclude_of(profile, &draft.citizenship);
            inside.exclude.extend(since);
        }
        Ok(inside)
    }

    /// Where the citizenship is not known, a candidate elsewhere may be in that country: what it
    /// answers does not go over its hubs either.
    fn bar_own_hubs(&self, inside: &mut Inside, candidate: &AgencyId) {
        let theirs = self.registry.country(candidate);
        let at = inside.profile().map(|p| p.region.country().to_owned());
        let own = self.registry.country(&self.registry.own());
        let known = at == Some(theirs.clone()) || theirs == own;
        if is_unknown(&inside.exclude) && !known {
            inside.exclude.extend(theirs.parse::<Country2>());
        }
    }

    /// The thread of a case that began last: it knows what changed in those before.
    pub(super) fn latest_of(&self, case: &CaseFile) -> Option<Thread> {
        let threads = case.threads().filter_map(|id| self.referrals.thread(&id));
        threads.max_by_key(|thread| thread.created)
    }

    /// What the checks say of a profile after what the steps changed.
    fn check_next(
        &self,
        case: &CaseFile,
        before: &Thread,
        inside: &Inside,
        agency: &AgencyId,
        now: Millis,
    ) -> Result<Vec<Finding>, ReferralError> {
        let draft = read(case)?;
        let Some(profile) = inside.profile() else {
            return Ok(Vec::new());
        };
        let approved = case.approval.is_some();
        let mut found = self.check_candidate(&draft, profile, agency, approved, now);
        // A step that tells of consent after an emergency has no place for these, and one that
        // tells of a guardian does not change the profile.
        let since = draft.profile.consent.state == ConsentState::Emergency
            && profile.consent.state == ConsentState::Given;
        found.retain(|finding| {
            let told = match finding.place.as_str() {
                "consent.by" | "consent.checklist" => since,
                _ => finding.code == "REF-02" && before.has_guardian(),
            };
            !told
        });
        Ok(found)
    }

    /// A profile of ours to this candidate that no case knows, made since.
    fn unclaimed(&self, case: &CaseFile, at: usize, since: Millis) -> Option<RecordId> {
        let agency = case.asked.get(at)?.agency;
        let book = self.referrals.book();
        let found = book.threads.values().find(|thread| {
            thread.role == Party::Originator
                && thread.peer == agency
                && thread.created >= since
                && self.cases.of_thread(&thread.id).is_none()
        });
        found.map(|thread| thread.id)
    }

    async fn claim(&self, id: &CaseId, at: usize, thread: RecordId) -> Result<(), ReferralError> {
        // Before it is known as the case's, so that no thread of ours is nobody's.
        if let Err(error) = self.hand_on(id, at, thread).await {
            tracing::error!(%error, "nobody is assigned to a referral");
        }
        self.change_case(id, move |case| {
            if let Some(asked) = case.asked.get_mut(at) {
                asked.thread = Some(thread);
            }
        })
        .await
    }

    async fn read_case(&self, id: &CaseId) -> Result<Option<CaseFile>, ReferralError> {
        let (cases, id) = (self.cases.clone(), id.clone());
        blocking(move || Ok(cases.read(&id)?)).await
    }

    async fn change_case(
        &self,
        id: &CaseId,
        change: impl FnOnce(&mut CaseFile) + Send + 'static,
    ) -> Result<(), ReferralError> {
        let (cases, id) = (self.cases.clone(), id.clone());
        blocking(move || {
            cases.change(&id, change)?;
            Ok(())
        })
        .await
    }

    /// Whether what kept a record from being sealed may pass by itself.
    fn may_recover(&self, fault: &crate::ingest::IngestFault) -> bool {
        matches!(fault.answer(), liaison_protocol::fault::Answer::Later(_))
    }
}

fn read(case: &CaseFile) -> Result<ReferralDraft, ReferralError> {
    case.draft.read().map_err(|error| ReferralError::Draft {
        case: case.id.clone(),
        says: error.to_string(),
    })
}
