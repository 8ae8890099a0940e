//! A running node: its parts, put together and taken apart in order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::check::Thresholds;
use liaison_protocol::record::codes::Measure;
use liaison_protocol::wire::Speaks;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::audit::{Audit, AuditError, AuditOptions};
use crate::cardfile::CardFile;
use crate::catchup::{self, CatchUp};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::home::{Home, HomeError};
use crate::hub::mailbox::{Mailbox, MailboxError};
use crate::hub::{self, Hub};
use crate::ingest::{Ingest, IngestFault, Settings};
use crate::keyring::{Keyring, KeyringError, MasterKey};
use crate::limits;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::officers::Officers;
use crate::parcels::Parcels;
use crate::policy::{
    DirectoryError, Engine, EngineError, Policies, PolicySet, PolicyText, Problems,
};
use crate::referral::access::Looks;
use crate::referral::{Cases, Referrals};
use crate::registry::{Registry, RegistryError};
use crate::search::{Search, SearchError};
use crate::setback::SetBack;
use crate::share::{Leaves, Owed, Share};
use crate::signing::Signing;
use crate::store::{Op, OpOutcome, Options, Store, StoreError};
use crate::swarm::{
    ListenAddr, RelayBounds, Swarm, SwarmConfig, SwarmError, SwarmHandle, Tap, limits::Timing,
};
use crate::sync::Sync;
use crate::time::{Sweeper, Timekeeper};
use crate::vault::{Vault, VaultError};

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
    /// One approval at a time.
    pub(crate) approving: tokio::sync::Mutex<()>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An agency in the store.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A peer that policy can't take.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The stored policy can't be read.
    #[error(
        "the active policy can't be read, so nothing would be shared: {0}. Apply it again: 'liaison policy apply'"
    )]
    Policy(#[from] Problems),
    /// The policy and the agencies don't fit.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The transport.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// The sealed records.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The parcels that it keeps as a hub.
    #[error("the mailbox can't be opened: {0}")]
    Mailbox(#[from] MailboxError),
    /// The search index.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Our own card or keys statement did not come in.
    #[error("our own card was not taken in: {0}")]
    OwnCard(#[from] IngestFault),
    /// The socket.
    #[error(
        "the socket {path} can't be served: {source}. Check that the folder is yours, and that no file of that name is in the way"
    )]
    Socket {
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The figures.
    #[error(
        "figures and health can't be served at {address}: {source}. Another program may have that port: name another under [metrics] in config.toml"
    )]
    Metrics {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// TLS secrets would be written to disk.
    #[error(
        "SSLKEYLOGFILE is set: the session keys of every connection would be written to disk. Unset it, then start again"
    )]
    KeyLog,
}

/// Name of the stored value that holds the active policy's text.
pub const POLICY_ACTIVE: &str = "policy/active";
/// Name of the stored value that holds epoch and fingerprint of the last decisions.
const POLICY_EPOCH: &str = "policy/epoch";

