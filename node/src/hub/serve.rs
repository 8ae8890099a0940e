//! A mailbox stream that an agency opened: parcels in, parcels out, one agency's business only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::wire::mailbox::{
    Deposit, Held, Message, Refusal, Server, ServerEffect as Effect, ServerEvent as Event, Verdict,
    Waiting,
};
use liaison_protocol::wire::{Hello, Reason};
use tokio::sync::watch;

use super::mailbox::{self, Admission, Position, Reading};
use super::{Deed, Hub};
use crate::limits;
use crate::swarm::{FrameStream, FrameWriter};
use crate::sync::SyncError;

impl Hub {
    /// Serves a mailbox stream, until it ends.
    ///
    /// # Errors
    /// [`SyncError`].
    pub(crate) async fn serve(
        &self,
        hello: Hello,
        agency: AgencyId,
        stream: FrameStream,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), SyncError> {
        let Some(_seat) = self.seat(agency) else {
            let peer = self.0.registry.alias(&agency);
            tracing::warn!(%peer, "the peer has too many mailbox streams open; a further one was refused");
            return Ok(());
        };
        let (mut reader, writer) = stream.split();
        let (machine, first) = Server::new(hello);
        let mut comes = self.mailbox().watch(&agency);
        let mut policies = self.0.policies.subscribe();
        let mut session = Session {
            hub: self,
            agency,
            machine,
            writer,
            effects: VecDeque::from([Effect::Send(first)]),
            coming: BTreeMap::new(),
            going: None,
            position: Position::default(),
            announced: BTreeSet::new(),
        };
        let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
        loop {
            if session.work().await? {
                // Said as far as it goes: the stream is over.
                let _unsent = session.writer.close().await;
                return Ok(());
            }
            session.writer.flush().await?;
            tokio::select! {
                frame = reader.next() => match frame? {
                    Some(body) => session.message(Message::decode(&body)?),
                    None => return Ok(()),
                },
                _ = comes.changed() => session.announce(),
                // What it may be given is decided anew.
                _ = policies.changed() => session.handle(Event::Close(Reason::Restart)),
                _ = stop.changed() => session.handle(Event::Close(Reason::Stopping)),
                _ = tick.tick() => session.handle(Event::Tick(self.0.clock.now())),
            }
        }
    }

    /// Whether a parcel is kept, before its bytes come.
    fn judge(&self, from: AgencyId, deposit: &Deposit) -> Result<Admission, Refusal> {
        if !self.carries(&from, &deposit.to) {
            return Err(Refusal::NotCarried);
        }
        let now = self.0.time.latest();
        let longest = wire_limits::PARCEL_DAYS
            .saturating_mul(limits::DAY_MS)
            .saturating_add(wire_limits::CLOCK_AHEAD_MS);
        if deposit.expires <= now || deposit.expires.0 > now.0.saturating_add(longest) {
            return Err(Refusal::Expiry);
        }
        // What can't be written down is not done.
        if self.0.audit.state().borrow().fault.is_some() {
            return Err(Refusal::Disk);
        }
        self.mailbox().admit(mailbox::Held {
            id: deposit.id,
            from,
            to: deposit.to,
            size: deposit.size,
            owed: deposit.owed,
            kept: self.0.clock.now(),
            expires: deposit.expires,
        })
    }
}

struct Session<'a> {
    hub: &'a Hub,
    agency: AgencyId,
    machine: Server,
    writer: FrameWriter,
    effects: VecDeque<Effect>,
    /// The parcels that the agency is depositing; an error: why one will be refused.
    coming: BTreeMap<ParcelId, Result<mailbox::Deposit, Refusal>>,
    /// The parcel that is sent to the agency.
    going: Option<Reading>,
    position: Position,
    /// Announced and not dealt with: one id of several depositors is announced once.
    announced: BTreeSet<ParcelId>,
}

