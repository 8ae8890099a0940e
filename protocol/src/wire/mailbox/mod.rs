//! Mailboxes: parcels for agencies that are away, left at a hub and collected there.
//!
//! The agency opens the stream and is the [`Client`], the hub the [`Server`]. On one stream an
//! agency leaves parcels for others, takes them back, asks which are held, and collects what
//! waits for itself. A hub says what it did when it is on disk, not before; nothing that it says
//! is believed about what is in a parcel or whether it arrived: that says the addressee.

mod client;
mod message;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Client, Effect as ClientEffect, Event as ClientEvent};
pub use message::{Deposit, Held, Message, Refusal, Waiting};
pub use server::{Effect as ServerEffect, Event as ServerEvent, Server, Verdict};

use crate::limits;

/// Bytes of the piece of a parcel of `size` that begins at `got`; 0: it is whole.
fn piece_len(size: u32, got: usize) -> usize {
    (size as usize).saturating_sub(got).min(limits::PIECE_BYTES)
}
