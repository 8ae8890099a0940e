//! What is to be written down.

use liaison_protocol::id::{AgencyId, RecordId};

use super::{Act, Who};
use crate::limits;

/// What is to be written down: a line, or several where it is about many records.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who.
    pub who: Who,
    /// What.
    pub what: Act,
    /// By which call, or which part of the node.
    pub by: String,
    /// To or from whom.
    pub peers: Vec<AgencyId>,
    /// Under which statement of the policy.
    pub rule: Option<String>,
    /// Of which policy epoch.
    pub epoch: Option<u64>,
    /// The records.
    pub records: Vec<RecordId>,
    /// How many, where they are not listed.
    pub count: Option<u64>,
    /// What came of it; `None`: done.
    pub outcome: Option<String>,
    /// The line that announced it.
    pub of: Option<u64>,
    /// What the officer typed: it is sealed.
    pub typed: Option<String>,
}

impl Entry {
    /// An entry without particulars.
    pub fn new(who: Who, what: Act, by: impl Into<String>) -> Self {
        Self {
            who,
            what,
            by: by.into(),
            peers: Vec::new(),
            rule: None,
            epoch: None,
            records: Vec::new(),
            count: None,
            outcome: None,
            of: None,
            typed: None,
        }
    }

    /// As many entries as it makes lines: none lists more than [`limits::AUDIT_RECORDS`].
    pub(super) fn split(mut self) -> Vec<Self> {
        if self.records.len() <= limits::AUDIT_RECORDS {
            return vec![self];
        }
        let records = std::mem::take(&mut self.records);
        records
            .chunks(limits::AUDIT_RECORDS)
            .map(|some| Self {
                records: some.to_vec(),
                ..self.clone()
            })
            .collect()
    }
}
