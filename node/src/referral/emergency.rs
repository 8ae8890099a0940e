//! Emergencies: nobody could wait for consent, so a second officer answers for it as well, and
//! looks at it again within [`EMERGENCY_REVIEW_HOURS`].

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::limits::EMERGENCY_REVIEW_HOURS;

use super::case::{Approval, CaseFile, CaseId};
use super::inbox::Prompt;
use super::new::{NewFault, Sent};
use crate::limits;
use crate::node::Node;

/// Why somebody may not approve an emergency.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalFault {
    /// It does not wait.
    #[error("{id} does not wait for a second officer")]
    NotWaiting {
        /// The draft.
        id: CaseId,
    },
    /// It was written anew since they looked at it.
    #[error("{id} was changed since you looked at it: nothing was sent")]
    Changed {
        /// The draft.
        id: CaseId,
    },
    /// It is their own.
    #[error("you wrote {id} yourself: a colleague approves it, from their own account")]
    Own {
        /// The draft.
        id: CaseId,
    },
    /// A shared account is nobody.
    #[error("a shared account is nobody's second person")]
    Shared,
    /// It can't be sent.
    #[error(transparent)]
    New(#[from] NewFault),
}

/// The officer who approves or reviews.
#[derive(Clone, Debug)]
pub struct Second {
    /// Unix user.
    pub uid: u32,
    /// That user's name.
    pub user: String,
    /// Whether the account is used by several people.
    pub shared: bool,
}

impl CaseFile {
    /// Whether it was sent as an emergency and nobody looked at it again in time: then nothing
    /// more of it is disclosed. `reckoned`: now, by [`crate::time::Timekeeper::reckoned`].
    pub fn is_review_overdue(&self, reckoned: Millis) -> bool {
        self.review_by().is_some_and(|by| by < reckoned)
    }

    /// Until when a second officer has to look at it again, as the time is reckoned that no
    /// clock sets back; none: it is no emergency, or was looked at.
    pub fn review_by(&self) -> Option<Millis> {
        let approval = self.approval.as_ref()?;
        if approval.reviewed.is_some() {
            return None;
        }
        let span = EMERGENCY_REVIEW_HOURS.saturating_mul(limits::HOUR_MS);
        Some(Millis(approval.reckoned.0.saturating_add(span)))
    }

    fn may_be_seconded(&self, second: &Second) -> Result<(), ApprovalFault> {
        if second.shared {
            return Err(ApprovalFault::Shared);
        }
        if second.uid == self.uid {
            return Err(ApprovalFault::Own {
                id: self.id.clone(),
            });
        }
        Ok(())
    }
}

impl Node {
    /// Whether an emergency was not reviewed in time: nothing more is disclosed then. What can't
    /// be told counts as not reviewed.
    pub(super) fn review_overdue(&self, thread: &RecordId) -> bool {
        let case = match self.cases.of_thread(thread) {
            Some((id, _)) => self.cases.read(&id),
            None => Ok(None),
        };
        match case {
            Ok(Some(case)) => case.is_review_overdue(self.time.reckoned()),
            Ok(None) => {
                let thread = self.referrals.thread(thread);
                thread.is_some_and(|thread| thread.is_emergency())
            }
            Err(error) => {
                tracing::error!(referral = %thread.short(), %error, "whether an emergency was reviewed can't be read: nothing more of it goes out");
                true
            }
        }
    }

    /// What an officer is asked to do about the emergency that a thread belongs to.
    pub(crate) fn review_prompt(&self, thread: &RecordId) -> Option<Prompt> {
        let (case, _) = self.cases.of_thread(thread)?;
        let by = self.cases.review_by(&case)?;
        Some(match by < self.time.reckoned() {
            true => Prompt::ReviewOverdue,
            false => Prompt::Review,
        })
    }

    /// The emergencies that nobody looked at again in time.
    pub fn unreviewed_emergencies(&self) -> Vec<CaseId> {
        let now = self.time.reckoned();
        let late = self.cases.reviews().into_iter().filter(|(_, by)| *by < now);
        late.map(|(id, _)| id).collect()
    }

    /// A second officer approves an emergency that waits, and it is sent. `seen`: since when that
    /// waited which they looked at; none: they were shown nothing.
    ///
    /// # Errors
    /// [`ApprovalFault`]; it waits still, unless it was changed meanwhile.
    pub async fn approve_emergency(
        &self,
        id: &CaseId,
        second: Second,
        seen: Option<Millis>,
    ) -> Result<(CaseFile, Sent), ApprovalFault> {
        // From the look at it until it is sent nobody writes it anew.
        let _one = self.cases.sending().await;
        let case = self.case(id).await?;
        let Some(since) = case.waits.filter(|_| !case.sent) else {
            return Err(ApprovalFault::NotWaiting { id: id.clone() });
        };
        case.may_be_seconded(&second)?;
        // Whoever writes it anew asks anew: the word is on what was shown, and on nothing else.
        if seen.is_some_and(|seen| seen != since) {
            return Err(ApprovalFault::Changed { id: id.clone() });
        }
        let approval = Approval {
            uid: second.uid,
            user: second.user,
            at: self.time.trusted().map_err(NewFault::from)?,
            reckoned: self.time.reckoned(),
            reviewed: None,
        };
        let shown = case.draft.clone();
        let changed = self
            .change_draft(id, move |case| {
                // Exactly what was shown; who changed it meanwhile asks anew.
                if case.waits == Some(since) && case.draft == shown {
                    case.approval = Some(approval);
                }
            })
            .await?;
        if changed.approval.is_none() {
            return Err(ApprovalFault::NotWaiting { id: id.clone() });
        }
        match self.send(changed).await {
            Ok(sent) => Ok(sent),
            Err(error) => {
                self.change_draft(id, |case| {
                    // What may be out stands on this approval.
                    if !case.sent {
                        case.approval = None;
                    }
                })
                .await?;
                Err(error.into())
            }
        }
    }

    /// A second officer has looked at an emergency again.
    ///
    /// # Errors
    /// [`ApprovalFault`].
    pub async fn review_emergency(
        &self,
        id: &CaseId,
        second: Second,
    ) -> Result<CaseFile, ApprovalFault> {
        let case = self.case(id).await?;
        if !case.sent || case.approval.is_none() {
            return Err(ApprovalFault::NotWaiting { id: id.clone() });
        }
        case.may_be_seconded(&second)?;
        let now = self.time.trusted().map_err(NewFault::from)?;
        let changed = self
            .change_draft(id, move |case| {
                if let Some(approval) = &mut case.approval {
                    approval.reviewed = Some(now);
                }
            })
            .await?;
        // What was held back meanwhile goes on.
        let _one = self.referrals.0.acting.lock().await;
        self.referrals.book().dirty.extend(changed.threads());
        self.let_follow().await;
        Ok(changed)
    }
}
