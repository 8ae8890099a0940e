//! `GET /v1/watch`: what happens, as it happens, one JSON object a line.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::StreamExt;
use liaison_protocol::id::RecordId;
use tokio::sync::{broadcast, mpsc};

use super::api::{ApiError, WatchEvent};
use super::caller::Caller;
use crate::audit::{Act, AuditError, Entry};
use crate::limits;
use crate::node::Node;
use crate::store::Arrival;
use crate::swarm::LinkEvent;

/// `GET /v1/watch`.
pub(super) async fn watch(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let (lines, queue) = mpsc::channel::<Bytes>(limits::WATCH_EVENTS);
    // The first line goes out at once, so that a watcher knows that it watches.
    let hello = Bytes::from_static(b"\n");
    let from = node.store.last();
    let watching = node.clone();
    node.spawn(async move {
        // Ends when the watcher has gone, or the node stops.
        let _gone = follow(watching, caller, from, lines).await;
    });
    let queue = futures::stream::unfold(queue, |mut queue| async move {
        queue.recv().await.map(|line| (line, queue))
    });
    let body = futures::stream::once(async move { hello })
        .chain(queue)
        .map(Ok::<Bytes, Infallible>);
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(body),
    )
        .into_response()
}

async fn follow(
    node: Node,
    caller: Caller,
    mut from: Arrival,
    lines: mpsc::Sender<Bytes>,
) -> Result<(), mpsc::error::SendError<Bytes>> {
    let mut arrivals = node.store.watch();
    let mut events = node.swarm.events();
    let mut stop = node.stopping();
    arrivals.mark_changed();
    loop {
        tokio::select! {
            changed = arrivals.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let events = new_records(&node, &mut from).unwrap_or_default();
                // A full page may not be the end, and nothing else would wake us for the rest.
                if events.len() >= limits::WATCH_EVENTS {
                    arrivals.mark_changed();
                }
                // What can't be written down is not shown.
                if shown(&node, &caller, &events).await.is_err() {
                    return Ok(());
                }
                for event in events {
                    lines.send(line(&event)).await?;
                }
            }
            event = events.recv() => match event {
                Ok(LinkEvent::Up(agency)) => {
                    let peer = node.registry.alias(&agency);
                    lines.send(line(&WatchEvent::Up { peer })).await?;
                }
                Ok(LinkEvent::Down(agency)) => {
                    let says = node
                        .swarm
                        .link(&agency)
                        .and_then(|l| l.last_error)
                        .map(|(_, says)| says)
                        .unwrap_or_default();
                    let peer = node.registry.alias(&agency);
                    lines.send(line(&WatchEvent::Down { peer, says })).await?;
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            () = lines.closed() => return Ok(()),
            _ = stop.changed() => return Ok(()),
        }
    }
}

async fn shown(node: &Node, caller: &Caller, events: &[WatchEvent]) -> Result<(), AuditError> {
    let records: Vec<RecordId> = events
        .iter()
        .filter_map(|event| match event {
            WatchEvent::Record(row) => row.id.parse().ok(),
            _ => None,
        })
        .collect();
    if records.is_empty() {
        return Ok(());
    }
    let entry = Entry {
        records,
        ..Entry::new(caller.who(), Act::Consult, "GET /v1/watch")
    };
    node.audit.write(vec![entry]).await.map(|_| ())
}

fn new_records(node: &Node, from: &mut Arrival) -> Result<Vec<WatchEvent>, ApiError> {
    let mut events = Vec::new();
    loop {
        let headers = node.store.headers(from.next(), limits::SCAN_ROWS)?;
        let Some((last, _)) = headers.last() else {
            return Ok(events);
        };
        *from = *last;
        for (arrival, header) in &headers {
            events.push(WatchEvent::Record(node.row(*arrival, header)?));
        }
        if events.len() >= limits::WATCH_EVENTS {
            return Ok(events);
        }
    }
}

fn line(event: &WatchEvent) -> Bytes {
    let mut bytes = serde_json::to_vec(event).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
