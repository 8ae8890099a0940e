//! What a backup is made of.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::store::Page;

/// The layout that this version writes and reads.
const FORMAT: u32 = 1;

/// One entry: its length in four bytes, and that many bytes of postcard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// What it is; always the first.
    Manifest(Manifest),
    /// Rows of the store, in order of their keys.
    Rows(Page),
    /// A piece of a file.
    File {
        /// Relative to the home.
        path: String,
        /// Its permissions.
        mode: u32,
        /// Whether it is the file's first piece.
        first: bool,
        /// The piece.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// The end: without it, something is missing.
    End {
        /// Rows of the store in all.
        rows: u64,
        /// Files in all.
        files: u64,
    },
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of what follows.
    pub format: u32,
    /// Program that wrote it.
    pub software: String,
    /// The agency.
    pub agency: AgencyId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub made: Millis,
    /// Records that had ever come by then.
    pub arrivals: u64,
    /// What it holds.
    pub part: Part,
}

impl Manifest {
    /// Of this version.
    pub fn new(agency: AgencyId, name: String, made: Millis, arrivals: u64, part: Part) -> Self {
        Self {
            format: FORMAT,
            software: crate::SOFTWARE.into(),
            agency,
            name,
            made,
            arrivals,
            part,
        }
    }
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Store and home, without `keys/` and `keyring/`.
    #[default]
    WithoutKeys,
    /// All of it but `keyring/`: whoever opens it can speak in the agency's name.
    WithKeys,
    /// `keys/` alone, to be kept apart.
    KeysOnly,
    /// `keyring/` alone: what makes sealed records readable. No other backup holds it, so that
    /// what is erased here is not in all of them.
    KeyringOnly,
}

/// Why entries can't be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    /// An entry is larger than any that is written.
    #[error(
        "the backup is damaged: an entry of {found} bytes, {} are the most",
        limits::BACKUP_ENTRY_BYTES
    )]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// An entry is not understood.
    #[error("the backup is damaged: {0}")]
    Form(#[from] postcard::Error),
    /// Another layout.
    #[error(
        "the backup has layout {found}, this liaison reads {FORMAT}. Use the version that wrote it ({software})"
    )]
    Format {
        /// The layout found.
        found: u32,
        /// The program that wrote it.
        software: String,
    },
}

impl Entry {
    /// As it is written.
    ///
    /// # Errors
    /// [`EntryFault`] for one that nobody could read.
    pub fn encode(&self) -> Result<Vec<u8>, EntryFault> {
        let body = postcard::to_stdvec(self)?;
        let found = body.len();
        let length = u32::try_from(found).map_err(|_| EntryFault::TooLarge { found })?;
        if found > limits::BACKUP_ENTRY_BYTES {
            return Err(EntryFault::TooLarge { found });
        }
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(body);
        Ok(bytes)
    }
}

/// Finds the entries in a stream of bytes that comes in pieces.
#[derive(Debug, Default)]
pub struct Entries {
    held: Vec<u8>,
    at: usize,
}

impl Entries {
    /// Takes a piece.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.drain(..self.at);
        self.at = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next whole entry; none: more pieces are needed.
    ///
    /// # Errors
    /// [`EntryFault`].
    pub fn next_entry(&mut self) -> Result<Option<Entry>, EntryFault> {
        let rest = self.held.get(self.at..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let found = u32::from_be_bytes(*length) as usize;
        if found > limits::BACKUP_ENTRY_BYTES {
            return Err(EntryFault::TooLarge { found });
        }
        let Some(body) = rest.get(..found) else {
            return Ok(None);
        };
        let entry = postcard::from_bytes(body)?;
        self.at += 4 + found;
        match entry {
            Entry::Manifest(m) if m.format != FORMAT => Err(EntryFault::Format {
                found: m.format,
                software: m.software,
            }),
            entry => Ok(Some(entry)),
        }
    }

    /// Whether nothing is left that is no whole entry.
    pub fn is_empty(&self) -> bool {
        self.at == self.held.len()
    }
}
