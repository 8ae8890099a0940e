//! What waits, in memory: entries of a fixed size, no texts. 100,000 of them take some 30 MB.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::wire::mailbox::Refusal;

use super::Room;

/// All that a hub knows of a parcel beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name: SHA-256 of its bytes.
    pub id: ParcelId,
    /// Who deposited it.
    pub from: AgencyId,
    /// For whom it is.
    pub to: AgencyId,
    /// Bytes.
    pub size: u32,
    /// Whether what is in it is owed to the addressee, such as a retraction: it goes first.
    pub owed: bool,
    /// When it was deposited.
    pub kept: Millis,
    /// When it ends.
    pub expires: Millis,
}

/// How far what waits for an agency has been walked. Numbers never come again, so that what
/// is behind a position stays behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    owed: u64,
    other: u64,
}

/// How much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Parcels.
    pub parcels: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What waits for one agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The addressee.
    pub to: AgencyId,
    /// How much.
    pub usage: Usage,
    /// When the oldest of it came.
    pub oldest: Millis,
}

/// A number in the order of arrival, from 1.
type Seq = u64;

/// Parcels of one depositor.
type Holding<'a> = Box<dyn Iterator<Item = Held> + 'a>;

#[derive(Default)]
pub(super) struct Index {
    last: Seq,
    entries: BTreeMap<Seq, Held>,
    ids: BTreeSet<(ParcelId, Seq)>,
    ends: BTreeSet<(Millis, Seq)>,
    /// One of an id of each depositor.
    deposited: HashMap<AgencyId, BTreeMap<ParcelId, Seq>>,
    addressed: HashMap<AgencyId, Queue>,
    /// The last that was on the disk at the start: whom those were given to is not known.
    loaded: Seq,
    /// Of those behind it, what was given to its addressee, in part perhaps, and is here still.
    given: HashSet<Seq>,
    /// Of what waits and of what is on its way here.
    used: Used,
}

#[derive(Default)]
struct Queue {
    owed: BTreeSet<Seq>,
    other: BTreeSet<Seq>,
}

#[derive(Default)]
struct Used {
    all: Usage,
    by_depositor: HashMap<AgencyId, Usage>,
    by_addressee: HashMap<AgencyId, Usage>,
    by_pair: HashMap<(AgencyId, AgencyId), Usage>,
}

impl Index {
    /// Takes up what was on the disk; whether it is not there already.
    pub(super) fn load(&mut self, held: Held) -> bool {
        self.used.add(&held);
        let new = self.insert(held);
        self.loaded = self.last;
        new
    }

    /// Counts a parcel that is on its way.
    pub(super) fn reserve(&mut self, room: &Room, held: &Held) -> Result<(), Refusal> {
        self.used.fits(room, held)?;
        self.used.add(held);
        Ok(())
    }

    /// A parcel that was on its way does not come.
    pub(super) fn release(&mut self, held: &Held) {
        self.used.take(held);
    }

    /// A parcel, counted already, is there; false: the same of the same depositor was, and this
    /// one counts no more.
    pub(super) fn insert(&mut self, held: Held) -> bool {
        if self.of_depositor(&held.from, &held.id).is_some() {
            self.used.take(&held);
            return false;
        }
        self.last = self.last.saturating_add(1);
        let seq = self.last;
        self.entries.insert(seq, held);
        self.ids.insert((held.id, seq));
        self.ends.insert((held.expires, seq));
        let of = self.deposited.entry(held.from).or_default();
        of.insert(held.id, seq);
        let queue = self.addressed.entry(held.to).or_default();
        queue.of(held.owed).insert(seq);
        true
    }

    /// Removes entries; those that there were.
    pub(super) fn remove_all(&mut self, all: impl IntoIterator<Item = Seq>) -> Vec<Held> {
        all.into_iter().filter_map(|seq| self.remove(seq)).collect()
    }

    fn remove(&mut self, seq: Seq) -> Option<Held> {
        let held = self.entries.remove(&seq)?;
        self.given.remove(&seq);
        self.ids.remove(&(held.id, seq));
        self.ends.remove(&(held.expires, seq));
        if let Some(of) = self.deposited.get_mut(&held.from) {
            of.remove(&held.id);
            if of.is_empty() {
                self.deposited.remove(&held.from);
            }
        }
        if let Some(queue) = self.addressed.get_mut(&held.to) {
            queue.of(held.owed).remove(&seq);
            if queue.is_empty() {
                self.addressed.remove(&held.to);
            }
        }
        self.used.take(&held);
        Some(held)
    }

    /// The one of an id that waits for an agency and that it is given now.
    pub(super) fn give(&mut self, to: &AgencyId, id: &ParcelId) -> Option<Held> {
        let waits = self.for_addressee(to, id);
        self.given.extend(waits.iter().map(|(seq, _)| *seq));
        waits.first().map(|(_, held)| *held)
    }

    /// Whether nobody was ever given any of it.
    pub(super) fn is_untouched(&self, seq: Seq) -> bool {
        seq > self.loaded && !self.given.contains(&seq)
    }

    /// Those of an id that wait for an agency: more than one, where several deposited the
    /// same bytes.
    pub(super) fn for_addressee(&self, to: &AgencyId, id: &ParcelId) -> Vec<(Seq, Held)> {
        let range = self.ids.range((*id, 0)..=(*id, Seq::MAX));
        let all = range.filter_map(|(_, seq)| Some((*seq, *self.entries.get(seq)?)));
        all.filter(|(_, held)| held.to == *to).collect()
    }

