//! The author's leave to pass a record on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::in_order;
use crate::clock::Millis;
use crate::id::{AgencyId, RecordId};

/// Lets any holder pass a record on to the agencies that it names, where the record's
/// handling (`onward: ask` or `to`, H2) alone would not. It counts only if it is signed by the
/// record's author, and travels with the record, in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// The record.
    pub of: RecordId,
    /// Who may get it: 1 to [`crate::limits::PERMIT_AGENCIES`].
    #[serde(deserialize_with = "in_order")]
    pub to: BTreeSet<AgencyId>,
    /// First moment at which it counts no more.
    pub until: Millis,
}
