//! The shape of the index: how rows are written to it, and how a query asks it.

use std::collections::HashMap;
use std::ops::Bound;

use tantivy::query::{
    BooleanQuery, InvertedIndexRangeQuery, PhraseQuery, Query as TantivyQuery, TermQuery,
};
use tantivy::schema::{
    FAST, Field as Column, INDEXED, IndexRecordOption, Schema as TantivySchema, TextFieldIndexing,
    TextOptions,
};
use tantivy::{TantivyDocument, Term};

use super::conditions::Conditions;
use super::document::{Document, RowRef};
use super::field::Field;
use super::query::{Clause, Pattern, Query, Span, Test};
use super::ranges::{FIRST, LAST, Ranges};
use super::spread::Spread;

/// Moves with every change of what is written: an index of another version is rebuilt.
pub(super) const VERSION: u32 = 1;

/// Names of the columns that collectors read.
pub(super) const ARRIVAL: &str = "arrival";
pub(super) const HIDDEN: &str = "hidden";
pub(super) const N: &str = "n";
const CREATED: &str = "created";
const RECEIVED: &str = "received";
pub(super) const OVERLAPPING: &str = "overlapping";

/// The columns of the index.
#[derive(Clone)]
pub(super) struct Schema {
    pub(super) tantivy: TantivySchema,
    arrival: Column,
    hidden: Column,
    overlapping: Column,
    n: Column,
    created: Column,
    received: Column,
    first: Column,
    last: Column,
    present: Column,
    text: Column,
    terms: HashMap<Field, Column>,
    groups: HashMap<Field, Column>,
}

/// The name of the column that holds a field's groups.
pub(super) fn group_column(field: Field) -> String {
    format!("by_{}", plain_name(field))
}

/// Dots separate paths in tantivy.
fn plain_name(field: Field) -> String {
    field.to_string().replace('.', "_")
}

impl Schema {
    pub(super) fn new() -> Self {
        let mut builder = TantivySchema::builder();
        let whole = |record| {
            TextOptions::default().set_indexing_options(
                TextFieldIndexing::default()
                    .set_tokenizer("raw")
                    .set_fieldnorms(false)
                    .set_index_option(record),
            )
        };
        let words = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer("whitespace")
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let arrival = builder.add_u64_field(ARRIVAL, INDEXED | FAST);
        let hidden = builder.add_u64_field(HIDDEN, FAST);
        let overlapping = builder.add_u64_field(OVERLAPPING, FAST);
        let n = builder.add_u64_field(N, FAST);
        let created = builder.add_u64_field(CREATED, FAST);
        let received = builder.add_u64_field(RECEIVED, FAST);
        let first = builder.add_i64_field(FIRST, FAST);
        let last = builder.add_i64_field(LAST, FAST);
        let present = builder.add_text_field("present", whole(IndexRecordOption::Basic));
        let text = builder.add_text_field("text", words);
        let mut terms = HashMap::new();
        let mut groups = HashMap::new();
        for field in Field::all() {
            if field.is_groupable() {
                let fast = TextOptions::default().set_fast("raw");
                groups.insert(field, builder.add_text_field(&group_column(field), fast));
            }
            if field.is_groupable() || field == Field::Id {
                let name = format!("is_{}", plain_name(field));
                let column = builder.add_text_field(&name, whole(IndexRecordOption::Basic));
                terms.insert(field, column);
            }
        }
        Self {
            tantivy: builder.build(),
            arrival,
            hidden,
            overlapping,
            n,
            created,
            received,
            first,
            last,
            present,
            text,
            terms,
            groups,
        }
    }

    /// What finds all rows of a record.
    pub(super) fn record(&self, arrival: u64) -> Term {
        Term::from_field_u64(self.arrival, arrival)
    }

    /// The rows of a record as the index takes them.
    pub(super) fn rows(&self, document: &Document) -> Vec<TantivyDocument> {
        let mut rows: Vec<_> = document.rows().map(|row| self.row(row)).collect();
        // See `spread`.
        if let Some(first) = rows.first_mut() {
            for text in document.texts() {
                first.add_text(self.text, text.join(" "));
            }
        }
        rows
    }

