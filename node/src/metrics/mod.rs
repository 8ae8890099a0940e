//! The node's figures and its health, for the machine that it runs on: how far each peer is
//! behind, what is refused and why, disk, queues, clock, policy. Prometheus reads them at
//! `/metrics`; `/healthz` and `/readyz` tell a supervisor.
//!
//! They are served on a loopback address, if one is configured, to whoever is on this machine.
//! They say how much there is of what, and with whom it is exchanged, and nothing of what stands
//! in a record: a [`Figure`] has no room for it.

mod carried;
mod config;
mod figure;
mod gather;
mod health;
mod page;
mod peers;
mod server;
mod walk;

use std::sync::{Arc, Mutex, PoisonError};

pub use self::config::{Loopback, LoopbackFault, MetricsConfig};
pub use self::figure::{Figure, Figures};
pub use self::server::serve;

/// The figures of a node. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    parts: Mutex<Vec<Arc<dyn Figures>>>,
    walks: walk::Walks,
    probe: tokio::sync::Mutex<health::Probe>,
}

impl Metrics {
    /// Puts the figures of a part on the page from now on.
    pub fn add(&self, part: Arc<dyn Figures>) {
        self.parts().push(part);
    }

    /// The figures of all parts that were added.
    fn of_parts(&self, page: &mut Vec<Figure>) {
        let parts = self.parts().clone();
        for part in parts {
            part.figures(page);
        }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Figures>>> {
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}
