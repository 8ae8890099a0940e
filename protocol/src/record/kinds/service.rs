//! A service for people, offered or missing.

use serde::{Deserialize, Serialize};

use crate::record::codes::{
    Access, Accessibility, AgeBand, AggregateGender, Area, CapacityBand, Cost, Lang,
    ProtectionStatus, Sector, ServiceType, Stance, UnmetBand,
};
use crate::record::date::{Date, Month};

/// An offer of a service, or a gap where one is missing. Never a shelter's address or the
/// names of its staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Offered or missing.
    pub stance: Stance,
    /// Services, at least one.
    pub types: Vec<ServiceType>,
    /// Where; not finer than a town.
    pub area: Area,
    /// Ages that it takes; needed unless it is training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ages: Vec<AgeBand>,
    /// Genders that it takes; needed unless it is training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub genders: Vec<AggregateGender>,
    /// Statuses that it takes; needed unless it is training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<ProtectionStatus>,
    /// Languages that are spoken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Lang>,
    /// Places that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_band: Option<CapacityBand>,
    /// When and how it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// For whom it is accessible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessibility: Vec<Accessibility>,
    /// What it costs the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Sectors that may refer people to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts_from: Vec<Sector>,
    /// Last day on which this holds, at most [`crate::limits::SERVICE_DAYS`] ahead.
    pub valid_until: Date,
    /// How many people go without; needed on a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet_band: Option<UnmetBand>,
    /// Since when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Month>,
}
