//! The one way in: verify, admit, commit. Every record takes it, whether an officer pushed
//! it, a peer sent it or a file held it, and each is answered `stored`, `refused` or `later`.

mod accepts;
mod admit;
mod fault;
mod quota;
mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use liaison_protocol::card::CardFault;
use liaison_protocol::clock::{Hlc, HlcClock, Millis};
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::SecretKey;
use liaison_protocol::record::check::{CheckContext, Thresholds};
use liaison_protocol::record::codes::{Kind, Plane, ReceiptWhat};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{Record, SignedRecord, VerifiedRecord};
use liaison_protocol::wire::Item;
use rayon::prelude::*;
use tokio::sync::Semaphore;

use self::accepts::Accepts;
use self::admit::{Admitted, Gate, lifts as store_lifts};
pub use self::fault::IngestFault;
use self::quota::Quotas;
use crate::audit::{Act, Audit, AuditError, Entry, Who, note};
use crate::catchup::CatchUp;
use crate::clock::Clock;
use crate::limits;
use crate::newest::Newest;
use crate::policy::Policies;
use crate::registry::{Registry, card_op, statement_op};
use crate::search::Search;
use crate::share::{Leaves, Owed, Share};
use crate::signing::Signing;
use crate::store::{
    Arrival, Direction, Flags, LedgerEntry, Op, OpOutcome, Path, Quarantined, RefusedEntry, Store,
};
use crate::time::Timekeeper;

/// What ingest works with. Clones share it.
#[derive(Clone)]
pub struct Ingest(Arc<Shared>);

struct Shared {
    store: Store,
    registry: Registry,
    policies: Arc<Policies>,
    owed: Owed,
    leaves: Leaves,
    clock: Arc<dyn Clock>,
    time: Timekeeper,
    catch_up: CatchUp,
    hlc: Mutex<HlcClock>,
    newest: Newest,
    signing: Signing,
    settings: Settings,
    quotas: Quotas,
    search: Arc<Search>,
    accepts: Accepts,
    audit: Audit,
    /// Batches that may be under way.
    turns: Arc<Semaphore>,
}

/// What of the configuration ingest goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the exercise that the store belongs to.
    pub exercise: Option<String>,
    /// Smallest shareable counts.
    pub thresholds: Thresholds,
    /// Records a minute from one peer.
    pub records_per_minute: u32,
}

/// What this agency is about to say.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The envelope.
    pub fields: Fields,
    /// The content.
    pub content: Content,
    /// Its distribution list; empty: nobody; none: policy alone decides.
    pub audience: Option<Vec<AgencyId>>,
}

impl From<(Fields, Content)> for Statement {
    /// Without a distribution list: policy decides.
    fn from((fields, content): (Fields, Content)) -> Self {
        Self {
            fields,
            content,
            audience: None,
        }
    }
}

/// What a peer's offer is answered before its bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Send it.
    Want,
    /// Held, retracted, or refused before.
    Answer(Answer),
}

/// What is known of an offer, and what has to be written down before that is said.
struct LookedUp {
    known: Vec<Known>,
    ops: Vec<Op>,
    /// Records that the peer was not known to have.
    lines: Vec<Arrival>,
}

/// Name of the stored value that holds the highest clock seen.
pub(crate) const CLOCK: &str = "clock";

