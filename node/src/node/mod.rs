//! A running node: its parts, put together (`start`), at work (`tasks`) and taken apart in order.

mod error;
mod start;
mod tasks;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::wire::Speaks;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::error::NodeError;
use crate::audit::Audit;
use crate::cardfile::CardFile;
use crate::catchup::CatchUp;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::home::Home;
use crate::hub::Hub;
use crate::ingest::{Ingest, IngestFault};
use crate::keyring::{Keyring, MasterKey};
use crate::limits;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::officers::Officers;
use crate::parcels::Parcels;
use crate::policy::{Engine, Policies, PolicySet};
use crate::referral::access::Looks;
use crate::referral::{Cases, Referrals};
use crate::registry::Registry;
use crate::search::Search;
use crate::setback::SetBack;
use crate::share::Share;
use crate::store::{Op, OpOutcome, Store, StoreError};
use crate::swarm::{SwarmHandle, Tap, limits::Timing};
use crate::sync::Sync;
use crate::time::{Sweeper, Timekeeper};
use crate::vault::Vault;

/// What may differ from one start of a node to the next.
#[derive(Clone)]
pub struct RunOptions {
    /// Addresses to listen on, instead of the configured ones.
    pub listen: Vec<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Sees every frame on the wire.
    pub tap: Option<Arc<dyn Tap>>,
    /// Protocol versions to speak.
    pub speaks: Speaks,
    /// How long the transport waits for what.
    pub timing: Timing,
    /// Unix group that may use the socket.
    pub group: Option<String>,
    /// What opens the keyring; absent: its key file.
    pub master: Option<Arc<MasterKey>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            clock: Arc::new(SystemClock),
            tap: None,
            speaks: Speaks::CURRENT,
            timing: Timing::default(),
            group: None,
            master: None,
        }
    }
}

/// A running node. Clones share it.
#[derive(Clone)]
pub struct Node(Arc<Parts>);

/// The parts of a running node.
pub struct Parts {
    /// Its folder.
    pub home: Home,
    /// Who may use it.
    pub officers: Officers,
    /// Who did what.
    pub audit: Audit,
    /// Its configuration.
    pub config: Config,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its store.
    pub store: Store,
    /// What makes sealed records readable.
    pub keyring: Keyring,
    /// Who may look into which sealed thread.
    pub looks: Looks,
    /// Tells the agency's own program.
    pub notify: Notify,
    /// The agencies it knows.
    pub registry: Registry,
    /// Its active policy.
    pub policies: Arc<Policies>,
    /// The one way in.
    pub ingest: Ingest,
    /// The one way out.
    pub share: Share,
    /// Its transport.
    pub swarm: SwarmHandle,
    /// Its sessions.
    pub sync: Sync,
    /// What is under way to agencies that are away, and what comes from them.
    pub parcels: Parcels,
    /// The sealed records that it can open.
    pub vault: Vault,
    /// The referrals that it made, and drafts.
    pub cases: Cases,
    /// Where each referral stands.
    pub referrals: Referrals,
    /// What it carries for others, if it is a hub.
    pub hub: Option<Hub>,
    /// Its search index.
    pub search: Arc<Search>,
    /// Whether its clock is to be believed.
    pub time: Timekeeper,
    /// Whom it has to hear from since a restore.
    pub catch_up: CatchUp,
    /// Notices that its machine was set back.
    pub set_back: SetBack,
    /// Erases what has ended.
    pub sweeper: Sweeper,
    /// Its figures.
    pub metrics: Metrics,
    /// When it started.
    pub started: Millis,
    stop: watch::Sender<bool>,
    tasks: Mutex<Option<JoinSet<()>>>,
    /// One change of policy or peers at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// One count of a figure at a time.
    pub(crate) counting: tokio::sync::Mutex<()>,
    /// One piece of an import at a time.
    pub(crate) importing: tokio::sync::Mutex<()>,
    /// One approval at a time.
    pub(crate) approving: tokio::sync::Mutex<()>,
}

