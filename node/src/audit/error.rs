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
    /// A head can't be signed or a text can't be sealed.
    #[error("the audit log can't be signed or sealed: {says}")]
    Sign {
        /// Why.
        says: String,
    },
}
