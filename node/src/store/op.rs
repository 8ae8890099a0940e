//! What can be asked of the writer, and what it answers.

use bytes::Bytes;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};

use super::called_back::CalledBack;
use super::header::{Arrival, Flags, Incarnation, NewRecord, Tombstone};
use super::keys;
use super::ledger::{Cursor, LedgerEntry, RefusedEntry};
use super::quarantine::Quarantined;

/// One change. All changes of one write happen together or not at all.
#[derive(Clone, Debug)]
pub enum Op {
    /// Takes a record in. Answered [`OpOutcome::Stored`], [`OpOutcome::AlreadyHeld`],
    /// [`OpOutcome::Tombstoned`] or [`OpOutcome::CalledBack`].
    Insert {
        /// The record.
        record: Box<NewRecord>,
        /// The peer's line in the ledger; entered also if the record was held already.
        ledger: Option<(AgencyId, LedgerEntry)>,
    },
    /// Enters a line in the ledger. [`OpOutcome::Missing`] without that record;
    /// [`OpOutcome::Unchanged`] if a higher direction stands there (its answer is kept). A
    /// line without an answer keeps the answer that stands: what waits as `later` is not
    /// forgotten while it is sent again.
    Ledger {
        /// The peer.
        peer: AgencyId,
        /// The record.
        arrival: Arrival,
        /// The line.
        entry: LedgerEntry,
    },
    /// Enters a peer's answer into the line that stands, or this line where none does.
    /// [`OpOutcome::Missing`] without that record.
    Answer {
        /// The peer.
        peer: AgencyId,
        /// The record.
        arrival: Arrival,
        /// The line where none stands; its answer counts in any case.
        entry: LedgerEntry,
    },
    /// Enters that a record is released to a peer: the recall that was known then is past.
    /// [`OpOutcome::Unchanged`] if another recall of the peer's copy stands by now: then it may
    /// not go. [`OpOutcome::Missing`] without that record.
    Release {
        /// The peer.
        peer: AgencyId,
        /// The record.
        arrival: Arrival,
        /// The line.
        entry: LedgerEntry,
        /// The recall of ours that was known when the release was decided.
        lifts: Option<RecordId>,
    },
    /// Takes the peer's answer out of its line: it gave the record back, so it may be offered
    /// again. [`OpOutcome::Missing`] without that line.
    Reopen {
        /// The peer.
        peer: AgencyId,
        /// The record.
        arrival: Arrival,
    },
    /// Remembers that a record was refused a peer. [`OpOutcome::Unchanged`] when its list
    /// is full ([`crate::limits::REFUSED_PER_PEER`]).
    Refused {
        /// The peer.
        peer: AgencyId,
        /// The record.
        id: RecordId,
        /// The decision.
        entry: RefusedEntry,
    },
    /// Remembers a recall by a peer that was refused, for nothing of what it calls back had
    /// passed. [`OpOutcome::AlreadyHeld`] if that passed since: it is to be judged anew;
    /// [`OpOutcome::Unchanged`] where a newer one stands, or when the peer's list is full
    /// ([`crate::limits::CALLED_BACK_PER_PEER`]).
    CalledBack {
        /// The peer.
        peer: AgencyId,
        /// What it calls back.
        of: RecordId,
        /// Its recall.
        recall: CalledBack,
        /// What came before this, by our clock, makes room.
        ended: Millis,
    },
    /// Forgets what was refused a peer under accept epochs before this one, at most
    /// [`crate::limits::STORE_ROWS`] records at a time: ask until [`OpOutcome::Unchanged`].
    ForgetRefused {
        /// The peer.
        peer: AgencyId,
        /// The accept epoch that holds now.
        before: u64,
    },
    /// Moves a peer's cursor on. [`OpOutcome::Unchanged`] if it would go back, or belongs to
    /// another store.
    Cursor {
        /// The peer.
        peer: AgencyId,
        /// Its cursor.
        cursor: Cursor,
    },
    /// Retracts or erases, by our own decision or an order that ingest checked. A record
    /// that we don't hold is kept out from now on.
    Tombstone {
        /// The record.
        id: RecordId,
        /// What stays of it.
        tombstone: Tombstone,
        /// Whether its bytes go.
        erase: bool,
    },
    /// Erases a record whose end has come. [`OpOutcome::Unchanged`] if it has not ended at
    /// `at`, or is erased already; [`OpOutcome::Missing`] without that record.
    Expire {
        /// The record.
        arrival: Arrival,
        /// Now, by our clock.
        at: Millis,
    },
    /// Takes the tombstone away, so that the record may come again (a recall was lifted).
    /// An erased record does not come back by itself: a later insert of the same id fills
    /// it again under its old arrival.
    LiftTombstone {
        /// The record.
        id: RecordId,
    },
    /// Sets and clears marks.
    SetFlags {
        /// The record.
        arrival: Arrival,
        /// Marks to set.
        set: Flags,
        /// Marks to clear.
        clear: Flags,
    },
    /// Sets or lifts the distribution list.
    Audience {
        /// The record.
        arrival: Arrival,
        /// Who; empty: nobody; none: policy alone decides.
        audience: Option<Vec<AgencyId>>,
    },
    /// Keeps a peer's small record.
    PutPeer {
        /// The peer.
        peer: AgencyId,
        /// Opaque, at most [`crate::limits::STORE_VALUE_BYTES`].
        bytes: Bytes,
    },
    /// Drops a peer's small record. Ledger and cursor stay.
    DeletePeer {
        /// The peer.
        peer: AgencyId,
    },
    /// Keeps a card.
    PutCard {
        /// Where.
        row: CardRow,
        /// Its exact bytes, at most [`crate::limits::STORE_VALUE_BYTES`].
        bytes: Bytes,
    },
    /// Drops a card.
    DropCard(CardRow),
    /// Keeps a small named value.
    PutMeta {
        /// 1 to [`crate::limits::STORE_NAME_BYTES`] printable ASCII characters.
        name: String,
        /// At most [`crate::limits::STORE_VALUE_BYTES`].
        bytes: Bytes,
    },
    /// Drops a small named value.
    DeleteMeta {
        /// Its name.
        name: String,
    },
    /// Keeps a sample of what was no record; the oldest leave.
    Quarantine(Quarantined),
    /// Notes how far an import came.
    JobProgress {
        /// 1 to [`crate::limits::STORE_NAME_BYTES`] printable ASCII characters.
        job: String,
        /// Rows done.
        rows: u64,
    },
    /// Drops an import's progress.
    DeleteJob {
        /// Its key.
        job: String,
    },
    /// Makes this another store: after a restore from a backup all cursors are void.
    Reincarnate(Incarnation),
}

