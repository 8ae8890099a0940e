//! Taking up what changed in the vault.

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::Party;
use liaison_protocol::personal::{Part, Personal, VictimReferral};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;

use super::book::{Looked, Notice, Piece, Seen, What};
use super::{ReferralError, Thread};
use crate::keyring::KeyringError;
use crate::limits;
use crate::node::Node;
use crate::notify::Thing;
use crate::vault::{Change, VaultError};

impl Node {
    /// Takes up what changed since the last time.
    pub(super) async fn take_up(&self) -> Result<(), ReferralError> {
        loop {
            let (after, again) = {
                let book = self.referrals.book();
                (book.taken, book.again())
            };
            let changes = self.vault.after(after, limits::REFERRAL_CHANGES);
            let last = changes.last().map(|(last, _)| *last);
            if last.is_none() && again.is_empty() {
                return Ok(());
            }
            let node = self.clone();
            let seen = blocking(move || {
                let new = changes.into_iter().map(|(_, change)| match change {
                    Change::Opened(id) => (id, node.look(&id)),
                    Change::Gone(id) => (id, Looked::Nothing),
                });
                let again = again.into_iter().map(|id| (id, node.look(&id)));
                // What changed since then is told by the change.
                Ok(again.chain(new).collect::<Vec<_>>())
            })
            .await?;
            // Of what is erased nobody has to know who worked on it.
            let gone = seen.iter().filter(|(_, s)| matches!(s, Looked::Nothing));
            let gone: Vec<RecordId> = gone.map(|(id, _)| *id).collect();
            if !gone.is_empty() {
                let node = self.clone();
                blocking(move || {
                    let forget = |id| node.looks.forget(id);
                    Ok(gone.iter().try_for_each(forget)?)
                })
                .await?;
            }
            let own = self.registry.own();
            let mut book = self.referrals.book();
            // What was here at the start is no news.
            let news = match book.filled {
                true => seen
                    .iter()
                    .filter(|(_, s)| matches!(s, Looked::Is(s) if s.is_of_others(&own)))
                    .count(),
                false => 0,
            };
            self.notify.tell(Thing::New, news as u64);
            for (id, seen) in seen {
                book.looked(id, seen);
            }
            book.fold();
            let Some(last) = last else {
                return Ok(());
            };
            book.taken = last;
        }
    }

    /// What a sealed record is to referrals.
    fn look(&self, id: &RecordId) -> Looked {
        match self.looked(id) {
            Ok(Some(seen)) => Looked::Is(seen),
            Ok(None) => Looked::Nothing,
            Err(error) if is_of_the_disk(&error) => {
                tracing::error!(record = %id.short(), %error, "a sealed record can't be looked at; it is tried again");
                Looked::Unclear
            }
            Err(error) => {
                tracing::error!(record = %id.short(), %error, "a sealed record is left out of the referrals");
                Looked::Nothing
            }
        }
    }

    fn looked(&self, id: &RecordId) -> Result<Option<Seen>, ReferralError> {
        let (Some(gist), Some(inside)) = (self.vault.gist(id), self.vault.inside(id)?) else {
            return Ok(None);
        };
        let Some(arrival) = self.store.arrival_of(id)? else {
            return Ok(None);
        };
        let Some(bytes) = self.store.record(arrival)? else {
            return Ok(None);
        };
        let Ok(signed) = SignedRecord::parse(bytes) else {
            return Ok(None);
        };
        let record = signed.unverified();
        let at = record.envelope.created.wall();
        let own = self.registry.own();
        let ours = gist.author == own;
        let on_the_way = match (ours, gist.recipients.first()) {
            (true, Some(to)) => !self.has(id, to)?,
            _ => false,
        };
        let piece = |what| {
            let piece = Piece {
                author: gist.author,
                at,
                what,
                on_the_way,
            };
            Ok(Some(Seen::Piece(gist.thread, piece)))
        };
        match &inside.content {
            Personal::Referral(VictimReferral { part }) => match part {
                Part::Profile(profile) if gist.thread == *id => {
                    let mut recipients = gist.recipients.iter();
                    let (Some(to), None) = (recipients.next(), recipients.next()) else {
                        tracing::warn!(record = %id.short(), "a profile with several readers is no referral here");
                        return Ok(None);
                    };
                    let (role, peer) = match ours {
                        true => (Party::Originator, *to),
                        false => (Party::Provider, gist.author),
                    };
                    let Content::Sealed(stub) = &record.content else {
                        return Ok(None);
                    };
                    // The stub says by when it is to be decided.
                    let decide = self
                        .referrals
                        .table()
                        .decide
                        .of(profile.effective_urgency());
                    let start = stub
                        .respond_by
                        .map_or(at, |by| Millis(by.0.saturating_sub(decide)).max(at));
                    let mut thread = Thread::new(*id, role, (own, peer), (at, start), profile);
                    if on_the_way {
                        thread.on_the_way.insert(*id);
                    }
                    Ok(Some(Seen::Profile(Box::new(thread))))
                }
                part => piece(What::Part(part.code())),
            },
            Personal::Step(step) if step.on == gist.thread => piece(What::Step(step.clone())),
            Personal::Step(_) => {
                tracing::warn!(record = %id.short(), "a step names another thread than its stub; it is left out");
                Ok(None)
            }
            Personal::Overdue(overdue) => Ok(Some(Seen::Overdue(Notice {
                by: gist.author,
                thread: overdue.thread,
                silent: overdue.silent,
                at,
            }))),
        }
    }

    /// Whether a peer's node said that it has a record.
    pub(super) fn has(&self, id: &RecordId, peer: &AgencyId) -> Result<bool, ReferralError> {
        let Some(arrival) = self.store.arrival_of(id)? else {
            return Ok(false);
        };
        let line = self.store.ledger_entry(peer, arrival)?;
        Ok(line.is_some_and(|line| line.answer == Some(Answer::Stored)))
    }
}

/// Whether the disk did not answer (too many open files, for one), so that nothing is known of
/// what lies there.
fn is_of_the_disk(error: &ReferralError) -> bool {
    matches!(
        error,
        ReferralError::Store(_)
            | ReferralError::Vault(
                VaultError::Store(_) | VaultError::Keyring(KeyringError::Io { .. })
            )
    )
}

/// Work that waits for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReferralError> + Send + 'static,
) -> Result<T, ReferralError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(ReferralError::Stopping),
    }
}
