//! After a change of policy or peers: what a peer may have no more is asked back, where a
//! person said so; what was asked back before and may go again is offered anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::RecallReason;

use super::api::{ApiError, Recalled};
use crate::node::Node;
use crate::policy::Engine;
use crate::share::{Effect, Step};

impl Node {
    /// With `recall`, asks back what was released to peers under `before` and what the policy
    /// in force now does not let them have. Looked up after the change: what was on its way
    /// meanwhile is in the ledger by then.
    ///
    /// # Errors
    /// The store can't be read or written. What was asked back until then stays so.
    pub(super) async fn settle_change(
        &self,
        before: Arc<Engine>,
        recall: bool,
    ) -> Result<Vec<Recalled>, ApiError> {
        let after = self.policies.current();
        let node = self.clone();
        let found = tokio::task::spawn_blocking(move || Found::look(&node, &before, &after))
            .await
            .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
        for (agency, records) in found.again {
            self.sync.offer_again(&agency, records);
        }
        let mut recalled = Vec::new();
        if !recall {
            return Ok(recalled);
        }
        for (agency, records) in found.held {
            let made = self.recall(&records, &agency, RecallReason::Policy).await?;
            recalled.push(Recalled {
                peer: self.registry.alias(&agency),
                records: made.len() as u64,
            });
        }
        recalled.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(recalled)
    }
}

/// Records by peer, as a change concerns them.
#[derive(Default)]
struct Found {
    /// Released, and not to be had any more.
    held: BTreeMap<AgencyId, Vec<RecordId>>,
    /// Recalled, and to be had again.
    again: BTreeMap<AgencyId, Vec<RecordId>>,
}

impl Found {
    fn look(node: &Node, before: &Engine, after: &Engine) -> Result<Self, ApiError> {
        let mut found = Self::default();
        if before.fingerprint() == after.fingerprint() {
            return Ok(found);
        }
        node.share.changes(before, after, |step| {
            let Step::Changed(changed) = step else { return };
            let list = match changed.effect {
                Effect::Stops { held: true } => &mut found.held,
                Effect::Flows { again: true } => &mut found.again,
                Effect::Stops { held: false } | Effect::Flows { again: false } => return,
            };
            list.entry(*changed.peer)
                .or_default()
                .push(changed.header.id);
        })?;
        Ok(found)
    }
}
