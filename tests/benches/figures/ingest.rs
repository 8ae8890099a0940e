//! Durable ingest: what peers send, up to the sync of the disk, without the network.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use liaison_node::audit::{Audit, AuditOptions};
use liaison_node::catchup::CatchUp;
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::config::KeyringConfig;
use liaison_node::home::Home;
use liaison_node::import::synthetic::Synthetic;
use liaison_node::ingest::{Ingest, Settings};
use liaison_node::keyring::Keyring;
use liaison_node::policy::{Engine, Policies, PolicySet, PolicyText};
use liaison_node::registry::Registry;
use liaison_node::search::Search;
use liaison_node::share::{Leaves, Owed, Route};
use liaison_node::signing::Signing;
use liaison_node::source::StoreSource;
use liaison_node::store::{Options, Store};
use liaison_node::time::{Sweeper, Timekeeper};
use liaison_node::vault::Vault;
use liaison_protocol::clock::HlcClock;
use liaison_protocol::fault::Answer;
use liaison_protocol::limits::BATCHES_IN_FLIGHT;
use liaison_protocol::record::check::Thresholds;
use liaison_protocol::record::signed::{Record, SignedRecord};
use liaison_protocol::wire::Item;

use crate::federation::{SHARE, WRITE, home, today};
use crate::table::{Table, Work};
use crate::{Fallible, Sizes};

/// Measures parsing alone, and the whole way in.
pub async fn measure(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let author = home(dir.path(), "a")?;
    let records = signed(&author, sizes.cold)?;
    let bytes: usize = records.iter().map(|(_, b)| b.len()).sum();
    let mean = bytes as f64 / records.len() as f64;
    table.row("mean size of a record", format!("{mean:.0} bytes"), "", "");

    let work = Work::begin();
    for (_, bytes) in &records {
        SignedRecord::parse(bytes.clone())?;
    }
    table.rate("parse, one core", records.len(), work, None);

    let (ingest, sweeper) = receiver(&home(dir.path(), "b")?, &author).await?;
    let courier = author.card_file()?.agency();
    let count = records.len();
    let mut records = records.into_iter();
    let mut under_way = VecDeque::new();
    let work = Work::begin();
    loop {
        while under_way.len() < BATCHES_IN_FLIGHT {
            let batch: Vec<_> = records.by_ref().take(WRITE).collect();
            if batch.is_empty() {
                break;
            }
            let ingest = ingest.clone();
            under_way.push_back(tokio::spawn(async move {
                ingest.received(courier, Route::Direct, batch).await
            }));
        }
        let Some(first) = under_way.pop_front() else {
            break;
        };
        let answers = first.await?;
        assert!(answers.iter().all(|a| *a == Answer::Stored), "{answers:?}");
    }
    let took = work.elapsed_s();
    table.rate("durable ingest", count, work, Some(0.6));

    // Of what the store holds, all but the card ends then.
    let work = Work::begin();
    let gone = sweeper.sweep(today().add_days(400).end_ms()).await?;
    let faster = took / count as f64 * gone as f64 / work.elapsed_s();
    table.rate(
        "erased because it ended",
        usize::try_from(gone)?,
        work,
        None,
    );
    table.above("erased for each taken in, at the same time", faster, 1.0);
    Ok(())
}

/// Records of an agency, as a peer would send them.
fn signed(author: &Home, count: usize) -> Fallible<Vec<(Item, Bytes)>> {
    let key = author.secrets()?.signing;
    let agency = author.card_file()?.agency();
    let mut clock = HlcClock::resume(liaison_protocol::clock::Hlc::ZERO);
    Synthetic::trends(11, today())
        .take(count)
        .map(|(mut fields, content)| {
            fields.expires = Some(today().add_days(399));
            let created = clock.tick(SystemClock.now());
            let record = Record::new(agency, created, fields, content).sign(&key)?;
            let bytes = record.bytes().clone();
            let size = u32::try_from(bytes.len())?;
            let id = record.id();
            Ok((Item { id, created, size }, bytes))
        })
        .collect()
}

/// The way in of an agency that has `author` as its peer.
async fn receiver(home: &Home, author: &Home) -> Fallible<(Ingest, Sweeper)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(home.store_dir(), Options::default())?;
    let registry = Registry::load(&store, &home.card_file()?)?;
    let card = author.card_file()?;
    registry
        .link(&store, &card, "a".into(), Vec::new(), true, clock.now())
        .await?;
    let text = PolicyText::new(vec![("policy.cedar".into(), SHARE.into())], None)?;
    let set = Arc::new(PolicySet::from_text(text)?);
    let engine = Engine::new(set, registry.directory()?, 1)?;
    let settings = Settings {
        exercise: None,
        thresholds: Thresholds::default(),
        records_per_minute: u32::MAX,
    };
    let source = Arc::new(StoreSource::new(store.clone()));
    let search = Search::open(&home.index_dir(), store.incarnation()?.0, source)?;
    let owed = Owed::default();
    let leaves = Leaves::load(&store)?;
    let search = Arc::new(search);
    let time = Timekeeper::load(store.clone(), clock.clone())?;
    let catch_up = CatchUp::load(store.clone(), search.clone(), []).await?;
    let vault = {
        let master = home.master_key(&KeyringConfig::default())?;
        let keyring = Keyring::open(&home.keyring_dir(), &master)?;
        Vault::load(store.clone(), registry.clone(), keyring)?
    };
    let sweeper = Sweeper::new(
        store.clone(),
        search.clone(),
        clock.clone(),
        time.clone(),
        vault.clone(),
        registry.own(),
    );
    let signing = Signing::new(home.secrets()?.signing);
    let options = AuditOptions {
        clock: clock.clone(),
        signing: signing.clone(),
        key: home.audit_key()?,
        keep_bytes: 1 << 30,
        restored: None,
    };
    let audit = Audit::open(home.audit_dir(), options)?;
    let ingest = Ingest::new(
        store.clone(),
        registry,
        Arc::new(Policies::new(engine)),
        owed,
        leaves,
        clock,
        time,
        catch_up,
        signing,
        settings,
        search,
        audit,
        vault,
    )?;
    Ok((ingest, sweeper))
}
