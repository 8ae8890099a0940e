//! The live stream in: say what is known of an offer, ingest what comes, answer each record.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::live::{
    Known as WireKnown, Receiver, ReceiverEffect as Effect, ReceiverEvent as Event,
};
use liaison_protocol::wire::{Message, Notice, Reason};

use super::{Sync, SyncError, witness};
use crate::aside::aside;
use crate::ingest::{Asked, Known};
use crate::limits;
use crate::share::Route;
use crate::swarm::{FrameStream, FrameWriter};

/// Serves a live stream that a peer opened, until it ends or the peer opens a newer one. What
/// the newer one brings comes after all that was taken from this one: a recall on it finds the
/// record that it takes back.
pub(super) async fn receive(
    sync: &Sync,
    agency: AgencyId,
    stream: FrameStream,
) -> Result<(), SyncError> {
    let live = sync.peers.of(&agency).begin_live();
    let served = async {
        let _only_one = live.turn.lock().await;
        serve(sync, agency, stream).await
    };
    tokio::select! {
        biased;
        () = live.newer.cancelled() => Ok(()),
        done = served => done,
    }
}

async fn serve(sync: &Sync, agency: AgencyId, stream: FrameStream) -> Result<(), SyncError> {
    let route = Route::from(stream.path());
    let (mut reader, writer) = stream.split();
    let (machine, hello) = Receiver::new(sync.hello.clone());
    let mut stop = sync.stop.clone();
    let mut session = Session {
        sync,
        agency,
        route,
        machine,
        writer,
        lookups: FuturesUnordered::new(),
        asked: HashMap::new(),
        ingests: FuturesUnordered::new(),
        effects: VecDeque::new(),
        opened: false,
    };
    session.writer.send(&hello.encode()).await?;
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    let mut tell = tokio::time::interval(Duration::from_secs(limits::TELL_TIME_S));
    tell.reset();
    loop {
        if session.work().await? {
            return Ok(());
        }
        tokio::select! {
            frame = reader.next() => match frame? {
                Some(body) => session.handle(Event::Message(Message::decode(&body)?)),
                None => return Ok(()),
            },
            Some((batch, known, asked)) = session.lookups.next(), if !session.lookups.is_empty() => {
                session.asked.insert(batch, asked);
                session.handle(Event::Known { batch, known });
            }
            Some((batch, first, answers)) = session.ingests.next(),
                if !session.ingests.is_empty() =>
            {
                session.handle(Event::Ingested { batch, first, answers });
            }
            _ = stop.changed() => session.handle(Event::Close(Reason::Stopping)),
            _ = tick.tick() => session.handle(Event::Tick(sync.share.now())),
            _ = tell.tick() => session.tell(),
        }
    }
}

/// A batch, what is known of each of its items, and what the peer is asked for.
type LookedUp = (u64, Vec<WireKnown>, Arc<Asked>);

struct Session<'a> {
    sync: &'a Sync,
    agency: AgencyId,
    /// The way of this stream.
    route: Route,
    machine: Receiver,
    writer: FrameWriter,
    /// In no order: one that waits for another peer's copy holds up no other.
    lookups: FuturesUnordered<BoxFuture<'static, LookedUp>>,
    /// What the peer was asked for, by batch, until that is answered.
    asked: HashMap<u64, Arc<Asked>>,
    ingests: FuturesUnordered<BoxFuture<'static, (u64, u32, Vec<Answer>)>>,
    effects: VecDeque<Effect>,
    /// Whether the peer said hello.
    opened: bool,
}

impl Session<'_> {
    fn handle(&mut self, event: Event) {
        self.effects.extend(self.machine.handle(event));
    }

    fn tell(&mut self) {
        if self.opened {
            self.handle(Event::Notify(self.sync.told()));
        }
    }

    /// Carries out what is to be done; whether the stream is over.
    async fn work(&mut self) -> Result<bool, SyncError> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Send(message) => {
                    if let Message::Answers { batch, .. } = &message {
                        self.asked.remove(batch);
                    }
                    self.writer.send(&message.encode()).await?;
                }
                Effect::Opened { peer, .. } => {
                    self.sync.check_hello(self.agency, &peer)?;
                    self.opened = true;
                    self.tell();
                }
                Effect::Noticed(notice) => {
                    if !matches!(notice, Notice::Witness { .. }) {
                        self.sync.noticed(self.agency, notice).await?;
                        continue;
                    }
                    // What we held so far first: only the peer can tell whether the new one
                    // follows from it.
                    let before = witness::held(self.sync, &self.agency).await?;
                    self.sync.noticed(self.agency, notice).await?;
                    let after = witness::held(self.sync, &self.agency).await?;
                    if before != after {
                        self.handle(Event::Notify(before));
                    }
                    self.handle(Event::Notify(after));
                }
                Effect::Lookup { batch, items } => {
                    let (ingest, agency) = (self.sync.ingest.clone(), self.agency);
                    let route = self.route;
                    let share = self.sync.share.clone();
                    let peer = self.sync.peers.of(&agency);
                    self.lookups.push(aside(async move {
                        let (known, asked) = ingest.offered(agency, route, items, share).await;
                        peer.tally
                            .gave(known.iter().filter_map(|known| match known {
                                Known::Want => None,
                                Known::Answer(answer) => Some(answer),
                            }));
                        (batch, known.into_iter().map(to_wire).collect(), asked)
                    }));
                }
                Effect::Ingest {
                    batch,
                    first,
                    records,
                } => {
                    let (ingest, agency) = (self.sync.ingest.clone(), self.agency);
                    let route = self.route;
                    let records = records
                        .into_iter()
                        .map(|(item, bytes)| (item, bytes.into()))
                        .collect();
                    let peer = self.sync.peers.of(&agency);
                    let received = ingest.received(agency, route, records);
                    self.ingests.push(aside(async move {
                        let answers = received.await;
                        peer.tally.gave(&answers);
                        (batch, first, answers)
                    }));
                }
                Effect::Closed(_) => {
                    let _unsent = self.writer.flush().await;
                    let _unclosed = self.writer.close().await;
                    return Ok(true);
                }
                Effect::Fault(fault) => {
                    let _unsent = self.writer.flush().await;
                    let _unclosed = self.writer.close().await;
                    return Err(fault.into());
                }
            }
        }
        self.writer.flush().await?;
        Ok(false)
    }
}

fn to_wire(known: Known) -> WireKnown {
    match known {
        Known::Want => WireKnown::Want,
        Known::Answer(answer) => WireKnown::Answer(answer),
    }
}
