//! Who got a record, and what came of taking it back: what its author sees.

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::ReceiptWhat;

use super::answer::is_erased;
use crate::node::Node;
use crate::store::{Arrival, Direction, Header, Path, StoreError, Told};

/// How far a record, or its withdrawal, is with one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Released; not acknowledged.
    Sent,
    /// It has the record.
    Delivered,
    /// It was told that the record is withdrawn.
    Told,
    /// It says that it erased its copy.
    Erased,
    /// It says that it does not.
    Kept,
    /// It says of a recall that it never had what is recalled.
    NeverHad,
    /// A hub discarded the parcel with it before anybody collected it, by the hub's word.
    TakenBack,
    /// It was not told, and can't be reached.
    Unreachable,
}

impl State {
    /// As a table and `--json` write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Sent => "sent",
            State::Delivered => "delivered",
            State::Told => "told",
            State::Erased => "erased",
            State::Kept => "kept",
            State::NeverHad => "never-had",
            State::TakenBack => "taken-back",
            State::Unreachable => "unreachable",
        }
    }
}

/// A peer that has, or had, a record from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The peer.
    pub agency: AgencyId,
    /// When we released it; none: it had it from somebody else.
    pub sent: Option<Millis>,
    /// Whether it said that it has it.
    pub delivered: bool,
    /// The retraction or recall that it is owed, if any.
    pub withdrawal: Option<RecordId>,
    /// Whether it acknowledged that one.
    pub told: bool,
    /// Whether it refused that one, as it knows nothing that it concerns.
    pub never_had: bool,
    /// Its receipt for that one.
    pub receipt: Option<Told>,
    /// Since when it can't be reached; none: it is connected.
    pub unreachable_since: Option<Millis>,
    /// How it went there.
    pub path: Path,
    /// When it came back from a hub before it was collected, by the hub's word.
    pub taken_back: Option<Millis>,
}

impl Recipient {
    /// How far it is.
    pub fn state(&self) -> State {
        match &self.receipt {
            Some(told) if is_erased(told) => State::Erased,
            Some(told) if told.what != ReceiptWhat::Read as u8 => State::Kept,
            _ if self.withdrawal.is_some() && self.told => State::Told,
            _ if self.never_had && !self.delivered => State::NeverHad,
            _ if self.taken_back.is_some() => State::TakenBack,
            _ if self.withdrawal.is_some() && self.unreachable_since.is_some() => {
                State::Unreachable
            }
            _ if self.delivered => State::Delivered,
            _ => State::Sent,
        }
    }
}

impl Node {
    /// Who got a record from us or told us that it has it, and how far each is.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn recipients(
        &self,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Vec<Recipient>, StoreError> {
        let retraction = self.store.tombstone(&header.id)?.map(|t| t.by);
        let mut recipients = Vec::new();
        for (agency, line) in self.store.ledgers_for(arrival)? {
            let sent = line.direction == Direction::Sent;
            let has = line.direction == Direction::Offered && line.answer == Some(Answer::Stored);
            if !(sent || has) || matches!(line.answer, Some(Answer::Refused(_))) {
                continue;
            }
            // What is for everyone goes before what is for one.
            let withdrawal = match self.owed_withdrawal(retraction.as_ref(), &agency)? {
                Some(id) => Some(id),
                None if sent && !self.is_out(arrival, header, &agency)? => {
                    self.store.recalled(&header.id, &agency)?
                }
                None => None,
            };
            let (told, never_had) = match &withdrawal {
                Some(id) => self.word_on(id, &agency)?,
                None => (false, false),
            };
            let receipt = self.store.told(&header.id, &agency)?;
            let taken_back = self.parcels.came_back(&agency, arrival, &line)?;
            recipients.push(Recipient {
                agency,
                sent: sent.then_some(line.at),
                delivered: line.answer == Some(Answer::Stored) || receipt.is_some(),
                withdrawal,
                told,
                never_had,
                receipt: receipt.filter(|t| Some(t.answers) == withdrawal),
                unreachable_since: self.unreachable_since(&agency),
                path: line.path,
                taken_back,
            });
        }
        Ok(recipients)
    }

    /// The retraction of a record, if there is one and it is for this peer: a recall that took
    /// our own copy is not.
    fn owed_withdrawal(
        &self,
        tombstone_by: Option<&RecordId>,
        agency: &AgencyId,
    ) -> Result<Option<RecordId>, StoreError> {
        let Some(by) = tombstone_by else {
            return Ok(None);
        };
        let Some((arrival, header)) = self.held(by)? else {
            return Ok(None);
        };
        let decided = crate::kind::of(&header)
            == Some(liaison_protocol::record::codes::Kind::Retract)
            && self.share.is_owed(agency, arrival, &header)?;
        Ok(decided.then_some(*by))
    }

    /// Whether a peer took a withdrawal, and whether it refused it: a recall of what did not come
    /// from its author is no business of the peer's.
    fn word_on(
        &self,
        withdrawal: &RecordId,
        agency: &AgencyId,
    ) -> Result<(bool, bool), StoreError> {
        let Some(arrival) = self.store.arrival_of(withdrawal)? else {
            return Ok((false, false));
        };
        let Some(line) = self.store.ledger_entry(agency, arrival)? else {
            return Ok((false, false));
        };
        let took = line.direction == Direction::Received || line.answer == Some(Answer::Stored);
        let refused = line.answer == Some(Answer::Refused(Refused::Handling));
        Ok((took, refused))
    }

    /// Since when a peer can't be reached; none: it is connected.
    pub fn unreachable_since(&self, agency: &AgencyId) -> Option<Millis> {
        let links = self.swarm.links();
        let up = links
            .borrow()
            .iter()
            .any(|l| l.agency == *agency && l.is_up());
        (!up).then(|| {
            let seen = self.sync.peers().of(agency).last_seen();
            seen.or_else(|| crate::sync::seen(&self.store, agency))
                .unwrap_or(self.started)
        })
    }
}
