//! Rows of a table into records, under a map.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader};
use liaison_protocol::record::check::limits_of;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::draft::Defaults;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use serde_json::Value;

use super::cut::{Cut, Cuts, Dialect, cut};
use super::limits;
use super::map::{Column, Map, fields_of, onward};

/// A map together with the header of its file.
#[derive(Clone, Debug)]
pub struct Bound<'m> {
    map: &'m Map,
    /// The place of each of the map's columns in the file.
    places: Vec<usize>,
    /// Columns of the file.
    width: usize,
    /// When the author looks at a record again, if the map doesn't say.
    review: Option<Date>,
    /// When a record stops being released, if neither map nor content say.
    end: Option<Date>,
}

/// One row as a record, not yet anybody's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Line of the file in which it begins, from 1.
    pub line: u64,
    /// Its envelope.
    pub fields: Fields,
    /// What it says.
    pub content: Content,
}

/// A row that is not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {says}", .column.as_ref().map(|c| format!(", column '{c}'")).unwrap_or_default())]
pub struct RowError {
    /// Line of the file in which it begins, from 1.
    pub line: u64,
    /// The column at fault, if it is one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub says: String,
}

/// Why a map does not fit a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The map names a column that the file lacks.
    #[error(
        "the file has no column '{column}', which the map wants; it has: {has}. Change the map, or its delimiter or encoding"
    )]
    Missing {
        /// The column.
        column: String,
        /// The file's columns.
        has: String,
    },
    /// The file has a column that the map doesn't name.
    #[error(
        "the file's column '{column}' is not in the map; add [columns.\"{column}\"] with to = \"ignore\", or the field that it fills"
    )]
    Unmapped {
        /// The column.
        column: String,
    },
    /// The file has a column twice.
    #[error("the file has two columns '{column}'; rename one of them")]
    Twice {
        /// The column.
        column: String,
    },
    /// The header is not a row.
    #[error("the file's header cannot be read: {says}")]
    Broken {
        /// What is wrong.
        says: String,
    },
}

impl Map {
    /// Binds the map to a file by its header row; without headers, by any row of the file.
    /// `today` is the day of signing, from which retention counts.
    ///
    /// # Errors
    /// [`HeaderError`]: columns of map and file differ.
    pub fn bind(&self, header: &str, today: Date) -> Result<Bound<'_>, HeaderError> {
        let names = self.names(header)?;
        let mut places = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let mut found = names.iter().enumerate().filter(|(_, n)| **n == column.name);
            match (found.next(), found.next()) {
                (Some((at, _)), None) => places.push(at),
                (Some(_), Some(_)) => {
                    return Err(HeaderError::Twice {
                        column: column.name.clone(),
                    });
                }
                (None, _) => {
                    let mut has = names.join(", ");
                    if has.chars().count() > 500 {
                        has = has.chars().take(500).collect::<String>() + "…";
                    }
                    return Err(HeaderError::Missing {
                        column: column.name.clone(),
                        has,
                    });
                }
            }
        }
        let known = |name: &&String| self.columns.iter().any(|c| c.name == **name);
        if let Some(column) = names.iter().find(|name| !known(name)) {
            return Err(HeaderError::Unmapped {
                column: column.clone(),
            });
        }
        let defaults = Defaults::of(self.kind);
        let later = |months: Option<u16>| months.map(|months| today.add_months(months));
        Ok(Bound {
            map: self,
            places,
            width: names.len(),
            review: later(defaults.review_months),
            end: later(defaults.keep_months),
        })
    }

    fn names(&self, header: &str) -> Result<Vec<String>, HeaderError> {
        let broken = |says: String| HeaderError::Broken { says };
        if header.len() > limits::HEADER_BYTES {
            return Err(broken(format!(
                "it has {} bytes; at most {} are read",
                header.len(),
                limits::HEADER_BYTES
            )));
        }
        let row = cut(header, self.dialect, 1)
            .next()
            .ok_or_else(|| broken("it is empty".into()))?;
        let mut splitter = Splitter::new(self.dialect);
        let names = splitter.split(&row).map_err(broken)?;
        if names.len() > limits::COLUMNS {
            return Err(broken(format!(
                "it has {} columns; at most {} are read",
                names.len(),
                limits::COLUMNS
            )));
        }
        Ok(if self.header {
            names.iter().map(|name| name.trim().to_owned()).collect()
        } else {
            (1..=names.len()).map(|at| at.to_string()).collect()
        })
    }
}

