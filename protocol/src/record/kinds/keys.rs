//! The keys statement: under which keys and addresses an agency's node is reached now.
//! Signed by a current signing key, so that the root stays in its safe.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::AgencyId;
use crate::key::PublicKey;

/// A keys statement. Of two, the one with the higher number holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Rises with every statement.
    pub number: u64,
    /// Node keys; none: this agency has no node on the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeKey>,
    /// Hubs that it collects parcels from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hubs: Vec<AgencyId>,
    /// First moment of its validity.
    pub from: Millis,
    /// First moment after it, at most [`crate::limits::KEYS_STATEMENT_DAYS`] later.
    pub until: Millis,
}

/// A node and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeKey {
    /// The Ed25519 key of its libp2p PeerId.
    pub key: PublicKey,
    /// Host names or addresses with a port, or multiaddresses; at most
    /// [`crate::limits::ADDRESSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}
