//! The live stream out: scan the store from the peer's cursor, offer, release what is
//! wanted, write down what is answered.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use liaison_protocol::clock::Hlc;
use liaison_protocol::fault::{Answer, Later};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::wire::live::{Lane, Sender, SenderEffect as Effect, SenderEvent as Event};
use liaison_protocol::wire::{Item, Message, Notice, Outcome, Reason};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{PeerHandle, Sync, SyncError, blocking, witness};
use crate::aside::aside;
use crate::limits;
use crate::share::{Candidate, ReleaseError, Released, Route};
use crate::store::{Arrival, Cursor, StoreError};
use crate::swarm::{Channel, FrameWriter};

/// Keeps a live stream to a peer for as long as the link is up.
pub(super) async fn keep(sync: &Sync, agency: AgencyId) {
    let peer = sync.peers.of(&agency);
    let mut pause = limits::SESSION_PAUSE_MS;
    loop {
        let mut opened = false;
        let done = send(sync, agency, &peer, &mut opened).await;
        peer.set_settled(None);
        let orderly = matches!(done, Ok(Reason::Restart));
        sync.report(agency, done.map(|_| ()));
        if *sync.stop.borrow() {
            return;
        }
        if opened {
            pause = limits::SESSION_PAUSE_MS;
        }
        // An orderly restart goes on at once; whatever else waits, each time a little longer.
        if !orderly {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(limits::SESSION_PAUSE_MAX_MS);
        }
    }
}

async fn send(
    sync: &Sync,
    agency: AgencyId,
    peer: &PeerHandle,
    opened: &mut bool,
) -> Result<Reason, SyncError> {
    let stream = sync.swarm.open(agency, Channel::Live).await?;
    let (route, left) = (Route::from(stream.path()), stream.left());
    peer.goes_by(route);
    let (mut reader, writer) = stream.split();
    let (machine, hello) = Sender::new(sync.hello.clone());
    let share = &sync.share;
    // A change from here on is noticed; one before it is in the engine.
    let mut policies = share.policies.subscribe();
    let engine = policies.borrow_and_update().clone();
    let mut arrivals = share.store.watch();
    let mut owed = share.owed.changes();
    let mut rechecks = owed.borrow_and_update().rechecks;
    let mut heads = share.audit.heads();
    let mut registry = share.registry.changes();
    let mut stop = sync.stop.clone();
    let incarnation = share.store.incarnation()?;
    // The first session after a start looks at everything once: what was let go when the node
    // was killed, and never answered, may lie before the cursor.
    let from = share
        .store
        .cursor(&agency)?
        .filter(|c| c.epoch == engine.epoch())
        .map_or(Arrival(0), |c| {
            if peer.is_looked_through() {
                c.arrival
            } else {
                peer.looked_up_to(engine.epoch()).min(c.arrival)
            }
        });
    let mut session = Session {
        sync,
        agency,
        route,
        another_way: false,
        peer,
        machine,
        writer,
        scanned: from,
        end: None,
        scan_done: false,
        owed_done: false,
        owed_after: Arrival(0),
        again: Some(Arrival(0)),
        again_at: None,
        opened: false,
        shown: None,
        notices: limits::SETTLED_NOTICES,
        pending: HashMap::new(),
        repairing: Repairing {
            peer,
            ids: HashSet::new(),
        },
        asked_meanwhile: HashSet::new(),
        cursor: |arrival| Cursor {
            incarnation,
            epoch: engine.epoch(),
            arrival,
        },
        epoch: engine.epoch(),
        loads: FuturesUnordered::new(),
        settles: FuturesOrdered::new(),
        written: None,
        effects: VecDeque::new(),
    };
    session.writer.send(&hello.encode()).await?;
    session.writer.flush().await?;
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    let mut ticks = 0u64;
    loop {
        let over = session.work().await;
        *opened |= session.opened;
        if let Some(reason) = over? {
            return Ok(reason);
        }
        tokio::select! {
            frame = reader.next(), if session.settles.len() < limits::SETTLES => match frame? {
                Some(body) => session.handle(Event::Message(Message::decode(&body)?)),
                None => return Ok(Reason::Stopping),
            },
            Some((batch, released)) = session.loads.next(), if !session.loads.is_empty() => {
                let frames = released?
                    .into_iter()
                    .map(|r| r.map(|r| r.into_bytes().to_vec()))
                    .collect();
                session.handle(Event::Loaded { batch, frames });
            }
            Some(done) = session.settles.next(), if !session.settles.is_empty() => done?,
            changed = arrivals.changed() => {
                if changed.is_err() {
                    session.handle(Event::Close(Reason::Stopping));
                }
                session.scan_done = false;
            }
            _ = owed.changed() => {
                let look = *owed.borrow_and_update();
                // A new one stands at the end; else all have to be looked at anew.
                if look.rechecks != rechecks {
                    rechecks = look.rechecks;
                    session.owed_after = Arrival(0);
                }
                session.owed_done = false;
            }
            // An error means that the log is closed: the node stops.
            Ok(()) = heads.changed() => session.show_head(),
            () = peer.woken.notified() => {}
            () = until(session.again_at) => {
                session.again_at = None;
                session.again = Some(Arrival(0));
            }
            // What the peer could not open waits for its new sealing key.
            Ok(()) = registry.changed() => session.again = Some(Arrival(0)),
            _ = policies.changed() => {
                // Decisions of the old policy end with the session that they were made in.
                session.handle(Event::Close(Reason::Restart));
            }
            // There is a better way to the peer: the next session goes there.
            () = left.cancelled() => session.handle(Event::Close(Reason::Restart)),
            _ = stop.changed() => session.handle(Event::Close(Reason::Stopping)),
            // There is more to look at; what the peer says, and the clock, had their turn.
            () = std::future::ready(()), if session.has_more() => {}
            _ = tick.tick() => {
                session.handle(Event::Tick(share.now()));
                ticks += 1;
                session.notices = limits::SETTLED_NOTICES;
                if session.opened && ticks.is_multiple_of(limits::TELL_TIME_S * 1000 / limits::SESSION_TICK_MS) {
                    session.handle(Event::Notify(sync.told()));
                }
                if ticks.is_multiple_of(limits::AGAIN_TICKS) {
                    session.again = Some(Arrival(0));
                    // And what is owed once more: a retraction must not hang on one wake-up.
                    session.owed_after = Arrival(0);
                    session.owed_done = false;
                }
            }
        }
    }
}

