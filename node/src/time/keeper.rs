//! Is the wall clock to be believed? A wrong one must destroy nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::AgencyId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::control::text::rfc3339;
use crate::limits;
use crate::store::{Op, Store, StoreError};

/// Name of the stored value that holds the latest time seen.
const SEEN: &str = "time/seen";

/// Name of the stored value that holds how far the latest time seen was set back in all.
const SET_BACK: &str = "time/set-back";

/// Holds the wall clock against the latest time seen here and against the peers' clocks.
/// Clones share it.
#[derive(Clone, Debug)]
pub struct Timekeeper(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    /// The latest time that was believed.
    seen: Millis,
    /// Milliseconds by which that was set back in all.
    set_back: u64,
    /// Both, as they are on disk.
    kept: (Millis, u64),
    /// A time that was believed, and when that was by a clock that nobody can set: what has
    /// passed since has passed, wherever the wall clock is set.
    anchor: (Millis, Instant),
    /// What each peer's clock said, and when that was by a clock that nobody can set.
    peers: BTreeMap<AgencyId, (Millis, Instant)>,
    /// How far off the peers an administrator confirmed the clock to be, in milliseconds; over
    /// when they agree with it.
    confirmed: Option<i64>,
}

/// Why the wall clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is behind the latest time seen here.
    Behind {
        /// What it says.
        now: Millis,
        /// Milliseconds.
        by: u64,
    },
    /// It is far ahead of the latest time seen here.
    Ahead {
        /// What it says.
        now: Millis,
        /// Milliseconds.
        by: u64,
    },
    /// It is off the median of the peers' clocks.
    OffPeers {
        /// What it says.
        now: Millis,
        /// Milliseconds that it is ahead of them; negative: behind.
        by: i64,
        /// Whose clocks are known.
        peers: usize,
    },
}

