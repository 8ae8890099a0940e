//! Simulated streams: the real sessions on both ends, bytes in between.

use std::collections::HashSet;

use super::node::Handed;
use super::{Due, Sim};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::fault::WireFault;
use liaison_protocol::wire::frame::{self, Decoder};
use liaison_protocol::wire::live::{
    Lane, Receiver, ReceiverEffect, ReceiverEvent, Sender, SenderEffect, SenderEvent,
};
use liaison_protocol::wire::message::{Item, Message};
use liaison_protocol::wire::repair::{self, Initiator, Responder};

/// Milliseconds after which it is looked again whether another peer's copy came.
const WAIT_MS: u64 = 10;

/// A stream's name: who opened it, to whom, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The opener.
    pub from: usize,
    /// The acceptor.
    pub to: usize,
    /// Repair, or else live.
    pub repair: bool,
}

impl Key {
    pub(super) const fn live(from: usize, to: usize) -> Self {
        Self {
            from,
            to,
            repair: false,
        }
    }

    pub(super) const fn repair(from: usize, to: usize) -> Self {
        Self {
            from,
            to,
            repair: true,
        }
    }

    pub(super) const fn touches(&self, node: usize) -> bool {
        self.from == node || self.to == node
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    epoch: u64,
    ends: Ends,
    forth: Pipe,
    back: Pipe,
    handed: Handed,
    found: Option<Vec<RecordId>>,
}

#[derive(Debug)]
enum Ends {
    Live(Box<Sender>, Box<Receiver>),
    Repair(Box<Initiator>, Box<Responder>),
}

#[derive(Debug, Default)]
struct Pipe {
    decoder: Decoder,
    last_arrival: u64,
}

/// What an application does after a while.
#[derive(Debug)]
pub(super) enum Work {
    Load {
        batch: u64,
        ids: Vec<RecordId>,
    },
    Lookup {
        batch: u64,
        items: Vec<Item>,
    },
    Ingest {
        batch: u64,
        first: u32,
        records: Vec<(Item, Vec<u8>)>,
    },
}

impl Sim {
    pub(super) fn open(&mut self, key: Key) {
        let wait = self.config.lines.wait(key.from, key.to, self.now);
        if wait > 0 {
            self.schedule(wait, Due::Open(key));
            return;
        }
        if self.streams.contains_key(&key) {
            return;
        }
        let (opener, acceptor) = (&self.nodes[key.from], &self.nodes[key.to]);
        let (ours, theirs) = (opener.hello(), acceptor.hello());
        let (ends, first, second) = if key.repair {
            let (a, b) = (self.rng.bytes(), self.rng.bytes());
            let (initiator, first) = Initiator::new(ours, a, opener.repair_set(key.to));
            let (responder, second) = Responder::new(theirs, b, acceptor.repair_set(key.from));
            (
                Ends::Repair(Box::new(initiator), Box::new(responder)),
                first,
                second,
            )
        } else {
            let (sender, first) = Sender::new(ours);
            let (receiver, second) = Receiver::new(theirs);
            (
                Ends::Live(Box::new(sender), Box::new(receiver)),
                first,
                second,
            )
        };
        let stream = Stream {
            epoch: self.sequence,
            ends,
            forth: Pipe::default(),
            back: Pipe::default(),
            handed: Handed::default(),
            found: None,
        };
        self.streams.insert(key, stream);
        self.send(key, true, first);
        self.send(key, false, second);
    }

    pub(super) fn arrive(&mut self, key: Key, epoch: u64, forth: bool, bytes: &[u8]) {
        if !self.is_current(key, epoch) {
            return;
        }
        if self.config.lines.breaks(&mut self.rng) {
            self.broken(key);
            return;
        }
        let mut messages = Vec::new();
        let mut fault = None;
        if let Some(stream) = self.streams.get_mut(&key) {
            let pipe = if forth {
                &mut stream.forth
            } else {
                &mut stream.back
            };
            pipe.decoder.push(bytes);
            loop {
                match pipe.decoder.next_message() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(cause) => {
                        fault = Some(cause);
                        break;
                    }
                }
            }
        }
        for message in messages {
            if self.is_current(key, epoch) {
                self.take(key, forth, message);
            }
        }
        if let Some(fault) = fault {
            self.end(key, fault);
        }
    }

