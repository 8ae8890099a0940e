//! A decision taken apart, for whoever writes the policy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{GateView, PeerDecision, StatementView};

/// `POST /v1/policy/explain`: a record of the store, or a draft, and a peer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The peer's alias.
    pub peer: String,
    /// The record's id, or the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A draft instead, as `push` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub draft: Option<Value>,
    /// The draft's distribution list, as `push --to` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
}

/// What every gate says, by which statement, and what it saw.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The record's full id; none for a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its title.
    pub title: String,
    /// The decision as of now, by the first gate that is closed.
    pub decision: PeerDecision,
    /// All gates in order, also those after one that is closed.
    pub gates: Vec<GateView>,
    /// The statements that decided at the gate 'policy'.
    pub statements: Vec<StatementView>,
    /// Where none did: those that came nearest, each as a sentence.
    pub nearest: Vec<String>,
    /// Statements that failed, which denies.
    pub errors: Vec<String>,
    /// What policy sees of the peer, by attribute.
    pub peer: BTreeMap<String, String>,
    /// What policy sees of the record, by attribute.
    pub record: BTreeMap<String, String>,
    /// Whether the peer is a named recipient: `context.addressed`.
    pub addressed: bool,
    /// SHA-256 of the policy, hex.
    pub policy: String,
    /// How often policy, circles or peers' attributes changed until now.
    pub epoch: u64,
}
