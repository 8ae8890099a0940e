//! The one way out: decide, ledger, release. Nothing else makes a [`Released`], and the
//! sessions take nothing else.

mod affirmed;
mod change;
mod decide;
mod leave;
mod owed;
mod passed;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, Purpose, ReceiptWhat, Tlp};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::wire::Item;
use liaison_protocol::wire::repair::Entry;

pub use self::change::{Changed, Effect, Step};
pub use self::decide::{Decided, Gate, GateWord};
pub use self::leave::{Leave, LeaveKind, Leaves};
pub use self::owed::{Look, Owed};
pub use self::passed::{
    HELD_ALREADY, RECALLED, UNDECIDED, WITHDRAWN, passed, released, released_to_us, undecided,
};
use crate::audit::{self, Act, Audit, AuditError, Who};
use crate::clock::Clock;
use crate::kind;
use crate::limits;
use crate::policy::Policies;
use crate::registry::Registry;
use crate::store::{
    Arrival, Cursor, Direction, Flags, Header, LedgerEntry, Op, Path, Store, StoreError,
};
use crate::time::Timekeeper;

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

/// What share works with. Clones share it.
#[derive(Clone)]
pub struct Share {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) policies: Arc<Policies>,
    pub(crate) owed: Owed,
    pub(crate) leaves: Leaves,
    pub(crate) clock: Arc<dyn Clock>,
    time: Timekeeper,
    pub(crate) audit: Audit,
    classes: Arc<decide::Classes>,
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

/// A stretch of the store, decided for one peer.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The last arrival looked at.
    pub up_to: Arrival,
    /// What to offer.
    pub items: Vec<Candidate>,
    /// Whether the store goes on after it.
    pub more: bool,
}

/// How a peer stands, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// It may have them and has not answered.
    pub behind: u64,
    /// The gates do not let it have them.
    pub withheld: u64,
}

/// A record to be offered. Its arrival stays here; only the item goes to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it stands in the store.
    pub arrival: Arrival,
    /// What the peer is told.
    pub item: Item,
}

impl Candidate {
    fn new(arrival: Arrival, header: &Header) -> Self {
        let item = Item {
            id: header.id,
            created: header.created,
            size: header.size,
        };
        Self { arrival, item }
    }
}

/// How a record on offer was answered: what the sessions report back.
pub type Settled = (Arrival, Answer);

