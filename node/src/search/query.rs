//! A query: conditions that a row must all meet.
//!
//! The same conditions are put to rows in memory (here) and to the index (`schema`), so
//! that an answer does not depend on how far the index has come.

use liaison_protocol::record::codes::{Kind, Plane};

use super::document::RowRef;
use super::field::Field;

pub use super::parse::{Context, QueryError, join};

/// Conditions joined by "and"; none: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The conditions.
    pub clauses: Vec<Clause>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The row must not meet it.
    pub negated: bool,
    /// What the row must meet.
    pub test: Test,
}

/// What a row is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Some value of the field fits one of these.
    Value {
        /// The field.
        field: Field,
        /// What fits.
        any: Vec<Pattern>,
    },
    /// The record's days overlap one of these spans; days since 1970-01-01.
    Days(Vec<Span<i64>>),
    /// When the author signed it, milliseconds.
    Created(Vec<Span<u64>>),
    /// When this node got it, milliseconds.
    Received(Vec<Span<u64>>),
    /// The cell's count.
    N(Vec<Span<u64>>),
    /// Some text has this word.
    Word(Pattern),
    /// Some text has these words in a row.
    Phrase(Vec<String>),
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this.
    Is(String),
    /// Begins like this.
    Starts(String),
    /// Anything.
    Present,
}

/// A span, both ends included; an absent end is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<T> {
    /// Its first value.
    pub from: Option<T>,
    /// Its last value.
    pub to: Option<T>,
}

impl Query {
    /// Reads a query. Control traffic (keys statements, retractions, permits and the like) is left out unless
    /// the query says which kind, id or thread it wants.
    ///
    /// # Errors
    /// [`QueryError`], with what is allowed.
    pub fn parse(text: &str, context: &Context<'_>) -> Result<Query, QueryError> {
        let mut query = super::parse::parse(text, context)?;
        let named = query.clauses.iter().any(|clause| {
            !clause.negated
                && matches!(
                    clause.test,
                    Test::Value {
                        field: Field::Kind | Field::Id | Field::Thread,
                        ..
                    }
                )
        });
        if !named {
            query.clauses.push(Clause {
                negated: true,
                test: Test::Value {
                    field: Field::Kind,
                    any: Kind::ALL
                        .iter()
                        .filter(|kind| kind.plane() == Plane::Control)
                        .map(|kind| Pattern::Is(kind.as_str().to_owned()))
                        .collect(),
                },
            });
        }
        Ok(query)
    }

    /// Whether a row meets all conditions.
    pub fn matches(&self, row: RowRef<'_>) -> bool {
        self.clauses
            .iter()
            .all(|clause| clause.test.matches(row) != clause.negated)
    }
}

impl Test {
    fn matches(&self, row: RowRef<'_>) -> bool {
        match self {
            Test::Value { field, any } => row
                .terms(*field)
                .any(|term| any.iter().any(|pattern| pattern.matches(term))),
            Test::Days(any) => row
                .days()
                .is_some_and(|(first, last)| any.iter().any(|span| span.overlaps(first, last))),
            Test::Created(any) => holds(any, Some(row.document().created.0)),
            Test::Received(any) => holds(any, Some(row.document().received.0)),
            Test::N(any) => holds(any, row.n()),
            Test::Word(pattern) => row
                .document()
                .texts()
                .iter()
                .flatten()
                .any(|word| pattern.matches(word)),
            Test::Phrase(words) => row
                .document()
                .texts()
                .iter()
                .any(|text| text.windows(words.len().max(1)).any(|at| at == words)),
        }
    }
}

impl Pattern {
    fn matches(&self, term: &str) -> bool {
        match self {
            Pattern::Is(text) => term == text,
            Pattern::Starts(stem) => term.starts_with(stem.as_str()),
            Pattern::Present => true,
        }
    }
}

impl<T: PartialOrd + Copy> Span<T> {
    /// From one value to another.
    pub const fn new(from: T, to: T) -> Self {
        Self {
            from: Some(from),
            to: Some(to),
        }
    }

    pub(super) fn overlaps(&self, first: T, last: T) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first <= to)
    }
}

fn holds(any: &[Span<u64>], value: Option<u64>) -> bool {
    value.is_some_and(|value| any.iter().any(|span| span.overlaps(value, value)))
}
