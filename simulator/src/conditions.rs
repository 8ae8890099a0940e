//! What the networks and nodes of a simulated federation are like.

use std::fmt;

use crate::lines::Lines;
use crate::rng::Rng;
use crate::topology::Topology;

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

/// Something that befalls a federation, until a moment in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A node is switched off.
    Away(usize, u64),
    /// Two nodes cannot connect.
    Cut(usize, usize, u64),
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

impl Conditions {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Calm, Self::Rough];

    /// The lines.
    pub fn lines(self) -> Lines {
        match self {
            Self::Calm => {
                let mut lines = Lines::new((10, 40));
                lines.uplink = Some(10_000_000 / 8);
                lines
            }
            Self::Rough => {
                let mut lines = Lines::new((50, 300));
                lines.breaks_per_mille = 1;
                lines.loss_per_mille = 30;
                lines.uplink = Some(2_000_000 / 8);
                lines
            }
        }
    }

    /// What befalls a federation within so many milliseconds, and when.
    pub fn troubles(
        self,
        topology: Topology,
        nodes: usize,
        within_ms: u64,
        rng: &mut Rng,
    ) -> Vec<(u64, Trouble)> {
        if self == Self::Calm {
            return Vec::new();
        }
        let mut troubles = Vec::new();
        for node in 1..nodes {
            // Away for 3 minutes at a time, here for 27 between: one time in ten.
            let mut at = rng.below(30 * MINUTE);
            while at < within_ms {
                let until = at + MINUTE + rng.below(4 * MINUTE);
                troubles.push((at, Trouble::Away(node, until)));
                at = until + 20 * MINUTE + rng.below(14 * MINUTE);
            }
        }
        let apart = within_ms / 3;
        for (a, b) in topology.between_halves(nodes) {
            troubles.push((apart, Trouble::Cut(a, b, apart + 5 * MINUTE)));
        }
        let alone = within_ms / 3 * 2;
        troubles.push((alone, Trouble::Away(0, alone + 5 * MINUTE)));
        troubles
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
