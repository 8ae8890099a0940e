//! A simulated node's disk and decisions.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits;
use liaison_protocol::wire::hello::{Hello, Speaks};
use liaison_protocol::wire::live::{Known, Lane};
use liaison_protocol::wire::message::Item;
use liaison_protocol::wire::outcome::Outcome;
use liaison_protocol::wire::repair::Entry;

/// The class that only its author passes on.
pub const FIRST_HOP: u8 = 63;

/// The class that travels in the lane of what is owed.
pub const CONTROL: u8 = 62;

/// Milliseconds for which an offer waits for the copy that another peer was asked for, and for
/// which nobody waits for a peer that let it wait so long in vain: those of the node.
const ASKED_ELSEWHERE_MS: u64 = 1_000;
const SLOW_COURIER_MS: u64 = 60_000;

/// A simulated record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its `created`.
    pub created: Hlc,
    /// The node that created it.
    pub author: usize,
    /// What policies look at.
    pub class: u8,
    /// Bytes of its frame.
    pub size: u32,
    /// When it was created, in virtual milliseconds.
    pub at: u64,
}

/// A simulated node.
#[derive(Debug)]
pub struct Node {
    number: usize,
    pub(super) speaks: Speaks,
    /// Classes that it shares with a peer, and accepts from it; all where there is none.
    share: BTreeMap<usize, u64>,
    accept: BTreeMap<usize, u64>,
    pub(super) full_until: u64,
    /// Of whom it asked for records that have not come yet, and when.
    asked: BTreeMap<RecordId, (usize, u64)>,
    /// Peers that did not deliver in time, and until when nobody waits for them.
    slow: BTreeMap<usize, u64>,
    disk: Disk,
    backup: Disk,
}

/// What survives a restart.
#[derive(Clone, Debug, Default)]
struct Disk {
    store: BTreeMap<RecordId, Record>,
    log: Vec<RecordId>,
    peers: BTreeMap<usize, Peer>,
}

#[derive(Clone, Debug, Default)]
struct Peer {
    cursor: u64,
    ledger: BTreeMap<RecordId, Hlc>,
    owed: BTreeSet<RecordId>,
    again: BTreeSet<RecordId>,
}

/// What one stream of a node has handed over; gone when the stream is.
#[derive(Debug, Default)]
pub(super) struct Handed {
    scanned: Option<u64>,
    extra: BTreeSet<(Lane, RecordId)>,
}

impl Node {
    pub(super) fn new(number: usize, peers: &[usize]) -> Self {
        let disk = Disk {
            peers: peers.iter().map(|p| (*p, Peer::default())).collect(),
            ..Disk::default()
        };
        Self {
            number,
            speaks: Speaks::CURRENT,
            share: BTreeMap::new(),
            accept: BTreeMap::new(),
            full_until: 0,
            asked: BTreeMap::new(),
            slow: BTreeMap::new(),
            backup: disk.clone(),
            disk,
        }
    }

    /// Ids in its store.
    pub fn held(&self) -> BTreeSet<RecordId> {
        self.disk.store.keys().copied().collect()
    }

    /// Ids in the order of their arrival.
    pub fn log(&self) -> &[RecordId] {
        &self.disk.log
    }

    pub(super) fn hello(&self) -> Hello {
        let mut agency = [0; 32];
        agency[..8].copy_from_slice(&(self.number as u64).to_be_bytes());
        Hello::new(self.speaks, "sim", AgencyId::from_bytes(agency))
    }

    pub(super) fn set_share(&mut self, to: usize, mask: u64) {
        self.share.insert(to, mask);
    }

    pub(super) fn set_accept(&mut self, from: usize, mask: u64) {
        self.accept.insert(from, mask);
    }

    pub(super) fn shares(&self, to: usize, record: &Record) -> bool {
        let mine = record.class != FIRST_HOP || record.author == self.number;
        mine && record.author != to && mask_of(&self.share, to) >> record.class & 1 == 1
    }

