//! The records that this agency holds, and what it knows about them: one folder, one
//! writer, durable when acknowledged.
//!
//! All changes go through [`Store::write`]: the operations of one write happen together or
//! not at all, and are on the disk when it returns. Reads go straight to the database, from
//! any thread; they see records only when these are durable, so that nothing is passed on
//! that a power cut could still take back.
//!
//! Records are numbered as they come ([`Arrival`]); the number never leaves the node. The
//! store trusts its caller: verification and admission are [`crate`]'s `ingest`. What it
//! decides itself are the things that two racing callers could get wrong: doubles,
//! tombstones, and retracts and amendments that come before their record.
//!
//! Deleted bytes stay in the database's file until it is compacted ([`compact`]): what must
//! be forgotten for certain is sealed, and its key is destroyed.

mod admit;
mod apply;
mod block;
mod called_back;
mod check;
mod compact;
mod cut;
mod engine;
mod error;
mod exchange;
mod header;
mod keys;
mod ledger;
mod names;
mod op;
mod owing;
mod quarantine;
mod read;
mod salvage;
mod stage;
#[cfg(test)]
mod tests;
mod value;
mod writer;

use std::future::Future;
use std::path::Path as FsPath;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};

use tokio::sync::{mpsc, oneshot, watch};

pub use self::called_back::CalledBack;
pub use self::compact::{Compaction, compact};
pub use self::cut::{Cut, Page, Rebuild};
pub use self::error::StoreError;
pub use self::header::{
    Arrival, ClassId, Flags, Header, Incarnation, NewRecord, Retraction, Tombstone,
};
pub use self::ledger::{Cursor, Direction, LedgerEntry, Path, RefusedEntry, RefusedRow};
pub use self::op::{CardRow, Counts, Op, OpOutcome};
pub use self::owing::{Owing, Told};
pub use self::quarantine::Quarantined;
pub use self::salvage::{Salvaged, salvage};

use self::engine::Engine;
use self::names::Names;
use self::writer::{Command, Writer};
use crate::limits;

/// The layout of keys and values that this version reads and writes.
const FORMAT: u32 = 4;

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of page cache.
    pub cache_bytes: u64,
    /// Bytes that must stay free on the disk; below, writes are refused.
    pub min_free_bytes: u64,
    /// The number of a store that is created now; none: a random one.
    pub incarnation: Option<Incarnation>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: limits::STORE_CACHE_BYTES,
            min_free_bytes: limits::STORE_MIN_FREE_BYTES,
            incarnation: None,
        }
    }
}

/// An open store. Clones share it; the last one closes it.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    names: Arc<Names>,
    committed: watch::Receiver<Arrival>,
    writer: Mutex<Option<(mpsc::Sender<Command>, JoinHandle<()>)>>,
}

impl Store {
    /// Opens the store in `dir`, or creates it. Blocks for as long as the database takes to
    /// read itself back.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Corrupt`] (also when records are missing that
    /// were acknowledged), [`StoreError::Format`], [`StoreError::Disk`].
    pub fn open(dir: impl AsRef<FsPath>, options: Options) -> Result<Self, StoreError> {
        let engine = Arc::new(Engine::open(dir.as_ref(), options.cache_bytes)?);
        init(&engine, options.incarnation)?;
        let names = Arc::new(Names::load(&engine)?);
        let state: apply::State = match engine.get(&[keys::STATE])? {
            Some(bytes) => value::decode(&engine, &bytes, || "the counters".into())?,
            None => return Err(engine.corrupt("the counters are missing")),
        };
        whole(&engine, &state)?;
        let (committed, seen) = watch::channel(state.last);
        let (commands, queue) = mpsc::channel(limits::STORE_COMMANDS);
        let writer = Writer {
            engine: engine.clone(),
            names: names.clone(),
            state,
            min_free: options.min_free_bytes,
            committed,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(queue))
            .map_err(|e| engine::disk(engine.dir(), &e))?;
        let writer = Mutex::new(Some((commands, thread)));
        Ok(Self(Arc::new(Shared {
            engine,
            names,
            committed: seen,
            writer,
        })))
    }

    /// Its folder.
    pub fn dir(&self) -> &FsPath {
        self.0.engine.dir()
    }