impl Timekeeper {
    /// Takes up the latest time that was persisted.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let value = |name| -> Result<Option<u64>, StoreError> {
            let bytes = store.meta(name)?;
            Ok(bytes
                .and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok())
                .map(u64::from_be_bytes))
        };
        let seen = match value(SEEN)? {
            Some(ms) => Millis(ms),
            // Before the first note: what the last record says; in a new store, the clock.
            None => value(crate::ingest::CLOCK)?
                .map(|hlc| Hlc::from_wire(hlc).wall())
                .filter(|wall| wall.0 > 0)
                .unwrap_or_else(|| clock.now()),
        };
        let set_back = value(SET_BACK)?.unwrap_or(0);
        Ok(Self(Arc::new(Shared {
            store,
            clock,
            inner: Mutex::new(Inner::new(seen, set_back, Instant::now())),
            changes: watch::Sender::new(0),
        })))
    }

    /// The wall clock, if it is to be believed. Only then may anything be destroyed because
    /// of the time.
    ///
    /// # Errors
    /// Why not.
    pub fn trusted(&self) -> Result<Millis, Doubt> {
        let mut inner = self.lock();
        // Read in turn: who read earlier and comes later would set the time back.
        let now = self.0.clock.now();
        let at = Instant::now();
        inner.pass(now, at);
        let off = inner.off(now, at);
        if let Some(doubt) = inner.doubt(now, off) {
            return Err(doubt);
        }
        if off.is_some_and(|by| by.unsigned_abs() <= limits::CLOCK_OFF_PEERS_MS) {
            inner.confirmed = None;
        }
        inner.believe(now, off);
        inner.pass(now, at);
        Ok(now)
    }

    /// The wall clock if it is to be believed, else the latest time that was: for what must not
    /// end early because a clock jumped ahead.
    pub fn believed(&self) -> Millis {
        self.trusted().unwrap_or_else(|_| self.lock().seen)
    }

    /// Milliseconds that the wall clock is ahead of the median of the peers' clocks; none if no
    /// peer told its time.
    pub fn off_peers(&self) -> Option<i64> {
        let now = self.0.clock.now();
        self.lock().off(now, Instant::now())
    }

    /// The later of the wall clock and the latest time that was believed: what has ended by
    /// it is not released, whatever the clock says.
    pub fn latest(&self) -> Millis {
        let now = self.0.clock.now();
        now.max(self.lock().seen)
    }

    /// What [`Self::latest`] would be if the clock had never been set back, whoever confirmed
    /// that, and however little it was each time: for spans that nobody may lengthen by setting
    /// it back. No date; [`Self::on_clock`] makes one of it.
    pub fn reckoned(&self) -> Millis {
        let mut inner = self.lock();
        let now = self.0.clock.now();
        inner.pass(now, Instant::now());
        Millis(now.max(inner.seen).0.saturating_add(inner.set_back))
    }

    /// What the wall clock says, as it is set now, when it is so late by [`Self::reckoned`].
    pub fn on_clock(&self, reckoned: Millis) -> Millis {
        Millis(reckoned.0.saturating_sub(self.lock().set_back))
    }

    /// What a peer's clock says now.
    pub fn peer_says(&self, peer: AgencyId, theirs: Millis) {
        {
            let mut inner = self.lock();
            let full = inner.peers.len() >= limits::LEDGER_PEERS;
            if full && !inner.peers.contains_key(&peer) {
                return;
            }
            inner.peers.insert(peer, (theirs, Instant::now()));
        }
        self.changed();
    }

    /// A peer's clock counts no more: it is no peer any more.
    pub fn forget(&self, peer: &AgencyId) {
        self.lock().peers.remove(peer);
        self.changed();
    }

    /// An administrator says that the wall clock is right; gives the doubt that this ends.
    ///
    /// # Errors
    /// It can't be written down; the doubt stays.
    pub async fn confirm(&self) -> Result<Option<Doubt>, StoreError> {
        let doubt = self.trusted().err();
        if doubt.is_some() {
            let now = self.0.clock.now();
            let set_back = {
                let inner = self.lock();
                inner.set_back_at(now)
            };
            self.write(now, set_back).await?;
            let mut inner = self.lock();
            inner.confirmed = inner.off(now, Instant::now());
            inner.goes_to(now);
            inner.kept = (now, set_back);
        }
        self.changed();
        Ok(doubt)
    }

    /// Writes the latest time down, if it moved far enough to be worth a write.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn keep(&self) -> Result<(), StoreError> {
        let (seen, set_back) = {
            let inner = self.lock();
            let (seen, set_back) = inner.kept;
            let moved = inner.seen.0.abs_diff(seen.0);
            if moved.max(inner.set_back.abs_diff(set_back)) < limits::TIME_KEPT_MS {
                return Ok(());
            }
            (inner.seen, inner.set_back)
        };
        self.write(seen, set_back).await?;
        self.lock().kept = (seen, set_back);
        Ok(())
    }

    /// Tells when it has to be asked anew: a peer told its time, or an administrator confirmed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The time of a peer, estimated from what it said last; none if it never did.
    pub fn time_at(&self, peer: &AgencyId) -> Option<Millis> {
        let inner = self.lock();
        let (said, at) = inner.peers.get(peer)?;
        Some(later(*said, at.elapsed()))
    }

    async fn write(&self, seen: Millis, set_back: u64) -> Result<(), StoreError> {
        let put = |name: &str, value: u64| Op::PutMeta {
            name: name.into(),
            bytes: value.to_be_bytes().to_vec().into(),
        };
        let ops = vec![put(SEEN, seen.0), put(SET_BACK, set_back)];
        self.0.store.write(ops).await.map(|_| ())
    }

    fn changed(&self) {
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new(seen: Millis, set_back: u64, at: Instant) -> Self {
        Self {
            seen,
            set_back,
            kept: (seen, set_back),
            anchor: (seen, at),
            peers: BTreeMap::new(),
            confirmed: None,
        }
    }

    /// Time passes by a clock that nobody can set. Where the wall clock falls behind it, by more
    /// than clocks may differ, it was set back, at once or bit by bit.
    fn pass(&mut self, now: Millis, at: Instant) {
        let reached = now.max(self.seen);
        let (anchor, since) = self.anchor;
        let passed = later(anchor, at.saturating_duration_since(since));
        let lag = passed.0.saturating_sub(reached.0);
        if lag > limits::CLOCK_OFF_PEERS_MS {
            self.set_back = self.set_back.saturating_add(lag);
            self.anchor = (reached, at);
        } else {
            self.anchor = (passed.max(self.seen), at);
        }
    }

    /// Takes this for the latest time, and counts by how much that sets it back.
    fn goes_to(&mut self, now: Millis) {
        let by = self.seen.0.saturating_sub(now.0);
        self.set_back = self.set_back_at(now);
        self.anchor.0 = Millis(self.anchor.0.0.saturating_sub(by));
        self.seen = now;
    }

    /// How far it is set back in all once this is the latest time.
    fn set_back_at(&self, now: Millis) -> u64 {
        let by = self.seen.0.saturating_sub(now.0);
        self.set_back.saturating_add(by)
    }

    fn doubt(&self, now: Millis, off: Option<i64>) -> Option<Doubt> {
        if let Some(by) = off {
            // A peer that comes nearer to what was confirmed, or another that agrees, moves the
            // median: that is no reason to doubt. Only what is further off, or off to the other
            // side, is.
            let confirmed = self.confirmed.unwrap_or(0);
            let most = i64::try_from(limits::CLOCK_OFF_PEERS_MS).unwrap_or(i64::MAX);
            let fits =
                confirmed.min(0).saturating_sub(most)..=confirmed.max(0).saturating_add(most);
            let peers = self.peers.len();
            return (!fits.contains(&by)).then_some(Doubt::OffPeers { now, by, peers });
        }
        let behind = self.seen.0.saturating_sub(now.0);
        let ahead = now.0.saturating_sub(self.seen.0);
        if behind > limits::CLOCK_BEHIND_MS {
            Some(Doubt::Behind { now, by: behind })
        } else if ahead > limits::CLOCK_JUMP_MS {
            Some(Doubt::Ahead { now, by: ahead })
        } else {
            None
        }
    }

    /// Takes up a time that is not doubted. A clock that is set back by what clocks may differ
    /// takes nothing back: what has ended stays so. But a latest time that lies further ahead
    /// than that was a mistake, if the peers' clocks bear it out.
    fn believe(&mut self, now: Millis, off: Option<i64>) {
        let mistaken = off.is_some_and(|by| {
            // How far it lags behind the peers, or behind what was confirmed of them, is no
            // mistake of the latest time.
            let lags = self.confirmed.unwrap_or(0).min(0).saturating_sub(by).max(0);
            let back = self.seen.0.saturating_sub(now.0);
            back > limits::CLOCK_OFF_PEERS_MS.saturating_add(lags.unsigned_abs())
        });
        if now > self.seen || mistaken {
            self.goes_to(now);
        }
    }

    /// Milliseconds that the wall clock is ahead of the median of the peers; none if no peer
    /// ever told its time.
    fn off(&self, now: Millis, at: Instant) -> Option<i64> {
        let mut offs: Vec<i64> = self
            .peers
            .values()
            .map(|(said, when)| {
                let theirs = later(*said, at.saturating_duration_since(*when));
                let off = i128::from(now.0) - i128::from(theirs.0);
                i64::try_from(off).unwrap_or(if off < 0 { i64::MIN } else { i64::MAX })
            })
            .collect();
        offs.sort_unstable();
        let (low, high) = (offs.len().checked_sub(1)? / 2, offs.len() / 2);
        let (low, high) = (offs.get(low)?, offs.get(high)?);
        i64::try_from((i128::from(*low) + i128::from(*high)) / 2).ok()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, what) = match self {
            Doubt::Behind { now, by } => (
                now,
                format!("{} behind the latest time seen here", span(*by)),
            ),
            Doubt::Ahead { now, by } => (
                now,
                format!("{} ahead of the latest time seen here", span(*by)),
            ),
            Doubt::OffPeers { now, by, peers } => {
                let side = if *by < 0 { "behind" } else { "ahead of" };
                let whose = if *peers == 1 {
                    "the clock of the one peer that told its own".to_owned()
                } else {
                    format!("the median of {peers} peers' clocks")
                };
                (now, format!("{} {side} {whose}", span(by.unsigned_abs())))
            }
        };
        write!(
            f,
            "this machine's clock says {}, which is {what}. Nothing expires and no key is renewed or deleted until it agrees again. Set the clock, or, if it is right, type 'liaison clock confirm'",
            rfc3339(*now)
        )
    }
}

