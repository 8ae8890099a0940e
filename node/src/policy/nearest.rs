//! Why nothing allowed it: which statements came nearest, and what they still ask for.

use cedar_policy::{Authorizer, Effect, Entities, Policy, PolicyId, PrincipalConstraint, Request};
use liaison_protocol::id::AgencyId;
use serde::Serialize;
use serde_json::{Value, json};

use super::attributes::Attributes;
use super::decision::{Action, StatementRef};
use super::engine::Engine;
use super::limits;
use super::scan::on_deep_stack;

/// A statement that would allow it, if what it asks for were so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// The statement.
    pub statement: StatementRef,
    /// It speaks of this peer; only the record is not what it asks for.
    pub for_this_peer: bool,
    /// The conditions that do not hold, in Cedar, as written: `resource.own`. One that could
    /// not be evaluated counts as not holding.
    pub unmet: Vec<String>,
}

impl Nearest {
    /// One sentence for an officer.
    pub fn in_words(&self) -> String {
        let StatementRef {
            id,
            says,
            file,
            line,
        } = &self.statement;
        format!(
            "Nearest is '{id}' ({file}, line {line}): {says} Not so: {}.",
            self.unmet.join("; ")
        )
    }
}

impl Engine {
    /// The permits that came nearest to allowing an action that was denied by default: those
    /// for this peer first, then those with the fewest unmet conditions. At most
    /// [`limits::NEAREST`]; slow, for `why` only.
    pub fn nearest(
        &self,
        action: Action,
        peer: &AgencyId,
        class: &Attributes,
        addressed: bool,
    ) -> Vec<Nearest> {
        on_deep_stack(|| self.find_nearest(action, peer, class, addressed))
    }

    fn find_nearest(
        &self,
        action: Action,
        peer: &AgencyId,
        class: &Attributes,
        addressed: bool,
    ) -> Vec<Nearest> {
        let Some(principal) = self.principal(peer) else {
            return Vec::new();
        };
        let Ok((request, entities)) = self.question(action, principal, class, addressed) else {
            return Vec::new();
        };
        let mut found: Vec<Nearest> = self
            .set()
            .statements
            .values()
            .filter(|s| s.effect == Effect::Permit && s.concerns(action))
            .filter_map(|s| {
                let parts = parts(&s.policy)?;
                let head = head(&s.policy);
                let for_this_peer = head.iter().all(|part| part.holds(&request, &entities));
                let unmet = head
                    .into_iter()
                    .chain(parts)
                    .filter(|p| !p.holds(&request, &entities));
                let unmet = unmet.map(|part| part.text).collect();
                Some(Nearest {
                    statement: s.reference.clone(),
                    for_this_peer,
                    unmet,
                })
            })
            .collect();
        found.sort_by_key(|n| (!n.for_this_peer, n.unmet.len()));
        found.truncate(limits::NEAREST);
        found
    }
}

/// One condition of a statement, as a statement of its own.
struct Part {
    policy: Policy,
    text: String,
}

impl Part {
    fn new(condition: Value) -> Option<Self> {
        let any = json!({ "op": "All" });
        let json = json!({
            "effect": "permit", "principal": any, "action": any, "resource": any,
            "conditions": [condition],
        });
        let policy = Policy::from_json(Some(PolicyId::new("part")), json).ok()?;
        let text = policy.to_cedar()?;
        let keyword = if text.contains(" unless {") {
            "not "
        } else {
            ""
        };
        let body = text.split_once('{')?.1.rsplit_once('}')?.0;
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Self {
            policy,
            text: format!("{keyword}{body}"),
        })
    }

    fn holds(&self, request: &Request, entities: &Entities) -> bool {
        let mut set = cedar_policy::PolicySet::new();
        let added = set.add(self.policy.clone()).is_ok();
        let response = Authorizer::new().is_authorized(request, &set, entities);
        added && response.decision() == cedar_policy::Decision::Allow
    }
}

/// The conditions of `when` and `unless`, taken apart where all must hold.
fn parts(policy: &Policy) -> Option<Vec<Part>> {
    let json = policy.to_json().ok()?;
    let mut parts = Vec::new();
    for condition in json.get("conditions")?.as_array()? {
        let kind = condition.get("kind")?.as_str()?;
        let mut bodies = Vec::new();
        // `unless { a || b }` asks for neither.
        split(
            condition.get("body")?,
            if kind == "when" { "&&" } else { "||" },
            &mut bodies,
        );
        for body in bodies {
            parts.push(Part::new(json!({ "kind": kind, "body": body }))?);
        }
    }
    Some(parts)
}

fn split(body: &Value, operator: &str, into: &mut Vec<Value>) {
    match body
        .get(operator)
        .and_then(|both| Some((both.get("left")?, both.get("right")?)))
    {
        Some((left, right)) => {
            split(left, operator, into);
            split(right, operator, into);
        }
        None => into.push(body.clone()),
    }
}

/// The head's word on the principal, as a condition; none if it takes any.
fn head(policy: &Policy) -> Option<Part> {
    let (operator, uid) = match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => return None,
        PrincipalConstraint::Eq(uid) => ("==", uid),
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => ("in", uid),
    };
    let entity = json!({ "type": uid.type_name().to_string(), "id": uid.id().unescaped() });
    let body = json!({ operator: { "left": { "Var": "principal" }, "right": { "Value": { "__entity": entity } } } });
    Part::new(json!({ "kind": "when", "body": body }))
}
