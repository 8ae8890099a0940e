//! Every open text of a record, and the scanner over it (TXT-01, DOC-03).

use super::Finding;
use crate::limits;
use crate::record::envelope::Fields;
use crate::record::kinds::Content;
use crate::record::scan::{Certainty, What, scan};

/// What may stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Words: no identifiers.
    Words,
    /// A reference: file numbers are fine, people's identifiers aren't.
    Reference,
    /// Contact points are what it is for.
    Channel,
}

/// An open text and its limits.
pub(super) struct Text<'a> {
    pub place: String,
    pub text: &'a str,
    pub max_chars: usize,
    pub rule: Rule,
    /// Whether it may have more than one line.
    pub lines: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(
        place: impl Into<String>,
        text: &'a str,
        max_chars: usize,
        rule: Rule,
    ) -> Self {
        Self {
            place: place.into(),
            text,
            max_chars,
            rule,
            lines: max_chars >= limits::NOTE_CHARS,
        }
    }
}

/// The open texts of an envelope.
pub(super) fn envelope_texts(fields: &Fields) -> Vec<Text<'_>> {
    let legal = fields
        .legal_basis
        .as_ref()
        .and_then(|basis| basis.reference.as_ref());
    let mut all = vec![Text::new(
        "title",
        &fields.title,
        limits::TITLE_CHARS,
        Rule::Words,
    )];
    for (place, text, max_chars, rule) in [
        (
            "summary",
            fields.summary.as_ref(),
            limits::SUMMARY_CHARS,
            Rule::Words,
        ),
        (
            "handling_note",
            fields.handling_note.as_ref(),
            limits::NOTE_CHARS,
            Rule::Words,
        ),
        (
            "exercise",
            fields.exercise.as_ref(),
            limits::NAME_CHARS,
            Rule::Words,
        ),
        (
            "legal_basis.ref",
            legal,
            limits::NOTE_CHARS,
            Rule::Reference,
        ),
    ] {
        if let Some(text) = text {
            all.push(Text::new(place, text, max_chars, rule));
        }
    }
    all
}

pub(super) fn check(fields: &Fields, content: &Content, found: &mut Vec<Finding>) {
    let alert = matches!(content, Content::DocumentAlert(_));
    for text in texts(fields, content) {
        for hit in scan(text.text) {
            let allowed = match text.rule {
                Rule::Words => false,
                Rule::Reference => {
                    hit.certainty == Certainty::Shape
                        && !matches!(
                            hit.what,
                            What::Email | What::Handle | What::BirthDate | What::Mrz
                        )
                }
                Rule::Channel => matches!(hit.what, What::Phone | What::Email | What::Handle),
            };
            if allowed {
                continue;
            }
            let piece: Vec<char> = text
                .text
                .chars()
                .skip(hit.from_char)
                .take(hit.to_char - hit.from_char)
                .collect();
            if alert && matches!(hit.what, What::Document | What::LongNumber | What::Mrz) {
                found.push(full_number(
                    text.place.clone(),
                    &piece.iter().collect::<String>(),
                ));
                continue;
            }
            let start: String = piece.iter().take(4).collect();
            found.push(Finding {
                waivable: hit.certainty == Certainty::Shape,
                ..Finding::new(
                    "TXT-01",
                    text.place.as_str(),
                    format!(
                        ", characters {}-{}, look like {} ({start}…)",
                        hit.from_char + 1,
                        hit.to_char,
                        hit.what
                    ),
                    "Strategic records must not hold identifiers; use 'sighting'.",
                )
            });
        }
    }
}

/// DOC-03.
pub(super) fn full_number(place: String, number: &str) -> Finding {
    Finding::new(
        "DOC-03",
        place,
        format!("'{number}' is a full document number"),
        "Keep a prefix, or use 'sighting'.",
    )
}

