//! The simulated world: nodes, links, and what is done to them.
//!
//! Each node has a store, a log in order of arrival, a cursor and a ledger per peer, and a
//! policy that is a mask of classes per link. Streams break at any message, packets are lost and
//! sent again, nodes go away and come back, restart or are restored from a backup, links are cut
//! for a while.

mod node;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::lines::Lines;
use crate::rng::Rng;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::fault::WireFault;
use liaison_protocol::wire::hello::Speaks;
pub use node::{CONTROL, FIRST_HOP, Node, Record};
use stream::{Key, Stream, Work};

/// What a simulation begins with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides everything that is random.
    pub seed: u64,
    /// Nodes.
    pub nodes: usize,
    /// Pairs that connect, in both directions.
    pub links: Vec<(usize, usize)>,
    /// What the lines are like.
    pub lines: Lines,
}

/// Something that is done to the simulated world.
#[derive(Clone, Debug)]
pub enum Action {
    /// A node creates records of a class.
    Create {
        /// The node.
        node: usize,
        /// Their class, below 64.
        class: u8,
        /// How many.
        count: usize,
        /// Bytes of each frame.
        size: u32,
    },
    /// A node stops at once and starts again.
    Restart(usize),
    /// A node's disk is copied.
    Backup(usize),
    /// A node starts from its copy, having lost everything since.
    Restore(usize),
    /// A pair cannot connect until then.
    Partition(usize, usize, u64),
    /// A node is switched off until then.
    Away(usize, u64),
    /// A node's policy towards a peer changes: the mask of classes that it shares.
    Share(usize, usize, u64),
    /// A node's policy towards a peer changes: the mask of classes that it accepts.
    Accept(usize, usize, u64),
    /// A node's disk takes nothing until then.
    DiskFull(usize, u64),
    /// The first starts a repair with the second.
    Repair(usize, usize),
    /// All streams are closed and opened again.
    ReopenAll,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Messages by name.
    pub messages: BTreeMap<&'static str, u64>,
    /// Bytes of frames.
    pub bytes: u64,
    /// Bytes of frames that each node sent or got.
    pub bytes_at: Vec<u64>,
    /// Items on offer.
    pub offered: u64,
    /// Records committed to a store that did not create them.
    pub delivered: u64,
    /// Records whose bytes came although the store held them by then.
    pub duplicates: u64,
    /// Streams that broke.
    pub broken: u64,
    /// Milliseconds from creation to commit, for each delivery.
    pub delays_ms: Vec<u64>,
    /// Most batches that a receiver had open.
    pub most_open: usize,
    /// Repairs finished, and what each side found to offer.
    pub repairs: Vec<(usize, usize)>,
}

/// The simulated world.
#[derive(Debug)]
pub struct Sim {
    config: Config,
    rng: Rng,
    now: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Due>,
    nodes: Vec<Node>,
    /// Whom each node connects with.
    neighbours: Vec<Vec<usize>>,
    streams: BTreeMap<Key, Stream>,
    /// Every record that was ever created.
    records: BTreeMap<RecordId, Record>,
    /// What was counted.
    pub figures: Figures,
    /// Streams that ended by a fault.
    pub faults: Vec<(Key, WireFault)>,
}

#[derive(Debug)]
enum Due {
    Action(Action),
    Open(Key),
    Arrive {
        key: Key,
        epoch: u64,
        forth: bool,
        bytes: Vec<u8>,
    },
    Work {
        key: Key,
        epoch: u64,
        work: Work,
    },
    Again {
        from: usize,
        to: usize,
        id: RecordId,
    },
}

impl Sim {
    /// A world in which every node shares and accepts all classes, and connects at once.
    pub fn new(config: Config) -> Self {
        let mut neighbours = vec![Vec::new(); config.nodes];
        for (a, b) in &config.links {
            neighbours[*a].push(*b);
            neighbours[*b].push(*a);
        }
        let nodes = neighbours.iter().enumerate();
        let nodes = nodes.map(|(n, peers)| Node::new(n, peers)).collect();
        let mut sim = Self {
            rng: Rng::new(config.seed),
            now: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            nodes,
            neighbours,
            streams: BTreeMap::new(),
            records: BTreeMap::new(),
            figures: Figures {
                bytes_at: vec![0; config.nodes],
                ..Figures::default()
            },
            faults: Vec::new(),
            config,
        };
        for (a, b) in sim.config.links.clone() {
            sim.schedule(0, Due::Open(Key::live(a, b)));
            sim.schedule(0, Due::Open(Key::live(b, a)));
        }
        sim
    }

