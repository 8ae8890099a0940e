//! Repair: which records does one side have that the other has never seen?
//!
//! Range-based set reconciliation (crate `negentropy`, protocol version 1) over two sets
//! that the callers compute for this pair of nodes. Items are ordered by `created` and
//! named by a hash that is salted by both sides, so that hashes of one session say
//! nothing in another. No record moves here: at the end each side knows ids that it
//! should offer on its live stream, where each is decided anew.

mod initiator;
mod responder;
mod set;

pub use initiator::Initiator;
pub use responder::Responder;
pub use set::Entry;

use crate::clock::Millis;
use crate::id::RecordId;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::head::{Came, Head, acts, overdue};
use crate::wire::hello::Hello;
use crate::wire::message::{Message, Reason};

/// Sixteen fresh random bytes, handed in by the caller, never used twice.
pub type Nonce = [u8; 16];

/// What happens to a repair, on either side.
#[derive(Clone, Debug)]
pub enum Event {
    /// The peer sent this.
    Message(Message),
    /// The time, every few seconds.
    Tick(Millis),
    /// The caller ends the stream.
    Close(Reason),
}

/// What a repair's caller is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this.
    Send(Message),
    /// The peer said hello; compare its agency with the connection's key.
    Opened {
        /// Version in use.
        version: u16,
        /// Its hello.
        peer: Hello,
    },
    /// Both sides know what to offer; the stream is over.
    Finished(Finished),
    /// The stream is over; nothing comes after this.
    Closed(Reason),
    /// The stream is over; nothing comes after this.
    Fault(WireFault),
}

acts!(Effect, Message);

/// What a repair found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Records of our set that the peer's has not, in the order of the set.
    pub offer: Vec<RecordId>,
    /// Rounds that it took.
    pub rounds: u32,
    /// Bytes of bodies, both ways.
    pub bytes: u64,
    /// The initiator's nonce.
    pub nonce: [u8; 16],
}

/// What both sides count and wait for.
#[derive(Debug)]
struct Session {
    head: Head,
    ours: Nonce,
    since: Option<Millis>,
    rounds: u32,
    bytes_in: u64,
    bytes_out: u64,
}

impl Session {
    fn new(hello: Hello, nonce: Nonce) -> (Self, Message) {
        let (head, message) = Head::new(hello);
        let session = Self {
            head,
            ours: nonce,
            since: None,
            rounds: 0,
            bytes_in: 0,
            bytes_out: 0,
        };
        (session, message)
    }

    fn send(&mut self, message: Message, out: &mut Vec<Effect>) {
        self.bytes_out += message.encode().len() as u64;
        out.push(Effect::Send(message));
    }

    /// Takes what is the same on both sides; gives back what is not.
    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<Option<Message>, WireFault> {
        let message = match event {
            Event::Message(message) => message,
            Event::Tick(now) => {
                self.tick(now)?;
                return Ok(None);
            }
            Event::Close(reason) => {
                self.head.close(reason, out);
                return Ok(None);
            }
        };
        // From the next tick on: the one before may have been long ago.
        self.since = None;
        let message = match self.head.take(message, out)? {
            Came::Hello => {
                self.send(Message::Nonce(self.ours), out);
                return Ok(None);
            }
            Came::Bye => return Ok(None),
            Came::Other(message) => message,
        };
        self.bytes_in += message.encode().len() as u64;
        if self.bytes_in > limits::REPAIR_BYTES {
            return Err(WireFault::NotConverging {
                what: "bytes",
                max: limits::REPAIR_BYTES,
            });
        }
        Ok(Some(message))
    }

    /// Counts a message of ranges that came.
    fn round(&mut self) -> Result<(), WireFault> {
        self.rounds += 1;
        if self.rounds > limits::REPAIR_ROUNDS {
            let max = u64::from(limits::REPAIR_ROUNDS);
            return Err(WireFault::NotConverging {
                what: "rounds",
                max,
            });
        }
        Ok(())
    }

    fn tick(&mut self, now: Millis) -> Result<(), WireFault> {
        self.head.tick(now)?;
        let since = *self.since.get_or_insert(now);
        overdue(now, since, limits::REPLY_MS, "the next message of a repair")
    }

    fn finish(&mut self, offer: Vec<RecordId>, nonce: Nonce, out: &mut Vec<Effect>) {
        self.head.finish();
        let bytes = self.bytes_in + self.bytes_out;
        out.push(Effect::Finished(Finished {
            offer,
            rounds: self.rounds,
            bytes,
            nonce,
        }));
    }
}

fn unexpected(expected: &'static str, found: &Message) -> WireFault {
    WireFault::Unexpected {
        expected,
        found: found.name(),
    }
}

#[cfg(test)]
mod tests;
