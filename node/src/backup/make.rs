//! The making of a backup, by the running node.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::entry::{Entry, EntryFault, Manifest, Part};
use crate::home::Home;
use crate::limits;
use crate::node::Node;
use crate::store::StoreError;

/// What of a home no backup takes: the store has entries of its own, the index is made anew, and
/// what lies at a hub for others is deposited again, but for what was taken back since.
const LEFT_OUT: [&str; 4] = ["store", "index", "mailbox", "liaison.sock"];
/// How the names of private keys beside that folder end.
const PRIVATE: &str = ".private";
/// The folder of the keys.
pub(super) const KEYS: &str = "keys";
/// The folder of the keyring.
pub(super) const KEYRING: &str = "keyring";

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeFault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry that nobody could read.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// A file of the home.
    #[error("{path} can't be read: {source}. Check who may read it")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// More files than a home has.
    #[error(
        "the home holds more than {} files. Move out what is not the node's",
        limits::BACKUP_FILES
    )]
    TooMany,
    /// Whoever asked for it went away.
    #[error("nobody takes the backup any more")]
    Gone,
}

/// Hands a backup's entries, as bytes, to `sink`, as long as that returns true. Blocks.
///
/// # Errors
/// [`MakeFault`]; what was handed out is then no backup: its end is missing.
pub fn make(
    node: &Node,
    part: Part,
    mut sink: impl FnMut(Vec<u8>) -> bool,
) -> Result<(), MakeFault> {
    let mut hand = |entry: Entry| {
        if sink(entry.encode()?) {
            Ok(())
        } else {
            Err(MakeFault::Gone)
        }
    };
    let (mut rows, mut files) = (0, 0);
    let cut = match part {
        Part::KeysOnly | Part::KeyringOnly => None,
        Part::WithKeys | Part::WithoutKeys => Some(node.store.cut()?),
    };
    let own = node.registry.own();
    let name = node.registry.contact(&own).map(|c| c.org);
    hand(Entry::Manifest(Manifest::new(
        own,
        name.unwrap_or_default(),
        node.clock.now(),
        node.store.last().0,
        part,
    )))?;
    if let Some(cut) = cut {
        while let Some(page) = cut.page()? {
            rows += page.len() as u64;
            hand(Entry::Rows(page))?;
        }
    }
    let mut paths = Vec::new();
    walk(&node.home, Path::new(""), part, &mut paths)?;
    for path in paths {
        // A key that was destroyed meanwhile, a draft, an old part of the log: not to be kept.
        files += u64::from(copy(&node.home, &path, &mut hand)?);
    }
    hand(Entry::End { rows, files })
}

/// Finds the files of a home, as paths relative to it.
fn walk(home: &Home, at: &Path, part: Part, found: &mut Vec<String>) -> Result<(), MakeFault> {
    let dir = home.dir().join(at);
    let fault = |source| MakeFault::File {
        path: dir.display().to_string(),
        source,
    };
    let entries = match fs::read_dir(&dir) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound && !at.as_os_str().is_empty() => {
            return Ok(());
        }
        entries => entries.map_err(fault)?,
    };
    for entry in entries {
        let entry = entry.map_err(fault)?;
        let kind = match entry.file_type() {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(fault)?,
        };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let top = at.as_os_str().is_empty();
        let secret = name == KEYS || name.ends_with(PRIVATE);
        let keyring = name == KEYRING;
        let other = match part {
            Part::WithKeys => top && keyring,
            Part::WithoutKeys => top && (secret || keyring),
            Part::KeysOnly => top && !secret,
            Part::KeyringOnly => top && !keyring,
        };
        // What is beside the store is a store that was moved aside, or one in the making.
        let stores = LEFT_OUT.contains(&&*name) || name.starts_with("store.");
        if other || (top && stores) || name.ends_with(".new") {
            continue;
        }
        let path = at.join(&*name);
        if kind.is_dir() {
            walk(home, &path, part, found)?;
        } else if kind.is_file() {
            found.push(path.to_string_lossy().into_owned());
        }
        if found.len() > limits::BACKUP_FILES {
            return Err(MakeFault::TooMany);
        }
    }
    Ok(())
}

/// A file as long as it is now: one that grows meanwhile is not followed. False if it is gone.
fn copy(
    home: &Home,
    path: &str,
    hand: &mut impl FnMut(Entry) -> Result<(), MakeFault>,
) -> Result<bool, MakeFault> {
    let fault = |source| MakeFault::File {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(home.dir().join(path)) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(fault)?,
    };
    let about = file.metadata().map_err(fault)?;
    let mode = about.permissions().mode() & 0o777;
    let mut rest = file.take(about.len());
    let mut first = true;
    loop {
        let mut bytes = Vec::new();
        let piece = limits::BACKUP_PIECE_BYTES as u64;
        rest.by_ref()
            .take(piece)
            .read_to_end(&mut bytes)
            .map_err(fault)?;
        if bytes.is_empty() && !first {
            return Ok(true);
        }
        let path = path.to_owned();
        hand(Entry::File {
            path,
            mode,
            first,
            bytes,
        })?;
        first = false;
    }
}
