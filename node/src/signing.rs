//! The key that this node signs with: one place, so that who signs has the new one the moment
//! it changes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use liaison_protocol::key::SecretKey;

/// The signing key in use. Clones share it.
#[derive(Clone, Debug)]
pub struct Signing(Arc<RwLock<SecretKey>>);

impl Signing {
    /// Signs with this key.
    pub fn new(key: SecretKey) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }

    /// The key, which does not change while the guard is held.
    pub fn key(&self) -> RwLockReadGuard<'_, SecretKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key, to be changed while nothing is signed.
    pub fn change(&self) -> RwLockWriteGuard<'_, SecretKey> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
