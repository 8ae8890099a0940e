//! The whole store as it was at one moment, read while it is written to; and a store made of
//! such rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use liaison_protocol::id::AgencyId;

use super::engine::{Engine, Value};
use super::header::{Arrival, Flags, Header, Incarnation};
use super::{Shared, Store, StoreError, apply, keys, value};
use crate::limits;

/// Rows of the store: key and value.
pub type Page = Vec<(Vec<u8>, Vec<u8>)>;

/// A look at the whole store as it was when the look began. One at a time.
#[derive(Debug)]
pub struct Cut(Arc<Shared>);

/// What a cut under way still has to read, where it was changed meanwhile.
#[derive(Debug, Default)]
pub struct CutState {
    /// Everything before this was read.
    next: Vec<u8>,
    /// Values as they were.
    before: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    /// More changed than is held in memory.
    torn: bool,
}

impl CutState {
    /// Whether the value of a key has to be kept before it changes.
    pub fn needs(&self, key: &[u8]) -> bool {
        !self.torn && key >= self.next.as_slice() && !self.before.contains_key(key)
    }

    /// Keeps the value that a key had.
    pub fn keep(&mut self, key: Vec<u8>, value: Option<Value>) {
        self.bytes += key.len() + value.as_ref().map_or(0, |v| v.len()) + 64;
        self.before.insert(key, value.map(|v| v.to_vec()));
        if self.bytes > limits::CUT_CHANGES_BYTES {
            self.torn = true;
            self.before = BTreeMap::new();
        }
    }
}

impl Store {
    /// Begins a look at the whole store as it is now.
    ///
    /// # Errors
    /// [`StoreError::Cut`] while another one is under way.
    pub fn cut(&self) -> Result<Cut, StoreError> {
        let _still = self.engine().still();
        let mut cut = self.engine().cut();
        if cut.is_some() {
            return Err(StoreError::Cut {
                says: "another backup is under way",
            });
        }
        *cut = Some(CutState::default());
        drop(cut);
        Ok(Cut(self.0.clone()))
    }
}

impl Cut {
    /// The next rows in order of their keys; none at the end.
    ///
    /// # Errors
    /// [`StoreError::Cut`] when too much changed meanwhile; the store can't be read.
    pub fn page(&self) -> Result<Option<Page>, StoreError> {
        let engine = &self.0.engine;
        let _still = engine.still();
        let mut cut = engine.cut();
        let torn = StoreError::Cut {
            says: "too much was written meanwhile",
        };
        let Some(state) = cut.as_mut().filter(|state| !state.torn) else {
            return Err(torn);
        };
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let (mut whole, mut last) = (true, None);
        let mut live = engine.scan(&[], state.next.clone());
        let mut kept = state.before.iter().peekable();
        let mut now = live.next().transpose()?;
        loop {
            // What a key was when the look began stands for what it is now.
            let was = kept.next_if(|(key, _)| {
                let is_next = |(at, _): &(_, _)| key.as_slice() <= AsRef::<[u8]>::as_ref(at);
                now.as_ref().is_none_or(is_next)
            });
            let same = |at: &[u8]| was.is_none_or(|(key, _)| key == at);
            let found = now.take_if(|(at, _)| same(at));
            if found.is_some() {
                now = live.next().transpose()?;
            }
            let (key, value) = match (was, found) {
                (Some((key, value)), _) => (key.clone(), value.clone()),
                (None, Some((key, value))) => (key.to_vec(), Some(value.to_vec())),
                (None, None) => break,
            };
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            last = Some(key.clone());
            rows.extend(value.map(|value| (key, value)));
            if bytes >= limits::CUT_PAGE_BYTES || rows.len() >= limits::STORE_ROWS {
                whole = false;
                break;
            }
        }
        match last {
            Some(mut next) if !whole => {
                next.push(0);
                state.before = state.before.split_off(&next);
                state.next = next;
            }
            // Nothing sorts after it: from here on no change matters.
            _ => {
                state.before = BTreeMap::new();
                state.next = vec![u8::MAX; 64];
            }
        }
        if rows.is_empty() && whole {
            return Ok(None);
        }
        Ok(Some(rows))
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        *self.0.engine.cut() = None;
    }
}

