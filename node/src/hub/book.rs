//! What a hub did, counted: for the audit log a line a minute for each pair of agencies, and
//! for the status what was refused.
//!
//! The first that happens between two agencies is written at once, what follows within a minute
//! is summed. So a hub that is killed loses of the last minute how many there were more of what
//! stands in the log, not that there were any.

use std::collections::{BTreeMap, BTreeSet};
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
    lines: Mutex<Lines>,
    refused: Mutex<[u64; Refusal::ALL.len()]>,
}

#[derive(Default)]
struct Lines {
    /// Not in the log yet.
    open: BTreeMap<Line, Usage>,
    /// What the log has a line of, of this minute or the last.
    told: BTreeSet<Line>,
}

impl Lines {
    fn add(&mut self, line: Line, usage: Usage) {
        let sum = self.open.entry(line).or_default();
        sum.parcels = sum.parcels.saturating_add(usage.parcels);
        sum.bytes = sum.bytes.saturating_add(usage.bytes);
    }
}

/// Which lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Those of which the log has nothing of this minute.
    First,
    /// All: a minute is over, or there are too many.
    All,
}

impl Book {
    /// Notes what happened to parcels. What has to be written now, if anything.
    pub(super) fn note(&self, deed: Deed, parcels: &[Held]) -> Option<Write> {
        let mut lines = lock(&self.lines);
        let mut first = false;
        for held in parcels {
            let line = (deed, held.from, held.to);
            first |= !lines.told.contains(&line);
            let (parcels, bytes) = (1, held.size.into());
            lines.add(line, Usage { parcels, bytes });
        }
        match lines.open.len() >= limits::HUB_AUDIT_LINES {
            true => Some(Write::All),
            false => first.then_some(Write::First),
        }
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
    pub(super) async fn write(&self, audit: &Audit, what: Write) -> Result<(), AuditError> {
        let taken: BTreeMap<Line, Usage> = {
            let mut lines = lock(&self.lines);
            let Lines { open, told } = &mut *lines;
            match what {
                Write::First => {
                    let first = open.keys().filter(|line| !told.contains(line));
                    let first: Vec<Line> = first.copied().collect();
                    let take = |line| Some((line, open.remove(&line)?));
                    first.into_iter().filter_map(take).collect()
                }
                Write::All => {
                    told.clear();
                    std::mem::take(open)
                }
            }
        };
        if taken.is_empty() {
            return Ok(());
        }
        let entries = taken.iter().map(|(line, usage)| entry(*line, *usage));
        let written = audit.write(entries.collect()).await;
        let mut lines = lock(&self.lines);
        for (line, usage) in taken {
            match &written {
                // Who goes on has a line a minute, and not two.
                Ok(_) if lines.told.len() < limits::HUB_AUDIT_LINES => {
                    lines.told.insert(line);
                }
                Ok(_) => {}
                Err(_) => lines.add(line, usage),
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
