//! Why a record did not come in, whose fault that is, and what its sender is told.

use liaison_protocol::card::CardFault;
use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Blame, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::handling::Verdict;
use liaison_protocol::record::signed::{FormFault, SignatureFault};
use liaison_protocol::seal::{FrameFault, SealFault};

use crate::audit::AuditError;
use crate::keyring::KeyringError;
use crate::store::StoreError;
use crate::time::Doubt;
use crate::vault::VaultError;

/// Why a record did not come in.
#[derive(Debug, thiserror::Error)]
pub enum IngestFault {
    /// Not a record.
    #[error(transparent)]
    Form(#[from] FormFault),
    /// Not a record with at most one wrap beside it.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// A sealed record whose key did not come, or does not open.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// Its key is right, and what stands inside is broken.
    #[error("{fault}")]
    Broken {
        /// What is wrong.
        fault: SealFault,
        /// When it was made.
        created: Hlc,
    },
    /// A sealed record that does not name us, or that another than its author sent.
    #[error("it is sealed to others, or came from another than its author's node")]
    NotAddressed {
        /// When it was made.
        created: Hlc,
    },
    /// It would be sealed to whom the person's status, citizenship or consent keeps it from.
    #[error(
        "REF-04 it may not be sealed to {recipient}: the person is kept from the authorities of {country}. Choose another provider; with the person's consent to 'origin-contact' this one may get it"
    )]
    Barred {
        /// Alias of the recipient.
        recipient: String,
        /// The country.
        country: String,
    },
    /// The keyring failed.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A key could not be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It can't be written down who brought it.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Not its author's word.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// A card that can't be taken.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// The bytes are another record than the one offered.
    #[error("the bytes are record {}, but {} was offered", found.short(), offered.short())]
    OtherRecord {
        /// The id offered.
        offered: RecordId,
        /// The id of the bytes.
        found: RecordId,
    },
    /// No card of its author.
    #[error("no card of its author {} is known here; ask the agency for it, then 'liaison peer add'", author.short())]
    UnknownAuthor {
        /// The author.
        author: AgencyId,
    },
    /// It affirms records under a key that, as far as the cards known here tell, stands.
    #[error("it affirms records under a key that no card of {} known here calls compromised; ask the agency for its newest card, then 'liaison peer add'", author.short())]
    KeyStands {
        /// The author.
        author: AgencyId,
    },
    /// Two different cards of its author carry the same revision.
    #[error("two different cards of {} carry the same revision: nothing new is taken from it until you have telephoned it and added its newest card with --fingerprint", author.short())]
    Forked {
        /// The author.
        author: AgencyId,
    },
    /// Made later than now.
    #[error("it was made {ahead_s} s ahead of this node's clock; one of the two clocks is wrong")]
    Clock {
        /// Seconds ahead.
        ahead_s: u64,
    },
    /// We do not know yet what we signed since the backup that we came back from.
    #[error(
        "nothing is signed until {waiting} told what this node signed and does not know of any more: it came back from a backup, or its machine was set back ('liaison restore status'). Connect them, or give up waiting: 'liaison restore release NAME --reason TEXT'"
    )]
    CatchingUp {
        /// Who was not heard from yet, by alias.
        waiting: String,
    },
    /// By our clock it is past its expiry, and our clock is not to be believed.
    #[error("whether it has expired can't be said: {0}")]
    OwnClock(Doubt),
    /// Past its expiry.
    #[error("it is past its expiry")]
    Expired {
        /// When it was made.
        created: Hlc,
    },
    /// Retracted by its author.
    #[error("it was retracted")]
    Retracted {
        /// When it was made.
        created: Hlc,
    },
    /// An exercise record for a live store, or the reverse.
    #[error("{says}")]
    Exercise {
        /// Which of the two.
        says: String,
        /// When it was made.
        created: Hlc,
    },
    /// Its author's handling did not let the courier pass it on to us.
    #[error("its courier was not allowed to pass it on: {verdict}")]
    Handling {
        /// The rule.
        verdict: Verdict,
        /// When it was made.
        created: Hlc,
    },
    /// Our accept policy does not take it.
    #[error("the accept policy does not take it: {says}")]
    Policy {
        /// The statement, in words.
        says: String,
        /// When it was made.
        created: Hlc,
    },
    /// It amends or retracts another agency's record.
    #[error("it {what} record {}, which another agency wrote or which is of another kind", of.short())]
    NotTheAuthor {
        /// `amends`, `retracts`, `recalls`, `permits to pass on` or `affirms`.
        what: &'static str,
        /// The other record.
        of: RecordId,
        /// When it was made.
        created: Hlc,
    },
    /// Policy would see more places, nationalities and the like than a class may hold.
    #[error(
        "it names so many places, nationalities or codes that policy would have {found} bytes to look at; {} are the most. Split it",
        crate::limits::CLASS_BYTES
    )]
    TooManyTags {
        /// Bytes of its attributes.
        found: usize,
        /// When it was made.
        created: Hlc,
    },
    /// It came from an agency with which this node stopped exchanging.
    #[error("its courier was removed here: nothing but what is owed is taken from it")]
    CourierRemoved,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node is stopping.
    #[error("the node is stopping; nothing was stored. Try again when it runs")]
    Stopping,
}

