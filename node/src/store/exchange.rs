//! What passed between us and each peer.

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::apply::State;
use super::header::Arrival;
use super::keys;
use super::ledger::{Cursor, Direction, LedgerEntry, Path, RefusedEntry};
use super::names::NameKind;
use super::op::OpOutcome;
use super::stage::Stage;
use crate::limits;

/// A ledger entry as stored.
#[derive(Serialize, Deserialize)]
pub struct LedgerRow {
    pub direction: Direction,
    pub at: Millis,
    pub epoch: u64,
    pub rule: u32,
    pub path: Path,
    pub answer: Option<Answer>,
}

/// Enters a line. One without an answer keeps the answer that stands.
pub fn ledger(
    stage: &mut Stage<'_>,
    state: &mut State,
    agency: &AgencyId,
    arrival: Arrival,
    entry: &LedgerEntry,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, agency.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_arrival(keys::LEDGER, peer, arrival);
    let old = stage.read::<LedgerRow>(&key, "a ledger entry")?;
    if old
        .as_ref()
        .is_some_and(|row| row.direction > entry.direction)
    {
        return Ok(OpOutcome::Unchanged);
    }
    let before = old.as_ref().and_then(|row| row.answer);
    // What we answered it when it brought the record is no answer to what it is sent.
    let ours = entry.direction == Direction::Sent
        && old.is_some_and(|row| row.direction == Direction::Received);
    let answer = entry.answer.or(before.filter(|_| !ours));
    let row = LedgerRow {
        direction: entry.direction,
        at: entry.at,
        epoch: entry.epoch,
        rule: stage.number(NameKind::Rule, entry.rule.as_bytes(), &mut state.rules)?,
        path: entry.path,
        answer,
    };
    enter(stage, peer, arrival, before, &row)
}

/// Enters a release: the earlier recall of that copy is past, whatever the clocks say. One that was
/// made while the release was decided stands, and nothing is released against it.
pub fn release(
    stage: &mut Stage<'_>,
    state: &mut State,
    agency: &AgencyId,
    arrival: Arrival,
    entry: &LedgerEntry,
    lifts: Option<&RecordId>,
) -> Result<OpOutcome, StoreError> {
    let Some(header) = super::admit::header(stage, arrival)? else {
        return Ok(OpOutcome::Missing);
    };
    let recalled = keys::of_id_author(keys::RECALLED, &header.id, agency);
    if let Some(recall) = stage.get(&recalled)? {
        if lifts.is_none_or(|lifts| recall != lifts.as_bytes()) {
            return Ok(OpOutcome::Unchanged);
        }
        stage.remove(recalled);
    }
    ledger(stage, state, agency, arrival, entry)
}

/// Enters a peer's answer: into the line that stands, or with this line where none does.
pub fn answer(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    arrival: Arrival,
    entry: &LedgerEntry,
) -> Result<OpOutcome, StoreError> {
    let number = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_arrival(keys::LEDGER, number, arrival);
    match stage.read::<LedgerRow>(&key, "a ledger entry")? {
        None => ledger(stage, state, peer, arrival, entry),
        Some(old) => {
            let answer = entry.answer.or(old.answer);
            let row = LedgerRow { answer, ..old };
            enter(stage, number, arrival, old.answer, &row)
        }
    }
}

/// Takes the answer out of a line, so that the record may be offered again.
pub fn reopen(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    arrival: Arrival,
) -> Result<OpOutcome, StoreError> {
    let number = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_arrival(keys::LEDGER, number, arrival);
    let Some(old) = stage.read::<LedgerRow>(&key, "a ledger entry")? else {
        return Ok(OpOutcome::Missing);
    };
    let before = old.answer;
    let row = LedgerRow {
        answer: None,
        ..old
    };
    enter(stage, number, arrival, before, &row)
}

/// Writes a line, and keeps the list of what waits as `later`.
fn enter(
    stage: &mut Stage<'_>,
    peer: u32,
    arrival: Arrival,
    before: Option<Answer>,
    row: &LedgerRow,
) -> Result<OpOutcome, StoreError> {
    let waits = |answer| matches!(answer, Some(Answer::Later(_)));
    let later = keys::of_peer_arrival(keys::LATER, peer, arrival);
    match (waits(before), waits(row.answer)) {
        (false, true) => stage.put(later, Vec::new()),
        (true, false) => stage.remove(later),
        _ => {}
    }
    stage.write(keys::of_peer_arrival(keys::LEDGER, peer, arrival), row)?;
    Ok(OpOutcome::Done)
}

/// Remembers a refusal, if there is room.
pub fn refused(
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

/// Drops refusals of earlier epochs, a bounded number at a time.
pub fn forget_refused(
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
        if gone >= limits::STORE_ROWS as u64 {
            break;
        }
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

/// Moves a cursor on.
pub fn cursor(
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
