//! Why a referral does not move on.

use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::Refusal;
use liaison_protocol::record::check::Finding;

use super::CaseId;
use crate::ingest::IngestFault;
use crate::keyring::KeyringError;
use crate::store::StoreError;
use crate::vault::VaultError;

/// Why a referral does not move on.
#[derive(Debug, thiserror::Error)]
pub enum ReferralError {
    /// There is none.
    #[error("{} is no referral that is open here", thread.short())]
    None {
        /// The thread.
        thread: RecordId,
    },
    /// The step is not allowed now.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The checks do not let it.
    #[error("the step is refused for {} reasons", .0.len())]
    Checks(Vec<Finding>),
    /// The identity is to be released, and there is none.
    #[error("referral {} was made without an identity, and none is given", thread.short())]
    NoIdentity {
        /// The thread.
        thread: RecordId,
    },
    /// Another provider knows already who it is.
    #[error("the identity was released to {peer} already, in referral {}", thread.short())]
    Elsewhere {
        /// The thread with that provider.
        thread: RecordId,
        /// That provider, as it is called here.
        peer: String,
    },
    /// What is kept of a referral is gone.
    #[error("the referral {case} is not here (any more)")]
    NoCase {
        /// Its name.
        case: CaseId,
    },
    /// What the officer wrote can't be read.
    #[error("what was written for the referral {case} can't be read: {says}")]
    Draft {
        /// Its name.
        case: CaseId,
        /// Why. It never says what was written.
        says: String,
    },
    /// The profile can't be opened.
    #[error("the profile of referral {} can't be opened here (any more)", thread.short())]
    Closed {
        /// The thread.
        thread: RecordId,
    },
    /// Our own word was not taken in.
    #[error(transparent)]
    Ingest(#[from] IngestFault),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A task of ours was stopped.
    #[error("the node is stopping")]
    Stopping,
}
