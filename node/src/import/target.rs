//! Fields of a record that a column can fill, by kind. One row makes one record, so that a
//! list of parts (cells, legs, features) gets one part from a row.

use liaison_protocol::record::codes::{Dimension, Kind};
use serde_json::Value;

use super::number::NumberForm;
use super::when::DateForm;

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text or a code.
    Text,
    /// Several texts or codes.
    List,
    /// A whole number.
    Count,
    /// A period, from one text.
    Period,
    /// The beginning of a period.
    From,
    /// The end of a period.
    To,
    /// A month.
    Month,
    /// A day.
    Day,
}

/// A field that a column or a constant can fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the map names it: `dims.nationality`.
    pub name: String,
    /// Whether it stands in the envelope; otherwise in the body.
    pub envelope: bool,
    /// What it takes.
    pub shape: Shape,
    /// Steps into the JSON form; `0` is the first of a list.
    path: Vec<String>,
}

/// How a column writes what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Its dates.
    pub date: DateForm,
    /// Its numbers.
    pub number: NumberForm,
    /// Between the entries of a list; without it, a field is one entry.
    pub split: Option<char>,
}

type Row = (&'static str, &'static str, Shape);

const ENVELOPE: &[Row] = {
    use Shape::{Day, List, Text};
    &[
        ("tlp", "tlp", Text),
        ("pap", "pap", Text),
        ("handling", "handling", List),
        ("handling_note", "handling_note", Text),
        ("onward", "onward", Text),
        ("purpose", "purpose", Text),
        ("legal_basis.code", "legal_basis.code", Text),
        ("legal_basis.ref", "legal_basis.ref", Text),
        ("class", "class", Text),
        ("crime", "crime", List),
        ("basis", "basis", Text),
        ("grade.scheme", "grade.scheme", Text),
        ("grade.source", "grade.source", Text),
        ("grade.info", "grade.info", Text),
        ("lang", "lang", Text),
        ("review_by", "review_by", Day),
        ("expires", "expires", Day),
        ("exercise", "exercise", Text),
    ]
};

const TREND: &[Row] = {
    use Shape::{Count, From, List, Period, Text, To};
    &[
        ("period", "period", Period),
        ("period.from", "period.from", From),
        ("period.to", "period.to", To),
        ("area", "area", List),
        ("route", "route", Text),
        ("measure", "measure", Text),
        ("method", "method", Text),
        ("n", "cells.0.n", Count),
        ("unit", "unit", Text),
        ("direction", "direction", Text),
        ("drivers", "drivers", List),
        ("factor.level", "factors.0.level", Text),
        ("factor.type", "factors.0.type", Text),
        ("factor.code", "factors.0.code", Text),
        ("estimate.likelihood", "estimate.likelihood", Text),
        ("estimate.confidence", "estimate.confidence", Text),
        ("caveats", "caveats", Text),
    ]
};

const MODUS_OPERANDI: &[Row] = {
    use Shape::{List, Month, Text};
    &[
        ("techniques", "techniques", List),
        ("phase", "phase", Text),
        ("act", "act", List),
        ("means", "means", List),
        ("exploitation", "exploitation", List),
        ("actor_roles", "actor_roles", List),
        ("transport", "transport", List),
        ("control", "control", List),
        ("sectors", "sectors", List),
        ("online_channel_types", "online_channel_types", List),
        ("indicators", "indicators", List),
        ("victim_group.age", "victim_groups.0.age", Text),
        ("victim_group.gender", "victim_groups.0.gender", Text),
        ("countermeasures", "countermeasures", List),
        ("first_seen", "first_seen", Month),
        ("last_seen", "last_seen", Month),
        ("case_count_band", "case_count_band", Text),
    ]
};

const ROUTE: &[Row] = {
    use Shape::{Count, List, Month, Text};
    &[
        ("leg.from", "legs.0.from", Text),
        ("leg.to", "legs.0.to", Text),
        ("leg.transport", "legs.0.transport", Text),
        ("leg.border", "legs.0.border", Text),
        ("leg.hubs", "legs.0.hubs", List),
        ("leg.duration_h", "legs.0.duration_h", Count),
        ("leg.fee_band", "legs.0.fee_band", Text),
        ("leg.currency", "legs.0.currency", Text),
        ("status", "status", Text),
        ("first_seen", "first_seen", Month),
        ("volume_band", "volume_band", Text),
        ("risks", "risks", List),
        ("alternatives", "alternatives", List),
    ]
};

const DOCUMENT_ALERT: &[Row] = {
    use Shape::{List, Text};
    &[
        ("doc_type", "doc_type", Text),
        ("icao_code", "icao_code", Text),
        ("issuer", "issuer", Text),
        ("fraud", "fraud", Text),
        ("feature.page", "features.0.page", Text),
        ("feature.feature", "features.0.feature", Text),
        ("feature.genuine", "features.0.genuine", Text),
        ("feature.observed", "features.0.observed", Text),
        ("series_prefix", "series_prefix", Text),
        ("detection", "detection", Text),
        ("image_hashes", "image_hashes", List),
        ("registers_checked", "registers_checked", List),
    ]
};

const SERVICE: &[Row] = {
    use Shape::{Day, List, Month, Text};
    &[
        ("stance", "stance", Text),
        ("types", "types", List),
        ("area", "area", Text),
        ("ages", "ages", List),
        ("genders", "genders", List),
        ("statuses", "statuses", List),
        ("languages", "languages", List),
        ("capacity_band", "capacity_band", Text),
        ("access", "access", Text),
        ("accessibility", "accessibility", List),
        ("cost", "cost", Text),
        ("accepts_from", "accepts_from", List),
        ("valid_until", "valid_until", Day),
        ("unmet_band", "unmet_band", Text),
        ("since", "since", Month),
    ]
};

