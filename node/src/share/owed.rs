//! Control traffic: which records are owed rather than shared, and to whom. The store keeps the
//! list, in the write that keeps the record; here is who has to look at it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use tokio::sync::watch;

use super::Share;
use super::passed::{passed, released};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Header, Store, StoreError};

/// Tells of control records as they come. Clones share it.
#[derive(Clone, Debug)]
pub struct Owed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What control records say, as far as it was asked: [`limits::OWED_READ`] at most.
    read: RwLock<HashMap<Arrival, Arc<Content>>>,
    changes: watch::Sender<Look>,
    /// Records that came back under their old number: [`limits::LACKING`] at most.
    came_back: Mutex<Vec<RecordId>>,
}

/// What of the list has to be looked at, told in numbers that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How often something made all of it worth a look again.
    pub rechecks: u64,
    /// How often a record joined it.
    pub added: u64,
}

impl Default for Owed {
    fn default() -> Self {
        Self(Arc::new(Shared {
            read: RwLock::default(),
            changes: watch::Sender::new(Look::default()),
            came_back: Mutex::default(),
        }))
    }
}

impl Owed {
    /// A control record came in.
    pub fn note(&self) {
        self.0.changes.send_modify(|look| look.added += 1);
    }

    /// A recalled record came back under its old number, which the sessions are past. What is
    /// lost by a stop is found by the look through the store that follows a start.
    pub fn note_back(&self, id: RecordId) {
        let mut back = lock(&self.0.came_back);
        if back.len() < limits::LACKING {
            back.push(id);
        }
        drop(back);
        self.note();
    }

    /// The records that came back since this was last asked.
    pub fn take_back(&self) -> Vec<RecordId> {
        std::mem::take(&mut *lock(&self.0.came_back))
    }

    /// Something that a retraction concerns came from a peer: it is owed to it now.
    pub fn recheck(&self) {
        self.0.changes.send_modify(|look| look.rechecks += 1);
    }

    /// Tells when one came in, or has to be looked at anew.
    pub fn changes(&self) -> watch::Receiver<Look> {
        self.0.changes.subscribe()
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
            let read = self.0.read.read().unwrap_or_else(PoisonError::into_inner);
            read.get(&arrival).cloned()
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
            let mut read = self.0.read.write().unwrap_or_else(PoisonError::into_inner);
            if read.len() >= limits::OWED_READ {
                read.clear();
            }
            read.insert(arrival, content.clone());
        }
        Ok(Some(content))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Share {
    /// Control traffic goes to a peer if and only if the ledger says that what it concerns
    /// was released to it or came from it. Our own card and keys concern every peer.
    pub(crate) fn is_owed(
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
        // Recalls and receipts are each node's own, so the others need not be read.
        if matches!(kind, Some(Kind::Recall | Kind::Receipt)) && !ours {
            return Ok(false);
        }
        let store = &self.store;
        let Some(content) = self.owed.says(store, arrival)? else {
            return Ok(false);
        };
        match content.as_ref() {
            Content::Retract(retract) => passed(store, peer, &retract.of),
            // Each node takes back what it released itself. A recall that came too late, because
            // the peer may have the record again, is not told.
            Content::Recall(recall) => Ok(ours
                && recall.to == *peer
                && released(store, peer, &recall.of)?
                && store.recalled(&recall.of, peer)? == Some(header.id)
                && !self.may_have(peer, &recall.of)?),
            // Each holder counts those behind it; nobody's receipt is passed on. Its list names
            // whom it is for: the count goes to one only, or two would count the same holders.
            Content::Receipt(receipt) => Ok(ours
                && store.audience(arrival)?.is_some_and(|to| to.contains(peer))
                && (passed(store, peer, &receipt.r#for)? || passed(store, peer, &receipt.of)?)),
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

    /// Whether the gates let a peer have a record that we hold.
    fn may_have(&self, peer: &AgencyId, of: &RecordId) -> Result<bool, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(false);
        };
        let Some(header) = self.store.header(arrival)? else {
            return Ok(false);
        };
        Ok(self.decide_header(peer, arrival, &header)?.allow)
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
