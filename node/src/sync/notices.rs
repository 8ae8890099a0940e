//! What a peer tells beside records, and what we tell it.

use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::Notice;

use super::{Sync, SyncError, witness};

impl Sync {
    /// What a session begins with, and says again now and then.
    pub(super) fn told(&self) -> Notice {
        Notice::Time(self.share.now())
    }

    /// Acts on what a peer told.
    pub(super) async fn noticed(&self, agency: AgencyId, notice: Notice) -> Result<(), SyncError> {
        match notice {
            Notice::Time(theirs) => self.time.peer_says(agency, theirs),
            Notice::Settled(nonce) => {
                if self.catch_up.heard(agency, nonce).await? {
                    let peer = self.share.registry.alias(&agency);
                    tracing::info!(%peer, "heard from since the restore: what came from it is unlocked");
                }
            }
            notice @ (Notice::Witness { .. } | Notice::Held { .. }) => {
                let holds = match notice {
                    Notice::Held { clock, .. } => clock,
                    _ => None,
                };
                // What proves comes before what only claims.
                witness::noticed(self, agency, notice).await?;
                if let Some(holds) = holds {
                    self.set_back.claims(agency, holds).await?;
                }
            }
        }
        Ok(())
    }
}
