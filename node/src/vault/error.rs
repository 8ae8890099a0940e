//! Why a sealed record can't be opened or closed.

use liaison_protocol::id::RecordId;
use liaison_protocol::seal::SealFault;

use crate::keyring::KeyringError;
use crate::store::StoreError;

/// Why a sealed record can't be opened or closed. It never says what stands inside.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Its key is gone.
    #[error("record {} is sealed, and its key is not here (any more)", id.short())]
    NoKey {
        /// The record.
        id: RecordId,
    },
    /// The stored bytes are no record.
    #[error("sealed record {} can't be read from the store: {says}", id.short())]
    Form {
        /// The record.
        id: RecordId,
        /// Why.
        says: String,
    },
    /// It does not open.
    #[error("sealed record {} does not open: {fault}", id.short())]
    Seal {
        /// The record.
        id: RecordId,
        /// Why.
        fault: SealFault,
    },
}
