//! A map: which column of a table is which field of a record (TOML).
//!
//! ```toml
//! [file]                       # how the file is written; these are the defaults
//! delimiter = ","              # one character, or "tab"
//! quote = "\""                 # one character, or "" for none
//! encoding = "utf-8"           # windows-1252, iso-8859-2, utf-16le, ...
//! header = true                # false: the columns are called "1", "2", ...
//!
//! [record]                     # the same in every record
//! kind = "trend"
//! lang = "en"
//! title = "Detections, {route}, {month}"     # columns in braces, as the file writes them
//! measure = "detections"
//! method = "administrative"
//!
//! [columns.month]              # every column of the file has its part
//! to = "period"
//! pattern = "%Y-%m"
//!
//! [columns.route]
//! to = "route"
//!
//! [columns.remarks]
//! to = "ignore"
//! ```
//!
//! What `[record]` leaves out (marking, handling codes, purpose, onward, dates of review and
//! end) follows from the kind, as in a draft.
//!
//! A column also knows `precision` ("day", "month", "year"), `decimal_comma`, `thousands`,
//! `multiply`, `split` (entries of a list), `codes` (translations), `default` (for an empty
//! field) and `required` (an empty field is a mistake, which is so unless `false` is said:
//! a missing nationality would turn a part into a total). Without `thousands`, `1.000` is
//! refused: it may be a thousand or one.

mod read;

use std::collections::HashMap;

use liaison_protocol::record::codes::{Kind, Lang};
use liaison_protocol::record::draft::Defaults;
use liaison_protocol::record::envelope::Fields;
use serde_json::Value;

use self::read::{Raw, Reader, line_of};
use super::cut::Dialect;
use super::limits;
use super::target::{Form, Target};
use super::template::Template;

/// A map, checked as far as it can be without its file.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) dialect: Dialect,
    pub(super) encoding: String,
    pub(super) header: bool,
    pub(super) kind: Kind,
    pub(super) title: Template,
    pub(super) summary: Option<Template>,
    /// Constants of the envelope, in its JSON form.
    pub(super) envelope: Value,
    /// The envelope, if no column fills a part of it.
    pub(super) fields: Option<Fields>,
    /// Constants of the body, in its JSON form.
    pub(super) body: Value,
    pub(super) columns: Vec<Column>,
}

/// One column of a map.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    /// Which field it fills; none: it is left out, or stands in a title only.
    pub target: Option<Target>,
    pub form: Form,
    pub codes: HashMap<String, String>,
    pub default: Option<String>,
    pub required: bool,
}

/// Why a text is not a map. Lines are those of the map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Over [`limits::MAP_BYTES`].
    #[error(
        "the map has {found} bytes; at most {} are read. Is it a map?",
        limits::MAP_BYTES
    )]
    TooLarge {
        /// Bytes given.
        found: usize,
    },
    /// Not TOML, or a key that maps don't have.
    #[error("line {line} of the map: {says}")]
    Toml {
        /// From 1.
        line: usize,
        /// What the parser says.
        says: String,
    },
    /// A value of `[file]` that cannot be.
    #[error("line {line} of the map: {key} {says}")]
    File {
        /// From 1.
        line: usize,
        /// The key in `[file]`.
        key: &'static str,
        /// What is wrong and what is allowed.
        says: String,
    },
    /// `[record]` lacks what every record needs.
    #[error("the map's [record] lacks {key}, like {key} = \"{example}\"")]
    Lacks {
        /// The missing key.
        key: &'static str,
        /// How it may look.
        example: &'static str,
    },
    /// A kind that is not made from tables.
    #[error(
        "line {line} of the map: '{kind}' is not a kind that a table can hold; allowed: trend, modus-operandi, route, document-alert, service"
    )]
    Kind {
        /// From 1.
        line: usize,
        /// What was given, at most 40 characters.
        kind: String,
    },
    /// A constant of `[record]` that is wrong.
    #[error("line {line} of the map: {key}: {says}")]
    Constant {
        /// From 1.
        line: usize,
        /// The key in `[record]`.
        key: String,
        /// What is wrong and what is allowed.
        says: String,
    },
    /// A field that the kind does not have.
    #[error("line {line} of the map: a {kind} has no field '{name}'; allowed: {allowed}")]
    Target {
        /// From 1.
        line: usize,
        /// The kind.
        kind: Kind,
        /// What was given, at most 40 characters.
        name: String,
        /// All fields of the kind.
        allowed: String,
    },
    /// A field that is filled twice.
    #[error("line {line} of the map: the field '{name}' is filled twice; take one of them out")]
    Twice {
        /// From 1.
        line: usize,
        /// The field.
        name: String,
    },
    /// A column whose form is wrong.
    #[error("line {line} of the map: column '{column}': {says}")]
    Column {
        /// From 1.
        line: usize,
        /// The column.
        column: String,
        /// What is wrong and what is allowed.
        says: String,
    },
    /// Over [`limits::COLUMNS`].
    #[error("the map has {found} columns; at most {} are read", limits::COLUMNS)]
    Columns {
        /// Columns given.
        found: usize,
    },
}

