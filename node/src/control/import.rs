//! `POST /v1/imports/{key}`: a piece of a CSV file becomes records, all rows of it together
//! with the job's progress, so that an import that was cut off goes on where it stood.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::Content;

use super::api::{ApiError, BadRow, ImportChunk, ImportReport};
use super::caller::Caller;
use crate::import::{JobKey, Map, Row};
use crate::ingest::{IngestFault, Statement};
use crate::limits;
use crate::node::Node;
use crate::officers::Roles;
use crate::store::{Op, StoreError};

/// `GET /v1/imports/{key}`.
pub(super) async fn progress(
    State(node): State<Node>,
    Path(key): Path<String>,
) -> Result<Json<ImportReport>, ApiError> {
    let key = read_key(&key)?;
    let job = key.to_string();
    let rows_done = node.store.job(&job)?.unwrap_or(0);
    let left_out = left_out(&node, &job)?.into_iter().map(|line| BadRow {
        line,
        column: None,
        says: "not taken when it was imported: --dry-run says why".into(),
    });
    Ok(Json(ImportReport {
        rows_done,
        records: 0,
        bad: left_out.collect(),
    }))
}

/// `POST /v1/imports/{key}`.
pub(super) async fn piece(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    Json(chunk): Json<ImportChunk>,
) -> Result<Json<ImportReport>, ApiError> {
    let key = read_key(&key)?;
    if !key.is_of_map(&chunk.map) {
        return Err(
            ApiError::new("invalid", "the job's key is not that of this map")
                .with_remedy("'liaison import csv' makes the key itself"),
        );
    }
    let job = key.to_string();
    // A call goes on when whoever made it is gone: the same piece may come again meanwhile.
    let _one = if chunk.dry_run {
        None
    } else {
        Some(node.importing.lock().await)
    };
    let done = node.store.job(&job)?.unwrap_or(0);
    // A piece that was taken before the answer was lost is not taken twice.
    if !chunk.dry_run && chunk.rows_before != done {
        return Err(ApiError::new(
            "conflict",
            format!(
                "the import stands at row {done}, the piece begins at row {}",
                chunk.rows_before
            ),
        )
        .with_remedy("run the same command again: it goes on where it stood"));
    }
    let audience = node.audience(chunk.to.as_deref())?;
    let dry_run = chunk.dry_run;
    let to = audience.clone();
    let mapped = {
        let node = node.clone();
        let by = caller.officer.roles;
        tokio::task::spawn_blocking(move || map_rows(&node, &chunk, by, to.as_deref())).await
    };
    let (good, bad) = mapped.map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    let records = good.len() as u64;
    let rows_done = done + records + bad.len() as u64;
    if !dry_run {
        let mut also = Vec::new();
        if !bad.is_empty() {
            // Whoever goes on after an interruption has not read of them.
            let mut lines = left_out(&node, &job)?;
            lines.extend(bad.iter().map(|row| row.line));
            lines.sort_unstable();
            lines.dedup();
            lines.truncate(limits::IMPORT_LINES);
            let bytes = postcard::to_stdvec(&lines)
                .map_err(|error| ApiError::new("internal", error.to_string()))?;
            also.push(Op::PutMeta {
                name: left_out_name(&job),
                bytes: bytes.into(),
            });
        }
        take(&node, (job, done, rows_done), good, audience, also).await?;
    }
    Ok(Json(ImportReport {
        rows_done,
        records,
        bad,
    }))
}

/// Takes the rows in with the job's progress: all in one step, or in as many as the store takes.
async fn take(
    node: &Node,
    (job, done, rows_done): (String, u64, u64),
    good: Vec<Numbered>,
    audience: Option<Vec<AgencyId>>,
    also: Vec<Op>,
) -> Result<(), ApiError> {
    let mut at_once = good.len();
    let mut left = good.as_slice();
    loop {
        let (now, later) = left.split_at(at_once.min(left.len()));
        let statements = now.iter().map(|(_, row)| Statement {
            fields: row.fields.clone(),
            content: row.content.clone(),
            audience: audience.clone(),
        });
        let rows = match now.last() {
            Some((rows, _)) if !later.is_empty() => done + rows,
            _ => rows_done,
        };
        let job = job.clone();
        let mut ops = vec![Op::JobProgress { job, rows }];
        ops.extend(also.iter().cloned());
        match node.ingest.own(statements.collect(), ops).await {
            Ok(_) if later.is_empty() => return Ok(()),
            Ok(_) => left = later,
            Err(IngestFault::Store(StoreError::TooLarge { .. })) if now.len() > 1 => {
                at_once = now.len() / 2;
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// Lines of a job's file that were not taken; what stood there is in the file only.
fn left_out(node: &Node, job: &str) -> Result<Vec<u64>, ApiError> {
    let bytes = node.store.meta(&left_out_name(job))?;
    let lines = bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok());
    Ok(lines.unwrap_or_default())
}

fn left_out_name(job: &str) -> String {
    format!("import/{job}")
}

fn read_key(text: &str) -> Result<JobKey, ApiError> {
    text.parse()
        .map_err(|e: crate::import::job::JobKeyError| ApiError::new("invalid", e.to_string()))
}

/// A row, and how many rows there are up to it.
type Numbered = (u64, Row);

/// The rows that are in order, and the others.
fn map_rows(
    node: &Node,
    chunk: &ImportChunk,
    by: Roles,
    to: Option<&[AgencyId]>,
) -> Result<(Vec<Numbered>, Vec<BadRow>), ApiError> {
    let invalid = |e: &dyn std::fmt::Display| ApiError::new("invalid", e.to_string());
    let map = Map::parse(&chunk.map).map_err(|e| invalid(&e))?;
    let today = Date::from_millis(node.clock.now());
    let bound = map.bind(&chunk.header, today).map_err(|e| invalid(&e))?;
    let rows = bound
        .rows(&chunk.rows, chunk.first_line)
        .map_err(|e| invalid(&e))?;
    let mut good = Vec::new();
    let mut bad = Vec::new();
    // Rows of one piece stand beside each other in the store, so they are checked so.
    let mut beside = Vec::new();
    for (row, rows) in rows.into_iter().zip(1..) {
        match row {
            Ok(mut row) => {
                if row.fields.exercise.is_none() {
                    row.fields.exercise.clone_from(&node.config.exercise);
                }
                let record = node.record(&row.fields, &row.content);
                let checked = node
                    .not_retracted(&row.fields, &row.content)
                    .and_then(|()| node.within_ceilings(by, &record, to))
                    .and_then(|()| node.check(&row.fields, &row.content, None, &beside));
                match checked {
                    Ok(()) => {
                        if let Content::Trend(trend) = &row.content
                            && node.ingest.settings().thresholds.of(trend.measure) > 1
                        {
                            beside.push(trend.clone());
                        }
                        good.push((rows, row));
                    }
                    Err(error) => {
                        let says = match error.findings.as_slice() {
                            [] => error.error,
                            findings => findings
                                .iter()
                                .map(|f| f.says.as_str())
                                .collect::<Vec<_>>()
                                .join(" "),
                        };
                        bad.push(BadRow {
                            line: row.line,
                            column: None,
                            says,
                        });
                    }
                }
            }
            Err(e) => bad.push(BadRow {
                line: e.line,
                column: e.column,
                says: e.says,
            }),
        }
    }
    Ok((good, bad))
}
