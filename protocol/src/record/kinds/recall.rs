//! A releasing node's word that it takes a copy back.

use serde::{Deserialize, Serialize};

use crate::id::{AgencyId, RecordId};
use crate::record::codes::RecallReason;

/// "Erase your copy from me." Signed by the node that released the copy, which need not be the
/// record's author. A later offer by the same node lifts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// The record whose copy is taken back.
    pub of: RecordId,
    /// Who got that copy.
    pub to: AgencyId,
    /// Why.
    pub reason: RecallReason,
}