fn later(at: Millis, by: std::time::Duration) -> Millis {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    Millis(at.0.saturating_add(by))
}

fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(peers: &[i64]) -> (Inner, Millis, Instant) {
        let (now, instant) = (Millis(1_000 * HOUR), Instant::now());
        let mut inner = Inner::new(now, 0, instant);
        for (n, off) in (0u8..).zip(peers) {
            let theirs = Millis(now.0.saturating_add_signed(-off));
            let peer = AgencyId::from_bytes([n; 32]);
            inner.peers.insert(peer, (theirs, instant));
        }
        (inner, now, instant)
    }

    fn doubt(inner: &Inner, now: Millis, instant: Instant) -> Option<Doubt> {
        inner.doubt(now, inner.off(now, instant))
    }

    #[test]
    fn alone_it_goes_by_the_latest_time_seen() {
        let (inner, now, instant) = at(&[]);
        let says = |ms: i64| doubt(&inner, Millis(now.0.saturating_add_signed(ms)), instant);
        let hour = HOUR as i64;
        assert_eq!(says(-hour), None);
        assert!(matches!(says(-hour - 1), Some(Doubt::Behind { .. })));
        assert_eq!(says(24 * hour), None);
        assert!(matches!(says(24 * hour + 1), Some(Doubt::Ahead { .. })));
    }

    #[test]
    fn the_median_of_the_peers_outweighs_one_of_them_and_the_past() {
        let ten = 600_000;
        let (inner, now, instant) = at(&[0, 1_000, 9 * HOUR as i64]);
        assert_eq!(doubt(&inner, now, instant), None);
        let (inner, now, instant) = at(&[ten + 2, ten + 1, 0]);
        assert!(matches!(
            doubt(&inner, now, instant),
            Some(Doubt::OffPeers { peers: 3, .. })
        ));
        // A month later than ever before: three peers say so as well.
        let (mut inner, now, instant) = at(&[0, 0, 1_000]);
        inner.seen = Millis(now.0 - 30 * 24 * HOUR);
        assert_eq!(doubt(&inner, now, instant), None);
        inner.peers.clear();
        assert!(matches!(
            doubt(&inner, now, instant),
            Some(Doubt::Ahead { .. })
        ));
    }

    #[test]
    fn peers_clocks_go_on_by_a_clock_that_nobody_sets() {
        let (inner, now, instant) = at(&[0]);
        let hour = std::time::Duration::from_secs(3_600);
        assert_eq!(inner.off(now, instant + hour), Some(-(HOUR as i64)));
        assert_eq!(inner.off(Millis(now.0 + HOUR), instant + hour), Some(0));
    }

    #[test]
    fn a_clock_that_is_set_back_takes_nothing_of_the_time_that_passed() {
        let (mut inner, now, _) = at(&[]);
        let reckoned = |inner: &Inner| inner.seen.0 + inner.set_back;
        let mut passed = reckoned(&inner);
        for (to, passes) in [(71, 71), (21, 0), (22, 1), (0, 0), (90, 90)] {
            inner.goes_to(Millis(now.0 + to * HOUR));
            passed += passes * HOUR;
            assert_eq!(reckoned(&inner), passed, "{to}");
        }
    }

    #[test]
    fn set_back_bit_by_bit_without_peers_the_time_that_passed_counts_all_the_same() {
        const BIT: u64 = 9 * 60_000;
        let (mut inner, start, mut at) = at(&[]);
        let reckoned = |inner: &Inner, now: Millis| now.max(inner.seen).0 + inner.set_back;
        let mut now = start;
        let look = |inner: &mut Inner, now: Millis, at: Instant| {
            inner.pass(now, at);
            assert_eq!(inner.doubt(now, None), None, "nobody notices");
            inner.believe(now, None);
            inner.pass(now, at);
        };
        for _ in 0..100 {
            look(&mut inner, now, at);
            at += std::time::Duration::from_millis(BIT);
            look(&mut inner, Millis(start.0 + BIT), at);
            now = start;
        }
        look(&mut inner, now, at);
        let counted = reckoned(&inner, now) - start.0;
        let short = (100 * BIT).abs_diff(counted);
        assert!(short <= limits::CLOCK_OFF_PEERS_MS, "{short} ms");
        // A clock that goes as it should, and one that is a little slow, change nothing.
        let before = inner.set_back;
        for minute in 1..600 {
            let at = at + std::time::Duration::from_millis(minute * 60_000);
            look(&mut inner, Millis(start.0 + BIT + minute * 59_990), at);
        }
        assert!(inner.set_back - before <= limits::CLOCK_OFF_PEERS_MS);
    }

    #[test]
    fn what_an_administrator_sets_back_counts_once() {
        let (mut inner, now, at) = at(&[]);
        inner.pass(now, at);
        let back = Millis(now.0 - 71 * HOUR);
        inner.goes_to(back);
        inner.pass(back, at);
        inner.pass(back, at + std::time::Duration::from_secs(60));
        assert_eq!(inner.set_back, 71 * HOUR);
    }

    #[test]
    fn set_back_by_little_it_takes_nothing_back_and_a_mistake_ends_by_the_peers_word() {
        let minute = 60_000;
        let (mut inner, now, instant) = at(&[0, 0, 0]);
        let believe = |inner: &mut Inner, now: Millis| {
            let off = inner.off(now, instant);
            assert_eq!(inner.doubt(now, off), None);
            inner.believe(now, off);
            inner.seen
        };
        assert_eq!(believe(&mut inner, now), now);
        let ahead = Millis(now.0 + 9 * minute);
        assert_eq!(believe(&mut inner, ahead), ahead);
        assert_eq!(believe(&mut inner, now), ahead);
        assert_eq!(believe(&mut inner, Millis(now.0 - 9 * minute)), ahead);
        inner.seen = Millis(now.0 + 11 * minute);
        assert_eq!(believe(&mut inner, now), now);
        // As far ahead of the peers as was confirmed it is no mistake; when it comes nearer to
        // them it was.
        inner.confirmed = Some(70 * HOUR as i64);
        let ahead = Millis(now.0 + 70 * HOUR);
        assert_eq!(believe(&mut inner, ahead), ahead);
        let nearer = Millis(now.0 + 20 * HOUR);
        let before = inner.set_back;
        assert_eq!(believe(&mut inner, nearer), nearer);
        assert_eq!(inner.set_back - before, 50 * HOUR);
    }

    #[test]
    fn what_was_confirmed_is_measured_from_there() {
        let (mut inner, now, instant) = at(&[-(HOUR as i64)]);
        assert!(doubt(&inner, now, instant).is_some());
        inner.confirmed = inner.off(now, instant);
        assert_eq!(doubt(&inner, now, instant), None);
        // Nearer to the peers is no news; as far off to the other side is, and further off.
        let says = |ms: i64| doubt(&inner, Millis(now.0.saturating_add_signed(ms)), instant);
        let (hour, ten) = (HOUR as i64, 600_000);
        assert_eq!(says(hour), None, "as the peers say");
        assert_eq!(says(hour + ten), None);
        assert!(says(hour + ten + 1).is_some());
        assert_eq!(says(-ten), None);
        assert!(says(-ten - 1).is_some());
        // A second peer that says what the clock says moves the median.
        inner
            .peers
            .insert(AgencyId::from_bytes([9; 32]), (now, instant));
        assert_eq!(doubt(&inner, now, instant), None);
    }
}
