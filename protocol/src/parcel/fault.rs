//! What can be wrong with a parcel, and at whose door it lies.

use crate::fault::Blame;
use crate::id::{AgencyId, RecordId};
use crate::key::PublicKey;
use crate::limits;
use crate::seal::SealingId;

/// Why a parcel can't be made, opened or taken. Nothing of the content is ever in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelFault {
    /// No length that parcels have.
    #[error(
        "{found} bytes are no parcel: parcels have one of five lengths, up to {}",
        limits::PARCEL_BYTES
    )]
    Size {
        /// Bytes found.
        found: usize,
    },
    /// Sealed to a key that was never ours.
    #[error("the parcel is sealed to key {key}, which is not ours: it is for another agency")]
    OtherKey {
        /// The name in front.
        key: SealingId,
    },
    /// Sealed to a key of ours of which the private half is destroyed.
    #[error(
        "the parcel is sealed to our key {key}, whose time is over: its sender seals a new one when it has our keys statement"
    )]
    Retired {
        /// The name in front.
        key: SealingId,
    },
    /// It names our key and does not open.
    #[error(
        "the parcel does not open with our key {key}: it was changed on the way, or made for another agency"
    )]
    Closed {
        /// The name in front.
        key: SealingId,
    },
    /// What opens is not padded as it must be.
    #[error("what is in the parcel is not padded to its size")]
    Padding,
    /// What opens is no letter.
    #[error("what is in the parcel is no letter: {says}")]
    Form {
        /// What is wrong.
        says: String,
    },
    /// The letter claims to be of an agency that is no linked peer.
    #[error("the letter is of {}, which is no peer of ours: 'liaison peer add', if it is to be one", from.short())]
    Stranger {
        /// Whose it claims to be.
        from: AgencyId,
    },
    /// The key stands on no card of the sender that we have.
    #[error(
        "the letter is signed with key {key:?}, which is on no card of {} that we have; it is tried again when a newer card comes",
        from.short()
    )]
    UnknownKey {
        /// Whose it claims to be.
        from: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The key is revoked, was lost, or was not valid when the letter was made.
    #[error("key {key:?} of {} could not sign a letter at the time that it states, or was lost since", from.short())]
    KeyNotValid {
        /// Whose it claims to be.
        from: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// The signature does not verify.
    #[error("the letter's signature does not verify under key {key:?} of {}", from.short())]
    DoesNotVerify {
        /// Whose it claims to be.
        from: AgencyId,
        /// The key.
        key: PublicKey,
    },
    /// What a sender put its name to, and must not.
    #[error("{} wrote a letter that nobody may write: {fault}", from.short())]
    Letter {
        /// Who signed it.
        from: AgencyId,
        /// What is wrong.
        fault: LetterFault,
    },
    /// Signed for another agency, and sealed to us by somebody.
    #[error("the letter is to {}, not to us; whoever had it sealed it anew", to.short())]
    NotForUs {
        /// Who signed it.
        from: AgencyId,
        /// For whom.
        to: AgencyId,
    },
    /// The hub says that another agency deposited it.
    #[error("the letter is of {}, but {} deposited it, as the hub says", from.short(), depositor.short())]
    OtherDepositor {
        /// Who signed it.
        from: AgencyId,
        /// Who deposited it, by the hub's word.
        depositor: AgencyId,
    },
    /// Its number came before, or its sender called it void.
    #[error("letter {number} of {} came before, or was taken back by its sender: it is not opened twice", from.short())]
    SeenBefore {
        /// Who signed it.
        from: AgencyId,
        /// Its number.
        number: u64,
    },
    /// Made ahead of our clock.
    #[error("letter {number} of {} is ahead of our clock: it is tried again; 'liaison clock show' says whose clock is wrong", from.short())]
    Ahead {
        /// Who signed it.
        from: AgencyId,
        /// Its number.
        number: u64,
    },
    /// Past its end.
    #[error("letter {number} of {} is past its expiry: its sender makes a new one", from.short())]
    Expired {
        /// Who signed it.
        from: AgencyId,
        /// Its number.
        number: u64,
    },
    /// A letter of ours that may not leave.
    #[error("a defect of this node: the letter may not be sent ({0}); please report it")]
    Unsendable(LetterFault),
    /// More than the longest parcel holds.
    #[error(
        "a defect of this node: a letter of {found} bytes is too long for one parcel; please report it"
    )]
    TooLong {
        /// Bytes of the signed letter.
        found: usize,
    },
    /// A public key that is none.
    #[error("sealing key {key} of {} is broken, so nothing can be sealed to that agency; ask it for a new keys statement", to.short())]
    BadKey {
        /// Whose it is.
        to: AgencyId,
        /// The key.
        key: SealingId,
    },
}

/// What is wrong with what a letter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterFault {
    /// Number 0.
    #[error("letters are numbered from 1")]
    NoNumber,
    /// From and to are one.
    #[error("it is to its own sender")]
    ToItself,
    /// It ends before it begins, or too late.
    #[error("it has to expire within {} days of its making", limits::PARCEL_DAYS)]
    Life,
    /// Nothing in it.
    #[error("there is nothing in it")]
    Empty,
    /// A frame of no or too many bytes.
    #[error("a record in it has no or too many bytes")]
    FrameSize,
    /// A record twice.
    #[error("record {} is in it twice", id.short())]
    RecordTwice {
        /// The record.
        id: RecordId,
    },
    /// Too many of something.
    #[error("{found} {what} are in it; {max} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// Most allowed.
        max: usize,
    },
}

impl ParcelFault {
    /// Whose fault it is. The courier is the hub, or who carried the file: it alone has its name
    /// to whatever no signature covers.
    pub const fn blame(&self) -> Blame {
        match self {
            ParcelFault::Size { .. }
            | ParcelFault::OtherKey { .. }
            | ParcelFault::Closed { .. }
            | ParcelFault::Padding
            | ParcelFault::Form { .. }
            | ParcelFault::Stranger { .. }
            | ParcelFault::DoesNotVerify { .. }
            | ParcelFault::NotForUs { .. }
            | ParcelFault::OtherDepositor { .. }
            | ParcelFault::SeenBefore { .. }
            | ParcelFault::Expired { .. } => Blame::Courier,
            ParcelFault::KeyNotValid { .. }
            | ParcelFault::Letter { .. }
            | ParcelFault::Ahead { .. }
            | ParcelFault::BadKey { .. } => Blame::Author,
            ParcelFault::UnknownKey { .. }
            | ParcelFault::Retired { .. }
            | ParcelFault::Unsendable(_)
            | ParcelFault::TooLong { .. } => Blame::Local,
        }
    }

    /// Whether the same parcel may be taken later: it is to be left where it is.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            ParcelFault::UnknownKey { .. } | ParcelFault::Ahead { .. }
        )
    }
}
