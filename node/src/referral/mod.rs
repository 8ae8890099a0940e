//! Referrals: where each stands, who has to do what by when, and what follows if nobody does.
//!
//! A referral to one candidate is a thread of sealed records: the profile, the steps of both
//! sides, the identity once it is released. Memory keeps of it what moves it, codes without
//! text ([`Thread`]), filled at the start from the vault and kept up by its changes. What a
//! thread comes to is [`liaison_protocol::lifecycle::fold`], a function of the steps that are
//! here: nothing is stored that could disagree with them.
//!
//! What follows from where it stands (the next candidate is asked, a silent one is closed to, a
//! withdrawal is carried out) is derived the same way, again and again until there is nothing
//! left to do (`Node::settle_referrals`). So a node that is killed halfway goes on where it
//! stood. The one thing that is kept beside the records is which deadlines fired
//! ([`timers`]): a mark that is on the disk before anything follows from it.

pub mod access;
mod act;
mod ask;
mod book;
pub mod candidates;
pub mod case;
mod config;
pub mod emergency;
mod error;
pub mod inbox;
mod look;
pub mod new;
mod retention;
mod settle;
mod tell;
mod thread;
pub mod timers;
mod withdraw;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use liaison_protocol::id::{IdPrefix, RecordId};
use liaison_protocol::lifecycle::DeadlineTable;
use tokio::sync::watch;

pub use self::act::{Made, Wanted};
use self::book::Book;
pub use self::candidates::Planned;
pub use self::case::{Approval, Asked, CaseFile, CaseId, Cases, Draft};
pub use self::config::{KeptError, ReferralConfig};
pub use self::error::ReferralError;
pub use self::new::{NewFault, Sent};
pub use self::thread::{Held, Thread};
use crate::limits;
use crate::node::Node;

/// The referrals of a node. Clones share them.
#[derive(Clone)]
pub struct Referrals(Arc<Inner>);

struct Inner {
    table: DeadlineTable,
    book: Mutex<Book>,
    /// One step, or one turn of what follows, at a time.
    acting: tokio::sync::Mutex<()>,
    /// Tells that it is not known whether a referral that was being sent is out.
    unsure: tokio::sync::Notify,
    changes: watch::Sender<u64>,
}

/// How many referrals are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Not over.
    pub live: u64,
    /// Something is due from this agency.
    pub due: u64,
    /// A deadline of this agency has passed.
    pub overdue: u64,
    /// Came, and no officer has acknowledged them.
    pub new: u64,
    /// Not with the other agency's node yet.
    pub undelivered: u64,
}

impl Referrals {
    /// None yet; `Node::run_referrals` fills it.
    pub fn new(table: DeadlineTable) -> Self {
        Self(Arc::new(Inner {
            table,
            book: Mutex::default(),
            acting: tokio::sync::Mutex::new(()),
            unsure: tokio::sync::Notify::new(),
            changes: watch::Sender::new(0),
        }))
    }

    /// How long what may take.
    pub fn table(&self) -> &DeadlineTable {
        &self.0.table
    }

    /// A referral, by its thread.
    pub fn thread(&self, id: &RecordId) -> Option<Thread> {
        self.book().threads.get(id).cloned()
    }

    /// All that are here, by id.
    pub fn threads(&self) -> Vec<Thread> {
        self.book().threads.values().cloned().collect()
    }

    /// Those whose ids begin so, at most `most`.
    pub fn find(&self, prefix: &IdPrefix, most: usize) -> Vec<RecordId> {
        let book = self.book();
        let found = book.threads.keys().filter(|id| prefix.matches(id));
        found.take(most).copied().collect()
    }

    /// Tells that something changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn changed(&self) {
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Referrals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Referrals(..)")
    }
}

/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(10);

impl Node {
    /// Keeps the referrals up and lets follow what follows, for as long as the node runs.
    pub(crate) async fn run_referrals(self) {
        let mut vault = self.vault.changes();
        let mut time = self.time.changes();
        let mut caught_up = self.catch_up.changes();
        let mut stop = self.stopping();
        while let Err(error) = self.load_marks().await {
            tracing::error!(%error, "it is not known which deadlines fired; none does until it is");
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.changed() => return,
            }
        }
        if let Err(error) = self.forget_the_withdrawn().await {
            tracing::error!(%error, "something is left of a referral that was taken back; the next start destroys it");
        }
        let mut unsure = true;
        loop {
            if unsure {
                match self.draft_again().await {
                    Ok(()) => unsure = false,
                    Err(error) => {
                        tracing::error!(%error, "whether each referral that was being sent went out is not known; it is looked at again");
                    }
                }
            }
            vault.mark_unchanged();
            time.mark_unchanged();
            caught_up.mark_unchanged();
            let now = self.clock.now();
            let turn = {
                let _one = self.referrals.0.acting.lock().await;
                self.referrals_turn().await
            };
            let failed = unsure || turn.is_err() || self.referrals.book().is_unclear();
            if let Err(error) = turn {
                if *stop.borrow() {
                    return;
                }
                tracing::error!(%error, "a referral could not be moved on; it is tried again");
            }
            let next = self.next_deadline(now);
            let again = async {
                match failed {
                    true => tokio::time::sleep(PAUSE).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = vault.changed() => if changed.is_err() { return },
                changed = time.changed() => if changed.is_err() { return },
                changed = caught_up.changed() => if changed.is_err() { return },
                () = self.clock.wait(now, next) => {}
                () = again => {}
                () = self.referrals.0.unsure.notified() => unsure = true,
                _ = stop.changed() => return,
            }
        }
    }

    /// Lets follow what follows from something that is out already: what is in the way of that
    /// makes it no less so, and is tried again.
    async fn let_follow(&self) {
        if let Err(error) = self.referrals_turn().await {
            tracing::error!(%error, "a referral could not be moved on; it is tried again");
        }
    }

    /// Takes up what changed, and lets follow what follows, until nothing more does. The caller
    /// holds `acting`.
    async fn referrals_turn(&self) -> Result<(), ReferralError> {
        // Each round moves at least one thread on, and no thread moves on for ever.
        for _ in 0..limits::REFERRAL_ROUNDS {
            self.take_up().await?;
            let settled = self.settle_referrals().await;
            // One that can't be moved on stops no other's deadline.
            let fired = self.fire_deadlines().await?;
            let ended = self.end_retention().await?;
            if !settled? && !fired && !ended {
                break;
            }
        }
        self.referrals.book().filled = true;
        self.referrals.changed();
        Ok(())
    }
}
