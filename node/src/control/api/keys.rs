//! Signing keys: which there are, how they stand, and how they leave.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::home::RootKeyText;

/// `GET /v1/keys` and `GET /v1/keys/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeysView {
    /// `self`, or a peer's alias.
    pub peer: String,
    /// Agency id, which is its root key.
    pub agency: String,
    /// Its 30 digits.
    pub fingerprint: String,
    /// For our own: whether the root key is in the home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_here: Option<bool>,
    /// Revision of its newest card.
    pub revision: u64,
    /// Whether all its keys were revoked.
    pub all_revoked: bool,
    /// Its signing keys, from all its cards.
    pub keys: Vec<KeyView>,
    /// Its node keys, as far as they hold.
    pub nodes: Vec<String>,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// The key's full text.
    pub key: String,
    /// `current`, `rotated`, `compromised` or `revoked`.
    pub state: String,
    /// First moment of its validity, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First moment after it, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How it stands, in words.
    pub says: String,
}

/// `POST /v1/keys/rotate` and `POST /v1/keys/compromised`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyChangeRequest {
    /// The key that leaves, or the beginning of its text; absent: the one in use.
    pub key: Option<String>,
    /// Compromised: since which day, if that is known.
    pub since: Option<String>,
    /// The text of the root key's file, where the home does not hold it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<RootKeyText>,
}

/// What became of a key that leaves.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyChangeReport {
    /// The key that left.
    pub old: String,
    /// The key that signs from now on, if the one in use left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// `rotated` or `compromised`.
    pub state: String,
    /// Since when, RFC 3339.
    pub at: String,
    /// Revision of the card that says so.
    pub revision: u64,
    /// Records of ours in force that it signed.
    pub records: u64,
}

/// `POST /v1/keys/affirm`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AffirmRequest {
    /// Records, by id.
    pub ids: Vec<String>,
    /// All of ours under a compromised key that were made before this day.
    pub all_before: Option<String>,
}

/// What was affirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AffirmReport {
    /// Records that were affirmed.
    pub affirmed: u64,
    /// Ids of the affirmations.
    pub ids: Vec<String>,
}

/// `POST /v1/keys/revoke-all`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokeAllRequest {
    /// The text of the revoke-all card.
    pub card: String,
}
