//! Making a referral: what an officer wrote, what would happen, what became of it. No message
//! here says anything of the person, but the draft that is given back to who wrote it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeskView, FindingView};

/// What stands in the query of `POST /v1/referrals`; its body is the referral itself, as
/// `liaison refer template` prints it, in JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralQuery {
    /// Name of the draft that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Only keep it: it need not be whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// Only say what would happen; nothing is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Seconds to wait for the candidate's node to have it, at most 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// A referral as an officer writes it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReferralBody {}

/// What became of a referral.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ReferralReport {
    /// `checked` (a dry run), `kept`, `waiting` (for a second officer) or `sent`.
    pub state: String,
    /// Name of the draft; none of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Once it was sent: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When this was so, RFC 3339.
    pub now: String,
    /// How urgent it is; a child whom nobody looks after is always critical.
    pub urgency: String,
    /// Who is asked, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<PlanRow>,
    /// Why it may not be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// Whether the first candidate's node has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivered: bool,
    /// Until when an emergency has to be reviewed, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<String>,
}

/// A candidate, as it would be asked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanRow {
    /// Its name here.
    pub peer: String,
    /// The organisation's name, as its card says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether somebody answers there now; absent: its card does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// From when its time counts, if it is asked now, RFC 3339.
    pub clock_from: String,
    /// By when it has to acknowledge, if it is asked now, RFC 3339.
    pub acknowledge_by: String,
    /// Whom to telephone there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<DeskView>,
}

/// A draft, or a referral that waits for a second officer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DraftRow {
    /// Its name.
    pub draft: String,
    /// Who wrote it.
    pub user: String,
    /// When, RFC 3339.
    pub at: String,
    /// `draft` or `waiting`.
    pub state: String,
    /// Whether it is whole.
    pub whole: bool,
    /// Whether you may approve it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yours: bool,
}

/// A draft as it was written; to who wrote it, and to who may approve it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftView {
    /// Its name.
    pub draft: String,
    /// Who wrote it.
    pub user: String,
    /// What they wrote; without the identity for who approves.
    #[schema(value_type = Object)]
    pub referral: serde_json::Value,
    /// Since when it waits for a second officer, in milliseconds since 1970: `seen` of the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_ms: Option<u64>,
}

/// Query of `POST /v1/drafts/{name}/approve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveQuery {
    /// `waits_ms` of what the officer was shown: refused where it was written anew since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// Seconds to wait for the candidate's node to have it, at most 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/referrals/screen`: what was seen at a first meeting.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScreenRequest {
    /// Age band; `unknown` is treated as a child.
    pub age_band: String,
    /// Signs that were seen.
    #[serde(default)]
    pub indicators: Vec<String>,
    /// Keeps the beginning of a draft, if the signs suggest a referral.
    #[serde(default)]
    pub keep: bool,
}

/// What the signs suggest. A person decides.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScreenReport {
    /// Whether a referral is suggested.
    pub suggests: bool,
    /// Why.
    pub says: String,
    /// The signs that would be enough alone.
    pub strong: Vec<String>,
    /// Name of the draft that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

impl std::fmt::Debug for DraftView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DraftView").finish_non_exhaustive()
    }
}
