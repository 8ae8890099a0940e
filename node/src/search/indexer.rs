//! Brings the index up to the store, in its own thread, in big steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tantivy::Searcher;

use super::document::Document;
use super::index::{Files, Writer};
use super::limits;
use super::tail::Tail;
use super::{RecordSource, SourceFault, Sourced};

/// What the indexer and the queries share.
pub(super) struct Shared {
    pub(super) files: Files,
    pub(super) source: Arc<dyn RecordSource>,
    state: Mutex<State>,
    /// Something for the indexer to do.
    work: Condvar,
    /// The indexer did something.
    done: Condvar,
}

/// Where the index stands, and what it does not have yet.
pub(super) struct State {
    /// The last commit.
    pub(super) searcher: Searcher,
    /// Arrival up to which that goes.
    pub(super) upto: u64,
    /// Arrival up to which records were read into the tail.
    pub(super) pulled: u64,
    /// The records between these two.
    pub(super) tail: Tail,
    /// Records that changed since the last commit, each with the number of its change.
    pub(super) changes: BTreeMap<u64, u64>,
    /// Whether the index is being compared with the store.
    pub(super) checking: bool,
    /// Highest arrival that was announced.
    pub(super) announced: u64,
    next_change: u64,
    /// Moves when the index is given up and starts anew.
    epoch: u64,
    poked: bool,
    /// Calls of `flush`, and how many of them are served.
    flush_asked: u64,
    flush_served: u64,
    fault: Option<String>,
    stop: Option<Stop>,
    ended: bool,
}

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Commit what is there.
    Clean,
    /// At once.
    AtOnce,
}

/// Why indexing stopped for now.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Index(#[from] tantivy::TantivyError),
    #[error("{0}")]
    Source(#[from] SourceFault),
}

impl Shared {
    pub(super) fn new(files: Files, source: Arc<dyn RecordSource>) -> Self {
        let state = State {
            searcher: files.reader.searcher(),
            upto: files.upto,
            pulled: files.upto,
            tail: Tail::default(),
            changes: BTreeMap::new(),
            checking: files.unclean,
            announced: files.upto,
            next_change: 0,
            epoch: 0,
            poked: true,
            flush_asked: 0,
            flush_served: 0,
            fault: None,
            stop: None,
            ended: false,
        };
        Self {
            files,
            source,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a new record.
    pub(super) fn added(&self, arrival: u64) {
        let mut state = self.state();
        state.announced = state.announced.max(arrival);
        state.poked = true;
        self.work.notify_one();
    }

    /// A record is not what it was.
    pub(super) fn changed(&self, arrival: u64) {
        let mut state = self.state();
        if state.changes.len() >= limits::CHANGES && !state.changes.contains_key(&arrival) {
            state.give_up();
        } else {
            state.next_change += 1;
            let change = state.next_change;
            state.changes.insert(arrival, change);
        }
        state.poked = true;
        self.work.notify_one();
    }

    /// The index cannot be read: forget it and make it anew.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        state.give_up();
        state.poked = true;
        self.work.notify_one();
    }

    /// Waits until all that is there now is committed.
    pub(super) fn flush(&self) -> Result<(), String> {
        let mut state = self.state();
        state.flush_asked += 1;
        state.fault = None;
        let asked = state.flush_asked;
        self.work.notify_one();
        loop {
            if state.flush_served >= asked {
                return Ok(());
            }
            if let Some(fault) = &state.fault {
                return Err(fault.clone());
            }
            if state.ended {
                return Err("the search is closed".to_owned());
            }
            state = wait(&self.done, state);
        }
    }

    pub(super) fn stop(&self, how: Stop) {
        let mut state = self.state();
        if state.stop != Some(Stop::AtOnce) {
            state.stop = Some(how);
        }
        self.work.notify_one();
    }

    /// The indexer's thread.
    pub(super) fn run(&self, first: Writer) {
        let _ended = Ended(self);
        let mut writer = Some(first);
        loop {
            let ended = match self.session(writer.take()) {
                Ok(()) => true,
                Err(fault) => {
                    tracing::warn!(%fault, "search: indexing stopped; it is tried again soon, queries read the store meanwhile");
                    self.pause(&fault)
                }
            };
            if ended {
                break;
            }
        }
    }

    /// Waits after a failure. Says whether to end.
    fn pause(&self, fault: &Fault) -> bool {
        let mut state = self.state();
        state.fault = Some(fault.to_string());
        self.done.notify_all();
        let until = Instant::now() + Duration::from_millis(limits::RETRY_MS);
        while state.stop.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // What was read and not committed is read again.
                state.tail.clear();
                state.pulled = state.upto;
                state.poked = true;
                return false;
            }
            state = wait_for(&self.work, state, left);
        }
        true
    }

    /// Indexes until told to stop, or until something fails.
    fn session(&self, writer: Option<Writer>) -> Result<(), Fault> {
        let writer = match writer {
            Some(writer) => writer,
            None => self.files.writer()?,
        };
        let mut session = {
            let state = self.state();
            Session {
                shared: self,
                writer,
                epoch: state.epoch,
                pulled: state.upto,
                rows: 0,
                touched: false,
                applied: BTreeMap::new(),
                committed: Instant::now(),
            }
        };
        session.run()?;
        session.writer.close()?;
        if self.state().stop == Some(Stop::Clean)
            && let Err(error) = self.files.closed()
        {
            tracing::warn!(%error, "search: the mark of an open index stays; it is checked at the next start");
        }
        Ok(())
    }
}

