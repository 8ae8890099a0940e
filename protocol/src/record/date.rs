//! Calendar days and months, and the span that a trend covers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codes::FromText;
use crate::clock::Millis;
use crate::id::clip;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Why a text is not a day or a month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct DateError {
    /// What was wanted, with an example.
    pub wanted: &'static str,
    /// What was given, at most 64 characters.
    pub text: String,
}

const DAY: &str = "a day of the calendar, written like 2031-03-14";
const MONTH: &str = "a month, written like 2031-03";
const END: &str = "a day or a month, written like 2031-03-14 or 2031-03";

/// A day of the calendar (UTC), 0001-01-01 to 9999-12-31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The day; absent if the calendar doesn't have it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let year = i16::try_from(year).ok().filter(|y| *y > 0)?;
        let month = i8::try_from(month).ok()?;
        let day = i8::try_from(day).ok()?;
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// The day in which this moment lies, UTC; beyond 9999 the last one.
    pub fn from_millis(at: Millis) -> Self {
        i64::try_from(at.0)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map_or(Self(jiff::civil::Date::MAX), |t| {
                Self(jiff::tz::Offset::UTC.to_datetime(t).date())
            })
    }

    /// The first moment of the day, UTC; days before 1970 give 0.
    pub fn start_ms(self) -> Millis {
        Millis(u64::try_from(self.epoch_days().saturating_mul(DAY_MS)).unwrap_or(0))
    }

    /// The first millisecond after the day, UTC; days before 1970 give 0.
    pub fn end_ms(self) -> Millis {
        let next = self.epoch_days().saturating_add(1);
        Millis(u64::try_from(next.saturating_mul(DAY_MS)).unwrap_or(0))
    }

    /// So many days later (earlier, if negative), within the calendar's ends.
    pub fn add_days(self, days: i64) -> Self {
        let days = jiff::Span::new().try_days(days);
        match days {
            Ok(days) => Self(self.0.saturating_add(days)).clamped(),
            Err(_) => Self(jiff::civil::Date::MAX),
        }
    }

    /// So many months later, on the same day or the month's last.
    pub fn add_months(self, months: u16) -> Self {
        Self(
            self.0
                .saturating_add(jiff::Span::new().months(i32::from(months))),
        )
        .clamped()
    }

    /// Days from the other to this one; negative if this one is earlier.
    pub fn days_since(self, other: Date) -> i64 {
        self.epoch_days().saturating_sub(other.epoch_days())
    }

    /// The month in which it lies.
    pub fn month(self) -> Month {
        Month {
            year: self.0.year().unsigned_abs(),
            month: self.0.month().unsigned_abs(),
        }
    }

    fn clamped(self) -> Self {
        let first = jiff::civil::date(1, 1, 1);
        Self(self.0.max(first))
    }

    /// Days since 1970-01-01.
    fn epoch_days(self) -> i64 {
        let year = i64::from(self.0.year());
        let before = year - 1;
        // Days of whole years before this one, from 0001-01-01, which lies 719,162 days
        // before 1970-01-01.
        let whole = before * 365 + before / 4 - before / 100 + before / 400;
        whole + i64::from(self.0.day_of_year()) - 1 - 719_162
    }
}

impl FromStr for Date {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        let parse = || {
            let [y, m, d] = numbers(text, [4, 2, 2])?;
            Date::new(y, u8::try_from(m).ok()?, u8::try_from(d).ok()?)
        };
        parse().ok_or_else(|| DateError {
            wanted: DAY,
            text: clip(text),
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        ))
    }
}

/// A month of the calendar, 0001-01 to 9999-12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// The month; absent if the calendar doesn't have it.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        Date::new(year, month, 1).map(|_| Self { year, month })
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        Date::new(self.year, self.month, 1).unwrap_or(Date(jiff::civil::Date::MAX))
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        Date(self.first_day().0.last_of_month())
    }
}

impl FromStr for Month {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        let parse = || {
            let [y, m] = numbers(text, [4, 2])?;
            Month::new(y, u8::try_from(m).ok()?)
        };
        parse().ok_or_else(|| DateError {
            wanted: MONTH,
            text: clip(text),
        })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year, self.month))
    }
}

/// An end of a period: a day, or a whole month.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodEnd {
    /// A day.
    Day(Date),
    /// A whole month.
    Month(Month),
}

