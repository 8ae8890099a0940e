//! An agency's records, and its parcels that are on no hub's disk yet.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use liaison_protocol::id::ParcelId;
use liaison_protocol::limits;
use liaison_protocol::parcel::Parcel;

/// What it has, and what it has to say.
#[derive(Debug, Default)]
pub(super) struct Agency {
    held: BTreeSet<u32>,
    /// What is in no parcel yet, for each addressee: records, and whether an answer is due.
    due: BTreeMap<usize, (Vec<u32>, bool)>,
    /// Parcels that no hub has said to have, oldest first.
    packed: Vec<(usize, Parcel)>,
    seen: BTreeSet<ParcelId>,
    parcels: u64,
}

/// Bytes that seal, signature and the beginning of a letter take of a parcel.
const SEAL_BYTES: usize = 1_145 + 512;

/// Bytes that a record takes in a letter beside its frame.
const RECORD_BYTES: usize = 50;

impl Agency {
    pub(super) const fn held(&self) -> &BTreeSet<u32> {
        &self.held
    }

    pub(super) fn make(&mut self, number: u32, others: impl Iterator<Item = usize>) {
        self.held.insert(number);
        for other in others {
            self.due.entry(other).or_default().0.push(number);
        }
    }

    /// The next parcel to leave at a hub, for somebody for whom none is on its way.
    pub(super) fn next(
        &mut self,
        size_of: impl Fn(u32) -> u32,
        busy: &BTreeSet<usize>,
        node: usize,
    ) -> Option<(usize, Parcel)> {
        let free = |(to, _): &&(usize, Parcel)| !busy.contains(to);
        if let Some(parcel) = self.packed.iter().find(free) {
            return Some(parcel.clone());
        }
        let to = *self.due.keys().find(|to| !busy.contains(to))?;
        let (records, _) = self.due.remove(&to)?;
        let mut room = limits::PARCEL_BYTES - SEAL_BYTES;
        let fits = |number: &&u32| {
            let bytes = size_of(**number) as usize + RECORD_BYTES;
            let left = room.checked_sub(bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let count = records.iter().take_while(fits).count();
        let (now, later) = records.split_at(count);
        if !later.is_empty() {
            self.due.insert(to, (later.to_vec(), false));
        }
        self.parcels += 1;
        let parcel = pack(node, self.parcels, now, size_of)?;
        self.packed.push((to, parcel.clone()));
        Some((to, parcel))
    }

    pub(super) fn is_left(&mut self, id: &ParcelId) {
        self.packed.retain(|(_, parcel)| parcel.id() != *id);
    }

    /// Opens a parcel: which records are new, and how many are not.
    pub(super) fn take(&mut self, from: usize, parcel: &Parcel) -> (Vec<u32>, u64) {
        let numbers = numbers_in(parcel);
        let is_new = self.seen.insert(parcel.id());
        if is_new && !numbers.is_empty() {
            self.due.entry(from).or_default().1 = true;
        }
        let all = numbers.len();
        let new: Vec<u32> = numbers
            .into_iter()
            .filter(|n| self.held.insert(*n))
            .collect();
        let known = (all - new.len()) as u64;
        (new, known)
    }
}

/// Writer, number, count and records' numbers, and zeros up to the length that a real parcel has.
fn pack(node: usize, number: u64, records: &[u32], size_of: impl Fn(u32) -> u32) -> Option<Parcel> {
    let contents = records.iter().map(|n| size_of(*n) as usize + RECORD_BYTES);
    let bytes = SEAL_BYTES + contents.sum::<usize>();
    let class = limits::PARCEL_CLASSES
        .into_iter()
        .find(|class| *class >= bytes)?;
    let mut parcel = (node as u64).to_be_bytes().to_vec();
    parcel.extend(number.to_be_bytes());
    parcel.extend((records.len() as u32).to_be_bytes());
    parcel.extend(records.iter().flat_map(|n| n.to_be_bytes()));
    parcel.resize(class, 0);
    Parcel::from_bytes(Bytes::from(parcel)).ok()
}

fn numbers_in(parcel: &Parcel) -> Vec<u32> {
    let words = parcel.bytes().get(16..).unwrap_or_default().chunks_exact(4);
    let mut words = words.filter_map(|w| Some(u32::from_be_bytes(*w.first_chunk()?)));
    let count = words.next().unwrap_or_default() as usize;
    words.take(count).collect()
}
