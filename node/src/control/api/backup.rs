//! Backups, and what a restored node waits for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::backup::Part;

/// `POST /v1/backup`. Answered with a stream of a backup's entries, not yet encrypted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BackupRequest {
    /// What it is to hold.
    #[serde(default)]
    pub part: Part,
}

/// `GET /v1/restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatchUpReport {
    /// Why this node catches up, as a sentence; none: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// For whom it waits.
    pub waiting: Vec<WaitingRow>,
    /// Records that are locked until then.
    pub locked: u64,
    /// Ids of our own records, given back without their distribution list, or taken back from
    /// somebody since the backup: nobody else gets them before an officer says who may. At most 10,000.
    #[serde(default)]
    pub undecided: Vec<String>,
    /// Records that a release unlocked now.
    #[serde(default)]
    pub unlocked: u64,
}

/// An agency that was not heard from since the restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingRow {
    /// Its alias.
    pub name: String,
    /// Its id.
    pub agency: String,
    /// Whether it is connected: then it is being asked.
    pub connected: bool,
    /// Whether it is a peer still: if not, only a release ends the wait.
    pub peer: bool,
}

/// `POST /v1/restore/release`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleaseRequest {
    /// Alias or id; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why it is not waited for any longer.
    pub reason: String,
}
