//! The connections to the local socket: each user has a bounded share of them, which lasts until
//! the connection and what was begun on it are over. Whoever wants more is told to try again.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::api::ApiError;
use super::caller::Connection;
use super::shares::Shares;
use crate::limits;
use crate::node::Node;

/// Takes connections until the node stops, and then lets what was begun end.
pub(super) async fn accept(node: Node, listener: UnixListener, app: Router) {
    let places = Shares::new(
        "connections",
        limits::API_CONNECTIONS,
        limits::API_CONNECTIONS_OF_USER,
    );
    let refusals = Arc::new(Semaphore::new(limits::API_REFUSALS));
    let mut stop = node.stopping();
    let mut all = JoinSet::new();
    loop {
        while all.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that the node is gone, which is a stop as well.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Such as no file descriptor left: others may close theirs.
                tracing::warn!(%error, "a call was not taken");
                tokio::time::sleep(Duration::from_millis(limits::API_ACCEPT_AGAIN_MS)).await;
                continue;
            }
        };
        // A caller whose credentials the kernel does not tell is nobody.
        let uid = stream.peer_cred().map_or(u32::MAX, |c| c.uid());
        match places.take(uid, 1) {
            Some(place) => {
                let connection = Connection::new(uid, place);
                all.spawn(serve(stream, connection, app.clone(), node.stopping()));
            }
            None => {
                // Beyond these it is closed without a word.
                if let Ok(permit) = refusals.clone().try_acquire_owned() {
                    all.spawn(async move {
                        refuse(stream).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    while all.join_next().await.is_some() {}
}

/// What a user is answered who has too much under way, once what it sends has been read: a caller
/// that is still writing would only see that the connection broke.
pub(super) async fn turn_away<B: HttpBody + Unpin>(mut body: B, error: ApiError) -> Response {
    let read = async {
        let mut bytes = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Buf::remaining);
            bytes = bytes.saturating_add(length);
            if bytes > limits::API_BODY_BYTES {
                break;
            }
        }
    };
    let most = Duration::from_millis(limits::API_REFUSE_MS);
    // Who does not send it in time is not waited for.
    let _cut = tokio::time::timeout(most, read).await;
    error.into_response()
}

/// Answers the calls of one connection, one after another.
async fn serve(
    stream: UnixStream,
    connection: Connection,
    app: Router,
    mut stop: watch::Receiver<bool>,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        app.call(request)
    });
    let mut served = pin!(builder().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the local socket broke");
    }
}

/// Answers whoever has no place.
async fn refuse(stream: UnixStream) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let error = ApiError::busy(&format!(
            "your programs have {} calls under way at this node, or it has no place for more",
            limits::API_CONNECTIONS_OF_USER
        ));
        Ok::<_, Infallible>(turn_away(request.into_body(), error).await)
    });
    let mut builder = builder();
    let most = Duration::from_millis(limits::API_REFUSE_MS);
    builder.keep_alive(false).header_read_timeout(most);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    // Its head, its body and the answer, a moment each.
    let _cut = tokio::time::timeout(most.saturating_mul(3), served).await;
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(limits::API_HEAD_BYTES)
        .timer(TokioTimer::new())
        // Counts from the end of the call before, so it ends idle connections as well.
        .header_read_timeout(Duration::from_millis(limits::API_HEAD_MS));
    builder
}