/// Name of the stored value that holds the active policy's text.
pub const POLICY_ACTIVE: &str = "policy/active";
/// Name of the stored value that holds epoch and fingerprint of the last decisions.
const POLICY_EPOCH: &str = "policy/epoch";

impl Node {
    /// Stops the node: sessions end in order, what is under way is written, the store is
    /// closed.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.swarm.shutdown().await;
        if let Some(mut tasks) = tasks {
            let all = async { while tasks.join_next().await.is_some() {} };
            let patience = Duration::from_millis(limits::STOP_MS);
            if tokio::time::timeout(patience, all).await.is_err() {
                tracing::warn!("some sessions did not end in time and were cut");
            }
            tasks.shutdown().await;
        }
        // What is withdrawn after the index was closed would be found in it from then on.
        let finished = self.ingest.finish().await;
        let (search, store) = (self.search.clone(), self.store.clone());
        let (audit, keyring) = (self.audit.clone(), self.keyring.clone());
        let closed = tokio::task::spawn_blocking(move || {
            audit.close();
            if finished {
                search.close();
            } else {
                search.abandon();
            }
            store.close();
            keyring.close();
        });
        if closed.await.is_err() {
            tracing::error!("the store was not closed in order; it recovers at the next start");
        }
    }

    /// Tells when the node is asked to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Runs a task for as long as the node runs.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = tasks.as_mut() {
            // What has ended leaves no trace: each call of the local API is a task.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    /// Puts the agencies as they are now, and with `set` a new policy, in force.
    ///
    /// Checks, proofs and notes are the local API's: it calls this when they are done.
    ///
    /// # Errors
    /// [`NodeError`]: the store can't be written, or policy can't take the agencies.
    pub async fn reengage(&self, set: Option<Arc<PolicySet>>) -> Result<(), NodeError> {
        let directory = self.registry.directory()?;
        self.policies
            .apply(|old| (set.unwrap_or_else(|| old.set().clone()), directory))?;
        let engine = self.policies.current();
        keep_epoch(&self.store, &engine).await?;
        // What an earlier policy refused may be wanted now; peers offer it again after the
        // next repair. The store forgets in steps.
        for peer in self.registry.peers().into_keys() {
            let forget = || Op::ForgetRefused {
                peer,
                before: engine.epoch(),
            };
            while self
                .store
                .write(vec![forget()])
                .await?
                .contains(&OpOutcome::Done)
            {}
        }
        Ok(())
    }

    /// Takes up our own card and keys statement as they are in the home now.
    ///
    /// # Errors
    /// [`NodeError::OwnCard`].
    pub async fn take_card(&self, card: &CardFile) -> Result<(), NodeError> {
        self.registry.renew_own(card)?;
        take_own_card(&self.store, &self.ingest, card).await
    }
}

impl std::ops::Deref for Node {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

async fn run_blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, NodeError>
where
    T: Send + 'static,
    E: Into<NodeError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(NodeError::OwnCard(IngestFault::Stopping)),
    }
}

async fn keep_epoch(store: &Store, engine: &Engine) -> Result<(), StoreError> {
    let bytes = [&engine.epoch().to_be_bytes()[..], &engine.fingerprint()[..]].concat();
    store
        .write(vec![Op::PutMeta {
            name: POLICY_EPOCH.into(),
            bytes: bytes.into(),
        }])
        .await
        .map(|_| ())
}

/// Our card and keys statement are records like others; at each start the newest are there.
async fn take_own_card(store: &Store, ingest: &Ingest, card: &CardFile) -> Result<(), NodeError> {
    let mut new = Vec::new();
    for record in std::iter::once(card.card()).chain(card.keys()) {
        if store.arrival_of(&record.id())?.is_none() {
            new.push(record.clone());
        }
    }
    if !new.is_empty() {
        ingest.own_signed(new).await?;
    }
    Ok(())
}
