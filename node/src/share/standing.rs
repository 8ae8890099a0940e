//! How a peer stands: what it has still to be given, to answer or to tell.

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, ReceiptWhat};
use liaison_protocol::record::kinds::Content;

use super::passed::released;
use super::{Gate, Share};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Direction, Header, StoreError};

/// How a peer stands, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It may have them and has not answered.
    pub behind: u64,
    /// Since when the oldest of these is here, by our clock.
    pub oldest: Option<Millis>,
    /// The gates do not let it have them.
    pub withheld: u64,
    /// By gate, in the order of [`Gate::ALL`].
    by_gate: [u64; Gate::ALL.len()],
}

impl Standing {
    /// What each gate withholds, as far as it does.
    pub fn withheld_by(&self) -> impl Iterator<Item = (Gate, u64)> {
        let all = Gate::ALL.into_iter().zip(self.by_gate);
        all.filter(|(_, count)| *count > 0)
    }
}

impl Share {
    /// How a peer stands: what it may have and has not answered, and what the gates withhold.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn standing(&self, peer: &AgencyId) -> Result<Standing, StoreError> {
        let mut standing = Standing::default();
        let mut after = Arrival(0);
        loop {
            let headers = self.store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = headers.last() else {
                return Ok(standing);
            };
            let mut lines = self
                .store
                .ledger_of(peer, after.next(), limits::STORE_ROWS)?
                .into_iter()
                .peekable();
            after = *last;
            for (arrival, header) in headers {
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let settled = lines
                    .next_if(|(at, _)| *at == arrival)
                    .is_some_and(|(_, l)| l.direction == Direction::Received || l.answer.is_some());
                if settled {
                    continue;
                }
                let decided = self.decide_header(peer, arrival, &header)?;
                match decided.gate {
                    _ if decided.allow => {
                        standing.behind += 1;
                        let since = standing.oldest.unwrap_or(header.received);
                        standing.oldest = Some(since.min(header.received));
                    }
                    Gate::Owed | Gate::Expired => {}
                    gate => {
                        standing.withheld += 1;
                        let mut counts = Gate::ALL.iter().zip(&mut standing.by_gate);
                        if let Some((_, count)) = counts.find(|(g, _)| **g == gate) {
                            *count += 1;
                        }
                    }
                }
            }
        }
    }

    /// Control traffic that is owed to an agency and that it has not taken yet, whether it is a
    /// peer still or not; without our card and keys, which concern everybody.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn unanswered(&self, peer: &AgencyId) -> Result<Vec<(Arrival, Header)>, StoreError> {
        let mut after = Arrival(0);
        let mut unanswered = Vec::new();
        loop {
            let rows = self.store.owed(after, limits::SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(unanswered);
            };
            after = *last;
            for (arrival, _) in rows {
                let Some(header) = self.store.header(arrival)? else {
                    continue;
                };
                if matches!(kind::of(&header), None | Some(Kind::Contact | Kind::Keys)) {
                    continue;
                }
                let line = self.store.ledger_entry(peer, arrival)?;
                let taken = line.is_some_and(|l| {
                    let waits = matches!(l.answer, None | Some(Answer::Later(_)));
                    l.direction == Direction::Received || !waits
                });
                let open = !taken || self.awaits_receipt(peer, arrival, &header.id)?;
                if open && self.is_owed(peer, arrival, &header)? {
                    unanswered.push((arrival, header));
                }
            }
        }
    }

    /// Whether a peer took a withdrawal of what we released to it and has not told yet what it
    /// did with its copy.
    fn awaits_receipt(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        withdrawal: &RecordId,
    ) -> Result<bool, StoreError> {
        let stored = self.store.ledger_entry(peer, arrival)?;
        if stored.is_none_or(|l| l.answer != Some(Answer::Stored)) {
            return Ok(false);
        }
        let of = match self.owed.says(&self.store, arrival)?.as_deref() {
            Some(Content::Retract(retract)) => retract.of,
            Some(Content::Recall(recall)) => recall.of,
            _ => return Ok(false),
        };
        if !released(&self.store, peer, &of)? {
            return Ok(false);
        }
        let told = self.store.told(&of, peer)?;
        let Some(told) = told.filter(|t| t.what != ReceiptWhat::Read as u8) else {
            return Ok(true);
        };
        // One for an earlier recall says nothing of the copy that was released after that; one
        // for a retraction, or for a later recall, says all.
        let stale = match self.store.arrival_of(&told.answers)? {
            Some(at) => {
                let header = self.store.header(at)?;
                let is_recall = header.is_some_and(|h| kind::of(&h) == Some(Kind::Recall));
                is_recall && at < arrival
            }
            None => true,
        };
        Ok(told.answers != *withdrawal && stale)
    }
}
