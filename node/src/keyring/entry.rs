//! The secret of one sealed record, and what is kept beside it.

use std::collections::BTreeSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Country2;
use liaison_protocol::seal::{SealingId, Secret};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyringError;
use crate::limits;

/// The secret of one sealed record.
#[derive(Clone)]
pub struct Entry {
    /// The record.
    pub id: RecordId,
    /// What opens it.
    pub secret: Secret,
    /// Its thread: the record's own id where it begins one.
    pub thread: RecordId,
    /// Who made it.
    pub author: AgencyId,
    /// Countries whose state authorities may never get it.
    pub exclude: BTreeSet<Country2>,
    /// The sealing key of ours that opened its wrap; none: we made it.
    pub opened_by: Option<SealingId>,
    /// When it ends.
    pub expires: Option<Millis>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({}, ..)", self.id.short())
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u8,
    id: [u8; 32],
    secret: [u8; 32],
    thread: [u8; 32],
    author: [u8; 32],
    exclude: BTreeSet<Country2>,
    opened_by: Option<[u8; 8]>,
    expires: Option<u64>,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

const VERSION: u8 = 1;

impl Entry {
    /// All entries have one length, so that it tells nothing.
    pub(super) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let written = Written {
            version: VERSION,
            id: *self.id.as_bytes(),
            secret: *self.secret.as_bytes(),
            thread: *self.thread.as_bytes(),
            author: *self.author.as_bytes(),
            exclude: self.exclude.clone(),
            opened_by: self.opened_by.map(|id| *id.as_bytes()),
            expires: self.expires.map(|at| at.0),
        };
        let mut bytes = Zeroizing::new(vec![0; limits::KEYRING_ENTRY_BYTES]);
        match postcard::to_slice(&written, &mut bytes) {
            Ok(_) => Ok(bytes),
            Err(_) => Err(KeyringError::Form {
                file: format!("entries/{}", self.id.full()),
            }),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (written, _padding) = postcard::take_from_bytes::<Written>(bytes).ok()?;
        (written.version == VERSION).then(|| Self {
            id: RecordId::from_bytes(written.id),
            secret: Secret::from_bytes(&written.secret),
            thread: RecordId::from_bytes(written.thread),
            author: AgencyId::from_bytes(written.author),
            exclude: written.exclude.clone(),
            opened_by: written.opened_by.map(SealingId::from_bytes),
            expires: written.expires.map(Millis),
        })
    }
}
