//! What is known of one agency, peer or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::id::RecordId;
use liaison_protocol::key::PublicKey;
use liaison_protocol::record::kinds::{Contact, Content, Keys};
use liaison_protocol::record::signed::VerifiedRecord;

/// What is known of an agency.
#[derive(Clone, Debug)]
pub struct Agency {
    /// Its keys, from all its cards.
    pub keys: Arc<AgencyKeys>,
    /// Its newest card.
    pub card: VerifiedRecord,
    /// Its newest keys statement.
    pub statement: Option<VerifiedRecord>,
    /// Its affirmations, by the records that they list, each with the key that it was given
    /// under: [`limits::AFFIRMATIONS_PER_RECORD`](crate::limits::AFFIRMATIONS_PER_RECORD) of
    /// one key for one record.
    pub affirmations: Arc<BTreeMap<RecordId, Vec<(PublicKey, RecordId)>>>,
}

impl Agency {
    /// What its newest card says.
    pub fn contact(&self) -> Option<&Contact> {
        match &self.card.record().content {
            Content::Contact(contact) => Some(contact),
            _ => None,
        }
    }

    /// Whether its newest keys statement is signed with a key that still stands: else it may be
    /// a thief's, and names no node.
    pub fn is_reachable(&self) -> bool {
        self.statement.as_ref().is_some_and(|statement| {
            let key = statement.key();
            self.keys.stands(&key) || self.keys.is_affirmed(&key, &statement.id())
        })
    }

    /// What its newest keys statement says.
    pub fn statement_body(&self) -> Option<&Keys> {
        keys_of(self.statement.as_ref()?)
    }
}

pub(super) fn keys_of(record: &VerifiedRecord) -> Option<&Keys> {
    match &record.record().content {
        Content::Keys(keys) => Some(keys),
        _ => None,
    }
}
