//! Parcels on their way to a hub, side by side: one of each addressee at a time, so that they lie
//! there in their order, and of as many addressees as the stream has room for.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::wire::mailbox::{ClientEvent as Event, Deposit, Refusal};

use super::outbox::{Key, Load, Row, State, Way};
use super::pack::{Counts, PackError, Packed};
use super::post::PostError;
use super::talk::Talk;
use super::whom::Absent;
use crate::aside::aside;
use crate::limits;
use crate::store::Arrival;

/// For whom, and the parcel, if there is anything for it.
pub(super) type PackDone = (AgencyId, Result<Option<Packed>, PackError>);

/// Parcels that are being made, that wait to be left, and that are being left.
#[derive(Default)]
pub(super) struct Deposits {
    /// Being made.
    pub packing: FuturesUnordered<BoxFuture<'static, PackDone>>,
    /// For whom one is on its way: at most [`wire_limits::DEPOSITS_AT_ONCE`].
    busy: BTreeSet<AgencyId>,
    /// Made, and not offered to the hub yet.
    ready: VecDeque<Packed>,
    /// Offered to the hub, which has not said yet what became of it.
    offered: BTreeMap<ParcelId, Key>,
    /// For whom there was nothing, as everything stood then.
    nothing_for: HashMap<AgencyId, (Seen, Load)>,
    /// Who is away.
    pub absent: Absent,
    /// For whom something was packed last.
    last: Option<AgencyId>,
}

/// What there was when nothing was found for a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    last: Arrival,
    woken: u64,
    epoch: u64,
    /// What was answered `later` is looked at again now and then.
    again: u64,
}

impl Deposits {
    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// Whether this parcel is on its way: neither at the hub nor not.
    pub fn has(&self, row: &Row) -> bool {
        self.offered.contains_key(&row.id) || self.ready.iter().any(|one| one.row.id == row.id)
    }

    /// The peers that are away and for whom none is on its way, the next one first: in turn, so
    /// that one's backlog does not keep the others waiting.
    fn next(&self, seen: Seen) -> Option<(AgencyId, Load)> {
        let all = self.absent.peers.iter().copied();
        let (before, behind): (Vec<_>, Vec<_>) =
            all.partition(|(peer, _)| self.last.is_some_and(|last| *peer <= last));
        let open = |(peer, load): &(AgencyId, Load)| {
            !self.busy.contains(peer) && self.nothing_for.get(peer) != Some(&(seen, *load))
        };
        behind.into_iter().chain(before).find(open)
    }
}

