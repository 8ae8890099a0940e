//! What the sessions with each peer know and tell each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{PeerHandle, Tally};
use crate::limits;
use crate::share::Route;
use crate::store::Arrival;

/// The sessions of all peers. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct PeerSyncs(Arc<Mutex<BTreeMap<AgencyId, PeerHandle>>>);

/// The sessions with one peer.
#[derive(Debug)]
pub struct PeerSync {
    inner: Mutex<Inner>,
    /// Wakes the outbound session: a repair found something.
    pub(super) woken: Notify,
    /// Up to which arrival everything was offered and answered, while nothing is under way.
    settled: watch::Sender<Option<Arrival>>,
    answers: broadcast::Sender<Answered>,
    /// One look through the store for a repair at a time: a peer may open many.
    pub(super) repairs: Arc<Semaphore>,
    /// Sessions that the peer opened.
    pub(super) sessions: Arc<Semaphore>,
    /// The live stream that the peer opened last.
    newest_live: Mutex<Live>,
    /// Whether the whole store was looked through for the peer since the node started.
    looked_through: AtomicBool,
    /// Up to where it was, by which policy, until it was looked through whole: a stream that
    /// breaks meanwhile does not begin anew.
    looked_up_to: Mutex<(u64, Arrival)>,
    /// Answers and faults, counted.
    pub tally: Tally,
}

/// A live stream that a peer opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// Told when the peer opens a newer one: this one is to end.
    pub newer: CancellationToken,
    /// Held by whichever is served: one at a time.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Inner {
    lacking: VecDeque<RecordId>,
    last_error: Option<(Millis, String)>,
    misbehaved: Option<(Millis, String)>,
    repaired: Option<Millis>,
    last_seen: Option<Millis>,
    /// Which way the last session out went.
    route: Option<Route>,
    /// By which nonce the peer began the last repair, until it was told that it has all.
    repair: Option<[u8; 16]>,
}

impl Inner {
    /// Of what finds no room the peer is not told that it has all: the next repair finds it.
    fn lack(&mut self, ids: impl IntoIterator<Item = RecordId>) {
        let mut ids = ids.into_iter();
        let room = limits::LACKING.saturating_sub(self.lacking.len());
        self.lacking.extend(ids.by_ref().take(room));
        if ids.next().is_some() {
            self.repair = None;
        }
    }
}

/// A peer's answer to a record of ours, for those who watch.
pub type Answered = (RecordId, liaison_protocol::fault::Answer);

impl Default for PeerSync {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            woken: Notify::new(),
            settled: watch::Sender::new(None),
            answers: broadcast::Sender::new(limits::WATCH_EVENTS),
            repairs: Arc::new(Semaphore::new(1)),
            sessions: Arc::new(Semaphore::new(limits::SESSIONS_PER_PEER)),
            newest_live: Mutex::default(),
            looked_through: AtomicBool::new(false),
            looked_up_to: Mutex::new((0, Arrival(0))),
            tally: Tally::default(),
        }
    }
}

impl PeerSyncs {
    /// The sessions with a peer.
    pub fn of(&self, agency: &AgencyId) -> PeerHandle {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(*agency).or_default().clone()
    }
}

impl PeerSync {
    /// What went wrong last, and when.
    pub fn last_error(&self) -> Option<(Millis, String)> {
        self.lock().last_error.clone()
    }

    /// How the peer last broke the protocol, and when: unlike a broken line it is not mended
    /// by the next connection.
    pub fn fault(&self) -> Option<(Millis, String)> {
        self.lock().misbehaved.clone()
    }

    /// When a repair with the peer last ran to its end.
    pub fn repaired(&self) -> Option<Millis> {
        self.lock().repaired
    }

    /// Tells up to which arrival everything that the peer may have was offered and answered;
    /// none while something is under way, or the peer is not connected.
    pub fn settled(&self) -> watch::Receiver<Option<Arrival>> {
        self.settled.subscribe()
    }

    /// The peer opened a live stream: the one before it is to end.
    pub(super) fn begin_live(&self) -> Live {
        let mut newest = self
            .newest_live
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let live = Live {
            newer: CancellationToken::new(),
            turn: newest.turn.clone(),
        };
        std::mem::replace(&mut *newest, live.clone()).newer.cancel();
        live
    }

    /// Tells the peer's answers as they come.
    pub fn answers(&self) -> broadcast::Receiver<Answered> {
        self.answers.subscribe()
    }

    pub(crate) fn answered(&self, id: RecordId, answer: liaison_protocol::fault::Answer) {
        self.tally.got(answer);
        // Nobody watching is no error.
        let _watchers = self.answers.send((id, answer));
    }

    pub(super) fn failed(&self, at: Millis, says: String) {
        self.lock().last_error = Some((at, says));
    }

    pub(super) fn misbehaved(&self, at: Millis, says: String) {
        self.lock().misbehaved = Some((at, says));
    }

    pub(super) fn is_looked_through(&self) -> bool {
        self.looked_through.load(Ordering::Relaxed)
    }

