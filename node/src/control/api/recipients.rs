//! Who got a record, and what came of taking it back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ParcelView, PeerDecision};

/// A peer that got a record from us, or told us that it has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecipientView {
    /// The peer's alias.
    pub peer: String,
    /// Its agency id.
    pub agency: String,
    /// `sent`, `delivered`, `told`, `erased`, `kept`, `taken-back`, `never-had`
    /// or `unreachable`.
    pub state: String,
    /// When we released the record to it, RFC 3339; none: it had it from somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Whether it said that it has it.
    pub delivered: bool,
    /// Whether it acknowledged the retraction or recall.
    pub told: bool,
    /// When it erased its copy, by its own receipt, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
    /// When a hub discarded the parcel with it before anybody collected it, by the hub's word,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<String>,
    /// Since when it can't be reached, RFC 3339; none: it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_since: Option<String>,
    /// Those that it passed the record on to, by its own count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_on: Option<PassedOn>,
    /// How it went there: `direct`, `circuit`, `mailbox` or `bundle`.
    #[serde(default)]
    pub path: String,
    /// The parcel with it that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelView>,
}

/// Holders behind a recipient, counted all the way and named nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassedOn {
    /// How many were asked to erase.
    pub asked: u32,
    /// How many did.
    pub erased: u32,
}

/// `POST /v1/records/{id}/audience`: who may have a record of our own from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AudienceRequest {
    /// Distribution list: aliases, circles or agency ids. Absent: policy decides. Empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a changed distribution list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AudienceReport {
    /// The record's id.
    pub id: String,
    /// Aliases of those who get it now and did not before.
    pub added: Vec<String>,
    /// Aliases of those who have it and are told to erase it.
    pub recalled: Vec<String>,
    /// Per linked peer: who may have it, who may not, and why.
    pub peers: Vec<PeerDecision>,
    /// Parcels with it that could not be taken back: at hubs that are away, and in bundles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<ParcelView>,
}
