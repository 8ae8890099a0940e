//! Bytes of a file into text, by the encoding that its map names.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The text of a whole file, without its byte order mark. Bytes that the encoding doesn't
/// have become U+FFFD, by which the row that holds them is refused later on, while the
/// others go on.
///
/// # Errors
/// The encoding is not known by that name.
pub fn decode<'a>(bytes: &'a [u8], encoding: &str) -> Result<Cow<'a, str>, UnknownEncoding> {
    let encoding = Encoding::for_label(encoding.as_bytes()).ok_or_else(|| UnknownEncoding {
        name: encoding.chars().take(40).collect(),
    })?;
    Ok(encoding.decode_with_bom_removal(bytes).0)
}

/// Whether this is the name of an encoding (WHATWG Encoding Standard).
pub fn is_encoding(name: &str) -> bool {
    Encoding::for_label(name.as_bytes()).is_some()
}

/// An encoding's name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{name}' is not a known encoding; try utf-8, windows-1252 (Western Europe), windows-1250 (Central Europe) or utf-16le"
)]
pub struct UnknownEncoding {
    /// What was given, at most 40 characters.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_encoding_is_read_and_a_mark_is_dropped() {
        assert_eq!(
            decode(b"M\xfcnchen", "windows-1252").as_deref(),
            Ok("München")
        );
        assert_eq!(decode(b"\xef\xbb\xbfa", "utf-8").as_deref(), Ok("a"));
        assert_eq!(decode(b"\xff\xfea\0", "utf-16le").as_deref(), Ok("a"));
        assert_eq!(decode(b"M\xfcn", "utf-8").as_deref(), Ok("M\u{fffd}n"));
        assert!(decode(b"", "cp-nothing").is_err());
    }
}