    pub(super) fn accepts(&self, from: usize, record: &Record) -> bool {
        let from_author = record.class != FIRST_HOP || record.author == from;
        from_author && mask_of(&self.accept, from) >> record.class & 1 == 1
    }

    /// Puts a record in. The same one twice is a defect of the simulated node.
    pub(super) fn commit(&mut self, record: Record) {
        let before = self.disk.store.insert(record.id, record);
        assert!(
            before.is_none(),
            "node {} stored {:?} twice",
            self.number,
            record.id
        );
        self.disk.log.push(record.id);
        if record.class == CONTROL {
            let peers: Vec<usize> = self.disk.peers.keys().copied().collect();
            for to in peers {
                let shares = self.shares(to, &record);
                let peer = self.peer(to);
                if shares && !peer.ledger.contains_key(&record.id) {
                    peer.owed.insert(record.id);
                }
            }
        }
    }

    fn peer(&mut self, number: usize) -> &mut Peer {
        self.disk.peers.entry(number).or_default()
    }

    pub(super) fn back_up(&mut self) {
        self.backup = self.disk.clone();
    }

    pub(super) fn restore(&mut self) {
        self.disk = self.backup.clone();
    }

    pub(super) fn again(&mut self, to: usize, id: RecordId) {
        let shared = self.disk.store.get(&id).is_some_and(|r| self.shares(to, r));
        if shared {
            self.peer(to).again.insert(id);
        }
    }

    /// The next candidates for a peer, or `None` if there are none.
    pub(super) fn scan(
        &self,
        to: usize,
        lane: Lane,
        handed: &mut Handed,
    ) -> Option<(u64, Vec<Item>)> {
        let peer = self.disk.peers.get(&to)?;
        let extra = match lane {
            Lane::Owed => &peer.owed,
            Lane::Again => &peer.again,
            Lane::Scan => return self.scan_log(to, handed),
        };
        let fresh = extra
            .iter()
            .filter(|id| !handed.extra.contains(&(lane, **id)));
        let ids: Vec<RecordId> = fresh.take(limits::BATCH_RECORDS).copied().collect();
        handed.extra.extend(ids.iter().map(|id| (lane, *id)));
        let records = ids.iter().filter_map(|id| self.disk.store.get(id));
        let items: Vec<Item> = records.map(item).collect();
        (!items.is_empty()).then_some((0, items))
    }

    fn scan_log(&self, to: usize, handed: &mut Handed) -> Option<(u64, Vec<Item>)> {
        let peer = self.disk.peers.get(&to)?;
        let from = handed.scanned.unwrap_or(peer.cursor);
        let mut mark = from;
        let mut items = Vec::new();
        for id in self.disk.log.get(from as usize..)? {
            if items.len() == limits::BATCH_RECORDS {
                break;
            }
            mark += 1;
            let record = &self.disk.store[id];
            let known = peer.ledger.contains_key(id);
            if !known && record.class != CONTROL && self.shares(to, record) {
                items.push(item(record));
            }
        }
        handed.scanned = Some(mark);
        (mark > from).then_some((mark, items))
    }

    /// Decides anew and gives the bytes.
    pub(super) fn load(&self, to: usize, ids: &[RecordId]) -> Vec<Option<Vec<u8>>> {
        let one = |id: &RecordId| {
            let record = self.disk.store.get(id).filter(|r| self.shares(to, r))?;
            let mut bytes = id.as_bytes().to_vec();
            bytes.resize(record.size.max(32) as usize, 0);
            Some(bytes)
        };
        ids.iter().map(one).collect()
    }

