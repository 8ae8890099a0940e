//! A step in a thread.

use std::collections::BTreeSet;

use super::encode::sealed;
use crate::id::RecordId;

sealed! {
    /// A step: what one party does in a thread.
    pub struct Step {
        /// The thread.
        pub on: RecordId,
        /// The newest steps of the thread that its author had seen.
        #[serde(default)]
        pub seen: BTreeSet<RecordId>,
    }
}

/// The first form limit that a step breaks.
pub(super) fn limits_of(step: &Step) -> Result<(), crate::record::check::Finding> {
    crate::record::check::form::size("body.seen", step.seen.len(), crate::limits::PERSONAL_ITEMS)
}