    /// The one of an id that an agency deposited.
    pub(super) fn of_depositor(&self, from: &AgencyId, id: &ParcelId) -> Option<(Seq, Held)> {
        let seq = self.deposited.get(from)?.get(id)?;
        Some((*seq, *self.entries.get(seq)?))
    }

    /// The next for an agency behind a position, which moves there.
    pub(super) fn next(&self, to: &AgencyId, position: &mut Position) -> Option<Held> {
        let queue = self.addressed.get(to)?;
        let after =
            |set: &BTreeSet<Seq>, at: Seq| set.range(at.saturating_add(1)..).next().copied();
        let seq = if let Some(seq) = after(&queue.owed, position.owed) {
            position.owed = seq;
            seq
        } else {
            let seq = after(&queue.other, position.other)?;
            position.other = seq;
            seq
        };
        self.entries.get(&seq).copied()
    }

    /// What an agency deposited, in the order of ids, behind one of them.
    pub(super) fn holding(&self, from: &AgencyId, after: Option<ParcelId>) -> Holding<'_> {
        let of = self.deposited.get(from);
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        Box::new(
            of.into_iter()
                .flat_map(move |of| of.range((behind, Bound::Unbounded)))
                .filter_map(|(_, seq)| self.entries.get(seq).copied()),
        )
    }

    /// What has ended.
    pub(super) fn ended(&self, now: Millis) -> Vec<Seq> {
        let range = self.ends.range(..=(now, Seq::MAX));
        range.map(|(_, seq)| *seq).collect()
    }

    pub(super) fn next_end(&self) -> Option<Millis> {
        self.ends.first().map(|(ends, _)| *ends)
    }

    /// Everybody of whom or for whom something waits.
    pub(super) fn agencies(&self) -> BTreeSet<AgencyId> {
        let all = self.deposited.keys().chain(self.addressed.keys());
        all.copied().collect()
    }

    /// What an agency deposited, and what waits for it.
    pub(super) fn of_or_for(&self, agency: &AgencyId) -> Vec<Seq> {
        let of = self
            .deposited
            .get(agency)
            .into_iter()
            .flat_map(BTreeMap::values);
        let queue = self.addressed.get(agency);
        let waits = queue
            .into_iter()
            .flat_map(|q| q.owed.iter().chain(&q.other));
        of.chain(waits).copied().collect()
    }

    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut all: Vec<Waiting> = self
            .addressed
            .iter()
            .filter_map(|(to, queue)| {
                let first = queue.owed.first().into_iter().chain(queue.other.first());
                let oldest = first
                    .filter_map(|seq| self.entries.get(seq))
                    .map(|h| h.kept);
                Some(Waiting {
                    to: *to,
                    usage: self.used.waiting(to),
                    oldest: oldest.min()?,
                })
            })
            .collect();
        all.sort_by_key(|w| w.to);
        all
    }

    pub(super) fn usage(&self) -> Usage {
        self.used.all
    }
}

impl Queue {
    fn of(&mut self, owed: bool) -> &mut BTreeSet<Seq> {
        if owed {
            &mut self.owed
        } else {
            &mut self.other
        }
    }

    fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.other.is_empty()
    }
}

impl Used {
    fn fits(&self, room: &Room, held: &Held) -> Result<(), Refusal> {
        // What is owed may take all of it, other parcels nine tenths.
        let share = |limit: u64| if held.owed { limit } else { limit / 10 * 9 };
        let over = |used: Usage, parcels: u64, bytes: u64| {
            used.parcels >= parcels || used.bytes.saturating_add(held.size.into()) > bytes
        };
        let of = |map: &HashMap<AgencyId, Usage>, agency: &AgencyId| {
            map.get(agency).copied().unwrap_or_default()
        };
        let (parcels, bytes) = (share(room.parcels), share(room.bytes));
        if over(of(&self.by_depositor, &held.from), parcels, bytes) {
            return Err(Refusal::DepositorFull);
        }
        let pair = self.by_pair.get(&(held.from, held.to));
        if over(of(&self.by_addressee, &held.to), parcels, bytes)
            || over(pair.copied().unwrap_or_default(), parcels / 2, bytes / 2)
        {
            return Err(Refusal::AddresseeFull);
        }
        if over(self.all, u64::MAX, share(room.total)) {
            return Err(Refusal::Disk);
        }
        Ok(())
    }

    fn waiting(&self, to: &AgencyId) -> Usage {
        self.by_addressee.get(to).copied().unwrap_or_default()
    }

    fn add(&mut self, held: &Held) {
        let size = held.size.into();
        self.all.add(size);
        self.by_depositor.entry(held.from).or_default().add(size);
        self.by_addressee.entry(held.to).or_default().add(size);
        let pair = (held.from, held.to);
        self.by_pair.entry(pair).or_default().add(size);
    }

    fn take(&mut self, held: &Held) {
        let size = held.size.into();
        self.all.take(size);
        take(&mut self.by_depositor, held.from, size);
        take(&mut self.by_addressee, held.to, size);
        take(&mut self.by_pair, (held.from, held.to), size);
    }
}

/// Takes a parcel off an entry, which leaves with its last.
fn take<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Usage>, key: K, size: u64) {
    if let Some(usage) = map.get_mut(&key) {
        usage.take(size);
        if usage.parcels == 0 {
            map.remove(&key);
        }
    }
}

impl Usage {
    fn add(&mut self, size: u64) {
        self.parcels = self.parcels.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size);
    }

    fn take(&mut self, size: u64) {
        self.parcels = self.parcels.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
    }
}
