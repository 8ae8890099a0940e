//! What a peer's offer is answered before its bytes come.

use liaison_protocol::fault::{Answer, Later, Refused};
use std::collections::HashSet;
use std::sync::Arc;

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::wire::Item;

use super::admit::lifts;
use super::{Asked, Ingest, blocking};
use crate::kind;
use crate::share::{Route, Share};
use crate::store::{Arrival, Direction, Flags, LedgerEntry, Op, StoreError};

/// What a peer's offer is answered before its bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Send it.
    Want,
    /// Held, retracted, or refused before.
    Answer(Answer),
}

/// What is known of an offer, and what has to be written down before that is said.
struct LookedUp {
    /// None: another peer was asked for it, and may deliver any moment.
    known: Vec<Option<Known>>,
    ops: Vec<Op>,
    /// Records that the peer was not known to have.
    lines: Vec<Arrival>,
}

/// Who offers, by which way.
type Courier = (AgencyId, Route);

/// The batch in which a peer is asked, and whether what another was asked for is spared.
type Asking = Option<(Arc<Asked>, bool)>;

impl Ingest {
    /// What an offer on a live stream is answered: as [`Ingest::known`]. What another peer was
    /// asked for already is waited for, for a while: it need not come twice. What is given says
    /// that this peer was asked, until it is dropped.
    pub async fn offered(
        &self,
        courier: AgencyId,
        route: Route,
        items: Vec<Item>,
        share: Share,
    ) -> (Vec<Known>, Arc<Asked>) {
        let asked = Arc::new(self.0.under_way.asking(courier));
        let from = (courier, route);
        let asking = Some((asked.clone(), true));
        let known = self.look(from, items.clone(), share.clone(), asking).await;
        let told = items.iter().zip(&known);
        let spared: Vec<Item> = told
            .filter(|(_, known)| known.is_none())
            .map(|(item, _)| *item)
            .collect();
        if spared.is_empty() {
            return (known.into_iter().flatten().collect(), asked);
        }
        // No turn is held meanwhile: the other's copy needs one.
        let ids: Vec<RecordId> = spared.iter().map(|item| item.id).collect();
        asked.elsewhere(&ids).await;
        let asking = Some((asked.clone(), false));
        let then = self.look(from, spared, share, asking).await;
        let mut then = then.into_iter().flatten();
        let all = known
            .into_iter()
            .filter_map(|known| known.or_else(|| then.next()));
        (all.collect(), asked)
    }

    /// What a peer's offer is answered before any bytes come. That the peer has these
    /// records goes into the ledger, so that they are not offered back. What `share` would
    /// not even let the peer know of is wanted although it is held: an id that a peer guessed
    /// or read elsewhere is answered like an unknown one, until its bytes come.
    pub async fn known(
        &self,
        courier: AgencyId,
        route: Route,
        items: Vec<Item>,
        share: Share,
    ) -> Vec<Known> {
        let known = self.look((courier, route), items, share, None).await;
        known.into_iter().flatten().collect()
    }

    /// None only for what is spared.
    async fn look(
        &self,
        from: Courier,
        items: Vec<Item>,
        share: Share,
        asking: Asking,
    ) -> Vec<Option<Known>> {
        let this = self.clone();
        let count = items.len();
        let later = Some(Known::Answer(Answer::Later(Later::Disk)));
        let known = self
            .to_the_end(async move { this.tell_known(from, items, share, asking).await })
            .await
            .unwrap_or_else(|_| vec![later; count]);
        if known.contains(&later) {
            self.0.catch_up.put_off(&from.0);
        }
        known
    }

    async fn tell_known(
        self,
        from: Courier,
        items: Vec<Item>,
        share: Share,
        asking: Asking,
    ) -> Vec<Option<Known>> {
        let this = self.clone();
        let count = items.len();
        let looked = blocking(move || this.look_up(from, &items, &share, asking)).await;
        let later = Some(Known::Answer(Answer::Later(Later::Disk)));
        let Ok(Ok(LookedUp { known, ops, lines })) = looked else {
            return vec![later; count];
        };
        if !ops.is_empty()
            && let Err(error) = self.0.store.write(ops).await
        {
            tracing::error!(%error, "the ledger could not be written");
            return vec![later; count];
        }
        // What was withdrawn while the line was written is owed from now on.
        let withdrawn = |arrival: &Arrival| {
            let header = self.0.store.header(*arrival).ok().flatten();
            header.is_some_and(|h| h.flags.contains(Flags::RETRACTED))
        };
        if lines.iter().any(withdrawn) {
            self.0.owed.recheck();
        }
        known
    }

