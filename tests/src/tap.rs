//! Every frame that crossed the wire of one node, as decoded.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use liaison_node::policy::Policies;
use liaison_node::swarm::{Channel, Direction, Tap};
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::Message;
use tokio::sync::{oneshot, watch};

use crate::federation::PATIENCE;

/// One frame's body.
#[derive(Clone)]
pub struct Frame {
    /// The peer at the other end.
    pub peer: AgencyId,
    /// What the stream was for.
    pub channel: Channel,
    /// Which way it went.
    pub direction: Direction,
    /// The decoded body.
    pub body: Vec<u8>,
    /// Which stream of this process: both directions have the same number.
    pub stream: u64,
    /// Its place among all frames and all [`moment`]s of this process.
    pub moment: u64,
    /// When it was seen.
    pub at: Instant,
    /// The node's policy epoch then; none while the node starts.
    pub epoch: Option<u64>,
}

/// The next place in the one order of everything that this process sees: of two, the lower
/// came first.
pub fn moment() -> u64 {
    static MOMENTS: AtomicU64 = AtomicU64::new(0);
    MOMENTS.fetch_add(1, Ordering::SeqCst)
}

impl fmt::Debug for Frame {
    /// One line: the bytes of a batch fill pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            peer,
            channel,
            direction,
            body,
            ..
        } = self;
        let name = self.message().name();
        write!(
            f,
            "{channel:?} {direction:?} {}: {name}, {} bytes",
            peer.short(),
            body.len()
        )
    }
}

impl Frame {
    /// The message in it.
    pub fn message(&self) -> Message {
        Message::decode(&self.body).expect("a frame that our own codec made")
    }

    /// The records' bytes in it.
    pub fn records(&self) -> Vec<Vec<u8>> {
        match self.message() {
            Message::Records { frames, .. } => frames.into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }
}

/// Records frames.
#[derive(Default)]
pub struct Recorder {
    frames: Mutex<Vec<Frame>>,
    count: watch::Sender<usize>,
    policies: Mutex<Option<Arc<Policies>>>,
    hold: Mutex<Option<Hold>>,
}

/// At which frame a session is to stand still.
struct Hold {
    at: Box<dyn Fn(&Frame) -> bool + Send>,
    reached: oneshot::Sender<Held>,
}

/// A session that stands still, as on a machine that does not come to it: until it is let go on,
/// or this is dropped.
#[derive(Debug)]
pub struct Held(SyncSender<()>);

impl Held {
    /// Lets it go on.
    pub fn go_on(self) {
        drop(self.0);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.frames()).finish()
    }
}

impl Recorder {
    /// All frames sent to a peer.
    pub fn sent_to(&self, peer: &AgencyId) -> Vec<Frame> {
        let out = |f: &&Frame| f.peer == *peer && f.direction == Direction::Out;
        self.frames().iter().filter(out).cloned().collect()
    }

    /// All frames, both ways.
    pub fn frames(&self) -> Vec<Frame> {
        self.lock().clone()
    }

    /// How many frames were recorded since the last [`clear`](Self::clear).
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stamps frames with the epoch of these from now on; with none, if there are none.
    pub fn follow(&self, policies: Option<Arc<Policies>>) {
        *self.policies.lock().unwrap_or_else(PoisonError::into_inner) = policies;
    }

    /// Lets the session stand still that sends or gets the next such frame, right behind it. On
    /// a runtime of several threads only.
    pub fn hold_at<F: Fn(&Frame) -> bool + Send + 'static>(
        &self,
        at: F,
    ) -> impl Future<Output = Held> + use<F> {
        let (reached, held) = oneshot::channel();
        let at = Box::new(at);
        let hold = Hold { at, reached };
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        async move {
            let held = tokio::time::timeout(PATIENCE, held).await;
            held.expect("it comes to that frame")
                .expect("it is recorded")
        }
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Every record's bytes that were sent to a peer, in order.
    pub fn records_to(&self, peer: &AgencyId) -> Vec<Vec<u8>> {
        self.sent_to(peer).iter().flat_map(Frame::records).collect()
    }

    /// Waits until what was recorded is so.
    pub async fn until(&self, what: &str, so: impl Fn(&[Frame]) -> bool) {
        let mut count = self.count.subscribe();
        let met = async {
            while !so(&self.lock()) {
                count.changed().await.expect("the recorder is there");
            }
        };
        if tokio::time::timeout(PATIENCE, met).await.is_err() {
            panic!("the wire never shows: {what}");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Frame>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these bytes stand anywhere in what was sent to a peer.
    pub fn sent_contains(&self, peer: &AgencyId, needle: &[u8]) -> bool {
        self.sent_to(peer)
            .iter()
            .any(|f| f.body.windows(needle.len()).any(|w| w == needle))
    }
}

impl Tap for Recorder {
    fn frame(
        &self,
        stream: u64,
        peer: &AgencyId,
        channel: Channel,
        direction: Direction,
        body: &[u8],
    ) {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = policies.as_ref().map(|p| p.current().epoch());
        drop(policies);
        let mut frames = self.lock();
        let frame = Frame {
            peer: *peer,
            channel,
            direction,
            body: body.to_vec(),
            stream,
            moment: moment(),
            at: Instant::now(),
            epoch,
        };
        let hold = {
            let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
            hold.take_if(|hold| (hold.at)(&frame))
        };
        frames.push(frame);
        drop(frames);
        self.count
            .send_modify(|count| *count = count.wrapping_add(1));
        if let Some(hold) = hold {
            let (go_on, gone_on) = sync_channel(1);
            if hold.reached.send(Held(go_on)).is_ok() {
                let _let_go = tokio::task::block_in_place(|| gone_on.recv());
            }
        }
    }
}
