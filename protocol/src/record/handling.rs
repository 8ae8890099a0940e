//! The first gate: the author's own word, signed inside the record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::AgencyId;

/// What a receiver may do with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Onward {
    /// Nothing: it stays with whom it was released to.
    None,
    /// Pass it on only after the author's `permit`.
    Ask,
    /// Pass it on to these agencies, who may not pass it on themselves.
    To(BTreeSet<AgencyId>),
    /// Pass it on to whoever both gates of each holder allow.
    Community,
}
