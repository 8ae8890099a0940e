//! Hubs: nodes that carry for others what they cannot read. Any node is one that has `[hub]`
//! in its configuration.
//!
//! A hub relays circuits, and keeps parcels for agencies that are offline in its
//! [`mailbox`]. It serves linked peers only; for whom it keeps parcels of whom, its policy
//! says (`carry`, default deny). [`LEARNS`] lists all that it gets to know by that.

mod book;
pub mod config;
mod learns;
pub mod mailbox;
mod serve;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::mailbox::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub use self::book::Deed;
use self::book::{Book, Write};
pub use self::config::{HubConfig, HubConfigError, HubsConfig};
pub use self::learns::{LEARNS, Learnt};
use self::mailbox::{Held, Mailbox, MailboxError, Room};
use crate::audit::Audit;
use crate::clock::Clock;
use crate::limits;
use crate::policy::{Action, Decision, Policies, attributes_of_parcel};
use crate::registry::Registry;
use crate::time::Timekeeper;

/// What a hub does for others, beside relaying circuits. Clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Parts>);

/// A policy epoch, and whether it lets the first agency leave parcels for the second.
type Carried = (u64, HashMap<(AgencyId, AgencyId), bool>);

struct Parts {
    mailbox: Mailbox,
    policies: Arc<Policies>,
    registry: Registry,
    audit: Audit,
    clock: Arc<dyn Clock>,
    time: Timekeeper,
    book: Book,
    /// What the policy of an epoch says of pairs of agencies.
    carried: Mutex<Carried>,
    /// Tells that lines wait which are too many, and that some are the first of their kind.
    full: tokio::sync::Notify,
    first: tokio::sync::Notify,
    /// Tells that a parcel came which ends before the others.
    sooner: tokio::sync::Notify,
    /// Mailbox streams of each agency.
    seats: Mutex<HashMap<AgencyId, Arc<Semaphore>>>,
}

impl Hub {
    /// Puts it together.
    pub fn new(
        mailbox: Mailbox,
        policies: Arc<Policies>,
        registry: Registry,
        audit: Audit,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
    ) -> Self {
        Self(Arc::new(Parts {
            mailbox,
            policies,
            registry,
            audit,
            clock,
            time,
            book: Book::default(),
            carried: Mutex::default(),
            full: tokio::sync::Notify::new(),
            first: tokio::sync::Notify::new(),
            sooner: tokio::sync::Notify::new(),
            seats: Mutex::default(),
        }))
    }

    /// Its parcels.
    pub fn mailbox(&self) -> &Mailbox {
        &self.0.mailbox
    }

    /// What was refused since the start, by reason.
    pub fn refused(&self) -> Vec<(Refusal, u64)> {
        self.0.book.refused()
    }

    /// What policy says of keeping parcels of one agency for another.
    pub fn decide(&self, from: &AgencyId, to: &AgencyId) -> Decision {
        let parcel = attributes_of_parcel(*from, &self.0.registry.country(from));
        let engine = self.0.policies.current();
        engine.decide(Action::Carry, to, &parcel, true)
    }

    /// Whether parcels of one agency are kept for another, and given to it: both are linked
    /// peers, and policy says so.
    pub fn carries(&self, from: &AgencyId, to: &AgencyId) -> bool {
        let registry = &self.0.registry;
        if !registry.is_peer(from) || !registry.is_peer(to) || from == to {
            return false;
        }
        let epoch = self.0.policies.current().epoch();
        let known = || {
            self.0
                .carried
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        {
            let mut known = known();
            if known.0 != epoch {
                *known = (epoch, HashMap::new());
            }
            if let Some(carried) = known.1.get(&(*from, *to)) {
                return *carried;
            }
        }
        let carried = self.decide(from, to).allow;
        let mut known = known();
        if known.0 == epoch && known.1.len() < limits::HUB_PAIRS {
            known.1.insert((*from, *to), carried);
        }
        carried
    }

    /// A place for one more mailbox stream of an agency, if there is one.
    fn seat(&self, agency: AgencyId) -> Option<OwnedSemaphorePermit> {
        let mut seats = self.0.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|_, seat| Arc::strong_count(seat) > 1);
        let seat = seats.entry(agency);
        let seat = seat.or_insert_with(|| Arc::new(Semaphore::new(limits::HUB_STREAMS)));
        seat.clone().try_acquire_owned().ok()
    }

    /// Notes what happened to parcels, for the audit log.
    fn note(&self, deed: Deed, parcels: &[Held]) {
        match self.0.book.note(deed, parcels) {
            Some(Write::All) => self.0.full.notify_one(),
            Some(Write::First) => self.0.first.notify_one(),
            None => {}
        }
    }

    /// Deletes what ends and what is of or for an agency that is no peer any more, and writes
    /// the audit log, until the node stops.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut peers = self.0.registry.changes();
        let mut believed = self.0.time.changes();
        let mut audit = tokio::time::interval(Duration::from_millis(limits::HUB_AUDIT_MS));
        peers.mark_changed();
        loop {
            let seen = self.0.clock.now();
            let due = self.expire(seen).await;
            tokio::select! {
                () = self.0.clock.wait(seen, due) => {}
                changed = peers.changed() => match changed {
                    Ok(()) => self.cut().await,
                    Err(_) => break,
                },
                changed = believed.changed() => if changed.is_err() { break },
                _ = audit.tick() => self.write_audit(Write::All).await,
                () = self.0.sooner.notified() => {}
                () = self.0.full.notified() => self.write_audit(Write::All).await,
                () = self.0.first.notified() => self.write_audit(Write::First).await,
                _ = stop.changed() => break,
            }
        }
        self.write_audit(Write::All).await;
    }

    /// Deletes what has ended, if the clock is believed; when to look again.
    async fn expire(&self, seen: Millis) -> Millis {
        if let Ok(now) = self.0.time.trusted() {
            let gone = self.0.mailbox.expire(now).await;
            self.deleted(Deed::Expired, gone);
        }
        let hour = Millis(seen.0.saturating_add(limits::SWEEP_EVERY_MS));
        match self.0.mailbox.next_end() {
            Some(end) if end > seen => end.min(hour),
            _ => hour,
        }
    }

    /// Deletes what is of or for an agency that is no peer any more.
    async fn cut(&self) {
        let registry = &self.0.registry;
        let gone = self.0.mailbox.keep_only(|a| registry.is_peer(a)).await;
        self.deleted(Deed::Cut, gone);
    }

    fn deleted(&self, deed: Deed, gone: Result<Vec<Held>, MailboxError>) {
        match gone {
            Ok(gone) => self.note(deed, &gone),
            Err(error) => tracing::error!(%error, "a parcel is not off the disk"),
        }
    }

    async fn write_audit(&self, what: Write) {
        if let Err(error) = self.0.book.write(&self.0.audit, what).await {
            tracing::error!(%error, "what the hub carried is not in the audit log yet");
        }
    }
}

/// How much a mailbox may hold, as configured.
pub fn room(config: &HubConfig) -> Room {
    let bytes = |mb: u64| mb.saturating_mul(1024 * 1024);
    Room {
        parcels: config.parcels_per_agency as u64,
        bytes: bytes(config.mailbox_mb_per_agency),
        total: bytes(config.mailbox_mb),
    }
}
