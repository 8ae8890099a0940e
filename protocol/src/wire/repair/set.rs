//! The set under reconciliation: ordered as negentropy wants it, and back from hash to id.

use negentropy::{Bound, Error, Id, Item, Negentropy, NegentropyStorageBase};
use sha2::{Digest, Sha256};

use crate::clock::Hlc;
use crate::id::RecordId;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::repair::Nonce;

/// A member of the set that a caller hands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record's `created`.
    pub created: Hlc,
    /// The record.
    pub id: RecordId,
}

/// About 80 bytes a record, for as long as the repair runs.
#[derive(Debug, Default)]
pub(super) struct Set {
    /// Sorted by item, no item twice.
    rows: Vec<(Item, RecordId)>,
    /// Indices into `rows`, sorted by hash.
    by_hash: Vec<u32>,
    /// The rows that the peer lacks.
    lacking: Vec<bool>,
}

/// Entries that are turned into rows before their room is given back.
const PIECE: usize = 64 * 1024;

/// A message of negentropy version 1 begins with this.
const NEGENTROPY_V1: u8 = 0x61;

impl Set {
    /// Hashes the entries with both nonces, the initiator's first.
    pub(super) fn new(mut entries: Vec<Entry>, initiator: &Nonce, responder: &Nonce) -> Self {
        let mut rows: Vec<(Item, RecordId)> = Vec::with_capacity(entries.len());
        while let Some(entry) = entries.pop() {
            let hash = Sha256::new()
                .chain_update(initiator)
                .chain_update(responder)
                .chain_update(entry.id.as_bytes())
                .finalize();
            let id = Id::from_byte_array(hash.into());
            // The highest value stands for "no end" in negentropy.
            let created = entry.created.to_wire().min(u64::MAX - 1);
            rows.push((Item::with_timestamp_and_id(created, id), entry.id));
            // A large set is not held twice.
            if entries.len().is_multiple_of(PIECE) {
                entries.shrink_to_fit();
            }
        }
        rows.sort_unstable();
        rows.dedup_by_key(|(item, _)| *item);
        let mut by_hash: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        by_hash.sort_unstable_by_key(|i| rows.get(*i as usize).map(|(item, _)| item.id));
        let lacking = vec![false; rows.len()];
        Self {
            rows,
            by_hash,
            lacking,
        }
    }

    /// The first message of an initiator.
    pub(super) fn initiate(&self) -> Result<Vec<u8>, WireFault> {
        self.negentropy()?.initiate().map_err(ours)
    }

    /// An initiator's next message; `None`: nothing is left to compare. What we lack is
    /// pushed onto `need`, what the peer lacks is noted.
    pub(super) fn next(
        &mut self,
        ranges: &[u8],
        need: &mut Vec<[u8; 32]>,
    ) -> Result<Option<Vec<u8>>, WireFault> {
        version(ranges)?;
        let (mut have, mut lack) = (Vec::new(), Vec::new());
        let next = {
            let mut negentropy = self.negentropy()?;
            negentropy.set_initiator();
            negentropy
                .reconcile_with_ids(ranges, &mut have, &mut lack)
                .map_err(theirs)?
        };
        for id in have {
            self.lacks(id.as_bytes())?;
        }
        need.extend(lack.into_iter().map(Id::to_bytes));
        Ok(next)
    }

    /// A responder's reply.
    pub(super) fn reply(&self, ranges: &[u8]) -> Result<Vec<u8>, WireFault> {
        version(ranges)?;
        self.negentropy()?.reconcile(ranges).map_err(theirs)
    }

    /// Notes that the peer lacks the record of this hash.
    pub(super) fn lacks(&mut self, hash: &[u8; 32]) -> Result<(), WireFault> {
        let id = Id::from_byte_array(*hash);
        let place = self
            .by_hash
            .binary_search_by_key(&Some(id), |i| {
                self.rows.get(*i as usize).map(|(item, _)| item.id)
            })
            .ok()
            .and_then(|place| self.by_hash.get(place))
            .and_then(|row| self.lacking.get_mut(*row as usize));
        *place.ok_or(WireFault::UnknownHash)? = true;
        Ok(())
    }

    /// The records that the peer lacks, in order; the set is empty afterwards.
    pub(super) fn take_lacking(&mut self) -> Vec<RecordId> {
        let Set { rows, lacking, .. } = std::mem::take(self);
        rows.into_iter()
            .zip(lacking)
            .filter(|(_, l)| *l)
            .map(|((_, id), _)| id)
            .collect()
    }

    fn negentropy(&self) -> Result<Negentropy<'_, Self>, WireFault> {
        Negentropy::borrowed(self, limits::REPAIR_FRAME_BYTES as u64).map_err(ours)
    }
}

impl NegentropyStorageBase for Set {
    fn size(&self) -> Result<usize, Error> {
        Ok(self.rows.len())
    }

    fn get_item(&self, i: usize) -> Result<Option<Item>, Error> {
        Ok(self.rows.get(i).map(|(item, _)| *item))
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        cb: &mut dyn FnMut(Item, usize) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let rows = self.rows.get(begin..end).ok_or(Error::BadRange)?;
        for (index, (item, _)) in (begin..).zip(rows) {
            if !cb(*item, index)? {
                break;
            }
        }
        Ok(())
    }

    fn find_lower_bound(&self, first: usize, last: usize, value: &Bound) -> usize {
        let rows = self.rows.get(first..last).unwrap_or_default();
        first + rows.partition_point(|(item, _)| *item < value.item)
    }
}

/// Another version is answered by negentropy with an empty message, which would read as
/// "no differences".
fn version(ranges: &[u8]) -> Result<(), WireFault> {
    match ranges.first() {
        Some(&NEGENTROPY_V1) => Ok(()),
        Some(other) => Err(WireFault::UnknownCode {
            what: "negentropy version",
            found: u64::from(*other),
        }),
        None => Err(theirs(Error::ProtocolVersionNotFound)),
    }
}

fn theirs(cause: Error) -> WireFault {
    WireFault::Reconciliation {
        cause: cause.to_string(),
    }
}

fn ours(_: Error) -> WireFault {
    WireFault::Misuse {
        what: "a set that cannot be reconciled",
    }
}
