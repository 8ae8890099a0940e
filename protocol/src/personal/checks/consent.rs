//! REF-03: nothing is sent without consent, or an emergency that two officers stand for.

use crate::personal::{Consent, Profile};
use crate::record::check::Finding;
use crate::record::codes::{
    ConsentBy, ConsentQuestion, ConsentScope, ConsentState, EmergencyReason,
};
use crate::record::date::Date;

pub(super) fn check(profile: &Profile, today: Date, approved: bool, found: &mut Vec<Finding>) {
    let consent = &profile.consent;
    let mut find = |place: &str, says: String, remedy: &str| {
        found.push(Finding::new("REF-03", place, says, remedy));
    };
    if consent.date > today {
        find(
            "consent.date",
            format!("is still to come (today is {})", today),
            "Give the day on which the person was asked.",
        );
    }
    if let Some(until) = consent.keep_until.filter(|until| *until < consent.date) {
        find(
            "consent.keep_until",
            format!("is {until}, before the day on which they were asked"),
            "Give the last day on which their name may be kept, or leave it out.",
        );
    }
    match consent.state {
        ConsentState::Given => given(profile, consent, find),
        ConsentState::Refused | ConsentState::Withdrawn => find(
            "consent.state",
            format!("is '{}'; nothing may be sent", consent.state),
            "Help the person without a referral. Ask again only if they wish it.",
        ),
        ConsentState::Emergency => emergency(consent, approved, find),
    }
}

fn given(profile: &Profile, consent: &Consent, mut find: impl FnMut(&str, String, &str)) {
    match consent.by {
        None => find(
            "consent.by",
            "is missing; it is not known who consented".to_owned(),
            "Say 'self', 'guardian' or 'legal-representative'.",
        ),
        Some(ConsentBy::Person) if profile.is_treated_as_child() => find(
            "consent.by",
            "is 'self', and the person may be a child".to_owned(),
            "Hear the child, and ask the guardian or the legal representative to consent.",
        ),
        Some(_) => {}
    }
    for scope in [ConsentScope::Assistance, ConsentScope::ShareProfile] {
        if !consent.scope.contains(&scope) {
            find(
                "consent.scope",
                format!("lacks '{scope}'; no provider may be asked"),
                "Ask the person or the guardian, then record it.",
            );
        }
    }
    let unasked: Vec<&str> = ConsentQuestion::ALL
        .iter()
        .filter(|question| !consent.checklist.contains(question))
        .map(|question| question.as_str())
        .collect();
    if !unasked.is_empty() {
        find(
            "consent.checklist",
            format!(
                "lacks {} of 7 points: {}",
                unasked.len(),
                unasked.join(", ")
            ),
            "Explain these to the person, then list them.",
        );
    }
}

fn emergency(consent: &Consent, approved: bool, mut find: impl FnMut(&str, String, &str)) {
    let Some(emergency) = &consent.emergency else {
        return find(
            "consent.emergency",
            "is missing: an emergency has a reason".to_owned(),
            "Give the reason, or record consent.",
        );
    };
    if emergency.reason == EmergencyReason::Other && emergency.note.is_none() {
        find(
            "consent.emergency.note",
            "is missing for reason 'other'".to_owned(),
            "Say in one sentence why it cannot wait.",
        );
    }
    if !approved {
        find(
            "consent.emergency",
            "is not approved by a second officer; nothing may be sent".to_owned(),
            "Ask a colleague to approve it from their own account.",
        );
    }
}
