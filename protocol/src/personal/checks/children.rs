//! REF-02 and REF-08: children, and whoever may be one.

use crate::personal::{Assessment, Profile};
use crate::record::check::Finding;
use crate::record::codes::{ConsentState, ProtectionStatus, Urgency};

pub(super) fn check(profile: &Profile, found: &mut Vec<Finding>) {
    let alone = matches!(
        profile.status,
        ProtectionStatus::UnaccompaniedChild | ProtectionStatus::SeparatedChild
    );
    if !profile.is_treated_as_child() {
        if alone {
            found.push(Finding::new(
                "REF-08",
                "profile.status",
                format!(
                    "is '{}' and age_band is '{}'",
                    profile.status, profile.age_band
                ),
                "If the age is not certain, set age_band to 'unknown': the person is then treated as a child.",
            ));
        }
        return;
    }
    if profile.guardian.is_none() && profile.consent.state != ConsentState::Emergency {
        found.push(no_guardian(
            "Add guardian, or use --emergency with reason and a second officer (reviewed within 72 h).",
        ));
    }
    if profile.is_unaccompanied_child() && profile.urgency != Urgency::Critical {
        found.push(Finding::new(
            "REF-08",
            "profile.urgency",
            format!(
                "is '{}'; a child whom nobody looks after is always critical",
                profile.urgency
            ),
            "Set it to 'critical'.",
        ));
    }
}

/// REF-02.
pub(super) fn no_guardian(remedy: &str) -> Finding {
    Finding::new(
        "REF-02",
        "subject",
        "may be a child and no guardian is recorded",
        remedy,
    )
}

pub(super) fn check_assessment(
    profile: &Profile,
    assessment: &Assessment,
    found: &mut Vec<Finding>,
) {
    if profile.is_treated_as_child() && assessment.best_interests_officer.is_none() {
        found.push(Finding::new(
            "REF-08",
            "assessment.best_interests_officer",
            "is missing, and the person may be a child",
            "Name who looks after the best interests of the child.",
        ));
    }
}
