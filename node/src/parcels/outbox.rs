//! Our parcels that are under way: which records are in which, where it lies, and until when. In
//! the store, so that a node that is killed knows what it let go.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::limits;
use crate::share::Route;
use crate::store::{Arrival, Incarnation, Op, Store, StoreError};

/// Prefix of the stored values that hold the rows.
const ROWS: &str = "parcel/";

/// Prefix of the stored values that hold the next number for each addressee.
const NUMBERS: &str = "parcel-number/";

/// Name of the stored value that says under which incarnation of the store parcels were first
/// numbered.
const FIRST: &str = "parcel-numbered";

/// Our parcels that are under way. Clones share it.
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    /// The incarnation of the store in which no number was used before.
    first: Incarnation,
    rows: Mutex<BTreeMap<Key, Row>>,
    changes: watch::Sender<u64>,
}

/// By what a parcel of ours is known: its addressee and its number.
pub type Key = (AgencyId, u64);

/// A parcel of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// For whom.
    pub to: AgencyId,
    /// Its number, never used for another to this agency.
    pub number: u64,
    /// Its name: what a hub calls it.
    pub id: ParcelId,
    /// How it travels.
    pub way: Way,
    /// How far it is.
    pub state: State,
    /// When it was made.
    pub made: Millis,
    /// When it ends: nobody opens it after that.
    pub expires: Millis,
    /// Its bytes.
    pub size: u32,
    /// Whether something in it is owed.
    pub owed: bool,
    /// How often in a row what is in it was sent before, and no word came back.
    pub tries: u8,
    /// What is in it, in its order.
    pub records: Vec<Arrival>,
}

/// How a parcel travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Way {
    /// In the mailbox of this hub.
    Hub(AgencyId),
    /// In a file.
    Bundle,
}

/// What a parcel may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// All that its addressee lacks.
    All,
    /// Of that, what is owed: there is no room for the rest.
    Owed,
}

/// How far a parcel is, as far as is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Made; whether it left is not known.
    Made,
    /// It lies at the hub, or in a file.
    Lies,
    /// The hub has it no more, since then: it was collected, or lost. Its addressee says which.
    Gone {
        /// Since when.
        since: Millis,
    },
    /// It is to be discarded: something in it may no longer go, or all of it arrived. In a file,
    /// out of reach: its addressee is told to refuse it.
    Unwanted {
        /// Since when.
        since: Millis,
    },
}

impl Way {
    /// As share and ledger call it.
    pub const fn route(self) -> Route {
        match self {
            Way::Hub(hub) => Route::Mailbox(hub),
            Way::Bundle => Route::Bundle,
        }
    }

    /// The hub; none: a file.
    pub const fn hub(self) -> Option<AgencyId> {
        match self {
            Way::Hub(hub) => Some(hub),
            Way::Bundle => None,
        }
    }
}

impl Row {
    /// By what it is known.
    pub const fn key(&self) -> Key {
        (self.to, self.number)
    }

    /// Whether its addressee may get it still.
    pub const fn is_under_way(&self) -> bool {
        !matches!(self.state, State::Unwanted { .. })
    }
}

impl Outbox {
    /// Reads what the store has.
    ///
    /// # Errors
    /// The store can't be read or written, or holds a row that is none.
    pub async fn load(store: Store) -> Result<Self, StoreError> {
        let first = store.meta(FIRST)?;
        let first = match first.and_then(|b| postcard::from_bytes(&b).ok()) {
            Some(first) => first,
            None => {
                let now = store.incarnation()?;
                let bytes = super::encode(&store, &now)?;
                let name = FIRST.to_owned();
                store.write(vec![Op::PutMeta { name, bytes }]).await?;
                now
            }
        };
        let mut rows = BTreeMap::new();
        // Those that several hubs were getting at once may have come on top.
        for (name, bytes) in store.metas(ROWS, 2 * limits::OUTBOX_PARCELS)? {
            let row: Row = postcard::from_bytes(&bytes).map_err(|e| StoreError::Corrupt {
                dir: store.dir().to_path_buf(),
                detail: format!("the parcel {name}: {e}"),
            })?;
            rows.insert(row.key(), row);
        }
        Ok(Self(Arc::new(Shared {
            store,
            first,
            rows: Mutex::new(rows),
            changes: watch::Sender::new(0),
        })))
    }

