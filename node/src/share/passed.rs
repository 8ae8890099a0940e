//! What passed between this node and a peer: the question that control records turn on, on the
//! way out and on the way in.

use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};

use crate::store::{Direction, LedgerEntry, Store, StoreError};

/// The rule of a line of the ledger that says: the peer offered a record that we had already.
pub const HELD_ALREADY: &str = "held already";

/// The rule of a line that says: the peer brought a record that was withdrawn.
pub const WITHDRAWN: &str = "retracted";

/// The rule of a line that says: the peer recalled the record that it had brought.
pub const RECALLED: &str = "recalled";

/// The rule of a line that says: the peer wrote the record and had lost it, or we had.
pub const GIVEN_BACK: &str = "given-back";

/// The rule that ledger and audit log keep of a sealed record, whatever let it pass: the
/// statement's own name would tell what stands inside.
pub const SEALED: &str = "sealed";

/// Name under which is kept that an officer has to say anew who may have a record of ours.
pub fn undecided(id: &RecordId) -> String {
    format!("{UNDECIDED}{}", id.full())
}

/// How those names begin.
pub const UNDECIDED: &str = "undecided/";

/// Whether a peer released a record to us, by its line: it brought the bytes, and stands by it.
pub fn released_to_us(line: &LedgerEntry) -> bool {
    line.direction == Direction::Received
        && ![HELD_ALREADY, WITHDRAWN, RECALLED].contains(&line.rule.as_ref())
}

/// Whether the ledger says that a record was released to the peer, or came from it, or was
/// refused when it came from it. A record whose id was only offered did not pass.
///
/// # Errors
/// The store can't be read.
pub fn passed(store: &Store, peer: &AgencyId, of: &RecordId) -> Result<bool, StoreError> {
    let Some(arrival) = store.arrival_of(of)? else {
        // We never held it, but the peer offered it to us.
        return Ok(store.refused(peer, of)?.is_some());
    };
    let line = store.ledger_entry(peer, arrival)?;
    Ok(line.is_some_and(|l| {
        matches!(l.direction, Direction::Sent | Direction::Received)
            || l.answer == Some(Answer::Stored)
    }))
}

/// Whether the ledger says that this node released a record to the peer.
///
/// # Errors
/// The store can't be read.
pub fn released(store: &Store, peer: &AgencyId, of: &RecordId) -> Result<bool, StoreError> {
    direction(store, peer, of).map(|d| d == Some(Direction::Sent))
}

fn direction(
    store: &Store,
    peer: &AgencyId,
    of: &RecordId,
) -> Result<Option<Direction>, StoreError> {
    let Some(arrival) = store.arrival_of(of)? else {
        return Ok(None);
    };
    let line = store.ledger_entry(peer, arrival)?;
    Ok(line.map(|l| l.direction))
}
