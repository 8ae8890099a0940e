//! The side of a live stream that takes records in.

use std::collections::{HashSet, VecDeque};

use crate::clock::Millis;
use crate::fault::Answer;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::head::{Came, Head, acts, overdue};
use crate::wire::hello::Hello;
use crate::wire::message::{Item, Message, Reason};
use crate::wire::notice::{Allowance, Notice};
use crate::wire::outcome::Outcome;

/// What the receiver's caller makes of an item on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Send it.
    Want,
    /// Answered without its bytes: held already (`stored`), refused before, or not now.
    Answer(Answer),
}

/// What happens to a receiver.
#[derive(Clone, Debug)]
pub enum Event {
    /// The peer sent this.
    Message(Message),
    /// What [`Effect::Lookup`] asked for, one for each item in its order.
    Known {
        /// The batch.
        batch: u64,
        /// What is known of each item.
        known: Vec<Known>,
    },
    /// What became of the records of one [`Effect::Ingest`], in its order.
    Ingested {
        /// The batch.
        batch: u64,
        /// As in the effect.
        first: u32,
        /// One for each record.
        answers: Vec<Answer>,
    },
    /// From now on grant this many unanswered batches (0: pause) and bytes; cut to
    /// [`limits::BATCHES_IN_FLIGHT`] and to [`limits::BATCH_BYTES`] ..=
    /// [`limits::CREDIT_BYTES`].
    Grant {
        /// Batches.
        batches: u32,
        /// Bytes announced.
        bytes: u64,
    },
    /// Tell the peer this; allowed once [`Effect::Opened`] came.
    Notify(Notice),
    /// The time, every few seconds.
    Tick(Millis),
    /// The caller ends the stream.
    Close(Reason),
}

/// What a receiver's caller is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this.
    Send(Message),
    /// The peer said hello; compare its agency with the connection's key.
    Opened {
        /// Version in use.
        version: u16,
        /// Its hello.
        peer: Hello,
    },
    /// The peer says this; what it carries was not looked at.
    Noticed(Notice),
    /// Say what is known of these, by [`Event::Known`].
    Lookup {
        /// The batch.
        batch: u64,
        /// The items on offer, in order.
        items: Vec<Item>,
    },
    /// Ingest these and answer by [`Event::Ingested`]. A record whose id is not the one
    /// given here, or whose `created` is not the one that was offered, is refused: form.
    Ingest {
        /// The batch.
        batch: u64,
        /// Tells several of one batch apart.
        first: u32,
        /// What was offered, and the bytes that came.
        records: Vec<(Item, Vec<u8>)>,
    },
    /// The stream is over; nothing comes after this.
    Closed(Reason),
    /// The stream is over; nothing comes after this.
    Fault(WireFault),
}

acts!(Effect, Message);

/// Receives records over one live stream.
///
/// Bounds: [`limits::BATCHES_IN_FLIGHT`] batches of [`limits::BATCH_RECORDS`] items; the
/// bytes of records are handed on as they come, so the caller holds at most
/// [`limits::CREDIT_BYTES`] of them.
#[derive(Debug)]
pub struct Receiver {
    head: Head,
    allowance: Allowance,
    open: VecDeque<Batch>,
    last_batch: u64,
    credit: Credit,
    /// The most that was ever granted: what the peer sent before it saw less is no fault.
    granted: Credit,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    items: Vec<Item>,
    bytes: u64,
    /// The first tick after its last step: the tick before it may have been long ago.
    since: Option<Millis>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The caller looks up what is known.
    Looking,
    /// Records come and are ingested.
    Receiving(Receiving),
}

#[derive(Debug)]
struct Receiving {
    want: Vec<usize>,
    /// Wanted records that came, or that the peer withdrew.
    got: usize,
    /// For each item.
    outcomes: Vec<Option<Outcome>>,
    /// What the caller ingests: the key, and the items.
    ingesting: Vec<(u32, Vec<usize>)>,
}

#[derive(Clone, Copy, Debug)]
struct Credit {
    batches: u32,
    bytes: u64,
}

impl Receiver {
    /// A receiver on a stream that a peer opened, and the hello to send.
    pub fn new(ours: Hello) -> (Self, Message) {
        let (head, hello) = Head::new(ours);
        let credit = Credit {
            batches: limits::BATCHES_IN_FLIGHT as u32,
            bytes: limits::CREDIT_BYTES as u64,
        };
        let receiver = Self {
            head,
            allowance: Allowance::full(),
            open: VecDeque::new(),
            last_batch: 0,
            credit,
            granted: credit,
        };
        (receiver, hello)
    }