    /// Tells when one comes, goes or changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Those for which `wanted` says so, by addressee and number.
    pub fn rows(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        let rows = self.lock();
        rows.values().filter(|row| wanted(row)).cloned().collect()
    }

    /// Whether there is one for which `wanted` says so.
    pub fn any(&self, wanted: impl Fn(&Row) -> bool) -> bool {
        self.lock().values().any(wanted)
    }

    /// The hubs at which they lie.
    pub fn hubs(&self) -> BTreeSet<AgencyId> {
        let rows = self.lock();
        rows.values().filter_map(|row| row.way.hub()).collect()
    }

    /// One of them.
    pub fn row(&self, key: &Key) -> Option<Row> {
        self.lock().get(key).cloned()
    }

    /// What one more to this agency may hold; none: there is no room for one.
    pub fn room(&self, to: &AgencyId) -> Option<Load> {
        let rows = self.lock();
        let theirs = rows.keys().filter(|(agency, _)| agency == to).count();
        let fits = |left: usize, left_of_peer: usize| {
            rows.len() + left < limits::OUTBOX_PARCELS
                && theirs + left_of_peer < limits::OUTBOX_PARCELS_OF_PEER
        };
        let all = fits(
            limits::OUTBOX_OWED_PARCELS,
            limits::OUTBOX_OWED_PARCELS_OF_PEER,
        );
        match all {
            true => Some(Load::All),
            false => fits(0, 0).then_some(Load::Owed),
        }
    }

    /// The records that are under way to an agency in parcels for which `counts` says so.
    pub fn under_way(&self, to: &AgencyId, counts: impl Fn(&Row) -> bool) -> HashSet<Arrival> {
        let rows = self.lock();
        rows.values()
            .filter(|row| row.to == *to && row.is_under_way() && counts(row))
            .flat_map(|row| row.records.iter().copied())
            .collect()
    }