/// Ids of a repair that are not answered yet: a session that ends gives them back.
struct Repairing<'a> {
    peer: &'a PeerHandle,
    ids: HashSet<RecordId>,
}

impl Drop for Repairing<'_> {
    fn drop(&mut self) {
        self.peer.give_back(self.ids.drain());
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

type Load = (u64, Result<Vec<Option<Released>>, ReleaseError>);

struct Session<'a, C> {
    sync: &'a Sync,
    agency: AgencyId,
    /// The way of this stream.
    route: Route,
    /// Whether the peer may have something that does not go this way: the next session looks at
    /// everything again.
    another_way: bool,
    peer: &'a PeerHandle,
    machine: Sender,
    writer: FrameWriter,
    /// The last arrival that was looked at in this session.
    scanned: Arrival,
    /// The end of the store, when it was first reached.
    end: Option<Arrival>,
    scan_done: bool,
    owed_done: bool,
    /// Up to where what is owed was looked at.
    owed_after: Arrival,
    /// When it is time to offer again what was answered `later`: what comes after this.
    again: Option<Arrival>,
    /// When the peer's clock reaches the first of those that it answered `later: clock`.
    again_at: Option<Instant>,
    /// Whether the peer said hello.
    opened: bool,
    /// The head of our audit log that it was shown.
    shown: Option<Bytes>,
    /// Notices that may still be sent before the next tick: the peer takes only so many.
    notices: u32,
    /// Items under way, of all lanes, and where they stand: each is in one lane at a time.
    pending: HashMap<RecordId, (Arrival, Hlc)>,
    /// What a repair found, and this session took on.
    repairing: Repairing<'a>,
    /// Of that, what was under way when it was found: an answer that is on its way may be older
    /// than what made the peer ask, a new policy or a card that it lacked.
    asked_meanwhile: HashSet<RecordId>,
    cursor: C,
    /// Of the policy that this session decides by.
    epoch: u64,
    loads: FuturesUnordered<BoxFuture<'static, Load>>,
    settles: FuturesOrdered<BoxFuture<'static, Result<(), StoreError>>>,
    /// Told when the last of these is written: answers are written in the order in which they
    /// came.
    written: Option<oneshot::Receiver<()>>,
    effects: VecDeque<Effect>,
}

