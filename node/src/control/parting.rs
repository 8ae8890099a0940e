//! An agency stops being a peer: removed in order, or revoked at once.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::{Path, State};
use liaison_protocol::fault::Answer as Answered;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;

use super::api::{
    ApiError, HeldCount, HeldRecord, OwedView, PeerRemoveReport, PeerRevokeReport,
    PeerRevokeRequest, RevokedPeer,
};
use super::text::rfc3339;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::policy::Attributes;
use crate::registry::Revoked;
use crate::store::{Arrival, ClassId, Direction, Flags, Header, StoreError};

type Answer<T> = Result<Json<T>, ApiError>;

/// `DELETE /v1/peers/{name}`.
pub(super) async fn remove(
    State(node): State<Node>,
    Path(name): Path<String>,
) -> Answer<PeerRemoveReport> {
    let (agency, peer) = node.registry.find(&name)?;
    let _one_at_a_time = node.changing.lock().await;
    let now = node.clock.now();
    let again = peer.leaving.is_some();
    node.registry.leave(&node.store, &agency, now).await?;
    node.reengage(None).await?;
    let Standing { held, owed } = standing(&node, agency).await?;
    // Who removes it a second time does not want to wait.
    let leaving = !owed.is_empty() && !again;
    if !leaving {
        node.registry.unlink(&node.store, &agency).await?;
    }
    Ok(Json(PeerRemoveReport {
        peer: peer.alias,
        holds: held.len() as u64,
        held: counted(&held),
        owed,
        leaving,
    }))
}

/// `POST /v1/peers/{name}/revoke`.
pub(super) async fn revoke(
    State(node): State<Node>,
    Path(name): Path<String>,
    Json(request): Json<PeerRevokeRequest>,
) -> Answer<PeerRevokeReport> {
    let reason = reason(&request.reason)?;
    let (agency, peer) = node.registry.find(&name)?;
    let at = node.clock.now();
    // The cut comes before everything that could take time: the disk, the policy, the report.
    let revoked = Revoked {
        alias: peer.alias.clone(),
        at,
        reason,
    };
    cut(&node, &agency, &revoked).await?;
    let _one_at_a_time = node.changing.lock().await;
    // A change that was under way may have linked it again.
    cut(&node, &agency, &revoked).await?;
    node.reengage(None).await?;
    tracing::warn!(peer = %peer.alias, "the link was revoked");
    let Standing { held, owed } = standing(&node, agency).await?;
    Ok(Json(PeerRevokeReport {
        peer: peer.alias,
        agency: agency.full(),
        at: rfc3339(at),
        held: counted(&held),
        records: held,
        unreachable: owed,
    }))
}

/// Takes the link away: from the transport first, then for good.
async fn cut(node: &Node, agency: &AgencyId, revoked: &Revoked) -> Result<(), ApiError> {
    node.registry.revoke(agency, revoked.clone());
    node.swarm.set_peers(node.registry.linked()).await?;
    Ok(node.registry.keep_revoked(&node.store, agency).await?)
}

/// `GET /v1/revoked`.
pub(super) async fn revoked(State(node): State<Node>) -> Answer<Vec<RevokedPeer>> {
    let all = node.registry.revoked().into_iter();
    let view = |(agency, revoked): (AgencyId, Revoked)| RevokedPeer {
        peer: revoked.alias,
        agency: agency.full(),
        fingerprint: agency.fingerprint(),
        at: rfc3339(revoked.at),
        reason: revoked.reason,
    };
    Ok(Json(all.map(view).collect()))
}

/// A reason that an officer typed: something, and not a novel.
fn reason(typed: &str) -> Result<String, ApiError> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().count() > limits::REASON_CHARS {
        return Err(ApiError::new(
            "invalid",
            format!(
                "a reason has 1 to {} characters: it is read years later",
                limits::REASON_CHARS
            ),
        )
        .with_remedy("say in a sentence why, with --reason TEXT"));
    }
    Ok(typed.to_owned())
}

/// What an agency has of us, and is owed.
struct Standing {
    held: Vec<HeldRecord>,
    owed: Vec<OwedView>,
}

async fn standing(node: &Node, agency: AgencyId) -> Result<Standing, ApiError> {
    let node = node.clone();
    tokio::task::spawn_blocking(move || {
        let mut unreachable = Vec::new();
        let mut owed = Vec::new();
        for (arrival, header) in node.share.unanswered(&agency)? {
            let (view, of) = owed_view(&node, arrival, &header)?;
            unreachable.extend(of);
            owed.push(view);
        }
        let held = held(&node, &agency, &unreachable)?;
        Ok(Standing { held, owed })
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))?
}

/// The records that were released to an agency and that it has, as far as it answered.
/// What was retracted is left out, unless the retraction has not reached it.
fn held(
    node: &Node,
    agency: &AgencyId,
    unreachable: &[RecordId],
) -> Result<Vec<HeldRecord>, StoreError> {
    let mut markings: HashMap<ClassId, String> = HashMap::new();
    let mut held = Vec::new();
    let mut from = Arrival(0);
    loop {
        let lines = node.store.ledger_of(agency, from, limits::STORE_ROWS)?;
        let Some((last, _)) = lines.last() else {
            return Ok(held);
        };
        from = last.next();
        for (arrival, line) in &lines {
            let confirmed = line.answer == Some(Answered::Stored);
            let sent = line.direction == Direction::Sent && line.answer.is_none();
            if line.direction == Direction::Received || !(confirmed || sent) {
                continue;
            }
            let Some(header) = node.store.header(*arrival)? else {
                continue;
            };
            let content =
                kind::of(&header).filter(|k| k.plane() != Plane::Control && *k != Kind::Contact);
            let gone = header.flags.contains(Flags::RETRACTED) && !unreachable.contains(&header.id);
            let Some(kind) = content.filter(|_| !gone) else {
                continue;
            };
            let tlp = match markings.get(&header.class) {
                Some(tlp) => tlp.clone(),
                None => {
                    let class = node.store.class(header.class)?.unwrap_or_default();
                    let tlp = Attributes::from_class_bytes(&class)
                        .map_or_else(|_| "unknown".to_owned(), |attributes| attributes.tlp);
                    markings.insert(header.class, tlp.clone());
                    tlp
                }
            };
            held.push(HeldRecord {
                id: header.id.full(),
                kind: kind.as_str().to_owned(),
                tlp,
                confirmed,
            });
        }
    }
}

fn owed_view(
    node: &Node,
    arrival: Arrival,
    header: &Header,
) -> Result<(OwedView, Option<RecordId>), StoreError> {
    let says = node.share.owed.says(&node.store, arrival)?;
    let of = says.as_deref().and_then(|content| match content {
        Content::Retract(retract) => Some(retract.of),
        Content::Recall(recall) => Some(recall.of),
        _ => None,
    });
    let signed = node
        .store
        .record(arrival)?
        .and_then(|bytes| SignedRecord::parse(bytes).ok());
    let view = OwedView {
        id: header.id.full(),
        kind: kind::of(header)
            .map_or("unknown", |k| k.as_str())
            .to_owned(),
        title: signed
            .map(|s| s.unverified().envelope.fields.title.clone())
            .unwrap_or_default(),
        of: of.map(|id| id.full()),
    };
    Ok((view, of))
}

fn counted(held: &[HeldRecord]) -> Vec<HeldCount> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for one in held {
        *counts.entry((&one.kind, &one.tlp)).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|((kind, tlp), count)| HeldCount {
            kind: kind.to_owned(),
            tlp: tlp.to_owned(),
            count,
        })
        .collect()
}
