//! Services: which offers fit, and where offers are missing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/services/match`: what is sought, for whom and where; nothing that says who it is.
/// Codes as in records of the kind `service`.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchRequest {
    /// Services, the most urgent first.
    pub needs: Vec<String>,
    /// Age band; absent: not known, which counts as a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// Gender of the person (HTCDS); absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// Protection status; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Languages that the person speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Where the person is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// What a place must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessibility: Vec<String>,
    /// `critical`, `high` or `standard`, which it is if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
}

/// Offers in the order in which a person should look at them: suggestions, which a person
/// confirms.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MatchReport {
    /// Offers that hold today and were looked at.
    pub looked_at: u64,
    /// Those that meet a need, the best first.
    pub suggestions: Vec<SuggestionView>,
    /// Offers that meet a need and are not listed.
    pub left_out: u64,
    /// What a reader has to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One offer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SuggestionView {
    /// Its record's full id.
    pub record: String,
    /// Its title.
    pub title: String,
    /// Who offers it: the peer's alias, or the agency's short id.
    pub provider: String,
    /// The name on the provider's card, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether a referral can be sent there from here.
    pub linked: bool,
    /// Whether the offer is our own.
    #[serde(default)]
    pub own: bool,
    /// The heaviest of its reasons: `for`, it fits; `ask`, something has to be asked first;
    /// `against`, it does not take this person or may not have the referral.
    pub fits: String,
    /// Needs that it meets.
    pub meets: Vec<String>,
    /// The reasons, those against first.
    pub reasons: Vec<ReasonView>,
    /// Whether it can be reached now; absent: nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// When it opens or closes next, RFC 3339; absent: nobody says, or it is always open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// Whom to call there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<DeskView>,
}

/// A reason for or against an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonView {
    /// `for`, `ask` or `against`.
    pub weight: String,
    /// What it is about: `need`, `age`, `gender`, `status`, `language`, `area`, `capacity`,
    /// `access`, `accessibility`, `cost`, `referrer`, `exclusion`, `validity`, `trust`.
    pub about: String,
    /// In words.
    pub says: String,
}

/// A contact point of an agency, from its card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeskView {
    /// Whom one reaches.
    pub role: String,
    /// A telephone number, an e-mail address.
    pub channel: String,
    /// When, as the card says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Whether it is open now; absent: the card does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
}

/// `GET /v1/services/gaps`: where needs and offers do not meet. It counts records, not people.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GapsReport {
    /// The rows, the worst first.
    pub rows: Vec<GapRow>,
    /// Services, offered and missing, that hold today and were looked at.
    pub looked_at: u64,
    /// What a reader has to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One area and one need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapRow {
    /// Where.
    pub area: String,
    /// What is needed.
    pub need: String,
    /// `nowhere`, `elsewhere`, `not-for-them`, `full`, `offered`.
    pub supply: String,
    /// The same in words.
    pub says: String,
    /// Records that tell of this gap; none: everything there is full.
    pub reports: u64,
    /// How many people go without, as a band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
    /// Since when, a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Offers there that take these people.
    pub offers: u64,
    /// Of these, without places.
    pub full: u64,
}