    /// Whether the store was looked through; if not, it is from its beginning.
    pub(super) fn set_looked_through(&self, looked: bool) {
        self.looked_through.store(looked, Ordering::Relaxed);
        if !looked {
            *self.looked() = (0, Arrival(0));
        }
    }

    /// Up to where everything was looked at for the peer, and answered, by a policy.
    pub(super) fn looked_up_to(&self, epoch: u64) -> Arrival {
        let (of, arrival) = *self.looked();
        match of == epoch {
            true => arrival,
            false => Arrival(0),
        }
    }

    pub(super) fn set_looked_up_to(&self, epoch: u64, arrival: Arrival) {
        let mut looked = self.looked();
        if looked.0 != epoch || looked.1 < arrival {
            *looked = (epoch, arrival);
        }
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, (u64, Arrival)> {
        self.looked_up_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A session out goes this way. What could not go through the hub of the one before lies
    /// before the cursor: then the whole store is looked through once more.
    pub(super) fn goes_by(&self, route: Route) {
        let before = self.lock().route.replace(route);
        if before.is_some_and(|before| before.hub().is_some() && before != route) {
            self.set_looked_through(false);
        }
    }

    pub(super) fn set_settled(&self, up_to: Option<Arrival>) {
        self.settled
            .send_if_modified(|old| std::mem::replace(old, up_to) != up_to);
    }

    /// When the link to it was last seen up.
    pub fn last_seen(&self) -> Option<Millis> {
        self.lock().last_seen
    }

    pub(super) fn down(&self, now: Millis) {
        self.lock().last_seen = Some(now);
        self.set_settled(None);
    }

    /// The peer has all that the last repair found, if it began one: by which nonce.
    pub(super) fn take_repair(&self) -> Option<[u8; 16]> {
        let mut inner = self.lock();
        if inner.lacking.is_empty() {
            inner.repair.take()
        } else {
            None
        }
    }

    /// A repair ended: these the peer lacks. `begun` is its nonce, if the peer began it.
    pub(super) fn repaired_with(
        &self,
        at: Millis,
        lacking: Vec<RecordId>,
        begun: Option<[u8; 16]>,
    ) {
        let mut inner = self.lock();
        inner.repair = begun.or(inner.repair);
        inner.repaired = Some(at);
        inner.lack(lacking);
        drop(inner);
        self.woken.notify_one();
    }

    /// The next ids that a repair found lacking.
    pub(super) fn take_lacking(&self, count: usize) -> Vec<RecordId> {
        let mut inner = self.lock();
        let count = count.min(inner.lacking.len());
        inner.lacking.drain(..count).collect()
    }

    /// What a session took and did not come to: the next one does.
    pub(super) fn give_back(&self, ids: impl IntoIterator<Item = RecordId>) {
        self.lock().lack(ids);
    }

    /// Records that the last repair found and that it was not offered yet.
    pub fn lacking(&self) -> usize {
        self.lock().lacking.len()
    }

    /// Sessions that the peer opened and that are open.
    pub fn open_sessions(&self) -> usize {
        limits::SESSIONS_PER_PEER.saturating_sub(self.sessions.available_permits())
    }

    pub(super) fn has_lacking(&self) -> bool {
        !self.lock().lacking.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_through_the_store_goes_on_where_a_stream_broke_under_the_same_policy() {
        let peer = PeerSync::default();
        assert_eq!(peer.looked_up_to(1), Arrival(0));
        peer.set_looked_up_to(1, Arrival(4_000));
        peer.set_looked_up_to(1, Arrival(2_000));
        assert_eq!(peer.looked_up_to(1), Arrival(4_000));
        assert_eq!(peer.looked_up_to(2), Arrival(0), "another policy");
        peer.set_looked_up_to(2, Arrival(10));
        assert_eq!(peer.looked_up_to(2), Arrival(10));
        // What could not go this way goes by another: from the beginning.
        peer.set_looked_through(false);
        assert_eq!(peer.looked_up_to(2), Arrival(0));
        peer.goes_by(Route::Circuit(AgencyId::from_bytes([1; 32])));
        peer.set_looked_up_to(2, Arrival(10));
        peer.goes_by(Route::Direct);
        assert_eq!(peer.looked_up_to(2), Arrival(0));
    }

    #[test]
    fn of_a_repair_that_found_too_much_nobody_is_told_that_it_has_all() {
        let peer = PeerSync::default();
        let ids = |count: usize| {
            let id = |n: usize| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
                RecordId::from_bytes(bytes)
            };
            (0..count).map(id).collect::<Vec<_>>()
        };
        for (found, told) in [
            (3, Some([7; 16])),
            (limits::LACKING, Some([7; 16])),
            (limits::LACKING + 1, None),
        ] {
            peer.repaired_with(Millis(1), ids(found), Some([7; 16]));
            assert_eq!(peer.take_repair(), None, "it lacks something still");
            peer.take_lacking(found);
            assert_eq!(peer.take_repair(), told, "{found}");
        }
        // Nor of one whose ids found no room when a session gave them back.
        peer.repaired_with(Millis(1), ids(limits::LACKING), Some([7; 16]));
        peer.give_back(ids(1));
        peer.take_lacking(limits::LACKING);
        assert_eq!(peer.take_repair(), None);
    }
}
