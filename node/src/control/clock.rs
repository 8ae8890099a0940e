//! `/v1/clock`: whether the clock is believed, and an administrator's word that it is right.

use axum::Json;
use axum::extract::State;

use super::api::{ApiError, ClockReport};
use super::text::rfc3339;
use crate::audit::note;
use crate::node::Node;

/// `GET /v1/clock`.
pub(super) async fn show(State(node): State<Node>) -> Json<ClockReport> {
    Json(report(&node, None))
}

/// `POST /v1/clock/confirm`.
pub(super) async fn confirm(State(node): State<Node>) -> Result<Json<ClockReport>, ApiError> {
    let ended = node.time.confirm().await?;
    note(|note| {
        note.outcome = Some(match &ended {
            Some(doubt) => format!("believed again: {doubt}"),
            None => "it was believed already".into(),
        });
    });
    if let Some(doubt) = &ended {
        tracing::warn!("an administrator confirmed the clock: {doubt}");
    }
    Ok(Json(report(&node, ended.map(|d| d.to_string()))))
}

fn report(node: &Node, confirmed: Option<String>) -> ClockReport {
    ClockReport {
        now: rfc3339(node.clock.now()),
        doubt: node.time.trusted().err().map(|d| d.to_string()),
        confirmed,
    }
}
