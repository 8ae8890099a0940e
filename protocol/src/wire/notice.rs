//! What two nodes tell each other beside records, on a live stream, at any time after the
//! hellos: nothing answers it, and nothing waits for it.

use crate::clock::Millis;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::message::Message;

/// A message that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// "Keep this head of my audit chain": see [`Message::Witness`].
    Witness {
        /// The signed head, 1 to [`limits::AUDIT_HEAD_BYTES`]. Not looked at yet.
        head: Vec<u8>,
    },
    /// "This is what I hold of you": see [`Message::Held`].
    Held {
        /// The last head that the other side had us keep. Not looked at yet.
        head: Option<Vec<u8>>,
        /// Highest wall-clock time among the other side's records.
        clock: Option<Millis>,
    },
    /// What the sender's clock says now: see [`Message::Time`].
    Time(Millis),
    /// "You have all that I may offer you": see [`Message::Settled`].
    Settled([u8; 16]),
}

impl Notice {
    /// The notice in a message; the message back if there is none.
    pub(super) fn of(message: Message) -> Result<Self, Message> {
        match message {
            Message::Witness { head } => Ok(Notice::Witness { head }),
            Message::Held { head, clock } => Ok(Notice::Held { head, clock }),
            Message::Time(now) => Ok(Notice::Time(now)),
            Message::Settled(nonce) => Ok(Notice::Settled(nonce)),
            other => Err(other),
        }
    }
}

impl From<Notice> for Message {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Witness { head } => Message::Witness { head },
            Notice::Held { head, clock } => Message::Held { head, clock },
            Notice::Time(now) => Message::Time(now),
            Notice::Settled(nonce) => Message::Settled(nonce),
        }
    }
}

/// How many notices a stream still takes: a peer that sends nothing else must not keep a
/// disk busy.
#[derive(Debug)]
pub(super) struct Allowance(u32);

impl Allowance {
    pub(super) const fn full() -> Self {
        Self(limits::NOTICES_AT_ONCE)
    }

    /// A notice came.
    pub(super) fn take(&mut self) -> Result<(), WireFault> {
        let granted = u64::from(limits::NOTICES_AT_ONCE);
        self.0 = self.0.checked_sub(1).ok_or(WireFault::OverCredit {
            what: "notices",
            found: granted + 1,
            granted,
        })?;
        Ok(())
    }

    /// Time passes.
    pub(super) fn tick(&mut self) {
        self.0 = limits::NOTICES_AT_ONCE.min(self.0 + 1);
    }
}
