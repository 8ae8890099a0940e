//! Changes of a linked agency: the attributes that policies use, and its circles.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Peer, Pinned, Registry, RegistryError, peer, slug};
use crate::cardfile::CardFile;
use crate::policy::limits::CIRCLES;
use crate::store::{Op, Store};

/// What changes of a peer.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeerEdit {
    /// Policies use the attributes of its newest card from now on.
    pub confirm: bool,
    /// Circles that it joins.
    pub add: Vec<String>,
    /// Circles that it leaves.
    pub remove: Vec<String>,
}

/// An attribute that a peer's newest card states otherwise than a person confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    /// Its name.
    pub attribute: &'static str,
    /// As confirmed: what policies use.
    pub pinned: String,
    /// As the card states it.
    pub card: String,
}

impl Registry {
    /// What a peer's newest card states otherwise than policies use.
    pub fn unconfirmed(&self, agency: &AgencyId) -> Vec<Unconfirmed> {
        let (Some(peer), Some(contact)) = (self.peer(agency), self.contact(agency)) else {
            return Vec::new();
        };
        peer.pinned.against(&Pinned::of(&contact))
    }

    /// A card's agency as the peer that it would be, or is when it was linked before.
    ///
    /// # Errors
    /// [`RegistryError`]: our own card, an alias or a circle that can't be.
    pub fn as_peer(
        &self,
        file: &CardFile,
        alias: String,
        circles: Vec<String>,
        confirmed: bool,
        now: Millis,
    ) -> Result<Peer, RegistryError> {
        let agency = file.agency();
        if agency == self.own() {
            return Err(RegistryError::Own);
        }
        let old = self.peer(&agency);
        let mut peers = self.peers().into_iter();
        let taken = peers.any(|(id, p)| p.alias == alias && id != agency);
        if taken || alias == self.own_alias() {
            return Err(RegistryError::AliasTaken { alias });
        }
        if !peer::is_alias(&alias) {
            return Err(RegistryError::Alias { alias });
        }
        let pinned = file.contact().map(Pinned::of).unwrap_or_default();
        let mut peer = Peer {
            alias,
            circles: old.iter().flat_map(|p| p.circles.clone()).collect(),
            // A known peer's attributes stay as they were confirmed.
            pinned: old.as_ref().map_or(pinned, |p| p.pinned.clone()),
            since: old.as_ref().map_or(now, |p| p.since),
            confirmed: confirmed || old.as_ref().is_some_and(|p| p.confirmed),
            leaving: None,
        };
        join(&mut peer, &circles)?;
        Ok(peer)
    }

    /// The alias for a card's agency: as asked for, as it is or was, or made from the card's name.
    pub fn alias_for(&self, file: &CardFile, asked: Option<String>) -> String {
        asked
            .or_else(|| self.last_alias(&file.agency()))
            .unwrap_or_else(|| slug(&file.contact().map(|c| c.org.clone()).unwrap_or_default()))
    }

    /// A peer as it would be after an edit.
    ///
    /// # Errors
    /// [`RegistryError`]: nothing to confirm, or a circle that can't be joined or left.
    pub fn edited(
        &self,
        agency: &AgencyId,
        mut peer: Peer,
        edit: &PeerEdit,
    ) -> Result<Peer, RegistryError> {
        if edit.confirm {
            let changed = !self.unconfirmed(agency).is_empty();
            let contact = self.contact(agency).filter(|_| changed);
            let Some(contact) = contact else {
                return Err(RegistryError::NothingToConfirm { alias: peer.alias });
            };
            peer.pinned = Pinned::of(&contact);
        }
        for circle in &edit.remove {
            if !peer.circles.remove(circle) {
                let shown = liaison_protocol::id::clip(circle);
                let says = format!(
                    "'{}' was not put in the circle '{shown}' by name. Circles of the policy stand in entities.json: edit it, then 'liaison policy apply'",
                    peer.alias
                );
                return Err(RegistryError::Circle { says });
            }
        }
        join(&mut peer, &edit.add)?;
        Ok(peer)
    }

    /// Keeps a changed peer, unless it was revoked since it was looked up.
    ///
    /// # Errors
    /// [`RegistryError::Revoked`], [`RegistryError::Store`].
    pub async fn put(
        &self,
        store: &Store,
        agency: AgencyId,
        peer: Peer,
    ) -> Result<(), RegistryError> {
        self.not_revoked(&agency)?;
        let bytes = peer.to_bytes();
        store
            .write(vec![Op::PutPeer {
                peer: agency,
                bytes,
            }])
            .await?;
        let mut kept = Ok(());
        self.write(|i| match i.revoked.get(&agency) {
            // While the disk was busy. What is on it, the revocation takes away.
            Some(revoked) => {
                let revoked = revoked.clone();
                kept = Err(RegistryError::Revoked { revoked });
            }
            None => {
                i.peers.insert(agency, peer);
            }
        });
        kept
    }

    fn not_revoked(&self, agency: &AgencyId) -> Result<(), RegistryError> {
        match self.revoked().remove(agency) {
            Some(revoked) => Err(RegistryError::Revoked { revoked }),
            None => Ok(()),
        }
    }
}

fn join(peer: &mut Peer, circles: &[String]) -> Result<(), RegistryError> {
    for circle in circles {
        if !peer::is_alias(circle) {
            let shown = liaison_protocol::id::clip(circle);
            let says = format!(
                "'{shown}' cannot be a circle's name: use a-z, 0-9, '-', '_' and '.', at most 40 characters"
            );
            return Err(RegistryError::Circle { says });
        }
        peer.circles.insert(circle.clone());
    }
    if peer.circles.len() > CIRCLES {
        let says = format!("'{}' would be in more than {CIRCLES} circles", peer.alias);
        return Err(RegistryError::Circle { says });
    }
    Ok(())
}

impl Pinned {
    /// Where a card's attributes differ from these.
    fn against(&self, card: &Self) -> Vec<Unconfirmed> {
        let roles = |p: &Self| {
            let roles: Vec<&str> = p.route_roles.iter().map(String::as_str).collect();
            match roles.is_empty() {
                true => "none".to_owned(),
                false => roles.join(", "),
            }
        };
        [
            ("sector", self.sector.clone(), card.sector.clone()),
            ("country", self.country.clone(), card.country.clone()),
            ("route_roles", roles(self), roles(card)),
            ("regime", self.regime.clone(), card.regime.clone()),
        ]
        .into_iter()
        .filter(|(_, pinned, card)| pinned != card)
        .map(|(attribute, pinned, card)| Unconfirmed {
            attribute,
            pinned,
            card,
        })
        .collect()
    }
}
