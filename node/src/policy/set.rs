//! A policy set: parsed, validated, every statement named and explained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cedar_policy::{ActionConstraint, Effect, Policy};

use super::ceiling::{Ceiling, CeilingTo, parse_ceilings};
use super::circles::{CircleRule, Circles, parse_circles};
use super::decision::{Action, StatementRef};
use super::directory::{Directory, SELF_ALIAS};
use super::limits;
use super::problem::{Problem, ProblemKind, Problems};
use super::reader::{Reader, literals};
use super::scan::on_deep_stack;
use super::text::{CEILINGS_FILE, ENTITIES_FILE, PolicyText};

/// A validated set, without the agencies that it is applied to.
#[derive(Clone, Debug)]
pub struct PolicySet {
    text: PolicyText,
    pub(super) cedar: cedar_policy::PolicySet,
    pub(super) statements: BTreeMap<String, Statement>,
    /// The agency's own invariants: statements that forbid what the set must not allow.
    pub(super) invariants: BTreeMap<String, Statement>,
    circles: Circles,
    ceilings: Vec<Arc<Ceiling>>,
    /// Entity literals as `(type, id)`, in all statements.
    pub(super) literals: BTreeSet<(String, String)>,
    /// Tags that any statement looks for.
    pub(super) tags: BTreeSet<String>,
    warnings: Vec<Problem>,
}

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) reference: StatementRef,
    pub(super) effect: Effect,
    pub(super) policy: Policy,
    offset: usize,
}

impl Statement {
    /// A statement that was read.
    pub(super) fn new(reference: StatementRef, policy: Policy, offset: usize) -> Self {
        Self {
            reference,
            effect: policy.effect(),
            policy,
            offset,
        }
    }

    /// Where it begins in its file, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Whether its head speaks of the action.
    pub(super) fn concerns(&self, action: Action) -> bool {
        let is = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == action.name();
        match self.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::In(list) => list.iter().any(is),
            ActionConstraint::Eq(uid) => is(&uid),
        }
    }
}

