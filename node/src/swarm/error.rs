//! What can go wrong on the way to a peer, in words for the officer on duty.

use liaison_protocol::fault::Blame;
use liaison_protocol::id::AgencyId;

use super::Channel;

/// Why the transport could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwarmError {
    /// The node key cannot be used for TLS.
    #[error("this node's key cannot be used for TLS: {why}. Restore node.key from its backup")]
    NodeKey {
        /// The library's words.
        why: String,
    },
    /// A text is no address.
    #[error(
        "'{text}' is not an address: {why}. Write host, host:port or a multiaddress, like node.example.org:7401"
    )]
    Address {
        /// What was given, at most 64 characters.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {why}. Is another node running here? Otherwise choose another with 'liaison run --listen HOST:PORT'"
    )]
    Listen {
        /// The address.
        address: String,
        /// The operating system's words.
        why: String,
    },
    /// More linked peers than [`super::limits::LINKED_PEERS`].
    #[error(
        "{found} peers are linked, at most {limit} are connected to; remove some with 'liaison peer remove NAME'"
    )]
    TooManyPeers {
        /// Peers given.
        found: usize,
        /// Peers taken.
        limit: usize,
    },
    /// A node key on a card is no Ed25519 key.
    #[error("peer {}: a node key on its card is no Ed25519 key; ask it for a new card", agency.short())]
    BadKey {
        /// The peer.
        agency: AgencyId,
    },
    /// A node key stands on our own card or on another peer's.
    #[error("peer {}: its card lists a node key that belongs to {}; it is not used. Call them: one of the two cards is wrong", agency.short(), holder.map_or("this node".to_owned(), |a| format!("peer {}", a.short())))]
    KeyTaken {
        /// The peer whose card lists it.
        agency: AgencyId,
        /// Who holds it; `None`: this node.
        holder: Option<AgencyId>,
    },
    /// The agency is not a linked peer, or no longer.
    #[error("{} is not a linked peer: nothing is sent to it or taken from it. Add it with 'liaison peer add FILE'", agency.short())]
    NotLinked {
        /// The agency.
        agency: AgencyId,
    },
    /// There is no connection now.
    #[error("peer {} is not connected now; the node keeps trying. See why with 'liaison peer test NAME'", agency.short())]
    NotConnected {
        /// The peer.
        agency: AgencyId,
    },
    /// The peer does not speak this protocol.
    #[error("peer {} does not speak {}; its software is too old or too new. Compare versions with 'liaison peer test NAME'", agency.short(), channel.protocol())]
    Unsupported {
        /// The peer.
        agency: AgencyId,
        /// What was to be opened.
        channel: Channel,
    },
    /// A stream did not open in time.
    #[error("peer {} did not answer within {seconds} s when a stream was opened; it is tried again", agency.short())]
    OpenTimeout {
        /// The peer.
        agency: AgencyId,
        /// How long we waited.
        seconds: u64,
    },
    /// A stream broke.
    #[error("the connection to peer {} broke: {why}; it is tried again", agency.short())]
    Broken {
        /// The peer.
        agency: AgencyId,
        /// The operating system's words.
        why: String,
    },
    /// A frame longer than agreed.
    #[error("peer {} announced a frame of {found} bytes, {limit} are allowed; its stream was closed. If it repeats, call its technical contact", agency.short())]
    FrameTooLong {
        /// The peer.
        agency: AgencyId,
        /// Bytes announced.
        found: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// We were to send a frame longer than agreed.
    #[error("a frame of {found} bytes was to be sent to peer {}, {limit} are allowed; this is a fault of this software: report it", agency.short())]
    OwnFrameTooLong {
        /// The peer.
        agency: AgencyId,
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The stream ended inside a frame.
    #[error("peer {} ended a stream in the middle of a frame, after {found} bytes; what was whole has been kept, the rest is fetched again", agency.short())]
    FrameCut {
        /// The peer.
        agency: AgencyId,
        /// Bytes of the frame that came.
        found: usize,
    },
    /// A frame began and did not end.
    #[error("peer {} began a frame and did not finish it within {seconds} s; its stream was closed and is opened anew", agency.short())]
    FrameStalled {
        /// The peer.
        agency: AgencyId,
        /// How long we waited.
        seconds: u64,
    },
    /// The peer takes nothing.
    #[error("peer {} took no data for {seconds} s; its stream was closed and is opened anew", agency.short())]
    WriteStalled {
        /// The peer.
        agency: AgencyId,
        /// How long we waited.
        seconds: u64,
    },
    /// The transport has been shut down.
    #[error("the node is stopping; start it again with 'liaison run'")]
    Stopped,
}

impl SwarmError {
    /// At whose door it lies. A broken line counts as local: nobody misbehaved.
    pub fn blame(&self) -> Blame {
        match self {
            SwarmError::FrameTooLong { .. }
            | SwarmError::FrameCut { .. }
            | SwarmError::FrameStalled { .. }
            | SwarmError::BadKey { .. }
            | SwarmError::Unsupported { .. } => Blame::Courier,
            _ => Blame::Local,
        }
    }
}