/// The fields of this kind's body; none for a kind that is not made from a table (a card is
/// signed by its agency's root, control records name one record).
fn body(kind: Kind) -> &'static [Row] {
    match kind {
        Kind::Trend => TREND,
        Kind::ModusOperandi => MODUS_OPERANDI,
        Kind::Route => ROUTE,
        Kind::DocumentAlert => DOCUMENT_ALERT,
        Kind::Service => SERVICE,
        Kind::Contact
        | Kind::Keys
        | Kind::Retract
        | Kind::Recall
        | Kind::Receipt
        | Kind::Permit
        | Kind::Ask
        | Kind::Affirm
        | Kind::Sealed => &[],
    }
}

/// Whether tables can be made into records of this kind.
pub fn is_importable(kind: Kind) -> bool {
    !body(kind).is_empty()
}

impl Target {
    /// The field of that name.
    pub fn of(kind: Kind, name: &str) -> Option<Self> {
        let find = |rows: &[Row], envelope| {
            rows.iter()
                .find(|row| row.0 == name)
                .map(|(name, path, shape)| Self::new(name, envelope, *shape, path))
        };
        let dimension = || {
            let dimension: Dimension = name.strip_prefix("dims.")?.parse().ok()?;
            let path = format!("cells.0.dims.{dimension}");
            (kind == Kind::Trend).then(|| Self::new(name, false, Shape::Text, &path))
        };
        find(body(kind), false)
            .or_else(dimension)
            .or_else(|| find(ENVELOPE, true))
    }

    /// Names of all fields of this kind, the body's first.
    pub fn names(kind: Kind) -> Vec<String> {
        let dimensions = Dimension::TEXTS
            .iter()
            .filter(|_| kind == Kind::Trend)
            .map(|d| format!("dims.{d}"));
        body(kind)
            .iter()
            .map(|row| row.0.to_owned())
            .chain(dimensions)
            .chain(ENVELOPE.iter().map(|row| row.0.to_owned()))
            .collect()
    }

    fn new(name: &str, envelope: bool, shape: Shape, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            envelope,
            shape,
            path: path.split('.').map(str::to_owned).collect(),
        }
    }

    /// Reads a column's text into what the field takes.
    ///
    /// # Errors
    /// What is wrong with the text. Codes are looked at later, with the whole record.
    pub fn read(&self, text: &str, form: &Form) -> Result<Value, String> {
        let json = |value: Result<Value, serde_json::Error>| value.map_err(|e| e.to_string());
        match self.shape {
            Shape::Text => Ok(Value::from(text)),
            Shape::Count => form.number.read(text).map(Value::from),
            Shape::Period => json(serde_json::to_value(form.date.period(text)?)),
            Shape::From => json(serde_json::to_value(form.date.period(text)?.from)),
            Shape::To => json(serde_json::to_value(form.date.period(text)?.to)),
            Shape::Month => json(serde_json::to_value(form.date.month(text)?)),
            Shape::Day => json(serde_json::to_value(form.date.day(text)?)),
            Shape::List => Ok(match form.split {
                Some(mark) => text
                    .split(mark)
                    .map(str::trim)
                    .filter(|entry| !entry.is_empty())
                    .map(Value::from)
                    .collect(),
                None => Value::from(vec![text]),
            }),
        }
    }

    /// Puts a value in its place in the envelope's or the body's JSON form.
    pub fn put(&self, root: &mut Value, value: Value) {
        let mut at = root;
        for step in &self.path {
            at = if step == "0" {
                if !at.is_array() {
                    *at = Value::Array(vec![Value::Null]);
                }
                let Some(first) = at.as_array_mut().and_then(|list| list.first_mut()) else {
                    return;
                };
                first
            } else {
                if !at.is_object() {
                    *at = Value::Object(serde_json::Map::new());
                }
                let Some(map) = at.as_object_mut() else {
                    return;
                };
                map.entry(step.as_str()).or_insert(Value::Null)
            };
        }
        *at = value;
    }

    /// Whether an error at this place (`body.cells[0].n`, or `tlp` in the envelope) is about
    /// this field.
    pub fn is_at(&self, place: &str) -> bool {
        let mut mine = String::from(if self.envelope { "" } else { "body" });
        for step in &self.path {
            if step == "0" {
                mine.push_str("[0]");
            } else {
                if !mine.is_empty() {
                    mine.push('.');
                }
                mine.push_str(step);
            }
        }
        let inside = |whole: &str, part: &str| {
            whole
                .strip_prefix(part)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        inside(place, &mine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_put_in_place_and_named_by_their_place() {
        let n = Target::of(Kind::Trend, "n").expect("n");
        let dim = Target::of(Kind::Trend, "dims.nationality").expect("dim");
        let mut body = json!({});
        n.put(&mut body, json!(3));
        dim.put(&mut body, json!("QMM"));
        assert_eq!(
            body,
            json!({"cells": [{"n": 3, "dims": {"nationality": "QMM"}}]})
        );
        assert!(dim.is_at("body.cells[0].dims.nationality"));
        assert!(!dim.is_at("body.cells[0].dims.nationality2"));
        assert!(!n.is_at("body.cells[0]"));
        assert!(Target::of(Kind::Trend, "dims.colour").is_none());
        assert!(Target::of(Kind::Route, "dims.age").is_none());
        assert!(Target::of(Kind::Route, "tlp").is_some_and(|t| t.envelope));
        assert!(!is_importable(Kind::Contact));
    }

    #[test]
    fn every_name_that_is_listed_is_found() {
        for kind in Kind::ALL {
            for name in Target::names(*kind) {
                assert!(Target::of(*kind, &name).is_some(), "{kind} {name}");
            }
        }
    }
}
