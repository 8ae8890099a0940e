//! What a peer's offer is answered before its bytes come.

use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::Kind;
use liaison_protocol::wire::Item;

use super::admit::lifts;
use super::{Ingest, blocking};
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
    known: Vec<Known>,
    ops: Vec<Op>,
    /// Records that the peer was not known to have.
    lines: Vec<Arrival>,
}

impl Ingest {
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
        let this = self.clone();
        let count = items.len();
        let later = Known::Answer(Answer::Later(Later::Disk));
        let known = self
            .to_the_end(async move { this.tell_known(courier, route, items, share).await })
            .await
            .unwrap_or_else(|_| vec![later; count]);
        if known.contains(&later) {
            self.0.catch_up.put_off(&courier);
        }
        known
    }

    async fn tell_known(
        self,
        courier: AgencyId,
        route: Route,
        items: Vec<Item>,
        share: Share,
    ) -> Vec<Known> {
        let this = self.clone();
        let count = items.len();
        let looked = blocking(move || this.look_up(&courier, route, &items, &share)).await;
        let later = Answer::Later(Later::Disk);
        let Ok(Ok(LookedUp { known, ops, lines })) = looked else {
            return vec![Known::Answer(later); count];
        };
        if !ops.is_empty()
            && let Err(error) = self.0.store.write(ops).await
        {
            tracing::error!(%error, "the ledger could not be written");
            return vec![Known::Answer(later); count];
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
        courier: &AgencyId,
        route: Route,
        items: &[Item],
        share: &Share,
    ) -> Result<LookedUp, StoreError> {
        let store = &self.0.store;
        let now = self.0.clock.now();
        let epoch = self.0.policies.current().epoch();
        let mut ops = Vec::new();
        let mut known = Vec::with_capacity(items.len());
        let mut lines = Vec::new();
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
                standing.map(|r| r.answer)
            };
            known.push(answer.map_or(Known::Want, Known::Answer));
        }
        let wanted = known.iter().filter(|k| **k == Known::Want).count();
        if wanted > 0 {
            let granted = self.0.quotas.take(courier, wanted, now);
            if granted < wanted {
                self.0.catch_up.put_off(courier);
            }
            let later = Answer::Later(Later::Quota);
            let wants = known.iter_mut().filter(|k| **k == Known::Want);
            for want in wants.skip(granted) {
                *want = Known::Answer(later);
            }
        }
        Ok(LookedUp { known, ops, lines })
    }
}
