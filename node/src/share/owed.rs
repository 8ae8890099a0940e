//! Control traffic on hand: which records are owed rather than shared. A short list beside
//! the store, rebuilt from its headers at start.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use tokio::sync::watch;

use super::Share;
use super::passed::{came_from, passed, released};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Header, Store, StoreError};

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
    /// What control records say, as far as it was asked: [`limits::OWED_READ`] at most.
    read: HashMap<Arrival, Arc<Content>>,
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
            let rows = store.headers(from, limits::STORE_ROWS)?;
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

    /// Control records came in: those that go out together are told together.
    pub fn note(&self, arrivals: &[Arrival]) {
        if arrivals.is_empty() {
            return;
        }
        let mut is_last = true;
        {
            let mut inner = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
            for arrival in arrivals {
                if let Err(at) = inner.arrivals.binary_search(arrival) {
                    is_last &= at == inner.arrivals.len();
                    inner.arrivals.insert(at, *arrival);
                }
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

    /// What the control record that arrived as `arrival` says; none if it is none, or is gone.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn says(
        &self,
        store: &Store,
        arrival: Arrival,
    ) -> Result<Option<Arc<Content>>, StoreError> {
        let known = {
            let inner = self.0.inner.read().unwrap_or_else(PoisonError::into_inner);
            inner.read.get(&arrival).cloned()
        };
        if known.is_some() {
            return Ok(known);
        }
        let signed = store
            .record(arrival)?
            .and_then(|b| SignedRecord::parse(b).ok());
        let Some(signed) = signed.filter(|s| s.kind().plane() == Plane::Control) else {
            return Ok(None);
        };
        let content = Arc::new(signed.unverified().content.clone());
        // An affirmation may list as many ids as all others together.
        if !matches!(*content, Content::Affirm(_)) {
            let mut inner = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
            if inner.read.len() >= limits::OWED_READ {
                inner.read.clear();
            }
            inner.read.insert(arrival, content.clone());
        }
        Ok(Some(content))
    }
}

impl Share {
    /// Control traffic goes to a peer if and only if the ledger says that what it concerns
    /// was released to it or came from it. Our own card and keys concern every peer.
    pub(super) fn is_owed(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<bool, StoreError> {
        let ours = header.author == self.registry.own();
        let kind = kind::of(header);
        if matches!(kind, Some(Kind::Contact | Kind::Keys)) {
            return Ok(ours);
        }
        if kind.is_none_or(|k| k.plane() != Plane::Control) {
            return Ok(false);
        }
        let store = &self.store;
        let Some(content) = self.owed.says(store, arrival)? else {
            return Ok(false);
        };
        match content.as_ref() {
            Content::Retract(retract) => passed(store, peer, &retract.of),
            // Each node takes back what it released itself.
            Content::Recall(recall) => {
                Ok(ours && recall.to == *peer && released(store, peer, &recall.of)?)
            }
            // Each holder counts those behind it; nobody's receipt is passed on.
            Content::Receipt(receipt) => Ok(ours
                && (came_from(store, peer, &receipt.r#for)?
                    || came_from(store, peer, &receipt.of)?)),
            Content::Permit(permit) => Ok(passed(store, peer, &permit.of)?
                || (permit.to.contains(peer) && self.opens(peer, arrival, &permit.of)?)),
            Content::Ask(ask) => self.leads_to_author(peer, &ask.of),
            Content::Affirm(affirm) => {
                for of in &affirm.records {
                    if passed(store, peer, of)? || self.awaits_affirmation(peer, of)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Whether a peer is the next on a record's way back: its author, if the record passed
    /// between us and it, else whoever brought it first. Such a way has no circles: each
    /// step leads to somebody who had the record earlier.
    fn leads_to_author(&self, peer: &AgencyId, of: &RecordId) -> Result<bool, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(false);
        };
        let Some(header) = self.store.header(arrival)? else {
            return Ok(false);
        };
        if header.author == *peer {
            return passed(&self.store, peer, of);
        }
        let direct =
            self.registry.is_peer(&header.author) && passed(&self.store, &header.author, of)?;
        Ok(!direct && header.courier == Some(*peer))
    }
}

fn is_owed_kind(kind: Option<Kind>) -> bool {
    kind.is_some_and(|k| k.plane() == Plane::Control || k == Kind::Contact)
}
