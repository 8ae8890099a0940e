//! Counts the rows that match in one segment of the index, by its columns alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};

use super::field::Field;
use super::limits;
use super::schema::{self, group_column};
use super::tally::{GroupTally, Newest, Options, TRAVELLING, Tally};

/// Counts all segments.
pub(super) struct Rows {
    pub(super) options: Options,
    /// Arrivals that changed since the commit: they are looked up in the store instead.
    pub(super) except: Arc<BTreeSet<u64>>,
}

impl Collector for Rows {
    type Fruit = Tally;
    type Child = SegmentRows;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentRows> {
        let columns = segment.fast_fields();
        let group = match self.options.by {
            Some(by) => columns.str(&group_column(by))?,
            None => None,
        };
        Ok(SegmentRows {
            options: self.options.clone(),
            except: Arc::clone(&self.except),
            arrival: columns.u64(schema::ARRIVAL)?,
            hidden: columns.u64(schema::HIDDEN)?,
            n: columns.column_opt(schema::N)?,
            group,
            sums: match self.options.sum {
                true => Some(
                    Sums {
                        overlapping: columns.u64(schema::OVERLAPPING)?,
                        travelling: HashMap::new(),
                        measure: columns.str(&group_column(Field::Measure))?,
                        country: columns.str(&group_column(Field::Country))?,
                        measures: HashSet::new(),
                        places: HashMap::new(),
                        found: false,
                    }
                    .with_travelling()?,
                ),
                false => None,
            },
            last: None,
            count: 0,
            newest: Newest::new(&self.options),
            sum: 0,
            groups: HashMap::new(),
            crowded: false,
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<tantivy::Result<Tally>>) -> tantivy::Result<Tally> {
        let mut all = Tally::new(&self.options);
        for fruit in fruits {
            all.merge(fruit?);
        }
        Ok(all)
    }
}

/// Counts one segment. All rows of a record are written as one batch, which tantivy keeps
/// in one segment and in order; so a record is new when its arrival differs from the last.
pub(super) struct SegmentRows {
    options: Options,
    except: Arc<BTreeSet<u64>>,
    arrival: Column<u64>,
    hidden: Column<u64>,
    n: Option<Column<u64>>,
    group: Option<StrColumn>,
    sums: Option<Sums>,
    last: Option<u64>,
    count: u64,
    newest: Newest,
    sum: u128,
    /// By ordinal of the value; `u64::MAX`: without one.
    groups: HashMap<u64, SegmentGroup>,
    crowded: bool,
}

struct SegmentGroup {
    last: u64,
    tally: GroupTally,
}

/// What a sum has to look out for.
struct Sums {
    overlapping: Column<u64>,
    measure: Option<StrColumn>,
    country: Option<StrColumn>,
    /// Ordinals of the measures that count people again in the next country.
    travelling: HashMap<u64, &'static str>,
    measures: HashSet<u64>,
    places: HashMap<u64, BTreeSet<Vec<u64>>>,
    found: bool,
}

impl SegmentCollector for SegmentRows {
    type Fruit = tantivy::Result<Tally>;

    fn collect(&mut self, row: DocId, _: Score) {
        let Some(arrival) = self.arrival.first(row) else {
            return;
        };
        let hidden = self.hidden.first(row) != Some(0);
        if hidden && !self.options.include_hidden
            || self.options.after.is_some_and(|after| arrival <= after)
            || !self.except.is_empty() && self.except.contains(&arrival)
        {
            return;
        }
        let again = self.last == Some(arrival);
        if !again {
            self.last = Some(arrival);
            self.count += 1;
            self.newest.add(arrival);
        }
        let mut add = 0;
        if let Some(sums) = &mut self.sums
            && let Some(n) = self.n.as_ref().and_then(|n| n.first(row))
        {
            add = u128::from(n);
            self.sum = self.sum.saturating_add(add);
            sums.row(row, again);
        }
        if self.options.by.is_some() {
            let mut none = true;
            if let Some(column) = &self.group {
                for value in column.term_ords(row) {
                    none = false;
                    count(&mut self.groups, &mut self.crowded, value, arrival, add);
                }
            }
            if none {
                count(&mut self.groups, &mut self.crowded, u64::MAX, arrival, add);
            }
        }
    }

    fn harvest(self) -> tantivy::Result<Tally> {
        let mut tally = Tally::new(&self.options);
        tally.count = self.count;
        tally.newest = self.newest;
        tally.sum = self.sum;
        tally.crowded = self.crowded;
        for (value, group) in self.groups {
            let text = match (&self.group, value) {
                (Some(column), value) if value != u64::MAX => name(column, value)?,
                _ => String::new(),
            };
            tally.group(&text, group.tally);
        }
        if let Some(sums) = self.sums {
            sums.harvest(&mut tally)?;
        }
        Ok(tally)
    }
}

fn count(
    groups: &mut HashMap<u64, SegmentGroup>,
    crowded: &mut bool,
    value: u64,
    arrival: u64,
    add: u128,
) {
    if let Some(group) = groups.get_mut(&value) {
        if group.last != arrival {
            group.last = arrival;
            group.tally.count += 1;
        }
        group.tally.sum = group.tally.sum.saturating_add(add);
    } else if groups.len() < limits::QUERY_GROUPS {
        let tally = GroupTally { count: 1, sum: add };
        groups.insert(
            value,
            SegmentGroup {
                last: arrival,
                tally,
            },
        );
    } else {
        *crowded = true;
    }
}

impl Sums {
    fn with_travelling(mut self) -> tantivy::Result<Self> {
        if let Some(column) = &self.measure {
            for measure in TRAVELLING {
                let found = column.dictionary().term_ord(measure.as_str())?;
                if let Some(ordinal) = found {
                    self.travelling.insert(ordinal, measure.as_str());
                }
            }
        }
        Ok(self)
    }

    fn row(&mut self, row: DocId, again: bool) {
        self.found |= again && self.overlapping.first(row) == Some(1);
        let Some(column) = &self.measure else {
            return;
        };
        for measure in column.term_ords(row) {
            self.measures.insert(measure);
            if self.travelling.contains_key(&measure) {
                let mut countries: Vec<u64> = self
                    .country
                    .iter()
                    .flat_map(|column| column.term_ords(row))
                    .collect();
                // Ordinals are in the order of their texts.
                countries.sort_unstable();
                let places = self.places.entry(measure).or_default();
                if places.len() < limits::PLACES_SHOWN {
                    places.insert(countries);
                }
            }
        }
    }

    fn harvest(self, tally: &mut Tally) -> tantivy::Result<()> {
        tally.overlapping |= self.found;
        if let Some(column) = &self.measure {
            for measure in self.measures {
                tally.measures.insert(name(column, measure)?);
            }
        }
        for (measure, places) in self.places {
            let Some(measure) = self.travelling.get(&measure) else {
                continue;
            };
            for countries in places {
                let mut names = Vec::new();
                if let Some(column) = &self.country {
                    for country in countries {
                        names.push(name(column, country)?);
                    }
                }
                tally.place(measure, names.join("+"));
            }
        }
        Ok(())
    }
}

fn name(column: &StrColumn, ordinal: u64) -> tantivy::Result<String> {
    let mut text = String::new();
    if column.ord_to_str(ordinal, &mut text)? {
        Ok(text)
    } else {
        Err(TantivyError::InternalError(format!(
            "the index names value {ordinal} and does not have it"
        )))
    }
}
