//! Spans of days, times and counts, as people type them.

use liaison_protocol::clock::Millis;
use liaison_protocol::record::date::{Date, Month};

use super::document::day;
use super::query::Span;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

const WANTED: &str = "today, yesterday, a number of days or weeks back (7d, 2w), a year, month or \
                      day (2031, 2031-03, 2031-03-14), or a range of these (2031-01..2031-03, 2030..)";

/// What stands at one end of a range.
enum Point {
    /// Whole days, both included.
    Days(Date, Date),
    /// So many milliseconds ago.
    Ago(u64),
}

/// Days that a period may overlap, in days since 1970-01-01.
pub(super) fn days(text: &str, now: Millis) -> Result<Span<i64>, String> {
    if text == "*" {
        return Ok(Span {
            from: Some(i64::MIN),
            to: None,
        });
    }
    let today = Date::from_millis(now);
    let ago = |ms: u64| day(Date::from_millis(Millis(now.0.saturating_sub(ms))));
    span(
        text,
        now,
        |point| match point {
            Point::Days(first, _) => day(*first),
            Point::Ago(ms) => ago(*ms),
        },
        |point| match point {
            Point::Days(_, last) => day(*last),
            Point::Ago(ms) => ago(*ms),
        },
        Some(day(today)),
    )
}

/// Milliseconds.
pub(super) fn times(text: &str, now: Millis) -> Result<Span<u64>, String> {
    if text == "*" {
        return Ok(Span {
            from: Some(0),
            to: None,
        });
    }
    span(
        text,
        now,
        |point| match point {
            Point::Days(first, _) => first.start_ms().0,
            Point::Ago(ms) => now.0.saturating_sub(*ms),
        },
        |point| match point {
            Point::Days(_, last) => last.end_ms().0.saturating_sub(1),
            Point::Ago(ms) => now.0.saturating_sub(*ms),
        },
        // Clocks of peers may be a little ahead.
        None,
    )
}

/// Counts: `11`, `11..20`, `11..`, `..20`.
pub(super) fn numbers(text: &str) -> Result<Span<u64>, String> {
    if text == "*" {
        return Ok(Span {
            from: Some(0),
            to: None,
        });
    }
    let number = |text: &str| {
        text.parse::<u64>().map_err(|_| {
            format!(
                "'{}' is not a whole number or a range of these, like 11, 11..20 or 11..",
                clip(text)
            )
        })
    };
    match text.split_once("..") {
        None => number(text).map(|n| Span::new(n, n)),
        Some((from, to)) => range(text, open(from, &number)?, open(to, &number)?),
    }
}

fn span<T: PartialOrd + Copy>(
    text: &str,
    now: Millis,
    first: impl Fn(&Point) -> T,
    last: impl Fn(&Point) -> T,
    latest: Option<T>,
) -> Result<Span<T>, String> {
    let read = |text: &str| point(text, now);
    match text.split_once("..") {
        None => {
            let at = read(text)?;
            Ok(Span {
                from: Some(first(&at)),
                to: match at {
                    Point::Days(..) => Some(last(&at)),
                    Point::Ago(_) => latest,
                },
            })
        }
        Some((from, to)) => {
            let from = open(from, &read)?.map(|at| first(&at));
            let to = open(to, &read)?.map(|at| last(&at));
            range(text, from, to)
        }
    }
}

fn open<T>(text: &str, read: &impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    match text {
        "" => Ok(None),
        text => read(text).map(Some),
    }
}

fn range<T: PartialOrd + Copy>(
    text: &str,
    from: Option<T>,
    to: Option<T>,
) -> Result<Span<T>, String> {
    match (from, to) {
        (None, None) => Err("'..' has no end; write '*' for any".to_owned()),
        (Some(from), Some(to)) if from > to => {
            Err(format!("'{}' ends before it begins", clip(text)))
        }
        (from, to) => Ok(Span { from, to }),
    }
}

fn point(text: &str, now: Millis) -> Result<Point, String> {
    let today = Date::from_millis(now);
    let whole = |date: Date| Point::Days(date, date);
    let read = || match text {
        "today" => Some(whole(today)),
        "yesterday" => Some(whole(today.add_days(-1))),
        _ => ago(text).or_else(|| calendar(text)),
    };
    read().ok_or_else(|| format!("'{}' is not a time: {WANTED}", clip(text)))
}

fn ago(text: &str) -> Option<Point> {
    let unit = match text.bytes().last()? {
        b'h' => HOUR_MS,
        b'd' => DAY_MS,
        b'w' => 7 * DAY_MS,
        _ => return None,
    };
    let number = text.get(..text.len().checked_sub(1)?)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(Point::Ago(number.checked_mul(unit)?))
}

fn calendar(text: &str) -> Option<Point> {
    if text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()) {
        let year = text.parse().ok()?;
        return Some(Point::Days(
            Date::new(year, 1, 1)?,
            Date::new(year, 12, 31)?,
        ));
    }
    if let Ok(month) = text.parse::<Month>() {
        return Some(Point::Days(month.first_day(), month.last_day()));
    }
    let date: Date = text.parse().ok()?;
    Some(Point::Days(date, date))
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_931_688_000_000);

    fn date(text: &str) -> Date {
        text.parse().expect("date")
    }

    #[test]
    fn spans_of_days_are_whole() {
        let today = Date::from_millis(NOW);
        for (text, from, to) in [
            ("today", today, today),
            ("yesterday", today.add_days(-1), today.add_days(-1)),
            ("7d", today.add_days(-7), today),
            ("2w", today.add_days(-14), today),
            ("2031", date("2031-01-01"), date("2031-12-31")),
            ("2031-02", date("2031-02-01"), date("2031-02-28")),
            ("2015..2016-03", date("2015-01-01"), date("2016-03-31")),
        ] {
            assert_eq!(days(text, NOW), Ok(Span::new(day(from), day(to))), "{text}");
        }
        assert_eq!(
            days("2031-03-14..", NOW),
            Ok(Span {
                from: Some(day(date("2031-03-14"))),
                to: None
            })
        );
        for bad in [
            "..",
            "2016..2015",
            "soon",
            "7x",
            "20310",
            "2031-13",
            "",
            "99999999999999999999d",
        ] {
            assert!(days(bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_end_with_the_last_millisecond() {
        let day = date("2031-03-14");
        assert_eq!(
            times("2031-03-14", NOW),
            Ok(Span::new(day.start_ms().0, day.end_ms().0 - 1))
        );
        assert_eq!(
            times("36h", NOW),
            Ok(Span {
                from: Some(NOW.0 - 36 * HOUR_MS),
                to: None
            })
        );
        assert_eq!(
            times("7d..1d", NOW),
            Ok(Span::new(NOW.0 - 7 * DAY_MS, NOW.0 - DAY_MS))
        );
    }

    #[test]
    fn counts_are_whole_numbers() {
        assert_eq!(numbers("11"), Ok(Span::new(11, 11)));
        assert_eq!(
            numbers("..20"),
            Ok(Span {
                from: None,
                to: Some(20)
            })
        );
        for bad in ["-1", "1.5", "a", "20..11", ".."] {
            assert!(numbers(bad).is_err(), "{bad}");
        }
    }
}
