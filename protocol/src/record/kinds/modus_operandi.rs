//! How it is done.

use serde::{Deserialize, Serialize};

use crate::record::codes::{
    Act, ActorRole, AgeBand, AggregateGender, CaseCountBand, Control, Exploitation, IsicSection,
    Means, OnlineChannel, Phase, Technique, Transport,
};
use crate::record::date::Month;

/// A way in which people are smuggled or trafficked. Never names, handles or addresses, nor
/// detail that would let somebody copy it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModusOperandi {
    /// What is done, at least one.
    pub techniques: Vec<Technique>,
    /// In which phase.
    pub phase: Phase,
    /// Acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub act: Vec<Act>,
    /// Means; trafficking needs one, unless every victim group is under 18.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<Means>,
    /// Forms of exploitation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exploitation: Vec<Exploitation>,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actor_roles: Vec<ActorRole>,
    /// How people are moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transport: Vec<Transport>,
    /// How people are controlled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<Control>,
    /// Economic sectors in which it is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sectors: Vec<IsicSection>,
    /// Types of online channels, never their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub online_channel_types: Vec<OnlineChannel>,
    /// By what it is recognised, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<String>,
    /// Whom it targets: age and gender only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub victim_groups: Vec<VictimGroup>,
    /// What helps against it, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countermeasures: Vec<String>,
    /// First month in which it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Month>,
    /// Last month in which it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Month>,
    /// How many cases stand behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_count_band: Option<CaseCountBand>,
}

/// A group of victims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VictimGroup {
    /// Their age.
    pub age: AgeBand,
    /// Their gender; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<AggregateGender>,
}
