//! Imports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/imports/{key}`: a piece of a CSV file. The job is keyed by file and map.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportChunk {
    /// The map file's text (TOML).
    pub map: String,
    /// The file's header line.
    pub header: String,
    /// Data rows, as they stand in the file (UTF-8 already).
    pub rows: String,
    /// Line number in the file of the first row.
    pub first_line: u64,
    /// Number of data rows before this piece.
    pub rows_before: u64,
    /// Distribution list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a piece, and `GET /v1/imports/{key}` for the whole job.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Rows of the job done so far, good and bad: where to go on.
    pub rows_done: u64,
    /// Records made by this piece.
    pub records: u64,
    /// Bad rows of this piece; of the whole job their lines only, up to
    /// [`IMPORT_LINES`](crate::limits::IMPORT_LINES).
    pub bad: Vec<BadRow>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// Column name, if one is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub says: String,
}
