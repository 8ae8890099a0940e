//! Live sync: records as they come, one direction a stream.
//!
//! The side that opens the stream is the [`Sender`] of records, the other the
//! [`Receiver`]. The sender offers ids in numbered batches, the receiver wants some, gets
//! their bytes and answers for every item. When a batch is answered the sender's caller
//! writes the ledger and moves its cursor; a stream that breaks before is resumed from
//! there, and what was answered meanwhile is answered `stored` again.

mod lanes;
mod receiver;
mod sender;

pub use lanes::Lane;
pub use receiver::{Effect as ReceiverEffect, Event as ReceiverEvent, Known, Receiver};
pub use sender::{Effect as SenderEffect, Event as SenderEvent, Sender};
