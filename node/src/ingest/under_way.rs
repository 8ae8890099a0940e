//! Records on their way in that are not in the store yet. Two things turn on them.
//!
//! A withdrawal may overtake what it withdraws: a line breaks while a batch is ingested, and
//! the next session brings the recall of a record in it. The recall is judged once the record is
//! in the store ([`Coming`]): before that it would concern nothing that ever came.
//!
//! And what one peer was asked for need not come from another as well ([`Asked`]): the other's
//! offer is answered when the copy is here, or as soon as it is known not to come that way.
//! Whoever was asked and does not deliver delays the others once, and not for long.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use liaison_protocol::id::{AgencyId, RecordId};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits;

/// How long what is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// An offer, for another peer's copy.
    elsewhere: Duration,
    /// Not at all for a peer that did not deliver in that time.
    slow: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            elsewhere: Duration::from_millis(limits::ASKED_ELSEWHERE_MS),
            slow: Duration::from_millis(limits::SLOW_COURIER_MS),
        }
    }
}

/// All that is on its way in. Clones share it. Bounded by the batches that sessions may have
/// open.
#[derive(Clone, Default)]
pub(super) struct UnderWay(Arc<Shared>);

#[derive(Default)]
struct Shared {
    patience: Patience,
    table: Mutex<Table>,
    /// Tells that something arrived, or does not come.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Table {
    last: u64,
    /// Batches that came and are not in the store yet, in the order in which they came.
    coming: BTreeMap<u64, (AgencyId, HashSet<RecordId>)>,
    /// What peers were asked for and have not delivered yet, by batch.
    asked: HashMap<u64, Want>,
    /// The batch in which a record was last asked for.
    by_id: HashMap<RecordId, u64>,
    /// Peers that did not deliver, and until when nobody waits for them.
    slow: HashMap<AgencyId, Instant>,
}

struct Want {
    of: AgencyId,
    since: Instant,
    ids: Vec<RecordId>,
}

impl UnderWay {
    /// A batch came from a courier; it is under way until what is given is dropped.
    pub fn enter(&self, courier: AgencyId, ids: HashSet<RecordId>) -> Coming {
        let mut table = self.table();
        let number = table.next();
        table.coming.insert(number, (courier, ids));
        drop(table);
        Coming {
            under_way: self.clone(),
            courier,
            number,
        }
    }

    /// A peer offers a batch; what it is asked for is under way until what is given is dropped.
    pub fn asking(&self, of: AgencyId) -> Asked {
        let number = self.table().next();
        Asked {
            under_way: self.clone(),
            of,
            number,
        }
    }

    fn changed(&self) {
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn next(&mut self) -> u64 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Of whom but this peer a record was asked that is waited for.
    fn elsewhere(&self, peer: &AgencyId, id: &RecordId, now: Instant) -> Option<&Want> {
        let want = self.asked.get(self.by_id.get(id)?)?;
        let waits = want.of != *peer && self.slow.get(&want.of).is_none_or(|until| *until <= now);
        waits.then_some(want)
    }
}

/// A batch on its way into the store.
pub(super) struct Coming {
    under_way: UnderWay,
    courier: AgencyId,
    number: u64,
}

impl Coming {
    /// Whether a batch that came earlier from the same courier brings one of these.
    pub fn is_behind(&self, of: &[RecordId]) -> bool {
        let table = self.under_way.table();
        let mut earlier = table.coming.range(..self.number);
        earlier.any(|(_, (courier, ids))| {
            *courier == self.courier && of.iter().any(|id| ids.contains(id))
        })
    }

    /// Waits until none does. That comes to its end: what came earlier had its turn earlier, and
    /// none waits for a later one, so that no two wait for each other. No time is set for it: a
    /// recall that goes ahead of its record after all is a copy that stays.
    pub async fn let_pass(&self, of: &[RecordId]) {
        let mut changes = self.under_way.0.changes.subscribe();
        while self.is_behind(of) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.under_way.table().coming.remove(&self.number);
        self.under_way.changed();
    }
}

/// What a peer was asked for in one batch. Held until the batch is answered.
pub struct Asked {
    under_way: UnderWay,
    of: AgencyId,
    number: u64,
}

impl Asked {
    /// Asks the peer for these, but, if `spare`, not for those that another was asked for and is
    /// waited for: these are given. All in one step, so that of two batches only the later waits
    /// for the other.
    pub(super) fn ask(&self, ids: &[RecordId], spare: bool) -> HashSet<RecordId> {
        let now = Instant::now();
        let mut table = self.under_way.table();
        let (elsewhere, wanted): (Vec<RecordId>, Vec<RecordId>) = ids
            .iter()
            .partition(|id| spare && table.elsewhere(&self.of, id, now).is_some());
        for id in &wanted {
            table.by_id.insert(*id, self.number);
        }
        let want = table.asked.entry(self.number).or_insert_with(|| Want {
            of: self.of,
            since: now,
            ids: Vec::new(),
        });
        want.ids.extend(wanted);
        elsewhere.into_iter().collect()
    }

    /// The peer is not asked for this after all.
    pub(super) fn leave_out(&self, id: &RecordId) {
        let mut table = self.under_way.table();
        if table.by_id.get(id) == Some(&self.number) {
            table.by_id.remove(id);
        }
        drop(table);
        self.under_way.changed();
    }

