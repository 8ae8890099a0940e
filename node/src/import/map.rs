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
//! a missing nationality would turn a part into a total).

use std::collections::{BTreeMap, HashMap};

use liaison_protocol::record::codes::{Kind, Lang};
use liaison_protocol::record::draft::Defaults;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::cut::Dialect;
use super::limits;
use super::number::NumberForm;
use super::target::{Form, Target, is_importable};
use super::template::Template;
use super::text::is_encoding;
use super::when::{DateForm, Precision};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    file: RawFile,
    record: BTreeMap<String, Spanned<toml::Value>>,
    columns: BTreeMap<String, Spanned<RawColumn>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    delimiter: Option<Spanned<String>>,
    quote: Option<Spanned<String>>,
    encoding: Option<Spanned<String>>,
    header: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    to: Spanned<String>,
    pattern: Option<String>,
    precision: Option<Precision>,
    #[serde(default)]
    decimal_comma: bool,
    thousands: Option<char>,
    multiply: Option<u64>,
    split: Option<char>,
    #[serde(default)]
    codes: HashMap<String, String>,
    default: Option<String>,
    #[serde(default = "yes")]
    required: bool,
}

const fn yes() -> bool {
    true
}

/// A constant, where it stands and what field it fills.
struct Constant {
    line: usize,
    target: Target,
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn map(&self, raw: Raw) -> Result<Map, MapError> {
        let dialect = self.dialect(&raw.file)?;
        let encoding = match raw.file.encoding {
            Some(name) if !is_encoding(name.as_ref()) => {
                return Err(MapError::File {
                    line: self.line(&name),
                    key: "encoding",
                    says: format!(
                        "'{}' is not known; try utf-8, windows-1252 or windows-1250",
                        short(name.as_ref())
                    ),
                });
            }
            Some(name) => name.into_inner(),
            None => "utf-8".to_owned(),
        };
        let mut record = raw.record;
        let kind = self.kind(record.remove("kind"))?;
        let title = self
            .template("title", record.remove("title"))?
            .ok_or(MapError::Lacks {
                key: "title",
                example: "Detections, {route}, {month}",
            })?;
        let summary = self.template("summary", record.remove("summary"))?;

        let mut envelope = Value::Object(serde_json::Map::new());
        let mut body = Value::Object(serde_json::Map::new());
        let mut constants = Vec::new();
        for (key, value) in &record {
            self.constants(
                kind,
                key,
                self.line(value),
                value.as_ref(),
                &mut |target, line, value| {
                    let root = if target.envelope {
                        &mut envelope
                    } else {
                        &mut body
                    };
                    target.put(root, value);
                    constants.push(Constant { line, target });
                },
            )?;
        }
        let columns = self.columns(kind, raw.columns, &constants)?;
        for template in std::iter::once(&title).chain(&summary) {
            if let Some(name) = template
                .columns()
                .find(|n| !columns.iter().any(|c| c.name == *n))
            {
                return Err(MapError::Constant {
                    line: self.line_with(&format!("{{{name}")),
                    key: "title and summary".into(),
                    says: format!(
                        "{{{name}}} is not a column of this map; add [columns.\"{name}\"], or double the brace for a plain one"
                    ),
                });
            }
        }
        let filled = |name: &str| {
            let column = |c: &Column| c.target.as_ref().is_some_and(|t| t.name == name);
            constants.iter().any(|c| c.target.name == name) || columns.iter().any(column)
        };
        if !filled("lang") {
            return Err(MapError::Lacks {
                key: "lang",
                example: "en",
            });
        }
        let constant_at = |place: &str, says: String| {
            let constant = constants.iter().find(|c| c.target.is_at(place));
            MapError::Constant {
                line: constant.map_or_else(|| self.line_with("[record]"), |c| c.line),
                key: constant.map_or_else(|| place.to_owned(), |c| c.target.name.clone()),
                says,
            }
        };
        // Constants are tried without the columns: whatever is wrong but for what is missing
        // would be wrong in every row.
        if let Err(error) = Content::from_json(kind, body.clone())
            && !error.says.starts_with("missing field")
        {
            return Err(constant_at(&error.place, error.says));
        }
        let by_column = columns
            .iter()
            .any(|c| c.target.as_ref().is_some_and(|t| t.envelope));
        let fields = match fields_of(kind, envelope.clone(), String::new(), None) {
            Ok(fields) => (!by_column).then_some(fields),
            Err(error) if by_column && error.says.starts_with("missing field") => None,
            Err(error) => return Err(constant_at(&error.place, error.says)),
        };
        Ok(Map {
            dialect,
            encoding,
            header: raw.file.header.unwrap_or(true),
            kind,
            title,
            summary,
            envelope,
            fields,
            body,
            columns,
        })
    }

    fn dialect(&self, file: &RawFile) -> Result<Dialect, MapError> {
        let delimiter = match &file.delimiter {
            None => b',',
            Some(text) => match text.as_ref().as_str() {
                "tab" => b'\t',
                other => one_byte(other).ok_or_else(|| MapError::File {
                    line: self.line(text),
                    key: "delimiter",
                    says: "must be one character, like \",\" \";\" or \"tab\"".into(),
                })?,
            },
        };
        let quote = match &file.quote {
            None => Some(b'"'),
            Some(text) if text.as_ref().is_empty() => None,
            Some(text) => Some(
                one_byte(text.as_ref())
                    .filter(|quote| *quote != delimiter)
                    .ok_or_else(|| MapError::File {
                        line: self.line(text),
                        key: "quote",
                        says: "must be one character other than the delimiter, or \"\" for none"
                            .into(),
                    })?,
            ),
        };
        Ok(Dialect { delimiter, quote })
    }

