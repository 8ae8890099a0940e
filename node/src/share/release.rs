//! Releases: decided anew, written down, and only then given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;

use super::{Ahead, Route, SEALED, Share};
use crate::audit::{self, Act, AuditError, Who};
use crate::kind;
use crate::store::{
    Arrival, Cursor, Direction, Flags, Header, LedgerEntry, Op, OpOutcome, StoreError,
};

/// The bytes of a record that both gates let one peer have, and that the ledger says so.
/// Only [`Share::release`] makes one.
#[derive(Clone, Debug)]
pub struct Released {
    to: AgencyId,
    id: RecordId,
    bytes: Bytes,
}

impl Released {
    /// The peer that may have it.
    pub fn to(&self) -> &AgencyId {
        &self.to
    }

    /// The record.
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// Its exact bytes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The ledger can't be written, or the store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't be written down who got what.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// How a record on offer was answered: what the sessions report back.
pub type Settled = (Arrival, Answer);

impl Share {
    /// Decides anew each record that a peer wants, writes the releases into the ledger and the
    /// audit log, and only then gives the bytes. `None` for what it may not have, has not, or is gone: a
    /// refusal looks like an unknown id. It goes by `route`, and the ledger says so.
    ///
    /// # Errors
    /// The store can't be read, or one of the two can't be written; nothing was released then.
    pub async fn release(
        &self,
        peer: AgencyId,
        wanted: Vec<Arrival>,
        route: Route,
    ) -> Result<Vec<Option<Released>>, ReleaseError> {
        self.release_behind(peer, wanted, route, Ahead::NONE).await
    }

    /// As [`Share::release`], for records that stand behind others in the same parcel.
    ///
    /// # Errors
    /// As there.
    pub async fn release_behind(
        &self,
        peer: AgencyId,
        wanted: Vec<Arrival>,
        route: Route,
        ahead: Ahead,
    ) -> Result<Vec<Option<Released>>, ReleaseError> {
        let before = ahead.clone();
        let this = self.clone();
        let epoch = self.policies.current().epoch();
        let prepared = tokio::task::spawn_blocking(move || {
            this.prepare(&peer, wanted, (route, before), epoch)
        })
        .await
        .map_err(|_| StoreError::Closed {
            dir: self.store.dir().to_path_buf(),
        })??;
        let mut ops = Vec::new();
        for one in prepared.iter().flatten() {
            ops.push(Op::Release {
                peer,
                arrival: one.arrival,
                entry: one.entry.clone(),
                lifts: one.lifts,
            });
        }
        let lines = disclosures(peer, epoch, &prepared);
        let audited = async {
            if lines.is_empty() {
                return Ok(0);
            }
            self.audit.write(lines).await
        };
        let (stored, audited) = tokio::join!(self.store.write(ops), audited);
        let mut entered = stored?.into_iter();
        audited?;
        let same_epoch = self.policies.current().epoch() == epoch;
        let mut out = Vec::with_capacity(prepared.len());
        for one in prepared {
            let entered = one.is_some() && entered.next() == Some(OpOutcome::Done);
            out.push(match one {
                // Whatever came in while the ledger was written (a retraction, a narrower list,
                // a permit withdrawn, a key revoked) finds the line there and follows; but then
                // the record itself must not go out any more.
                Some(one)
                    if entered
                        && same_epoch
                        && self.may_still(&peer, one.arrival, route, &ahead)? =>
                {
                    Some(Released {
                        to: peer,
                        id: one.id,
                        bytes: one.bytes,
                    })
                }
                _ => None,
            });
        }
        let passed = out.iter().flatten().count() as u64;
        self.passed
            .of(route.path())
            .fetch_add(passed, Ordering::Relaxed);
        Ok(out)
    }

    fn prepare(
        &self,
        peer: &AgencyId,
        wanted: Vec<Arrival>,
        (route, ahead): (Route, Ahead),
        epoch: u64,
    ) -> Result<Vec<Option<Prepared>>, StoreError> {
        let at = self.clock.now();
        wanted
            .into_iter()
            .map(|arrival| {
                let Some(header) = self.store.header(arrival)? else {
                    return Ok(None);
                };
                // Before it is decided: what is recalled later is not released.
                let lifts = self.store.recalled(&header.id, peer)?;
                let decided = self.decide_behind(ahead.clone(), route, peer, arrival, &header)?;
                if !decided.allow {
                    return Ok(None);
                }
                let Some(bytes) = self.store.record(arrival)? else {
                    return Ok(None);
                };
                let sealed = kind::is_sealed(&header);
                let bytes = match sealed {
                    true => self.wrapped(peer, &header, &bytes),
                    false => Some(bytes),
                };
                let Some(bytes) = bytes else {
                    return Ok(None);
                };
                let entry = LedgerEntry {
                    direction: Direction::Sent,
                    at,
                    epoch,
                    rule: if sealed { SEALED.into() } else { decided.rule },
                    path: route.path(),
                    answer: None,
                };
                Ok(Some(Prepared {
                    arrival,
                    id: header.id,
                    bytes,
                    entry,
                    lifts,
                }))
            })
            .collect()
    }

