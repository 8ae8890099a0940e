//! For the agencies and circles as they are, by trying records of every class.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Entities, EntityUid, PolicySet, Request};
use liaison_protocol::id::AgencyId;
use sha2::{Digest, Sha256};

use super::super::attributes::Attributes;
use super::super::decision::{Action, Decision};
use super::super::directory::PeerAttributes;
use super::super::engine::Engine;
use super::super::of_parcel::attributes_of_parcel;
use super::super::scan::on_deep_stack;
use super::super::schema;
use super::case::{Author, Case};
use super::invariant::{CIRCLE_SECTORS, Invariant, permits};
use super::report::{Finding, Origin, Part, Verdict};

/// Holds an engine to its invariants and circles to their rules, for the peer `only` or for all.
/// Of the invariants, those that `wanted` names: what is proven for all agencies need not be
/// tried with some. Needs no solver; takes a second or so for many peers.
///
/// # Errors
/// What Cedar says, if the invariants inside the program are faulty.
pub fn concrete(
    engine: &Engine,
    only: Option<&AgencyId>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Finding>, String> {
    let peers: Vec<&PeerAttributes> = engine
        .directory()
        .peers()
        .iter()
        .filter(|p| only.is_none_or(|agency| p.agency == *agency))
        .collect();
    let mut all = Invariant::all(engine.set())?;
    all.retain(|i| wanted(&i.id));
    let (of_some, invariants): (Vec<Invariant>, Vec<Invariant>) =
        all.into_iter().partition(Invariant::is_of_some);
    let mut broken: BTreeMap<String, Verdict> = BTreeMap::new();
    // Peers that policy cannot tell apart need trying once.
    let distinct = apart(engine, &peers);
    let shared = Invariant::of_action(&invariants, Action::Share);
    if !shared.is_empty() && permits(engine.set(), Action::Share) {
        let together = Invariant::together(&shared)?;
        for (record, addressed) in classes(engine) {
            if broken.len() == shared.len() {
                break;
            }
            let question = (Action::Share, &record, addressed);
            on_deep_stack(|| tried(engine, &distinct, question, &together, &mut broken))?;
        }
    }
    let carried = Invariant::of_action(&invariants, Action::Carry);
    if !carried.is_empty() && permits(engine.set(), Action::Carry) {
        let together = Invariant::together(&carried)?;
        let everybody: Vec<&PeerAttributes> = engine.directory().peers().iter().collect();
        let everybody = apart(engine, &everybody);
        // Whose parcels, and for whom: a peer that is looked at alone is either.
        let pairs = [(&everybody, &distinct), (&distinct, &everybody)];
        let pairs = pairs.into_iter().take(if only.is_none() { 1 } else { 2 });
        for (depositors, addressees) in pairs {
            for depositor in depositors {
                let parcel = attributes_of_parcel(depositor.agency, &depositor.country);
                let others = addressees.iter().copied();
                let others: Vec<&PeerAttributes> =
                    others.filter(|p| p.agency != depositor.agency).collect();
                let question = (Action::Carry, &parcel, true);
                on_deep_stack(|| tried(engine, &others, question, &together, &mut broken))?;
            }
        }
    }
    for invariant in &of_some {
        if let Some(verdict) = on_deep_stack(|| tried_alone(engine, &distinct, invariant)) {
            broken.insert(invariant.id.clone(), verdict);
        }
    }
    let mut findings: Vec<Finding> = of_some
        .into_iter()
        .chain(invariants)
        .map(|invariant| Finding {
            verdict: broken.remove(&invariant.id).unwrap_or(Verdict::Proven),
            id: invariant.id,
            says: invariant.says,
            origin: invariant.origin,
            part: Part::Concrete,
        })
        .collect();
    findings.push(sectors(engine, &peers));
    Ok(findings)
}

/// Tries what is held against some statements alone: one case in which such a statement permits.
fn tried_alone(
    engine: &Engine,
    peers: &[&PeerAttributes],
    invariant: &Invariant,
) -> Option<Verdict> {
    let set = engine.set();
    for action in Action::ALL {
        if !invariant.concerns(action) || !invariant.has_a_case(set, action) {
            continue;
        }
        for (record, addressed) in classes(engine) {
            for peer in peers {
                let decision = engine.decide(action, &peer.agency, &record, addressed);
                let blamed = |decision: &Decision| {
                    let ids = decision.statements.iter().map(|s| &s.id);
                    ids.filter_map(|id| set.statements.get(id))
                        .any(|s| invariant.looks_at(s))
                };
                if decision.allow && blamed(&decision) {
                    let case = case(engine, peer, (action, &record, addressed));
                    return Some(case.into_verdict(&decision, true));
                }
            }
        }
    }
    None
}

/// Those that policy can tell apart.
fn apart<'a>(engine: &Engine, peers: &[&'a PeerAttributes]) -> Vec<&'a PeerAttributes> {
    let mut seen = BTreeSet::new();
    let peers = peers.iter().copied();
    peers.filter(|p| seen.insert(profile(engine, p))).collect()
}

/// What is asked of the engine, of whichever peer.
type Question<'a> = (Action, &'a Attributes, bool);

