//! Small pieces of text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Foreign text made safe for a terminal: control characters (which could move the cursor or
/// change what stands there) and direction overrides are dropped, line ends become spaces.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// An RFC 3339 time as the reader's clock shows it: `2031-03-02 14:05`.
pub fn when(rfc3339: &str) -> String {
    when_in(rfc3339, TimeZone::system())
}

fn when_in(rfc3339: &str, zone: TimeZone) -> String {
    match rfc3339.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => clean(rfc3339),
    }
}

/// `1 record`, `2 records`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", comma(n), if n == 1 { one } else { many })
}

/// `1 row`, `2 rows`.
pub fn rows_word(n: u64) -> String {
    plural(n, "row", "rows")
}

/// A number with its thousands apart: `34,273`.
pub fn comma(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a, b and c`.
pub fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| clean(name)).collect();
    match names.split_last() {
        None => "nobody".into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The digits of a typed fingerprint; none if there are other characters than digits, blanks
/// and hyphens, or not exactly 30 digits.
pub fn fingerprint_digits(typed: &str) -> Option<String> {
    if !typed
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || c == '-')
    {
        return None;
    }
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    (digits.len() == 30).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}"), "a[2Jb cd");
    }

    #[test]
    fn times_and_numbers() {
        assert_eq!(
            when_in("2031-03-02T14:05:59.123Z", TimeZone::UTC),
            "2031-03-02 14:05"
        );
        assert_eq!(when_in("soon", TimeZone::UTC), "soon");
        assert_eq!(comma(0), "0");
        assert_eq!(comma(999), "999");
        assert_eq!(comma(34273), "34,273");
        assert_eq!(comma(1_234_567), "1,234,567");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn a_fingerprint_is_typed_in_whole() {
        let whole = "01234 56789 01234-56789 01234 56789";
        assert_eq!(
            fingerprint_digits(whole).as_deref(),
            Some("012345678901234567890123456789")
        );
        assert_eq!(fingerprint_digits("01234 56789"), None);
        assert_eq!(
            fingerprint_digits("01234 56789 01234 56789 01234 5678x"),
            None
        );
    }
}
