//! Opening hours as cards state them: "24h", "Mo-Fr 08-16 CET", "Mo-Th 8:00-12:00 13:00-17:00,
//! Fr 8-12 UTC+1".
//!
//! A card is read by people first. What is understood here is understood for good (tested); of
//! anything else [`Hours::parse`] says what it is that it can't read, and nobody guesses.
//! Public holidays stand in no card.

use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

use crate::clock::Millis;
use crate::limits;

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

const DAY_MINUTES: u16 = 24 * 60;

/// Zones that people name by letters, with their rule (POSIX). Who writes CET means the time
/// on the wall there, in summer as well.
const ZONES: &[(&[&str], &str)] = &[
    (&["utc", "gmt", "z"], "UTC0"),
    (&["wet", "west"], "WET0WEST,M3.5.0/1,M10.5.0"),
    (&["bst"], "GMT0BST,M3.5.0/1,M10.5.0"),
    (
        &["cet", "cest", "mez", "mesz"],
        "CET-1CEST,M3.5.0,M10.5.0/3",
    ),
    (&["eet", "eest"], "EET-2EEST,M3.5.0/3,M10.5.0/4"),
    (&["trt"], "TRT-3"),
    (&["msk"], "MSK-3"),
];

/// When a place is open, week after week.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours(Option<Week>);

#[derive(Clone, Debug, PartialEq)]
struct Week {
    zone: TimeZone,
    spans: Vec<DaySpan>,
}

/// Minutes of a day; `to` at or before `from` ends on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DaySpan {
    day: Weekday,
    from: u16,
    to: u16,
}

/// Whether a place is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Day and night.
    Always,
    /// Now, and until then.
    Open {
        /// When it closes.
        until: Millis,
    },
    /// Not now.
    Closed {
        /// When it opens.
        opens: Millis,
    },
}

/// Why hours are not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoursFault {
    /// There are no times in it.
    #[error("says no times")]
    NoTimes,
    /// Nobody can tell whose eight o'clock it is.
    #[error("names no time zone")]
    NoZone,
    /// A part that is neither days, nor times, nor a zone.
    #[error("has '{0}', which is neither days, nor times, nor a time zone")]
    Unknown(String),
    /// Longer than a card's field, or more spans than [`limits::HOURS_SPANS`].
    #[error("is too long")]
    TooLong,
}

impl Hours {
    /// Reads what a card says.
    ///
    /// # Errors
    /// [`HoursFault`], which completes "its hours …".
    pub fn parse(text: &str) -> Result<Self, HoursFault> {
        if text.chars().count() > limits::NAME_CHARS {
            return Err(HoursFault::TooLong);
        }
        let text = text
            .to_lowercase()
            .replace(['\u{2013}', '\u{2014}'], "-")
            .replace("24 h", "24h")
            .replace("day and night", "24h")
            .replace("around the clock", "24h");
        let words = glue(&text);
        if !words.is_empty() && words.iter().all(|word| is_always(word)) {
            return Ok(Self(None));
        }
        let mut days: Vec<Weekday> = Vec::new();
        // Whether the days are complete: a day that follows times begins another list.
        let mut timed = true;
        let mut spans = Vec::new();
        let mut zone = None;
        for word in words {
            if let Some(more) = days_of(&word) {
                if timed {
                    days.clear();
                    timed = false;
                }
                days.extend(more);
            } else if let Some((from, to)) = times_of(&word) {
                if days.is_empty() {
                    days.extend(Weekday::Monday.cycle_forward().take(7));
                }
                timed = true;
                if spans.len() + days.len() > limits::HOURS_SPANS {
                    return Err(HoursFault::TooLong);
                }
                spans.extend(days.iter().map(|day| DaySpan {
                    day: *day,
                    from,
                    to,
                }));
            } else if let Some(named) = zone_of(&word) {
                zone = Some(named);
            } else {
                return Err(HoursFault::Unknown(crate::id::clip(&word)));
            }
        }
        if spans.is_empty() || !timed {
            return Err(HoursFault::NoTimes);
        }
        let zone = zone.ok_or(HoursFault::NoZone)?;
        Ok(Self(Some(Week { zone, spans })))
    }

    /// Whether it is open at `now`, and when that changes.
    pub fn at(&self, now: Millis) -> Opening {
        match &self.0 {
            None => Opening::Always,
            Some(week) => week.at(now),
        }
    }
}

impl Opening {
    /// Whether it is open.
    pub const fn is_open(self) -> bool {
        !matches!(self, Opening::Closed { .. })
    }

    /// When it opens; `now` if it is open.
    pub const fn opens_at(self, now: Millis) -> Millis {
        match self {
            Opening::Closed { opens } => opens,
            Opening::Always | Opening::Open { .. } => now,
        }
    }
}

