//! A home made of a backup, and a look whether a backup is whole.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use liaison_protocol::record::codes::{Kind, Plane};

use super::entry::{Entries, Entry, EntryFault, Manifest, Part};
use super::make::{KEYRING, KEYS};
use super::seal::{Opener, SealFault};
use crate::catchup::{CATCH_UP, Reason, Waiting};
use crate::home::Home;
use crate::kind;
use crate::store::{Header, Incarnation, Rebuild, StoreError};

/// The file that makes a folder a node: it comes last.
const CARD: &str = "card.liaison";
/// Its name until then.
const CARD_BEFORE: &str = "card.liaison.restoring";

/// What a backup holds, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Rows of the store.
    pub rows: u64,
    /// Files of the home.
    pub files: u64,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the backup held.
    pub held: Checked,
    /// Records that are locked until whoever brought them was heard from.
    pub locked: u64,
    /// Whether the keys are there.
    pub has_keys: bool,
    /// Whether a keyring is there: without it no sealed record can be read.
    pub has_keyring: bool,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFault {
    /// The encryption.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// The entries.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// The store that is made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its first entry is no manifest, or its last no end, or their numbers differ.
    #[error("the backup is damaged: {0}. Use another copy of it")]
    Damaged(&'static str),
    /// A file name that leaves the home.
    #[error(
        "the backup names a file outside the home: {path}. Nobody's liaison writes such a name"
    )]
    Outside {
        /// The name.
        path: String,
    },
    /// There is something in the folder.
    #[error("{dir} is not empty. Name a folder that does not exist yet with --home")]
    NotEmpty {
        /// The folder.
        dir: String,
    },
    /// Keys for a home that has none of this agency, or has keys.
    #[error(
        "this backup holds keys only: restore the other one into {dir} first, of the same agency, and leave its keys/ empty"
    )]
    KeysAlone {
        /// The folder.
        dir: String,
    },
    /// A keyring for a home that has none of this agency, or has a keyring that is used.
    #[error(
        "this backup holds the keyring only: restore the other ones into {dir} first, of the same agency, and stop its node. A keyring that is there already and holds anything is not replaced: move {dir}/keyring away first"
    )]
    KeyringAlone {
        /// The folder.
        dir: String,
    },
    /// A file or folder.
    #[error("{path} can't be written: {source}. Delete {dir}, make room and type it again")]
    Io {
        /// The file.
        path: String,
        /// The home.
        dir: String,
        /// Why.
        source: io::Error,
    },
}

/// Reads a whole backup, and says what it holds. `each` is called for every entry.
///
/// # Errors
/// [`RestoreFault`].
pub fn check<R: Read>(
    opener: Opener<R>,
    each: impl FnMut(&Entry),
) -> Result<Checked, RestoreFault> {
    read(opener, each, |_| Ok(()), |_| Ok(()))
}

/// Makes a home of a backup: another store than the one that was backed up, whose records are
/// locked until whoever brought them was heard from. `each` is called for every entry.
///
/// # Errors
/// [`RestoreFault`]; the folder is then no node's, and may be deleted.
pub fn restore<R: Read>(
    opener: Opener<R>,
    home: &Home,
    each: impl FnMut(&Entry),
) -> Result<Restored, RestoreFault> {
    let mut target = Target {
        dir: home.dir().to_path_buf(),
        rebuild: None,
        made: None,
        open: None,
    };
    // Both hold the target, one after the other.
    let cell = std::cell::RefCell::new(&mut target);
    let held = read(
        opener,
        each,
        |manifest| cell.borrow_mut().begin(home, manifest),
        |entry| cell.borrow_mut().take(entry),
    )?;
    let locked = target.finish()?;
    Ok(Restored {
        held,
        locked,
        has_keys: home.dir().join(KEYS).join("signing.key").exists(),
        has_keyring: home.dir().join(KEYRING).join("master").exists(),
    })
}

fn read<R: Read>(
    mut opener: Opener<R>,
    mut each: impl FnMut(&Entry),
    mut begin: impl FnMut(&Manifest) -> Result<(), RestoreFault>,
    mut take: impl FnMut(Entry) -> Result<(), RestoreFault>,
) -> Result<Checked, RestoreFault> {
    let mut entries = Entries::default();
    let mut held: Option<Checked> = None;
    let mut ended = false;
    while let Some(chunk) = opener.next_chunk()? {
        entries.feed(&chunk);
        while let Some(entry) = entries.next_entry()? {
            each(&entry);
            if ended {
                return Err(RestoreFault::Damaged("something comes after its end"));
            }
            match (&mut held, &entry) {
                (None, Entry::Manifest(manifest)) => {
                    begin(manifest)?;
                    held = Some(Checked {
                        manifest: manifest.clone(),
                        rows: 0,
                        files: 0,
                    });
                    continue;
                }
                (None, _) | (Some(_), Entry::Manifest(_)) => {
                    return Err(RestoreFault::Damaged("it does not begin as a backup does"));
                }
                (Some(held), Entry::Rows(rows)) => held.rows += rows.len() as u64,
                (Some(held), Entry::File { first, .. }) => held.files += u64::from(*first),
                (Some(held), Entry::End { rows, files }) => {
                    if (held.rows, held.files) != (*rows, *files) {
                        return Err(RestoreFault::Damaged(
                            "its numbers differ from what it holds",
                        ));
                    }
                    ended = true;
                    continue;
                }
            }
            take(entry)?;
        }
    }
    match held {
        Some(held) if ended && entries.is_empty() => Ok(held),
        _ => Err(RestoreFault::Damaged("its end is missing")),
    }
}

struct Target {
    dir: PathBuf,
    rebuild: Option<Rebuild>,
    made: Option<liaison_protocol::clock::Millis>,
    open: Option<(String, fs::File)>,
}

