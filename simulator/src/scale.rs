//! How long records take and what they cost, as a federation grows.

use crate::conditions::{Conditions, Trouble};
use crate::post::Post;
use crate::rng::Rng;
use crate::topology::Topology;
use crate::world::{Action, Config, Sim};

/// A federation to be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scenario {
    /// Its shape.
    pub topology: Topology,
    /// What befalls it.
    pub conditions: Conditions,
    /// Its nodes, hubs included.
    pub nodes: usize,
    /// Records that are made in it, one after the other, each at some node.
    pub records: usize,
    /// Bytes of a record.
    pub size: u32,
    /// Milliseconds within which they are made.
    pub within_ms: u64,
    /// Decides everything that is random.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Copies that came to nodes that did not make them.
    pub delivered: u64,
    /// Nodes that in the end lack a record or hold one that they must not hold.
    pub astray: usize,
    /// Streams that ended by a breach of the protocol.
    pub faults: usize,
    /// Milliseconds from the making of a record until a node held it: half of all copies came
    /// within.
    pub median_ms: u64,
    /// Of a hundred copies, 99 came within.
    pub most_ms: u64,
    /// The last one.
    pub last_ms: u64,
    /// Bytes on the wire for each record and each node, without TLS and what is below.
    pub bytes: f64,
    /// Bytes on the wire for each record at the node with the most, sent and got.
    pub busiest: f64,
    /// Copies that came although the node had the record, for each one that was needed.
    pub twice: f64,
}

/// Why there are no figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated federation did not come to rest within {STEPS} steps")]
pub struct Restless;

/// After so many steps something goes round in circles.
const STEPS: u64 = 2_000_000_000;

impl Scenario {
    /// Simulates it.
    ///
    /// # Errors
    /// [`Restless`]: a defect of simulator or protocol.
    pub fn run(&self) -> Result<Figures, Restless> {
        let mut rng = Rng::new(self.seed ^ 0x5CA1_AB1E);
        let every = self.within_ms / (self.records as u64).max(1);
        let carriers = self.topology.carriers();
        let agencies = (self.nodes - carriers) as u64;
        let made = (0..self.records as u64).map(|n| {
            let node = carriers + rng.below(agencies) as usize;
            // Greetings are over by the first.
            (STARTED_MS + n * every + rng.below(every), node)
        });
        let made: Vec<(u64, usize)> = made.collect();
        let troubles =
            self.conditions
                .troubles(self.topology, self.nodes, self.within_ms, &mut rng);
        if carriers > 0 {
            self.by_post(&made, &troubles)
        } else {
            self.by_sessions(&made, &troubles)
        }
    }

    fn by_sessions(
        &self,
        made: &[(u64, usize)],
        troubles: &[(u64, Trouble)],
    ) -> Result<Figures, Restless> {
        let mut sim = Sim::new(Config {
            seed: self.seed,
            nodes: self.nodes,
            links: self.topology.links(self.nodes),
            lines: self.conditions.lines(),
        });
        for (at, node) in made {
            let made = Action::Create {
                node: *node,
                class: 1,
                count: 1,
                size: self.size,
            };
            sim.after(*at, made);
        }
        for (at, trouble) in troubles {
            sim.after(
                *at,
                match *trouble {
                    Trouble::Away(node, until) => Action::Away(node, until),
                    Trouble::Cut(a, b, until) => Action::Partition(a, b, until),
                },
            );
        }
        sim.run(STEPS).map_err(|_| Restless)?;
        let (astray, faults) = (sim.astray().len(), sim.faults.len());
        let counted = sim.figures;
        let bytes = (counted.bytes, counted.bytes_at.as_slice());
        Ok(self.figures(
            (astray, faults),
            counted.delays_ms,
            bytes,
            counted.duplicates,
        ))
    }

    fn by_post(
        &self,
        made: &[(u64, usize)],
        troubles: &[(u64, Trouble)],
    ) -> Result<Figures, Restless> {
        let (hubs, lines) = (self.topology.carriers(), self.conditions.lines());
        let mut post = Post::new(self.seed, hubs, self.nodes, lines);
        for (at, node) in made {
            post.make(*at, *node, self.size);
        }
        for (at, trouble) in troubles {
            post.befall(*at, *trouble);
        }
        post.run(STEPS).map_err(|_| Restless)?;
        let (astray, faults) = (post.astray().len(), post.faults.len());
        let delays = std::mem::take(&mut post.delays_ms);
        let bytes = (post.bytes, post.bytes_at.as_slice());
        Ok(self.figures((astray, faults), delays, bytes, post.duplicates))
    }

    fn figures(
        &self,
        (astray, faults): (usize, usize),
        mut delays: Vec<u64>,
        (bytes, bytes_at): (u64, &[u64]),
        duplicates: u64,
    ) -> Figures {
        delays.sort_unstable();
        let each = (self.records as f64).max(1.0);
        let busiest = bytes_at.iter().max().copied().unwrap_or_default();
        Figures {
            delivered: delays.len() as u64,
            astray,
            faults,
            median_ms: within(&delays, 50),
            most_ms: within(&delays, 99),
            last_ms: delays.last().copied().unwrap_or_default(),
            bytes: bytes as f64 / each / self.nodes as f64,
            busiest: busiest as f64 / each,
            twice: duplicates as f64 / (delays.len() as f64).max(1.0),
        }
    }
}

/// When the first record is made.
const STARTED_MS: u64 = 10_000;

/// Within what so many of a hundred came.
fn within(sorted: &[u64], of_hundred: usize) -> u64 {
    let at = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}
