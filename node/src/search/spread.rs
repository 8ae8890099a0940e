//! Conditions on a record's texts. These stand at its first row only, so that a trend of
//! 400 cells does not have its summary indexed 400 times; what matches there is spread to
//! the record's other rows, which follow it.

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query as TantivyQuery, Scorer, Weight,
};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

use super::schema::ARRIVAL;

/// All rows of the records whose first row meets a condition.
#[derive(Debug)]
pub(super) struct Spread(pub(super) Box<dyn TantivyQuery>);

impl Clone for Spread {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl TantivyQuery for Spread {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(SpreadWeight(self.0.weight(scoring)?)))
    }
}

struct SpreadWeight(Box<dyn Weight>);

impl Weight for SpreadWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let arrivals = segment.fast_fields().u64(ARRIVAL)?;
        let end = segment.max_doc();
        let mut rows = BitSet::with_max_value(end);
        self.0.for_each_no_score(segment, &mut |firsts| {
            for first in firsts {
                let arrival = arrivals.first(*first);
                (*first..end)
                    .take_while(|row| arrivals.first(*row) == arrival)
                    .for_each(|row| {
                        rows.insert(row);
                    });
            }
        })?;
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(rows), boost)))
    }

    fn explain(&self, segment: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        if self.scorer(segment, 1.0)?.seek(row) == row {
            Ok(Explanation::new("in the record's texts", 1.0))
        } else {
            Err(TantivyError::InvalidArgument(format!(
                "row {row} has no such text"
            )))
        }
    }
}
