//! Checks of referrals (REF). They bind the author when a record is sealed; at a receiver
//! they only mark it.
//!
//! REF-01 scope of consent, REF-02 guardian, REF-03 consent and emergency, REF-04 country of
//! citizenship, REF-05 what could identify, REF-06 who gets it, REF-07 steps
//! ([`crate::lifecycle`]), REF-08 children, REF-09 reflection period.

mod candidates;
mod children;
mod consent;
mod identifying;
mod release;
#[cfg(test)]
mod tests;

pub use release::{check_close, check_emergency_step, check_identity_release, check_origin};

use crate::record::check::Finding;
use crate::record::codes::{Country2, Sector};
use crate::record::date::Date;

use super::{Assessment, Private, Profile};

/// An agency that may get a referral, as the checks see it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name here.
    pub name: &'a str,
    /// What it is.
    pub sector: Sector,
    /// Its country.
    pub country: &'a Country2,
    /// Whether it is the author itself.
    pub is_author: bool,
    /// Whether something can be sealed to it: it has a sealing key that holds now.
    pub can_open: bool,
}

/// What the checks need to know beside the referral.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The author's name here.
    pub author: &'a str,
    /// The author's country.
    pub author_country: &'a Country2,
    /// Today, UTC.
    pub today: Date,
    /// Citizenship of the person; empty: not known.
    pub citizenship: &'a [Country2],
    /// Whom it is to be offered, in this order.
    pub candidates: &'a [Candidate<'a>],
    /// Whether a second officer approved the emergency.
    pub approved: bool,
}

/// All checks of a profile before it is sealed to the candidates. Empty: it may be.
pub fn check_profile(profile: &Profile, with: &Circumstances<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    consent::check(profile, with.today, with.approved, &mut found);
    children::check(profile, &mut found);
    candidates::check(profile, with, &mut found);
    candidates::check_contact(profile, &mut found);
    identifying::check_profile(profile, &mut found);
    found
}

/// All checks of an assessment before it is sealed.
pub fn check_assessment(
    profile: &Profile,
    assessment: &Assessment,
    with: &Circumstances<'_>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    children::check_assessment(profile, assessment, &mut found);
    identifying::check_assessment(assessment, &mut found);
    if assessment.date > with.today {
        found.push(Finding::new(
            "REF-05",
            "assessment.date",
            format!("is still to come (today is {})", with.today),
            "Give the day on which the person was assessed.",
        ));
    }
    found
}

/// All checks of the note of a step before it is sealed; whether the step may be taken is the
/// table's to say.
pub fn check_note(note: &Private) -> Vec<Finding> {
    let mut found = Vec::new();
    identifying::note_of("note", note, &mut found);
    found
}