impl Target {
    fn begin(&mut self, home: &Home, manifest: &Manifest) -> Result<(), RestoreFault> {
        let dir = self.dir.display().to_string();
        let same = || {
            let card = home.card_file();
            card.is_ok_and(|card| card.agency() == manifest.agency)
        };
        if manifest.part == Part::KeyringOnly {
            return if same() && self.unused_keyring_is_gone() {
                Ok(())
            } else {
                Err(RestoreFault::KeyringAlone { dir })
            };
        }
        if manifest.part == Part::KeysOnly {
            let same = same();
            let keys = self.dir.join(KEYS);
            let none = fs::read_dir(&keys).map_or(true, |mut d| d.next().is_none());
            return if same && none {
                Ok(())
            } else {
                Err(RestoreFault::KeysAlone { dir })
            };
        }
        let empty = fs::read_dir(&self.dir).map_or(true, |mut d| d.next().is_none());
        if !empty {
            return Err(RestoreFault::NotEmpty { dir });
        }
        self.folder(&self.dir)?;
        let incarnation = Incarnation(rand::random());
        self.rebuild = Some(Rebuild::begin(&home.store_dir(), incarnation)?);
        self.made = Some(manifest.made);
        Ok(())
    }

    /// A node that was started without its keyring has made one, which opens nothing: it makes
    /// room.
    fn unused_keyring_is_gone(&self) -> bool {
        let keyring = self.dir.join(KEYRING);
        let empty =
            |folder: &str| fs::read_dir(keyring.join(folder)).map_or(true, |d| d.count() == 0);
        let unused = ["entries", "files", "drafts", "access", "quarantine"]
            .into_iter()
            .all(empty);
        if !unused || !crate::keyring::is_free(&keyring) {
            return false;
        }
        match fs::remove_dir_all(&keyring) {
            Ok(()) => true,
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        }
    }

    fn take(&mut self, entry: Entry) -> Result<(), RestoreFault> {
        match (entry, &mut self.rebuild) {
            (Entry::Rows(rows), Some(rebuild)) => Ok(rebuild.rows(rows, is_locked)?),
            (Entry::Rows(_), None) => Err(RestoreFault::Damaged("keys, and records with them")),
            (
                Entry::File {
                    path,
                    mode,
                    first,
                    bytes,
                },
                _,
            ) => self.file(path, mode, first, &bytes),
            (Entry::Manifest(_) | Entry::End { .. }, _) => Ok(()),
        }
    }

    fn file(
        &mut self,
        path: String,
        mode: u32,
        first: bool,
        bytes: &[u8],
    ) -> Result<(), RestoreFault> {
        if first {
            let to = self.place(&path)?;
            if let Some(parent) = to.parent() {
                self.folder(parent)?;
            }
            let file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode & 0o777)
                .open(&to)
                .map_err(|e| self.io(&to, e))?;
            self.close()?;
            self.open = Some((path.clone(), file));
        }
        match &mut self.open {
            Some((open, file)) if *open == path => {
                let written = file.write_all(bytes);
                written.map_err(|e| self.io(Path::new(&path), e))
            }
            _ => Err(RestoreFault::Damaged("a piece of a file without its first")),
        }
    }

    fn close(&mut self) -> Result<(), RestoreFault> {
        match self.open.take() {
            Some((path, file)) => file.sync_all().map_err(|e| self.io(Path::new(&path), e)),
            None => Ok(()),
        }
    }

    /// Where a file goes: into the home, and never among the store's.
    fn place(&self, path: &str) -> Result<PathBuf, RestoreFault> {
        let mut parts = Path::new(path).components();
        let inside = parts.clone().all(|p| matches!(p, Component::Normal(_)));
        let top = parts.next().map(|p| p.as_os_str().to_owned());
        let reserved = top.is_none_or(|top| top == "store" || top == "index");
        if !inside || reserved {
            let path = path.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(RestoreFault::Outside { path });
        }
        Ok(self.dir.join(if path == CARD { CARD_BEFORE } else { path }))
    }

    fn folder(&self, dir: &Path) -> Result<(), RestoreFault> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|e| self.io(dir, e))
    }

    fn finish(mut self) -> Result<u64, RestoreFault> {
        self.close()?;
        let (Some(mut rebuild), Some(made)) = (self.rebuild.take(), self.made) else {
            return self.sync().map(|()| 0);
        };
        let waiting = Waiting {
            reason: Reason::Restored { made },
            agencies: rebuild.couriers().clone(),
            fresh: true,
        };
        let bytes = postcard::to_stdvec(&waiting).map_err(EntryFault::from)?;
        rebuild.meta(CATCH_UP, &bytes)?;
        let locked = rebuild.locked();
        rebuild.finish()?;
        let (from, to) = (self.dir.join(CARD_BEFORE), self.dir.join(CARD));
        fs::rename(&from, &to).map_err(|e| self.io(&from, e))?;
        self.sync()?;
        Ok(locked)
    }

    /// Puts the names of all files on the disk, too: whoever reads that it is restored may cut the
    /// power.
    fn sync(&self) -> Result<(), RestoreFault> {
        let fault = |source| self.io(&self.dir, source);
        let home = fs::File::open(&self.dir).map_err(fault)?;
        rustix::fs::syncfs(&home).map_err(|e| fault(e.into()))
    }

    fn io(&self, path: &Path, source: io::Error) -> RestoreFault {
        RestoreFault::Io {
            path: path.display().to_string(),
            dir: self.dir.display().to_string(),
            source,
        }
    }
}

/// What proves something, and what withdraws, holds whatever happened since.
fn is_locked(header: &Header) -> bool {
    !kind::of(header).is_some_and(|k| k.plane() == Plane::Control || k == Kind::Contact)
}
