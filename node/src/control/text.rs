//! Texts that every answer shares.

use liaison_protocol::clock::Millis;

/// A time as RFC 3339, UTC.
pub fn rfc3339(at: Millis) -> String {
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(at)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}
