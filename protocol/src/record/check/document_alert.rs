//! Checks of document alerts (DOC).

use super::Finding;
use super::text::full_number;
use crate::record::codes::Register;
use crate::record::kinds::DocumentAlert;

/// Letters and digits from which on a prefix could be a whole number: passport numbers
/// have 8 or 9.
const FULL_NUMBER: usize = 8;

pub(super) fn check(alert: &DocumentAlert, found: &mut Vec<Finding>) {
    for (at, feature) in alert.features.iter().enumerate() {
        if feature.genuine.is_none() && feature.observed.is_none() {
            found.push(Finding::new(
                "DOC-01",
                format!("body.features[{at}]"),
                "says neither how it should be nor how it was seen",
                "Fill in 'genuine', 'observed' or both.",
            ));
        }
    }
    let none = alert.registers_checked.contains(&Register::None);
    if none && alert.registers_checked.len() > 1 {
        found.push(Finding::new(
            "DOC-02",
            "body.registers_checked",
            "has 'none' beside a register",
            "Drop 'none'.",
        ));
    }
    if let Some(prefix) = &alert.series_prefix {
        let length = prefix.chars().filter(|c| c.is_alphanumeric()).count();
        let digits = prefix.chars().filter(|c| c.is_numeric()).count();
        let scanned = found
            .iter()
            .any(|f| f.code == "DOC-03" && f.place == "body.series_prefix");
        if (length >= FULL_NUMBER || digits >= FULL_NUMBER - 1) && !scanned {
            found.push(full_number("body.series_prefix".into(), prefix));
        }
    }
}
