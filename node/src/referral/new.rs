//! Making a referral: checked, its draft kept, sealed to one candidate after another.

use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::DeadlineTable;
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::codes::ConsentState;
use liaison_protocol::record::draft::DraftError;

use super::ReferralError;
use super::candidates::Planned;
use super::case::{Asked, CaseFile, CaseId, Draft};
use crate::keyring::KeyringError;
use crate::limits;
use crate::node::Node;
use crate::officers::Officer;
use crate::registry::RegistryError;
use crate::store::StoreError;
use crate::time::Doubt;

/// How often it is looked whether a profile has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Why a referral is not made, or not offered to the next candidate.
#[derive(Debug, thiserror::Error)]
pub enum NewFault {
    /// What was written is no referral.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Nobody is called so here.
    #[error(transparent)]
    Peer(#[from] RegistryError),
    /// A candidate is a peer no longer.
    #[error("it can't be offered: {0}")]
    NoPeer(RegistryError),
    /// An attribute is not one of the list.
    #[error("the {what} of {peer} is not known here, so nobody can tell who may get it")]
    Pinned {
        /// The agency, as it is called here.
        peer: String,
        /// Which attribute.
        what: &'static str,
    },
    /// The checks do not let it.
    #[error("the referral is refused for {} reasons", .0.len())]
    Checks(Vec<Finding>),
    /// There is no such draft.
    #[error("there is no draft {id} here")]
    NoDraft {
        /// Its name.
        id: CaseId,
    },
    /// It is another officer's.
    #[error("{id} is another officer's draft")]
    Others {
        /// Its name.
        id: CaseId,
    },
    /// It was sent already.
    #[error("{id} was sent already")]
    Sent {
        /// Its name.
        id: CaseId,
        /// The first candidate's thread.
        thread: Option<RecordId>,
    },
    /// Another text was written in its place.
    #[error("{id} was written anew meanwhile: nothing was sent")]
    Changed {
        /// Its name.
        id: CaseId,
    },
    /// There is no such candidate.
    #[error("{id} has no candidate number {}", at.saturating_add(1))]
    NoCandidate {
        /// The case.
        id: CaseId,
        /// Which, from 0.
        at: usize,
    },
    /// Too many drafts.
    #[error("there are {} drafts here; send or drop some", limits::REFERRAL_DRAFTS)]
    TooManyDrafts,
    /// The clock is in doubt.
    #[error(
        "nothing is sent while this machine's clock is in doubt. 'liaison status' says why; set it right, or an administrator types 'liaison clock confirm'"
    )]
    Clock(Doubt),
    /// The first candidate can't be asked.
    #[error(transparent)]
    Ask(#[from] ReferralError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task of ours was stopped.
    #[error("the node is stopping")]
    Stopping,
}

/// What became of a referral that an officer made.
#[derive(Clone, Debug)]
pub enum Sent {
    /// An emergency: it waits for a second officer.
    Waits,
    /// It was sealed to the first candidate.
    To {
        /// Its thread.
        thread: RecordId,
        /// The candidate.
        agency: AgencyId,
    },
}

