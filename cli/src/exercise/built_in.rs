//! What is in this program: the exercises in `examples/exercises`, and the sample policies that
//! agencies begin with.

use super::files::{BuiltIn, Files, within};

/// An exercise that is built in.
#[derive(Debug)]
pub struct Exercise {
    /// What to type after `liaison exercise`.
    pub name: &'static str,
    /// What it is, in a line.
    pub says: &'static str,
    /// The scenario.
    pub text: &'static str,
}

/// The exercises.
pub const EXERCISES: [Exercise; 2] = [
    Exercise {
        name: "sarajevo",
        says: "eight agencies, strategic records and four referrals, a hub that fails",
        text: include_str!("../../../examples/exercises/sarajevo.toml"),
    },
    Exercise {
        name: "night-shift",
        says: "three agencies, one trend, one referral: to begin with, and to copy",
        text: include_str!("../../../examples/exercises/night-shift.toml"),
    },
];

/// The exercise that `liaison exercise template` prints.
pub const TEMPLATE: &Exercise = &EXERCISES[1];

/// Sectors that have a sample policy.
pub const SAMPLES: [&str; 5] = ["police", "ngo", "fiu", "private-partner", "hub"];

/// The built-in exercise of this name.
pub fn named(name: &str) -> Option<&'static Exercise> {
    EXERCISES.iter().find(|exercise| exercise.name == name)
}

/// The files that built-in scenarios name.
pub const fn files() -> Files {
    Files::BuiltIn(FILES)
}

/// The files of a sample policy; none: there is no such sample.
pub fn sample(name: &str) -> Vec<(String, String)> {
    within(SAMPLE_FILES, name)
}

/// Files under the names by which `examples/exercises/*.toml` call them.
macro_rules! of_exercises {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../examples/exercises/", $name)))),*]
    };
}

macro_rules! of_policies {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../examples/policies/", $name)))),*]
    };
}

const FILES: &[BuiltIn] = of_exercises![
    "sarajevo-1/09-border-detections.json",
    "sarajevo-1/10-presumed-victims-small.json",
    "sarajevo-1/11-presumed-victims-rolled-up.json",
    "sarajevo-1/12-transit-observations.json",
    "sarajevo-1/13-river-crossing-potential.json",
    "sarajevo-1/14-river-crossing-new.json",
    "sarajevo-1/15-deceptive-farm-jobs.json",
    "sarajevo-1/16-trafficking-without-means.json",
    "sarajevo-1/17-one-way-van-rentals.json",
    "sarajevo-1/18-scripted-asylum-claims.json",
    "sarajevo-1/19-counterfeit-passport.json",
    "sarajevo-1/20-passport-with-full-number.json",
    "sarajevo-1/21-shelter-women-girls.json",
    "sarajevo-1/22-interpretation-guardianship-return.json",
    "sarajevo-1/23-gap-shelter-boys.json",
    "sarajevo-1/24-training-financial-investigation.json",
    "sarajevo-1/25-referral-a.json",
    "sarajevo-1/28-referral-b-no-guardian.json",
    "sarajevo-1/29-referral-b-emergency.json",
    "sarajevo-1/32-referral-c-asylum-seeker.json",
    "sarajevo-1/33-referral-d-return.json",
    "sarajevo-1/contact.json",
    "../policies/sarajevo/hub-sar/accept.cedar",
    "../policies/sarajevo/hub-sar/carry.cedar",
    "../policies/sarajevo/hub-sar/entities.json",
    "../policies/sarajevo/hub-sar/share.cedar",
    "../policies/sarajevo/migro/accept.cedar",
    "../policies/sarajevo/migro/entities.json",
    "../policies/sarajevo/migro/share.cedar",
    "../policies/sarajevo/qm-pol/accept.cedar",
    "../policies/sarajevo/qm-pol/entities.json",
    "../policies/sarajevo/qm-pol/share.cedar",
    "../policies/sarajevo/qn-bord/accept.cedar",
    "../policies/sarajevo/qn-bord/entities.json",
    "../policies/sarajevo/qn-bord/share.cedar",
    "../policies/sarajevo/qn-lantern/accept.cedar",
    "../policies/sarajevo/qn-lantern/entities.json",
    "../policies/sarajevo/qn-lantern/share.cedar",
    "../policies/sarajevo/qo-fiu/accept.cedar",
    "../policies/sarajevo/qo-fiu/entities.json",
    "../policies/sarajevo/qo-fiu/share.cedar",
    "../policies/sarajevo/qo-pros/accept.cedar",
    "../policies/sarajevo/qo-pros/entities.json",
    "../policies/sarajevo/qo-pros/share.cedar",
    "../policies/sarajevo/veloren/accept.cedar",
    "../policies/sarajevo/veloren/entities.json",
    "../policies/sarajevo/veloren/share.cedar",
];

const SAMPLE_FILES: &[BuiltIn] = of_policies![
    "police/accept.cedar",
    "police/entities.json",
    "police/match.cedar",
    "police/share.cedar",
    "ngo/accept.cedar",
    "ngo/entities.json",
    "ngo/share.cedar",
    "fiu/accept.cedar",
    "fiu/entities.json",
    "fiu/share.cedar",
    "private-partner/accept.cedar",
    "private-partner/entities.json",
    "private-partner/match.cedar",
    "private-partner/share.cedar",
    "hub/accept.cedar",
    "hub/carry.cedar",
    "hub/entities.json",
    "hub/share.cedar",
];
