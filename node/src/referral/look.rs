//! Taking up what changed in the vault.

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::Answer;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::Party;
use liaison_protocol::personal::{Part, Personal, VictimReferral};
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;

use super::book::{Notice, Piece, Seen, What};
use super::{ReferralError, Thread};
use crate::limits;
use crate::node::Node;
use crate::notify::Thing;
use crate::vault::Change;

impl Node {
    /// Takes up what changed since the last time.
    pub(super) async fn take_up(&self) -> Result<(), ReferralError> {
        loop {
            let after = self.referrals.book().taken;
            let changes = self.vault.after(after, limits::REFERRAL_CHANGES);
            let Some((last, _)) = changes.last() else {
                return Ok(());
            };
            let last = *last;
            let node = self.clone();
            let seen = blocking(move || {
                let look = |(_, change): (u64, Change)| match change {
                    Change::Opened(id) => (id, node.look(&id)),
                    Change::Gone(id) => (id, None),
                };
                Ok(changes.into_iter().map(look).collect::<Vec<_>>())
            })
            .await?;
            // Of what is erased nobody has to know who worked on it.
            let gone = seen.iter().filter(|(_, s)| s.is_none());
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
                    .filter(|(_, s)| s.as_ref().is_some_and(|s| s.is_of_others(&own)))
                    .count(),
                false => 0,
            };
            self.notify.tell(Thing::New, news as u64);
            for (id, seen) in seen {
                match seen {
                    Some(seen) => book.take(id, seen),
                    None => book.gone(&id),
                }
            }
            book.fold();
            book.taken = last;
        }
    }

    /// What a sealed record is to referrals; none: nothing, or it is gone meanwhile.
    fn look(&self, id: &RecordId) -> Option<Seen> {
        match self.looked(id) {
            Ok(seen) => seen,
            Err(error) => {
                tracing::error!(record = %id.short(), %error, "a sealed record is left out of the referrals");
                None
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

/// Work that waits for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReferralError> + Send + 'static,
) -> Result<T, ReferralError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(ReferralError::Stopping),
    }
}
