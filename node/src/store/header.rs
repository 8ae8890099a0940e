//! What is known of a record without its bytes.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::{AgencyId, RecordId};
use serde::{Deserialize, Serialize};

use super::owing::Owing;

/// A record's number in this store: dense, from 1, in the order of commits, never used
/// again. It never leaves the node.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Arrival(pub u64);

impl Arrival {
    /// Before the first record.
    pub const ZERO: Arrival = Arrival(0);

    /// The next number.
    pub const fn next(self) -> Arrival {
        Arrival(self.0.saturating_add(1))
    }
}

/// A store's random number, drawn when it was created: a cursor of another incarnation
/// means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// Stands for a record's complete policy attributes, so that decisions can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassId(pub u32);

/// A set of marks on a record.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(u16);

impl Flags {
    /// No mark.
    pub const NONE: Flags = Flags(0);
    /// A distribution list stands beside it (which may be empty: nobody).
    pub const HAS_AUDIENCE: Flags = Flags(1);
    /// Its content failed a check that binds its author.
    pub const MARKED: Flags = Flags(2);
    /// Its author retracted it.
    pub const RETRACTED: Flags = Flags(4);
    /// Its author amended it: a newer record stands in its place.
    pub const SUPERSEDED: Flags = Flags(8);
    /// Its bytes are gone.
    pub const ERASED: Flags = Flags(16);
    /// Its end came: its bytes are gone, by nobody's order but its author's own `expires`.
    pub const EXPIRED: Flags = Flags(32);
    /// It came back with a backup, and whoever brought it was not heard from since: it is
    /// neither shown nor passed on.
    pub const LOCKED: Flags = Flags(64);
    /// The key that signed it was compromised, or revoked with all others: it may be a thief's.
    /// It stays when its author affirms it.
    pub const KEY_LOST: Flags = Flags(128);

    /// Whether all marks of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These marks without those of `other`.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl Tombstone {
    /// The `reason` of what nobody retracted: it ended.
    pub const EXPIRED: u8 = u8::MAX;
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Flags::HAS_AUDIENCE, "audience"),
            (Flags::MARKED, "marked"),
            (Flags::RETRACTED, "retracted"),
            (Flags::SUPERSEDED, "superseded"),
            (Flags::ERASED, "erased"),
            (Flags::EXPIRED, "expired"),
            (Flags::LOCKED, "locked"),
            (Flags::KEY_LOST, "key lost"),
        ];
        f.debug_set()
            .entries(
                names
                    .iter()
                    .filter(|(flag, _)| self.contains(*flag))
                    .map(|(_, name)| name),
            )
            .finish()
    }
}

/// What is known of a stored record without its bytes. It outlives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub id: RecordId,
    /// Who signed it.
    pub author: AgencyId,
    /// Its kind, by the number that the caller gave it.
    pub kind: u8,
    /// When it was made, by its author's clock.
    pub created: Hlc,
    /// When it was committed here, by our clock.
    pub received: Millis,
    /// Who brought it; none: made here.
    pub courier: Option<AgencyId>,
    /// Its policy attributes.
    pub class: ClassId,
    /// Its marks.
    pub flags: Flags,
    /// When it ends, by its author's word.
    pub expires: Option<Millis>,
    /// When its author looks at it again, by its author's word.
    pub review: Option<Millis>,
    /// Length of its bytes when it came, erased or not.
    pub size: u32,
    /// The record that its thread began with.
    pub thread: Option<RecordId>,
    /// The record that it amends.
    pub supersedes: Option<RecordId>,
}

/// A verified record on its way into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Its name.
    pub id: RecordId,
    /// Its exact bytes, at most [`liaison_protocol::limits::RECORD_BYTES`].
    pub bytes: bytes::Bytes,
    /// Who signed it.
    pub author: AgencyId,
    /// Its kind, by a number that the caller keeps.
    pub kind: u8,
    /// When it was made, by its author's clock.
    pub created: Hlc,
    /// Now, by our clock.
    pub received: Millis,
    /// Who brought it; none: made here.
    pub courier: Option<AgencyId>,
    /// Its complete policy attributes, opaque here, at most
    /// [`crate::limits::CLASS_BYTES`].
    pub class: bytes::Bytes,
    /// [`Flags::MARKED`], [`Flags::KEY_LOST`] or none: the store sets the others.
    pub flags: Flags,
    /// When it ends, by its author's word.
    pub expires: Option<Millis>,
    /// When its author looks at it again, by its author's word.
    pub review: Option<Millis>,
    /// The record that its thread began with.
    pub thread: Option<RecordId>,
    /// The record that it amends. Counts if that one has the same author, whichever of
    /// them comes first.
    pub supersedes: Option<RecordId>,
    /// What it retracts. Acts if that one has the same author, whichever comes first.
    pub retracts: Option<Retraction>,
    /// Its distribution list; empty: nobody; none: policy alone decides.
    pub audience: Option<Vec<AgencyId>>,
    /// What it says of another, if it is owed rather than shared.
    pub owing: Option<Owing>,
    /// The recall that it lifts, because it comes from whoever may: it comes in although that
    /// keeps it out.
    pub lifts: Option<RecordId>,
    /// When it was offered, by its courier's clock, if it took its time since, in a parcel; none:
    /// just now. It stays out if its courier called it back since then.
    pub offered: Option<Millis>,
}

/// What a `retract` record asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraction {
    /// The record that is retracted.
    pub of: RecordId,
    /// Its reason, by a number that the caller keeps.
    pub reason: u8,
    /// Whether its bytes go.
    pub erase: bool,
}

/// What stays of a record that its author retracted, or that was erased here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Who signed the record.
    pub author: AgencyId,
    /// Why, by a number that the caller keeps.
    pub reason: u8,
    /// Since when, by our clock.
    pub at: Millis,
    /// The record that ordered it.
    pub by: RecordId,
}

impl Tombstone {
    /// The `reason` of what its author did not retract: whoever released it here recalled it.
    pub const RECALLED: u8 = u8::MAX - 1;

    /// Whether its author's retraction ordered it.
    pub const fn is_retraction(&self) -> bool {
        self.reason != Self::RECALLED && self.reason != Self::EXPIRED
    }
}
