//! Files that people hand in: `FILE`, or `-` for standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::error::CommandError;
use crate::output::Ui;

/// The bytes of a file, or of standard input for `-`, up to `limit` bytes.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read(ui: &mut Ui, path: &Path, limit: u64) -> Result<Vec<u8>, CommandError> {
    let failed = |source| CommandError::File {
        what: "read",
        path: name(path),
        source,
    };
    let bytes = if path == Path::new("-") {
        ui.read_input(limit).map_err(failed)?
    } else {
        let mut bytes = Vec::new();
        let mut file = File::open(path)
            .map_err(failed)?
            .take(limit.saturating_add(1));
        file.read_to_end(&mut bytes).map_err(failed)?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    };
    bytes.ok_or_else(|| CommandError::TooLarge {
        path: name(path),
        limit,
    })
}

/// The same as text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(ui: &mut Ui, path: &Path, limit: u64) -> Result<String, CommandError> {
    let bytes = read(ui, path, limit)?;
    let bytes = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .map(<[u8]>::to_vec)
        .unwrap_or(bytes);
    String::from_utf8(bytes).map_err(|e| CommandError::Malformed {
        place: format!(
            "{}, byte {}",
            name(path).display(),
            e.utf8_error().valid_up_to()
        ),
        says: "this is not UTF-8 text".into(),
        remedy: "save it as UTF-8 and try again".into(),
    })
}

/// Drafts in a file: one JSON object, several (one a line, or a list), or one TOML table.
///
/// # Errors
/// It is none of them, with the place.
pub fn drafts(place: &str, text: &str) -> Result<Vec<Value>, CommandError> {
    if text.trim().is_empty() {
        return Err(CommandError::Malformed {
            place: place.to_owned(),
            says: "it is empty".into(),
            remedy: "`liaison record template KIND` prints a filled-in example".into(),
        });
    }
    if !looks_like_json(text) {
        return toml_value(place, text).map(|value| vec![value]);
    }
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value.map_err(|e| bad_json(place, &e))? {
            Value::Array(items) => found.extend(items),
            other => found.push(other),
        }
    }
    if let Some(at) = found.iter().position(|value| !value.is_object()) {
        return Err(CommandError::Malformed {
            place: place.to_owned(),
            says: format!("item {} is no JSON object", at + 1),
            remedy: "`liaison record template KIND` prints a filled-in example".into(),
        });
    }
    Ok(found)
}

/// TOML as JSON; dates become text.
///
/// # Errors
/// It is no TOML, with line and column.
pub fn toml_value(place: &str, text: &str) -> Result<Value, CommandError> {
    let table: toml::Table = toml::from_str(text).map_err(|e| {
        let line = e
            .span()
            .map(|span| format!(", line {}", line_of(text, span.start)));
        let line = line.unwrap_or_default();
        CommandError::Malformed {
            place: format!("{place}{line}"),
            says: format!("this is not TOML: {}", e.message()),
            remedy: "look at that line: quotes, brackets and commas".into(),
        }
    })?;
    Ok(json(toml::Value::Table(table)))
}

/// The line, from 1, at which a text stops being TOML.
pub fn toml_fault(text: &str) -> Option<usize> {
    let fault = toml::from_str::<toml::Table>(text).err()?;
    fault.span().map(|span| line_of(text, span.start))
}

/// The line, from 1, of a byte.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// A TOML value as JSON; dates become text.
pub fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(n) => Value::from(n),
        toml::Value::Float(n) => Value::from(n),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        toml::Value::Table(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, json(value)))
                .collect(),
        ),
    }
}

fn looks_like_json(text: &str) -> bool {
    match text.trim_start().as_bytes() {
        [b'{', ..] => true,
        // A TOML file may begin with a table's head, `[name]`; a JSON list holds objects.
        [b'[', rest @ ..] => matches!(
            rest.iter().find(|b| !b.is_ascii_whitespace()),
            Some(b'{' | b']')
        ),
        _ => false,
    }
}

fn bad_json(place: &str, error: &serde_json::Error) -> CommandError {
    CommandError::Malformed {
        place: format!("{place}, line {}, column {}", error.line(), error.column()),
        says: format!("this is not JSON: {error}"),
        remedy: "look at that line: quotes, brackets and commas".into(),
    }
}

fn name(path: &Path) -> std::path::PathBuf {
    if path == Path::new("-") {
        "standard input".into()
    } else {
        path.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_json_lines_lists_and_toml() {
        assert_eq!(drafts("f", "{\"a\":1}").expect("one").len(), 1);
        assert_eq!(
            drafts("f", "{\"a\":1}\n{\"a\":2}\n").expect("lines").len(),
            2
        );
        assert_eq!(drafts("f", "[{\"a\":1},{\"a\":2}]").expect("list").len(), 2);
        let toml = drafts("f", "[period]\nfrom = 2015-10-01\n").expect("toml");
        assert_eq!(
            toml,
            vec![serde_json::json!({"period": {"from": "2015-10-01"}})]
        );
    }

    #[test]
    fn faults_have_a_line() {
        let says = |text: &str| {
            drafts("f", text)
                .map(|_| ())
                .expect_err("a fault")
                .to_string()
        };
        assert!(
            says("a = 1\nb = \n").starts_with("f, line 2:"),
            "{}",
            says("a = 1\nb = \n")
        );
        assert!(
            says("{\"a\":1}\n{\"a\":}").starts_with("f, line 2, column"),
            "{}",
            says("{\"a\":1}\n{\"a\":}")
        );
        assert!(says("{\"a\":1} 7").contains("item 2"));
        assert!(says("  ").contains("empty"));
    }
}
