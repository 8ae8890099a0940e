//! Why the registry refuses.

use liaison_protocol::card::CardFault;
use liaison_protocol::id::AgencyId;

use super::Revoked;
use crate::store::StoreError;

/// Why an agency can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its card is faulty.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// The card is our own.
    #[error("this is our own card; a node is not its own peer")]
    Own,
    /// Another agency has the alias.
    #[error("'{alias}' already names another agency. Choose another name with --as")]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// A circle that can't be joined or left.
    #[error("{says}")]
    Circle {
        /// What is wrong, and what to do.
        says: String,
    },
    /// Nothing that could be confirmed.
    #[error("nothing is changed on the card of '{alias}': policies use what it states")]
    NothingToConfirm {
        /// The alias.
        alias: String,
    },
    /// Not a usable alias.
    #[error(
        "'{alias}' can't be an alias: use a-z, 0-9, '-', '_' and '.', at most 40 characters, not 'self'. Choose one with --as"
    )]
    Alias {
        /// The alias.
        alias: String,
    },
    /// No such peer.
    #[error("no peer is called '{name}'. 'liaison peer list' shows all")]
    NoPeer {
        /// What was typed.
        name: String,
    },
    /// Its link was revoked here; only a person who compared its digits links it again.
    #[error(
        "'{}' was revoked here ({}). To link it again telephone it and give its 30 digits with --fingerprint",
        revoked.alias,
        revoked.reason
    )]
    Revoked {
        /// When and why.
        revoked: Revoked,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored card or peer can't be read.
    #[error("what the store holds of agency {} can't be read: {says}", agency.short())]
    Stored {
        /// The agency.
        agency: AgencyId,
        /// Why.
        says: String,
    },
}
