//! Figures without persons: how many were referred, how providers answered, whom nobody took.
//!
//! A count of people can name one. So figures are given for calendar quarters that have ended,
//! by one of a few fixed partitions, and only for people who agreed to be counted. A count
//! under the threshold is hidden, with so many others that nobody can compute it from the total
//! ([`protect`]); a figure that was given once is given again as it was, so that the difference
//! of two answers tells nothing.

mod gather;
mod protect;
mod quarter;

use std::fmt;
use std::str::FromStr;

use liaison_protocol::record::codes::Dimension;
use serde::{Deserialize, Serialize};

pub use gather::{Tallied, gather};
pub use protect::{Cell, protect};
pub use quarter::{Quarter, QuarterError};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// People whom this agency referred.
    Referrals,
    /// Answers of the providers that were asked: one person may be several.
    Responses,
    /// People whom no provider took.
    Gaps,
}

/// By what they are told apart. No partition of one figure divides another's cells, so that no
/// two of them give a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Age and gender.
    AgeGender,
    /// Where they were.
    Area,
    /// Protection status.
    Status,
    /// What they needed most urgently.
    Need,
    /// What the provider answered.
    Outcome,
    /// Whom was asked.
    Provider,
    /// Whether the answer was in time.
    Speed,
}

/// A figure as it is given: what is hidden stands nowhere in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// All of them; none: hidden.
    pub total: Option<u64>,
    /// The cells, in the order of their keys.
    pub rows: Vec<Row>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// By what it is told apart: one value a part of [`By::parts`].
    pub key: Vec<String>,
    /// The count; none: hidden.
    pub n: Option<u64>,
}

impl Figure {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Referrals => "referrals",
            Self::Responses => "responses",
            Self::Gaps => "gaps",
        }
    }

    /// The partitions in which it is given, the usual one first.
    pub const fn partitions(self) -> &'static [By] {
        match self {
            Self::Referrals => &[By::AgeGender, By::Area, By::Status, By::Need],
            Self::Responses => &[By::Outcome, By::Provider, By::Speed],
            Self::Gaps => &[By::Need, By::Area, By::AgeGender],
        }
    }

    /// The table over these, with what is too small hidden.
    pub fn table(self, by: By, all: &[Tallied], k: u64) -> Table {
        // Whom nobody took is a part of who was referred: their difference is a count too.
        let of = |key: Option<&Vec<String>>| -> Option<u64> {
            (self == Self::Gaps).then(|| {
                let referred = all.iter().filter(|t| t.is_in(Self::Referrals));
                let same = referred.filter(|t| key.is_none_or(|key| t.key(by) == *key));
                same.count() as u64
            })
        };
        let mut counts = std::collections::BTreeMap::<Vec<String>, u64>::new();
        for tallied in all.iter().filter(|t| t.is_in(self)) {
            *counts.entry(tallied.key(by)).or_default() += 1;
        }
        let total = counts.values().sum();
        let cells = counts
            .into_iter()
            .map(|(key, n)| {
                let of = of(Some(&key));
                Cell { n, of, key }
            })
            .collect();
        protect(cells, total, of(None), k)
    }
}

impl By {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgeGender => "age-gender",
            Self::Area => "area",
            Self::Status => "status",
            Self::Need => "need",
            Self::Outcome => "outcome",
            Self::Provider => "provider",
            Self::Speed => "speed",
        }
    }

    /// The names of the values in a key.
    pub const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::AgeGender => &["age", "gender"],
            Self::Area => &["area"],
            Self::Status => &["status"],
            Self::Need => &["need"],
            Self::Outcome => &["outcome"],
            Self::Provider => &["provider"],
            Self::Speed => &["answer"],
        }
    }

    /// The dimensions of a trend that hold the same values; none: a trend has no place for it.
    pub const fn dimensions(self) -> Option<&'static [Dimension]> {
        match self {
            Self::AgeGender => Some(&[Dimension::Age, Dimension::Gender]),
            Self::Area => Some(&[Dimension::Area]),
            Self::Status => Some(&[Dimension::Status]),
            Self::Need | Self::Outcome | Self::Provider | Self::Speed => None,
        }
    }
}

/// A figure or partition that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not one of: {allowed}")]
pub struct Unknown {
    text: String,
    allowed: String,
}

impl FromStr for Figure {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let all = [Self::Referrals, Self::Responses, Self::Gaps];
        find(text, &all, Self::as_str)
    }
}

impl Figure {
    /// One of its partitions, by name.
    ///
    /// # Errors
    /// [`Unknown`], with the names.
    pub fn partition(self, text: &str) -> Result<By, Unknown> {
        find(text, self.partitions(), By::as_str)
    }
}

fn find<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Unknown> {
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| Unknown {
            text: liaison_protocol::id::clip(text),
            allowed: all
                .iter()
                .map(|one| name(*one))
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: usize, need: &str, is_gap: bool) -> Vec<Tallied> {
        (0..count).map(|_| Tallied::sample(need, is_gap)).collect()
    }

    #[test]
    fn a_gap_is_hidden_where_it_tells_who_was_taken() {
        let mut all = people(30, "shelter", true);
        all.extend(people(5, "shelter", false));
        all.extend(people(40, "legal", true));
        all.extend(people(40, "health", true));
        let gaps = Figure::Gaps.table(By::Need, &all, 11);
        let n = |key: &str| gaps.rows.iter().find(|r| r.key == [key]).and_then(|r| r.n);
        // 35 were referred for shelter: 30 of them without a place leaves 5.
        assert_eq!(n("shelter"), None);
        assert_eq!(gaps.total, None, "115 referred less 110 leaves 5");
        let referred = Figure::Referrals.table(By::Need, &all, 11);
        assert_eq!(referred.total, Some(115));
    }

    #[test]
    fn names_are_those_that_are_typed() {
        for figure in [Figure::Referrals, Figure::Responses, Figure::Gaps] {
            assert_eq!(figure.as_str().parse(), Ok(figure));
            for by in figure.partitions() {
                assert_eq!(figure.partition(by.as_str()), Ok(*by));
            }
        }
        let error = Figure::Gaps.partition("speed").expect_err("refused");
        assert_eq!(
            error.to_string(),
            "'speed' is not one of: need, area, age-gender"
        );
    }
}
