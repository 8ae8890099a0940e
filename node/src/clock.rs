//! The one place of the node that reads the system's clock. Everything else is handed a
//! [`Clock`], so that a test can set the time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use liaison_protocol::clock::Millis;
use tokio::sync::watch;

use crate::limits;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since 1970-01-01T00:00:00Z, by this machine's wall clock. It may stand
    /// still or go back: order is the business of [`liaison_protocol::clock::HlcClock`].
    fn now(&self) -> Millis;

    /// Waits for the time `due`, as seen at `seen`. May end before it, at the latest when the
    /// clock was set meanwhile, so that the caller looks again.
    fn wait(&self, seen: Millis, due: Millis) -> BoxFuture<'static, ()>;
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

    /// Ends after a minute at the latest: nobody tells when the clock is set.
    fn wait(&self, _seen: Millis, due: Millis) -> BoxFuture<'static, ()> {
        let left = due.0.saturating_sub(self.now().0);
        let left = left.min(limits::CLOCK_LOOK_MS);
        Box::pin(tokio::time::sleep(Duration::from_millis(left)))
    }
}

/// A clock that stands where it was set: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Millis>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Millis) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Millis) {
        self.0.send_replace(now);
    }

    /// Moves it on by `ms` milliseconds, at most to the end of time, and returns where it
    /// stands then.
    pub fn advance(&self, ms: u64) -> Millis {
        let mut moved = Millis(0);
        self.0.send_modify(|now| {
            now.0 = now.0.saturating_add(ms);
            moved = *now;
        });
        moved
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        *self.0.borrow()
    }

    fn wait(&self, seen: Millis, due: Millis) -> BoxFuture<'static, ()> {
        let mut clock = self.0.subscribe();
        Box::pin(async move {
            // Without its clock nothing is ever due.
            if clock
                .wait_for(|now| *now != seen || *now >= due)
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        })
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
