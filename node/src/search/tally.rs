//! What is counted of the rows that match: one tally for the index and the tail alike.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::fmt;

use liaison_protocol::record::codes::{Dimension, Measure};

use super::SearchError;
use super::document::Document;
use super::field::Field;
use super::limits;
use super::query::Query;

/// What is wanted of the records that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many arrivals at most, newest first; 0: only count. Cut to
    /// [`limits::QUERY_ARRIVALS`].
    pub limit: usize,
    /// Add up the counts of the cells that match.
    pub sum: bool,
    /// Count (and add up) by the values of this field.
    pub by: Option<Field>,
    /// Find what is superseded or retracted as well.
    pub include_hidden: bool,
    /// List arrivals before this one only: the next page. Counts and sums are of all.
    pub before: Option<u64>,
    /// Only what arrived after this one: what is new.
    pub after: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: 50,
            sum: false,
            by: None,
            include_hidden: false,
            before: None,
            after: None,
        }
    }
}

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many records match.
    pub count: u64,
    /// Arrival numbers, newest first, at most `limit`.
    pub arrivals: Vec<u64>,
    /// Sum of the matching cells' counts, if it was asked for and makes sense.
    pub sum: Option<u64>,
    /// Groups, by value. A record with several values counts in several groups; one with
    /// none has the empty value.
    pub groups: Vec<Group>,
    /// What a reader must know before using the numbers.
    pub notes: Vec<Note>,
}

/// One group of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The value; empty: records without one.
    pub value: String,
    /// How many records.
    pub count: u64,
    /// Sum of the cells' counts, if it was asked for.
    pub sum: Option<u64>,
}

/// What a reader must know before using the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Some of the records count people in several cells that match.
    Overlapping,
    /// Counts of different things were added up.
    Mixed {
        /// The measures.
        measures: Vec<String>,
    },
    /// No total over countries is given.
    NoTotal {
        /// The measure that forbids it.
        measure: String,
    },
    /// The sum is larger than the largest number.
    Overflow,
    /// The index is being checked after the node was killed: what was withdrawn just
    /// before may still be found for some seconds.
    Checking,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Overlapping => f.write_str(
                "Some records count the same people in several of the cells that were added up (a \
                 total and its parts, say). Narrow it with dim.NAME: conditions.",
            ),
            Note::Mixed { measures } => write!(
                f,
                "The sum mixes {}. Add measure: to the query, or --by measure.",
                measures.join(", ")
            ),
            Note::NoTotal { measure } => write!(
                f,
                "TRD-04 no total is given: the same people are counted under '{measure}' in one \
                 country after another."
            ),
            Note::Overflow => f.write_str("The sum is larger than 2^64 - 1 and was cut to that."),
            Note::Checking => f.write_str(
                "The index is being checked after an unclean stop; what was withdrawn just before \
                 may still be found. Ask again in a few seconds.",
            ),
        }
    }
}

/// Measures that count the same people in one country after another (IOM DTM).
pub(super) const TRAVELLING: [Measure; 2] = [Measure::Arrivals, Measure::TransitObservations];

/// What was counted so far.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) newest: Newest,
    pub(super) sum: u128,
    pub(super) groups: HashMap<String, GroupTally>,
    /// More groups than an answer may have.
    pub(super) crowded: bool,
    pub(super) measures: BTreeSet<String>,
    /// By travelling measure: the countries of its rows, joined.
    pub(super) places: BTreeMap<String, BTreeSet<String>>,
    pub(super) overlapping: bool,
}

/// A group so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupTally {
    pub(super) count: u64,
    pub(super) sum: u128,
}

/// The highest so many arrivals.
#[derive(Debug)]
pub(super) struct Newest {
    limit: usize,
    before: u64,
    heap: BinaryHeap<Reverse<u64>>,
}

impl Newest {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            limit: options.limit.min(limits::QUERY_ARRIVALS),
            before: options.before.unwrap_or(u64::MAX),
            heap: BinaryHeap::new(),
        }
    }

    pub(super) fn add(&mut self, arrival: u64) {
        if self.limit == 0 || arrival >= self.before {
            return;
        }
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(arrival));
        } else if self.heap.peek().is_some_and(|least| least.0 < arrival) {
            self.heap.pop();
            self.heap.push(Reverse(arrival));
        }
    }

    fn into_vec(self) -> Vec<u64> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|arrival| arrival.0)
            .collect()
    }
}

