//! Decisions: who gets a record and why, in the words of the gates and of the ledger.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::id::AgencyId;

use super::Answer;
use crate::control::api::{GateView, LedgerView, PeerDecision, Why};
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::node::Node;
use crate::share::{Decided, Gate, GateWord};
use crate::store::{Arrival, Direction, LedgerEntry, Path as Way, StoreError};

/// `GET /v1/records/{id}/why/{peer}`.
pub(in crate::control) async fn why(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path((id, peer)): Path<(String, String)>,
) -> Answer<Why> {
    let (arrival, header) = node.find(&id)?;
    let (agency, _) = node.registry.find(&peer)?;
    let (mut decided, mut words) = node.share.explain(&agency, arrival, &header)?;
    node.discreet(&caller, &header, &mut words);
    let deciding = words.iter().find(|word| word.gate == decided.gate);
    let shut = || words.iter().find(|word| !word.allow);
    if let Some(word) = deciding.or_else(shut) {
        decided.gate = word.gate;
        decided.rule = word.rule.clone();
    }
    let mut decision = PeerDecision::of(&node, &agency, &decided, &words);
    if decided.gate == Gate::Policy && !decided.allow && node.may_be_told(&caller, &header) {
        let nearest = node.share.nearest(&agency, arrival, &header)?;
        for near in nearest {
            decision.says.push(' ');
            decision.says.push_str(&near);
        }
    }
    let line = node.store.ledger_entry(&agency, arrival)?;
    Ok(Json(Why {
        id: header.id.full(),
        decision,
        gates: words.iter().map(GateView::from).collect(),
        ledger: line
            .map(|line| LedgerView::new(&node, &agency, arrival, &line))
            .transpose()?,
        parcels: node.parcels_with(&agency, arrival),
        refused: node.refusal_views(Some(&agency)),
    }))
}

impl From<&GateWord> for GateView {
    fn from(word: &GateWord) -> Self {
        Self {
            gate: word.gate.as_str().into(),
            allow: word.allow,
            rule: word.rule.to_string(),
            says: word.says.clone(),
            place: word.place.clone(),
        }
    }
}

impl LedgerView {
    pub(super) fn new(
        node: &Node,
        peer: &AgencyId,
        arrival: Arrival,
        line: &LedgerEntry,
    ) -> Result<Self, StoreError> {
        let taken_back = node.parcels.came_back(peer, arrival, line)?;
        Ok(Self {
            peer: node.registry.alias(peer),
            direction: match line.direction {
                Direction::Offered => "offered",
                Direction::Received => "received",
                Direction::Sent => "sent",
            }
            .into(),
            at: rfc3339(line.at),
            answer: line.answer.map(|a| a.to_string()),
            rule: line.rule.to_string(),
            path: path(line.path).into(),
            taken_back: taken_back.map(rfc3339),
        })
    }
}

/// How something travelled, as people read it.
pub(super) const fn path(path: Way) -> &'static str {
    match path {
        Way::Direct => "direct",
        Way::Circuit => "circuit",
        Way::Mailbox => "mailbox",
        Way::Bundle => "bundle",
    }
}

impl PeerDecision {
    /// The deciding gate's word.
    pub(in crate::control) fn of(
        node: &Node,
        agency: &AgencyId,
        decided: &Decided,
        words: &[GateWord],
    ) -> Self {
        let word = words.iter().find(|w| w.gate == decided.gate);
        Self {
            peer: node.registry.alias(agency),
            agency: agency.full(),
            allow: decided.allow,
            gate: decided.gate.as_str().into(),
            rule: decided.rule.to_string(),
            says: word.map(|w| w.says.clone()).unwrap_or_default(),
            place: word.and_then(|w| w.place.clone()),
        }
    }
}