    fn take(&mut self, key: Key, forth: bool, message: Message) {
        let now = Millis(self.now);
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        match (&mut stream.ends, forth) {
            (Ends::Live(sender, _), false) => {
                let mut effects = sender.handle(SenderEvent::Tick(now));
                effects.extend(sender.handle(SenderEvent::Message(message)));
                self.sender_effects(key, effects);
            }
            (Ends::Live(_, receiver), true) => {
                let mut effects = receiver.handle(ReceiverEvent::Tick(now));
                effects.extend(receiver.handle(ReceiverEvent::Message(message)));
                let open = receiver.open_batches();
                self.figures.most_open = self.figures.most_open.max(open);
                self.receiver_effects(key, effects);
            }
            (Ends::Repair(initiator, _), false) => {
                let effects = initiator.handle(repair::Event::Message(message));
                self.repair_effects(key, true, effects);
            }
            (Ends::Repair(_, responder), true) => {
                let effects = responder.handle(repair::Event::Message(message));
                self.repair_effects(key, false, effects);
            }
        }
    }

    pub(super) fn work(&mut self, key: Key, epoch: u64, work: Work) {
        if !self.is_current(key, epoch) {
            return;
        }
        match work {
            Work::Load { batch, ids } => {
                let frames = self.nodes[key.from].load(key.to, &ids);
                self.tell_sender(key, SenderEvent::Loaded { batch, frames });
            }
            Work::Lookup { batch, items } => {
                let (node, now) = (&mut self.nodes[key.to], self.now);
                if node.waits(key.from, &items, now) {
                    let work = Work::Lookup { batch, items };
                    self.schedule(WAIT_MS, Due::Work { key, epoch, work });
                    return;
                }
                let known = node.lookup(key.from, &items, now);
                self.tell_receiver(key, ReceiverEvent::Known { batch, known });
            }
            Work::Ingest {
                batch,
                first,
                records,
            } => {
                let mut answers = Vec::new();
                let mut grew = false;
                for (item, bytes) in &records {
                    let record = self.records.get(&item.id);
                    let node = &mut self.nodes[key.to];
                    let (answer, new) = node.ingest(key.from, item, bytes, record, self.now);
                    answers.push(answer);
                    grew |= new;
                    if new {
                        self.figures.delivered += 1;
                        let at = record.map_or(0, |r| r.at);
                        self.figures.delays_ms.push(self.now - at);
                    } else if answer == liaison_protocol::fault::Answer::Stored {
                        self.figures.duplicates += 1;
                    }
                }
                self.tell_receiver(
                    key,
                    ReceiverEvent::Ingested {
                        batch,
                        first,
                        answers,
                    },
                );
                if grew {
                    self.fill_all(key.to);
                }
            }
        }
    }

    /// Hands a sender what there is to offer, as far as it has room.
    pub(super) fn fill(&mut self, key: Key) {
        let now = Millis(self.now);
        for lane in Lane::ALL {
            loop {
                let Some(stream) = self.streams.get_mut(&key) else {
                    return;
                };
                let Ends::Live(sender, _) = &mut stream.ends else {
                    return;
                };
                if sender.room(lane) == 0 {
                    break;
                }
                let scan = self.nodes[key.from].scan(key.to, lane, &mut stream.handed);
                let Some((mark, items)) = scan else {
                    break;
                };
                let mut effects = sender.handle(SenderEvent::Tick(now));
                effects.extend(sender.handle(SenderEvent::Scanned { lane, mark, items }));
                self.sender_effects(key, effects);
            }
        }
    }

    pub(super) fn fill_all(&mut self, node: usize) {
        for at in 0..self.neighbours[node].len() {
            self.fill(Key::live(node, self.neighbours[node][at]));
        }
    }

    fn tell_sender(&mut self, key: Key, event: SenderEvent) {
        if let Some(Stream {
            ends: Ends::Live(sender, _),
            ..
        }) = self.streams.get_mut(&key)
        {
            // A session is told the time every few seconds: none here is that far behind.
            let mut effects = sender.handle(SenderEvent::Tick(Millis(self.now)));
            effects.extend(sender.handle(event));
            self.sender_effects(key, effects);
        }
    }

    fn tell_receiver(&mut self, key: Key, event: ReceiverEvent) {
        if let Some(Stream {
            ends: Ends::Live(_, receiver),
            ..
        }) = self.streams.get_mut(&key)
        {
            // A session is told the time every few seconds: none here is that far behind.
            let mut effects = receiver.handle(ReceiverEvent::Tick(Millis(self.now)));
            effects.extend(receiver.handle(event));
            self.receiver_effects(key, effects);
        }
    }