impl Session<'_> {
    fn handle(&mut self, event: Event) {
        self.effects.extend(self.machine.handle(event));
    }

    fn message(&mut self, message: Message) {
        if let Message::Leave(id) = &message {
            self.announced.remove(id);
        }
        self.handle(Event::Message(message));
    }

    /// Announces what waits, as far as the agency has room.
    fn announce(&mut self) {
        let now = self.hub.0.time.latest();
        while self.machine.room() > 0 {
            let mailbox = self.hub.mailbox();
            let Some(held) = mailbox.next(&self.agency, &mut self.position, now) else {
                return;
            };
            if self.hub.carries(&held.from, &held.to) && self.announced.insert(held.id) {
                self.handle(Event::Announce(Waiting {
                    id: held.id,
                    from: held.from,
                    size: held.size,
                }));
            }
        }
    }

    /// Carries out what is to be done; whether the stream is over.
    async fn work(&mut self) -> Result<bool, SyncError> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Send(message) => self.writer.send(&message.encode()).await?,
                Effect::Opened { peer, .. } => {
                    if peer.agency != self.agency {
                        return Err(SyncError::OtherAgency {
                            agency: self.agency,
                            claimed: peer.agency,
                        });
                    }
                }
                Effect::Judge(deposit) => self.judge(deposit),
                Effect::Write { id, bytes, .. } => self.write(id, bytes).await,
                Effect::Finish(deposit) => self.finish(deposit).await,
                Effect::Discard(ids) => self.discard(ids).await,
                Effect::Room => self.announce(),
                Effect::Load { id, offset, len } => self.load(id, offset, len).await,
                Effect::Remove(id) => self.remove(id).await,
                Effect::List { after } => self.list(after),
                Effect::Closed(_) => return Ok(true),
                Effect::Fault(fault) => {
                    let _unsent = self.writer.flush().await;
                    return Err(fault.into());
                }
            }
        }
        Ok(false)
    }

    fn judge(&mut self, deposit: Deposit) {
        let verdict = match self.hub.judge(self.agency, &deposit) {
            Ok(Admission::Waits) => Verdict::Kept,
            Ok(Admission::Room(room)) => {
                self.coming.insert(deposit.id, Ok(room));
                Verdict::Keep
            }
            Err(why) => {
                self.hub.0.book.refuse(why);
                Verdict::Refuse(why)
            }
        };
        let id = deposit.id;
        self.handle(Event::Judged { id, verdict });
    }

    /// The next bytes of the parcel. A disk that fails is told of when all have come.
    async fn write(&mut self, id: ParcelId, bytes: Vec<u8>) {
        let written = match self.coming.remove(&id) {
            Some(Ok(deposit)) => {
                let written = self.hub.mailbox().write(deposit, bytes).await;
                written.map_err(|error| {
                    tracing::error!(%error, "a parcel can't be kept");
                    Refusal::Disk
                })
            }
            Some(Err(why)) => Err(why),
            None => Err(Refusal::Disk),
        };
        self.coming.insert(id, written);
    }

    async fn finish(&mut self, deposit: Deposit) {
        let id = deposit.id;
        let kept = match self.coming.remove(&id) {
            Some(Ok(room)) => self.keep(room, deposit).await,
            Some(Err(why)) => Err(why),
            None => Err(Refusal::Disk),
        };
        if let Err(why) = kept {
            self.hub.0.book.refuse(why);
        }
        self.handle(Event::Finished { id, kept });
    }

    async fn keep(&mut self, room: mailbox::Deposit, deposit: Deposit) -> Result<(), Refusal> {
        let mailbox = self.hub.mailbox();
        let kept = mailbox.keep(room).await.map_err(|error| {
            tracing::error!(%error, "a parcel can't be kept");
            Refusal::Disk
        })?;
        let Some(held) = kept else {
            // It came on another stream: what holds of it now holds of this one.
            return match self.hub.judge(self.agency, &deposit)? {
                Admission::Waits => Ok(()),
                Admission::Room(_) => Err(Refusal::Busy),
            };
        };
        // One of the two may have been cut off while it came.
        if !self.hub.carries(&held.from, &held.to) {
            let cut = mailbox.discard(&held.from, &[held.id]).await;
            self.hub.deleted(Deed::Cut, cut.map(|cut| cut.gone));
            return Err(Refusal::NotCarried);
        }
        if mailbox.next_end() == Some(held.expires) {
            self.hub.0.sooner.notify_one();
        }
        self.hub.note(Deed::Deposited, &[held]);
        Ok(())
    }

    async fn discard(&mut self, ids: Vec<ParcelId>) {
        match self.hub.mailbox().discard(&self.agency, &ids).await {
            Ok(mailbox::Discarded { gone, untouched }) => {
                let untouched = ids.iter().map(|id| untouched.contains(id)).collect();
                self.hub.note(Deed::Discarded, &gone);
                self.handle(Event::Discarded(untouched));
            }
            // It is not said that they are gone before they are.
            Err(error) => {
                tracing::error!(%error, "a parcel is not off the disk");
                self.handle(Event::Close(Reason::Busy));
            }
        }
    }

    async fn load(&mut self, id: ParcelId, offset: u32, len: u32) {
        let mailbox = self.hub.mailbox();
        let now = self.hub.0.time.latest();
        let waits = mailbox
            .waits(&self.agency, &id)
            .filter(|held| held.expires > now && self.hub.carries(&held.from, &held.to));
        let Some(held) = waits else {
            self.going = None;
            if offset > 0 {
                // It was taken back half way: nothing more of it goes.
                self.handle(Event::Close(Reason::Restart));
            } else {
                self.announced.remove(&id);
                self.handle(Event::Loaded { id, bytes: None });
            }
            return;
        };
        if offset == 0 {
            self.going = match mailbox.open_parcel(&self.agency, &id).await {
                Ok(opened) => opened,
                Err(error) => {
                    tracing::error!(%error, "a parcel can't be given");
                    if mailbox.waits(&self.agency, &id).is_none() {
                        self.hub.note(Deed::Damaged, &[held]);
                    }
                    None
                }
            };
        }
        let bytes = match self.going.as_ref().filter(|going| going.held().id == id) {
            Some(going) => mailbox.read(going, offset, len).await.ok(),
            None => None,
        };
        if bytes.is_none() && offset > 0 {
            self.handle(Event::Close(Reason::Busy));
            return;
        }
        if bytes.is_none() || offset.saturating_add(len) >= held.size {
            self.going = None;
        }
        self.handle(Event::Loaded { id, bytes });
    }

    async fn remove(&mut self, id: ParcelId) {
        match self.hub.mailbox().done(&self.agency, &id).await {
            Ok(gone) => self.hub.note(Deed::Collected, &gone),
            // It is not given again before the next start; then its addressee knows its number.
            Err(error) => tracing::error!(%error, "a parcel is not off the disk"),
        }
        self.announced.remove(&id);
        self.handle(Event::Removed(id));
    }

    fn list(&mut self, after: Option<ParcelId>) {
        let mailbox = self.hub.mailbox();
        let (held, more) = mailbox.holding(&self.agency, after, wire_limits::MAILBOX_IDS);
        let parcels = held
            .iter()
            .map(|held| Held {
                id: held.id,
                to: held.to,
                expires: held.expires,
            })
            .collect();
        self.handle(Event::Held { parcels, more });
    }
}
