//! A conversation with a hub: one mailbox stream, from hello to end.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use futures::future::BoxFuture;
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Blame;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::parcel::{Parcel, ParcelFault};
use liaison_protocol::wire::mailbox::{
    Client, ClientEffect as Effect, ClientEvent as Event, Deposit, Message, Refusal, Waiting,
};
use liaison_protocol::wire::{Hello, Reason, Speaks};
use tokio::time::Instant;

use super::open::{OpenError, Opened};
use super::outbox::{Key, Row, State, Way};
use super::pack::{Counts, PackError, Packed};
use super::post::PostError;
use super::whom::Absent;
use crate::aside::aside;
use crate::limits;
use crate::node::Node;
use crate::store::Arrival;
use crate::swarm::{Channel, FrameWriter};

/// Speaks with a hub until one of the two ends it.
pub(super) async fn converse(
    node: &Node,
    hub: AgencyId,
    opened: &mut bool,
) -> Result<(), PostError> {
    let stream = node.swarm.open(hub, Channel::Mailbox).await?;
    let (mut reader, writer) = stream.split();
    let hello = Hello::new(Speaks::CURRENT, crate::SOFTWARE, node.registry.own());
    let (machine, hello) = Client::new(hello);
    let mut outbox = node.parcels.outbox().changes();
    let mut woken = node.parcels.changes();
    let mut arrivals = node.store.watch();
    let mut links = node.swarm.links();
    let mut registry = node.registry.changes();
    let mut time = node.time.changes();
    let mut caught_up = node.catch_up.changes();
    let mut stop = node.stopping();
    let mut talk = Talk {
        node,
        hub,
        machine,
        writer,
        opened: false,
        collecting: false,
        listed: None,
        list: BTreeSet::new(),
        waiting: VecDeque::new(),
        left: None,
        opening: None,
        packing: None,
        deposit: None,
        discarding: BTreeMap::new(),
        strays: Vec::new(),
        nothing_for: HashMap::new(),
        absent: Absent::default(),
        last: None,
        effects: VecDeque::new(),
    };
    talk.writer.send(&hello.encode()).await?;
    talk.writer.flush().await?;
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    loop {
        let over = talk.work().await;
        *opened |= talk.opened;
        if over? {
            return Ok(());
        }
        let seen = node.clock.now();
        let due = talk.absent.next.unwrap_or(Millis(u64::MAX));
        tokio::select! {
            frame = reader.next() => match frame? {
                Some(body) => talk.handle(Event::Message(Message::decode(&body)?)),
                None => return Ok(()),
            },
            done = pending(&mut talk.opening) => talk.dealt_with(done),
            done = pending(&mut talk.packing) => talk.packed(done).await?,
            Ok(()) = outbox.changed() => {}
            Ok(()) = woken.changed() => {}
            Ok(()) = arrivals.changed() => {}
            Ok(()) = links.changed() => {}
            Ok(()) = registry.changed() => talk.may_be_taken(Until::Card),
            Ok(()) = time.changed() => talk.may_be_taken(Until::Clock),
            Ok(()) = caught_up.changed() => {
                // What it holds and nobody here knows of may be discarded now.
                talk.listed = None;
                talk.may_be_taken(Until::CaughtUp);
            }
            () = node.clock.wait(seen, due) => {}
            _ = stop.changed() => talk.handle(Event::Close(Reason::Stopping)),
            _ = tick.tick() => {
                talk.handle(Event::Tick(node.clock.now()));
                talk.rest();
            }
        }
    }
}

/// The end of what is under way, once; never, if nothing is.
async fn pending<T>(under_way: &mut Option<BoxFuture<'static, T>>) -> T {
    match under_way {
        Some(work) => {
            let done = work.await;
            *under_way = None;
            done
        }
        None => std::future::pending().await,
    }
}

type OpenDone = (ParcelId, Result<Opened, OpenError>);
type PackDone = (AgencyId, Result<Option<Packed>, PackError>);

/// What there was when nothing was found for a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    last: Arrival,
    woken: u64,
    epoch: u64,
    /// What was answered `later` is looked at again now and then.
    again: u64,
}

/// What is to happen before a parcel that could not be taken can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    /// A card comes that names its sender's key.
    Card,
    /// The clock is believed again.
    Clock,
    /// This node has caught up after a restore.
    CaughtUp,
    /// Nothing that would be told: it is tried now and then.
    Later,
}

/// Parcels that could not be taken yet.
struct Left {
    /// Since when the first of them is left, by a clock that nobody sets.
    since: Instant,
    until: BTreeSet<Until>,
    /// It happened.
    ready: bool,
}

