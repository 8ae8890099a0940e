//! Repair: find out with a peer which records one side has that the other never saw. What
//! it finds is offered on the live streams, where each record is decided anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::Message;
use liaison_protocol::wire::Reason;
use liaison_protocol::wire::repair::{Effect, Entry, Event, Finished, Initiator, Responder};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{Sync, SyncError, blocking};
use crate::limits;
use crate::swarm::{Channel, FrameReader, FrameStream, FrameWriter};

/// Whose turn it is: a repair holds the ids of the whole store, so the node has one that it began
/// and one that it serves, and not one with each peer. They are apart, so that two nodes that
/// repair with each other don't wait for each other.
#[derive(Clone)]
pub(super) struct Turns {
    begun: Queue,
    served: Queue,
}

#[derive(Clone)]
struct Queue {
    /// How long a turn lasts if others wait.
    long: Duration,
    /// How long it has then to end in order.
    grace: Duration,
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// A turn, until it is dropped.
struct Turn {
    queue: Queue,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        let queue = || {
            Queue::new(
                Duration::from_millis(limits::REPAIR_TURN_MS),
                Duration::from_millis(limits::REPAIR_END_MS),
            )
        };
        Self {
            begun: queue(),
            served: queue(),
        }
    }
}

impl Queue {
    fn new(long: Duration, grace: Duration) -> Self {
        Self {
            long,
            grace,
            room: Arc::new(Semaphore::new(limits::REPAIRS_AT_ONCE)),
            waiting: Arc::default(),
        }
    }

    async fn turn(&self) -> Result<Turn, SyncError> {
        let waits = Waits::new(self.waiting.clone());
        let permit = self.room.clone().acquire_owned().await;
        drop(waits);
        Ok(Turn {
            queue: self.clone(),
            since: Instant::now(),
            _permit: permit.map_err(|_| SyncError::Stopping)?,
        })
    }
}

impl Turn {
    /// Whether it has lasted for long and others wait: a peer that is slow, or pretends to be,
    /// does not keep the others from theirs.
    fn is_over(&self) -> bool {
        self.has_lasted(self.queue.long)
    }

    fn has_lasted(&self, long: Duration) -> bool {
        self.since.elapsed() >= long && self.queue.waiting.load(Ordering::Relaxed) > 0
    }

    /// Does what the turn is for. None: that went on when it was over, because the peer takes
    /// hardly a byte of what is written to it, say; then it is broken off.
    async fn lasts<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let Queue { long, grace, .. } = self.queue;
        let over = async {
            while !self.has_lasted(long + grace) {
                tokio::time::sleep(grace / 2).await;
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = over => None,
        }
    }
}

/// Counts as waiting for as long as it is there, also when what waits is given up.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn new(waiting: Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs repairs with a peer for as long as the link is up: one when everything else is
/// offered, then one every so often, and one after each change of policy or of cards. The
/// agency with the lower id begins, but for such a change: only the one that made it knows.
pub(super) async fn keep(sync: &Sync, agency: AgencyId) {
    let mut stop = sync.stop.clone();
    let mut policies = sync.share.policies.subscribe();
    policies.mark_unchanged();
    let mut registry = sync.share.registry.changes();
    let first = sync.share.registry.own() < agency;
    // Whoever came back from a backup asks everybody, until it was told all.
    let ours = || first || sync.catch_up.waits_for(&agency);
    let mut catch_up = sync.catch_up.changes();
    let mut unlocked = sync.catch_up.unlocked();
    // Whose store is new has never served it, and may lack what the peer gave to the old one.
    let unserved = sync.share.store.cursor(&agency).ok().flatten().is_none();
    let mut due = ours() || unserved;
    let mut next = Instant::now();
    // How often in a row it did not come to its end.
    let mut again = 0u32;
    loop {
        if due {
            // Cards may come in swarms, and each repair looks through the whole store.
            tokio::time::sleep_until(next).await;
            next = Instant::now() + Duration::from_millis(limits::REPAIR_PAUSE_MS);
            policies.mark_unchanged();
            registry.mark_unchanged();
            let mut settled = sync.peers.of(&agency).settled();
            if settled.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let done = initiate(sync, agency).await;
            // The peer had no turn for it, or says so.
            again = match done {
                Ok(false) => again.saturating_add(1),
                _ => 0,
            };
            sync.report(agency, done.map(drop));
        }
        let every = if again > 0 {
            let longer = 1 << (again - 1).min(8);
            let wait = Duration::from_millis(limits::REPAIR_AGAIN_MS) * longer;
            wait.mul_f64(0.5 + rand::random::<f64>())
        } else if sync.catch_up.waits_for(&agency) {
            Duration::from_secs(limits::CATCH_UP_EVERY_S)
        } else {
            Duration::from_secs(sync.repair_every_s)
        };
        tokio::select! {
            () = tokio::time::sleep(every) => due = again > 0 || ours(),
            changed = catch_up.changed() => {
                if changed.is_err() {
                    return;
                }
                // The scan is past what was locked.
                let before = std::mem::replace(&mut unlocked, sync.catch_up.unlocked());
                due = sync.catch_up.waits_for(&agency) || unlocked != before;
            }
            changed = policies.changed() => {
                if changed.is_err() {
                    return;
                }
                due = true;
            }
            // A card that was missing is here: what waited for it is found and offered again.
            changed = registry.changed() => {
                if changed.is_err() {
                    return;
                }
                due = true;
            }
            _ = stop.changed() => return,
        }
    }
}

