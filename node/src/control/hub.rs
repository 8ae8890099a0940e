//! `GET /v1/hub`: what this node carries for others.

use axum::Json;
use axum::extract::State;

use super::api::{ApiError, HubReport, HubUse, Tally, WaitingParcels};
use super::text::rfc3339;
use crate::node::Node;

/// `GET /v1/hub`.
pub(super) async fn show(State(node): State<Node>) -> Result<Json<HubReport>, ApiError> {
    Ok(Json(report(&node)))
}

/// What it carries; of a node that is no hub: nothing.
pub(super) fn report(node: &Node) -> HubReport {
    let (Some(hub), Some(config)) = (&node.hub, &node.config.hub) else {
        return HubReport::default();
    };
    let usage = hub.mailbox().usage();
    let waiting = hub.mailbox().waiting().into_iter();
    let mut waiting: Vec<WaitingParcels> = waiting
        .map(|one| WaitingParcels {
            peer: node.registry.alias(&one.to),
            agency: one.to.full(),
            parcels: one.usage.parcels,
            bytes: one.usage.bytes,
            oldest: rfc3339(one.oldest),
        })
        .collect();
    waiting.sort_by(|a, b| a.peer.cmp(&b.peer));
    let refused = hub.refused().into_iter();
    let relayed = node.swarm.relayed();
    let relayed = relayed.borrow();
    let circuits = relayed.circuits.iter().map(|(_, _, count)| *count as u64);
    HubReport {
        hub: true,
        reservations: HubUse {
            used: relayed.reservations.len() as u64,
            most: config.reservations as u64,
        },
        circuits: circuits.sum(),
        circuits_refused: relayed.refused,
        circuits_missed: relayed.absent,
        mailbox: HubUse {
            used: usage.bytes,
            most: hub.mailbox().room().total,
        },
        parcels: usage.parcels,
        waiting,
        refused: refused
            .map(|(reason, count)| Tally {
                reason: reason.as_str().to_owned(),
                count,
            })
            .collect(),
        aside: hub.mailbox().aside(),
    }
}
