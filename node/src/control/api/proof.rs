//! Proofs of policies: what was found of each invariant, and on which terms a set is applied
//! that is not proven.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::policy::prove::{Case, Finding, Verdict};

/// On which terms `POST /v1/policy/apply` takes a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ProofTerms {
    /// Invariants that the set may break, by name; needs a reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept_broken: Vec<String>,
    /// Take the set although nothing can be proven here, for want of a solver; needs a reason.
    pub unproven: bool,
    /// Text of a certificate, instead of a solver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// How the set in force came to be: kept with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofNote {
    /// `proven` here, by `certificate`, or `unproven`.
    pub how: String,
    /// Who made the certificate: a public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prover: Option<String>,
    /// Invariants that it breaks, and somebody accepted that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
}

/// The answer to `POST /v1/policy/prove`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofReport {
    /// SHA-256 over all files, hex.
    pub hash: String,
    /// Whether every invariant is proven, in both parts.
    pub proven: bool,
    /// The solver and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<String>,
    /// What was not looked at, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// One an invariant and part.
    pub findings: Vec<ProofFinding>,
}

/// What was found of one invariant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProofFinding {
    /// The invariant's name.
    pub id: String,
    /// Its sentence.
    pub says: String,
    /// `built in`, `circles` or `own`.
    pub origin: String,
    /// `symbolic`: for all agencies and records; `concrete`: for those that there are.
    pub part: String,
    /// `proven`, `refuted`, `unconfirmed` (refuted, and the engine does not decide so) or
    /// `unknown`; all but the first count as broken.
    pub verdict: String,
    /// The case that breaks it, in words, or why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseView>,
    /// Ids of the statements that let it through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

/// A question to the policy: an agency, a record, an action.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseView {
    /// `share`, `accept`, `carry` or `match`.
    pub action: String,
    /// The peer's alias.
    pub peer: String,
    /// Its sector.
    pub sector: String,
    /// Its country.
    pub country: String,
    /// Its circles.
    pub circles: Vec<String>,
    /// Whether it is a named recipient.
    pub addressed: bool,
    /// The record's kind.
    pub kind: String,
    /// Its TLP.
    pub tlp: String,
    /// Its handling codes.
    pub handling: Vec<String>,
    /// Its `onward`.
    pub onward: String,
    /// Its purpose.
    pub purpose: String,
    /// Its class.
    pub class: String,
    /// Its tags.
    pub tags: Vec<String>,
}

impl From<&Finding> for ProofFinding {
    fn from(finding: &Finding) -> Self {
        let mut view = Self {
            id: finding.id.clone(),
            says: finding.says.clone(),
            origin: finding.origin.word().into(),
            part: finding.part.word().into(),
            verdict: finding.verdict.word().into(),
            words: None,
            case: None,
            statements: Vec::new(),
        };
        match &finding.verdict {
            Verdict::Proven => {}
            Verdict::Unknown { reason } => view.words = Some(reason.clone()),
            Verdict::Refuted {
                case,
                words,
                statements,
                ..
            } => {
                view.words = Some(words.clone());
                view.case = case.as_deref().map(CaseView::from);
                view.statements = statements.iter().map(|s| s.id.clone()).collect();
            }
        }
        view
    }
}

impl From<&Case> for CaseView {
    fn from(case: &Case) -> Self {
        Self {
            action: case.action.name().into(),
            peer: case.peer.alias.clone(),
            sector: case.peer.sector.clone(),
            country: case.peer.country.clone(),
            circles: case.peer.circles.iter().cloned().collect(),
            addressed: case.addressed,
            kind: case.record.kind.clone(),
            tlp: case.record.tlp.clone(),
            handling: case.record.handling.iter().cloned().collect(),
            onward: case.record.onward.clone(),
            purpose: case.record.purpose.clone(),
            class: case.record.class.clone(),
            tags: case.record.tags.iter().cloned().collect(),
        }
    }
}

impl ProofFinding {
    /// Whether it may be relied on.
    pub fn is_proven(&self) -> bool {
        self.verdict == "proven"
    }
}
