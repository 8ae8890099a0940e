//! Taking a referral back, everywhere and for good.
//!
//! The originator retracts all that it ever sent of it, to whomever. Each candidate retracts its
//! own steps once the profile is retracted, not before: a step that tells of a withdrawal has to
//! arrive. Receipts come back as for every retraction.

use liaison_protocol::id::RecordId;
use liaison_protocol::personal::Action;
use liaison_protocol::record::codes::{RetractReason, WithdrawalReason};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::{Content, Retract};

use super::look::blocking;
use super::{ReferralError, Thread};
use crate::ingest::Statement;
use crate::node::Node;
use crate::store::Flags;

impl Node {
    /// Takes back all that this agency sent of a referral, to all candidates.
    pub(super) async fn withdraw_case(&self, thread: &Thread) -> Result<bool, ReferralError> {
        let reason = reason(thread);
        let mut threads = self.threads_of_case(&thread.id);
        if !threads.contains(&thread.id) {
            threads.push(thread.id);
        }
        let mut records = Vec::new();
        for id in &threads {
            if let Some(thread) = self.referrals.thread(id) {
                records.extend(thread.own());
            }
        }
        // What was written, with the identity, goes first: nothing needs it any more. To whom it
        // went is known until all of that is taken back.
        self.empty_case(&thread.id).await?;
        let done = self.take_back(&records, reason).await?;
        self.forget_case(&thread.id).await?;
        for id in threads {
            self.forget(id).await?;
        }
        Ok(done)
    }

    /// What a stop left of cases of which everything is taken back.
    pub(super) async fn forget_the_withdrawn(&self) -> Result<(), ReferralError> {
        let node = self.clone();
        blocking(move || {
            for id in node.cases.ids()? {
                let Ok(Some(case)) = node.cases.read(&id) else {
                    continue;
                };
                // Nothing is left of it either where its records have ended.
                let mut gone = case.sent && (case.draft.is_empty() || case.threads().count() > 0);
                for thread in case.threads() {
                    let stone = node.store.tombstone(&thread)?;
                    gone &= stone.is_some_and(|stone| stone.is_retraction())
                        || node.has_ended(&thread)?;
                }
                if gone {
                    node.cases.destroy(&id)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// What is left in a thread whose profile its author retracted: ours is retracted, and what
    /// the other agency said is closed here at once; its own retraction follows when it can.
    pub(super) async fn take_back_the_rest(
        &self,
        thread: &RecordId,
    ) -> Result<bool, ReferralError> {
        let own = self.registry.own();
        let (left, theirs): (Vec<RecordId>, Vec<RecordId>) = {
            let book = self.referrals.book();
            let pieces = book.orphans.get(thread).into_iter().flatten();
            let (ours, theirs): (Vec<_>, Vec<_>) =
                pieces.partition(|(_, piece)| piece.author == own);
            let ids = |pieces: Vec<(&RecordId, _)>| pieces.iter().map(|(id, _)| **id).collect();
            (ids(ours), ids(theirs))
        };
        // It may not have come yet, or have ended by itself.
        let Some(stone) = self.store.tombstone(thread)?.filter(|t| t.is_retraction()) else {
            self.forget_ended(thread).await?;
            return Ok(false);
        };
        self.forget(*thread).await?;
        let vault = self.vault.clone();
        blocking(move || {
            for id in theirs {
                vault.shred(&id)?;
            }
            Ok(())
        })
        .await?;
        if left.is_empty() {
            return Ok(false);
        }
        let reason = RetractReason::ALL.get(usize::from(stone.reason));
        let reason = reason.copied().unwrap_or(RetractReason::ConsentWithdrawn);
        self.take_back(&left, reason).await
    }

    /// Forgets what is kept of a thread beside its records.
    pub(super) async fn forget(&self, thread: RecordId) -> Result<(), ReferralError> {
        self.forget_marks(thread).await?;
        let looks = self.looks.clone();
        blocking(move || Ok(looks.forget(&thread)?)).await
    }

    /// Retracts records of ours, all or none; those that are retracted already are left out.
    pub(super) async fn take_back(
        &self,
        records: &[RecordId],
        reason: RetractReason,
    ) -> Result<bool, ReferralError> {
        let mut statements = Vec::new();
        for id in records {
            let Some(arrival) = self.store.arrival_of(id)? else {
                continue;
            };
            let header = self.store.header(arrival)?;
            if header.is_none_or(|h| h.flags.contains(Flags::RETRACTED)) {
                continue;
            }
            statements.push(Statement {
                fields: crate::withdrawal::envelope("Retraction", &Fields::of_stub(None)),
                content: Content::Retract(Retract {
                    of: *id,
                    reason,
                    erase: true,
                    notify: true,
                }),
                audience: None,
            });
        }
        if statements.is_empty() {
            return Ok(false);
        }
        self.ingest.own(statements, Vec::new()).await?;
        self.take_up().await?;
        Ok(true)
    }
}

/// Why it is taken back, as the first step that says so.
fn reason(thread: &Thread) -> RetractReason {
    let action = thread.folded.applied.iter().rev().find_map(|id| {
        let action = &thread.step(id)?.step.action;
        match action {
            Action::Withdrawn { reason } => Some(*reason),
            _ => None,
        }
    });
    match action {
        None | Some(WithdrawalReason::ConsentWithdrawn) => RetractReason::ConsentWithdrawn,
        Some(WithdrawalReason::SubjectRight) => RetractReason::SubjectRight,
        Some(WithdrawalReason::Error) => RetractReason::Error,
        Some(WithdrawalReason::Duplicate) => RetractReason::Duplicate,
    }
}
