//! The key exchange is hybrid post-quantum, whichever way a connection goes.

use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::tls;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::super::hybrid::{Hybrid, X25519_MLKEM768};
use super::*;

/// TCP and circuits are made with this, and with nothing else: that two nodes connect over them,
/// which other tests show, says that the exchange was hybrid.
#[tokio::test]
async fn tcp_and_circuits_connect_with_a_hybrid_key_exchange() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let config = |seed| {
        let key = Keypair::ed25519_from_bytes([seed; 32]).expect("a key");
        Hybrid(tls::Config::new(&key).expect("TLS"))
    };
    let (ours, theirs) = tokio::join!(
        config(1).upgrade_outbound(near.compat(), "/tls/1.0.0"),
        config(2).upgrade_inbound(far.compat(), "/tls/1.0.0"),
    );
    for (_, stream) in [ours.expect("ours"), theirs.expect("theirs")] {
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        assert_eq!(u16::from(group.expect("agreed").name()), X25519_MLKEM768);
    }
}
