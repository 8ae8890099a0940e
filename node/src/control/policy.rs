//! Checking, applying, reverting and showing the policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use data_encoding::HEXLOWER;

use super::api::{
    ApiError, PlainRow, PolicyApplied, PolicyPlain, PolicyReport, PolicyRequest, PolicyState,
    StatementView,
};
use super::server::Caller;
use super::text::rfc3339;
use crate::node::{Node, POLICY_ACTIVE};
use crate::policy::{
    Action, ENTITIES_FILE, Engine, PlainAnswer, PlainTable, PolicySet, PolicyText,
};
use crate::store::Op;

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

/// `POST /v1/policy/apply`.
pub(super) async fn apply(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<PolicyRequest>,
) -> Answer<PolicyReport> {
    let set = read(&node, request.files)?;
    put_in_force(&node, set, caller.uid, request.reason).await
}

/// `POST /v1/policy/revert`.
pub(super) async fn revert(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RevertRequest>,
) -> Answer<PolicyReport> {
    let history = history(&node)?;
    let before = history.get(1).ok_or_else(|| {
        ApiError::new("conflict", "there is no earlier policy to go back to")
            .with_remedy("'liaison policy apply DIR' puts another one in force")
    })?;
    let bytes = node
        .store
        .meta(&format!("{TEXTS}{}", before.hash))?
        .ok_or_else(|| {
            ApiError::new(
                "internal",
                format!("the text of policy {} is gone", before.hash),
            )
        })?;
    let set = PolicySet::from_text(PolicyText::from_bytes(&bytes)?)?;
    let reason = request
        .reason
        .unwrap_or_else(|| format!("revert to {}", short(&before.hash)));
    put_in_force(&node, set, caller.uid, Some(reason)).await
}

/// Body of `POST /v1/policy/revert`.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
pub(super) struct RevertRequest {
    /// Why; kept beside the policy.
    #[serde(default)]
    reason: Option<String>,
}

/// `GET /v1/policy`.
pub(super) async fn show(State(node): State<Node>) -> Answer<PolicyReport> {
    let engine = node.policies.current();
    let mut report = report(&node, engine.set());
    report.files = files(engine.set().text());
    report.history = history(&node)?;
    Ok(Json(report))
}

/// `GET /v1/policy/plain`.
pub(super) async fn plain(State(node): State<Node>) -> Answer<PolicyPlain> {
    let engine = node.policies.current();
    let rows = tokio::task::spawn_blocking(move || plain_rows(&engine))
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?;
    let mut kinds: Vec<String> = Vec::new();
    let mut by_peer: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (peer, kind, cell) in rows {
        if !kinds.contains(&kind) {
            kinds.push(kind.clone());
        }
        by_peer.entry(peer).or_default().insert(kind, cell);
    }
    // A kind that nobody gets at all needs no column.
    kinds.retain(|kind| {
        by_peer
            .values()
            .any(|cells| cells.get(kind).is_some_and(|c| c != "-"))
    });
    let rows = by_peer
        .into_iter()
        .map(|(peer, mut cells)| PlainRow {
            peer,
            cells: kinds
                .iter()
                .map(|k| cells.remove(k).unwrap_or_else(|| "-".into()))
                .collect(),
        })
        .collect();
    Ok(Json(PolicyPlain { kinds, rows }))
}

/// The sharing policy as (peer, kind, words).
fn plain_rows(engine: &Engine) -> Vec<(String, String, String)> {
    in_words(engine.plain(Action::Share))
}

/// What one peer may have, as (kind, words).
pub(super) fn plain_of(engine: &Engine, alias: &str) -> Vec<(String, String)> {
    in_words(engine.plain_of(Action::Share, alias))
        .into_iter()
        .map(|(_, kind, cell)| (kind, cell))
        .collect()
}

fn in_words(table: PlainTable) -> Vec<(String, String, String)> {
    table
        .rows
        .into_iter()
        .map(|row| {
            let cell = words(&row.cells);
            (row.peer, row.kind, cell)
        })
        .collect()
}

/// `up to amber`, `some up to green`, `-`.
fn words(cells: &[crate::policy::PlainCell]) -> String {
    let highest = |wanted: fn(PlainAnswer) -> bool| {
        cells
            .iter()
            .rev()
            .find(|c| wanted(c.answer))
            .map(|c| c.tlp.clone())
    };
    let all = highest(|a| a == PlainAnswer::Yes);
    let some = highest(|a| a != PlainAnswer::No);
    match (all, some) {
        (None, None) => "-".into(),
        (Some(all), Some(some)) if all == some => format!("up to {all}"),
        (Some(all), Some(some)) => format!("up to {all}, some {some}"),
        (_, Some(some)) => format!("some up to {some}"),
        (Some(all), None) => format!("up to {all}"),
    }
}

/// The policy as `status` shows it.
pub(super) fn state(node: &Node) -> Result<PolicyState, ApiError> {
    let engine = node.policies.current();
    let text = engine.set().text();
    let hash = HEXLOWER.encode(&text.sha256());
    let latest = history(node)?.into_iter().next();
    let differs = match PolicyText::read(&node.home.policy_dir()) {
        Ok(files) => latest.is_some() && HEXLOWER.encode(&files.sha256()) != hash,
        // Files that can't be read are not those in force.
        Err(_) => latest.is_some(),
    };
    Ok(PolicyState {
        applied: latest.is_some(),
        hash,
        statements: engine.set().statements().count() as u64,
        at: latest.map(|l| l.at),
        differs,
    })
}

fn read(node: &Node, mut files: BTreeMap<String, String>) -> Result<PolicySet, ApiError> {
    let entities = files.remove(ENTITIES_FILE);
    let text = PolicyText::new(files.into_iter().collect(), entities)?;
    let set = PolicySet::from_text(text)?;
    let directory = node
        .registry
        .directory()
        .map_err(|e| ApiError::new("internal", e.to_string()))?;
    set.check_names(&directory)?;
    Ok(set)
}

async fn put_in_force(
    node: &Node,
    set: PolicySet,
    uid: u32,
    reason: Option<String>,
) -> Answer<PolicyReport> {
    let _one_at_a_time = node.changing.lock().await;
    let hash = HEXLOWER.encode(&set.text().sha256());
    let number = node.store.metas(HISTORY, crate::limits::STORE_ROWS)?.len();
    let applied = PolicyApplied {
        hash: hash.clone(),
        at: rfc3339(node.clock.now()),
        uid,
        reason,
    };
    let line =
        serde_json::to_vec(&applied).map_err(|e| ApiError::new("internal", e.to_string()))?;
    let text: bytes::Bytes = set.text().to_bytes().into();
    // On disk first: a node that dies here starts with the new policy, never with none.
    node.store
        .write(vec![
            Op::PutMeta {
                name: format!("{TEXTS}{hash}"),
                bytes: text.clone(),
            },
            Op::PutMeta {
                name: format!("{HISTORY}{number:08}"),
                bytes: line.into(),
            },
            Op::PutMeta {
                name: POLICY_ACTIVE.into(),
                bytes: text,
            },
        ])
        .await?;
    let set = Arc::new(set);
    node.reengage(Some(set.clone())).await?;
    tracing::info!(uid, policy = %short(&hash), "policy applied");
    Ok(Json(report(node, &set)))
}

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
        files: BTreeMap::new(),
        history: Vec::new(),
    }
}

fn files(text: &PolicyText) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = text.files().iter().cloned().collect();
    if let Some(entities) = text.entities() {
        files.insert(ENTITIES_FILE.into(), entities.to_owned());
    }
    files
}

/// What was applied, newest first.
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