/// Whether it came to its end.
async fn initiate(sync: &Sync, agency: AgencyId) -> Result<bool, SyncError> {
    let turn = sync.turns.begun.turn().await?;
    // Broken off is not at its end.
    let done = turn.lasts(begin(sync, agency, &turn)).await;
    done.unwrap_or(Ok(false))
}

async fn begin(sync: &Sync, agency: AgencyId, turn: &Turn) -> Result<bool, SyncError> {
    let entries = mutual(sync, agency).await?;
    let stream = sync.swarm.open(agency, Channel::Repair).await?;
    let nonce = rand::random::<[u8; 16]>();
    sync.catch_up.asked(agency, nonce);
    let (machine, hello) = Initiator::new(sync.hello.clone(), nonce, entries);
    let (reader, mut writer) = stream.split();
    writer.send(&hello.encode()).await?;
    run(
        sync,
        agency,
        (reader, writer),
        Side::Initiator(machine),
        turn,
    )
    .await
}

/// Serves a repair that a peer began; if another is being served for long, the stream is closed
/// and the peer comes again.
pub(super) async fn respond(
    sync: &Sync,
    agency: AgencyId,
    mut stream: FrameStream,
) -> Result<(), SyncError> {
    let patience = Duration::from_millis(limits::REPAIR_WAIT_MS);
    let Ok(turn) = tokio::time::timeout(patience, sync.turns.served.turn()).await else {
        tracing::debug!(peer = %agency.short(), "another peer's repair is being served: this one comes again");
        // Its hello, so that the stream ends in order.
        let _hello = tokio::time::timeout(patience, stream.next()).await;
        let _unclosed = stream.close().await;
        return Ok(());
    };
    let turn = turn?;
    let done = turn.lasts(serve(sync, agency, stream, &turn)).await;
    done.unwrap_or_else(|| {
        tracing::debug!(peer = %agency.short(), "a repair went on when its turn was over: it was broken off for one that waits");
        Ok(())
    })
}

async fn serve(
    sync: &Sync,
    agency: AgencyId,
    stream: FrameStream,
    turn: &Turn,
) -> Result<(), SyncError> {
    // Its hello does not wait for the look through the store: the peer waits less long for it.
    let (reader, mut writer) = stream.split();
    writer
        .send(&Message::Hello(sync.hello.clone()).encode())
        .await?;
    writer.flush().await?;
    let entries = mutual(sync, agency).await?;
    let (machine, _hello) = Responder::new(sync.hello.clone(), rand::random::<[u8; 16]>(), entries);
    let served = run(
        sync,
        agency,
        (reader, writer),
        Side::Responder(machine),
        turn,
    )
    .await;
    served.map(drop)
}

/// What enters a repair: a look through the whole store.
async fn mutual(sync: &Sync, agency: AgencyId) -> Result<Vec<Entry>, SyncError> {
    let turns = sync.peers.of(&agency).repairs.clone();
    let turn = turns.acquire_owned().await;
    let turn = turn.map_err(|_| SyncError::Stopping)?;
    let share = sync.share.clone();
    blocking(move || {
        let entries = share.mutual(&agency);
        // Held until the look is over, also if the stream has ended meanwhile.
        drop(turn);
        entries
    })
    .await
}

