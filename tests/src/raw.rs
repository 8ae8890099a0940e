//! A peer that keeps no rules: real keys, a real card, a real connection, and whatever frames
//! the test wants to send.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use liaison_node::clock::{Clock, SystemClock};
use liaison_node::home::{CardEdit, Home, InitRequest};
use liaison_node::swarm::{
    Channel, FrameReader, FrameStream, FrameWriter, Inbound, InboundStreams, LinkedPeer,
    RelayBounds, Swarm, SwarmConfig, SwarmHandle,
};
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::draft::{Draft, Resolver};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::{Content, Retract};
use liaison_protocol::record::signed::{Record, SignedRecord};
use liaison_protocol::wire::repair::{Effect, Event, Initiator};
use liaison_protocol::wire::{Hello, Item, Message, Outcome, Speaks};
use serde_json::Value;

use crate::federation::{PATIENCE, TestNode};

/// An agency without a node: the test is its node.
pub struct RawPeer {
    /// Its name, and its alias with the nodes that it is linked to.
    pub name: String,
    /// Its agency id.
    pub agency: AgencyId,
    home: Home,
    swarm: SwarmHandle,
    inbound: tokio::sync::Mutex<InboundStreams>,
    /// Mailbox streams that nobody took up yet.
    mailboxes: tokio::sync::Mutex<Vec<Inbound>>,
    linked: Vec<LinkedPeer>,
}

impl RawPeer {
    /// Makes its keys and card under a folder, and listens. Nobody knows it yet.
    pub async fn new(dir: &Path, name: &str) -> Self {
        Self::start(dir, name, None).await
    }

    /// The same, as one that serves mailbox streams: the test is a hub. It relays nothing.
    pub async fn hub(dir: &Path, name: &str) -> Self {
        let bounds = RelayBounds {
            reservations: 0,
            circuits: 0,
            circuits_per_agency: 0,
        };
        Self::start(dir, name, Some(bounds)).await
    }

    async fn start(dir: &Path, name: &str, relay: Option<RelayBounds>) -> Self {
        let home = Home::at(dir.join(name));
        let now = SystemClock.now();
        let request = InitRequest {
            name: name.to_owned(),
            country: "QM".parse().expect("country"),
            sector: "police".parse().expect("sector"),
            route_roles: Vec::new(),
            regime: "led".parse().expect("regime"),
            addresses: Vec::new(),
        };
        let agency = home.init(request, now).expect("init").agency;
        let node_key = home.secrets().expect("keys").node;
        let listen = vec!["127.0.0.1:0".parse().expect("address")];
        let clock = Arc::new(|| SystemClock.now());
        let config = SwarmConfig {
            listen,
            relay,
            ..SwarmConfig::new(node_key, "raw", clock)
        };
        let (swarm, inbound) = Swarm::start(config).await.expect("swarm");
        let edit = CardEdit {
            addresses: Some(swarm.listen_addrs()),
            ..CardEdit::default()
        };
        home.edit_card(edit, now).expect("card");
        let inbound = tokio::sync::Mutex::new(inbound);
        Self {
            name: name.to_owned(),
            agency,
            home,
            swarm,
            inbound,
            mailboxes: tokio::sync::Mutex::default(),
            linked: Vec::new(),
        }
    }

    /// The path of its card file.
    pub fn card_path(&self) -> String {
        self.home
            .dir()
            .join("card.liaison")
            .to_string_lossy()
            .into_owned()
    }

    /// Its card and its keys statement, as records.
    pub fn card_records(&self) -> Vec<SignedRecord> {
        let file = self.home.card_file().expect("card");
        let records = std::iter::once(file.card()).chain(file.keys());
        let parse = |bytes: &Bytes| SignedRecord::parse(bytes.clone()).expect("a record");
        records.map(|r| parse(r.bytes())).collect()
    }

    /// Dials a node without asking it to be linked.
    pub async fn dial(&mut self, node: &TestNode) {
        let card = node.card();
        let statement = card.statement().expect("a keys statement");
        let nodes = statement.nodes.iter();
        self.linked.push(LinkedPeer::new(
            node.agency,
            nodes.clone().map(|n| *n.key.as_bytes()).collect(),
            nodes.flat_map(|n| n.addresses.clone()).collect(),
        ));
        let problems = self
            .swarm
            .set_peers(self.linked.clone())
            .await
            .expect("peers");
        assert!(problems.is_empty(), "{problems:?}");
    }

    /// Links it with a node, and waits until they are connected.
    pub async fn link(&mut self, node: &TestNode) {
        node.cli(&[
            "peer",
            "add",
            &self.card_path(),
            "--as",
            &self.name,
            "--yes",
        ])
        .await
        .expect_code(0);
        self.dial(node).await;
        node.connected_to(&self.agency).await;
        let mut links = self.swarm.links();
        let up = links.wait_for(|all| all.iter().any(|l| l.agency == node.agency && l.is_up()));
        let up = tokio::time::timeout(PATIENCE, up).await;
        assert!(
            up.is_ok_and(|u| u.is_ok()),
            "{} does not connect",
            self.name
        );
    }

