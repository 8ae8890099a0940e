//! Days, months and years as tables write them, by a pattern.

use jiff::fmt::strtime::BrokenDownTime;
use liaison_protocol::record::date::{Date, Month, Period, PeriodEnd};

/// How fine a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// A whole year.
    Year,
    /// A whole month.
    Month,
    /// A day.
    Day,
}

/// How a column writes its dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateForm {
    pattern: Option<String>,
    precision: Precision,
}

impl Default for DateForm {
    /// ISO 8601: `2031-03-14` or `2031-03`.
    fn default() -> Self {
        Self {
            pattern: None,
            precision: Precision::Day,
        }
    }
}

impl DateForm {
    /// A form by its pattern (`%Y-%m`, `%d.%m.%Y`; without one ISO 8601), and how much of it
    /// is kept; without that, all of it.
    ///
    /// # Errors
    /// What the pattern lacks.
    pub fn new(pattern: Option<&str>, keep: Option<Precision>) -> Result<Self, String> {
        let Some(pattern) = pattern else {
            return Ok(Self {
                pattern: None,
                precision: keep.unwrap_or(Precision::Day),
            });
        };
        let has = |letters: &[char]| directives(pattern).any(|d| letters.contains(&d));
        let finest = match (
            has(&['Y', 'y', 'F']),
            has(&['m', 'b', 'B', 'h', 'F']),
            has(&['d', 'e', 'F']),
        ) {
            (true, true, true) => Precision::Day,
            (true, true, false) => Precision::Month,
            (true, false, false) => Precision::Year,
            _ => {
                return Err(format!(
                    "the pattern '{}' needs a year (%Y), and may have a month (%m) and with it a day (%d)",
                    short(pattern)
                ));
            }
        };
        let keep = keep.unwrap_or(finest);
        if keep > finest {
            return Err(format!(
                "the pattern '{}' is not as fine as the precision asks",
                short(pattern)
            ));
        }
        Ok(Self {
            pattern: Some(pattern.to_owned()),
            precision: keep,
        })
    }

    /// Reads what a period covers.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn period(&self, text: &str) -> Result<Period, String> {
        let (from, to) = match self.read(text)? {
            Found::Day(day) => (PeriodEnd::Day(day), PeriodEnd::Day(day)),
            Found::Month(month) => (PeriodEnd::Month(month), PeriodEnd::Month(month)),
            Found::Year(first, last) => (PeriodEnd::Month(first), PeriodEnd::Month(last)),
        };
        Ok(Period { from, to })
    }

    /// Reads a month.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn month(&self, text: &str) -> Result<Month, String> {
        match self.read(text)? {
            Found::Day(day) => Ok(day.month()),
            Found::Month(month) => Ok(month),
            Found::Year(..) => Err(format!("'{}' is a year; a month is needed", short(text))),
        }
    }

    /// Reads a day.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn day(&self, text: &str) -> Result<Date, String> {
        match self.read(text)? {
            Found::Day(day) => Ok(day),
            _ => Err(format!("'{}' is not a day; a day is needed", short(text))),
        }
    }

    fn read(&self, text: &str) -> Result<Found, String> {
        let found = match &self.pattern {
            None => match text.parse::<PeriodEnd>().map_err(|e| e.to_string())? {
                PeriodEnd::Day(day) => Found::Day(day),
                PeriodEnd::Month(month) => Found::Month(month),
            },
            Some(pattern) => by_pattern(pattern, text).ok_or_else(|| {
                format!("'{}' is not a date of the pattern '{pattern}'", short(text))
            })?,
        };
        let year = |month: Month| {
            let year = month.first_day().to_string();
            let year = year.get(..4).and_then(|y| y.parse::<u16>().ok());
            year.and_then(|y| Some(Found::Year(Month::new(y, 1)?, Month::new(y, 12)?)))
                .ok_or_else(|| format!("'{}' has no year", short(text)))
        };
        match (self.precision, found) {
            (Precision::Day, found) => Ok(found),
            (Precision::Month, Found::Day(day)) => Ok(Found::Month(day.month())),
            (Precision::Month, found) => Ok(found),
            (Precision::Year, Found::Day(day)) => year(day.month()),
            (Precision::Year, Found::Month(month)) => year(month),
            (Precision::Year, found) => Ok(found),
        }
    }
}

#[derive(Clone, Copy)]
enum Found {
    Day(Date),
    Month(Month),
    /// First and last month.
    Year(Month, Month),
}

fn by_pattern(pattern: &str, text: &str) -> Option<Found> {
    let parsed = BrokenDownTime::parse(pattern, text).ok()?;
    let year = u16::try_from(parsed.year()?).ok()?;
    let Some(month) = parsed.month() else {
        return Some(Found::Year(Month::new(year, 1)?, Month::new(year, 12)?));
    };
    let month = u8::try_from(month).ok()?;
    match parsed.day() {
        Some(day) => Date::new(year, month, u8::try_from(day).ok()?).map(Found::Day),
        None => Month::new(year, month).map(Found::Month),
    }
}

/// The letters behind the percent signs; flags between them are skipped.
fn directives(pattern: &str) -> impl Iterator<Item = char> {
    let mut chars = pattern.chars();
    std::iter::from_fn(move || {
        chars.find(|c| *c == '%')?;
        chars.find(|c| !matches!(c, '-' | '_' | '0'..='9' | '^' | '#'))
    })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(
        pattern: Option<&str>,
        keep: Option<Precision>,
        text: &str,
    ) -> Result<String, String> {
        DateForm::new(pattern, keep)?
            .period(text)
            .map(|p| p.to_string())
    }

    #[test]
    fn dates_are_read_by_pattern_and_kept_as_finely_as_asked() {
        for (pattern, keep, text, read) in [
            (None, None, "2031-03", "2031-03"),
            (None, None, "2031-03-14", "2031-03-14"),
            (None, Some(Precision::Month), "2031-03-14", "2031-03"),
            (Some("%Y-%m"), None, "2009-01", "2009-01"),
            (Some("%d.%m.%Y"), None, "3.1.2031", "2031-01-03"),
            (
                Some("%d.%m.%Y"),
                Some(Precision::Month),
                "03.01.2031",
                "2031-01",
            ),
            (Some("%b %Y"), None, "Mar 2031", "2031-03"),
            (Some("%Y"), None, "2031", "2031-01 to 2031-12"),
            (None, Some(Precision::Year), "2031-03", "2031-01 to 2031-12"),
        ] {
            assert_eq!(period(pattern, keep, text).as_deref(), Ok(read), "{text}");
        }
        for (pattern, keep, text) in [
            (None, None, "03/2031"),
            (Some("%Y-%m"), None, "2031-13"),
            (Some("%Y-%m"), None, "2031-03-14"),
            (Some("%d.%m.%Y"), None, "30.02.2031"),
            (Some("%d.%m"), None, "30.01"),
            (Some("%Y-%m"), Some(Precision::Day), "2031-03"),
            (Some("%Q"), None, "x"),
            (Some("%"), None, ""),
        ] {
            assert!(period(pattern, keep, text).is_err(), "{text}");
        }
        assert!(DateForm::default().day("2031-03").is_err());
        assert!(DateForm::default().month("2031-03-14").is_ok());
    }
}
