//! What peers called back from us, also where nothing of it is here (yet): a parcel that is opened
//! late brings nothing that its sender called back after it was made.

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::admit::held;
use super::apply::State;
use super::exchange::LedgerRow;
use super::header::{Flags, NewRecord};
use super::keys;
use super::ledger::Direction;
use super::names::NameKind;
use super::op::OpOutcome;
use super::stage::Stage;
use crate::limits;

/// A peer's recall of the copy that it released to us, or that it says it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledBack {
    /// The recall.
    pub by: RecordId,
    /// When it was made, by its author's clock.
    pub created: Hlc,
    /// When it came, by our clock.
    pub at: Millis,
}

const WHAT: &str = "what a peer called back";

/// Notes a recall that was taken in: the newest of a peer stands.
pub fn note(
    stage: &mut Stage<'_>,
    state: &mut State,
    peer: &AgencyId,
    of: &RecordId,
    recall: &CalledBack,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, peer.as_bytes(), &mut state.peers)?;
    let key = keys::of_peer_id(keys::CALLED_BACK, peer, of);
    match stage.read::<CalledBack>(&key, WHAT)? {
        Some(before) if before.created >= recall.created => return Ok(OpOutcome::Unchanged),
        Some(_) => {}
        None => count(stage, peer, |count| count.saturating_add(1))?,
    }
    stage.write(key, recall)?;
    Ok(OpOutcome::Done)
}

/// Notes a recall that was refused, for nothing of what it calls back had passed, if there is room:
/// what came before `ended` is needed no more. Not if that passed since: then the recall is to be
/// judged anew.
pub fn note_refused(
    stage: &mut Stage<'_>,
    state: &mut State,
    agency: &AgencyId,
    of: &RecordId,
    recall: &CalledBack,
    ended: Millis,
) -> Result<OpOutcome, StoreError> {
    let peer = stage.number(NameKind::Peer, agency.as_bytes(), &mut state.peers)?;
    if let Some((arrival, _)) = held(stage, of)? {
        let line = keys::of_peer_arrival(keys::LEDGER, peer, arrival);
        let line = stage.read::<LedgerRow>(&line, "a ledger entry")?;
        let passed =
            |l: LedgerRow| l.direction != Direction::Offered || l.answer == Some(Answer::Stored);
        if line.is_some_and(passed) {
            return Ok(OpOutcome::AlreadyHeld(arrival));
        }
    }
    let key = keys::of_peer_id(keys::CALLED_BACK, peer, of);
    let is_new = stage.get(&key)?.is_none();
    if is_new && counted(stage, peer)? >= limits::CALLED_BACK_PER_PEER {
        make_room(stage, peer, &key, ended)?;
        if counted(stage, peer)? >= limits::CALLED_BACK_PER_PEER {
            return Ok(OpOutcome::Unchanged);
        }
    }
    note(stage, state, agency, of, recall)
}

/// Whether a record stays out: whoever brings it called it back after it was offered. What is held
/// and was not erased is here by a newer offer, or by another's.
pub fn keeps_out(
    stage: &mut Stage<'_>,
    state: &mut State,
    record: &NewRecord,
) -> Result<bool, StoreError> {
    let Some(offered) = record.offered else {
        return Ok(false);
    };
    let Some(recall) = of(stage, state, record)? else {
        return Ok(false);
    };
    let gone = held(stage, &record.id)?.is_none_or(|(_, h)| h.flags.contains(Flags::ERASED));
    Ok(gone && recall.created.wall() >= offered)
}

/// A record came in: an earlier recall by whoever brought it is past.
pub fn lift(
    stage: &mut Stage<'_>,
    state: &mut State,
    record: &NewRecord,
) -> Result<(), StoreError> {
    if let Some(courier) = &record.courier
        && of(stage, state, record)?.is_some()
    {
        let peer = stage.number(NameKind::Peer, courier.as_bytes(), &mut state.peers)?;
        stage.remove(keys::of_peer_id(keys::CALLED_BACK, peer, &record.id));
        count(stage, peer, |count| count.saturating_sub(1))?;
    }
    Ok(())
}

/// The recall of a record by whoever brings it now. None of what is owed: no recall takes it.
fn of(
    stage: &mut Stage<'_>,
    state: &mut State,
    record: &NewRecord,
) -> Result<Option<CalledBack>, StoreError> {
    let Some(courier) = record.courier.filter(|_| record.owing.is_none()) else {
        return Ok(None);
    };
    let peer = stage.number(NameKind::Peer, courier.as_bytes(), &mut state.peers)?;
    stage.read(&keys::of_peer_id(keys::CALLED_BACK, peer, &record.id), WHAT)
}

/// Drops some that came before `ended`: of a few that stand behind a key, as ids are spread evenly.
fn make_room(
    stage: &mut Stage<'_>,
    peer: u32,
    behind: &[u8],
    ended: Millis,
) -> Result<(), StoreError> {
    let mut gone = 0;
    let engine = stage.engine;
    let prefix = keys::of_number(keys::CALLED_BACK, peer);
    let some = engine.scan(&prefix, behind.to_vec());
    for row in some.take(limits::CALLED_BACK_LOOK) {
        let (key, _) = row?;
        let recall = stage.read::<CalledBack>(&key, WHAT)?;
        if recall.is_some_and(|recall| recall.at < ended) {
            stage.remove(key.to_vec());
            gone += 1;
        }
    }
    count(stage, peer, |count| count.saturating_sub(gone))
}

fn counted(stage: &Stage<'_>, peer: u32) -> Result<u64, StoreError> {
    let count = stage.read(
        &keys::of_number(keys::CALLED_BACK_COUNT, peer),
        "a count of what a peer called back",
    )?;
    Ok(count.unwrap_or_default())
}

fn count(stage: &mut Stage<'_>, peer: u32, to: impl FnOnce(u64) -> u64) -> Result<(), StoreError> {
    let count = to(counted(stage, peer)?);
    stage.write(keys::of_number(keys::CALLED_BACK_COUNT, peer), &count)
}
