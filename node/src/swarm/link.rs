//! What is known of the link to each peer, and what is counted and tapped on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::Serialize;

/// A peer that may connect and is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedPeer {
    /// The agency.
    pub agency: AgencyId,
    /// Its node keys (Ed25519), from its keys statement; the first
    /// [`super::limits::KEYS_PER_PEER`] are used.
    pub node_keys: Vec<[u8; 32]>,
    /// Its addresses as cards hold them: `host`, `host:port` or a multiaddress. Empty: it
    /// has to connect to us.
    pub addresses: Vec<String>,
    /// The hubs through which it can be reached, from its keys statement; those that are
    /// linked peers are used.
    pub hubs: Vec<AgencyId>,
    /// Whether it is a hub through which we can be reached.
    pub is_our_hub: bool,
}

impl LinkedPeer {
    /// A peer with these node keys and addresses, and no hubs.
    pub const fn new(agency: AgencyId, node_keys: Vec<[u8; 32]>, addresses: Vec<String>) -> Self {
        Self {
            agency,
            node_keys,
            addresses,
            hubs: Vec::new(),
            is_our_hub: false,
        }
    }
}

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The long-lived stream on which records are offered as they are committed.
    Live,
    /// Set reconciliation.
    Repair,
    /// Parcels, left at a hub and collected there. Only hubs serve it.
    Mailbox,
}

impl Channel {
    /// All channels.
    pub const ALL: [Channel; 3] = [Channel::Live, Channel::Repair, Channel::Mailbox];

    /// The channels that a node serves which is a hub, or is none.
    pub fn served(is_hub: bool) -> Vec<Channel> {
        let served = |channel: &Channel| is_hub || *channel != Channel::Mailbox;
        Self::ALL.into_iter().filter(served).collect()
    }

    /// Its name in stream negotiation.
    pub const fn protocol(self) -> &'static str {
        match self {
            Channel::Live => "/liaison/live/1",
            Channel::Repair => "/liaison/repair/1",
            Channel::Mailbox => "/liaison/mailbox/1",
        }
    }

    pub(super) fn from_protocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.protocol() == name)
    }
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the peer.
    In,
    /// To the peer.
    Out,
}

/// Sees every frame body that crosses the wire, as decoded. Called in line: be quick.
pub trait Tap: Send + Sync {
    /// One frame. `stream` numbers the streams of this process; both directions have the same.
    fn frame(
        &self,
        stream: u64,
        peer: &AgencyId,
        channel: Channel,
        direction: Direction,
        body: &[u8],
    );
}

/// How a connection is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// QUIC over UDP, TLS 1.3 inside.
    Quic,
    /// TCP with TLS 1.3.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Quic => "QUIC",
            Transport::Tcp => "TCP",
        })
    }
}

/// Which way a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// Straight to the peer.
    Direct,
    /// Through this hub's relay.
    Circuit(AgencyId),
}

/// What a hub relays for its linked peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayBounds {
    /// Connections through which agencies can be reached.
    pub reservations: usize,
    /// Circuits that are open through it at once.
    pub circuits: usize,
    /// Circuits that one agency may have asked for, whatever node keys it has.
    pub circuits_per_agency: usize,
}

/// The state of the link to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkState {
    /// The peer.
    pub agency: AgencyId,
    /// Since when both sides have accepted each other without a break; `None`: not connected.
    pub connected_since: Option<Millis>,
    /// Its address in use, `host:port`.
    pub address: Option<String>,
    /// What carries it.
    pub transport: Option<Transport>,
    /// Which way it goes.
    pub path: Option<Path>,
    /// Whether we can be reached through it; `None`: it is not a hub that carries for us.
    pub reserved: Option<bool>,
    /// What its software calls itself, at most [`super::limits::SOFTWARE_CHARS`] characters.
    pub software: Option<String>,
    /// The last round trip, in microseconds.
    pub round_trip_us: Option<u64>,
    /// What went wrong last, and when, as a sentence.
    pub last_error: Option<(Millis, String)>,
    /// When it is dialled next; `None` while connected, dialling or without an address.
    pub next_attempt: Option<Millis>,
    /// Attempts that failed since the link was last up.
    pub attempts: u32,
}

impl LinkState {
    /// A link that has not been tried.
    pub const fn new(agency: AgencyId) -> Self {
        Self {
            agency,
            connected_since: None,
            address: None,
            transport: None,
            path: None,
            reserved: None,
            software: None,
            round_trip_us: None,
            last_error: None,
            next_attempt: None,
            attempts: 0,
        }
    }

    /// Whether streams can be opened.
    pub const fn is_up(&self) -> bool {
        self.connected_since.is_some()
    }
}

/// A change of a link; the two alternate. That it goes another way is none: the streams move
/// one by one, see [`super::FrameStream::left`]. A stream may also break while the link stays up,
/// when one of two connections ends or a peer restarts quickly: then open another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Both sides accept each other: open streams.
    Up(AgencyId),
    /// The last connection is gone, and every stream with it.
    Down(AgencyId),
}

/// What has crossed the wire to and from a peer since the node started, frame headers
/// included, TLS and transport not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Bytes from the peer.
    pub bytes_in: u64,
    /// Bytes to the peer.
    pub bytes_out: u64,
    /// Frames from the peer.
    pub frames_in: u64,
    /// Frames to the peer.
    pub frames_out: u64,
}

/// Callers that were turned away because they are on no linked peer's card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// How many since the node started.
    pub total: u64,
    /// The last one: when, its node key's name and its address.
    pub last: Option<(Millis, String, String)>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    bytes: [AtomicU64; 2],
    frames: [AtomicU64; 2],
}

impl Counters {
    pub(super) fn bytes(&self, direction: Direction, count: usize) {
        self.bytes[direction as usize].fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn frame(&self, direction: Direction) {
        self.frames[direction as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Traffic {
        Traffic {
            bytes_in: self.bytes[0].load(Ordering::Relaxed),
            bytes_out: self.bytes[1].load(Ordering::Relaxed),
            frames_in: self.frames[0].load(Ordering::Relaxed),
            frames_out: self.frames[1].load(Ordering::Relaxed),
        }
    }
}
