//! Every bound of the transport, with its unit and reason.

use std::time::Duration;

/// The port on which a node listens unless told otherwise: UDP (QUIC) and TCP alike.
pub const DEFAULT_PORT: u16 = 7401;

/// Inbound streams that one peer may hold open: a live and a repair stream are needed, the
/// rest is room for those that die while their successor opens.
pub const INBOUND_STREAMS_PER_PEER: usize = 64;

/// Inbound streams that wait for the node to take them up, over all peers. When it is full
/// they wait at their connection, bounded by [`INBOUND_STREAMS_PER_PEER`].
pub const INBOUND_QUEUE: usize = 64;

/// Requests to open a stream that wait at one connection.
pub const OPEN_QUEUE: usize = 64;

/// Connections kept to one peer, by all its node keys and ways: two nodes that dial each other at
/// once end with two; a killed node that comes back leaves a dead one until it times out. The
/// oldest goes first. Each may hold [`QUIC_CONNECTION_WINDOW`] bytes that nobody has read.
pub const CONNECTIONS_PER_PEER: usize = 4;

/// Connections in the middle of their handshake, over all of the outside: an unknown caller
/// costs a handshake, no more.
pub const PENDING_INBOUND: u32 = 128;

/// Commands that wait for the driver.
pub const COMMANDS: usize = 64;

/// Link events that a slow listener may lag behind; then it reads the snapshot.
pub const LINK_EVENTS: usize = 256;

/// Peers with a link: some hundred agencies exist, each with a node.
pub const LINKED_PEERS: usize = 4_096;

/// Node keys on one peer's card that are dialled: one in use, one that follows.
pub const KEYS_PER_PEER: usize = 8;

/// Characters of an address as people write it: the longest DNS name and a port, or a
/// multiaddress with a circuit in it.
pub const ADDRESS_CHARS: usize = 400;

/// Characters kept of a software name that a peer states.
pub const SOFTWARE_CHARS: usize = 64;

/// Streams that a peer may have open in one QUIC connection, all protocols: on a connection to a
/// hub each circuit is one.
pub const MUXED_STREAMS: u32 = 512;

/// Streams of one yamux connection (TCP, circuits). libp2p does not let its window be set: it
/// is 1 GiB for all streams, of which each has 256 KiB, and the streams may grow by what these
/// leave over. So many leave 8 MiB: else a peer that answers yamux's pings late would have us
/// hold up to a gigabyte. What is really open is bounded by [`INBOUND_STREAMS_PER_PEER`] and
/// [`NEGOTIATED_AT_ONCE`].
pub const YAMUX_STREAMS: usize = 4_064;

/// Streams of one connection whose protocol is being negotiated: others wait.
pub const NEGOTIATED_AT_ONCE: usize = 64;

/// How long a circuit may last: it ends with the link of either side to the hub, so this only
/// bounds what is forgotten. Then it is opened anew.
pub const CIRCUIT_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a reservation at a hub lasts; three quarters of it later it is renewed. It ends with
/// the connection anyway; both clocks are asked, which may be days apart.
pub const RESERVATION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Connections of one node key that may each hold a reservation at a hub, less one: one that
/// comes back may leave a dead one until that times out.
pub const RESERVATIONS_PER_KEY: usize = 1;

/// Node keys of one agency that may hold reservations at a hub: one in use, one that follows.
pub const RESERVED_KEYS: usize = 2;

/// Circuits from one agency to another that a hub carries at once: as many connections as the two
/// ends keep. Whoever has more is cut off from the hub: each is a stream in the connection of
/// the one that is called, of which there are [`MUXED_STREAMS`] for all its callers.
pub const CIRCUITS_PER_PAIR: usize = CONNECTIONS_PER_PEER;

/// For how long a circuit that a hub let through counts although nobody said what became of it:
/// twice what libp2p waits for the other end.
pub const CIRCUIT_ASKED: Duration = Duration::from_secs(120);

/// Circuits that one node key may ask a hub for at once, as multiple of those that it may have:
/// after the hub was away it asks for all of them, and some are tried again.
pub const CIRCUIT_BURST: usize = 8;

/// Between two further circuits that a node key may ask a hub for, beyond the burst.
pub const CIRCUIT_REFILL: Duration = Duration::from_millis(250);

