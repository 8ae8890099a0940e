//! Messages in all their forms, and either side against any sequence of them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fault::Blame;
use crate::wire::message::Reason;

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
            prop_assert!(asked.len() <= 3 + limits::DEPOSITS_AT_ONCE + announced);
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
        let mut leaving: Vec<ParcelId> = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            let event = match step {
                Some(message) => ClientEvent::Message(message),
                None => match todo.pop_front() {
                    Some(ClientEvent::Fetch(id)) if client.is_fetching() => {
                        todo.push_back(ClientEvent::Fetch(id));
                        ClientEvent::Tick(Millis(at as u64 * 100))
                    }
                    Some(event) => event,
                    None if !leaving.contains(&parcel(at as u8 % 4).id())
                        && client.may_deposit(parcel(at as u8 % 4).bytes().len() as u32) =>
                    {
                        let parcel = parcel(at as u8 % 4);
                        leaving.push(parcel.id());
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
                    ClientEffect::Deposited { id, .. } => leaving.retain(|one| *one != id),
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
