//! How an admitted record enters the store, and what follows from that.

use std::sync::PoisonError;

use bytes::Bytes;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Plane, ReceiptWhat};
use liaison_protocol::record::kinds::{Affirm, Content};
use liaison_protocol::record::signed::SignedRecord;

use super::Ingest;
use super::admit::Admitted;
use super::received::Brought;
use crate::registry::{card_op, statement_op};
use crate::store::{Direction, Flags, LedgerEntry, Op, OpOutcome, StoreError};

/// Prefix of the stored values that name affirmations whose records are still to be offered
/// again. Written with the affirmation: a node that dies in between goes on at its next start.
const REOPEN: &str = "reopen/";

impl Ingest {
    pub(super) fn insert(
        &self,
        one: &Admitted,
        from: Option<(Brought, u64)>,
        audience: Option<Vec<AgencyId>>,
    ) -> Op {
        let now = self.0.clock.now();
        let ledger = from.map(|(from, epoch)| {
            let entry = LedgerEntry {
                direction: Direction::Received,
                at: now,
                epoch,
                rule: one.rule.clone(),
                path: from.route.path(),
                answer: Some(Answer::Stored),
            };
            (from.courier, entry)
        });
        let courier = from.map(|(from, _)| from.courier);
        let made = from.and_then(|(from, _)| from.made);
        let record = one.to_new(courier, audience, now, made);
        Op::Insert {
            record: Box::new(record),
            ledger,
        }
    }

    /// A record of ours that a peer gives back to us has lost its distribution list, which is
    /// on no wire: it goes to nobody but that peer until an officer says more.
    pub(super) fn list_of_lost(&self, courier: AgencyId, one: &Admitted) -> Option<Vec<AgencyId>> {
        let kind = one.record.kind();
        // A sealed one is given back by nobody.
        let listed = kind.plane() == Plane::Strategic && kind != Kind::Contact;
        (listed && one.record.author() == self.0.registry.own()).then(|| vec![courier])
    }

