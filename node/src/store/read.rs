//! Reads: straight from the database, on any thread, each bounded. Records are seen when
//! they are durable, not before.

use std::collections::BTreeSet;

use bytes::Bytes;
use liaison_protocol::id::{AgencyId, IdPrefix, RecordId};
use serde::de::DeserializeOwned;

use super::apply::State;
use super::exchange::LedgerRow;
use super::header::{Arrival, ClassId, Header, Tombstone};
use super::keys;
use super::ledger::{Cursor, LedgerEntry, RefusedEntry, RefusedRow};
use super::op::{CardRow, Counts};
use super::quarantine::Quarantined;
use super::value;
use super::{Store, StoreError};
use crate::limits;

impl Store {
    /// A record's header; none if there is no such record.
    pub fn header(&self, arrival: Arrival) -> Result<Option<Header>, StoreError> {
        if arrival > self.last() {
            return Ok(None);
        }
        self.read(&keys::of_arrival(keys::HEADER, arrival), || {
            format!("the header of {arrival:?}")
        })
    }

    /// Headers from `from` on (it included), in order of arrival: at most `limit`, and never
    /// more than [`limits::STORE_ROWS`].
    pub fn headers(
        &self,
        from: Arrival,
        limit: usize,
    ) -> Result<Vec<(Arrival, Header)>, StoreError> {
        let last = self.last();
        let mut rows = Vec::new();
        let engine = self.engine();
        for row in engine
            .scan(&[keys::HEADER], keys::of_arrival(keys::HEADER, from))
            .take(rows_of(limit))
        {
            let (key, bytes) = row?;
            let arrival = self.arrival_at(&key, 1)?;
            if arrival > last {
                break;
            }
            rows.push((
                arrival,
                value::decode(engine, &bytes, || format!("the header of {arrival:?}"))?,
            ));
        }
        Ok(rows)
    }

    /// A record's exact bytes; none if there is no such record or it was erased.
    pub fn record(&self, arrival: Arrival) -> Result<Option<Bytes>, StoreError> {
        if arrival > self.last() {
            return Ok(None);
        }
        self.long(&keys::of_arrival(keys::RECORD, arrival))
    }

    /// The number of a record; none if it never came.
    pub fn arrival_of(&self, id: &RecordId) -> Result<Option<Arrival>, StoreError> {
        let Some(bytes) = self.engine().get(&keys::of_id(keys::ID, id))? else {
            return Ok(None);
        };
        let arrival = self.arrival_at(&bytes, 0)?;
        Ok((arrival <= self.last()).then_some(arrival))
    }

    /// Records whose id begins so, in order of their ids: at most `limit`.
    pub fn find(
        &self,
        prefix: &IdPrefix,
        limit: usize,
    ) -> Result<Vec<(RecordId, Arrival)>, StoreError> {
        let start = keys::key(keys::ID, &[&prefix.bytes()]);
        let last = self.last();
        let mut found = Vec::new();
        for row in self.engine().scan(&start, start.clone()) {
            if found.len() >= rows_of(limit) {
                break;
            }
            let (key, bytes) = row?;
            let id = self.id_at(&key, 1)?;
            let arrival = self.arrival_at(&bytes, 0)?;
            if prefix.matches(&id) && arrival <= last {
                found.push((id, arrival));
            }
        }
        Ok(found)
    }

    /// A record's class.
    pub fn class(&self, class: ClassId) -> Result<Option<Bytes>, StoreError> {
        Ok(self
            .engine()
            .get(&keys::of_class(class))?
            .map(|v| Bytes::copy_from_slice(&v)))
    }

    /// A record's distribution list; none: policy alone decides; empty: nobody.
    pub fn audience(&self, arrival: Arrival) -> Result<Option<Vec<AgencyId>>, StoreError> {
        self.read(&keys::of_arrival(keys::AUDIENCE, arrival), || {
            format!("the list of {arrival:?}")
        })
    }

