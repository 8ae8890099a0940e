//! Is the node well, and is it of use?

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::control::in_force;
use crate::limits;
use crate::node::Node;
use crate::store::Op;

/// Name of the stored value that is written to see whether the store writes.
const PROBE: &str = "health/probe";

/// The answer of `/healthz` and `/readyz`: with no reason it is 200, else 503.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether there is no reason against it.
    pub ok: bool,
    /// What is wrong.
    pub reasons: Vec<Reason>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `store`, `audit`, `policy`, `listening`, `clock`, `catch-up`.
    pub what: String,
    /// In words, with what to type next.
    pub says: String,
}

/// When the store was last written to, and what came of it.
#[derive(Default)]
pub(super) struct Probe(Option<(Instant, Option<String>)>);

impl Health {
    fn of(reasons: Vec<Reason>) -> Self {
        Self {
            ok: reasons.is_empty(),
            reasons,
        }
    }
}

fn reason(what: &str, says: impl Into<String>) -> Reason {
    Reason {
        what: what.into(),
        says: says.into(),
    }
}

/// Whether the process runs and its store and audit log can be written.
pub(super) async fn live(node: &Node) -> Health {
    let mut reasons = Vec::new();
    if let Some(says) = probe(node).await {
        reasons.push(reason("store", says));
    }
    if let Some(fault) = node.audit.state().borrow().fault.clone() {
        reasons.push(reason("audit", fault));
    }
    Health::of(reasons)
}

/// Writes to the store, unless that was done just now.
async fn probe(node: &Node) -> Option<String> {
    let mut last = node.metrics.0.probe.lock().await;
    let fresh = Duration::from_millis(limits::METRICS_FRESH_MS);
    if let Some((at, says)) = &last.0
        && at.elapsed() < fresh
    {
        return says.clone();
    }
    let now = node.clock.now();
    let write = node.store.write(vec![Op::PutMeta {
        name: PROBE.into(),
        bytes: now.0.to_be_bytes().to_vec().into(),
    }]);
    let patience = Duration::from_millis(limits::METRICS_PROBE_MS);
    let says = match tokio::time::timeout(patience, write).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!(
            "the store did not write within {} s: look at the disk ('dmesg', 'iostat')",
            limits::METRICS_PROBE_MS / 1000
        )),
    };
    last.0 = Some((Instant::now(), says.clone()));
    says
}

/// Whether it exchanges records: policy, addresses, clock.
pub(super) fn ready(node: &Node) -> Health {
    let mut reasons = Vec::new();
    if let Err(error) = node.store.counts() {
        reasons.push(reason("store", error.to_string()));
    }
    match in_force(node) {
        Err(error) => reasons.push(reason("policy", error.to_string())),
        Ok(policy) if !policy.applied => reasons.push(reason(
            "policy",
            "no policy was applied: nothing is shared or taken in. 'liaison policy apply DIR'",
        )),
        Ok(policy) if !policy.proven => reasons.push(reason(
            "policy",
            "the policy in force was not proven. 'liaison policy prove' says what it breaks; apply it again with a proof",
        )),
        Ok(_) => {}
    }
    if node.swarm.listen_addrs().is_empty() {
        reasons.push(reason(
            "listening",
            "the node listens on no address: nobody can call it. Look at 'listen' in config.toml",
        ));
    }
    if let Err(doubt) = node.time.trusted() {
        reasons.push(reason("clock", doubt.to_string()));
    }
    if let Some(waiting) = node.catch_up.waiting() {
        let says = format!(
            "the node signs nothing until it has heard from {} agencies. 'liaison restore status' says which",
            waiting.agencies.len()
        );
        reasons.push(reason("catch-up", says));
    }
    Health::of(reasons)
}
