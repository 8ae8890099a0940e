//! How long records take and what they cost, as a federation grows.

use crate::conditions::Conditions;
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
        let Self {
            topology,
            nodes,
            conditions,
            records,
            ..
        } = *self;
        let mut sim = Sim::new(Config {
            seed: self.seed,
            nodes,
            links: topology.links(nodes),
            latency_ms: conditions.latency_ms(),
            breaks_per_mille: conditions.breaks_per_mille(),
            loss_per_mille: conditions.loss_per_mille(),
            uplink: Some(conditions.uplink()),
        });
        let mut rng = Rng::new(self.seed ^ 0x5CA1_AB1E);
        let every = self.within_ms / (records as u64).max(1);
        for n in 0..records as u64 {
            let node = rng.below(nodes as u64) as usize;
            let made = Action::Create {
                node,
                class: 1,
                count: 1,
                size: self.size,
            };
            // Greetings are over by the first.
            sim.after(STARTED_MS + n * every + rng.below(every), made);
        }
        for (at, event) in conditions.events(topology, nodes, self.within_ms, &mut rng) {
            sim.after(at, event);
        }
        sim.run(STEPS).map_err(|_| Restless)?;
        let mut delays = std::mem::take(&mut sim.figures.delays_ms);
        delays.sort_unstable();
        let each = (records as f64).max(1.0);
        let busiest = sim.figures.bytes_at.iter().max().copied();
        Ok(Figures {
            delivered: sim.figures.delivered,
            astray: sim.astray().len(),
            faults: sim.faults.len(),
            median_ms: within(&delays, 50),
            most_ms: within(&delays, 99),
            last_ms: delays.last().copied().unwrap_or_default(),
            bytes: sim.figures.bytes as f64 / each / nodes as f64,
            busiest: busiest.unwrap_or_default() as f64 / each,
            twice: sim.figures.duplicates as f64 / (sim.figures.delivered as f64).max(1.0),
        })
    }
}

/// When the first record is made.
const STARTED_MS: u64 = 10_000;

/// Within what so many of a hundred came.
fn within(sorted: &[u64], of_hundred: usize) -> u64 {
    let at = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}
