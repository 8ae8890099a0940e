//! What a holder does about a withdrawal: it erases, asks further, and says so.

use std::collections::BTreeSet;

use liaison_protocol::fault::{Answer, Refused};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::{Kind, ReceiptWhat};
use liaison_protocol::record::kinds::{Content, Further, Recall, Receipt, Retract};

use super::recall::recall_from;
use super::{WithdrawalError, envelope};
use crate::ingest::Statement;
use crate::kind;
use crate::limits;
use crate::node::Node;
use crate::share::{RECALLED, released_to_us};
use crate::store::{
    Arrival, Direction, Flags, Header, LedgerEntry, Op, StoreError, Told, Tombstone,
};

/// How many were asked to erase a record, and how many did.
type Count = (u32, u32);

/// Why a copy was not erased.
const RELEASED_BY_ANOTHER: &str = "Another agency released the record to us as well.";
const OURS: &str = "The record is our own.";

impl Node {
    /// A retraction came: its record was erased in the write that took it in. Says so.
    pub(super) async fn answer_retraction(
        &self,
        by: &Header,
        arrival: Arrival,
        retract: &Retract,
    ) -> Result<(), WithdrawalError> {
        if !retract.erase || self.has_answered(&retract.of, &by.id)? {
            return Ok(());
        }
        let held = self.held(&retract.of)?;
        // Another agency's word, which binds nobody.
        if held.as_ref().is_some_and(|(_, h)| h.author != by.author) {
            return Ok(());
        }
        self.close(held.as_ref()).await?;
        self.tell(by, arrival, &retract.of, held.as_ref(), Vec::new())
            .await
    }

    /// A recall came: erases the copy, unless it is not the author's and another agency released
    /// the record to us as well. In one write with `done`, before anything is said of it; false
    /// if there was nothing to do.
    pub(super) async fn erase_recalled(
        &self,
        by: &Header,
        recall: &Recall,
        done: Op,
    ) -> Result<bool, WithdrawalError> {
        let own = self.registry.own();
        if recall.to != own || self.has_answered(&recall.of, &by.id)? {
            return Ok(false);
        }
        let Some((at, header)) = self.held(&recall.of)?.filter(|(_, h)| h.author != own) else {
            return Ok(false);
        };
        let lines = self.store.ledgers_for(at)?;
        let line = lines.iter().find(|(peer, _)| *peer == by.author);
        let mut ops = vec![done];
        // It stands by its copy no more: the next to recall finds no other.
        ops.extend(line.filter(|(_, l)| released_to_us(l)).map(|(peer, l)| {
            let entry = LedgerEntry {
                rule: RECALLED.into(),
                at: self.clock.now(),
                answer: Some(Answer::Refused(Refused::Retracted)),
                ..l.clone()
            };
            Op::Ledger {
                peer: *peer,
                arrival: at,
                entry,
            }
        }));
        let erased = header.flags.contains(Flags::ERASED);
        let erase = !erased && !stands_by_others(by, &header, &lines);
        // Its author says so once more: what lifts the recall before does not lift this one.
        if erase || erased && self.recalled_before(&recall.of, by)? {
            ops.push(Op::Tombstone {
                id: header.id,
                tombstone: Tombstone {
                    author: header.author,
                    reason: Tombstone::RECALLED,
                    at: self.clock.now(),
                    by: by.id,
                },
                erase,
            });
        }
        self.store.write(ops).await?;
        if erase {
            self.search.forget(at.0);
            self.close(Some(&(at, header))).await?;
        }
        Ok(true)
    }

    /// Whether a record was erased by an earlier recall of the same author.
    fn recalled_before(&self, of: &RecordId, by: &Header) -> Result<bool, StoreError> {
        let tombstone = self.store.tombstone(of)?;
        let Some(tombstone) = tombstone.filter(|t| t.reason == Tombstone::RECALLED) else {
            return Ok(false);
        };
        let before = self.held(&tombstone.by)?;
        Ok(before.is_some_and(|(_, h)| h.author == by.author && h.created < by.created))
    }

