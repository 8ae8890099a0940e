//! The store against plain maps: random writes, restarts in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// A change by small numbers, so that they meet.
#[derive(Clone, Debug)]
enum Change {
    Insert {
        n: u64,
        length: usize,
        amends: Option<u64>,
        retracts: Option<(u64, bool)>,
        to: Option<u8>,
        from: Option<u8>,
    },
    Ledger {
        peer: u8,
        arrival: u64,
        direction: u8,
        later: bool,
    },
    Tombstone {
        n: u64,
        erase: bool,
    },
    Lift {
        n: u64,
    },
    Mark {
        arrival: u64,
        on: bool,
    },
    Meta {
        name: u8,
        length: Option<usize>,
    },
    Peer {
        peer: u8,
        length: Option<usize>,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let n = 0..24u64;
    let length = prop_oneof![0..50usize, 4_000..4_200usize, 0..20_000usize];
    prop_oneof![
        6 => (
            n.clone(),
            length.clone(),
            prop::option::weighted(0.2, 0..24u64),
            prop::option::weighted(0.2, (0..24u64, any::<bool>())),
            prop::option::weighted(0.2, 0..3u8),
            prop::option::weighted(0.5, 0..3u8),
        )
            .prop_map(|(n, length, amends, retracts, to, from)| Change::Insert { n, length, amends, retracts, to, from }),
        3 => (0..3u8, 0..20u64, 0..3u8, any::<bool>())
            .prop_map(|(peer, arrival, direction, later)| Change::Ledger { peer, arrival, direction, later }),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, erase)| Change::Tombstone { n, erase }),
        1 => n.prop_map(|n| Change::Lift { n }),
        1 => (0..20u64, any::<bool>()).prop_map(|(arrival, on)| Change::Mark { arrival, on }),
        1 => (0..3u8, prop::option::of(length.clone())).prop_map(|(name, length)| Change::Meta { name, length }),
        1 => (0..3u8, prop::option::of(length)).prop_map(|(peer, length)| Change::Peer { peer, length }),
    ]
}

#[derive(Clone, Debug)]
struct Held {
    n: u64,
    bytes: Option<Bytes>,
    flags: Flags,
    audience: Option<Vec<AgencyId>>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    held: Vec<Held>,
    tombstones: BTreeSet<u64>,
    waiting: BTreeMap<(u64, u64), bool>,
    amended: BTreeSet<(u64, u64)>,
    ledger: BTreeMap<(u8, u64), LedgerEntry>,
    metas: BTreeMap<String, usize>,
    peers: BTreeMap<u8, usize>,
}

const DIRECTIONS: [Direction; 3] = [Direction::Offered, Direction::Received, Direction::Sent];

fn filled(length: usize) -> Bytes {
    Bytes::from(vec![length as u8; length])
}

fn author(n: u64) -> u64 {
    n % 3
}

impl Model {
    fn find(&mut self, n: u64) -> Option<(u64, &mut Held)> {
        self.held
            .iter_mut()
            .zip(1..)
            .find(|(h, _)| h.n == n)
            .map(|(h, a)| (a, h))
    }

    fn bury(&mut self, n: u64, erase: bool) {
        self.tombstones.insert(n);
        if let Some((_, held)) = self.find(n) {
            held.flags |= Flags::RETRACTED;
            if erase {
                held.flags = held.flags.without(Flags::HAS_AUDIENCE) | Flags::ERASED;
                held.bytes = None;
                held.audience = None;
            }
        }
    }

    fn line(&mut self, peer: u8, arrival: u64, mut entry: LedgerEntry) {
        let before = self.ledger.get(&(peer, arrival));
        if before.is_none_or(|e| e.direction <= entry.direction) {
            // What we answered it is no answer to what it is sent.
            let its = before.filter(|e| {
                e.direction != Direction::Received || entry.direction != Direction::Sent
            });
            entry.answer = entry.answer.or(its.and_then(|e| e.answer));
            self.ledger.insert((peer, arrival), entry);
        }
    }

