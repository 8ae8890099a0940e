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
    /// Reads of which parcels something is to be told.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(store: Store) -> Result<Self, StoreError> {
        let mut waiting: BTreeMap<AgencyId, Vec<u64>> = BTreeMap::new();
        for (name, _) in store.metas(TOLD, limits::STORE_ROWS)? {
            if let Some((agency, number)) = parse(&name) {
                waiting.entry(agency).or_default().push(number);
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

fn parse(name: &str) -> Option<(AgencyId, u64)> {
    let (agency, number) = name.strip_prefix(TOLD)?.split_once('/')?;
    Some((agency.parse().ok()?, number.parse().ok()?))
}
