//! Serves figures and health to this machine. Whoever is on it may call, so each call is bounded
//! in number, size and time: no user can make the node grow, or keep the figures from whoever
//! watches over it for longer than that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::health::Health;
use super::{gather, health, page};
use crate::limits;
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
    let of_node = node.clone();
    node.spawn(async move {
        tokio::select! {
            () = accept(of_node, listener, app) => {}
            // An error means that the node is gone, which is a stop as well.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    tracing::info!(%bound, "figures at /metrics, health at /healthz and /readyz");
    Ok(Some(bound))
}

/// Takes calls up as there is room for them: the others wait in the system's queue.
async fn accept(node: Node, listener: TcpListener, app: Router) {
    let room = Arc::new(Semaphore::new(limits::METRICS_CALLS));
    while let Ok(permit) = room.clone().acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Such as no file descriptor left: others may close theirs.
                tracing::warn!(%error, "a call for figures was not taken");
                tokio::time::sleep(Duration::from_millis(limits::METRICS_FRESH_MS)).await;
                continue;
            }
        };
        let app = app.clone();
        let mut stop = node.stopping();
        node.spawn(async move {
            let _permit = permit;
            let most = Duration::from_millis(limits::METRICS_CALL_MS);
            tokio::select! {
                // One that takes longer, or breaks the protocol, is cut off.
                _ = tokio::time::timeout(most, call(stream, app)) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Answers one call.
async fn call(stream: TcpStream, app: Router) -> Result<(), hyper::Error> {
    http1::Builder::new()
        // The next call waits for its turn with the others.
        .keep_alive(false)
        .max_buf_size(limits::METRICS_HEAD_BYTES)
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits::METRICS_HEAD_MS))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await
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
