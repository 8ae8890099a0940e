//! Checks of what a record says.
//!
//! Two sorts. *Form limits* ([`limits_of`]) hold everywhere and for ever: a record beyond
//! them is refused by everyone. *Content checks* ([`check`]) bind the author at signing;
//! at a receiver they only mark the record, so that two versions of this program never
//! disagree about what is valid.

mod contact;
mod dates;
mod difference;
mod document_alert;
pub(crate) mod form;
mod handling;
mod modus_operandi;
mod route;
mod service;
mod sum;
mod text;
mod trend;

use std::collections::BTreeMap;
use std::fmt;

pub use contact::missing;
pub use form::limits_of;
pub(crate) use form::limits_of_record;
pub use sum::SumGuard;

use super::codes::Measure;
use super::date::Date;
use super::envelope::Fields;
use super::kinds::{Content, Trend};
use crate::limits;

/// Something that a record must not say, or not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Code of the check: `TRD-02`.
    pub code: &'static str,
    /// Path of the field: `title`, `body.cells[4]`.
    pub place: String,
    /// What is wrong, with the values and the limit.
    pub says: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether an officer may override it with a reason: only a find of the text scanner
    /// that has a shape and no valid check digit.
    pub waivable: bool,
}

impl Finding {
    pub(crate) fn new(
        code: &'static str,
        place: impl Into<String>,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            place: place.into(),
            says: says.into(),
            remedy: remedy.into(),
            waivable: false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.strip_prefix("body.").unwrap_or(&self.place);
        let space = if self.says.starts_with(',') { "" } else { " " };
        write!(
            f,
            "{} {place}{space}{}. {}",
            self.code, self.says, self.remedy
        )
    }
}

/// Smallest counts that may be shared, by measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds(BTreeMap<Measure, u64>);

impl Thresholds {
    /// Sets the threshold of a measure; one of victims is never lower than
    /// [`limits::VICTIM_THRESHOLD`].
    pub fn set(&mut self, measure: Measure, smallest: u64) -> &mut Self {
        self.0.insert(measure, smallest);
        self
    }

    /// The smallest count of this measure that may be shared; 1 unless it was set.
    pub fn of(&self, measure: Measure) -> u64 {
        let floor = if measure.is_victims() {
            limits::VICTIM_THRESHOLD
        } else {
            1
        };
        self.0.get(&measure).copied().unwrap_or(floor).max(floor)
    }
}

/// What the checks need to know beside the record.
#[derive(Clone, Debug)]
pub struct CheckContext<'a> {
    /// Smallest counts that may be shared.
    pub thresholds: Thresholds,
    /// The day of signing, UTC.
    pub today: Date,
    /// The trend that this record amends.
    pub previous: Option<&'a Trend>,
    /// Other trends of the same author whose period, area or route overlap.
    pub overlapping: &'a [&'a Trend],
}

impl CheckContext<'_> {
    /// No earlier trends and the lowest thresholds.
    pub fn on(today: Date) -> Self {
        Self {
            thresholds: Thresholds::default(),
            today,
            previous: None,
            overlapping: &[],
        }
    }
}

/// All content checks. Empty: it may be signed, if [`limits_of`] has nothing either.
pub fn check(fields: &Fields, content: &Content, ctx: &CheckContext) -> Vec<Finding> {
    let mut found = Vec::new();
    // What stands inside a seal has checks of its own, run before it is sealed.
    if matches!(content, Content::Sealed(_)) {
        return found;
    }
    handling::check(fields, &mut found);
    dates::check(fields, content, ctx.today, &mut found);
    text::check(fields, content, &mut found);
    match content {
        Content::Trend(trend) => trend::check(trend, ctx, &mut found),
        Content::ModusOperandi(content) => modus_operandi::check(fields, content, &mut found),
        Content::Route(route) => route::check(route, &mut found),
        Content::DocumentAlert(alert) => document_alert::check(alert, &mut found),
        Content::Service(service) => service::check(fields, service, ctx.today, &mut found),
        Content::Contact(contact) => contact::check(contact, ctx.today, &mut found),
        Content::Keys(_)
        | Content::Retract(_)
        | Content::Recall(_)
        | Content::Receipt(_)
        | Content::Permit(_)
        | Content::Ask(_)
        | Content::Affirm(_)
        | Content::Sealed(_) => {}
    }
    found
}

#[cfg(test)]
mod tests;
