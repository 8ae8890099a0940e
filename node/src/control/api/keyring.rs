//! Sealing keys, and looks that the data-protection officer has to know of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/sealing`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SealingReport {
    /// Our sealing keys, the newest first.
    pub keys: Vec<SealingKeyView>,
    /// Sealed records that can be read here.
    pub readable: u64,
    /// With what the keyring opens: `key file`, `passphrase` or `systemd credential`.
    pub opens_with: String,
}

/// One of our sealing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealingKeyView {
    /// Its id.
    pub key: String,
    /// `listed`: peers seal to it. `kept`: for what is still on its way.
    pub state: String,
    /// First moment at which peers seal to it, RFC 3339.
    pub from: String,
    /// First moment at which they no longer do, RFC 3339.
    pub until: String,
    /// When its private half is deleted, RFC 3339.
    pub deleted: String,
    /// Sealed records held here that came under it. They stay readable when it leaves.
    pub records: u64,
}

/// What `POST /v1/sealing/erase` did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SealingErased {
    /// The keys whose private halves were deleted.
    pub deleted: Vec<String>,
    /// The key that peers seal to from now on.
    pub made: Vec<String>,
    /// How it is now.
    pub now: SealingReport,
}

/// A look that the data-protection officer has to know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookAlert {
    /// Rises.
    pub number: u64,
    /// When, RFC 3339; the last time.
    pub at: String,
    /// Who.
    pub user: String,
    /// That user's number.
    pub uid: u32,
    /// `broke-glass` or `many`.
    pub what: String,
    /// The thread, in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// How often in a row.
    pub times: u64,
    /// In a sentence.
    pub says: String,
}

/// `POST /v1/looks/seen`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LooksSeenRequest {
    /// All up to this number.
    pub number: u64,
}