enum Side {
    Initiator(Initiator),
    Responder(Responder),
}

impl Side {
    fn handle(&mut self, event: Event) -> Vec<Effect> {
        match self {
            Side::Initiator(machine) => machine.handle(event),
            Side::Responder(machine) => machine.handle(event),
        }
    }
}

/// Whether it came to its end.
async fn run(
    sync: &Sync,
    agency: AgencyId,
    (mut reader, mut writer): (FrameReader, FrameWriter),
    mut machine: Side,
    turn: &Turn,
) -> Result<bool, SyncError> {
    let mut stop = sync.stop.clone();
    writer.flush().await?;
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    loop {
        let event = tokio::select! {
            frame = reader.next() => match frame? {
                Some(body) => Event::Message(Message::decode(&body)?),
                None => return Ok(false),
            },
            _ = stop.changed() => Event::Close(Reason::Stopping),
            _ = tick.tick() => match turn.is_over() {
                true => Event::Close(Reason::Busy),
                false => Event::Tick(sync.share.now()),
            },
        };
        // All ids of the store: no work for a thread on which streams wait.
        let effects;
        (machine, effects) = blocking(move || {
            let effects = machine.handle(event);
            Ok((machine, effects))
        })
        .await?;
        for effect in effects {
            match effect {
                Effect::Send(message) => writer.send(&message.encode()).await?,
                Effect::Opened { peer, .. } => sync.check_hello(agency, &peer)?,
                Effect::Finished(finished) => {
                    writer.flush().await?;
                    let _unclosed = writer.close().await;
                    let theirs = matches!(machine, Side::Responder(_));
                    finish(sync, agency, finished, theirs);
                    return Ok(true);
                }
                Effect::Closed(_) => {
                    let _unsent = writer.flush().await;
                    return Ok(false);
                }
                Effect::Fault(fault) => {
                    let _unsent = writer.flush().await;
                    return Err(fault.into());
                }
            }
        }
        writer.flush().await?;
    }
}

fn finish(sync: &Sync, agency: AgencyId, finished: Finished, theirs: bool) {
    let Finished {
        offer,
        rounds,
        bytes,
        nonce,
    } = finished;
    let peer = sync.share.registry.alias(&agency);
    tracing::debug!(%peer, rounds, bytes, lacking = offer.len(), "repair done");
    sync.peers
        .of(&agency)
        .repaired_with(sync.share.now(), offer, theirs.then_some(nonce));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte now and then is enough to keep a stream from being given up as stalled.
    #[tokio::test]
    async fn a_peer_that_takes_hardly_a_byte_does_not_keep_the_others_from_their_turn() {
        let of = |byte| AgencyId::from_bytes([byte; 32]);
        let (ours, mut theirs) = FrameStream::pair(of(1), of(2), Channel::Repair);
        let (_reader, mut writer) = ours.split();
        let long = Duration::from_millis(100);
        let queue = Queue::new(long, long);
        let turn = queue.turn().await.expect("a turn");
        let slow = tokio::spawn(async move {
            while theirs.next().await.is_ok_and(|frame| frame.is_some()) {
                tokio::time::sleep(long / 10).await;
            }
        });
        let flood = async {
            while writer.send(&[0; 4096]).await.is_ok() && writer.flush().await.is_ok() {}
        };
        let (began, next) = (Instant::now(), queue.clone());
        let other = tokio::spawn(async move { next.turn().await.map(drop) });
        let lasts = tokio::time::timeout(Duration::from_secs(20), turn.lasts(flood)).await;
        assert!(lasts.expect("it is over").is_none(), "the peer took some");
        assert!(began.elapsed() >= 2 * long, "it may end by itself");
        drop(turn);
        other.await.expect("a task").expect("its turn");
        slow.abort();

        // Where nobody waits it takes what it takes.
        let turn = queue.turn().await.expect("a turn");
        let slow = tokio::time::sleep(5 * long);
        assert!(turn.lasts(slow).await.is_some());
    }
}
