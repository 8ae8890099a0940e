//! What ends is erased when its end comes, at every node and by itself.

use std::sync::{Arc, Mutex, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Kind, Plane};
use tokio::sync::watch;

use super::{Doubt, Timekeeper};
use crate::clock::Clock;
use crate::kind;
use crate::limits;
use crate::search::Search;
use crate::store::{Arrival, Flags, Header, Op, OpOutcome, Store, StoreError};
use crate::vault::Vault;

/// Erases what has ended: at the start, every hour, and when the next end comes. Clones share
/// it.
#[derive(Clone)]
pub struct Sweeper {
    store: Store,
    search: Arc<Search>,
    clock: Arc<dyn Clock>,
    time: Timekeeper,
    vault: Vault,
    own: AgencyId,
    due: Arc<Mutex<Due>>,
    swept: Arc<watch::Sender<Swept>>,
}

/// What the sweeper did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records that it erased.
    pub erased: u64,
    /// Whether it stands still because the clock is not believed.
    pub stopped: bool,
}

/// What is due, as of the last sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// When the next record ends; none: nothing that is held ends.
    pub next: Option<Millis>,
    /// Records of this agency whose review date has come.
    pub reviews: u64,
    /// The last arrival looked at.
    looked: Arrival,
    /// When everything was last looked at; none: not since the start.
    swept: Option<Millis>,
}

/// Whether a header's record is erased when its end comes, and has not been. What proves
/// something (cards, statements, retractions and the like) is only not released any more.
pub fn ends(header: &Header) -> Option<Millis> {
    let proves =
        kind::of(header).is_some_and(|k| k.plane() == Plane::Control || k == Kind::Contact);
    header
        .expires
        .filter(|_| !proves && !header.flags.contains(Flags::ERASED))
}

impl Sweeper {
    /// Puts it together.
    pub fn new(
        store: Store,
        search: Arc<Search>,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
        vault: Vault,
        own: AgencyId,
    ) -> Self {
        Self {
            store,
            search,
            clock,
            time,
            vault,
            own,
            due: Arc::default(),
            swept: Arc::new(watch::Sender::default()),
        }
    }

    /// What is due, as of the last sweep.
    pub fn due(&self) -> Due {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what it did since the start.
    pub fn swept(&self) -> watch::Receiver<Swept> {
        self.swept.subscribe()
    }

    /// Runs until the node stops.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.time.changes();
        let mut doubted: Option<Doubt> = None;
        loop {
            changes.mark_unchanged();
            let now = self.clock.now();
            let worked = match self.time.trusted() {
                Ok(now) => {
                    if doubted.take().is_some() {
                        self.swept.send_modify(|swept| swept.stopped = false);
                        tracing::info!("the clock is believed again");
                    }
                    self.turn(now).await
                }
                Err(doubt) => {
                    if doubted.replace(doubt).is_none() {
                        self.swept.send_modify(|swept| swept.stopped = true);
                        tracing::error!("{doubt}");
                    }
                    Ok(())
                }
            };
            if let Err(error) = worked {
                tracing::error!(%error, "what has ended could not be erased; it is not released");
            }
            let hour = Millis(now.0.saturating_add(limits::SWEEP_EVERY_MS));
            let next = match self.due().next {
                Some(next) if doubted.is_none() && next > now => next.min(hour),
                _ => hour,
            };
            tokio::select! {
                () = self.clock.wait(now, next) => {}
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
        }
    }

    async fn turn(&self, now: Millis) -> Result<(), StoreError> {
        let this = self.clone();
        let due = off_thread(&self.store, move || this.look(now)).await?;
        let hour = |swept: Millis| now.0.abs_diff(swept.0) >= limits::SWEEP_EVERY_MS;
        if due.swept.is_none_or(hour) || due.next.is_some_and(|next| next <= now) {
            self.sweep(now).await?;
        }
        self.time.keep().await
    }

    /// Takes up what came since the last look.
    fn look(&self, now: Millis) -> Result<Due, StoreError> {
        let mut due = self.due();
        while due.swept.is_some() {
            let rows = self.store.headers(due.looked.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            due.looked = *last;
            for (_, header) in &rows {
                self.count(&mut due, header, now);
            }
        }
        self.set(due);
        Ok(due)
    }

    /// Looks at everything, and erases what has ended at `now`; gives how many records.
    ///
    /// # Errors
    /// The store can't be read or written; what was erased before that is erased.
    pub async fn sweep(&self, now: Millis) -> Result<u64, StoreError> {
        let mut due = Due {
            swept: Some(now),
            ..Due::default()
        };
        let mut gone = 0;
        loop {
            let (store, from) = (self.store.clone(), due.looked.next());
            let rows =
                off_thread(&self.store, move || store.headers(from, limits::STORE_ROWS)).await?;
            let Some((last, _)) = rows.last() else { break };
            due.looked = *last;
            let (mut ended, mut sealed) = (Vec::new(), Vec::new());
            for (arrival, header) in &rows {
                match ends(header) {
                    Some(end) if end <= now => {
                        ended.push(*arrival);
                        sealed.extend(kind::is_sealed(header).then_some(header.id));
                    }
                    _ => self.count(&mut due, header, now),
                }
            }
            for some in ended.chunks(limits::SWEEP_BATCH) {
                gone += self.erase(some, now).await?;
            }
            let vault = self.vault.clone();
            off_thread(&self.store, move || {
                for id in sealed {
                    // The next start tries again.
                    if let Err(error) = vault.shred(&id) {
                        tracing::error!(record = %id.short(), %error, "the key of a record that has ended is not destroyed yet");
                    }
                }
                Ok(())
            })
            .await?;
        }
        self.set(due);
        if gone > 0 {
            tracing::info!(records = gone, "erased: their end has come");
            self.swept.send_modify(|swept| swept.erased += gone);
        }
        Ok(gone)
    }

    async fn erase(&self, arrivals: &[Arrival], at: Millis) -> Result<u64, StoreError> {
        let expire = |arrival: &Arrival| Op::Expire {
            arrival: *arrival,
            at,
        };
        let outcomes = self
            .store
            .write(arrivals.iter().map(expire).collect())
            .await?;
        let mut gone = 0;
        for (arrival, outcome) in arrivals.iter().zip(outcomes) {
            if outcome == OpOutcome::Done {
                self.search.forget(arrival.0);
                gone += 1;
            }
        }
        Ok(gone)
    }

    fn count(&self, due: &mut Due, header: &Header, now: Millis) {
        if let Some(end) = ends(header) {
            due.next = Some(due.next.map_or(end, |next| next.min(end)));
        }
        if is_for_review(header, &self.own, now) {
            due.reviews += 1;
        }
    }

    fn set(&self, due: Due) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = due;
    }
}

/// Whether a record of this agency is in force and its review date has come.
pub(crate) fn is_for_review(header: &Header, own: &AgencyId, now: Millis) -> bool {
    let flags = header.flags;
    let gone = flags.contains(Flags::RETRACTED)
        || flags.contains(Flags::SUPERSEDED)
        || flags.contains(Flags::ERASED);
    !gone && header.author == *own && header.review.is_some_and(|day| day <= now)
}

async fn off_thread<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed {
            dir: store.dir().to_path_buf(),
        })?
}
