//! Parcels, the agency's side: records for a peer that is not connected, packed into one
//! ciphertext that a hub keeps for it or people carry in a file, and the same from others.
//!
//! What goes into a parcel passes the same gates as on a live stream and stands in the same
//! ledger; a parcel only says how it travels. It moves no cursor: when the peer is back, the live
//! stream offers what it has no answer to, and the peer says that it holds it.

mod outbox;
mod told;

pub use self::outbox::{Key, Outbox, Row, State, Way};
