//! `GET /v1/officers`.

use axum::Json;
use axum::extract::{Extension, State};

use super::api::{ApiError, OfficerView, OfficersReport};
use super::caller::Caller;
use crate::node::Node;

pub(super) async fn list(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<OfficersReport>, ApiError> {
    let roster = node.officers.roster()?;
    Ok(Json(OfficersReport {
        file: node.officers.file().display().to_string(),
        officers: roster.officers.values().map(OfficerView::from).collect(),
        unknown: roster.unknown.clone(),
        you: caller.view(),
    }))
}