impl Ingest {
    /// Puts ingest together; the clock resumes above the highest value that was persisted.
    ///
    /// # Errors
    /// The store can't be read.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part of the node that ingest uses, once"
    )]
    pub fn new(
        store: Store,
        registry: Registry,
        policies: Arc<Policies>,
        owed: Owed,
        leaves: Leaves,
        clock: Arc<dyn Clock>,
        time: Timekeeper,
        catch_up: CatchUp,
        signing: Signing,
        settings: Settings,
        search: Arc<Search>,
        audit: Audit,
    ) -> Result<Self, crate::store::StoreError> {
        let last = store
            .meta(CLOCK)?
            .and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok())
            .map_or(Hlc::ZERO, |b| Hlc::from_wire(u64::from_be_bytes(b)));
        let quotas = Quotas::new(settings.records_per_minute);
        let newest = Newest::new(store.clone());
        Ok(Self(Arc::new(Shared {
            store,
            newest,
            registry,
            policies,
            owed,
            leaves,
            clock,
            time,
            catch_up,
            hlc: Mutex::new(HlcClock::resume(last)),
            signing,
            settings,
            quotas,
            search,
            accepts: Accepts::default(),
            audit,
            turns: Arc::new(Semaphore::new(limits::INGESTS)),
        })))
    }

    /// The thresholds that bind this node's own records.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The newest record of each author.
    pub fn newest(&self) -> &Newest {
        &self.0.newest
    }

    /// Signs nothing at or before this time from now on, unless it lies too far ahead; what is
    /// to be written down of that.
    pub fn witness(&self, at: Millis) -> Op {
        let now = self.0.clock.now();
        {
            let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
            hlc.witness(Hlc::new(at, u16::MAX), now);
        }
        self.clock_op()
    }

    /// Signs statements of this agency and takes them in, all or none, together with `also`
    /// (an import's progress, say). The caller has run the checks that bind an author.
    ///
    /// # Errors
    /// [`IngestFault`] of the first statement at fault; nothing is stored then.
    pub async fn own(
        &self,
        statements: Vec<Statement>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        let this = self.clone();
        let made = self
            .to_the_end(async move { this.say(statements, also).await })
            .await??;
        note(|note| made.iter().for_each(|(id, _)| note.record(*id)));
        Ok(made)
    }

    async fn say(
        self,
        statements: Vec<Statement>,
        also: Vec<Op>,
    ) -> Result<Vec<(RecordId, Arrival)>, IngestFault> {
        if let Some(waiting) = self.0.catch_up.waiting() {
            let names = waiting.agencies.iter().map(|a| self.0.registry.alias(a));
            return Err(IngestFault::CatchingUp {
                waiting: names.collect::<Vec<_>>().join(", "),
            });
        }
        let this = self.clone();
        let audiences: Vec<_> = statements.iter().map(|s| s.audience.clone()).collect();
        let ready = blocking(move || this.sign(statements)).await??;
        let mut ids = Vec::with_capacity(ready.len());
        let mut ops = Vec::with_capacity(ready.len() + also.len() + 1);
        for (one, audience) in ready.iter().zip(audiences) {
            ids.push(one.record.id());
            ops.push(self.insert(one, None, audience));
        }
        ops.extend(also);
        ops.push(self.clock_op());
        let outcomes = self.0.store.write(ops).await?;
        let learned = self.after(&ready, &outcomes, false);
        self.mark_lost(&ready, &outcomes).await;
        if learned {
            self.reopen(&ready).await;
            self.0.registry.announce();
        }
        Ok(ids
            .into_iter()
            .zip(outcomes.iter().filter_map(OpOutcome::arrival))
            .collect())
    }

    /// Takes in records of this agency that were signed elsewhere (its card, by the root key;
    /// its keys statement), all or none.
    ///
    /// # Errors
    /// [`IngestFault`].
    pub async fn own_signed(&self, records: Vec<VerifiedRecord>) -> Result<(), IngestFault> {
        let this = self.clone();
        self.to_the_end(async move { this.take_own(records).await })
            .await?
    }

    async fn take_own(self, records: Vec<VerifiedRecord>) -> Result<(), IngestFault> {
        let ready = self.admit_own(records)?;
        let mut ops: Vec<Op> = ready
            .iter()
            .map(|one| self.insert(one, None, None))
            .collect();
        ops.extend(ready.iter().filter_map(|one| self.keep(one)));
        let outcomes = self.0.store.write(ops).await?;
        if self.after(&ready, &outcomes, false) {
            self.0.registry.announce();
        }
        Ok(())
    }

    fn admit_own(&self, records: Vec<VerifiedRecord>) -> Result<Vec<Admitted>, IngestFault> {
        let gate = self.gate();
        records.into_iter().map(|record| gate.own(record)).collect()
    }

    /// Changes the signing key while nothing is signed. `change` is told a time after
    /// everything that was signed, and gives the new key, if there is one.
    ///
    /// # Errors
    /// What `change` returns; the key stays then.
    pub fn change_signing_key<T, E>(
        &self,
        change: impl FnOnce(Millis) -> Result<(Option<SecretKey>, T), E>,
    ) -> Result<T, E> {
        let mut signing = self.0.signing.change();
        let last = self
            .0
            .hlc
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last();
        let after = Millis(last.wall().0.saturating_add(1)).max(self.0.clock.now());
        let (key, done) = change(after)?;
        if let Some(key) = key {
            *signing = key;
        }
        Ok(done)
    }

    /// Takes in what a peer sent: what it offered, and the bytes. One answer each, in order;
    /// one faulty record does not touch the others.
    pub async fn received(&self, courier: AgencyId, records: Vec<(Item, Bytes)>) -> Vec<Answer> {
        let count = records.len();
        let this = self.clone();
        let answers = self
            .to_the_end(async move { this.take_in(courier, records).await })
            .await
            .unwrap_or_else(|_| vec![Answer::Later(Later::Disk); count]);
        if answers.contains(&Answer::Later(Later::Disk)) {
            self.0.catch_up.put_off(&courier);
        }
        answers
    }

    /// Takes a batch in; what waited for a card that came in the same batch once more.
    async fn take_in(self, courier: AgencyId, records: Vec<(Item, Bytes)>) -> Vec<Answer> {
        let copy = records.clone();
        let (mut answers, learned) = self.clone().take_batch(courier, records).await;
        if !learned {
            return answers;
        }
        let waits = Answer::Later(Later::UnknownAuthor);
        let waiting: Vec<usize> = (0..answers.len())
            .filter(|at| answers.get(*at) == Some(&waits))
            .collect();
        let again = waiting.iter().filter_map(|at| copy.get(*at).cloned());
        let again: Vec<_> = again.collect();
        if !again.is_empty() {
            let (later, _) = self.clone().take_batch(courier, again).await;
            for (at, answer) in waiting.into_iter().zip(later) {
                if let Some(place) = answers.get_mut(at) {
                    *place = answer;
                }
            }
        }
        self.0.registry.announce();
        answers
    }

    /// The answers, and whether a card, a statement or an affirmation was learned.
    async fn take_batch(
        self,
        courier: AgencyId,
        records: Vec<(Item, Bytes)>,
    ) -> (Vec<Answer>, bool) {
        let count = records.len();
        let mut learned = false;
        let this = self.clone();
        let judged = blocking(move || {
            let gate = this.gate();
            records
                .into_par_iter()
                .map(|(item, bytes)| {
                    let raw = bytes.clone();
                    (item.id, raw, gate.received(&courier, &item, bytes))
                })
                .collect::<Vec<_>>()
        })
        .await;
        let Ok(judged) = judged else {
            return (vec![Answer::Later(Later::Disk); count], learned);
        };
        let mut recheck = false;
        let mut answers = Vec::with_capacity(count);
        let mut admitted = Vec::new();
        let mut ops = Vec::new();
        let now = self.0.clock.now();
        let epoch = self.0.policies.current().epoch();
        for (id, raw, judged) in judged {
            match judged {
                Ok(one) => {
                    let list = self.list_of_lost(courier, &one);
                    ops.push(self.insert(&one, Some((courier, epoch)), list));
                    admitted.push(one);
                    answers.push(Answer::Stored);
                }
                Err(fault) => {
                    self.note(&courier, &id, &fault);
                    let answer = fault.answer();
                    // Of an agency that is not known at all nothing is held that it could withdraw.
                    let stranger = matches!(&fault, IngestFault::UnknownAuthor { author }
                        if self.0.registry.agency(author).is_none());
                    if matches!(answer, Answer::Later(_)) && !stranger {
                        self.0.catch_up.put_off(&courier);
                    }
                    if let Some((created, true)) = fault.verified() {
                        let withdrawn = matches!(fault, IngestFault::Retracted { .. });
                        ops.push(self.refusal(courier, id, created, answer, withdrawn));
                    }
                    if let IngestFault::Card(CardFault::Fork { agency, .. }) = &fault {
                        ops.push(self.0.registry.note_fork(*agency));
                    }
                    // The courier has what was retracted: it is owed the retraction.
                    recheck |= matches!(fault, IngestFault::Retracted { .. });
                    if fault.is_malformed() {
                        ops.push(Op::Quarantine(quarantined(&courier, &raw, &fault, now)));
                    }
                    answers.push(answer);
                }
            }
        }
        // Before it is held: what is held is answered `stored` when it is offered again, and
        // would never be written down.
        if let Err(error) = self.collected(courier, epoch, &admitted).await {
            tracing::error!(%error, "nothing of a batch was stored: it can't be written down");
            admitted.clear();
            ops.retain(|op| !matches!(op, Op::Insert { .. }));
            for answer in answers.iter_mut().filter(|a| **a == Answer::Stored) {
                *answer = Answer::Later(Later::Disk);
            }
        }
        // The inserts come first, in the order of `admitted`; what else belongs to them after.
        ops.sort_by_key(|op| !matches!(op, Op::Insert { .. }));
        for one in &admitted {
            ops.extend(self.keep(one));
            ops.extend(self.undecided(&courier, one));
        }
        if !admitted.is_empty() {
            ops.push(self.clock_op());
        }
        if ops.is_empty() {
            return (answers, learned);
        }
        match self.0.store.write(ops).await {
            Ok(outcomes) => {
                learned = self.after(&admitted, &outcomes, true);
                self.mark_lost(&admitted, &outcomes).await;
                self.reopen(&admitted).await;
                let mut late = Vec::new();
                let mut stored = admitted.iter().zip(&outcomes);
                for answer in answers.iter_mut().filter(|a| **a == Answer::Stored) {
                    if let Some((one, OpOutcome::Tombstoned(_))) = stored.next() {
                        *answer = Answer::Refused(Refused::Retracted);
                        let created = one.record.record().envelope.created;
                        late.push(self.refusal(courier, one.record.id(), created, *answer, true));
                    }
                }
                // The author of an admitted record was not forked before this batch.
                for one in admitted.iter().filter(|a| a.record.kind() == Kind::Contact) {
                    let author = one.record.author();
                    if self.0.registry.is_forked(&author) {
                        late.push(self.0.registry.note_fork(author));
                    }
                }
                // Retracted between the gates and the write: the courier is owed that as well.
                if !late.is_empty() {
                    recheck = true;
                    if let Err(error) = self.0.store.write(late).await {
                        tracing::error!(%error, "the ledger could not be written");
                    }
                }
                if recheck {
                    self.0.owed.recheck();
                }
            }
            Err(error) => {
                tracing::error!(%error, "nothing of a batch was stored");
                for answer in answers.iter_mut().filter(|a| **a == Answer::Stored) {
                    *answer = Answer::Later(Later::Disk);
                }
            }
        }
        (answers, learned)
    }

    /// Runs work to its end although whoever waits for it goes away: a session or a connection
    /// that ends between a write and what follows from it would leave a retraction untold, the
    /// index with what was erased, a card unlearnt.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, IngestFault> {
        let turn = self.0.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| IngestFault::Stopping)?;
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(turn);
            done
        });
        task.await.map_err(|error| {
            if error.is_panic() {
                tracing::error!(%error, "ingest failed; nothing of this batch was answered");
            }
            IngestFault::Stopping
        })
    }

    /// Writes down what came in: a line an accept statement.
    async fn collected(
        &self,
        courier: AgencyId,
        epoch: u64,
        admitted: &[Admitted],
    ) -> Result<(), AuditError> {
        let mut by_rule: BTreeMap<&str, Vec<RecordId>> = BTreeMap::new();
        for one in admitted {
            by_rule.entry(&one.rule).or_default().push(one.record.id());
        }
        if by_rule.is_empty() {
            return Ok(());
        }
        let lines = by_rule.into_iter().map(|(rule, records)| Entry {
            peers: vec![courier],
            rule: Some(rule.to_owned()),
            epoch: Some(epoch),
            records,
            ..Entry::new(Who::Node, Act::Collect, "ingest")
        });
        self.0.audit.write(lines.collect()).await.map(|_| ())
    }

    /// What is kept of a verified record that a courier proved to have and that was refused. A
    /// withdrawn one that has a place in the store has its line in the ledger: what withdraws
    /// it is owed to the courier.
    fn refusal(
        &self,
        peer: AgencyId,
        id: RecordId,
        created: Hlc,
        answer: Answer,
        withdrawn: bool,
    ) -> Op {
        let at = self.0.clock.now();
        let epoch = self.0.policies.current().epoch();
        if withdrawn && let Ok(Some(arrival)) = self.0.store.arrival_of(&id) {
            let entry = LedgerEntry {
                direction: Direction::Received,
                at,
                epoch,
                rule: crate::share::WITHDRAWN.into(),
                path: Path::Direct,
                answer: Some(answer),
            };
            return Op::Ledger {
                peer,
                arrival,
                entry,
            };
        }
        let entry = RefusedEntry {
            created,
            epoch,
            at,
            answer,
        };
        Op::Refused { peer, id, entry }
    }

    /// What a peer's offer is answered before any bytes come. That the peer has these
    /// records goes into the ledger, so that they are not offered back. What `share` would
    /// not even let the peer know of is wanted although it is held: an id that a peer guessed
    /// or read elsewhere is answered like an unknown one, until its bytes come.
    pub async fn known(&self, courier: AgencyId, items: Vec<Item>, share: Share) -> Vec<Known> {
        let this = self.clone();
        let count = items.len();
        let later = Known::Answer(Answer::Later(Later::Disk));
        let known = self
            .to_the_end(async move { this.tell_known(courier, items, share).await })
            .await
            .unwrap_or_else(|_| vec![later; count]);
        if known.contains(&later) {
            self.0.catch_up.put_off(&courier);
        }
        known
    }

    async fn tell_known(self, courier: AgencyId, items: Vec<Item>, share: Share) -> Vec<Known> {
        let this = self.clone();
        let count = items.len();
        let looked = blocking(move || this.look_up(&courier, &items, &share)).await;
        let later = Answer::Later(Later::Disk);
        let Ok(Ok(LookedUp { known, ops, lines })) = looked else {
            return vec![Known::Answer(later); count];
        };
        if !ops.is_empty()
            && let Err(error) = self.0.store.write(ops).await
        {
            tracing::error!(%error, "the ledger could not be written");
            return vec![Known::Answer(later); count];
        }
        // What was withdrawn while the line was written is owed from now on.
        let withdrawn = |arrival: &Arrival| {
            let header = self.0.store.header(*arrival).ok().flatten();
            header.is_some_and(|h| h.flags.contains(Flags::RETRACTED))
        };
        if lines.iter().any(withdrawn) {
            self.0.owed.recheck();
        }
        known
    }

    fn look_up(
        &self,
        courier: &AgencyId,
        items: &[Item],
        share: &Share,
    ) -> Result<LookedUp, crate::store::StoreError> {
        let store = &self.0.store;
        let now = self.0.clock.now();
        let epoch = self.0.policies.current().epoch();
        let mut ops = Vec::new();
        let mut known = Vec::with_capacity(items.len());
        let mut lines = Vec::new();
        for item in items {
            let answer = if let Some(arrival) = store.arrival_of(&item.id)? {
                let header = store.header(arrival)?;
                let expired = header
                    .as_ref()
                    .is_some_and(|h| h.flags.contains(Flags::EXPIRED));
                let withdrawn = header
                    .as_ref()
                    .is_some_and(|h| h.flags.contains(Flags::RETRACTED));
                let passed = store.ledger_entry(courier, arrival)?.is_some();
                // Nor of one that was withdrawn: that it was here, why it was taken back and by
                // whom is for those who prove, by its bytes, that they have it.
                if let Some(header) = header.filter(|_| !passed)
                    && !share.may_know_of(courier, arrival, &header)?
                {
                    known.push(Known::Want);
                    continue;
                }
                if withdrawn && store_lifts(store, courier, &item.id)?.is_some() {
                    known.push(Known::Want);
                    continue;
                }
                let answer = if expired {
                    Answer::Refused(Refused::Expired)
                } else if withdrawn {
                    Answer::Refused(Refused::Retracted)
                } else {
                    Answer::Stored
                };
                if !passed {
                    let entry = LedgerEntry {
                        direction: Direction::Received,
                        at: now,
                        epoch,
                        rule: crate::share::HELD_ALREADY.into(),
                        path: Path::Direct,
                        answer: Some(answer),
                    };
                    ops.push(Op::Ledger {
                        peer: *courier,
                        arrival,
                        entry,
                    });
                    lines.push(arrival);
                }
                Some(answer)
            } else {
                // Also where a tombstone is all that is left: with the bytes comes the line
                // by which the peer is owed the retraction.
                let refused = store.refused(courier, &item.id)?;
                // Its courier may have been let by a permit since.
                let lifted = |answer| {
                    answer == Answer::Refused(Refused::Handling) && self.0.leaves.concern(&item.id)
                };
                let standing = refused.filter(|r| r.epoch == epoch && !lifted(r.answer));
                standing.map(|r| r.answer)
            };
            known.push(answer.map_or(Known::Want, Known::Answer));
        }
        let wanted = known.iter().filter(|k| **k == Known::Want).count();
        if wanted > 0 {
            let granted = self.0.quotas.take(courier, wanted, now);
            if granted < wanted {
                self.0.catch_up.put_off(courier);
            }
            let later = Answer::Later(Later::Quota);
            let wants = known.iter_mut().filter(|k| **k == Known::Want);
            for want in wants.skip(granted) {
                *want = Known::Answer(later);
            }
        }
        Ok(LookedUp { known, ops, lines })
    }

    fn gate(&self) -> Gate<'_> {
        let now = self.0.clock.now();
        Gate {
            store: &self.0.store,
            registry: &self.0.registry,
            engine: self.0.policies.current(),
            accepts: &self.0.accepts,
            leaves: &self.0.leaves,
            settings: &self.0.settings,
            checks: CheckContext {
                thresholds: self.0.settings.thresholds.clone(),
                ..CheckContext::on(Date::from_millis(now))
            },
            now,
            latest: self.0.time.latest(),
            doubt: self.0.time.trusted().err(),
        }
    }

    fn sign(&self, statements: Vec<Statement>) -> Result<Vec<Admitted>, IngestFault> {
        let now = self.0.clock.now();
        let own = self.0.registry.own();
        // Held until all is signed: a key that leaves signs nothing later than it left.
        let signing = self.0.signing.key();
        let signing: &SecretKey = &signing;
        let timed: Vec<(Hlc, Fields, Content)> = {
            let mut hlc = self.0.hlc.lock().unwrap_or_else(PoisonError::into_inner);
            statements
                .into_iter()
                .map(|s| (hlc.tick(now), s.fields, s.content))
                .collect()
        };
        let keys = self
            .0
            .registry
            .keys(&own)
            .ok_or(IngestFault::UnknownAuthor { author: own })?;
        let gate = self.gate();
        timed
            .into_par_iter()
            .map(|(created, fields, content)| {
                let signed = Record::new(own, created, fields, content).sign(signing)?;
                gate.own(signed.verify(&keys)?)
            })
            .collect()
    }

    fn insert(
        &self,
        one: &Admitted,
        from: Option<(AgencyId, u64)>,
        audience: Option<Vec<AgencyId>>,
    ) -> Op {
        let now = self.0.clock.now();
        let ledger = from.map(|(courier, epoch)| {
            let entry = LedgerEntry {
                direction: Direction::Received,
                at: now,
                epoch,
                rule: one.rule.clone(),
                path: Path::Direct,
                answer: Some(Answer::Stored),
            };
            (courier, entry)
        });
        let record = one.to_new(from.map(|(courier, _)| courier), audience, now);
        Op::Insert {
            record: Box::new(record),
            ledger,
        }
    }

    /// A record of ours that a peer gives back to us has lost its distribution list, which is
    /// on no wire: it goes to nobody but that peer until an officer says more.
    fn list_of_lost(&self, courier: AgencyId, one: &Admitted) -> Option<Vec<AgencyId>> {
        let kind = one.record.kind();
        let listed = kind.plane() != Plane::Control && kind != Kind::Contact;
        (listed && one.record.author() == self.0.registry.own()).then(|| vec![courier])
    }

    /// What an officer has to decide anew is noted: a record of ours that lost its list; and, while
    /// we catch up, one of which a holder says that it erased it by a withdrawal that we do not
    /// have any more. That one goes to nobody until then: our list is older than the withdrawal.
    fn undecided(&self, courier: &AgencyId, one: &Admitted) -> Vec<Op> {
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

    /// Cards and keys statements are kept a second time, where the next start finds them.
    fn keep(&self, one: &Admitted) -> Option<Op> {
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
            _ => None,
        }
    }

    /// What follows from what was stored. Whether the registry learned something, of which
    /// nobody is told yet; `brought`: from what a peer brought, also of our own.
    fn after(&self, ready: &[Admitted], outcomes: &[OpOutcome], brought: bool) -> bool {
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

    /// Marks what was judged before its key was revoked, and stored after the look through the
    /// store that marks what is held.
    async fn mark_lost(&self, ready: &[Admitted], outcomes: &[OpOutcome]) {
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
    async fn reopen(&self, ready: &[Admitted]) {
        let store = &self.0.store;
        let mut ops = Vec::new();
        for one in ready {
            let Content::Affirm(affirm) = &one.record.record().content else {
                continue;
            };
            for of in &affirm.records {
                let Ok(Some(arrival)) = store.arrival_of(of) else {
                    continue;
                };
                for (peer, line) in store.ledgers_for(arrival).unwrap_or_default() {
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
        }
        for some in ops.chunks(crate::limits::STORE_BATCH_OPS) {
            if let Err(error) = store.write(some.to_vec()).await {
                tracing::error!(%error, "what was affirmed is not offered again");
            }
        }
    }

    fn clock_op(&self) -> Op {
        let last = self
            .0
            .hlc
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last();
        Op::PutMeta {
            name: CLOCK.into(),
            bytes: last.to_wire().to_be_bytes().to_vec().into(),
        }
    }

    fn note(&self, courier: &AgencyId, id: &RecordId, fault: &IngestFault) {
        let peer = self.0.registry.alias(courier);
        let answer = fault.answer();
        match answer {
            Answer::Later(_) => {
                tracing::info!(%peer, record = %id.short(), %answer, blame = %fault.blame(), "{fault}");
            }
            _ => {
                tracing::warn!(%peer, record = %id.short(), %answer, blame = %fault.blame(), "{fault}");
            }
        }
    }
}

/// Reads a record from its bytes and says whose word it is: for `verify`.
///
/// # Errors
/// [`IngestFault`].
pub fn examine(registry: &Registry, bytes: Bytes) -> Result<VerifiedRecord, IngestFault> {
    verify::verify(registry, SignedRecord::parse(bytes)?)
}

fn quarantined(
    courier: &AgencyId,
    raw: &Bytes,
    fault: &IngestFault,
    at: liaison_protocol::clock::Millis,
) -> Quarantined {
    Quarantined::sample(at, Some(*courier), &fault.to_string(), &fault.place(), raw)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestFault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| IngestFault::Stopping)
}
