//! The policy: checked, applied, reverted and shown.

mod apply;
mod explain;
mod proof;
mod show;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;

use super::api::{
    ApiError, CeilingView, PolicyApplied, PolicyReport, PolicyRequest, StatementView,
};
use crate::node::Node;
use crate::policy::{PolicySet, PolicyText};

pub(super) use apply::{apply, carry_out, earlier, revert};
pub(super) use explain::explain;
use proof::UNPROVEN;
pub(super) use proof::{admit_peer, prove};
pub(super) use show::{names_nobody, plain, plain_of, show, state};

type Answer<T> = Result<Json<T>, ApiError>;

/// Prefix of the stored values that tell what was applied, by number.
const HISTORY: &str = "policy/history/";
/// Prefix of the stored values that hold each text ever applied, by hash.
const TEXTS: &str = "policy/text/";

/// `POST /v1/policy/check`.
pub(super) async fn check(
    State(node): State<Node>,
    Json(request): Json<PolicyRequest>,
) -> Answer<PolicyReport> {
    let set = read(&node, request.files)?;
    Ok(Json(report(&node, &set)))
}

/// Policy files as a set, with names that there are.
pub(super) fn read(node: &Node, files: BTreeMap<String, String>) -> Result<PolicySet, ApiError> {
    let text = PolicyText::from_names(files)?;
    let set = PolicySet::from_text(text)?;
    let directory = node
        .registry
        .directory()
        .map_err(|e| ApiError::new("internal", e.to_string()))?;
    set.check_names(&directory)?;
    Ok(set)
}

/// A set as `check`, `apply` and `show` tell of it.
fn report(node: &Node, set: &PolicySet) -> PolicyReport {
    let text = set.text();
    let active = node.policies.current().set().text().sha256();
    PolicyReport {
        hash: HEXLOWER.encode(&text.sha256()),
        active: active == text.sha256(),
        statements: set
            .statements()
            .map(|s| StatementView {
                id: s.id.clone(),
                effect: set.effect(&s.id).to_owned(),
                says: s.says.clone(),
                place: format!("{}:{}", s.file, s.line),
            })
            .collect(),
        ceilings: ceilings(set),
        files: BTreeMap::new(),
        recalled: Vec::new(),
        parcels: Vec::new(),
        history: Vec::new(),
    }
}

/// The ceilings of a policy.
fn ceilings(set: &PolicySet) -> Vec<CeilingView> {
    let all = set.ceilings().iter();
    all.map(|c| CeilingView {
        name: c.name.clone(),
        rule: c.rule(),
        says: c.says.clone(),
        place: c.place(),
    })
    .collect()
}

/// What was applied, newest first.
/// Whether a policy holds, and whether it was proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InForce {
    /// One was applied.
    pub applied: bool,
    /// It was proven, here or by a certificate.
    pub proven: bool,
}

/// How the policy in force stands.
pub(crate) fn in_force(node: &Node) -> Result<InForce, ApiError> {
    let latest = history(node)?.into_iter().next();
    let proof = latest.as_ref().and_then(|l| l.proof.as_ref());
    Ok(InForce {
        applied: latest.is_some(),
        proven: proof.is_some_and(|note| note.how != UNPROVEN),
    })
}

fn history(node: &Node) -> Result<Vec<PolicyApplied>, ApiError> {
    let mut lines: Vec<PolicyApplied> = node
        .store
        .metas(HISTORY, crate::limits::STORE_ROWS)?
        .into_iter()
        .filter_map(|(_, bytes)| serde_json::from_slice(&bytes).ok())
        .collect();
    lines.reverse();
    Ok(lines)
}

fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}
