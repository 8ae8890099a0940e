//! Form limits of what stands inside a seal. They bind everybody, and their texts never say
//! what stands there.

use std::collections::BTreeSet;

use super::{
    Assessment, Consent, Guardian, Identity, Inside, Part, Personal, Private, Profile,
    VictimReferral,
};
use crate::limits;
use crate::record::check::Finding;
use crate::record::check::form::{filled, limits_of_fields, line, size};
use crate::record::codes::{AgeBand, ConsentState, Safety};
use crate::record::handling::Onward;

const ITEMS: usize = limits::PERSONAL_ITEMS;

/// The first form limit that it breaks. What breaks one is refused by everyone.
///
/// # Errors
/// The limit, with its place.
pub fn limits_of(inside: &Inside) -> Result<(), Finding> {
    limits_of_fields(&inside.fields)?;
    if inside.fields.onward != Onward::None {
        return Err(shape(
            "onward",
            "is not 'none': a sealed record is passed on by nobody",
            "Leave it out.",
        ));
    }
    if inside.fields.summary.is_some() {
        return Err(shape(
            "summary",
            "has no place in a sealed record",
            "Leave it out.",
        ));
    }
    size("subjects", inside.subjects.len(), ITEMS)?;
    size("exclude", inside.exclude.len(), ITEMS)?;
    match &inside.content {
        Personal::Referral(VictimReferral { part }) => match part {
            Part::Profile(profile) => of_profile(profile),
            Part::Assessment(assessment) => of_assessment(assessment),
            Part::Identity(identity) => of_identity(identity),
        },
        Personal::Step(step) => super::step::limits_of(step),
        Personal::Overdue(_) => Ok(()),
    }
}

/// The first form limit that a profile breaks.
pub(super) fn of_profile(profile: &Profile) -> Result<(), Finding> {
    if matches!(profile.age_band, AgeBand::Child | AgeBand::Adult) {
        return Err(shape(
            "body.age_band",
            "is for counts, not for one person",
            "Give 0-8, 9-17, 18-29, 30-47, 48+ or unknown. Unknown is treated as a child.",
        ));
    }
    set("body.needs", &profile.needs)?;
    filled("body.needs", profile.needs.len(), ITEMS)?;
    set("body.languages", &profile.languages)?;
    filled("body.languages", profile.languages.len(), ITEMS)?;
    set("body.safety", &profile.safety)?;
    filled("body.safety", profile.safety.len(), ITEMS)?;
    if profile.safety.len() > 1 && profile.safety.contains(&Safety::None) {
        return Err(shape(
            "body.safety",
            "says 'none' beside a danger",
            "Drop 'none', or everything else.",
        ));
    }
    size("body.accompanied_by", profile.accompanied_by.len(), ITEMS)?;
    for (at, group) in profile.accompanied_by.iter().enumerate() {
        if group.count == 0 || group.count > limits::COMPANIONS {
            return Err(Finding::new(
                "LIM-04",
                format!("body.accompanied_by[{at}].count"),
                format!("is not 1 to {}", limits::COMPANIONS),
                "A larger group gets a referral for each person.",
            ));
        }
    }
    of_consent(&profile.consent)
}

fn of_consent(consent: &Consent) -> Result<(), Finding> {
    set("body.consent.scope", &consent.scope)?;
    set("body.consent.checklist", &consent.checklist)?;
    if consent.emergency.is_some() != (consent.state == ConsentState::Emergency) {
        return Err(shape(
            "body.consent.emergency",
            "stands with state 'emergency', and with no other",
            "Set the state to 'emergency', or drop it.",
        ));
    }
    if consent.keep_until.is_some() && consent.state != ConsentState::Given {
        return Err(shape(
            "body.consent.keep_until",
            "stands with state 'given', and with no other",
            "Drop it: without consent nothing is kept for longer.",
        ));
    }
    match consent.emergency.as_ref().and_then(|e| e.note.as_ref()) {
        Some(note) => sentence("body.consent.emergency.note", note),
        None => Ok(()),
    }
}

fn of_assessment(assessment: &Assessment) -> Result<(), Finding> {
    filled("body.factors", assessment.factors.len(), ITEMS)?;
    for (at, factor) in assessment.factors.iter().enumerate() {
        if let Some(note) = &factor.note {
            sentence(&format!("body.factors[{at}].note"), note)?;
        }
    }
    name("body.assessor", &assessment.assessor)?;
    match &assessment.best_interests_officer {
        Some(officer) => name("body.best_interests_officer", officer),
        None => Ok(()),
    }
}

fn of_identity(identity: &Identity) -> Result<(), Finding> {
    filled("body.names", identity.names.len(), ITEMS)?;
    names("body.names", &identity.names)?;
    set("body.citizenship", &identity.citizenship)?;
    size("body.citizenship", identity.citizenship.len(), ITEMS)?;
    if let Some(birth) = &identity.birth_date
        && !is_birth_date(birth.expose())
    {
        return Err(shape(
            "body.birth_date",
            "is not a year, a month or a day",
            "Write it like 2008, 2008-05 or 2008-05-17, as far as it is known.",
        ));
    }
    size("body.documents", identity.documents.len(), ITEMS)?;
    for (at, document) in identity.documents.iter().enumerate() {
        name(&format!("body.documents[{at}].number"), &document.number)?;
    }
    size("body.contact", identity.contact.len(), ITEMS)?;
    for (at, contact) in identity.contact.iter().enumerate() {
        channel(&format!("body.contact[{at}]"), contact)?;
    }
    if let Some(address) = &identity.address {
        channel("body.address", address)?;
    }
    if let Some(Guardian {
        name: who, contact, ..
    }) = &identity.guardian
    {
        name("body.guardian.name", who)?;
        channel("body.guardian.contact", contact)?;
    }
    size("body.family", identity.family.len(), ITEMS)?;
    for (at, relative) in identity.family.iter().enumerate() {
        name(&format!("body.family[{at}].name"), &relative.name)?;
        if let Some(contact) = &relative.contact {
            channel(&format!("body.family[{at}].contact"), contact)?;
        }
    }
    Ok(())
}

fn is_birth_date(text: &str) -> bool {
    use crate::record::date::{Date, Month};
    let year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    year || text.parse::<Month>().is_ok() || text.parse::<Date>().is_ok()
}

/// A sentence: [`limits::PERSONAL_NOTE_CHARS`].
pub(super) fn sentence(place: &str, text: &Private) -> Result<(), Finding> {
    line(place, text.expose(), limits::PERSONAL_NOTE_CHARS)
}

fn name(place: &str, text: &Private) -> Result<(), Finding> {
    line(place, text.expose(), limits::NAME_CHARS)
}

fn names(place: &str, texts: &[Private]) -> Result<(), Finding> {
    texts
        .iter()
        .enumerate()
        .try_for_each(|(at, text)| name(&format!("{place}[{at}]"), text))
}

fn channel(place: &str, text: &Private) -> Result<(), Finding> {
    line(place, text.expose(), limits::CHANNEL_CHARS)
}

/// A list in which nothing stands twice.
fn set<T: Ord>(place: &str, items: &[T]) -> Result<(), Finding> {
    if items.iter().collect::<BTreeSet<_>>().len() == items.len() {
        return Ok(());
    }
    Err(Finding::new(
        "LIM-05",
        place,
        "has an entry twice",
        "List each once.",
    ))
}

fn shape(place: &str, says: &str, remedy: &str) -> Finding {
    Finding::new("LIM-06", place, says, remedy)
}
