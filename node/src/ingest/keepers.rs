//! Who keeps the key of a sealed record that is not in the store yet. Two batches may bring one
//! record: that of a session that broke is still on its way while the next session brings the
//! record again. The one that fails must not destroy the key of the one that does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::id::RecordId;

/// How many batches keep the key of each record. Clones share it. Bounded by the batches that
/// are under way.
#[derive(Clone, Default)]
pub(super) struct Keepers(Arc<Mutex<HashMap<RecordId, usize>>>);

impl Keepers {
    /// A batch keeps these from now on, and puts their keys on the disk. Blocks.
    pub fn keep<T>(&self, ids: Vec<RecordId>, put: impl FnOnce() -> T) -> (Kept, T) {
        // Held over both: no other batch destroys a key between them.
        let mut table = self.table();
        for id in &ids {
            *table.entry(*id).or_default() += 1;
        }
        let put = put();
        drop(table);
        let keepers = self.clone();
        (Kept { keepers, ids }, put)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<RecordId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that a batch keeps, until this is dropped.
#[derive(Default)]
#[must_use]
pub(super) struct Kept {
    keepers: Keepers,
    ids: Vec<RecordId>,
}

impl Kept {
    /// The batch failed: what nobody else keeps is destroyed. Blocks.
    pub fn fail(mut self, mut destroy: impl FnMut(RecordId)) {
        let mut table = self.keepers.table();
        for id in std::mem::take(&mut self.ids) {
            if leave(&mut table, &id) {
                destroy(id);
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut table = self.keepers.table();
        for id in &self.ids {
            leave(&mut table, id);
        }
    }
}

/// Whether it was the last.
fn leave(table: &mut HashMap<RecordId, usize>, id: &RecordId) -> bool {
    let Some(keep) = table.get_mut(id) else {
        return true;
    };
    *keep = keep.saturating_sub(1);
    let last = *keep == 0;
    if last {
        table.remove(id);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_destroys_only_what_nobody_else_keeps() {
        let id = |n| RecordId::from_bytes([n; 32]);
        let keepers = Keepers::default();
        let failed = |kept: Kept| {
            let mut gone = Vec::new();
            kept.fail(|id| gone.push(id));
            gone
        };
        let (first, ()) = keepers.keep(vec![id(1), id(2)], || ());
        let (second, ()) = keepers.keep(vec![id(2), id(3)], || ());
        assert_eq!(failed(first), [id(1)]);
        assert_eq!(failed(second), [id(2), id(3)]);
        // One that came in keeps nothing any more.
        let (stored, ()) = keepers.keep(vec![id(4)], || ());
        let (failing, ()) = keepers.keep(vec![id(4)], || ());
        drop(stored);
        assert_eq!(failed(failing), [id(4)]);
        assert!(keepers.table().is_empty());
    }
}
