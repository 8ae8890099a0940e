//! Why a node does not start.

use crate::audit::AuditError;
use crate::config::ConfigError;
use crate::home::HomeError;
use crate::hub::mailbox::MailboxError;
use crate::ingest::IngestFault;
use crate::keyring::KeyringError;
use crate::policy::{DirectoryError, EngineError, Problems};
use crate::registry::RegistryError;
use crate::search::SearchError;
use crate::store::StoreError;
use crate::swarm::SwarmError;
use crate::vault::VaultError;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An agency in the store.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A peer that policy can't take.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The stored policy can't be read.
    #[error(
        "the active policy can't be read, so nothing would be shared: {0}. Apply it again: 'liaison policy apply'"
    )]
    Policy(#[from] Problems),
    /// The policy and the agencies don't fit.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The transport.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// The sealed records.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The parcels that it keeps as a hub.
    #[error("the mailbox can't be opened: {0}")]
    Mailbox(#[from] MailboxError),
    /// The search index.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Our own card or keys statement did not come in.
    #[error("our own card was not taken in: {0}")]
    OwnCard(#[from] IngestFault),
    /// The socket.
    #[error(
        "the socket {path} can't be served: {source}. Check that the folder is yours, and that no file of that name is in the way"
    )]
    Socket {
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The figures.
    #[error(
        "figures and health can't be served at {address}: {source}. Another program may have that port: name another under [metrics] in config.toml"
    )]
    Metrics {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// TLS secrets would be written to disk.
    #[error(
        "SSLKEYLOGFILE is set: the session keys of every connection would be written to disk. Unset it, then start again"
    )]
    KeyLog,
}
