//! What went wrong, as the API answers it: a status, a sentence, and what to type next.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{IdError, RecordId};
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::draft::DraftError;
use liaison_protocol::record::kinds::ContentError;

use super::api::{ApiError, FindingView};
use crate::audit::AuditError;
use crate::home::HomeError;
use crate::ingest::IngestFault;
use crate::keyring::KeyringError;
use crate::node::NodeError;
use crate::officers::OfficersError;
use crate::policy::Problems;
use crate::referral::access::Denied;
use crate::registry::RegistryError;
use crate::search::{QueryError, SearchError};
use crate::store::StoreError;
use crate::swarm::SwarmError;
use crate::withdrawal::WithdrawalError;

impl ApiError {
    /// An error of a kind, with its sentence.
    pub fn new(code: &str, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            remedy: None,
            code: code.into(),
            findings: Vec::new(),
        }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A draft or row that the checks refuse.
    pub fn findings(findings: &[Finding]) -> Self {
        let count = findings.len();
        let error = match findings {
            [one] => one.to_string(),
            _ => format!("the record is refused for {count} reasons"),
        };
        Self {
            error,
            remedy: Some("correct the draft and push it again; nothing was stored or sent".into()),
            code: "refused".into(),
            findings: findings.iter().map(FindingView::from).collect(),
        }
    }

    /// A caller who has too much under way; nothing of the call was done.
    pub fn busy(says: &str) -> Self {
        Self::new("busy", format!("{says}; nothing of this call was done"))
            .with_remedy("wait until others of your calls have ended, then try again")
    }

    /// No record of this id.
    pub fn no_record(text: &str) -> Self {
        let shown = liaison_protocol::id::clip(text);
        Self::new(
            "not-found",
            format!("no record here has an id that begins with {shown}"),
        )
        .with_remedy("'liaison query' lists what is here")
    }

    /// Several records of this prefix.
    pub fn ambiguous(text: &str, found: &[RecordId]) -> Self {
        let shown = liaison_protocol::id::clip(text);
        let ids: Vec<String> = found.iter().map(RecordId::full).collect();
        Self::new(
            "ambiguous",
            format!(
                "{} records begin with {shown}: {}",
                found.len(),
                ids.join(", ")
            ),
        )
        .with_remedy("type more characters of the id")
    }

    fn status(&self) -> StatusCode {
        match self.code.as_str() {
            "not-found" => StatusCode::NOT_FOUND,
            "ambiguous" | "conflict" | "pending" => StatusCode::CONFLICT,
            "invalid" | "broken-invariant" | "unproven" | "no-solver" => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            "refused" | "forbidden" | "ceiling" => StatusCode::FORBIDDEN,
            "disk" => StatusCode::INSUFFICIENT_STORAGE,
            "busy" => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status(), Json(self)).into_response()
    }
}

impl From<KeyringError> for ApiError {
    fn from(error: KeyringError) -> Self {
        let code = match &error {
            KeyringError::Io { .. } => "disk",
            KeyringError::TooLarge { .. } | KeyringError::Name { .. } => "invalid",
            _ => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::NoReason { .. } | Denied::TooMany { .. } => "invalid",
            Denied::Keyring(_) => "internal",
            _ => "forbidden",
        };
        let remedy = denied.remedy();
        Self::new(code, denied.to_string()).with_remedy(remedy)
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.to_owned(),
            place: finding.place.clone(),
            says: finding.to_string(),
            remedy: finding.remedy.clone(),
        }
    }
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        ApiError::new("disk", error.to_string())
    }
}

impl From<OfficersError> for ApiError {
    fn from(error: OfficersError) -> Self {
        ApiError::new("forbidden", error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        ApiError::new("disk", error.to_string())
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        ApiError::new("invalid", error.to_string())
            .with_remedy("'liaison record template KIND' prints a draft that is right")
    }
}

impl From<ContentError> for ApiError {
    fn from(error: ContentError) -> Self {
        ApiError::new("invalid", error.to_string())
    }
}

impl From<IdError> for ApiError {
    fn from(error: IdError) -> Self {
        ApiError::new("invalid", error.to_string())
    }
}

impl From<IngestFault> for ApiError {
    fn from(fault: IngestFault) -> Self {
        let code = match fault.answer() {
            _ if matches!(fault, IngestFault::CatchingUp { .. }) => "conflict",
            Answer::Later(_) => "internal",
            _ => "refused",
        };
        if let IngestFault::Form(liaison_protocol::record::signed::FormFault::Limit(finding)) =
            &fault
        {
            return ApiError::findings(std::slice::from_ref(finding.as_ref()));
        }
        ApiError::new(code, format!("the record is not taken in: {fault}"))
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let code = match &error {
            RegistryError::NoPeer { .. } => "not-found",
            RegistryError::AliasTaken { .. } | RegistryError::NothingToConfirm { .. } => "conflict",
            RegistryError::Alias { .. } | RegistryError::Circle { .. } | RegistryError::Own => {
                "invalid"
            }
            RegistryError::Card(_) | RegistryError::Revoked { .. } => "refused",
            RegistryError::Store(_) => "disk",
            RegistryError::Stored { .. } => "internal",
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        let count = problems.0.len();
        let error = match problems.0.as_slice() {
            [one] => one.to_string(),
            _ => format!("the policy has {count} faults"),
        };
        Self {
            error,
            remedy: Some(
                "correct the files, then 'liaison policy check'; the active policy stays".into(),
            ),
            code: "invalid".into(),
            findings: problems
                .0
                .iter()
                .map(|p| FindingView {
                    code: "POL".into(),
                    place: format!("{}:{}:{}", p.file, p.line, p.column),
                    says: p.to_string(),
                    remedy: String::new(),
                })
                .collect(),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let code = match &error {
            SearchError::Open { .. } | SearchError::Index { .. } | SearchError::Source(_) => {
                "internal"
            }
            _ => "invalid",
        };
        ApiError::new(code, error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        ApiError::new("invalid", error.to_string())
    }
}

impl From<SwarmError> for ApiError {
    fn from(error: SwarmError) -> Self {
        ApiError::new("internal", error.to_string())
    }
}

impl From<WithdrawalError> for ApiError {
    fn from(error: WithdrawalError) -> Self {
        match error {
            WithdrawalError::Store(error) => error.into(),
            WithdrawalError::Ingest(fault) => fault.into(),
            other => ApiError::new("internal", other.to_string()),
        }
    }
}

impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Store(error) => error.into(),
            NodeError::Home(error) => {
                let code = match &error {
                    HomeError::UnknownKey { .. } => "not-found",
                    HomeError::KeyFile { .. } | HomeError::Address(_) => "invalid",
                    HomeError::Io { .. } => "disk",
                    _ => "refused",
                };
                ApiError::new(code, error.to_string())
            }
            NodeError::Registry(error) => error.into(),
            NodeError::Policy(problems) => problems.into(),
            NodeError::OwnCard(fault) => fault.into(),
            other => ApiError::new("internal", other.to_string()),
        }
    }
}
