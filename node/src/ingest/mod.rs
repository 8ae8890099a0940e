//! The one way in: verify, admit, commit. Every record takes it, whether an officer pushed
//! it, a peer sent it or a file held it, and each is answered `stored`, `refused` or `later`.

mod accepts;
mod admit;
mod commit;
mod fault;
mod keepers;
mod known;
mod own;
mod quota;
mod received;
mod sealed;
mod under_way;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use liaison_protocol::clock::{Hlc, HlcClock, Millis};
use liaison_protocol::record::check::{CheckContext, Thresholds};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::signed::{SignedRecord, VerifiedRecord};
use tokio::sync::Semaphore;

use self::accepts::Accepts;
use self::admit::Gate;
pub use self::fault::IngestFault;
use self::keepers::Keepers;
pub use self::known::Known;
pub use self::own::Statement;
use self::quota::Quotas;
pub use self::sealed::Sealing;
pub use self::under_way::Asked;
use self::under_way::UnderWay;
use crate::audit::Audit;
use crate::catchup::CatchUp;
use crate::clock::Clock;
use crate::limits;
use crate::newest::Newest;
use crate::policy::Policies;
use crate::registry::Registry;
use crate::search::Search;
use crate::share::{Leaves, Owed};
use crate::signing::Signing;
use crate::store::{Op, Store};
use crate::time::Timekeeper;
use crate::vault::Vault;

/// What ingest works with. Clones share it.
#[derive(Clone)]
pub struct Ingest(Arc<Shared>);

struct Shared {
    store: Store,
    registry: Registry,
    policies: Arc<Policies>,
    owed: Owed,
    leaves: Leaves,
    clock: Arc<dyn Clock>,
    time: Timekeeper,
    catch_up: CatchUp,
    hlc: Mutex<HlcClock>,
    newest: Newest,
    signing: Signing,
    settings: Settings,
    quotas: Quotas,
    search: Arc<Search>,
    accepts: Accepts,
    audit: Audit,
    vault: Vault,
    keepers: Keepers,
    under_way: UnderWay,
    /// Batches that may be under way.
    turns: Arc<Semaphore>,
}

/// What of the configuration ingest goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the exercise that the store belongs to.
    pub exercise: Option<String>,
    /// Smallest shareable counts.
    pub thresholds: Thresholds,
    /// Records a minute from one peer.
    pub records_per_minute: u32,
}

/// Name of the stored value that holds the highest clock seen.
pub(crate) const CLOCK: &str = "clock";

impl Ingest {
    /// Puts ingest together; the clock resumes above the highest value that was persisted.
    ///
    /// # Errors
    /// The store can't be read.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that ingest uses, once"
    )]
    pub fn new(
        store: Store,
        registry: Registry,
        policies: Arc<Policies>,
        owed: Owed,
        leaves: Leaves,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
        catch_up: CatchUp,
        signing: Signing,
        settings: Settings,
        search: Arc<Search>,
        audit: Audit,
        vault: Vault,
    ) -> Result<Self, crate::store::StoreError> {
        let last = store
            .meta(CLOCK)?
            .and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok())
            .map_or(Hlc::ZERO, |b| Hlc::from_wire(u64::from_be_bytes(b)));
        let quotas = Quotas::new(settings.records_per_minute);
        let newest = Newest::new(store.clone());
        Ok(Self(Arc::new(Shared {
            store,
            newest,
            registry,
            policies,
            owed,
            leaves,
            clock,
            time,
            catch_up,
            hlc: Mutex::new(HlcClock::resume(last)),
            signing,
            settings,
            quotas,
            search,
            accepts: Accepts::default(),
            audit,
            vault,
            keepers: Keepers::default(),
            under_way: UnderWay::default(),
            turns: Arc::new(Semaphore::new(limits::INGESTS)),
        })))
    }

    /// The thresholds that bind this node's own records.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The newest record of each author.
    pub fn newest(&self) -> &Newest {
        &self.0.newest
    }

    /// Signs nothing at or before this time from now on, unless it lies too far ahead; what is
    /// to be written down of that.
    pub fn witness(&self, at: Millis) -> Op {
        let now = self.0.clock.now();
        {
            let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
            hlc.witness(Hlc::new(at, u16::MAX), now);
        }
        self.clock_op()
    }

    /// A moment behind all that was signed here or witnessed, and before all that will be signed:
    /// the wall clock alone may have been set back. Where that would be further ahead than peers
    /// take, it is the wall clock, which what was signed is ahead of then. What is to be written
    /// down of it gives [`Self::witness`].
    pub fn moment(&self) -> Millis {
        let now = self.0.clock.now();
        let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = Hlc::new(Millis(hlc.last().wall().0.saturating_add(1)), 0);
        let at = match behind.is_ahead_of(now) {
            true => now,
            false => behind.wall().max(now),
        };
        hlc.witness(Hlc::new(at, u16::MAX), now);
        at
    }

    /// Runs work to its end although whoever waits for it goes away: a session or a connection
    /// that ends between a write and what follows from it would leave a retraction untold, the
    /// index with what was erased, a card unlearnt.
    ///
    /// Turns are had in the order of these calls, whenever what they return is waited for: a
    /// withdrawal that has its turn finds that what came before it had one.
    fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Result<T, IngestFault>> + Send + 'static {
        let mut turn = Box::pin(self.0.turns.clone().acquire_owned());
        // Who looks for a turn stands in the queue from then on, also when it is out of budget.
        let at_once = tokio::task::unconstrained(&mut turn).now_or_never();
        async move {
            let turn = match at_once {
                Some(turn) => turn,
                None => turn.await,
            };
            let turn = turn.map_err(|_| IngestFault::Stopping)?;
            let task = tokio::spawn(async move {
                let done = work.await;
                drop(turn);
                done
            });
            task.await.map_err(|error| {
                if error.is_panic() {
                    tracing::error!(%error, "ingest failed; nothing of this batch was answered");
                }
                IngestFault::Stopping
            })
        }
    }

    /// Lets nothing more begin, and waits until what was begun has ended; false: not in
    /// [`limits::STOP_MS`].
    pub async fn finish(&self) -> bool {
        let all = u32::try_from(limits::INGESTS).unwrap_or(u32::MAX);
        let all = self.0.turns.acquire_many(all);
        let ended = tokio::time::timeout(Duration::from_millis(limits::STOP_MS), all).await;
        self.0.turns.close();
        ended.is_ok()
    }

    fn gate(&self) -> Gate<'_> {
        let now = self.0.clock.now();
        Gate {
            store: &self.0.store,
            registry: &self.0.registry,
            engine: self.0.policies.current(),
            accepts: &self.0.accepts,
            leaves: &self.0.leaves,
            vault: &self.0.vault,
            settings: &self.0.settings,
            checks: CheckContext {
                thresholds: self.0.settings.thresholds.clone(),
                ..CheckContext::on(Date::from_millis(now))
            },
            now,
            latest: self.0.time.latest(),
            doubt: self.0.time.trusted().err(),
        }
    }

    fn clock_op(&self) -> Op {
        let last = self
            .0
            .hlc
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last();
        Op::PutMeta {
            name: CLOCK.into(),
            bytes: last.to_wire().to_be_bytes().to_vec().into(),
        }
    }
}

/// Reads a record from its bytes and says whose word it is: for `verify`.
///
/// # Errors
/// [`IngestFault`].
pub fn examine(registry: &Registry, bytes: Bytes) -> Result<VerifiedRecord, IngestFault> {
    verify::verify(registry, SignedRecord::parse(bytes)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestFault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| IngestFault::Stopping)
}