/// Every open text of the record.
pub(super) fn texts<'a>(fields: &'a Fields, content: &'a Content) -> Vec<Text<'a>> {
    let mut all = envelope_texts(fields);
    let mut add = |place: String, text: &'a str, max_chars: usize, rule: Rule| {
        all.push(Text::new(place, text, max_chars, rule));
    };
    match content {
        Content::Trend(trend) => {
            if let Some(text) = &trend.route {
                add("body.route".into(), text, limits::NAME_CHARS, Rule::Words);
            }
            if let Some(text) = &trend.unit {
                add("body.unit".into(), text, limits::NAME_CHARS, Rule::Words);
            }
            if let Some(text) = &trend.caveats {
                add(
                    "body.caveats".into(),
                    text,
                    limits::SUMMARY_CHARS,
                    Rule::Words,
                );
            }
            for (at, factor) in trend.factors.iter().enumerate() {
                add(
                    format!("body.factors[{at}].code"),
                    factor.code.as_str(),
                    limits::NAME_CHARS,
                    Rule::Words,
                );
            }
        }
        Content::ModusOperandi(content) => {
            for (at, text) in content.indicators.iter().enumerate() {
                add(
                    format!("body.indicators[{at}]"),
                    text,
                    limits::NOTE_CHARS,
                    Rule::Words,
                );
            }
            for (at, text) in content.countermeasures.iter().enumerate() {
                add(
                    format!("body.countermeasures[{at}]"),
                    text,
                    limits::NOTE_CHARS,
                    Rule::Words,
                );
            }
        }
        Content::Route(route) => {
            for (at, text) in route.alternatives.iter().enumerate() {
                add(
                    format!("body.alternatives[{at}]"),
                    text,
                    limits::NOTE_CHARS,
                    Rule::Words,
                );
            }
        }
        Content::DocumentAlert(alert) => {
            for (at, feature) in alert.features.iter().enumerate() {
                add(
                    format!("body.features[{at}].page"),
                    &feature.page,
                    limits::NAME_CHARS,
                    Rule::Words,
                );
                add(
                    format!("body.features[{at}].feature"),
                    &feature.feature,
                    limits::NOTE_CHARS,
                    Rule::Words,
                );
                if let Some(text) = &feature.genuine {
                    add(
                        format!("body.features[{at}].genuine"),
                        text,
                        limits::NOTE_CHARS,
                        Rule::Words,
                    );
                }
                if let Some(text) = &feature.observed {
                    add(
                        format!("body.features[{at}].observed"),
                        text,
                        limits::NOTE_CHARS,
                        Rule::Words,
                    );
                }
            }
            if let Some(text) = &alert.series_prefix {
                // Its own check says more: document_alert.
                add(
                    "body.series_prefix".into(),
                    text,
                    limits::SERIES_PREFIX_CHARS,
                    Rule::Reference,
                );
            }
        }
        Content::Contact(contact) => {
            add(
                "body.org".into(),
                &contact.org,
                limits::NAME_CHARS,
                Rule::Words,
            );
            for (at, membership) in contact.memberships.iter().enumerate() {
                add(
                    format!("body.memberships[{at}]"),
                    membership.as_str(),
                    limits::NAME_CHARS,
                    Rule::Words,
                );
            }
            for (at, function) in contact.functions.iter().enumerate() {
                add(
                    format!("body.functions[{at}].role"),
                    &function.role,
                    limits::NAME_CHARS,
                    Rule::Words,
                );
                add(
                    format!("body.functions[{at}].channel"),
                    &function.channel,
                    limits::CHANNEL_CHARS,
                    Rule::Channel,
                );
                if let Some(text) = &function.hours {
                    add(
                        format!("body.functions[{at}].hours"),
                        text,
                        limits::NAME_CHARS,
                        Rule::Channel,
                    );
                }
                if let Some(text) = &function.name {
                    add(
                        format!("body.functions[{at}].name"),
                        text,
                        limits::NAME_CHARS,
                        Rule::Words,
                    );
                }
            }
        }
        Content::Keys(keys) => {
            for (at, node) in keys.nodes.iter().enumerate() {
                for (nth, text) in node.addresses.iter().enumerate() {
                    add(
                        format!("body.nodes[{at}].addresses[{nth}]"),
                        text,
                        limits::ADDRESS_CHARS,
                        Rule::Channel,
                    );
                }
            }
        }
        Content::Receipt(receipt) => {
            if let Some(text) = &receipt.why {
                add("body.why".into(), text, limits::NOTE_CHARS, Rule::Words);
            }
        }
        Content::Ask(ask) => add("body.why".into(), &ask.why, limits::NOTE_CHARS, Rule::Words),
        Content::Service(_)
        | Content::Retract(_)
        | Content::Recall(_)
        | Content::Permit(_)
        | Content::Affirm(_)
        | Content::Sealed(_) => {}
    }
    all
}
