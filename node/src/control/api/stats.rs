//! Figures without persons.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/stats/{figure}?by=…&quarter=…`: counts of people who agreed to be counted, for a
/// quarter that has ended. Once given, it is given the same again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StatsReport {
    /// `referrals`, `responses` or `gaps`.
    pub figure: String,
    /// The partition: `age-gender`, `area`, `status`, `need`, `outcome`, `provider`, `speed`.
    pub by: String,
    /// `2031-Q1`.
    pub quarter: String,
    /// The names of the values in each row's key.
    pub parts: Vec<String>,
    /// All of them; absent: hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The cells.
    pub rows: Vec<StatsRow>,
    /// The smallest count that is given.
    pub smallest: u64,
    /// The same as the draft of a `trend`, where a trend has a place for it and something is
    /// shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub draft: Option<serde_json::Value>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatsRow {
    /// Its values, in the order of `parts`.
    pub key: Vec<String>,
    /// The count; absent: hidden, because it or another that it would give away is too small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
}
