//! What a person writes: a record's fields, without what follows from its kind, and with
//! names where the record has ids.

mod line;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub(crate) use self::line::line_in;
use self::line::line_number;
use super::codes::{Basis, CrimeClass, HandlingCode, Kind, Lang, Pap, Plane, Purpose, Tlp};
use super::date::Date;
use super::envelope::{Fields, Grade, LegalBasis, Ref};
use super::handling::Onward;
use super::kinds::{Content, ContentError};
use crate::id::{AgencyId, RecordId, clip};
use crate::limits;

/// Why a draft cannot become a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is larger than [`limits::DRAFT_BYTES`].
    #[error(
        "the draft has {bytes} bytes; at most {} are allowed. Write several records",
        limits::DRAFT_BYTES
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not JSON, or not TOML.
    #[error("line {line}, column {column}: {says}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser expected.
        says: String,
    },
    /// A field is wrong.
    #[error("{}{place}: {says}", at(*line))]
    Field {
        /// Path of the field: `body.cells[4].n`.
        place: String,
        /// Its line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong, and what is allowed.
        says: String,
    },
    /// A name in `onward.to` that nobody has here.
    #[error("{}onward.to: '{name}' is no agency and no circle known here. `liaison peer list` shows the names", at(*line))]
    Name {
        /// The name.
        name: String,
        /// Its line, from 1, where it is known.
        line: Option<usize>,
    },
}

fn at(line: Option<usize>) -> String {
    line.map(|n| format!("line {n}, ")).unwrap_or_default()
}

/// Looks up what a draft leaves open.
pub struct Resolver<'a> {
    /// The day of signing, UTC: retention counts from it.
    pub today: Date,
    /// The agencies behind an alias or a circle's name.
    pub names: &'a dyn Fn(&str) -> Option<Vec<AgencyId>>,
}

/// A draft. What is left out follows from its kind ([`Defaults`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it is.
    pub kind: Kind,
    /// Language of the texts, BCP 47.
    pub lang: String,
    /// One line.
    pub title: String,
    /// More than one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Traffic light protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlp: Option<Tlp>,
    /// Permissible actions protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pap: Option<Pap>,
    /// Europol handling codes; an empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Vec<HandlingCode>>,
    /// The text that H3 needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling_note: Option<String>,
    /// What receivers may do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onward: Option<DraftOnward>,
    /// Why it may be processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// The legal basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// Smuggling, trafficking, mixed or undetermined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<CrimeClass>,
    /// ICCS codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crime: Vec<String>,
    /// Fact, assessment or mixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Grading in the author's own scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// When its author looks at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Date>,
    /// When it stops being released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// First record of the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<RecordId>,
    /// The record that this one amends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<RecordId>,
    /// Links to other records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<Ref>,
    /// Name of the exercise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exercise: Option<String>,
    /// What it says, by kind.
    pub body: serde_json::Value,
    /// The TOML that it was read from, to find lines in.
    #[serde(skip)]
    source: Option<String>,
}

/// `onward` with names in place of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftOnward {
    /// Nothing.
    None,
    /// After a permit only.
    Ask,
    /// To these agencies or circles.
    To(Vec<String>),
    /// To whoever both gates allow.
    Community,
}

/// What a kind's fields are when nobody says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Traffic light protocol.
    pub tlp: Tlp,
    /// Europol handling codes.
    pub handling: &'static [HandlingCode],
    /// Why it may be processed.
    pub purpose: Purpose,
    /// Months until its author looks at it again.
    pub review_months: Option<u16>,
    /// Months until it stops being released.
    pub keep_months: Option<u16>,
}

impl Defaults {
    /// Of this kind.
    pub const fn of(kind: Kind) -> Self {
        const H0: &[HandlingCode] = &[HandlingCode::H0];
        let (tlp, handling, purpose, review_months, keep_months) = match kind {
            Kind::Trend => (Tlp::Green, H0, Purpose::Statistics, Some(12), Some(60)),
            Kind::ModusOperandi => (Tlp::Amber, H0, Purpose::Prevention, None, Some(60)),
            Kind::Route => (Tlp::Amber, H0, Purpose::Prevention, None, Some(36)),
            Kind::DocumentAlert => (Tlp::Amber, H0, Purpose::Prevention, None, Some(60)),
            Kind::Service => (Tlp::Green, &[] as &[_], Purpose::Protection, None, None),
            Kind::Contact
            | Kind::Keys
            | Kind::Retract
            | Kind::Recall
            | Kind::Receipt
            | Kind::Permit
            | Kind::Ask
            | Kind::Affirm => (Tlp::Green, &[] as &[_], Purpose::Prevention, None, None),
            // What every reader takes it for before it is opened.
            Kind::Sealed => (
                Tlp::Red,
                &[HandlingCode::H2] as &[_],
                Purpose::Protection,
                None,
                None,
            ),
        };
        Self {
            tlp,
            handling,
            purpose,
            review_months,
            keep_months,
        }
    }

