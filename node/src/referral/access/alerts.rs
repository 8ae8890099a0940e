//! What the data-protection officer is told, until she has seen it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use serde::{Deserialize, Serialize};

use crate::keyring::{Keyring, KeyringError, Shelf};
use crate::limits;
use crate::officers::Officer;

/// The file; no thread has such a name.
const NAME: &str = "alerts";

/// Something that the data-protection officer has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Rises.
    pub number: u64,
    /// When.
    pub at: Millis,
    /// Who.
    pub uid: u32,
    /// That user's name at the time.
    pub user: String,
    /// What.
    pub kind: AlertKind,
    /// How often in a row: the same officer, the same thing.
    pub times: u64,
}

/// What an officer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// Read a thread without being assigned to it. The reason is in the audit log, sealed.
    BrokeGlass {
        /// The thread.
        thread: RecordId,
    },
    /// Read more threads in an hour than work needs.
    Many {
        /// How many.
        threads: u64,
    },
}

/// Those that were not seen yet.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Alerts {
    last: u64,
    list: VecDeque<Alert>,
}

impl Alerts {
    /// A list that does not open is told in the keyring's list.
    pub(super) fn load(keyring: &Keyring) -> Result<Self, KeyringError> {
        match keyring.kept(Shelf::Access, NAME) {
            Ok(alerts) => Ok(alerts.unwrap_or_default()),
            Err(KeyringError::Damaged { .. }) => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn keep(&self, keyring: &Keyring) -> Result<(), KeyringError> {
        keyring.keep(Shelf::Access, NAME, self)
    }

    pub(super) fn add(&mut self, kind: AlertKind, officer: &Officer, now: Millis) {
        self.last = self.last.saturating_add(1);
        if let Some(last) = self.list.back_mut()
            && last.uid == officer.uid
            && last.kind == kind
        {
            last.number = self.last;
            // One look asks for a referral and for the identity in it.
            if now.0.saturating_sub(last.at.0) >= limits::ONE_LOOK_MS {
                last.times = last.times.saturating_add(1);
            }
            last.at = now;
            return;
        }
        // The oldest leave first; the audit log has them all.
        if self.list.len() >= limits::ACCESS_ALERTS {
            self.list.pop_front();
        }
        self.list.push_back(Alert {
            number: self.last,
            at: now,
            uid: officer.uid,
            user: officer.name.clone(),
            kind,
            times: 1,
        });
    }

    pub(super) fn all(&self) -> Vec<Alert> {
        self.list.iter().cloned().collect()
    }

    pub(super) fn drop_until(&mut self, number: u64) {
        self.list.retain(|alert| alert.number > number);
    }
}

/// How many threads each officer read lately.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<u32, Hour>);

#[derive(Debug, Default)]
struct Hour {
    /// When each thread was read last.
    threads: BTreeMap<RecordId, Millis>,
    told: Option<Millis>,
}

impl Pace {
    /// Counts a look; gives how many threads that makes, if it is to be told: once an hour.
    pub(super) fn look(&mut self, uid: u32, thread: &RecordId, now: Millis) -> Option<u64> {
        let hour = self.0.entry(uid).or_default();
        let recent = |at: &Millis| now.0.saturating_sub(at.0) < limits::BULK_MS;
        hour.threads.retain(|_, at| recent(at));
        // Beyond that it is known to be many.
        if hour.threads.len() < limits::BULK_COUNTED {
            hour.threads.insert(*thread, now);
        }
        let many = hour.threads.len() > limits::BULK_THREADS;
        if !many || hour.told.as_ref().is_some_and(recent) {
            return None;
        }
        hour.told = Some(now);
        Some(hour.threads.len() as u64)
    }
}
