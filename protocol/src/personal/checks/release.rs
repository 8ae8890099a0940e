//! REF-01, REF-02 and REF-09 where a referral moves on: releasing the identity, closing.

use super::children::no_guardian;
use crate::personal::Consent;
use crate::record::check::Finding;
use crate::record::codes::{ClosureReason, ConsentScope};
use crate::record::date::Date;

/// Whether the identity may be released to the provider that accepted: within the scope of
/// the consent as it stands now, and for a child only once there is a guardian.
///
/// `child`: the person is treated as a child. `guardian`: one is recorded, in the profile or
/// by a step. `review_overdue`: an emergency was not reviewed within
/// [`crate::limits::EMERGENCY_REVIEW_HOURS`].
pub fn check_identity_release(
    consent: &Consent,
    child: bool,
    guardian: bool,
    review_overdue: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let emergency = consent.is_approved_emergency();
    if emergency && review_overdue {
        found.push(Finding::new(
            "REF-03",
            "consent.emergency",
            format!(
                "was not reviewed within {} h; nothing more may be disclosed",
                crate::limits::EMERGENCY_REVIEW_HOURS
            ),
            "Record consent or a guardian, or let a second officer review it.",
        ));
    }
    if !emergency && !consent.covers(ConsentScope::ShareIdentity) {
        found.push(Finding::new(
            "REF-01",
            "consent.scope",
            "lacks 'share-identity'; identity cannot be released",
            "Ask the person or the guardian, then record a consent step.",
        ));
    }
    if child && !guardian && !emergency {
        found.push(no_guardian(
            "Record the guardian first; identity comes after.",
        ));
    }
    found
}

/// What stands in the way of telling a provider more, where it is an authority of a country that
/// may never get it by what is known of the citizenship and the consent now.
pub fn check_origin(author: &str, provider: &str, country: &str) -> Finding {
    Finding::new(
        "REF-04",
        author,
        format!(
            "may not send to {provider}: it is an authority of {country}, which is or may be the country of citizenship, and the status or consent.scope keeps it from that"
        ),
        "Withdraw the referral; for another provider make a new one.",
    )
}

/// What stands in the way of a step that tells of an emergency: it is declared with the profile,
/// by two officers, before the person is asked.
pub fn check_emergency_step() -> Finding {
    Finding::new(
        "REF-03",
        "consent.state",
        "can't become 'emergency' by a step",
        "Ask the person or the guardian, and record what they say.",
    )
}

/// Whether a referral may be closed for this reason today. A reflection period is the
/// person's own: only their wish, or that they are no victim, ends it.
pub fn check_close(
    reflection_until: Option<Date>,
    reason: ClosureReason,
    today: Date,
) -> Option<Finding> {
    let until = reflection_until.filter(|until| *until >= today)?;
    if matches!(reason, ClosureReason::OwnWish | ClosureReason::NotAVictim) {
        return None;
    }
    Some(Finding::new(
        "REF-09",
        "reflection period",
        format!("runs to {until}; closing now needs reason 'own-wish' or 'not-a-victim'"),
        "Close with one of these if it is so, or wait.",
    ))
}