impl Share {
    /// Puts share together.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that share uses, once"
    )]
    pub fn new(
        store: Store,
        registry: Registry,
        policies: Arc<Policies>,
        owed: Owed,
        leaves: Leaves,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
        audit: Audit,
    ) -> Self {
        Self {
            store,
            registry,
            policies,
            owed,
            leaves,
            clock,
            time,
            audit,
            classes: Arc::default(),
        }
    }

    /// The next candidates for a peer after an arrival: at most `offers` of them, out of at
    /// most `rows` records looked at. What the peer has, or has answered, is left out.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn scan(
        &self,
        peer: &AgencyId,
        after: Arrival,
        rows: usize,
        offers: usize,
    ) -> Result<Scan, StoreError> {
        let mut scan = Scan {
            up_to: after,
            items: Vec::new(),
            more: true,
        };
        let mut left = rows;
        // As many rows at a time as may be offered: a full batch leaves few to be read again.
        while left > 0 && scan.items.len() < offers {
            let room = offers - scan.items.len();
            let page = left.min(room.clamp(limits::SCAN_PAGE, limits::STORE_ROWS));
            let from = scan.up_to.next();
            let headers = self.store.headers(from, page)?;
            if headers.len() < page {
                scan.more = false;
            }
            let mut lines = self
                .store
                .ledger_of(peer, from, page)?
                .into_iter()
                .peekable();
            for (arrival, header) in headers {
                if scan.items.len() >= offers {
                    scan.more = true;
                    break;
                }
                scan.up_to = arrival;
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let settled = lines
                    .next_if(|(at, _)| *at == arrival)
                    .is_some_and(|(_, l)| l.direction == Direction::Received || l.answer.is_some());
                if settled || !self.decide_header(peer, arrival, &header)?.allow {
                    continue;
                }
                scan.items.push(Candidate::new(arrival, &header));
            }
            if !scan.more {
                break;
            }
            left -= page;
        }
        Ok(scan)
    }

    /// What is owed to a peer and was not given yet, among the retractions, cards and keys
    /// statements after an arrival: at most `limit`, as a scan of that list.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn owed(&self, peer: &AgencyId, after: Arrival, limit: usize) -> Result<Scan, StoreError> {
        let arrivals = self.store.owed(after, limits::SCAN_ROWS)?;
        let mut scan = Scan {
            up_to: after,
            items: Vec::new(),
            more: arrivals.len() >= limits::SCAN_ROWS,
        };
        for (arrival, _) in arrivals {
            if scan.items.len() >= limit {
                scan.more = true;
                break;
            }
            scan.up_to = arrival;
            let given = self
                .store
                .ledger_entry(peer, arrival)?
                .is_some_and(|entry| {
                    entry.direction == Direction::Received || entry.answer.is_some()
                });
            if given {
                // What a permit lets the peer have follows once the peer has the permit.
                if let Some(of) = self.leaves.permits(arrival)
                    && let Some(record) = self.permitted(peer, &of)?
                    && !scan.items.contains(&record)
                {
                    scan.items.push(record);
                }
                continue;
            }
            let Some(header) = self.store.header(arrival)? else {
                continue;
            };
            if self.decide_header(peer, arrival, &header)?.allow {
                scan.items.push(Candidate::new(arrival, &header));
            }
        }
        Ok(scan)
    }

    /// A record that a permit is of, if the peer may have it and has not answered yet.
    fn permitted(&self, peer: &AgencyId, of: &RecordId) -> Result<Option<Candidate>, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(None);
        };
        // An earlier permit, at its end by the peer's clock, may have cost it the record: a newer
        // one brings it.
        let handling = Some(Answer::Refused(Refused::Handling));
        let settled = self.store.ledger_entry(peer, arrival)?.is_some_and(|line| {
            let answered = line.answer.is_some() && line.answer != handling;
            line.direction == Direction::Received || answered
        });
        let Some(header) = self.store.header(arrival)?.filter(|_| !settled) else {
            return Ok(None);
        };
        let decided = self.decide_header(peer, arrival, &header)?;
        Ok(decided.allow.then(|| Candidate::new(arrival, &header)))
    }

    /// What a peer asked to be offered again, because it answered `later`: the next after an
    /// arrival, and where to go on; none at the end.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn again(
        &self,
        peer: &AgencyId,
        after: Arrival,
        limit: usize,
    ) -> Result<(Vec<Candidate>, Option<Arrival>), StoreError> {
        let arrivals = self.store.later(peer, after.next(), limit)?;
        let more = arrivals.last().copied().filter(|_| arrivals.len() >= limit);
        Ok((self.items(peer, arrivals)?, more))
    }

    /// Of what a repair found that a peer lacks, what it may have, decided now. What a scan
    /// that stands at `scanned` will come to is left to it: its cursor then moves past what
    /// is answered, and past nothing else.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn lacking(
        &self,
        peer: &AgencyId,
        ids: &[RecordId],
        scanned: Arrival,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut arrivals = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(arrival) = self.store.arrival_of(id)? else {
                continue;
            };
            let left_to_scan = arrival > scanned
                && self
                    .store
                    .ledger_entry(peer, arrival)?
                    .is_none_or(|l| l.direction != Direction::Received && l.answer.is_none());
            if !left_to_scan {
                arrivals.push(arrival);
            }
        }
        self.items(peer, arrivals)
    }

    /// What this node and a peer both may know of: the records that it may have now, and
    /// every id that passed between the two, whatever came of it. Nothing else may enter a
    /// repair with it.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn mutual(&self, peer: &AgencyId) -> Result<Vec<Entry>, StoreError> {
        let rows = limits::STORE_ROWS;
        let mut entries = Vec::new();
        let mut after = Arrival(0);
        loop {
            let headers = self.store.headers(after.next(), rows)?;
            let Some((last, _)) = headers.last() else {
                break;
            };
            let mut lines = self
                .store
                .ledger_of(peer, after.next(), rows)?
                .into_iter()
                .peekable();
            after = *last;
            for (arrival, header) in headers {
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let passed = lines.next_if(|(at, _)| *at == arrival).is_some();
                if passed || self.decide_header(peer, arrival, &header)?.allow {
                    entries.push(Entry {
                        created: header.created,
                        id: header.id,
                    });
                }
            }
        }
        let epoch = self.policies.current().epoch();
        let mut refused_after = None;
        loop {
            let refused = self.store.refused_of(peer, refused_after.as_ref(), rows)?;
            let Some((last, _)) = refused.last() else {
                break;
            };
            refused_after = Some(*last);
            // A refusal of an earlier policy leaves: the record may be wanted now.
            let standing = refused.into_iter().filter(|(_, r)| r.epoch == epoch);
            entries.extend(standing.map(|(id, r)| Entry {
                created: r.created,
                id,
            }));
        }
        Ok(entries)
    }

    /// Control traffic that is owed to an agency and that it has not taken yet, whether it is a
    /// peer still or not; without our card and keys, which concern everybody.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn unanswered(&self, peer: &AgencyId) -> Result<Vec<(Arrival, Header)>, StoreError> {
        let mut after = Arrival(0);
        let mut unanswered = Vec::new();
        loop {
            let rows = self.store.owed(after, limits::SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(unanswered);
            };
            after = *last;
            for (arrival, _) in rows {
                let Some(header) = self.store.header(arrival)? else {
                    continue;
                };
                if matches!(kind::of(&header), None | Some(Kind::Contact | Kind::Keys)) {
                    continue;
                }
                let line = self.store.ledger_entry(peer, arrival)?;
                let taken = line.is_some_and(|l| {
                    let waits = matches!(l.answer, None | Some(Answer::Later(_)));
                    l.direction == Direction::Received || !waits
                });
                let open = !taken || self.awaits_receipt(peer, arrival, &header.id)?;
                if open && self.is_owed(peer, arrival, &header)? {
                    unanswered.push((arrival, header));
                }
            }
        }
    }

    /// Whether a peer took a withdrawal of what we released to it and has not told yet what it
    /// did with its copy.
    fn awaits_receipt(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        withdrawal: &RecordId,
    ) -> Result<bool, StoreError> {
        let stored = self.store.ledger_entry(peer, arrival)?;
        if stored.is_none_or(|l| l.answer != Some(Answer::Stored)) {
            return Ok(false);
        }
        let of = match self.owed.says(&self.store, arrival)?.as_deref() {
            Some(Content::Retract(retract)) => retract.of,
            Some(Content::Recall(recall)) => recall.of,
            _ => return Ok(false),
        };
        if !passed::released(&self.store, peer, &of)? {
            return Ok(false);
        }
        let told = self.store.told(&of, peer)?;
        let Some(told) = told.filter(|t| t.what != ReceiptWhat::Read as u8) else {
            return Ok(true);
        };
        // One for an earlier recall says nothing of the copy that was released after that; one
        // for a retraction, or for a later recall, says all.
        let stale = match self.store.arrival_of(&told.answers)? {
            Some(at) => {
                let header = self.store.header(at)?;
                let is_recall = header.is_some_and(|h| kind::of(&h) == Some(Kind::Recall));
                is_recall && at < arrival
            }
            None => true,
        };
        Ok(told.answers != *withdrawal && stale)
    }

    /// How a peer stands: what it may have and has not answered, and what the gates withhold.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn standing(&self, peer: &AgencyId) -> Result<Standing, StoreError> {
        let mut standing = Standing::default();
        let mut after = Arrival(0);
        loop {
            let headers = self.store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = headers.last() else {
                return Ok(standing);
            };
            let mut lines = self
                .store
                .ledger_of(peer, after.next(), limits::STORE_ROWS)?
                .into_iter()
                .peekable();
            after = *last;
            for (arrival, header) in headers {
                while lines.next_if(|(at, _)| *at < arrival).is_some() {}
                let settled = lines
                    .next_if(|(at, _)| *at == arrival)
                    .is_some_and(|(_, l)| l.direction == Direction::Received || l.answer.is_some());
                if settled {
                    continue;
                }
                let decided = self.decide_header(peer, arrival, &header)?;
                match decided.gate {
                    _ if decided.allow => standing.behind += 1,
                    Gate::Owed | Gate::Expired => {}
                    _ => standing.withheld += 1,
                }
            }
        }
    }

    /// For a record that policy denies by default: the statements that came nearest, each
    /// as a sentence.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn nearest(
        &self,
        peer: &AgencyId,
        arrival: Arrival,
        header: &Header,
    ) -> Result<Vec<String>, StoreError> {
        let class = self.class(header)?;
        let Some((attributes, _)) = class.as_ref() else {
            return Ok(Vec::new());
        };
        let listed = self
            .store
            .audience(arrival)?
            .is_some_and(|a| a.contains(peer));
        let engine = self.policies.current();
        let nearest = engine.nearest(crate::policy::Action::Share, peer, attributes, listed);
        Ok(nearest
            .iter()
            .take(1)
            .map(crate::policy::Nearest::in_words)
            .collect())
    }

    fn items(&self, peer: &AgencyId, arrivals: Vec<Arrival>) -> Result<Vec<Candidate>, StoreError> {
        let mut items = Vec::new();
        for arrival in arrivals {
            let Some(header) = self.store.header(arrival)? else {
                continue;
            };
            if self.decide_header(peer, arrival, &header)?.allow {
                items.push(Candidate::new(arrival, &header));
            }
        }
        Ok(items)
    }

    /// Decides anew each record that a peer wants, writes the releases into the ledger and the
    /// audit log, and only then gives the bytes. `None` for what it may not have, has not, or is gone: a
    /// refusal looks like an unknown id.
    ///
    /// # Errors
    /// The store can't be read, or one of the two can't be written; nothing was released then.
    pub async fn release(
        &self,
        peer: AgencyId,
        wanted: Vec<Arrival>,
    ) -> Result<Vec<Option<Released>>, ReleaseError> {
        let this = self.clone();
        let epoch = self.policies.current().epoch();
        let prepared = tokio::task::spawn_blocking(move || this.prepare(&peer, wanted, epoch))
            .await
            .map_err(|_| StoreError::Closed {
                dir: self.store.dir().to_path_buf(),
            })??;
        let mut ops = Vec::new();
        for (arrival, entry) in prepared.iter().flatten().map(|p| (p.arrival, &p.entry)) {
            ops.push(Op::Ledger {
                peer,
                arrival,
                entry: entry.clone(),
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
        stored?;
        audited?;
        let same_epoch = self.policies.current().epoch() == epoch;
        let mut out = Vec::with_capacity(prepared.len());
        for one in prepared {
            out.push(match one {
                // Whatever came in while the ledger was written (a retraction, a narrower list,
                // a permit withdrawn, a key revoked) finds the line there and follows; but then
                // the record itself must not go out any more.
                Some(one) if same_epoch && self.may_still(&peer, one.arrival)? => Some(Released {
                    to: peer,
                    id: one.id,
                    bytes: one.bytes,
                }),
                _ => None,
            });
        }
        Ok(out)
    }

    fn prepare(
        &self,
        peer: &AgencyId,
        wanted: Vec<Arrival>,
        epoch: u64,
    ) -> Result<Vec<Option<Prepared>>, StoreError> {
        let at = self.clock.now();
        wanted
            .into_iter()
            .map(|arrival| {
                let Some(header) = self.store.header(arrival)? else {
                    return Ok(None);
                };
                let decided = self.decide_header(peer, arrival, &header)?;
                if !decided.allow {
                    return Ok(None);
                }
                let Some(bytes) = self.store.record(arrival)? else {
                    return Ok(None);
                };
                let entry = LedgerEntry {
                    direction: Direction::Sent,
                    at,
                    epoch,
                    rule: decided.rule,
                    path: Path::Direct,
                    answer: None,
                };
                Ok(Some(Prepared {
                    arrival,
                    id: header.id,
                    bytes,
                    entry,
                }))
            })
            .collect()
    }

    /// Whether a peer may have a record still, as everything stands now.
    fn may_still(&self, peer: &AgencyId, arrival: Arrival) -> Result<bool, StoreError> {
        let Some(header) = self.store.header(arrival)? else {
            return Ok(false);
        };
        Ok(self.decide_header(peer, arrival, &header)?.allow)
    }

    /// Writes what a peer answered, and moves its cursor.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn settle(
        &self,
        peer: AgencyId,
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
                    path: Path::Direct,
                    answer: Some(answer),
                },
            })
            .collect();
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
        let (mut retracted, mut affirmed) = (false, false);
        for arrival in stored {
            if let Some(header) = self.store.header(arrival)? {
                retracted |= header.flags.contains(Flags::RETRACTED);
                affirmed |= kind::of(&header) == Some(Kind::Affirm);
            }
        }
        if retracted {
            self.owed.recheck();
        }
        // The peer knows now whose word records under a lost key are: a repair finds them.
        if affirmed {
            self.registry.announce();
        }
        Ok(())
    }

    /// The time, for callers that hold no clock of their own.
    pub fn now(&self) -> Millis {
        self.clock.now()
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

/// The envelope of a control record: clear, in nobody's list, passed on along the ledger.
pub fn control_fields(title: &str, purpose: Purpose, exercise: Option<String>) -> Fields {
    Fields {
        thread: None,
        supersedes: None,
        tlp: Tlp::Clear,
        pap: None,
        handling: Vec::new(),
        handling_note: None,
        onward: Onward::None,
        purpose,
        legal_basis: None,
        class: None,
        crime: Vec::new(),
        basis: None,
        grade: None,
        lang: "en".into(),
        title: title.into(),
        summary: None,
        review_by: None,
        expires: None,
        refs: Vec::new(),
        exercise,
    }
}

struct Prepared {
    arrival: Arrival,
    id: RecordId,
    bytes: Bytes,
    entry: LedgerEntry,
}
