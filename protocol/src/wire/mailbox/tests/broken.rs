//! Either side against a peer that keeps to nothing.

use super::*;
use crate::fault::Blame;
use crate::wire::fault::WireFault;

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
        ("a deposit twice", vec![wants.clone(), wants.clone()]),
        (
            "a deposit too many",
            (0..=limits::DEPOSITS_AT_ONCE as u8)
                .map(|n| Message::Deposit(deposit(&parcel(n), 2)))
                .collect(),
        ),
        (
            "pieces of two in turns",
            vec![
                wants.clone(),
                Message::Deposit(deposit(&parcel(7), 2)),
                piece(id, 3),
                piece(parcel(7).id(), 7),
            ],
        ),
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
