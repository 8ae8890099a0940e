//! Agencies take turns at the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use liaison_protocol::id::AgencyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock;
use crate::limits;

/// A queue for the disk in which each agency stands once: who floods waits behind itself.
pub(super) struct Turns {
    agencies: Mutex<HashMap<AgencyId, Arc<Semaphore>>>,
    disk: Arc<Semaphore>,
}

/// A turn, until it is dropped. The disk is given back before the agency's own place, so that
/// its next parcel goes to the end of the queue.
pub(super) struct Turn {
    _disk: Option<OwnedSemaphorePermit>,
    _own: Option<OwnedSemaphorePermit>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            agencies: Mutex::default(),
            disk: Arc::new(Semaphore::new(limits::HUB_DISK_JOBS)),
        }
    }
}

impl Turns {
    /// Waits for an agency's turn. The semaphores are served in the order of asking, and are
    /// never closed.
    pub(super) async fn of(&self, agency: &AgencyId) -> Turn {
        let own = {
            let mut agencies = lock(&self.agencies);
            agencies.retain(|_, own| Arc::strong_count(own) > 1);
            let own = agencies.entry(*agency);
            own.or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
        };
        let own = own.acquire_owned().await.ok();
        let disk = self.disk.clone().acquire_owned().await.ok();
        Turn {
            _disk: disk,
            _own: own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_floods_waits_behind_itself() {
        let turns = Arc::new(Turns::default());
        let (flood, other) = (AgencyId::from_bytes([1; 32]), AgencyId::from_bytes([2; 32]));
        let first = turns.of(&flood).await;
        let mut more = Vec::new();
        for _ in 0..100 {
            let turns = turns.clone();
            more.push(tokio::spawn(async move { turns.of(&flood).await }));
        }
        tokio::task::yield_now().await;
        // The disk has room for others, although a hundred wait.
        let _turn = turns.of(&other).await;
        drop(first);
        for one in more {
            drop(one.await.expect("its turn"));
        }
        assert_eq!(turns.disk.available_permits(), limits::HUB_DISK_JOBS - 1);
    }
}
