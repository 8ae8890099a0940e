//! Chance that is the same everywhere.

use liaison_protocol::record::date::{Date, Month};

/// SplitMix64, begun anew for each record: short, and the same on every machine and version.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, at: u64) -> Self {
        let mut dice = Self(seed ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.roll();
        dice
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `sides` - 1.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.roll().checked_rem(sides).unwrap_or(0)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> Option<&'a T> {
        let sides = u64::try_from(of.len()).ok()?;
        let at = usize::try_from(self.below(sides)).ok()?;
        of.get(at).copied()
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let sides = u64::try_from(of.len()).ok()?;
        let at = usize::try_from(self.below(sides)).ok()?;
        of.get(at).copied()
    }

    /// A month that is over, of the last nine years.
    pub(super) fn month(&mut self, today: Date) -> Month {
        let days = i64::try_from(31 + self.below(9 * 365)).unwrap_or(31);
        today.add_days(-days).month()
    }

    /// Counts as tables have them: many small ones, few large ones.
    pub(super) fn count(&mut self) -> u64 {
        let size = [20, 200, 2_000, 20_000];
        let most = self.pick(&size).unwrap_or(20);
        1 + self.below(most)
    }
}