impl Week {
    fn at(&self, now: Millis) -> Opening {
        // A time that no calendar holds has no weekday; nothing of ours is there.
        let Some(at) = i64::try_from(now.0)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        else {
            return Opening::Closed {
                opens: Millis(u64::MAX),
            };
        };
        let today = self.zone.to_datetime(at).date();
        let mut open: Vec<(u64, u64)> = (-1..=8)
            .filter_map(|offset| today.checked_add(Span::new().days(offset)).ok())
            .flat_map(|date| self.on(date))
            .collect();
        open.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(open.len());
        for (from, to) in open {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        for (from, to) in merged {
            if now.0 < from {
                return Opening::Closed {
                    opens: Millis(from),
                };
            }
            if now.0 < to {
                // Open for the whole week that was looked at: it never closes.
                let week = 7 * 24 * 60 * 60 * 1000;
                return if to - now.0 >= week {
                    Opening::Always
                } else {
                    Opening::Open { until: Millis(to) }
                };
            }
        }
        Opening::Closed {
            opens: Millis(u64::MAX),
        }
    }

    /// When it is open on the spans that begin on a day, in milliseconds.
    fn on(&self, date: Date) -> impl Iterator<Item = (u64, u64)> {
        self.spans
            .iter()
            .filter(move |span| span.day == date.weekday())
            .filter_map(move |span| {
                let next = span.to <= span.from;
                let end = if next { date.tomorrow().ok()? } else { date };
                Some((self.instant(date, span.from)?, self.instant(end, span.to)?))
            })
    }

    fn instant(&self, date: Date, minutes: u16) -> Option<u64> {
        let (date, minutes) = if minutes >= DAY_MINUTES {
            (date.tomorrow().ok()?, minutes - DAY_MINUTES)
        } else {
            (date, minutes)
        };
        let hour = i8::try_from(minutes / 60).ok()?;
        let minute = i8::try_from(minutes % 60).ok()?;
        let at = self.zone.to_timestamp(date.at(hour, minute, 0, 0)).ok()?;
        u64::try_from(at.as_millisecond()).ok()
    }
}

/// Words, with blanks around hyphens taken out.
fn glue(text: &str) -> Vec<String> {
    let mut tight = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        // An offset that follows times ("10-14 -03:30") stands by itself.
        let last = tight.rsplit(' ').next().unwrap_or_default();
        let joins = last.ends_with('-') || (word.starts_with('-') && !last.contains('-'));
        if !joins && !tight.is_empty() {
            tight.push(' ');
        }
        tight.push_str(word);
    }
    tight
        .split([' ', ',', ';', '(', ')'])
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_end_matches(':').to_owned())
        .collect()
}

fn is_always(word: &str) -> bool {
    matches!(word, "24h" | "24/7" | "24h/7d" | "always" | "7/24")
}

fn days_of(word: &str) -> Option<Vec<Weekday>> {
    if matches!(word, "daily" | "mo-su") {
        return Some(Weekday::Monday.cycle_forward().take(7).collect());
    }
    let Some((from, to)) = word.split_once('-') else {
        return day_of(word).map(|day| vec![day]);
    };
    let (from, to) = (day_of(from)?, day_of(to)?);
    let count = usize::try_from(from.until(to)).ok()?.checked_add(1)?;
    Some(from.cycle_forward().take(count).collect())
}

/// A day by its name, or two letters or more of it.
fn day_of(word: &str) -> Option<Weekday> {
    let word = word.trim_end_matches('.');
    let at = DAYS
        .iter()
        .position(|day| word.len() >= 2 && day.starts_with(word))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

fn times_of(word: &str) -> Option<(u16, u16)> {
    if is_always(word) {
        return Some((0, DAY_MINUTES));
    }
    let (from, to) = word.split_once('-')?;
    let (from, to) = (minutes_of(from)?, minutes_of(to)?);
    (from < DAY_MINUTES).then_some((from, to))
}

/// `8`, `08`, `08:30`, `08.30`, `0830`, `8h`, `24`.
fn minutes_of(text: &str) -> Option<u16> {
    let text = text.strip_suffix('h').unwrap_or(text);
    let (hours, minutes) = match text.split_once([':', '.', 'h']) {
        Some(parts) => parts,
        None if text.len() == 4 && text.is_ascii() => text.split_at(2),
        None => (text, "0"),
    };
    let digits = |s: &str| (1..=2).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY_MINUTES).then_some(all)
}

