//! What ends, and what is due for review.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RecordRow, Tally};

/// `GET /v1/expiry?until=DATE`: what will be erased up to a day because it ends.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExpiryReport {
    /// The last day that is looked at.
    pub until: String,
    /// Records that end up to then.
    pub count: u64,
    /// These by kind.
    pub by_kind: Vec<Tally>,
    /// The first of them to end.
    pub rows: Vec<ExpiryRow>,
    /// Records of our own whose review date comes up to then.
    pub review_count: u64,
    /// The first of these.
    pub reviews: Vec<ReviewRow>,
    /// Why nothing expires at present: the clock is not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

/// A record that ends.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExpiryRow {
    /// The record.
    #[serde(flatten)]
    pub record: RecordRow,
    /// When it is erased.
    pub expires: String,
}

/// A record that is due for review.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewRow {
    /// The record.
    #[serde(flatten)]
    pub record: RecordRow,
    /// Its review date.
    pub review_by: String,
}
