//! Search: which records match a query, how many, and what their counts add up to.
//!
//! The index (tantivy) is derived from the store and follows it in steps, as a commit costs
//! about 10 ms. A query is the index up to arrival N, the documents in memory after it, and
//! a scan of what the indexer has not read yet, all tested by the same conditions: a record
//! is found from the moment that it is in the store.
//!
//! Sealed content is never indexed: of what is not strategic, only the header is.

mod collect;
mod conditions;
mod document;
mod field;
mod index;
mod indexer;
pub mod limits;
mod parse;
pub mod query;
mod ranges;
mod schema;
mod span;
mod spread;
mod tail;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::signed::Record;

pub use document::{Document, Row, RowRef};
pub use field::{Field, UnknownField};
pub use query::{Context, Query, QueryError};
pub use tally::{Group, Note, Options, Outcome};

use index::{Files, OpenFault};
use indexer::{Shared, Stop, next_page};
use tally::Tally;

/// Where records come from: the store.
pub trait RecordSource: Send + Sync + 'static {
    /// Records that arrived after `from`, in the order of their arrival, at most `limit`;
    /// none: there are no more. Erased ones are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    fn records(&self, from: u64, limit: usize) -> Result<Vec<Sourced>, SourceFault>;

    /// The record with this arrival number, if it is there and not erased.
    ///
    /// # Errors
    /// The store cannot be read.
    fn record(&self, arrival: u64) -> Result<Option<Sourced>, SourceFault>;
}

/// A record as the store has it.
#[derive(Clone, Debug)]
pub struct Sourced {
    /// Its arrival number.
    pub arrival: u64,
    /// Its id.
    pub id: RecordId,
    /// What it says.
    pub record: Arc<Record>,
    /// When it arrived.
    pub received: Millis,
    /// Superseded or retracted.
    pub hidden: bool,
}

/// The store cannot be read; what it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store could not be read: {0}")]
pub struct SourceFault(pub String);

/// Why a search has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The index's folder cannot be used.
    #[error(
        "the search index in {dir} cannot be opened: {says}. It holds nothing of its own: check the disk and its rights, or remove the folder and start again."
    )]
    Open {
        /// The folder.
        dir: String,
        /// What went wrong.
        says: String,
    },
    /// The index failed while it was asked.
    #[error("the search index failed: {says}. It is rebuilt from the store; ask again.")]
    Index {
        /// What went wrong.
        says: String,
    },
    /// The store failed while it was asked.
    #[error(transparent)]
    Source(#[from] SourceFault),
    /// A field by which an answer cannot be grouped.
    #[error("an answer cannot be grouped by {field}; fields to group by: {allowed}")]
    NotGroupable {
        /// The field.
        field: Field,
        /// The fields by which it can.
        allowed: String,
    },
    /// More groups than an answer may have.
    #[error(
        "there are more than {} groups; narrow the query or group by another field",
        limits::QUERY_GROUPS
    )]
    TooManyGroups,
    /// A sum that would count the same people several times.
    #[error("TRD-04 '{measure}' is not added up across countries ({}): the same people are counted in one after another. Add country: to the query, group by country, or leave out the sum.", countries.join(", "))]
    AcrossCountries {
        /// The measure.
        measure: String,
        /// The countries, at most [`limits::PLACES_SHOWN`].
        countries: Vec<String>,
    },
}

