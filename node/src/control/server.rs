//! The local API: HTTP and JSON over the node's Unix socket. The caller is known by its
//! peer credentials, and every call is logged with its uid.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::api::ApiError;
use super::connections;
use super::gate::{self, Gate};
use super::routes::calls;
use crate::limits;
use crate::node::{Node, NodeError};

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
    let gone = path.clone();
    let of_node = node.clone();
    node.spawn(async move {
        connections::accept(of_node, listener, app).await;
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
    let (router, access) = calls().finish();
    let gate = Gate::new(node.clone(), access);
    router
        .fallback(|| async {
            ApiError::new("not-found", "the local API has no such call").with_remedy(
                "this program and the running node may be of different versions: restart the node",
            )
        })
        .layer(DefaultBodyLimit::max(limits::API_BODY_BYTES))
        .layer(middleware::map_response(in_words))
        .layer(middleware::from_fn_with_state(gate, gate::admit))
        .with_state(node)
}

/// Whatever the HTTP library refuses by itself, it says in plain text: callers get the same
/// JSON as from everything else.
async fn in_words(response: Response) -> Response {
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = axum::body::to_bytes(body, limits::API_ERROR_BYTES).await;
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    let too_large = format!(
        "the call's body is larger than {} bytes",
        limits::API_BODY_BYTES
    );
    let (code, error, remedy) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method",
            "this call is made with another method".to_owned(),
            "GET /v1/openapi.json lists the calls".to_owned(),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", too_large, "send it in pieces".to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "media-type",
            "the call's body is not marked as JSON".to_owned(),
            "send the header 'Content-Type: application/json'".to_owned(),
        ),
        _ => (
            "invalid",
            format!("the call is not understood: {said}"),
            "GET /v1/openapi.json lists the calls and what they take".to_owned(),
        ),
    };
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut answer = (status, Json(ApiError::new(code, error).with_remedy(remedy))).into_response();
    // What else it said, such as the methods that are allowed.
    answer.headers_mut().extend(parts.headers);
    answer
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
