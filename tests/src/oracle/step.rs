//! One step of what is done to a federation.

use std::collections::BTreeSet;

use super::policy::Policy;

/// One thing that is done. Nodes and records are named by their numbers.
#[derive(Clone, Debug)]
pub enum Step {
    /// A node pushes a record, to these peers only if there is a list.
    Push {
        /// The author.
        node: usize,
        /// The record.
        record: usize,
        /// Its distribution list.
        to: Option<BTreeSet<usize>>,
    },
    /// A node seals a record to these peers.
    Seal {
        /// The author.
        node: usize,
        /// The record.
        record: usize,
        /// Whom it names.
        to: BTreeSet<usize>,
    },
    /// A node replaces a record of its own.
    Amend {
        /// The author.
        node: usize,
        /// The record that is replaced.
        of: usize,
        /// The one in its place.
        record: usize,
        /// A new distribution list; none: the old one.
        to: Option<BTreeSet<usize>>,
    },
    /// A node takes a record of its own back.
    Retract {
        /// The author.
        node: usize,
        /// The record.
        of: usize,
    },
    /// A node puts a policy in force.
    Apply {
        /// The node.
        node: usize,
        /// The policy.
        policy: Policy,
    },
    /// A node makes another one its peer.
    Add {
        /// The node.
        node: usize,
        /// The other one.
        peer: usize,
        /// Circles that the peer is put into.
        circles: BTreeSet<usize>,
    },
    /// A node removes a peer.
    Remove {
        /// The node.
        node: usize,
        /// The peer.
        peer: usize,
        /// Whether it calls back all that the peer has of it.
        recall: bool,
    },
    /// A node revokes a peer.
    Revoke {
        /// The node.
        node: usize,
        /// The peer.
        peer: usize,
    },
    /// A node calls back what its gates, as they are now, do not let its peers have.
    Recall {
        /// The node.
        node: usize,
    },
    /// An author lets holders pass a record of its own on.
    Permit {
        /// The author.
        node: usize,
        /// The record.
        of: usize,
        /// To whom.
        to: BTreeSet<usize>,
        /// The permit.
        permit: usize,
    },
    /// It takes such a permit back.
    Forbid {
        /// The author.
        node: usize,
        /// The permit.
        permit: usize,
    },
    /// The line between two nodes is cut.
    Cut(usize, usize),
    /// It is mended.
    Mend(usize, usize),
    /// A node is backed up, with its keys.
    Backup(usize),
    /// Its home is lost, and made anew of the last backup.
    Restore(usize),
    /// A node stops.
    Stop(usize),
    /// It starts again.
    Start(usize),
    /// Everything under way comes to rest.
    Settle,
}
