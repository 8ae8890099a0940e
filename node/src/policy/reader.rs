//! Reading the files of a set: statements, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, ValidationMode, Validator};
use serde_json::Value;

use super::attributes::TAG_PREFIXES;
use super::circles::good_name;
use super::decision::StatementRef;
use super::limits;
use super::problem::{Problem, ProblemKind};
use super::scan::scan;
use super::schema;
use super::set::Statement;

/// What a statement is called that has no `@id`.
const UNNAMED: &str = "(no name)";

/// Gathers statements and problems over the files.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) statements: BTreeMap<String, Statement>,
    pub(super) literals: BTreeSet<(String, String)>,
    pub(super) tags: BTreeSet<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Reader {
    /// One file of a set.
    pub(super) fn file(&mut self, file: &str, source: &str) {
        if let Some(problem) = scan(file, source) {
            self.problems.push(problem);
            return;
        }
        let parsed = match cedar_policy::PolicySet::from_str(source) {
            Ok(parsed) => parsed,
            Err(errors) => {
                let mut flat = Vec::new();
                flatten(DetailedError::from(&errors), &mut flat);
                self.problems.extend(flat.into_iter().map(|e| {
                    let kind = ProblemKind::Syntax {
                        help: help(&e),
                        message: e.message.clone(),
                    };
                    Problem::at(file, source, offset_of(&e).unwrap_or(0), kind)
                }));
                return;
            }
        };
        for template in parsed.templates() {
            let id = template.annotation("id").unwrap_or(UNNAMED).to_owned();
            let offset = template.as_ref().loc().map_or(0, |loc| loc.start());
            self.problems.push(Problem::at(
                file,
                source,
                offset,
                ProblemKind::Template { id },
            ));
        }
        for policy in parsed.policies() {
            self.statement(file, source, policy);
        }
    }

    fn statement(&mut self, file: &str, source: &str, policy: &Policy) {
        let offset = policy.as_ref().loc().map_or(0, |loc| loc.start());
        let at = |kind| Problem::at(file, source, offset, kind);
        let id = policy.annotation("id").unwrap_or_default().to_owned();
        let named = if id.is_empty() { UNNAMED } else { &id };
        if id.is_empty() {
            self.problems.push(at(ProblemKind::NoId));
        } else if !good_name(&id, limits::STATEMENT_ID_CHARS) {
            let id = id.chars().take(limits::STATEMENT_ID_CHARS).collect();
            self.problems.push(at(ProblemKind::Id { id }));
        } else if let Some(first) = self.statements.get(&id) {
            let StatementRef { file, line, .. } = first.reference.clone();
            self.problems.push(at(ProblemKind::DuplicateId {
                id: id.clone(),
                file,
                line,
            }));
        }
        let says = policy
            .annotation("says")
            .unwrap_or_default()
            .trim()
            .to_owned();
        if says.is_empty() || says.chars().count() > limits::STATEMENT_SAYS_CHARS {
            self.problems.push(at(ProblemKind::NoSays {
                id: named.to_owned(),
            }));
        }
        let policy = policy.new_id(PolicyId::new(&id));
        self.validate(file, source, offset, &policy);
        self.texts(&policy, &at);
        let named_entities = literals(&policy);
        if named_entities.iter().any(|(kind, _)| kind == "Record") {
            self.problems.push(at(ProblemKind::SingleRecord {
                id: named.to_owned(),
            }));
        }
        self.literals.extend(named_entities);
        let (line, _) = super::problem::place(source, offset);
        let reference = StatementRef {
            id: id.clone(),
            says,
            file: file.to_owned(),
            line,
        };
        let statement = Statement::new(reference, policy, offset);
        self.statements.entry(id).or_insert(statement);
    }

    fn validate(&mut self, file: &str, source: &str, offset: usize, policy: &Policy) {
        let id = policy.annotation("id").unwrap_or(UNNAMED).to_owned();
        let schema = match schema::schema() {
            Ok(schema) => schema.clone(),
            Err(message) => {
                let kind = ProblemKind::Build {
                    message: message.to_owned(),
                };
                return self.problems.push(Problem::of_file("", kind));
            }
        };
        let mut one = cedar_policy::PolicySet::new();
        if let Err(e) = one.add(policy.clone()) {
            let kind = ProblemKind::Build {
                message: e.to_string(),
            };
            return self.problems.push(Problem::at(file, source, offset, kind));
        }
        let result = Validator::new(schema).validate(&one, ValidationMode::Strict);
        for error in result.validation_errors() {
            let e = DetailedError::from(error);
            let message = plain_message(&e.message);
            let kind = ProblemKind::Schema {
                id: id.clone(),
                help: help(&e),
                message,
            };
            self.problems.push(Problem::at(
                file,
                source,
                offset_of(&e).unwrap_or(offset),
                kind,
            ));
        }
        for warning in result.validation_warnings() {
            let e = DetailedError::from(warning);
            let kind = ProblemKind::Odd {
                id: id.clone(),
                message: plain_message(&e.message),
            };
            self.warnings.push(Problem::at(
                file,
                source,
                offset_of(&e).unwrap_or(offset),
                kind,
            ));
        }
    }

    /// The schema has texts in two places only, tags and countries: all others are mistakes.
    fn texts(&mut self, policy: &Policy, at: &dyn Fn(ProblemKind) -> Problem) {
        let id = policy.annotation("id").unwrap_or(UNNAMED);
        let mut found = BTreeSet::new();
        if let Ok(json) = policy.to_json() {
            strings(json.get("conditions").unwrap_or(&Value::Null), &mut found);
        }
        for text in found {
            let is_tag = text
                .split_once(':')
                .is_some_and(|(prefix, rest)| TAG_PREFIXES.contains(&prefix) && !rest.is_empty());
            let is_country = text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase());
            if is_tag {
                self.tags.insert(text);
            } else if !is_country {
                self.problems.push(at(ProblemKind::Text {
                    id: id.to_owned(),
                    text,
                    prefixes: TAG_PREFIXES.join(", "),
                }));
            }
        }
    }
}

