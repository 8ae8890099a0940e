//! A node that came back from a backup, or whose machine was set back, holds what others
//! withdrew meanwhile, and does not know what it signed since. It catches up first: what came
//! from a peer stays locked (neither shown nor passed on), and nothing is signed, until that
//! peer was heard from or an administrator releases it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::limits;
use crate::search::Search;
use crate::store::{Arrival, Flags, Header, Op, Store, StoreError};

/// Name of the stored value.
pub(crate) const CATCH_UP: &str = "catch-up";

/// What a node still has to hear. Clones share it.
#[derive(Clone)]
pub struct CatchUp(Arc<Shared>);

struct Shared {
    store: Store,
    search: Arc<Search>,
    inner: Mutex<Inner>,
    /// One change of what waits at a time.
    changing: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    state: Option<Waiting>,
    /// The repair by which a peer is asked for all that it may tell us.
    asked: BTreeMap<AgencyId, [u8; 16]>,
    /// How many records were unlocked since the node started.
    unlocked: u64,
}

/// Why a node catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It was restored from a backup of this time.
    Restored {
        /// When the backup was made.
        made: Millis,
    },
    /// A peer holds newer records of ours than we do: the machine was set back.
    SetBack {
        /// The peer.
        by: AgencyId,
        /// The time of the newest of ours that it holds.
        holds: Millis,
        /// Whether it showed what only we can have signed.
        proven: bool,
    },
}

/// Whom it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Why.
    pub reason: Reason,
    /// Agencies that were not heard from since, nor released.
    pub agencies: BTreeSet<AgencyId>,
    /// The peers are not among them yet.
    pub fresh: bool,
}

/// When the backup was made of which a store was just made, and no node ran on it yet.
///
/// # Errors
/// The store can't be read.
pub(crate) fn restored(store: &Store) -> Result<Option<Millis>, StoreError> {
    let bytes = store.meta(CATCH_UP)?;
    let waiting = bytes.and_then(|b| postcard::from_bytes::<Waiting>(&b).ok());
    Ok(match waiting {
        Some(Waiting {
            reason: Reason::Restored { made },
            fresh: true,
            ..
        }) => Some(made),
        _ => None,
    })
}

