//! Withdrawals that close the loop. A *retraction* is an author's word, for everyone and for
//! good; a *recall* is the word of the node that released a copy, for that copy. Each holder
//! erases what it has, asks those further on, and signs a receipt that goes back the way the
//! record came, with a count of those behind it. So the author sees how far the erasure is,
//! and does not learn who had the record further on.
//!
//! What is answered here was read from the store's list of what is owed, from a mark in the
//! store on: a node that is killed goes on where it stood, and answering twice changes nothing.
//! Erasing comes first and needs no signature: receipts and recalls of our own wait for as long
//! as nothing may be signed, and no erasure waits for them.

mod answer;
mod recall;
mod recipient;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::Content;
use tokio::time::Instant;

pub(crate) use self::answer::is_erased;
pub use self::recipient::{Recipient, State};
use crate::ingest::IngestFault;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::store::{Arrival, Header, Op, StoreError};
use crate::vault::VaultError;

/// Why a withdrawal was not answered, or not made.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key of a sealed record is not destroyed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Our own word was not taken in.
    #[error(transparent)]
    Ingest(#[from] IngestFault),
    /// The record that an envelope is taken from is gone.
    #[error("record {} was erased before its withdrawal was answered", id.short())]
    Erased {
        /// The record.
        id: RecordId,
    },
    /// A task of ours was stopped.
    #[error("the node is stopping")]
    Stopping,
}

/// Name of the stored value that holds the last arrival that was answered.
const ANSWERED: &str = "withdrawal/answered";

/// Name of the stored value that holds the last recall whose copy was erased.
const ERASED: &str = "withdrawal/erased";

impl Node {
    /// Answers withdrawals and counts receipts, for as long as the node runs.
    pub(crate) async fn answer_withdrawals(self) {
        let mut changes = self.share.owed.changes();
        let mut caught_up = self.catch_up.changes();
        let mut stop = self.stopping();
        let mut work = loop {
            match Work::resume(&self) {
                Ok(work) => break work,
                Err(error) => tracing::error!(%error, "withdrawals can't be answered yet"),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.changed() => return,
            }
        };
        changes.mark_changed();
        loop {
            let due = work.due;
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                changed = caught_up.changed() => if changed.is_err() { return },
                () = until(due) => {}
                _ = stop.changed() => return,
            }
            if let Err(error) = work.go_on(&self).await {
                if *stop.borrow() {
                    return;
                }
                tracing::error!(%error, "a withdrawal was not answered; it is tried again");
                work.due = Some(Instant::now() + PAUSE);
            }
        }
    }
}

/// What is to be done, and how far it is done.
struct Work {
    /// The last arrival that was read: what it erases is gone.
    read: Arrival,
    /// The last recall whose copy was erased, also before a restart: one that came back since
    /// is not erased by it again.
    erased: Arrival,
    /// The last arrival that was answered.
    answered: Arrival,
    /// The mark in the store.
    marked: Arrival,
    /// Records of which a receipt came, whose count may have changed:
    /// [`limits::WITHDRAWALS_READ`] at most.
    recount: BTreeSet<RecordId>,
    /// The first receipt that found no room there: from there on they are read once more.
    left_out: Option<Arrival>,
    /// When they are counted anew: a burst of receipts makes one of ours.
    due: Option<Instant>,
}

/// Before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

