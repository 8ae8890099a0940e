//! Repair: find out with a peer which records one side has that the other never saw. What
//! it finds is offered on the live streams, where each record is decided anew.

use std::time::Duration;

use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::Message;
use liaison_protocol::wire::Reason;
use liaison_protocol::wire::repair::{Effect, Entry, Event, Finished, Initiator, Responder};

use tokio::time::Instant;

use super::{Sync, SyncError, blocking};
use crate::limits;
use crate::swarm::{Channel, FrameStream};

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
            sync.report(agency, done);
        }
        let every = if sync.catch_up.waits_for(&agency) {
            limits::CATCH_UP_EVERY_S
        } else {
            sync.repair_every_s
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(every)) => due = ours(),
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

async fn initiate(sync: &Sync, agency: AgencyId) -> Result<(), SyncError> {
    let entries = mutual(sync, agency).await?;
    let stream = sync.swarm.open(agency, Channel::Repair).await?;
    let nonce = rand::random::<[u8; 16]>();
    sync.catch_up.asked(agency, nonce);
    let (machine, hello) = Initiator::new(sync.hello.clone(), nonce, entries);
    run(sync, agency, stream, Side::Initiator(machine), hello).await
}

/// Serves a repair that a peer began.
pub(super) async fn respond(
    sync: &Sync,
    agency: AgencyId,
    stream: FrameStream,
) -> Result<(), SyncError> {
    let entries = mutual(sync, agency).await?;
    let (machine, hello) = Responder::new(sync.hello.clone(), rand::random::<[u8; 16]>(), entries);
    run(sync, agency, stream, Side::Responder(machine), hello).await
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

async fn run(
    sync: &Sync,
    agency: AgencyId,
    stream: FrameStream,
    mut machine: Side,
    hello: Message,
) -> Result<(), SyncError> {
    let (mut reader, mut writer) = stream.split();
    let mut stop = sync.stop.clone();
    writer.send(&hello.encode()).await?;
    writer.flush().await?;
    let mut tick = tokio::time::interval(Duration::from_millis(limits::SESSION_TICK_MS));
    loop {
        let event = tokio::select! {
            frame = reader.next() => match frame? {
                Some(body) => Event::Message(Message::decode(&body)?),
                None => return Ok(()),
            },
            _ = stop.changed() => Event::Close(Reason::Stopping),
            _ = tick.tick() => Event::Tick(sync.share.now()),
        };
        for effect in machine.handle(event) {
            match effect {
                Effect::Send(message) => writer.send(&message.encode()).await?,
                Effect::Opened { peer, .. } => sync.check_hello(agency, &peer)?,
                Effect::Finished(finished) => {
                    writer.flush().await?;
                    let _unclosed = writer.close().await;
                    let theirs = matches!(machine, Side::Responder(_));
                    finish(sync, agency, finished, theirs);
                    return Ok(());
                }
                Effect::Closed(_) => {
                    let _unsent = writer.flush().await;
                    return Ok(());
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
