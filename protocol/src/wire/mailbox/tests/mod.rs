//! Both sides of a mailbox against each other.

mod broken;
mod properties;

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::clock::Millis;
use crate::id::{AgencyId, ParcelId};
use crate::parcel::Parcel;
use crate::wire::hello::{Hello, Speaks};

fn agency(byte: u8) -> AgencyId {
    AgencyId::from_bytes([byte; 32])
}

fn hello(byte: u8) -> Hello {
    Hello::new(Speaks::CURRENT, "test", agency(byte))
}

fn parcel(fill: u8) -> Parcel {
    let class = limits::PARCEL_CLASSES[usize::from(fill) % 4];
    Parcel::from_bytes(vec![fill; class].into()).expect("a class")
}

fn deposit(parcel: &Parcel, to: u8) -> Deposit {
    Deposit {
        id: parcel.id(),
        to: agency(to),
        size: parcel.bytes().len() as u32,
        expires: Millis(1_000_000),
        owed: false,
    }
}

fn waiting(parcel: &Parcel) -> Waiting {
    Waiting {
        id: parcel.id(),
        from: agency(1),
        size: parcel.bytes().len() as u32,
    }
}

/// A hub that does what it says, in memory.
#[derive(Default)]
struct Hub {
    kept: BTreeMap<ParcelId, (AgencyId, Deposit, Vec<u8>)>,
    partial: BTreeMap<ParcelId, Vec<u8>>,
    announced: Vec<ParcelId>,
}

impl Hub {
    /// Carries out what the server of `from` asks for.
    fn carry_out(
        &mut self,
        from: AgencyId,
        server: &Server,
        effect: ServerEffect,
    ) -> Vec<ServerEvent> {
        match effect {
            ServerEffect::Judge(deposit) => {
                self.partial.insert(deposit.id, Vec::new());
                let verdict = match self.kept.contains_key(&deposit.id) {
                    true => Verdict::Kept,
                    false => Verdict::Keep,
                };
                vec![ServerEvent::Judged {
                    id: deposit.id,
                    verdict,
                }]
            }
            ServerEffect::Write { id, offset, bytes } => {
                let partial = self.partial.get_mut(&id).expect("judged");
                assert_eq!(offset as usize, partial.len());
                assert!(bytes.len() <= limits::PIECE_BYTES);
                partial.extend(bytes);
                Vec::new()
            }
            ServerEffect::Finish(deposit) => {
                let bytes = self.partial.remove(&deposit.id).expect("written");
                self.kept.insert(deposit.id, (from, deposit, bytes));
                vec![ServerEvent::Finished {
                    id: deposit.id,
                    kept: Ok(()),
                }]
            }
            ServerEffect::Discard(ids) => {
                let own = |id| self.kept.get(id).is_some_and(|(by, ..)| *by == from);
                let had: Vec<bool> = ids.iter().map(own).collect();
                for (id, had) in ids.iter().zip(&had) {
                    if *had {
                        self.kept.remove(id);
                    }
                }
                vec![ServerEvent::Discarded(had)]
            }
            ServerEffect::Room => {
                let next = self.kept.values().filter(|(_, d, _)| d.to == from);
                let next = next.filter(|(_, d, _)| !self.announced.contains(&d.id));
                let next: Vec<Waiting> = next
                    .take(server.room())
                    .map(|(by, d, _)| Waiting {
                        id: d.id,
                        from: *by,
                        size: d.size,
                    })
                    .collect();
                self.announced.extend(next.iter().map(|w| w.id));
                next.into_iter().map(ServerEvent::Announce).collect()
            }
            ServerEffect::Load { id, offset, len } => {
                let bytes = self
                    .kept
                    .get(&id)
                    .map(|(_, _, bytes)| bytes[offset as usize..(offset + len) as usize].to_vec());
                vec![ServerEvent::Loaded { id, bytes }]
            }
            ServerEffect::Remove(id) => {
                self.kept.remove(&id);
                vec![ServerEvent::Removed(id)]
            }
            ServerEffect::List { after } => {
                let own = self.kept.values().filter(|(by, ..)| *by == from);
                let parcels = own
                    .filter(|(_, d, _)| after.is_none_or(|after| d.id > after))
                    .map(|(_, d, _)| Held {
                        id: d.id,
                        to: d.to,
                        expires: d.expires,
                    })
                    .collect();
                vec![ServerEvent::Held {
                    parcels,
                    more: false,
                }]
            }
            ServerEffect::Fault(fault) => panic!("{fault}"),
            ServerEffect::Send(_) | ServerEffect::Opened { .. } | ServerEffect::Closed(_) => {
                Vec::new()
            }
        }
    }
}

/// One agency's stream to a hub, both ends in one hand.
struct Stream {
    agency: AgencyId,
    client: Client,
    server: Server,
    /// What the client's caller was told.
    told: Vec<ClientEffect>,
}

impl Stream {
    fn open(hub: &mut Hub, byte: u8) -> Self {
        let (client, first) = Client::new(hello(byte));
        let (server, answer) = Server::new(hello(9));
        let mut stream = Self {
            agency: agency(byte),
            client,
            server,
            told: Vec::new(),
        };
        hub.announced.clear();
        let to_client = stream.client.handle(ClientEvent::Message(answer));
        stream.run(hub, vec![first], to_client);
        stream.told.clear();
        stream
    }

    fn ask(&mut self, hub: &mut Hub, event: ClientEvent) -> Vec<ClientEffect> {
        let effects = self.client.handle(event);
        self.run(hub, Vec::new(), effects);
        std::mem::take(&mut self.told)
    }

