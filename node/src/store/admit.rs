//! Records: in, amended, retracted, erased.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::apply::State;
use super::called_back;
use super::header::{Arrival, ClassId, Flags, Header, NewRecord, Retraction, Tombstone};
use super::keys;
use super::names::NameKind;
use super::op::OpOutcome;
use super::owing;
use super::stage::Stage;
use crate::kind;

/// Amendments of one record by one author that are indexed: more are chained, not parallel.
const AMENDMENTS: usize = 64;

/// A retract that came before its record.
#[derive(Serialize, Deserialize)]
struct Waiting {
    by: RecordId,
    at: Millis,
    retraction: Retraction,
}

/// Takes a record in, unless it is held or buried.
pub fn insert(
    stage: &mut Stage<'_>,
    state: &mut State,
    record: &NewRecord,
) -> Result<OpOutcome, StoreError> {
    if called_back::keeps_out(stage, state, record)? {
        return Ok(OpOutcome::CalledBack);
    }
    let grave = keys::of_id(keys::TOMBSTONE, &record.id);
    if let Some(tombstone) = stage.read::<Tombstone>(&grave, "a tombstone")? {
        if record.lifts != Some(tombstone.by) {
            return Ok(OpOutcome::Tombstoned(tombstone));
        }
        unbury(stage, state, &record.id)?;
    }
    // A retract of the same author came first.
    let waiting = keys::of_id_author(keys::WAITING, &record.id, &record.author);
    if !kind::is_for_good(record.kind)
        && let Some(Waiting { by, at, retraction }) = stage.read(&waiting, "a waiting retract")?
    {
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
    called_back::lift(stage, state, record)?;
    let class = ClassId(stage.number(NameKind::Class, &record.class, &mut state.classes)?);
    let amendments = keys::of_id_author(keys::SUPERSEDED, &record.id, &record.author);
    let mut flags = Flags::NONE;
    for mark in [Flags::MARKED, Flags::KEY_LOST] {
        if record.flags.contains(mark) {
            flags |= mark;
        }
    }
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
        review: record.review,
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
    owing::enter(stage, state, arrival, record)?;
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
    if header.author != record.author || kind::is_for_good(header.kind) {
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

/// Writes the tombstone, and marks and empties the record if it is held.
pub fn bury(
    stage: &mut Stage<'_>,
    state: &mut State,
    id: &RecordId,
    tombstone: &Tombstone,
    erase: bool,
) -> Result<OpOutcome, StoreError> {
    let key = keys::of_id(keys::TOMBSTONE, id);
    let before: Option<Tombstone> = stage.read(&key, "a tombstone")?;
    // The author's word is for good, and stands above a recall and above an end that came; of two
    // recalls the later counts.
    let known = before.as_ref().is_some_and(|before| {
        let recalled = [before, tombstone].map(|t| t.reason == Tombstone::RECALLED);
        before.is_retraction() || !tombstone.is_retraction() && recalled != [true; 2]
    });
    if !known {
        stage.write(key, tombstone)?;
        state.tombstones += u64::from(before.is_none());
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
        empty(stage, state, arrival, &header)?;
    }
    let clear = if set.contains(Flags::ERASED) {
        Flags::HAS_AUDIENCE
    } else {
        Flags::NONE
    };
    set_flags(stage, state, arrival, header, set, clear)
}

/// Takes a tombstone away; false if there is none. What was erased stays so.
pub fn unbury(stage: &mut Stage<'_>, state: &mut State, id: &RecordId) -> Result<bool, StoreError> {
    let key = keys::of_id(keys::TOMBSTONE, id);
    if stage.get(&key)?.is_none() {
        return Ok(false);
    }
    stage.remove(key);
    state.tombstones = state.tombstones.saturating_sub(1);
    if let Some((arrival, header)) = held(stage, id)? {
        set_flags(stage, state, arrival, header, Flags::NONE, Flags::RETRACTED)?;
    }
    Ok(true)
}

/// Empties a record whose end has come, and leaves a tombstone that says so. One that another
/// order emptied, or that has not ended at `at`, stays as it is.
pub fn expire(
    stage: &mut Stage<'_>,
    state: &mut State,
    arrival: Arrival,
    at: Millis,
) -> Result<OpOutcome, StoreError> {
    let Some(header) = header(stage, arrival)? else {
        return Ok(OpOutcome::Missing);
    };
    let ended = header.expires.is_some_and(|end| end <= at);
    if !ended || header.flags.contains(Flags::ERASED) {
        return Ok(OpOutcome::Unchanged);
    }
    let key = keys::of_id(keys::TOMBSTONE, &header.id);
    if stage.get(&key)?.is_none() {
        let tombstone = Tombstone {
            author: header.author,
            reason: Tombstone::EXPIRED,
            at,
            by: header.id,
        };
        stage.write(key, &tombstone)?;
        state.tombstones += 1;
    }
    empty(stage, state, arrival, &header)?;
    set_flags(
        stage,
        state,
        arrival,
        header,
        Flags::EXPIRED | Flags::ERASED,
        Flags::HAS_AUDIENCE,
    )
}

/// Removes what a record says, and to whom.
fn empty(
    stage: &mut Stage<'_>,
    state: &mut State,
    arrival: Arrival,
    header: &Header,
) -> Result<(), StoreError> {
    stage.remove_long(&keys::of_arrival(keys::RECORD, arrival))?;
    stage.remove(keys::of_arrival(keys::AUDIENCE, arrival));
    state.bytes = state.bytes.saturating_sub(u64::from(header.size));
    Ok(())
}

/// Changes a record's marks, and the counters with them.
pub fn set_flags(
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

/// Sets or lifts a distribution list.
pub fn audience(
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

/// A record's header, as it will be.
pub fn header(stage: &Stage<'_>, arrival: Arrival) -> Result<Option<Header>, StoreError> {
    stage.read(&keys::of_arrival(keys::HEADER, arrival), "a header")
}

/// A record's number and header, as they will be.
pub fn held(stage: &Stage<'_>, id: &RecordId) -> Result<Option<(Arrival, Header)>, StoreError> {
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
