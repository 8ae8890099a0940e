//! What can go wrong with a mailbox.

use liaison_protocol::id::ParcelId;

/// What went wrong with a mailbox.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// A file.
    #[error("{path}: {source}. Check that the disk has room and that the folder is the node's")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file of a parcel is not what was written.
    #[error(
        "parcel {} is damaged on this hub's disk and was set aside; its depositor will deposit it again. 'liaison doctor' lists what was set aside; look after the disk", id.short()
    )]
    Damaged {
        /// The parcel.
        id: ParcelId,
    },
    /// The node stops.
    #[error("the node is stopping")]
    Stopping,
}

impl MailboxError {
    /// Whether the parcel is gone.
    pub(super) fn lost(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            Self::Stopping => false,
        }
    }
}
