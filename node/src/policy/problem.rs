//! What `policy check` finds, with the place and what to do.

use std::fmt;

use serde::Serialize;

use super::limits;

/// One fault of a policy set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// File name; empty if it concerns the folder.
    pub file: String,
    /// Line, counted from 1; 0 if it concerns the whole file.
    pub line: u32,
    /// Column in characters, counted from 1; 0 if it concerns the whole file.
    pub column: u32,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "code")]
pub enum ProblemKind {
    /// The folder or a file cannot be read.
    #[error("cannot be read: {reason}. Check the path and who may read it")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// No statements at all.
    #[error(
        "there is no '*.cedar' file here. Start from one in examples/policies; to share nothing, leave a file with a comment"
    )]
    NoFiles,
    /// Too many of something.
    #[error("{found} {what} are more than the {max} allowed. {remedy}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// A file name that could not be written back elsewhere.
    #[error("'{name}' cannot be a policy file's name: use 1 to {max} letters, digits, '-', '_', and end in '.cedar'", max = limits::POLICY_FILE_NAME_CHARS)]
    FileName {
        /// The name.
        name: String,
    },
    /// Not Cedar.
    #[error("this is not valid Cedar: {message}{help}")]
    Syntax {
        /// What the parser said.
        message: String,
        /// What the parser suggests, as a sentence.
        help: String,
    },
    /// Cedar, but not about what the schema has.
    #[error("statement '{id}' does not fit the schema: {message}{help}")]
    Schema {
        /// The statement.
        id: String,
        /// What the validator said.
        message: String,
        /// What the validator suggests, as a sentence.
        help: String,
    },
    /// No `@id`.
    #[error("this statement has no name. Write @id(\"a-short-name\") above it")]
    NoId,
    /// An `@id` that cannot stand in tables and commands.
    #[error("'{id}' cannot be a statement's name: use 1 to {max} small letters, digits, '-', '_' or '.'", max = limits::STATEMENT_ID_CHARS)]
    Id {
        /// What was given.
        id: String,
    },
    /// An `@id` that was used before.
    #[error(
        "the name '{id}' is used already, in {file}, line {line}. Give one of the two another @id"
    )]
    DuplicateId {
        /// The name.
        id: String,
        /// Where it is used first.
        file: String,
        /// The line there.
        line: u32,
    },
    /// No `@says`, or no sentence in it.
    #[error("statement '{id}' does not say what it is for. Write @says(\"…\") above it: a sentence of 1 to {max} characters, which 'why' quotes to officers", max = limits::STATEMENT_SAYS_CHARS)]
    NoSays {
        /// The statement.
        id: String,
    },
    /// `?principal` or `?resource`.
    #[error(
        "statement '{id}' is a template (it has ?principal or ?resource). Name the agency or circle instead"
    )]
    Template {
        /// The statement.
        id: String,
    },
    /// A string that is neither a tag nor a country.
    #[error(
        "statement '{id}' compares with \"{text}\", which no record has. Texts are tags ({prefixes}, like \"area:QN\") or countries of two capital letters"
    )]
    Text {
        /// The statement.
        id: String,
        /// The string.
        text: String,
        /// The tags' prefixes.
        prefixes: String,
    },
    /// A record by its id: policy speaks of classes of records only.
    #[error(
        "statement '{id}' names a single record. Policies speak of what records have in common; to keep one record from a peer, use 'push --to' or 'retract'"
    )]
    SingleRecord {
        /// The statement.
        id: String,
    },
    /// A circle that nobody defined.
    #[error(
        "statement '{id}' names the circle '{circle}', which does not exist. Circles are: {known}. Add it to entities.json"
    )]
    UnknownCircle {
        /// The statement.
        id: String,
        /// The circle.
        circle: String,
        /// The circles that there are.
        known: String,
    },
    /// An agency that is no peer.
    #[error(
        "statement '{id}' names the agency '{agency}', which is no peer. Peers are: {known}. Correct the alias, or add the peer first: liaison peer add FILE --as {agency}"
    )]
    UnknownAgency {
        /// The statement.
        id: String,
        /// The agency, as written.
        agency: String,
        /// The aliases that there are.
        known: String,
    },
    /// A circle's member who is no peer.
    #[error(
        "circle '{circle}' lists '{agency}', which is no peer. Peers are: {known}. Correct the alias, or add the peer first"
    )]
    UnknownMember {
        /// The circle.
        circle: String,
        /// The member, as written.
        agency: String,
        /// The aliases that there are.
        known: String,
    },
    /// `entities.json` is not of the form that it should have.
    #[error(
        "this is not a list of circles: {message}. It looks like {{\"circles\": {{\"balkan-le\": [\"qm-pol\", \"qn-bord\"]}}}}"
    )]
    Entities {
        /// What the parser said.
        message: String,
    },
    /// A circle's name that cannot stand in policies.
    #[error("'{circle}' cannot be a circle's name: use 1 to {max} small letters, digits, '-', '_' or '.'", max = limits::ALIAS_CHARS)]
    CircleName {
        /// What was given.
        circle: String,
    },
    /// An invariant that permits.
    #[error(
        "invariant '{id}' is a 'permit'. An invariant is a 'forbid': what the policy must never allow, whatever its statements say"
    )]
    InvariantPermits {
        /// The invariant.
        id: String,
    },
    /// An invariant with the name of a built-in one.
    #[error("'{id}' is the name of a built-in invariant. Give this one another @id")]
    InvariantReserved {
        /// The name.
        id: String,
    },
    /// `ceilings.toml` is not of the form that it should have.
    #[error(
        "this is not a list of ceilings: {message}. One looks like [[ceiling]] with name = \"companies\", says = \"…\", to = \"sector:private\", above = \"green\""
    )]
    Ceilings {
        /// What is wrong.
        message: String,
    },
    /// A ceiling for a peer or circle that there is not.
    #[error(
        "ceiling '{name}' is for '{to}', which does not exist. There are: {known}. Correct the name: a ceiling for nobody withholds nothing"
    )]
    UnknownCeilingTo {
        /// The ceiling.
        name: String,
        /// For whom, as written.
        to: String,
        /// The peers or circles that there are.
        known: String,
    },
    /// The program's own schema is faulty.
    #[error(
        "the schema inside liaison is faulty: {message}. Report this; nothing is shared meanwhile"
    )]
    Build {
        /// What the parser said.
        message: String,
    },
    /// Cedar finds it odd, but it may be meant.
    #[error("statement '{id}': {message}. It is allowed; check that it is meant")]
    Odd {
        /// The statement.
        id: String,
        /// What the validator said.
        message: String,
    },
}

