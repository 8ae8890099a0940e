//! The one place of the node that reads the system's clock. Everything else is handed a
//! [`Clock`], so that a test can set the time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use liaison_protocol::clock::Millis;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since 1970-01-01T00:00:00Z, by this machine's wall clock. It may stand
    /// still or go back: order is the business of [`liaison_protocol::clock::HlcClock`].
    fn now(&self) -> Millis;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A clock set before 1970 reads as 1970.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> Millis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands where it was set: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn new(now: Millis) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Millis) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves it on by `ms` milliseconds, at most to the end of time, and returns where it
    /// stands then.
    pub fn advance(&self, ms: u64) -> Millis {
        let mut now = self.0.load(Ordering::SeqCst);
        loop {
            let next = now.saturating_add(ms);
            match self
                .0
                .compare_exchange(now, next, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return Millis(next),
                Err(other) => now = other,
            }
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = ManualClock::new(Millis(7));
        assert_eq!(clock.now(), Millis(7));
        assert_eq!(clock.advance(5), Millis(12));
        clock.set(Millis(3));
        assert_eq!(clock.now(), Millis(3));
        clock.set(Millis(u64::MAX));
        assert_eq!(clock.advance(1), Millis(u64::MAX));
    }

    #[test]
    fn the_system_clock_is_past_2020() {
        assert!(SystemClock.now() > Millis(1_577_836_800_000));
    }
}