    /// Waits until no other peer that was asked for one of these is waited for: they came, were
    /// refused, or do not come in time. Whoever is late then is waited for no more for
    /// [`limits::SLOW_COURIER_MS`].
    pub(super) async fn elsewhere(&self, ids: &[RecordId]) {
        let mut changes = self.under_way.0.changes.subscribe();
        let patience = self.under_way.0.patience;
        let until = Instant::now() + patience.elsewhere;
        while !self.late(ids).is_empty() {
            match tokio::time::timeout_at(until, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => break,
            }
        }
        let now = Instant::now();
        let late = self.late(ids).into_iter();
        let slow: Vec<AgencyId> = late
            .filter(|(_, since)| *since + patience.elsewhere <= now)
            .map(|(peer, _)| peer)
            .collect();
        if slow.is_empty() {
            return;
        }
        let mut table = self.under_way.table();
        table.slow.retain(|_, until| *until > now);
        table
            .slow
            .extend(slow.iter().map(|peer| (*peer, now + patience.slow)));
        drop(table);
        self.under_way.changed();
    }

    /// Who else was asked for these and is waited for, and since when.
    fn late(&self, ids: &[RecordId]) -> HashMap<AgencyId, Instant> {
        let now = Instant::now();
        let table = self.under_way.table();
        let wants = ids
            .iter()
            .filter_map(|id| table.elsewhere(&self.of, id, now));
        wants.map(|want| (want.of, want.since)).collect()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut table = self.under_way.table();
        let Some(want) = table.asked.remove(&self.number) else {
            return;
        };
        for id in &want.ids {
            if table.by_id.get(id) == Some(&self.number) {
                table.by_id.remove(id);
            }
        }
        drop(table);
        self.under_way.changed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AgencyId = AgencyId::from_bytes([1; 32]);
    const B: AgencyId = AgencyId::from_bytes([2; 32]);
    const C: AgencyId = AgencyId::from_bytes([3; 32]);

    fn id(n: u8) -> RecordId {
        RecordId::from_bytes([n; 32])
    }

    fn ids(all: &[u8]) -> HashSet<RecordId> {
        all.iter().copied().map(id).collect()
    }

    /// Short times, but for those that are not to end.
    fn with(elsewhere: u64, slow: u64) -> UnderWay {
        UnderWay(Arc::new(Shared {
            patience: Patience {
                elsewhere: Duration::from_millis(elsewhere),
                slow: Duration::from_millis(slow),
            },
            ..Shared::default()
        }))
    }

    const HOUR: u64 = 3_600_000;

    #[tokio::test]
    async fn a_withdrawal_lets_what_came_before_it_from_the_same_courier_pass() {
        let under_way = with(HOUR, HOUR);
        let first = under_way.enter(A, ids(&[1, 2]));
        let _of_another = under_way.enter(B, ids(&[3]));
        let recall = under_way.enter(A, ids(&[9]));
        assert!(recall.is_behind(&[id(7), id(2)]));
        assert!(!recall.is_behind(&[id(3)]), "another's is no concern of it");
        assert!(!first.is_behind(&[id(9)]), "nor is what came later");
        let of = [id(2)];
        tokio::join!(recall.let_pass(&of), async { drop(first) });
        assert!(!recall.is_behind(&[id(2)]));
    }

    #[tokio::test]
    async fn one_is_asked_and_the_others_wait_until_it_came_or_failed() {
        let under_way = with(HOUR, HOUR);
        let of_a = under_way.asking(A);
        assert!(of_a.ask(&[id(1), id(2)], true).is_empty());
        let of_b = under_way.asking(B);
        assert_eq!(of_b.ask(&[id(2), id(3)], true), ids(&[2]));
        let two = [id(2)];
        tokio::join!(of_b.elsewhere(&two), async { drop(of_a) });
        // It failed: now B is asked, and A's next offer of it waits for B's.
        assert!(of_b.ask(&[id(2)], false).is_empty());
        let of_a = under_way.asking(A);
        assert_eq!(of_a.ask(&[id(2), id(4)], true), ids(&[2]));
        drop(of_b);
        of_a.elsewhere(&[id(2)]).await;
        assert!(of_a.ask(&[id(2)], true).is_empty());
    }

    #[tokio::test]
    async fn who_withholds_is_waited_for_once_and_then_not_for_a_while() {
        let under_way = with(1, HOUR);
        let of_a = under_way.asking(A);
        assert!(of_a.ask(&[id(4), id(5)], true).is_empty());
        let of_c = under_way.asking(C);
        assert_eq!(of_c.ask(&[id(4)], true), ids(&[4]));
        of_c.elsewhere(&[id(4)]).await;
        assert!(of_c.ask(&[id(4)], true).is_empty(), "nobody waits for A");
        let of_b = under_way.asking(B);
        assert!(of_b.ask(&[id(5)], true).is_empty(), "nor for anything else");
        // Until that time is over.
        let under_way = with(1, 0);
        let of_a = under_way.asking(A);
        assert!(of_a.ask(&[id(6)], true).is_empty());
        let of_b = under_way.asking(B);
        assert_eq!(of_b.ask(&[id(6)], true), ids(&[6]));
        of_b.elsewhere(&[id(6)]).await;
        assert_eq!(under_way.asking(C).ask(&[id(6)], true), ids(&[6]));
    }

    #[test]
    fn nothing_is_left_of_what_is_over() {
        let under_way = UnderWay::default();
        let of_a = under_way.asking(A);
        of_a.ask(&[id(1), id(2)], true);
        of_a.leave_out(&id(2));
        let of_b = under_way.asking(B);
        assert_eq!(of_b.ask(&[id(1), id(2)], true), ids(&[1]));
        // Asked for anew, elsewhere: the end of the first says nothing of the second.
        assert!(of_b.ask(&[id(1)], false).is_empty());
        drop(of_a);
        assert_eq!(under_way.asking(C).ask(&[id(1)], true), ids(&[1]));
        drop((of_b, under_way.enter(A, ids(&[1]))));
        let table = under_way.table();
        assert!(table.asked.is_empty() && table.by_id.is_empty() && table.coming.is_empty());
    }
}