impl Work {
    fn resume(node: &Node) -> Result<Self, StoreError> {
        let mark = |name| -> Result<Arrival, StoreError> {
            let mark = node.store.meta(name)?;
            let mark = mark.and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok());
            Ok(Arrival(mark.map_or(0, u64::from_be_bytes)))
        };
        let read = mark(ANSWERED)?;
        Ok(Self {
            read,
            erased: mark(ERASED)?,
            answered: read,
            marked: read,
            recount: BTreeSet::new(),
            left_out: None,
            due: None,
        })
    }

    async fn go_on(&mut self, node: &Node) -> Result<(), WithdrawalError> {
        let back = node.share.owed.take_back();
        if !back.is_empty() {
            for peer in node.registry.peers().keys() {
                node.sync.offer_again(peer, back.iter().copied());
            }
        }
        loop {
            let rows = owed(node, self.read).await?;
            for (arrival, kind) in &rows {
                self.take(node, *arrival, *kind).await?;
                self.read = *arrival;
            }
            if rows.len() < limits::WITHDRAWALS_READ {
                break;
            }
        }
        // Nothing is signed yet: the end of that wakes us.
        if node.catch_up.waiting().is_some() {
            self.due = None;
            return Ok(());
        }
        while self.answered < self.read {
            let rows = owed(node, self.answered).await?;
            let full = rows.len() >= limits::WITHDRAWALS_READ;
            for (arrival, kind) in rows.into_iter().filter(|(at, _)| *at <= self.read) {
                answer(node, arrival, kind).await?;
                self.answered = arrival;
            }
            if !full {
                self.answered = self.read;
            }
        }
        let now = Instant::now();
        if self.recount.is_empty() {
            self.due = None;
        } else if self.due.is_none() {
            self.due = Some(now + Duration::from_millis(limits::RECEIPT_QUIET_MS));
        }
        if self.due.is_some_and(|due| due <= now) {
            loop {
                while let Some(of) = self.recount.first().copied() {
                    match node.recount(&of).await {
                        // What an older version has buried: nobody can be told of it any more,
                        // and it must not hold up the others.
                        Err(WithdrawalError::Erased { id }) => {
                            tracing::warn!(record = %of.short(), erased = %id.short(), "the holders behind us are not counted: the withdrawal is gone");
                        }
                        done => done?,
                    }
                    self.recount.remove(&of);
                }
                let Some(first) = self.left_out.take() else {
                    break;
                };
                self.gather(node, first).await?;
            }
            self.due = None;
        }
        // What waits to be counted is found again after a restart.
        if self.recount.is_empty() && self.answered > self.marked {
            node.store
                .write(vec![mark(ANSWERED, self.answered)])
                .await?;
            self.marked = self.answered;
        }
        Ok(())
    }

    /// What needs no word of ours: erases what a recall takes back, takes note of a receipt.
    async fn take(
        &mut self,
        node: &Node,
        arrival: Arrival,
        number: u8,
    ) -> Result<(), WithdrawalError> {
        let is = |kind| number == kind::number(kind);
        if !is(Kind::Recall) && !is(Kind::Receipt) {
            return Ok(());
        }
        let Some((header, content)) = of_others(node, arrival)? else {
            return Ok(());
        };
        match content.as_ref() {
            Content::Recall(recall) if arrival > self.erased => {
                let done = mark(ERASED, arrival);
                if node.erase_recalled(&header, recall, done).await? {
                    self.erased = arrival;
                }
            }
            Content::Receipt(receipt) => {
                node.given_back(&header.author, receipt).await?;
                self.count(arrival, receipt.of);
                if self.recount.len() >= limits::WITHDRAWALS_READ {
                    self.due = Some(Instant::now());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes a record whose holders are to be counted anew, or that there was no room for it:
    /// while nothing may be signed, receipts come and nothing is counted.
    fn count(&mut self, arrival: Arrival, of: RecordId) {
        if self.recount.len() < limits::WITHDRAWALS_READ || self.recount.contains(&of) {
            self.recount.insert(of);
        } else if self.left_out.is_none() {
            self.left_out = Some(arrival);
        }
    }

    /// Notes the records of the receipts from this one on, until there is no room again.
    async fn gather(&mut self, node: &Node, first: Arrival) -> Result<(), WithdrawalError> {
        let mut after = Arrival(first.0.saturating_sub(1));
        loop {
            let rows = owed(node, after).await?;
            let full = rows.len() >= limits::WITHDRAWALS_READ;
            for (arrival, number) in rows {
                if arrival > self.read || self.left_out.is_some() {
                    return Ok(());
                }
                after = arrival;
                if number != kind::number(Kind::Receipt) {
                    continue;
                }
                if let Some((_, content)) = of_others(node, arrival)?
                    && let Content::Receipt(receipt) = content.as_ref()
                {
                    self.count(arrival, receipt.of);
                }
            }
            if !full {
                return Ok(());
            }
        }
    }
}

/// Says what came of a withdrawal.
async fn answer(node: &Node, arrival: Arrival, number: u8) -> Result<(), WithdrawalError> {
    let is = |kind| number == kind::number(kind);
    if !is(Kind::Retract) && !is(Kind::Recall) {
        return Ok(());
    }
    let Some((header, content)) = of_others(node, arrival)? else {
        return Ok(());
    };
    match content.as_ref() {
        Content::Retract(retract) => node.answer_retraction(&header, arrival, retract).await,
        Content::Recall(recall) => node.answer_recall(&header, arrival, recall).await,
        _ => Ok(()),
    }
}

/// A control record of somebody else: our own words need no answer of ours.
fn of_others(node: &Node, arrival: Arrival) -> Result<Option<(Header, Arc<Content>)>, StoreError> {
    let Some(content) = node.share.owed.says(&node.store, arrival)? else {
        return Ok(None);
    };
    let header = node.store.header(arrival)?;
    Ok(header
        .filter(|h| h.author != node.registry.own())
        .map(|h| (h, content)))
}

async fn owed(node: &Node, after: Arrival) -> Result<Vec<(Arrival, u8)>, WithdrawalError> {
    let store = node.store.clone();
    blocking(move || store.owed(after, limits::WITHDRAWALS_READ)).await
}

fn mark(name: &str, at: Arrival) -> Op {
    Op::PutMeta {
        name: name.into(),
        bytes: at.0.to_be_bytes().to_vec().into(),
    }
}

/// The envelope of a withdrawal or a receipt: of the record that it concerns or answers it
/// keeps what a reader needs to handle it, and nothing that says what that one is about.
pub(crate) fn envelope(title: &str, of: &Fields) -> Fields {
    Fields {
        title: title.into(),
        summary: None,
        refs: Vec::new(),
        supersedes: None,
        thread: None,
        handling: Vec::new(),
        handling_note: None,
        review_by: None,
        expires: None,
        onward: Onward::None,
        crime: Vec::new(),
        class: None,
        basis: None,
        grade: None,
        legal_basis: None,
        ..of.clone()
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, WithdrawalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(WithdrawalError::Stopping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_that_can_t_be_counted_yet_take_no_memory_without_end() {
        let mut work = Work {
            read: Arrival(0),
            erased: Arrival(0),
            answered: Arrival(0),
            marked: Arrival(0),
            recount: BTreeSet::new(),
            left_out: None,
            due: None,
        };
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            RecordId::from_bytes(id)
        };
        for n in 0..limits::WITHDRAWALS_READ + 9 {
            work.count(Arrival(n as u64), id(n));
            work.count(Arrival(n as u64), id(0));
        }
        assert_eq!(work.recount.len(), limits::WITHDRAWALS_READ);
        // From there on they are read once more.
        let first = limits::WITHDRAWALS_READ as u64;
        assert_eq!(work.left_out, Some(Arrival(first)));
    }
}
