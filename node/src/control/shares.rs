//! How much of something each user of this machine holds. Whoever holds much leaves as much free,
//! so whoever holds nothing finds some, however many calls the others' scripts make at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is there, and who holds how much of it. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    what: &'static str,
    all: usize,
    of_one: usize,
    held: Arc<Mutex<BTreeMap<u32, Held>>>,
}

#[derive(Debug, Default)]
struct Held {
    amount: usize,
    /// Whether the log has it that this user was refused more, since it last held nothing.
    told: bool,
}

/// A part that one user holds; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Shares,
    uid: u32,
    amount: usize,
}

impl Shares {
    /// So much in all, of which one user never holds more than `of_one`.
    pub(super) fn new(what: &'static str, all: usize, of_one: usize) -> Self {
        Self {
            what,
            all,
            of_one,
            held: Arc::default(),
        }
    }

    /// A part for a user; `None` if it would then hold more than one user may, or more than is
    /// free now.
    pub(super) fn take(&self, uid: u32, amount: usize) -> Option<Share> {
        let mut held = self.lock();
        let taken: usize = held.values().map(|h| h.amount).sum();
        let free = self.all.saturating_sub(taken);
        let own = held.get(&uid).map_or(0, |h| h.amount);
        let wanted = own.saturating_add(amount);
        if wanted <= self.of_one.min(free) {
            held.entry(uid).or_default().amount = wanted;
            return Some(Share {
                of: self.clone(),
                uid,
                amount,
            });
        }
        let told = held
            .get_mut(&uid)
            .is_some_and(|h| std::mem::replace(&mut h.told, true));
        if !told {
            let what = self.what;
            tracing::warn!(
                uid,
                own,
                free,
                what,
                "a call was turned away: too much at once"
            );
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.lock();
        if let Some(own) = held.get_mut(&self.uid) {
            own.amount = own.amount.saturating_sub(self.amount);
            if own.amount == 0 {
                held.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes_all(shares: &Shares, uid: u32) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(uid, 1)).collect()
    }

    #[test]
    fn one_user_takes_its_bound_and_no_more_until_it_gives_back() {
        let shares = Shares::new("places", 100, 8);
        let mut own = takes_all(&shares, 1);
        assert_eq!(own.len(), 8);
        assert!(shares.take(1, 1).is_none());
        assert!(shares.take(2, 1).is_some(), "another user");
        own.pop();
        assert!(shares.take(1, 1).is_some());
        drop(own);
        assert!(shares.lock().is_empty(), "nothing is left of who is gone");
    }

    #[test]
    fn however_many_take_what_they_can_the_next_user_finds_some() {
        let shares = Shares::new("places", 64, 32);
        let mut all = Vec::new();
        for uid in 0..5 {
            let own = takes_all(&shares, uid);
            assert!(!own.is_empty(), "user {uid} is locked out");
            all.push(own);
        }
        // Who holds much does not get what becomes free before who holds little.
        let first = all[0].len();
        all[4].clear();
        assert!(shares.take(0, 1).is_none(), "it holds {first}");
        assert!(shares.take(4, 1).is_some());
        let taken: usize = shares.lock().values().map(|h| h.amount).sum();
        assert!(taken <= 64);
    }

    #[test]
    fn a_part_larger_than_a_user_may_hold_is_never_given() {
        let shares = Shares::new("bytes", 100, 40);
        assert!(shares.take(1, 41).is_none());
        assert!(shares.take(1, usize::MAX).is_none());
        let held = shares.take(1, 40).expect("its bound");
        assert!(shares.take(1, 1).is_none());
        drop(held);
        assert!(shares.take(1, 40).is_some());
    }
}
