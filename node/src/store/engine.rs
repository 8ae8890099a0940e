//! sled 0.34.7, by the rules that its faults ask for. Nothing outside this file knows it.
//!
//! - `flush()` on Linux starts the writing but is no fsync: [`Engine::sync`] also syncs the
//!   file, through a handle of its own.
//! - Pages above 128 KiB go to files that are never synced: values stay small (chunks).
//! - Recovery cuts the log at the first damaged message without a word: the `mark` file
//!   holds the last acknowledged arrival, so that a loss is noticed.
//! - Opening a damaged file may panic: it is opened on a thread of its own.
//! - A page has 16 entries at most, and takes memory for good: small entries share a value
//!   ([`block`]).
//! - What it caches it counts at every 64th access to one of 256 lists: read once each, 16,000
//!   pages stay in memory beside the cache. Whoever reads a block touches it ([`TOUCHES`]).
//! - A disk that fills up half way poisons it: room is checked before each write.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::block::{self, Packing};
use super::cut::CutState;
use super::header::{Arrival, Incarnation};
use super::{StoreError, keys};

/// Bytes of sled's segments, the unit of its log. Smaller ones cost more headers, larger
/// ones more memory.
const SEGMENT_BYTES: usize = 512 * 1024;

/// How often a page is touched when it is read by key: 64 would count it at once. With 300,000
/// records of 800 bytes, all of them read, 370 MB of pages without, 135 MB with 4, 110 MB with 8
/// at half the speed.
const TOUCHES: usize = 4;

/// How often a page is touched for each of its blocks when it is read in order.
const SCAN_TOUCHES: usize = 2;

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

/// New values of keys; none: removed.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

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
        let Some(packing) = block::packing(key) else {
            return self.db.get(key).map_err(|e| self.fault(e));
        };
        let Some((at, block)) = self.block_of(key, packing)? else {
            return Ok(None);
        };
        self.touch(&at, TOUCHES)?;
        let place = block::find(&block, key).map_err(|_| self.short())?;
        Ok(place.map(|place| block.subslice(place.value.start, place.value.len())))
    }

    /// Keeps batches out while it lives: for a value that is read in several parts.
    pub fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.batches.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys from `from` on that begin with `prefix`, in order.
    pub fn scan(&self, prefix: &[u8], from: Vec<u8>) -> Scan<'_> {
        let below = match block::packing(&from) {
            Some(packing) => self.block_of(&from, packing),
            None => Ok(None),
        };
        let (start, failed) = match below {
            Ok(Some((at, _))) => (at.to_vec(), None),
            Ok(None) => (from.clone(), None),
            Err(error) => (from.clone(), Some(error)),
        };
        Scan {
            engine: self,
            rows: Some(self.db.range(start..)),
            prefix: prefix.to_vec(),
            from: Bound::Included(from),
            block: None,
            failed,
        }
    }

    /// The last key that begins with `prefix`.
    pub fn last(&self, prefix: &[u8]) -> Result<Option<(Value, Value)>, StoreError> {
        let end = keys::after(prefix);
        let rows = match &end {
            Some(end) => self.db.range(..end.as_slice()),
            None => self.db.iter(),
        };
        for row in rows.rev() {
            let (key, value) = row.map_err(|e| self.fault(e))?;
            let last = if block::packing(&key).is_some() {
                let place = match &end {
                    Some(end) => block::last_below(&value, end),
                    None => block::last_below(&value, &[u8::MAX; 64]),
                };
                // What it had below the end may have gone.
                let Some(place) = place.map_err(|_| self.short())? else {
                    continue;
                };
                parts(&value, &place)
            } else {
                (key, value)
            };
            return Ok(Some(last).filter(|(key, _)| key.starts_with(prefix)));
        }
        Ok(None)
    }

    /// Makes all changes at once; none: removed. They are durable after [`Engine::sync`].
    pub fn apply(
        &self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut packed = Changes::new();
        let _alone = self.batches.write().unwrap_or_else(PoisonError::into_inner);
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            if let Some(cut) = cut.as_mut().filter(|cut| cut.needs(&key)) {
                cut.keep(key.clone(), self.get(&key)?);
            }
            match (block::packing(&key), value) {
                (Some(_), value) => drop(packed.insert(key, value)),
                (None, Some(value)) => batch.insert(key, value),
                (None, None) => batch.remove(key),
            }
        }
        self.pack(packed, &mut batch)?;
        self.db.apply_batch(batch).map_err(|e| self.fault(e))
    }

    /// Writes the blocks anew that the changes are in.
    fn pack(&self, changes: Changes, batch: &mut sled::Batch) -> Result<(), StoreError> {
        let mut changes = changes.into_iter().peekable();
        while let Some((key, packing)) = changes
            .peek()
            .and_then(|(key, _)| Some((key, block::packing(key)?)))
        {
            let group = key.get(..packing.group).unwrap_or_default().to_vec();
            let (at, old) = match self.block_of(key, packing)? {
                Some((at, block)) => (at.to_vec(), Some(block)),
                None => (group.clone(), None),
            };
            let after = (Bound::Excluded(at.as_slice()), Bound::Unbounded);
            let next = self.db.range::<&[u8], _>(after).next();
            let next = next.transpose().map_err(|e| self.fault(e))?;
            let in_it = |key: &[u8]| {
                let below = next.as_ref().is_none_or(|(next, _)| key < next.as_ref());
                below && key.starts_with(&group)
            };
            let here = std::iter::from_fn(|| changes.next_if(|(key, _)| in_it(key)));
            let was = old.as_deref().unwrap_or_default();
            let blocks = block::change(was, here.collect(), packing.bytes);
            let blocks = blocks.map_err(|_| self.short())?;
            if blocks.is_empty() && old.is_some() {
                batch.remove(at.as_slice());
            }
            for (n, (first, block)) in blocks.into_iter().enumerate() {
                match n {
                    0 if block == was => {}
                    0 => batch.insert(at.as_slice(), block),
                    _ => batch.insert(first, block),
                }
            }
        }
        Ok(())
    }

    /// The block that a key is in, if it is there.
    fn block_of(&self, key: &[u8], packing: Packing) -> Result<Option<(Value, Value)>, StoreError> {
        let group = key.get(..packing.group).unwrap_or(key);
        let block = self.db.range(group..=key).next_back();
        block.transpose().map_err(|e| self.fault(e))
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

    /// Has the page of a key counted among what is cached.
    fn touch(&self, key: &[u8], times: usize) -> Result<(), StoreError> {
        for _ in 0..times {
            self.db.get(key).map_err(|e| self.fault(e))?;
        }
        Ok(())
    }

    fn short(&self) -> StoreError {
        self.corrupt("a block is cut short")
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        fault(&self.dir, error)
    }
}