/// What ends the row of a card of which the revocations alone count: no chunk of another row ends
/// so in its first.
const REVOKING: u8 = 1;

/// Bytes of such a row's key: family, agency, id, mark.
const REVOKING_BYTES: usize = 1 + 32 + 32 + 1;

/// Where the store keeps a card.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardRow(pub(super) Vec<u8>);

impl CardRow {
    /// Of this card.
    pub fn new(agency: &AgencyId, id: &RecordId) -> Self {
        Self(keys::of_card(agency, id))
    }

    /// Of this card, if its revocations alone count.
    pub fn revoking(agency: &AgencyId, id: &RecordId) -> Self {
        let mut key = keys::of_card(agency, id);
        key.push(REVOKING);
        Self(key)
    }

    /// Whether its revocations alone count.
    pub fn is_revoking(&self) -> bool {
        self.0.len() == REVOKING_BYTES
    }
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpOutcome {
    /// The record is in.
    Stored {
        /// Its number.
        arrival: Arrival,
        /// The older record whose marks it changed (amended or retracted), if we hold it.
        touched: Option<Arrival>,
    },
    /// The record was in.
    AlreadyHeld(Arrival),
    /// The record was retracted or erased: it stays out.
    Tombstoned(Tombstone),
    /// The record was called back by its courier after it was offered: it stays out.
    CalledBack,
    /// Done.
    Done,
    /// Nothing had to change.
    Unchanged,
    /// The record that it is about is not here.
    Missing,
}

impl OpOutcome {
    /// The record's number, if it is in.
    pub const fn arrival(&self) -> Option<Arrival> {
        match self {
            OpOutcome::Stored { arrival, .. } | OpOutcome::AlreadyHeld(arrival) => Some(*arrival),
            _ => None,
        }
    }
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that ever came, which is the last arrival.
    pub arrivals: u64,
    /// Of these, erased.
    pub erased: u64,
    /// Of these, retracted (erased or not).
    pub retracted: u64,
    /// Of these, amended by a newer one.
    pub superseded: u64,
    /// Of these, marked by a content check.
    pub marked: u64,
    /// Bytes of records that are not erased.
    pub bytes: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Samples in quarantine.
    pub quarantined: u64,
    /// When the last record came.
    pub last_received: Option<Millis>,
}
