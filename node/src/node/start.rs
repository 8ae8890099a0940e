//! The start of a node: its parts, put together in order.

use std::sync::{Arc, Mutex};

use liaison_protocol::record::check::Thresholds;
use liaison_protocol::record::codes::Measure;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{
    Node, NodeError, POLICY_ACTIVE, POLICY_EPOCH, Parts, RunOptions, keep_epoch, run_blocking,
    take_own_card,
};
use crate::audit::{Audit, AuditOptions};
use crate::catchup::{self, CatchUp};
use crate::config::{Config, ConfigError};
use crate::home::Home;
use crate::hub::mailbox::Mailbox;
use crate::hub::{self, Hub};
use crate::ingest::{Ingest, Settings};
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::notify::Notify;
use crate::officers::Officers;
use crate::parcels::Parcels;
use crate::policy::{Engine, Policies, PolicySet, PolicyText};
use crate::referral::access::Looks;
use crate::referral::{Cases, Referrals};
use crate::registry::Registry;
use crate::search::Search;
use crate::setback::SetBack;
use crate::share::{Leaves, Owed, Share};
use crate::signing::Signing;
use crate::store::{Options, Store};
use crate::swarm::{ListenAddr, RelayBounds, Swarm, SwarmConfig};
use crate::sync::Sync;
use crate::time::{Sweeper, Timekeeper};
use crate::vault::Vault;

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
        ingest.drop_superseded().await;
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
            importing: tokio::sync::Mutex::new(()),
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
            node.spawn(hub.run(node.stopping()));
        }
        Ok(node)
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

fn thresholds(smallest: u64) -> Thresholds {
    let mut thresholds = Thresholds::default();
    for measure in Measure::ALL {
        let floor = thresholds.of(*measure);
        thresholds.set(*measure, smallest.max(floor));
    }
    thresholds
}
