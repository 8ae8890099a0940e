//! What came of a step, and who has it: read from the nodes' stores, never from what decided.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::id::RecordId;

use super::super::report::{CellState, MatrixCell, MatrixRow};
use super::Player;
use crate::stage::{Done, Member};

/// What came of a step that says who must hold it.
pub struct Given {
    /// Which step of the scenario, from 0.
    pub step: usize,
    /// The step's number.
    pub row: String,
    /// What it is called in the table.
    pub what: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// The record; of a referral its profile.
    pub id: RecordId,
    /// Of a sealed record: the thread.
    pub thread: Option<RecordId>,
    /// All records of that thread that were ever there.
    pub parts: BTreeSet<RecordId>,
    /// Who must hold it.
    pub must: BTreeSet<String>,
    /// Who must not.
    pub must_not: BTreeSet<String>,
    /// Who had it, when that was looked at.
    pub held: BTreeSet<String>,
    /// Whether somebody took it back since, as the scenario wants it.
    pub gone: bool,
}

/// A step that its own node refused.
pub struct Refused {
    /// Which step of the scenario, from 0.
    pub step: usize,
    /// Its number.
    pub row: String,
    /// What it is called in the table.
    pub what: String,
    /// Whose node.
    pub by: String,
}

/// What a node has of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// Not even its id.
    Nothing,
    /// Its id, and no content.
    Id,
    /// It can read it.
    Content,
}

/// What a node has of a record.
pub fn has(member: &Member, id: &RecordId, sealed: bool) -> Done<Has> {
    let found = member.store(|node| {
        let Some(at) = node.store.arrival_of(id)? else {
            return Ok(Has::Nothing);
        };
        let reads = match sealed {
            true => node.vault.gist(id).is_some(),
            false => node.store.record(at)?.is_some(),
        };
        Ok(if reads { Has::Content } else { Has::Id })
    })?;
    Ok(found)
}

impl Player<'_> {
    /// What every running node has of a record.
    pub(super) fn who_has(&self, id: &RecordId, sealed: bool) -> Done<BTreeMap<String, Has>> {
        let mut all = BTreeMap::new();
        for member in self.stage.iter().filter(|m| m.runs()) {
            all.insert(member.name.clone(), has(member, id, sealed)?);
        }
        Ok(all)
    }

    /// Takes up the records that referrals got since, as their authors hold them.
    pub(super) fn look_at_threads(&mut self) -> Done {
        for given in &mut self.given {
            let Some(thread) = given.thread else { continue };
            for member in self.stage.iter().filter(|m| m.runs()) {
                if given.must.contains(&member.name) {
                    given.parts.extend(member.node()?.vault.thread(&thread));
                }
            }
        }
        Ok(())
    }

    /// Who has what, as a table.
    pub(super) fn matrix(&self) -> Done<Vec<MatrixRow>> {
        let mut rows: Vec<(usize, MatrixRow)> = Vec::new();
        for given in &self.given {
            let Some(what) = &given.what else { continue };
            let now = self.who_has(&given.id, given.thread.is_some())?;
            let cells = self.stage.iter().map(|member| MatrixCell {
                agency: member.name.clone(),
                state: given.state(&member.name, now.get(&member.name).copied()),
            });
            let row = MatrixRow {
                row: given.row.clone(),
                what: what.clone(),
                cells: cells.collect(),
            };
            rows.push((given.step, row));
        }
        for refused in &self.refused {
            let cells = self.stage.iter().map(|member| MatrixCell {
                agency: member.name.clone(),
                state: match member.name == refused.by {
                    true => CellState::Refused,
                    false => CellState::Never,
                },
            });
            let line = MatrixRow {
                row: refused.row.clone(),
                what: refused.what.clone(),
                cells: cells.collect(),
            };
            rows.push((refused.step, line));
        }
        rows.sort_by_key(|(at, _)| *at);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }
}

impl Given {
    fn state(&self, name: &str, now: Option<Has>) -> CellState {
        let reads = now == Some(Has::Content);
        let had = self.held.contains(name);
        if name == self.author {
            return if reads || !self.gone {
                CellState::Wrote
            } else {
                CellState::WroteErased
            };
        }
        match (reads, had) {
            (true, _) if self.must_not.contains(name) => CellState::Leaked,
            (true, _) => CellState::Has,
            // A node that does not run at the end has what it had.
            (false, true) if now.is_none() => CellState::Has,
            (false, true) if self.gone => CellState::Erased,
            (false, _) if self.must.contains(name) => CellState::Lacks,
            (false, true) => CellState::Erased,
            (false, false) => CellState::Never,
        }
    }
}
