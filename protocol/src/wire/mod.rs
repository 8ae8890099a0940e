//! What two nodes say to each other: frames, messages and sessions, without IO.
//!
//! A stream carries frames ([`frame`]), a frame carries one [`Message`], and a session is
//! a state machine that takes events and gives effects: [`live`] moves records, one
//! direction a stream; [`repair`] finds out which records to offer again; [`mailbox`] leaves
//! parcels at a hub and collects them. The caller
//! reads and writes the bytes, decides what may be released, stores, and tells the time.
//!
//! The machines never panic on what a peer sends, hold bounded memory, and say who is at
//! fault ([`WireFault::blame`]). `SPEC.md` describes them for a second implementation.

pub(crate) mod cbor;
pub mod fault;
pub mod frame;
mod head;
pub mod hello;
pub mod live;
pub mod mailbox;
pub mod message;
pub mod notice;
pub mod outcome;
#[cfg(test)]
mod properties;
pub mod repair;

pub use fault::WireFault;
pub use hello::{Hello, Speaks, VERSION};
pub use message::{Item, Message, Reason};
pub use notice::Notice;
pub use outcome::Outcome;