    /// Destroys the key of a sealed record that was erased: before a receipt says so.
    async fn close(&self, erased: Option<&(Arrival, Header)>) -> Result<(), WithdrawalError> {
        let Some((_, header)) = erased.filter(|(_, header)| kind::is_sealed(header)) else {
            return Ok(());
        };
        let (vault, id) = (self.vault.clone(), header.id);
        let shredded = tokio::task::spawn_blocking(move || vault.shred(&id)).await;
        shredded.map_err(|_| WithdrawalError::Stopping)??;
        Ok(())
    }

    /// Says what came of a recall, whose copy is erased if it is to be, and asks those further on.
    pub(super) async fn answer_recall(
        &self,
        by: &Header,
        arrival: Arrival,
        recall: &Recall,
    ) -> Result<(), WithdrawalError> {
        if recall.to != self.registry.own() || self.has_answered(&recall.of, &by.id)? {
            return Ok(());
        }
        let held = self.held(&recall.of)?;
        let kept = match &held {
            Some((_, header)) if header.author == self.registry.own() => Some(OURS),
            Some((at, header)) if !header.flags.contains(Flags::ERASED) => {
                let lines = self.store.ledgers_for(*at)?;
                stands_by_others(by, header, &lines).then_some(RELEASED_BY_ANOTHER)
            }
            _ => None,
        };
        if kept.is_some() {
            let made = self.receipts(by, arrival, &recall.of, held.as_ref(), kept)?;
            return self.say_withdrawal(made, Vec::new()).await;
        }
        let erased = |(_, header): &&(Arrival, Header)| header.flags.contains(Flags::ERASED);
        self.close(held.as_ref().filter(erased)).await?;
        let took = self.store.tombstone(&recall.of)?.map(|t| t.by);
        let Some((at, header)) = held.as_ref().filter(|_| took == Some(by.id)) else {
            // Not here, or another withdrawal took it, and counts those behind us.
            let made = self.receipts(by, arrival, &recall.of, None, None)?;
            return self.say_withdrawal(made, Vec::new()).await;
        };
        // The record is gone: the recalls of our own take the envelope of the one that we got.
        let mut asks = Vec::new();
        for child in self.children(*at, by, header)? {
            if self.is_out(*at, header, &child)? {
                asks.push(recall_from(
                    &self.fields_of(arrival)?,
                    header,
                    &child,
                    recall.reason,
                ));
            }
        }
        self.tell(by, arrival, &recall.of, held.as_ref(), asks)
            .await
    }

    /// Says `asks` and the receipts for what is erased, and notes what these counted, all in
    /// one write.
    async fn tell(
        &self,
        by: &Header,
        at: Arrival,
        of: &RecordId,
        held: Option<&(Arrival, Header)>,
        asks: Vec<Statement>,
    ) -> Result<(), WithdrawalError> {
        let mut made = self.receipts(by, at, of, held, None)?;
        let further = made.iter().find_map(|one| match &one.content {
            Content::Receipt(receipt) => receipt.further,
            _ => None,
        });
        let noted = further.map(|f| counted(of, &by.id, (f.asked, f.erased)));
        made.splice(0..0, asks);
        self.say_withdrawal(made, noted.into_iter().collect()).await
    }

    /// A receipt came: what we took back from its author may be offered to it again, if the
    /// gates allow that again.
    pub(super) async fn given_back(
        &self,
        holder: &AgencyId,
        receipt: &Receipt,
    ) -> Result<(), WithdrawalError> {
        let erased = receipt.what == ReceiptWhat::Erased;
        if !erased || self.store.recalled(&receipt.of, holder)? != Some(receipt.r#for) {
            return Ok(());
        }
        let Some((arrival, _)) = self.held(&receipt.of)? else {
            return Ok(());
        };
        let peer = *holder;
        self.store.write(vec![Op::Reopen { peer, arrival }]).await?;
        self.sync.offer_again(holder, [receipt.of]);
        Ok(())
    }