    /// The number of the next parcel to an agency. The same until a row with it is added. After a
    /// restore from a backup, or where the machine was set back, it leaves a gap: how many were
    /// used since, nobody here knows, also if the same backup was restored before; so it is at
    /// least the time, in seconds.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn next_number(&self, to: &AgencyId, now: Millis) -> Result<u64, StoreError> {
        let incarnation = self.0.store.incarnation()?;
        let kept = self.0.store.meta(&number_name(to))?;
        let kept = kept.and_then(|b| postcard::from_bytes::<(Incarnation, u64)>(&b).ok());
        let (of, next) = kept.unwrap_or((self.0.first, 1));
        if of == incarnation {
            return Ok(next);
        }
        let behind = next.saturating_add(limits::PARCEL_NUMBERS_LEFT_OUT);
        Ok(behind.max(now.0 / 1_000))
    }

    /// Enters a parcel, before it leaves, with what is to be written beside it; its number is
    /// used from then on.
    ///
    /// # Errors
    /// The store can't be written; the parcel may not leave then.
    pub async fn add(&self, row: Row, beside: Vec<Op>) -> Result<(), StoreError> {
        let incarnation = self.0.store.incarnation()?;
        let next = (incarnation, row.number.saturating_add(1));
        let mut ops = vec![
            Op::PutMeta {
                name: number_name(&row.to),
                bytes: self.encode(&next)?,
            },
            self.put_op(&row)?,
        ];
        ops.extend(beside);
        self.0.store.write(ops).await?;
        self.lock().insert(row.key(), row);
        self.tell();
        Ok(())
    }

    /// Says how far a parcel is. Nothing, if it is gone from here.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn set(&self, key: &Key, state: State) -> Result<(), StoreError> {
        let Some(row) = self.row(key).filter(|row| row.state != state) else {
            return Ok(());
        };
        let row = Row { state, ..row };
        self.0.store.write(vec![self.put_op(&row)?]).await?;
        if let Some(known) = self.lock().get_mut(key) {
            known.state = state;
        }
        self.tell();
        Ok(())
    }

    /// Forgets parcels: they arrived, were discarded, or ended.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn remove(&self, keys: &[Key], beside: Vec<Op>) -> Result<(), StoreError> {
        let mut beside = beside;
        for some in keys.chunks(limits::STORE_BATCH_OPS) {
            let ops = some.iter().map(|key| Op::DeleteMeta {
                name: row_name(key),
            });
            let ops: Vec<Op> = ops.chain(std::mem::take(&mut beside)).collect();
            self.0.store.write(ops).await?;
            let mut rows = self.lock();
            for key in some {
                rows.remove(key);
            }
        }
        if !beside.is_empty() {
            self.0.store.write(beside).await?;
        }
        if !keys.is_empty() {
            self.tell();
        }
        Ok(())
    }

    fn put_op(&self, row: &Row) -> Result<Op, StoreError> {
        Ok(Op::PutMeta {
            name: row_name(&row.key()),
            bytes: self.encode(row)?,
        })
    }

    fn encode<T: Serialize>(&self, value: &T) -> Result<bytes::Bytes, StoreError> {
        super::encode(&self.0.store, value)
    }

    fn tell(&self) {
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Row>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row_name((to, number): &Key) -> String {
    format!("{ROWS}{}/{number:020}", to.full())
}

fn number_name(to: &AgencyId) -> String {
    format!("{NUMBERS}{}", to.full())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    const NOW: Millis = Millis(5_000_000_000);

    fn row(to: AgencyId, number: u64, records: &[u64]) -> Row {
        Row {
            to,
            number,
            id: ParcelId::from_bytes([number as u8; 32]),
            way: Way::Bundle,
            state: State::Made,
            made: Millis(1),
            expires: Millis(2),
            size: 4096,
            owed: false,
            tries: 0,
            records: records.iter().copied().map(Arrival).collect(),
        }
    }

    #[tokio::test]
    async fn a_number_is_used_once_also_after_a_stop_and_a_restore_leaves_a_gap() {
        let dir = tempfile::tempdir().expect("folder");
        let store = Store::open(dir.path().join("store"), Options::default()).expect("store");
        let to = AgencyId::from_bytes([7; 32]);
        let outbox = Outbox::load(store.clone()).await.expect("outbox");
        assert_eq!(outbox.next_number(&to, NOW).expect("number"), 1);
        outbox
            .add(row(to, 1, &[3]), Vec::new())
            .await
            .expect("added");
        // As if the node was killed before the parcel left.
        let outbox = Outbox::load(store.clone()).await.expect("outbox");
        assert_eq!(outbox.rows(|_| true), [row(to, 1, &[3])]);
        assert_eq!(outbox.next_number(&to, NOW).expect("number"), 2);
        outbox
            .remove(&[(to, 1)], Vec::new())
            .await
            .expect("removed");
        assert_eq!(outbox.next_number(&to, NOW).expect("number"), 2);
        let other = Op::Reincarnate(Incarnation(42));
        store.write(vec![other]).await.expect("another store");
        let after = 5_000_000;
        assert!(after > 2 + limits::PARCEL_NUMBERS_LEFT_OUT);
        assert_eq!(outbox.next_number(&to, NOW).expect("number"), after);
        outbox
            .add(row(to, after, &[]), Vec::new())
            .await
            .expect("added");
        assert_eq!(outbox.next_number(&to, NOW).expect("number"), after + 1);
        // Also for an agency of which nothing is known here; the later the higher.
        let other = AgencyId::from_bytes([8; 32]);
        let next = |now| outbox.next_number(&other, now).expect("number");
        assert_eq!(next(Millis(0)), 1 + limits::PARCEL_NUMBERS_LEFT_OUT);
        assert_eq!(next(NOW), 5_000_000);
    }

    #[tokio::test]
    async fn what_is_unwanted_is_not_under_way() {
        let dir = tempfile::tempdir().expect("folder");
        let store = Store::open(dir.path().join("store"), Options::default()).expect("store");
        let to = AgencyId::from_bytes([7; 32]);
        let outbox = Outbox::load(store).await.expect("outbox");
        outbox
            .add(row(to, 1, &[3, 5]), Vec::new())
            .await
            .expect("added");
        outbox
            .add(row(to, 2, &[8]), Vec::new())
            .await
            .expect("added");
        let unwanted = State::Unwanted { since: Millis(3) };
        outbox.set(&(to, 1), unwanted).await.expect("set");
        let under_way = outbox.under_way(&to, |_| true);
        assert_eq!(under_way, HashSet::from([Arrival(8)]));
    }
}
