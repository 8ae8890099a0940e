//! A holder asks a record's author for leave to pass it on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::in_order;
use crate::id::{AgencyId, RecordId};

/// Asks for a [`super::Permit`]. It gives no right by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The record.
    pub of: RecordId,
    /// Who would get it: 1 to [`crate::limits::PERMIT_AGENCIES`].
    #[serde(deserialize_with = "in_order")]
    pub to: BTreeSet<AgencyId>,
    /// What for, at most [`crate::limits::NOTE_CHARS`] characters.
    pub why: String,
}
