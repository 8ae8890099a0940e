//! Records: pushing, showing, explaining, amending, retracting, verifying.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{FindingView, LeaveView, ParcelRefusalView, ParcelView, RecipientView, RecordRow};

/// `POST /v1/records`: sign and store a draft, then offer it to whom both gates allow.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PushRequest {
    /// The draft, as `record template` prints it.
    #[schema(value_type = Object)]
    pub draft: Value,
    /// Distribution list: aliases, circles or agency ids. Absent: policy decides. Empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a push, amend or dry run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PushReport {
    /// The record's full id; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its marking.
    pub tlp: String,
    /// What those who get it may do with it: `none`, `ask`, `to` or `community`.
    #[serde(default)]
    pub onward: String,
    /// Whether it has a distribution list. A list says who gets it from here, not to whom those
    /// may pass it on.
    #[serde(default)]
    pub listed: bool,
    /// Per linked peer: who gets it, who does not, and why.
    pub peers: Vec<PeerDecision>,
    /// For an amendment: who has the record that it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// What the gates say of one record and one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerDecision {
    /// The peer's local alias.
    pub peer: String,
    /// The peer's agency id.
    pub agency: String,
    /// Whether it gets the record.
    pub allow: bool,
    /// The gate that decided: `link`, `expired`, `owed`, `handling`, `ceiling`, `audience`,
    /// `policy`.
    pub gate: String,
    /// The deciding statement's `@id`, or the name of the handling rule or ceiling.
    pub rule: String,
    /// The rule in its author's words.
    pub says: String,
    /// Where the statement stands: file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// `GET /v1/records/{id}/why/{peer}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The record's full id.
    pub id: String,
    /// The decision as of now.
    pub decision: PeerDecision,
    /// The gates in order, each with what it said.
    pub gates: Vec<GateView>,
    /// What has happened between this record and this peer, from the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerView>,
    /// Parcels that are under way to the peer with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
    /// Hubs that keep no parcels for the peer, while it is away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<ParcelRefusalView>,
}

/// One gate's word.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GateView {
    /// `link`, `expired`, `owed`, `handling`, `ceiling`, `audience`, `policy`.
    pub gate: String,
    /// Whether it is open.
    pub allow: bool,
    /// The rule's name.
    #[serde(default)]
    pub rule: String,
    /// Why, as a sentence.
    pub says: String,
    /// Where the statement or ceiling stands: file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// One line of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerView {
    /// The peer's alias.
    pub peer: String,
    /// `sent`, `received` or `offered`.
    pub direction: String,
    /// When, RFC 3339.
    pub at: String,
    /// What the peer answered: `stored`, `refused: …`, `later: …`; none while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The rule under which it was released.
    pub rule: String,
    /// How it travelled: `direct`, `circuit`, `mailbox` or `bundle`.
    #[serde(default)]
    pub path: String,
    /// When a hub discarded the parcel with it before anybody collected it, by the hub's word,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<String>,
}

/// `GET /v1/records/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// The line.
    #[serde(flatten)]
    pub row: RecordRow,
    /// The author's agency id.
    pub author_id: String,
    /// The signing key's full text.
    pub key: String,
    /// How that key stands, in words, unless it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_says: Option<String>,
    /// Envelope and body as signed.
    #[schema(value_type = Object)]
    pub record: Value,
    /// Where it came from: `own`, or a peer's alias.
    pub courier: String,
    /// Marks of the receiver's own checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// Ids of records that replace it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded_by: Vec<String>,
    /// The retraction, if any: id, reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted_by: Option<RetractionView>,
    /// Other records that link here or that this links to, and what is known of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkView>,
    /// Who got it from us, and how far taking it back is with each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<RecipientView>,
    /// Permits to pass it on, and requests for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave: Vec<LeaveView>,
    /// Who got it from us and who gave it to us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerView>,
}

/// A link between records.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// `about`, `supports`, …
    pub rel: String,
    /// The other record's id.
    pub id: String,
    /// `held`, `retracted`, `unknown`.
    pub state: String,
}

/// A retraction as a reader sees it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractionView {
    /// The retraction's own id.
    pub id: String,
    /// Reason code.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
    /// Whether the content was erased.
    pub erased: bool,
}

/// `POST /v1/records/{id}/amend`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AmendRequest {
    /// The new text; whatever it leaves out of the envelope is taken from the old record.
    #[schema(value_type = Object)]
    pub draft: Value,
    /// Distribution list; absent: the old record's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/records/{id}/retract`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractRequest {
    /// `error`, `consent-withdrawn`, `subject-right`, `expired`, `source-at-risk`,
    /// `court-order`, `duplicate`.
    pub reason: String,
    /// Only say who has it.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a retraction.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractReport {
    /// Id of the retracted record.
    pub of: String,
    /// Id of the retraction; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Aliases of those who already had it and are told.
    pub held_by: Vec<String>,
    /// How far it is with each of them; none on a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<RecipientView>,
    /// Parcels with it that could not be taken back: at hubs that are away, and in bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
}

/// `POST /v1/verify`: is this file a record, and whose word is it?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifyReport {
    /// Record id.
    pub id: String,
    /// Whether the signature verifies under the author's keys that we know.
    pub verified: bool,
    /// Alias or short id of the author.
    pub author: String,
    /// Kind.
    pub kind: String,
    /// In words.
    pub says: String,
    /// Findings of the content checks.
    pub findings: Vec<FindingView>,
}
