//! What the local API says and is told: one type a message, the same names as on the command
//! line, one file a noun. Everything is JSON over HTTP on the node's Unix socket.

mod approvals;
mod audit;
mod backup;
mod clock;
mod drafts;
mod expiry;
mod explain;
mod hub;
mod import;
mod keyring;
mod keys;
mod leave;
mod officers;
mod parcels;
mod parting;
mod peers;
mod policy;
mod preview;
mod proof;
mod query;
mod recipients;
mod records;
mod referral;
mod services;
mod stats;
mod status;
mod watch;

pub use approvals::{ApprovalView, ApproveReport, ApproveRequest};
pub use audit::{
    AuditExport, AuditKeyReport, AuditKeyRequest, AuditReport, AuditRequest, AuditVerifyReport,
    AuditVerifyRequest, DisclosureRow, DisclosuresRequest,
};
pub use backup::{BackupRequest, CatchUpReport, Part, ReleaseRequest, WaitingRow};
pub use clock::ClockReport;
pub use drafts::{
    ApproveQuery, DraftRow, DraftView, PlanRow, ReferralBody, ReferralQuery, ReferralReport,
    ScreenReport, ScreenRequest,
};
pub use expiry::{ExpiryReport, ExpiryRow, ReviewRow};
pub use explain::{ExplainRequest, Explanation};
pub use hub::{HubReport, HubUse, WaitingParcels};
pub use import::{BadRow, ImportChunk, ImportReport};
pub use keyring::{LookAlert, LooksSeenRequest, SealingErased, SealingKeyView, SealingReport};
pub use keys::{
    AffirmReport, AffirmRequest, KeyChangeReport, KeyChangeRequest, KeyView, KeysView,
    RevokeAllRequest,
};
pub use leave::{AskReport, AskRequest, LeaveView, OpenAsk, OpenAsks, PermitReport, PermitRequest};
pub use officers::{OfficerView, OfficersReport};
pub use parcels::{
    BundleBegun, BundlePackReport, BundlePackRequest, BundleRequest, BundleWrittenRequest,
    ParcelFaultView, ParcelOpened, ParcelRefusalView, ParcelView, ParcelsReport,
};
pub use parting::{
    HeldCount, HeldRecord, OwedView, PeerRemoveReport, PeerRemoveRequest, PeerRevokeReport,
    PeerRevokeRequest, RevokedPeer,
};
pub use peers::{
    AttributeChange, CardView, PeerAddReport, PeerAddRequest, PeerCardView, PeerChangeReport,
    PeerChangeRequest, PeerStatus, PeerTestReport, TestStep,
};
pub use policy::{
    CeilingView, PlainCarried, PlainRow, PolicyApplied, PolicyPlain, PolicyReport, PolicyRequest,
    PolicyState, RevertRequest, StatementView,
};
pub use preview::{
    PeerPreview, Preview, PreviewCount, PreviewEnd, PreviewLine, PreviewRequest, Recalled,
};
pub use proof::{CaseView, ProofFinding, ProofNote, ProofReport, ProofTerms};
pub use query::{Group, QueryReport, QueryRequest, RecordRow};
pub use recipients::{AudienceReport, AudienceRequest, PassedOn, RecipientView};
pub use records::{
    AmendRequest, GateView, LedgerView, LinkView, PeerDecision, PushReport, PushRequest,
    RecordView, RetractReport, RetractRequest, RetractionView, VerifyReport, Why,
};
pub use referral::{
    AssignReport, AssignRequest, CandidateView, ConflictView, DeadlineView, FindReport,
    FindRequest, InboxReport, InboxRow, LookQuery, OpenStep, OverdueView, ReferralView, StepReport,
    StepRequest, TimelineReport, TimelineRow,
};
pub use services::{
    DeskView, GapRow, GapsReport, MatchReport, MatchRequest, ReasonView, SuggestionView,
};
pub use stats::{StatsReport, StatsRow};
pub use status::{ReferralCounts, Status, Tally};
pub use watch::WatchEvent;

pub use crate::registry::PeerEdit;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error as every route answers it, with the exit code that the command line gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{error}")]
pub struct ApiError {
    /// What happened, as a sentence.
    pub error: String,
    /// What to type or do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Machine-readable kind: `not-found`, `ambiguous`, `invalid`, `refused`, `forbidden`,
    /// `conflict`, `disk`, `internal`, `no-solver`, `unproven`, `broken-invariant`.
    pub code: String,
    /// Findings on the record or policy, one a fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
}

/// One fault of a draft, a row or a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Check code, such as `TRD-02`.
    pub code: String,
    /// Path to the field, or file:line:column.
    pub place: String,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub remedy: String,
}
