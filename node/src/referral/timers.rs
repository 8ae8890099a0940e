//! Deadlines: each fires once, whatever happens to the node or its clock.
//!
//! Firing is a mark on the disk, in the keyring (when somebody missed a deadline is about a
//! person). What follows from it is settled from the mark, so a node that is killed after it
//! goes on there, and one that is killed before it fires at its next start. A clock that is not
//! believed fires nothing.

use std::collections::{BTreeSet, HashMap};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Deadline, DeadlineKind};
use serde::{Deserialize, Serialize};

use super::look::blocking;
use super::{ReferralError, Referrals};
use crate::keyring::{KeyringError, Shelf};
use crate::limits;
use crate::node::Node;
use crate::notify::Thing;

/// A deadline that fired: what had to happen, and which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fired {
    /// What had to happen.
    pub what: DeadlineKind,
    /// Which time, from 1.
    pub number: u16,
}

impl From<&Deadline> for Fired {
    fn from(deadline: &Deadline) -> Self {
        Self {
            what: deadline.what,
            number: deadline.number,
        }
    }
}

/// The deadlines of each thread that fired.
pub(super) type Marks = HashMap<RecordId, BTreeSet<Fired>>;

impl Referrals {
    /// Whether a deadline of a thread fired.
    pub fn has_fired(&self, thread: &RecordId, fired: Fired) -> bool {
        let book = self.book();
        book.marks
            .get(thread)
            .is_some_and(|marks| marks.contains(&fired))
    }

    /// How many deadlines fired since the start.
    pub fn fired(&self) -> u64 {
        self.book().fired
    }
}

impl Node {
    /// Reads which deadlines fired before. A file that does not open is quarantined, and its
    /// deadlines fire again: twice is better than never.
    pub(super) async fn load_marks(&self) -> Result<(), ReferralError> {
        let keyring = self.keyring.clone();
        let marks = blocking(move || {
            let mut marks = Marks::new();
            for name in keyring.kept_names(Shelf::Files)? {
                let Ok(thread) = name.parse::<RecordId>() else {
                    continue;
                };
                match keyring.kept::<BTreeSet<Fired>>(Shelf::Files, &name) {
                    Ok(Some(fired)) => drop(marks.insert(thread, fired)),
                    Ok(None) | Err(KeyringError::Damaged { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(marks)
        })
        .await?;
        self.referrals.book().marks = marks;
        Ok(())
    }

    /// Fires what is due; gives whether anything was.
    pub(super) async fn fire_deadlines(&self) -> Result<bool, ReferralError> {
        // A wrong clock would close threads to agencies that are in time.
        let Ok(now) = self.time.trusted() else {
            return Ok(false);
        };
        let due = self.due(now);
        self.notify.tell(Thing::Overdue, due.len() as u64);
        for (thread, fired) in &due {
            self.mark(*thread, *fired).await?;
            let what = fired.what;
            tracing::warn!(referral = %thread.short(), %what, "a deadline of a referral has passed");
        }
        Ok(!due.is_empty())
    }

    fn due(&self, now: Millis) -> Vec<(RecordId, Fired)> {
        let book = self.referrals.book();
        let mut due = Vec::new();
        for thread in book.threads.values() {
            for deadline in thread.deadlines(self.referrals.table()) {
                let fired = Fired::from(&deadline);
                let done = book
                    .marks
                    .get(&thread.id)
                    .is_some_and(|m| m.contains(&fired));
                if deadline.at <= now && !done {
                    due.push((deadline.at, thread.id, fired));
                }
            }
        }
        due.sort();
        // One a thread: what follows from the first may be that the others do not run any more.
        let mut seen = BTreeSet::new();
        due.retain(|(_, thread, _)| seen.insert(*thread));
        due.into_iter().map(|(_, id, fired)| (id, fired)).collect()
    }

    /// Writes down that a deadline fired; when this returns, it is on the disk.
    async fn mark(&self, thread: RecordId, fired: Fired) -> Result<(), ReferralError> {
        let mut marks = self
            .referrals
            .book()
            .marks
            .get(&thread)
            .cloned()
            .unwrap_or_default();
        marks.insert(fired);
        let (keyring, kept) = (self.keyring.clone(), marks.clone());
        blocking(move || Ok(keyring.keep(Shelf::Files, &thread.full(), &kept)?)).await?;
        let mut book = self.referrals.book();
        book.marks.insert(thread, marks);
        book.dirty.insert(thread);
        book.fired = book.fired.saturating_add(1);
        Ok(())
    }

    /// Forgets what was kept of a thread that is erased.
    pub(super) async fn forget_marks(&self, thread: RecordId) -> Result<(), ReferralError> {
        if self.referrals.book().marks.remove(&thread).is_none() {
            return Ok(());
        }
        let keyring = self.keyring.clone();
        blocking(move || {
            keyring.drop_kept(Shelf::Files, &thread.full())?;
            Ok(())
        })
        .await
    }

    /// When the next deadline fires; an hour from now at the latest.
    pub(super) fn next_deadline(&self, now: Millis) -> Millis {
        let hour = Millis(now.0.saturating_add(limits::SWEEP_EVERY_MS));
        if self.time.trusted().is_err() {
            return hour;
        }
        let book = self.referrals.book();
        let mut next = hour;
        for thread in book.threads.values() {
            for deadline in thread.deadlines(self.referrals.table()) {
                let fired = Fired::from(&deadline);
                let done = book
                    .marks
                    .get(&thread.id)
                    .is_some_and(|m| m.contains(&fired));
                if !done {
                    next = next.min(deadline.at);
                }
            }
        }
        next
    }
}
