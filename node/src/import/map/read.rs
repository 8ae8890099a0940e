//! A map's TOML, read and checked line by line.

use std::collections::{BTreeMap, HashMap};

use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::kinds::Content;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::super::cut::Dialect;
use super::super::limits;
use super::super::number::NumberForm;
use super::super::target::{Form, Shape, Target, is_importable};
use super::super::template::Template;
use super::super::text::is_encoding;
use super::super::when::{DateForm, Precision};
use super::{Column, Map, MapError, fields_of, onward, short};

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
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

/// Reads a map out of its TOML; the text is kept to find lines in.
pub(super) struct Reader<'a> {
    pub text: &'a str,
}

impl Reader<'_> {
    pub(super) fn map(&self, raw: Raw) -> Result<Map, MapError> {
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
                if target.shape != Shape::List {
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

/// The line, from 1, of a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        .saturating_add(1)
}