    /// Counts anew those behind us who erased a record, and says so if the count changed.
    pub(super) async fn recount(&self, of: &RecordId) -> Result<(), WithdrawalError> {
        // None: nobody waits for a count of ours.
        let Some((answers, before)) = self.count_of(of)? else {
            return Ok(());
        };
        let (Some((arrival, header)), Some((at, by))) = (self.held(of)?, self.held(&answers)?)
        else {
            return Ok(());
        };
        let Some((asked, erased)) = self.further(arrival, &header, &by)? else {
            return Ok(());
        };
        if (asked, erased) == before {
            return Ok(());
        }
        let receipt = Receipt {
            r#for: by.id,
            of: *of,
            what: ReceiptWhat::Erased,
            at: self.store.tombstone(of)?.map_or(by.received, |t| t.at),
            why: None,
            further: Some(Further { asked, erased }),
        };
        let to: Vec<AgencyId> = parent(&by, Some(&header)).into_iter().collect();
        let made = self.receipt(at, receipt, to)?;
        let noted = counted(of, &by.id, (asked, erased));
        self.say_withdrawal(vec![made], vec![noted]).await
    }

    /// The withdrawal of a record whose holders behind us we count, and the count that we told.
    fn count_of(&self, of: &RecordId) -> Result<Option<(RecordId, Count)>, StoreError> {
        let Some(bytes) = self.store.meta(&count_name(of))? else {
            return Ok(None);
        };
        let read = || {
            let (by, rest) = bytes.split_first_chunk::<32>()?;
            let (asked, rest) = rest.split_first_chunk::<4>()?;
            let erased = rest.first_chunk::<4>()?;
            let count = (u32::from_be_bytes(*asked), u32::from_be_bytes(*erased));
            Some((RecordId::from_bytes(*by), count))
        };
        Ok(read())
    }

    /// Those that a node passed a record on to: not those that it had it from.
    pub(super) fn children(
        &self,
        arrival: Arrival,
        by: &Header,
        header: &Header,
    ) -> Result<Vec<AgencyId>, StoreError> {
        let before = [
            parent(by, Some(header)),
            header.courier,
            Some(header.author),
        ];
        Ok(self
            .store
            .ledgers_for(arrival)?
            .into_iter()
            .filter(|(peer, line)| {
                line.direction == Direction::Sent
                    && !matches!(line.answer, Some(Answer::Refused(_)))
                    && !before.contains(&Some(*peer))
            })
            .map(|(peer, _)| peer)
            .collect())
    }

    /// How many there are behind us, and how many of them erased the record; none: nobody.
    fn further(
        &self,
        arrival: Arrival,
        header: &Header,
        by: &Header,
    ) -> Result<Option<(u32, u32)>, StoreError> {
        let children = self.children(arrival, by, header)?;
        if children.is_empty() {
            return Ok(None);
        }
        let (mut asked, mut erased) = (0u32, 0u32);
        for child in children {
            asked = asked.saturating_add(1);
            // A recall is passed on as one of our own, a retraction as it is.
            let answers = if kind::of(by) == Some(Kind::Recall) {
                self.store.recalled(&header.id, &child)?
            } else {
                Some(by.id)
            };
            let told = self.store.told(&header.id, &child)?;
            let Some(told) = told.filter(|t| Some(t.answers) == answers) else {
                continue;
            };
            erased = erased.saturating_add(u32::from(is_erased(&told)));
            let (more, gone) = told.further.unwrap_or_default();
            asked = asked.saturating_add(more.min(limits::FURTHER));
            erased = erased.saturating_add(gone.min(limits::FURTHER));
        }
        let asked = asked.min(limits::FURTHER);
        Ok(Some((asked, erased.min(asked))))
    }

