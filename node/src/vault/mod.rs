//! Sealed records, as far as this node can open them.
//!
//! Of each the vault keeps in memory what both gates need, and which thread it belongs to:
//! codes, no text. What stands inside is opened anew for each look, with the key that the
//! keyring holds, and wiped afterwards. Nothing of it is ever in the store, in the index, in a
//! log or in a file.
//!
//! A sealed record and its key live apart: the key is on the disk before the record is
//! committed, and is destroyed after the record is erased. A stop between the two leaves a key
//! without a record, which opens nothing, or an erased record with a key, which the next start
//! destroys.

mod error;
mod known;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::personal::Inside;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{Record, SignedRecord};
use liaison_protocol::seal::{self, SealingId, SealingKey, Secret};
use rayon::prelude::*;
use tokio::sync::watch;

pub use self::error::VaultError;
pub use self::known::{Change, Gist};
use self::known::{Known, Of};
use crate::keyring::{Entry, Keyring};
use crate::kind;
use crate::limits;
use crate::policy;
use crate::registry::Registry;
use crate::store::{Arrival, Flags, Header, Store};

/// The sealed records that this node can open. Clones share it.
#[derive(Clone)]
pub struct Vault(Arc<Shared>);

struct Shared {
    store: Store,
    registry: Registry,
    keyring: Keyring,
    known: RwLock<Known>,
    changes: watch::Sender<u64>,
}

/// What opened a record, and what stood inside.
pub(crate) struct Opened {
    pub inside: Inside,
    pub secret: Secret,
    /// The sealing key of ours that opened its wrap; none: we sealed it, or had the key.
    pub by: Option<SealingId>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens every sealed record that the store holds, and destroys the keys of those that were
    /// erased. Blocks for as long as that takes.
    ///
    /// # Errors
    /// The store or the keyring's folder can't be read. A single record that does not open is
    /// told in the log, and stays closed.
    pub fn load(store: Store, registry: Registry, keyring: Keyring) -> Result<Self, VaultError> {
        let vault = Self(Arc::new(Shared {
            store,
            registry,
            keyring,
            known: RwLock::default(),
            changes: watch::Sender::new(0),
        }));
        vault.destroy_erased()?;
        vault.open_all()?;
        Ok(vault)
    }

    /// Opens what is closed still and can be opened now: what was locked until its author was
    /// heard from. Blocks.
    ///
    /// # Errors
    /// As [`Vault::load`].
    pub fn open_all(&self) -> Result<(), VaultError> {
        let store = &self.0.store;
        let shut = [Flags::ERASED, Flags::LOCKED];
        let mut after = Arrival(0);
        loop {
            let rows = store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            let closed: Vec<(Arrival, Header)> = rows
                .into_iter()
                .filter(|(_, h)| kind::is_sealed(h))
                .filter(|(_, h)| !shut.into_iter().any(|flag| h.flags.contains(flag)))
                .filter(|(_, h)| self.gist(&h.id).is_none())
                .collect();
            closed.into_par_iter().for_each(|(arrival, header)| {
                if let Err(error) = self.open_one(arrival, &header) {
                    tracing::error!(record = %header.id.short(), %error, "a sealed record stays closed");
                }
            });
        }
        self.tell();
        Ok(())
    }

    /// The keyring under it.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// What is known of a sealed record that opens; none: it does not, or is not here.
    pub fn gist(&self, id: &RecordId) -> Option<Arc<Gist>> {
        self.known().gist(id)
    }

    /// The records of a thread that open, in the order in which they came.
    pub fn thread(&self, thread: &RecordId) -> Vec<RecordId> {
        let known = self.known();
        let mut ids: Vec<RecordId> = known
            .opened()
            .filter(|(_, gist)| gist.thread == *thread)
            .map(|(id, _)| *id)
            .collect();
        drop(known);
        ids.sort_by_cached_key(|id| self.0.store.arrival_of(id).ok().flatten());
        ids
    }

    /// How many records open.
    pub fn count(&self) -> usize {
        self.known().opened().count()
    }

    /// The changes after a number, the oldest first, each with its own number: of each record
    /// only the last. At the start every record that opens is a change.
    pub fn after(&self, number: u64, limit: usize) -> Vec<(u64, Change)> {
        self.known().after(number, limit)
    }

