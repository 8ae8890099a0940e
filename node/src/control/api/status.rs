//! How the node is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OfficerView, OpenAsks, PeerStatus, PolicyState};

/// `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Name on our card.
    pub name: String,
    /// Our agency id.
    pub agency: String,
    /// Our fingerprint: 30 digits.
    pub fingerprint: String,
    /// Version of the program.
    pub version: String,
    /// Who asks, and as what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<OfficerView>,
    /// Addresses on which the node listens.
    pub listening: Vec<String>,
    /// Records held.
    pub records: u64,
    /// Records that arrived since this user last looked at the home screen.
    pub new: u64,
    /// Policy: file hash (short), statements, when applied, whether files differ from it.
    pub policy: PolicyState,
    /// Per peer.
    pub peers: Vec<PeerStatus>,
    /// What was set aside: malformed or oversized input.
    pub quarantined: u64,
    /// Search index: arrival up to which it is committed is not shown; this is how many
    /// records are only in the in-memory tail.
    pub unindexed: u64,
    /// Requests for leave to pass records of ours on.
    #[serde(default)]
    pub asks: OpenAsks,
    /// Things a person has to look at, as sentences with the command to type.
    pub alerts: Vec<String>,
    /// Records of our own whose review date has come.
    #[serde(default)]
    pub reviews_due: u64,
    /// Seconds since the start.
    pub uptime_s: u64,
}

/// A reason and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Reason code.
    pub reason: String,
    /// How many.
    pub count: u64,
}
