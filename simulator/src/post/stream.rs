//! Simulated mailbox streams: the real sessions on both ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits;
use liaison_protocol::wire::hello::{Hello, Speaks};
use liaison_protocol::wire::mailbox::{
    Client, ClientEffect, ClientEvent, Deposit, Message, Server, ServerEffect, ServerEvent,
    Verdict, Waiting,
};

use super::{Due, Post};

/// A stream's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub agency: usize,
    pub hub: usize,
}

#[derive(Debug)]
pub(super) struct Stream {
    epoch: u64,
    client: Client,
    server: Server,
    is_open: bool,
    /// When the last message of each way arrives: a stream keeps its order.
    last_arrivals: [u64; 2],
    /// Announced, not fetched yet.
    waiting: VecDeque<ParcelId>,
    /// What is being left, and for whom.
    under_way: BTreeMap<ParcelId, usize>,
    /// Up to which place of the hub's list was announced.
    announced: u64,
    /// Of the parcel whose pieces come.
    written: Vec<u8>,
}

/// Bytes of a frame's head.
const HEAD_BYTES: usize = 4;

/// Milliseconds that a disk or a look at a parcel takes, at most.
const WORK_MS: u64 = 20;

impl Post {
    pub(super) fn open(&mut self, key: Key) {
        let wait = self.lines.wait(key.agency, key.hub, self.now);
        if wait > 0 {
            self.schedule(wait, Due::Open(key));
            return;
        }
        if self.streams.contains_key(&key) {
            return;
        }
        let (client, first) = Client::new(hello(key.agency));
        let (server, second) = Server::new(hello(key.hub));
        let stream = Stream {
            epoch: self.sequence,
            client,
            server,
            is_open: false,
            last_arrivals: [0; 2],
            waiting: VecDeque::new(),
            under_way: BTreeMap::new(),
            announced: 0,
            written: Vec::new(),
        };
        self.streams.insert(key, stream);
        self.send(key, true, &first);
        self.send(key, false, &second);
    }

    pub(super) fn drop_streams(&mut self, which: impl Fn(&Key) -> bool) {
        let keys: Vec<Key> = self.streams.keys().filter(|k| which(k)).copied().collect();
        for key in keys {
            self.broken(key);
        }
    }

    fn broken(&mut self, key: Key) {
        if self.streams.remove(&key).is_some() {
            let backoff = 50 + self.rng.below(500);
            self.schedule(backoff, Due::Open(key));
            // Another hub may take what was under way.
            self.deposit(key.agency);
        }
    }

