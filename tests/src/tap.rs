//! Every frame that crossed the wire of one node, as decoded.

use std::sync::{Mutex, PoisonError};

use liaison_node::swarm::{Channel, Direction, Tap};
use liaison_protocol::id::AgencyId;

/// One frame's body.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The peer at the other end.
    pub peer: AgencyId,
    /// What the stream was for.
    pub channel: Channel,
    /// Which way it went.
    pub direction: Direction,
    /// The decoded body.
    pub body: Vec<u8>,
}

/// Records frames.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Frame>>);

impl Recorder {
    /// All frames sent to a peer.
    pub fn sent_to(&self, peer: &AgencyId) -> Vec<Frame> {
        let out = |f: &&Frame| f.peer == *peer && f.direction == Direction::Out;
        self.frames().iter().filter(out).cloned().collect()
    }

    /// All frames, both ways.
    pub fn frames(&self) -> Vec<Frame> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Whether these bytes stand anywhere in what was sent to a peer.
    pub fn sent_contains(&self, peer: &AgencyId, needle: &[u8]) -> bool {
        self.sent_to(peer)
            .iter()
            .any(|f| f.body.windows(needle.len()).any(|w| w == needle))
    }
}

impl Tap for Recorder {
    fn frame(&self, peer: &AgencyId, channel: Channel, direction: Direction, body: &[u8]) {
        let frame = Frame {
            peer: *peer,
            channel,
            direction,
            body: body.to_vec(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(frame);
    }
}
