//! A hub's disk.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::id::ParcelId;
use liaison_protocol::wire::mailbox::{Deposit, Waiting};

/// What it keeps.
#[derive(Debug, Default)]
pub(super) struct Hub {
    kept: BTreeMap<ParcelId, Kept>,
    /// By addressee, in the order in which they came.
    waiting: BTreeMap<usize, BTreeSet<(u64, ParcelId)>>,
    count: u64,
}

#[derive(Debug)]
struct Kept {
    place: (usize, u64),
    waiting: Waiting,
    bytes: Vec<u8>,
}

impl Hub {
    pub(super) fn has(&self, id: &ParcelId) -> bool {
        self.kept.contains_key(id)
    }

    /// Keeps a parcel.
    pub(super) fn keep(&mut self, to: usize, deposit: &Deposit, waiting: Waiting, bytes: Vec<u8>) {
        self.count += 1;
        let place = (to, self.count);
        self.waiting
            .entry(to)
            .or_default()
            .insert((self.count, deposit.id));
        let kept = Kept {
            place,
            waiting,
            bytes,
        };
        self.kept.insert(deposit.id, kept);
    }

    /// What waits for an agency after a place, and the place.
    pub(super) fn next(&self, to: usize, after: u64) -> Option<(u64, Waiting)> {
        let waiting = self.waiting.get(&to)?;
        let (place, id) = waiting.iter().find(|(place, _)| *place > after)?;
        Some((*place, self.kept.get(id)?.waiting))
    }

    pub(super) fn piece(&self, id: &ParcelId, offset: u32, len: u32) -> Option<Vec<u8>> {
        let bytes = &self.kept.get(id)?.bytes;
        let from = offset as usize;
        bytes.get(from..from + len as usize).map(<[u8]>::to_vec)
    }

    pub(super) fn remove(&mut self, id: &ParcelId) {
        if let Some(Kept {
            place: (to, place), ..
        }) = self.kept.remove(id)
            && let Some(waiting) = self.waiting.get_mut(&to)
        {
            waiting.remove(&(place, *id));
        }
    }
}
