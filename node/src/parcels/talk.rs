//! A conversation with a hub: one mailbox stream, from hello to end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Blame;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::parcel::{Parcel, ParcelFault};
use liaison_protocol::wire::mailbox::{
    Client, ClientEffect as Effect, ClientEvent as Event, Message, Waiting,
};
use liaison_protocol::wire::{Hello, Reason, Speaks};
use tokio::time::Instant;

use super::deposits::Deposits;
use super::open::{OpenError, Opened};
use super::outbox::{Key, Row, State, Way};
use super::post::PostError;
use crate::aside::aside;
use crate::limits;
use crate::node::Node;
use crate::swarm::{Channel, FrameReader, FrameWriter};

/// Who ended a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedBy {
    /// We, as there was nothing left to do.
    Us,
    /// The hub: it was started anew, say, or its policy changed.
    Hub,
}

/// Speaks with a hub until one of the two ends it.
pub(super) async fn converse(
    node: &Node,
    hub: AgencyId,
    opened: &mut bool,
) -> Result<EndedBy, PostError> {
    let stream = node.swarm.open(hub, Channel::Mailbox).await?;
    let (reader, writer) = stream.split();
    let hello = Hello::new(Speaks::CURRENT, crate::SOFTWARE, node.registry.own());
    let (machine, hello) = Client::new(hello);
    let mut talk = Talk {
        node,
        hub,
        machine,
        writer,
        opened: false,
        closing: false,
        collecting: false,
        listed: None,
        list: BTreeSet::new(),
        waiting: VecDeque::new(),
        left: None,
        opening: None,
        deposits: Deposits::default(),
        discarding: BTreeMap::new(),
        strays: Vec::new(),
        effects: VecDeque::new(),
    };
    talk.writer.send(&hello.encode()).await?;
    talk.writer.flush().await?;
    let done = run(&mut talk, reader, opened).await;
    talk.keep_the_rest().await?;
    done
}

/// Does what is to be done until the stream ends.
async fn run(
    talk: &mut Talk<'_>,
    mut reader: FrameReader,
    opened: &mut bool,
) -> Result<EndedBy, PostError> {
    let node = talk.node;
    let mut outbox = node.parcels.outbox().changes();
    let mut woken = node.parcels.changes();
    let mut arrivals = node.store.watch();
    let mut links = node.swarm.links();
    let mut registry = node.registry.changes();
    let mut hub_card = node.card_of(&talk.hub);
    let mut time = node.time.changes();
    let mut caught_up = node.catch_up.changes();
    let mut stop = node.stopping();
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    loop {
        let over = talk.work().await;
        *opened |= talk.opened;
        if over? {
            return Ok(match talk.closing {
                true => EndedBy::Us,
                false => EndedBy::Hub,
            });
        }
        let seen = node.clock.now();
        let due = talk.deposits.absent.next.unwrap_or(Millis(u64::MAX));
        tokio::select! {
            frame = reader.next() => match frame? {
                Some(body) => talk.handle(Event::Message(Message::decode(&body)?)),
                None => return Ok(EndedBy::Hub),
            },
            done = pending(&mut talk.opening) => talk.dealt_with(done),
            Some(done) = talk.deposits.packing.next() => talk.packed(done),
            Ok(()) = outbox.changed() => {}
            Ok(()) = woken.changed() => {}
            Ok(()) = arrivals.changed() => {}
            Ok(()) = links.changed() => {}
            Ok(()) = registry.changed() => {
                talk.may_be_taken(Until::Card);
                // It may serve another agency from now on, or by other keys.
                let card = node.card_of(&talk.hub);
                if std::mem::replace(&mut hub_card, card) != card {
                    node.parcels.ask_hub_again(&talk.hub);
                }
            }
            Ok(()) = time.changed() => talk.may_be_taken(Until::Clock),
            Ok(()) = caught_up.changed() => {
                // What it holds and nobody here knows of may be discarded now.
                talk.listed = None;
                talk.may_be_taken(Until::CaughtUp);
            }
            () = node.clock.wait(seen, due) => {}
            _ = stop.changed() => talk.close(Reason::Stopping),
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

pub(super) struct Talk<'a> {
    pub node: &'a Node,
    pub hub: AgencyId,
    pub machine: Client,
    writer: FrameWriter,
    /// Whether the hub said hello.
    opened: bool,
    /// Whether we ended the stream.
    closing: bool,
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
    /// What is on its way there.
    pub deposits: Deposits,
    discarding: BTreeMap<ParcelId, Key>,
    /// What it holds of ours and nobody here knows of: to be discarded.
    strays: Vec<ParcelId>,
    effects: VecDeque<Effect>,
}

impl Talk<'_> {
    pub fn handle(&mut self, event: Event) {
        self.effects.extend(self.machine.handle(event));
    }

    fn close(&mut self, reason: Reason) {
        self.closing = true;
        self.handle(Event::Close(reason));
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
                self.ask().await?;
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
    async fn ask(&mut self) -> Result<(), PostError> {
        let outbox = self.node.parcels.outbox();
        let now = self.node.clock.now();
        let at_hub = |row: &Row| row.way == Way::Hub(self.hub);
        if !self.machine.is_discarding() {
            let unwanted =
                outbox.rows(|row| at_hub(row) && matches!(row.state, State::Unwanted { .. }));
            // Not what is on its way there: it is discarded once it is there.
            let unwanted = unwanted.into_iter().filter(|r| !self.deposits.has(r));
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
        // While one is on its way it is neither there nor not: when a list is due, no more begin.
        let quiet = self.deposits.is_idle() && !self.machine.is_discarding();
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
        self.offer().await?;
        if !self.machine.is_listing() && (!stale || quiet) {
            self.pack_next();
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
        let idle = self.deposits.is_idle() && self.opening.is_none();
        if idle && (again || !self.node.has_errand(self.hub, &self.deposits.absent)) {
            self.close(Reason::Restart);
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
