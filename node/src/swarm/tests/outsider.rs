//! A linked peer that is no node: it asks for circuits as it likes.

use libp2p::identity::Keypair;
use libp2p::swarm::Swarm;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

use super::circuits::{ours, reserved};
use super::*;

pub(super) struct Outsider {
    pub swarm: Swarm<behaviour::Behaviour>,
    /// The hub.
    pub at: PeerId,
    /// Whom it calls through the hub.
    pub to: PeerId,
    place: Multiaddr,
}

impl Outsider {
    /// Linked with both, of which the one has a reservation at the other; connected with neither.
    pub async fn new(hub: &Node, called: &Node, with: impl FnOnce(&mut upgrade::Upgrade)) -> Self {
        let key = Keypair::ed25519_from_bytes([20; 32]).expect("a seed");
        let own = key.public().to_peer_id();
        let public = key.public().try_into_ed25519().expect("its kind");
        let agency = AgencyId::from_bytes([20; 32]);
        let card = LinkedPeer::new(agency, vec![public.to_bytes()], Vec::new());
        hub.link(&[card.clone(), called.card_without_address()])
            .await;
        called.link(&[ours(hub), card]).await;
        reserved(called, hub).await;

        let timing = config(20, &[]).timing;
        let roster = Arc::new(roster::Roster::default());
        roster.set(&own, &[hub.card(), called.card_without_address()]);
        let (inbound, _queue) = mpsc::channel(1);
        let streams = crate::swarm::streams::Streams::new(crate::swarm::streams::Shared {
            roster: roster.clone(),
            inbound,
            served: Channel::served(false),
            tap: None,
            timing,
        });
        let refusals = Arc::new(crate::swarm::gate::RefusalLog::new(config(20, &[]).now));
        let gate = crate::swarm::gate::Gate::new(roster.clone(), refusals);
        let mut upgrade = upgrade::Upgrade::new(own, roster);
        with(&mut upgrade);
        let (through, circuits) = libp2p::relay::client::new(own);
        let relayed = (None, circuits);
        let behaviour =
            behaviour::Behaviour::new(&key, "outsider", gate, streams, relayed, upgrade, &timing);
        let (swarm, _) = behaviour::build(&key, behaviour, through, &timing).expect("built");
        let peer = |node: &Node| {
            let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&node.handle.node_key());
            libp2p::identity::PublicKey::from(key.expect("a key")).to_peer_id()
        };
        let place = hub.handle.listen_addrs()[0].parse().expect("an address");
        Self {
            swarm,
            at: peer(hub),
            to: peer(called),
            place,
        }
    }

    /// Connects with the hub.
    pub fn connect(&mut self) {
        self.dial(self.at, self.place.clone());
    }

    /// Asks the hub for a circuit.
    pub fn call(&mut self) {
        self.dial(self.to, address::circuit(self.at, &self.place));
    }

    fn dial(&mut self, peer: PeerId, address: Multiaddr) {
        let dial = DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(vec![address])
            .build();
        self.swarm.dial(dial).expect("dialled");
    }
}
