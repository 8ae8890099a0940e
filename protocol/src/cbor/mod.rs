//! Deterministic CBOR (RFC 8949 section 4.2.1), the only CBOR that a record or a message is
//! written in: shortest forms, definite lengths, text keys sorted bytewise, no floats, no
//! tags, no null.

use ciborium::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;

pub(crate) mod direct;

/// Why bytes are not deterministic CBOR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborFault {
    /// Bytes that begin no item.
    #[error("not CBOR (RFC 8949) from byte {at} on")]
    Syntax {
        /// Bytes from the beginning that could be read.
        at: usize,
    },
    /// The item does not end.
    #[error("cut short: the item does not end where its bytes end")]
    CutShort,
    /// Nested deeper than [`limits::CBOR_DEPTH`].
    #[error("nested deeper than {} levels", limits::CBOR_DEPTH)]
    TooDeep,
    /// Bytes after the end of the item.
    #[error("{count} bytes follow the end of the item")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// The same content has a shorter or differently ordered form.
    #[error(
        "from byte {at} on it is not in deterministic form (RFC 8949 section 4.2.1: shortest numbers and lengths, keys in order)"
    )]
    NotDeterministic {
        /// Bytes from the beginning that are as they should be.
        at: usize,
    },
    /// A float, tag, null or non-text key where none may stand.
    #[error(
        "{what} at {place}; records hold only maps with text keys, arrays, text, bytes, booleans and integers"
    )]
    Type {
        /// What was found.
        what: &'static str,
        /// Where, as a path.
        place: String,
    },
    /// A map with the same key twice.
    #[error("key '{key}' stands twice at {place}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where, as a path.
        place: String,
    },
    /// The content does not have the fields or codes that the schema asks for.
    #[error("{says}")]
    Shape {
        /// What the schema wants, as a sentence.
        says: String,
    },
}

/// Encodes a value deterministically.
///
/// # Errors
/// Content that has no deterministic form here: floats, tags, nulls, keys that are not text.
pub fn encode<T: Serialize>(content: &T) -> Result<Vec<u8>, CborFault> {
    let value = Value::serialized(content).map_err(|e| CborFault::Shape {
        says: e.to_string(),
    })?;
    encode_value(value)
}

/// Encodes a value tree deterministically.
///
/// # Errors
/// As [`encode`].
pub fn encode_value(mut value: Value) -> Result<Vec<u8>, CborFault> {
    sort(&mut value, &mut Place(Vec::new()))?;
    let mut out = Vec::new();
    ciborium::into_writer(&value, &mut out).map_err(|e| CborFault::Shape {
        says: e.to_string(),
    })?;
    Ok(out)
}

/// Decodes one item that must be in deterministic form and end where the bytes end.
///
/// # Errors
/// Every form of [`CborFault`] but [`CborFault::Shape`].
pub fn decode_value(bytes: &[u8]) -> Result<Value, CborFault> {
    let mut rest = bytes;
    let mut value: Value =
        ciborium::de::from_reader_with_recursion_limit(&mut rest, limits::CBOR_DEPTH)
            .map_err(|e| unreadable(&e))?;
    if !rest.is_empty() {
        return Err(CborFault::Trailing { count: rest.len() });
    }
    sort(&mut value, &mut Place(Vec::new()))?;
    let mut again = Comparer {
        expected: bytes,
        differs: None,
        written: 0,
    };
    ciborium::into_writer(&value, &mut again).map_err(|e| CborFault::Shape {
        says: e.to_string(),
    })?;
    match again.differs {
        Some(at) => Err(CborFault::NotDeterministic { at }),
        None if !again.expected.is_empty() => {
            Err(CborFault::NotDeterministic { at: again.written })
        }
        None => Ok(value),
    }
}

/// Decodes one item into a type.
///
/// # Errors
/// As [`decode_value`], and [`CborFault::Shape`] where the content is not of the type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CborFault> {
    decode_value(bytes)?
        .deserialized()
        .map_err(|e| CborFault::Shape {
            says: tidy(&e.to_string()),
        })
}

/// ciborium wraps a custom error's text in `Semantic(None, "…")`.
pub(crate) fn tidy(text: &str) -> String {
    text.trim_start_matches("Semantic(None, \"")
        .trim_start_matches("semantic error: ")
        .trim_end_matches("\")")
        .to_owned()
}

struct Place<'a>(Vec<Step<'a>>);

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "the top".to_owned();
        }
        let mut out = String::new();
        for step in &self.0 {
            match step {
                Step::Key(k) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(&crate::id::clip(k));
                }
                Step::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        out
    }
}