impl<C: Fn(Arrival) -> Cursor> Session<'_, C> {
    fn handle(&mut self, event: Event) {
        self.effects.extend(self.machine.handle(event));
    }

    /// Carries out what is to be done, and takes a step towards full lanes. The reason, when the
    /// stream is over.
    async fn work(&mut self) -> Result<Option<Reason>, SyncError> {
        let mut stepped = false;
        loop {
            while let Some(effect) = self.effects.pop_front() {
                if let Some(reason) = self.carry_out(effect).await? {
                    return Ok(Some(reason));
                }
            }
            self.writer.flush().await?;
            // A look through a large store takes minutes: between two steps of it the peer is
            // heard, and time passes.
            if stepped && self.has_more() {
                self.peer.set_settled(None);
                return Ok(None);
            }
            self.fill().await?;
            stepped = true;
            if self.effects.is_empty() && !self.has_more() {
                let nothing_left = self.scan_done && self.owed_done && !self.peer.has_lacking();
                let settled = nothing_left
                    && self.machine.is_idle()
                    && self.loads.is_empty()
                    && self.settles.is_empty();
                if settled && !self.another_way {
                    self.peer.set_looked_through(true);
                }
                if settled
                    && self.notices > 0
                    && self.opened
                    && let Some(nonce) = self.peer.take_repair()
                {
                    self.notices -= 1;
                    self.handle(Event::Notify(Notice::Settled(nonce)));
                    continue;
                }
                self.peer.set_settled(settled.then_some(self.scanned));
                return Ok(None);
            }
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Option<Reason>, SyncError> {
        match effect {
            Effect::Send(message) => {
                let body = message.encode();
                let tells = matches!(message, Message::Offer { .. } | Message::Records { .. });
                // After this nothing is waited for until it is sent.
                if tells {
                    self.writer.flush().await?;
                }
                if tells && self.is_outdated() {
                    // What it tells of was decided under a policy that is no longer in force: a
                    // slow line, or a busy machine, may have taken a while to come to it.
                    self.effects.retain(|e| !matches!(e, Effect::Send(_)));
                    self.handle(Event::Close(Reason::Restart));
                } else {
                    self.writer.send(&body).await?;
                }
            }
            Effect::Opened { peer, .. } => {
                self.sync.check_hello(self.agency, &peer)?;
                self.opened = true;
                self.handle(Event::Notify(self.sync.told()));
                let before = witness::contradicted(self.sync, &self.agency)?;
                let held = witness::held(self.sync, &self.agency).await?;
                for notice in before.into_iter().chain([held]) {
                    self.handle(Event::Notify(notice));
                }
                self.show_head();
            }
            Effect::Room => {}
            Effect::Noticed(notice) => self.sync.noticed(self.agency, notice).await?,
            Effect::Load { batch, ids } => {
                let (share, agency, route) = (self.sync.share.clone(), self.agency, self.route);
                // Whatever is wanted was offered, so it is under way; arrival 0 is nothing.
                let arrival = |id| self.pending.get(id).map_or(Arrival(0), |(at, _)| *at);
                let wanted = ids.iter().map(arrival).collect();
                self.loads.push(aside(async move {
                    (batch, share.release(agency, wanted, route).await)
                }));
            }
            Effect::Settled {
                lane,
                mark,
                outcomes,
            } => self.settled(lane, mark, outcomes),
            Effect::Closed(reason) => {
                self.finish().await?;
                return Ok(Some(reason));
            }
            Effect::Fault(fault) => {
                self.finish().await?;
                return Err(fault.into());
            }
        }
        Ok(None)
    }

    fn settled(&mut self, lane: Lane, mark: Option<u64>, outcomes: Vec<(RecordId, Outcome)>) {
        let mut answers = Vec::with_capacity(outcomes.len());
        let mut told = Vec::with_capacity(outcomes.len());
        for (id, outcome) in outcomes {
            let pending = self.pending.remove(&id);
            self.repairing.ids.remove(&id);
            if self.asked_meanwhile.remove(&id) && !outcome.is_stored() {
                self.peer.give_back([id]);
            }
            if let (Outcome::Answered(answer), Some((arrival, created))) = (outcome, pending) {
                if answer == Answer::Later(Later::Clock) {
                    self.wait_for_clock(created);
                }
                answers.push((arrival, answer));
                told.push((id, answer));
            }
        }
        let cursor = mark
            .filter(|_| lane == Lane::Scan)
            .map(|m| (self.cursor)(Arrival(m)));
        // Looked through is what is answered, not what is under way: if the stream broke now,
        // the next would begin at a cursor that may lie behind what was never answered.
        let to_the_end = mark
            .filter(|_| lane == Lane::Scan && !self.another_way)
            .is_some_and(|mark| self.end.is_some_and(|end| Arrival(mark) >= end));
        let looked = mark.filter(|_| lane == Lane::Scan && !self.another_way);
        let epoch = self.epoch;
        let (share, agency, route) = (self.sync.share.clone(), self.agency, self.route);
        let peer = self.peer.clone();
        let (done, next) = oneshot::channel();
        let before = self.written.replace(next);
        self.settles.push_back(aside(async move {
            if let Some(before) = before
                && before.await.is_err()
            {
                // It could not be written, and the session ends with that.
                return Ok(());
            }
            share.settle(agency, route, answers, cursor).await?;
            // The next one may be gone.
            let _unheard = done.send(());
            // Who is told an answer finds it in the ledger.
            for (id, answer) in told {
                peer.answered(id, answer);
            }
            if let Some(mark) = looked {
                peer.set_looked_up_to(epoch, Arrival(mark));
            }
            if to_the_end {
                peer.set_looked_through(true);
            }
            Ok(())
        }));
    }

    /// Offers again when the peer's clock has reached a record, as far as its clock is known: not
    /// before, and no half a minute after. Where that is past already it is not known well, and
    /// the next look at all that waits comes soon.
    fn wait_for_clock(&mut self, created: Hlc) {
        let agency = &self.agency;
        let theirs = self.sync.time.time_at(agency);
        let theirs = theirs.unwrap_or_else(|| self.sync.share.now());
        let due = created.wall().0.saturating_sub(wire_limits::CLOCK_AHEAD_MS);
        let wait = due.saturating_sub(theirs.0);
        if wait == 0 {
            return;
        }
        let at =
            Instant::now() + Duration::from_millis(wait.saturating_add(limits::CLOCK_AGAIN_MS));
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }

    /// Shows the peer the head of our audit log, if it is a newer one.
    fn show_head(&mut self) {
        let head = self.sync.share.audit.heads().borrow().clone();
        if let Some(head) = head
            && self.opened
            && self.shown.as_ref() != Some(&head)
        {
            self.handle(Event::Notify(witness::head(&head)));
            self.shown = Some(head);
        }
    }

    fn is_outdated(&self) -> bool {
        self.sync.share.policies.current().epoch() != self.epoch
    }

    /// The stream is over: what was answered is written down all the same.
    async fn finish(&mut self) -> Result<(), SyncError> {
        while let Some(done) = self.settles.next().await {
            done?;
        }
        // The peer may be gone already.
        let _unsent = self.writer.flush().await;
        let _unclosed = self.writer.close().await;
        Ok(())
    }

    /// Whether there is something to look at, and a lane that takes what is found.
    fn has_more(&self) -> bool {
        let room = |lane| self.machine.room(lane) > 0;
        !self.owed_done && room(Lane::Owed)
            || self.may_scan()
            || (self.again.is_some() || self.peer.has_lacking()) && room(Lane::Again)
    }

    /// Whether a step of the scan is next: once what was looked through before is written down.
    fn may_scan(&self) -> bool {
        let room = self.machine.room(Lane::Scan) > 0;
        !self.scan_done && room && self.settles.len() < limits::SETTLES
    }

    /// Looks once for each lane that has room.
    async fn fill(&mut self) -> Result<(), SyncError> {
        let route = self.route;
        if !self.owed_done && self.machine.room(Lane::Owed) > 0 {
            let (share, agency, after) = (self.sync.share.clone(), self.agency, self.owed_after);
            let limit = wire_limits::BATCH_RECORDS;
            let scan = blocking(move || share.owed(&agency, route, after, limit)).await?;
            self.owed_done = !scan.more;
            self.owed_after = scan.up_to;
            self.offer(Lane::Owed, scan.items);
        }
        if self.may_scan() {
            let (share, agency, after) = (self.sync.share.clone(), self.agency, self.scanned);
            let scan = blocking(move || {
                share.scan(
                    &agency,
                    route,
                    after,
                    limits::SCAN_ROWS,
                    wire_limits::BATCH_RECORDS,
                )
            })
            .await?;
            self.scan_done = !scan.more;
            if scan.another_way {
                self.another_way = true;
                self.peer.set_looked_through(false);
            }
            if self.scan_done && self.end.is_none() {
                self.end = Some(scan.up_to);
            }
            if scan.up_to > self.scanned {
                self.scanned = scan.up_to;
                // What is owed is settled in its own lane, which needs no cursor.
                let items = self.begin(scan.items);
                self.handle(Event::Scanned {
                    lane: Lane::Scan,
                    mark: scan.up_to.0,
                    items,
                });
            }
        }
        if self.peer.has_lacking() && self.machine.room(Lane::Again) > 0 {
            let ids = self.peer.take_lacking(wire_limits::BATCH_RECORDS);
            self.repairing.ids.extend(ids.iter().copied());
            let (share, agency, scanned) = (self.sync.share.clone(), self.agency, self.scanned);
            let (found, ids) = blocking(move || {
                let found = share.lacking(&agency, route, &ids, scanned)?;
                Ok((found, ids))
            })
            .await?;
            // What the peer may not have, or another lane comes to, is done with.
            let offered: HashSet<RecordId> = found.iter().map(|c| c.item.id).collect();
            let under_way = offered.iter().filter(|id| self.pending.contains_key(*id));
            self.asked_meanwhile.extend(under_way);
            for id in ids.iter().filter(|id| !offered.contains(id)) {
                self.repairing.ids.remove(id);
            }
            self.offer(Lane::Again, found);
        }
        if let Some(after) = self.again
            && self.machine.room(Lane::Again) > 0
        {
            let (share, agency) = (self.sync.share.clone(), self.agency);
            let limit = wire_limits::BATCH_RECORDS;
            let (items, more) = blocking(move || share.again(&agency, route, after, limit)).await?;
            self.again = more;
            self.offer(Lane::Again, items);
        }
        Ok(())
    }

    fn offer(&mut self, lane: Lane, candidates: Vec<Candidate>) {
        let items = self.begin(candidates);
        if !items.is_empty() {
            self.handle(Event::Scanned {
                lane,
                mark: 0,
                items,
            });
        }
    }

    /// Notes what is under way from now on; what was already is left out.
    fn begin(&mut self, candidates: Vec<Candidate>) -> Vec<Item> {
        let mut items = Vec::with_capacity(candidates.len());
        for Candidate { arrival, item } in candidates {
            if let Entry::Vacant(free) = self.pending.entry(item.id) {
                free.insert((arrival, item.created));
                items.push(item);
            }
        }
        items
    }
}
