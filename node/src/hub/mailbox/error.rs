//! Why a parcel is not kept, or not given.

use liaison_protocol::id::RecordId as ParcelId;

/// Why a parcel is not kept. The depositor hears it, and `hub status` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The depositor has as much here as one agency may.
    Depositor,
    /// As much waits for the addressee as may for one, or as one depositor may have waiting
    /// for it.
    Addressee,
    /// The mailbox or the disk is full.
    Full,
}

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
    /// What was deposited is not what was announced.
    #[error("the bytes of parcel {} are not those that its depositor announced", id.short())]
    OtherBytes {
        /// The parcel.
        id: ParcelId,
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
            Self::OtherBytes { .. } | Self::Stopping => false,
        }
    }
}
