//! Control traffic on hand: which records are owed rather than shared. A short list beside
//! the store, rebuilt from its headers at start.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use tokio::sync::watch;

use crate::kind;
use crate::store::{Arrival, Store, StoreError};

/// Arrivals of control records, in order. Clones share it.
#[derive(Clone, Debug)]
pub struct Owed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: RwLock<Inner>,
    changes: watch::Sender<Look>,
}

/// What of the list has to be looked at, told in numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How often something made all of it worth a look again.
    pub rechecks: u64,
    /// How often a record joined it.
    pub added: u64,
}

#[derive(Debug, Default)]
struct Inner {
    arrivals: Vec<Arrival>,
    /// What each retraction retracts, as far as it was asked.
    retracts: HashMap<Arrival, RecordId>,
}

impl Owed {
    /// Finds the control records of a store.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let mut inner = Inner::default();
        let mut from = Arrival(0);
        loop {
            let rows = store.headers(from, crate::limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            from = last.next();
            inner.arrivals.extend(
                rows.iter()
                    .filter(|(_, h)| is_owed_kind(kind::of(h)))
                    .map(|r| r.0),
            );
        }
        Ok(Self(Arc::new(Shared {
            inner: RwLock::new(inner),
            changes: watch::Sender::new(Look::default()),
        })))
    }

    /// A control record came in.
    pub fn note(&self, arrival: Arrival) {
        let mut is_last = true;
        {
            let mut inner = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
            if let Err(at) = inner.arrivals.binary_search(&arrival) {
                is_last = at == inner.arrivals.len();
                inner.arrivals.insert(at, arrival);
            }
        }
        self.0.changes.send_modify(|look| {
            look.added += 1;
            // Two writes told in another order than they were made in: some may be past it.
            look.rechecks += u64::from(!is_last);
        });
    }

    /// Something that a retraction concerns came from a peer: it is owed to it now.
    pub fn recheck(&self) {
        self.0.changes.send_modify(|look| look.rechecks += 1);
    }

    /// Tells when one came in, or has to be looked at anew.
    pub fn changes(&self) -> watch::Receiver<Look> {
        self.0.changes.subscribe()
    }

    /// The next of them after an arrival, oldest first: at most `limit`.
    pub fn arrivals(&self, after: Arrival, limit: usize) -> Vec<Arrival> {
        let inner = self.0.inner.read().unwrap_or_else(PoisonError::into_inner);
        let first = inner.arrivals.partition_point(|at| *at <= after);
        inner
            .arrivals
            .iter()
            .skip(first)
            .take(limit)
            .copied()
            .collect()
    }

    /// What the retraction that arrived as `arrival` retracts.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn retracts(
        &self,
        store: &Store,
        arrival: Arrival,
    ) -> Result<Option<RecordId>, StoreError> {
        let known = {
            let inner = self.0.inner.read().unwrap_or_else(PoisonError::into_inner);
            inner.retracts.get(&arrival).copied()
        };
        if known.is_some() {
            return Ok(known);
        }
        let signed = store
            .record(arrival)?
            .and_then(|b| SignedRecord::parse(b).ok());
        let of = signed.and_then(|s| match &s.unverified().content {
            Content::Retract(retract) => Some(retract.of),
            _ => None,
        });
        if let Some(of) = of {
            let mut inner = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
            inner.retracts.insert(arrival, of);
        }
        Ok(of)
    }
}

fn is_owed_kind(kind: Option<Kind>) -> bool {
    kind.is_some_and(|k| k.plane() == Plane::Control || k == Kind::Contact)
}
