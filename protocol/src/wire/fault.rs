//! What can go wrong on a stream, and at whose door it lies.

use thiserror::Error;

use crate::fault::Blame;
use crate::id::ParcelId;
use crate::wire::hello::Speaks;

/// Why a stream ended. Nothing that was settled before is undone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireFault {
    /// A frame announces more than a frame may hold; nothing was allocated for it.
    #[error("the peer announced a frame of {found} bytes; a frame holds 1 to {max}")]
    FrameSize {
        /// Bytes announced.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A body is not the deterministic CBOR of a message.
    #[error("the peer sent a malformed message: {what} at byte {at}")]
    Form {
        /// Bytes from the body's beginning.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A tag or code that the negotiated version does not know.
    #[error("the peer sent {what} {found}, which this version does not know")]
    UnknownCode {
        /// Which code.
        what: &'static str,
        /// Its value.
        found: u64,
    },
    /// A count or size outside its bounds.
    #[error("the peer sent {found} {what}; {min} to {max} are allowed")]
    Bounds {
        /// What was counted.
        what: &'static str,
        /// The count.
        found: u64,
        /// Least allowed.
        min: u64,
        /// Most allowed.
        max: u64,
    },
    /// The version ranges do not meet. Neither side is at fault.
    #[error(
        "no common protocol version: we speak {ours}, the peer's {software} speaks {theirs}; \
         upgrade the older of the two"
    )]
    Incompatible {
        /// What we speak.
        ours: Speaks,
        /// What the peer speaks.
        theirs: Speaks,
        /// The peer's software, as it names itself.
        software: String,
    },
    /// A message that does not belong here.
    #[error("the peer sent '{found}' where {expected} was due")]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// Name of the message that came.
        found: &'static str,
    },
    /// An offer whose number is not the next one.
    #[error("the peer numbered an offer {found}; {expected} was next")]
    NotDense {
        /// The next number.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A number of no batch that is open in this state.
    #[error("the peer sent '{message}' for batch {batch}, which is not open for that")]
    UnknownBatch {
        /// Name of the message.
        message: &'static str,
        /// The number.
        batch: u64,
    },
    /// An offer that names one id twice.
    #[error("the peer named one record twice in offer {batch}")]
    RepeatedId {
        /// The offer.
        batch: u64,
    },
    /// A want whose indices do not rise or leave the offer.
    #[error("the peer wanted item {index} of an offer of {items}, after {after:?}")]
    WantIndex {
        /// The index.
        index: u32,
        /// Items in the offer.
        items: usize,
        /// The index before it.
        after: Option<u32>,
    },
    /// Records that do not continue where the ones before ended, or more than were wanted.
    #[error(
        "the peer sent {found} records from place {first} of batch {batch}; \
         place {expected} of {wanted} was next"
    )]
    NotWanted {
        /// The batch.
        batch: u64,
        /// Where they were to go.
        first: u32,
        /// How many came.
        found: usize,
        /// The place that was next.
        expected: u32,
        /// Records wanted in all.
        wanted: usize,
    },
    /// A record longer than its offer said.
    #[error("the peer sent {found} bytes for a record that it offered with {announced}")]
    LongerThanOffered {
        /// Bytes that came.
        found: usize,
        /// Bytes announced.
        announced: u32,
    },
    /// Answers that do not fit their batch.
    #[error("the peer gave {found} answers for the {expected} items of batch {batch}")]
    AnswerCount {
        /// The batch.
        batch: u64,
        /// Answers that came.
        found: usize,
        /// Items offered.
        expected: usize,
    },
    /// `withdrawn` for a record that was sent, or an answer for one that was withdrawn.
    #[error("the peer's answer to item {index} of batch {batch} does not match what was sent")]
    AnswerMismatch {
        /// The batch.
        batch: u64,
        /// The item.
        index: usize,
    },
    /// More batches or bytes under way than were granted.
    #[error("the peer has {found} {what} under way; it was granted {granted}")]
    OverCredit {
        /// Batches or bytes.
        what: &'static str,
        /// Under way.
        found: u64,
        /// Granted.
        granted: u64,
    },
    /// A message of set reconciliation that cannot be read.
    #[error("the peer sent a malformed reconciliation message: {cause}")]
    Reconciliation {
        /// The cause.
        cause: String,
    },
    /// Our own nonce came back: both halves must be fresh.
    #[error("the peer sent our own nonce back")]
    EchoedNonce,
    /// A hash of none of the records under reconciliation.
    #[error("the peer asked for a hash that is not in the set")]
    UnknownHash,
    /// A repair that does not end.
    #[error("the repair did not end within {max} {what}")]
    NotConverging {
        /// Rounds or bytes.
        what: &'static str,
        /// How many are allowed.
        max: u64,
    },
    /// A message about a parcel for which none is due.
    #[error("the peer sent '{message}' for parcel {}, for which it is not due", id.short())]
    NotDue {
        /// Name of the message.
        message: &'static str,
        /// The parcel.
        id: ParcelId,
    },
    /// A piece of a parcel of another length than is next.
    #[error("the peer sent {found} bytes of parcel {}; {due} were next", id.short())]
    PieceSize {
        /// The parcel.
        id: ParcelId,
        /// Bytes that came.
        found: usize,
        /// Bytes that were next.
        due: usize,
    },
    /// Bytes that are not those of the parcel that they were sent for.
    #[error("the peer sent other bytes than those of parcel {}", id.short())]
    OtherBytes {
        /// The parcel.
        id: ParcelId,
    },
    /// Nothing came for too long.
    #[error("the peer left {waiting_for} out for {after_ms} ms")]
    Silent {
        /// What was due.
        waiting_for: &'static str,
        /// Milliseconds waited.
        after_ms: u64,
    },
    /// The caller broke the machine's contract. A defect of this node, not of the peer.
    #[error("a defect of this node ended the stream ({what}); please report it")]
    Misuse {
        /// Which rule.
        what: &'static str,
    },
}

impl WireFault {
    pub(super) const fn misuse(what: &'static str) -> Self {
        Self::Misuse { what }
    }

    /// Who is at fault; nobody for versions that do not meet.
    pub const fn blame(&self) -> Option<Blame> {
        match self {
            WireFault::Incompatible { .. } => None,
            WireFault::Misuse { .. } => Some(Blame::Local),
            _ => Some(Blame::Courier),
        }
    }
}
