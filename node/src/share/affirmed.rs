//! Records under a key that was compromised: they go to whom their author's word that it made
//! them came first. Everybody else would have to refuse them.

use liaison_protocol::card::KeyState;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::signed::SignedRecord;

use super::walk::Walk;
use super::{Ahead, Share};
use crate::store::{Arrival, Direction, Flags, Header, StoreError};

/// How a record under a key that does not stand is for one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyWord {
    /// Its author affirmed it, and the peer knows.
    Affirmed,
    /// Its author affirmed it; the peer has to hear that first.
    OnItsWay,
    /// Its author has not affirmed it.
    NotAffirmed,
    /// All keys of its author are revoked.
    AllRevoked,
}

impl Share {
    pub(super) fn key_word(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
        ahead: &Ahead,
    ) -> Result<KeyWord, StoreError> {
        let signed = self.store.record(arrival)?;
        let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
        let keys = self.registry.keys(&header.author);
        let (Some(signed), Some(keys)) = (signed, keys) else {
            return Ok(KeyWord::NotAffirmed);
        };
        if keys.state(&signed.key()) == KeyState::AllRevoked {
            return Ok(KeyWord::AllRevoked);
        }
        if !keys.is_affirmed(&signed.key(), &header.id) {
            return Ok(KeyWord::NotAffirmed);
        }
        for affirmation in self.registry.affirmations(&header.author, &header.id) {
            let Some(at) = self.store.arrival_of(&affirmation)? else {
                continue;
            };
            let line = self.store.ledger_entry(peer, at)?;
            let known = ahead.has(at)
                || line.is_some_and(|l| {
                    l.direction == Direction::Received || l.answer == Some(Answer::Stored)
                });
            if known {
                return Ok(KeyWord::Affirmed);
            }
        }
        Ok(KeyWord::OnItsWay)
    }

    /// Whether an affirmation is to travel ahead of a record that it lists: whether the peer
    /// would get the record if it knew.
    pub(super) fn awaits_affirmation(
        &self,
        peer: &AgencyId,
        of: &RecordId,
    ) -> Result<bool, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(false);
        };
        let header = self.store.header(arrival)?;
        let Some(header) = header.filter(|h| h.flags.contains(Flags::KEY_LOST)) else {
            return Ok(false);
        };
        if self.key_word(peer, arrival, &header, &Ahead::NONE)? != KeyWord::OnItsWay {
            return Ok(false);
        }
        let sound = Header {
            flags: header.flags.without(Flags::KEY_LOST),
            ..header
        };
        let mut walk = Walk::quick();
        self.gates(peer, arrival, &sound, &mut walk)?;
        Ok(walk.end().0.allow)
    }
}