    /// A node.
    pub fn node(&self, node: usize) -> Option<&Node> {
        self.nodes.get(node)
    }

    /// Sets the versions that a node speaks.
    pub fn speaks(&mut self, node: usize, speaks: Speaks) {
        self.nodes[node].speaks = speaks;
    }

    /// Does something after so many milliseconds.
    pub fn after(&mut self, ms: u64, action: Action) {
        self.schedule(ms, Due::Action(action));
    }

    /// Virtual milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Runs until nothing is due any more; gives up after so many steps and says so.
    pub fn run(&mut self, max_steps: u64) -> Result<u64, &'static str> {
        for step in 0..max_steps {
            let Some(((at, _), due)) = self.queue.pop_first() else {
                return Ok(step);
            };
            self.now = at;
            match due {
                Due::Action(action) => self.act(action),
                Due::Open(key) => self.open(key),
                Due::Arrive {
                    key,
                    epoch,
                    forth,
                    bytes,
                } => self.arrive(key, epoch, forth, &bytes),
                Due::Work { key, epoch, work } => self.work(key, epoch, work),
                Due::Again { from, to, id } => {
                    self.nodes[from].again(to, id);
                    self.fill(Key::live(from, to));
                }
            }
        }
        Err("the world does not come to rest")
    }

    /// What each node must hold in the end: what it created, and what some way of links lets
    /// come to it.
    pub fn expected(&self) -> Vec<BTreeSet<RecordId>> {
        let mut expected = vec![BTreeSet::new(); self.nodes.len()];
        for record in self.records.values() {
            let mut next = vec![record.author];
            while let Some(from) = next.pop() {
                if !expected[from].insert(record.id) {
                    continue;
                }
                let peers = self.neighbours[from].iter().copied();
                next.extend(peers.filter(|to| {
                    self.nodes[from].shares(*to, record) && self.nodes[*to].accepts(from, record)
                }));
            }
        }
        expected
    }

    /// The nodes that do not hold exactly what they must.
    pub fn astray(&self) -> Vec<usize> {
        let expected = self.expected();
        let astray = |(n, must): (usize, &BTreeSet<RecordId>)| {
            let held = self.nodes[n].held();
            (held != *must).then_some(n)
        };
        expected.iter().enumerate().filter_map(astray).collect()
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Create {
                node,
                class,
                count,
                size,
            } => {
                for _ in 0..count {
                    // Some records share one `created` on purpose.
                    let created = Hlc::new(Millis(self.now / 10), self.rng.below(2) as u16);
                    let id = RecordId::from_bytes(self.rng.bytes());
                    let record = Record {
                        id,
                        created,
                        author: node,
                        class,
                        size,
                        at: self.now,
                    };
                    self.records.insert(id, record);
                    self.nodes[node].commit(record);
                }
                self.fill_all(node);
            }
            Action::Restart(node) => self.drop_streams(|key| key.touches(node)),
            Action::Backup(node) => self.nodes[node].back_up(),
            Action::Restore(node) => {
                self.drop_streams(|key| key.touches(node));
                self.nodes[node].restore();
            }
            Action::Partition(a, b, until) => {
                self.config.lines.cut(a, b, until);
                self.drop_streams(|key| key.touches(a) && key.touches(b));
            }
            Action::Away(node, until) => {
                self.config.lines.switch_off(node, until);
                self.drop_streams(|key| key.touches(node));
            }
            Action::Share(from, to, mask) => {
                self.nodes[from].set_share(to, mask);
                self.drop_streams(|key| key.touches(from));
            }
            Action::Accept(to, from, mask) => {
                self.nodes[to].set_accept(from, mask);
                self.drop_streams(|key| key.touches(to));
            }
            Action::DiskFull(node, until) => self.nodes[node].full_until = until,
            Action::Repair(a, b) => self.open(Key::repair(a, b)),
            Action::ReopenAll => self.drop_streams(|_| true),
        }
    }

    fn drop_streams(&mut self, which: impl Fn(&Key) -> bool) {
        let keys: Vec<Key> = self.streams.keys().filter(|k| which(k)).copied().collect();
        for key in keys {
            self.broken(key);
        }
    }

    /// A stream is gone on both sides; it is opened again after a while.
    fn broken(&mut self, key: Key) {
        if self.streams.remove(&key).is_some() {
            self.nodes[key.to].gave_up(key.from);
            self.figures.broken += 1;
            let backoff = 50 + self.rng.below(500);
            self.schedule(backoff, Due::Open(key));
        }
    }

    fn schedule(&mut self, ms: u64, due: Due) {
        self.sequence += 1;
        self.queue.insert((self.now + ms, self.sequence), due);
    }
}
