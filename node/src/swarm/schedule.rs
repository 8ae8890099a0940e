//! When a peer is dialled again: waits that double, with jitter.

use std::time::{Duration, Instant};

use super::limits::Timing;

/// The dialling of one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    /// Failures since the link was last up for long enough.
    pub(super) attempts: u32,
    /// When to dial; `None`: not now (connected, dialling, or nothing to dial).
    pub(super) due: Option<Instant>,
}

impl Schedule {
    /// Dial at once, as if nothing had ever failed.
    pub(super) fn reset(&mut self, now: Instant) {
        self.attempts = 0;
        self.due = Some(now);
    }

    /// Dial at once, without forgetting the failures.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Not until told.
    pub(super) fn rest(&mut self) {
        self.due = None;
    }

    /// After a failure: half to all of the wait that is due; `chance` lies in 0..1.
    pub(super) fn failed(&mut self, now: Instant, timing: &Timing, chance: f64) {
        let wait = timing
            .redial_min
            .saturating_mul(2u32.saturating_pow(self.attempts.min(20)))
            .min(timing.redial_max);
        self.attempts = self.attempts.saturating_add(1);
        self.due = Some(now + wait.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0));
    }

    /// After a link that was up for `lasted`: a long one starts anew, a short one (the peer
    /// refuses us, or flaps) counts as a failure.
    pub(super) fn ended(&mut self, now: Instant, lasted: Duration, timing: &Timing, chance: f64) {
        if lasted >= timing.stable {
            self.attempts = 0;
        }
        self.failed(now, timing, chance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_a_stable_link_starts_anew() {
        let timing = Timing::default();
        let now = Instant::now();
        let mut schedule = Schedule::default();
        let mut waits = Vec::new();
        for _ in 0..40 {
            schedule.failed(now, &timing, 1.0);
            waits.push(schedule.due.expect("due") - now);
        }
        assert_eq!(waits[0], timing.redial_min);
        assert_eq!(waits[1], 2 * timing.redial_min);
        assert_eq!(*waits.last().expect("last"), timing.redial_max);
        schedule.failed(now, &timing, 0.0);
        assert_eq!(schedule.due.expect("due") - now, timing.redial_max / 2);
        schedule.ended(now, Duration::ZERO, &timing, 1.0);
        assert_eq!(schedule.due.expect("due") - now, timing.redial_max);
        schedule.ended(now, timing.stable, &timing, 1.0);
        assert_eq!(schedule.due.expect("due") - now, timing.redial_min);
        assert_eq!(schedule.attempts, 1);
    }
}
