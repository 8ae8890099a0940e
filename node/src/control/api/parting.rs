//! An agency stops being a peer: removed in order, or revoked at once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ParcelView;

/// `POST /v1/peers/{name}/remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeerRemoveRequest {
    /// Ask back all that it holds of what was released to it.
    pub recall: bool,
    /// Only tell what it holds and is owed; it stays a peer.
    pub dry_run: bool,
}

/// What became of `peer remove`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerRemoveReport {
    /// Alias.
    pub peer: String,
    /// How many of the records released to it it still holds.
    pub holds: u64,
    /// What of it, by kind and marking.
    pub held: Vec<HeldCount>,
    /// How many of these it is asked to erase, since this call.
    #[serde(default)]
    pub recalled: u64,
    /// Owed to it and not answered yet. While there is any the link stays, for that alone.
    pub owed: Vec<OwedView>,
    /// Whether the link stays until then, for 90 days at most.
    pub leaving: bool,
    /// Parcels to it that could not be taken back: at hubs that are away, and in bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
}

/// `POST /v1/peers/{name}/revoke`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerRevokeRequest {
    /// Why, for whoever asks later.
    pub reason: String,
}

/// What became of `peer revoke`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerRevokeReport {
    /// Alias.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// When it was cut, RFC 3339.
    pub at: String,
    /// What it holds of what was released to it, by kind and marking.
    pub held: Vec<HeldCount>,
    /// The same, one by one.
    pub records: Vec<HeldRecord>,
    /// What it is owed and can't be reached with any more.
    pub unreachable: Vec<OwedView>,
    /// Parcels to it that could not be taken back: at hubs that are away, and in bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
}

/// Records that an agency holds, of a kind and marking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldCount {
    /// Kind.
    pub kind: String,
    /// Marking.
    pub tlp: String,
    /// How many.
    pub count: u64,
}

/// A record that an agency holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldRecord {
    /// Full id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Marking.
    pub tlp: String,
    /// Whether it answered that it holds it; else it was sent and not answered.
    pub confirmed: bool,
}

/// Control traffic that an agency is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedView {
    /// Full id.
    pub id: String,
    /// Kind: `retract`, `recall`, …
    pub kind: String,
    /// Its title.
    pub title: String,
    /// The record that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// `GET /v1/revoked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokedPeer {
    /// The alias that it had.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// When, RFC 3339.
    pub at: String,
    /// Why.
    pub reason: String,
}
