//! A hub that keeps no rules: real keys, a real connection, and whatever it wants to say.

use std::collections::{BTreeMap, VecDeque};

use liaison_node::swarm::{FrameReader, FrameWriter};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits::PIECE_BYTES;
use liaison_protocol::parcel::Parcel;
use liaison_protocol::wire::mailbox::{Deposit, Held, Message, Waiting};
use liaison_protocol::wire::{Hello, Speaks};

use crate::federation::{PATIENCE, TestNode};
use crate::raw::RawPeer;

/// The mailbox stream that a node keeps to the hub, in the hub's hands. One that the node ends in
/// order, to begin anew, is followed by the next.
pub struct RawMailbox<'a> {
    hub: &'a RawPeer,
    node: &'a TestNode,
    reader: FrameReader,
    writer: FrameWriter,
    /// Offered while the bytes of another came.
    offers: VecDeque<Deposit>,
    /// What it says that it holds of the node.
    pub held: BTreeMap<ParcelId, Held>,
    /// What the node had it discard.
    pub discarded: Vec<ParcelId>,
}

/// What a node does with a parcel that is announced to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dealt {
    /// It has it deleted.
    Done,
    /// It leaves it for now.
    Left,
}

/// What came of the next message.
enum Step {
    Said(Message),
    Answered,
    /// The stream ended, and this is the next.
    Anew,
}

impl<'a> RawMailbox<'a> {
    /// Takes up the next stream that a node opens, and says hello.
    pub async fn open(hub: &'a RawPeer, node: &'a TestNode) -> Self {
        loop {
            let (reader, writer) = hub.served_mailbox(node).await.split();
            let mut stream = Self {
                hub,
                node,
                reader,
                writer,
                offers: VecDeque::new(),
                held: BTreeMap::new(),
                discarded: Vec::new(),
            };
            let hello = Message::Hello(Hello::new(Speaks::CURRENT, "raw", hub.agency));
            // One that the node has given up since is passed over.
            let hears = stream.send(&hello).await;
            if hears && matches!(stream.next().await, Some(Message::Hello(_))) {
                return stream;
            }
        }
    }

    /// Sends one message, whatever it is; whether the node hears it still.
    pub async fn send(&mut self, message: &Message) -> bool {
        self.send_body(&message.encode()).await
    }

    /// Sends the body of a frame.
    pub async fn send_body(&mut self, body: &[u8]) -> bool {
        self.writer.send(body).await.is_ok() && self.writer.flush().await.is_ok()
    }

    /// What the node says next; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.reader.next()).await;
        let body = next.expect("a frame").ok().flatten()?;
        Some(Message::decode(&body).expect("a message"))
    }

    /// The next message, answered as a hub does that keeps the rules, if it is one about what it
    /// holds.
    async fn step(&mut self) -> Step {
        let answer = match self.next().await {
            Some(Message::Holding(_)) => Message::Held {
                parcels: self.held.values().copied().collect(),
                more: false,
            },
            Some(Message::Discard(ids)) => {
                let had = ids.iter().map(|id| self.held.remove(id).is_some());
                let had = had.collect();
                self.discarded.extend(ids);
                Message::Discarded(had)
            }
            Some(Message::Bye(_)) | None => {
                let next = Self::open(self.hub, self.node).await;
                (self.reader, self.writer) = (next.reader, next.writer);
                self.offers.clear();
                return Step::Anew;
            }
            Some(other) => return Step::Said(other),
        };
        self.send(&answer).await;
        Step::Answered
    }

    /// Waits for the next deposit, keeps it, and says so.
    pub async fn deposited(&mut self) -> (Deposit, Parcel) {
        let deposit = self.offered().await;
        self.kept(deposit).await
    }

    /// Keeps what was offered, and says so.
    pub async fn kept(&mut self, deposit: Deposit) -> (Deposit, Parcel) {
        let (deposit, parcel) = self.taken(deposit).await;
        self.held.insert(
            deposit.id,
            Held {
                id: deposit.id,
                to: deposit.to,
                expires: deposit.expires,
            },
        );
        self.send(&Message::Kept(deposit.id)).await;
        (deposit, parcel)
    }

    /// Takes the bytes of what was offered; says nothing of it.
    pub async fn taken(&mut self, mut deposit: Deposit) -> (Deposit, Parcel) {
        self.send(&Message::Keep(deposit.id)).await;
        let mut bytes = Vec::new();
        while bytes.len() < deposit.size as usize {
            match self.step().await {
                Step::Said(Message::Piece { bytes: piece, .. }) => bytes.extend(piece),
                Step::Said(Message::Deposit(next)) => self.offers.push_back(next),
                Step::Said(Message::Collect(_)) | Step::Answered => {}
                Step::Said(other) => panic!("a piece was due, not {other:?}"),
                Step::Anew => {
                    deposit = self.offered().await;
                    self.send(&Message::Keep(deposit.id)).await;
                    bytes.clear();
                }
            }
        }
        let parcel = Parcel::from_bytes(bytes.into()).expect("a parcel");
        assert_eq!(parcel.id(), deposit.id);
        (deposit, parcel)
    }

    /// Waits for the next deposit; says nothing of it.
    pub async fn offered(&mut self) -> Deposit {
        if let Some(next) = self.offers.pop_front() {
            return next;
        }
        loop {
            match self.step().await {
                Step::Said(Message::Deposit(deposit)) => return deposit,
                Step::Said(Message::Collect(_)) | Step::Answered | Step::Anew => {}
                Step::Said(other) => panic!("a deposit was due, not {other:?}"),
            }
        }
    }

    /// Waits until the node has had this one discarded.
    pub async fn discards(&mut self, id: ParcelId) {
        while !self.discarded.contains(&id) {
            match self.step().await {
                Step::Said(Message::Collect(_)) | Step::Answered | Step::Anew => {}
                Step::Said(other) => panic!("a discard was due, not {other:?}"),
            }
        }
    }

    /// Waits until the node collects.
    pub async fn collects(&mut self) {
        loop {
            match self.step().await {
                Step::Said(Message::Collect(_)) => return,
                Step::Answered | Step::Anew => {}
                Step::Said(other) => panic!("'collect' was due, not {other:?}"),
            }
        }
    }

    /// Announces a parcel to a node that collects, and sends these bytes when it fetches it.
    pub async fn hand(&mut self, id: ParcelId, from: AgencyId, bytes: &[u8]) -> Dealt {
        let size = u32::try_from(bytes.len()).expect("small");
        let waiting = Message::Waiting(Waiting { id, from, size });
        self.send(&waiting).await;
        loop {
            match self.step().await {
                Step::Said(Message::Fetch(fetched)) => {
                    assert_eq!(fetched, id);
                    for piece in bytes.chunks(PIECE_BYTES) {
                        let bytes = piece.to_vec();
                        self.send(&Message::Piece { id, bytes }).await;
                    }
                }
                Step::Said(Message::Done(done)) => {
                    assert_eq!(done, id);
                    self.send(&Message::Gone(id)).await;
                    return Dealt::Done;
                }
                Step::Said(Message::Leave(_)) => return Dealt::Left,
                Step::Answered => {}
                Step::Anew => {
                    self.collects().await;
                    self.send(&waiting).await;
                }
                Step::Said(other) => panic!("{other:?}"),
            }
        }
    }

    /// Waits until the node has ended the stream.
    pub async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// A line of a list of what is held.
pub fn held(byte: u8, to: AgencyId) -> Held {
    Held {
        id: ParcelId::from_bytes([byte; 32]),
        to,
        expires: Millis(u64::MAX),
    }
}
