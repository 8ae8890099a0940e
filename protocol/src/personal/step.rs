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