impl IngestFault {
    /// What the sender is answered.
    pub fn answer(&self) -> Answer {
        match self {
            IngestFault::Form(fault) => fault.answer(),
            IngestFault::Signature(fault) => fault.answer(),
            IngestFault::Frame(fault) => fault.answer(),
            IngestFault::Seal(fault) | IngestFault::Broken { fault, .. } => fault.answer(),
            IngestFault::NotAddressed { .. } | IngestFault::Barred { .. } => {
                Answer::Refused(Refused::Handling)
            }
            IngestFault::Keyring(_) | IngestFault::Vault(_) | IngestFault::Audit(_) => {
                Answer::Later(Later::Disk)
            }
            IngestFault::Card(_) => Answer::Refused(Refused::Signature),
            IngestFault::OtherRecord { .. } | IngestFault::TooManyTags { .. } => {
                Answer::Refused(Refused::Form)
            }
            IngestFault::UnknownAuthor { .. }
            | IngestFault::KeyStands { .. }
            | IngestFault::Forked { .. } => Answer::Later(Later::UnknownAuthor),
            IngestFault::Clock { .. } | IngestFault::OwnClock(_) => Answer::Later(Later::Clock),
            IngestFault::Expired { .. } => Answer::Refused(Refused::Expired),
            IngestFault::Retracted { .. } => Answer::Refused(Refused::Retracted),
            IngestFault::Exercise { .. } => Answer::Refused(Refused::Exercise),
            IngestFault::Handling { .. } => Answer::Refused(Refused::Handling),
            IngestFault::Policy { .. } | IngestFault::CourierRemoved => {
                Answer::Refused(Refused::Policy)
            }
            IngestFault::NotTheAuthor { .. } => Answer::Refused(Refused::NotTheAuthor),
            IngestFault::Store(_) | IngestFault::Stopping | IngestFault::CatchingUp { .. } => {
                Answer::Later(Later::Disk)
            }
        }
    }

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            IngestFault::Form(fault) => fault.blame(),
            IngestFault::Signature(fault) => fault.blame(),
            IngestFault::Frame(fault) => fault.blame(),
            IngestFault::Seal(fault) | IngestFault::Broken { fault, .. } => fault.blame(),
            IngestFault::NotAddressed { .. } => Blame::Courier,
            IngestFault::Barred { .. }
            | IngestFault::Keyring(_)
            | IngestFault::Vault(_)
            | IngestFault::Audit(_) => Blame::Local,
            IngestFault::OtherRecord { .. } | IngestFault::Handling { .. } => Blame::Courier,
            IngestFault::Card(_)
            | IngestFault::Clock { .. }
            | IngestFault::Expired { .. }
            | IngestFault::Exercise { .. }
            | IngestFault::TooManyTags { .. }
            | IngestFault::NotTheAuthor { .. } => Blame::Author,
            IngestFault::UnknownAuthor { .. }
            | IngestFault::KeyStands { .. }
            | IngestFault::Forked { .. }
            | IngestFault::Retracted { .. }
            | IngestFault::Policy { .. }
            | IngestFault::CourierRemoved
            | IngestFault::OwnClock(_)
            | IngestFault::CatchingUp { .. }
            | IngestFault::Store(_)
            | IngestFault::Stopping => Blame::Local,
        }
    }

    /// For a record that was verified before it was refused: when it was made, and whether
    /// the refusal is to be remembered. Nothing else enters a list of refused records, so
    /// that bad bytes under a good id poison nothing.
    pub(super) fn verified(&self) -> Option<(Hlc, bool)> {
        match self {
            // A control record that concerns nothing that passed between us may have come ahead of
            // that: it is judged anew when it is offered again.
            IngestFault::Handling {
                verdict: Verdict::Control,
                created,
            } => Some((*created, false)),
            IngestFault::Expired { created }
            | IngestFault::Retracted { created }
            | IngestFault::Exercise { created, .. }
            | IngestFault::Handling { created, .. }
            | IngestFault::Policy { created, .. }
            | IngestFault::TooManyTags { created, .. }
            | IngestFault::Broken { created, .. }
            | IngestFault::NotAddressed { created }
            | IngestFault::NotTheAuthor { created, .. } => {
                // Another courier may be allowed what this one was not: the refusal is kept
                // per courier, so remembering it is safe.
                Some((*created, true))
            }
            _ => None,
        }
    }

    /// Whether the bytes are no record, so that a sample is set aside.
    pub(super) fn is_malformed(&self) -> bool {
        match self {
            IngestFault::Form(fault) => fault.answer() == Answer::Refused(Refused::Form),
            IngestFault::Frame(fault) => fault.answer() == Answer::Refused(Refused::Form),
            IngestFault::OtherRecord { .. }
            | IngestFault::Signature(SignatureFault::DoesNotVerify { .. }) => true,
            _ => false,
        }
    }

    /// Path to the field at fault, where one is.
    pub(super) fn place(&self) -> String {
        match self {
            IngestFault::Form(fault) | IngestFault::Frame(FrameFault::Form(fault)) => match fault {
                FormFault::Content { place, .. } => place.clone(),
                FormFault::Limit(finding) => finding.place.clone(),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }
}