    /// A sealed record with its key wrapped to the peer; none where that can't be done now.
    fn wrapped(&self, peer: &AgencyId, header: &Header, bytes: &Bytes) -> Option<Bytes> {
        let key = self.registry.sealing_key(peer, self.clock.now())?;
        match self.vault.frame(&header.id, bytes, peer, &key) {
            Ok(frame) => Some(frame),
            Err(error) => {
                tracing::error!(record = %header.id.short(), %error, "a sealed record stays here");
                None
            }
        }
    }

    /// Whether a peer may have a record still, as everything stands now.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn may_still(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        route: Route,
        ahead: &Ahead,
    ) -> Result<bool, StoreError> {
        let Some(header) = self.store.header(arrival)? else {
            return Ok(false);
        };
        let decided = self.decide_behind(ahead.clone(), route, peer, arrival, &header)?;
        Ok(decided.allow)
    }

    /// Writes what a peer answered, and moves its cursor. `route` is the way that the records
    /// were offered; how a released one went says its line already.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn settle(
        &self,
        peer: AgencyId,
        route: Route,
        answers: Vec<Settled>,
        cursor: Option<Cursor>,
    ) -> Result<(), StoreError> {
        let at = self.clock.now();
        let epoch = self.policies.current().epoch();
        // Where no line stands, the peer answered without a release: it had the record, or
        // did not want it.
        let offered: Arc<str> = "offered".into();
        let stored: Vec<Arrival> = answers
            .iter()
            .filter(|(_, answer)| *answer == Answer::Stored)
            .map(|(arrival, _)| *arrival)
            .collect();
        let said_again = self.said_again(&peer, &answers)?;
        let reopened = !said_again.is_empty();
        let mut ops: Vec<Op> = answers
            .into_iter()
            .map(|(arrival, answer)| Op::Answer {
                peer,
                arrival,
                entry: LedgerEntry {
                    direction: Direction::Offered,
                    at,
                    epoch,
                    rule: offered.clone(),
                    path: route.path(),
                    answer: Some(answer),
                },
            })
            .collect();
        ops.extend(said_again);
        ops.extend(cursor.map(|cursor| Op::Cursor { peer, cursor }));
        if ops.is_empty() {
            return Ok(());
        }
        self.store.write(ops).await?;
        // A permit came to the peer: what it lets the peer have is looked at now.
        if stored.iter().any(|at| self.leaves.permits(*at).is_some()) {
            self.owed.recheck();
        }
        // One that was retracted between offer and answer: the retraction was looked at when no
        // line said yet that the peer has what it concerns.
        // Nor had the peer it when it refused a permit of it.
        let (mut owed, mut affirmed) = (reopened, false);
        for arrival in stored {
            if let Some(header) = self.store.header(arrival)? {
                owed |= header.flags.contains(Flags::RETRACTED) || self.leaves.concern(&header.id);
                affirmed |= kind::of(&header) == Some(Kind::Affirm);
            }
        }
        if owed {
            self.owed.recheck();
        }
        // The peer knows now whose word records under a lost key are: a repair finds them.
        if affirmed {
            self.registry.announce();
        }
        Ok(())
    }
}

impl Share {
    /// What answers about a record that is recalled open again. A recall that came before its
    /// record, and was refused for that, is told once the record came after all. And a record that
    /// the recall keeps out may be offered again when the gates allow it.
    fn said_again(&self, peer: &AgencyId, answers: &[Settled]) -> Result<Vec<Op>, StoreError> {
        let mut ops = Vec::new();
        for (arrival, answer) in answers {
            if ![Answer::Stored, Answer::Refused(Refused::Retracted)].contains(answer) {
                continue;
            }
            let Some(header) = self.store.header(*arrival)? else {
                continue;
            };
            let Some(recall) = self.store.recalled(&header.id, peer)? else {
                continue;
            };
            let open = match (answer, self.store.arrival_of(&recall)?) {
                (Answer::Stored, Some(recall)) => {
                    let line = self.store.ledger_entry(peer, recall)?;
                    let now = answers.iter().find(|(at, _)| *at == recall);
                    let said = now.map(|(_, a)| *a).or(line.and_then(|l| l.answer));
                    (said == Some(Answer::Refused(Refused::Handling))).then_some(recall)
                }
                (Answer::Stored, None) => None,
                _ => Some(*arrival),
            };
            ops.extend(open.map(|arrival| Op::Reopen {
                peer: *peer,
                arrival,
            }));
        }
        Ok(ops)
    }
}

/// What the audit log is told of a release: a line a statement of the policy.
fn disclosures(peer: AgencyId, epoch: u64, prepared: &[Option<Prepared>]) -> Vec<audit::Entry> {
    let mut by_rule: BTreeMap<&str, Vec<RecordId>> = BTreeMap::new();
    for one in prepared.iter().flatten() {
        by_rule.entry(&one.entry.rule).or_default().push(one.id);
    }
    by_rule
        .into_iter()
        .map(|(rule, records)| audit::Entry {
            peers: vec![peer],
            rule: Some(rule.to_owned()),
            epoch: Some(epoch),
            records,
            ..audit::Entry::new(Who::Node, Act::Disclose, "share")
        })
        .collect()
}

struct Prepared {
    arrival: Arrival,
    id: RecordId,
    bytes: Bytes,
    entry: LedgerEntry,
    /// The recall that it goes against.
    lifts: Option<RecordId>,
}
