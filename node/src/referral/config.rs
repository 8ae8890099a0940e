//! `[referral]` of the configuration: how long what may take, where the parties agreed on
//! something else than the default, and how long what is kept.

use liaison_protocol::lifecycle::{DeadlineTable, DeadlineTableError, PerUrgency};
use serde::{Deserialize, Serialize};

use crate::limits;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// Spans of critical, high and standard referrals. The default is the table of SPEC.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReferralConfig {
    /// Minutes until a candidate has read it.
    pub acknowledge_min: [u64; 3],
    /// Minutes until it has decided, from the same moment.
    pub decide_min: [u64; 3],
    /// Minutes from acceptance until assistance begins.
    pub first_assistance_min: [u64; 3],
    /// Days from the beginning of assistance until the first follow-up.
    pub follow_up_days: [u64; 3],
    /// Days from the first follow-up until the second, and between those after it.
    pub later_follow_up_days: [u64; 2],
    /// Days for which who the person is is kept after a referral is over, at both agencies.
    pub identity_kept_days: u64,
    /// Months after which a referral is gone, over or not, counted from when a candidate is
    /// asked.
    pub profile_kept_months: u16,
}

/// A span of `[referral]` for which something is kept is out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is {given}; it may be 1 to {most}")]
pub struct KeptError {
    /// Which.
    pub name: &'static str,
    /// As it was given.
    pub given: u64,
    /// The most.
    pub most: u64,
}

impl Default for ReferralConfig {
    fn default() -> Self {
        let table = DeadlineTable::default();
        let each = |spans: PerUrgency, unit| {
            [spans.critical, spans.high, spans.standard].map(|ms| ms / unit)
        };
        Self {
            acknowledge_min: each(table.acknowledge, MINUTE),
            decide_min: each(table.decide, MINUTE),
            first_assistance_min: each(table.first_assistance, MINUTE),
            follow_up_days: each(table.follow_up, DAY),
            later_follow_up_days: table.later.map(|ms| ms / DAY),
            identity_kept_days: 30,
            profile_kept_months: 12,
        }
    }
}

impl ReferralConfig {
    /// The table.
    ///
    /// # Errors
    /// A span that is out of its bounds.
    pub fn table(&self) -> Result<DeadlineTable, DeadlineTableError> {
        let each = |spans: [u64; 3], unit: u64| {
            let [critical, high, standard] = spans.map(|n| n.saturating_mul(unit));
            PerUrgency {
                critical,
                high,
                standard,
            }
        };
        DeadlineTable {
            acknowledge: each(self.acknowledge_min, MINUTE),
            decide: each(self.decide_min, MINUTE),
            first_assistance: each(self.first_assistance_min, MINUTE),
            follow_up: each(self.follow_up_days, DAY),
            later: self.later_follow_up_days.map(|n| n.saturating_mul(DAY)),
        }
        .checked()
    }

    /// Looks at how long things are kept.
    ///
    /// # Errors
    /// A span that is out of its bounds.
    pub fn check_kept(&self) -> Result<(), KeptError> {
        let spans = [
            (
                "identity_kept_days",
                self.identity_kept_days,
                limits::IDENTITY_KEPT_DAYS,
            ),
            (
                "profile_kept_months",
                u64::from(self.profile_kept_months),
                limits::PROFILE_KEPT_MONTHS,
            ),
        ];
        let out = |(_, given, most): &(&str, u64, u64)| !(1..=*most).contains(given);
        match spans.into_iter().find(out) {
            Some((name, given, most)) => Err(KeptError { name, given, most }),
            None => Ok(()),
        }
    }

    /// Milliseconds for which an identity is kept after its referral is over.
    pub(super) fn identity_kept_ms(&self) -> u64 {
        self.identity_kept_days.saturating_mul(DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_protocols_table() {
        let table = ReferralConfig::default().table();
        assert_eq!(table, Ok(DeadlineTable::default()));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let config = ReferralConfig {
            acknowledge_min: [0, 240, 1_440],
            ..ReferralConfig::default()
        };
        let error = config.table().expect_err("none");
        assert!(error.to_string().contains("'acknowledge'"), "{error}");
        let config = ReferralConfig {
            identity_kept_days: 367,
            ..ReferralConfig::default()
        };
        let error = config.check_kept().expect_err("too long");
        assert_eq!(
            error.to_string(),
            "'identity_kept_days' is 367; it may be 1 to 366"
        );
        assert_eq!(ReferralConfig::default().check_kept(), Ok(()));
    }
}
