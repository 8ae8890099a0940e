//! What a hub's duty officer is told when an agency does not answer: which thread, and who.

use super::encode::sealed;
use crate::id::{AgencyId, RecordId};

sealed! {
    /// An agency has not answered in time. Nothing else stands in it.
    #[derive(Copy)]
    pub struct Overdue {
        /// The thread.
        pub thread: RecordId,
        /// The agency that is silent.
        pub silent: AgencyId,
    }
}
