//! Ranges of numbers and days, as the index is asked for them.
//!
//! Not tantivy's own `RangeQuery`, which takes one range of one column: here several, and
//! spans of days, are one pass over the columns into a bitmap.

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight,
};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

use super::query::Span;

/// Names of the columns of the first and the last day.
pub(super) const FIRST: &str = "first";
/// See [`FIRST`].
pub(super) const LAST: &str = "last";

/// Rows whose numbers lie in one of some spans.
#[derive(Clone, Debug)]
pub(super) enum Ranges {
    /// The column's value lies in one of the spans.
    Numbers {
        column: &'static str,
        any: Vec<Span<u64>>,
    },
    /// The days from [`FIRST`] to [`LAST`] overlap one of the spans.
    Days(Vec<Span<i64>>),
}

impl TantivyQuery for Ranges {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Ranges {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let columns = segment.fast_fields();
        let mut rows = BitSet::with_max_value(segment.max_doc());
        let all = 0..segment.max_doc();
        match self {
            Ranges::Numbers { column, any } => {
                if let Some(column) = columns.column_opt::<u64>(column)? {
                    let fits = |row: &DocId| {
                        column
                            .first(*row)
                            .is_some_and(|n| any.iter().any(|span| span.overlaps(n, n)))
                    };
                    all.filter(fits).for_each(|row| {
                        rows.insert(row);
                    });
                }
            }
            Ranges::Days(any) => {
                let first = columns.column_opt::<i64>(FIRST)?;
                let last = columns.column_opt::<i64>(LAST)?;
                if let (Some(first), Some(last)) = (first, last) {
                    let fits = |row: &DocId| {
                        let days = first.first(*row).zip(last.first(*row));
                        days.is_some_and(|(a, b)| any.iter().any(|span| span.overlaps(a, b)))
                    };
                    all.filter(fits).for_each(|row| {
                        rows.insert(row);
                    });
                }
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(rows), boost)))
    }

    fn explain(&self, segment: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        if self.scorer(segment, 1.0)?.seek(row) == row {
            Ok(Explanation::new("in a range", 1.0))
        } else {
            Err(TantivyError::InvalidArgument(format!(
                "row {row} is in no range"
            )))
        }
    }
}
