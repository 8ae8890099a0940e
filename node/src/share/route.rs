//! Which way something travels between this node and a peer.

use liaison_protocol::id::AgencyId;

use crate::store::Path;
use crate::swarm;

/// The way of a release, or of what came in. The hub on it reads nothing, but it carries: what
/// may never reach an authority of a country does not go by that country's hub either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// On a connection of our own.
    Direct,
    /// Through the circuit of this hub.
    Circuit(AgencyId),
    /// In a parcel that this hub keeps for the peer.
    Mailbox(AgencyId),
    /// In a file that people carry.
    Bundle,
}

impl From<swarm::Path> for Route {
    fn from(path: swarm::Path) -> Self {
        match path {
            swarm::Path::Direct => Route::Direct,
            swarm::Path::Circuit(hub) => Route::Circuit(hub),
        }
    }
}

impl Route {
    /// The hub that carries it; none: no other agency does.
    pub const fn hub(self) -> Option<AgencyId> {
        match self {
            Route::Circuit(hub) | Route::Mailbox(hub) => Some(hub),
            Route::Direct | Route::Bundle => None,
        }
    }

    /// As the ledger keeps it.
    pub const fn path(self) -> Path {
        match self {
            Route::Direct => Path::Direct,
            Route::Circuit(_) => Path::Circuit,
            Route::Mailbox(_) => Path::Mailbox,
            Route::Bundle => Path::Bundle,
        }
    }
}
