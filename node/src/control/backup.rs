//! `POST /v1/backup`: a backup's entries, as a stream; whoever asks seals them. And what a
//! restored node still waits for.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use liaison_protocol::id::RecordId;
use tokio::sync::mpsc;

use super::api::{ApiError, BackupRequest, CatchUpReport, ReleaseRequest, WaitingRow};
use super::text::rfc3339;
use crate::audit::note;
use crate::backup::{self, Part};
use crate::catchup::Reason;
use crate::limits;
use crate::node::Node;
use crate::share::UNDECIDED;
use crate::store::{Flags, Header, StoreError};

/// `POST /v1/backup`.
pub(super) async fn make(State(node): State<Node>, Json(request): Json<BackupRequest>) -> Response {
    let (entries, queue) = mpsc::channel::<Bytes>(limits::BACKUP_QUEUE);
    note(|note| {
        note.outcome = Some(match request.part {
            Part::WithoutKeys => "without the agency's keys".into(),
            Part::WithKeys => "with the agency's keys".into(),
            Part::KeysOnly => "the agency's keys alone".into(),
            Part::KeyringOnly => "the keyring alone".into(),
        });
    });
    tracing::info!(part = ?request.part, "a backup is made");
    tokio::task::spawn_blocking(move || {
        let sink = |bytes: Vec<u8>| entries.blocking_send(bytes.into()).is_ok();
        // Whoever reads it misses the end, and says so.
        if let Err(error) = backup::make(&node, request.part, sink) {
            tracing::error!(%error, "the backup was broken off");
        }
    });
    let body = futures::stream::unfold(queue, |mut queue| async move {
        let next = queue.recv().await;
        next.map(|bytes| (Ok::<Bytes, Infallible>(bytes), queue))
    });
    (
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from_stream(body),
    )
        .into_response()
}

/// `GET /v1/restore`.
pub(super) async fn status(State(node): State<Node>) -> Result<Json<CatchUpReport>, ApiError> {
    tokio::task::spawn_blocking(move || report(&node))
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?
        .map(Json)
}

/// `POST /v1/restore/release`.
pub(super) async fn release(
    State(node): State<Node>,
    Json(request): Json<ReleaseRequest>,
) -> Result<Json<CatchUpReport>, ApiError> {
    let Some(waiting) = node.catch_up.waiting() else {
        return Err(ApiError::new("conflict", "this node waits for nobody")
            .with_remedy("nothing is locked; go on"));
    };
    if request.reason.trim().is_empty() {
        return Err(ApiError::new("invalid", "a release needs a reason")
            .with_remedy("say why you wait no longer: --reason TEXT"));
    }
    let chosen: BTreeSet<_> = match &request.name {
        None => waiting.agencies.clone(),
        Some(name) => {
            let named = |a: &&_| node.registry.alias(a) == *name || a.full() == *name;
            waiting.agencies.iter().filter(named).copied().collect()
        }
    };
    if chosen.is_empty() {
        let shown = liaison_protocol::id::clip(request.name.as_deref().unwrap_or_default());
        return Err(
            ApiError::new("not-found", format!("this node does not wait for {shown}"))
                .with_remedy("'liaison restore status' lists for whom"),
        );
    }
    note(|note| {
        note.typed("reason", &request.reason);
        chosen.iter().for_each(|agency| note.peer(*agency));
    });
    let unlocked = node.catch_up.release(&chosen).await?;
    let names: Vec<String> = chosen.iter().map(|a| node.registry.alias(a)).collect();
    tracing::warn!(
        agencies = names.join(", "),
        "released without being heard from"
    );
    let mut report = status(State(node)).await?;
    report.unlocked = unlocked;
    Ok(report)
}

fn report(node: &Node) -> Result<CatchUpReport, ApiError> {
    let Some(waiting) = node.catch_up.waiting() else {
        return Ok(CatchUpReport {
            undecided: undecided(node)?,
            ..CatchUpReport::default()
        });
    };
    let row = |agency| WaitingRow {
        name: node.registry.alias(agency),
        agency: agency.full(),
        connected: node.swarm.link(agency).is_some_and(|l| l.is_up()),
        peer: node.registry.is_peer(agency),
    };
    Ok(CatchUpReport {
        why: Some(why(node, waiting.reason)),
        waiting: waiting.agencies.iter().map(row).collect(),
        locked: node.catch_up.locked()?,
        undecided: undecided(node)?,
        unlocked: 0,
    })
}

/// Our records of which an officer has to say anew who may have them: ids.
pub(super) fn undecided(node: &Node) -> Result<Vec<String>, StoreError> {
    let store = &node.store;
    let mut ids = Vec::new();
    for (name, _) in store.metas(UNDECIDED, limits::STORE_ROWS)? {
        let id = name.strip_prefix(UNDECIDED).unwrap_or_default();
        let Ok(record) = id.parse::<RecordId>() else {
            continue;
        };
        let Some(arrival) = store.arrival_of(&record)? else {
            continue;
        };
        let gone = [Flags::ERASED, Flags::RETRACTED, Flags::SUPERSEDED];
        let header = store.header(arrival)?;
        let stands = |h: Header| !gone.into_iter().any(|flag| h.flags.contains(flag));
        if header.is_some_and(stands) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

/// Why a node catches up, as a sentence.
pub(super) fn why(node: &Node, reason: Reason) -> String {
    match reason {
        Reason::Restored { made } => format!(
            "this node was restored from a backup of {}: what came from an agency is locked, and nothing is signed, until it was heard from",
            rfc3339(made)
        ),
        Reason::SetBack {
            by,
            holds,
            proven: true,
        } => format!(
            "this machine was set back: {} holds the end of our audit log as we signed it on {}, and our log does not reach as far. Nothing is signed until it was heard from",
            node.registry.alias(&by),
            rfc3339(holds)
        ),
        Reason::SetBack { by, holds, .. } => format!(
            "this machine was set back, if {name} is right: it says that it holds a record of ours of {}, which we do not have. Nothing is signed until it was heard from; if it shows none within {} minutes, it is not believed",
            rfc3339(holds),
            limits::SET_BACK_PROOF_MS / 60_000,
            name = node.registry.alias(&by),
        ),
    }
}
