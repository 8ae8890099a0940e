//! What a hub did, counted: for the audit log a line a minute for each pair of agencies, and
//! for the status what was refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::mailbox::Refusal;

use super::mailbox::{Held, Usage};
use crate::audit::{Act, Audit, AuditError, Entry, Who};
use crate::limits;

/// What happened to a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Its depositor left it here.
    Deposited,
    /// Its addressee has it.
    Collected,
    /// Its depositor took it back.
    Discarded,
    /// It ended.
    Expired,
    /// One of the two is no peer any more.
    Cut,
    /// Its file was damaged.
    Damaged,
}

impl Deed {
    const fn act(self) -> Act {
        match self {
            Self::Deposited => Act::Collect,
            Self::Collected => Act::Disclose,
            _ => Act::Erase,
        }
    }

    /// As the audit log names it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Deposited => "hub deposit",
            Self::Collected => "hub collect",
            Self::Discarded => "hub discard",
            Self::Expired => "hub expire",
            Self::Cut => "hub cut",
            Self::Damaged => "hub damaged",
        }
    }
}

/// A deed, by whom, for whom.
type Line = (Deed, AgencyId, AgencyId);

/// What is not in the audit log yet, and what was refused since the start.
#[derive(Default)]
pub(super) struct Book {
    lines: Mutex<BTreeMap<Line, Usage>>,
    refused: Mutex<[u64; Refusal::ALL.len()]>,
}

impl Book {
    /// Notes what happened to parcels. Whether so much is noted that it has to be written.
    pub(super) fn note(&self, deed: Deed, parcels: &[Held]) -> bool {
        let mut lines = lock(&self.lines);
        for held in parcels {
            let line = lines.entry((deed, held.from, held.to)).or_default();
            line.parcels = line.parcels.saturating_add(1);
            line.bytes = line.bytes.saturating_add(held.size.into());
        }
        lines.len() >= limits::HUB_AUDIT_LINES
    }

    /// Counts a refusal.
    pub(super) fn refuse(&self, why: Refusal) {
        let mut refused = lock(&self.refused);
        for (count, _) in refused
            .iter_mut()
            .zip(Refusal::ALL)
            .filter(|(_, r)| *r == why)
        {
            *count = count.saturating_add(1);
        }
    }

    /// What was refused since the start, by reason; of what never was, nothing.
    pub(super) fn refused(&self) -> Vec<(Refusal, u64)> {
        let counts = *lock(&self.refused);
        let all = Refusal::ALL.into_iter().zip(counts);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// Writes what happened to the audit log. What can't be written is kept for the next time.
    pub(super) async fn write(&self, audit: &Audit) -> Result<(), AuditError> {
        let lines = std::mem::take(&mut *lock(&self.lines));
        if lines.is_empty() {
            return Ok(());
        }
        let entries = lines.iter().map(|(line, usage)| entry(*line, *usage));
        let written = audit.write(entries.collect()).await;
        if written.is_err() {
            let mut now = lock(&self.lines);
            for (line, usage) in lines {
                let sum = now.entry(line).or_default();
                sum.parcels = sum.parcels.saturating_add(usage.parcels);
                sum.bytes = sum.bytes.saturating_add(usage.bytes);
            }
        }
        written.map(drop)
    }
}

fn entry((deed, from, to): Line, usage: Usage) -> Entry {
    let kib = usage.bytes.div_ceil(1024);
    Entry {
        peers: vec![from, to],
        count: Some(usage.parcels),
        outcome: Some(format!("{kib} KiB of parcels, which can't be read here")),
        ..Entry::new(Who::Node, deed.act(), deed.as_str())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