    /// The peer's lines in the ledger from `from` on (it included): at most `limit`.
    pub fn ledger_of(
        &self,
        peer: &AgencyId,
        from: Arrival,
        limit: usize,
    ) -> Result<Vec<(Arrival, LedgerEntry)>, StoreError> {
        let Some(number) = self.names().peer(peer) else {
            return Ok(Vec::new());
        };
        let start = keys::of_peer_arrival(keys::LEDGER, number, from);
        self.engine()
            .scan(&keys::of_number(keys::LEDGER, number), start)
            .take(rows_of(limit))
            .map(|row| {
                let (key, bytes) = row?;
                Ok((self.arrival_at(&key, 5)?, self.entry(&bytes)?))
            })
            .collect()
    }

    /// One line of the ledger.
    pub fn ledger_entry(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        let Some(number) = self.names().peer(peer) else {
            return Ok(None);
        };
        self.entry_of(number, arrival)
    }

    /// All peers' lines for a record: at most [`limits::LEDGER_PEERS`].
    pub fn ledgers_for(
        &self,
        arrival: Arrival,
    ) -> Result<Vec<(AgencyId, LedgerEntry)>, StoreError> {
        let mut lines = Vec::new();
        for (peer, number) in self.names().peers() {
            if let Some(entry) = self.entry_of(number, arrival)? {
                lines.push((peer, entry));
            }
        }
        Ok(lines)
    }

    /// Records that the peer asked to be offered again, from `from` on (it included).
    pub fn later(
        &self,
        peer: &AgencyId,
        from: Arrival,
        limit: usize,
    ) -> Result<Vec<Arrival>, StoreError> {
        let Some(number) = self.names().peer(peer) else {
            return Ok(Vec::new());
        };
        let start = keys::of_peer_arrival(keys::LATER, number, from);
        self.engine()
            .scan(&keys::of_number(keys::LATER, number), start)
            .take(rows_of(limit))
            .map(|row| self.arrival_at(&row?.0, 5))
            .collect()
    }

    /// Whether, and how, a record was refused the peer.
    pub fn refused(
        &self,
        peer: &AgencyId,
        id: &RecordId,
    ) -> Result<Option<RefusedEntry>, StoreError> {
        let Some(number) = self.names().peer(peer) else {
            return Ok(None);
        };
        self.read(&keys::of_peer_id(keys::REFUSED, number, id), || {
            "a refused entry".into()
        })
    }

