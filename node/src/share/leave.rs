//! Leave to pass records on: the permits of their authors, and what holders asked for. A list
//! beside the store, rebuilt from its control records at start.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::PublicKey;
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{Record, SignedRecord};

use crate::kind;
use crate::limits;
use crate::registry::Registry;
use crate::store::{Arrival, Flags, Store, StoreError};

/// Permits and requests for them, by the record that they concern. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Leaves(Arc<RwLock<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    by_record: HashMap<RecordId, Vec<Leave>>,
    /// What each permit is of.
    permits: HashMap<Arrival, RecordId>,
    /// What those of a key of an agency concern: [`limits::LEAVES_OF_KEY`] at most.
    by_key: HashMap<(AgencyId, PublicKey), BTreeMap<Arrival, RecordId>>,
}

/// A permit, or a request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Where it stands in the store.
    pub arrival: Arrival,
    /// Its own id.
    pub id: RecordId,
    /// Who signed it.
    pub author: AgencyId,
    /// With which key.
    pub key: PublicKey,
    /// When, by its author's clock.
    pub made: Millis,
    /// Who may get the record, or would.
    pub to: BTreeSet<AgencyId>,
    /// Which of the two it is.
    pub what: LeaveKind,
}

/// Given, or asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaveKind {
    /// Given until then.
    Permit {
        /// First moment at which it counts no more.
        until: Millis,
    },
    /// Asked for.
    Ask {
        /// What for.
        why: String,
    },
}

impl Leaves {
    /// Finds the permits and requests among a store's control records.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let leaves = Self::default();
        let mut after = Arrival(0);
        loop {
            let rows = store.owed(after, limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(leaves);
            };
            after = *last;
            let of_leave = [Kind::Permit, Kind::Ask].map(kind::number);
            for (arrival, _) in rows.into_iter().filter(|(_, kind)| of_leave.contains(kind)) {
                let signed = store
                    .record(arrival)?
                    .and_then(|b| SignedRecord::parse(b).ok());
                if let Some(signed) = signed {
                    leaves.note(arrival, signed.id(), signed.key(), signed.unverified());
                }
            }
        }
    }

    /// A record came in: kept if it is a permit or asks for one. Under one key of its author,
    /// [`limits::LEAVES_PER_RECORD`] of one record at most, and [`limits::LEAVES_OF_KEY`] in all:
    /// the oldest under that key makes room. So whoever stole a key crowds out nothing that is
    /// said under the next.
    pub fn note(&self, arrival: Arrival, id: RecordId, key: PublicKey, record: &Record) {
        let (of, to, what) = match &record.content {
            Content::Permit(p) => (p.of, &p.to, LeaveKind::Permit { until: p.until }),
            Content::Ask(a) => (a.of, &a.to, LeaveKind::Ask { why: a.why.clone() }),
            _ => return,
        };
        let leave = Leave {
            arrival,
            id,
            author: record.envelope.author,
            key,
            made: record.envelope.created.wall(),
            to: to.clone(),
            what,
        };
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = inner.by_record.entry(of).or_default();
        if known.iter().any(|l| l.id == id) {
            return;
        }
        let signer = (leave.author, key);
        let (permits, same) = (leave.is_permit(), |l: &&Leave| (l.author, l.key) == signer);
        let full = known.iter().filter(same).count() >= limits::LEAVES_PER_RECORD;
        let oldest = known.iter().filter(same).map(|l| l.arrival).min();
        known.push(leave);
        if permits {
            inner.permits.insert(arrival, of);
        }
        let all = inner.by_key.entry(signer).or_default();
        all.insert(arrival, of);
        let too_many = (all.len() > limits::LEAVES_OF_KEY).then(|| all.keys().next().copied());
        if let Some(oldest) = oldest.filter(|_| full).or(too_many.flatten()) {
            inner.forget(signer, oldest);
        }
    }

    /// All that is known of a record, oldest first, also what no longer counts.
    pub fn of(&self, record: &RecordId) -> Vec<Leave> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.by_record.get(record).cloned().unwrap_or_default()
    }

    /// What the permit that arrived so is of; none: it is no permit.
    pub fn permits(&self, arrival: Arrival) -> Option<RecordId> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.permits.get(&arrival).copied()
    }

    /// Whether anything is known of a record.
    pub fn concern(&self, record: &RecordId) -> bool {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.by_record.contains_key(record)
    }

    /// Records that somebody asked leave for.
    pub fn asked(&self) -> Vec<RecordId> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let asked = |leaves: &Vec<Leave>| leaves.iter().any(|l| !l.is_permit());
        let all = inner.by_record.iter().filter(|(_, l)| asked(l));
        all.map(|(id, _)| *id).collect()
    }

    /// The permits that let a record of `author` go to `to` now: that author's word, not
    /// withdrawn, not at their end.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn naming(
        &self,
        (store, registry): (&Store, &Registry),
        record: &RecordId,
        author: &AgencyId,
        to: &AgencyId,
        now: Millis,
    ) -> Result<Vec<Leave>, StoreError> {
        let mut found = Vec::new();
        for leave in self.of(record) {
            let names = leave.author == *author && leave.to.contains(to);
            if names && leave.is_its_word(registry) && leave.counts(store, now)? {
                found.push(leave);
            }
        }
        Ok(found)
    }
}

