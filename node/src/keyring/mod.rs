//! The keyring: what makes sealed records readable, in a folder of its own outside the store.
//!
//! Erasing a sealed record is destroying its key, and a database can't promise that: its file
//! keeps deleted bytes, and every backup copies them. So each secret is a small file here,
//! encrypted under a master key that no backup of the store holds, written and synced *before*
//! the record is committed, and overwritten and unlinked when the record is erased.
//!
//! ```text
//! keyring/master          the data key, encrypted under the master key
//! keyring/master.next     the same, while both keys are being changed
//! keyring/lock            held by whoever has it open
//! keyring/entries/ID      the secret of one sealed record
//! keyring/sealing/KEYID   the private half of one of our sealing keys
//! keyring/files/NAME      what this node keeps of one referral
//! keyring/drafts/NAME     what is not sent yet
//! keyring/access/THREAD   who works on it
//! keyring/quarantine/     what did not open; a person decides
//! ```
//!
//! Every file is XChaCha20-Poly1305 under the data key with a random nonce, bound to its
//! folder and name, so that one can't be put in another's place. Overwriting is best effort: a
//! file system that copies on write, or a flash disk, may keep old blocks. Encrypt the disk.

mod change;
mod entry;
mod error;
mod files;
mod locker;
mod master;
mod sealing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::id::RecordId;

pub use self::change::change_master;
pub use self::entry::Entry;
pub use self::error::KeyringError;
pub use self::files::Shelf;
use self::locker::Locker;
pub use self::locker::{is_free, replace_file, shred_file};
pub use self::master::{MasterKey, MasterKind, kind_of};
use self::sealing::Held;
pub use self::sealing::{Rotation, SealingStatus};
use crate::limits;

/// Folder of the secrets of sealed records.
const ENTRIES: &str = "entries";
/// Folder of the private halves of our sealing keys.
const SEALING: &str = "sealing";
/// Folder of what did not open.
const QUARANTINE: &str = "quarantine";

/// The keyring of a node. Clones share it. Its calls block for as long as the disk takes.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    locker: Locker,
    /// One writer at a time.
    writing: Mutex<()>,
    /// Secrets that are here, and how many there may be.
    held: AtomicUsize,
    most: usize,
    sealing: Mutex<Vec<Held>>,
    damaged: Mutex<Vec<Damaged>>,
    /// Whoever else opens it is told that it is in use.
    lock: Mutex<Option<std::fs::File>>,
}