    /// The receipts that are due for a withdrawal. Whoever we had the record from counts us and
    /// those behind us; everybody else who knows that we had it hears of us alone, or two
    /// would count the same holders.
    fn receipts(
        &self,
        by: &Header,
        at: Arrival,
        of: &RecordId,
        held: Option<&(Arrival, Header)>,
        kept: Option<&str>,
    ) -> Result<Vec<Statement>, WithdrawalError> {
        let parent = parent(by, held.map(|(_, h)| h));
        let mut to: BTreeSet<AgencyId> = by.courier.into_iter().chain(parent).collect();
        let mut further = None;
        if let Some((arrival, header)) = held {
            if kind::of(by) == Some(Kind::Retract) {
                let lines = self.store.ledgers_for(*arrival)?;
                let had = lines
                    .iter()
                    .filter(|(_, l)| l.direction == Direction::Received);
                to.extend(had.map(|(peer, _)| *peer));
            }
            if kept.is_none() {
                further = self.further(*arrival, header, by)?;
            }
        }
        let receipt = Receipt {
            r#for: by.id,
            of: *of,
            what: if kept.is_some() {
                ReceiptWhat::Refused
            } else {
                ReceiptWhat::Erased
            },
            at: self.clock.now(),
            why: kept.map(str::to_owned),
            further: None,
        };
        let mut made = Vec::new();
        if further.is_some()
            && let Some(parent) = parent
        {
            to.remove(&parent);
        }
        let to: Vec<AgencyId> = to.into_iter().take(limits::AUDIENCE).collect();
        if !to.is_empty() {
            made.push(self.receipt(at, receipt.clone(), to)?);
        }
        if let (Some((asked, erased)), Some(parent)) = (further, parent) {
            let receipt = Receipt {
                further: Some(Further { asked, erased }),
                ..receipt
            };
            made.push(self.receipt(at, receipt, vec![parent])?);
        }
        Ok(made)
    }

    fn receipt(
        &self,
        at: Arrival,
        receipt: Receipt,
        to: Vec<AgencyId>,
    ) -> Result<Statement, WithdrawalError> {
        Ok(Statement {
            fields: envelope("Receipt", &self.fields_of(at)?),
            content: Content::Receipt(receipt),
            audience: Some(to),
        })
    }

    fn has_answered(&self, of: &RecordId, by: &RecordId) -> Result<bool, StoreError> {
        let told = self.store.told(of, &self.registry.own())?;
        Ok(told.is_some_and(|t| t.answers == *by))
    }

    /// A record that has a place in the store, erased or not.
    pub(super) fn held(&self, of: &RecordId) -> Result<Option<(Arrival, Header)>, StoreError> {
        let Some(arrival) = self.store.arrival_of(of)? else {
            return Ok(None);
        };
        Ok(self.store.header(arrival)?.map(|h| (arrival, h)))
    }

    pub(super) async fn say_withdrawal(
        &self,
        statements: Vec<Statement>,
        also: Vec<Op>,
    ) -> Result<(), WithdrawalError> {
        if statements.is_empty() {
            self.store.write(also).await?;
            return Ok(());
        }
        self.ingest.own(statements, also).await?;
        Ok(())
    }
}

/// Whether another than the one who recalls a record released it to us as well. Its author says
/// who may have it: no other's release stands above that.
fn stands_by_others(by: &Header, header: &Header, lines: &[(AgencyId, LedgerEntry)]) -> bool {
    by.author != header.author
        && lines
            .iter()
            .any(|(peer, line)| *peer != by.author && released_to_us(line))
}

/// Who counts us: whoever the record came from, or, of a recall, whoever made it.
fn parent(by: &Header, record: Option<&Header>) -> Option<AgencyId> {
    if kind::of(by) == Some(Kind::Recall) {
        return Some(by.author);
    }
    record.and_then(|h| h.courier)
}

/// Notes the count that was told, to be held against the next.
fn counted(of: &RecordId, by: &RecordId, (asked, erased): (u32, u32)) -> Op {
    let bytes = [
        &by.as_bytes()[..],
        &asked.to_be_bytes(),
        &erased.to_be_bytes(),
    ]
    .concat();
    Op::PutMeta {
        name: count_name(of),
        bytes: bytes.into(),
    }
}

fn count_name(of: &RecordId) -> String {
    format!("withdrawal/count/{}", of.full())
}

/// Whether a holder told that it erased its copy.
pub(crate) fn is_erased(told: &Told) -> bool {
    told.what == ReceiptWhat::Erased as u8
}