    /// `onward` of a record of this kind with this marking and these codes.
    pub fn onward(kind: Kind, tlp: Tlp, handling: &[HandlingCode]) -> Onward {
        match kind.plane() {
            Plane::Personal => Onward::None,
            _ if handling.contains(&HandlingCode::H2) => Onward::Ask,
            _ if tlp <= Tlp::Green => Onward::Community,
            _ => Onward::Ask,
        }
    }
}

impl Draft {
    /// A draft that leaves all to the defaults of its kind.
    pub fn new(kind: Kind, lang: &str, title: &str, body: serde_json::Value) -> Self {
        Self {
            kind,
            lang: lang.to_owned(),
            title: title.to_owned(),
            summary: None,
            tlp: None,
            pap: None,
            handling: None,
            handling_note: None,
            onward: None,
            purpose: None,
            legal_basis: None,
            class: None,
            crime: Vec::new(),
            basis: None,
            grade: None,
            review_by: None,
            expires: None,
            thread: None,
            supersedes: None,
            refs: Vec::new(),
            exercise: None,
            body,
            source: None,
        }
    }

    /// The draft that gives this record again: what an amendment begins with.
    pub fn of(fields: &Fields, content: &Content) -> Result<Self, ContentError> {
        let fields = fields.clone();
        Ok(Self {
            summary: fields.summary,
            tlp: Some(fields.tlp),
            pap: fields.pap,
            handling: Some(fields.handling),
            handling_note: fields.handling_note,
            onward: Some(match fields.onward {
                Onward::None => DraftOnward::None,
                Onward::Ask => DraftOnward::Ask,
                Onward::Community => DraftOnward::Community,
                Onward::To(to) => DraftOnward::To(to.iter().map(AgencyId::full).collect()),
            }),
            purpose: Some(fields.purpose),
            legal_basis: fields.legal_basis,
            class: fields.class,
            crime: fields.crime,
            basis: fields.basis,
            grade: fields.grade,
            review_by: fields.review_by,
            expires: fields.expires,
            thread: fields.thread,
            supersedes: fields.supersedes,
            refs: fields.refs,
            exercise: fields.exercise,
            ..Self::new(
                content.kind(),
                &fields.lang,
                &fields.title,
                content.to_json()?,
            )
        })
    }

    /// Reads a draft in JSON.
    pub fn from_json(text: &str) -> Result<Self, DraftError> {
        fits(text)?;
        let mut input = serde_json::Deserializer::from_str(text);
        let draft: Self = serde_path_to_error::deserialize(&mut input).map_err(|e| {
            let place = e.path().to_string();
            let error = e.into_inner();
            match error.classify() {
                serde_json::error::Category::Data => {
                    field(&place, Some(error.line()), without_position(&error))
                }
                _ => syntax(&error),
            }
        })?;
        input.end().map_err(|error| syntax(&error))?;
        Ok(draft)
    }

    /// Reads a draft in TOML. Days may stand without quotes.
    pub fn from_toml(text: &str) -> Result<Self, DraftError> {
        fits(text)?;
        let json = toml_as_json(text)?;
        let draft: Self = serde_path_to_error::deserialize(json).map_err(|e| {
            let place = e.path().to_string();
            field(&place, line_in(text, &place), e.into_inner().to_string())
        })?;
        Ok(Self {
            source: Some(text.to_owned()),
            ..draft
        })
    }

    /// The line (from 1) on which the field at this path stands, or the nearest field
    /// around it; known of drafts in TOML only.
    pub fn line_of(&self, place: &str) -> Option<usize> {
        line_in(self.source.as_deref()?, place)
    }

