//! The newest records, held in memory until the index has committed them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::document::Document;

/// Documents in the order of their arrival. The indexer commits before they are more than
/// [`super::limits::COMMIT_ROWS`] rows (and one page of records).
#[derive(Debug, Default)]
pub(super) struct Tail {
    documents: VecDeque<Arc<Document>>,
}

impl Tail {
    /// Takes the next one.
    pub(super) fn push(&mut self, document: Arc<Document>) {
        self.documents.push_back(document);
    }

    /// Lets go of all up to this arrival.
    pub(super) fn committed(&mut self, upto: u64) {
        while self
            .documents
            .front()
            .is_some_and(|document| document.arrival <= upto)
        {
            self.documents.pop_front();
        }
        self.documents.shrink_to(64);
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.documents = VecDeque::new();
    }

    /// All of them, as they are now.
    pub(super) fn snapshot(&self) -> Vec<Arc<Document>> {
        self.documents.iter().cloned().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }
}