impl PeriodEnd {
    /// The first day that it means.
    pub fn first_day(self) -> Date {
        match self {
            PeriodEnd::Day(day) => day,
            PeriodEnd::Month(month) => month.first_day(),
        }
    }

    /// The last day that it means.
    pub fn last_day(self) -> Date {
        match self {
            PeriodEnd::Day(day) => day,
            PeriodEnd::Month(month) => month.last_day(),
        }
    }
}

impl FromStr for PeriodEnd {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        text.parse()
            .map(PeriodEnd::Month)
            .or_else(|_| text.parse().map(PeriodEnd::Day))
            .map_err(|_| DateError {
                wanted: END,
                text: clip(text),
            })
    }
}

impl fmt::Display for PeriodEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeriodEnd::Day(day) => day.fmt(f),
            PeriodEnd::Month(month) => month.fmt(f),
        }
    }
}

/// What a trend covers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Its first day or month.
    pub from: PeriodEnd,
    /// Its last day or month.
    pub to: PeriodEnd,
}

impl Period {
    /// One whole month.
    pub const fn month(month: Month) -> Self {
        Self {
            from: PeriodEnd::Month(month),
            to: PeriodEnd::Month(month),
        }
    }

    /// Its first day.
    pub fn first_day(&self) -> Date {
        self.from.first_day()
    }

    /// Its last day.
    pub fn last_day(&self) -> Date {
        self.to.last_day()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            self.from.fmt(f)
        } else {
            write!(f, "{} to {}", self.from, self.to)
        }
    }
}

macro_rules! by_text {
    ($($name:ident, $what:expr;)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_str(FromText::new($what))
            }
        }
    )+};
}

by_text! {
    Date, DAY;
    Month, MONTH;
    PeriodEnd, END;
}

/// Numbers of exactly these widths, separated by hyphens.
fn numbers<const N: usize>(text: &str, widths: [usize; N]) -> Option<[u16; N]> {
    let mut parts = text.split('-');
    let mut out = [0; N];
    for (slot, width) in out.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("date")
    }

    #[test]
    fn only_real_days_written_in_full() {
        assert_eq!(date("2024-02-29").to_string(), "2024-02-29");
        for bad in [
            "2023-02-29",
            "2023-13-01",
            "2023-1-1",
            "0000-01-01",
            "2023-01",
            "",
            "+023-01-01",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
        assert!("2023-00".parse::<Month>().is_err());
    }

    #[test]
    fn days_and_milliseconds_agree() {
        assert_eq!(date("1970-01-01").end_ms(), Millis(86_400_000));
        assert_eq!(date("2031-03-14").start_ms(), date("2031-03-13").end_ms());
        for text in ["1970-01-01", "2000-02-29", "2026-11-21", "9999-12-30"] {
            let day = date(text);
            assert_eq!(Date::from_millis(day.start_ms()), day);
            assert_eq!(Date::from_millis(day.end_ms()), day.add_days(1));
        }
        assert_eq!(
            Date::from_millis(Millis(u64::MAX)).to_string(),
            "9999-12-31"
        );
    }

    #[test]
    fn adding_days_stays_in_the_calendar() {
        assert_eq!(date("2024-02-28").add_days(2), date("2024-03-01"));
        assert_eq!(date("2024-03-01").add_days(-1), date("2024-02-29"));
        assert_eq!(date("9999-12-31").add_days(i64::MAX), date("9999-12-31"));
        assert_eq!(date("0001-01-01").add_days(-5), date("0001-01-01"));
        assert_eq!(date("2024-01-31").add_months(1), date("2024-02-29"));
        assert_eq!(date("2024-03-01").days_since(date("2024-02-01")), 29);
    }

    #[test]
    fn a_period_covers_whole_months() {
        let period: Period =
            serde_json::from_str(r#"{"from":"2031-02","to":"2031-03-05"}"#).expect("period");
        assert_eq!(period.first_day(), date("2031-02-01"));
        assert_eq!(period.last_day(), date("2031-03-05"));
        assert_eq!(period.to_string(), "2031-02 to 2031-03-05");
        assert_eq!(
            Period::month("2031-02".parse().expect("month")).last_day(),
            date("2031-02-28")
        );
    }
}
