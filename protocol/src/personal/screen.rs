//! Early identification: a few signs that an officer can see at a first meeting, and whether
//! they suggest a referral. It suggests; a person decides.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::record::codes::{AgeBand, ScreenIndicator};

/// What the signs suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screening {
    /// Whether a referral is suggested.
    pub suggests: bool,
    /// The signs that would be enough alone.
    pub strong: Vec<ScreenIndicator>,
    /// Why, as a sentence.
    pub says: &'static str,
}

/// Signs, of those that are not strong, that together suggest a referral.
const WEAK_TOGETHER: usize = 2;

/// What these signs suggest. One strong sign is enough, and of a child (or who may be one)
/// any sign.
pub fn screen(signs: &BTreeSet<ScreenIndicator>, age: AgeBand) -> Screening {
    let strong: Vec<ScreenIndicator> = signs.iter().copied().filter(|s| is_strong(*s)).collect();
    let child = age.is_child() || age == AgeBand::Unknown;
    let (suggests, says) = if signs.is_empty() {
        (
            false,
            "No sign was seen. Keep an eye on the person; signs often show later.",
        )
    } else if !strong.is_empty() {
        (
            true,
            "At least one strong sign: offer a referral. The person decides.",
        )
    } else if child {
        (
            true,
            "A sign, and the person may be a child: offer a referral, and find a guardian.",
        )
    } else if signs.len() >= WEAK_TOGETHER {
        (
            true,
            "Several signs together: offer a referral. The person decides.",
        )
    } else {
        (
            false,
            "One weak sign: talk again, alone and with an interpreter.",
        )
    };
    Screening {
        suggests,
        strong,
        says,
    }
}

/// The beginning of a draft, with what the signs already say. The rest is asked for.
pub fn begun(age: AgeBand) -> Value {
    let urgency = if age.is_child() || age == AgeBand::Unknown {
        "critical"
    } else {
        "high"
    };
    json!({
        "profile": {
            "urgency": urgency,
            "age_band": age.as_str(),
            "trafficking": {"status": "possible", "decided_by": "police"},
        },
    })
}

const fn is_strong(sign: ScreenIndicator) -> bool {
    matches!(
        sign,
        ScreenIndicator::DocumentsHeld
            | ScreenIndicator::NotFree
            | ScreenIndicator::Threatened
            | ScreenIndicator::ChildAlone
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggests(signs: &[ScreenIndicator], age: AgeBand) -> bool {
        screen(&signs.iter().copied().collect(), age).suggests
    }

    #[test]
    fn one_strong_sign_two_weak_ones_or_any_of_a_child() {
        use ScreenIndicator::{Debt, NotFree, Unpaid};
        assert!(!suggests(&[], AgeBand::Unknown));
        assert!(!suggests(&[Debt], AgeBand::To29));
        assert!(suggests(&[Debt, Unpaid], AgeBand::To29));
        assert!(suggests(&[NotFree], AgeBand::To29));
        assert!(suggests(&[Debt], AgeBand::To17));
        assert!(suggests(&[Debt], AgeBand::Unknown));
    }
}