impl Node {
    /// Starts a node in its home.
    ///
    /// # Errors
    /// [`NodeError`]; whatever was started is stopped again.
    pub async fn start(home: Home, options: RunOptions) -> Result<Self, NodeError> {
        let config = Config::read(&home.config_path())?;
        let table = config.referral.table().map_err(ConfigError::from)?;
        config.referral.check_kept().map_err(ConfigError::from)?;
        let RunOptions {
            listen,
            clock,
            tap,
            speaks,
            timing,
            group: _,
            master,
        } = options;
        let now = clock.now();
        let secrets = home.secrets()?;
        let opened = {
            let dir = home.store_dir();
            let cache_bytes = config.cache_mb.clamp(8, 1024) * 1024 * 1024;
            let options = Options {
                cache_bytes,
                ..Options::default()
            };
            run_blocking(move || Store::open(dir, options)).await?
        };
        let store = opened;
        let time = Timekeeper::load(store.clone(), clock.clone())?;
        let restored = catchup::restored(&store)?;
        let keyring = {
            let (home, config) = (home.clone(), config.keyring.clone());
            run_blocking(move || {
                let master = match master {
                    Some(master) => master,
                    None => Arc::new(home.master_key(&config)?),
                };
                Keyring::open(&home.keyring_dir(), &master)
            })
            .await?
        };
        // A statement dated by a wrong clock would be in nobody's time, ours included.
        let card = match time.trusted() {
            // Which numbers were signed since the backup, this node does not know.
            _ if restored.is_some() => {
                keyring.rotate(now)?;
                home.keys_after_restore(keyring.listed(now), now)?
            }
            Ok(now) => {
                keyring.rotate(now)?;
                // Which hubs are peers is not known yet.
                home.renew_keys(keyring.listed(now), None, now)?.0
            }
            Err(_) => home.card_file()?,
        };
        let registry = Registry::load(&store, &card)?;
        registry.use_hubs(&config.hubs.hubs);
        let policies = Arc::new(Policies::new(engine(&store, &registry)?));
        keep_epoch(&store, &policies.current()).await?;
        let owed = Owed::default();
        registry.load_affirmed(&store)?;
        let leaves = Leaves::load(&store)?;
        let settings = Settings {
            exercise: config.exercise.clone(),
            thresholds: thresholds(config.smallest_count),
            records_per_minute: config.records_per_minute,
        };
        let search = {
            let source = Arc::new(crate::source::StoreSource::new(store.clone()));
            let (dir, incarnation) = (home.index_dir(), store.incarnation()?.0);
            let search = run_blocking(move || Search::open(&dir, incarnation, source)).await?;
            Arc::new(search)
        };
        let signing = Signing::new(secrets.signing);
        let signing_for_parcels = signing.clone();
        // Before the store forgets that it is fresh: the log says so first.
        let audit = {
            let options = AuditOptions {
                clock: clock.clone(),
                signing: signing.clone(),
                key: home.audit_key()?,
                keep_bytes: config.audit.keep_mb.clamp(1, 1_048_576) * 1024 * 1024,
                restored,
            };
            let dir = home.audit_dir();
            run_blocking(move || Audit::open(dir, options)).await?
        };
        let hub = match &config.hub {
            Some(config) => {
                let (dir, room) = (home.mailbox_dir(), hub::room(config));
                let mailbox = run_blocking(move || Mailbox::open(dir, room)).await?;
                Some(Hub::new(
                    mailbox,
                    policies.clone(),
                    registry.clone(),
                    audit.clone(),
                    clock.clone(),
                    time.clone(),
                ))
            }
            None => None,
        };
        let vault = {
            let (store, registry, keyring) = (store.clone(), registry.clone(), keyring.clone());
            run_blocking(move || Vault::load(store, registry, keyring)).await?
        };
        let cases = {
            let keyring = keyring.clone();
            run_blocking(move || Cases::load(keyring)).await?
        };
        let catch_up =
            CatchUp::load(store.clone(), search.clone(), registry.peers().into_keys()).await?;
        let ingest = Ingest::new(
            store.clone(),
            registry.clone(),
            policies.clone(),
            owed.clone(),
            leaves.clone(),
            clock.clone(),
            time.clone(),
            catch_up.clone(),
            signing,
            settings,
            search.clone(),
            audit.clone(),
            vault.clone(),
        )?;
        take_own_card(&store, &ingest, &card).await?;
        let share = Share::new(
            store.clone(),
            registry.clone(),
            policies.clone(),
            owed,
            leaves,
            clock.clone(),
            time.clone(),
            audit.clone(),
            vault.clone(),
        );
        let set_back = SetBack::load(
            store.clone(),
            registry.clone(),
            catch_up.clone(),
            ingest.clone(),
            audit.clone(),
            clock.clone(),
        )?;
        let sweeper = Sweeper::new(
            store.clone(),
            search.clone(),
            clock.clone(),
            time.clone(),
            vault.clone(),
            registry.own(),
        );
        let wanted = if listen.is_empty() {
            &config.listen
        } else {
            &listen
        };
        let mut addresses: Vec<ListenAddr> = Vec::new();
        for address in wanted {
            addresses.push(address.parse()?);
        }
        let for_swarm = clock.clone();
        let swarm_config = SwarmConfig {
            listen: addresses,
            tap,
            timing,
            relay: config.hub.as_ref().map(|hub| RelayBounds {
                reservations: hub.reservations,
                circuits: hub.circuits,
                circuits_per_agency: hub.circuits_per_agency,
            }),
            ..SwarmConfig::new(
                secrets.node,
                crate::SOFTWARE,
                Arc::new(move || for_swarm.now()),
            )
        };
        let (swarm, inbound) = Swarm::start(swarm_config).await?;
        let (stop, stopped) = watch::channel(false);
        let sync = Sync::new(
            share.clone(),
            ingest.clone(),
            swarm.clone(),
            speaks,
            config.repair_every_s,
            time.clone(),
            catch_up.clone(),
            set_back.clone(),
            hub.clone(),
            stopped,
        );
        let parcels = Parcels::load(
            share.clone(),
            ingest.clone(),
            keyring.clone(),
            signing_for_parcels,
            time.clone(),
            catch_up.clone(),
            sync.peers().clone(),
            config.hubs.parcel_days,
        )
        .await?;
        let notify = Notify::new(config.notify.clone());
        let node = Self(Arc::new(Parts {
            audit,
            officers: Officers::new(home.officers_path()),
            home,
            config,
            clock,
            store,
            looks: Looks::load(keyring.clone(), notify.clone())?,
            notify: notify.clone(),
            keyring,
            cases,
            referrals: Referrals::new(table),
            registry,
            policies,
            ingest,
            share,
            swarm,
            sync: sync.clone(),
            parcels,
            vault,
            hub,
            search,
            time,
            catch_up,
            set_back,
            sweeper,
            metrics: Metrics::default(),
            started: now,
            stop,
            tasks: Mutex::new(Some(JoinSet::new())),
            changing: tokio::sync::Mutex::new(()),
            counting: tokio::sync::Mutex::new(()),
            approving: tokio::sync::Mutex::new(()),
        }));
        node.spawn(sync.run(inbound));
        node.spawn(node.clone().follow_registry());
        node.spawn(node.clone().follow_store());
        node.spawn(node.clone().renew());
        node.spawn(node.clone().answer_withdrawals());
        node.spawn(node.clone().open_unlocked());
        node.spawn(node.clone().sign_heads());
        node.spawn(node.clone().end_leaving());
        node.spawn(node.clone().mark_keys());
        node.spawn(node.clone().run_parcels());
        node.spawn(node.clone().look_at_parcels());
        node.spawn(node.clone().run_referrals());
        node.spawn(node.clone().run_drafts());
        node.spawn(node.clone().tell_of_referrals());
        node.spawn(notify.run(node.stopping()));
        node.spawn(node.set_back.clone().run(node.stopping()));
        node.spawn(node.sweeper.clone().run(node.stopping()));
        if let Some(hub) = node.hub.clone() {
            node.metrics.add(Arc::new(hub.clone()));
            node.spawn(hub.run(node.stopping()));
        }
        Ok(node)
    }

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
            let patience = std::time::Duration::from_millis(crate::limits::STOP_MS);
            if tokio::time::timeout(patience, all).await.is_err() {
                tracing::warn!("some sessions did not end in time and were cut");
            }
            tasks.shutdown().await;
        }
        let (search, store) = (self.search.clone(), self.store.clone());
        let (audit, keyring) = (self.audit.clone(), self.keyring.clone());
        let closed = tokio::task::spawn_blocking(move || {
            audit.close();
            search.close();
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

    /// Cards and peers changed: the transport and the policy hear of it.
    async fn follow_registry(self) {
        let mut changes = self.registry.changes();
        let mut stop = self.stopping();
        changes.mark_changed();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            match self.swarm.set_peers(self.registry.linked()).await {
                Ok(faults) => {
                    for fault in faults {
                        tracing::warn!("{fault}");
                    }
                }
                Err(error) => tracing::error!(%error, "the transport did not take the peers"),
            }
        }
    }

    /// What came back with a backup was locked; what is unlocked opens.
    async fn open_unlocked(self) {
        let mut changes = self.catch_up.changes();
        let mut stop = self.stopping();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            let vault = self.vault.clone();
            let opened = run_blocking(move || vault.open_all()).await;
            if let Err(error) = opened {
                tracing::error!(%error, "sealed records stay closed until the next start");
            }
        }
    }

    /// Peers that are being removed are unlinked when they have answered all that they are
    /// owed, or after [`limits::LEAVING_DAYS`].
    async fn end_leaving(self) {
        let mut stop = self.stopping();
        let mut changes = self.registry.changes();
        let mut tick = tokio::time::interval(Duration::from_millis(limits::LEAVING_LOOK_MS));
        loop {
            let leaving: Vec<_> = self
                .registry
                .peers()
                .into_iter()
                .filter_map(|(agency, peer)| Some((agency, peer.leaving?)))
                .collect();
            for (agency, since) in &leaving {
                if let Err(error) = self.end_if_done(*agency, *since).await {
                    tracing::error!(%error, "a peer that is being removed stays linked");
                }
            }
            tokio::select! {
                _ = tick.tick(), if !leaving.is_empty() => {}
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
        }
    }

    async fn end_if_done(&self, agency: AgencyId, since: Millis) -> Result<(), NodeError> {
        let patience = limits::LEAVING_DAYS.saturating_mul(limits::DAY_MS);
        let overdue = self.clock.now().0 >= since.0.saturating_add(patience);
        let owed = || {
            let share = self.share.clone();
            run_blocking(move || share.unanswered(&agency))
        };
        if !overdue && !owed().await?.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.changing.lock().await;
        // Who removes it may have been about to call back what it holds.
        let owed = owed().await?;
        if !overdue && !owed.is_empty() {
            return Ok(());
        }
        // It may have been linked again meanwhile.
        if self.registry.is_leaving(&agency) {
            let peer = self.registry.alias(&agency);
            tracing::info!(%peer, unanswered = owed.len(), "the peer is removed");
            self.registry.unlink(&self.store, &agency).await?;
        }
        Ok(())
    }

    /// Records came in: the index hears of it.
    async fn follow_store(self) {
        let mut arrivals = self.store.watch();
        let mut stop = self.stopping();
        loop {
            tokio::select! {
                changed = arrivals.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            // Two nodes that exchange many records need the processor for that: until the stream
            // of them ends, or for this long, queries read the newest from the store.
            let hold = tokio::time::sleep(Duration::from_millis(limits::INDEX_HOLD_MS));
            tokio::pin!(hold);
            loop {
                arrivals.mark_unchanged();
                let quiet = Duration::from_millis(limits::INDEX_QUIET_MS);
                tokio::select! {
                    () = &mut hold => break,
                    _ = stop.changed() => return,
                    more = tokio::time::timeout(quiet, arrivals.changed()) => match more {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => break,
                    },
                }
            }
            let last = arrivals.borrow_and_update().0;
            self.search.added(last);
        }
    }

    /// Signs the audit log's head now and then; the sessions show it to the peers.
    async fn sign_heads(self) {
        let mut stop = self.stopping();
        let mut tick = tokio::time::interval(Duration::from_millis(limits::AUDIT_HEAD_MS));
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.changed() => return,
            }
            if let Err(error) = self.audit.sign_head().await {
                tracing::error!(%error, "the head of the audit log was not signed");
            }
        }
    }

    /// Renews the keys statement, and sealing keys, in good time.
    async fn renew(self) {
        let mut stop = self.stopping();
        let mut believed = self.time.changes();
        let mut peers = self.registry.changes();
        let mut due = self.clock.now();
        let mut hubs = Vec::new();
        loop {
            let seen = self.clock.now();
            if seen >= due {
                due = Millis(seen.0.saturating_add(limits::RENEW_LOOK_MS));
                hubs = self.registry.hubs();
                self.renew_now(hubs.clone()).await;
            }
            tokio::select! {
                () = self.clock.wait(seen, due) => {}
                // A hub that became a peer, or is none any more: the statement says so.
                changed = peers.changed() => match changed {
                    Ok(()) if self.registry.hubs() != hubs => due = seen,
                    Ok(()) => {}
                    Err(_) => return,
                },
                changed = believed.changed() => match changed {
                    Ok(()) => due = seen,
                    Err(_) => return,
                },
                _ = stop.changed() => return,
            }
        }
    }

    async fn renew_now(&self, hubs: Vec<AgencyId>) {
        let Ok(now) = self.time.trusted() else {
            return;
        };
        // A change of the signing key writes the new one before the card that names it.
        let _one_at_a_time = self.changing.lock().await;
        match self.renew_sealing(hubs, now).await {
            Ok((card, true)) => {
                if let Err(error) = self.take_card(&card).await {
                    tracing::error!(%error, "the new keys statement was not taken in");
                }
            }
            Ok((_, false)) => {}
            Err(error) => tracing::error!(%error, "the keys statement was not renewed"),
        }
    }

    /// Sealing keys come and go, and hubs; the keys statement lists them.
    async fn renew_sealing(
        &self,
        hubs: Vec<AgencyId>,
        now: Millis,
    ) -> Result<(CardFile, bool), NodeError> {
        let (keyring, home) = (self.keyring.clone(), self.home.clone());
        run_blocking(move || -> Result<_, NodeError> {
            let done = keyring.rotate(now)?;
            if !done.is_empty() {
                tracing::info!(
                    made = done.made.len(),
                    deleted = done.deleted.len(),
                    "sealing keys"
                );
            }
            Ok(home.renew_keys(keyring.listed(now), Some(hubs), now)?)
        })
        .await
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

/// The policy that was active when the node last ran; without one, nothing is permitted.
fn engine(store: &Store, registry: &Registry) -> Result<Engine, NodeError> {
    let text = match store.meta(POLICY_ACTIVE)? {
        Some(bytes) => PolicyText::from_bytes(&bytes)?,
        None => PolicyText::new(
            vec![("none.cedar".into(), "// Nothing yet.\n".into())],
            None,
        )?,
    };
    let set = PolicySet::from_text(text)?;
    let last = store.meta(POLICY_EPOCH)?.and_then(|bytes| {
        let (epoch, fingerprint) = bytes.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*epoch), fingerprint.try_into().ok()?))
    });
    Ok(Engine::resume(Arc::new(set), registry.directory()?, last)?)
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

fn thresholds(smallest: u64) -> Thresholds {
    let mut thresholds = Thresholds::default();
    for measure in Measure::ALL {
        let floor = thresholds.of(*measure);
        thresholds.set(*measure, smallest.max(floor));
    }
    thresholds
}
