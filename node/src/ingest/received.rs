//! What peers bring: judged one by one, committed together, each answered.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use liaison_protocol::card::CardFault;
use liaison_protocol::clock::{Hlc, Millis};
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::handling::Verdict;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::seal::frame;
use liaison_protocol::wire::Item;
use rayon::prelude::*;

use super::admit::Admitted;
use super::keepers::Kept;
use super::under_way::Coming;
use super::{Ingest, IngestFault, blocking};
use crate::audit::{Act, AuditError, Entry, Who};
use crate::limits;
use crate::share::Route;
use crate::store::{CalledBack, Direction, LedgerEntry, Op, OpOutcome, Quarantined, RefusedEntry};

impl Ingest {
    /// Takes in what a peer sent, by whatever route: what it offered, and the bytes. One answer
    /// each, in order; one faulty record does not touch the others. Batches of a courier come in
    /// the order of these calls, whenever what they return is waited for; it is to be waited for
    /// in a task of its own ([`crate::aside`]), since it may hold a turn that others wait for.
    pub fn received(
        &self,
        courier: AgencyId,
        route: Route,
        records: Vec<(Item, Bytes)>,
    ) -> impl Future<Output = Vec<Answer>> + Send + 'static {
        let made = None;
        let from = Brought {
            courier,
            route,
            made,
        };
        self.brought(from, records)
    }

    /// The same for what stood in a letter: it was offered when the letter was made, and does not
    /// come in if its courier called it back since.
    pub fn received_in_letter(
        &self,
        courier: AgencyId,
        route: Route,
        made: Millis,
        records: Vec<(Item, Bytes)>,
    ) -> impl Future<Output = Vec<Answer>> + Send + 'static {
        let made = Some(made);
        let from = Brought {
            courier,
            route,
            made,
        };
        self.brought(from, records)
    }

    fn brought(
        &self,
        from: Brought,
        records: Vec<(Item, Bytes)>,
    ) -> impl Future<Output = Vec<Answer>> + Send + 'static {
        let courier = from.courier;
        let ids: HashSet<RecordId> = records.iter().map(|(item, _)| item.id).collect();
        let coming = self.0.under_way.enter(courier, ids);
        let (this, ingest) = (self.clone(), self.clone());
        let count = records.len();
        let work = async move { ingest.take_in(&coming, from, records).await };
        let answers = self.to_the_end(work);
        async move {
            let answers = answers.await;
            let answers = answers.unwrap_or_else(|_| vec![Answer::Later(Later::Disk); count]);
            if answers.contains(&Answer::Later(Later::Disk)) {
                this.0.catch_up.put_off(&courier);
            }
            answers
        }
    }

    /// Takes a batch in; what waited for a card that came in the same batch once more, and what
    /// was recalled and came while the recall was judged.
    async fn take_in(
        self,
        coming: &Coming,
        from: Brought,
        records: Vec<(Item, Bytes)>,
    ) -> Vec<Answer> {
        let copy = records.clone();
        let taken = self.clone().take_batch(coming, from, records).await;
        let (mut answers, learned) = (taken.answers, taken.learned);
        let waits = Answer::Later(Later::UnknownAuthor);
        let waiting: Vec<usize> = (0..answers.len())
            .filter(|at| {
                learned && answers.get(*at) == Some(&waits) || taken.too_early.contains(at)
            })
            .collect();
        let again = waiting.iter().filter_map(|at| copy.get(*at).cloned());
        let again: Vec<_> = again.collect();
        if !again.is_empty() {
            let later = self.clone().take_batch(coming, from, again).await;
            for (at, answer) in waiting.into_iter().zip(later.answers) {
                if let Some(place) = answers.get_mut(at) {
                    *place = answer;
                }
            }
        }
        if learned {
            self.0.registry.announce();
        }
        answers
    }

    async fn take_batch(
        self,
        coming: &Coming,
        from: Brought,
        records: Vec<(Item, Bytes)>,
    ) -> Taken {
        let Brought { courier, route, .. } = from;
        let count = records.len();
        let mut learned = false;
        // Of the policy that judged: another may be in force by now, and what the old one refused
        // must not stand under the new one.
        let judged = self.judge_all(coming, courier, records).await;
        let Ok((judged, epoch)) = judged else {
            return Taken {
                answers: vec![Answer::Later(Later::Disk); count],
                learned,
                too_early: Vec::new(),
            };
        };
        // The recalls that were refused as too early, in order.
        let mut early = Vec::new();
        let mut recheck = false;
        let mut answers = Vec::with_capacity(count);
        let mut admitted = Vec::new();
        let mut ops = Vec::new();
        let now = self.0.clock.now();
        for (Item { id, .. }, raw, judged) in judged {
            match judged {
                Ok(one) => {
                    let list = self.list_of_lost(courier, &one);
                    ops.push(self.insert(&one, Some((from, epoch)), list));
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
                        let verdict = (answer, epoch);
                        ops.push(self.refusal((courier, route), id, created, verdict, withdrawn));
                    }
                    if is_too_early(&fault)
                        && let Some(op) = self.called_back(&courier, id, &raw)
                    {
                        early.push(answers.len());
                        ops.push(op);
                    }
                    if let IngestFault::Card(CardFault::Fork { agency, .. }) = &fault {
                        // What it revokes is to be kept: else it comes again.
                        early.push(answers.len());
                        ops.push(self.0.registry.note_fork(*agency));
                        ops.extend(self.0.registry.learn_revoked(*agency, &raw));
                    }
                    if let IngestFault::Forked { author } = &fault {
                        early.push(answers.len());
                        ops.extend(self.0.registry.learn_revoked(*author, &raw));
                    }
                    // The courier has what was retracted: it is owed the retraction.
                    recheck |= matches!(fault, IngestFault::Retracted { .. });
                    if fault.is_malformed() {
                        // Without the wrap beside it: with our sealing key that would open it.
                        let raw = frame::record_of(&raw);
                        ops.push(Op::Quarantine(quarantined(&courier, &raw, &fault, now)));
                    }
                    answers.push(answer);
                }
            }
        }
        // Before it is held: what is held is answered `stored` when it is offered again, and
        // would never be written down. Nor would its key be kept.
        let (noted, keys) = tokio::join!(
            self.collected(courier, epoch, &admitted),
            self.keep_keys_of(&admitted),
        );
        let (kept, put) = match keys {
            Ok(kept) => (kept, Ok(())),
            Err(fault) => (Kept::default(), Err(fault)),
        };
        let mut kept = Some(kept);
        if let Err(error) = noted.map_err(IngestFault::from).and(put) {
            tracing::error!(%error, "nothing of a batch was stored: it can't be written down");
            if let Some(kept) = kept.take() {
                self.drop_keys(kept).await;
            }
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
        let mut too_early = Vec::new();
        if ops.is_empty() {
            return Taken {
                answers,
                learned,
                too_early,
            };
        }
        let notes = |op: &Op| matches!(op, Op::CalledBack { .. });
        let noted: Vec<usize> = (0..ops.len())
            .filter(|at| ops.get(*at).is_some_and(notes))
            .collect();
        match self.0.store.write(ops).await {
            Ok(outcomes) => {
                learned = self.after(&admitted, &outcomes, true);
                let kept = kept.take().unwrap_or_default();
                self.settle_keys(&admitted, &outcomes, kept).await;
                self.mark_lost(&admitted, &outcomes).await;
                self.reopen(&admitted).await;
                self.drop_superseded().await;
                for (place, at) in early.into_iter().zip(noted) {
                    if let Some(OpOutcome::AlreadyHeld(_)) = outcomes.get(at) {
                        too_early.push(place);
                    }
                }
                let mut late = Vec::new();
                let mut stored = admitted.iter().zip(&outcomes);
                for answer in answers.iter_mut().filter(|a| **a == Answer::Stored) {
                    let Some((one, outcome)) = stored.next() else {
                        continue;
                    };
                    // Of one that its courier called back nothing is remembered: it may offer it
                    // anew.
                    if *outcome == OpOutcome::CalledBack {
                        *answer = Answer::Refused(Refused::Retracted);
                    }
                    if let OpOutcome::Tombstoned(_) = outcome {
                        *answer = Answer::Refused(Refused::Retracted);
                        let created = one.record.record().envelope.created;
                        let verdict = (*answer, epoch);
                        late.push(self.refusal(
                            (courier, route),
                            one.record.id(),
                            created,
                            verdict,
                            true,
                        ));
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
                if let Some(kept) = kept {
                    self.drop_keys(kept).await;
                }
                // What they call back, or revoke, is not remembered: they are to come again.
                for place in early {
                    if let Some(answer) = answers.get_mut(place) {
                        *answer = Answer::Later(Later::Disk);
                    }
                }
                for answer in answers.iter_mut().filter(|a| **a == Answer::Stored) {
                    *answer = Answer::Later(Later::Disk);
                }
            }
        }
        Taken {
            answers,
            learned,
            too_early,
        }
    }

    /// Remembers a recall that was refused because nothing of what it calls back passed yet: that
    /// may be in a parcel that was not opened. None of what is no such recall.
    fn called_back(&self, courier: &AgencyId, id: RecordId, raw: &Bytes) -> Option<Op> {
        let (signed, _) = frame::read(raw).ok()?;
        let record = signed.unverified();
        let Content::Recall(recall) = &record.content else {
            return None;
        };
        if record.envelope.author != *courier || recall.to != self.0.registry.own() {
            return None;
        }
        let at = self.0.clock.now();
        // By a clock that is wrong nothing is forgotten.
        let ended = match self.0.time.trusted() {
            Ok(_) => Millis(at.0.saturating_sub(limits::CALLED_BACK_MS)),
            Err(_) => Millis(0),
        };
        Some(Op::CalledBack {
            peer: *courier,
            of: recall.of,
            recall: CalledBack {
                by: id,
                created: record.envelope.created,
                at,
            },
            ended,
        })
    }

    /// Judges a batch, and says under which policy. What withdraws a record that came before it,
    /// and is not in the store yet, is judged once that is.
    async fn judge_all(
        &self,
        coming: &Coming,
        courier: AgencyId,
        records: Vec<(Item, Bytes)>,
    ) -> Result<(Vec<Judged>, u64), IngestFault> {
        let (mut judged, epoch) = self.judge(courier, records).await?;
        let mut overtaking = Vec::new();
        let mut behind = Vec::new();
        for (place, one) in judged.iter().enumerate() {
            let about = overtaken(one);
            if !about.is_empty() && coming.is_behind(&about) {
                overtaking.push(place);
                behind.extend(about);
            }
        }
        if overtaking.is_empty() {
            return Ok((judged, epoch));
        }
        coming.let_pass(&behind).await;
        let again = overtaking.iter().filter_map(|at| judged.get(*at));
        let again = again.map(|(item, raw, _)| (*item, raw.clone())).collect();
        let (now, _) = self.judge(courier, again).await?;
        for (at, one) in overtaking.into_iter().zip(now) {
            if let Some(place) = judged.get_mut(at) {
                *place = one;
            }
        }
        Ok((judged, epoch))
    }

    async fn judge(
        &self,
        courier: AgencyId,
        records: Vec<(Item, Bytes)>,
    ) -> Result<(Vec<Judged>, u64), IngestFault> {
        let this = self.clone();
        blocking(move || {
            let gate = this.gate();
            let judged = records
                .into_par_iter()
                .map(|(item, bytes)| {
                    let raw = bytes.clone();
                    (item, raw, gate.received(&courier, &item, bytes))
                })
                .collect::<Vec<_>>();
            (judged, gate.engine.epoch())
        })
        .await
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
        (peer, route): (AgencyId, Route),
        id: RecordId,
        created: Hlc,
        (answer, epoch): (Answer, u64),
        withdrawn: bool,
    ) -> Op {
        let at = self.0.clock.now();
        if withdrawn && let Ok(Some(arrival)) = self.0.store.arrival_of(&id) {
            let entry = LedgerEntry {
                direction: Direction::Received,
                at,
                epoch,
                rule: crate::share::WITHDRAWN.into(),
                path: route.path(),
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

/// What was offered, the bytes that came, and what the gates say of them.
type Judged = (Item, Bytes, Result<Admitted, IngestFault>);

/// Who brought records, by which way, and when it offered them, if that was not just now.
#[derive(Clone, Copy)]
pub(super) struct Brought {
    pub courier: AgencyId,
    pub route: Route,
    pub made: Option<Millis>,
}

/// What became of a batch.
struct Taken {
    answers: Vec<Answer>,
    /// Whether a card, a statement or an affirmation was learned.
    learned: bool,
    /// Where the recalls stand that were refused, and of which the record is here by now.
    too_early: Vec<usize>,
}

/// Whether a control record concerns nothing that passed between its courier and us.
fn is_too_early(fault: &IngestFault) -> bool {
    let verdict = Verdict::Control;
    matches!(fault, IngestFault::Handling { verdict: found, .. } if *found == verdict)
}

/// What is to be in the store before the verdict on a record counts, if it is on its way: what a
/// recall calls back, also where it is admitted (an earlier copy may have passed), and what any
/// other control record concerns that was refused because nothing of that ever passed.
fn overtaken((_, raw, judged): &Judged) -> Vec<RecordId> {
    match judged {
        Ok(one) => match &one.record.record().content {
            Content::Recall(recall) => return vec![recall.of],
            _ => return Vec::new(),
        },
        Err(fault) if !is_too_early(fault) => return Vec::new(),
        Err(_) => {}
    }
    let Ok((signed, _)) = frame::read(raw) else {
        return Vec::new();
    };
    match &signed.unverified().content {
        Content::Recall(recall) => vec![recall.of],
        Content::Receipt(receipt) => vec![receipt.r#for, receipt.of],
        Content::Permit(permit) => vec![permit.of],
        Content::Ask(ask) => vec![ask.of],
        _ => Vec::new(),
    }
}

fn quarantined(courier: &AgencyId, raw: &Bytes, fault: &IngestFault, at: Millis) -> Quarantined {
    Quarantined::sample(at, Some(*courier), &fault.to_string(), &fault.place(), raw)
}
