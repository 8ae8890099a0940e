//! An agency's card: who it is, how it is reached, with which keys it signs. Signed by its
//! root key.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::key::PublicKey;
use crate::record::codes::{Country2, Lang, Regime, RevokedState, RouteRole, Sector, Slug};
use crate::record::date::Date;

/// The card of an agency. Never private addresses, and names of officers only where
/// `named_ok` says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Its name.
    pub org: String,
    /// What it is.
    pub sector: Sector,
    /// Its country.
    pub country: Country2,
    /// What its country is on the routes that it works on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_roles: Vec<RouteRole>,
    /// Its data-protection law.
    pub regime: Regime,
    /// Networks and conventions: `pcc-see`, `selec`, `sepca`, `interpol`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<Slug>,
    /// How it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
    /// Keys with which it signs.
    pub keys: CardKeys,
    /// Rises with every new card; of two, the higher holds.
    pub revision: u64,
    /// Last day on which this holds, at most [`crate::limits::CARD_DAYS`] ahead.
    pub valid_until: Date,
}

/// A functional contact point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Whom one reaches: "duty officer".
    pub role: String,
    /// How: a telephone number, an e-mail address.
    pub channel: String,
    /// When: "24h", "Mo-Fr 08-16 CET".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Languages that are spoken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Lang>,
    /// Whether this is the place for what cannot wait.
    #[serde(
        default,
        deserialize_with = "super::flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub urgent: bool,
    /// An officer's name, only with `named_ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The officer agreed to be named.
    #[serde(
        default,
        deserialize_with = "super::flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub named_ok: bool,
}

/// Keys of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardKeys {
    /// Keys with which the agency signs records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing: Vec<SigningKeyEntry>,
    /// Keys with which it no longer signs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedKey>,
    /// No key of this agency holds any more.
    #[serde(
        default,
        deserialize_with = "super::flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub revoke_all: bool,
}

/// A signing key and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeyEntry {
    /// The key.
    pub key: PublicKey,
    /// First moment of its validity.
    pub from: Millis,
    /// First moment after its validity.
    pub until: Millis,
}

/// A key that is no longer used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    /// The key.
    pub key: PublicKey,
    /// Why it left.
    pub state: RevokedState,
    /// When it left.
    pub at: Millis,
}
