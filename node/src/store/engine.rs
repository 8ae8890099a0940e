//! sled 0.34.7, by the rules that its faults ask for. Nothing outside this file knows it.
//!
//! - `flush()` on Linux starts the writing but is no fsync: [`Engine::sync`] also syncs the
//!   file, through a handle of its own.
//! - Pages above 128 KiB go to files that are never synced: values stay small (chunks).
//! - Recovery cuts the log at the first damaged message without a word: the `mark` file
//!   holds the last acknowledged arrival, so that a loss is noticed.
//! - Opening a damaged file may panic: it is opened on a thread of its own.
//! - A disk that fills up half way poisons it: room is checked before each write.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::StoreError;
use super::cut::CutState;
use super::header::{Arrival, Incarnation};

/// Bytes of sled's segments, the unit of its log. Smaller ones cost more headers, larger
/// ones more memory.
const SEGMENT_BYTES: usize = 512 * 1024;

/// How often our own lock is tried: a process that is just being started from this one
/// holds what we have closed until it runs.
const OWN_LOCK_TRIES: u32 = 6;

/// How often an earlier handle of this same process is waited for: sled gives its file free
/// a moment after it is dropped.
const LOCK_TRIES: u32 = 40;

/// The wait between two tries.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// Bytes as sled hands them out.
pub type Value = sled::IVec;

/// An open database.
#[derive(Debug)]
pub struct Engine {
    dir: PathBuf,
    db: sled::Db,
    file: File,
    mark: File,
    /// Held by whoever reads a value in several parts, against a batch in between.
    batches: RwLock<()>,
    /// What a backup under way has not read yet, as it was when it began.
    cut: Mutex<Option<CutState>>,
    // Held as long as the database is open: declared last, so released last.
    _lock: File,
}

impl Engine {
    /// Opens or creates the database in `dir`.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let disk = |e: io::Error| disk(dir, &e);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(disk)?;
        let lock = lock(dir)?;
        let db = open_sled(dir, cache_bytes)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(dir.join("db"))
            .map_err(disk)?;
        let mark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("mark"))
            .map_err(disk)?;
        let engine = Self {
            dir: dir.to_path_buf(),
            db,
            file,
            mark,
            batches: RwLock::new(()),
            cut: Mutex::new(None),
            _lock: lock,
        };
        engine.sync()?;
        // The names of new files are durable only when their folders are.
        sync_dir(dir)?;
        if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
        Ok(engine)
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.db.get(key).map_err(|e| self.fault(e))
    }

    /// Keeps batches out while it lives: for a value that is read in several parts.
    pub fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.batches.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys from `from` on that begin with `prefix`, in order.
    pub fn scan(
        &self,
        prefix: &[u8],
        from: Vec<u8>,
    ) -> impl Iterator<Item = Result<(Value, Value), StoreError>> + '_ {
        let prefix = prefix.to_vec();
        self.db
            .range(from..)
            .take_while(move |row| {
                row.as_ref()
                    .map_or(true, |(key, _)| key.starts_with(&prefix))
            })
            .map(|row| row.map_err(|e| self.fault(e)))
    }

    /// The last key that begins with `prefix`.
    pub fn last(&self, prefix: &[u8]) -> Result<Option<(Value, Value)>, StoreError> {
        let last = match super::keys::after(prefix) {
            Some(end) => self.db.range(..end).next_back(),
            None => self.db.iter().next_back(),
        };
        let last = last.transpose().map_err(|e| self.fault(e))?;
        Ok(last.filter(|(key, _)| key.starts_with(prefix)))
    }

    /// Makes all changes at once; none: removed. They are durable after [`Engine::sync`].
    pub fn apply(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let _alone = self.batches.write().unwrap_or_else(PoisonError::into_inner);
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            if let Some(cut) = cut.as_mut().filter(|cut| cut.needs(&key)) {
                cut.keep(key.clone(), self.get(&key)?);
            }
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch).map_err(|e| self.fault(e))
    }

    /// What a backup under way has not read yet.
    pub fn cut(&self) -> MutexGuard<'_, Option<CutState>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes durable what was applied.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|e| self.fault(e))?;
        self.file.sync_data().map_err(|e| disk(&self.dir, &e))
    }

    /// Notes what was acknowledged. Not synced: the note is never ahead of the database.
    pub fn set_mark(&self, incarnation: Incarnation, last: Arrival) -> Result<(), StoreError> {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&incarnation.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&last.0.to_be_bytes());
        bytes[16..].copy_from_slice(&check(incarnation.0, last.0).to_be_bytes());
        self.mark
            .write_all_at(&bytes, 0)
            .map_err(|e| disk(&self.dir, &e))
    }

    /// What was noted as acknowledged; none if there is no whole note.
    pub fn mark(&self) -> Option<(Incarnation, Arrival)> {
        let mut bytes = [0; 24];
        self.mark.read_exact_at(&mut bytes, 0).ok()?;
        let number = |at| super::keys::part::<8>(&bytes, at).map(u64::from_be_bytes);
        let (incarnation, last) = (number(0)?, number(8)?);
        (number(16)? == check(incarnation, last))
            .then_some((Incarnation(incarnation), Arrival(last)))
    }

    /// Bytes that are free on its disk.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let stat = rustix::fs::statvfs(&self.dir).map_err(|e| disk(&self.dir, &e.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Bytes of its file.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|e| self.fault(e))
    }

    /// A value that does not decode.
    pub fn corrupt(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Corrupt {
            dir: self.dir.clone(),
            detail: detail.into(),
        }
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        fault(&self.dir, error)
    }
}

/// Syncs a folder, so that names made in it are durable.
pub fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| disk(dir, &e))
}

/// An error of the operating system.
pub fn disk(dir: &Path, error: &io::Error) -> StoreError {
    StoreError::Disk {
        dir: dir.to_path_buf(),
        detail: error.to_string(),
    }
}

fn check(a: u64, b: u64) -> u64 {
    a.rotate_left(17) ^ b.rotate_left(31) ^ 0x6c69_6169_736f_6e31
}

/// Keeps other processes out of a folder for as long as the handle lives.
pub fn lock(dir: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join("lock"))
        .map_err(|e| disk(dir, &e))?;
    for _ in 0..OWN_LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            Err(TryLockError::Error(e)) => return Err(disk(dir, &e)),
        }
    }
    Err(StoreError::InUse {
        dir: dir.to_path_buf(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that opens the store"
)]
fn open_sled(dir: &Path, cache_bytes: u64) -> Result<sled::Db, StoreError> {
    for _ in 0..LOCK_TRIES {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(None);
        let opened = std::thread::Builder::new()
            .name("store-open".into())
            .spawn(move || config.open())
            .map_err(|e| disk(dir, &e))?
            .join()
            .map_err(|_| StoreError::Corrupt {
                dir: dir.to_path_buf(),
                detail: "its file could not be read back".into(),
            })?;
        match opened {
            Ok(db) => return Ok(db),
            // Our own lock is ours, so this is a handle that we have just dropped.
            Err(sled::Error::Io(e)) if e.to_string().contains("could not acquire lock") => {
                std::thread::sleep(LOCK_WAIT);
            }
            Err(e) => return Err(fault(dir, e)),
        }
    }
    Err(StoreError::InUse {
        dir: dir.to_path_buf(),
    })
}

fn fault(dir: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(e) => disk(dir, &e),
        other => StoreError::Corrupt {
            dir: dir.to_path_buf(),
            detail: other.to_string(),
        },
    }
}