    /// What an officer has to decide anew is noted: a record of ours that lost its list; and, while
    /// we catch up, one of which a holder says that it erased it by a withdrawal that we do not
    /// have any more. That one goes to nobody until then: our list is older than the withdrawal.
    pub(super) fn undecided(&self, courier: &AgencyId, one: &Admitted) -> Vec<Op> {
        let note = |of: &RecordId| Op::PutMeta {
            name: crate::share::undecided(of),
            bytes: Bytes::new(),
        };
        if self.list_of_lost(*courier, one).is_some() {
            return vec![note(&one.record.id())];
        }
        let Content::Receipt(receipt) = &one.record.record().content else {
            return Vec::new();
        };
        let store = &self.0.store;
        let lost = receipt.what == ReceiptWhat::Erased
            && self.0.catch_up.waits_for(courier)
            && matches!(store.arrival_of(&receipt.r#for), Ok(None));
        let Ok(Some(arrival)) = store.arrival_of(&receipt.of) else {
            return Vec::new();
        };
        let header = store.header(arrival).ok().flatten();
        if !lost || header.is_none_or(|h| h.author != self.0.registry.own()) {
            return Vec::new();
        }
        let list = Op::Audience {
            arrival,
            audience: Some(Vec::new()),
        };
        vec![list, note(&receipt.of)]
    }

    /// Cards and keys statements are kept a second time, where the next start finds them; of an
    /// affirmation, that its records are to be offered again.
    pub(super) fn keep(&self, one: &Admitted) -> Option<Op> {
        match &one.record.record().content {
            Content::Contact(_) => card_op(&one.record),
            // One statement is kept: an older one that comes late must not take its place.
            Content::Keys(keys) => {
                let known = self.0.registry.agency(&one.record.author());
                let known = known.as_ref().filter(|a| a.is_reachable());
                let newest = known.and_then(|a| a.statement_body());
                let newer = newest.is_none_or(|newest| keys.number >= newest.number);
                newer.then(|| statement_op(&one.record))
            }
            Content::Affirm(_) => Some(Op::PutMeta {
                name: reopen_name(&one.record.id()),
                bytes: Bytes::new(),
            }),
            _ => None,
        }
    }

    /// What follows from what was stored. Whether the registry learned something, of which
    /// nobody is told yet; `brought`: from what a peer brought, also of our own.
    pub(super) fn after(&self, ready: &[Admitted], outcomes: &[OpOutcome], brought: bool) -> bool {
        let now = self.0.clock.now();
        let own = self.0.registry.own();
        let (mut learned, mut owed) = (false, false);
        let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
        for (one, outcome) in ready.iter().zip(outcomes) {
            let OpOutcome::Stored { touched, arrival } = outcome else {
                continue;
            };
            if let Some(withdrawn) = touched {
                self.0.search.forget(withdrawn.0);
            }
            // It came back under its old number, which the index has passed.
            if one.lifts.is_some() {
                self.0.search.forget(arrival.0);
                self.0.owed.note_back(one.record.id());
            }
            let created = one.record.record().envelope.created;
            hlc.witness(created, now);
            let (author, kind) = (one.record.author(), one.record.kind());
            self.0.newest.note(author, kind, created.wall());
            let content = &one.record.record().content;
            let news = match content {
                Content::Contact(_) | Content::Keys(_) => brought || one.record.author() != own,
                Content::Affirm(_) => true,
                _ => false,
            };
            if news {
                self.0.registry.learn(&one.record);
                learned = true;
            }
            // Before it is told: what a permit is of may be looked at at once.
            let statement = one.record.record();
            let (id, key) = (one.record.id(), one.record.key());
            self.0.leaves.note(*arrival, id, key, statement);
            if self.0.leaves.concern(&one.record.id()) {
                // A permit came ahead of its record: it may be owed to others now.
                self.0.owed.recheck();
            }
            if one.is_owed() {
                owed = true;
            }
        }
        drop(hlc);
        // Together: a card that revokes a key goes out beside the statement under the next.
        if owed {
            self.0.owed.note();
        }
        learned
    }

    /// Drops the stored cards that nothing rests on any more, so that a peer with ever new ones
    /// fills no disk. What stays for an error leaves after the next start.
    pub(crate) async fn drop_superseded(&self) {
        let ops = self.0.registry.card_ops();
        for some in ops.chunks(crate::limits::STORE_BATCH_OPS) {
            if let Err(error) = self.0.store.write(some.to_vec()).await {
                tracing::error!(%error, "cards that are superseded were not dropped");
                return;
            }
        }
    }

    /// Marks what was judged before its key was revoked, and stored after the look through the
    /// store that marks what is held.
    pub(super) async fn mark_lost(&self, ready: &[Admitted], outcomes: &[OpOutcome]) {
        let mut ops = Vec::new();
        for (one, outcome) in ready.iter().zip(outcomes) {
            let OpOutcome::Stored { arrival, .. } = outcome else {
                continue;
            };
            // Cards are the root key's word.
            let lost = self.0.registry.keys(&one.record.author());
            let lost = lost.is_some_and(|keys| !keys.stands(&one.record.key()));
            if lost && !one.key_lost && one.record.kind() != Kind::Contact {
                ops.push(Op::SetFlags {
                    arrival: *arrival,
                    set: Flags::KEY_LOST,
                    clear: Flags::NONE,
                });
            }
        }
        if !ops.is_empty()
            && let Err(error) = self.0.store.write(ops).await
        {
            tracing::error!(%error, "records under a revoked key were not marked");
        }
    }

    /// What peers refused for its compromised key and what its author has affirmed now is
    /// offered to them again.
    pub(super) async fn reopen(&self, ready: &[Admitted]) {
        for one in ready {
            let Content::Affirm(affirm) = &one.record.record().content else {
                continue;
            };
            if let Err(error) = self.reopen_affirmed(&one.record.id(), affirm).await {
                tracing::error!(%error, "what was affirmed is offered again after the next start only");
            }
        }
    }

    /// Goes on with what the last run of the node left of that.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn resume_reopening(&self) -> Result<(), StoreError> {
        let store = &self.0.store;
        loop {
            let left = store.metas(REOPEN, crate::limits::STORE_BATCH_OPS)?;
            if left.is_empty() {
                return Ok(());
            }
            for (name, _) in left {
                let id = name.strip_prefix(REOPEN).and_then(|id| id.parse().ok());
                let arrival = match &id {
                    Some(id) => store.arrival_of(id)?,
                    None => None,
                };
                let bytes = match arrival {
                    Some(arrival) => store.record(arrival)?,
                    None => None,
                };
                let signed = bytes.and_then(|bytes| SignedRecord::parse(bytes).ok());
                match (id, signed.as_ref().map(|s| &s.unverified().content)) {
                    (Some(id), Some(Content::Affirm(affirm))) => {
                        self.reopen_affirmed(&id, affirm).await?;
                    }
                    // Not an affirmation that we hold (any more).
                    _ => {
                        store.write(vec![Op::DeleteMeta { name }]).await?;
                    }
                }
            }
        }
    }

    async fn reopen_affirmed(&self, id: &RecordId, affirm: &Affirm) -> Result<(), StoreError> {
        let store = &self.0.store;
        let mut ops = Vec::new();
        for of in &affirm.records {
            let Some(arrival) = store.arrival_of(of)? else {
                continue;
            };
            for (peer, line) in store.ledgers_for(arrival)? {
                if line.answer == Some(Answer::Refused(Refused::Signature)) {
                    let entry = LedgerEntry {
                        answer: Some(Answer::Later(Later::UnknownAuthor)),
                        ..line
                    };
                    ops.push(Op::Answer {
                        peer,
                        arrival,
                        entry,
                    });
                }
            }
        }
        ops.push(Op::DeleteMeta {
            name: reopen_name(id),
        });
        for some in ops.chunks(crate::limits::STORE_BATCH_OPS) {
            store.write(some.to_vec()).await?;
        }
        Ok(())
    }
}

fn reopen_name(affirmation: &RecordId) -> String {
    format!("{REOPEN}{}", affirmation.full())
}
