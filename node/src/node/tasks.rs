//! What a node does by itself, for as long as it runs.

use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

use super::{Node, NodeError, run_blocking};
use crate::cardfile::CardFile;
use crate::limits;

impl Node {
    /// Cards and peers changed: the transport and the policy hear of it.
    pub(super) async fn follow_registry(self) {
        let mut changes = self.registry.changes();
        let mut stop = self.stopping();
        changes.mark_changed();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            match self.swarm.set_peers(self.registry.linked()).await {
                Ok(faults) => {
                    for fault in faults {
                        tracing::warn!("{fault}");
                    }
                }
                Err(error) => tracing::error!(%error, "the transport did not take the peers"),
            }
        }
    }

    /// What came back with a backup was locked; what is unlocked opens.
    pub(super) async fn open_unlocked(self) {
        let mut changes = self.catch_up.changes();
        let mut stop = self.stopping();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            let vault = self.vault.clone();
            let opened = run_blocking(move || vault.open_all()).await;
            if let Err(error) = opened {
                tracing::error!(%error, "sealed records stay closed until the next start");
            }
        }
    }

    /// Peers that are being removed are unlinked when they have answered all that they are
    /// owed, or after [`limits::LEAVING_DAYS`].
    pub(super) async fn end_leaving(self) {
        let mut stop = self.stopping();
        let mut changes = self.registry.changes();
        let mut tick = tokio::time::interval(Duration::from_millis(limits::LEAVING_LOOK_MS));
        loop {
            let leaving: Vec<_> = self
                .registry
                .peers()
                .into_iter()
                .filter_map(|(agency, peer)| Some((agency, peer.leaving?)))
                .collect();
            for (agency, since) in &leaving {
                if let Err(error) = self.end_if_done(*agency, *since).await {
                    tracing::error!(%error, "a peer that is being removed stays linked");
                }
            }
            tokio::select! {
                _ = tick.tick(), if !leaving.is_empty() => {}
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
        }
    }

    async fn end_if_done(&self, agency: AgencyId, since: Millis) -> Result<(), NodeError> {
        let patience = limits::LEAVING_DAYS.saturating_mul(limits::DAY_MS);
        let overdue = self.clock.now().0 >= since.0.saturating_add(patience);
        let owed = || {
            let share = self.share.clone();
            run_blocking(move || share.unanswered(&agency))
        };
        if !overdue && !owed().await?.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.changing.lock().await;
        // Who removes it may have been about to call back what it holds.
        let owed = owed().await?;
        if !overdue && !owed.is_empty() {
            return Ok(());
        }
        // It may have been linked again meanwhile.
        if self.registry.is_leaving(&agency) {
            let peer = self.registry.alias(&agency);
            tracing::info!(%peer, unanswered = owed.len(), "the peer is removed");
            self.registry.unlink(&self.store, &agency).await?;
        }
        Ok(())
    }

    /// Records came in: the index hears of it.
    pub(super) async fn follow_store(self) {
        let mut arrivals = self.store.watch();
        let mut stop = self.stopping();
        loop {
            tokio::select! {
                changed = arrivals.changed() => if changed.is_err() { return },
                _ = stop.changed() => return,
            }
            // Two nodes that exchange many records need the processor for that: until the stream
            // of them ends, or for this long, queries read the newest from the store.
            let hold = tokio::time::sleep(Duration::from_millis(limits::INDEX_HOLD_MS));
            tokio::pin!(hold);
            loop {
                arrivals.mark_unchanged();
                let quiet = Duration::from_millis(limits::INDEX_QUIET_MS);
                tokio::select! {
                    () = &mut hold => break,
                    _ = stop.changed() => return,
                    more = tokio::time::timeout(quiet, arrivals.changed()) => match more {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) | Err(_) => break,
                    },
                }
            }
            let last = arrivals.borrow_and_update().0;
            self.search.added(last);
        }
    }

    /// Signs the audit log's head now and then; the sessions show it to the peers.
    pub(super) async fn sign_heads(self) {
        let mut stop = self.stopping();
        let mut tick = tokio::time::interval(Duration::from_millis(limits::AUDIT_HEAD_MS));
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.changed() => return,
            }
            if let Err(error) = self.audit.sign_head().await {
                tracing::error!(%error, "the head of the audit log was not signed");
            }
        }
    }

    /// Renews the keys statement, and sealing keys, in good time.
    pub(super) async fn renew(self) {
        let mut stop = self.stopping();
        let mut believed = self.time.changes();
        let mut peers = self.registry.changes();
        let mut due = self.clock.now();
        let mut hubs = Vec::new();
        loop {
            let seen = self.clock.now();
            if seen >= due {
                due = Millis(seen.0.saturating_add(limits::RENEW_LOOK_MS));
                hubs = self.registry.hubs();
                self.renew_now(hubs.clone()).await;
            }
            tokio::select! {
                () = self.clock.wait(seen, due) => {}
                // A hub that became a peer, or is none any more: the statement says so.
                changed = peers.changed() => match changed {
                    Ok(()) if self.registry.hubs() != hubs => due = seen,
                    Ok(()) => {}
                    Err(_) => return,
                },
                changed = believed.changed() => match changed {
                    Ok(()) => due = seen,
                    Err(_) => return,
                },
                _ = stop.changed() => return,
            }
        }
    }

    async fn renew_now(&self, hubs: Vec<AgencyId>) {
        let Ok(now) = self.time.trusted() else {
            return;
        };
        // A change of the signing key writes the new one before the card that names it.
        let _one_at_a_time = self.changing.lock().await;
        match self.renew_sealing(hubs, now).await {
            Ok((card, true)) => {
                if let Err(error) = self.take_card(&card).await {
                    tracing::error!(%error, "the new keys statement was not taken in");
                }
            }
            Ok((_, false)) => {}
            Err(error) => tracing::error!(%error, "the keys statement was not renewed"),
        }
    }

    /// Sealing keys come and go, and hubs; the keys statement lists them.
    async fn renew_sealing(
        &self,
        hubs: Vec<AgencyId>,
        now: Millis,
    ) -> Result<(CardFile, bool), NodeError> {
        let (keyring, home) = (self.keyring.clone(), self.home.clone());
        run_blocking(move || -> Result<_, NodeError> {
            let done = keyring.rotate(now)?;
            if !done.is_empty() {
                tracing::info!(
                    made = done.made.len(),
                    deleted = done.deleted.len(),
                    "sealing keys"
                );
            }
            Ok(home.renew_keys(keyring.listed(now), Some(hubs), now)?)
        })
        .await
    }
}
