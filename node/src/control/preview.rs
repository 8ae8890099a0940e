//! `POST /v1/preview`: what a change of policy, circles or peers would do to the store as it
//! is. Nothing is applied. One JSON object a line, so that a large store shows how far it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use futures::stream::StreamExt;
use liaison_protocol::id::{AgencyId, RecordId};
use tokio::sync::mpsc;

use super::api::{ApiError, PeerPreview, PreviewCount, PreviewEnd, PreviewLine, PreviewRequest};
use super::caller::Caller;
use crate::audit::{Act, AuditError, Entry};
use crate::cardfile::CardFile;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::officers::Roles;
use crate::policy::{Directory, Engine, PolicySet};
use crate::share::{Changed, Effect, Step};
use crate::store::Arrival;

/// `POST /v1/preview`.
pub(super) async fn preview(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<PreviewRequest>,
) -> Result<Response, ApiError> {
    let before = node.policies.current();
    let after = node.would_be(&before, request)?;
    let (lines, queue) = mpsc::channel::<Bytes>(limits::PREVIEW_LINES);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        // What can't be written down is not shown.
        let shown = |views: &[PeerPreview]| runtime.block_on(shown(&node, &caller, views));
        // What policy says of a sealed record tells what stands inside, and anybody may ask with
        // a policy of their own making.
        let sealed = Roles::GOVERNORS.meets(caller.officer.roles);
        let last = match look(&node, (&before, &after), sealed, &lines, shown) {
            Ok(end) => PreviewLine::Done(end),
            Err(error) => PreviewLine::Failed(error),
        };
        // Nobody may be there any more to read it.
        let _gone = lines.blocking_send(line(&last));
    });
    let queue = futures::stream::unfold(queue, |mut queue| async move {
        queue.recv().await.map(|line| (line, queue))
    });
    let body = Body::from_stream(queue.map(Ok::<Bytes, Infallible>));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// What is in force, as a change may name it that was decided on by looking at it.
pub(super) fn over(engine: &Engine) -> String {
    HEXLOWER.encode(engine.fingerprint())
}

impl Node {
    /// Refuses a change that was decided on by looking at something else than what is in force.
    pub(super) fn is_over(&self, looked_at: Option<&str>) -> Result<(), ApiError> {
        let now = over(&self.policies.current());
        if looked_at.is_none_or(|looked_at| looked_at == now) {
            return Ok(());
        }
        Err(ApiError::new(
            "conflict",
            "the policy or the peers changed after the preview; nothing was applied",
        )
        .with_remedy("type the command again and look at the new preview"))
    }

    /// The engine that would be in force after a change.
    fn would_be(&self, now: &Engine, request: PreviewRequest) -> Result<Engine, ApiError> {
        let directory = || {
            let directory = self.registry.directory();
            directory.map_err(|e| ApiError::new("internal", e.to_string()))
        };
        let (set, directory): (Arc<PolicySet>, Directory) = match request {
            PreviewRequest::Apply { files } => {
                (Arc::new(super::policy::read(self, files)?), directory()?)
            }
            PreviewRequest::Revert => {
                let (set, _) = super::policy::earlier(self)?;
                (Arc::new(set), directory()?)
            }
            PreviewRequest::Peer { peer, edit } => {
                let (agency, peer) = self.registry.find(&peer)?;
                let peer = self.registry.edited(&agency, peer, &edit)?;
                (now.set().clone(), self.with_peer(agency, peer)?)
            }
            PreviewRequest::Link {
                card,
                alias,
                circles,
            } => {
                let file =
                    CardFile::parse(&card).map_err(|e| ApiError::new("invalid", e.to_string()))?;
                let alias = self.registry.alias_for(&file, alias);
                self.keeps_its_name(&file.agency(), &alias)?;
                let at = self.clock.now();
                let peer = self.registry.as_peer(&file, alias, circles, false, at)?;
                (now.set().clone(), self.with_peer(file.agency(), peer)?)
            }
        };
        let last = Some((now.epoch(), *now.fingerprint()));
        Engine::resume(set, directory, last).map_err(|e| ApiError::new("invalid", e.to_string()))
    }

    fn with_peer(
        &self,
        agency: AgencyId,
        peer: crate::registry::Peer,
    ) -> Result<Directory, ApiError> {
        self.registry
            .directory_with(agency, peer)
            .map_err(|e| ApiError::new("invalid", e.to_string()))
    }
}

