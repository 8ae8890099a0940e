//! A calendar quarter: `2031-Q1`.

use std::fmt;
use std::str::FromStr;

use liaison_protocol::record::date::{Date, Month};

use crate::limits;

/// Three months of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: u16,
    /// 1 to 4.
    number: u8,
}

/// A text that is no quarter, or one that figures are not given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuarterError {
    /// No quarter.
    #[error("'{0}' is no quarter; write it as 2031-Q1")]
    Text(String),
    /// It runs still.
    #[error("{0} has not ended: figures are given for whole quarters")]
    Running(Quarter),
    /// Too long ago.
    #[error("{0} is more than {years} years ago", years = limits::STATS_QUARTERS / 4)]
    Old(Quarter),
}

impl Quarter {
    /// The last one that had ended on a day.
    pub fn last_ended(today: Date) -> Self {
        let (year, number) = of(today);
        match number {
            1 => Self {
                year: year.saturating_sub(1),
                number: 4,
            },
            _ => Self {
                year,
                number: number - 1,
            },
        }
    }

    /// Whether figures may be given for it on a day.
    ///
    /// # Errors
    /// It runs still, or is too long ago.
    pub fn check(self, today: Date) -> Result<(), QuarterError> {
        let age = |q: Self| i64::from(q.year) * 4 + i64::from(q.number);
        let last = Self::last_ended(today);
        match age(last) - age(self) {
            ..0 => Err(QuarterError::Running(self)),
            limits::STATS_QUARTERS.. => Err(QuarterError::Old(self)),
            _ => Ok(()),
        }
    }

    /// Whether a day lies in it.
    pub fn contains(self, day: Date) -> bool {
        of(day) == (self.year, self.number)
    }

    /// Its first and last month; none outside the calendar.
    pub fn months(self) -> Option<(Month, Month)> {
        let first = (self.number - 1) * 3 + 1;
        Some((
            Month::new(self.year, first)?,
            Month::new(self.year, first + 2)?,
        ))
    }
}

fn of(day: Date) -> (u16, u8) {
    // A date prints as YYYY-MM-DD; four digits and two always read back.
    let text = day.to_string();
    let mut parts = text.split('-');
    let year = parts.next().and_then(|y| y.parse().ok()).unwrap_or(0);
    let month: u8 = parts.next().and_then(|m| m.parse().ok()).unwrap_or(1);
    (year, month.saturating_sub(1) / 3 + 1)
}

impl FromStr for Quarter {
    type Err = QuarterError;

    fn from_str(text: &str) -> Result<Self, QuarterError> {
        let read = || {
            let (year, number) = text.split_once("-Q").or_else(|| text.split_once("-q"))?;
            let number: u8 = number.parse().ok().filter(|n| (1..=4).contains(n))?;
            let year: u16 = year.parse().ok().filter(|_| year.len() == 4)?;
            Some(Self { year, number })
        };
        read().ok_or_else(|| QuarterError::Text(liaison_protocol::id::clip(text)))
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    #[test]
    fn a_quarter_is_three_whole_months_that_have_ended() {
        let today = day("2031-03-31");
        assert_eq!(Quarter::last_ended(today).to_string(), "2030-Q4");
        assert_eq!(
            Quarter::last_ended(day("2031-04-01")).to_string(),
            "2031-Q1"
        );
        let quarter: Quarter = "2030-q4".parse().expect("a quarter");
        assert!(quarter.contains(day("2030-10-01")) && quarter.contains(day("2030-12-31")));
        assert!(!quarter.contains(day("2030-09-30")) && !quarter.contains(day("2031-01-01")));
        let (from, to) = quarter.months().expect("months");
        assert_eq!(
            (from.to_string(), to.to_string()),
            ("2030-10".into(), "2030-12".into())
        );
        assert!(quarter.check(today).is_ok());
        for (text, says) in [
            ("2031-Q1", "has not ended"),
            ("2020-Q1", "more than 5 years ago"),
        ] {
            let quarter: Quarter = text.parse().expect("a quarter");
            let error = quarter.check(today).expect_err("refused").to_string();
            assert!(error.contains(says), "{error}");
        }
        for bad in ["2031", "2031-Q5", "2031-Q0", "31-Q1", "2031-01", "é-Q1"] {
            assert!(bad.parse::<Quarter>().is_err(), "{bad}");
        }
    }
}