impl Talk<'_> {
    /// Begins the next parcels for peers that are away, as many as may be on their way at once.
    pub(super) fn pack_next(&mut self) {
        self.deposits.absent = self.node.absent_through(&self.hub);
        if self.node.catch_up.waiting().is_some() {
            return;
        }
        let seen = self.seen();
        while self.deposits.busy.len() < wire_limits::DEPOSITS_AT_ONCE
            && let Some((peer, load)) = self.deposits.next(seen)
        {
            let (hub, node) = (self.hub, self.node.clone());
            let counts: Counts = {
                let node = node.clone();
                Arc::new(move |row| node.counts_for(hub, row))
            };
            let packing = async move {
                let parcels = node.parcels.clone();
                let packed = parcels.pack(peer, Way::Hub(hub), load, counts).await;
                (peer, packed)
            };
            // Until something is found there is nothing.
            self.deposits.nothing_for.insert(peer, (seen, load));
            self.deposits.last = Some(peer);
            self.deposits.busy.insert(peer);
            self.deposits.packing.push(aside(packing));
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            last: self.node.store.last(),
            woken: *self.node.parcels.changes().borrow(),
            epoch: self.node.policies.current().epoch(),
            again: self.node.clock.now().0 / limits::PARCEL_AGAIN_MS,
        }
    }

    /// One is made, or there is nothing to make it of.
    pub(super) fn packed(&mut self, (peer, done): PackDone) {
        let parcels = &self.node.parcels;
        let error = match done {
            Ok(Some(packed)) => {
                self.deposits.nothing_for.remove(&peer);
                self.deposits.ready.push_back(packed);
                return;
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        self.deposits.busy.remove(&peer);
        let peer_alias = || self.node.registry.alias(&peer);
        match error {
            None => {}
            Some(error @ PackError::Store(_)) => tracing::error!(peer = %peer_alias(), "{error}"),
            Some(error) => {
                if matches!(
                    error,
                    PackError::NoKey { .. } | PackError::Fault { .. } | PackError::Full { .. }
                ) {
                    parcels.note_hindrance(peer, error.to_string());
                }
                tracing::info!(peer = %peer_alias(), "{error}");
            }
        }
    }

    /// Offers the hub what is made, as far as it takes more at once.
    pub(super) async fn offer(&mut self) -> Result<(), PostError> {
        while let Some(Packed { row, .. }) = self.deposits.ready.front() {
            let stands = self.may_leave(row);
            if stands && !self.machine.may_deposit(row.size) {
                return Ok(());
            }
            let Some(Packed { row, parcel }) = self.deposits.ready.pop_front() else {
                return Ok(());
            };
            if !stands {
                self.deposits.busy.remove(&row.to);
                self.node.parcels.drop_rows(&[row.key()]).await?;
                continue;
            }
            let deposit = Deposit {
                id: row.id,
                to: row.to,
                size: row.size,
                expires: row.expires,
                owed: row.owed,
            };
            self.deposits.offered.insert(row.id, row.key());
            self.handle(Event::Deposit { deposit, parcel });
        }
        Ok(())
    }

    /// Whether a parcel need leave still: its addressee may be back by now, or something in it
    /// withdrawn.
    fn may_leave(&self, row: &Row) -> bool {
        let known = self.node.parcels.outbox().row(&row.key());
        let stands = known.is_some_and(|row| row.state == State::Made);
        stands && self.node.unreachable_since(&row.to).is_some()
    }

    /// The hub says what became of one.
    pub(super) async fn deposited(
        &mut self,
        id: ParcelId,
        kept: Result<(), Refusal>,
    ) -> Result<(), PostError> {
        let parcels = &self.node.parcels;
        let Some(key) = self.deposits.offered.remove(&id) else {
            return Ok(());
        };
        self.deposits.busy.remove(&key.0);
        let Some(row) = parcels.outbox().row(&key).filter(|row| row.id == id) else {
            return Ok(());
        };
        let peer = self.node.registry.alias(&row.to);
        match kept {
            Ok(()) => {
                tracing::info!(%peer, number = row.number, bytes = row.size, records = row.records.len(), "a parcel was left at the hub");
                parcels.mended(&row.to);
                parcels.not_refused(&self.hub, &row.to, row.owed);
                // Unless it is to be discarded by now.
                if row.state == State::Made {
                    parcels.outbox().set(&key, State::Lies).await?;
                }
            }
            Err(why) => {
                let hub = self.node.registry.alias(&self.hub);
                tracing::warn!(%peer, "{}", refused(&hub, &peer, why));
                parcels.refused(self.hub, row.to, why, row.owed);
                parcels.took_back(&key).await?;
            }
        }
        Ok(())
    }

    /// The conversation is over: what was not offered never left.
    pub(super) async fn keep_the_rest(&mut self) -> Result<(), PostError> {
        let rest = self.deposits.ready.drain(..);
        let keys: Vec<Key> = rest.map(|packed| packed.row.key()).collect();
        Ok(self.node.parcels.drop_rows(&keys).await?)
    }
}

/// Why a hub does not take a parcel, and what to do.
pub fn refused(hub: &str, peer: &str, why: Refusal) -> String {
    let says = match why {
        Refusal::NotCarried => {
            format!("its policy carries nothing from us to '{peer}': ask whoever runs '{hub}'")
        }
        Refusal::DepositorFull => "it keeps as much of ours as it may already".to_owned(),
        Refusal::AddresseeFull => format!("the mailbox of '{peer}' is full: it has to collect"),
        Refusal::Expiry => {
            "the parcel ends too late for it, or its clock or ours is wrong: 'liaison clock show'"
                .to_owned()
        }
        Refusal::Disk => "its disk is full or failing: tell whoever runs it".to_owned(),
        Refusal::Busy => "it has too much to do".to_owned(),
    };
    format!("'{hub}' does not keep a parcel for '{peer}': {says}")
}