    fn kind(&self, value: Option<Spanned<toml::Value>>) -> Result<Kind, MapError> {
        let value = value.ok_or(MapError::Lacks {
            key: "kind",
            example: "trend",
        })?;
        let text = value.as_ref().as_str().unwrap_or_default();
        text.parse()
            .ok()
            .filter(|kind| is_importable(*kind))
            .ok_or_else(|| MapError::Kind {
                line: self.line(&value),
                kind: short(text),
            })
    }

    fn template(
        &self,
        key: &str,
        value: Option<Spanned<toml::Value>>,
    ) -> Result<Option<Template>, MapError> {
        let Some(value) = value else {
            return Ok(None);
        };
        let template = match value.as_ref().as_str() {
            Some(text) => Template::parse(text),
            None => Err("must be a text".into()),
        };
        template.map(Some).map_err(|says| MapError::Constant {
            line: self.line(&value),
            key: key.to_owned(),
            says,
        })
    }

    /// Reads a constant; a table is a dotted name.
    fn constants(
        &self,
        kind: Kind,
        name: &str,
        line: usize,
        value: &toml::Value,
        put: &mut impl FnMut(Target, usize, Value),
    ) -> Result<(), MapError> {
        if let toml::Value::Table(table) = value {
            return table.iter().try_for_each(|(key, value)| {
                self.constants(kind, &format!("{name}.{key}"), line, value, put)
            });
        }
        let target = self.target(kind, name, line)?;
        let wrong = |says: String| MapError::Constant {
            line,
            key: name.to_owned(),
            says,
        };
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => Ok(text.clone()),
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::Datetime(date) => Ok(date.to_string()),
            _ => Err(wrong("must be a text, a whole number or a date".into())),
        };
        let json = match value {
            toml::Value::Array(items) => {
                if target.shape != super::target::Shape::List {
                    return Err(wrong("takes one value, not a list".into()));
                }
                let items: Result<Vec<Value>, MapError> = items
                    .iter()
                    .map(|item| text(item).map(Value::from))
                    .collect();
                Value::Array(items?)
            }
            one => {
                let text = text(one)?;
                if name == "onward" {
                    onward(&text).map_err(wrong)?;
                }
                target.read(&text, &Form::default()).map_err(wrong)?
            }
        };
        put(target, line, json);
        Ok(())
    }

    fn target(&self, kind: Kind, name: &str, line: usize) -> Result<Target, MapError> {
        Target::of(kind, name).ok_or_else(|| MapError::Target {
            line,
            kind,
            name: short(name),
            allowed: Target::names(kind).join(", "),
        })
    }

    fn columns(
        &self,
        kind: Kind,
        raw: BTreeMap<String, Spanned<RawColumn>>,
        constants: &[Constant],
    ) -> Result<Vec<Column>, MapError> {
        if raw.len() > limits::COLUMNS {
            return Err(MapError::Columns { found: raw.len() });
        }
        let mut columns: Vec<Column> = Vec::with_capacity(raw.len());
        for (name, spec) in raw {
            let line = self.line(&spec);
            let spec = spec.into_inner();
            let to_line = self.line(&spec.to);
            let target = match spec.to.as_ref().as_str() {
                "ignore" => None,
                text @ ("title" | "summary") => {
                    return Err(MapError::Column {
                        line: to_line,
                        says: format!(
                            "write {text} = \"{{{name}}}\" under [record], and to = \"ignore\" here"
                        ),
                        column: name,
                    });
                }
                to => Some(self.target(kind, to, to_line)?),
            };
            if let Some(target) = &target {
                let same = |other: &Target| {
                    other.name == target.name || is_part(&other.name, &target.name)
                };
                let taken = constants.iter().any(|c| same(&c.target))
                    || columns.iter().any(|c| c.target.as_ref().is_some_and(same));
                if taken {
                    return Err(MapError::Twice {
                        line: to_line,
                        name: target.name.clone(),
                    });
                }
            }
            let form = spec.form().map_err(|says| MapError::Column {
                line,
                column: name.clone(),
                says,
            })?;
            columns.push(Column {
                name,
                target,
                form,
                codes: spec.codes,
                default: spec.default,
                required: spec.required,
            });
        }
        Ok(columns)
    }

    fn line<T>(&self, spanned: &Spanned<T>) -> usize {
        line_of(self.text, spanned.span().start)
    }

    /// The first line that holds this text.
    fn line_with(&self, text: &str) -> usize {
        self.text.find(text).map_or(1, |at| line_of(self.text, at))
    }
}

impl RawColumn {
    fn form(&self) -> Result<Form, String> {
        if self.codes.len() > limits::CODES {
            return Err(format!(
                "has {} codes; at most {} are read",
                self.codes.len(),
                limits::CODES
            ));
        }
        let multiply = self.multiply.unwrap_or(1);
        if !(1..=1_000_000).contains(&multiply) {
            return Err("multiply must lie between 1 and 1000000".into());
        }
        let point = if self.decimal_comma { ',' } else { '.' };
        if let Some(mark) = self.thousands
            && (mark == point || mark.is_ascii_digit())
        {
            return Err(format!(
                "thousands = \"{mark}\" is what this column has before the fraction; set decimal_comma, or another mark"
            ));
        }
        Ok(Form {
            date: DateForm::new(self.pattern.as_deref(), self.precision)?,
            number: NumberForm {
                decimal_comma: self.decimal_comma,
                thousands: self.thousands,
                multiply,
            },
            split: self.split,
        })
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

/// Whether one name is a part of the other: `period` and `period.from`.
fn is_part(one: &str, other: &str) -> bool {
    let part = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('.'));
    part(one, other) || part(other, one)
}

fn one_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
        _ => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        .saturating_add(1)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
