//! Who is linked with whom.

use std::fmt;

/// A shape of a federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topology {
    /// Every agency is linked with the first node alone.
    Hub,
    /// Every agency is linked with the first two nodes, and these with each other.
    TwoHubs,
    /// Each is linked with each.
    Mesh,
    /// Each is linked with the next.
    Chain,
    /// Agencies that meet nowhere: parcels at the first node, a hub that cannot read them.
    Mailbox,
    /// The same with two hubs.
    TwoMailboxes,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Hub,
        Self::TwoHubs,
        Self::Mesh,
        Self::Chain,
        Self::Mailbox,
        Self::TwoMailboxes,
    ];

    /// Nodes that only keep parcels for the others.
    pub const fn carriers(self) -> usize {
        match self {
            Self::Mailbox => 1,
            Self::TwoMailboxes => 2,
            _ => 0,
        }
    }

    /// The links of so many nodes.
    pub fn links(self, nodes: usize) -> Vec<(usize, usize)> {
        let hubs = match self {
            Self::Hub | Self::Mailbox => 1,
            Self::TwoHubs | Self::TwoMailboxes => 2,
            Self::Mesh => nodes,
            Self::Chain => return (1..nodes).map(|n| (n - 1, n)).collect(),
        };
        let of = |hub: usize| (hub + 1..nodes).map(move |n| (hub, n));
        (0..hubs).flat_map(of).collect()
    }

    /// The links that fall silent when a network falls apart into two halves: where there are two
    /// hubs, each half keeps one.
    pub fn between_halves(self, nodes: usize) -> Vec<(usize, usize)> {
        let half = |node: usize| match self {
            Self::Mesh | Self::Chain => usize::from(node < nodes / 2),
            _ => node % 2,
        };
        let mut links = self.links(nodes);
        links.retain(|(a, b)| half(*a) != half(*b));
        links
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "hub",
            Self::TwoHubs => "two hubs",
            Self::Mesh => "mesh",
            Self::Chain => "chain",
            Self::Mailbox => "mailbox",
            Self::TwoMailboxes => "two mailboxes",
        })
    }
}
