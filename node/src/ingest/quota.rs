//! How much one peer may send: a bucket of records that fills by the minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

/// A bucket a courier. Bounded by the number of peers.
pub struct Quotas {
    per_minute: u64,
    buckets: Mutex<BTreeMap<AgencyId, Bucket>>,
}

struct Bucket {
    /// Thousandths of a record, so that slow rates fill evenly.
    left: u64,
    at: Millis,
}

impl Quotas {
    /// Buckets that hold a minute's worth.
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute: u64::from(per_minute),
            buckets: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes up to `count` records out of the courier's bucket, as many as it holds; returns
    /// how many. All or nothing would never let a batch through that is larger than a
    /// minute's worth.
    pub fn take(&self, courier: &AgencyId, count: usize, now: Millis) -> usize {
        let full = self.per_minute.saturating_mul(1_000);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(*courier).or_insert(Bucket {
            left: full,
            at: now,
        });
        let elapsed = now.0.saturating_sub(bucket.at.0);
        let filled = elapsed.saturating_mul(self.per_minute) / 60;
        bucket.left = bucket.left.saturating_add(filled).min(full);
        bucket.at = now;
        let taken = (count as u64).min(bucket.left / 1_000);
        bucket.left = bucket.left.saturating_sub(taken.saturating_mul(1_000));
        usize::try_from(taken).unwrap_or(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let quotas = Quotas::new(60);
        let peer = AgencyId::from_bytes([1; 32]);
        assert_eq!(quotas.take(&peer, 60, Millis(0)), 60);
        assert_eq!(quotas.take(&peer, 1, Millis(0)), 0);
        assert_eq!(quotas.take(&peer, 2, Millis(1_000)), 1, "what there is");
        assert_eq!(quotas.take(&peer, 1, Millis(1_000)), 0);
        let other = AgencyId::from_bytes([2; 32]);
        assert_eq!(quotas.take(&other, 1, Millis(0)), 1, "others are apart");
        assert_eq!(quotas.take(&other, 200, Millis(60_000)), 60);
    }
}
