//! What a change lets a peer have no more is asked back, where a person said so.

use liaison_protocol::id::{AgencyId, RecordId};

use super::api::{ApiError, Recalled};
use crate::node::Node;
use crate::policy::Engine;
use crate::share::{Effect, Step};

use std::collections::BTreeMap;
use std::sync::Arc;

impl Node {
    /// Asks back what was released to peers under `before` and what the policy in force now
    /// does not let them have. Looked up after the change: what was on its way meanwhile is
    /// in the ledger by then.
    ///
    /// # Errors
    /// The store can't be read or written. What was asked back until then stays so.
    pub(super) async fn recall_stopped(
        &self,
        before: Arc<Engine>,
    ) -> Result<Vec<Recalled>, ApiError> {
        let after = self.policies.current();
        let node = self.clone();
        let held = tokio::task::spawn_blocking(move || held_and_stopped(&node, &before, &after))
            .await
            .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
        let mut recalled = Vec::new();
        for (agency, records) in held {
            recalled.push(Recalled {
                peer: self.registry.alias(&agency),
                records: records.len() as u64,
            });
        }
        recalled.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(recalled)
    }
}

fn held_and_stopped(
    node: &Node,
    before: &Engine,
    after: &Engine,
) -> Result<BTreeMap<AgencyId, Vec<RecordId>>, ApiError> {
    let mut held: BTreeMap<AgencyId, Vec<RecordId>> = BTreeMap::new();
    node.share.changes(before, after, |step| {
        if let Step::Changed(changed) = step
            && changed.effect == (Effect::Stops { held: true })
        {
            held.entry(*changed.peer)
                .or_default()
                .push(changed.header.id);
        }
    })?;
    Ok(held)
}
