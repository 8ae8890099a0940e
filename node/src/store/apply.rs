//! What each operation does to the tree.

use liaison_protocol::clock::Millis;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::admit::{audience, bury, expire, header, insert, set_flags, unbury};
use super::called_back::note_refused;
use super::exchange::{answer, cursor, forget_refused, ledger, refused, release, reopen};
use super::header::{Arrival, Flags, Incarnation};
use super::keys;
use super::op::{Counts, Op, OpOutcome};
use super::quarantine::Quarantined;
use super::stage::Stage;
use crate::limits;

/// Counters and next numbers, committed with every batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last number given to a record.
    pub last: Arrival,
    pub erased: u64,
    pub retracted: u64,
    pub superseded: u64,
    pub marked: u64,
    pub bytes: u64,
    pub tombstones: u64,
    pub last_received: Option<Millis>,
    pub quarantine_first: u64,
    pub quarantine_next: u64,
    pub peers: u32,
    pub rules: u32,
    pub classes: u32,
    pub incarnation: Option<Incarnation>,
}

impl State {
    /// What of it is told.
    pub const fn counts(&self) -> Counts {
        Counts {
            arrivals: self.last.0,
            erased: self.erased,
            retracted: self.retracted,
            superseded: self.superseded,
            marked: self.marked,
            bytes: self.bytes,
            tombstones: self.tombstones,
            quarantined: self.quarantine_next - self.quarantine_first,
            last_received: self.last_received,
        }
    }
}

/// Stages a whole write. On an error the caller drops the write and the state.
pub fn apply(
    stage: &mut Stage<'_>,
    state: &mut State,
    ops: Vec<Op>,
) -> Result<Vec<OpOutcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(ops.len());
    for op in ops {
        outcomes.push(one(stage, state, op)?);
    }
    stage.write(vec![keys::STATE], state)?;
    Ok(outcomes)
}

fn one(stage: &mut Stage<'_>, state: &mut State, op: Op) -> Result<OpOutcome, StoreError> {
    match op {
        Op::Insert {
            record,
            ledger: line,
        } => {
            let outcome = insert(stage, state, &record)?;
            if let (Some(arrival), Some((peer, entry))) = (outcome.arrival(), line) {
                ledger(stage, state, &peer, arrival, &entry)?;
            }
            Ok(outcome)
        }
        Op::Ledger {
            peer,
            arrival,
            entry,
        } => {
            if !is_given(state, arrival) {
                return Ok(OpOutcome::Missing);
            }
            ledger(stage, state, &peer, arrival, &entry)
        }
        Op::Answer {
            peer,
            arrival,
            entry,
        } => {
            if !is_given(state, arrival) {
                return Ok(OpOutcome::Missing);
            }
            answer(stage, state, &peer, arrival, &entry)
        }
        Op::Release {
            peer,
            arrival,
            entry,
            lifts,
        } => release(stage, state, &peer, arrival, &entry, lifts.as_ref()),
        Op::CalledBack {
            peer,
            of,
            recall,
            ended,
        } => note_refused(stage, state, &peer, &of, &recall, ended),
        Op::Refused { peer, id, entry } => refused(stage, state, &peer, &id, &entry),
        Op::ForgetRefused { peer, before } => forget_refused(stage, state, &peer, before),
        Op::Cursor { peer, cursor: to } => cursor(stage, state, &peer, to),
        Op::Tombstone {
            id,
            tombstone,
            erase,
        } => bury(stage, state, &id, &tombstone, erase),
        Op::Expire { arrival, at } => expire(stage, state, arrival, at),
        Op::LiftTombstone { id } => Ok(if unbury(stage, state, &id)? {
            OpOutcome::Done
        } else {
            OpOutcome::Missing
        }),
        Op::Reopen { peer, arrival } => reopen(stage, state, &peer, arrival),
        Op::SetFlags {
            arrival,
            set,
            clear,
        } => match header(stage, arrival)? {
            // What the store derives itself is not for others to set.
            Some(header) => {
                let derived = Flags::ERASED | Flags::EXPIRED | Flags::HAS_AUDIENCE;
                set_flags(
                    stage,
                    state,
                    arrival,
                    header,
                    set.without(derived),
                    clear.without(derived),
                )
            }
            None => Ok(OpOutcome::Missing),
        },
        Op::Audience {
            arrival,
            audience: list,
        } => match header(stage, arrival)? {
            Some(header) => audience(stage, state, arrival, header, list.as_deref()),
            None => Ok(OpOutcome::Missing),
        },
        Op::PutPeer { peer, bytes } => put(stage, &keys::of_agency(keys::PEER, &peer), &bytes),
        Op::DeletePeer { peer } => delete(stage, &keys::of_agency(keys::PEER, &peer)),
        Op::PutCard { row, bytes } => put(stage, &row.0, &bytes),
        Op::DropCard(row) => delete(stage, &row.0),
        Op::PutMeta { name, bytes } => put(stage, &keys::of_name(keys::META, &name), &bytes),
        Op::DeleteMeta { name } => delete(stage, &keys::of_name(keys::META, &name)),
        Op::Quarantine(sample) => quarantine(stage, state, &sample),
        Op::JobProgress { job, rows } => {
            stage.write(keys::of_name(keys::JOB, &job), &rows)?;
            Ok(OpOutcome::Done)
        }
        Op::DeleteJob { job } => {
            let key = keys::of_name(keys::JOB, &job);
            let outcome = if stage.get(&key)?.is_some() {
                OpOutcome::Done
            } else {
                OpOutcome::Missing
            };
            stage.remove(key);
            Ok(outcome)
        }
        Op::Reincarnate(incarnation) => {
            state.incarnation = Some(incarnation);
            Ok(OpOutcome::Done)
        }
    }
}

fn quarantine(
    stage: &mut Stage<'_>,
    state: &mut State,
    sample: &Quarantined,
) -> Result<OpOutcome, StoreError> {
    let number = |n: u64| keys::of_arrival(keys::QUARANTINE, Arrival(n));
    stage.write(number(state.quarantine_next), sample)?;
    state.quarantine_next += 1;
    while state.quarantine_next - state.quarantine_first > limits::QUARANTINE_ENTRIES {
        stage.remove(number(state.quarantine_first));
        state.quarantine_first += 1;
    }
    Ok(OpOutcome::Done)
}

fn put(stage: &mut Stage<'_>, key: &[u8], bytes: &[u8]) -> Result<OpOutcome, StoreError> {
    stage.put_long(key, bytes)?;
    Ok(OpOutcome::Done)
}

fn delete(stage: &mut Stage<'_>, key: &[u8]) -> Result<OpOutcome, StoreError> {
    Ok(if stage.remove_long(key)? {
        OpOutcome::Done
    } else {
        OpOutcome::Missing
    })
}

fn is_given(state: &State, arrival: Arrival) -> bool {
    arrival > Arrival::ZERO && arrival <= state.last
}
