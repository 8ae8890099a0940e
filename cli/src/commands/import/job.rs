//! One import: a file cut into pieces, sent one after the other; the node keeps the account
//! of what is done.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liaison_node::control::api::{ImportChunk, ImportReport};
use liaison_node::import::text::decode;
use liaison_node::import::{JobKey, Map, cut, pieces};

use crate::client::Client;
use crate::commands::Context;
use crate::error::CommandError;
use crate::limits::{PIECE_BYTES, PIECE_ROWS, ROW_BYTES};
use crate::output::clean;
use crate::output::imports::{BAD_SHOWN, ImportSummary};

/// A file and its map, ready to be sent.
#[derive(Debug)]
pub struct Job {
    key: String,
    map_text: String,
    text: String,
    map: Map,
    to: Option<Vec<String>>,
    rows: u64,
}

impl Job {
    /// Reads map and file.
    ///
    /// # Errors
    /// The map is not understood, or the file has no header.
    pub fn new(
        name: &str,
        bytes: &[u8],
        map_text: String,
        to: Option<Vec<String>>,
    ) -> Result<Self, CommandError> {
        let bad_map = |says: String| CommandError::Malformed {
            place: "the map".into(),
            says,
            remedy: "correct it; `liaison import csv FILE --guess` proposes a map".into(),
        };
        let map = Map::parse(&map_text).map_err(|e| bad_map(e.to_string()))?;
        let text = decode(bytes, map.encoding())
            .map_err(|e| bad_map(e.to_string()))?
            .into_owned();
        let heads = u64::from(map.has_header());
        let rows = (cut(&text, map.dialect(), 1).count() as u64)
            .checked_sub(heads)
            .ok_or_else(|| CommandError::Malformed {
                place: name.to_owned(),
                says: "it is empty".into(),
                remedy: "the first line of a CSV file names its columns".into(),
            })?;
        let key = JobKey::of(bytes, &map_text).to_string();
        Ok(Self {
            key,
            map_text,
            map,
            text,
            to,
            rows,
        })
    }

    /// Data rows in the file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Sends what is not done after `before`, or checks it on a dry run.
    ///
    /// # Errors
    /// The node goes away or refuses a piece as a whole. What was answered before is done.
    pub fn run(
        &self,
        context: &mut Context,
        client: &Client,
        before: ImportReport,
        dry_run: bool,
    ) -> Result<ImportSummary, CommandError> {
        let path = format!("/v1/imports/{}", self.key);
        let mut summary = ImportSummary {
            key: self.key.clone(),
            rows: self.rows,
            resumed_at: before.rows_done,
            rows_done: before.rows_done,
            records: 0,
            bad: before.bad,
            dry_run,
        };
        let bar = self.bar(context, before.rows_done);
        let mut rest = cut(&self.text, self.map.dialect(), 1);
        let header = if self.map.has_header() {
            rest.next()
        } else {
            None
        };
        let header = header.map(|row| row.text).unwrap_or_default();
        let mut skipped = 0_u64;
        while skipped < before.rows_done && rest.next().is_some() {
            skipped += 1;
        }
        for piece in pieces(
            rest.rest(),
            self.map.dialect(),
            rest.line(),
            PIECE_ROWS,
            PIECE_BYTES,
        ) {
            if piece.text.len() > ROW_BYTES {
                bar.abandon();
                return Err(CommandError::Malformed {
                    place: format!("line {}", piece.first_line),
                    says: format!("the row is longer than {ROW_BYTES} bytes"),
                    remedy: "check that it is a CSV file, and the delimiter in the map".into(),
                });
            }
            let chunk = ImportChunk {
                map: self.map_text.clone(),
                header: header.to_owned(),
                rows: piece.text.to_owned(),
                first_line: piece.first_line,
                rows_before: skipped.saturating_add(piece.rows_before),
                to: self.to.clone(),
                dry_run,
            };
            let report: ImportReport = match client.post(&path, &chunk) {
                Ok(report) => report,
                Err(error) => {
                    bar.abandon();
                    if !dry_run && !context.ui.json {
                        for bad in summary.bad.iter().take(BAD_SHOWN) {
                            let says = clean(&bad.says);
                            context.ui.note(&format!("line {}: {says}", bad.line))?;
                        }
                        context.ui.note(&format!(
                            "{} of {} rows are done; type the same command again to go on.",
                            summary.rows_done, self.rows
                        ))?;
                    }
                    return Err(error);
                }
            };
            bar.inc(piece.rows);
            summary.rows_done = summary.rows_done.saturating_add(piece.rows);
            summary.records = summary.records.saturating_add(report.records);
            summary.bad.extend(report.bad);
        }
        bar.finish_and_clear();
        Ok(summary)
    }

    /// What an earlier run has done of it.
    ///
    /// # Errors
    /// The node is not reachable.
    pub fn done(&self, client: &Client) -> Result<ImportReport, CommandError> {
        match client.get(&format!("/v1/imports/{}", self.key)) {
            Err(CommandError::Api(error)) if error.code == "not-found" => {
                Ok(ImportReport::default())
            }
            other => other,
        }
    }

    fn bar(&self, context: &Context, done: u64) -> ProgressBar {
        if !context.ui.err_terminal || context.ui.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(self.rows), ProgressDrawTarget::stderr())
            .with_position(done);
        match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} rows, {eta} left") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}
