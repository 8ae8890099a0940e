//! The active engine, and how others learn that it was replaced.

use std::sync::Arc;

use tokio::sync::watch;

use super::directory::Directory;
use super::engine::{Engine, EngineError};
use super::set::PolicySet;

/// The one place where the active policy is. Sessions subscribe: when the epoch moves, they
/// end and begin anew.
#[derive(Debug)]
pub struct Policies {
    active: watch::Sender<Arc<Engine>>,
}

impl Policies {
    /// Begins with an engine, see [`Engine::resume`].
    pub fn new(engine: Engine) -> Self {
        Self {
            active: watch::Sender::new(Arc::new(engine)),
        }
    }

    /// The engine of this moment. Hold it for one batch, not for a session.
    pub fn current(&self) -> Arc<Engine> {
        Arc::clone(&self.active.borrow())
    }

    /// Tells of every replacement.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Engine>> {
        self.active.subscribe()
    }

    /// Puts a new set or new agencies in force. The epoch moves, and subscribers are told, only
    /// if decisions could differ; on an error the old engine stays.
    ///
    /// Changes are one after another, whoever calls: `change` sees the set and the agencies in
    /// force and returns those to come.
    pub fn apply(
        &self,
        change: impl FnOnce(&Engine) -> (Arc<PolicySet>, Directory),
    ) -> Result<Arc<Engine>, EngineError> {
        let mut outcome = Ok(());
        self.active.send_if_modified(|active| {
            let (set, directory) = change(active);
            let last = Some((active.epoch(), *active.fingerprint()));
            match Engine::resume(set, directory, last) {
                Ok(engine) if engine.epoch() == active.epoch() => false,
                Ok(engine) => {
                    *active = Arc::new(engine);
                    true
                }
                Err(e) => {
                    outcome = Err(e);
                    false
                }
            }
        });
        outcome.map(|()| self.current())
    }
}
