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
            statement,
        }
    }

    /// Whether it speaks of the action.
    pub(super) fn concerns(&self, action: Action) -> bool {
        self.statement.concerns(action)
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

/// The statements of a set that speak of an action, and what is so in every case.
pub(super) fn with_world(set: &PolicySet, action: Action) -> Result<Cedar, String> {
    let mut cedar = relevant(set, action)?;
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
