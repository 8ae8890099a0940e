//! Tests of sets and engines, and what other tests here build on.

use super::*;
use liaison_protocol::id::AgencyId;

/// The agency of an alias in tests: derived from it.
pub(super) fn agency(alias: &str) -> AgencyId {
    use sha2::{Digest, Sha256};
    AgencyId::from_bytes(Sha256::digest(alias).into())
}

/// A plain strategic record of `self`, whose alias is `own`.
pub(super) fn attributes(kind: &str, tlp: &str) -> Attributes {
    Attributes {
        kind: kind.into(),
        plane: "strategic".into(),
        tlp: tlp.into(),
        handling: ["H0".to_owned()].into(),
        onward: "community".into(),
        purpose: "prevention".into(),
        author: agency("own"),
        author_country: "QN".into(),
        class: "none".into(),
        tags: Default::default(),
        marked: false,
        exercise: false,
    }
}
