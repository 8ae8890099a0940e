//! An agency stops being a peer: removed in order, or revoked at once.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::fault::Answer as Answered;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane, RecallReason};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;

use super::api::{
    ApiError, HeldCount, HeldRecord, OwedView, PeerRemoveReport, PeerRemoveRequest,
    PeerRevokeReport, PeerRevokeRequest, RevokedPeer,
};
use super::approval::{Irrevocable, OfPeer, second_person};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::note;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::policy::Attributes;
use crate::registry::Revoked;
use crate::store::{Arrival, ClassId, Direction, Flags, Header, StoreError};

type Answer<T> = Result<Json<T>, ApiError>;

/// `POST /v1/peers/{name}/remove`.
pub(super) async fn remove(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(request): Json<PeerRemoveRequest>,
) -> Answer<PeerRemoveReport> {
    carry_out(&node, &caller, &name, request).await
}

/// Removes a peer, at once or when a second person approved it.
pub(super) async fn carry_out(
    node: &Node,
    caller: &Caller,
    name: &str,
    request: PeerRemoveRequest,
) -> Answer<PeerRemoveReport> {
    let _one_at_a_time = node.changing.lock().await;
    let (agency, peer) = node.registry.find(name)?;
    if request.dry_run {
        let Standing { held, owed } = standing(node, agency).await?;
        return Ok(Json(PeerRemoveReport {
            peer: peer.alias,
            holds: held.len() as u64,
            held: counted(&held),
            recalled: 0,
            owed,
            leaving: peer.leaving.is_some(),
            parcels: Vec::new(),
        }));
    }
    if request.recall {
        let says = format!(
            "remove peer '{}', which calls back all that it holds",
            peer.alias
        );
        let asked = Irrevocable::Removal(OfPeer {
            agency: agency.full(),
            request: request.clone(),
        });
        second_person(node, caller, asked, says, None).await?;
    }
    let now = node.clock.now();
    let again = peer.leaving.is_some();
    node.registry.leave(&node.store, &agency, now).await?;
    node.reengage(None).await?;
    let mut recalled = 0;
    if request.recall {
        // The link is closed for all but what is owed, so that nothing goes after this look.
        // It can't end before we are done: its end waits for the same lock.
        let Standing { held, .. } = standing(node, agency).await?;
        let out: Vec<RecordId> = held.iter().filter_map(|h| h.id.parse().ok()).collect();
        let made = node
            .recall(&out, &agency, RecallReason::PeerRemoved)
            .await?;
        recalled = made.len() as u64;
    }
    // What is owed to it still goes in parcels, without the rest.
    let mut shared = Vec::new();
    for row in node.parcels.outbox().rows(|row| row.to == agency) {
        if node.parcels.holds_shared(&row)? {
            shared.push(row.key());
        }
    }
    let left = node
        .taken_back(|row| row.to == agency && shared.contains(&row.key()))
        .await;
    let Standing { held, owed } = standing(node, agency).await?;
    // Who removes it a second time does not want to wait, but for what is called back now.
    let leaving = !owed.is_empty() && (!again || recalled > 0);
    if !leaving {
        node.registry.unlink(&node.store, &agency).await?;
        node.time.forget(&agency);
    }
    Ok(Json(PeerRemoveReport {
        peer: peer.alias,
        holds: held.len() as u64,
        held: counted(&held),
        recalled,
        owed,
        leaving,
        parcels: node.parcel_views(left),
    }))
}

/// `POST /v1/peers/{name}/revoke`.
pub(super) async fn revoke(
    State(node): State<Node>,
    Path(name): Path<String>,
    Json(request): Json<PeerRevokeRequest>,
) -> Answer<PeerRevokeReport> {
    let reason = reason(&request.reason)?;
    note(|note| note.typed("reason", &reason));
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
    let left = node.taken_back(|row| row.to == agency).await;
    let Standing { held, owed } = standing(&node, agency).await?;
    Ok(Json(PeerRevokeReport {
        peer: peer.alias,
        agency: agency.full(),
        at: rfc3339(at),
        held: counted(&held),
        records: held,
        unreachable: owed,
        parcels: node.parcel_views(left),
    }))
}

/// Takes the link away: from the transport first, then for good.
async fn cut(node: &Node, agency: &AgencyId, revoked: &Revoked) -> Result<(), ApiError> {
    node.registry.revoke(agency, revoked.clone());
    node.swarm.set_peers(node.registry.linked()).await?;
    node.time.forget(agency);
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
    let standing = tokio::task::spawn_blocking(move || {
        let mut unreachable = Vec::new();
        let mut owed = Vec::new();
        for (arrival, header) in node.share.unanswered(&agency)? {
            let (view, of) = owed_view(&node, arrival, &header)?;
            unreachable.extend(of);
            owed.push(view);
        }
        let held = held(&node, &agency, &unreachable)?;
        Ok::<_, ApiError>(Standing { held, owed })
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    note(|note| {
        let held = standing.held.iter().map(|one| &one.id);
        let owed = standing.owed.iter().map(|one| &one.id);
        let ids = owed.chain(held).filter_map(|id| id.parse().ok());
        ids.for_each(|id| note.record(id));
    });
    Ok(standing)
}

/// The records that were released to an agency and that it has, as far as it answered.
/// What was retracted or recalled is left out, unless it has not answered that.
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
            let told_to_erase = header.flags.contains(Flags::RETRACTED)
                || (confirmed && !node.is_out(*arrival, &header, agency)?);
            let gone = told_to_erase && !unreachable.contains(&header.id);
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
