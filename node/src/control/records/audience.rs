//! The distribution list of a record of our own, after it was pushed.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::{Kind, Plane, RecallReason};

use super::Answer;
use crate::control::api::{ApiError, AudienceReport, AudienceRequest, PeerDecision};
use crate::control::caller::Caller;
use crate::kind;
use crate::node::Node;
use crate::parcels::Row;
use crate::store::{Flags, Op};
use crate::withdrawal::is_erased;

/// `POST /v1/records/{id}/audience`: whoever may not have it any more is told to erase it,
/// whoever may have it now gets it.
pub(in crate::control) async fn audience(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(request): Json<AudienceRequest>,
) -> Answer<AudienceReport> {
    let (arrival, header) = node.find(&id)?;
    node.own_word(&header, "given to others")?;
    let control = kind::of(&header).is_none_or(|k| k.plane() == Plane::Control);
    if control || kind::of(&header) == Some(Kind::Contact) {
        return Err(ApiError::new(
            "refused",
            "a card or a control record goes to whom it concerns, and has no distribution list",
        ));
    }
    if kind::is_sealed(&header) {
        return Err(ApiError::new(
            "refused",
            format!("{} is sealed to those whom it names, and nobody else can be given it", header.id.short()),
        )
        .with_remedy("a referral goes to the next provider with a record of its own: 'liaison refer show ID' says what can be done"));
    }
    if [Flags::ERASED, Flags::RETRACTED, Flags::SUPERSEDED]
        .into_iter()
        .any(|gone| header.flags.contains(gone))
    {
        return Err(ApiError::new(
            "conflict",
            format!("{} is not in force any more", header.id.short()),
        )
        .with_remedy(format!(
            "'liaison show {}' says what took its place",
            header.id.short()
        )));
    }
    // One change at a time, also beside changes of policy and peers.
    let _turn = node.changing.lock().await;
    let list = node.audience(request.to.as_deref())?;
    let record = node.statement(arrival)?;
    node.within_ceilings(caller.officer.roles, &record, list.as_deref())?;
    let mut peers = Vec::new();
    let mut allowed: BTreeSet<AgencyId> = BTreeSet::new();
    for agency in node.registry.peers().keys() {
        let (decided, words) = node.share.explain_draft(agency, &record, list.as_deref());
        if decided.allow {
            allowed.insert(*agency);
        }
        peers.push(PeerDecision::of(&node, agency, &decided, &words));
    }
    peers.sort_by(|a, b| a.peer.cmp(&b.peer));
    let undecided = crate::share::undecided(&header.id);
    let was_undecided = node.store.meta(&undecided)?.is_some();
    // First: a release under the old list that is still under way is in the ledger by now, or is
    // decided by the new one, or finds a recall that it did not know of.
    if !request.dry_run {
        let op = Op::Audience {
            arrival,
            audience: list,
        };
        let decided = Op::DeleteMeta { name: undecided };
        node.store.write(vec![op, decided]).await?;
    }
    let (mut out, mut added) = (Vec::new(), Vec::new());
    for (agency, _) in node.store.ledgers_for(arrival)? {
        if !allowed.contains(&agency) && node.is_out(arrival, &header, &agency)? {
            out.push(agency);
        }
    }
    for agency in &allowed {
        let passed = crate::share::passed(&node.store, agency, &header.id)?;
        let recalled = node.store.recalled(&header.id, agency)?.is_some();
        // By a withdrawal that a restore has lost: our ledger says that it has the record.
        let told = node.store.told(&header.id, agency)?;
        let lost = was_undecided && !recalled && told.is_some_and(|t| is_erased(&t));
        if lost && !request.dry_run {
            let peer = *agency;
            node.store.write(vec![Op::Reopen { peer, arrival }]).await?;
        }
        if !passed || lost || (recalled && !node.is_out(arrival, &header, agency)?) {
            added.push(*agency);
        }
    }
    if !request.dry_run {
        for agency in &out {
            node.recall(&[header.id], agency, RecallReason::Policy)
                .await?;
        }
        // Of what was looked at for those who are away, some is looked at again.
        if !added.is_empty() {
            node.share.owed.recheck();
        }
        for agency in &added {
            node.sync.offer_again(agency, [header.id]);
        }
    }
    let left = match request.dry_run {
        true => Vec::new(),
        false => {
            let withdrawn =
                |row: &Row| row.records.contains(&arrival) && !allowed.contains(&row.to);
            node.taken_back(withdrawn).await
        }
    };
    let names = |agencies: &[AgencyId]| {
        let mut names: Vec<String> = agencies.iter().map(|a| node.registry.alias(a)).collect();
        names.sort();
        names
    };
    Ok(Json(AudienceReport {
        id: header.id.full(),
        added: names(&added),
        recalled: names(&out),
        peers,
        parcels: node.parcel_views(left),
    }))
}
