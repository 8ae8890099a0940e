//! What a peer that is not connected lacks and may have: what its live stream would offer it.

use std::collections::HashSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::wire::Item;

use super::{Ahead, Candidate, Route, Share};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Direction, Header, LedgerEntry, StoreError};

/// A record that a peer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Where it stands in the store.
    pub arrival: Arrival,
    /// What the peer is told of it.
    pub item: Item,
    /// Whether it stands before all others: it is owed.
    pub owed: bool,
    /// Whether somebody waits for it: it is owed, or about a person.
    pub urgent: bool,
}

/// What a peer lacks, as far as it was looked for.
#[derive(Clone, Debug, Default)]
pub struct Lacks {
    /// What is owed, in order; then what is about persons; then the rest, in order.
    pub items: Vec<Lack>,
    /// Up to which arrival everything was looked at.
    pub up_to: Arrival,
    /// Whether the store goes on after it, or more was owed.
    pub more: bool,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// For whom.
    pub peer: &'a AgencyId,
    /// By which way it would go.
    pub route: Route,
    /// What is under way to the peer already, by that way.
    pub under_way: &'a HashSet<Arrival>,
    /// After which arrival the scan goes on.
    pub after: Arrival,
    /// Bytes of records that are enough.
    pub bytes: usize,
    /// What the peer answered `later` before this is tried again.
    pub again_before: Millis,
    /// Whether nothing is looked for but what is owed.
    pub only_owed: bool,
}

impl Share {
    /// What a peer that is not connected lacks and may have by this way: all that is owed to it,
    /// with what a permit or an affirmation among that opens, and of the rest as much as `bytes`
    /// says.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn lacks(&self, search: Search<'_>) -> Result<Lacks, StoreError> {
        let mut found = Found {
            share: self,
            search,
            taken: HashSet::new(),
            bytes: 0,
            items: Vec::new(),
        };
        let more_owed = found.owed()?;
        let (up_to, more) = if search.only_owed {
            found.items.retain(|lack| lack.owed);
            (search.after, true)
        } else {
            let ahead = Ahead::of(found.items.iter().map(|lack| lack.arrival));
            found.opened(&ahead)?;
            found.again()?;
            found.rest()?
        };
        let mut items = found.items;
        // Stable: each of the three in the order in which it was found.
        items.sort_by_key(|lack| (!lack.owed, !lack.urgent));
        Ok(Lacks {
            items,
            up_to,
            more: more_owed || more,
        })
    }
}

struct Found<'a> {
    share: &'a Share,
    search: Search<'a>,
    taken: HashSet<Arrival>,
    bytes: usize,
    items: Vec<Lack>,
}

impl Found<'_> {
    /// What is owed, from the beginning of that list. Whether there is more.
    fn owed(&mut self) -> Result<bool, StoreError> {
        let mut after = Arrival::ZERO;
        loop {
            let scan = self.share.owed(
                self.search.peer,
                self.search.route,
                after,
                limits::SCAN_PAGE,
            )?;
            for one in scan.items {
                // What it had no room for is not packed over and over.
                let line = self
                    .share
                    .store
                    .ledger_entry(self.search.peer, one.arrival)?;
                let rests = |l: &LedgerEntry| l.is_later() && l.at >= self.search.again_before;
                if !line.as_ref().is_some_and(rests) {
                    self.take(one)?;
                }
            }
            if !scan.more {
                return Ok(false);
            }
            if self.is_full() {
                return Ok(true);
            }
            after = scan.up_to;
        }
    }

    /// What the permits and affirmations among it let the peer have.
    fn opened(&mut self, ahead: &Ahead) -> Result<(), StoreError> {
        let owed: Vec<Arrival> = self.items.iter().map(|lack| lack.arrival).collect();
        for arrival in owed {
            let Some(says) = self.share.owed.says(&self.share.store, arrival)? else {
                continue;
            };
            match says.as_ref() {
                Content::Permit(permit) => self.open(&permit.of, ahead)?,
                Content::Affirm(affirm) => {
                    for of in &affirm.records {
                        self.open(of, ahead)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, of: &RecordId, ahead: &Ahead) -> Result<(), StoreError> {
        let store = &self.share.store;
        let Some(arrival) = store.arrival_of(of)? else {
            return Ok(());
        };
        let Some(header) = store.header(arrival)? else {
            return Ok(());
        };
        let line = store.ledger_entry(self.search.peer, arrival)?;
        let settled =
            line.is_some_and(|l| l.direction == Direction::Received || l.answer.is_some());
        let Search { peer, route, .. } = self.search;
        if settled || self.is_full() {
            return Ok(());
        }
        let decided = self
            .share
            .decide_behind(ahead.clone(), route, peer, arrival, &header)?;
        if decided.allow {
            self.take(Candidate::new(arrival, &header))?;
        }
        Ok(())
    }

    /// What the peer could not take when it came, and may take by now.
    fn again(&mut self) -> Result<(), StoreError> {
        let Search { peer, route, .. } = self.search;
        let mut after = Arrival::ZERO;
        while !self.is_full() {
            let (items, next) = self.share.again(peer, route, after, limits::SCAN_PAGE)?;
            for one in items {
                let line = self.share.store.ledger_entry(peer, one.arrival)?;
                if line.is_some_and(|line| line.at < self.search.again_before) {
                    self.take(one)?;
                }
            }
            match next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(())
    }

    /// What the scan comes to. Up to where it looked, and whether the store goes on.
    fn rest(&mut self) -> Result<(Arrival, bool), StoreError> {
        let mut after = self.search.after;
        while !self.is_full() {
            let scan = self.share.scan(
                self.search.peer,
                self.search.route,
                after,
                limits::SCAN_ROWS,
                limits::SCAN_PAGE,
            )?;
            after = scan.up_to;
            for one in scan.items {
                self.take(one)?;
            }
            if !scan.more {
                return Ok((after, false));
            }
        }
        Ok((after, true))
    }

    fn take(&mut self, one: Candidate) -> Result<(), StoreError> {
        let Candidate { arrival, item } = one;
        if self.search.under_way.contains(&arrival) || !self.taken.insert(arrival) {
            return Ok(());
        }
        let Some(header) = self.share.store.header(arrival)? else {
            return Ok(());
        };
        let owed = self.share.is_control(&header);
        self.bytes = self.bytes.saturating_add(item.size as usize);
        self.items.push(Lack {
            arrival,
            item,
            owed,
            urgent: owed || is_about_a_person(&header),
        });
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= self.search.bytes
    }
}

fn is_about_a_person(header: &Header) -> bool {
    kind::is_sealed(header)
}