    fn look_up(
        &self,
        (courier, route): Courier,
        items: &[Item],
        share: &Share,
        asking: Asking,
    ) -> Result<LookedUp, StoreError> {
        let courier = &courier;
        let store = &self.0.store;
        let now = self.0.clock.now();
        let epoch = self.0.policies.current().epoch();
        let mut ops = Vec::new();
        let mut known = Vec::with_capacity(items.len());
        let mut lines = Vec::new();
        // Wanted, and nothing of it is here.
        let mut unknown = Vec::new();
        for item in items {
            let answer = if let Some(arrival) = store.arrival_of(&item.id)? {
                let header = store.header(arrival)?;
                let expired = header
                    .as_ref()
                    .is_some_and(|h| h.flags.contains(Flags::EXPIRED));
                let withdrawn = header
                    .as_ref()
                    .is_some_and(|h| h.flags.contains(Flags::RETRACTED));
                let header_kind = header.as_ref().and_then(kind::of);
                let passed = store.ledger_entry(courier, arrival)?.is_some();
                // Nor of one that was withdrawn: that it was here, why it was taken back and by
                // whom is for those who prove, by its bytes, that they have it.
                if let Some(header) = header.filter(|_| !passed)
                    && !share.may_know_of(courier, arrival, &header)?
                {
                    known.push(Known::Want);
                    continue;
                }
                // It came back without its key: with its bytes comes a wrap.
                let sealed = header_kind == Some(Kind::Sealed);
                if sealed && !withdrawn && !expired && self.0.vault.gist(&item.id).is_none() {
                    known.push(Known::Want);
                    continue;
                }
                if withdrawn && lifts(store, courier, &item.id)?.is_some() {
                    known.push(Known::Want);
                    continue;
                }
                let answer = if expired {
                    Answer::Refused(Refused::Expired)
                } else if withdrawn {
                    Answer::Refused(Refused::Retracted)
                } else {
                    Answer::Stored
                };
                if !passed {
                    let entry = LedgerEntry {
                        direction: Direction::Received,
                        at: now,
                        epoch,
                        rule: crate::share::HELD_ALREADY.into(),
                        path: route.path(),
                        answer: Some(answer),
                    };
                    ops.push(Op::Ledger {
                        peer: *courier,
                        arrival,
                        entry,
                    });
                    lines.push(arrival);
                }
                Some(answer)
            } else {
                // Also where a tombstone is all that is left: with the bytes comes the line
                // by which the peer is owed the retraction.
                let refused = store.refused(courier, &item.id)?;
                // Its courier may have been let by a permit since.
                let lifted = |answer| {
                    answer == Answer::Refused(Refused::Handling) && self.0.leaves.concern(&item.id)
                };
                let standing = refused.filter(|r| r.epoch == epoch && !lifted(r.answer));
                if standing.is_none() {
                    unknown.push(item.id);
                }
                standing.map(|r| r.answer)
            };
            known.push(answer.map_or(Known::Want, Known::Answer));
        }
        let spared = match &asking {
            Some((asked, spare)) => asked.ask(&unknown, *spare),
            None => HashSet::new(),
        };
        let offered = items.iter().zip(&mut known);
        let wants =
            offered.filter(|(item, known)| **known == Known::Want && !spared.contains(&item.id));
        let wants: Vec<(&Item, &mut Known)> = wants.collect();
        if !wants.is_empty() {
            let granted = self.0.quotas.take(courier, wants.len(), now);
            if granted < wants.len() {
                self.0.catch_up.put_off(courier);
            }
            for (item, want) in wants.into_iter().skip(granted) {
                *want = Known::Answer(Answer::Later(Later::Quota));
                if let Some((asked, _)) = &asking {
                    asked.leave_out(&item.id);
                }
            }
        }
        let told = items.iter().zip(known);
        let known = told.map(|(item, known)| (!spared.contains(&item.id)).then_some(known));
        Ok(LookedUp {
            known: known.collect(),
            ops,
            lines,
        })
    }
}