fn sort<'a>(value: &'a mut Value, place: &mut Place<'a>) -> Result<(), CborFault> {
    let bad = |what, place: &Place<'_>| CborFault::Type {
        what,
        place: place.text(),
    };
    match value {
        Value::Map(entries) => {
            // Shorter encodings of a text key sort first: its length stands before its bytes.
            if let Some((_, _)) = entries.iter().find(|(k, _)| !k.is_text()) {
                return Err(bad("a key that is not text", place));
            }
            entries.sort_by(|(a, _), (b, _)| {
                let (a, b) = (a.as_text().unwrap_or(""), b.as_text().unwrap_or(""));
                a.len()
                    .cmp(&b.len())
                    .then_with(|| a.as_bytes().cmp(b.as_bytes()))
            });
            if let Some(pair) = entries.windows(2).find(|w| w[0].0 == w[1].0) {
                let key = crate::id::clip(pair[0].0.as_text().unwrap_or(""));
                return Err(CborFault::DuplicateKey {
                    key,
                    place: place.text(),
                });
            }
            for (key, inner) in entries {
                if let Value::Text(key) = key {
                    place.0.push(Step::Key(key));
                }
                sort(inner, place)?;
                place.0.pop();
            }
            Ok(())
        }
        Value::Array(items) => {
            for (i, inner) in items.iter_mut().enumerate() {
                place.0.push(Step::Index(i));
                sort(inner, place)?;
                place.0.pop();
            }
            Ok(())
        }
        Value::Float(_) => Err(bad("a floating-point number", place)),
        Value::Tag(..) => Err(bad("a tag", place)),
        Value::Null => Err(bad("a null", place)),
        _ => Ok(()),
    }
}

/// Compares what is written with what is expected, without a second buffer.
struct Comparer<'a> {
    expected: &'a [u8],
    /// The first byte that is not as expected.
    differs: Option<usize>,
    written: usize,
}

impl ciborium_io::Write for &mut Comparer<'_> {
    type Error = std::convert::Infallible;

    fn write_all(&mut self, data: &[u8]) -> Result<(), Self::Error> {
        if self.differs.is_none() {
            match self.expected.strip_prefix(data) {
                Some(rest) => {
                    self.expected = rest;
                    self.written += data.len();
                }
                None => self.differs = Some(self.written + first_difference(self.expected, data)),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Why a reader gave up.
pub(crate) fn unreadable<E>(error: &ciborium::de::Error<E>) -> CborFault {
    use ciborium::de::Error;
    match error {
        Error::Io(_) => CborFault::CutShort,
        Error::Syntax(at) => CborFault::Syntax { at: *at },
        Error::Semantic(at, _) => CborFault::Syntax {
            at: at.unwrap_or_default(),
        },
        Error::RecursionLimitExceeded => CborFault::TooDeep,
    }
}

/// Bytes that two slices have in common at their beginning.
pub(crate) fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_disorder_is_refused() {
        let value = Value::Map(vec![
            (Value::from("bb"), Value::from(1)),
            (Value::from("c"), Value::from(2)),
        ]);
        let bytes = encode_value(value).expect("encodes");
        assert_eq!(bytes, b"\xA2\x61c\x02\x62bb\x01");
        assert_eq!(
            decode_value(b"\xA2\x62bb\x01\x61c\x02"),
            Err(CborFault::NotDeterministic { at: 1 })
        );
    }

    #[test]
    fn longer_forms_tails_floats_and_doubles_are_refused() {
        assert_eq!(
            decode_value(b"\x18\x01"),
            Err(CborFault::NotDeterministic { at: 0 })
        );
        assert_eq!(
            decode_value(b"\x01\x01"),
            Err(CborFault::Trailing { count: 1 })
        );
        assert_eq!(
            decode_value(b"\x9F\x01\xFF"),
            Err(CborFault::NotDeterministic { at: 0 })
        );
        assert!(matches!(
            decode_value(b"\xF9\x00\x00"),
            Err(CborFault::Type { .. })
        ));
        assert!(matches!(
            decode_value(b"\xA2\x61c\x02\x61c\x02"),
            Err(CborFault::DuplicateKey { .. })
        ));
        let deep = [b"\x81".repeat(200), b"\x00".to_vec()].concat();
        assert_eq!(decode_value(&deep), Err(CborFault::TooDeep));
    }
}