    fn sender_effects(&mut self, key: Key, effects: Vec<SenderEffect>) {
        let mut room = false;
        for effect in effects {
            match effect {
                SenderEffect::Send(message) => self.send(key, true, message),
                SenderEffect::Opened { .. } | SenderEffect::Noticed(_) => {}
                SenderEffect::Room => room = true,
                SenderEffect::Load { batch, ids } => self.later(key, Work::Load { batch, ids }),
                SenderEffect::Settled {
                    lane,
                    mark,
                    outcomes,
                } => {
                    let Some(stream) = self.streams.get_mut(&key) else {
                        return;
                    };
                    let ids: HashSet<RecordId> = outcomes.iter().map(|(id, _)| *id).collect();
                    assert_eq!(ids.len(), outcomes.len(), "one record twice in a batch");
                    let handed = &mut stream.handed;
                    let node = &mut self.nodes[key.from];
                    for id in node.settled(key.to, lane, mark, &outcomes, handed) {
                        let (from, to) = (key.from, key.to);
                        self.schedule(5_000, Due::Again { from, to, id });
                    }
                }
                SenderEffect::Closed(_) => self.broken(key),
                SenderEffect::Fault(fault) => self.end(key, fault),
            }
        }
        if room {
            self.fill(key);
        }
    }

    fn receiver_effects(&mut self, key: Key, effects: Vec<ReceiverEffect>) {
        for effect in effects {
            match effect {
                ReceiverEffect::Send(message) => self.send(key, false, message),
                ReceiverEffect::Opened { .. } | ReceiverEffect::Noticed(_) => {}
                ReceiverEffect::Lookup { batch, items } => {
                    self.later(key, Work::Lookup { batch, items });
                }
                ReceiverEffect::Ingest {
                    batch,
                    first,
                    records,
                } => {
                    self.later(
                        key,
                        Work::Ingest {
                            batch,
                            first,
                            records,
                        },
                    );
                }
                ReceiverEffect::Closed(_) => self.broken(key),
                ReceiverEffect::Fault(fault) => self.end(key, fault),
            }
        }
    }

    fn repair_effects(&mut self, key: Key, initiator: bool, effects: Vec<repair::Effect>) {
        for effect in effects {
            match effect {
                repair::Effect::Send(message) => self.send(key, initiator, message),
                repair::Effect::Opened { .. } => {}
                repair::Effect::Finished(finished) => {
                    let (from, to) = if initiator {
                        (key.from, key.to)
                    } else {
                        (key.to, key.from)
                    };
                    for id in &finished.offer {
                        self.nodes[from].again(to, *id);
                    }
                    self.fill(Key::live(from, to));
                    if initiator {
                        let theirs = self.streams.remove(&key).and_then(|s| s.found);
                        let theirs = theirs.map_or(0, |found| found.len());
                        self.figures.repairs.push((finished.offer.len(), theirs));
                    } else if let Some(stream) = self.streams.get_mut(&key) {
                        stream.found = Some(finished.offer);
                    }
                }
                repair::Effect::Closed(_) => self.broken(key),
                repair::Effect::Fault(fault) => self.end(key, fault),
            }
        }
    }

    fn later(&mut self, key: Key, work: Work) {
        let epoch = self.streams.get(&key).map_or(0, |s| s.epoch);
        let ms = self.rng.below(20);
        self.schedule(ms, Due::Work { key, epoch, work });
    }

    fn send(&mut self, key: Key, forth: bool, message: Message) {
        let bytes = frame::encode(&message);
        *self.figures.messages.entry(message.name()).or_default() += 1;
        let size = bytes.len() as u64;
        self.figures.bytes += size;
        self.figures.bytes_at[key.from] += size;
        self.figures.bytes_at[key.to] += size;
        if let Message::Offer { items, .. } = &message {
            self.figures.offered += items.len() as u64;
        }
        let sender = if forth { key.from } else { key.to };
        let (lines, rng) = (&mut self.config.lines, &mut self.rng);
        let latency = lines.time_under_way(sender, bytes.len(), self.now, rng);
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let pipe = if forth {
            &mut stream.forth
        } else {
            &mut stream.back
        };
        // A stream keeps its order.
        pipe.last_arrival = pipe.last_arrival.max(self.now + latency);
        let (epoch, wait) = (stream.epoch, pipe.last_arrival - self.now);
        self.schedule(
            wait,
            Due::Arrive {
                key,
                epoch,
                forth,
                bytes,
            },
        );
    }

    fn end(&mut self, key: Key, fault: WireFault) {
        self.faults.push((key, fault));
        self.streams.remove(&key);
        self.nodes[key.to].gave_up(key.from);
    }

    fn is_current(&self, key: Key, epoch: u64) -> bool {
        self.streams.get(&key).is_some_and(|s| s.epoch == epoch)
    }
}
