//! Decisions that were made, within one engine.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use super::decision::Decision;
use super::limits;

type Shard = HashMap<u64, Arc<Decision>, BuildHasherDefault<Mix>>;

/// Remembers decisions by key; bounded; forgets all when the engine goes.
#[derive(Debug)]
pub(super) struct Memo {
    shards: Vec<RwLock<Shard>>,
}

impl Memo {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..limits::MEMO_SHARDS)
                .map(|_| RwLock::default())
                .collect(),
        }
    }

    /// The decision under `key`, made by `make` if it is not known.
    pub(super) fn get(&self, key: u64, make: impl FnOnce() -> Decision) -> Arc<Decision> {
        let shard = usize::try_from(mix(key) >> 32).unwrap_or(0) % limits::MEMO_SHARDS;
        let Some(lock) = self.shards.get(shard) else {
            return Arc::new(make());
        };
        // A thread that panicked while holding the lock left a map that is whole.
        let known = lock
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(decision) = known {
            return decision;
        }
        let decision = Arc::new(make());
        let mut map = lock.write().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= limits::MEMO_SHARD_DECISIONS {
            map.clear();
        }
        map.insert(key, Arc::clone(&decision));
        decision
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|s| s.read().expect("lock").len())
            .sum()
    }
}

/// A hasher for keys that nobody outside can choose: class and peer numbers.
#[derive(Debug, Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}

/// The finaliser of SplitMix64.
const fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_right_when_it_overflows() {
        let memo = Memo::new();
        let most = (limits::MEMO_SHARDS * limits::MEMO_SHARD_DECISIONS) as u64;
        for key in 0..most * 2 {
            let decision = memo.get(key, || Decision::failed(key.to_string()));
            assert_eq!(decision.errors, [key.to_string()]);
        }
        assert!(memo.len() as u64 <= most);
        let again = memo.get(most * 2 - 1, || Decision::failed("made again".into()));
        assert_eq!(again.errors, [(most * 2 - 1).to_string()]);
    }
}
