//! What is owed rather than shared: a list of its own, and what its records say of others.

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::apply::State;
use super::called_back::{self, CalledBack};
use super::header::{Arrival, NewRecord};
use super::keys;
use super::stage::Stage;
use super::{Store, StoreError};
use crate::limits;

/// What a record that is owed says of another, as far as the store finds it by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owing {
    /// Nothing that it is looked for by.
    Plain,
    /// A receipt for this record; its author is the holder.
    Receipt {
        /// The record.
        of: RecordId,
        /// What it tells.
        told: Told,
    },
    /// A recall of our own: the copy of this record that this peer got.
    Recall {
        /// The record.
        of: RecordId,
        /// The peer.
        to: AgencyId,
    },
    /// A recall by a peer: the copy of this record that we got from it.
    CalledBack {
        /// The record.
        of: RecordId,
    },
}

/// What a holder told of its copy. Of several of one holder the one made last stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The receipt.
    pub by: RecordId,
    /// When it was made, by the holder's clock.
    pub created: Hlc,
    /// The retraction or recall that it answers.
    pub answers: RecordId,
    /// What it did, by a number that the caller keeps.
    pub what: u8,
    /// When it did so, by its clock.
    pub at: Millis,
    /// Of those that it passed the record on to, and they in turn: how many it asked to erase,
    /// and how many did.
    pub further: Option<(u32, u32)>,
}

/// Enters a record that is owed.
pub fn enter(
    stage: &mut Stage<'_>,
    state: &mut State,
    arrival: Arrival,
    record: &NewRecord,
) -> Result<(), StoreError> {
    let Some(owing) = &record.owing else {
        return Ok(());
    };
    stage.put(keys::of_arrival(keys::OWED, arrival), vec![record.kind]);
    match owing {
        Owing::Plain => {}
        Owing::Receipt { of, told } => {
            let key = keys::of_id_author(keys::RECEIPT, of, &record.author);
            let before: Option<Told> = stage.read(&key, "what a holder told")?;
            if before.is_none_or(|before| before.created <= told.created) {
                stage.write(key, told)?;
            }
        }
        Owing::Recall { of, to } => {
            let key = keys::of_id_author(keys::RECALLED, of, to);
            stage.put(key, record.id.as_bytes().to_vec());
        }
        Owing::CalledBack { of } => {
            let recall = CalledBack {
                by: record.id,
                created: record.created,
                at: record.received,
            };
            called_back::note(stage, state, &record.author, of, &recall)?;
        }
    }
    Ok(())
}

impl Store {
    /// Records that are owed, after an arrival, in order, each with its kind: at most `limit`,
    /// and never more than [`limits::STORE_ROWS`].
    ///
    /// # Errors
    /// The store can't be read.
    pub fn owed(&self, after: Arrival, limit: usize) -> Result<Vec<(Arrival, u8)>, StoreError> {
        let last = self.last();
        let start = keys::of_arrival(keys::OWED, after.next());
        let mut rows = Vec::new();
        for row in self.engine().scan(&[keys::OWED], start) {
            let (key, kind) = row?;
            let arrival = self.arrival_at(&key, 1)?;
            if rows.len() >= limit.min(limits::STORE_ROWS) || arrival > last {
                break;
            }
            rows.push((arrival, kind.first().copied().unwrap_or(u8::MAX)));
        }
        Ok(rows)
    }

    /// What a holder last told of its copy of a record.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn told(&self, of: &RecordId, holder: &AgencyId) -> Result<Option<Told>, StoreError> {
        let key = keys::of_id_author(keys::RECEIPT, of, holder);
        self.read(&key, || format!("what was told of {}", of.short()))
    }

    /// The recall by which we last took back a peer's copy of a record; none once we released
    /// the record to it again.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn recalled(&self, of: &RecordId, to: &AgencyId) -> Result<Option<RecordId>, StoreError> {
        let key = keys::of_id_author(keys::RECALLED, of, to);
        let Some(bytes) = self.engine().get(&key)? else {
            return Ok(None);
        };
        self.id_at(&bytes, 0).map(Some)
    }
}
