//! Which parcels stand between a withdrawal and its end.

use std::time::Duration;

use super::outbox::{Row, State, Way};
use crate::limits;
use crate::node::Node;

impl Node {
    /// Waits until the hubs that are connected have discarded these parcels, for
    /// [`limits::TAKEN_BACK_MS`] at most, and gives those that may still be collected: at hubs
    /// that are away, and in bundles.
    pub(crate) async fn taken_back(&self, which: impl Fn(&Row) -> bool) -> Vec<Row> {
        let outbox = self.parcels.outbox();
        let mut changes = outbox.changes();
        let at_hand = |row: &Row| {
            let up = |hub| self.unreachable_since(&hub).is_none();
            which(row) && may_be_collected(row) && row.way.hub().is_some_and(up)
        };
        let gone = async {
            while outbox.any(at_hand) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let patience = Duration::from_millis(limits::TAKEN_BACK_MS);
        // What is left then is told.
        let _late = tokio::time::timeout(patience, gone).await;
        outbox.rows(|row| which(row) && may_be_collected(row))
    }
}

/// Whether the addressee may get it still, as far as is known here.
fn may_be_collected(row: &Row) -> bool {
    match row.state {
        State::Made => matches!(row.way, Way::Hub(_)),
        State::Lies | State::Unwanted { .. } => true,
        State::Gone { .. } => false,
    }
}