/// Says that the indexer's thread is over, even if it was by a panic.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                "search: the indexer ended by a panic; queries read the store until the node is started again"
            );
        }
        self.0.state().ended = true;
        self.0.done.notify_all();
    }
}

impl State {
    /// Queries read the store until the index is made anew.
    fn give_up(&mut self) {
        self.epoch += 1;
        self.upto = 0;
        self.pulled = 0;
        self.tail.clear();
        self.changes.clear();
    }
}

/// One writer's time.
struct Session<'a> {
    shared: &'a Shared,
    writer: Writer,
    epoch: u64,
    /// Arrival up to which records were given to the writer.
    pulled: u64,
    /// Rows given to the writer since the last commit.
    rows: usize,
    /// Whether anything else was done since then.
    touched: bool,
    /// Changes given to the writer since the last commit.
    applied: BTreeMap<u64, u64>,
    committed: Instant,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        if self.shared.state().checking {
            self.check()?;
        }
        loop {
            let asked = self.wait();
            self.renew()?;
            let stop = self.shared.state().stop;
            if stop == Some(Stop::AtOnce) {
                return Ok(());
            }
            self.pull()?;
            self.apply()?;
            let due = self.committed.elapsed() >= Duration::from_millis(limits::COMMIT_EVERY_MS);
            if self.waiting() && (due || asked.is_some() || stop.is_some()) {
                self.commit()?;
            }
            if let Some(asked) = asked {
                let mut state = self.shared.state();
                // Given up meanwhile: it is served after the start anew.
                if state.epoch == self.epoch {
                    state.flush_served = state.flush_served.max(asked);
                    self.shared.done.notify_all();
                }
            }
            if stop.is_some() {
                return Ok(());
            }
        }
    }

    fn waiting(&self) -> bool {
        self.rows > 0 || self.touched || !self.applied.is_empty()
    }

    /// Waits for work; gives the number of the last flush that was asked for, if any waits.
    fn wait(&self) -> Option<u64> {
        let mut state = self.shared.state();
        let every = Duration::from_millis(limits::COMMIT_EVERY_MS);
        loop {
            let asked = (state.flush_asked > state.flush_served).then_some(state.flush_asked);
            if state.poked || asked.is_some() || state.stop.is_some() {
                state.poked = false;
                return asked;
            }
            if self.waiting() {
                let left = every.saturating_sub(self.committed.elapsed());
                if left.is_zero() {
                    return None;
                }
                state = wait_for(&self.shared.work, state, left);
            } else {
                state = wait(&self.shared.work, state);
            }
        }
    }

    /// Starts anew if the index was given up.
    fn renew(&mut self) -> Result<(), Fault> {
        let epoch = self.shared.state().epoch;
        if epoch != self.epoch {
            self.writer.clear()?;
            self.epoch = epoch;
            self.pulled = 0;
            self.rows = 0;
            self.touched = true;
            self.applied.clear();
            self.commit()?;
        }
        Ok(())
    }

    /// Reads what is new in the store.
    fn pull(&mut self) -> Result<(), Fault> {
        loop {
            let page = next_page(&*self.shared.source, self.pulled)?;
            let Some(last) = page.last().map(|sourced| sourced.arrival) else {
                return Ok(());
            };
            let documents: Vec<_> = page.iter().map(|s| Arc::new(s.document())).collect();
            for document in &documents {
                self.writer.add(document)?;
                self.rows = self.rows.saturating_add(document.row_count());
            }
            self.pulled = last;
            {
                let mut state = self.shared.state();
                if state.epoch != self.epoch || state.stop == Some(Stop::AtOnce) {
                    state.poked = true;
                    return Ok(());
                }
                for document in documents {
                    state.tail.push(document);
                }
                state.pulled = last;
                state.announced = state.announced.max(last);
            }
            if self.rows >= limits::COMMIT_ROWS {
                self.apply()?;
                self.commit()?;
            }
        }
    }

    /// Writes anew what changed.
    fn apply(&mut self) -> Result<(), Fault> {
        let changes: Vec<(u64, u64)> = {
            let state = self.shared.state();
            state
                .changes
                .iter()
                .filter(|(arrival, change)| self.applied.get(*arrival) != Some(*change))
                .map(|(arrival, change)| (*arrival, *change))
                .collect()
        };
        for (arrival, change) in changes {
            // What was not read yet will be read as it is then.
            if arrival <= self.pulled {
                self.writer.remove(arrival);
                if let Some(sourced) = self.shared.source.record(arrival)? {
                    self.writer.add(&sourced.document())?;
                }
            }
            self.applied.insert(arrival, change);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.writer.commit(self.pulled)?;
        self.shared.files.reader.reload()?;
        self.rows = 0;
        self.touched = false;
        self.committed = Instant::now();
        let applied = std::mem::take(&mut self.applied);
        let mut state = self.shared.state();
        if state.epoch != self.epoch {
            return Ok(());
        }
        state.searcher = self.shared.files.reader.searcher();
        state.upto = self.pulled;
        state.tail.committed(self.pulled);
        for (arrival, change) in applied {
            if state.changes.get(&arrival) == Some(&change) {
                state.changes.remove(&arrival);
            }
        }
        Ok(())
    }

    /// After an unclean stop: compares the index with the store, as changes that were not
    /// committed are known to nobody.
    fn check(&mut self) -> Result<(), Fault> {
        let (searcher, upto) = {
            let state = self.shared.state();
            (state.searcher.clone(), state.upto)
        };
        let mut indexed = BTreeMap::new();
        for segment in searcher.segment_readers() {
            let columns = segment.fast_fields();
            let arrivals = columns.u64(super::schema::ARRIVAL)?;
            let hidden = columns.u64(super::schema::HIDDEN)?;
            for row in segment.doc_ids_alive() {
                if let Some(arrival) = arrivals.first(row) {
                    indexed.insert(arrival, hidden.first(row) == Some(1));
                }
            }
        }
        let mut differing = BTreeSet::new();
        let mut from = 0;
        while from < upto {
            if self.shared.state().stop == Some(Stop::AtOnce) {
                return Ok(());
            }
            let page = next_page(&*self.shared.source, from)?;
            let Some(last) = page.last() else { break };
            from = last.arrival;
            for sourced in page.iter().filter(|s| s.arrival <= upto) {
                if indexed.remove(&sourced.arrival) != Some(sourced.hidden) {
                    differing.insert(sourced.arrival);
                }
            }
        }
        // What the store no longer has.
        differing.extend(indexed.into_keys());
        for arrival in differing {
            self.shared.changed(arrival);
        }
        self.apply()?;
        self.touched = true;
        self.commit()?;
        self.shared.state().checking = false;
        Ok(())
    }
}

/// The next records of the store, in order and after `from`.
pub(super) fn next_page(source: &dyn RecordSource, from: u64) -> Result<Vec<Sourced>, SourceFault> {
    let page = source.records(from, limits::PAGE_RECORDS)?;
    let mut last = from;
    for sourced in &page {
        if sourced.arrival <= last {
            return Err(SourceFault(format!(
                "the store gave record {} after {last}, out of order",
                sourced.arrival
            )));
        }
        last = sourced.arrival;
    }
    Ok(page)
}

impl Sourced {
    pub(super) fn document(&self) -> Document {
        Document::new(
            self.arrival,
            &self.id,
            &self.record,
            self.received,
            self.hidden,
        )
    }
}

fn wait<'a>(on: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    on.wait(state).unwrap_or_else(PoisonError::into_inner)
}

fn wait_for<'a>(
    on: &Condvar,
    state: MutexGuard<'a, State>,
    time: Duration,
) -> MutexGuard<'a, State> {
    on.wait_timeout(state, time)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}
