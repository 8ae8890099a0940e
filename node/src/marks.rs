//! Marks on what is held under a key that was revoked since: it may be a thief's.

use liaison_protocol::id::AgencyId;
use liaison_protocol::key::PublicKey;
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::signed::SignedRecord;

use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::registry::Registry;
use crate::store::{Arrival, Flags, Op, Store, StoreError};

impl Node {
    /// Marks what is held under keys that were compromised, whenever a card says so of one.
    pub(crate) async fn mark_keys(self) {
        // What the last run left undone belongs to the same keys.
        if let Err(error) = self.ingest.resume_reopening().await {
            tracing::error!(%error, "what was affirmed is offered again after the next start only");
        }
        let mut stop = self.stopping();
        let mut changes = self.registry.changes();
        changes.mark_changed();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            for agency in self.registry.with_lost_keys() {
                let (store, registry) = (self.store.clone(), self.registry.clone());
                let work = move || mark(&store, &registry, agency);
                match tokio::task::spawn_blocking(work).await {
                    Ok(Ok(0)) => {}
                    Ok(Ok(marked)) => {
                        let peer = self.registry.alias(&agency);
                        tracing::warn!(%peer, marked, "records under a revoked key are marked");
                    }
                    Ok(Err(error)) => tracing::error!(%error, "records were not marked"),
                    Err(_) => return,
                }
            }
        }
    }
}

/// Marks an agency's records under keys that do not stand; how many. For the same keys it goes
/// on where it ended: what was judged before a key was revoked may be stored after a look, and
/// whoever stores it is killed before it is marked.
fn mark(store: &Store, registry: &Registry, agency: AgencyId) -> Result<u64, StoreError> {
    let Some(keys) = registry.keys(&agency) else {
        return Ok(0);
    };
    let lost: Vec<PublicKey> = keys
        .signing_keys()
        .map(|(key, _, _)| key)
        .filter(|key| !keys.stands(key))
        .collect();
    let mut done: Vec<u8> = lost.iter().flat_map(|key| *key.as_bytes()).collect();
    let name = format!("marked/{}", agency.full());
    let before = store.meta(&name)?;
    let ended = before.as_ref().and_then(|b| b.strip_prefix(&done[..]));
    let ended = ended.and_then(|at| <[u8; 8]>::try_from(at).ok());
    let ended = ended.map(|at| Arrival(u64::from_be_bytes(at)));
    let mut marked = 0;
    let mut from = ended.unwrap_or(Arrival(0));
    loop {
        let rows = store.headers(from.next(), limits::STORE_ROWS)?;
        let Some((last, _)) = rows.last() else { break };
        from = *last;
        let mut ops = Vec::new();
        for (arrival, header) in rows {
            let skip = header.author != agency
                || header.flags.contains(Flags::KEY_LOST)
                || kind::of(&header) == Some(Kind::Contact);
            if skip {
                continue;
            }
            let signed = store.record(arrival)?;
            let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
            if signed.is_some_and(|signed| lost.contains(&signed.key())) {
                marked += 1;
                ops.push(Op::SetFlags {
                    arrival,
                    set: Flags::KEY_LOST,
                    clear: Flags::NONE,
                });
            }
        }
        for some in ops.chunks(limits::STORE_BATCH_OPS) {
            store.write_blocking(some.to_vec())?;
        }
    }
    if ended != Some(from) {
        done.extend(from.0.to_be_bytes());
        let bytes = done.into();
        store.write_blocking(vec![Op::PutMeta { name, bytes }])?;
    }
    Ok(marked)
}
