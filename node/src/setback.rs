//! A virtual machine that was set back to an older state does not know that it was. Its peers
//! do: each tells, when a session begins, when the newest record of ours that it holds was made,
//! and the newest head of our audit log. If they are ahead of us, the node draws a new store
//! incarnation and signs nothing until it was told what it lacks.
//!
//! A head is proof: nobody else could have signed it. A time is a claim: a peer that makes one up
//! stops the node for [`limits::SET_BACK_PROOF_MS`] at most, and is not believed again until the
//! node is started anew; an administrator ends the wait sooner (`restore release`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::audit::AuditHead;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use tokio::sync::watch;

use crate::audit::{Act, Audit, Entry, Who};
use crate::catchup::{CatchUp, Reason};
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::limits;
use crate::registry::Registry;
use crate::store::{Incarnation, Op, Store, StoreError};

/// Name of the stored value that holds how far our own records reach by all that peers told.
const REACHED: &str = "set-back/reached";

/// Notices that the machine was set back. Clones share it.
#[derive(Clone)]
pub struct SetBack(Arc<Shared>);

struct Shared {
    store: Store,
    registry: Registry,
    catch_up: CatchUp,
    ingest: Ingest,
    audit: Audit,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// One claim at a time.
    taking: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    claims: BTreeMap<AgencyId, Claim>,
    /// Who claimed what it did not show, and the time that it claimed.
    disbelieved: BTreeMap<AgencyId, Millis>,
}

/// What a peer says that it holds of us.
#[derive(Clone, Copy, Debug)]
struct Claim {
    holds: Millis,
    /// When it said so.
    said: Millis,
    /// Our own newest record then.
    newest: Option<Millis>,
    /// Whether we signed what it shows.
    proven: bool,
}