    /// Tells the number of the last change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Looks inside a record. Reads its key from the disk; what is returned is wiped when it is
    /// dropped: hold it for as long as the look lasts, no longer.
    ///
    /// None: it is not here, was erased, is locked until its author was heard from, or its key
    /// is gone.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn inside(&self, id: &RecordId) -> Result<Option<Arc<Inside>>, VaultError> {
        let Some(arrival) = self.0.store.arrival_of(id)? else {
            return Ok(None);
        };
        let Some(header) = self.0.store.header(arrival)? else {
            return Ok(None);
        };
        let shut = [Flags::ERASED, Flags::LOCKED];
        if shut.into_iter().any(|flag| header.flags.contains(flag)) {
            return Ok(None);
        }
        let Some(entry) = self.0.keyring.get(id)? else {
            return Ok(None);
        };
        let Some(bytes) = self.0.store.record(arrival)? else {
            return Ok(None);
        };
        let signed = SignedRecord::parse(bytes).map_err(|fault| VaultError::Form {
            id: *id,
            says: fault.to_string(),
        })?;
        let inside = open(&signed, &entry.secret)?;
        Ok(Some(Arc::new(inside)))
    }

    /// Destroys the key of a record, and forgets what was known of it. Doing it twice changes
    /// nothing. Gives whether there was a key.
    ///
    /// # Errors
    /// The key could not be destroyed: it may be on the disk still. Nothing opens it until the
    /// next start, which tries again.
    pub fn shred(&self, id: &RecordId) -> Result<bool, VaultError> {
        // Whoever hears that it is gone may count on it.
        let destroyed = self.0.keyring.destroy(id);
        if self.known_mut().forget(id) {
            self.tell();
        }
        Ok(destroyed?)
    }

    /// The bytes of a sealed record with its key wrapped to one recipient.
    pub(crate) fn frame(
        &self,
        id: &RecordId,
        record: &Bytes,
        to: &AgencyId,
        key: &SealingKey,
    ) -> Result<Bytes, VaultError> {
        let Some(entry) = self.0.keyring.get(id)? else {
            return Err(VaultError::NoKey { id: *id });
        };
        let wrap = key
            .wrap(&entry.secret, to, id, &mut rand::rng())
            .map_err(|fault| VaultError::Seal { id: *id, fault })?;
        Ok(seal::frame::join(record, &wrap))
    }

    /// Puts keys on the disk, before their records are committed.
    pub(crate) fn keep(&self, entries: &[Entry]) -> Result<(), VaultError> {
        Ok(self.0.keyring.put_all(entries)?)
    }

    /// A record that opens is about to be committed.
    pub(crate) fn expect(&self, id: RecordId, record: &Record, inside: &Inside, marked: bool) {
        let Content::Sealed(stub) = &record.content else {
            return;
        };
        let author = record.envelope.author;
        let country = self.0.registry.country(&author);
        let of = Of {
            author,
            thread: record.envelope.fields.thread.unwrap_or(id),
            recipients: &stub.recipients,
            inside,
            attributes: policy::attributes_inside(inside, author, &country, marked),
        };
        self.known_mut().expect(id, of);
    }

    /// It was committed.
    pub(crate) fn note(&self, id: RecordId) {
        if !self.known_mut().open(&id) {
            return;
        }
        // It may have been erased since it was committed.
        let erased = self
            .0
            .store
            .arrival_of(&id)
            .ok()
            .flatten()
            .and_then(|at| self.0.store.header(at).ok().flatten())
            .is_none_or(|header| header.flags.contains(Flags::ERASED));
        if erased {
            self.known_mut().forget(&id);
        }
        self.tell();
    }

    fn open_one(&self, arrival: Arrival, header: &Header) -> Result<(), VaultError> {
        let id = header.id;
        let Some(entry) = self.0.keyring.get(&id)? else {
            return Err(VaultError::NoKey { id });
        };
        let Some(bytes) = self.0.store.record(arrival)? else {
            return Ok(());
        };
        let signed = SignedRecord::parse(bytes).map_err(|fault| VaultError::Form {
            id,
            says: fault.to_string(),
        })?;
        let inside = open(&signed, &entry.secret)?;
        let marked = header.flags.contains(Flags::MARKED);
        self.expect(id, signed.unverified(), &inside, marked);
        self.known_mut().open(&id);
        Ok(())
    }

    /// What a stop left behind between the erasure of a record and that of its key.
    fn destroy_erased(&self) -> Result<(), VaultError> {
        let store = &self.0.store;
        for id in self.0.keyring.ids()? {
            let erased = match store.arrival_of(&id)? {
                Some(arrival) => {
                    let header = store.header(arrival)?;
                    header.is_some_and(|h| h.flags.contains(Flags::ERASED))
                }
                // Without either it may belong to a record that a peer gives back.
                None => store.tombstone(&id)?.is_some(),
            };
            if erased {
                self.0.keyring.destroy(&id)?;
                tracing::info!(record = %id.short(), "the key of an erased record was destroyed");
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let last = self.known().last();
        self.0
            .changes
            .send_if_modified(|told| std::mem::replace(told, last) != last);
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// Opens a record with its secret.
pub(crate) fn open(signed: &SignedRecord, secret: &Secret) -> Result<Inside, VaultError> {
    seal::open_record(signed.unverified(), secret).map_err(|fault| VaultError::Seal {
        id: signed.id(),
        fault,
    })
}

/// What the keyring keeps of a record.
pub(crate) fn entry(id: RecordId, record: &Record, opened: &Opened) -> Entry {
    let fields = &opened.inside.fields;
    Entry {
        id,
        secret: opened.secret.clone(),
        thread: record.envelope.fields.thread.unwrap_or(id),
        author: record.envelope.author,
        exclude: opened.inside.exclude.clone(),
        opened_by: opened.by,
        expires: fields.expires.map(|day| day.end_ms()),
    }
}
