//! What can go wrong with the store, and what to do about it.

use std::path::PathBuf;

/// Why the store did not do what it was asked. The fault is always local.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing was written; the store goes on when there is room.
    #[error(
        "the disk that holds {dir} is full: {} MiB are free and {} MiB must stay free. Nothing was written. \
         Make room on that disk (see `df -h {dir}`); the node then goes on by itself",
        free >> 20, need >> 20, dir = dir.display()
    )]
    Full {
        /// The store.
        dir: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that must stay free.
        need: u64,
    },
    /// The disk failed. The store takes no more writes until it is opened again.
    #[error(
        "the disk failed while the store in {dir} was used ({detail}). This change was not acknowledged. \
         Check the disk (`dmesg`, `df -h {dir}`, permissions), then start the node again",
        dir = dir.display()
    )]
    Disk {
        /// The store.
        dir: PathBuf,
        /// What the operating system said.
        detail: String,
    },
    /// What was there before is still there.
    #[error(
        "the store is compacted, but the old one can't be deleted ({detail}): what was erased is still in {dir}. \
         Delete that folder",
        dir = dir.display()
    )]
    Leftover {
        /// The old one.
        dir: PathBuf,
        /// What the operating system said.
        detail: String,
    },
    /// What is on disk is not what was written.
    #[error(
        "the store in {dir} is damaged ({detail}). Type `liaison doctor --repair`: it moves the \
         folder aside and keeps peers and policy where they can be read, and the peers refill it; or restore the newest \
         backup (`liaison restore`)",
        dir = dir.display()
    )]
    Corrupt {
        /// The store.
        dir: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// Another process has it open.
    #[error(
        "another liaison runs on this folder ({dir}). Stop that one first (`systemctl stop liaison`), or give \
         this one a folder of its own (`--home DIR`)",
        dir = dir.display()
    )]
    InUse {
        /// The store.
        dir: PathBuf,
    },
    /// Another version wrote it.
    #[error(
        "the store in {dir} has format {found}, this liaison reads {expected}. Install the version that wrote it",
        dir = dir.display()
    )]
    Format {
        /// The store.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The format this version reads.
        expected: u32,
    },
    /// Something exceeds a bound.
    #[error("{what} has {size}; the store takes at most {limit}. Nothing of this write was done")]
    TooLarge {
        /// What it is, with its unit.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// The bound.
        limit: usize,
    },
    /// A name that cannot be a key.
    #[error(
        "'{name}' cannot name a stored value: 1 to {} printable ASCII characters, please",
        crate::limits::STORE_NAME_BYTES
    )]
    Name {
        /// The name, cut to 64 characters.
        name: String,
    },
    /// The target of a compaction or a move is taken.
    #[error("{dir} exists already. Move it away, then try again", dir = dir.display())]
    Exists {
        /// What is in the way.
        dir: PathBuf,
    },
    /// A backup can't be made of it now.
    #[error("no backup was made: {says}. Try again in a while")]
    Cut {
        /// Why.
        says: &'static str,
    },
    /// The store was closed, or its writer ended.
    #[error("the store in {dir} is closed. Start the node again", dir = dir.display())]
    Closed {
        /// The store.
        dir: PathBuf,
    },
}
