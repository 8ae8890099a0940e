//! Streams on a connection: opens ours, takes in the peer's.
//!
//! In place of `libp2p-stream` 0.5.0-alpha, which keeps one inbound stream a protocol and
//! drops the next if two are negotiated in one poll, keeps a sender for each connection that
//! ever was, and opens on a random one of several connections, which may be a dead one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Task, Poll, Waker};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, Stream, StreamProtocol, StreamUpgradeError, SubstreamProtocol, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::PollSender;

use super::frame::{Context, FrameStream};
use super::gate::{NotOnAnyCard, UnknownRelay};
use super::limits::{OPEN_QUEUE, Timing};
use super::roster::{Roster, Seat, Way};
use super::{Channel, Inbound, SwarmError, Tap};

/// Numbers the streams of this process, for taps.
static STREAMS: AtomicU64 = AtomicU64::new(0);

/// A stream that is to be opened.
pub(super) struct OpenRequest {
    pub(super) channel: Channel,
    pub(super) reply: oneshot::Sender<Result<FrameStream, SwarmError>>,
}

/// What every stream needs.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) roster: Arc<Roster>,
    pub(super) inbound: mpsc::Sender<Inbound>,
    /// The channels that peers may open.
    pub(super) served: Vec<Channel>,
    pub(super) tap: Option<Arc<dyn Tap>>,
    pub(super) timing: Timing,
}

/// Gives every connection of a linked peer its [`Handler`].
pub(super) struct Streams {
    shared: Shared,
}

impl Streams {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// `ours` is the address that was dialled, or that the call came in at; `remote` is where
    /// the peer is.
    fn handler(
        &self,
        id: ConnectionId,
        peer: &PeerId,
        ours: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        let seat = self
            .shared
            .roster
            .seat(peer)
            .ok_or_else(|| ConnectionDenied::new(NotOnAnyCard))?;
        let path = self.shared.roster.path(ours);
        let path = path.ok_or_else(|| ConnectionDenied::new(UnknownRelay))?;
        let (sender, opens) = mpsc::channel(OPEN_QUEUE);
        let way = Way::new(path);
        seat.connected(id, sender, way.clone(), remote);
        Ok(Handler {
            way,
            seat,
            shared: self.shared.clone(),
            opens,
            queue: VecDeque::new(),
            inbound: PollSender::new(self.shared.inbound.clone()),
            waker: None,
        })
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(id, &peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(id, &peer, address, address)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = event
            && let Some(seat) = self.shared.roster.seat(&closed.peer_id)
        {
            seat.closed(closed.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Task<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

/// The streams of one connection.
pub(super) struct Handler {
    seat: Arc<Seat>,
    way: Way,
    shared: Shared,
    opens: mpsc::Receiver<OpenRequest>,
    /// Taken in and not yet handed over; bounded by the peer's permits.
    queue: VecDeque<Inbound>,
    inbound: PollSender<Inbound>,
    waker: Option<Waker>,
}

impl Handler {
    fn frames(
        &self,
        stream: Stream,
        channel: Channel,
        permit: Option<OwnedSemaphorePermit>,
    ) -> FrameStream {
        let context = Context {
            number: STREAMS.fetch_add(1, Ordering::Relaxed),
            agency: self.seat.agency,
            channel,
            left: self.way.left(),
            way: self.way.clone(),
            gone: self.seat.gone.clone(),
            counters: self.seat.counters.clone(),
            tap: self.shared.tap.clone(),
            timing: self.shared.timing,
            _permit: permit,
        };
        FrameStream::new(stream, Arc::new(context))
    }

    fn take_in(&mut self, stream: Stream, protocol: &StreamProtocol) {
        let agency = self.seat.agency;
        let Some(channel) = Channel::from_protocol(protocol.as_ref()) else {
            return;
        };
        if self.seat.gone.is_cancelled() || !self.shared.served.contains(&channel) {
            return;
        }
        let Ok(permit) = self.seat.inbound.clone().try_acquire_owned() else {
            tracing::warn!(peer = %agency.short(), "the peer has too many streams open; a further one was refused");
            return;
        };
        let stream = self.frames(stream, channel, Some(permit));
        self.queue.push_back(Inbound {
            agency,
            channel,
            stream,
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn failed(&self, error: StreamUpgradeError<Infallible>, channel: Channel) -> SwarmError {
        let agency = self.seat.agency;
        match error {
            StreamUpgradeError::Timeout => SwarmError::OpenTimeout {
                agency,
                seconds: self.shared.timing.open.as_secs(),
            },
            StreamUpgradeError::NegotiationFailed => SwarmError::Unsupported { agency, channel },
            StreamUpgradeError::Io(e) => SwarmError::Broken {
                agency,
                why: e.to_string(),
            },
            StreamUpgradeError::Apply(never) => match never {},
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = OpenRequest;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        SubstreamProtocol::new(Protocols(self.shared.served.clone()), ())
    }

    /// Links stay up; the driver closes what has to go.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        cx: &mut Task<'_>,
    ) -> Poll<ConnectionHandlerEvent<Protocols, OpenRequest, Infallible>> {
        while !self.queue.is_empty() {
            match self.inbound.poll_reserve(cx) {
                Poll::Ready(Ok(())) => {
                    if let Some(stream) = self.queue.pop_front() {
                        // An error means that nobody takes streams any more: we are stopping.
                        let _ = self.inbound.send_item(stream);
                    }
                }
                Poll::Ready(Err(_)) => self.queue.clear(),
                Poll::Pending => break,
            }
        }
        while let Poll::Ready(Some(request)) = self.opens.poll_recv(cx) {
            if request.reply.is_closed() {
                continue;
            }
            let protocol = Protocols(vec![request.channel]);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(protocol, request)
                    .with_timeout(self.shared.timing.open),
            });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Protocols, Protocols, (), OpenRequest>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => {
                self.take_in(protocol.0, &protocol.1);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info,
            }) => {
                let stream = self.frames(protocol.0, info.channel, None);
                // The opener may have given up: then the stream is reset.
                let _ = info.reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = self.failed(error, info.channel);
                let _ = info.reply.send(Err(error));
            }
            _ => {}
        }
    }
}

/// Negotiates one of these channels and hands the bare stream on.
#[derive(Clone, Debug)]
pub(super) struct Protocols(Vec<Channel>);

impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        let names: Vec<_> = self
            .0
            .iter()
            .map(|c| StreamProtocol::new(c.protocol()))
            .collect();
        names.into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, name: StreamProtocol) -> Self::Future {
        ready(Ok((stream, name)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, name: StreamProtocol) -> Self::Future {
        ready(Ok((stream, name)))
    }
}
