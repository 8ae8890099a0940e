//! What to offer a peer: found by a scan, by what is owed, by what it asked for again, or by a repair.

use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::seal::frame;
use liaison_protocol::wire::Item;
use liaison_protocol::wire::repair::Entry;

use super::{Gate, Route, Share};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Direction, Header, LedgerEntry, StoreError};

/// A stretch of the store, decided for one peer.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The last arrival looked at.
    pub up_to: Arrival,
    /// What to offer.
    pub items: Vec<Candidate>,
    /// Whether the store goes on after it.
    pub more: bool,
    /// Whether the peer may have more of it, but not this way: it is to be looked at again for
    /// another.
    pub another_way: bool,
}

/// A record to be offered. Its arrival stays here; only the item goes to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it stands in the store.
    pub arrival: Arrival,
    /// What the peer is told.
    pub item: Item,
}

impl Candidate {
    pub(super) fn new(arrival: Arrival, header: &Header) -> Self {
        let wrap = match kind::is_sealed(header) {
            true => u32::try_from(frame::WRAP_BYTES).unwrap_or(u32::MAX),
            false => 0,
        };
        let item = Item {
            id: header.id,
            created: header.created,
            size: header.size.saturating_add(wrap),
        };
        Self { arrival, item }
    }
}

impl Share {
    /// The next candidates for a peer after an arrival: at most `offers` of them, out of at
    /// most `rows` records looked at. What the peer has, or has answered, is left out.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn scan(
        &self,
        peer: &AgencyId,
        route: Route,
        after: Arrival,
        rows: usize,
        offers: usize,
    ) -> Result<Scan, StoreError> {
        let mut scan = Scan {
            up_to: after,
            items: Vec::new(),
            more: true,
            another_way: false,
        };
        let mut left = rows;
        // As many rows at a time as may be offered: a full batch leaves few to be read again.
        while left > 0 && scan.items.len() < offers {
            let room = offers - scan.items.len();
            let page = left.min(room.clamp(limits::SCAN_PAGE, limits::STORE_ROWS));
            let from = scan.up_to.next();
            let headers = self.store.headers(from, page)?;
            if headers.len() < page {
                scan.more = false;
            }
            let mut lines = self
                .store
                .ledger_of(peer, from, page)?
                .into_iter()
                .peekable();
            for (arrival, header) in headers {
                if scan.items.len() >= offers {
                    scan.more = true;
                    break;
                }
                scan.up_to = arrival;
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let settled = lines
                    .next_if(|(at, _)| *at == arrival)
                    .is_some_and(|(_, l)| l.direction == Direction::Received || l.answer.is_some());
                if settled {
                    continue;
                }
                let decided = self.decide_by(route, peer, arrival, &header)?;
                if !decided.allow {
                    scan.another_way |= decided.gate == Gate::Path;
                    continue;
                }
                scan.items.push(Candidate::new(arrival, &header));
            }
            if !scan.more {
                break;
            }
            left -= page;
        }
        Ok(scan)
    }

    /// What is owed to a peer and was not given yet, among the retractions, cards and keys
    /// statements after an arrival: at most `limit`, as a scan of that list.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn owed(
        &self,
        peer: &AgencyId,
        route: Route,
        after: Arrival,
        limit: usize,
    ) -> Result<Scan, StoreError> {
        let arrivals = self.store.owed(after, limits::SCAN_ROWS)?;
        let mut scan = Scan {
            up_to: after,
            items: Vec::new(),
            more: arrivals.len() >= limits::SCAN_ROWS,
            another_way: false,
        };
        for (arrival, _) in arrivals {
            if scan.items.len() >= limit {
                scan.more = true;
                break;
            }
            scan.up_to = arrival;
            let line = self.store.ledger_entry(peer, arrival)?;
            let given = line.as_ref().is_some_and(|entry| {
                entry.direction == Direction::Received
                    || entry.answer.is_some_and(|answer| !had_no_room(answer))
            });
            if given && !self.came_too_early(peer, arrival, line.as_ref())? {
                // What a permit lets the peer have follows once the peer has the permit.
                if let Some(of) = self.leaves.permits(arrival)
                    && let Some(record) = self.permitted(peer, route, &of)?
                    && !scan.items.contains(&record)
                {
                    scan.items.push(record);
                }
                continue;
            }
            let Some(header) = self.store.header(arrival)? else {
                continue;
            };
            if self.decide_by(route, peer, arrival, &header)?.allow {
                scan.items.push(Candidate::new(arrival, &header));
            }
        }
        Ok(scan)
    }

    /// Whether a peer refused what is owed to it because it knows of nothing that this concerns,
    /// and nothing of that passed since. A peer that came back from a backup lacks it in every
    /// repair. Not while it is young: it may have come ahead of what it concerns.
    fn is_of_no_use(&self, peer: &AgencyId, arrival: Arrival) -> Result<bool, StoreError> {
        let line = self.store.ledger_entry(peer, arrival)?;
        let refused = Some(Answer::Refused(Refused::Handling));
        let Some(line) = line.filter(|line| line.answer == refused) else {
            return Ok(false);
        };
        let mut again = limits::OWED_AGAIN_MS;
        let concerns = match self.owed.says(&self.store, arrival)?.as_deref() {
            Some(Content::Receipt(receipt)) => vec![receipt.r#for, receipt.of],
            Some(Content::Recall(recall)) => {
                // What it concerns may be in a parcel that nobody has opened yet.
                again = limits::CALLED_BACK_MS;
                vec![recall.of]
            }
            Some(Content::Ask(ask)) => vec![ask.of],
            _ => return Ok(false),
        };
        let header = self.store.header(arrival)?;
        let age = header.map_or(0, |h| line.at.0.saturating_sub(h.received.0));
        if age < again {
            return Ok(false);
        }
        for of in concerns {
            let passed = match self.store.arrival_of(&of)? {
                Some(at) => self.store.ledger_entry(peer, at)?,
                None => None,
            };
            if passed.is_some_and(|passed| passed.at >= line.at) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the peer refused a permit because it had nothing of its record, and has the record
    /// by now.
    fn came_too_early(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        line: Option<&LedgerEntry>,
    ) -> Result<bool, StoreError> {
        if line.is_none_or(|l| l.answer != Some(Answer::Refused(Refused::Handling))) {
            return Ok(false);
        }
        let Some(of) = self.leaves.permits(arrival) else {
            return Ok(false);
        };
        let Some(arrival) = self.store.arrival_of(&of)? else {
            return Ok(false);
        };
        let line = self.store.ledger_entry(peer, arrival)?;
        Ok(line.is_some_and(|l| {
            l.direction == Direction::Received || l.answer == Some(Answer::Stored)
        }))
    }

    /// A record that a permit is of, if the peer may have it and has not answered yet.
    fn permitted(
        &self,
        peer: &AgencyId,
        route: Route,
        of: &RecordId,
    ) -> Result<Option<Candidate>, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(None);
        };
        // An earlier permit, at its end by the peer's clock, may have cost it the record: a newer
        // one brings it.
        let handling = Some(Answer::Refused(Refused::Handling));
        let settled = self.store.ledger_entry(peer, arrival)?.is_some_and(|line| {
            let answered = line.answer.is_some() && line.answer != handling;
            line.direction == Direction::Received || answered
        });
        let Some(header) = self.store.header(arrival)?.filter(|_| !settled) else {
            return Ok(None);
        };
        let decided = self.decide_by(route, peer, arrival, &header)?;
        Ok(decided.allow.then(|| Candidate::new(arrival, &header)))
    }

    /// What a peer asked to be offered again, because it answered `later`: the next after an
    /// arrival, and where to go on; none at the end.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn again(
        &self,
        peer: &AgencyId,
        route: Route,
        after: Arrival,
        limit: usize,
    ) -> Result<(Vec<Candidate>, Option<Arrival>), StoreError> {
        let arrivals = self.store.later(peer, after.next(), limit)?;
        let more = arrivals.last().copied().filter(|_| arrivals.len() >= limit);
        Ok((self.items(peer, route, arrivals)?, more))
    }

    /// Of what a repair found that a peer lacks, what it may have, decided now. What a scan
    /// that stands at `scanned` will come to is left to it: its cursor then moves past what
    /// is answered, and past nothing else.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn lacking(
        &self,
        peer: &AgencyId,
        route: Route,
        ids: &[RecordId],
        scanned: Arrival,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut arrivals = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(arrival) = self.store.arrival_of(id)? else {
                continue;
            };
            let left_to_scan = arrival > scanned
                && self
                    .store
                    .ledger_entry(peer, arrival)?
                    .is_none_or(|l| l.direction != Direction::Received && l.answer.is_none());
            if !left_to_scan && !self.is_of_no_use(peer, arrival)? {
                arrivals.push(arrival);
            }
        }
        self.items(peer, route, arrivals)
    }

    /// What this node and a peer both may know of: the records that it may have now, and
    /// every id that passed between the two, whatever came of it. Nothing else may enter a
    /// repair with it.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn mutual(&self, peer: &AgencyId) -> Result<Vec<Entry>, StoreError> {
        let rows = limits::STORE_ROWS;
        let mut entries = Vec::new();
        let mut after = Arrival(0);
        loop {
            let headers = self.store.headers(after.next(), rows)?;
            let Some((last, _)) = headers.last() else {
                break;
            };
            let mut lines = self
                .store
                .ledger_of(peer, after.next(), rows)?
                .into_iter()
                .peekable();
            after = *last;
            for (arrival, header) in headers {
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let passed = lines.next_if(|(at, _)| *at == arrival).is_some();
                if passed || self.decide_header(peer, arrival, &header)?.allow {
                    entries.push(Entry {
                        created: header.created,
                        id: header.id,
                    });
                }
            }
        }
        let epoch = self.policies.current().epoch();
        let mut refused_after = None;
        loop {
            let refused = self.store.refused_of(peer, refused_after.as_ref(), rows)?;
            let Some((last, _)) = refused.last() else {
                break;
            };
            refused_after = Some(*last);
            // A refusal of an earlier policy leaves: the record may be wanted now.
            let standing = refused.into_iter().filter(|(_, r)| r.epoch == epoch);
            entries.extend(standing.map(|(id, r)| Entry {
                created: r.created,
                id,
            }));
        }
        Ok(entries)
    }

    fn items(
        &self,
        peer: &AgencyId,
        route: Route,
        arrivals: Vec<Arrival>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut items = Vec::new();
        for arrival in arrivals {
            let Some(header) = self.store.header(arrival)? else {
                continue;
            };
            if self.decide_by(route, peer, arrival, &header)?.allow {
                items.push(Candidate::new(arrival, &header));
            }
        }
        Ok(items)
    }
}

/// Whether a peer had no room: what is owed is offered again ahead of all that waits for room.
fn had_no_room(answer: Answer) -> bool {
    matches!(answer, Answer::Later(Later::Quota | Later::Disk))
}