impl SetBack {
    /// Takes up what the node waited for when it stopped.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load(
        store: Store,
        registry: Registry,
        catch_up: CatchUp,
        ingest: Ingest,
        audit: Audit,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let own = registry.own();
        let reached = store.meta(REACHED)?;
        if let Some(reached) = reached.and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok()) {
            let reached = Millis(u64::from_be_bytes(reached));
            ingest.newest().reached(own, reached);
        }
        let mut inner = Inner::default();
        if let Some(waiting) = catch_up.waiting()
            && let Reason::SetBack { by, holds, proven } = waiting.reason
        {
            for agency in waiting.agencies {
                let claim = Claim {
                    holds,
                    said: clock.now(),
                    // What came before this start is not known: only time ends it.
                    newest: Some(Millis(u64::MAX)),
                    proven: proven && agency == by,
                };
                inner.claims.insert(agency, claim);
            }
        }
        Ok(Self(Arc::new(Shared {
            store,
            registry,
            catch_up,
            ingest,
            audit,
            clock,
            inner: Mutex::new(inner),
            taking: tokio::sync::Mutex::new(()),
            changes: watch::Sender::new(0),
        })))
    }

    /// A peer says when the newest record of ours that it holds was made.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn claims(&self, by: AgencyId, holds: Millis) -> Result<(), StoreError> {
        let newest = self.newest().await?;
        if newest.is_some_and(|newest| holds <= newest) {
            return Ok(());
        }
        if self.lock().disbelieved.contains_key(&by) {
            let peer = self.0.registry.alias(&by);
            tracing::debug!(%peer, "it claims again to hold newer records of ours; it is not believed");
            return Ok(());
        }
        self.take(by, holds, newest, false).await
    }

    /// A peer shows a head of our audit log, which verifies under our key. It proves that the
    /// machine was set back if our log does not reach to it, or if it is `contradicted`: another
    /// line stands at its place, because the log has gone on since the machine was set back.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn shows(
        &self,
        by: AgencyId,
        head: &AuditHead,
        contradicted: bool,
    ) -> Result<(), StoreError> {
        let is_ahead = {
            let log = self.0.audit.state();
            let log = log.borrow();
            head.chain == log.chain && (head.lines > log.lines || contradicted)
        };
        if !is_ahead {
            return Ok(());
        }
        let newest = self.newest().await?;
        self.take(by, head.at, newest, true).await?;
        // What is written from here on is another chain, which says where the last one ended.
        let peer = self.0.registry.alias(&by);
        if let Err(error) = self.0.audit.set_back(*head, by, contradicted).await {
            tracing::error!(%peer, %error, "that the machine was set back is not in the audit log");
        }
        Ok(())
    }

    /// Whoever claimed to hold newer records of ours and did not show them, with the time that
    /// it claimed.
    pub fn disbelieved(&self) -> BTreeMap<AgencyId, Millis> {
        self.lock().disbelieved.clone()
    }

    /// Ends each wait: when the peer told all, and for a claim that was not proven, in time.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.0.changes.subscribe();
        let mut waiting = self.0.catch_up.changes();
        loop {
            let due = match self.look().await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "for whom the node waits could not be looked at");
                    None
                }
            };
            let now = self.0.clock.now();
            let wait = async {
                match due {
                    Some(due) => self.0.clock.wait(now, due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                changed = changes.changed() => if changed.is_err() { return },
                changed = waiting.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
        }
    }

    /// Settles what can be settled now; when to look again.
    async fn look(&self) -> Result<Option<Millis>, StoreError> {
        let claimants: Vec<AgencyId> = self.lock().claims.keys().copied().collect();
        let now = self.0.clock.now();
        let mut next: Option<Millis> = None;
        for by in claimants {
            let Some(claim) = self.lock().claims.get(&by).copied() else {
                continue;
            };
            if !self.0.catch_up.waits_for(&by) {
                self.lock().claims.remove(&by);
                self.passes(claim.holds).await?;
                continue;
            }
            // Nothing is signed meanwhile: what is newer came from outside, under our signature.
            if claim.proven || self.newest().await? > claim.newest {
                continue;
            }
            let due = Millis(claim.said.0.saturating_add(limits::SET_BACK_PROOF_MS));
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let peer = self.0.registry.alias(&by);
            tracing::warn!(%peer, "it claims to hold newer records of ours and showed none: it is not believed, and records are signed again");
            {
                let mut inner = self.lock();
                inner.claims.remove(&by);
                inner.disbelieved.insert(by, claim.holds);
            }
            self.passes(claim.holds).await?;
            self.0.catch_up.release(&BTreeSet::from([by])).await?;
        }
        Ok(next)
    }

    async fn take(
        &self,
        by: AgencyId,
        holds: Millis,
        newest: Option<Millis>,
        proven: bool,
    ) -> Result<(), StoreError> {
        let _alone = self.0.taking.lock().await;
        let reason = Reason::SetBack { by, holds, proven };
        let waits = self.0.catch_up.waits_for(&by);
        match self.0.catch_up.waiting().map(|w| w.reason) {
            // It waits for all of them already, and signs nothing.
            Some(Reason::Restored { .. }) => return Ok(()),
            Some(Reason::SetBack { .. }) if waits => {
                let proves = {
                    let mut inner = self.lock();
                    let Some(claim) = inner.claims.get_mut(&by) else {
                        return Ok(());
                    };
                    claim.holds = claim.holds.max(holds);
                    let proves = proven && !claim.proven;
                    claim.proven |= proven;
                    proves
                };
                if proves {
                    self.0.catch_up.begin(reason, BTreeSet::from([by])).await?;
                }
                return Ok(());
            }
            _ => {
                let claim = Claim {
                    holds,
                    said: self.0.clock.now(),
                    newest,
                    proven,
                };
                self.lock().claims.insert(by, claim);
            }
        }
        self.0.catch_up.begin(reason, BTreeSet::from([by])).await?;
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
        // What peers remember of the arrivals of this store is void.
        let incarnation = Incarnation(rand::random());
        self.0
            .store
            .write(vec![Op::Reincarnate(incarnation)])
            .await?;
        let peer = self.0.registry.alias(&by);
        tracing::error!(%peer, holds = holds.0, proven, "it holds newer records of ours than we do: nothing is signed until it was heard from");
        let entry = Entry {
            peers: vec![by],
            outcome: Some(if proven { "proven" } else { "claimed" }.into()),
            ..Entry::new(Who::Node, Act::Administer, "machine set back")
        };
        if let Err(error) = self.0.audit.write(vec![entry]).await {
            tracing::error!(%error, "that the machine may have been set back is not in the audit log");
        }
        Ok(())
    }

    /// One claim ended at this time. It proves no other: what is newest by that alone came from
    /// nobody.
    async fn passes(&self, holds: Millis) -> Result<(), StoreError> {
        let before = self.newest().await?;
        self.reached(holds).await?;
        let after = self.newest().await?;
        let mut inner = self.lock();
        for claim in inner.claims.values_mut() {
            if before <= claim.newest {
                claim.newest = claim.newest.max(after);
            }
        }
        Ok(())
    }

    /// What is signed from now on is later than what a peer holds, and it is asked for no more:
    /// a record that was erased there meanwhile does not come back.
    async fn reached(&self, holds: Millis) -> Result<(), StoreError> {
        let most = self.0.clock.now().0;
        let most = most.saturating_add(liaison_protocol::limits::CLOCK_AHEAD_MS);
        let reached = Millis(holds.0.min(most));
        let own = self.0.registry.own();
        self.0.ingest.newest().reached(own, reached);
        let clock = self.0.ingest.witness(reached);
        let op = Op::PutMeta {
            name: REACHED.into(),
            bytes: reached.0.to_be_bytes().to_vec().into(),
        };
        self.0.store.write(vec![op, clock]).await.map(|_| ())
    }

    async fn newest(&self) -> Result<Option<Millis>, StoreError> {
        let own = self.0.registry.own();
        self.0.ingest.newest().of(&own).await
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
