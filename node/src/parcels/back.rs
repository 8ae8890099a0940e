//! Records that came back from a hub before anybody collected them. By its own word: so what
//! takes them back stays owed to whom they were for, and only what officers read changes.

use std::collections::HashSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};

use super::Parcels;
use super::outbox::{Key, Row};
use crate::limits;
use crate::store::{Arrival, Direction, LedgerEntry, Op, Path, Store, StoreError};

/// Prefix of the stored values that say so, by addressee and record.
const BACK: &str = "parcel-back/";

/// What became of the parcels that a record was in, as far as the ledger does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Mark {
    /// The last of them was discarded, and nobody was given any of it.
    Back {
        /// When.
        at: Millis,
    },
    /// Of one of them nobody knows: that another came back says nothing.
    Astray,
}

impl Parcels {
    /// When a record that was let go to an agency came back from a hub before anybody collected
    /// it; none: it did not, or it was let go again since. `line` is the ledger's.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn came_back(
        &self,
        to: &AgencyId,
        arrival: Arrival,
        line: &LedgerEntry,
    ) -> Result<Option<Millis>, StoreError> {
        if !is_in_a_parcel(line) {
            return Ok(None);
        }
        let holds = |row: &Row| row.to == *to && row.records.contains(&arrival);
        if self.0.outbox.any(holds) {
            return Ok(None);
        }
        Ok(match mark(&self.0.store, to, arrival)? {
            Some(Mark::Back { at }) if at >= line.at => Some(at),
            _ => None,
        })
    }

    /// Forgets a parcel of which a hub says that it discarded it before anybody was given any of
    /// it.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn took_back(&self, key: &Key) -> Result<(), StoreError> {
        let store = &self.0.store;
        let Some(row) = self.0.outbox.row(key) else {
            return Ok(());
        };
        let others = |other: &Row| other.to == row.to && other.number != row.number;
        let elsewhere = self.0.outbox.rows(others).into_iter();
        let elsewhere: HashSet<Arrival> = elsewhere.flat_map(|row| row.records).collect();
        let at = self.0.share.now();
        let mut ops = Vec::new();
        for arrival in row.records.iter().filter(|at| !elsewhere.contains(at)) {
            if mark(store, &row.to, *arrival)? != Some(Mark::Astray) {
                ops.push(put(store, &row.to, *arrival, Mark::Back { at })?);
            }
        }
        self.note(ops).await?;
        self.drop_rows(&[*key]).await
    }

    /// Forgets parcels of which nobody here knows whether they were collected: what was in them
    /// and is not answered is packed again.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn lose_rows(&self, keys: &[Key]) -> Result<(), StoreError> {
        self.astray(keys).await?;
        self.drop_rows(keys).await
    }

    /// What is in these parcels and not answered counts as astray.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn astray(&self, keys: &[Key]) -> Result<(), StoreError> {
        let mut ops = Vec::new();
        for row in keys.iter().filter_map(|key| self.0.outbox.row(key)) {
            for arrival in &row.records {
                let line = self.0.store.ledger_entry(&row.to, *arrival)?;
                if line.is_some_and(|line| is_in_a_parcel(&line)) {
                    ops.push(put(&self.0.store, &row.to, *arrival, Mark::Astray)?);
                }
            }
        }
        self.note(ops).await
    }

    /// Notes of records that go into a parcel now which of them went another way before, and were
    /// not answered: the ledger says it of the last way only.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn went_before(
        &self,
        to: &AgencyId,
        records: impl Iterator<Item = Arrival>,
    ) -> Result<(), StoreError> {
        let mut ops = Vec::new();
        for arrival in records {
            let line = self.0.store.ledger_entry(to, arrival)?;
            let another_way = line.is_some_and(|line| {
                line.direction == Direction::Sent && line.path != Path::Mailbox
            });
            if another_way {
                ops.push(put(&self.0.store, to, arrival, Mark::Astray)?);
            }
        }
        self.note(ops).await
    }

    async fn note(&self, mut ops: Vec<Op>) -> Result<(), StoreError> {
        while !ops.is_empty() {
            let rest = ops.split_off(ops.len().min(limits::STORE_BATCH_OPS));
            self.0
                .store
                .write(std::mem::replace(&mut ops, rest))
                .await?;
        }
        Ok(())
    }
}

/// Whether a record was last let go into a mailbox, and nothing was heard of it.
fn is_in_a_parcel(line: &LedgerEntry) -> bool {
    line.direction == Direction::Sent && line.path == Path::Mailbox && line.answer.is_none()
}

fn mark(store: &Store, to: &AgencyId, arrival: Arrival) -> Result<Option<Mark>, StoreError> {
    let bytes = store.meta(&name(to, arrival))?;
    // One that can't be read claims nothing.
    Ok(bytes.map(|bytes| postcard::from_bytes(&bytes).unwrap_or(Mark::Astray)))
}

fn put(store: &Store, to: &AgencyId, arrival: Arrival, mark: Mark) -> Result<Op, StoreError> {
    Ok(Op::PutMeta {
        name: name(to, arrival),
        bytes: super::encode(store, &mark)?,
    })
}

fn name(to: &AgencyId, arrival: Arrival) -> String {
    format!("{BACK}{}/{:020}", to.full(), arrival.0)
}