impl Problem {
    /// About a whole file (or, with an empty name, the folder).
    pub(super) fn of_file(file: &str, kind: ProblemKind) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            kind,
        }
    }

    /// Of a name that a policy in force uses and that means nobody any more: which rule it is, and
    /// what that leaves open.
    pub fn names_nobody(&self) -> String {
        let place = match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        };
        match &self.kind {
            ProblemKind::UnknownAgency { id, agency, .. } => {
                format!("statement '{id}' ({place}) names '{agency}', which is no peer")
            }
            ProblemKind::UnknownCircle { id, circle, .. } => {
                format!("statement '{id}' ({place}) names the circle '{circle}', which is none")
            }
            ProblemKind::UnknownMember { circle, agency, .. } => {
                format!("circle '{circle}' ({place}) lists '{agency}', which is no peer")
            }
            ProblemKind::UnknownCeilingTo { name, to, .. } => {
                format!("ceiling '{name}' ({place}) is for '{to}', which is nobody")
            }
            other => format!("{place}: {other}"),
        }
    }

    /// At a byte of a file's text.
    pub(super) fn at(file: &str, text: &str, offset: usize, kind: ProblemKind) -> Self {
        let (line, column) = place(text, offset);
        Self {
            file: file.to_owned(),
            line,
            column,
            kind,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => write!(f, "{}", self.kind),
            (false, 0) => write!(f, "{}: {}", self.file, self.kind),
            (false, line) => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.kind),
        }
    }
}

/// Everything that is wrong with a set, in the order of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// One problem alone.
    pub(super) fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    /// Sorted by place, cut to what can be read; `Ok` if there are none.
    pub(super) fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0
            .sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        self.0.truncate(limits::PROBLEMS);
        Err(self)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// Line and column, from 1, of a byte in a text; past the end counts as the end.
pub(super) fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}
