//! Sessions with each peer: one live stream out for what we release, one in for what it
//! releases, and a repair now and then. The rules of the conversation are in
//! `liaison_protocol::wire`; here is the IO, and the calls to share and ingest.

mod inbound;
mod notices;
mod outbound;
mod peers;
mod repair;
mod tally;
mod witness;

use std::collections::HashMap;
use std::sync::Arc;

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Blame;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::wire::{Hello, Speaks, WireFault};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};

pub use self::peers::{PeerSync, PeerSyncs};
pub use self::tally::Tally;
pub(crate) use self::witness::{CONTRADICTED, HELD, HELD_AGAINST, HELD_BEFORE};
use crate::catchup::CatchUp;
use crate::hub::Hub;
use crate::ingest::Ingest;
use crate::setback::SetBack;
use crate::share::{ReleaseError, Share};
use crate::store::{Op, Store, StoreError};
use crate::swarm::{Channel, Inbound, InboundStreams, LinkEvent, SwarmError, SwarmHandle};
use crate::time::Timekeeper;

/// Everything a session needs. Clones share it.
#[derive(Clone)]
pub struct Sync {
    share: Share,
    ingest: Ingest,
    swarm: SwarmHandle,
    peers: PeerSyncs,
    turns: repair::Turns,
    hello: Hello,
    repair_every_s: u64,
    time: Timekeeper,
    catch_up: CatchUp,
    set_back: SetBack,
    hub: Option<Hub>,
    stop: watch::Receiver<bool>,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The transport.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// The peer broke the protocol, or speaks no version that we speak.
    #[error(transparent)]
    Wire(#[from] WireFault),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be released.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The peer says that it is another agency than the connection's key belongs to.
    #[error("the peer says that it is agency {}, but its key belongs to {}. Telephone it before you go on", claimed.short(), agency.short())]
    OtherAgency {
        /// Whose key it is.
        agency: AgencyId,
        /// Whom it claims to be.
        claimed: AgencyId,
    },
    /// A task of ours was stopped.
    #[error("the node is stopping")]
    Stopping,
}

impl SyncError {
    /// At whose door it lies; nobody's for versions that do not meet.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            SyncError::Swarm(fault) => Some(fault.blame()),
            SyncError::Wire(fault) => fault.blame(),
            SyncError::OtherAgency { .. } => Some(Blame::Courier),
            SyncError::Store(_) | SyncError::Release(_) | SyncError::Stopping => Some(Blame::Local),
        }
    }
}

