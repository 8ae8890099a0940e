//! What this node keeps of a peer beside its cards.

use std::collections::BTreeSet;

use bytes::Bytes;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::kinds::Contact;
use serde::{Deserialize, Serialize};

use crate::policy::PeerAttributes;

/// A linked agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The name that a person here gave it; a name that a card claims is not trusted.
    pub alias: String,
    /// Circles that it was put in with `peer add --circle`.
    pub circles: BTreeSet<String>,
    /// Its attributes as a person confirmed them.
    pub pinned: Pinned,
    /// When it was linked.
    pub since: Millis,
    /// Whether a person compared its fingerprint.
    pub confirmed: bool,
    /// Since when it is being removed: only what is owed passes, until nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Millis>,
}

/// An agency whose link a person here revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// The name that it had here.
    pub alias: String,
    /// When.
    pub at: Millis,
    /// Why, in the words of who did it.
    pub reason: String,
}

impl Revoked {
    pub(super) fn to_bytes(&self) -> Bytes {
        // Plain data with text keys: it always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }
}

/// The attributes of an agency that policies read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Sector code.
    pub sector: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Route role codes.
    pub route_roles: BTreeSet<String>,
    /// Regime code.
    pub regime: String,
}

impl Peer {
    pub(super) fn to_bytes(&self) -> Bytes {
        // Plain data with text keys: it always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }

    pub(super) fn attributes(&self, agency: AgencyId) -> PeerAttributes {
        self.pinned.attributes(agency, &self.alias, &self.circles)
    }
}

impl Pinned {
    /// As a card states them.
    pub fn of(contact: &Contact) -> Self {
        Self {
            sector: contact.sector.as_str().to_owned(),
            country: contact.country.as_str().to_owned(),
            route_roles: contact
                .route_roles
                .iter()
                .map(|r| r.as_str().to_owned())
                .collect(),
            regime: contact.regime.as_str().to_owned(),
        }
    }

    pub(super) fn attributes(
        &self,
        agency: AgencyId,
        alias: &str,
        circles: &BTreeSet<String>,
    ) -> PeerAttributes {
        PeerAttributes {
            agency,
            alias: alias.to_owned(),
            sector: self.sector.clone(),
            country: self.country.clone(),
            route_roles: self.route_roles.clone(),
            regime: self.regime.clone(),
            circles: circles.clone(),
        }
    }
}

/// Whether a text can be an alias: what policies and the command line can write plainly.
pub(super) fn is_alias(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (1..=40).contains(&text.len()) && text.chars().all(plain) && text != "self"
}

/// A name as an alias: small letters, digits and hyphens.
pub(super) fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out: String = out.trim_end_matches('-').chars().take(40).collect();
    if out.is_empty() || out == "self" {
        "agency".into()
    } else {
        out
    }
}