    /// Takes note of settled items; gives those to offer again.
    pub(super) fn settled(
        &mut self,
        to: usize,
        lane: Lane,
        mark: Option<u64>,
        outcomes: &[(RecordId, Outcome)],
        handed: &mut Handed,
    ) -> Vec<RecordId> {
        let mut later = Vec::new();
        let peer = self.disk.peers.entry(to).or_default();
        for (id, outcome) in outcomes {
            if let Some(record) = self.disk.store.get(id) {
                peer.ledger.insert(*id, record.created);
            }
            peer.owed.remove(id);
            peer.again.remove(id);
            handed.extra.remove(&(lane, *id));
            if matches!(outcome, Outcome::Answered(Answer::Later(_))) {
                later.push(*id);
            }
        }
        if let (Lane::Scan, Some(mark)) = (lane, mark) {
            assert!(mark >= peer.cursor, "a cursor moved back");
            peer.cursor = mark;
        }
        later
    }

    /// Whether something that a peer offers is on its way from another: then its offer is answered
    /// when that is here, or does not come.
    pub(super) fn waits(&mut self, from: usize, items: &[Item], now: u64) -> bool {
        let mut waits = false;
        for item in items {
            let Some((of, at)) = self.asked.get(&item.id).copied() else {
                continue;
            };
            let is_slow = self.slow.get(&of).is_some_and(|until| now < *until);
            if of == from || is_slow {
                continue;
            }
            if now >= at + ASKED_ELSEWHERE_MS {
                self.slow.insert(of, now + SLOW_COURIER_MS);
            } else {
                waits = true;
            }
        }
        waits
    }

    /// What a peer was asked for does not come from it any more.
    pub(super) fn gave_up(&mut self, of: usize) {
        self.asked.retain(|_, (from, _)| *from != of);
    }

    pub(super) fn lookup(&mut self, from: usize, items: &[Item], now: u64) -> Vec<Known> {
        let peer = self.disk.peers.entry(from).or_default();
        let (store, asked) = (&self.disk.store, &mut self.asked);
        let one = |item: &Item| {
            if store.contains_key(&item.id) {
                peer.ledger.insert(item.id, item.created);
                peer.owed.remove(&item.id);
                return Known::Answer(Answer::Stored);
            }
            asked.insert(item.id, (from, now));
            Known::Want
        };
        items.iter().map(one).collect()
    }

    /// Ingests one record; says whether it was new.
    pub(super) fn ingest(
        &mut self,
        from: usize,
        item: &Item,
        bytes: &[u8],
        record: Option<&Record>,
        now: u64,
    ) -> (Answer, bool) {
        self.asked.remove(&item.id);
        let genuine = record.filter(|r| {
            bytes.starts_with(r.id.as_bytes()) && r.id == item.id && r.created == item.created
        });
        let Some(record) = genuine else {
            return (Answer::Refused(Refused::Form), false);
        };
        if now < self.full_until {
            return (Answer::Later(Later::Disk), false);
        }
        self.peer(from).ledger.insert(item.id, item.created);
        if self.disk.store.contains_key(&item.id) {
            return (Answer::Stored, false);
        }
        if !self.accepts(from, record) {
            return (Answer::Refused(Refused::Policy), false);
        }
        self.commit(*record);
        (Answer::Stored, true)
    }

    /// O(we, peer): what may be shared now, and the ledger.
    pub(super) fn repair_set(&self, to: usize) -> Vec<Entry> {
        let records = self.disk.store.values().filter(|r| self.shares(to, r));
        let mut set: BTreeMap<RecordId, Hlc> = records.map(|r| (r.id, r.created)).collect();
        let ledger = self.disk.peers.get(&to).map(|peer| &peer.ledger);
        set.extend(ledger.into_iter().flatten().map(|(id, at)| (*id, *at)));
        set.into_iter()
            .map(|(id, created)| Entry { created, id })
            .collect()
    }
}

fn mask_of(masks: &BTreeMap<usize, u64>, peer: usize) -> u64 {
    masks.get(&peer).copied().unwrap_or(u64::MAX)
}

fn item(record: &Record) -> Item {
    Item {
        id: record.id,
        created: record.created,
        size: record.size.max(32),
    }
}
