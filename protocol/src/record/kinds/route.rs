//! A corridor in legs.

use serde::{Deserialize, Serialize};

use crate::record::codes::{
    Area, Currency, FeeBand, LegBorder, Risk, RouteStatus, Transport, VolumeBand,
};
use crate::record::date::Month;

/// A corridor. Never safe-house addresses or where people are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its legs in order, at least one.
    pub legs: Vec<Leg>,
    /// What it is now.
    pub status: RouteStatus,
    /// First month in which it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Month>,
    /// How many people use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_band: Option<VolumeBand>,
    /// What threatens people on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// Other ways, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
}

/// One leg of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Where it begins.
    pub from: Area,
    /// Where it ends.
    pub to: Area,
    /// How people are moved.
    pub transport: Transport,
    /// Where it crosses a border, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub border: Option<LegBorder>,
    /// Places where people are gathered; towns, never addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hubs: Vec<Area>,
    /// Hours that it takes, 1 to [`crate::limits::LEG_HOURS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_h: Option<u64>,
    /// What it costs a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_band: Option<FeeBand>,
    /// Currency of the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}