impl Sync {
    /// Puts sync together.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that sessions use, once"
    )]
    pub fn new(
        share: Share,
        ingest: Ingest,
        swarm: SwarmHandle,
        speaks: Speaks,
        repair_every_s: u64,
        time: Timekeeper,
        catch_up: CatchUp,
        set_back: SetBack,
        hub: Option<Hub>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let hello = Hello::new(speaks, crate::SOFTWARE, share.registry.own());
        Self {
            share,
            ingest,
            swarm,
            peers: PeerSyncs::default(),
            turns: repair::Turns::default(),
            hello,
            repair_every_s,
            time,
            catch_up,
            set_back,
            hub,
            stop,
        }
    }

    /// What is known of the sessions with each peer.
    pub fn peers(&self) -> &PeerSyncs {
        &self.peers
    }

    /// A peer may have these records again, or now: they are offered to it, if the gates allow.
    pub fn offer_again(&self, agency: &AgencyId, ids: impl IntoIterator<Item = RecordId>) {
        let peer = self.peers.of(agency);
        peer.give_back(ids);
        peer.woken.notify_one();
    }

    /// Runs until the node stops: takes up the streams that peers open, and keeps our own
    /// streams to each peer that is connected.
    pub async fn run(self, inbound: InboundStreams) {
        let accept = tokio::spawn(self.clone().accept(inbound));
        self.keep_streams().await;
        accept.abort();
        let _stopped = accept.await;
    }

    /// One task takes up all inbound streams, so that none waits.
    async fn accept(self, mut inbound: InboundStreams) {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                stream = inbound.next() => match stream {
                    Some(stream) => {
                        sessions.spawn(self.clone().serve(stream));
                    }
                    None => break,
                },
                Some(ended) = sessions.join_next(), if !sessions.is_empty() => note_panic(ended),
            }
        }
    }

    async fn serve(self, inbound: Inbound) {
        let Inbound {
            agency,
            channel,
            stream,
        } = inbound;
        let Ok(_one) = self.peers.of(&agency).sessions.clone().try_acquire_owned() else {
            let peer = self.share.registry.alias(&agency);
            tracing::warn!(%peer, blame = %Blame::Courier, "the peer has too many sessions open; a further one was refused");
            return;
        };
        let done = match channel {
            Channel::Live => inbound::receive(&self, agency, stream).await,
            Channel::Repair => repair::respond(&self, agency, stream).await,
            Channel::Mailbox => match &self.hub {
                Some(hub) => {
                    let (hello, stop) = (self.hello.clone(), self.stop.clone());
                    hub.serve(hello, agency, stream, stop).await
                }
                // Dropped: the peer sees it end.
                None => Ok(()),
            },
        };
        self.report(agency, done);
    }

    async fn keep_streams(&self) {
        let mut events = self.swarm.events();
        let mut links = self.swarm.links();
        let mut stop = self.stop.clone();
        let mut running: HashMap<AgencyId, AbortHandle> = HashMap::new();
        let mut tasks = JoinSet::new();
        let start = |tasks: &mut JoinSet<()>,
                     running: &mut HashMap<AgencyId, AbortHandle>,
                     agency: AgencyId| {
            if let Some(old) = running.remove(&agency) {
                old.abort();
            }
            running.insert(agency, tasks.spawn(self.clone().with_peer(agency)));
        };
        for agency in self.up() {
            start(&mut tasks, &mut running, agency);
        }
        loop {
            tokio::select! {
                // In this order: a link is told to be up, or not, before its state says so.
                biased;
                _ = stop.changed() => break,
                event = events.recv() => match event {
                    Ok(LinkEvent::Up(agency)) => start(&mut tasks, &mut running, agency),
                    Ok(LinkEvent::Down(agency)) => {
                        if let Some(old) = running.remove(&agency) {
                            old.abort();
                        }
                        let now = self.share.now();
                        self.peers.of(&agency).down(now);
                        self.keep_seen(&[agency]).await;
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {
                        // Events were lost: start anew with every link that is up.
                        for agency in self.up() {
                            start(&mut tasks, &mut running, agency);
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
                },
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => note_panic(ended),
                // Whoever is up has its streams: also if that was told before we listened and
                // its state said so only after we looked, or if its task failed.
                Ok(()) = links.changed() => for agency in self.up() {
                    if running.get(&agency).is_none_or(AbortHandle::is_finished) {
                        start(&mut tasks, &mut running, agency);
                    }
                },
            }
        }
        self.keep_seen(&self.up()).await;
        tasks.shutdown().await;
    }

    /// Keeps when these peers were last connected, for after the next start.
    async fn keep_seen(&self, agencies: &[AgencyId]) {
        let at = self.share.now();
        let ops = agencies.iter().map(|agency| Op::PutMeta {
            name: seen_name(agency),
            bytes: at.0.to_be_bytes().to_vec().into(),
        });
        if let Err(error) = self.share.store.write(ops.collect()).await {
            tracing::debug!(%error, "when the peers were last connected was not kept");
        }
    }

    fn up(&self) -> Vec<AgencyId> {
        let links = self.swarm.links();
        let links = links.borrow();
        links
            .iter()
            .filter(|l| l.is_up())
            .map(|l| l.agency)
            .collect()
    }

    /// Our side of one peer for as long as the link is up: the outbound stream, opened anew
    /// when it ends, and repairs beside it.
    async fn with_peer(self, agency: AgencyId) {
        tokio::join!(outbound::keep(&self, agency), repair::keep(&self, agency));
    }

    fn report(&self, agency: AgencyId, done: Result<(), SyncError>) {
        let Err(error) = done else { return };
        let peer = self.share.registry.alias(&agency);
        match &error {
            SyncError::Wire(fault) => {
                let blame = fault.blame().map_or("nobody".into(), |b| b.to_string());
                tracing::warn!(%peer, %blame, "{error}");
            }
            SyncError::OtherAgency { .. } => {
                tracing::error!(%peer, blame = %Blame::Courier, "{error}");
            }
            SyncError::Swarm(fault) if fault.blame() == Blame::Courier => {
                tracing::warn!(%peer, blame = %Blame::Courier, "{error}");
            }
            SyncError::Store(_) => tracing::error!(%peer, "{error}"),
            _ => tracing::info!(%peer, "{error}"),
        }
        let now = self.share.now();
        if let Some(blame) = error.blame()
            && !matches!(error, SyncError::Stopping)
        {
            self.peers.of(&agency).tally.fault(blame);
        }
        if error.blame() == Some(Blame::Courier) {
            self.peers.of(&agency).misbehaved(now, error.to_string());
        }
        self.peers.of(&agency).failed(now, error.to_string());
    }

    fn check_hello(&self, agency: AgencyId, hello: &Hello) -> Result<(), SyncError> {
        if hello.agency == agency {
            Ok(())
        } else {
            Err(SyncError::OtherAgency {
                agency,
                claimed: hello.agency,
            })
        }
    }
}

/// When a peer was last connected before this start; none: that is not known.
pub fn seen(store: &Store, agency: &AgencyId) -> Option<Millis> {
    let bytes = store.meta(&seen_name(agency)).ok().flatten()?;
    Some(Millis(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)))
}

fn seen_name(agency: &AgencyId) -> String {
    format!("seen/{}", agency.full())
}

/// A fault of ours in a session's task, which nobody else would hear of.
fn note_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a session failed; it is opened anew");
    }
}

/// Runs blocking work of a session.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, SyncError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(SyncError::Stopping),
    }
}

/// A shared handle to what the sessions with one peer know.
type PeerHandle = Arc<PeerSync>;