impl<'m> Bound<'m> {
    /// Maps the rows of a piece of the file, whose first byte stands in `first_line`. Gives
    /// one result a row: a bad row does not stop the others. The checks that bind an author
    /// (thresholds, personal data, differences) are the caller's.
    ///
    /// # Errors
    /// The piece is over [`limits::PIECE_BYTES`].
    pub fn rows<'t>(&'t self, piece: &'t str, first_line: u64) -> Result<Rows<'t>, PieceTooLarge> {
        if piece.len() > limits::PIECE_BYTES {
            return Err(PieceTooLarge { found: piece.len() });
        }
        Ok(Rows {
            bound: self,
            cuts: cut(piece, self.map.dialect, first_line),
            splitter: Splitter::new(self.map.dialect),
        })
    }

    fn row(&self, row: &Cut<'_>, splitter: &mut Splitter) -> Result<Row, RowError> {
        let line = row.line;
        let wrong = |column: Option<&Column>, says: String| RowError {
            line,
            column: column.map(|c| c.name.clone()),
            says,
        };
        let values = splitter.split(row).map_err(|says| wrong(None, says))?;
        if values.len() != self.width {
            return Err(wrong(
                None,
                format!(
                    "has {} fields, and the header has {}; quote a field that holds the delimiter",
                    values.len(),
                    self.width
                ),
            ));
        }
        let map = self.map;
        let raw = |at: usize| {
            let place = self.places.get(at).copied().unwrap_or(usize::MAX);
            values.get(place).unwrap_or_default().trim()
        };
        let mut body = map.body.clone();
        let mut envelope = map.fields.is_none().then(|| map.envelope.clone());
        for (at, column) in map.columns.iter().enumerate() {
            let Some(target) = &column.target else {
                continue;
            };
            let text = raw(at);
            if let Some(says) = unreadable(text, &map.encoding) {
                return Err(wrong(Some(column), says));
            }
            let text = match (text.is_empty(), &column.default) {
                (false, _) => column.codes.get(text).map_or(text, String::as_str),
                (true, Some(default)) => default,
                // Some tables have a code for an empty field.
                (true, None) => match column.codes.get("") {
                    Some(code) => code,
                    None if column.required => {
                        return Err(wrong(
                            Some(column),
                            "is empty; fill it in, or set default or required = false in the map"
                                .into(),
                        ));
                    }
                    None => continue,
                },
            };
            if target.name == "onward" {
                onward(text).map_err(|says| wrong(Some(column), says))?;
            }
            let value = target
                .read(&lines(text), &column.form)
                .map_err(|says| wrong(Some(column), says))?;
            match (&mut envelope, target.envelope) {
                (Some(envelope), true) => target.put(envelope, value),
                _ => target.put(&mut body, value),
            }
        }
        let blame = |place: &str, says: String| {
            let at = |c: &&Column| c.target.as_ref().is_some_and(|t| t.is_at(place));
            match map.columns.iter().find(at) {
                Some(column) => wrong(Some(column), says),
                None => match says.strip_prefix("missing field ") {
                    Some(field) => wrong(
                        None,
                        format!(
                            "nothing gives {field}: set it under [record] in the map, or let a column be it (to = ...)"
                        ),
                    ),
                    None => wrong(None, format!("{place}: {says}")),
                },
            }
        };
        let content = Content::from_json(map.kind, body).map_err(|e| blame(&e.place, e.says))?;
        let shown = |name: &str| match map.columns.iter().position(|c| c.name == name) {
            Some(at) => match (raw(at), map.columns.get(at)) {
                ("", Some(column)) => column.default.as_deref().unwrap_or_default(),
                (text, _) => text,
            },
            None => "",
        };
        // A title is one line, and every line of a text ends alike.
        let title = map.title.fill(shown);
        let title = title.replace(['\r', '\n', '\t'], " ");
        let summary = map
            .summary
            .as_ref()
            .map(|s| lines(&s.fill(shown)).into_owned())
            .filter(|s| !s.trim().is_empty());
        for text in std::iter::once(&title).chain(&summary) {
            if let Some(says) = unreadable(text, &map.encoding) {
                return Err(wrong(None, says));
            }
        }
        let mut fields = match (&map.fields, envelope) {
            (Some(fields), _) => Fields {
                title,
                summary,
                ..fields.clone()
            },
            (None, envelope) => {
                fields_of(map.kind, envelope.unwrap_or(Value::Null), title, summary)
                    .map_err(|e| blame(&e.place, e.says))?
            }
        };
        fields.expires = fields.expires.or(match &content {
            Content::Service(service) => Some(service.valid_until),
            _ => self.end,
        });
        // A default never contradicts what the map says.
        let review = self
            .review
            .filter(|day| fields.expires.is_none_or(|end| *day <= end));
        fields.review_by = fields.review_by.or(review);
        limits_of(&fields, &content).map_err(|finding| wrong(None, finding.to_string()))?;
        Ok(Row {
            line,
            fields,
            content,
        })
    }
}

