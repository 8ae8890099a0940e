//! Peers and our own card.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Recalled, Tally};
use crate::registry::PeerEdit;

/// One peer, as `status` and `peer list` show it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerStatus {
    /// Local alias.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// Name on its card.
    pub name: String,
    /// Sector, country.
    pub sector: String,
    /// Country code.
    pub country: String,
    /// Attributes that its newest card states otherwise. Policies use them only after `peer
    /// confirm`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<AttributeChange>,
    /// Circles it is in.
    pub circles: Vec<String>,
    /// `link` or `author`.
    pub trust: String,
    /// Connected since, RFC 3339; none while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_since: Option<String>,
    /// How: `quic`, `tcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// The hub whose circuit it is reached through; none: directly, or not connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// Whether it carries for us: others reach us through it. None: it is no hub that the
    /// configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries_for_us: Option<bool>,
    /// Last seen connected, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Records that it may have and has not answered yet.
    pub behind: u64,
    /// Last error, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What waits as `later`, by reason.
    pub later: Vec<Tally>,
    /// What it refused, by reason.
    pub refused: Vec<Tally>,
    /// Records sent and stored there.
    pub sent: u64,
    /// Records received from it.
    pub received: u64,
    /// Records that the gates do not let it have.
    pub withheld: u64,
    /// Bytes in and out since the start.
    pub bytes_in: u64,
    /// Bytes out since the start.
    pub bytes_out: u64,
    /// Days until its keys statement ends; none if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_days: Option<i64>,
}

/// An attribute that policies read, which a peer's newest card states otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttributeChange {
    /// `sector`, `country`, `route_roles` or `regime`.
    pub attribute: String,
    /// As a person confirmed it: what policies use.
    pub pinned: String,
    /// As its newest card states it.
    pub card: String,
}

/// `POST /v1/peers/{name}`: confirms what its newest card states, edits its circles.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeerChangeRequest {
    /// What changes.
    pub edit: PeerEdit,
    /// Ask back what it may have no more.
    pub recall: bool,
    /// Invariants that the policy may break for it; needs a reason.
    pub accept_broken: Vec<String>,
    /// Why it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was looked at, from the preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
}

/// What became of a change of a peer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerChangeReport {
    /// Alias.
    pub peer: String,
    /// Attributes that policies use from now on.
    pub confirmed: Vec<AttributeChange>,
    /// Circles it is in now.
    pub circles: Vec<String>,
    /// What was asked back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<Recalled>,
}

/// `POST /v1/peers`: link an agency whose fingerprint a person has confirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerAddRequest {
    /// The card file's text.
    pub card: String,
    /// Local alias; default from the card's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The 30 digits as typed by a person; must match the card's root key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Take the card without digits: for scripts and test homes.
    #[serde(default)]
    pub unconfirmed: bool,
    /// Circles to put it in, besides those of `entities.json`.
    #[serde(default)]
    pub circles: Vec<String>,
    /// Invariants that the policy may break once it is a peer, by name; needs a reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_broken: Vec<String>,
    /// Why it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of `peer add`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerAddReport {
    /// Alias.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// Name on its card.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Whether it was known already and only its card or keys were renewed.
    pub updated: bool,
    /// What the active policy lets it have, in words, one line each.
    pub may_have: Vec<String>,
    /// Why it was revoked here before, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_revoked: Option<String>,
}

/// `GET /v1/card` and `POST /v1/card`: our own card.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CardView {
    /// The card file's text, to be handed to others.
    pub card: String,
    /// Our 30 digits.
    pub fingerprint: String,
    /// What the card says.
    #[schema(value_type = Object)]
    pub contact: Value,
    /// What is missing for others to reach us, as sentences with what to type.
    pub missing: Vec<String>,
}

/// `GET /v1/peers/{name}/card`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerCardView {
    /// Alias.
    pub peer: String,
    /// Its newest card and keys statement that are known here, as a card file's text.
    pub card: String,
}

/// `POST /v1/peers/{name}/test`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerTestReport {
    /// Alias.
    pub peer: String,
    /// Steps in order; the first that fails ends it.
    pub steps: Vec<TestStep>,
}

/// One step of a peer test.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TestStep {
    /// `resolve`, `connect`, `key`, `known-to-them`, `version`.
    pub step: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found.
    pub says: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}
