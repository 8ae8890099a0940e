//! Whether the node's clock is to be believed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/clock`, and the answer to `POST /v1/clock/confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClockReport {
    /// What the machine's clock says.
    pub now: String,
    /// Why it is not believed, as a sentence; none: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The doubt that an administrator's confirmation ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<String>,
}
