//! What we owe the senders of parcels in return: what became of each record, and which parcels
//! arrived. Kept until it leaves in a parcel of ours; on a live stream the sender offers what it
//! has no answer to, and needs none of this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits as wire_limits;

use crate::limits;
use crate::store::{Op, Store, StoreError};

/// Prefix of the stored values that hold it.
const TOLD: &str = "parcel-told/";

/// What is to be told. Clones share it.
#[derive(Clone, Debug)]
pub struct Told(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    /// Numbers of the parcels of each sender of which it is to be told.
    waiting: Mutex<BTreeMap<AgencyId, Vec<u64>>>,
}

/// What is to be told of one parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfParcel {
    /// Its number.
    pub number: u64,
    /// What became of what was in it.
    pub answers: Vec<(RecordId, Answer)>,
}

impl Told {
    /// Reads of which parcels of these agencies something is to be told.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(
        store: Store,
        agencies: impl Iterator<Item = AgencyId>,
    ) -> Result<Self, StoreError> {
        let mut waiting: BTreeMap<AgencyId, Vec<u64>> = BTreeMap::new();
        for agency in agencies {
            let of = format!("{TOLD}{}/", agency.full());
            for (name, _) in store.metas(&of, limits::TOLD_PARCELS)? {
                let number = name.strip_prefix(&of).and_then(|n| n.parse::<u64>().ok());
                waiting.entry(agency).or_default().extend(number);
            }
        }
        Ok(Self(Arc::new(Shared {
            store,
            waiting: Mutex::new(waiting),
        })))
    }

    /// What is to be told to an agency, the oldest parcel first: as much as fits one parcel.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn to(&self, agency: &AgencyId) -> Result<Vec<OfParcel>, StoreError> {
        let numbers = self.lock().get(agency).cloned().unwrap_or_default();
        let (mut all, mut count) = (Vec::new(), 0usize);
        for number in numbers.into_iter().take(wire_limits::PARCEL_NUMBERS) {
            let bytes = self.0.store.meta(&name(agency, number))?;
            let answers: Vec<(RecordId, Answer)> = bytes
                .and_then(|b| postcard::from_bytes(&b).ok())
                .unwrap_or_default();
            count = count.saturating_add(answers.len());
            if count > wire_limits::PARCEL_ANSWERS {
                break;
            }
            all.push(OfParcel { number, answers });
        }
        Ok(all)
    }

    /// The operations that keep what is to be told of a parcel; [`Told::note`] follows once they
    /// are carried out. Of too many the oldest leave: their sender sends them again.
    ///
    /// # Errors
    /// It can't be encoded.
    pub fn keep(&self, agency: &AgencyId, of: &OfParcel) -> Result<Vec<Op>, StoreError> {
        let mut ops = vec![Op::PutMeta {
            name: name(agency, of.number),
            bytes: super::encode(&self.0.store, &of.answers)?,
        }];
        let waiting = self.lock();
        let all = waiting.get(agency).map(Vec::as_slice).unwrap_or_default();
        let over = (all.len() + 1).saturating_sub(limits::TOLD_PARCELS);
        ops.extend(all.iter().take(over).map(|number| Op::DeleteMeta {
            name: name(agency, *number),
        }));
        Ok(ops)
    }

    /// They are carried out.
    pub fn note(&self, agency: &AgencyId, number: u64) {
        let mut waiting = self.lock();
        let all = waiting.entry(*agency).or_default();
        if !all.contains(&number) {
            all.push(number);
        }
        let over = all.len().saturating_sub(limits::TOLD_PARCELS);
        all.drain(..over);
    }

    /// The operations that forget what was told; [`Told::forget`] follows once they are carried
    /// out.
    pub fn drop_ops(&self, agency: &AgencyId, numbers: &[u64]) -> Vec<Op> {
        let drop = |number: &u64| Op::DeleteMeta {
            name: name(agency, *number),
        };
        numbers.iter().map(drop).collect()
    }

    /// They are carried out.
    pub fn forget(&self, agency: &AgencyId, numbers: &[u64]) {
        let mut waiting = self.lock();
        if let Some(all) = waiting.get_mut(agency) {
            all.retain(|number| !numbers.contains(number));
            if all.is_empty() {
                waiting.remove(agency);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgencyId, Vec<u64>>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(agency: &AgencyId, number: u64) -> String {
    format!("{TOLD}{}/{number:020}", agency.full())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    /// More of them than the store gives at once.
    #[tokio::test]
    async fn all_that_is_to_be_told_is_known_after_a_start() {
        let dir = tempfile::tempdir().expect("folder");
        let store = Store::open(dir.path().join("store"), Options::default()).expect("store");
        let agencies: Vec<AgencyId> = (1..=11).map(|n| AgencyId::from_bytes([n; 32])).collect();
        let numbers = 1..=limits::TOLD_PARCELS as u64;
        assert!(agencies.len() * limits::TOLD_PARCELS > limits::STORE_ROWS);
        for agency in &agencies {
            let put = |number| Op::PutMeta {
                name: name(agency, number),
                bytes: super::super::encode(&store, &Vec::<(RecordId, Answer)>::new())
                    .expect("encoded"),
            };
            let ops: Vec<Op> = numbers.clone().map(put).collect();
            for some in ops.chunks(limits::STORE_BATCH_OPS) {
                store.write(some.to_vec()).await.expect("written");
            }
        }
        let told = Told::load(store, agencies.iter().copied()).expect("loaded");
        for agency in &agencies {
            let known = told.lock().get(agency).cloned().unwrap_or_default();
            assert!(known.into_iter().eq(numbers.clone()), "{}", agency.short());
        }
    }
}
