//! TLS 1.3 on TCP and inside circuits, with a hybrid post-quantum key exchange or not at all:
//! what a hub or a line records today must not be read when X25519 is broken.

use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use libp2p::PeerId;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p::tls::{self, TlsStream};

/// X25519MLKEM768, as IANA numbers the groups of TLS. libp2p offers it first; QUIC, which takes
/// the same configuration, does not let us ask what was agreed on.
pub(super) const X25519_MLKEM768: u16 = 0x11ec;

/// libp2p's TLS, which authenticates both sides by their node keys.
#[derive(Clone)]
pub(super) struct Hybrid(pub(super) tls::Config);

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// In TLS.
    #[error(transparent)]
    Tls(#[from] tls::UpgradeError),
    /// The other side knows no hybrid key exchange.
    #[error("the other side agreed on no post-quantum key exchange: its software is too old")]
    NotHybrid,
}

impl UpgradeInfo for Hybrid {
    type Info = <tls::Config as UpgradeInfo>::Info;
    type InfoIter = <tls::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<C> InboundConnectionUpgrade<C> for Hybrid
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, TlsStream<C>);
    type Error = HandshakeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        let tls = self.0.upgrade_inbound(socket, info);
        async move { checked(tls.await?) }.boxed()
    }
}

impl<C> OutboundConnectionUpgrade<C> for Hybrid
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, TlsStream<C>);
    type Error = HandshakeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        let tls = self.0.upgrade_outbound(socket, info);
        async move { checked(tls.await?) }.boxed()
    }
}

fn checked<C>(done: (PeerId, TlsStream<C>)) -> Result<(PeerId, TlsStream<C>), HandshakeError> {
    match group(&done.1) {
        Some(X25519_MLKEM768) => Ok(done),
        _ => Err(HandshakeError::NotHybrid),
    }
}

/// The group that the key exchange was made in.
fn group<C>(stream: &TlsStream<C>) -> Option<u16> {
    let group = stream.get_ref().1.negotiated_key_exchange_group()?;
    Some(u16::from(group.name()))
}
