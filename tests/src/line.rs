//! Lines between nodes: cut as a line is torn, held cut, and mended.

use std::collections::BTreeSet;
use std::sync::Arc;

use liaison_node::registry::Registry;
use liaison_node::swarm::SwarmHandle;
use liaison_protocol::id::AgencyId;
use tokio::sync::Mutex;

use crate::Federation;
use crate::federation::PATIENCE;

/// Peers that a node is cut off from: left out whenever its transport is told of its peers.
pub(crate) type Cut = Arc<Mutex<BTreeSet<AgencyId>>>;

impl Federation {
    /// Cuts the connection of two nodes at once, with every stream in it, as a line that is
    /// torn: neither says goodbye. They are linked still, and stay cut off, also when one of
    /// them starts again or gets other peers, until [`mend`](Self::mend) lets them connect.
    pub async fn cut(&self, a: &str, b: &str) {
        let (us, them) = (self[a].agency, self[b].agency);
        let (swarm, registry) = self[a].wire();
        let mut links = self[b].node().swarm.links();
        self[a].cut.lock().await.insert(them);
        tell(&swarm, &registry, &self[a].cut).await;
        hold(swarm, registry, self[a].cut.clone(), them);
        let down = links.wait_for(|l| l.iter().all(|l| l.agency != us || !l.is_up()));
        tokio::time::timeout(PATIENCE, down)
            .await
            .expect("it goes down")
            .expect("runs");
    }

    /// Undoes [`cut`](Self::cut) and waits until they are connected.
    pub async fn mend(&self, a: &str, b: &str) {
        for (one, other) in [(a, b), (b, a)] {
            let them = self[other].agency;
            let (swarm, registry) = self[one].wire();
            self[one].cut.lock().await.remove(&them);
            tell(&swarm, &registry, &self[one].cut).await;
            // What waits for its turn to dial need not wait here.
            let _up = swarm.dial_now(them).await;
        }
        self.connected(a, b).await;
    }
}

/// Tells a transport of all peers but those that are cut off.
async fn tell(swarm: &SwarmHandle, registry: &Registry, cut: &Cut) {
    // Held until it is done: two that tell at the same time would tell the older list last.
    let cut = cut.lock().await;
    let mut linked = registry.linked();
    linked.retain(|peer| !cut.contains(&peer.agency));
    // An error means that it stops.
    let _faults = swarm.set_peers(linked).await;
}

/// Keeps a line cut. The node tells its transport of all its peers whenever a card or a peer
/// changes, some time after the change: this one is taken out again, before it is connected.
pub(crate) fn hold(swarm: SwarmHandle, registry: Registry, cut: Cut, peer: AgencyId) {
    tokio::spawn(async move {
        let mut links = swarm.links();
        while cut.lock().await.contains(&peer) {
            let linked = links.borrow_and_update().iter().any(|l| l.agency == peer);
            if linked {
                tell(&swarm, &registry, &cut).await;
            }
            if links.changed().await.is_err() {
                return;
            }
        }
    });
}
