//! The order of days and months (DAT).

use super::Finding;
use crate::record::codes::Method;
use crate::record::date::{Date, Month};
use crate::record::envelope::Fields;
use crate::record::kinds::Content;

pub(super) fn check(fields: &Fields, content: &Content, today: Date, found: &mut Vec<Finding>) {
    if let Some(expires) = fields.expires {
        if expires < today {
            found.push(Finding::new(
                "DAT-01",
                "expires",
                format!("{expires} has passed (today is {today})"),
                "Give a day to come, or leave it out.",
            ));
        }
        if let Some(review) = fields.review_by.filter(|review| *review > expires) {
            found.push(Finding::new(
                "DAT-02",
                "review_by",
                format!("{review} is after the end {expires}"),
                "Review before it expires.",
            ));
        }
    }
    let months: Vec<(&str, Option<Month>)> = match content {
        Content::Trend(trend) => {
            let (first, last) = (trend.period.first_day(), trend.period.last_day());
            if first > last {
                found.push(Finding::new(
                    "DAT-03",
                    "body.period",
                    format!(
                        "ends ({}) before it begins ({})",
                        trend.period.to, trend.period.from
                    ),
                    "Exchange the two.",
                ));
            }
            // An exercise plays in its own time.
            if first > today && trend.method != Method::Estimate && fields.exercise.is_none() {
                found.push(Finding::new(
                    "DAT-04",
                    "body.period",
                    format!("begins on {first}, which is still to come (today is {today})"),
                    "Correct the period, or set method to 'estimate'.",
                ));
            }
            return;
        }
        Content::ModusOperandi(c) => {
            if let (Some(first), Some(last)) = (c.first_seen, c.last_seen)
                && first > last
            {
                found.push(Finding::new(
                    "DAT-03",
                    "body.last_seen",
                    format!("{last} is before first_seen {first}"),
                    "Exchange the two.",
                ));
            }
            vec![
                ("body.first_seen", c.first_seen),
                ("body.last_seen", c.last_seen),
            ]
        }
        Content::Route(c) => vec![("body.first_seen", c.first_seen)],
        Content::Service(c) => vec![("body.since", c.since)],
        _ => Vec::new(),
    };
    for (place, month) in months {
        if let Some(month) = month
            && month.first_day() > today
            && fields.exercise.is_none()
        {
            found.push(Finding::new(
                "DAT-05",
                place,
                format!("{month} is still to come (today is {today})"),
                "Give the month in which it was seen.",
            ));
        }
    }
}
