//! The author's word that a record is withdrawn, for everyone and for good.

use serde::{Deserialize, Serialize};

use crate::id::RecordId;
use crate::record::codes::RetractReason;

/// A retraction. It acts only on a record of the same author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retract {
    /// The record that is withdrawn.
    pub of: RecordId,
    /// Why.
    pub reason: RetractReason,
    /// Remove its content everywhere; a tombstone stays.
    pub erase: bool,
    /// Tell the officers who have it.
    pub notify: bool,
}
