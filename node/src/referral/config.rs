//! `[referral]` of the configuration: how long what may take, where the parties agreed on
//! something else than the default.

use liaison_protocol::lifecycle::{DeadlineTable, DeadlineTableError, PerUrgency};
use serde::{Deserialize, Serialize};

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
    }
}