/// A piece over [`limits::PIECE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a piece of {found} bytes is too large; at most {} are mapped at once",
    limits::PIECE_BYTES
)]
pub struct PieceTooLarge {
    /// Bytes given.
    pub found: usize,
}

/// The rows of a piece as records, one result a row.
#[derive(Debug)]
pub struct Rows<'t> {
    bound: &'t Bound<'t>,
    cuts: Cuts<'t>,
    splitter: Splitter,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.cuts.next()?;
        Some(self.bound.row(&row, &mut self.splitter))
    }
}

/// A text whose lines end alike.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What keeps a text from being one that its author wrote.
fn unreadable(text: &str, encoding: &str) -> Option<String> {
    let bad = text
        .chars()
        .find(|c| *c == '\u{fffd}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t')))?;
    Some(if bad == '\u{fffd}' {
        format!("holds bytes that are not {encoding}; set the right encoding in the map's [file]")
    } else {
        format!(
            "holds the control character U+{:04X}; is {encoding} the right encoding?",
            u32::from(bad)
        )
    })
}

/// Splits rows into fields with the csv crate's own state machine; its buffers are used again.
#[derive(Debug)]
pub(super) struct Splitter {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    out: String,
}

/// The fields of one row.
pub(super) struct Values<'s> {
    text: &'s str,
    ends: &'s [usize],
}

impl<'s> Values<'s> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&'s str> {
        let from = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(from..*self.ends.get(at)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'s str> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl Splitter {
    pub(super) fn new(dialect: Dialect) -> Self {
        let mut builder = csv_core::ReaderBuilder::new();
        builder.delimiter(dialect.delimiter);
        match dialect.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        Self {
            reader: builder.build(),
            text: vec![0; 512],
            ends: vec![0; 32],
            out: String::new(),
        }
    }

    /// Splits one row. The error says what is wrong with it.
    pub(super) fn split(&mut self, row: &Cut<'_>) -> Result<Values<'_>, String> {
        if row.open_quote {
            return Err("a quote is opened and never closed; close it, or double it".into());
        }
        if row.text.len() > limits::ROW_BYTES {
            return Err(format!(
                "has {} bytes; at most {} are read in a row",
                row.text.len(),
                limits::ROW_BYTES
            ));
        }
        self.reader.reset();
        let (mut input, mut text, mut ends) = (row.text.as_bytes(), 0_usize, 0_usize);
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                input,
                self.text.get_mut(text..).unwrap_or_default(),
                self.ends.get_mut(ends..).unwrap_or_default(),
            );
            input = input.get(read..).unwrap_or_default();
            text = text.saturating_add(written);
            ends = ends.saturating_add(ended);
            match result {
                // Given again with nothing left, it knows that this was the end.
                ReadRecordResult::InputEmpty => {}
                // A row has a bound, and so have the buffers.
                ReadRecordResult::OutputFull => {
                    self.text.resize(self.text.len().saturating_mul(2), 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends.resize(self.ends.len().saturating_mul(2), 0);
                }
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.out.clear();
        match std::str::from_utf8(self.text.get(..text).unwrap_or_default()) {
            Ok(text) => self.out.push_str(text),
            Err(_) => return Err("is not text; set the right encoding in the map's [file]".into()),
        }
        let ends = self.ends.get(..ends).unwrap_or_default();
        let mut from = 0_usize;
        for (at, end) in ends.iter().enumerate() {
            if end.saturating_sub(from) > limits::FIELD_BYTES {
                return Err(format!(
                    "field {} has {} bytes; at most {} are read in a field",
                    at.saturating_add(1),
                    end.saturating_sub(from),
                    limits::FIELD_BYTES
                ));
            }
            from = *end;
        }
        Ok(Values {
            text: &self.out,
            ends,
        })
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
