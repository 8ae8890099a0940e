//! What happens, as it happens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RecordRow;

/// One line of `GET /v1/watch` (newline-delimited JSON).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum WatchEvent {
    /// A record arrived or was written here.
    Record(RecordRow),
    /// A peer answered a record of ours.
    Answered {
        /// Alias.
        peer: String,
        /// Record id.
        id: String,
        /// What it answered.
        answer: String,
    },
    /// A peer came up.
    Up {
        /// Alias.
        peer: String,
    },
    /// A peer went down.
    Down {
        /// Alias.
        peer: String,
        /// Why, in words.
        says: String,
    },
}
