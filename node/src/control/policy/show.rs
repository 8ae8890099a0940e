//! The policy in force: its files and history, and who may have what in words.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;

use super::{Answer, history, report};
use crate::control::api::{ApiError, PlainRow, PolicyPlain, PolicyReport, PolicyState};
use crate::node::Node;
use crate::policy::{Action, Engine, PlainAnswer, PlainTable, PolicyText};

/// `GET /v1/policy`.
pub(in crate::control) async fn show(State(node): State<Node>) -> Answer<PolicyReport> {
    let engine = node.policies.current();
    let mut report = report(&node, engine.set());
    report.files = engine.set().text().by_name();
    report.history = history(&node)?;
    Ok(Json(report))
}

/// `GET /v1/policy/plain`.
pub(in crate::control) async fn plain(State(node): State<Node>) -> Answer<PolicyPlain> {
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
pub(in crate::control) fn plain_of(engine: &Engine, alias: &str) -> Vec<(String, String)> {
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
pub(in crate::control) fn state(node: &Node) -> Result<PolicyState, ApiError> {
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
