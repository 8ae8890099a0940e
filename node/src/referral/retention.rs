//! What is kept of a referral that is over, and for how long: who the person is for some days,
//! the referral itself until its records end, and what its author wrote no longer than either.

use std::collections::BTreeSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::Party;
use liaison_protocol::record::codes::{ReferralPart, RetractReason};

use super::case::Draft;
use super::look::blocking;
use super::{CaseFile, CaseId, ReferralError, Thread};
use crate::limits;
use crate::node::Node;
use crate::store::Flags;

impl Node {
    /// Erases everywhere who the persons are whose referrals were over long ago; gives whether
    /// anything was. Looks once an hour, by a clock that is believed.
    pub(super) async fn end_retention(&self) -> Result<bool, ReferralError> {
        let Ok(now) = self.time.trusted() else {
            return Ok(false);
        };
        let kept = self.config.referral.identity_kept_ms();
        let over: Vec<RecordId> = {
            let book = self.referrals.book();
            let hour = |at: Millis| now.0.abs_diff(at.0) >= limits::SWEEP_EVERY_MS;
            if !book.kept_at.is_none_or(hour) {
                return Ok(false);
            }
            let ours = book
                .threads
                .values()
                .filter(|t| t.role == Party::Originator);
            let over =
                ours.filter(|thread| is_over_since(thread, kept, now) && !is_kept(thread, now));
            over.map(|thread| thread.id).collect()
        };
        let (mut erased, mut cases) = (false, BTreeSet::new());
        for id in over {
            let Some(thread) = self.referrals.thread(&id) else {
                continue;
            };
            let named: Vec<RecordId> = thread.parts(ReferralPart::Identity).collect();
            erased |= self.take_back(&named, RetractReason::Expired).await?;
            cases.extend(self.cases.of_thread(&id).map(|(case, _)| case));
        }
        for case in cases {
            self.empty_ended(case, kept, now).await?;
        }
        self.referrals.book().kept_at = Some(now);
        Ok(erased)
    }

    /// Destroys what was written of a referral that is over with every candidate.
    async fn empty_ended(&self, id: CaseId, kept: u64, now: Millis) -> Result<(), ReferralError> {
        let node = self.clone();
        blocking(move || {
            let over = |case: &CaseFile| {
                let threads: Vec<RecordId> = case.threads().collect();
                let over = |id: &RecordId| {
                    let thread = node.referrals.thread(id);
                    thread.is_none_or(|thread| is_over_since(&thread, kept, now))
                };
                // What the person agreed to last stands in the thread that began last.
                let last = node.latest_of(case);
                case.sent
                    && !case.draft.is_empty()
                    && threads.iter().all(over)
                    && !last.is_some_and(|last| is_kept(&last, now))
            };
            if node.cases.read(&id)?.is_some_and(|case| over(&case)) {
                node.cases.change(&id, |case| case.draft = Draft::emptied())?;
                tracing::info!(case = %id, "who the person is was erased: the referral is long over");
            }
            Ok(())
        })
        .await
    }

    /// Forgets what is kept beside a thread whose records have ended, and its case with the last
    /// of them.
    pub(super) async fn forget_ended(&self, thread: &RecordId) -> Result<(), ReferralError> {
        if !self.has_ended(thread)? {
            return Ok(());
        }
        self.forget(*thread).await?;
        let threads = self.threads_of_case(thread);
        let mut ended = true;
        for thread in &threads {
            ended &= self.has_ended(thread)?;
        }
        if ended {
            self.forget_case(thread).await?;
        }
        Ok(())
    }

    /// Whether a record was here and is erased.
    pub(super) fn has_ended(&self, id: &RecordId) -> Result<bool, ReferralError> {
        let Some(arrival) = self.store.arrival_of(id)? else {
            return Ok(false);
        };
        let header = self.store.header(arrival)?;
        Ok(header.is_some_and(|header| header.flags.contains(Flags::ERASED)))
    }
}

/// Whether the person agrees that who they are is kept still.
fn is_kept(thread: &Thread, now: Millis) -> bool {
    thread.keep_until().is_some_and(|day| now < day.end_ms())
}

/// Whether a thread is over, and was so long ago.
fn is_over_since(thread: &Thread, ms: u64, now: Millis) -> bool {
    let ended = thread.folded.moments.ended.unwrap_or(thread.created);
    thread.state().is_over() && now.0.saturating_sub(ended.0) >= ms
}