/// A file that did not open and was moved to `keyring/quarantine/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its folder and name.
    pub file: String,
    /// What is the matter with it, as a sentence.
    pub says: String,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    /// Opens the keyring in this folder, and makes it where there is none. Sealing keys that do
    /// not open are quarantined; entries are looked at when they are read ([`Self::entries`]).
    ///
    /// # Errors
    /// [`KeyringError`]: the master key is another one, the folder can't be used.
    pub fn open(dir: &Path, master: &MasterKey) -> Result<Self, KeyringError> {
        Self::open_for(dir, master, limits::KEYRING_ENTRIES)
    }

    /// The same, for at most so many secrets.
    fn open_for(dir: &Path, master: &MasterKey, most: usize) -> Result<Self, KeyringError> {
        for folder in [ENTRIES, SEALING, QUARANTINE]
            .into_iter()
            .chain(Shelf::ALL.iter().map(|shelf| shelf.folder()))
        {
            locker::folder(&dir.join(folder))?;
        }
        let held = locker::hold(dir)?;
        change::is_whole(dir)?;
        let locker = master::unlock(dir, master)?;
        let keyring = Self(Arc::new(Inner {
            dir: dir.to_path_buf(),
            locker,
            writing: Mutex::default(),
            held: AtomicUsize::new(0),
            most,
            sealing: Mutex::default(),
            damaged: Mutex::default(),
            lock: Mutex::new(Some(held)),
        }));
        keyring.drop_unfinished()?;
        let held = locker::names(&dir.join(ENTRIES))?.len();
        keyring.0.held.store(held, Ordering::Relaxed);
        keyring.load_sealing()?;
        Ok(keyring)
    }

    /// Puts a secret in: when this returns, it is on the disk. One of the same id is replaced.
    ///
    /// # Errors
    /// [`KeyringError`]; the record must not be committed then.
    pub fn put(&self, entry: &Entry) -> Result<(), KeyringError> {
        self.put_all(std::slice::from_ref(entry))
    }

    /// Puts several in with one sync of the folder.
    ///
    /// # Errors
    /// [`KeyringError`]; some may be in then. [`KeyringError::Full`]: none is; with one more
    /// file than [`limits::KEYRING_ENTRIES`] the next start would fail.
    pub fn put_all(&self, entries: &[Entry]) -> Result<(), KeyringError> {
        if entries.is_empty() {
            return Ok(());
        }
        let _one = self.write();
        let new = entries
            .iter()
            .filter(|entry| !self.holds(&entry.id))
            .count();
        let held = self.0.held.load(Ordering::Relaxed);
        if held.saturating_add(new) > self.0.most {
            return Err(KeyringError::Full { most: self.0.most });
        }
        for entry in entries {
            let name = entry.id.full();
            let is_new = !self.holds(&entry.id);
            self.seal_file(ENTRIES, &name, &entry.encode()?)?;
            if is_new {
                self.0.held.fetch_add(1, Ordering::Relaxed);
            }
        }
        locker::sync(&self.0.dir.join(ENTRIES))
    }

    /// The secret of a record; `None`: there is none, so nobody here can read it.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] where it does not open: it is in quarantine then.
    pub fn get(&self, id: &RecordId) -> Result<Option<Entry>, KeyringError> {
        self.read_file(ENTRIES, &id.full(), |bytes| {
            Entry::decode(bytes).filter(|entry| entry.id == *id)
        })
    }

    /// Whether there is a secret for a record, readable or not.
    pub fn holds(&self, id: &RecordId) -> bool {
        self.path(ENTRIES, &id.full()).exists()
    }

    /// What an administrator is told while there is time: that few secrets more have room.
    pub fn is_nearly_full(&self) -> Option<String> {
        let (held, most) = (self.0.held.load(Ordering::Relaxed), self.0.most);
        let warn = most / 10 * limits::KEYRING_WARN_TENTHS;
        (held >= warn).then(|| {
            format!(
                "the keyring holds {held} secrets of sealed records, and {most} are the most: beyond it no sealed record is taken in or made. Erase what is no longer needed: 'liaison expiry' shows what ends when"
            )
        })
    }

    /// Destroys the secret of a record: overwritten, unlinked, synced. Gives whether there was
    /// one. What lies in quarantine under its name goes with it.
    ///
    /// # Errors
    /// [`KeyringError::Io`]; it may still be there then.
    pub fn destroy(&self, id: &RecordId) -> Result<bool, KeyringError> {
        self.destroy_file(ENTRIES, &id.full())
    }

    /// The records that it has secrets for, in no order. What is no entry is quarantined.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read, or has more than
    /// [`crate::limits::KEYRING_ENTRIES`].
    pub fn ids(&self) -> Result<Vec<RecordId>, KeyringError> {
        let mut ids = Vec::new();
        for name in locker::names(&self.0.dir.join(ENTRIES))? {
            match name.parse::<RecordId>() {
                Ok(id) if id.full() == name => ids.push(id),
                // Somebody is writing it.
                _ if name.ends_with(locker::UNFINISHED) => {}
                _ => {
                    self.quarantine(&self.write(), ENTRIES, &name, FOREIGN);
                }
            }
        }
        Ok(ids)
    }

    /// Every secret; those that do not open are quarantined, and [`Self::damaged`] tells them.
    ///
    /// # Errors
    /// As [`Self::ids`].
    pub fn entries(&self) -> Result<Vec<Entry>, KeyringError> {
        let mut entries = Vec::new();
        for id in self.ids()? {
            match self.get(&id) {
                Ok(entry) => entries.extend(entry),
                Err(KeyringError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// What did not open since the start, at most [`crate::limits::KEYRING_DAMAGED`].
    pub fn damaged(&self) -> Vec<Damaged> {
        lock(&self.0.damaged).clone()
    }

    /// Lets another open it. What is still under way here is carried to its end.
    pub fn close(&self) {
        drop(lock(&self.0.lock).take());
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    fn path(&self, folder: &str, name: &str) -> PathBuf {
        self.0.dir.join(folder).join(name)
    }

    fn write(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.writing)
    }

    /// Encrypts and writes a file; its folder is not synced yet.
    fn seal_file(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), KeyringError> {
        let sealed = self.0.locker.seal(&place(folder, name), bytes)?;
        locker::replace(&self.path(folder, name), &sealed)
    }

    /// What `understand` makes of a file; `None`: there is none. What it makes nothing of is
    /// moved to quarantine.
    ///
    /// Whoever reads beside a writer may have the bytes open that are being overwritten, with the
    /// next ones in their place already. So what does not open is read once more while nobody
    /// writes, before it is taken for damaged.
    fn read_file<T>(
        &self,
        folder: &str,
        name: &str,
        understand: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, KeyringError> {
        if let Ok(value) = self.look(folder, name, &understand)? {
            return Ok(value);
        }
        let one = self.write();
        match self.look(folder, name, &understand)? {
            Ok(value) => Ok(value),
            Err(says) => Err(self.quarantine(&one, folder, name, says)),
        }
    }

    /// The same for one look; the inner error is what is the matter with the file.
    fn look<T>(
        &self,
        folder: &str,
        name: &str,
        understand: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Result<Option<T>, &'static str>, KeyringError> {
        let Some(sealed) = locker::read(&self.path(folder, name))? else {
            return Ok(Ok(None));
        };
        let Some(bytes) = self.0.locker.open(&place(folder, name), &sealed) else {
            return Ok(Err(CLOSED));
        };
        Ok(understand(&bytes).map(Some).ok_or(NOT_UNDERSTOOD))
    }

    fn destroy_file(&self, folder: &str, name: &str) -> Result<bool, KeyringError> {
        let _one = self.write();
        let aside = self.path(QUARANTINE, &format!("{folder}-{name}"));
        let aside = locker::shred(&aside)?;
        // What a full disk left of a write that failed.
        locker::shred(&self.path(folder, &format!("{name}{}", locker::UNFINISHED)))?;
        let there = locker::shred(&self.path(folder, name))?;
        // Two may destroy the same: it is counted by whoever found it there.
        if there {
            self.one_less(folder);
        }
        Ok(there || aside)
    }

    /// A file left a folder. The caller holds the lock.
    fn one_less(&self, folder: &str) {
        if folder == ENTRIES {
            let held = self.0.held.load(Ordering::Relaxed);
            self.0.held.store(held.saturating_sub(1), Ordering::Relaxed);
        }
    }

    /// Moves a file aside and notes it. Nobody writes meanwhile.
    fn quarantine(
        &self,
        _one: &MutexGuard<'_, ()>,
        folder: &str,
        name: &str,
        says: &str,
    ) -> KeyringError {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let file = format!("{folder}/{shown}");
        let aside = self.path(QUARANTINE, &format!("{folder}-{name}"));
        let moved = std::fs::rename(self.path(folder, name), &aside).and_then(|()| {
            self.one_less(folder);
            std::fs::File::open(self.0.dir.join(folder)).and_then(|d| d.sync_all())
        });
        let says = match moved {
            Ok(()) => format!("{says}. It is in keyring/{QUARANTINE} now"),
            Err(e) => format!("{says}. It could not be moved to keyring/{QUARANTINE}: {e}"),
        };
        tracing::error!(file, "in the keyring: {says}");
        let mut damaged = lock(&self.0.damaged);
        let damage = Damaged {
            file: file.clone(),
            says: says.clone(),
        };
        if damaged.len() < crate::limits::KEYRING_DAMAGED && !damaged.contains(&damage) {
            damaged.push(damage);
        }
        KeyringError::Damaged { file, says }
    }

    /// What a stop in the middle of a write left behind.
    fn drop_unfinished(&self) -> Result<(), KeyringError> {
        let folders = [ENTRIES, SEALING].into_iter();
        for folder in folders.chain(Shelf::ALL.iter().map(|shelf| shelf.folder())) {
            for name in locker::names(&self.0.dir.join(folder))? {
                if name.ends_with(locker::UNFINISHED) {
                    locker::shred(&self.path(folder, &name))?;
                }
            }
        }
        Ok(())
    }
}

/// The records that a keyring has secrets for, without opening it.
///
/// # Errors
/// [`KeyringError`]: the folder can't be read.
pub fn ids_in(dir: &Path) -> Result<Vec<RecordId>, KeyringError> {
    let names = locker::names(&dir.join(ENTRIES))?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Destroys a secret in a keyring that nobody has open.
///
/// # Errors
/// [`KeyringError`]; [`KeyringError::InUse`] while the node runs.
pub fn destroy_in(dir: &Path, id: &RecordId) -> Result<bool, KeyringError> {
    let _nobody_else = locker::hold(dir)?;
    locker::shred(&dir.join(ENTRIES).join(id.full()))
}

const CLOSED: &str = "it does not open with this keyring's key: it was changed, or is another's";
const NOT_UNDERSTOOD: &str = "it opens, and is not understood: another version of liaison wrote it";
const FOREIGN: &str = "its name is none that liaison gives";

fn place(folder: &str, name: &str) -> String {
    format!("{folder}/{name}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
