//! The keys statement: under which keys and addresses an agency's node is reached now.
//! Signed by a current signing key, so that the root stays in its safe.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::clock::Millis;
use crate::id::AgencyId;
use crate::key::{PublicKey, SecretKey};
use crate::seal::SealingKey;

/// What a node key signs to say whose node it is, before agency id, statement number (8 bytes,
/// big-endian) and the key itself.
pub const NODE_PROOF: &[u8] = b"liaison/1 node key";

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
    /// Keys that records are sealed to; none: nothing can be sealed to this agency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealing: Vec<SealingKey>,
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
    /// The node key's own word that it is this agency's: without it an agency could claim
    /// another's node, and would be taken for it.
    pub proof: NodeProof,
    /// Host names or addresses with a port, or multiaddresses; at most
    /// [`crate::limits::ADDRESSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A node key's signature over agency and statement number ([`NODE_PROOF`]), 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NodeProof([u8; 64]);

impl Keys {
    /// The key to seal to at this moment: of those that are valid the one that began last, and of
    /// several such the one that ends last.
    pub fn sealing_at(&self, now: Millis) -> Option<&SealingKey> {
        let valid = self.sealing.iter().filter(|key| key.is_valid_at(now));
        valid.max_by_key(|key| (key.from, key.until))
    }
}

impl NodeKey {
    /// A node with its proof: made by whoever has the node's secret key.
    pub fn claim(node: &SecretKey, agency: AgencyId, number: u64, addresses: Vec<String>) -> Self {
        let key = node.public();
        Self {
            key,
            proof: NodeProof(node.sign(&proven(&agency, number, &key))),
            addresses,
        }
    }

    /// Whether the node key says itself that it is `agency`'s, in the statement of this number.
    pub fn is_proven(&self, agency: &AgencyId, number: u64) -> bool {
        let message = proven(agency, number, &self.key);
        let verifier = self.key.verifier();
        verifier.is_some_and(|v| v.verify(&message, &self.proof.0))
    }
}

fn proven(agency: &AgencyId, number: u64, key: &PublicKey) -> Vec<u8> {
    let number = number.to_be_bytes();
    [NODE_PROOF, agency.as_bytes(), &number, key.as_bytes()].concat()
}

impl NodeProof {
    /// Wraps 64 bytes.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for NodeProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeProof(..)")
    }
}

impl Serialize for NodeProof {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for NodeProof {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if !d.is_human_readable() {
            let bytes = serde_bytes::ByteArray::<64>::deserialize(d)?;
            return Ok(Self(bytes.into_array()));
        }
        let text = String::deserialize(d)?;
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        let bytes: Result<[u8; 64], _> = bytes.map_err(de::Error::custom)?.try_into();
        bytes
            .map(Self)
            .map_err(|_| de::Error::custom("a proof has 128 hexadecimal digits"))
    }
}
