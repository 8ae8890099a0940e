//! Both sides of a mailbox against each other, and against peers that keep to nothing.

use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::clock::Millis;
use crate::fault::Blame;
use crate::id::{AgencyId, ParcelId};
use crate::parcel::Parcel;
use crate::wire::hello::Speaks;
use crate::wire::message::Reason;

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
    partial: Vec<u8>,
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
                self.partial.clear();
                let verdict = match self.kept.contains_key(&deposit.id) {
                    true => Verdict::Kept,
                    false => Verdict::Keep,
                };
                vec![ServerEvent::Judged {
                    id: deposit.id,
                    verdict,
                }]
            }
            ServerEffect::Write { offset, bytes, .. } => {
                assert_eq!(offset as usize, self.partial.len());
                assert!(bytes.len() <= limits::PIECE_BYTES);
                self.partial.extend(bytes);
                Vec::new()
            }
            ServerEffect::Finish(deposit) => {
                let bytes = std::mem::take(&mut self.partial);
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

/// A client that collects, from a hub that says these.
fn client_hears(messages: Vec<Message>) -> Option<WireFault> {
    let (mut client, _) = Client::new(hello(1));
    client.handle(ClientEvent::Message(Message::Hello(hello(9))));
    client.handle(ClientEvent::Tick(Millis(0)));
    client.handle(ClientEvent::Collect(2));
    let p = parcel(0);
    let (deposit, parcel) = (deposit(&p, 2), p);
    client.handle(ClientEvent::Deposit { deposit, parcel });
    let mut fault = None;
    for message in messages {
        for effect in client.handle(ClientEvent::Message(message)) {
            match effect {
                ClientEffect::Fault(found) => fault = Some(found),
                ClientEffect::Waiting(waiting) if !client.is_fetching() => {
                    client.handle(ClientEvent::Fetch(waiting.id));
                }
                _ => {}
            }
        }
    }
    fault
}

#[test]
fn a_hub_that_keeps_to_nothing_is_told_what_it_did() {
    let (p, other) = (parcel(0), ParcelId::from_bytes([5; 32]));
    let piece = |bytes: Vec<u8>| Message::Piece {
        id: parcel(3).id(),
        bytes,
    };
    let announced = Message::Waiting(waiting(&parcel(3)));
    let held = |ids: &[u8], more| Message::Held {
        parcels: ids
            .iter()
            .map(|n| Held {
                id: ParcelId::from_bytes([*n; 32]),
                to: agency(2),
                expires: Millis(1),
            })
            .collect(),
        more,
    };
    let right = vec![3; limits::PIECE_BYTES];
    let swapped = (0..4).map(|n| match n {
        3 => piece(vec![4; limits::PIECE_BYTES]),
        _ => piece(right.clone()),
    });
    let bad: Vec<(&str, Vec<Message>)> = vec![
        ("kept of another", vec![Message::Kept(other)]),
        (
            "kept twice",
            vec![Message::Kept(p.id()), Message::Kept(p.id())],
        ),
        (
            "keep twice",
            vec![Message::Keep(p.id()), Message::Keep(p.id())],
        ),
        (
            "refused another",
            vec![Message::Refuse {
                id: other,
                why: Refusal::Disk,
            }],
        ),
        ("gone of what was not asked", vec![Message::Gone(other)]),
        ("discarded unasked", vec![Message::Discarded(vec![true])]),
        ("held unasked", vec![held(&[1], false)]),
        (
            "announces one twice",
            vec![announced.clone(), announced.clone()],
        ),
        (
            "floods",
            (1..4)
                .map(|n| Message::Waiting(waiting(&parcel(n))))
                .collect(),
        ),
        ("sends unasked", vec![piece(right.clone())]),
        (
            "a piece cut short",
            vec![announced.clone(), piece(vec![3; 100])],
        ),
        (
            "a parcel swapped",
            std::iter::once(announced).chain(swapped).collect(),
        ),
        ("a client's message", vec![Message::Collect(1)]),
        ("a second hello", vec![Message::Hello(hello(9))]),
    ];
    for (what, messages) in bad {
        let fault = client_hears(messages).unwrap_or_else(|| panic!("no fault: {what}"));
        assert_eq!(fault.blame(), Some(Blame::Courier), "{what}: {fault}");
    }
    // A list that does not move on.
    let (mut client, _) = Client::new(hello(1));
    client.handle(ClientEvent::Message(Message::Hello(hello(9))));
    client.handle(ClientEvent::Holding(Some(ParcelId::from_bytes([4; 32]))));
    let effects = client.handle(ClientEvent::Message(held(&[4, 5], true)));
    assert!(matches!(effects.last(), Some(ClientEffect::Fault(_))));
    // Empty pages without end.
    let (mut client, _) = Client::new(hello(1));
    client.handle(ClientEvent::Message(Message::Hello(hello(9))));
    client.handle(ClientEvent::Holding(None));
    let effects = client.handle(ClientEvent::Message(held(&[], true)));
    assert!(matches!(effects.last(), Some(ClientEffect::Fault(_))));
}

#[test]
fn an_agency_that_keeps_to_nothing_is_told_what_it_did() {
    let p = parcel(3);
    let (id, other) = (p.id(), ParcelId::from_bytes([5; 32]));
    let wants = Message::Deposit(deposit(&p, 2));
    let piece = |id, fill| Message::Piece {
        id,
        bytes: vec![fill; limits::PIECE_BYTES],
    };
    let bad: Vec<(&str, Vec<Message>)> = vec![
        ("a piece of nothing", vec![piece(id, 3)]),
        ("a piece of another", vec![wants.clone(), piece(other, 3)]),
        (
            "a short piece",
            vec![
                wants.clone(),
                Message::Piece {
                    id,
                    bytes: vec![3; 9],
                },
            ],
        ),
        ("two deposits", vec![wants.clone(), wants.clone()]),
        (
            "a piece too many",
            [vec![wants.clone()], vec![piece(id, 3); 5]].concat(),
        ),
        (
            "other bytes",
            [vec![wants], vec![piece(id, 3); 3], vec![piece(id, 4)]].concat(),
        ),
        ("fetch what is not announced", vec![Message::Fetch(other)]),
        (
            "done with what is not announced",
            vec![Message::Done(other)],
        ),
        ("leave what is not announced", vec![Message::Leave(other)]),
        (
            "collect twice",
            vec![Message::Collect(1), Message::Collect(64)],
        ),
        (
            "two lists",
            vec![Message::Holding(None), Message::Holding(None)],
        ),
        (
            "two discards",
            vec![Message::Discard(vec![id]), Message::Discard(vec![id])],
        ),
        ("a hub's message", vec![Message::Kept(id)]),
    ];
    for (what, messages) in bad {
        let (mut server, _) = Server::new(hello(9));
        server.handle(ServerEvent::Message(Message::Hello(hello(1))));
        let mut fault = None;
        for message in messages {
            for effect in server.handle(ServerEvent::Message(message)) {
                match effect {
                    ServerEffect::Fault(found) => fault = Some(found),
                    ServerEffect::Judge(deposit) => {
                        let verdict = Verdict::Keep;
                        server.handle(ServerEvent::Judged {
                            id: deposit.id,
                            verdict,
                        });
                    }
                    _ => {}
                }
            }
        }
        let fault = fault.unwrap_or_else(|| panic!("no fault: {what}"));
        assert_eq!(fault.blame(), Some(Blame::Courier), "{what}: {fault}");
    }
}

#[test]
fn who_says_nothing_for_too_long_is_left() {
    let late = Millis(limits::REPLY_MS + 1);
    let (mut server, _) = Server::new(hello(9));
    server.handle(ServerEvent::Tick(Millis(0)));
    let effects = server.handle(ServerEvent::Tick(Millis(limits::HELLO_MS + 1)));
    assert!(matches!(
        effects.last(),
        Some(ServerEffect::Fault(WireFault::Silent { .. }))
    ));

    let (mut server, _) = Server::new(hello(9));
    server.handle(ServerEvent::Message(Message::Hello(hello(1))));
    server.handle(ServerEvent::Tick(Millis(0)));
    let p = parcel(3);
    server.handle(ServerEvent::Message(Message::Deposit(deposit(&p, 2))));
    let verdict = Verdict::Keep;
    server.handle(ServerEvent::Judged {
        id: p.id(),
        verdict,
    });
    let effects = server.handle(ServerEvent::Tick(late));
    assert!(matches!(
        effects.last(),
        Some(ServerEffect::Fault(WireFault::Silent { .. }))
    ));

    let asks: Vec<ClientEvent> = vec![
        ClientEvent::Deposit {
            deposit: deposit(&p, 2),
            parcel: p.clone(),
        },
        ClientEvent::Discard(vec![p.id()]),
        ClientEvent::Holding(None),
        ClientEvent::Fetch(p.id()),
        ClientEvent::Done(p.id()),
    ];
    for ask in asks {
        let (mut client, _) = Client::new(hello(1));
        client.handle(ClientEvent::Message(Message::Hello(hello(9))));
        client.handle(ClientEvent::Tick(Millis(0)));
        client.handle(ClientEvent::Collect(1));
        client.handle(ClientEvent::Message(Message::Waiting(waiting(&p))));
        let what = format!("{ask:?}");
        client.handle(ask);
        let fine = client.handle(ClientEvent::Tick(Millis(limits::REPLY_MS)));
        assert!(fine.is_empty(), "{what}: {fine:?}");
        let effects = client.handle(ClientEvent::Tick(late));
        let silent = matches!(
            effects.last(),
            Some(ClientEffect::Fault(WireFault::Silent { .. }))
        );
        assert!(silent, "{what}: {effects:?}");
    }
}

/// Ids that are under way more often than not.
fn some_id() -> impl Strategy<Value = ParcelId> {
    prop_oneof![
        6 => (0..4u8).prop_map(|n| parcel(n).id()),
        1 => any::<[u8; 32]>().prop_map(ParcelId::from_bytes),
    ]
}

fn some_deposit() -> impl Strategy<Value = Deposit> {
    (0..4u8, 1..4u8, any::<u64>(), any::<bool>()).prop_map(|(fill, to, expires, owed)| Deposit {
        expires: Millis(expires),
        owed,
        ..deposit(&parcel(fill), to)
    })
}

fn message() -> impl Strategy<Value = Message> {
    let piece = (0..4u8, 0..4usize).prop_map(|(fill, long)| Message::Piece {
        id: parcel(fill).id(),
        bytes: vec![fill; [4096, 16384, 65536, 7][long]],
    });
    let held = (vec(any::<[u8; 32]>(), 0..4), any::<bool>()).prop_map(|(mut ids, more)| {
        ids.sort_unstable();
        ids.dedup();
        let parcels = ids.into_iter().map(|id| Held {
            id: ParcelId::from_bytes(id),
            to: agency(2),
            expires: Millis(3),
        });
        Message::Held {
            parcels: parcels.collect(),
            more,
        }
    });
    prop_oneof![
        1 => Just(Message::Hello(hello(1))),
        1 => (0..4usize).prop_map(|n| Message::Bye(Reason::ALL[n])),
        4 => some_deposit().prop_map(Message::Deposit),
        4 => some_id().prop_map(Message::Keep),
        6 => piece,
        4 => some_id().prop_map(Message::Kept),
        2 => (some_id(), 0..6usize).prop_map(|(id, n)| Message::Refuse { id, why: Refusal::ALL[n] }),
        2 => vec(some_id(), 1..4).prop_map(Message::Discard),
        2 => vec(any::<bool>(), 1..4).prop_map(Message::Discarded),
        3 => (1..65u32).prop_map(Message::Collect),
        8 => (0..4u8).prop_map(|n| Message::Waiting(waiting(&parcel(n)))),
        5 => some_id().prop_map(Message::Fetch),
        5 => some_id().prop_map(Message::Done),
        3 => some_id().prop_map(Message::Leave),
        4 => some_id().prop_map(Message::Gone),
        2 => proptest::option::of(some_id()).prop_map(Message::Holding),
        2 => held,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn messages_round_trip_and_have_one_encoding(
        message in message(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = message.encode();
        prop_assert!(body.len() <= limits::FRAME_BYTES);
        prop_assert_eq!(&Message::decode(&body), &Ok(message));
        for (place, value) in edits {
            let place = place.index(body.len().min(200));
            body[place] = value;
        }
        for body in [&body[..], &body[..cut.index(body.len())]] {
            if let Ok(message) = Message::decode(body) {
                prop_assert_eq!(message.encode(), body);
            }
        }
    }

    #[test]
    fn no_sequence_of_messages_breaks_a_server(
        steps in vec(proptest::option::weighted(0.6, message()), 0..80),
    ) {
        let (mut server, _) = Server::new(hello(9));
        server.handle(ServerEvent::Message(Message::Hello(hello(1))));
        let mut asked: VecDeque<ServerEvent> = VecDeque::new();
        let (mut over, mut next, mut announced) = (false, 0u64, 0usize);
        for (at, step) in steps.into_iter().enumerate() {
            let event = match step {
                Some(message) => ServerEvent::Message(message),
                None => match asked.pop_front() {
                    Some(event) => event,
                    None if server.room() > 0 && next < 4 => {
                        next += 1;
                        announced += 1;
                        ServerEvent::Announce(waiting(&parcel(next as u8 - 1)))
                    }
                    None => ServerEvent::Tick(Millis(at as u64 * 100)),
                },
            };
            for effect in server.handle(event) {
                prop_assert!(!over, "nothing after the end");
                match effect {
                    ServerEffect::Judge(d) => asked.push_back(ServerEvent::Judged {
                        id: d.id,
                        verdict: [Verdict::Keep, Verdict::Keep, Verdict::Kept, Verdict::Refuse(Refusal::Busy)][at % 4],
                    }),
                    ServerEffect::Finish(d) => asked.push_back(ServerEvent::Finished {
                        id: d.id,
                        kept: if at % 3 == 0 { Err(Refusal::Disk) } else { Ok(()) },
                    }),
                    ServerEffect::Discard(ids) => asked.push_back(ServerEvent::Discarded(vec![true; ids.len()])),
                    ServerEffect::Load { id, offset, len } => {
                        let from = (0..4).map(parcel).find(|p| p.id() == id);
                        let bytes = from.map(|p| p.bytes()[offset as usize..(offset + len) as usize].to_vec());
                        asked.push_back(ServerEvent::Loaded { id, bytes: bytes.filter(|_| at % 5 != 0) });
                    }
                    ServerEffect::Remove(id) => asked.push_back(ServerEvent::Removed(id)),
                    ServerEffect::List { .. } => asked.push_back(ServerEvent::Held { parcels: Vec::new(), more: false }),
                    ServerEffect::Closed(_) => over = true,
                    ServerEffect::Fault(fault) => {
                        over = true;
                        prop_assert_ne!(fault.blame(), Some(Blame::Local), "{}", fault);
                    }
                    _ => {}
                }
                if over { break; }
            }
            prop_assert!(asked.len() <= 4 + announced);
            if over {
                asked.clear();
                prop_assert_eq!(server.room(), 0);
                next = 4;
            }
        }
    }

    #[test]
    fn no_sequence_of_messages_breaks_a_client(
        steps in vec(proptest::option::weighted(0.7, message()), 0..80),
        window in 1..5u32,
    ) {
        let (mut client, _) = Client::new(hello(1));
        client.handle(ClientEvent::Message(Message::Hello(hello(9))));
        client.handle(ClientEvent::Collect(window));
        let mut todo: VecDeque<ClientEvent> = VecDeque::new();
        let (mut over, mut waits) = (false, 0u32);
        for (at, step) in steps.into_iter().enumerate() {
            let event = match step {
                Some(message) => ClientEvent::Message(message),
                None => match todo.pop_front() {
                    Some(ClientEvent::Fetch(id)) if client.is_fetching() => {
                        todo.push_back(ClientEvent::Fetch(id));
                        ClientEvent::Tick(Millis(at as u64 * 100))
                    }
                    Some(event) => event,
                    None if !client.is_depositing() => {
                        let parcel = parcel(at as u8 % 4);
                        ClientEvent::Deposit { deposit: deposit(&parcel, 2), parcel }
                    }
                    None if !client.is_discarding() => ClientEvent::Discard(vec![parcel(0).id()]),
                    None if !client.is_listing() => ClientEvent::Holding(None),
                    None => ClientEvent::Tick(Millis(at as u64 * 100)),
                },
            };
            for effect in client.handle(event) {
                prop_assert!(!over, "nothing after the end");
                match effect {
                    ClientEffect::Waiting(w) => {
                        waits += 1;
                        todo.push_back(match at % 4 {
                            0 => ClientEvent::Leave(w.id),
                            1 => ClientEvent::Done(w.id),
                            _ => ClientEvent::Fetch(w.id),
                        });
                    }
                    ClientEffect::Fetched { waiting, parcel } => {
                        prop_assert_eq!(parcel.id(), waiting.id);
                        todo.push_back(ClientEvent::Done(waiting.id));
                    }
                    ClientEffect::Closed(_) => over = true,
                    ClientEffect::Fault(fault) => {
                        over = true;
                        prop_assert_ne!(fault.blame(), Some(Blame::Local), "{}", fault);
                    }
                    _ => {}
                }
                if over { break; }
            }
            prop_assert!(todo.len() as u32 <= window.max(waits));
            if over { todo.clear(); }
        }
    }
}