    /// Fills in what follows from the kind, and ids for names.
    pub fn resolve(&self, with: &Resolver) -> Result<(Fields, Content), DraftError> {
        if !Kind::WRITTEN.contains(&self.kind) {
            return Err(field(
                "kind",
                self.line_of("kind"),
                format!(
                    "'{}' is not written by hand; `liaison retract`, `ask` and `permit` and the node make these",
                    self.kind
                ),
            ));
        }
        let content = Content::from_json(self.kind, self.body.clone())
            .map_err(|ContentError { place, says }| field(&place, self.line_of(&place), says))?;
        let defaults = Defaults::of(self.kind);
        let tlp = self.tlp.unwrap_or(defaults.tlp);
        let mut handling = self
            .handling
            .clone()
            .unwrap_or_else(|| defaults.handling.to_vec());
        handling.sort_unstable();
        handling.dedup();
        let onward = match &self.onward {
            None => Defaults::onward(self.kind, tlp, &handling),
            Some(onward) => self.named(onward, with)?,
        };
        let lang: Lang = self.lang.parse().map_err(|e: super::codes::BadShape| {
            field("lang", self.line_of("lang"), e.to_string())
        })?;
        let ends = match &content {
            Content::Service(service) => Some(service.valid_until),
            _ => defaults
                .keep_months
                .map(|months| with.today.add_months(months)),
        };
        let expires = self.expires.or(ends);
        let review = defaults
            .review_months
            .map(|months| with.today.add_months(months));
        // A default never contradicts what the author said.
        let review = review.filter(|day| expires.is_none_or(|end| *day <= end));
        let fields = Fields {
            thread: self.thread,
            supersedes: self.supersedes,
            tlp,
            pap: self.pap,
            handling,
            handling_note: self.handling_note.clone(),
            onward,
            purpose: self.purpose.unwrap_or(defaults.purpose),
            legal_basis: self.legal_basis.clone(),
            class: self.class,
            crime: self.crime.clone(),
            basis: self.basis,
            grade: self.grade.clone(),
            lang: lang.as_str().to_owned(),
            title: self.title.clone(),
            summary: self.summary.clone(),
            review_by: self.review_by.or(review),
            expires,
            refs: self.refs.clone(),
            exercise: self.exercise.clone(),
        };
        Ok((fields, content))
    }

    fn named(&self, onward: &DraftOnward, with: &Resolver) -> Result<Onward, DraftError> {
        Ok(match onward {
            DraftOnward::None => Onward::None,
            DraftOnward::Ask => Onward::Ask,
            DraftOnward::Community => Onward::Community,
            DraftOnward::To(names) => {
                let mut to = BTreeSet::new();
                for name in names {
                    match ((with.names)(name), name.parse::<AgencyId>()) {
                        (Some(agencies), _) => to.extend(agencies),
                        (None, Ok(agency)) => {
                            to.insert(agency);
                        }
                        (None, Err(_)) => {
                            return Err(DraftError::Name {
                                name: clip(name),
                                line: self.line_of("onward"),
                            });
                        }
                    }
                }
                Onward::To(to)
            }
        })
    }
}

fn fits(text: &str) -> Result<(), DraftError> {
    if text.len() > limits::DRAFT_BYTES {
        return Err(DraftError::TooLarge { bytes: text.len() });
    }
    Ok(())
}

/// Reads TOML as the JSON that says the same.
pub(crate) fn toml_as_json(text: &str) -> Result<serde_json::Value, DraftError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        DraftError::Syntax {
            line: line_number(text, start),
            column: before.get(line_start..).map_or(0, |s| s.chars().count()) + 1,
            says: error.message().to_owned(),
        }
    })?;
    Ok(json(toml::Value::Table(table)))
}

pub(crate) fn field(place: &str, line: Option<usize>, says: String) -> DraftError {
    let place = if place == "." { "the draft" } else { place };
    DraftError::Field {
        place: place.to_owned(),
        line,
        says,
    }
}

fn syntax(error: &serde_json::Error) -> DraftError {
    DraftError::Syntax {
        line: error.line(),
        column: error.column(),
        says: without_position(error),
    }
}

/// serde_json ends its texts with " at line 3 column 7".
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(says, _)| says.to_owned())
}

fn json(value: toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(n) => n.into(),
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(day) => day.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => serde_json::Value::Object(
            table
                .into_iter()
                .map(|(key, value)| (key, json(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