    /// Its transport.
    pub fn swarm(&self) -> &SwarmHandle {
        &self.swarm
    }

    /// The key that it signs records with.
    pub fn signing(&self) -> SecretKey {
        self.home.secrets().expect("keys").signing
    }

    /// A draft as a statement.
    pub fn statement(&self, draft: &Value) -> (Fields, Content) {
        let draft = Draft::from_json(&draft.to_string()).expect("a draft");
        let names = |_: &str| None;
        let today = Date::from_millis(SystemClock.now());
        draft
            .resolve(&Resolver {
                today,
                names: &names,
            })
            .expect("a draft")
    }

    /// Signs a statement in an author's name, with this peer's own key, at a time.
    pub fn sign_as(
        &self,
        author: AgencyId,
        created: Hlc,
        (fields, content): (Fields, Content),
    ) -> SignedRecord {
        Record::new(author, created, fields, content)
            .sign(&self.signing())
            .expect("signable")
    }

    /// Signs a statement of its own, now.
    pub fn sign(&self, statement: (Fields, Content)) -> SignedRecord {
        self.sign_as(self.agency, Hlc::new(SystemClock.now(), 0), statement)
    }

    /// A retraction of a record, with the envelope of some statement.
    pub fn retraction(&self, of: RecordId, envelope: &Fields) -> (Fields, Content) {
        let content = Content::Retract(Retract {
            of,
            reason: "error".parse().expect("reason"),
            erase: true,
            notify: true,
        });
        let fields = Fields {
            title: "Retraction".into(),
            review_by: None,
            expires: None,
            handling: Vec::new(),
            crime: Vec::new(),
            class: None,
            basis: None,
            onward: liaison_protocol::record::handling::Onward::None,
            ..envelope.clone()
        };
        (fields, content)
    }

    /// Opens a live stream to a node, as one who has records to offer.
    pub async fn sender(&self, to: &TestNode) -> RawStream {
        self.sender_to(to.agency).await
    }

    /// The same to a node that is a process.
    pub async fn sender_to(&self, to: AgencyId) -> RawStream {
        let mut links = self.swarm.links();
        let open = async {
            loop {
                links.mark_unchanged();
                if let Ok(stream) = self.swarm.open(to, Channel::Live).await {
                    return stream;
                }
                // The node was started anew, and is not connected again.
                links.changed().await.expect("the transport runs");
            }
        };
        let stream = tokio::time::timeout(PATIENCE, open).await;
        let mut stream = RawStream::new(stream.expect("a stream"));
        stream.send(&self.hello()).await;
        stream.expect("hello").await;
        stream.expect("credit").await;
        stream
    }

    /// Takes up the live stream that a node opened, as one who gets records. One that the node
    /// has given up since, for a newer one, is passed over.
    pub async fn receiver(&self, from: &TestNode) -> RawStream {
        self.receiver_with(from.agency, 8, 4 << 20).await
    }

    /// The same, and lets the node have so many batches and bytes under way.
    pub async fn receiver_with(&self, from: AgencyId, batches: u32, bytes: u64) -> RawStream {
        let mut inbound = self.inbound.lock().await;
        loop {
            let next = tokio::time::timeout(PATIENCE, inbound.next())
                .await
                .expect("a stream");
            let stream = next.expect("a stream");
            if stream.agency != from || stream.channel != Channel::Live {
                continue;
            }
            let mut stream = RawStream::new(stream.stream);
            let credit = Message::Credit { batches, bytes };
            let open = stream.try_send(&self.hello()).await
                && matches!(stream.next().await, Some(Message::Hello(_)))
                && stream.try_send(&credit).await;
            if open {
                return stream;
            }
        }
    }

    /// Takes up the mailbox stream that a node opened, as its hub: the frames, before any hello.
    /// Streams for anything else are dropped.
    pub async fn served_mailbox(&self, of: &TestNode) -> FrameStream {
        let mut inbound = self.inbound.lock().await;
        let mut waiting = self.mailboxes.lock().await;
        loop {
            if let Some(at) = waiting.iter().position(|one| one.agency == of.agency) {
                return waiting.remove(at).stream;
            }
            let next = tokio::time::timeout(PATIENCE, inbound.next()).await;
            let next = next.expect("a stream").expect("a stream");
            if next.channel == Channel::Mailbox {
                waiting.push(next);
            }
        }
    }

    /// Repairs with a node as one who has nothing of what both may know of, to the end.
    pub async fn repair(&self, with: &TestNode) {
        let hello = Hello::new(Speaks::CURRENT, "raw", self.agency);
        let (mut machine, hello) = Initiator::new(hello, [7; 16], Vec::new());
        let stream = self.swarm.open(with.agency, Channel::Repair).await;
        let mut stream = RawStream::new(stream.expect("a stream"));
        stream.send(&hello).await;
        loop {
            let message = stream.next().await.expect("a message");
            for effect in machine.handle(Event::Message(message)) {
                match effect {
                    Effect::Send(message) => stream.send(&message).await,
                    Effect::Opened { .. } => {}
                    Effect::Finished(_) => return,
                    other => panic!("the repair ends with {other:?}"),
                }
            }
        }
    }