impl Node {
    /// Destroys drafts that nobody sent in time, for as long as the node runs.
    pub(crate) async fn run_drafts(self) {
        let mut stop = self.stopping();
        let mut due = Millis(0);
        loop {
            let now = self.clock.now();
            if now >= due {
                due = Millis(now.0.saturating_add(limits::HOUR_MS));
                let span = limits::REFERRAL_DRAFT_DAYS.saturating_mul(limits::DAY_MS);
                // A clock in doubt ends nothing.
                if let Ok(now) = self.time.trusted() {
                    // Nor is one ended that is being sent.
                    let _one = self.cases.sending().await;
                    let (cases, before) = (self.cases.clone(), Millis(now.0.saturating_sub(span)));
                    match blocking(move || Ok(cases.drop_older(before)?)).await {
                        Ok(dropped) if dropped.is_empty() => {}
                        Ok(dropped) => {
                            tracing::info!(
                                count = dropped.len(),
                                "old drafts of referrals were destroyed"
                            );
                        }
                        Err(error) => {
                            tracing::error!(%error, "old drafts of referrals are there still");
                        }
                    }
                }
            }
            tokio::select! {
                () = self.clock.wait(now, due) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Keeps what an officer wrote, whole or not, so that nothing is lost. `into`: in place of
    /// an earlier draft of theirs, or of one that was begun at a login of many and is theirs from
    /// now on.
    ///
    /// # Errors
    /// [`NewFault::NoDraft`], [`NewFault::Others`], [`NewFault::Sent`],
    /// [`NewFault::TooManyDrafts`], the keyring.
    pub(crate) async fn keep_draft(
        &self,
        draft: Draft,
        into: Option<CaseId>,
        uid: u32,
        user: &str,
    ) -> Result<CaseFile, NewFault> {
        // What is being sent was checked, and maybe approved, as it is.
        let _one = self.cases.sending().await;
        let (node, user, now) = (self.clone(), user.to_owned(), self.clock.now());
        blocking(move || {
            let Some(id) = into else {
                if node.cases.ids()?.len() >= limits::REFERRAL_DRAFTS {
                    return Err(NewFault::TooManyDrafts);
                }
                let case = CaseFile::begun(draft, uid, &user, now);
                node.cases.keep(&case)?;
                return Ok(case);
            };
            let changed = node.cases.change_if(&id, |case| {
                node.may_go_on(case, uid)?;
                // What a second officer was shown is not what this is.
                // A login of many is not shown the name again, and gives back what it is shown.
                case.draft = match node.officers.of(uid) {
                    Ok(officer) if officer.shared => draft.with_identity_of(&case.draft),
                    _ => draft,
                };
                case.waits = None;
                case.approval = None;
                case.uid = uid;
                case.user = user;
                Ok::<(), NewFault>(())
            })?;
            changed.ok_or(NewFault::NoDraft { id })
        })
        .await
    }

    /// Destroys a draft. `oversees`: also another officer's.
    ///
    /// # Errors
    /// [`NewFault::NoDraft`], [`NewFault::Others`], [`NewFault::Sent`], the keyring.
    pub(crate) async fn drop_draft(
        &self,
        id: CaseId,
        uid: u32,
        oversees: bool,
    ) -> Result<CaseFile, NewFault> {
        let _one = self.cases.sending().await;
        let node = self.clone();
        blocking(move || {
            let dropped = node
                .cases
                .destroy_if(&id, |case| match node.may_go_on(case, uid) {
                    Err(NewFault::Others { .. }) if oversees => unsent(case),
                    other => other,
                })?;
            dropped.ok_or(NewFault::NoDraft { id })
        })
        .await
    }

    /// Whether a draft was begun at a login that several people use: it may not be sent from
    /// there, so whoever refers people goes on with it.
    pub(crate) fn is_of_many(&self, case: &CaseFile) -> bool {
        let begun = self.officers.of(case.uid);
        !case.sent && begun.is_ok_and(|officer| officer.shared)
    }

    /// Whether an officer may write or drop a draft: their own, or one from a login of many. Least
    /// of all another's that waits for a second officer.
    fn may_go_on(&self, case: &CaseFile, uid: u32) -> Result<(), NewFault> {
        if case.uid != uid && !self.is_of_many(case) {
            return Err(NewFault::Others {
                id: case.id.clone(),
            });
        }
        unsent(case)
    }

    /// Sends a draft as it was written: to the first candidate, or, in an emergency, to a second
    /// officer first.
    ///
    /// # Errors
    /// [`NewFault`]; the draft is kept as it is.
    pub(crate) async fn send_draft(
        &self,
        id: &CaseId,
        written: &Draft,
    ) -> Result<(CaseFile, Sent), NewFault> {
        let _one = self.cases.sending().await;
        let case = self.case(id).await?;
        unsent(&case)?;
        // What was only to be kept is not sent because another text was to be.
        if case.draft != *written {
            return Err(NewFault::Changed { id: id.clone() });
        }
        self.send(case).await
    }

    /// Sends a draft. The caller holds `sending`, and read it since.
    pub(super) async fn send(&self, case: CaseFile) -> Result<(CaseFile, Sent), NewFault> {
        let id = &case.id;
        let now = self.time.trusted()?;
        let draft = case.draft.read()?;
        let plan = self.plan(&draft, now)?;
        let emergency = draft.profile.consent.state == ConsentState::Emergency;
        let approved = emergency && case.approval.is_some();
        // All but the approval itself has to be right before a second officer is asked.
        let found = self.check_referral(&draft, &plan, emergency, now)?;
        if !found.is_empty() {
            return Err(NewFault::Checks(found));
        }
        if emergency && !approved {
            let case = self
                .change_draft(id, move |case| case.waits = Some(now))
                .await?;
            return Ok((case, Sent::Waits));
        }
        let asked: Vec<Asked> = plan.iter().map(asked).collect();
        // What was checked is what is sealed: from here on nobody changes it.
        let (cases, checked) = (self.cases.clone(), case.clone());
        blocking(move || {
            let id = checked.id.clone();
            let sent = cases.change_if(&id, |case| {
                unsent(case)?;
                if case.draft != checked.draft || case.approval != checked.approval {
                    return Err(NewFault::Changed { id: id.clone() });
                }
                case.asked = asked;
                case.sent = true;
                case.waits = None;
                Ok::<(), NewFault>(())
            })?;
            sent.ok_or(NewFault::NoDraft { id })
        })
        .await?;
        let thread = match self.ask(id, 0).await {
            Ok(thread) => thread,
            // The profile may be out all the same: a second one would be a second referral,
            // which neither the release nor a withdrawal of this one knows. Where that can't be
            // told, it stays sent, and is found by what is settled later.
            Err(error) => match self.first_thread(id).await {
                Ok(Some(thread)) => {
                    tracing::warn!(%error, "a referral is out; what follows is tried again");
                    thread
                }
                Ok(None) => {
                    // Nobody was asked: it is a draft still.
                    self.change_draft(id, |case| {
                        case.asked.clear();
                        case.sent = false;
                    })
                    .await?;
                    return Err(error.into());
                }
                Err(unknown) => {
                    tracing::error!(%unknown, "it is not known whether a referral is out");
                    self.referrals.0.unsure.notify_one();
                    return Err(error.into());
                }
            },
        };
        let case = self.case(id).await?;
        let agency = plan.first().map(|planned| planned.agency);
        let agency = agency.ok_or_else(|| NewFault::NoCandidate {
            id: id.clone(),
            at: 0,
        })?;
        Ok((case, Sent::To { thread, agency }))
    }

    /// Whoever works on the referral works on this thread: those of the candidate before, or
    /// who wrote it.
    pub(super) async fn hand_on(
        &self,
        id: &CaseId,
        at: usize,
        thread: RecordId,
    ) -> Result<(), NewFault> {
        let case = self.case(id).await?;
        let before = case
            .asked
            .iter()
            .take(at)
            .rev()
            .find_map(|asked| asked.thread);
        let maker = self.officers.of(case.uid).ok();
        let (looks, uid, now) = (self.looks.clone(), case.uid, self.clock.now());
        blocking(move || {
            if let Some(before) = before {
                looks.follow(&before, &thread)?;
                return Ok(());
            }
            // Who has left, or changed their role, works on it no more.
            let put: Vec<Officer> = maker.into_iter().collect();
            if let Err(denied) = looks.assign(&thread, &put, &[], uid, now) {
                tracing::warn!(%denied, "nobody is assigned to a new referral");
            }
            Ok(())
        })
        .await
    }

    /// Waits until a peer's node has a record of ours, at most so long. Gives whether it has.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn wait_for_arrival(
        &self,
        id: &RecordId,
        agency: &AgencyId,
        most: Duration,
    ) -> Result<bool, StoreError> {
        let end = tokio::time::Instant::now() + most;
        let mut stop = self.stopping();
        loop {
            if self.has_arrived(id, agency)? {
                return Ok(true);
            }
            if *stop.borrow() || tokio::time::Instant::now() >= end {
                return Ok(false);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Whether a peer's node has told that it has a record of ours.
    ///
    /// # Errors
    /// The store can't be read.
    pub(crate) fn has_arrived(&self, id: &RecordId, agency: &AgencyId) -> Result<bool, StoreError> {
        let Some(arrival) = self.store.arrival_of(id)? else {
            return Ok(false);
        };
        let line = self.store.ledger_entry(agency, arrival)?;
        Ok(line.is_some_and(|line| line.answer == Some(Answer::Stored)))
    }

    /// A case or draft.
    ///
    /// # Errors
    /// [`NewFault::NoDraft`], the keyring.
    pub(crate) async fn case(&self, id: &CaseId) -> Result<CaseFile, NewFault> {
        let (cases, id) = (self.cases.clone(), id.clone());
        blocking(move || cases.read(&id)?.ok_or(NewFault::NoDraft { id })).await
    }

    pub(super) async fn change_draft(
        &self,
        id: &CaseId,
        change: impl FnOnce(&mut CaseFile) + Send + 'static,
    ) -> Result<CaseFile, NewFault> {
        let (cases, id) = (self.cases.clone(), id.clone());
        blocking(move || cases.change(&id, change)?.ok_or(NewFault::NoDraft { id })).await
    }

    /// How long what may take.
    pub(crate) fn deadline_table(&self) -> &DeadlineTable {
        self.referrals.table()
    }
}

fn unsent(case: &CaseFile) -> Result<(), NewFault> {
    if !case.sent {
        return Ok(());
    }
    let (id, thread) = (case.id.clone(), case.threads().next());
    Err(NewFault::Sent { id, thread })
}

const fn asked(planned: &Planned) -> Asked {
    Asked {
        agency: planned.agency,
        clock_from: Some(planned.clock_from),
        sealing: None,
        thread: None,
    }
}

impl From<Doubt> for NewFault {
    fn from(doubt: Doubt) -> Self {
        NewFault::Clock(doubt)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NewFault> + Send + 'static,
) -> Result<T, NewFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(NewFault::Stopping),
    }
}
