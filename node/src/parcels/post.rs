//! What this agency has to do with each hub: it leaves parcels there for peers that are away,
//! takes them back, asks which are held, and collects its own.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Blame;
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::WireFault;
use tokio::task::JoinSet;

use super::outbox::Way;
use super::talk::{EndedBy, converse};
use super::whom::Absent;
use crate::limits;
use crate::node::Node;
use crate::store::StoreError;
use crate::swarm::SwarmError;

/// Why a conversation with a hub ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    #[error(transparent)]
    Wire(#[from] WireFault),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the hub says that it is another agency than its key belongs to. Telephone it before you go on"
    )]
    OtherAgency,
}

impl PostError {
    fn blame(&self) -> Option<Blame> {
        match self {
            PostError::Swarm(error) => Some(error.blame()),
            PostError::Wire(fault) => fault.blame(),
            PostError::OtherAgency => Some(Blame::Courier),
            PostError::Store(_) => Some(Blame::Local),
        }
    }
}

impl Node {
    /// Keeps up a conversation with every hub that there is something to do with, for as long as
    /// the node runs.
    pub(crate) async fn run_parcels(self) {
        let mut stop = self.stopping();
        let mut registry = self.registry.changes();
        let mut outbox = self.parcels.outbox().changes();
        let mut running: HashMap<AgencyId, tokio::task::AbortHandle> = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            let hubs = self.hubs_in_use();
            running.retain(|hub, task| {
                let stays = hubs.contains(hub);
                if !stays {
                    task.abort();
                }
                stays && !task.is_finished()
            });
            for hub in hubs {
                running
                    .entry(hub)
                    .or_insert_with(|| tasks.spawn(self.clone().with_hub(hub)));
            }
            tokio::select! {
                changed = registry.changed() => if changed.is_err() { break },
                changed = outbox.changed() => if changed.is_err() { break },
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Err(error) = ended
                        && error.is_panic()
                    {
                        tracing::error!(%error, "what is to be done with a hub failed; it is begun anew");
                    }
                }
                _ = stop.changed() => break,
            }
        }
        tasks.shutdown().await;
    }

    /// The hubs that are peers of ours: those that we collect from, those that a peer does, and
    /// those at which parcels of ours lie.
    fn hubs_in_use(&self) -> BTreeSet<AgencyId> {
        let mut hubs: BTreeSet<AgencyId> = self.registry.hubs().into_iter().collect();
        for peer in self.registry.peers().keys() {
            hubs.extend(self.registry.hubs_of_peer(peer));
        }
        hubs.extend(self.parcels.outbox().hubs());
        hubs.retain(|hub| self.registry.is_peer(hub));
        hubs
    }

    /// One hub, for as long as there is something to do with it.
    async fn with_hub(self, hub: AgencyId) {
        let mut pause = limits::SESSION_PAUSE_MS;
        loop {
            self.wait_for_errand(hub).await;
            let mut opened = false;
            let done = converse(&self, hub, &mut opened).await;
            if *self.stopping().borrow() {
                return;
            }
            if opened {
                pause = limits::SESSION_PAUSE_MS;
            }
            // What made the stream end may have changed what the hub keeps.
            if !matches!(done, Ok(EndedBy::Us)) {
                self.parcels.ask_hub_again(&hub);
            }
            if let Err(error) = done {
                self.report_hub(hub, &error);
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(limits::HUB_PAUSE_MAX_MS);
        }
    }

    fn report_hub(&self, hub: AgencyId, error: &PostError) {
        let peer = self.registry.alias(&hub);
        let blame = error.blame();
        match blame {
            Some(Blame::Courier) => tracing::warn!(%peer, blame = %Blame::Courier, "{error}"),
            Some(Blame::Local) if matches!(error, PostError::Store(_)) => {
                tracing::error!(%peer, "{error}");
            }
            _ => tracing::info!(%peer, "{error}"),
        }
        // A line that went quiet is nothing that was done; nor is a clock that was set forward.
        let hindrance = matches!(
            error,
            PostError::Swarm(SwarmError::Unsupported { .. })
                | PostError::Wire(WireFault::Silent { .. })
        );
        if hindrance {
            self.parcels.note_hindrance(hub, error.to_string());
        } else if blame == Some(Blame::Courier) {
            self.parcels.note_fault(hub, error.to_string());
        }
    }

    /// Ends when the hub is connected and there is something to do there.
    async fn wait_for_errand(&self, hub: AgencyId) {
        let mut links = self.swarm.links();
        let mut outbox = self.parcels.outbox().changes();
        let mut woken = self.parcels.changes();
        let mut arrivals = self.store.watch();
        let mut registry = self.registry.changes();
        loop {
            let up = links
                .borrow_and_update()
                .iter()
                .any(|link| link.agency == hub && link.is_up());
            let seen = self.clock.now();
            let absent = self.absent_through(&hub);
            if up && self.has_errand(hub, &absent) {
                return;
            }
            let due = absent.next.unwrap_or(Millis(u64::MAX));
            tokio::select! {
                changed = links.changed() => if changed.is_err() { std::future::pending::<()>().await },
                Ok(()) = outbox.changed() => {}
                Ok(()) = woken.changed() => {}
                Ok(()) = arrivals.changed() => {}
                Ok(()) = registry.changed() => {}
                () = self.clock.wait(seen, due) => {}
            }
        }
    }

    pub(super) fn has_errand(&self, hub: AgencyId, absent: &Absent) -> bool {
        let ours = self.registry.hubs().contains(&hub);
        let rows = || self.parcels.outbox().any(|row| row.way == Way::Hub(hub));
        // A hub that refused is listened to: it ends the stream when its policy changes.
        ours || rows() || !absent.peers.is_empty() || absent.refused
    }
}
