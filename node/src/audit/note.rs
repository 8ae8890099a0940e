//! What a call of the local API is about, gathered while it is answered: the parts of the
//! node that find a record or a peer say so, and the gate of the API writes it down.

use std::cell::RefCell;

use liaison_protocol::id::{AgencyId, RecordId};

use super::Act;
use crate::limits;

/// What a call was about.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// The records that it named, made or showed.
    pub records: Vec<RecordId>,
    /// The agencies that it named.
    pub peers: Vec<AgencyId>,
    /// How many records it was about, where they are not listed.
    pub count: Option<u64>,
    /// What the officer typed.
    pub typed: Vec<String>,
    /// What it is, where that is not what the table of calls says.
    pub what: Option<Act>,
    /// What came of it, in clear: nothing that was typed, no content.
    pub outcome: Option<String>,
}

impl Note {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.peers.is_empty()
            && self.typed.is_empty()
            && self.count.is_none()
            && self.outcome.is_none()
    }

    /// A record. Of few, each is listed once.
    pub fn record(&mut self, id: RecordId) {
        let few = self.records.len() < limits::AUDIT_RECORDS;
        if !(few && self.records.contains(&id)) {
            self.records.push(id);
        }
    }

    /// An agency; once.
    pub fn peer(&mut self, agency: AgencyId) {
        if self.peers.len() < limits::AUDIT_RECORDS && !self.peers.contains(&agency) {
            self.peers.push(agency);
        }
    }

    /// What was typed, under its name: `reason`, `query`.
    pub fn typed(&mut self, name: &str, text: &str) {
        self.typed.push(format!("{name}: {text}"));
    }
}

tokio::task_local! {
    static NOTE: RefCell<Note>;
}

/// Notes something about the call that is being answered. Outside of a call, nothing happens:
/// what share and ingest do is written down there.
pub fn note(say: impl FnOnce(&mut Note)) {
    // A second borrow can't happen: `say` is handed the note and calls nothing of ours.
    let _outside = NOTE.try_with(|note| {
        if let Ok(mut note) = note.try_borrow_mut() {
            say(&mut note);
        }
    });
}

/// Answers a call; its answer, and what was noted meanwhile.
pub async fn noted<T>(answering: impl Future<Output = T>) -> (T, Note) {
    NOTE.scope(RefCell::default(), async {
        let answer = answering.await;
        let note = NOTE.with(|note| note.take());
        (answer, note)
    })
    .await
}
