//! Acts that can't be undone, and who approves them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An act that waits for a second person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// By which it is approved or rejected.
    pub number: String,
    /// What will be done, in a sentence.
    pub says: String,
    /// SHA-256 of exactly what will be done, hex.
    pub hash: String,
    /// Who asked for it.
    pub user: String,
    /// That user's number.
    pub uid: u32,
    /// Since when it waits, RFC 3339.
    pub at: String,
    /// When it lapses, RFC 3339.
    pub until: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether you may approve it.
    pub yours: bool,
    /// The act itself, as it was asked for.
    #[schema(value_type = Object)]
    pub act: serde_json::Value,
}

/// `POST /v1/approvals/{number}/approve`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// SHA-256 of what was shown, hex: nothing else is approved.
    pub hash: String,
}

/// What came of an approval.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApproveReport {
    /// By which it was approved.
    pub number: String,
    /// What was done, in a sentence.
    pub says: String,
    /// What the act itself answered.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
}
