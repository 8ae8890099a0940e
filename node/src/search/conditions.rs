//! All conditions of a query, as the index is asked for them.
//!
//! Not tantivy's own `BooleanQuery`: in 0.27.0, a range or a phrase inside of an exclusion
//! is asked to seek backwards, which panics in debug builds and is not defined in others.
//! Here each condition is read from its first row to its last and marks a bitmap: a bit a
//! row, and about a millisecond for 100,000 rows.

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight,
};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

/// Conditions, each with whether it must not be met.
#[derive(Debug)]
pub(super) struct Conditions(pub(super) Vec<(bool, Box<dyn TantivyQuery>)>);

impl Clone for Conditions {
    fn clone(&self) -> Self {
        let conditions = self.0.iter();
        Self(
            conditions
                .map(|(n, query)| (*n, query.box_clone()))
                .collect(),
        )
    }
}

impl TantivyQuery for Conditions {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let weights = self.0.iter().map(|(negated, query)| {
            let weight = query.weight(scoring)?;
            Ok((*negated, weight))
        });
        Ok(Box::new(ConditionsWeight(
            weights.collect::<tantivy::Result<_>>()?,
        )))
    }
}

struct ConditionsWeight(Vec<(bool, Box<dyn Weight>)>);

impl Weight for ConditionsWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut rows = BitSet::with_max_value_and_full(segment.max_doc());
        for (negated, weight) in &self.0 {
            if *negated {
                weight.for_each_no_score(segment, &mut |met| {
                    met.iter().for_each(|row| rows.remove(*row));
                })?;
            } else {
                let mut kept = BitSet::with_max_value(segment.max_doc());
                weight.for_each_no_score(segment, &mut |met| {
                    for row in met.iter().filter(|row| rows.contains(**row)) {
                        kept.insert(*row);
                    }
                })?;
                rows = kept;
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(rows), boost)))
    }

    fn explain(&self, segment: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        if self.scorer(segment, 1.0)?.seek(row) == row {
            Ok(Explanation::new("meets all conditions", 1.0))
        } else {
            Err(TantivyError::InvalidArgument(format!(
                "row {row} does not meet all conditions"
            )))
        }
    }
}
