//! Parcels: what is under way to agencies that are not connected, and bundles.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/parcels`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelsReport {
    /// Parcels of ours that are under way, by addressee and number.
    pub parcels: Vec<ParcelView>,
    /// What hubs do not keep for agencies that are away, and when they are asked again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<ParcelRefusalView>,
    /// What keeps parcels from leaving or from being opened, and who is at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<ParcelFaultView>,
}

/// A parcel of ours that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelView {
    /// For whom: the alias, or the short id of an agency that is no peer any more.
    pub to: String,
    /// The same, agency id.
    pub agency: String,
    /// Its number, which only the two agencies know.
    pub number: u64,
    /// Its name, as a hub knows it.
    pub id: String,
    /// The alias of the hub that keeps it; none: it is in a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// Whether that hub is connected.
    pub reachable: bool,
    /// `made`, `waits`, `gone` (collected or lost: the addressee will say) or `unwanted` (to be
    /// discarded; in a bundle, to be refused by its addressee).
    pub state: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Until when it can be opened, RFC 3339.
    pub until: String,
    /// Its bytes.
    pub bytes: u64,
    /// How many records are in it.
    pub records: u64,
}

/// That a hub does not keep parcels for an agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelRefusalView {
    /// For whom: alias.
    pub to: String,
    /// The hub: alias.
    pub hub: String,
    /// Why: `not-carried`, `depositor-full`, `addressee-full`, `expiry`, `disk` or `busy`.
    pub why: String,
    /// The same as a sentence, with what to do.
    pub says: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// How often in a row it was asked.
    pub asked: u64,
    /// When it is asked again, RFC 3339, unless the hub says before that something changed; none:
    /// with the next parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What went wrong with parcels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelFaultView {
    /// With whom: alias or short id.
    pub peer: String,
    /// When last, RFC 3339.
    pub at: String,
    /// What, as a sentence.
    pub says: String,
}

/// `POST /v1/bundles`: begins a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleRequest {
    /// For whom: alias or agency id.
    pub to: String,
}

/// A bundle that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleBegun {
    /// For whom: alias.
    pub to: String,
    /// The number of its first parcel.
    pub first: u64,
}

/// `POST /v1/bundles/pack`: the next parcel of a bundle, as bytes; none: it is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundlePackRequest {
    /// For whom: alias or agency id.
    pub to: String,
    /// The number of its first parcel.
    pub first: u64,
    /// Also what an earlier bundle holds and was not answered.
    #[serde(default)]
    pub again: bool,
}

/// `POST /v1/bundles/written`: the bundle is on its medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleWrittenRequest {
    /// For whom: alias or agency id.
    pub to: String,
    /// The names of its parcels, in full.
    pub parcels: Vec<String>,
}

/// What a bundle holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundlePackReport {
    /// For whom: alias.
    pub to: String,
    /// Its parcels.
    pub parcels: u64,
    /// Records in them.
    pub records: u64,
    /// Until when the first of them can be opened, RFC 3339; none: it holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// `POST /v1/bundles/open`: what became of one parcel of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelOpened {
    /// Whose it is: alias or short id.
    pub from: String,
    /// Its number.
    pub number: u64,
    /// Whether it was opened before: then nothing was done with it.
    pub again: bool,
    /// Records that are held now.
    pub stored: u64,
    /// Records that were refused for good.
    pub refused: u64,
    /// Records that can't be taken yet; they come again.
    pub later: u64,
    /// Records of ours of which it tells what became of them.
    pub answers: u64,
}