    /// Records refused the peer, in order of their ids, after `after`: at most `limit`.
    pub fn refused_of(
        &self,
        peer: &AgencyId,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<RefusedRow>, StoreError> {
        let Some(number) = self.names().peer(peer) else {
            return Ok(Vec::new());
        };
        let prefix = keys::of_number(keys::REFUSED, number);
        let mut start = prefix.clone();
        if let Some(id) = after {
            start = keys::of_peer_id(keys::REFUSED, number, id);
            start.push(0);
        }
        let engine = self.engine();
        engine
            .scan(&prefix, start)
            .take(rows_of(limit))
            .map(|row| {
                let (key, bytes) = row?;
                Ok((
                    self.id_at(&key, 5)?,
                    value::decode(engine, &bytes, || "a refused entry".into())?,
                ))
            })
            .collect()
    }

    /// What stays of a retracted or erased record.
    pub fn tombstone(&self, id: &RecordId) -> Result<Option<Tombstone>, StoreError> {
        self.read(&keys::of_id(keys::TOMBSTONE, id), || {
            format!("the tombstone of {}", id.short())
        })
    }

    /// Whether a record was retracted or erased, or will be as soon as it comes: a retract
    /// of `author` for it is here.
    pub fn is_tombstoned(&self, id: &RecordId, author: &AgencyId) -> Result<bool, StoreError> {
        let waiting = keys::of_id_author(keys::WAITING, id, author);
        Ok(self
            .engine()
            .get(&keys::of_id(keys::TOMBSTONE, id))?
            .is_some()
            || self.engine().get(&waiting)?.is_some())
    }

    /// Ids of the author's amendments of a record, whether or not it is held.
    pub fn superseded_by(
        &self,
        id: &RecordId,
        author: &AgencyId,
    ) -> Result<Vec<RecordId>, StoreError> {
        let key = keys::of_id_author(keys::SUPERSEDED, id, author);
        let ids: Option<Vec<RecordId>> = self.read(&key, || "a list of amendments".into())?;
        Ok(ids.unwrap_or_default())
    }

    /// How far a peer was served; none: not yet, or by another incarnation of this store.
    pub fn cursor(&self, peer: &AgencyId) -> Result<Option<Cursor>, StoreError> {
        let cursor: Option<Cursor> =
            self.read(&keys::of_agency(keys::CURSOR, peer), || "a cursor".into())?;
        let incarnation = self.state()?.incarnation;
        Ok(cursor.filter(|c| Some(c.incarnation) == incarnation))
    }

    /// A peer's small record.
    pub fn peer(&self, peer: &AgencyId) -> Result<Option<Bytes>, StoreError> {
        self.long(&keys::of_agency(keys::PEER, peer))
    }

    /// All peers' small records, in order of their ids: at most [`limits::LEDGER_PEERS`].
    pub fn peers(&self) -> Result<Vec<(AgencyId, Bytes)>, StoreError> {
        let rows = self.longs(&[keys::PEER], limits::LEDGER_PEERS)?;
        rows.into_iter()
            .map(|(key, bytes)| Ok((self.agency_at(&key, 1)?, bytes)))
            .collect()
    }

    /// The agencies of which a card is held, peers or not, however many cards one has: those
    /// alone that a person once linked.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn agencies(&self) -> Result<BTreeSet<AgencyId>, StoreError> {
        let mut found = BTreeSet::new();
        let mut from = vec![keys::CARD];
        loop {
            let Some(row) = self.engine().scan(&[keys::CARD], from).next() else {
                return Ok(found);
            };
            let agency = self.agency_at(&row?.0, 1)?;
            found.insert(agency);
            // The next agency, whatever this one has.
            let Some(next) = keys::after(&keys::of_agency(keys::CARD, &agency)) else {
                return Ok(found);
            };
            from = next;
        }
    }

    /// The card of a row.
    pub fn card(&self, row: &CardRow) -> Result<Option<Bytes>, StoreError> {
        self.long(&row.0)
    }

