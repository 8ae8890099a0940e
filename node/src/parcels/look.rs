//! A look at the parcels that are under way: what may no longer go is taken back, what arrived is
//! kept no longer, what ended is packed anew.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::record::kinds::Content;

use super::Parcels;
use super::outbox::{Key, Row, State, Way};
use super::void::Voids;
use crate::limits;
use crate::node::Node;
use crate::share::Ahead;
use crate::store::{Arrival, Direction, StoreError};

/// What is to become of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It goes on.
    Good,
    /// Something in it may no longer go.
    Withdrawn,
    /// Its addressee answered all that is in it.
    Answered,
    /// It is past its end.
    Ended,
}

impl Node {
    /// Looks at what is under way whenever something may have changed what may go.
    pub(crate) async fn look_at_parcels(self) {
        let mut stop = self.stopping();
        let mut owed = self.share.owed.changes();
        let mut policies = self.policies.subscribe();
        let mut registry = self.registry.changes();
        let mut tick = tokio::time::interval(Duration::from_millis(limits::PARCEL_LOOK_MS));
        let mut ticks = 0u64;
        let mut rechecks = owed.borrow_and_update().rechecks;
        let mut read = self.store.last();
        loop {
            let (changed, mut anew) = tokio::select! {
                Ok(()) = owed.changed() => (true, false),
                Ok(()) = policies.changed() => (true, true),
                Ok(()) = registry.changed() => (true, true),
                _ = tick.tick() => (false, false),
                _ = stop.changed() => return,
            };
            ticks += 1;
            let last = self.store.last();
            let look = *owed.borrow_and_update();
            anew |= std::mem::replace(&mut rechecks, look.rechecks) != look.rechecks;
            let done = self.look_once(read, changed, ticks).await;
            if let Err(error) = done {
                tracing::error!(%error, "the parcels that are under way were not looked at");
                continue;
            }
            read = last;
            if anew {
                self.parcels.look_at_all_again();
            }
        }
    }

    async fn look_once(&self, read: Arrival, changed: bool, ticks: u64) -> Result<(), StoreError> {
        let parcels = &self.parcels;
        if !changed {
            // What was answered on a stream need not lie at a hub.
            let up = |row: &Row| self.unreachable_since(&row.to).is_none();
            let all = ticks.is_multiple_of(limits::PARCEL_LOOKS);
            return parcels.look(|row| all || up(row)).await;
        }
        // First what is withdrawn for certain: a look at everything takes its time.
        let withdrawn = parcels.withdrawn_since(read).await?;
        let first = |row: &Row| {
            !self.registry.is_peer(&row.to) || row.records.iter().any(|at| withdrawn.contains(at))
        };
        parcels.look(first).await?;
        parcels.look(|_| true).await
    }
}

