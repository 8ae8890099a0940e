//! `POST /v1/policy/explain`: a decision taken apart. `why` answers an officer in a sentence;
//! this shows all that the decision was made of, to whoever writes the policy.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Extension, State};
use data_encoding::HEXLOWER;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::signed::SignedRecord;

use super::Answer;
use crate::control::api::{
    ApiError, ExplainRequest, Explanation, GateView, PeerDecision, StatementView,
};
use crate::control::caller::Caller;
use crate::node::Node;
use crate::policy::{Action, Attributes, Nearest};
use crate::share::{Decided, GateWord};

/// What is explained.
struct Subject {
    id: Option<String>,
    title: String,
    decided: Decided,
    words: Vec<GateWord>,
    /// None: this version can't read what policy would see.
    class: Option<Attributes>,
    addressed: bool,
}

/// `POST /v1/policy/explain`.
pub(in crate::control) async fn explain(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<ExplainRequest>,
) -> Answer<Explanation> {
    let (agency, _) = node.registry.find(&request.peer)?;
    let subject = match (&request.id, &request.draft) {
        (Some(id), None) => stored(&node, &caller, &agency, id)?,
        (None, Some(draft)) => drafted(&node, &agency, &draft.to_string(), &request)?,
        _ => {
            return Err(
                ApiError::new("invalid", "either a record or a draft is explained")
                    .with_remedy("'liaison policy explain ID PEER' or '--draft FILE PEER'"),
            );
        }
    };
    let engine = node.policies.current();
    let mut explanation = Explanation {
        id: subject.id,
        title: subject.title,
        decision: PeerDecision::of(&node, &agency, &subject.decided, &subject.words),
        gates: subject.words.iter().map(GateView::from).collect(),
        statements: Vec::new(),
        nearest: Vec::new(),
        errors: Vec::new(),
        peer: peer(&node, &agency),
        record: BTreeMap::new(),
        addressed: subject.addressed,
        policy: HEXLOWER.encode(&engine.set().text().sha256()),
        epoch: engine.epoch(),
    };
    if let Some(class) = &subject.class {
        let decision = engine.decide(Action::Share, &agency, class, subject.addressed);
        explanation.statements = decision
            .statements
            .iter()
            .map(|s| StatementView {
                id: s.id.clone(),
                effect: engine.set().effect(&s.id).to_owned(),
                says: s.says.clone(),
                place: format!("{}:{}", s.file, s.line),
            })
            .collect();
        if decision.default_deny {
            let nearest = engine.nearest(Action::Share, &agency, class, subject.addressed);
            explanation.nearest = nearest.iter().map(Nearest::in_words).collect();
        }
        explanation.errors = decision.errors;
        explanation.record = record(&node, class);
    }
    Ok(Json(explanation))
}

fn stored(node: &Node, caller: &Caller, agency: &AgencyId, id: &str) -> Result<Subject, ApiError> {
    let (arrival, header) = node.find(id)?;
    node.told(caller, &header)?;
    node.unlocked(&header)?;
    let (decided, words) = node.share.explain(agency, arrival, &header)?;
    let title = node
        .store
        .record(arrival)?
        .and_then(|bytes| SignedRecord::parse(bytes).ok())
        .map_or_else(
            || "(erased)".to_owned(),
            |r| r.unverified().envelope.fields.title.clone(),
        );
    let listed = node.store.audience(arrival)?;
    Ok(Subject {
        id: Some(header.id.full()),
        title,
        decided,
        words,
        class: node.share.seen(&header)?,
        addressed: listed.is_some_and(|l| l.contains(agency)),
    })
}

fn drafted(
    node: &Node,
    agency: &AgencyId,
    draft: &str,
    request: &ExplainRequest,
) -> Result<Subject, ApiError> {
    let (fields, content) = node.resolve(draft)?;
    let audience = node.audience(request.to.as_deref())?;
    let record = node.record(&fields, &content);
    let (decided, words) = node
        .share
        .explain_draft(agency, &record, audience.as_deref());
    let country = node.registry.country(&record.envelope.author);
    Ok(Subject {
        id: None,
        title: fields.title,
        decided,
        words,
        class: Some(crate::policy::attributes(&record, &country, false)),
        addressed: audience.is_some_and(|l| l.contains(agency)),
    })
}

fn peer(node: &Node, agency: &AgencyId) -> BTreeMap<String, String> {
    let engine = node.policies.current();
    let mut peers = engine.directory().peers().iter();
    let Some(peer) = peers.find(|p| p.agency == *agency) else {
        return BTreeMap::new();
    };
    named([
        ("alias", peer.alias.clone()),
        ("sector", peer.sector.clone()),
        ("country", peer.country.clone()),
        ("route_roles", set(&peer.route_roles)),
        ("regime", peer.regime.clone()),
        (
            "circles",
            set(&engine.circles_of(agency).into_iter().collect()),
        ),
    ])
}

fn record(node: &Node, class: &Attributes) -> BTreeMap<String, String> {
    let own = class.author == node.registry.own();
    named([
        ("kind", class.kind.clone()),
        ("plane", class.plane.clone()),
        ("tlp", class.tlp.clone()),
        ("handling", set(&class.handling)),
        ("onward", class.onward.clone()),
        ("purpose", class.purpose.clone()),
        ("author", node.registry.alias(&class.author)),
        ("author_country", class.author_country.clone()),
        ("own", own.to_string()),
        ("class", class.class.clone()),
        ("tags", set(&class.tags)),
        ("marked", class.marked.to_string()),
        ("exercise", class.exercise.to_string()),
    ])
}

fn named<const N: usize>(attributes: [(&str, String); N]) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn set(values: &BTreeSet<String>) -> String {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("[{}]", values.join(", "))
}
