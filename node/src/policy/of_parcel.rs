//! What policy sees of a parcel that a hub is asked to keep.

use std::collections::BTreeSet;

use liaison_protocol::id::AgencyId;

use super::attributes::Attributes;

/// A parcel of a depositor in `country`, for the question whether to `carry` it; its addressee
/// is the principal, and a named recipient. A hub can't look into a parcel, so that policy
/// sees the strictest that could be in one.
pub fn attributes_of_parcel(depositor: AgencyId, country: &str) -> Attributes {
    Attributes {
        kind: "parcel".to_owned(),
        plane: "personal".to_owned(),
        tlp: "red".to_owned(),
        handling: BTreeSet::new(),
        onward: "none".to_owned(),
        purpose: "protection".to_owned(),
        author: depositor,
        author_country: country.to_owned(),
        class: "none".to_owned(),
        tags: BTreeSet::new(),
        marked: false,
        exercise: false,
    }
}