impl Map {
    /// Reads a map.
    ///
    /// # Errors
    /// [`MapError`], with the line.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        if text.len() > limits::MAP_BYTES {
            return Err(MapError::TooLarge { found: text.len() });
        }
        let raw: Raw = toml::from_str(text).map_err(|e| MapError::Toml {
            line: e.span().map_or(1, |span| line_of(text, span.start)),
            says: e.message().to_owned(),
        })?;
        Reader { text }.map(raw)
    }

    /// How its file tells fields and rows apart.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The encoding of its file.
    pub fn encoding(&self) -> &str {
        &self.encoding
    }

    /// Whether the first row of its file names the columns.
    pub fn has_header(&self) -> bool {
        self.header
    }

    /// The kind of its records.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// What is wrong in an envelope.
pub(super) struct FieldsError {
    pub place: String,
    pub says: String,
}

/// An envelope of its JSON form. What is left out follows from the kind, as in a draft; the
/// days of review and end are the caller's.
pub(super) fn fields_of(
    kind: Kind,
    mut envelope: Value,
    title: String,
    summary: Option<String>,
) -> Result<Fields, FieldsError> {
    let defaults = Defaults::of(kind);
    let mut by_default = false;
    if let Some(map) = envelope.as_object_mut() {
        by_default = !map.contains_key("onward");
        map.entry("onward").or_insert_with(|| Value::from("ask"));
        map.entry("tlp")
            .or_insert_with(|| Value::from(defaults.tlp.as_str()));
        map.entry("purpose")
            .or_insert_with(|| Value::from(defaults.purpose.as_str()));
        map.entry("handling").or_insert_with(|| {
            let codes = defaults.handling.iter();
            codes.map(|code| Value::from(code.as_str())).collect()
        });
        map.insert("title".into(), Value::from(title));
        if let Some(summary) = summary {
            map.insert("summary".into(), Value::from(summary));
        }
    }
    let mut fields: Fields =
        serde_path_to_error::deserialize(envelope).map_err(|e| FieldsError {
            place: e.path().to_string(),
            says: e.into_inner().to_string(),
        })?;
    fields.handling.sort_unstable();
    fields.handling.dedup();
    if by_default {
        fields.onward = Defaults::onward(kind, fields.tlp, &fields.handling);
    }
    match fields.lang.parse::<Lang>() {
        Ok(lang) => lang.as_str().clone_into(&mut fields.lang),
        Err(e) => {
            return Err(FieldsError {
                place: "lang".into(),
                says: e.to_string(),
            });
        }
    }
    Ok(fields)
}

/// Checks an `onward` of a table. Agencies are named by `push --to`, not by a map.
pub(super) fn onward(text: &str) -> Result<(), String> {
    match text {
        "none" | "ask" | "community" => Ok(()),
        other => Err(format!(
            "'{}' is not allowed; allowed: none, ask, community",
            short(other)
        )),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
