//! What a policy must never allow.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet as Cedar};

use super::super::decision::{Action, StatementRef};
use super::super::set::{PolicySet, Statement};
use super::report::Origin;
use super::{BUILTIN_TEXT, WORLD_TEXT};

/// Name of the finding that says whether a statement can fail.
pub(super) const NO_ERRORS: &str = "no-errors";

/// What [`NO_ERRORS`] says.
pub(super) const NO_ERRORS_SAYS: &str = "No statement can fail while it is evaluated.";

/// Name of the finding about the kinds that circles are given, where none is.
pub(super) const CIRCLE_KINDS: &str = "circle-kinds";

/// Name of the finding about the sectors of circles' members.
pub(super) const CIRCLE_SECTORS: &str = "circle-sectors";

/// A `forbid` that the policy must imply.
#[derive(Clone, Debug)]
pub struct Invariant {
    /// Its name.
    pub id: String,
    /// Its sentence.
    pub says: String,
    /// Who asks for it.
    pub origin: Origin,
    pub(super) statement: Statement,
    /// It is held against those permits alone that speak of this action as well (`@also`).
    also: Option<Action>,
}

impl Invariant {
    /// All that a set is held to: the built-in ones, those of circles, the agency's own.
    ///
    /// # Errors
    /// What Cedar says, if the texts inside the program are faulty.
    pub(super) fn all(set: &PolicySet) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = statements(BUILTIN_TEXT)?
            .into_iter()
            .map(|s| Self::of(s, Origin::BuiltIn))
            .collect();
        for statement in statements(&circle_text(set))? {
            all.push(Self::of(statement, Origin::Circles));
        }
        let own = set.invariants.values().cloned();
        all.extend(own.map(|s| Self::of(s, Origin::Agency)));
        Ok(all)
    }

    fn of(statement: Statement, origin: Origin) -> Self {
        Self {
            id: statement.reference.id.clone(),
            says: statement.reference.says.clone(),
            origin,
            also: match origin {
                Origin::BuiltIn => also(&statement.policy),
                _ => None,
            },
            statement,
        }
    }

    /// Whether it is held against some statements alone.
    pub(super) const fn is_of_some(&self) -> bool {
        self.also.is_some()
    }

    /// Whether it is held against a statement, of those that speak of an action.
    pub(super) fn looks_at(&self, statement: &Statement) -> bool {
        let permits = statement.effect == Effect::Permit;
        !permits || self.also.is_none_or(|also| statement.concerns(also))
    }

    /// Whether a set has a permit for an action that it is held against.
    pub(super) fn has_a_case(&self, set: &PolicySet, action: Action) -> bool {
        let mut permits = set
            .statements
            .values()
            .filter(|s| s.effect == Effect::Permit);
        permits.any(|s| s.concerns(action) && self.looks_at(s))
    }

    /// What it is held against: statements of a set that speak of an action, and what is so in
    /// every case.
    pub(super) fn held_against(&self, set: &PolicySet, action: Action) -> Result<Cedar, String> {
        let statements = set.statements.values().filter(|s| self.looks_at(s));
        in_the_world(statements.filter(|s| s.concerns(action)))
    }

    /// Whether it speaks of the action.
    pub(super) fn concerns(&self, action: Action) -> bool {
        self.statement.concerns(action)
    }

    /// Those that speak of an action.
    pub(super) fn of_action(invariants: &[Self], action: Action) -> Vec<Self> {
        let some = invariants.iter().filter(|i| i.concerns(action));
        some.cloned().collect()
    }

    /// The set that allows all but what it forbids.
    pub(super) fn as_set(&self) -> Result<Cedar, String> {
        Self::together(std::slice::from_ref(self))
    }

    /// The set that allows all but what any of them forbids; its forbids have their names.
    pub(super) fn together(invariants: &[Self]) -> Result<Cedar, String> {
        let mut set =
            Cedar::from_str("permit (principal, action, resource);").map_err(|e| e.to_string())?;
        for invariant in invariants {
            set.add(invariant.statement.policy.clone())
                .map_err(|e| e.to_string())?;
        }
        Ok(set)
    }
}

