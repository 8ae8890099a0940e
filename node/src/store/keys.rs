//! Where what lies in the one tree: a family byte, then the key, numbers big-endian.

use liaison_protocol::id::{AgencyId, RecordId};

use super::header::{Arrival, ClassId};

/// arrival, chunk -> a record's exact bytes
pub const RECORD: u8 = b'r';
/// arrival -> header
pub const HEADER: u8 = b'h';
/// record id -> arrival
pub const ID: u8 = b'i';
/// arrival -> distribution list
pub const AUDIENCE: u8 = b'a';
/// SHA-256 of a class -> its number
pub const CLASS_HASH: u8 = b'c';
/// class number -> class
pub const CLASS: u8 = b'C';
/// amended record id, author -> ids of the amendments
pub const SUPERSEDED: u8 = b's';
/// retracted record id (not held), author -> what the retract asks for
pub const WAITING: u8 = b'w';
/// record id -> tombstone
pub const TOMBSTONE: u8 = b't';
/// agency -> peer number
pub const PEER_NUMBER: u8 = b'E';
/// peer number -> agency
pub const PEER_OF: u8 = b'e';
/// rule -> rule number
pub const RULE_NUMBER: u8 = b'U';
/// rule number -> rule
pub const RULE_OF: u8 = b'u';
/// peer number, arrival -> ledger entry
pub const LEDGER: u8 = b'l';
/// peer number, arrival -> nothing: the peer said `later`
pub const LATER: u8 = b'L';
/// peer number, record id -> refused entry
pub const REFUSED: u8 = b'f';
/// peer number -> count of refused entries
pub const REFUSED_COUNT: u8 = b'F';
/// agency -> cursor
pub const CURSOR: u8 = b'o';
/// agency, chunk -> peer's small record
pub const PEER: u8 = b'p';
/// agency, card's id, chunk -> card; agency, card's id, 1, chunk -> card of which the revocations
/// alone count; before there were two of one revision: agency, revision,
/// chunk
pub const CARD: u8 = b'k';
/// name, 0, chunk -> small named value
pub const META: u8 = b'm';
/// arrival -> kind of a record that is owed rather than shared
pub const OWED: u8 = b'O';
/// record id, holder -> what the holder told of its copy
pub const RECEIPT: u8 = b'R';
/// record id, peer -> the recall of ours that took back the peer's copy
pub const RECALLED: u8 = b'y';
/// peer number, record id -> the newest recall by that peer of its copy here
pub const CALLED_BACK: u8 = b'b';
/// peer number -> count of these
pub const CALLED_BACK_COUNT: u8 = b'B';
/// number -> quarantined sample
pub const QUARANTINE: u8 = b'q';
/// name -> rows done
pub const JOB: u8 = b'j';
/// -> counters
pub const STATE: u8 = b'z';
/// -> format and incarnation
pub const FORMAT: u8 = b'v';

/// Bytes of a family and a peer number.
pub const OF_PEER: usize = 1 + size_of::<u32>();

/// A key of raw parts.
pub fn key(family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|p| p.len()).sum::<usize>());
    key.push(family);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// A key of an arrival.
pub fn of_arrival(family: u8, arrival: Arrival) -> Vec<u8> {
    key(family, &[&arrival.0.to_be_bytes()])
}

/// A key of a record id.
pub fn of_id(family: u8, id: &RecordId) -> Vec<u8> {
    key(family, &[id.as_bytes()])
}

/// A key of an agency.
pub fn of_agency(family: u8, agency: &AgencyId) -> Vec<u8> {
    key(family, &[agency.as_bytes()])
}

/// A key of a record id and its author.
pub fn of_id_author(family: u8, id: &RecordId, author: &AgencyId) -> Vec<u8> {
    key(family, &[id.as_bytes(), author.as_bytes()])
}

/// A key of a small number (peer, rule, class).
pub fn of_number(family: u8, number: u32) -> Vec<u8> {
    key(family, &[&number.to_be_bytes()])
}

/// A key of a peer number and an arrival.
pub fn of_peer_arrival(family: u8, peer: u32, arrival: Arrival) -> Vec<u8> {
    key(family, &[&peer.to_be_bytes(), &arrival.0.to_be_bytes()])
}

/// A key of a peer number and a record id.
pub fn of_peer_id(family: u8, peer: u32, id: &RecordId) -> Vec<u8> {
    key(family, &[&peer.to_be_bytes(), id.as_bytes()])
}

/// A key of a class.
pub fn of_class(class: ClassId) -> Vec<u8> {
    of_number(CLASS, class.0)
}

/// A key of a card.
pub fn of_card(agency: &AgencyId, id: &RecordId) -> Vec<u8> {
    key(CARD, &[agency.as_bytes(), id.as_bytes()])
}

/// A key of a name; the closing 0 keeps one name from being another's prefix.
pub fn of_name(family: u8, name: &str) -> Vec<u8> {
    key(family, &[name.as_bytes(), &[0]])
}

/// The bytes of `key` at `at`, if it has that many.
pub fn part<const N: usize>(key: &[u8], at: usize) -> Option<[u8; N]> {
    key.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The smallest key above all that begin with `prefix`.
pub fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
