//! Serves figures and health to this machine.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::health::Health;
use super::{gather, health, page};
use crate::node::{Node, NodeError};

/// Serves them until the node stops, if the configuration says where; gives the address.
///
/// # Errors
/// [`NodeError::Metrics`].
pub async fn serve(node: &Node) -> Result<Option<SocketAddr>, NodeError> {
    let Some(at) = node.config.metrics.listen else {
        return Ok(None);
    };
    let fault = |source| NodeError::Metrics {
        address: at.to_string(),
        source,
    };
    let listener = TcpListener::bind(at.address()).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    let app = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(node.clone());
    let mut stop = node.stopping();
    node.spawn(async move {
        let served = axum::serve(listener, app)
            .with_graceful_shutdown(async move {
                // An error means that the node is gone, which is a stop as well.
                let _stopped = stop.wait_for(|stop| *stop).await;
            })
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "figures and health are served no more");
        }
    });
    tracing::info!(%bound, "figures at /metrics, health at /healthz and /readyz");
    Ok(Some(bound))
}

async fn metrics(State(node): State<Node>) -> Response {
    let found = node.metrics.0.walks.found(&node).await;
    let gathered = tokio::task::spawn_blocking(move || {
        let figures = gather::figures(&node, &found).map_err(|e| e.to_string())?;
        page::write(figures, &node.registry).map_err(|e| e.to_string())
    });
    match gathered.await {
        Ok(Ok(page)) => ([(header::CONTENT_TYPE, page::MEDIA_TYPE)], page).into_response(),
        Ok(Err(says)) => (StatusCode::INTERNAL_SERVER_ERROR, says).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn healthz(State(node): State<Node>) -> Response {
    answer(health::live(&node).await)
}

async fn readyz(State(node): State<Node>) -> Response {
    let looked = tokio::task::spawn_blocking(move || health::ready(&node));
    match looked.await {
        Ok(health) => answer(health),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn answer(health: Health) -> Response {
    let status = match health.ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health)).into_response()
}