/// Tries one record with each peer; what it breaks is added to `broken`.
fn tried(
    engine: &Engine,
    peers: &[&PeerAttributes],
    (action, record, addressed): Question<'_>,
    together: &PolicySet,
    broken: &mut BTreeMap<String, Verdict>,
) -> Result<(), String> {
    let mut asked: Option<(Request, Entities)> = None;
    for peer in peers {
        let Some(principal) = engine.principal(&peer.agency) else {
            continue;
        };
        // The entities are the same for all peers, and costly.
        let (request, entities) = match asked.take() {
            Some((before, entities)) => (for_another(&before, principal)?, entities),
            None => engine.question(action, principal, record, addressed)?,
        };
        let answer = Authorizer::new().is_authorized(&request, together, &entities);
        asked = Some((request, entities));
        // Allowed by the invariants together: none forbids it.
        if answer.decision() == cedar_policy::Decision::Allow {
            continue;
        }
        let forbidding: Vec<String> = answer
            .diagnostics()
            .reason()
            .map(ToString::to_string)
            .filter(|id| !broken.contains_key(id))
            .collect();
        if forbidding.is_empty() {
            continue;
        }
        let decision = engine.decide(action, &peer.agency, record, addressed);
        if decision.allow {
            let case = case(engine, peer, (action, record, addressed));
            for id in forbidding {
                broken.insert(id, case.clone().into_verdict(&decision, true));
            }
        }
    }
    Ok(())
}

/// The same question about another peer.
fn for_another(request: &Request, principal: &EntityUid) -> Result<Request, String> {
    match (request.action(), request.resource(), request.context()) {
        (Some(action), Some(resource), Some(context)) => Request::new(
            principal.clone(),
            action.clone(),
            resource.clone(),
            context.clone(),
            None,
        )
        .map_err(|e| e.to_string()),
        _ => Err("the question lacks a part".to_owned()),
    }
}

/// Whether the members of circles are of the sectors that the circles are for.
fn sectors(engine: &Engine, peers: &[&PeerAttributes]) -> Finding {
    let mut wrong = Vec::new();
    for (circle, rule) in engine.set().rules() {
        if rule.sectors.is_empty() {
            continue;
        }
        for peer in peers {
            if engine.circles_of(&peer.agency).contains(circle)
                && !rule.sectors.contains(&peer.sector)
            {
                let sectors: Vec<&str> = rule.sectors.iter().map(String::as_str).collect();
                wrong.push(format!(
                    "'{}' is in the circle '{circle}' and of sector {}; that circle is for {}. Take it out of the circle, or correct the rule in entities.json",
                    peer.alias,
                    peer.sector,
                    sectors.join(", ")
                ));
            }
        }
    }
    Finding {
        id: CIRCLE_SECTORS.into(),
        says: "The members of each circle are of the sectors that it is for.".into(),
        origin: Origin::Circles,
        part: Part::Concrete,
        verdict: if wrong.is_empty() {
            Verdict::Proven
        } else {
            Verdict::Refuted {
                case: None,
                words: format!("{}.", wrong.join(". ")),
                statements: Vec::new(),
                confirmed: true,
            }
        },
    }
}

/// What decisions about a peer depend on: the same for two peers gives the same decisions.
fn profile(engine: &Engine, peer: &PeerAttributes) -> impl Ord + use<> {
    let named = engine
        .set()
        .literals
        .contains(&("Agency".to_owned(), peer.alias.clone()))
        .then(|| peer.alias.clone());
    (
        named,
        peer.sector.clone(),
        peer.country.clone(),
        peer.route_roles.clone(),
        peer.regime.clone(),
        engine.circles_of(&peer.agency),
    )
}

/// Records of every kind, at every TLP, that differ in what the statements look at; of our own
/// and of an agency that we do not know.
fn classes(engine: &Engine) -> Vec<(Attributes, bool)> {
    let mut classes = Vec::new();
    for kind in schema::codes("Kind") {
        for tlp in schema::codes("Tlp") {
            for (record, addressed) in engine.variants(kind, tlp) {
                let mut other = record.clone();
                other.author = AgencyId::from_bytes(Sha256::digest("another agency").into());
                other.author_country = "QZ".to_owned();
                classes.push((record, addressed));
                classes.push((other, addressed));
            }
        }
    }
    classes
}

fn case(engine: &Engine, peer: &PeerAttributes, (action, record, addressed): Question<'_>) -> Case {
    let mut peer = peer.clone();
    peer.circles = engine.circles_of(&peer.agency).into_iter().collect();
    let mut peers = engine.directory().peers().iter();
    let author = if record.author == engine.directory().own().agency {
        Author::Own
    } else if let Some(known) = peers.find(|p| p.agency == record.author) {
        let mut known = known.clone();
        known.circles = engine.circles_of(&known.agency).into_iter().collect();
        Author::Another(Box::new(known))
    } else {
        Author::Another(Box::new(PeerAttributes {
            agency: record.author,
            alias: "another-agency".to_owned(),
            sector: "unknown".to_owned(),
            country: record.author_country.clone(),
            route_roles: BTreeSet::new(),
            regime: "unknown".to_owned(),
            circles: BTreeSet::new(),
        }))
    };
    Case {
        action,
        own: engine.directory().own().clone(),
        peer,
        author,
        record: record.clone(),
        addressed,
    }
}
