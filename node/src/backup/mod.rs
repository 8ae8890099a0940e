//! Backups: one encrypted file that holds the store as it was at one moment and the home's
//! files, made while the node runs, and a home made of it.
//!
//! The running node hands out a stream of entries ([`Entry`]); whoever asked seals it
//! ([`Sealer`]), so that the passphrase never reaches the node. What the search index holds is
//! left out: it is made anew.

mod entry;
mod make;
mod restore;
mod seal;

pub use entry::{Entries, Entry, EntryFault, Manifest, Part};
pub use make::{MakeFault, make};
pub use restore::{Checked, RestoreFault, Restored, check, restore};
pub use seal::{Opener, SealFault, Sealer, Secret};
