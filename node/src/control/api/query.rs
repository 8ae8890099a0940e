//! Queries and their answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/query`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryRequest {
    /// The words as typed: `kind:trend`, `dim.nationality:AFG`, `period:2015..2016`, free text.
    pub words: Vec<String>,
    /// At most this many rows; default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only rows that came before this record: an id or the beginning of one, such as `next` of
    /// the answer before. Counts and sums are of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Only the number of records.
    #[serde(default)]
    pub count: bool,
    /// Only records that came since this user last asked so.
    #[serde(default)]
    pub new: bool,
    /// Sum the counts of the matching cells.
    #[serde(default)]
    pub sum: bool,
    /// Group by this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The answer to a query.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryReport {
    /// Matching records in all.
    pub count: u64,
    /// The newest of them, unless only a count or sum was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RecordRow>,
    /// Of the last of these rows, if older ones match: its full id, to be given as `before`. An
    /// answer has 20,000 rows at most, whatever `limit` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The sum over matching cells, if asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<u64>,
    /// Groups, if asked, greatest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Something the reader has to know, such as that transit counts were not added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One group of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The field's value.
    pub key: String,
    /// Records in it.
    pub count: u64,
    /// Sum over its matching cells, if asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<u64>,
}

/// A record as a line in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordRow {
    /// Full id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Title.
    pub title: String,
    /// Author's alias, or its short id.
    pub author: String,
    /// Marking.
    pub tlp: String,
    /// When its author signed it, RFC 3339.
    pub created: String,
    /// When it arrived here, RFC 3339.
    pub received: String,
    /// Replaced by a newer record.
    #[serde(default)]
    pub superseded: bool,
    /// Retracted by its author.
    #[serde(default)]
    pub retracted: bool,
    /// How the key stands that signed it, unless it is in use: `rotated`, `compromised`,
    /// `affirmed` (compromised, and its author says that it made this), `revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_state: Option<String>,
}
