//! Parcels: what one agency sends another that it does not reach (SPEC.md, "Parcels").
//!
//! A hub keeps them for agencies that are away, and people carry them in files ([`bundle`])
//! between networks with a gap. Neither may learn what is in them, change it, make one of its
//! own, or deliver one twice: a parcel is a [`Letter`], signed by its sender, padded to one of
//! five lengths and sealed to one key of its addressee.
//!
//! What state decides, the numbers that came before ([`Window`]), the clock and the peers, is
//! handed in: [`Letter::take`].

pub mod bundle;
mod fault;
mod letter;
mod sealed;
mod signed;
#[cfg(test)]
mod tests;
mod window;

pub use self::fault::{LetterFault, ParcelFault};
pub use self::letter::{Cargo, Letter, ROOM};
pub use self::sealed::{DOMAIN, Parcel};
pub use self::signed::{AAD, CONTENT_TYPE, SignedLetter};
pub use self::window::Window;
