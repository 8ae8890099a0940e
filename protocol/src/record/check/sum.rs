//! Which trends may be added up (TRD-04).

use std::collections::BTreeSet;

use super::Finding;
use crate::record::codes::Measure;
use crate::record::date::Period;
use crate::record::kinds::Trend;

/// Watches a sum over trends and refuses what would count people twice or mean nothing.
#[derive(Clone, Debug, Default)]
pub struct SumGuard {
    measure: Option<Measure>,
    unit: Option<Option<String>>,
    scope: Option<BTreeSet<String>>,
    period: Option<Period>,
}

impl SumGuard {
    /// Nothing summed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a trend into the sum, or says why it doesn't belong there.
    pub fn add(&mut self, trend: &Trend) -> Result<(), Finding> {
        let refuse =
            |says: String, remedy: &str| Err(Finding::new("TRD-04", "--sum", says, remedy));
        let measure = *self.measure.get_or_insert(trend.measure);
        if measure != trend.measure {
            return refuse(
                format!(
                    "would add {measure} to {}: they count different things",
                    trend.measure
                ),
                "Add measure:NAME to the query.",
            );
        }
        if measure == Measure::Fee {
            return refuse("would add up fees".into(), "Use --by to list them.");
        }
        let unit = self.unit.get_or_insert_with(|| trend.unit.clone());
        if *unit != trend.unit {
            return refuse(
                "would add counts of different units".into(),
                "Narrow the query to one unit.",
            );
        }
        if measure == Measure::Presence {
            let period = *self.period.get_or_insert(trend.period);
            if period != trend.period {
                return refuse(
                    format!(
                        "would add presence in {period} to presence in {}: the same people stay",
                        trend.period
                    ),
                    "Narrow the query to one period.",
                );
            }
        }
        if measure == Measure::TransitObservations {
            let scope: BTreeSet<String> = match &trend.route {
                _ if !trend.area.is_empty() => {
                    trend.area.iter().map(|a| a.country().to_owned()).collect()
                }
                Some(route) => std::iter::once(route.clone()).collect(),
                None => BTreeSet::new(),
            };
            let first = self.scope.get_or_insert_with(|| scope.clone());
            if *first != scope {
                let names =
                    |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join("+");
                return refuse(
                    format!(
                        "would add transit observations of {} and {}: one person is counted in each country",
                        names(first),
                        names(&scope)
                    ),
                    "Narrow the query to one country, or use --by area.",
                );
            }
        }
        Ok(())
    }
}