    /// Its random number.
    pub fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.state()?
            .incarnation
            .ok_or_else(|| self.engine().corrupt("it has no number of its own"))
    }

    /// Makes all changes, or none; one outcome for each. Durable when it returns. It is
    /// carried out even if the future is dropped after its first poll.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] and [`StoreError::Name`] for a faulty write,
    /// [`StoreError::Full`] when there is no room, [`StoreError::Disk`] and
    /// [`StoreError::Corrupt`] when the disk fails (then for every later write as well),
    /// [`StoreError::Closed`].
    pub async fn write(&self, ops: Vec<Op>) -> Result<Vec<OpOutcome>, StoreError> {
        let bytes = check::write(&ops)?;
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        let closed = || StoreError::Closed {
            dir: self.dir().to_path_buf(),
        };
        let commands = {
            let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer
                .as_ref()
                .map(|(commands, _)| commands.clone())
                .ok_or_else(closed)?
        };
        let (reply, answer) = oneshot::channel();
        commands
            .send(Command { ops, bytes, reply })
            .await
            .map_err(|_| closed())?;
        drop(commands);
        answer.await.map_err(|_| closed())?
    }

    /// [`Store::write`] for threads outside the runtime. Blocks.
    pub fn write_blocking(&self, ops: Vec<Op>) -> Result<Vec<OpOutcome>, StoreError> {
        block_on(self.write(ops))
    }

    /// The last durable arrival.
    pub fn last(&self) -> Arrival {
        *self.0.committed.borrow()
    }

    /// Writes that wait for the writer, of [`limits::STORE_COMMANDS`].
    pub fn waiting(&self) -> usize {
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_ref().map_or(0, |(commands, _)| {
            commands.max_capacity().saturating_sub(commands.capacity())
        })
    }

    /// Tells the last durable arrival as it moves; unmoved, that a record came back under its old
    /// number.
    pub fn watch(&self) -> watch::Receiver<Arrival> {
        self.0.committed.clone()
    }

    /// Carries out what waits, and ends the writer. Blocks for that long. Reads go on until
    /// the last clone is gone; then the folder is free for another process.
    pub fn close(&self) {
        self.0.close();
    }

    fn engine(&self) -> &Engine {
        &self.0.engine
    }

    fn names(&self) -> &Names {
        &self.0.names
    }
}

impl Shared {
    fn close(&self) {
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((commands, thread)) = writer {
            drop(commands);
            // A writer that panicked has answered nobody: its callers know.
            let _ = thread.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes format and counters into a new database, or checks the format of an old one.
fn init(engine: &Engine, incarnation: Option<Incarnation>) -> Result<(), StoreError> {
    match engine.get(&[keys::FORMAT])? {
        Some(bytes) => check_format(engine.dir(), &bytes),
        // The mark outlives a database that lost everything.
        None if engine.mark().is_some() || engine.last(&[])?.is_some() => {
            Err(engine.corrupt("it is empty, and was not"))
        }
        None => {
            let incarnation = incarnation.unwrap_or_else(|| Incarnation(rand::random()));
            let state = apply::State {
                incarnation: Some(incarnation),
                ..Default::default()
            };
            let state = value::encode(engine, &state)?;
            engine.apply([
                (vec![keys::FORMAT], Some(FORMAT.to_be_bytes().to_vec())),
                (vec![keys::STATE], Some(state)),
            ])?;
            engine.sync()?;
            engine.set_mark(incarnation, Arrival::ZERO)
        }
    }
}

/// Checks that a store, which may be damaged otherwise, is of this version's format if it says so.
fn of_this_format(engine: &Engine) -> Result<(), StoreError> {
    match engine.get(&[keys::FORMAT])? {
        Some(bytes) => check_format(engine.dir(), &bytes),
        None => Ok(()),
    }
}

fn check_format(dir: &FsPath, bytes: &[u8]) -> Result<(), StoreError> {
    let found = keys::part::<4>(bytes, 0).map_or(0, u32::from_be_bytes);
    if found == FORMAT {
        return Ok(());
    }
    Err(StoreError::Format {
        dir: dir.to_path_buf(),
        found,
        expected: FORMAT,
    })
}

/// Checks that nothing acknowledged is missing.
fn whole(engine: &Engine, state: &apply::State) -> Result<(), StoreError> {
    let last = engine
        .last(&[keys::HEADER])?
        .and_then(|(key, _)| keys::part::<8>(&key, 1))
        .map_or(Arrival::ZERO, |b| Arrival(u64::from_be_bytes(b)));
    if last != state.last {
        return Err(engine.corrupt(format!(
            "the counters say {} records, the last header is number {}",
            state.last.0, last.0
        )));
    }
    match engine.mark() {
        Some((incarnation, marked)) if Some(incarnation) == state.incarnation && marked > last => {
            Err(engine.corrupt(format!(
                "{} records were acknowledged, {} are there",
                marked.0, last.0
            )))
        }
        _ => Ok(()),
    }
}

/// Runs a future on this thread. Unlike the runtime's own it never panics, wherever it is
/// called.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
