//! How the node is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{HubReport, OfficerView, OpenAsks, PeerStatus, PolicyState};

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
    /// Referrals that are not over: how many are how. `liaison inbox` has the lines.
    #[serde(default)]
    pub referrals: ReferralCounts,
    /// What it carries for others, if it is a hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubReport>,
    /// Seconds since the start.
    pub uptime_s: u64,
}

/// How many referrals are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReferralCounts {
    /// Not with the other agency's node yet: telephone.
    pub undelivered: u64,
    /// A deadline of ours has passed.
    pub overdue: u64,
    /// Something is due from us.
    pub due: u64,
    /// Came, and nobody has acknowledged them.
    pub new: u64,
    /// All that are not over.
    pub live: u64,
}

/// A reason and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Reason code.
    pub reason: String,
    /// How many.
    pub count: u64,
}
