//! What the handling fields must agree on (HND).

use super::Finding;
use crate::record::codes::{HandlingCode, Tlp};
use crate::record::envelope::Fields;
use crate::record::handling::Onward;

pub(super) fn check(fields: &Fields, found: &mut Vec<Finding>) {
    let has = |code| fields.handling.contains(&code);
    if has(HandlingCode::H3) && fields.handling_note.is_none() {
        found.push(Finding::new(
            "HND-01",
            "handling",
            "has H3 (other limit) without a text",
            "Say the limit in 'handling_note', or drop H3.",
        ));
    }
    let wide = matches!(fields.onward, Onward::To(_) | Onward::Community);
    if has(HandlingCode::H2) && wide {
        found.push(Finding::new(
            "HND-02",
            "onward",
            "lets receivers pass on a record with H2 (not without permission)",
            "Set onward to 'ask' or 'none', or drop H2.",
        ));
    }
    if fields.tlp > Tlp::Green && fields.onward == Onward::Community {
        found.push(Finding::new(
            "HND-03",
            "onward",
            format!("is 'community', but the record is {}", fields.tlp),
            "Set onward to 'ask', name agencies in 'to', or lower the TLP to green.",
        ));
    }
    if fields.tlp == Tlp::Red && matches!(fields.onward, Onward::To(_)) {
        found.push(Finding::new(
            "HND-04",
            "onward",
            "names agencies, but the record is red (for the persons it is given to only)",
            "Set onward to 'none' or 'ask', or lower the TLP.",
        ));
    }
}