/// The entities that a statement names, as `(type, id)`.
pub(super) fn literals(policy: &Policy) -> BTreeSet<(String, String)> {
    policy
        .entity_literals()
        .iter()
        .map(|uid| (uid.type_name().to_string(), uid.id().unescaped().to_owned()))
        .collect()
}

/// String literals in a policy's JSON form; entity literals are objects and not among them.
fn strings(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => {
            if let Some(value) = fields.get("Value") {
                return string_values(value, found);
            }
            fields.values().for_each(|field| strings(field, found));
        }
        _ => {}
    }
}

fn string_values(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| string_values(item, found)),
        _ => {}
    }
}

fn flatten(error: DetailedError, into: &mut Vec<DetailedError>) {
    let DetailedError { related, .. } = &error;
    let related = related.clone();
    into.push(error);
    for inner in related {
        flatten(inner, into);
    }
}

fn offset_of(error: &DetailedError) -> Option<usize> {
    error.source_locations.first().map(|label| label.loc.start)
}

fn help(error: &DetailedError) -> String {
    let help = error
        .help
        .as_deref()
        .map(|h| h.replace("valid entity eids:", "the codes are"));
    help.map(|h| format!(" ({h})")).unwrap_or_default()
}

/// Cedar's message in our words: it begins with "for policy `id`, ", which our own sentence
/// says already, and calls codes eids.
fn plain_message(message: &str) -> String {
    let rest = message
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once('`'));
    let message = rest.map_or(message, |(_, rest)| {
        rest.trim_start_matches([',', ':', ' '])
    });
    message
        .replace(
            "is of an enumerated entity type, but",
            "has a closed list of codes, and",
        )
        .replace("is not declared as a valid eid", "is not among them")
}