    /// Applies a change, and says what the store is to be asked.
    fn apply(&mut self, change: &Change) -> Op {
        match change.clone() {
            Change::Insert {
                n,
                length,
                amends,
                retracts,
                to,
                from,
            } => {
                let record = NewRecord {
                    supersedes: amends.map(id),
                    retracts: retracts.map(|(of, erase)| Retraction {
                        of: id(of),
                        reason: 1,
                        erase,
                    }),
                    audience: to.map(|a| vec![agency(a)]),
                    ..record(n, length)
                };
                let line = entry(Direction::Received, None);
                if let (true, Some(from)) = (self.insert(&record, n, amends, retracts), from)
                    && let Some((arrival, _)) = self.find(n)
                {
                    self.line(from, arrival, line.clone());
                }
                Op::Insert {
                    record: Box::new(record),
                    ledger: from.map(|p| (agency(p), line)),
                }
            }
            Change::Ledger {
                peer,
                arrival,
                direction,
                later,
            } => {
                let direction = DIRECTIONS[direction as usize];
                let line = entry(direction, later.then_some(Answer::Later(Later::Quota)));
                if arrival > 0 && arrival <= self.held.len() as u64 {
                    self.line(peer, arrival, line.clone());
                }
                Op::Ledger {
                    peer: agency(peer),
                    arrival: Arrival(arrival),
                    entry: line,
                }
            }
            Change::Tombstone { n, erase } => {
                self.bury(n, erase);
                let tombstone = Tombstone {
                    author: agency(0),
                    reason: 0,
                    at: Millis(0),
                    by: id(0),
                };
                Op::Tombstone {
                    id: id(n),
                    tombstone,
                    erase,
                }
            }
            Change::Lift { n } => {
                if self.tombstones.remove(&n)
                    && let Some((_, held)) = self.find(n)
                {
                    held.flags = held.flags.without(Flags::RETRACTED);
                }
                Op::LiftTombstone { id: id(n) }
            }
            Change::Mark { arrival, on } => {
                let (set, clear) = if on {
                    (Flags::MARKED, Flags::NONE)
                } else {
                    (Flags::NONE, Flags::MARKED)
                };
                if let Some(held) = arrival
                    .checked_sub(1)
                    .and_then(|i| self.held.get_mut(i as usize))
                {
                    held.flags = held.flags.without(clear) | set;
                }
                Op::SetFlags {
                    arrival: Arrival(arrival),
                    set,
                    clear,
                }
            }
            Change::Meta { name, length } => {
                let name = format!("name {name}");
                match length {
                    Some(length) => {
                        self.metas.insert(name.clone(), length);
                        Op::PutMeta {
                            name,
                            bytes: filled(length),
                        }
                    }
                    None => {
                        self.metas.remove(&name);
                        Op::DeleteMeta { name }
                    }
                }
            }
            Change::Peer { peer, length } => match length {
                Some(length) => {
                    self.peers.insert(peer, length);
                    Op::PutPeer {
                        peer: agency(peer),
                        bytes: filled(length),
                    }
                }
                None => {
                    self.peers.remove(&peer);
                    Op::DeletePeer { peer: agency(peer) }
                }
            },
        }
    }

    /// Whether the record is in.
    fn insert(
        &mut self,
        record: &NewRecord,
        n: u64,
        amends: Option<u64>,
        retracts: Option<(u64, bool)>,
    ) -> bool {
        if self.tombstones.contains(&n) {
            return false;
        }
        if let Some(erase) = self.waiting.remove(&(n, author(n))) {
            self.bury(n, erase);
            return false;
        }
        let mut flags = Flags::NONE;
        if record.audience.is_some() {
            flags |= Flags::HAS_AUDIENCE;
        }
        if self.amended.contains(&(n, author(n))) {
            flags |= Flags::SUPERSEDED;
        }
        let held = Held {
            n,
            bytes: Some(record.bytes.clone()),
            flags,
            audience: record.audience.clone(),
        };
        match self.find(n) {
            Some((_, old)) if old.bytes.is_some() => return true,
            Some((_, old)) => *old = held,
            None => self.held.push(held),
        }
        if let Some(old) = amends {
            self.amended.insert((old, author(n)));
            if let Some((_, held)) = self.find(old).filter(|_| author(old) == author(n)) {
                held.flags |= Flags::SUPERSEDED;
            }
        }
        if let Some((of, erase)) = retracts {
            if self.find(of).is_none() {
                self.waiting.insert((of, author(n)), erase);
            } else if author(of) == author(n) {
                self.bury(of, erase);
            }
        }
        true
    }