/// Reservations that one node key may ask a hub for at once: one is needed a connection.
pub const RESERVATION_BURST: u32 = 64;

/// Between two further reservations that a node key may ask a hub for.
pub const RESERVATION_REFILL: Duration = Duration::from_secs(5);

/// Circuits that a node asks for at the same time: a libp2p connection drops what is beyond 10.
pub const CROSSINGS: usize = 8;

/// How long a circuit is kept for the streams that are still on it, once a direct connection
/// took over: longer than a batch takes on a slow line.
pub const CIRCUIT_LINGER: Duration = Duration::from_secs(60);

/// Between two looks whether a circuit that was left has no streams any more.
pub const CIRCUIT_LOOK: Duration = Duration::from_millis(500);

/// Bytes in flight on one QUIC stream: 28 Mbit/s at 300 ms. A circuit is one stream of the
/// connection to the hub, and holds so much of its window for as long as the peer behind it reads
/// nothing.
pub const QUIC_STREAM_WINDOW: u32 = 1024 * 1024;

/// Bytes in flight on one QUIC connection: twice what one peer can hold of the one to a hub, so
/// that it does not stop what goes to others.
pub const QUIC_CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

const _: () = assert!(
    QUIC_CONNECTION_WINDOW as usize >= 2 * CONNECTIONS_PER_PEER * QUIC_STREAM_WINDOW as usize
);

/// Addresses that a peer on a circuit may have us call at once, to find a direct way.
pub const UPGRADE_ADDRESSES: usize = 8;

/// The lowest port that it may have us call: what listens below belongs to a machine's own
/// services, and no router sends from there.
pub const UPGRADE_PORT: u16 = 1024;

/// Times that it may have us call at once: a circuit takes up to three.
pub const UPGRADE_BURST: u32 = 24;

/// Between two further such times.
pub const UPGRADE_REFILL: Duration = Duration::from_secs(20);

/// Bytes that a frame writer gathers before it writes by itself.
pub const WRITE_BUFFER: usize = 64 * 1024;

/// Bytes that a frame reader asks for at once, in the middle of a frame.
pub const READ_BUFFER: usize = 64 * 1024;

/// Bytes that the reader and the writer of a stream keep each while nothing is under way: a hub
/// has some thousand streams.
pub const IDLE_BUFFER: usize = 4 * 1024;

/// Between two attempts to listen on a port that is in use.
pub const LISTEN_RETRY: Duration = Duration::from_millis(50);

/// How long things may take. Tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From the first byte of a frame to its last, counting only the time in which we wait
    /// for the peer: 1 MiB at 140 kbit/s.
    pub frame_read: Duration,
    /// Without a byte being taken by the peer: longer than a disk that is busy.
    pub write_stall: Duration,
    /// To negotiate a stream.
    pub open: Duration,
    /// What a dial of the peer's own addresses gets ahead of one through a hub; the node with
    /// the higher key waits twice as long, so that mostly one circuit is made.
    pub head_start: Duration,
    /// For a dial, with all its addresses and its handshake.
    pub handshake: Duration,
    /// Before the first redial; doubles with each failure.
    pub redial_min: Duration,
    /// The longest wait before a redial.
    pub redial_max: Duration,
    /// A connection that lasted this long starts the redial waits anew.
    pub stable: Duration,
    /// Between pings; two that fail in a row close the connection.
    pub ping: Duration,
    /// For the whole of a peer test.
    pub test: Duration,
    /// For connections to close on shutdown.
    pub shutdown: Duration,
    /// For a port to become free. In one process, QUIC keeps the socket of a node that stopped
    /// until its connections are drained, for three probe timeouts (RFC 9000, section 10.2):
    /// measured 0.2 to 0.9 s on a free machine, several seconds on a busy one.
    pub listen: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            frame_read: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            open: Duration::from_secs(10),
            head_start: Duration::from_secs(2),
            handshake: Duration::from_secs(15),
            redial_min: Duration::from_millis(500),
            redial_max: Duration::from_secs(60),
            stable: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            test: Duration::from_secs(25),
            shutdown: Duration::from_secs(3),
            listen: Duration::from_secs(10),
        }
    }
}