/// Keys in order, with their values. Ends after an error.
pub struct Scan<'a> {
    engine: &'a Engine,
    /// None at the end.
    rows: Option<sled::Iter>,
    prefix: Vec<u8>,
    /// From where on: the last key that was given is left out. A block that was split since it
    /// was read is met again in part.
    from: Bound<Vec<u8>>,
    /// The block under way, and where its next entry begins.
    block: Option<(Value, usize)>,
    failed: Option<StoreError>,
}

impl Scan<'_> {
    fn row(&mut self) -> Result<Option<(Value, Value)>, StoreError> {
        loop {
            let row = match self.block.take() {
                Some((block, at)) => {
                    let entry = block::entry(&block, at).map_err(|_| self.engine.short())?;
                    let Some(place) = entry else { continue };
                    let row = parts(&block, &place);
                    self.block = Some((block, place.value.end));
                    row
                }
                None => match self.rows.as_mut().and_then(Iterator::next).transpose() {
                    Err(e) => return Err(self.engine.fault(e)),
                    Ok(None) => return Ok(None),
                    Ok(Some((key, value))) if block::packing(&key).is_some() => {
                        self.engine.touch(&key, SCAN_TOUCHES)?;
                        self.block = Some((value, 0));
                        continue;
                    }
                    Ok(Some(row)) => row,
                },
            };
            let key = row.0.as_ref();
            let behind = match &self.from {
                Bound::Included(from) => key < from.as_slice(),
                Bound::Excluded(last) => key <= last.as_slice(),
                Bound::Unbounded => false,
            };
            if behind {
                continue;
            }
            if !key.starts_with(&self.prefix) {
                return Ok(None);
            }
            self.from = Bound::Excluded(key.to_vec());
            return Ok(Some(row));
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Value, Value), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.failed.take() {
            Some(error) => Some(Err(error)),
            None => self.row().transpose(),
        };
        if matches!(row, None | Some(Err(_))) {
            (self.block, self.rows) = (None, None);
        }
        row
    }
}

/// Key and value of an entry.
fn parts(block: &Value, place: &block::Place) -> (Value, Value) {
    (
        block.subslice(place.key.start, place.key.len()),
        block.subslice(place.value.start, place.value.len()),
    )
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