    pub(super) fn arrive(&mut self, key: Key, epoch: u64, forth: bool, body: &[u8]) {
        if !self.is_current(key, epoch) {
            return;
        }
        if self.lines.breaks(&mut self.rng) {
            self.broken(key);
            return;
        }
        match Message::decode(body) {
            Ok(message) if forth => self.tell_server(key, ServerEvent::Message(message)),
            Ok(message) => self.tell_client(key, ClientEvent::Message(message)),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Leaves the next parcels of an agency at the first hub that it reaches: as many as the stream
    /// takes at once, of each addressee one at a time.
    pub(super) fn deposit(&mut self, agency: usize) {
        let is_open = |hub: &usize| {
            let stream = self.streams.get(&Key { agency, hub: *hub });
            stream.is_some_and(|s| s.is_open)
        };
        let Some(hub) = (0..self.hubs.len()).find(is_open) else {
            return;
        };
        let key = Key { agency, hub };
        loop {
            let streams =
                (0..self.hubs.len()).filter_map(|hub| self.streams.get(&Key { agency, hub }));
            let busy: BTreeSet<usize> = streams
                .flat_map(|s| s.under_way.values().copied())
                .collect();
            let Some(stream) = self.streams.get_mut(&key) else {
                return;
            };
            let smallest = limits::PARCEL_CLASSES.first().copied().unwrap_or_default();
            if !stream.client.may_deposit(smallest as u32) {
                return;
            }
            let made = &self.made;
            let size_of = |number: u32| made.get(number as usize).map_or(0, |made| made.size);
            let next = self.agencies.get_mut(&agency);
            let Some((to, parcel)) = next.and_then(|a| a.next(size_of, &busy, agency)) else {
                return;
            };
            if !stream.client.may_deposit(parcel.bytes().len() as u32) {
                return;
            }
            stream.under_way.insert(parcel.id(), to);
            let deposit = Deposit {
                id: parcel.id(),
                to: id_of(to),
                size: parcel.bytes().len() as u32,
                expires: Millis(self.now + limits::PARCEL_DAYS * 24 * 3_600_000),
                owed: false,
            };
            self.tell_client(key, ClientEvent::Deposit { deposit, parcel });
        }
    }

    pub(super) fn client_later(&mut self, key: Key, epoch: u64, event: ClientEvent) {
        if self.is_current(key, epoch) {
            self.tell_client(key, event);
        }
    }

    pub(super) fn server_later(&mut self, key: Key, epoch: u64, event: ServerEvent) {
        if self.is_current(key, epoch) {
            self.tell_server(key, event);
        }
    }

    fn tell_client(&mut self, key: Key, event: ClientEvent) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let mut effects = stream.client.handle(ClientEvent::Tick(Millis(self.now)));
        effects.extend(stream.client.handle(event));
        for effect in effects {
            self.client_effect(key, effect);
        }
        self.fetch(key);
    }

    fn client_effect(&mut self, key: Key, effect: ClientEffect) {
        match effect {
            ClientEffect::Send(message) => self.send(key, true, &message),
            ClientEffect::Opened { .. } => {
                if let Some(stream) = self.streams.get_mut(&key) {
                    stream.is_open = true;
                }
                self.tell_client(key, ClientEvent::Collect(limits::WAITING_PARCELS));
                self.deposit(key.agency);
            }
            ClientEffect::Deposited { id, kept } => {
                if let Some(stream) = self.streams.get_mut(&key) {
                    stream.under_way.remove(&id);
                }
                if kept.is_ok()
                    && let Some(agency) = self.agencies.get_mut(&key.agency)
                {
                    agency.is_left(&id);
                }
                self.deposit(key.agency);
            }
            ClientEffect::Waiting(waiting) => {
                if let Some(stream) = self.streams.get_mut(&key) {
                    stream.waiting.push_back(waiting.id);
                }
            }
            ClientEffect::Fetched { waiting, parcel } => {
                let from = number_of(&waiting.from);
                let Some(agency) = self.agencies.get_mut(&key.agency) else {
                    return;
                };
                let (new, known) = agency.take(from, &parcel);
                self.duplicates += known;
                for number in new {
                    if let Some(made) = self.made.get(number as usize)
                        && made.author != key.agency
                    {
                        self.delays_ms.push(self.now - made.at);
                    }
                }
                self.later(key, ClientEvent::Done(waiting.id));
            }
            ClientEffect::Gone(_) => self.deposit(key.agency),
            ClientEffect::Discarded(_) | ClientEffect::Held { .. } => {}
            ClientEffect::Closed(_) => self.broken(key),
            ClientEffect::Fault(fault) => {
                self.faults.push(fault);
                self.streams.remove(&key);
            }
        }
    }

    fn fetch(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if !stream.client.is_fetching()
            && let Some(id) = stream.waiting.pop_front()
        {
            self.tell_client(key, ClientEvent::Fetch(id));
        }
    }

    fn tell_server(&mut self, key: Key, event: ServerEvent) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let mut effects = stream.server.handle(ServerEvent::Tick(Millis(self.now)));
        effects.extend(stream.server.handle(event));
        for effect in effects {
            self.server_effect(key, effect);
        }
    }