impl CatchUp {
    /// Takes up what the store says; `peers` are the linked ones.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn load(
        store: Store,
        search: Arc<Search>,
        peers: impl IntoIterator<Item = AgencyId>,
    ) -> Result<Self, StoreError> {
        let state =
            match store.meta(CATCH_UP)? {
                Some(bytes) => Some(postcard::from_bytes::<Waiting>(&bytes).map_err(|e| {
                    StoreError::Corrupt {
                        dir: store.dir().to_path_buf(),
                        detail: format!("what it waits for since its restore: {e}"),
                    }
                })?),
                None => None,
            };
        let this = Self(Arc::new(Shared {
            store,
            search,
            inner: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
            changes: watch::Sender::new(0),
        }));
        if let Some(mut state) = state {
            if state.fresh {
                state.agencies.extend(peers);
                state.fresh = false;
            }
            this.put(state).await?;
        }
        Ok(this)
    }

    /// Begins to wait for these peers: the machine was set back.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn begin(
        &self,
        reason: Reason,
        agencies: BTreeSet<AgencyId>,
    ) -> Result<(), StoreError> {
        let _alone = self.0.changing.lock().await;
        let mut state = self.waiting().unwrap_or(Waiting {
            reason,
            agencies: BTreeSet::new(),
            fresh: false,
        });
        if matches!(reason, Reason::SetBack { proven: true, .. })
            && matches!(state.reason, Reason::SetBack { proven: false, .. })
        {
            state.reason = reason;
        }
        state.agencies.extend(agencies);
        self.put(state).await
    }

    /// Whom it waits for; none: it is caught up.
    pub fn waiting(&self) -> Option<Waiting> {
        self.lock().state.clone()
    }

    /// Whether this agency has to be heard from.
    pub fn waits_for(&self, agency: &AgencyId) -> bool {
        let inner = self.lock();
        let waiting = inner.state.as_ref();
        waiting.is_some_and(|w| w.agencies.contains(agency))
    }

    /// How many records were unlocked since the node started: they may go to peers that were
    /// looked at before.
    pub fn unlocked(&self) -> u64 {
        self.lock().unlocked
    }

    /// Tells when that changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// A repair that we began with this nonce told the peer all that we lack.
    pub fn asked(&self, agency: AgencyId, nonce: [u8; 16]) {
        let mut inner = self.lock();
        let waits = inner
            .state
            .as_ref()
            .is_some_and(|w| w.agencies.contains(&agency));
        if waits {
            inner.asked.insert(agency, nonce);
        }
    }

    /// Something that the peer brought could not be taken yet, a withdrawal perhaps: that we
    /// have all is not so until the next repair.
    pub fn put_off(&self, agency: &AgencyId) {
        self.lock().asked.remove(agency);
    }

    /// A peer says that we have all that the repair of this nonce found.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn heard(&self, agency: AgencyId, nonce: [u8; 16]) -> Result<bool, StoreError> {
        let answers = self.lock().asked.get(&agency) == Some(&nonce);
        if answers {
            self.release(&BTreeSet::from([agency])).await?;
        }
        Ok(answers)
    }

    /// Waits no longer for these agencies: unlocks what came from them, and, when nobody is left
    /// to wait for, everything. Gives how many records.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn release(&self, agencies: &BTreeSet<AgencyId>) -> Result<u64, StoreError> {
        let _alone = self.0.changing.lock().await;
        let Some(mut state) = self.waiting() else {
            return Ok(0);
        };
        state.agencies.retain(|agency| !agencies.contains(agency));
        let all = state.agencies.is_empty();
        let unlocked = self
            .unlock(|header| all || header.courier.is_some_and(|c| agencies.contains(&c)))
            .await?;
        self.put(state).await?;
        Ok(unlocked)
    }

    /// Records that are locked.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn locked(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        if self.waiting().is_none() {
            return Ok(count);
        }
        let mut after = Arrival(0);
        loop {
            let rows = self.0.store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(count);
            };
            after = *last;
            let locked = rows.iter().filter(|(_, h)| h.flags.contains(Flags::LOCKED));
            count += locked.count() as u64;
        }
    }

    async fn unlock(&self, which: impl Fn(&Header) -> bool) -> Result<u64, StoreError> {
        let store = &self.0.store;
        let (mut after, mut unlocked) = (Arrival(0), 0);
        loop {
            let rows = store.headers(after.next(), limits::SWEEP_BATCH)?;
            let Some((last, _)) = rows.last() else {
                return Ok(unlocked);
            };
            after = *last;
            let locked: Vec<Arrival> = rows
                .iter()
                .filter(|(_, h)| h.flags.contains(Flags::LOCKED) && which(h))
                .map(|(arrival, _)| *arrival)
                .collect();
            let ops = locked.iter().map(|arrival| Op::SetFlags {
                arrival: *arrival,
                set: Flags::NONE,
                clear: Flags::LOCKED,
            });
            store.write(ops.collect()).await?;
            for arrival in &locked {
                self.0.search.forget(arrival.0);
            }
            unlocked += locked.len() as u64;
            self.lock().unlocked += locked.len() as u64;
        }
    }

    /// Writes the state; with nobody left, everything is unlocked and it is over.
    async fn put(&self, state: Waiting) -> Result<(), StoreError> {
        let over = state.agencies.is_empty();
        let op = if over {
            self.unlock(|_| true).await?;
            Op::DeleteMeta {
                name: CATCH_UP.into(),
            }
        } else {
            Op::PutMeta {
                name: CATCH_UP.into(),
                bytes: encode(&self.0.store, &state)?,
            }
        };
        self.0.store.write(vec![op]).await?;
        {
            let mut inner = self.lock();
            inner
                .asked
                .retain(|agency, _| state.agencies.contains(agency));
            inner.state = (!over).then_some(state);
        }
        if over {
            tracing::info!("caught up: everything is unlocked, and records are signed again");
        }
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(store: &Store, state: &Waiting) -> Result<bytes::Bytes, StoreError> {
    let bytes = postcard::to_stdvec(state).map_err(|e| StoreError::Corrupt {
        dir: store.dir().to_path_buf(),
        detail: e.to_string(),
    })?;
    Ok(bytes.into())
}
