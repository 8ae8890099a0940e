//! The local API: HTTP and JSON over the node's Unix socket. The caller is known by its
//! peer credentials, and every call is logged with its uid.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

use super::api::ApiError;
use super::{import, peers, policy, query, records, status, watch};
use crate::limits;
use crate::node::{Node, NodeError};

/// Who is at the other end of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The Unix user.
    pub uid: u32,
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        // A caller whose credentials the kernel does not tell is nobody.
        let uid = stream.io().peer_cred().map_or(u32::MAX, |c| c.uid());
        Self { uid }
    }
}

/// Serves the API until the node stops. The socket is there when this returns.
///
/// # Errors
/// [`NodeError::Socket`].
pub fn serve(node: &Node, group: Option<&str>) -> Result<(), NodeError> {
    let path = node.home.socket_path();
    let fault = |source| NodeError::Socket {
        path: path.display().to_string(),
        source,
    };
    // The store's lock says that no other node runs here: an old socket is a leftover.
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fault(e)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(fault)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).map_err(fault)?;
    if let Some(gid) = group.and_then(group_id) {
        std::os::unix::fs::chown(&path, None, Some(gid)).map_err(fault)?;
    }
    let app = routes(node.clone());
    let mut stop = node.stopping();
    let gone = path.clone();
    node.spawn(async move {
        let served = axum::serve(
            listener,
            app.into_make_service_with_connect_info::<Caller>(),
        )
        .with_graceful_shutdown(async move {
            // An error means that the node is gone, which is a stop as well.
            let _stopped = stop.wait_for(|stop| *stop).await;
        })
        .await;
        if let Err(error) = served {
            tracing::error!(%error, "the local API ended");
        }
        remove(&gone);
    });
    Ok(())
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the socket was left behind");
    }
}

fn routes(node: Node) -> Router {
    Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/records", post(records::push))
        .route("/v1/records/{id}", get(records::show))
        .route("/v1/records/{id}/cose", get(records::cose))
        .route("/v1/records/{id}/why/{peer}", get(records::why))
        .route("/v1/records/{id}/amend", post(records::amend))
        .route("/v1/records/{id}/retract", post(records::retract))
        .route("/v1/query", post(query::query))
        .route("/v1/peers", get(peers::list).post(peers::add))
        .route("/v1/peers/{name}", delete(peers::remove))
        .route("/v1/peers/{name}/test", post(peers::test))
        .route("/v1/card", get(peers::card).post(peers::edit))
        .route("/v1/policy", get(policy::show))
        .route("/v1/policy/check", post(policy::check))
        .route("/v1/policy/apply", post(policy::apply))
        .route("/v1/policy/revert", post(policy::revert))
        .route("/v1/policy/plain", get(policy::plain))
        .route(
            "/v1/imports/{key}",
            get(import::progress).post(import::piece),
        )
        .route("/v1/watch", get(watch::watch))
        .route("/v1/verify", post(records::verify))
        .fallback(|| async {
            ApiError::new("not-found", "the local API has no such call").with_remedy(
                "this program and the running node may be of different versions: restart the node",
            )
        })
        .layer(DefaultBodyLimit::max(limits::API_BODY_BYTES))
        .layer(middleware::from_fn(log))
        .with_state(node)
}

/// Every call is logged with who made it, from the first day. Not with what was typed.
async fn log(
    ConnectInfo(caller): ConnectInfo<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map(|p| p.as_str().to_owned())
        .unwrap_or_default();
    request.extensions_mut().insert(caller);
    let response = next.run(request).await.into_response();
    let status = response.status().as_u16();
    tracing::info!(target: "liaison::api", uid = caller.uid, %method, %route, status, "call");
    response
}

/// A group's number, out of /etc/group: there is no name service in a static binary.
fn group_id(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string("/etc/group").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name))
            .then(|| fields.nth(1)?.parse().ok())
            .flatten()
    })
}