    /// An agency's cards, after that of a row: at most `limit`.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn cards(
        &self,
        agency: &AgencyId,
        after: Option<&CardRow>,
        limit: usize,
    ) -> Result<Vec<(CardRow, Bytes)>, StoreError> {
        let prefix = keys::of_agency(keys::CARD, agency);
        // Its own first chunk is passed over below, and those behind it are no first ones.
        let from = after.map_or_else(|| prefix.clone(), |row| value::chunk_key(&row.0, 1));
        let rows = self.longs_from(&prefix, from, rows_of(limit))?;
        Ok(rows
            .into_iter()
            .map(|(key, bytes)| (CardRow(key), bytes))
            .collect())
    }

    /// A small named value.
    pub fn meta(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        super::check::name(name)?;
        self.long(&keys::of_name(keys::META, name))
    }

    /// Small named values whose name begins so, by name: at most `limit`.
    pub fn metas(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Bytes)>, StoreError> {
        let rows = self.longs(&keys::key(keys::META, &[prefix.as_bytes()]), rows_of(limit))?;
        Ok(rows
            .into_iter()
            .map(|(key, bytes)| (name_of(&key), bytes))
            .collect())
    }

    /// Rows that an import has done; none: it never began.
    pub fn job(&self, job: &str) -> Result<Option<u64>, StoreError> {
        super::check::name(job)?;
        self.read(&keys::of_name(keys::JOB, job), || {
            "an import's progress".into()
        })
    }

    /// Imports and their rows, by name: at most `limit`.
    pub fn jobs(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        let engine = self.engine();
        engine
            .scan(&[keys::JOB], vec![keys::JOB])
            .take(rows_of(limit))
            .map(|row| {
                let (key, bytes) = row?;
                let rows = value::decode(engine, &bytes, || "an import's progress".into())?;
                Ok((name_of(&key), rows))
            })
            .collect()
    }

    /// Samples of what was no record, newest first: at most `limit`.
    pub fn quarantine(&self, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        let engine = self.engine();
        let mut samples = engine
            .scan(&[keys::QUARANTINE], vec![keys::QUARANTINE])
            .map(|row| value::decode(engine, &row?.1, || "a quarantined sample".into()))
            .collect::<Result<Vec<Quarantined>, StoreError>>()?;
        samples.reverse();
        samples.truncate(limit);
        Ok(samples)
    }

    /// How many there are of what.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.state()?.counts())
    }

    /// Bytes of the database's file.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.engine().disk_bytes()
    }

    /// Bytes that are free on its disk.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        self.engine().free_bytes()
    }

    pub(super) fn state(&self) -> Result<State, StoreError> {
        let state = self.read(&[keys::STATE], || "the counters".into())?;
        Ok(state.unwrap_or_default())
    }

    fn entry_of(&self, peer: u32, arrival: Arrival) -> Result<Option<LedgerEntry>, StoreError> {
        let bytes = self
            .engine()
            .get(&keys::of_peer_arrival(keys::LEDGER, peer, arrival))?;
        bytes.map(|bytes| self.entry(&bytes)).transpose()
    }

    fn entry(&self, bytes: &[u8]) -> Result<LedgerEntry, StoreError> {
        let row: LedgerRow = value::decode(self.engine(), bytes, || "a ledger entry".into())?;
        let LedgerRow {
            direction,
            at,
            epoch,
            rule,
            path,
            answer,
        } = row;
        let rule = self.names().rule(rule).ok_or_else(|| {
            self.engine()
                .corrupt(format!("rule {rule} of the ledger has no name"))
        })?;
        Ok(LedgerEntry {
            direction,
            at,
            epoch,
            rule,
            path,
            answer,
        })
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        key: &[u8],
        what: impl FnOnce() -> String,
    ) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.engine().get(key)? else {
            return Ok(None);
        };
        value::decode(self.engine(), &bytes, what).map(Some)
    }

    fn long(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(value::long(self.engine(), key)?.map(Bytes::from))
    }

    /// Long values under keys that begin so, with the key that they were put under.
    fn longs(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.longs_from(prefix, prefix.to_vec(), limit)
    }

    /// The same, of the keys from one on.
    fn longs_from(
        &self,
        prefix: &[u8],
        from: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for row in self.engine().scan(prefix, from) {
            let (key, _) = row?;
            let Some((chunk, key)) = key.split_last() else {
                continue;
            };
            if *chunk != 0 || keys.last().is_some_and(|last| last == key) {
                continue;
            }
            if keys.len() >= limit {
                break;
            }
            keys.push(key.to_vec());
        }
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            // Deleted since: not an error.
            if let Some(bytes) = self.long(&key)? {
                rows.push((key, bytes));
            }
        }
        Ok(rows)
    }

    pub(super) fn arrival_at(&self, bytes: &[u8], at: usize) -> Result<Arrival, StoreError> {
        keys::part::<8>(bytes, at)
            .map(|b| Arrival(u64::from_be_bytes(b)))
            .ok_or_else(|| self.engine().corrupt("a key is cut short"))
    }

    pub(super) fn id_at(&self, key: &[u8], at: usize) -> Result<RecordId, StoreError> {
        keys::part::<32>(key, at)
            .map(RecordId::from_bytes)
            .ok_or_else(|| self.engine().corrupt("a key is cut short"))
    }

    fn agency_at(&self, key: &[u8], at: usize) -> Result<AgencyId, StoreError> {
        keys::part::<32>(key, at)
            .map(AgencyId::from_bytes)
            .ok_or_else(|| self.engine().corrupt("a key is cut short"))
    }
}

/// Names are ASCII, closed by a 0.
fn name_of(key: &[u8]) -> String {
    let name = key.get(1..key.len().saturating_sub(1)).unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

const fn rows_of(limit: usize) -> usize {
    if limit < limits::STORE_ROWS {
        limit
    } else {
        limits::STORE_ROWS
    }
}
