//! To whom parcels are sent now, and through which hub.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::signed::VerifiedRecord;

use super::outbox::{Load, Row, Way};
use crate::node::Node;

/// Who is to be sent parcels through one hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Absent {
    /// Those who are away for long enough, and use this hub; and what it may have room for.
    pub peers: Vec<(AgencyId, Load)>,
    /// When the next one will be, if it stays away, or is to be asked for again.
    pub next: Option<Millis>,
    /// Whether this hub refused to keep something for one of them.
    pub refused: bool,
}

impl Absent {
    fn wake_at(&mut self, due: Millis) {
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }
}

impl Node {
    /// Who is to be sent parcels through a hub at this moment.
    pub(super) fn absent_through(&self, hub: &AgencyId) -> Absent {
        let now = self.clock.now();
        let mut absent = Absent::default();
        for peer in self.registry.peers().into_keys() {
            let Some(due) = self.absent_from(&peer) else {
                continue;
            };
            if due > now {
                absent.wake_at(due);
            } else if let Some((_, load)) = self.hub_for(&peer, now).filter(|(of, _)| of == hub) {
                absent.peers.push((peer, load));
            }
            if let Some(refused) = self.parcels.refusal(hub, &peer) {
                absent.refused = true;
                if refused.holds(now) {
                    absent.wake_at(refused.next);
                }
            }
        }
        absent
    }

    /// The card and the keys statement by which an agency is known at this moment.
    pub(super) fn card_of(&self, agency: &AgencyId) -> Option<(RecordId, Option<RecordId>)> {
        let known = self.registry.agency(agency)?;
        let statement = known.statement.as_ref().map(VerifiedRecord::id);
        Some((known.card.id(), statement))
    }

    /// From when on a peer is sent parcels, if it stays away; none: it is connected.
    fn absent_from(&self, peer: &AgencyId) -> Option<Millis> {
        let since = self.unreachable_since(peer)?;
        let after = self.config.hubs.after_s.saturating_mul(1_000);
        Some(Millis(since.0.saturating_add(after)))
    }

    /// The hub at which a parcel for a peer is left: the first that it collects from and that is
    /// a peer of ours. One that is away is waited for as long as a peer is; then the next is
    /// taken. One that refused is left out for a while; but if it had no room for what is not
    /// owed, and no other hub can be had, what is owed is left there all the same.
    fn hub_for(&self, peer: &AgencyId, now: Millis) -> Option<(AgencyId, Load)> {
        let mut owed = None;
        for hub in self.registry.hubs_of_peer(peer) {
            if hub == *peer {
                continue;
            }
            let refused = self.parcels.refusal(&hub, peer);
            if let Some(refused) = refused.filter(|refused| refused.holds(now)) {
                let may_have_room = refused.spares_owed() && self.absent_from(&hub).is_none();
                owed = owed.or(may_have_room.then_some((hub, Load::Owed)));
                continue;
            }
            match self.absent_from(&hub) {
                None => return Some((hub, Load::All)),
                Some(due) if due > now => break,
                Some(_) => {}
            }
        }
        owed
    }

    /// Whether a parcel that is under way keeps what is in it from being packed again for this
    /// hub: it lies there, or at another that is connected.
    pub(super) fn counts_for(&self, hub: AgencyId, row: &Row) -> bool {
        match row.way {
            Way::Hub(other) => other == hub || self.unreachable_since(&other).is_none(),
            Way::Bundle => false,
        }
    }
}