/// A store in the making: from the rows of a backup.
#[derive(Debug)]
pub struct Rebuild {
    engine: Engine,
    incarnation: Incarnation,
    last: Arrival,
    batch: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    bytes: usize,
    couriers: BTreeSet<AgencyId>,
    locked: u64,
}

impl Rebuild {
    /// Begins in a folder that does not exist yet. The store is to be another one than the one
    /// that was backed up: `incarnation` is its new number.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Disk`].
    pub fn begin(dir: &Path, incarnation: Incarnation) -> Result<Self, StoreError> {
        if dir.exists() {
            return Err(StoreError::Exists {
                dir: dir.to_path_buf(),
            });
        }
        Ok(Self {
            engine: Engine::open(dir, limits::STORE_CACHE_BYTES)?,
            incarnation,
            last: Arrival::ZERO,
            batch: Vec::new(),
            bytes: 0,
            couriers: BTreeSet::new(),
            locked: 0,
        })
    }

    /// Takes rows in. Records for which `lock` is true are locked.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for what no store holds, [`StoreError::Disk`].
    pub fn rows(&mut self, rows: Page, lock: impl Fn(&Header) -> bool) -> Result<(), StoreError> {
        for (key, mut bytes) in rows {
            match key.first() {
                Some(&keys::FORMAT) => super::check_format(self.engine.dir(), &bytes)?,
                Some(&keys::HEADER) => {
                    let what = || "a header".to_owned();
                    let mut header: Header = value::decode(&self.engine, &bytes, what)?;
                    if !header.flags.contains(Flags::ERASED) && lock(&header) {
                        header.flags |= Flags::LOCKED;
                        self.locked += 1;
                        self.couriers.extend(header.courier);
                        bytes = value::encode(&self.engine, &header)?;
                    }
                }
                Some(&keys::STATE) => {
                    let what = || "the counters".to_owned();
                    let mut state: apply::State = value::decode(&self.engine, &bytes, what)?;
                    state.incarnation = Some(self.incarnation);
                    self.last = state.last;
                    bytes = value::encode(&self.engine, &state)?;
                }
                _ => {}
            }
            self.bytes += key.len() + bytes.len();
            self.batch.push((key, Some(bytes)));
            let full = self.batch.len() >= limits::STORE_BATCH_OPS;
            if full || self.bytes >= limits::STORE_BATCH_BYTES {
                self.engine.apply(self.batch.drain(..))?;
                self.bytes = 0;
            }
        }
        Ok(())
    }

    /// Adds a small named value.
    ///
    /// # Errors
    /// [`StoreError::Name`], [`StoreError::Disk`].
    pub fn meta(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        super::check::name(name)?;
        let chunks = value::chunks(&keys::of_name(keys::META, name), bytes);
        let rows = chunks.into_iter().map(|(key, value)| (key, Some(value)));
        self.batch.extend(rows);
        Ok(())
    }

    /// Who brought what is locked.
    pub fn couriers(&self) -> &BTreeSet<AgencyId> {
        &self.couriers
    }

    /// Records that are locked.
    pub fn locked(&self) -> u64 {
        self.locked
    }

    /// Makes it durable, and checks that nothing is missing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Disk`].
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.engine.apply(self.batch.drain(..))?;
        self.engine.sync()?;
        let state = self
            .engine
            .get(&[keys::STATE])?
            .ok_or_else(|| self.engine.corrupt("the counters are missing"))?;
        let state = value::decode(&self.engine, &state, || "the counters".into())?;
        super::whole(&self.engine, &state)?;
        self.engine.set_mark(self.incarnation, self.last)
    }
}