    fn check(&self, store: &Store) {
        assert_eq!(store.last().0, self.held.len() as u64);
        let headers = store.headers(Arrival(1), 1_000).unwrap();
        assert_eq!(headers.len(), self.held.len());
        for ((arrival, header), held) in headers.iter().zip(&self.held) {
            assert_eq!(
                (header.id, header.flags),
                (id(held.n), held.flags),
                "{arrival:?}"
            );
            assert_eq!(store.record(*arrival).unwrap(), held.bytes);
            assert_eq!(store.audience(*arrival).unwrap(), held.audience);
            assert_eq!(store.arrival_of(&header.id).unwrap(), Some(*arrival));
            let class = store.class(header.class).unwrap().unwrap();
            assert_eq!(class, format!("class {}", held.n % 5));
        }
        for n in 0..24 {
            assert_eq!(
                store.tombstone(&id(n)).unwrap().is_some(),
                self.tombstones.contains(&n)
            );
        }
        for peer in 0..3u8 {
            let lines: BTreeMap<_, _> = self
                .ledger
                .iter()
                .filter(|((p, _), _)| *p == peer)
                .map(|((_, a), entry)| (Arrival(*a), entry.clone()))
                .collect();
            let later: Vec<_> = lines
                .iter()
                .filter(|(_, e)| e.is_later())
                .map(|(a, _)| *a)
                .collect();
            assert_eq!(
                store.later(&agency(peer), Arrival::ZERO, 100).unwrap(),
                later
            );
            let rows = store.ledger_of(&agency(peer), Arrival::ZERO, 100).unwrap();
            assert_eq!(rows, lines.into_iter().collect::<Vec<_>>());
        }
        let metas: BTreeMap<_, _> = store.metas("", 100).unwrap().into_iter().collect();
        assert_eq!(
            metas,
            self.metas
                .iter()
                .map(|(n, l)| (n.clone(), filled(*l)))
                .collect()
        );
        let peers: Vec<_> = self
            .peers
            .iter()
            .map(|(p, l)| (agency(*p), filled(*l)))
            .collect();
        assert_eq!(store.peers().unwrap(), peers);
        let counts = store.counts().unwrap();
        let with = |flag| self.held.iter().filter(|h| h.flags.contains(flag)).count() as u64;
        assert_eq!(counts.erased, with(Flags::ERASED));
        assert_eq!(counts.retracted, with(Flags::RETRACTED));
        assert_eq!(counts.superseded, with(Flags::SUPERSEDED));
        assert_eq!(counts.marked, with(Flags::MARKED));
        assert_eq!(counts.tombstones, self.tombstones.len() as u64);
        let bytes: usize = self
            .held
            .iter()
            .filter_map(|h| h.bytes.as_ref())
            .map(Bytes::len)
            .sum();
        assert_eq!(counts.bytes, bytes as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_plain_maps(
        writes in prop::collection::vec((prop::collection::vec(change(), 1..12), prop::bool::weighted(0.15)), 1..16)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), options()).unwrap();
        let mut model = Model::default();
        for (changes, reopen) in &writes {
            let ops: Vec<_> = changes.iter().map(|c| model.apply(c)).collect();
            let outcomes = store.write_blocking(ops).unwrap();
            prop_assert_eq!(outcomes.len(), changes.len());
            if *reopen {
                drop(store);
                store = Store::open(dir.path(), options()).unwrap();
            }
            model.check(&store);
        }
    }
}