    fn run(&mut self, hub: &mut Hub, to_server: Vec<Message>, effects: Vec<ClientEffect>) {
        let mut to_server: VecDeque<Message> = to_server.into();
        let mut effects: VecDeque<ClientEffect> = effects.into();
        loop {
            while let Some(effect) = effects.pop_front() {
                match effect {
                    ClientEffect::Send(message) => to_server.push_back(message),
                    ClientEffect::Fault(fault) => panic!("{fault}"),
                    told => self.told.push(told),
                }
            }
            let Some(message) = to_server.pop_front() else {
                return;
            };
            let again = Message::decode(&message.encode()).expect("decodes");
            let mut events = VecDeque::from([ServerEvent::Message(again)]);
            while let Some(event) = events.pop_front() {
                for effect in self.server.handle(event) {
                    if let ServerEffect::Send(message) = effect {
                        let again = Message::decode(&message.encode()).expect("decodes");
                        effects.extend(self.client.handle(ClientEvent::Message(again)));
                    } else {
                        events.extend(hub.carry_out(self.agency, &self.server, effect));
                    }
                }
            }
        }
    }
}

#[test]
fn what_one_agency_leaves_another_collects_and_then_it_is_gone() {
    let mut hub = Hub::default();
    let mut a = Stream::open(&mut hub, 1);
    let parcels: Vec<Parcel> = (0..4).map(parcel).collect();
    for parcel in &parcels {
        let told = a.ask(
            &mut hub,
            ClientEvent::Deposit {
                deposit: deposit(parcel, 2),
                parcel: parcel.clone(),
            },
        );
        let id = parcel.id();
        assert_eq!(told, [ClientEffect::Deposited { id, kept: Ok(()) }]);
    }
    // An answer that was lost: it is kept, and nothing is sent again.
    let again = ClientEvent::Deposit {
        deposit: deposit(&parcels[3], 2),
        parcel: parcels[3].clone(),
    };
    assert_eq!(a.ask(&mut hub, again).len(), 1);
    let told = a.ask(&mut hub, ClientEvent::Holding(None));
    let [ClientEffect::Held { parcels: held, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(held.len(), 4);
    let (first, never) = (parcels[0].id(), ParcelId::from_bytes([7; 32]));
    assert_eq!(
        a.ask(&mut hub, ClientEvent::Discard(vec![first, never])),
        [ClientEffect::Discarded(vec![(first, true), (never, false)])]
    );

    let mut b = Stream::open(&mut hub, 2);
    let told = b.ask(&mut hub, ClientEvent::Collect(2));
    assert_eq!(told.len(), 2, "no more than it can deal with: {told:?}");
    let mut queue: VecDeque<ClientEffect> = told.into();
    let mut got = Vec::new();
    while let Some(effect) = queue.pop_front() {
        let event = match effect {
            ClientEffect::Waiting(waiting) => ClientEvent::Fetch(waiting.id),
            ClientEffect::Fetched { waiting, parcel } => {
                assert_eq!(waiting.from, agency(1));
                got.push(parcel.id());
                ClientEvent::Done(waiting.id)
            }
            _ => continue,
        };
        queue.extend(b.ask(&mut hub, event));
    }
    got.sort_unstable();
    let mut due: Vec<ParcelId> = parcels[1..].iter().map(Parcel::id).collect();
    due.sort_unstable();
    assert_eq!(got, due);
    assert!(hub.kept.is_empty());
}

#[test]
fn parcels_are_left_side_by_side_up_to_a_bound_and_one_of_the_longest_alone() {
    let mut hub = Hub::default();
    let mut a = Stream::open(&mut hub, 1);
    let small = |n: u8| parcel(4 * n);
    let event = |parcel: Parcel| ClientEvent::Deposit {
        deposit: deposit(&parcel, 2),
        parcel,
    };
    let longest = limits::PARCEL_BYTES as u32;
    assert!(a.client.may_deposit(longest));
    let mut effects = Vec::new();
    for n in 0..limits::DEPOSITS_AT_ONCE as u8 {
        assert!(a.client.may_deposit(4096));
        effects.extend(a.client.handle(event(small(n))));
        assert!(!a.client.may_deposit(longest));
    }
    assert!(!a.client.may_deposit(4096));
    a.run(&mut hub, Vec::new(), effects);
    let kept = a.told.iter();
    let kept = kept.filter(|e| matches!(e, ClientEffect::Deposited { kept: Ok(()), .. }));
    assert_eq!(kept.count(), limits::DEPOSITS_AT_ONCE);
    assert_eq!(hub.kept.len(), limits::DEPOSITS_AT_ONCE);
    for (_, deposit, bytes) in hub.kept.values() {
        let same = Parcel::from_bytes(bytes.clone().into()).map(|p| p.id());
        assert_eq!(same.as_ref(), Ok(&deposit.id));
    }
}

#[test]
fn what_is_left_stays_and_makes_room() {
    let mut hub = Hub::default();
    let mut a = Stream::open(&mut hub, 1);
    for parcel in (0..4).map(parcel) {
        let deposit = deposit(&parcel, 2);
        a.ask(&mut hub, ClientEvent::Deposit { deposit, parcel });
    }
    let mut b = Stream::open(&mut hub, 2);
    let mut queue: VecDeque<ClientEffect> = b.ask(&mut hub, ClientEvent::Collect(1)).into();
    let mut seen = 0;
    while let Some(effect) = queue.pop_front() {
        if let ClientEffect::Waiting(waiting) = effect {
            seen += 1;
            queue.extend(b.ask(&mut hub, ClientEvent::Leave(waiting.id)));
        }
    }
    assert_eq!((seen, hub.kept.len()), (4, 4));
}