fn look(
    node: &Node,
    (before, after): (&Engine, &Engine),
    sealed: bool,
    lines: &mpsc::Sender<Bytes>,
    shown: impl FnOnce(&[PeerPreview]) -> Result<(), AuditError>,
) -> Result<PreviewEnd, ApiError> {
    let mut tallies: BTreeMap<AgencyId, Tally> = BTreeMap::new();
    let (of, mut records) = (node.store.last().0, 0);
    if before.fingerprint() != after.fingerprint() {
        node.share.changes(before, after, |step| match step {
            Step::Looked(n) => {
                records = n;
                // A reader who is slow misses a step, not the end.
                let _full = lines.try_send(line(&PreviewLine::Looked { records, of }));
            }
            Step::Changed(changed) if kind::is_sealed(changed.header) && !sealed => {}
            Step::Changed(changed) => tallies.entry(*changed.peer).or_default().count(&changed),
        })?;
    }
    let peers: BTreeSet<AgencyId> = [before, after]
        .iter()
        .flat_map(|e| e.directory().peers())
        .map(|p| p.agency)
        .collect();
    let alias = |agency: &AgencyId| {
        let mut all = [after, before]
            .into_iter()
            .flat_map(|e| e.directory().peers());
        all.find(|p| p.agency == *agency)
            .map_or_else(|| agency.short(), |p| p.alias.clone())
    };
    let changed = tallies.len() as u64;
    let mut views = Vec::new();
    for (agency, tally) in tallies {
        views.push(PeerPreview {
            peer: alias(&agency),
            agency: agency.full(),
            flows: tally.flows.view(node)?,
            stops: tally.stops.view(node)?,
            held: tally.held,
        });
    }
    views.sort_by(|a, b| a.peer.cmp(&b.peer));
    shown(&views)?;
    for view in views {
        if lines.blocking_send(line(&PreviewLine::Peer(view))).is_err() {
            break;
        }
    }
    let stay: BTreeSet<&str> = names(after).collect();
    Ok(PreviewEnd {
        over: over(before),
        records,
        unchanged: (peers.len() as u64).saturating_sub(changed),
        ceilings_gone: names(before)
            .filter(|name| !stay.contains(name))
            .map(str::to_owned)
            .collect(),
    })
}

/// Writes down whose samples are about to be shown.
async fn shown(node: &Node, caller: &Caller, views: &[PeerPreview]) -> Result<(), AuditError> {
    let rows = views
        .iter()
        .flat_map(|v| v.flows.samples.iter().chain(&v.stops.samples));
    let records: BTreeSet<RecordId> = rows.filter_map(|row| row.id.parse().ok()).collect();
    if records.is_empty() {
        return Ok(());
    }
    let entry = Entry {
        records: records.into_iter().collect(),
        ..Entry::new(caller.who(), Act::Consult, "POST /v1/preview")
    };
    node.audit.write(vec![entry]).await.map(|_| ())
}

fn names(engine: &Engine) -> impl Iterator<Item = &str> {
    engine.set().ceilings().iter().map(|c| c.name.as_str())
}

#[derive(Default)]
struct Tally {
    flows: Count,
    stops: Count,
    held: u64,
}

#[derive(Default)]
struct Count {
    records: u64,
    kinds: BTreeMap<&'static str, u64>,
    newest: VecDeque<Arrival>,
}

impl Tally {
    fn count(&mut self, changed: &Changed<'_>) {
        match changed.effect {
            Effect::Flows { .. } => self.flows.add(changed),
            Effect::Stops { held } => {
                self.stops.add(changed);
                self.held += u64::from(held);
            }
        }
    }
}

impl Count {
    fn add(&mut self, changed: &Changed<'_>) {
        self.records += 1;
        let kind = kind::of(changed.header).map_or("unknown", |k| k.as_str());
        *self.kinds.entry(kind).or_default() += 1;
        if kind::is_sealed(changed.header) {
            return;
        }
        if self.newest.len() >= limits::PREVIEW_SAMPLES {
            self.newest.pop_front();
        }
        self.newest.push_back(changed.arrival);
    }

    fn view(self, node: &Node) -> Result<PreviewCount, ApiError> {
        let mut samples = Vec::new();
        for arrival in self.newest.into_iter().rev() {
            if let Some(header) = node.store.header(arrival)? {
                samples.push(node.row(arrival, &header)?);
            }
        }
        Ok(PreviewCount {
            records: self.records,
            kinds: self
                .kinds
                .into_iter()
                .map(|(kind, n)| (kind.to_owned(), n))
                .collect(),
            samples,
        })
    }
}

fn line(line: &PreviewLine) -> Bytes {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