    fn row(&self, row: RowRef<'_>) -> TantivyDocument {
        let document = row.document();
        let mut out = TantivyDocument::new();
        out.add_u64(self.arrival, document.arrival);
        out.add_u64(self.hidden, u64::from(document.hidden));
        out.add_u64(self.overlapping, u64::from(row.overlapping()));
        out.add_u64(self.created, document.created.0);
        out.add_u64(self.received, document.received.0);
        if let Some(n) = row.n() {
            out.add_u64(self.n, n);
        }
        if let Some((first, last)) = row.days() {
            out.add_i64(self.first, first);
            out.add_i64(self.last, last);
        }
        let mut present = Vec::new();
        for (field, term, group) in row.all() {
            if let Some(column) = self.terms.get(&field) {
                out.add_text(*column, term);
            }
            if let (Some(column), Some(group)) = (self.groups.get(&field), group) {
                out.add_text(*column, group);
            }
            if !present.contains(&field) {
                present.push(field);
                out.add_text(self.present, plain_name(field));
            }
        }
        out
    }

    /// The query as the index takes it.
    pub(super) fn query(&self, query: &Query) -> Box<dyn TantivyQuery> {
        let clauses = query.clauses.iter();
        Box::new(Conditions(
            clauses
                .map(|Clause { negated, test }| (*negated, self.test(test)))
                .collect(),
        ))
    }

    fn test(&self, test: &Test) -> Box<dyn TantivyQuery> {
        match test {
            Test::Value { field, any } => {
                either(any.iter().map(|pattern| self.value(*field, pattern)))
            }
            Test::Days(any) => Box::new(Ranges::Days(any.clone())),
            Test::Created(any) => numbers(CREATED, any),
            Test::Received(any) => numbers(RECEIVED, any),
            Test::N(any) => numbers(N, any),
            Test::Word(pattern) => Box::new(Spread(self.text(pattern))),
            Test::Phrase(words) => Box::new(Spread(self.phrase(words))),
        }
    }

    fn value(&self, field: Field, pattern: &Pattern) -> Box<dyn TantivyQuery> {
        match (self.terms.get(&field), pattern) {
            (Some(column), Pattern::Is(text)) => is(*column, text),
            (Some(column), Pattern::Starts(stem)) => starts(*column, stem),
            (_, Pattern::Present) => is(self.present, &plain_name(field)),
            // Fields without terms have tests of their own.
            (None, _) => Box::new(tantivy::query::EmptyQuery),
        }
    }

    fn phrase(&self, words: &[String]) -> Box<dyn TantivyQuery> {
        match words {
            [word] => is(self.text, word),
            words => {
                let words = words.iter();
                let terms = words.map(|word| Term::from_field_text(self.text, word));
                Box::new(PhraseQuery::new(terms.collect()))
            }
        }
    }

    fn text(&self, pattern: &Pattern) -> Box<dyn TantivyQuery> {
        match pattern {
            Pattern::Is(word) => is(self.text, word),
            Pattern::Starts(stem) => starts(self.text, stem),
            Pattern::Present => starts(self.text, ""),
        }
    }
}

fn numbers(column: &'static str, any: &[Span<u64>]) -> Box<dyn TantivyQuery> {
    Box::new(Ranges::Numbers {
        column,
        any: any.to_vec(),
    })
}

fn either(any: impl Iterator<Item = Box<dyn TantivyQuery>>) -> Box<dyn TantivyQuery> {
    let mut any: Vec<_> = any.collect();
    match any.len() {
        1 => any.remove(0),
        _ => Box::new(BooleanQuery::union(any)),
    }
}

fn is(column: Column, text: &str) -> Box<dyn TantivyQuery> {
    let term = Term::from_field_text(column, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// All terms that begin so. It marks rows in a bitmap, so however many terms there are, it
/// takes a bit a row.
fn starts(column: Column, stem: &str) -> Box<dyn TantivyQuery> {
    let from = Term::from_field_text(column, stem);
    // No term holds the last code point.
    let to = Term::from_field_text(column, &format!("{stem}{}", char::MAX));
    Box::new(InvertedIndexRangeQuery::new(
        Bound::Included(from),
        Bound::Excluded(to),
    ))
}