impl Parcels {
    /// The records that control records after an arrival take back.
    async fn withdrawn_since(&self, after: Arrival) -> Result<HashSet<Arrival>, StoreError> {
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || {
            let (store, share) = (&this.0.store, &this.0.share);
            let mut withdrawn = HashSet::new();
            for (arrival, _) in store.owed(after, limits::SCAN_ROWS)? {
                let of = match share.owed.says(store, arrival)?.as_deref() {
                    Some(Content::Retract(retract)) => retract.of,
                    Some(Content::Recall(recall)) => recall.of,
                    _ => continue,
                };
                let Some(at) = store.arrival_of(&of)? else {
                    continue;
                };
                withdrawn.insert(at);
                // A permit that is withdrawn takes its record with it.
                if let Some(record) = share.leaves.permits(at)
                    && let Some(at) = store.arrival_of(&record)?
                {
                    withdrawn.insert(at);
                }
            }
            Ok(withdrawn)
        });
        found.await.map_err(|_| StoreError::Closed {
            dir: self.0.store.dir().to_path_buf(),
        })?
    }

    /// Looks at parcels that are under way, as everything stands now. At hubs, what may no
    /// longer go is to be discarded; a file is out of reach, and its row stays until it ends. In
    /// either case its addressee is to refuse it.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn look(&self, which: impl Fn(&Row) -> bool) -> Result<(), StoreError> {
        let open = |row: &Row| row.is_under_way() || row.way == Way::Bundle;
        let rows = self.0.outbox.rows(|row| open(row) && which(row));
        if rows.is_empty() {
            return Ok(());
        }
        let now = self.0.share.now();
        let mut gone = Vec::new();
        for (verdict, row) in self.judged(rows).await? {
            match (verdict, row.way) {
                (Verdict::Good, _) => continue,
                // A file for which that is done.
                (Verdict::Withdrawn, _) if !row.is_under_way() => continue,
                (Verdict::Withdrawn, _) => {
                    self.void(&row).await?;
                    self.unwanted(&row, now).await?;
                }
                (Verdict::Answered, Way::Hub(_)) => self.unwanted(&row, now).await?,
                (Verdict::Answered, Way::Bundle) | (Verdict::Ended, _) => gone.push(row.key()),
            }
        }
        self.lose_rows(&gone).await
    }

    /// Whether all that is in a parcel may still go.
    ///
    /// # Errors
    /// The store can't be read.
    pub(super) async fn may_go(&self, row: &Row) -> Result<bool, StoreError> {
        let judged = self.judged(vec![row.clone()]).await?;
        let stands = |(verdict, _): &(Verdict, Row)| *verdict != Verdict::Withdrawn;
        Ok(judged.iter().all(stands))
    }

    async fn judged(&self, rows: Vec<Row>) -> Result<Vec<(Verdict, Row)>, StoreError> {
        let this = self.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let judge = |row: Row| Ok((this.judge(&row)?, row));
            rows.into_iter().map(judge).collect()
        });
        judged.await.map_err(|_| StoreError::Closed {
            dir: self.0.store.dir().to_path_buf(),
        })?
    }

    fn judge(&self, row: &Row) -> Result<Verdict, StoreError> {
        // A clock that is wrong ends nothing.
        if row.expires <= self.ended_by() {
            return Ok(Verdict::Ended);
        }
        if !self.0.share.registry.is_peer(&row.to) {
            return Ok(Verdict::Withdrawn);
        }
        let route = row.way.route();
        let ahead = Ahead::of(row.records.iter().copied());
        let mut open = row.records.is_empty();
        for arrival in &row.records {
            let line = self.0.store.ledger_entry(&row.to, *arrival)?;
            let answered = line.is_some_and(|l| {
                l.direction == Direction::Received
                    || l.answer.is_some_and(|a| !matches!(a, Answer::Later(_)))
            });
            open |= !answered;
            if !self.0.share.may_still(&row.to, *arrival, route, &ahead)? {
                return Ok(Verdict::Withdrawn);
            }
        }
        Ok(if open {
            Verdict::Good
        } else {
            Verdict::Answered
        })
    }

    /// Those under way at this moment of which something may no longer go.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn withdrawn(&self) -> Result<HashSet<Key>, StoreError> {
        let judged = self.judged(self.0.outbox.rows(|_| true)).await?.into_iter();
        let withdrawn = judged.filter(|(verdict, _)| *verdict == Verdict::Withdrawn);
        Ok(withdrawn.map(|(_, row)| row.key()).collect())
    }

    /// Whether anything in a parcel is shared rather than owed.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn holds_shared(&self, row: &Row) -> Result<bool, StoreError> {
        for arrival in &row.records {
            let header = self.0.store.header(*arrival)?;
            if header.is_none_or(|header| !self.0.share.is_control(&header)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Its addressee is to refuse it from now on.
    pub(super) async fn void(&self, row: &Row) -> Result<(), StoreError> {
        if !self.0.share.registry.is_peer(&row.to) {
            return Ok(());
        }
        let _one_at_a_time = self.0.packing.of(&row.to).await;
        let next = self.0.outbox.next_number(&row.to, self.0.share.now())?;
        let mut voids = Voids::load(&self.0.store, &row.to, self.ended_by())?;
        voids.add(row.number, row.expires, next);
        let op = voids.keep(&self.0.store, &row.to)?;
        self.0.store.write(vec![op]).await.map(|_| ())
    }

    async fn unwanted(&self, row: &Row, since: Millis) -> Result<(), StoreError> {
        self.0
            .outbox
            .set(&row.key(), State::Unwanted { since })
            .await?;
        self.look_again(&row.to);
        Ok(())
    }

    /// A hub lists what it keeps of ours: what it lists lies there. What it lists no more was
    /// collected, or is lost; of that the addressee hears again in time, unless it says that it
    /// arrived. Gives what nobody here knows of, deposited before this node came back from a
    /// backup: it can't be taken back record by record, and what was in it is offered again
    /// anyway, so all of it is to be discarded. Not before this node has caught up: what it made
    /// since the backup may be nowhere else, and whoever collects it gives it back.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn held_by(
        &self,
        hub: AgencyId,
        held: &BTreeSet<ParcelId>,
    ) -> Result<Vec<ParcelId>, StoreError> {
        let now = self.0.share.now();
        let mut gone = Vec::new();
        let mut strays = held.clone();
        for row in self.0.outbox.rows(|row| row.way == Way::Hub(hub)) {
            let lies = strays.remove(&row.id);
            match row.state {
                State::Made | State::Gone { .. } if lies => {
                    self.0.outbox.set(&row.key(), State::Lies).await?;
                }
                // It never came there.
                State::Made => gone.push(row.key()),
                State::Lies if !lies => {
                    let since = State::Gone { since: now };
                    self.0.outbox.set(&row.key(), since).await?;
                    self.freed(&hub, &row.to);
                }
                State::Unwanted { .. } if !lies => gone.push(row.key()),
                State::Gone { since }
                    if !lies && since.0.saturating_add(patience(&row)) <= now.0 =>
                {
                    let peer = self.alias(&row.to);
                    tracing::info!(%peer, number = row.number, "nothing was heard of a parcel: what is in it is sent again");
                    self.set_tries(&row.to, row.tries.saturating_add(1));
                    gone.push(row.key());
                }
                _ => {}
            }
        }
        self.lose_rows(&gone).await?;
        if self.0.catch_up.waiting().is_some() {
            strays.clear();
        }
        Ok(strays.into_iter().collect())
    }

    /// Forgets parcels: what was in them and is not answered is packed again.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn drop_rows(&self, keys: &[Key]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = keys.iter().filter_map(|key| self.0.outbox.row(key));
        let lay = rows.filter(|row| row.state != State::Made);
        let lay: Vec<_> = lay
            .filter_map(|row| Some((row.way.hub()?, row.to)))
            .collect();
        self.0.outbox.remove(keys, Vec::new()).await?;
        lay.iter().for_each(|(hub, to)| self.freed(hub, to));
        for (to, _) in keys {
            self.look_again(to);
        }
        Ok(())
    }
}

/// Milliseconds for which the addressee's word is waited for, once a hub has a parcel no more:
/// twice as long each time that none came.
fn patience(row: &Row) -> u64 {
    let doubled = limits::PARCEL_WORD_MS.checked_shl(u32::from(row.tries.min(16)));
    doubled
        .unwrap_or(limits::PARCEL_WORD_MAX_MS)
        .min(limits::PARCEL_WORD_MAX_MS)
}
