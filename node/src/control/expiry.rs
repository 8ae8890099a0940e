//! `GET /v1/expiry`: what ends, and what is due for review, up to a day.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Query, State};
use liaison_protocol::clock::Millis;
use liaison_protocol::record::date::Date;
use serde::Deserialize;

use super::api::{ApiError, ExpiryReport, ExpiryRow, ReviewRow, Tally};
use super::text::rfc3339;
use crate::audit::note;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::store::{Arrival, StoreError};
use crate::time::{self, is_for_review};

/// Days ahead, unless asked for another.
const DAYS: i64 = 30;

/// What of the query string counts.
#[derive(Debug, Deserialize)]
pub(super) struct Until {
    until: Option<String>,
}

pub(super) async fn expiry(
    State(node): State<Node>,
    Query(Until { until }): Query<Until>,
) -> Result<Json<ExpiryReport>, ApiError> {
    let until = match until {
        Some(text) => text.parse().map_err(|_| {
            let shown = liaison_protocol::id::clip(&text);
            ApiError::new("invalid", format!("{shown} is no date"))
                .with_remedy("write it as 2031-05-01")
        })?,
        None => Date::from_millis(node.clock.now()).add_days(DAYS),
    };
    let report = tokio::task::spawn_blocking(move || report(&node, until))
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    note(|note| {
        let ends = report.rows.iter().map(|row| &row.record);
        let reviews = report.reviews.iter().map(|row| &row.record);
        let ids = ends.chain(reviews).filter_map(|row| row.id.parse().ok());
        ids.for_each(|id| note.record(id));
    });
    Ok(Json(report))
}

fn report(node: &Node, until: Date) -> Result<ExpiryReport, ApiError> {
    let found = find(node, until.end_ms())?;
    let mut rows = Vec::with_capacity(found.first.len());
    for (end, arrival) in &found.first {
        if let Some(header) = node.store.header(*arrival)? {
            let (record, expires) = (node.row(*arrival, &header)?, rfc3339(*end));
            rows.push(ExpiryRow { record, expires });
        }
    }
    let mut reviews = Vec::with_capacity(found.reviews.len());
    for (day, arrival) in &found.reviews {
        if let Some(header) = node.store.header(*arrival)? {
            let record = node.row(*arrival, &header)?;
            let review_by = Date::from_millis(*day).to_string();
            reviews.push(ReviewRow { record, review_by });
        }
    }
    let tally = |(reason, count): (&str, u64)| Tally {
        reason: reason.into(),
        count,
    };
    Ok(ExpiryReport {
        until: until.to_string(),
        count: found.by_kind.values().sum(),
        by_kind: found.by_kind.into_iter().map(tally).collect(),
        rows,
        review_count: found.review_count,
        reviews,
        doubt: node.time.trusted().err().map(|d| d.to_string()),
    })
}

#[derive(Default)]
struct Found {
    by_kind: BTreeMap<&'static str, u64>,
    /// The first to end, at most [`limits::EXPIRY_ROWS`].
    first: BTreeSet<(Millis, Arrival)>,
    review_count: u64,
    /// The first to be reviewed, at most as many.
    reviews: BTreeSet<(Millis, Arrival)>,
}

fn find(node: &Node, until: Millis) -> Result<Found, StoreError> {
    let own = node.registry.own();
    let mut found = Found::default();
    let mut after = Arrival(0);
    loop {
        let headers = node.store.headers(after.next(), limits::STORE_ROWS)?;
        let Some((last, _)) = headers.last() else {
            return Ok(found);
        };
        after = *last;
        for (arrival, header) in headers {
            if let Some(end) = time::ends(&header).filter(|end| *end <= until) {
                let kind = kind::of(&header).map_or("unknown", |k| k.as_str());
                *found.by_kind.entry(kind).or_default() += 1;
                keep(&mut found.first, (end, arrival));
            }
            // Its day has come when the day begins; `until` is the end of one.
            if let Some(day) = header.review.filter(|day| *day < until)
                && is_for_review(&header, &own, day)
            {
                found.review_count += 1;
                keep(&mut found.reviews, (day, arrival));
            }
        }
    }
}

fn keep(first: &mut BTreeSet<(Millis, Arrival)>, one: (Millis, Arrival)) {
    first.insert(one);
    if first.len() > limits::EXPIRY_ROWS {
        first.pop_last();
    }
}
