//! What can be wrong with a seal, and at whose door it lies.

use super::key::SealingId;
use crate::fault::{Answer, Blame, Later, Refused};
use crate::id::AgencyId;
use crate::limits;
use crate::personal::InsideFault;
use crate::record::check::Finding;
use crate::record::codes::Kind;
use crate::record::signed::FormFault;

/// Why a record can't be sealed, wrapped or opened. Nothing of the content is ever in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// A sealed record that came alone.
    #[error("the key to this sealed record did not come with it; its author's node sends it again")]
    NoWrap,
    /// The wrap names another key than the one at hand.
    #[error(
        "the key to this record is wrapped to sealing key {key}, which is not at hand: it was retired, or is another agency's"
    )]
    OtherKey {
        /// The name in the wrap.
        key: SealingId,
    },
    /// The wrap does not open.
    #[error(
        "the key to this record does not open with sealing key {key}: it was made for another agency or record, or changed on the way"
    )]
    Closed {
        /// The name in the wrap.
        key: SealingId,
    },
    /// The secret is not the one that the record commits to.
    #[error("this key is not the one that its author sealed the record with")]
    Commitment,
    /// The secret is right, and the text does not decrypt.
    #[error("what is under the seal is broken: its author's node sealed it wrongly")]
    Changed,
    /// What decrypts is not padded as it must be.
    #[error(
        "what is under the seal is not padded to its size: its author's node sealed it wrongly"
    )]
    Padding,
    /// What decrypts is not what a personal record says.
    #[error(transparent)]
    Inside(#[from] InsideFault),
    /// What a personal record says is over a limit. The finding names the place only.
    #[error("{0}")]
    Limit(Box<Finding>),
    /// A record of a kind that has no seal.
    #[error("a {kind} is not sealed, so there is nothing to open")]
    NotSealed {
        /// Its kind.
        kind: Kind,
    },
    /// More content than the largest size class holds.
    #[error(
        "this is too long for one record: {found} bytes, and {} is the most. Split it into several records of the thread",
        limits::INSIDE_BYTES
    )]
    TooLong {
        /// Bytes of content.
        found: usize,
    },
    /// A public key that is none.
    #[error(
        "sealing key {key} of {} is broken, so nothing can be sealed to that agency; ask it for a new keys statement",
        agency.short()
    )]
    BadKey {
        /// Whose it is.
        agency: AgencyId,
        /// The key.
        key: SealingId,
    },
    /// A private key that is none.
    #[error("this is no private sealing key")]
    BadSecret,
    /// The clear part can't be written. A defect of this program.
    #[error(
        "a defect of this node: the clear part of a sealed record can't be written; please report it"
    )]
    Stub,
}

impl SealFault {
    /// What a peer is answered. A wrap is nobody's signed word, so whatever is wrong with it
    /// may be right the next time.
    pub fn answer(&self) -> Answer {
        match self {
            SealFault::NoWrap
            | SealFault::OtherKey { .. }
            | SealFault::Closed { .. }
            | SealFault::Commitment
            | SealFault::BadKey { .. }
            | SealFault::BadSecret
            | SealFault::Stub => Answer::Later(Later::NoKey),
            SealFault::Changed
            | SealFault::Padding
            | SealFault::Inside(_)
            | SealFault::Limit(_)
            | SealFault::NotSealed { .. }
            | SealFault::TooLong { .. } => Answer::Refused(Refused::Form),
        }
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            SealFault::NoWrap | SealFault::Closed { .. } | SealFault::Commitment => Blame::Courier,
            SealFault::Changed
            | SealFault::Padding
            | SealFault::Inside(_)
            | SealFault::Limit(_) => Blame::Author,
            SealFault::OtherKey { .. }
            | SealFault::NotSealed { .. }
            | SealFault::TooLong { .. }
            | SealFault::BadKey { .. }
            | SealFault::BadSecret
            | SealFault::Stub => Blame::Local,
        }
    }
}

impl From<Finding> for SealFault {
    fn from(finding: Finding) -> Self {
        SealFault::Limit(Box::new(finding))
    }
}

/// Why bytes are not the frame of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The record itself.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// Something else than one wrap follows the record.
    #[error("{found} bytes follow the record that are not one wrapped key")]
    NotAWrap {
        /// How many bytes.
        found: usize,
    },
    /// A wrap beside a record that has no seal.
    #[error("a wrapped key came with a {kind}, which is not sealed")]
    NotSealed {
        /// Its kind.
        kind: Kind,
    },
}

impl FrameFault {
    /// What a peer is answered.
    pub fn answer(&self) -> Answer {
        match self {
            FrameFault::Form(fault) => fault.answer(),
            FrameFault::NotAWrap { .. } | FrameFault::NotSealed { .. } => {
                Answer::Refused(Refused::Form)
            }
        }
    }

    /// Whose fault it is: no author puts its word on what stands beside the record.
    pub fn blame(&self) -> Blame {
        match self {
            FrameFault::Form(fault) => fault.blame(),
            FrameFault::NotAWrap { .. } | FrameFault::NotSealed { .. } => Blame::Courier,
        }
    }
}