struct Talk<'a> {
    node: &'a Node,
    hub: AgencyId,
    machine: Client,
    writer: FrameWriter,
    /// Whether the hub said hello.
    opened: bool,
    collecting: bool,
    /// When the hub was last asked what it holds.
    listed: Option<Millis>,
    /// What it said so far.
    list: BTreeSet<ParcelId>,
    /// Announced, and not fetched yet: at most what the hub may announce.
    waiting: VecDeque<Waiting>,
    /// What is left there that could not be taken: a new stream announces it again.
    left: Option<Left>,
    opening: Option<BoxFuture<'static, OpenDone>>,
    packing: Option<BoxFuture<'static, PackDone>>,
    /// The parcel that is being deposited.
    deposit: Option<Key>,
    discarding: BTreeMap<ParcelId, Key>,
    /// What it holds of ours and nobody here knows of: to be discarded.
    strays: Vec<ParcelId>,
    /// For whom there was nothing, as everything stood then.
    nothing_for: HashMap<AgencyId, Seen>,
    absent: Absent,
    /// For whom something was packed last.
    last: Option<AgencyId>,
    effects: VecDeque<Effect>,
}

impl Talk<'_> {
    fn handle(&mut self, event: Event) {
        self.effects.extend(self.machine.handle(event));
    }

    /// Carries out what is to be done, and asks for what can be asked; whether the stream is over.
    async fn work(&mut self) -> Result<bool, PostError> {
        loop {
            while let Some(effect) = self.effects.pop_front() {
                if self.carry_out(effect).await? {
                    let _unsent = self.writer.flush().await;
                    let _unclosed = self.writer.close().await;
                    return Ok(true);
                }
            }
            self.writer.flush().await?;
            if self.opened {
                self.ask();
            }
            if self.effects.is_empty() {
                return Ok(false);
            }
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<bool, PostError> {
        let node = self.node;
        let parcels = &node.parcels;
        match effect {
            Effect::Send(message) => self.writer.send(&message.encode()).await?,
            Effect::Opened { peer, .. } => {
                if peer.agency != self.hub {
                    return Err(PostError::OtherAgency);
                }
                self.opened = true;
                parcels.mended(&self.hub);
            }
            Effect::Deposited { id, kept } => self.deposited(id, kept).await?,
            Effect::Discarded(had) => {
                for (id, untouched) in had {
                    match self.discarding.remove(&id) {
                        Some(key) if untouched => parcels.took_back(&key).await?,
                        Some(key) => parcels.lose_rows(&[key]).await?,
                        None => {}
                    }
                }
            }
            Effect::Waiting(waiting) => self.waiting.push_back(waiting),
            Effect::Fetched { waiting, parcel } => self.open(waiting, parcel),
            Effect::Gone(id) => {
                parcels.note_collected(id);
                self.waiting.retain(|waiting| waiting.id != id);
            }
            Effect::Held {
                parcels: held,
                more,
            } => {
                let last = held.last().map(|one| one.id);
                self.list.extend(held.iter().map(|one| one.id));
                // More than we ever deposit is no list.
                if more && self.list.len() < 2 * limits::OUTBOX_PARCELS {
                    self.handle(Event::Holding(last));
                } else {
                    let list = std::mem::take(&mut self.list);
                    self.strays = parcels.held_by(self.hub, &list).await?;
                    if more {
                        // What makes them up may list others for ever.
                        self.strays.clear();
                    }
                    if !self.strays.is_empty() {
                        let (hub, count) = (node.registry.alias(&self.hub), self.strays.len());
                        tracing::info!(%hub, count, "the hub holds parcels of ours that nobody here knows of, from before a restore perhaps; they are taken back");
                    }
                }
            }
            Effect::Closed(_) => return Ok(true),
            Effect::Fault(fault) => {
                let _unsent = self.writer.flush().await;
                return Err(fault.into());
            }
        }
        Ok(false)
    }

    /// Asks for whatever can be asked now: what is to be gone first.
    fn ask(&mut self) {
        let outbox = self.node.parcels.outbox();
        let now = self.node.clock.now();
        let at_hub = |row: &Row| row.way == Way::Hub(self.hub);
        if !self.machine.is_discarding() {
            let unwanted =
                outbox.rows(|row| at_hub(row) && matches!(row.state, State::Unwanted { .. }));
            // Not what is on its way there: it is discarded once it is there.
            let unwanted = unwanted
                .into_iter()
                .filter(|r| self.deposit != Some(r.key()));
            self.discarding = unwanted
                .take(wire_limits::MAILBOX_IDS)
                .map(|row| (row.id, row.key()))
                .collect();
            let mut ids: Vec<ParcelId> = self.discarding.keys().copied().collect();
            let room = wire_limits::MAILBOX_IDS.saturating_sub(ids.len());
            ids.extend(self.strays.drain(..room.min(self.strays.len())));
            if !ids.is_empty() {
                self.handle(Event::Discard(ids));
            }
        }
        let ours = self.node.registry.hubs().contains(&self.hub);
        if ours && !self.collecting {
            self.collecting = true;
            self.handle(Event::Collect(wire_limits::WAITING_PARCELS));
        }
        let stale = self
            .listed
            .is_none_or(|at| at.0.saturating_add(limits::HOLDING_MS) <= now.0 || at > now);
        // While one is on its way it is neither there nor not.
        let quiet =
            self.deposit.is_none() && self.packing.is_none() && !self.machine.is_discarding();
        if stale && quiet && !self.machine.is_listing() {
            self.listed = Some(now);
            self.list.clear();
            self.handle(Event::Holding(None));
        }
        if self.opening.is_none()
            && !self.machine.is_fetching()
            && let Some(next) = self.waiting.pop_front()
        {
            self.handle(Event::Fetch(next.id));
        }
        if !self.machine.is_listing() && self.deposit.is_none() && self.packing.is_none() {
            self.pack_next();
        }
    }

    /// Begins the next parcel for the next peer that is away.
    fn pack_next(&mut self) {
        self.absent = self.node.absent_through(&self.hub);
        if self.node.catch_up.waiting().is_some() {
            return;
        }
        let seen = self.seen();
        // In turn: one peer's backlog does not keep the others waiting.
        let (before, behind): (Vec<&AgencyId>, Vec<&AgencyId>) = self
            .absent
            .peers
            .iter()
            .partition(|peer| self.last.is_some_and(|last| **peer <= last));
        let mut peers = behind.into_iter().chain(before);
        let Some(peer) = peers.find(|peer| self.nothing_for.get(peer) != Some(&seen)) else {
            return;
        };
        let (peer, hub, node) = (*peer, self.hub, self.node.clone());
        let counts: Counts = {
            let node = node.clone();
            std::sync::Arc::new(move |row| node.counts_for(hub, row))
        };
        let packing = async move {
            let parcels = node.parcels.clone();
            (peer, parcels.pack(peer, Way::Hub(hub), counts).await)
        };
        // Until something is found there is nothing.
        self.nothing_for.insert(peer, seen);
        self.last = Some(peer);
        self.packing = Some(aside(packing));
    }

    fn seen(&self) -> Seen {
        Seen {
            last: self.node.store.last(),
            woken: *self.node.parcels.changes().borrow(),
            epoch: self.node.policies.current().epoch(),
            again: self.node.clock.now().0 / limits::PARCEL_AGAIN_MS,
        }
    }

    async fn packed(&mut self, (peer, done): PackDone) -> Result<(), PostError> {
        let parcels = &self.node.parcels;
        match done {
            Ok(None) => Ok(()),
            Ok(Some(Packed { row, parcel })) => {
                self.nothing_for.remove(&peer);
                // It may be back by now, or something in it withdrawn: then it need not leave.
                let back = self.node.unreachable_since(&peer).is_none();
                let stands = parcels.outbox().row(&row.key());
                let stands = stands.is_some_and(|row| row.state == State::Made);
                if back || !stands {
                    parcels.drop_rows(&[row.key()]).await?;
                    return Ok(());
                }
                let deposit = Deposit {
                    id: row.id,
                    to: row.to,
                    size: row.size,
                    expires: row.expires,
                    owed: row.urgent,
                };
                self.deposit = Some(row.key());
                self.handle(Event::Deposit { deposit, parcel });
                Ok(())
            }
            Err(error @ PackError::Store(_)) => {
                tracing::error!(peer = %self.node.registry.alias(&peer), "{error}");
                Ok(())
            }
            Err(error) => {
                if matches!(
                    error,
                    PackError::NoKey { .. } | PackError::Fault { .. } | PackError::Full { .. }
                ) {
                    parcels.note_hindrance(peer, error.to_string());
                }
                tracing::info!(peer = %self.node.registry.alias(&peer), "{error}");
                Ok(())
            }
        }
    }

    async fn deposited(
        &mut self,
        id: ParcelId,
        kept: Result<(), Refusal>,
    ) -> Result<(), PostError> {
        let parcels = &self.node.parcels;
        let Some(key) = self.deposit.take() else {
            return Ok(());
        };
        let Some(row) = parcels.outbox().row(&key).filter(|row| row.id == id) else {
            return Ok(());
        };
        let peer = self.node.registry.alias(&row.to);
        match kept {
            Ok(()) => {
                tracing::info!(%peer, number = row.number, bytes = row.size, records = row.records.len(), "a parcel was left at the hub");
                parcels.mended(&row.to);
                parcels.not_refused(&self.hub, &row.to);
                // Unless it is to be discarded by now.
                if row.state == State::Made {
                    parcels.outbox().set(&key, State::Lies).await?;
                }
            }
            Err(why) => {
                let hub = self.node.registry.alias(&self.hub);
                let says = refused(&hub, &peer, why);
                tracing::warn!(%peer, "{says}");
                parcels.refused(self.hub, row.to, why, says);
                parcels.drop_rows(&[key]).await?;
            }
        }
        Ok(())
    }

    /// Opens a parcel that was fetched, beside everything else.
    fn open(&mut self, waiting: Waiting, parcel: Parcel) {
        let (parcels, hub) = (self.node.parcels.clone(), self.hub);
        let opening = async move {
            let opened = parcels
                .open(parcel, Way::Hub(hub), Some(waiting.from))
                .await;
            (waiting.id, opened)
        };
        self.opening = Some(aside(opening));
    }

    /// It is opened, or never will be, or not now.
    fn dealt_with(&mut self, (id, opened): OpenDone) {
        match opened {
            Ok(_) => self.handle(Event::Done(id)),
            Err(error) if error.is_passing() => {
                let left = self.left.get_or_insert_with(|| Left {
                    since: Instant::now(),
                    until: BTreeSet::new(),
                    ready: false,
                });
                left.until.insert(Until::of(&error, self.node));
                self.handle(Event::Leave(id));
            }
            Err(OpenError::Parcel(fault @ ParcelFault::SeenBefore { .. })) => {
                // Said to be deleted, and there again.
                if self.node.parcels.was_collected(&id) {
                    self.node.parcels.note_fault(self.hub, fault.to_string());
                    tracing::warn!(peer = %self.node.registry.alias(&self.hub), blame = %Blame::Courier, "{fault}");
                }
                self.handle(Event::Done(id));
            }
            Err(_) => self.handle(Event::Done(id)),
        }
    }

    /// Ends a stream on which nothing is left to do, or by which nothing more can be had.
    fn rest(&mut self) {
        if !self.opened {
            return;
        }
        let pause = Duration::from_millis(limits::PARCEL_LEFT_MS);
        let again = |left: &Left| left.ready || left.since.elapsed() >= pause;
        let again = self.left.as_ref().is_some_and(again);
        let idle = self.deposit.is_none() && self.packing.is_none() && self.opening.is_none();
        if idle && (again || !self.node.has_errand(self.hub, &self.absent)) {
            self.handle(Event::Close(Reason::Restart));
        }
    }

    /// Something happened for which parcels were left: a new stream announces them again.
    fn may_be_taken(&mut self, by: Until) {
        let still = by == Until::Clock && self.node.time.trusted().is_err();
        if let Some(left) = self.left.as_mut().filter(|_| !still)
            && left.until.contains(&by)
        {
            left.ready = true;
            self.rest();
        }
    }
}

impl Until {
    fn of(error: &OpenError, node: &Node) -> Self {
        match error {
            OpenError::Parcel(ParcelFault::UnknownKey { .. }) => Until::Card,
            OpenError::Clock(_) => Until::Clock,
            _ if node.catch_up.waiting().is_some() => Until::CaughtUp,
            _ => Until::Later,
        }
    }
}

/// Why a hub does not take a parcel, and what to do.
fn refused(hub: &str, peer: &str, why: Refusal) -> String {
    let says = match why {
        Refusal::NotCarried => {
            format!("its policy carries nothing from us to '{peer}': ask whoever runs '{hub}'")
        }
        Refusal::DepositorFull => "it keeps as much of ours as it may already".to_owned(),
        Refusal::AddresseeFull => format!("the mailbox of '{peer}' is full: it has to collect"),
        Refusal::Expiry => {
            "the parcel ends too late for it, or its clock or ours is wrong: 'liaison clock'"
                .to_owned()
        }
        Refusal::Disk => "its disk is full or failing: tell whoever runs it".to_owned(),
        Refusal::Busy => "it has too much to do; it is tried again".to_owned(),
    };
    format!("'{hub}' does not keep a parcel for '{peer}': {says}")
}
