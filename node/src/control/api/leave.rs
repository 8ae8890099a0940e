//! Leave to pass a record on: asked for by holders, given by its author.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/records/{id}/ask`: ask a record's author for leave to pass it on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AskRequest {
    /// Who would get it: aliases, circles or agency ids, 1 to 64 agencies.
    pub to: Vec<String>,
    /// What for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Only say what would be asked.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a request for leave.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AskReport {
    /// The record.
    pub of: String,
    /// Its title.
    pub title: String,
    /// The request's own id; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The record's author, who answers.
    pub author: String,
    /// The peer that the request goes to first: the author, or who brought the record.
    pub by_way_of: String,
    /// Who would get the record.
    pub to: Vec<String>,
}

/// `POST /v1/records/{id}/permit`: let a record of our own be passed on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PermitRequest {
    /// Who may get it: aliases, circles or agency ids, 1 to 64 agencies.
    pub to: Vec<String>,
    /// The last day on which it counts, `YYYY-MM-DD`, UTC.
    pub until: String,
    /// Only say who would be told.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a permit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PermitReport {
    /// The record.
    pub of: String,
    /// Its title.
    pub title: String,
    /// The permit's own id; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who may get the record.
    pub to: Vec<String>,
    /// The last day on which it counts.
    pub until: String,
    /// Aliases of those who hold the record: they are told, and may pass it on to `to`.
    pub held_by: Vec<String>,
}

/// A permit, or a request for one, as `show` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveView {
    /// Its own id.
    pub id: String,
    /// Who signed it: alias or short id.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// Who may get the record, or would: aliases, or whole ids of agencies without one.
    pub to: Vec<String>,
    /// A permit's last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What a request is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// `in-force`, `ended`, `withdrawn`, `key-compromised`, `not-the-author` for a permit;
    /// `open`, `answered`, `withdrawn`, `key-compromised` for a request.
    pub state: String,
}

/// A request for leave that waits for us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAsk {
    /// The request's id.
    pub id: String,
    /// The record, one of ours.
    pub of: String,
    /// Its title.
    pub title: String,
    /// Who asks: alias or short id.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
    /// Who would get it and has no permit: aliases, or whole ids of agencies without one.
    pub to: Vec<String>,
    /// What for.
    pub why: String,
    /// What to type to allow it.
    pub command: String,
}

/// The requests for leave that wait for us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAsks {
    /// How many there are.
    pub count: u64,
    /// The oldest of them, 20 at most.
    pub oldest: Vec<OpenAsk>,
}
