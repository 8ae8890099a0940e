//! Who was offered, sent or brought what, under which rule, and where we stand with a peer.

use std::sync::Arc;

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::RecordId;
use serde::{Deserialize, Serialize};

use super::header::{Arrival, Incarnation};

/// What passed between us and a peer. A higher one is never replaced by a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// We offered its id.
    Offered,
    /// It brought it to us.
    Received,
    /// We released it.
    Sent,
}

/// How it travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Path {
    /// On a connection of our own.
    Direct,
    /// Through a hub's circuit.
    Circuit,
    /// In a parcel that a hub kept.
    Mailbox,
    /// In a file.
    Bundle,
}

/// One line of the ledger: a peer and a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What passed.
    pub direction: Direction,
    /// When, by our clock.
    pub at: Millis,
    /// The policy epoch of the decision.
    pub epoch: u64,
    /// The statement that decided, at most [`crate::limits::RULE_BYTES`].
    pub rule: Arc<str>,
    /// How it travelled.
    pub path: Path,
    /// What was answered; none yet.
    pub answer: Option<Answer>,
}

impl LedgerEntry {
    /// Whether the peer asked for it to be offered again.
    pub fn is_later(&self) -> bool {
        matches!(self.answer, Some(Answer::Later(_)))
    }
}

/// A record that we refused a peer: not held, so it has no arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedEntry {
    /// When it was made, by its author's clock.
    pub created: Hlc,
    /// The accept epoch of the decision: it lapses when that moves.
    pub epoch: u64,
    /// When, by our clock.
    pub at: Millis,
    /// What was answered.
    pub answer: Answer,
}

/// A refused record of a peer, with its id.
pub type RefusedRow = (RecordId, RefusedEntry);

/// How far a peer was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The store that the arrival belongs to.
    pub incarnation: Incarnation,
    /// The policy epoch it was reached under.
    pub epoch: u64,
    /// The last record that was decided and, if released, answered.
    pub arrival: Arrival,
}