/// `CET`, `UTC+2`, `GMT-03:30`, `+02:00`.
fn zone_of(word: &str) -> Option<TimeZone> {
    if let Some((_, rule)) = ZONES.iter().find(|(names, _)| names.contains(&word)) {
        return TimeZone::posix(rule).ok();
    }
    let signed = word
        .strip_prefix("utc")
        .or_else(|| word.strip_prefix("gmt"))
        .unwrap_or(word);
    let (sign, rest) = match signed.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let minutes = i32::from(minutes_of(rest)?);
    // UTC+14 is as far as it goes.
    if minutes > 14 * 60 {
        return None;
    }
    Offset::from_seconds(sign * minutes * 60)
        .ok()
        .map(TimeZone::fixed)
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Opening::Always => "open day and night",
            Opening::Open { .. } => "open now",
            Opening::Closed { .. } => "closed now",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rfc3339: &str) -> Millis {
        let at: Timestamp = rfc3339.parse().expect("a time");
        Millis(u64::try_from(at.as_millisecond()).expect("after 1970"))
    }

    fn opening(hours: &str, now: &str) -> Opening {
        Hours::parse(hours)
            .unwrap_or_else(|e| panic!("'{hours}' {e}"))
            .at(at(now))
    }

    #[test]
    fn day_and_night_is_always_open_and_needs_no_zone() {
        for text in [
            "24h",
            "24/7",
            "24 h",
            "24H",
            "day and night",
            "always",
            "daily 24h CET",
        ] {
            assert_eq!(
                opening(text, "2031-03-02T03:00:00Z"),
                Opening::Always,
                "{text}"
            );
        }
    }

    #[test]
    fn a_weeks_hours_open_and_close_by_the_wall_clock_there() {
        // 2031-03-03 is a Monday; CET is UTC+1 in winter.
        let text = "Mo-Fr 08-16 CET";
        for (now, then) in [
            (
                "2031-03-03T06:59:59Z",
                Opening::Closed {
                    opens: at("2031-03-03T07:00:00Z"),
                },
            ),
            (
                "2031-03-03T07:00:00Z",
                Opening::Open {
                    until: at("2031-03-03T15:00:00Z"),
                },
            ),
            (
                "2031-03-03T15:00:00Z",
                Opening::Closed {
                    opens: at("2031-03-04T07:00:00Z"),
                },
            ),
            (
                "2031-03-07T20:00:00Z",
                Opening::Closed {
                    opens: at("2031-03-10T07:00:00Z"),
                },
            ),
            // Summer: two hours ahead.
            (
                "2031-07-07T06:00:00Z",
                Opening::Open {
                    until: at("2031-07-07T14:00:00Z"),
                },
            ),
            // The weekend in which the clocks change.
            (
                "2031-03-28T16:00:00Z",
                Opening::Closed {
                    opens: at("2031-03-31T06:00:00Z"),
                },
            ),
        ] {
            assert_eq!(opening(text, now), then, "{now}");
        }
    }

    #[test]
    fn hours_are_written_in_many_ways() {
        let monday_noon = "2031-03-03T12:00:00Z";
        for (text, open) in [
            ("Mon-Fri 8:00-16:30 UTC", true),
            ("mo - fr 08.00 \u{2013} 16.00 UTC", true),
            ("Monday, Wednesday 0800-1600 gmt", true),
            ("Tue, Thu 08-16 UTC", false),
            ("08-11 13-17 UTC", false),
            ("daily 22-06 UTC", false),
            ("daily 9-24 UTC+2", true),
            ("Mo-Th 08-12, Fr 08-14 UTC", false),
            ("Sa-Mo 8h-13h UTC", true),
            ("Fr-Mo 10-14 -03:30", false),
            ("Fr-Mo 8-14 UTC -3", true),
        ] {
            assert_eq!(opening(text, monday_noon).is_open(), open, "{text}");
        }
    }

    #[test]
    fn a_night_goes_over_midnight() {
        let text = "Fr 22-06 UTC";
        assert_eq!(
            opening(text, "2031-03-08T05:00:00Z"),
            Opening::Open {
                until: at("2031-03-08T06:00:00Z")
            }
        );
        assert!(!opening(text, "2031-03-08T22:30:00Z").is_open());
        // Two spans that meet are one.
        assert_eq!(
            opening("Fr 20-24, Sa 0-4 UTC", "2031-03-07T21:00:00Z"),
            Opening::Open {
                until: at("2031-03-08T04:00:00Z")
            }
        );
        assert_eq!(
            opening("Mo-Su 00-24 CET", "2031-03-08T05:00:00Z"),
            Opening::Always
        );
        assert_eq!(
            opening("daily 8-8 CET", "2031-03-08T05:00:00Z"),
            Opening::Always
        );
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, fault) in [
            ("", HoursFault::NoTimes),
            ("Mo-Fr CET", HoursFault::NoTimes),
            ("Mo-Fr 08-16", HoursFault::NoZone),
            ("Mo-Fr 08-16, Sa CET", HoursFault::NoTimes),
            ("office hours", HoursFault::Unknown("office".into())),
            ("Mo-Fr 08-25 CET", HoursFault::Unknown("08-25".into())),
            ("Mo-Fr 24-08 CET", HoursFault::Unknown("24-08".into())),
            (
                "Mo-Fr 8-16 Narova time",
                HoursFault::Unknown("narova".into()),
            ),
            ("8-16 UTC+15", HoursFault::Unknown("utc+15".into())),
        ] {
            assert_eq!(Hours::parse(text), Err(fault), "{text}");
        }
        assert_eq!(Hours::parse(&"8-9 ".repeat(60)), Err(HoursFault::TooLong));
        assert_eq!(Hours::parse(&"8-9 ".repeat(29)), Err(HoursFault::TooLong));
        assert!(Hours::parse("\u{e9}\u{e9}-\u{e9} +\u{e9}").is_err());
    }

    #[test]
    fn no_time_is_beyond_it() {
        let hours = Hours::parse("Mo-Fr 08-16 CET").expect("hours");
        for now in [0, 1, u64::MAX, i64::MAX as u64, 253_402_207_200_000] {
            let _ = hours.at(Millis(now));
        }
    }
}
