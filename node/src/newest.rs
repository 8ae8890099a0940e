//! When each agency's newest record here was made: a peer that holds a newer one of ours knows
//! that this machine was set back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::codes::Kind;
use tokio::sync::OnceCell;

use crate::kind;
use crate::limits;
use crate::store::{Arrival, Store, StoreError};

/// The newest record of each author. Clones share it.
///
/// Cards and keys statements don't count: a node signs them by itself when it starts, also one
/// that was set back.
#[derive(Clone, Debug)]
pub struct Newest(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    looked: OnceCell<()>,
    by_author: Mutex<BTreeMap<AgencyId, Millis>>,
}

impl Newest {
    /// Looks the store through when it is first asked.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared {
            store,
            looked: OnceCell::new(),
            by_author: Mutex::default(),
        }))
    }

    /// When the newest record of an author was made, erased ones included; none: there is none.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn of(&self, author: &AgencyId) -> Result<Option<Millis>, StoreError> {
        let look = || async {
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            looked.unwrap_or_else(|_| {
                let dir = self.0.store.dir().to_path_buf();
                Err(StoreError::Closed { dir })
            })
        };
        self.0.looked.get_or_try_init(look).await?;
        Ok(self.lock().get(author).copied())
    }

    /// A record was stored.
    pub fn note(&self, author: AgencyId, kind: Kind, created: Millis) {
        if counts(kind) {
            self.reached(author, created);
        }
    }

    /// An author is known to have come that far.
    pub fn reached(&self, author: AgencyId, at: Millis) {
        let mut by_author = self.lock();
        let newest = by_author.entry(author).or_insert(at);
        *newest = (*newest).max(at);
    }

    fn look(&self) -> Result<(), StoreError> {
        let mut after = Arrival(0);
        loop {
            let rows = self.0.store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = *last;
            for (_, header) in &rows {
                if let Some(kind) = kind::of(header) {
                    self.note(header.author, kind, header.created.wall());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgencyId, Millis>> {
        self.0
            .by_author
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn counts(kind: Kind) -> bool {
    !matches!(kind, Kind::Contact | Kind::Keys)
}
