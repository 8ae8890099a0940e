//! What only a look through the store tells: how far each peer is behind, and how many records of
//! which plane came. It is asked for by whoever fetches the figures, and costs time, so it is
//! made in the background, now and then, and what was found is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Kind, Plane};
use tokio::sync::watch;

use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::share::Standing;
use crate::store::{Arrival, StoreError};

/// The last walk, and whether one is under way.
#[derive(Default)]
pub(super) struct Walks {
    state: Mutex<State>,
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    runs: bool,
    last: Option<(Instant, Duration)>,
    found: Arc<Found>,
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub peers: BTreeMap<AgencyId, Behind>,
    /// Records that ever came, by plane; none: of a later version.
    pub planes: BTreeMap<Option<Plane>, u64>,
    /// Up to which arrival they are counted.
    counted: Arrival,
    /// When the walk ended, by our clock; none: there was none yet.
    pub at: Option<Millis>,
}

/// How a peer stands.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    pub standing: Standing,
    /// Records that it wants offered again, at most [`limits::STORE_ROWS`].
    pub later: u64,
    /// Control records that it was owed and has not taken, or not answered.
    pub owed: u64,
    /// Of these, retractions and recalls.
    pub withdrawals: u64,
    /// Since when the oldest of those is owed.
    pub since: Option<Millis>,
}

impl Walks {
    /// What the last walk found; begins another one if it is time, and waits for it a little.
    pub async fn found(&self, node: &Node) -> Arc<Found> {
        let mut done = self.done.subscribe();
        if self.begin() {
            let walker = node.clone();
            node.spawn(async move {
                let began = Instant::now();
                let before = walker.metrics.0.walks.last();
                let of = walker.clone();
                let found = tokio::task::spawn_blocking(move || walk(&of, &before)).await;
                let found = match found {
                    Ok(Ok(found)) => Some(found),
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "the figures of the peers were not taken");
                        None
                    }
                    Err(_) => None,
                };
                walker.metrics.0.walks.end(began, found);
            });
        }
        if self.runs() {
            let patience = Duration::from_millis(limits::METRICS_WAIT_MS);
            // Later than that the figures of before do.
            let _in_time = tokio::time::timeout(patience, done.changed()).await;
        }
        self.last()
    }

    /// Whether a walk is due; then it is under way from now on.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        let due = state.last.is_none_or(|(ended, took)| {
            let pause = took.saturating_mul(limits::METRICS_PAUSE);
            ended.elapsed() >= pause.max(Duration::from_millis(limits::METRICS_FRESH_MS))
        });
        let begin = due && !state.runs;
        state.runs |= begin;
        begin
    }

    fn end(&self, began: Instant, found: Option<Found>) {
        let mut state = self.lock();
        state.runs = false;
        state.last = Some((Instant::now(), began.elapsed()));
        if let Some(found) = found {
            state.found = Arc::new(found);
        }
        drop(state);
        self.done.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn runs(&self) -> bool {
        self.lock().runs
    }

    fn last(&self) -> Arc<Found> {
        self.lock().found.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocks for as long as the store is large. A node that is asked to stop is not held up for
/// longer than one peer takes.
fn walk(node: &Node, before: &Found) -> Result<Found, StoreError> {
    let stop = node.stopping();
    let mut found = Found {
        peers: BTreeMap::new(),
        at: None,
        ..before.clone()
    };
    loop {
        let rows = node
            .store
            .headers(found.counted.next(), limits::STORE_ROWS)?;
        let Some((last, _)) = rows.last() else { break };
        found.counted = *last;
        for (_, header) in &rows {
            let plane = kind::of(header).map(|k| k.plane());
            *found.planes.entry(plane).or_default() += 1;
        }
    }
    for peer in node.registry.peers().into_keys() {
        if *stop.borrow() {
            break;
        }
        found.peers.insert(peer, behind(node, &peer)?);
    }
    found.at = Some(node.clock.now());
    Ok(found)
}

fn behind(node: &Node, peer: &AgencyId) -> Result<Behind, StoreError> {
    let owed = node.share.unanswered(peer)?;
    let withdrawals = || {
        owed.iter()
            .filter(|(_, h)| matches!(kind::of(h), Some(Kind::Retract | Kind::Recall)))
    };
    let later = node.store.later(peer, Arrival(0), limits::STORE_ROWS)?;
    Ok(Behind {
        standing: node.share.standing(peer)?,
        later: later.len() as u64,
        owed: owed.len() as u64,
        withdrawals: withdrawals().count() as u64,
        since: withdrawals().map(|(_, header)| header.received).min(),
    })
}
