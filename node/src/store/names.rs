//! Names that the ledger writes as numbers: peers and rules, held in memory; and classes,
//! of which only the latest are.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use liaison_protocol::id::AgencyId;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::engine::Engine;
use super::keys;
use crate::limits;

/// Classes held in memory: then the memory is cleared.
const CLASSES_HELD: usize = 4_096;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// An agency in the ledger.
    Peer,
    /// A policy statement in the ledger.
    Rule,
    /// A record's policy attributes.
    Class,
}

impl NameKind {
    /// The key that leads from the name to its number.
    pub fn by_name(self, name: &[u8]) -> Vec<u8> {
        match self {
            NameKind::Peer => keys::key(keys::PEER_NUMBER, &[name]),
            NameKind::Rule => keys::key(keys::RULE_NUMBER, &[name]),
            NameKind::Class => keys::key(keys::CLASS_HASH, &[&Sha256::digest(name)]),
        }
    }

    /// The key that leads from the number to its name.
    pub fn by_number(self, number: u32) -> Vec<u8> {
        let family = match self {
            NameKind::Peer => keys::PEER_OF,
            NameKind::Rule => keys::RULE_OF,
            NameKind::Class => keys::CLASS,
        };
        keys::of_number(family, number)
    }

    /// How many there may be.
    pub const fn limit(self) -> (&'static str, usize) {
        match self {
            NameKind::Peer => ("the ledger's list of peers", limits::LEDGER_PEERS),
            NameKind::Rule => ("the ledger's list of rules", limits::RULES),
            NameKind::Class => ("the list of record classes", u32::MAX as usize),
        }
    }
}

#[derive(Debug, Default)]
struct Tables {
    peers: HashMap<u32, AgencyId>,
    peer_numbers: HashMap<AgencyId, u32>,
    rules: HashMap<u32, Arc<str>>,
    rule_numbers: HashMap<Arc<str>, u32>,
    classes: HashMap<Vec<u8>, u32>,
}

/// The names that are committed.
#[derive(Debug, Default)]
pub struct Names(RwLock<Tables>);

impl Names {
    /// Reads peers and rules from the database.
    pub fn load(engine: &Engine) -> Result<Self, StoreError> {
        let names = Self::default();
        for family in [keys::PEER_OF, keys::RULE_OF] {
            for row in engine.scan(&[family], vec![family]) {
                let (key, value) = row?;
                names.with(|tables| tables.learn(&key, &value));
            }
        }
        Ok(names)
    }

    /// Takes in the names among staged changes.
    pub fn learn(&self, changes: &HashMap<Vec<u8>, Option<Vec<u8>>>) {
        let is_name = |key: &[u8]| {
            matches!(
                key.first(),
                Some(&(keys::PEER_OF | keys::RULE_OF | keys::CLASS))
            )
        };
        for (key, value) in changes {
            if let Some(value) = value.as_ref().filter(|_| is_name(key)) {
                self.with(|tables| tables.learn(key, value));
            }
        }
    }

    /// The number of a name that is committed.
    pub fn number(&self, kind: NameKind, name: &[u8]) -> Option<u32> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match kind {
            NameKind::Peer => {
                let agency = AgencyId::from_bytes(name.try_into().ok()?);
                tables.peer_numbers.get(&agency).copied()
            }
            NameKind::Rule => tables
                .rule_numbers
                .get(std::str::from_utf8(name).ok()?)
                .copied(),
            NameKind::Class => tables.classes.get(name).copied(),
        }
    }

    /// The number of a peer that the ledger knows.
    pub fn peer(&self, peer: &AgencyId) -> Option<u32> {
        self.number(NameKind::Peer, peer.as_bytes())
    }

    /// The peers that the ledger knows, in order of their ids.
    pub fn peers(&self) -> Vec<(AgencyId, u32)> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut peers: Vec<_> = tables.peer_numbers.iter().map(|(a, n)| (*a, *n)).collect();
        peers.sort_unstable();
        peers
    }

    /// The rule of a number.
    pub fn rule(&self, number: u32) -> Option<Arc<str>> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables.rules.get(&number).cloned()
    }

    fn with(&self, change: impl FnOnce(&mut Tables)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Tables {
    fn learn(&mut self, key: &[u8], name: &[u8]) {
        let (Some(family), Some(number)) = (key.first(), keys::part::<4>(key, 1)) else {
            return;
        };
        let number = u32::from_be_bytes(number);
        match *family {
            keys::PEER_OF => {
                if let Ok(bytes) = name.try_into() {
                    let agency = AgencyId::from_bytes(bytes);
                    self.peers.insert(number, agency);
                    self.peer_numbers.insert(agency, number);
                }
            }
            keys::RULE_OF => {
                let rule: Arc<str> = String::from_utf8_lossy(name).into();
                self.rules.insert(number, rule.clone());
                self.rule_numbers.insert(rule, number);
            }
            keys::CLASS => {
                if self.classes.len() >= CLASSES_HELD {
                    self.classes.clear();
                }
                self.classes.insert(name.to_vec(), number);
            }
            _ => {}
        }
    }
}
