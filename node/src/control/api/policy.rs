//! The policy: what is in force, and what would be.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof::{ProofNote, ProofTerms};
use super::{ParcelView, Recalled};

/// State of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// Whether any was applied; without one nothing is shared.
    pub applied: bool,
    /// SHA-256 over text and entities, hex.
    pub hash: String,
    /// Number of statements.
    pub statements: u64,
    /// When applied, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether the files in `policy/` differ from what is active.
    pub differs: bool,
    /// Rules whose name means nobody at present, with their places: of a peer that was removed,
    /// say. What they forbid or permit by that name holds for nobody, until it is a peer again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names_nobody: Vec<String>,
}

/// Policy files, for `POST /v1/policy/check`, `prove` and `apply`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PolicyRequest {
    /// File name to text: `*.cedar`, `entities.json` and `ceilings.toml`.
    pub files: std::collections::BTreeMap<String, String>,
    /// Why; kept beside the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Ask back what peers may have no more.
    #[serde(default)]
    pub recall: bool,
    /// What was looked at, from the preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// For `apply`: on which terms, if it is not proven.
    #[serde(default)]
    pub proof: ProofTerms,
    /// For `apply`: it may have no statement, so that nothing is shared, though one that has some
    /// is in force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

/// Going back to the policy before, for `POST /v1/policy/revert`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RevertRequest {
    /// Why; kept beside the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Ask back what peers may have no more.
    #[serde(default)]
    pub recall: bool,
    /// What was looked at, from the preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Invariants that it may break, beside those that it might when it was in force before.
    #[serde(default)]
    pub accept_broken: Vec<String>,
}

/// The answer to a policy check, apply, revert or show.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyReport {
    /// SHA-256 over text and entities, hex.
    pub hash: String,
    /// Whether it is the active one now.
    pub active: bool,
    /// Statements: id, what it says, file and line.
    pub statements: Vec<StatementView>,
    /// Ceilings, which no statement goes beyond.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ceilings: Vec<CeilingView>,
    /// Files, for `show`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub files: std::collections::BTreeMap<String, String>,
    /// What was asked back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<Recalled>,
    /// Parcels that could not be taken back: at hubs that are away, and in bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
    /// Earlier sets, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PolicyApplied>,
}

/// One statement of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StatementView {
    /// `@id`.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// `@says`.
    pub says: String,
    /// File and line.
    pub place: String,
}

/// One ceiling of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CeilingView {
    /// Its name.
    pub name: String,
    /// What never goes to whom: `nothing above TLP:GREEN to sector:private`.
    pub rule: String,
    /// Why, as a sentence.
    pub says: String,
    /// File and line.
    pub place: String,
}

/// One application of a policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyApplied {
    /// SHA-256, hex.
    pub hash: String,
    /// When, RFC 3339.
    pub at: String,
    /// Unix uid of who applied it.
    pub uid: u32,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it was proven; none for those that were applied before policies were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofNote>,
}

/// `GET /v1/policy/plain`: peer by kind, in words.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyPlain {
    /// Column heads: the kinds.
    pub kinds: Vec<String>,
    /// A row a peer: alias and one cell a kind.
    pub rows: Vec<PlainRow>,
    /// Ceilings, which the cells are below already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ceilings: Vec<CeilingView>,
    /// For whom a hub keeps parcels: a row a peer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<PlainCarried>,
}

/// Whose parcels are kept for one peer. Nothing of one can be read here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlainCarried {
    /// Alias of whoever collects them.
    pub peer: String,
    /// Aliases of those who may deposit them.
    pub of: Vec<String>,
    /// Why, in the sentences of the statements that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
}

/// One peer's row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlainRow {
    /// Alias.
    pub peer: String,
    /// One cell a kind, such as `up to amber`, `some`, `-`.
    pub cells: Vec<String>,
    /// Why, in the sentences of the statements and ceilings that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
}
