//! `GET /v1/stats/{figure}`.

use axum::Json;
use axum::extract::{Path, Query, State};
use liaison_protocol::record::codes::Measure;
use liaison_protocol::record::date::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{ApiError, StatsReport, StatsRow};
use crate::audit::{Act, note};
use crate::node::Node;
use crate::stats::{By, Figure, Quarter, QuarterError, Table, Unknown, gather};
use crate::store::Op;

/// What of the query string counts.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    by: Option<String>,
    quarter: Option<String>,
}

pub(super) async fn stats(
    State(node): State<Node>,
    Path(figure): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<StatsReport>, ApiError> {
    let invalid =
        |says: String| ApiError::new("invalid", says).with_remedy("see 'liaison stats --help'");
    note(|note| note.what = Some(Act::Combine));
    let figure: Figure = figure
        .parse()
        .map_err(|e: Unknown| invalid(e.to_string()))?;
    let by = match (&wanted.by, figure.partitions().first()) {
        (Some(text), _) => figure.partition(text).map_err(|e| invalid(e.to_string()))?,
        (None, Some(first)) => *first,
        (None, None) => return Err(invalid("there is no such figure".into())),
    };
    let today = Date::from_millis(node.clock.now());
    let quarter = match &wanted.quarter {
        Some(text) => text
            .parse()
            .map_err(|e: QuarterError| invalid(e.to_string()))?,
        None => Quarter::last_ended(today),
    };
    quarter.check(today).map_err(|e| invalid(e.to_string()))?;
    let k = node.ingest.settings().thresholds.of(Measure::Referrals);
    let table = node.figure(figure, by, quarter, k).await?;
    let draft = draft(&node, figure, by, quarter, &table);
    Ok(Json(StatsReport {
        figure: figure.to_string(),
        by: by.to_string(),
        quarter: quarter.to_string(),
        parts: by.parts().iter().map(ToString::to_string).collect(),
        total: table.total,
        rows: table
            .rows
            .into_iter()
            .map(|row| StatsRow {
                key: row.key,
                n: row.n,
            })
            .collect(),
        smallest: k,
        draft,
    }))
}

impl Node {
    /// A figure: as it was counted before, or counted now and kept with all others of its
    /// quarter, whatever is asked for first.
    async fn figure(
        &self,
        figure: Figure,
        by: By,
        quarter: Quarter,
        k: u64,
    ) -> Result<Table, ApiError> {
        // Of two who ask at once, both get the first answer.
        let _one = self.counting.lock().await;
        let name = |figure, by| format!("stats/{figure}/{by}/{quarter}");
        let kept = |name: &str| -> Result<Option<Table>, ApiError> {
            let bytes = self.store.meta(name)?;
            Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
        };
        if let Some(table) = kept(&name(figure, by))? {
            return Ok(table);
        }
        let node = self.clone();
        let count = move || gather(&node, quarter);
        let all = tokio::task::spawn_blocking(count)
            .await
            .map_err(|_| ApiError::new("internal", "the node is stopping"))?
            .map_err(|error| {
                ApiError::new("internal", format!("a figure can't be counted: {error}"))
                    .with_remedy("'liaison doctor' says what is wrong with the keyring")
            })?;
        let mut ops = Vec::new();
        for one in Figure::ALL {
            for part in one.partitions() {
                let name = name(one, *part);
                if kept(&name)?.is_none() {
                    // Plain data with text keys: it always has a JSON form.
                    let table = serde_json::to_vec(&one.table(*part, &all, k));
                    let bytes = table.unwrap_or_default().into();
                    ops.push(Op::PutMeta { name, bytes });
                }
            }
        }
        self.store.write(ops).await?;
        Ok(figure.table(by, &all, k))
    }
}

/// The same as the draft of a trend; none: a trend has no place for it, or nothing is shown.
fn draft(node: &Node, figure: Figure, by: By, quarter: Quarter, table: &Table) -> Option<Value> {
    let dimensions = by.dimensions()?;
    if figure == Figure::Responses {
        return None;
    }
    let card = node.registry.contact(&node.registry.own())?;
    let (from, to) = quarter.months()?;
    let mut cells: Vec<Value> = Vec::new();
    for row in &table.rows {
        let Some(n) = row.n.filter(|n| *n > 0) else {
            continue;
        };
        let dims: serde_json::Map<String, Value> = dimensions
            .iter()
            .zip(&row.key)
            .map(|(dimension, value)| (dimension.to_string(), json!(value)))
            .collect();
        cells.push(json!({ "dims": dims, "n": n }));
    }
    if let Some(total) = table.total.filter(|n| *n > 0) {
        cells.push(json!({ "n": total }));
    }
    let what = match figure {
        Figure::Gaps => "Referrals that no provider took",
        Figure::Referrals | Figure::Responses => "Referrals of presumed victims",
    };
    (!cells.is_empty()).then(|| {
        json!({
            "kind": "trend", "lang": "en", "title": format!("{what}, {quarter}"),
            "tlp": "green", "purpose": "statistics",
            "body": {
                "period": { "from": from.to_string(), "to": to.to_string() },
                "area": [card.country.as_str()],
                "measure": Measure::Referrals.as_str(),
                "method": "administrative",
                "cells": cells,
                "caveats": "Only people who agreed to be counted; small counts are left out.",
            },
        })
    })
}
