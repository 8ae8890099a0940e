//! REF-05: what could tell who the person is, or what was done to them, where neither belongs.

use crate::personal::{Assessment, Private, Profile};
use crate::record::check::Finding;
use crate::record::codes::AreaLevel;
use crate::record::scan::scan;

pub(super) fn check_profile(profile: &Profile, found: &mut Vec<Finding>) {
    if profile.region.level() != AreaLevel::Subdivision {
        let (what, remedy) = match profile.region.level() {
            AreaLevel::Place => ("names a place", "Give its subdivision, like QN-02."),
            _ => (
                "is a whole country: nobody can tell who is near",
                "Give a subdivision, like QN-02.",
            ),
        };
        found.push(Finding::new("REF-05", "profile.region", what, remedy));
    }
    if let Some(note) = profile
        .consent
        .emergency
        .as_ref()
        .and_then(|e| e.note.as_ref())
    {
        note_of("consent.emergency.note", note, found);
    }
}

pub(super) fn check_assessment(assessment: &Assessment, found: &mut Vec<Finding>) {
    for (at, factor) in assessment.factors.iter().enumerate() {
        if let Some(note) = &factor.note {
            note_of(&format!("assessment.factors[{at}].note"), note, found);
        }
    }
}

/// Says where in the note, never what stands there.
pub(super) fn note_of(place: &str, note: &Private, found: &mut Vec<Finding>) {
    for hit in scan(note.expose()) {
        found.push(Finding::new(
            "REF-05",
            place,
            format!(
                ", characters {}-{}, look like {}",
                hit.from_char + 1,
                hit.to_char,
                hit.what
            ),
            "Who the person is stands in the identity only. Take it out of the note.",
        ));
    }
}