    fn server_effect(&mut self, key: Key, effect: ServerEffect) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let hub = &mut self.hubs[key.hub];
        match effect {
            ServerEffect::Send(message) => self.send(key, false, &message),
            ServerEffect::Judge(Deposit { id, .. }) => {
                let verdict = if hub.has(&id) {
                    Verdict::Kept
                } else {
                    Verdict::Keep
                };
                self.later_at_hub(key, ServerEvent::Judged { id, verdict });
            }
            ServerEffect::Write { bytes, .. } => stream.written.extend(bytes),
            ServerEffect::Finish(deposit) => {
                let bytes = std::mem::take(&mut stream.written);
                let waiting = Waiting {
                    id: deposit.id,
                    from: id_of(key.agency),
                    size: deposit.size,
                };
                let (to, id) = (number_of(&deposit.to), deposit.id);
                hub.keep(to, &deposit, waiting, bytes);
                self.later_at_hub(key, ServerEvent::Finished { id, kept: Ok(()) });
                self.announce(Key { agency: to, ..key });
            }
            ServerEffect::Room => self.announce(key),
            ServerEffect::Load { id, offset, len } => {
                let bytes = hub.piece(&id, offset, len);
                self.later_at_hub(key, ServerEvent::Loaded { id, bytes });
            }
            ServerEffect::Remove(id) => {
                hub.remove(&id);
                self.later_at_hub(key, ServerEvent::Removed(id));
            }
            ServerEffect::Opened { .. } | ServerEffect::Discard(_) | ServerEffect::List { .. } => {}
            ServerEffect::Closed(_) => self.broken(key),
            ServerEffect::Fault(fault) => {
                self.faults.push(fault);
                self.streams.remove(&key);
            }
        }
    }

    /// Announces what waits for an agency, as far as there is room.
    fn announce(&mut self, key: Key) {
        while let Some(stream) = self.streams.get_mut(&key)
            && stream.server.room() > 0
            && let Some((place, waiting)) = self.hubs[key.hub].next(key.agency, stream.announced)
        {
            stream.announced = place;
            self.tell_server(key, ServerEvent::Announce(waiting));
        }
    }

    fn later(&mut self, key: Key, event: ClientEvent) {
        let epoch = self.streams.get(&key).map_or(0, |s| s.epoch);
        let (ms, event) = (self.rng.below(WORK_MS), Box::new(event));
        self.schedule(ms, Due::Client { key, epoch, event });
    }

    fn later_at_hub(&mut self, key: Key, event: ServerEvent) {
        let epoch = self.streams.get(&key).map_or(0, |s| s.epoch);
        let (ms, event) = (self.rng.below(WORK_MS), Box::new(event));
        self.schedule(ms, Due::Server { key, epoch, event });
    }

    fn send(&mut self, key: Key, forth: bool, message: &Message) {
        let body = message.encode();
        let size = HEAD_BYTES + body.len();
        self.bytes += size as u64;
        self.bytes_at[key.agency] += size as u64;
        self.bytes_at[key.hub] += size as u64;
        let sender = if forth { key.agency } else { key.hub };
        let takes = self
            .lines
            .time_under_way(sender, size, self.now, &mut self.rng);
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let last = &mut stream.last_arrivals[usize::from(forth)];
        *last = (*last).max(self.now + takes);
        let (epoch, wait) = (stream.epoch, *last - self.now);
        self.schedule(
            wait,
            Due::Arrive {
                key,
                epoch,
                forth,
                body,
            },
        );
    }

    fn is_current(&self, key: Key, epoch: u64) -> bool {
        self.streams.get(&key).is_some_and(|s| s.epoch == epoch)
    }
}

fn hello(node: usize) -> Hello {
    Hello::new(Speaks::CURRENT, "sim", id_of(node))
}

fn id_of(node: usize) -> AgencyId {
    let mut agency = [0; 32];
    agency[..8].copy_from_slice(&(node as u64).to_be_bytes());
    AgencyId::from_bytes(agency)
}

fn number_of(agency: &AgencyId) -> usize {
    let first = agency.as_bytes().first_chunk::<8>();
    first.map_or(usize::MAX, |bytes| u64::from_be_bytes(*bytes) as usize)
}