impl Inner {
    fn forget(&mut self, signer: (AgencyId, PublicKey), arrival: Arrival) {
        let all = self.by_key.get_mut(&signer);
        let Some(of) = all.and_then(|all| all.remove(&arrival)) else {
            return;
        };
        self.permits.remove(&arrival);
        if let Some(known) = self.by_record.get_mut(&of) {
            known.retain(|leave| leave.arrival != arrival);
            if known.is_empty() {
                self.by_record.remove(&of);
            }
        }
    }
}

impl Leave {
    /// Whether it gives leave, rather than asks for it.
    pub fn is_permit(&self) -> bool {
        matches!(self.what, LeaveKind::Permit { .. })
    }

    /// Whether its author stands by the key that signed it, or has affirmed it: else it may be
    /// a thief's. Asked of the cards, not of the mark in the store, which follows them later.
    pub fn is_its_word(&self, registry: &Registry) -> bool {
        let keys = registry.keys(&self.author);
        keys.is_some_and(|k| k.stands(&self.key) || k.is_affirmed(&self.key, &self.id))
    }

    /// Whether it is a permit that was not withdrawn and has not come to its end. Whose word
    /// it is has to be asked besides.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn counts(&self, store: &Store, now: Millis) -> Result<bool, StoreError> {
        match self.what {
            LeaveKind::Permit { until } if until > now => self.stands(store),
            _ => Ok(false),
        }
    }

    /// Whether its author has not taken it back.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn stands(&self, store: &Store) -> Result<bool, StoreError> {
        let gone = Flags::RETRACTED | Flags::ERASED;
        let header = store.header(self.arrival)?;
        Ok(header.is_some_and(|h| h.flags.without(gone) == h.flags))
    }
}

#[cfg(test)]
mod tests {
    use liaison_protocol::clock::Hlc;
    use liaison_protocol::record::codes::{Purpose, Tlp};
    use liaison_protocol::record::envelope::Fields;
    use liaison_protocol::record::kinds::Permit;

    use super::*;

    fn fields() -> Fields {
        crate::share::control_fields("Permit", Purpose::Prevention, None)
    }

    #[test]
    fn whoever_floods_a_record_with_permits_crowds_out_its_own_oldest_only() {
        let leaves = Leaves::default();
        let [of, to] = [RecordId::from_bytes([1; 32]), RecordId::from_bytes([2; 32])];
        let agency = |n: u8| AgencyId::from_bytes([n; 32]);
        let add = |author: u8, key: u8, n: usize| {
            let mut id = [author; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let content = Content::from(Permit {
                of,
                to: [agency(9)].into(),
                until: Millis(10),
            });
            let record = Record::new(agency(author), Hlc::ZERO, fields(), content);
            let key = PublicKey::from_bytes([key; 32]);
            leaves.note(Arrival(n as u64), RecordId::from_bytes(id), key, &record);
        };
        // A stolen key; then the key that took its place, and another agency's.
        add(1, 3, 0);
        for n in 1..limits::LEAVES_PER_RECORD + 5 {
            add(1, 4, n);
        }
        add(1, 5, 1_000);
        add(2, 6, 1_001);
        let all = leaves.of(&of);
        assert_eq!(all.len(), limits::LEAVES_PER_RECORD + 3);
        let has = |n: u64| all.iter().any(|l| l.arrival == Arrival(n));
        assert!(has(0) && !has(4) && has(5) && has(1_000) && has(1_001));
        assert_eq!(leaves.permits(Arrival(4)), None);
        assert!(leaves.of(&to).is_empty() && leaves.asked().is_empty());
        assert_eq!(leaves.permits(Arrival(1_000)), Some(of));
        assert_eq!(fields().tlp, Tlp::Clear);
    }

    #[test]
    fn permits_of_many_records_take_no_memory_without_end() {
        let leaves = Leaves::default();
        let key = PublicKey::from_bytes([3; 32]);
        let author = AgencyId::from_bytes([1; 32]);
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            RecordId::from_bytes(id)
        };
        let all = limits::LEAVES_OF_KEY + 5;
        for n in 0..all {
            let content = Content::from(Permit {
                of: id(n),
                to: [author].into(),
                until: Millis(10),
            });
            let record = Record::new(author, Hlc::ZERO, fields(), content);
            leaves.note(Arrival(n as u64), id(all + n), key, &record);
        }
        assert!(!leaves.concern(&id(4)) && leaves.permits(Arrival(4)).is_none());
        assert!(leaves.concern(&id(5)) && leaves.concern(&id(all - 1)));
        let inner = leaves.0.read().unwrap();
        assert_eq!(inner.by_record.len(), limits::LEAVES_OF_KEY);
        assert_eq!(inner.permits.len(), limits::LEAVES_OF_KEY);
    }
}