    /// Batches on offer that are not answered yet.
    pub fn open_batches(&self) -> usize {
        self.open.len()
    }

    /// Takes an event and gives what is to be done, in order.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.head.is_over() {
            return effects;
        }
        if let Err(fault) = self.take(event, &mut effects) {
            self.head.fail(fault, &mut effects);
        }
        if self.head.is_over() {
            self.open = VecDeque::new();
        }
        effects
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        match event {
            Event::Message(message) => self.message(message, out),
            Event::Known { batch, known } => self.known(batch, known, out),
            Event::Ingested {
                batch,
                first,
                answers,
            } => self.ingested(batch, first, answers, out),
            Event::Grant { batches, bytes } => {
                self.grant(batches, bytes, out);
                Ok(())
            }
            Event::Notify(notice) => self.notify(notice, out),
            Event::Tick(now) => self.tick(now),
            Event::Close(reason) => {
                self.head.close(reason, out);
                Ok(())
            }
        }
    }

    fn message(&mut self, message: Message, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let message = match self.head.take(message, out)? {
            Came::Hello => {
                let Credit { batches, bytes } = self.credit;
                out.push(Effect::Send(Message::Credit { batches, bytes }));
                return Ok(());
            }
            Came::Bye => return Ok(()),
            Came::Other(message) => message,
        };
        let message = match Notice::of(message) {
            Ok(notice) => {
                self.allowance.take()?;
                out.push(Effect::Noticed(notice));
                return Ok(());
            }
            Err(message) => message,
        };
        match message {
            Message::Offer { batch, items } => self.offer(batch, items, out),
            Message::Records {
                batch,
                first,
                frames,
            } => self.records(batch, first, frames, out),
            other => Err(WireFault::Unexpected {
                expected: "offer or records",
                found: other.name(),
            }),
        }
    }

    fn offer(
        &mut self,
        batch: u64,
        items: Vec<Item>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let expected = self.last_batch + 1;
        if batch != expected {
            return Err(WireFault::NotDense {
                expected,
                found: batch,
            });
        }
        let mut seen = HashSet::with_capacity(items.len());
        if !items.iter().all(|i| seen.insert(i.id)) {
            return Err(WireFault::RepeatedId { batch });
        }
        let bytes: u64 = items.iter().map(|i| u64::from(i.size)).sum();
        within(
            "batches",
            self.open.len() as u64 + 1,
            u64::from(self.granted.batches),
        )?;
        let announced = self.open.iter().map(|b| b.bytes).sum::<u64>() + bytes;
        within("bytes", announced, self.granted.bytes)?;
        self.last_batch = batch;
        out.push(Effect::Lookup {
            batch,
            items: items.clone(),
        });
        self.open.push_back(Batch {
            number: batch,
            items,
            bytes,
            since: None,
            state: State::Looking,
        });
        Ok(())
    }

    fn known(
        &mut self,
        batch: u64,
        known: Vec<Known>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let open = self
            .batch(batch)
            .filter(|b| matches!(b.state, State::Looking));
        let open = open.ok_or(WireFault::misuse("looked up a batch that is not open"))?;
        if known.len() != open.items.len() {
            return Err(WireFault::misuse(
                "looked up another number of items than asked",
            ));
        }
        let mut want = Vec::new();
        let mut indices = Vec::new();
        let mut outcomes = Vec::with_capacity(known.len());
        for (index, known) in known.into_iter().enumerate() {
            outcomes.push(match known {
                Known::Answer(answer) => Some(Outcome::Answered(answer)),
                Known::Want => {
                    want.push(index);
                    // At most BATCH_RECORDS.
                    indices.push(index as u32);
                    None
                }
            });
        }
        open.state = State::Receiving(Receiving {
            want,
            got: 0,
            outcomes,
            ingesting: Vec::new(),
        });
        open.since = None;
        if !indices.is_empty() {
            out.push(Effect::Send(Message::Want { batch, indices }));
        }
        self.answer(batch, out);
        Ok(())
    }

    fn records(
        &mut self,
        batch: u64,
        first: u32,
        frames: Vec<Option<Vec<u8>>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let unknown = WireFault::UnknownBatch {
            message: "records",
            batch,
        };
        let open = self.batch(batch).ok_or(unknown.clone())?;
        let State::Receiving(receiving) = &mut open.state else {
            return Err(unknown);
        };
        let Receiving {
            want,
            got,
            outcomes,
            ingesting,
        } = receiving;
        let places = want.get(*got..).unwrap_or_default();
        // At most BATCH_RECORDS.
        let expected = *got as u32;
        if first != expected || frames.is_empty() || frames.len() > places.len() {
            let (found, wanted) = (frames.len(), want.len());
            return Err(WireFault::NotWanted {
                batch,
                first,
                found,
                expected,
                wanted,
            });
        }
        let mut records = Vec::with_capacity(frames.len());
        let mut indices = Vec::with_capacity(frames.len());
        let count = frames.len();
        for (index, frame) in places.iter().zip(frames) {
            let Some(bytes) = frame else {
                if let Some(outcome) = outcomes.get_mut(*index) {
                    *outcome = Some(Outcome::Withdrawn);
                }
                continue;
            };
            let Some(item) = open.items.get(*index) else {
                continue;
            };
            let (found, announced) = (bytes.len(), item.size);
            if found > announced as usize {
                return Err(WireFault::LongerThanOffered { found, announced });
            }
            indices.push(*index);
            records.push((*item, bytes));
        }
        *got += count;
        open.since = None;
        if !records.is_empty() {
            ingesting.push((first, indices));
            out.push(Effect::Ingest {
                batch,
                first,
                records,
            });
        }
        self.answer(batch, out);
        Ok(())
    }

    fn ingested(
        &mut self,
        batch: u64,
        first: u32,
        answers: Vec<Answer>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let misuse = WireFault::misuse("ingested what was not handed over");
        let open = self.batch(batch).ok_or(misuse.clone())?;
        let State::Receiving(receiving) = &mut open.state else {
            return Err(misuse);
        };
        let place = receiving
            .ingesting
            .iter()
            .position(|(key, _)| *key == first);
        let (_, indices) = receiving.ingesting.swap_remove(place.ok_or(misuse)?);
        if indices.len() != answers.len() {
            return Err(WireFault::misuse(
                "ingested another number of records than asked",
            ));
        }
        for (index, answer) in indices.into_iter().zip(answers) {
            if let Some(outcome) = receiving.outcomes.get_mut(index) {
                *outcome = Some(Outcome::Answered(answer));
            }
        }
        self.answer(batch, out);
        Ok(())
    }

    /// Answers a batch of which every item has its outcome.
    fn answer(&mut self, batch: u64, out: &mut Vec<Effect>) {
        let Some(place) = self.open.iter().position(|b| b.number == batch) else {
            return;
        };
        let Some(Batch {
            state: State::Receiving(receiving),
            ..
        }) = self.open.get(place)
        else {
            return;
        };
        let outcomes: Option<Vec<Outcome>> = receiving.outcomes.iter().copied().collect();
        if let Some(outcomes) = outcomes {
            self.open.remove(place);
            out.push(Effect::Send(Message::Answers { batch, outcomes }));
        }
    }

    fn grant(&mut self, batches: u32, bytes: u64, out: &mut Vec<Effect>) {
        let batches = batches.min(limits::BATCHES_IN_FLIGHT as u32);
        let bytes = bytes.clamp(limits::BATCH_BYTES as u64, limits::CREDIT_BYTES as u64);
        self.credit = Credit { batches, bytes };
        if self.head.is_open() {
            self.granted.batches = self.granted.batches.max(batches);
            self.granted.bytes = self.granted.bytes.max(bytes);
            out.push(Effect::Send(Message::Credit { batches, bytes }));
        } else {
            self.granted = self.credit;
        }
    }

    fn notify(&self, notice: Notice, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        if !self.head.is_open() {
            return Err(WireFault::misuse("a notice before the peer's hello"));
        }
        out.push(Effect::Send(notice.into()));
        Ok(())
    }

    fn tick(&mut self, now: Millis) -> Result<(), WireFault> {
        self.head.tick(now)?;
        self.allowance.tick();
        for batch in &mut self.open {
            let since = *batch.since.get_or_insert(now);
            if let State::Receiving(receiving) = &batch.state
                && receiving.got < receiving.want.len()
            {
                overdue(now, since, limits::REPLY_MS, "wanted records")?;
            }
        }
        Ok(())
    }

    fn batch(&mut self, number: u64) -> Option<&mut Batch> {
        self.open.iter_mut().find(|b| b.number == number)
    }
}

fn within(what: &'static str, found: u64, granted: u64) -> Result<(), WireFault> {
    if found > granted {
        return Err(WireFault::OverCredit {
            what,
            found,
            granted,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;
