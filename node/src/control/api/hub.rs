//! What a hub carries for others.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tally;

/// `GET /v1/hub`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HubReport {
    /// Whether this node is a hub: `[hub]` stands in its configuration.
    pub hub: bool,
    /// Agencies that can be reached through it now.
    pub reservations: HubUse,
    /// Circuits that are open through it now.
    pub circuits: u64,
    /// Reservations and circuits that were refused since the start, as beyond a bound.
    #[serde(default)]
    pub circuits_refused: u64,
    /// Circuits that were asked for since the start to agencies that were not there: nobody's
    /// fault.
    #[serde(default)]
    pub circuits_missed: u64,
    /// Bytes of parcels that it keeps.
    pub mailbox: HubUse,
    /// Parcels that it keeps.
    pub parcels: u64,
    /// The same by addressee.
    pub waiting: Vec<WaitingParcels>,
    /// Deposits that were refused since the start, by reason.
    pub refused: Vec<Tally>,
    /// Files in the mailbox that were no parcels, or damaged ones, and were set aside.
    pub aside: u64,
}

/// How much of how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HubUse {
    /// In use.
    pub used: u64,
    /// At most.
    pub most: u64,
}

/// What waits for one agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingParcels {
    /// The addressee's alias.
    pub peer: String,
    /// Its agency id.
    pub agency: String,
    /// Parcels.
    pub parcels: u64,
    /// Bytes.
    pub bytes: u64,
    /// When the oldest of them came.
    pub oldest: String,
}
