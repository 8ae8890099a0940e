//! Form limits (LIM): lengths, sizes of lists, shapes. They bind everybody, so nothing here
//! depends on the day or on other records.

use super::Finding;
use super::text::{Rule, Text, envelope_texts, texts};
use crate::id::clip;
use crate::limits;
use crate::record::codes::{GradeScheme, Lang};
use crate::record::envelope::{Envelope, Fields, Grade};
use crate::record::handling::Onward;
use crate::record::kinds::{Contact, Content, Keys, Receipt, Sealed};
use crate::seal::TAG_BYTES;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The first form limit that the record breaks. A record that breaks one is refused by
/// everyone.
pub fn limits_of(fields: &Fields, content: &Content) -> Result<(), Finding> {
    if let Content::Sealed(sealed) = content {
        return stub(fields, sealed);
    }
    texts(fields, content).iter().try_for_each(text)?;
    lists(fields, content)?;
    envelope(fields)?;
    match content {
        Content::Contact(contact) => card(contact),
        Content::Keys(keys) => statement(keys),
        Content::Receipt(receipt) => counts(receipt),
        Content::Route(route) => {
            for (at, leg) in route.legs.iter().enumerate() {
                if leg
                    .duration_h
                    .is_some_and(|h| h == 0 || h > limits::LEG_HOURS)
                {
                    return Err(Finding::new(
                        "LIM-04",
                        format!("body.legs[{at}].duration_h"),
                        format!("is not 1 to {} hours", limits::LEG_HOURS),
                        "Give the hours that this leg takes.",
                    ));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The first form limit that an envelope breaks.
pub(crate) fn limits_of_fields(fields: &Fields) -> Result<(), Finding> {
    envelope_texts(fields).iter().try_for_each(text)?;
    envelope_lists(fields)?;
    envelope(fields)
}

/// The first form limit that a text of one line breaks.
pub(crate) fn line(place: &str, content: &str, max_chars: usize) -> Result<(), Finding> {
    text(&Text::new(place, content, max_chars, Rule::Words))
}

/// As [`limits_of`], with what depends on author and time.
pub(crate) fn limits_of_record(envelope: &Envelope, content: &Content) -> Result<(), Finding> {
    limits_of(&envelope.fields, content)?;
    let Content::Sealed(sealed) = content else {
        return Ok(());
    };
    if sealed.recipients.contains(&envelope.author) {
        return Err(Finding::new(
            "LIM-07",
            "body.recipients",
            "names the record's author",
            "Name the others: an author has the key without that.",
        ));
    }
    let made = envelope.created.wall().0;
    let last = made.saturating_add(limits::RESPOND_DAYS.saturating_mul(DAY_MS));
    match sealed.respond_by {
        Some(by) if by.0 <= made || by.0 > last => Err(Finding::new(
            "LIM-07",
            "body.respond_by",
            format!(
                "is not 1 millisecond to {} days after the record was made",
                limits::RESPOND_DAYS
            ),
            "Give a moment after now.",
        )),
        _ => Ok(()),
    }
}

/// What a sealed record shows of itself: to whom it goes, and nothing else.
fn stub(fields: &Fields, sealed: &Sealed) -> Result<(), Finding> {
    if !fields.is_of_stub() {
        return Err(Finding::new(
            "LIM-07",
            "payload",
            "shows more of its envelope than the thread",
            "Put it inside the seal.",
        ));
    }
    filled(
        "body.recipients",
        sealed.recipients.len(),
        limits::RECIPIENTS,
    )?;
    if sealed.text.class().is_none() {
        return Err(Finding::new(
            "LIM-07",
            "body.text",
            format!(
                "has {} bytes, which is no size class and {TAG_BYTES}",
                sealed.text.as_bytes().len()
            ),
            "Pad what is sealed to a size class.",
        ));
    }
    Ok(())
}

fn text(text: &Text) -> Result<(), Finding> {
    let chars = text.text.chars().count();
    if chars > text.max_chars {
        return Err(Finding::new(
            "LIM-01",
            &text.place,
            format!(
                "has {chars} characters; at most {} are allowed",
                text.max_chars
            ),
            "Shorten it.",
        ));
    }
    if text.text.trim().is_empty() {
        return Err(Finding::new(
            "LIM-03",
            &text.place,
            "is empty",
            "Fill it in, or leave the field out.",
        ));
    }
    let bad = |c: char| {
        (c.is_control() && !(text.lines && matches!(c, '\n' | '\t')))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.text.chars().position(bad) {
        Some(at) => Err(Finding::new(
            "LIM-06",
            &text.place,
            format!("has a control character at {}", at + 1),
            "Remove it: it would change what a reader sees.",
        )),
        None => Ok(()),
    }
}

pub(crate) fn size(place: &str, len: usize, max: usize) -> Result<(), Finding> {
    if len <= max {
        return Ok(());
    }
    Err(Finding::new(
        "LIM-02",
        place,
        format!("has {len} entries; at most {max} are allowed"),
        "Drop some, or write two records.",
    ))
}

pub(crate) fn filled(place: &str, len: usize, max: usize) -> Result<(), Finding> {
    if len == 0 {
        return Err(Finding::new(
            "LIM-03",
            place,
            "is empty",
            "Give at least one entry.",
        ));
    }
    size(place, len, max)
}

fn envelope_lists(fields: &Fields) -> Result<(), Finding> {
    size("refs", fields.refs.len(), limits::REFS)?;
    size("crime", fields.crime.len(), limits::LIST_ITEMS)?;
    if let Onward::To(to) = &fields.onward {
        filled("onward.to", to.len(), limits::ONWARD_AGENCIES)?;
    }
    Ok(())
}

fn lists(fields: &Fields, content: &Content) -> Result<(), Finding> {
    let max = limits::LIST_ITEMS;
    envelope_lists(fields)?;
    match content {
        Content::Trend(c) => {
            filled("body.cells", c.cells.len(), limits::TREND_CELLS)?;
            size("body.area", c.area.len(), max)?;
            size("body.drivers", c.drivers.len(), max)?;
            size("body.factors", c.factors.len(), max)
        }
        Content::ModusOperandi(c) => {
            filled("body.techniques", c.techniques.len(), max)?;
            for (place, len) in [
                ("body.act", c.act.len()),
                ("body.means", c.means.len()),
                ("body.exploitation", c.exploitation.len()),
                ("body.actor_roles", c.actor_roles.len()),
                ("body.transport", c.transport.len()),
                ("body.control", c.control.len()),
                ("body.sectors", c.sectors.len()),
                ("body.online_channel_types", c.online_channel_types.len()),
                ("body.indicators", c.indicators.len()),
                ("body.victim_groups", c.victim_groups.len()),
                ("body.countermeasures", c.countermeasures.len()),
            ] {
                size(place, len, max)?;
            }
            Ok(())
        }
        Content::Route(c) => {
            filled("body.legs", c.legs.len(), max)?;
            for (at, leg) in c.legs.iter().enumerate() {
                size(&format!("body.legs[{at}].hubs"), leg.hubs.len(), max)?;
            }
            size("body.risks", c.risks.len(), max)?;
            size("body.alternatives", c.alternatives.len(), max)
        }
        Content::DocumentAlert(c) => {
            filled("body.features", c.features.len(), max)?;
            size("body.image_hashes", c.image_hashes.len(), max)?;
            size("body.registers_checked", c.registers_checked.len(), max)
        }
        Content::Service(c) => {
            filled("body.types", c.types.len(), max)?;
            for (place, len) in [
                ("body.ages", c.ages.len()),
                ("body.genders", c.genders.len()),
                ("body.statuses", c.statuses.len()),
                ("body.languages", c.languages.len()),
                ("body.accessibility", c.accessibility.len()),
                ("body.accepts_from", c.accepts_from.len()),
            ] {
                size(place, len, max)?;
            }
            Ok(())
        }
        Content::Contact(c) => {
            size("body.route_roles", c.route_roles.len(), max)?;
            size("body.memberships", c.memberships.len(), max)?;
            size("body.functions", c.functions.len(), max)?;
            for (at, function) in c.functions.iter().enumerate() {
                size(
                    &format!("body.functions[{at}].languages"),
                    function.languages.len(),
                    max,
                )?;
            }
            size("body.keys.signing", c.keys.signing.len(), limits::CARD_KEYS)?;
            size("body.keys.revoked", c.keys.revoked.len(), limits::CARD_KEYS)
        }
        Content::Keys(c) => {
            size("body.nodes", c.nodes.len(), limits::NODE_KEYS)?;
            for (at, node) in c.nodes.iter().enumerate() {
                size(
                    &format!("body.nodes[{at}].addresses"),
                    node.addresses.len(),
                    limits::ADDRESSES,
                )?;
            }
            size("body.hubs", c.hubs.len(), limits::HUBS)?;
            size("body.sealing", c.sealing.len(), limits::SEALING_KEYS)
        }
        Content::Permit(c) => filled("body.to", c.to.len(), limits::PERMIT_AGENCIES),
        Content::Ask(c) => filled("body.to", c.to.len(), limits::PERMIT_AGENCIES),
        Content::Affirm(c) => filled("body.records", c.records.len(), limits::AFFIRM_RECORDS),
        Content::Retract(_) | Content::Recall(_) | Content::Receipt(_) | Content::Sealed(_) => {
            Ok(())
        }
    }
}

fn envelope(fields: &Fields) -> Result<(), Finding> {
    let shape =
        |place: &str, says: String, remedy: &str| Err(Finding::new("LIM-06", place, says, remedy));
    match fields.lang.parse::<Lang>() {
        Ok(lang) if lang.as_str() == fields.lang => {}
        Ok(lang) => {
            return shape("lang", format!("must be written '{lang}'"), "Write it so.");
        }
        Err(error) => return shape("lang", error.to_string(), "Give the language of the texts."),
    }
    if !fields.handling.is_sorted_by(|a, b| a < b) {
        return Err(Finding::new(
            "LIM-05",
            "handling",
            "is not a set in order",
            "Give each code once, from H0 to H3.",
        ));
    }
    for (at, code) in fields.crime.iter().enumerate() {
        if !(4..=6).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
            return shape(
                &format!("crime[{at}]"),
                format!("'{}' is not an ICCS code of 4 to 6 digits", clip(code)),
                "Use a code like 02041 (UNODC).",
            );
        }
    }
    match &fields.grade {
        Some(grade) => graded(grade),
        None => Ok(()),
    }
}

fn graded(grade: &Grade) -> Result<(), Finding> {
    let scheme: GradeScheme = grade.scheme;
    for (place, value, allowed) in [
        ("grade.source", &grade.source, scheme.sources()),
        ("grade.info", &grade.info, scheme.infos()),
    ] {
        if !allowed.contains(&value.as_str()) {
            return Err(Finding::new(
                "LIM-06",
                place,
                format!(
                    "'{}' is not a grade of {scheme}; allowed: {}",
                    clip(value),
                    allowed.join(", ")
                ),
                "Use the scheme in which it was given; grades are never converted.",
            ));
        }
    }
    Ok(())
}

fn card(card: &Contact) -> Result<(), Finding> {
    for (at, entry) in card.keys.signing.iter().enumerate() {
        if entry.from >= entry.until {
            return Err(Finding::new(
                "LIM-04",
                format!("body.keys.signing[{at}]"),
                "ends before it begins",
                "Give a later 'until'.",
            ));
        }
        if card
            .keys
            .signing
            .iter()
            .take(at)
            .any(|other| other.key == entry.key)
        {
            return Err(Finding::new(
                "LIM-05",
                format!("body.keys.signing[{at}]"),
                "is there twice",
                "List each key once.",
            ));
        }
    }
    Ok(())
}

fn statement(keys: &Keys) -> Result<(), Finding> {
    let longest = limits::KEYS_STATEMENT_DAYS.saturating_mul(DAY_MS);
    match keys.until.0.checked_sub(keys.from.0) {
        Some(span) if span > 0 && span <= longest => Ok(()),
        _ => Err(Finding::new(
            "LIM-04",
            "body.until",
            format!(
                "is not 1 millisecond to {} days after 'from'",
                limits::KEYS_STATEMENT_DAYS
            ),
            "Issue a statement for a shorter time.",
        )),
    }?;
    sealing(keys)
}

fn sealing(keys: &Keys) -> Result<(), Finding> {
    let longest = limits::SEALING_KEY_DAYS.saturating_mul(DAY_MS);
    for (at, key) in keys.sealing.iter().enumerate() {
        let span = key.until.0.checked_sub(key.from.0);
        if !span.is_some_and(|span| span > 0 && span <= longest) {
            return Err(Finding::new(
                "LIM-04",
                format!("body.sealing[{at}].until"),
                format!(
                    "is not 1 millisecond to {} days after 'from'",
                    limits::SEALING_KEY_DAYS
                ),
                "Make a new sealing key sooner.",
            ));
        }
        let mut before = keys.sealing.iter().take(at);
        if before.any(|other| other.key == key.key) {
            return Err(Finding::new(
                "LIM-05",
                format!("body.sealing[{at}]"),
                "is there twice",
                "List each key once.",
            ));
        }
    }
    Ok(())
}

fn counts(receipt: &Receipt) -> Result<(), Finding> {
    match receipt.further {
        Some(further) if further.erased > further.asked => Err(Finding::new(
            "LIM-04",
            "body.further.erased",
            format!(
                "is {}, more than the {} asked",
                further.erased, further.asked
            ),
            "Count those of the asked that erased.",
        )),
        _ => Ok(()),
    }
}
