//! What peers keep of each other beside records: the head of the other's audit log, so that a
//! tail that was cut off there is missed by somebody.

use bytes::Bytes;
use liaison_protocol::audit::{SignedHead, VerifiedHead};
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::Notice;

use super::Sync;
use crate::store::{Op, StoreError};

/// Prefix of the stored values that hold the newest head of each peer's log, by agency.
const WITNESS: &str = "witness/";
/// Prefix of the stored values that hold a head which a newer one does not follow: an alarm.
pub(crate) const CONTRADICTED: &str = "witness-before/";
/// Prefix of the stored values that hold what each peer says that it holds of our log.
pub(crate) const HELD: &str = "held/";
/// Prefix of the stored values that hold the last that each peer held of the log before it was
/// begun anew.
pub(crate) const HELD_BEFORE: &str = "held-before/";

/// Prefix of the stored values that hold a head of our log that a peer holds and that our log
/// contradicts: an alarm. The first stays.
pub(crate) const HELD_AGAINST: &str = "held-against/";

/// What a peer is told of what we hold of it.
pub(super) async fn held(sync: &Sync, agency: &AgencyId) -> Result<Notice, StoreError> {
    let held = sync
        .share
        .store
        .meta(&format!("{WITNESS}{}", agency.full()))?;
    Ok(Notice::Held {
        head: held.map(|bytes| bytes.to_vec()),
        clock: sync.ingest.newest().of(agency).await?,
    })
}

/// What a peer is to keep of ours.
pub(super) fn head(head: &Bytes) -> Notice {
    Notice::Witness {
        head: head.to_vec(),
    }
}

/// Takes note of what a peer says.
pub(super) async fn noticed(
    sync: &Sync,
    agency: AgencyId,
    notice: Notice,
) -> Result<(), StoreError> {
    match notice {
        Notice::Witness { head } => witness(sync, agency, head.into()).await,
        Notice::Held {
            head: Some(head), ..
        } => {
            let head: Bytes = head.into();
            let own = sync.share.registry.own();
            let ours = SignedHead::parse(head.clone()).ok().and_then(|signed| {
                let keys = sync.share.registry.keys(&own)?;
                signed.verify_also_lost(&keys).ok()
            });
            // Only what we signed counts: a peer can't accuse us of what we never said.
            let Some(ours) = ours else {
                tracing::warn!(peer = %sync.share.registry.alias(&agency), "it shows a head of our audit log that is not ours");
                return Ok(());
            };
            let contradicted = compare(sync, &agency, &ours).await?;
            let current = sync.share.audit.state().borrow().chain;
            // Of a chain that ended with a restore, the last that was seen tells what was lost.
            let prefix = if ours.head().chain == current {
                HELD
            } else {
                HELD_BEFORE
            };
            put(sync, prefix, &agency, head).await?;
            if ours.is_key_lost() {
                return Ok(());
            }
            let head = ours.head();
            sync.set_back.shows(agency, head, contradicted).await?;
            if sync.share.audit.state().borrow().chain != current {
                let bytes = ours.bytes().clone();
                put(sync, HELD_BEFORE, &agency, bytes).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Compares a head of ours that a peer holds with our log, before a newer one takes its place
/// there. One that our log contradicts is kept: nothing that is written later makes it fit.
/// Whether it is contradicted.
async fn compare(sync: &Sync, by: &AgencyId, ours: &VerifiedHead) -> Result<bool, StoreError> {
    // A thief of the key may have made it up.
    if ours.is_key_lost() {
        return Ok(false);
    }
    let peer = sync.share.registry.alias(by);
    match sync.share.audit.contradicts(*ours.head()).await {
        Ok(false) => Ok(false),
        Ok(true) => {
            tracing::error!(%peer, line = ours.head().lines, "our audit log is not the one that this peer witnessed: it was cut off or rewritten");
            let name = format!("{HELD_AGAINST}{}", by.full());
            if sync.share.store.meta(&name)?.is_none() {
                put(sync, HELD_AGAINST, by, ours.bytes().clone()).await?;
            }
            Ok(true)
        }
        Err(error) => {
            tracing::error!(%peer, %error, "what it holds of our audit log was not compared");
            Ok(false)
        }
    }
}

/// What a peer is told of a head of its that a later one of it contradicted.
pub(super) fn contradicted(sync: &Sync, agency: &AgencyId) -> Result<Option<Notice>, StoreError> {
    let name = format!("{CONTRADICTED}{}", agency.full());
    Ok(sync.share.store.meta(&name)?.map(|head| Notice::Held {
        head: Some(head.to_vec()),
        clock: None,
    }))
}

/// Keeps a peer's newest head. One that does not follow from what is kept is an alarm, and
/// the one before it is kept as well.
async fn witness(sync: &Sync, agency: AgencyId, bytes: Bytes) -> Result<(), StoreError> {
    let registry = &sync.share.registry;
    let verified = SignedHead::parse(bytes.clone()).ok().and_then(|signed| {
        let keys = registry.keys(&agency)?;
        signed.verify(&keys).ok()
    });
    let Some(new) = verified else {
        tracing::warn!(peer = %registry.alias(&agency), "the head of its audit log does not verify");
        return Ok(());
    };
    let name = format!("{WITNESS}{}", agency.full());
    if let Some(kept) = sync.share.store.meta(&name)?
        && let Ok(old) = SignedHead::parse(kept.clone())
    {
        let (new, old) = (new.head(), old.unverified());
        if new.chain == old.chain && new.lines == old.lines && new.digest == old.digest {
            return Ok(());
        }
        // An older one, from a second session, says nothing new.
        let late = new.chain == old.chain && new.at < old.at;
        if late {
            return Ok(());
        }
        let follows = new.chain == old.chain && new.lines > old.lines;
        if !follows {
            tracing::error!(peer = %registry.alias(&agency), "its audit log was cut short, rewritten or begun anew");
            put(sync, CONTRADICTED, &agency, kept).await?;
            // The one that was contradicted stays: it is the one that convicts.
            if new.chain == old.chain {
                return Ok(());
            }
        }
    }
    put(sync, WITNESS, &agency, bytes).await
}

async fn put(sync: &Sync, prefix: &str, agency: &AgencyId, bytes: Bytes) -> Result<(), StoreError> {
    let name = format!("{prefix}{}", agency.full());
    sync.share
        .store
        .write(vec![Op::PutMeta { name, bytes }])
        .await
        .map(|_| ())
}