/// Whether a name is that of a built-in invariant or finding.
pub(in crate::policy) fn is_reserved(id: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let builtin = statements(BUILTIN_TEXT).unwrap_or_default();
        builtin.into_iter().map(|s| s.reference.id).collect()
    });
    id == NO_ERRORS || id.starts_with("circle-") || NAMES.contains(id)
}

/// What is so in every case, as statements that forbid all else.
pub(super) fn world() -> Result<Vec<Policy>, String> {
    let world = statements(WORLD_TEXT)?;
    Ok(world.into_iter().map(|s| s.policy).collect())
}

/// The statements of a text inside the program, in its order.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, String> {
    let parsed = Cedar::from_str(text).map_err(|e| e.to_string())?;
    let mut found: Vec<Statement> = parsed
        .policies()
        .map(|policy| {
            let note = |name| policy.annotation(name).unwrap_or_default().to_owned();
            let offset = policy.as_ref().loc().map_or(0, |loc| loc.start());
            let reference = StatementRef {
                id: note("id"),
                says: note("says"),
                file: "(built in)".to_owned(),
                line: 0,
            };
            let policy = policy.new_id(PolicyId::new(note("id")));
            Statement::new(reference, policy, offset)
        })
        .collect();
    found.sort_by_key(Statement::offset);
    Ok(found)
}

/// One `forbid` for each kind that is given to circles: it reaches only their members.
fn circle_text(set: &PolicySet) -> String {
    let mut given: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (circle, rule) in set.rules() {
        for kind in &rule.kinds {
            given.entry(kind).or_default().insert(circle);
        }
    }
    let mut text = String::new();
    for (kind, circles) in given {
        let names: Vec<&str> = circles.iter().copied().collect();
        let inside: Vec<String> = names
            .iter()
            .map(|name| format!("principal in Circle::\"{name}\""))
            .collect();
        let names = match names.as_slice() {
            [one] => format!("the circle {one}"),
            more => format!("the circles {}", more.join(", ")),
        };
        text.push_str(&format!(
            "@id(\"{CIRCLE_KINDS}.{kind}\") @says(\"Records of kind {kind} go only to members of {names}.\")\n\
             forbid (principal, action == Action::\"share\", resource)\n\
             when {{ resource.kind == Kind::\"{kind}\" }} unless {{ {} }};\n",
            inside.join(" || ")
        ));
    }
    text
}

/// The action of an `@also`.
fn also(policy: &Policy) -> Option<Action> {
    let name = policy.annotation("also")?;
    Action::ALL.into_iter().find(|action| action.name() == name)
}

/// The statements of a set that speak of an action, and what is so in every case.
pub(super) fn with_world(set: &PolicySet, action: Action) -> Result<Cedar, String> {
    in_the_world(set.statements.values().filter(|s| s.concerns(action)))
}

fn in_the_world<'a>(statements: impl Iterator<Item = &'a Statement>) -> Result<Cedar, String> {
    let policies = statements.map(|s| s.policy.clone());
    let mut cedar = Cedar::from_policies(policies).map_err(|e| e.to_string())?;
    for policy in world()? {
        cedar.add(policy).map_err(|e| e.to_string())?;
    }
    Ok(cedar)
}

/// The statements of a set that speak of an action.
pub(super) fn relevant(set: &PolicySet, action: Action) -> Result<Cedar, String> {
    let statements = set.statements.values().filter(|s| s.concerns(action));
    Cedar::from_policies(statements.map(|s| s.policy.clone())).map_err(|e| e.to_string())
}

/// Whether any statement of a set permits an action at all.
pub(super) fn permits(set: &PolicySet, action: Action) -> bool {
    let mut statements = set.statements.values();
    statements.any(|s| s.effect == Effect::Permit && s.concerns(action))
}
