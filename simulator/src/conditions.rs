//! What the networks and nodes of a simulated federation are like.

use std::fmt;

use crate::rng::Rng;
use crate::topology::Topology;
use crate::world::Action;

/// Conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conditions {
    /// Good lines, and nobody is away: 10 to 40 ms each way, 10 Mbit/s up.
    Calm,
    /// 50 to 300 ms each way, 2 Mbit/s up, 3 % of packets lost, a stream in a thousand messages
    /// broken; each node is away one time in ten, for 1 to 5 minutes; the network falls apart for
    /// 5 minutes, and later the first node (a hub, where there is one) is away for 5.
    Rough,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

impl Conditions {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Calm, Self::Rough];

    /// Milliseconds that a message takes one way, from and to.
    pub const fn latency_ms(self) -> (u64, u64) {
        match self {
            Self::Calm => (10, 40),
            Self::Rough => (50, 300),
        }
    }

    /// Of a thousand packets, how many are lost.
    pub const fn loss_per_mille(self) -> u64 {
        match self {
            Self::Calm => 0,
            Self::Rough => 30,
        }
    }

    /// Of a thousand messages, how many break their stream.
    pub const fn breaks_per_mille(self) -> u64 {
        match self {
            Self::Calm => 0,
            Self::Rough => 1,
        }
    }

    /// Bytes a second that a node can send.
    pub const fn uplink(self) -> u64 {
        match self {
            Self::Calm => 10_000_000 / 8,
            Self::Rough => 2_000_000 / 8,
        }
    }

    /// What befalls a federation within so many milliseconds, and when.
    pub fn events(
        self,
        topology: Topology,
        nodes: usize,
        within_ms: u64,
        rng: &mut Rng,
    ) -> Vec<(u64, Action)> {
        if self == Self::Calm {
            return Vec::new();
        }
        let mut events = Vec::new();
        for node in 1..nodes {
            // Away for 3 minutes at a time, here for 27 between: one time in ten.
            let mut at = rng.below(30 * MINUTE);
            while at < within_ms {
                let until = at + MINUTE + rng.below(4 * MINUTE);
                events.push((at, Action::Away(node, until)));
                at = until + 20 * MINUTE + rng.below(14 * MINUTE);
            }
        }
        let apart = within_ms / 3;
        for (a, b) in topology.between_halves(nodes) {
            events.push((apart, Action::Partition(a, b, apart + 5 * MINUTE)));
        }
        let alone = within_ms / 3 * 2;
        events.push((alone, Action::Away(0, alone + 5 * MINUTE)));
        events
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calm => "calm",
            Self::Rough => "rough",
        })
    }
}
