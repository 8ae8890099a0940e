//! Hybrid logical time (Kulkarni et al. 2014): wall-clock milliseconds and a counter.
//!
//! Nothing in this crate reads a clock: callers supply [`Millis`] "now".

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Milliseconds since 1970-01-01T00:00:00Z. At most 48 bits are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// A record's `created`: 48 bits of milliseconds, 16 bits of counter, so that two records
/// of one node never carry the same value and order survives a clock that stands still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hlc(u64);

impl Hlc {
    /// The value before all others.
    pub const ZERO: Hlc = Hlc(0);

    /// Builds a value; milliseconds beyond 48 bits are cut to the highest value.
    pub const fn new(wall: Millis, counter: u16) -> Self {
        let wall = if wall.0 >> 48 == 0 {
            wall.0
        } else {
            (1 << 48) - 1
        };
        Hlc((wall << 16) | counter as u64)
    }

    /// The value as it stands on the wire.
    pub const fn from_wire(value: u64) -> Self {
        Hlc(value)
    }

    /// The value as it stands on the wire.
    pub const fn to_wire(self) -> u64 {
        self.0
    }

    /// Its wall-clock part.
    pub const fn wall(self) -> Millis {
        Millis(self.0 >> 16)
    }

    /// Its counter.
    pub const fn counter(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }

    /// Whether this lies further ahead of `now` than a peer's clock may
    /// ([`limits::CLOCK_AHEAD_MS`]).
    pub const fn is_ahead_of(self, now: Millis) -> bool {
        self.wall().0 > now.0.saturating_add(limits::CLOCK_AHEAD_MS)
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.wall().0, self.counter())
    }
}

/// A node's clock: hands out values above every value it has handed out or witnessed.
#[derive(Clone, Debug)]
pub struct HlcClock {
    last: Hlc,
}

impl HlcClock {
    /// Starts above `last`, the highest value that was persisted.
    pub const fn resume(last: Hlc) -> Self {
        Self { last }
    }

    /// The highest value handed out or witnessed.
    pub const fn last(&self) -> Hlc {
        self.last
    }

    /// A new value, above all earlier ones.
    pub fn tick(&mut self, now: Millis) -> Hlc {
        let wall = Hlc::new(now, 0);
        self.last = if wall > self.last {
            wall
        } else {
            Hlc(self.last.0.saturating_add(1))
        };
        self.last
    }

    /// Takes note of a peer's value. One too far ahead is not taken up, so that no peer
    /// can push our clock; the caller answers `later: clock`.
    pub fn witness(&mut self, seen: Hlc, now: Millis) {
        if !seen.is_ahead_of(now) && seen > self.last {
            self.last = seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_rise_though_the_wall_clock_stands_or_falls() {
        let mut clock = HlcClock::resume(Hlc::ZERO);
        let a = clock.tick(Millis(5));
        let b = clock.tick(Millis(5));
        let c = clock.tick(Millis(3));
        assert!(a < b && b < c);
        assert_eq!(c.wall(), Millis(5));
    }

    #[test]
    fn a_peer_far_ahead_does_not_move_us() {
        let mut clock = HlcClock::resume(Hlc::ZERO);
        let now = Millis(1_000);
        clock.witness(Hlc::new(Millis(1_000 + limits::CLOCK_AHEAD_MS + 1), 0), now);
        assert_eq!(clock.last(), Hlc::ZERO);
        clock.witness(Hlc::new(Millis(1_000 + limits::CLOCK_AHEAD_MS), 0), now);
        assert!(clock.tick(now).wall() > now);
    }
}
