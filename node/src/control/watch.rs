//! `GET /v1/watch`: what happens, as it happens, one JSON object a line.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::StreamExt;
use tokio::sync::{broadcast, mpsc};

use super::api::{RecordRow, WatchEvent};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::{Act, AuditError, Entry};
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::officers::OfficersError;
use crate::store::{Arrival, Flags, Header};
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
        let mut stop = watching.stopping();
        // Ends when the watcher has gone, who watches is no officer any more, or the node stops.
        tokio::select! {
            _ended = follow(&watching, &caller, from, &lines) => {}
            () = lines.closed() => {}
            _ = stop.changed() => {}
        }
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

/// Why nothing more is told.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// The watcher has gone.
    #[error("the watcher has gone")]
    Gone(#[from] mpsc::error::SendError<Bytes>),
    /// Who watches is no officer any more, or nobody knows.
    #[error(transparent)]
    NotTold(#[from] OfficersError),
    /// What can't be written down is not shown.
    #[error(transparent)]
    NotWritten(#[from] AuditError),
}

async fn follow(
    node: &Node,
    caller: &Caller,
    mut from: Arrival,
    lines: &mpsc::Sender<Bytes>,
) -> Result<(), Ended> {
    let mut arrivals = node.store.watch();
    let mut events = node.swarm.events();
    arrivals.mark_changed();
    loop {
        tokio::select! {
            changed = arrivals.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                while let Some(last) = page(node, caller, from, lines).await? {
                    from = last;
                }
            }
            event = events.recv() => {
                let event = match event {
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                };
                node.officers.of(caller.uid)?;
                lines.send(line(&link(node, event))).await?;
            }
        }
    }
}

/// Tells of what came after `from`, up to a page of it, and up to where that goes; none: there
/// is no more, or it can't be read now and is told with what comes next.
async fn page(
    node: &Node,
    caller: &Caller,
    from: Arrival,
    lines: &mpsc::Sender<Bytes>,
) -> Result<Option<Arrival>, Ended> {
    let headers = match node.store.headers(from.next(), limits::WATCH_EVENTS) {
        Ok(headers) => headers,
        Err(error) => {
            tracing::error!(%error, "what is new can't be told to who watches");
            return Ok(None);
        }
    };
    let Some((last, _)) = headers.last() else {
        return Ok(None);
    };
    // A watch goes on for days: whoever is an officer no more is told nothing more.
    node.officers.of(caller.uid)?;
    let entry = Entry {
        records: headers.iter().map(|(_, header)| header.id).collect(),
        ..Entry::new(caller.who(), Act::Consult, "GET /v1/watch")
    };
    node.audit.write(vec![entry]).await?;
    for (arrival, header) in &headers {
        let row = node.row(*arrival, header).unwrap_or_else(|error| {
            let record = header.id.short();
            tracing::error!(%record, says = error.error, "a record can't be read");
            unreadable(node, header)
        });
        lines.send(line(&WatchEvent::Record(row))).await?;
    }
    Ok(Some(*last))
}

/// A record of which no more than the header can be read: it is told all the same.
fn unreadable(node: &Node, header: &Header) -> RecordRow {
    RecordRow {
        id: header.id.full(),
        kind: kind::of(header)
            .map_or("unknown", |k| k.as_str())
            .to_owned(),
        title: "(unreadable)".to_owned(),
        author: node.registry.alias(&header.author),
        tlp: String::new(),
        created: rfc3339(header.created.wall()),
        received: rfc3339(header.received),
        superseded: header.flags.contains(Flags::SUPERSEDED),
        retracted: header.flags.contains(Flags::RETRACTED),
        key_state: None,
    }
}

fn link(node: &Node, event: LinkEvent) -> WatchEvent {
    match event {
        LinkEvent::Up(agency) => WatchEvent::Up {
            peer: node.registry.alias(&agency),
        },
        LinkEvent::Down(agency) => WatchEvent::Down {
            peer: node.registry.alias(&agency),
            says: node
                .swarm
                .link(&agency)
                .and_then(|l| l.last_error)
                .map(|(_, says)| says)
                .unwrap_or_default(),
        },
    }
}

fn line(event: &WatchEvent) -> Bytes {
    let mut bytes = serde_json::to_vec(event).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