impl PolicySet {
    /// Reads and checks a folder or a file; see [`PolicyText::read`].
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::from_text(PolicyText::read(path)?)
    }

    /// Checks a text: all that can be said without knowing the peers. Every problem is
    /// reported, not just the first.
    pub fn from_text(text: PolicyText) -> Result<Self, Problems> {
        on_deep_stack(|| Self::parse(text))
    }

    fn parse(text: PolicyText) -> Result<Self, Problems> {
        let mut reader = Reader::default();
        for (file, source) in text.files() {
            reader.file(file, source);
        }
        let mut invariants = Reader::default();
        for (file, source) in text.invariants() {
            invariants.file(file, source);
        }
        reader.problems.append(&mut invariants.problems);
        for statement in invariants.statements.values() {
            let StatementRef { id, file, line, .. } = statement.reference.clone();
            let kind = if statement.effect == Effect::Permit {
                ProblemKind::InvariantPermits { id }
            } else if super::prove::is_reserved(&id) {
                ProblemKind::InvariantReserved { id }
            } else {
                continue;
            };
            reader.problems.push(Problem {
                file,
                line,
                column: 1,
                kind,
            });
        }
        let circles = match parse_circles(text.entities()) {
            Ok(circles) => circles,
            Err(problems) => {
                reader.problems.extend(problems);
                Circles::default()
            }
        };
        let ceilings = match parse_ceilings(text.ceilings()) {
            Ok(ceilings) => ceilings.into_iter().map(Arc::new).collect(),
            Err(problems) => {
                reader.problems.extend(problems);
                Vec::new()
            }
        };
        let found = reader.statements.len().max(invariants.statements.len());
        if found > limits::POLICY_STATEMENTS {
            let kind = ProblemKind::TooMany {
                what: "statements",
                found,
                max: limits::POLICY_STATEMENTS,
                remedy: "Use circles and lists, so that one statement serves many peers",
            };
            reader.problems.push(Problem::of_file("", kind));
        }
        let policies = reader.statements.values().map(|s| s.policy.clone());
        let cedar = match cedar_policy::PolicySet::from_policies(policies) {
            Ok(cedar) => cedar,
            Err(e) => {
                let kind = ProblemKind::Build {
                    message: e.to_string(),
                };
                reader.problems.push(Problem::of_file("", kind));
                cedar_policy::PolicySet::new()
            }
        };
        Problems(reader.problems).into_result(())?;
        Ok(Self {
            text,
            cedar,
            statements: reader.statements,
            invariants: invariants.statements,
            circles,
            ceilings,
            literals: reader.literals,
            tags: reader.tags,
            warnings: reader.warnings,
        })
    }

    /// Checks the names that statements and circles use against the agencies as they are.
    ///
    /// Not part of loading: a peer that is removed later must not stop the set. Its name then
    /// stands for nobody.
    pub fn check_names(&self, directory: &Directory) -> Result<(), Problems> {
        let mut problems = Vec::new();
        let mut aliases: Vec<&str> = directory.peers().iter().map(|p| p.alias.as_str()).collect();
        aliases.sort_unstable();
        let aliases = list(aliases.into_iter());
        let circles = self.circle_names(directory);
        for statement in self.statements.values().chain(self.invariants.values()) {
            for (kind, name) in literals(&statement.policy) {
                let id = statement.reference.id.clone();
                let problem = match kind.as_str() {
                    "Circle" if !circles.contains(name.as_str()) => ProblemKind::UnknownCircle {
                        id,
                        circle: name.clone(),
                        known: list(circles.iter().copied()),
                    },
                    "Agency" if name != SELF_ALIAS && !is_peer(directory, &name) => {
                        ProblemKind::UnknownAgency {
                            id,
                            agency: name.clone(),
                            known: aliases.clone(),
                        }
                    }
                    _ => continue,
                };
                problems.push(self.problem_at_name(statement, &name, problem));
            }
        }
        for (circle, members) in &self.circles.members {
            for member in members.iter().filter(|m| directory.member(m).is_none()) {
                let source = self.text.entities().unwrap_or_default();
                let offset = source.find(&format!("\"{member}\"")).unwrap_or(0);
                let kind = ProblemKind::UnknownMember {
                    circle: circle.clone(),
                    agency: member.clone(),
                    known: aliases.clone(),
                };
                problems.push(Problem::at(ENTITIES_FILE, source, offset, kind));
            }
        }
        for ceiling in &self.ceilings {
            let (is_there, known) = match &ceiling.to {
                CeilingTo::Everyone | CeilingTo::Sector(_) => continue,
                CeilingTo::Peer(name) => (directory.member(name).is_some(), aliases.clone()),
                CeilingTo::Circle(name) => (
                    circles.contains(name.as_str()),
                    list(circles.iter().copied()),
                ),
            };
            if !is_there {
                problems.push(Problem {
                    file: CEILINGS_FILE.to_owned(),
                    line: ceiling.line,
                    column: 1,
                    kind: ProblemKind::UnknownCeilingTo {
                        name: ceiling.name.clone(),
                        to: ceiling.to.to_string(),
                        known,
                    },
                });
            }
        }
        Problems(problems).into_result(())
    }

    /// The first rule that speaks of an agency by this name, with its place: a statement, an
    /// invariant, a circle of `entities.json` or a ceiling.
    pub fn rule_naming(&self, name: &str) -> Option<String> {
        let mut statements = self.statements.values().chain(self.invariants.values());
        let statement = statements.find(|s| {
            let mut literals = literals(&s.policy).into_iter();
            literals.any(|(kind, id)| kind == "Agency" && id == name)
        });
        let statement = statement.map(|s| {
            let StatementRef { id, file, line, .. } = &s.reference;
            format!("statement '{id}', {file}:{line}")
        });
        let ceiling = || {
            let mut ceilings = self.ceilings.iter();
            let to = CeilingTo::Peer(name.to_owned());
            let ceiling = ceilings.find(|c| c.to == to)?;
            Some(format!("ceiling '{}', {}", ceiling.name, ceiling.place()))
        };
        let circle = || {
            let mut circles = self.circles.members.iter();
            let (circle, _) = circles.find(|(_, members)| members.iter().any(|m| m == name))?;
            Some(format!("circle '{circle}', {ENTITIES_FILE}"))
        };
        statement.or_else(ceiling).or_else(circle)
    }

    /// What Cedar finds odd though valid: statements that never apply, look-alike letters.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The text, byte for byte.
    pub fn text(&self) -> &PolicyText {
        &self.text
    }

    /// Whether a statement permits or forbids, as a word; empty for none of that name.
    pub fn effect(&self, id: &str) -> &'static str {
        match self.statements.get(id).map(|s| s.effect) {
            Some(Effect::Permit) => "permit",
            Some(Effect::Forbid) => "forbid",
            None => "",
        }
    }

    /// The statements in the order of their ids.
    pub fn statements(&self) -> impl Iterator<Item = &StatementRef> {
        self.statements.values().map(|s| &s.reference)
    }

    /// The circles of `entities.json` with their members, as written.
    pub fn circles(&self) -> &BTreeMap<String, Vec<String>> {
        &self.circles.members
    }

    /// What circles are for, as `entities.json` says.
    pub fn rules(&self) -> &BTreeMap<String, CircleRule> {
        &self.circles.rules
    }

    /// Tags that any statement looks for.
    pub fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    /// The ceilings, in the order of the file.
    pub fn ceilings(&self) -> &[Arc<Ceiling>] {
        &self.ceilings
    }

    /// All circles that there are: of `entities.json`, and those pinned on agencies.
    pub(super) fn circle_names<'a>(&'a self, directory: &'a Directory) -> BTreeSet<&'a str> {
        let pinned = directory
            .peers()
            .iter()
            .chain([directory.own()])
            .flat_map(|p| &p.circles);
        self.circles
            .members
            .keys()
            .chain(pinned)
            .map(String::as_str)
            .collect()
    }

    fn problem_at_name(&self, statement: &Statement, name: &str, kind: ProblemKind) -> Problem {
        let file = &statement.reference.file;
        let source = self
            .text
            .files()
            .iter()
            .chain(self.text.invariants())
            .find(|(f, _)| f == file)
            .map_or("", |(_, s)| s);
        let after = source.get(statement.offset..).unwrap_or_default();
        let within = after.find(&format!("::\"{name}\"")).unwrap_or(0);
        Problem::at(file, source, statement.offset + within, kind)
    }
}

fn is_peer(directory: &Directory, alias: &str) -> bool {
    directory.peers().iter().any(|p| p.alias == alias)
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none yet".to_owned()
    } else {
        names.join(", ")
    }
}
