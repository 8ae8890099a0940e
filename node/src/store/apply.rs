//! What each operation does to the tree.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::header::{
    Arrival, ClassId, Flags, Header, Incarnation, NewRecord, Retraction, Tombstone,
};
use super::keys;
use super::ledger::{Cursor, Direction, LedgerEntry, Path, RefusedEntry};
use super::names::NameKind;
use super::op::{Counts, Op, OpOutcome};
use super::quarantine::Quarantined;
use super::stage::Stage;
use crate::limits;

/// Amendments of one record by one author that are indexed: more are chained, not parallel.
const AMENDMENTS: usize = 64;

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

/// A ledger entry as stored.
#[derive(Serialize, Deserialize)]
pub struct LedgerRow {
    pub direction: Direction,
    pub at: Millis,
    pub epoch: u64,
    pub rule: u32,
    pub path: Path,
    pub answer: Option<liaison_protocol::fault::Answer>,
}

/// A retract that came before its record.
#[derive(Serialize, Deserialize)]
struct Waiting {
    by: RecordId,
    at: Millis,
    retraction: Retraction,
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
        Op::Refused { peer, id, entry } => refused(stage, state, &peer, &id, &entry),
        Op::ForgetRefused { peer, before } => forget_refused(stage, state, &peer, before),
        Op::Cursor { peer, cursor: to } => cursor(stage, state, &peer, to),
        Op::Tombstone {
            id,
            tombstone,
            erase,
        } => bury(stage, state, &id, &tombstone, erase),
        Op::LiftTombstone { id } => {
            let key = keys::of_id(keys::TOMBSTONE, &id);
            if stage.get(&key)?.is_none() {
                return Ok(OpOutcome::Missing);
            }
            stage.remove(key);
            state.tombstones = state.tombstones.saturating_sub(1);
            if let Some((arrival, header)) = held(stage, &id)? {
                set_flags(stage, state, arrival, header, Flags::NONE, Flags::RETRACTED)?;
            }
            Ok(OpOutcome::Done)
        }
        Op::SetFlags {
            arrival,
            set,
            clear,
        } => match header(stage, arrival)? {
            // What the store derives itself is not for others to set.
            Some(header) => {
                let derived = Flags::ERASED | Flags::HAS_AUDIENCE;
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
        Op::PutCard {
            agency,
            revision,
            bytes,
        } => put(stage, &keys::of_card(&agency, revision), &bytes),
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

fn insert(
    stage: &mut Stage<'_>,
    state: &mut State,
    record: &NewRecord,
) -> Result<OpOutcome, StoreError> {
    if let Some(tombstone) = stage.read(&keys::of_id(keys::TOMBSTONE, &record.id), "a tombstone")? {
        return Ok(OpOutcome::Tombstoned(tombstone));
    }
    // A retract of the same author came first.
    let waiting = keys::of_id_author(keys::WAITING, &record.id, &record.author);
    if let Some(Waiting { by, at, retraction }) = stage.read(&waiting, "a waiting retract")? {
        let tombstone = Tombstone {
            author: record.author,
            reason: retraction.reason,
            at,
            by,
        };
        bury(stage, state, &record.id, &tombstone, retraction.erase)?;
        stage.remove(waiting);
        return Ok(OpOutcome::Tombstoned(tombstone));
    }
    // An erased record whose tombstone was lifted comes back under its old number.
    let before = held(stage, &record.id)?;
    let arrival = match &before {
        Some((arrival, header)) if !header.flags.contains(Flags::ERASED) => {
            return Ok(OpOutcome::AlreadyHeld(*arrival));
        }
        Some((arrival, _)) => {
            state.erased = state.erased.saturating_sub(1);
            *arrival
        }
        None => {
            state.last = state.last.next();
            state.last
        }
    };
    let class = ClassId(stage.number(NameKind::Class, &record.class, &mut state.classes)?);
    let amendments = keys::of_id_author(keys::SUPERSEDED, &record.id, &record.author);
    let mut flags = if record.flags.contains(Flags::MARKED) {
        Flags::MARKED
    } else {
        Flags::NONE
    };
    if stage.get(&amendments)?.is_some() {
        flags |= Flags::SUPERSEDED;
    }
    let was = before.map_or(Flags::NONE, |(_, header)| header.flags);
    if flags.contains(Flags::MARKED) && !was.contains(Flags::MARKED) {
        state.marked += 1;
    }
    if !flags.contains(Flags::MARKED) && was.contains(Flags::MARKED) {
        state.marked = state.marked.saturating_sub(1);
    }
    if flags.contains(Flags::SUPERSEDED) && !was.contains(Flags::SUPERSEDED) {
        state.superseded += 1;
    }
    let header = Header {
        id: record.id,
        author: record.author,
        kind: record.kind,
        created: record.created,
        received: record.received,
        courier: record.courier,
        class,
        flags,
        expires: record.expires,
        size: u32::try_from(record.bytes.len()).unwrap_or(u32::MAX),
        thread: record.thread,
        supersedes: record.supersedes,
    };
    state.bytes += u64::from(header.size);
    state.last_received = Some(record.received);
    stage.put(
        keys::of_id(keys::ID, &record.id),
        arrival.0.to_be_bytes().to_vec(),
    );
    stage.put_new_long(&keys::of_arrival(keys::RECORD, arrival), &record.bytes);
    stage.write(keys::of_arrival(keys::HEADER, arrival), &header)?;
    if record.audience.is_some() {
        audience(stage, state, arrival, header, record.audience.as_deref())?;
    }
    let mut touched = None;
    if let Some(old) = &record.supersedes {
        touched = supersede(stage, state, old, record)?;
    }
    if let Some(retraction) = &record.retracts {
        touched = retract(stage, state, retraction, record)?.or(touched);
    }
    Ok(OpOutcome::Stored { arrival, touched })
}

/// Indexes the amendment, and marks the amended record if it is of the same author.
fn supersede(
    stage: &mut Stage<'_>,
    state: &mut State,
    old: &RecordId,
    record: &NewRecord,
) -> Result<Option<Arrival>, StoreError> {
    let key = keys::of_id_author(keys::SUPERSEDED, old, &record.author);
    let mut ids: Vec<RecordId> = stage
        .read(&key, "a list of amendments")?
        .unwrap_or_default();
    if ids.len() < AMENDMENTS && !ids.contains(&record.id) {
        ids.push(record.id);
        stage.write(key, &ids)?;
    }
    match held(stage, old)? {
        Some((arrival, header)) if header.author == record.author => {
            set_flags(
                stage,
                state,
                arrival,
                header,
                Flags::SUPERSEDED,
                Flags::NONE,
            )?;
            Ok(Some(arrival))
        }
        _ => Ok(None),
    }
}

/// Acts on a held record of the same author, or waits for one.
fn retract(
    stage: &mut Stage<'_>,
    state: &mut State,
    retraction: &Retraction,
    record: &NewRecord,
) -> Result<Option<Arrival>, StoreError> {
    let (by, at) = (record.id, record.received);
    let Some((arrival, header)) = held(stage, &retraction.of)? else {
        let key = keys::of_id_author(keys::WAITING, &retraction.of, &record.author);
        stage.write(
            key,
            &Waiting {
                by,
                at,
                retraction: *retraction,
            },
        )?;
        return Ok(None);
    };
    if header.author != record.author {
        return Ok(None);
    }
    let tombstone = Tombstone {
        author: record.author,
        reason: retraction.reason,
        at,
        by,
    };
    bury(stage, state, &retraction.of, &tombstone, retraction.erase)?;
    Ok(Some(arrival))
}

fn bury(
    stage: &mut Stage<'_>,
    state: &mut State,
    id: &RecordId,
    tombstone: &Tombstone,
    erase: bool,
) -> Result<OpOutcome, StoreError> {
    let key = keys::of_id(keys::TOMBSTONE, id);
    let known = stage.get(&key)?.is_some();
    if !known {
        stage.write(key, tombstone)?;
        state.tombstones += 1;
    }
    let Some((arrival, header)) = held(stage, id)? else {
        return Ok(if known {
            OpOutcome::Unchanged
        } else {
            OpOutcome::Done
        });
    };
    let mut set = Flags::RETRACTED;
    if erase && !header.flags.contains(Flags::ERASED) {
        set |= Flags::ERASED;
        stage.remove_long(&keys::of_arrival(keys::RECORD, arrival))?;
        stage.remove(keys::of_arrival(keys::AUDIENCE, arrival));
        state.bytes = state.bytes.saturating_sub(u64::from(header.size));
    }
    let clear = if set.contains(Flags::ERASED) {
        Flags::HAS_AUDIENCE
    } else {
        Flags::NONE
    };
    set_flags(stage, state, arrival, header, set, clear)
}

fn set_flags(
    stage: &mut Stage<'_>,
    state: &mut State,
    arrival: Arrival,
    mut header: Header,
    set: Flags,
    clear: Flags,
) -> Result<OpOutcome, StoreError> {
    let (was, is) = (header.flags, header.flags.without(clear) | set);
    if was == is {
        return Ok(OpOutcome::Unchanged);
    }
    let counters = [
        (Flags::MARKED, &mut state.marked),
        (Flags::RETRACTED, &mut state.retracted),
        (Flags::SUPERSEDED, &mut state.superseded),
        (Flags::ERASED, &mut state.erased),
    ];
    for (flag, counter) in counters {
        match (was.contains(flag), is.contains(flag)) {
            (false, true) => *counter += 1,
            (true, false) => *counter = counter.saturating_sub(1),
            _ => {}
        }
    }
    header.flags = is;
    stage.write(keys::of_arrival(keys::HEADER, arrival), &header)?;
    Ok(OpOutcome::Done)
}

fn audience(
    stage: &mut Stage<'_>,
    state: &mut State,
    arrival: Arrival,
    header: Header,
    list: Option<&[AgencyId]>,
) -> Result<OpOutcome, StoreError> {
    let key = keys::of_arrival(keys::AUDIENCE, arrival);
    match list {
        Some(list) => {
            stage.write(key, &list)?;
            set_flags(
                stage,
                state,
                arrival,
                header,
                Flags::HAS_AUDIENCE,
                Flags::NONE,
            )?;
        }
        None => {
            stage.remove(key);
            set_flags(
                stage,
                state,
                arrival,
                header,
                Flags::NONE,
                Flags::HAS_AUDIENCE,
            )?;
        }
    }
    Ok(OpOutcome::Done)
}

fn ledger(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    arrival: Arrival,
    entry: &LedgerEntry,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_arrival(keys::LEDGER, peer, arrival);
    if let Some(row) = stage.read::<LedgerRow>(&key, "a ledger entry")?
        && row.direction > entry.direction
    {
        return Ok(OpOutcome::Unchanged);
    }
    let rule = stage.number(NameKind::Rule, entry.rule.as_bytes(), &mut state.rules)?;
    let later = keys::of_peer_arrival(keys::LATER, peer, arrival);
    if entry.is_later() {
        stage.put(later, Vec::new());
    } else {
        stage.remove(later);
    }
    let LedgerEntry {
        direction,
        at,
        epoch,
        path,
        answer,
        ..
    } = *entry;
    stage.write(
        key,
        &LedgerRow {
            direction,
            at,
            epoch,
            rule,
            path,
            answer,
        },
    )?;
    Ok(OpOutcome::Done)
}

fn refused(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    id: &RecordId,
    entry: &RefusedEntry,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_id(keys::REFUSED, peer, id);
    if stage.get(&key)?.is_none() {
        let counter = keys::of_number(keys::REFUSED_COUNT, peer);
        let count: u64 = stage
            .read(&counter, "a count of refused records")?
            .unwrap_or_default();
        if count >= limits::REFUSED_PER_PEER {
            return Ok(OpOutcome::Unchanged);
        }
        stage.write(counter, &(count + 1))?;
    }
    stage.write(key, entry)?;
    Ok(OpOutcome::Done)
}

fn forget_refused(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    before: u64,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let prefix = keys::of_number(keys::REFUSED, peer);
    let mut gone = 0;
    let engine = stage.engine;
    for row in engine.scan(&prefix, prefix.clone()) {
        let (key, _) = row?;
        let entry = stage.read::<RefusedEntry>(&key, "a refused entry")?;
        if entry.is_some_and(|e| e.epoch < before) {
            stage.remove(key.to_vec());
            gone += 1;
        }
    }
    if gone == 0 {
        return Ok(OpOutcome::Unchanged);
    }
    let counter = keys::of_number(keys::REFUSED_COUNT, peer);
    let count: u64 = stage
        .read(&counter, "a count of refused records")?
        .unwrap_or_default();
    stage.write(counter, &count.saturating_sub(gone))?;
    Ok(OpOutcome::Done)
}

fn cursor(
    stage: &mut Stage<'_>,
    state: &State,
    peer: &AgencyId,
    to: Cursor,
) -> Result<OpOutcome, StoreError> {
    let key = keys::of_agency(keys::CURSOR, peer);
    let at: Option<Cursor> = stage.read(&key, "a cursor")?;
    let ours = Some(to.incarnation) == state.incarnation;
    let on = at.is_none_or(|at| {
        at.incarnation != to.incarnation || (at.epoch, at.arrival) < (to.epoch, to.arrival)
    });
    if !ours || !on || to.arrival > state.last {
        return Ok(OpOutcome::Unchanged);
    }
    stage.write(key, &to)?;
    Ok(OpOutcome::Done)
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

fn header(stage: &Stage<'_>, arrival: Arrival) -> Result<Option<Header>, StoreError> {
    stage.read(&keys::of_arrival(keys::HEADER, arrival), "a header")
}

fn held(stage: &Stage<'_>, id: &RecordId) -> Result<Option<(Arrival, Header)>, StoreError> {
    let Some(bytes) = stage.get(&keys::of_id(keys::ID, id))? else {
        return Ok(None);
    };
    let lost = || {
        stage
            .engine
            .corrupt(format!("record {} has no header", id.short()))
    };
    let arrival = Arrival(
        keys::part::<8>(&bytes, 0)
            .map(u64::from_be_bytes)
            .ok_or_else(lost)?,
    );
    let header = header(stage, arrival)?.ok_or_else(lost)?;
    Ok(Some((arrival, header)))
}
