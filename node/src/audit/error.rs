//! Why the log can't be written or read.

/// Why the log can't be written or read. What can't be written down is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A file can't be written or read.
    #[error(
        "the audit log {path} can't be written or read: {says}. Nothing is disclosed or shown until it can: make room on the disk, and check that the folder belongs to the node"
    )]
    Io {
        /// The file.
        path: String,
        /// Why.
        says: String,
    },
    /// The node stops.
    #[error("the audit log is closed: the node is stopping. Start it, then try again")]
    Closed,
    /// A line would be longer than any that is read.
    #[error(
        "a line of the audit log would have {bytes} bytes, and the longest has {}: it was not done. Ask for less at once",
        crate::limits::AUDIT_LINE_BYTES
    )]
    TooLong {
        /// Bytes it would have.
        bytes: u64,
    },
    /// A head can't be signed or a text can't be sealed.
    #[error("the audit log can't be signed or sealed: {says}")]
    Sign {
        /// Why.
        says: String,
    },
}
