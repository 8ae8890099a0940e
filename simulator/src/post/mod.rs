//! Federations whose agencies meet nowhere: everything goes in parcels that lie at hubs, on the
//! mailbox sessions that nodes really speak.
//!
//! A record goes to each of the others in a parcel of its own, as it is made; what is made while
//! no hub can be reached goes together. Who opens a parcel with records answers it in a parcel, once
//! nothing waits for it any more. Parcels have the lengths that real ones have; nothing is sealed.

mod agency;
mod hub;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use agency::Agency;
use hub::Hub;
use liaison_protocol::wire::WireFault;
use liaison_protocol::wire::mailbox::{ClientEvent, ServerEvent};
use stream::{Key, Stream};

use crate::conditions::Trouble;
use crate::lines::Lines;
use crate::rng::Rng;

/// The simulated federation. The first nodes are the hubs.
#[derive(Debug)]
pub struct Post {
    lines: Lines,
    rng: Rng,
    now: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Due>,
    hubs: Vec<Hub>,
    agencies: BTreeMap<usize, Agency>,
    streams: BTreeMap<Key, Stream>,
    made: Vec<Made>,
    /// Bytes of frames.
    pub bytes: u64,
    /// Bytes of frames that each node sent or got.
    pub bytes_at: Vec<u64>,
    /// Milliseconds from the making of a record to its arrival, for each copy.
    pub delays_ms: Vec<u64>,
    /// Copies that came to who had them.
    pub duplicates: u64,
    /// Streams that ended by a fault.
    pub faults: Vec<WireFault>,
}

/// A record.
#[derive(Clone, Copy, Debug)]
struct Made {
    at: u64,
    author: usize,
    size: u32,
}

#[derive(Debug)]
enum Due {
    Make {
        node: usize,
        size: u32,
    },
    Befall(Trouble),
    Open(Key),
    Arrive {
        key: Key,
        epoch: u64,
        forth: bool,
        body: Vec<u8>,
    },
    Client {
        key: Key,
        epoch: u64,
        event: Box<ClientEvent>,
    },
    Server {
        key: Key,
        epoch: u64,
        event: Box<ServerEvent>,
    },
}

impl Post {
    /// So many nodes, of which the first are hubs. All connect at once.
    pub fn new(seed: u64, hubs: usize, nodes: usize, lines: Lines) -> Self {
        let mut post = Self {
            lines,
            rng: Rng::new(seed),
            now: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            hubs: (0..hubs).map(|_| Hub::default()).collect(),
            agencies: (hubs..nodes).map(|n| (n, Agency::default())).collect(),
            streams: BTreeMap::new(),
            made: Vec::new(),
            bytes: 0,
            bytes_at: vec![0; nodes],
            delays_ms: Vec::new(),
            duplicates: 0,
            faults: Vec::new(),
        };
        for agency in hubs..nodes {
            for hub in 0..hubs {
                post.schedule(0, Due::Open(Key { agency, hub }));
            }
        }
        post
    }

    /// A record is made at an agency after so many milliseconds.
    pub fn make(&mut self, ms: u64, node: usize, size: u32) {
        self.schedule(ms, Due::Make { node, size });
    }

    /// Something befalls the federation after so many milliseconds.
    pub fn befall(&mut self, ms: u64, trouble: Trouble) {
        self.schedule(ms, Due::Befall(trouble));
    }

    /// Runs until nothing is due any more; gives up after so many steps and says so.
    ///
    /// # Errors
    /// It does not come to rest.
    pub fn run(&mut self, max_steps: u64) -> Result<(), &'static str> {
        for _ in 0..max_steps {
            let Some(((at, _), due)) = self.queue.pop_first() else {
                return Ok(());
            };
            self.now = at;
            match due {
                Due::Make { node, size } => self.made_at(node, size),
                Due::Befall(trouble) => self.befalls(trouble),
                Due::Open(key) => self.open(key),
                Due::Arrive {
                    key,
                    epoch,
                    forth,
                    body,
                } => self.arrive(key, epoch, forth, &body),
                Due::Client { key, epoch, event } => self.client_later(key, epoch, *event),
                Due::Server { key, epoch, event } => self.server_later(key, epoch, *event),
            }
        }
        Err("the world does not come to rest")
    }

    /// Agencies that do not hold every record.
    pub fn astray(&self) -> Vec<usize> {
        let all: BTreeSet<u32> = (0..self.made.len() as u32).collect();
        let astray = self.agencies.iter().filter(|(_, a)| *a.held() != all);
        astray.map(|(node, _)| *node).collect()
    }

    fn made_at(&mut self, author: usize, size: u32) {
        let number = self.made.len() as u32;
        let at = self.now;
        self.made.push(Made { at, author, size });
        let others: Vec<usize> = self.agencies.keys().copied().collect();
        if let Some(agency) = self.agencies.get_mut(&author) {
            agency.make(number, others.into_iter().filter(|n| *n != author));
        }
        self.deposit(author);
    }

    fn befalls(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Away(node, until) => {
                self.lines.switch_off(node, until);
                self.drop_streams(|key| key.agency == node || key.hub == node);
            }
            Trouble::Cut(a, b, until) => {
                self.lines.cut(a, b, until);
                self.drop_streams(|key| [(a, b), (b, a)].contains(&(key.agency, key.hub)));
            }
        }
    }

    fn schedule(&mut self, ms: u64, due: Due) {
        self.sequence += 1;
        self.queue.insert((self.now + ms, self.sequence), due);
    }
}