impl Tally {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            count: 0,
            newest: Newest::new(options),
            sum: 0,
            groups: HashMap::new(),
            crowded: false,
            measures: BTreeSet::new(),
            places: BTreeMap::new(),
            overlapping: false,
        }
    }

    /// Counts what of this record matches.
    pub(super) fn add(&mut self, document: &Document, query: &Query, options: &Options) {
        if document.hidden && !options.include_hidden
            || options.after.is_some_and(|after| document.arrival <= after)
        {
            return;
        }
        let mut rows = 0;
        let mut groups: BTreeMap<&str, u128> = BTreeMap::new();
        for row in document.rows().filter(|row| query.matches(*row)) {
            rows += 1;
            let n = if options.sum { row.n() } else { None };
            let add = u128::from(n.unwrap_or(0));
            self.sum = self.sum.saturating_add(add);
            if let Some(by) = options.by {
                let mut none = true;
                for group in row.groups(by) {
                    none = false;
                    *groups.entry(group).or_default() += add;
                }
                if none {
                    *groups.entry("").or_default() += add;
                }
            }
            if n.is_some() {
                for measure in row.terms(Field::Measure) {
                    if !self.measures.contains(measure) {
                        self.measures.insert(measure.to_owned());
                    }
                    if TRAVELLING.iter().any(|m| m.as_str() == measure) {
                        let mut countries: Vec<&str> = row.groups(Field::Country).collect();
                        countries.sort_unstable();
                        self.place(measure, countries.join("+"));
                    }
                }
                self.overlapping |= rows > 1 && row.overlapping();
            }
        }
        if rows == 0 {
            return;
        }
        self.count += 1;
        self.newest.add(document.arrival);
        for (group, sum) in groups {
            self.group(group, GroupTally { count: 1, sum });
        }
    }

    /// Adds what another one counted of other records.
    pub(super) fn merge(&mut self, other: Tally) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        for Reverse(arrival) in other.newest.heap {
            self.newest.add(arrival);
        }
        for (group, tally) in other.groups {
            self.group(&group, tally);
        }
        self.crowded |= other.crowded;
        self.measures.extend(other.measures);
        for (measure, places) in other.places {
            for place in places {
                self.place(&measure, place);
            }
        }
        self.overlapping |= other.overlapping;
    }

    pub(super) fn group(&mut self, value: &str, add: GroupTally) {
        if let Some(group) = self.groups.get_mut(value) {
            group.count = group.count.saturating_add(add.count);
            group.sum = group.sum.saturating_add(add.sum);
        } else if self.groups.len() < limits::QUERY_GROUPS {
            self.groups.insert(value.to_owned(), add);
        } else {
            self.crowded = true;
        }
    }

    pub(super) fn place(&mut self, measure: &str, countries: String) {
        let places = self.places.entry(measure.to_owned()).or_default();
        if places.len() < limits::PLACES_SHOWN {
            places.insert(countries);
        }
    }

    /// The answer.
    pub(super) fn finish(self, options: &Options) -> Result<Outcome, SearchError> {
        if self.crowded {
            return Err(SearchError::TooManyGroups);
        }
        let mut notes = Vec::new();
        let mut sum = options.sum.then(|| cut(self.sum, &mut notes));
        let travelling = self.places.into_iter().find(|(_, places)| places.len() > 1);
        if let Some((measure, places)) = travelling {
            // Group by group nothing is added up across countries.
            let apart = matches!(
                options.by,
                Some(Field::Country | Field::Area | Field::Dim(Dimension::Area))
            );
            if !apart {
                return Err(SearchError::AcrossCountries {
                    measure,
                    countries: places
                        .into_iter()
                        .map(|place| match place.as_str() {
                            "" => "no country given".to_owned(),
                            _ => place,
                        })
                        .collect(),
                });
            }
            sum = None;
            notes.push(Note::NoTotal { measure });
        }
        if self.measures.len() > 1 && options.by != Some(Field::Measure) {
            notes.push(Note::Mixed {
                measures: self.measures.into_iter().collect(),
            });
        }
        if self.overlapping {
            notes.push(Note::Overlapping);
        }
        let mut groups: Vec<Group> = self
            .groups
            .into_iter()
            .map(|(value, tally)| Group {
                value,
                count: tally.count,
                sum: options.sum.then(|| cut(tally.sum, &mut notes)),
            })
            .collect();
        groups.sort_by(|a, b| a.value.cmp(&b.value));
        Ok(Outcome {
            count: self.count,
            arrivals: self.newest.into_vec(),
            sum,
            groups,
            notes,
        })
    }
}

fn cut(sum: u128, notes: &mut Vec<Note>) -> u64 {
    u64::try_from(sum).unwrap_or_else(|_| {
        if !notes.contains(&Note::Overflow) {
            notes.push(Note::Overflow);
        }
        u64::MAX
    })
}
