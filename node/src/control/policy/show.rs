//! The policy in force: its files and history, and who may have what in words.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;

use super::{Answer, ceilings, history, report};
use crate::control::api::{
    ApiError, PlainCarried, PlainRow, PolicyPlain, PolicyReport, PolicyState,
};
use crate::node::Node;
use crate::policy::{Action, Engine, PlainAnswer, PolicyText};

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
    let ceilings = ceilings(engine.set());
    let both = move || (engine.plain(Action::Share), engine.carried());
    let (table, carried) = tokio::task::spawn_blocking(both)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?;
    let mut kinds: Vec<String> = Vec::new();
    let mut by_peer: BTreeMap<String, Row> = BTreeMap::new();
    for row in table.rows {
        if !kinds.contains(&row.kind) {
            kinds.push(row.kind.clone());
        }
        let cell = words(&row.cells);
        let peer = by_peer.entry(row.peer).or_default();
        if cell != "-" {
            peer.says.extend(row.says);
        }
        peer.cells.insert(row.kind, cell);
    }
    // A kind that nobody gets at all needs no column.
    kinds.retain(|kind| {
        by_peer
            .values()
            .any(|row| row.cells.get(kind).is_some_and(|c| c != "-"))
    });
    let rows = by_peer
        .into_iter()
        .map(|(peer, mut row)| PlainRow {
            peer,
            cells: kinds
                .iter()
                .map(|k| row.cells.remove(k).unwrap_or_else(|| "-".into()))
                .collect(),
            says: row.says.into_iter().collect(),
        })
        .collect();
    Ok(Json(PolicyPlain {
        kinds,
        rows,
        ceilings,
        carried: carried.into_iter().map(PlainCarried::from).collect(),
    }))
}

impl From<crate::policy::PlainCarried> for PlainCarried {
    fn from(carried: crate::policy::PlainCarried) -> Self {
        Self {
            peer: carried.peer,
            of: carried.of.into_iter().collect(),
            says: carried.says.into_iter().collect(),
        }
    }
}

/// What one peer may have, and why.
#[derive(Default)]
struct Row {
    cells: BTreeMap<String, String>,
    says: BTreeSet<String>,
}

/// What one peer may have, as (kind, words).
pub(in crate::control) fn plain_of(engine: &Engine, alias: &str) -> Vec<(String, String)> {
    let rows = engine.plain_of(Action::Share, alias).rows.into_iter();
    rows.map(|row| {
        let cell = words(&row.cells);
        (row.kind, cell)
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
        names_nobody: names_nobody(node),
        applied: latest.is_some(),
        hash,
        statements: engine.set().statements().count() as u64,
        at: latest.map(|l| l.at),
        differs,
    })
}

/// Rules of the policy in force whose name means nobody at present.
pub(in crate::control) fn names_nobody(node: &Node) -> Vec<String> {
    let engine = node.policies.current();
    let nobody = engine.set().check_names(engine.directory()).err();
    let nobody = nobody.into_iter().flat_map(|problems| problems.0);
    nobody.map(|problem| problem.names_nobody()).collect()
}
