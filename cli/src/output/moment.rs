//! Moments as somebody under pressure reads them: the wall clock here, and how long that is.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::clean;

/// `by 04:10 CET, in 55 min`; once it has passed `was due 04:10 CET, 20 min ago`. `at` is
/// RFC 3339, `left` the milliseconds until then by the node's clock, which is not always this
/// program's. A text that is no time is shown as it is.
pub fn due(at: &str, left: i64) -> String {
    let now = at
        .parse::<Timestamp>()
        .ok()
        .and_then(|at| at.checked_sub(SignedDuration::from_millis(left)).ok());
    match now {
        Some(now) => due_in(at, &now.to_string(), TimeZone::system()),
        None => clean(at),
    }
}

/// `04:10 CET, in 55 min`, `04:10 CET, 20 min ago`.
pub fn moment(at: &str, now: &str) -> String {
    match read(at, now) {
        Some((at, now)) => words(at, now, TimeZone::system()),
        None => clean(at),
    }
}

/// `04:10 CET`, with the day where that is another one: for lists of what happened.
pub fn clock(at: &str, now: &str) -> String {
    match read(at, now) {
        Some((at, now)) => face(at, now, TimeZone::system()),
        None => clean(at),
    }
}

fn due_in(at: &str, now: &str, zone: TimeZone) -> String {
    match read(at, now) {
        Some((at, now)) if at < now => format!("was due {}", words(at, now, zone)),
        Some((at, now)) => format!("by {}", words(at, now, zone)),
        None => clean(at),
    }
}

fn read(at: &str, now: &str) -> Option<(Timestamp, Timestamp)> {
    Some((at.parse().ok()?, now.parse().ok()?))
}

fn face(at: Timestamp, now: Timestamp, zone: TimeZone) -> String {
    let (there, here) = (at.to_zoned(zone.clone()), now.to_zoned(zone));
    let format = if there.date() == here.date() {
        "%H:%M %Z"
    } else if there.year() == here.year() {
        "%a %-d %b %H:%M %Z"
    } else {
        "%-d %b %Y %H:%M %Z"
    };
    there.strftime(format).to_string()
}

fn words(at: Timestamp, now: Timestamp, zone: TimeZone) -> String {
    let clock = face(at, now, zone);
    // Full minutes; what is left of one that has begun is not promised.
    let minutes = at.duration_since(now).as_secs() / 60;
    match minutes {
        0 if at >= now => format!("{clock}, now"),
        0 => format!("{clock}, just now"),
        1.. => format!("{clock}, in {}", span(minutes.unsigned_abs())),
        _ => format!("{clock}, {} ago", span(minutes.unsigned_abs())),
    }
}

/// `55 min`, `3 h 20 min`, `5 d`.
fn span(minutes: u64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours @ 1..48, 0) => format!("{hours} h"),
        (hours @ 1..48, minutes) => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} d", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_clock_time_and_what_is_left_of_it() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let now = "2031-03-02T02:15:00Z";
        for (at, words) in [
            ("2031-03-02T03:10:00Z", "by 04:10 CET, in 55 min"),
            ("2031-03-02T03:10:59Z", "by 04:10 CET, in 55 min"),
            ("2031-03-02T02:15:30Z", "by 03:15 CET, now"),
            ("2031-03-02T05:35:00Z", "by 06:35 CET, in 3 h 20 min"),
            ("2031-03-03T02:15:00Z", "by Mon 3 Mar 03:15 CET, in 24 h"),
            ("2031-04-01T02:15:00Z", "by Tue 1 Apr 04:15 CEST, in 30 d"),
            ("2032-03-02T02:15:00Z", "by 2 Mar 2032 03:15 CET, in 366 d"),
            ("2031-03-02T01:55:00Z", "was due 02:55 CET, 20 min ago"),
            ("2031-03-02T02:14:30Z", "was due 03:14 CET, just now"),
            ("soon\u{1b}", "soon"),
        ] {
            assert_eq!(due_in(at, now, zone.clone()), words);
        }
    }
}
