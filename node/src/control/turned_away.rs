//! Whoever is turned away is written down; who is turned away again and again, in few lines, so
//! that nobody without a role pushes what others did out of the audit log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{AuditError, Entry};
use crate::limits;
use crate::node::Node;

/// How often each user was turned away lately. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct TurnedAways(Arc<Mutex<BTreeMap<u32, u64>>>);

impl TurnedAways {
    /// Writes down that a user was turned away, now or with the others of the same span.
    pub(super) async fn write(
        &self,
        node: &Node,
        uid: u32,
        entry: Entry,
    ) -> Result<(), AuditError> {
        let times = self.again(uid);
        if times == 1 {
            node.spawn(self.clone().sum_up(node.clone(), uid, entry.clone()));
        }
        if times > limits::AUDIT_TURN_AWAYS {
            return Ok(());
        }
        node.audit.write(vec![entry]).await.map(|_| ())
    }

    fn again(&self, uid: u32) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry(uid).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// At the end of the span, or of the node: one line for what was not written.
    async fn sum_up(self, node: Node, uid: u32, first: Entry) {
        let mut stop = node.stopping();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(limits::AUDIT_TURN_AWAY_MS)) => {}
            _ = stop.changed() => {}
        }
        let times = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(&uid).unwrap_or_default()
        };
        let Some(more) = times
            .checked_sub(limits::AUDIT_TURN_AWAYS)
            .filter(|n| *n > 0)
        else {
            return;
        };
        let entry = Entry {
            count: Some(more),
            outcome: Some(format!("turned away {more} times more")),
            by: "api".into(),
            ..first
        };
        if let Err(error) = node.audit.write(vec![entry]).await {
            tracing::error!(uid, more, %error, "calls that were turned away are not in the audit log");
        }
    }
}
