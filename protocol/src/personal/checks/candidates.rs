//! REF-04 and REF-06: who gets a profile.

use super::{Candidate, Circumstances};
use crate::limits;
use crate::personal::Profile;
use crate::personal::exclude::{excludes, is_authority, must_exclude, seeks_protection};
use crate::record::check::Finding;
use crate::record::codes::ConsentScope;

pub(super) fn check(profile: &Profile, with: &Circumstances<'_>, found: &mut Vec<Finding>) {
    if with.candidates.is_empty() {
        found.push(Finding::new(
            "REF-06",
            "candidates",
            "is empty",
            "Name a provider. `liaison service match` suggests some.",
        ));
    }
    if with.candidates.len() > limits::CANDIDATES {
        found.push(Finding::new(
            "REF-06",
            "candidates",
            format!(
                "has {} entries; at most {} are allowed",
                with.candidates.len(),
                limits::CANDIDATES
            ),
            "Name the best; they are asked one after another.",
        ));
    }
    for (at, candidate) in with.candidates.iter().enumerate() {
        let place = format!("candidates[{at}]");
        let twice = with
            .candidates
            .iter()
            .take(at)
            .any(|other| other.name == candidate.name);
        if twice {
            found.push(Finding::new(
                "REF-06",
                place.as_str(),
                format!("{} is there twice", candidate.name),
                "Name each provider once.",
            ));
        }
        if candidate.is_author {
            found.push(Finding::new(
                "REF-06",
                place.as_str(),
                format!("{} is this agency itself", candidate.name),
                "Name another agency.",
            ));
        } else if !candidate.can_open {
            found.push(Finding::new(
                "REF-06",
                place.as_str(),
                format!(
                    "{} has no sealing key that holds now: nothing can be sealed to it",
                    candidate.name
                ),
                "Telephone it, and ask it to start its node.",
            ));
        }
        origin(profile, candidate, with, found);
    }
}

/// REF-04 of the profile itself.
pub(super) fn check_contact(profile: &Profile, found: &mut Vec<Finding>) {
    let consented = profile.consent.covers(ConsentScope::OriginContact);
    if !profile.origin_contact_forbidden && !consented {
        found.push(Finding::new(
            "REF-04",
            "profile.origin_contact_forbidden",
            "is not set, and consent.scope lacks 'origin-contact'",
            "Set it to true, or ask the person.",
        ));
    }
}

/// REF-04. Where the citizenship is not known, every other country may be the one.
fn origin(
    profile: &Profile,
    candidate: &Candidate<'_>,
    with: &Circumstances<'_>,
    found: &mut Vec<Finding>,
) {
    let scope: &[ConsentScope] = if profile.consent.covers(ConsentScope::OriginContact) {
        &[ConsentScope::OriginContact]
    } else {
        &[]
    };
    let exclude = must_exclude(
        profile.status,
        with.citizenship,
        scope,
        profile.region.country(),
    );
    let why = if seeks_protection(profile.status) {
        format!("status {}", profile.status)
    } else {
        "consent.scope lacks 'origin-contact'".to_owned()
    };
    if excludes(&exclude, candidate.sector, candidate.country) {
        found.push(Finding::new(
            "REF-04",
            with.author,
            format!(
                "may not send to {}: {why} and {} serves the country of citizenship",
                candidate.name, candidate.name
            ),
            "Name another provider.",
        ));
    }
    let lifted = scope.is_empty() || seeks_protection(profile.status);
    let unknown = with.citizenship.is_empty() && lifted;
    let abroad = candidate.country != with.author_country;
    if unknown && abroad && is_authority(candidate.sector) {
        found.push(Finding::new(
            "REF-04",
            with.author,
            format!(
                "may not send to {}: the citizenship is not known, and {} is an authority of {}, which may be it",
                candidate.name, candidate.name, candidate.country
            ),
            "Give the citizenship, or name a provider that is no authority.",
        ));
    }
}