/// The search over one store.
pub struct Search {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Search {
    /// Opens the index in `dir`, or builds it anew in the background if it is missing,
    /// damaged, of another version or of another `incarnation` of the store.
    ///
    /// # Errors
    /// [`SearchError::Open`]: the folder cannot be used, or another process uses it.
    pub fn open(
        dir: &Path,
        incarnation: u64,
        source: Arc<dyn RecordSource>,
    ) -> Result<Search, SearchError> {
        let failed = |says: String| SearchError::Open {
            dir: dir.display().to_string(),
            says,
        };
        let files = Files::open(dir, incarnation).map_err(|e: OpenFault| failed(e.to_string()))?;
        let writer = files.writer().map_err(|e| failed(e.to_string()))?;
        let shared = Arc::new(Shared::new(files, source));
        let thread = std::thread::Builder::new()
            .name("search-indexer".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.run(writer)
            })
            .map_err(|e| failed(e.to_string()))?;
        Ok(Search {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says that a record is in the store. Cheap; calls may be left out, as any later one
    /// makes up for them.
    pub fn added(&self, arrival: u64) {
        self.shared.added(arrival);
    }

    /// Says that a record was erased, retracted, superseded or restored: what the store now
    /// says of it holds from here on. Called after the store has committed it.
    pub fn forget(&self, arrival: u64) {
        self.shared.changed(arrival);
    }

    /// Answers a query. It reads disk and store: not for an async thread.
    ///
    /// # Errors
    /// [`SearchError`]: a sum or grouping that cannot be given, or a store that cannot be
    /// read.
    pub fn query(&self, query: &Query, options: &Options) -> Result<Outcome, SearchError> {
        if let Some(field) = options.by.filter(|field| !field.is_groupable()) {
            return Err(SearchError::NotGroupable {
                field,
                allowed: groupable(),
            });
        }
        let (searcher, upto, pulled, tail, except, checking) = {
            let state = self.shared.state();
            (
                state.searcher.clone(),
                state.upto,
                state.pulled,
                state.tail.snapshot(),
                Arc::new(state.changes.keys().copied().collect::<BTreeSet<u64>>()),
                state.checking,
            )
        };
        let mut tally = Tally::new(options);
        let mut from = pulled;
        let indexed = match upto {
            0 => Ok(Tally::new(options)),
            _ => searcher.search(
                &*self.shared.files.schema.query(query),
                &collect::Rows {
                    options: options.clone(),
                    except: Arc::clone(&except),
                },
            ),
        };
        match indexed {
            Ok(indexed) => {
                tally.merge(indexed);
                for document in tail.iter().filter(|d| !except.contains(&d.arrival)) {
                    tally.add(document, query, options);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "search: the index cannot be read; this query reads the store");
                if is_damage(&error) {
                    self.shared.give_up();
                }
                from = 0;
            }
        }
        // What the indexer has not read yet.
        loop {
            let page = next_page(&*self.shared.source, from)?;
            let Some(last) = page.last() else { break };
            from = last.arrival;
            for sourced in page.iter().filter(|s| !except.contains(&s.arrival)) {
                tally.add(&sourced.document(), query, options);
            }
        }
        for arrival in except.iter() {
            if let Some(sourced) = self.shared.source.record(*arrival)? {
                tally.add(&sourced.document(), query, options);
            }
        }
        let mut outcome = tally.finish(options)?;
        if checking {
            outcome.notes.push(Note::Checking);
        }
        Ok(outcome)
    }

    /// How many arrival numbers the index is behind what was announced or read: the most
    /// records that a query has to look at by itself.
    pub fn unindexed(&self) -> u64 {
        let state = self.shared.state();
        let behind = state.announced.saturating_sub(state.upto);
        behind.max(u64::try_from(state.tail.len()).unwrap_or(u64::MAX))
    }

    /// Waits until all that is in the store now is committed to the index.
    ///
    /// # Errors
    /// [`SearchError::Index`]: indexing failed, or the search is closed.
    pub fn flush(&self) -> Result<(), SearchError> {
        self.shared
            .flush()
            .map_err(|says| SearchError::Index { says })
    }

    /// Stops at once, and leaves the index marked as open: the next start holds it against the
    /// store.
    pub fn abandon(&self) {
        self.end(Stop::AtOnce);
    }

    /// Commits and stops the indexer. Queries are answered still.
    pub fn close(&self) {
        self.end(Stop::Clean);
    }

    fn end(&self, how: Stop) {
        self.shared.stop(how);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic has been logged by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.end(Stop::AtOnce);
    }
}

/// Whether an index that gives this error has to be built anew.
fn is_damage(error: &tantivy::TantivyError) -> bool {
    use tantivy::TantivyError as E;
    matches!(
        error,
        E::IoError(_) | E::DataCorruption(_) | E::OpenReadError(_) | E::InternalError(_)
    )
}

fn groupable() -> String {
    let names: Vec<String> = Field::all()
        .filter(|field| field.is_groupable())
        .map(|field| field.to_string())
        .collect();
    names.join(", ")
}