    fn hello(&self) -> Message {
        Message::Hello(Hello::new(Speaks::CURRENT, "raw", self.agency))
    }
}

/// One stream with a node, frame by frame.
pub struct RawStream {
    reader: FrameReader,
    writer: FrameWriter,
    batch: u64,
}

impl RawStream {
    fn new(stream: FrameStream) -> Self {
        let (reader, writer) = stream.split();
        Self {
            reader,
            writer,
            batch: 0,
        }
    }

    /// Numbers its next offer so: offers that were sent by hand have the numbers before.
    pub fn skip_to(&mut self, batch: u64) {
        self.batch = batch.saturating_sub(1);
    }

    /// Sends one message, whatever it is.
    pub async fn send(&mut self, message: &Message) {
        self.writer.send(&message.encode()).await.expect("sent");
        self.writer.flush().await.expect("sent");
    }

    /// Whether one message could still be sent: the node may have ended the stream.
    pub async fn try_send(&mut self, message: &Message) -> bool {
        self.writer.send(&message.encode()).await.is_ok() && self.writer.flush().await.is_ok()
    }

    /// The next message that is no notice; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.reader.next())
                .await
                .expect("a frame");
            let body = next.ok().flatten()?;
            let message = Message::decode(&body).expect("a message");
            tracing::trace!(?message, "raw peer got");
            // Notices stand by themselves.
            if !is_notice(&message) {
                return Some(message);
            }
        }
    }

    /// The next message, which must be of this name.
    pub async fn expect(&mut self, name: &str) -> Message {
        match self.next().await {
            Some(message) if message.name() == name => message,
            other => panic!("'{name}' was due, not {other:?}"),
        }
    }

    /// Answers offers until one names this record: wants nothing of the others. Its batch,
    /// its place and how many items the offer has.
    pub async fn offered(&mut self, id: RecordId) -> (u64, u32, usize) {
        loop {
            let Message::Offer { batch, items } = self.expect("offer").await else {
                continue;
            };
            if let Some(place) = items.iter().position(|i| i.id == id) {
                return (batch, u32::try_from(place).expect("small"), items.len());
            }
            let outcomes = vec![Outcome::Answered(Answer::Stored); items.len()];
            self.send(&Message::Answers { batch, outcomes }).await;
        }
    }

    /// Wants one record of an offer, and gets what the node then gives for it.
    pub async fn want(&mut self, batch: u64, place: u32) -> Option<Vec<u8>> {
        let indices = vec![place];
        self.send(&Message::Want { batch, indices }).await;
        loop {
            match self.next().await {
                Some(Message::Records { mut frames, .. }) => return frames.pop().flatten(),
                // Sent before the want came.
                Some(Message::Offer { .. }) => {}
                other => panic!("records were due, not {other:?}"),
            }
        }
    }

    /// Offers one record under an id and sends these bytes if they are wanted: whether they
    /// were, and what became of it.
    pub async fn deliver(&mut self, id: RecordId, created: Hlc, bytes: &[u8]) -> (bool, Answer) {
        self.batch += 1;
        let batch = self.batch;
        let size = u32::try_from(bytes.len()).expect("small");
        self.send(&Message::Offer {
            batch,
            items: vec![Item { id, created, size }],
        })
        .await;
        let mut wanted = false;
        loop {
            match self.next().await {
                Some(Message::Want { .. }) => {
                    wanted = true;
                    let frames = vec![Some(bytes.to_vec())];
                    self.send(&Message::Records {
                        batch,
                        first: 0,
                        frames,
                    })
                    .await;
                }
                Some(Message::Answers { outcomes, .. }) => match outcomes.first() {
                    Some(Outcome::Answered(answer)) => return (wanted, *answer),
                    other => panic!("no answer: {other:?}"),
                },
                other => panic!("a want or answers were due, not {other:?}"),
            }
        }
    }

    /// Delivers a record as it is.
    pub async fn give(&mut self, record: &SignedRecord) -> Answer {
        let created = record.unverified().envelope.created;
        self.deliver(record.id(), created, record.bytes()).await.1
    }
}

fn is_notice(message: &Message) -> bool {
    matches!(
        message,
        Message::Witness { .. } | Message::Held { .. } | Message::Time(_) | Message::Settled(_)
    )
}

/// A record of a node's store, as it was signed.
pub fn stored(node: &TestNode, id: &RecordId) -> SignedRecord {
    let store = &node.node().store;
    let arrival = store.arrival_of(id).expect("store").expect("held");
    let bytes: Bytes = store.record(arrival).expect("store").expect("not erased");
    SignedRecord::parse(bytes).expect("a record")
}

/// A time this many milliseconds from now; before now, if negative.
pub fn from_now(ms: i64) -> Hlc {
    Hlc::new(Millis(SystemClock.now().0.saturating_add_signed(ms)), 0)
}
