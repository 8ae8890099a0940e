//! The side of a live stream that has records to offer.

use std::collections::VecDeque;

use crate::clock::Millis;
use crate::id::RecordId;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::head::{Came, Head, acts, overdue};
use crate::wire::hello::Hello;
use crate::wire::live::lanes::{Lane, Lanes, Waiting};
use crate::wire::message::{self, Item, Message, Reason};
use crate::wire::notice::{Allowance, Notice};
use crate::wire::outcome::Outcome;

/// What happens to a sender.
#[derive(Clone, Debug)]
pub enum Event {
    /// The peer sent this.
    Message(Message),
    /// The next candidates of a lane, in order, each decided. Allowed while
    /// [`Sender::room`] of the lane is above 0; at most [`limits::BATCH_RECORDS`] items,
    /// none of them twice. No items: only the mark moves.
    Scanned {
        /// The lane.
        lane: Lane,
        /// The caller's: comes back when these items and all before are settled. Never
        /// sent.
        mark: u64,
        /// The candidates.
        items: Vec<Item>,
    },
    /// What [`Effect::Load`] asked for, in its order: bytes, at most as many as the item
    /// announced, or `None` where the record may not or can no longer be given.
    Loaded {
        /// The batch.
        batch: u64,
        /// The records' frames.
        frames: Vec<Option<Vec<u8>>>,
    },
    /// Tell the peer this; allowed once [`Effect::Opened`] came.
    Notify(Notice),
    /// The time, every few seconds.
    Tick(Millis),
    /// The caller ends the stream.
    Close(Reason),
}

/// What a sender's caller is to do, in order.
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
    /// A lane has room; see [`Sender::room`].
    Room,
    /// Decide these anew and hand over their bytes.
    Load {
        /// The batch.
        batch: u64,
        /// The ids wanted, all of them offered.
        ids: Vec<RecordId>,
    },
    /// These are settled, and all batches before them: write the ledger, then move the
    /// lane's cursor to the mark, if there is one.
    Settled {
        /// The lane.
        lane: Lane,
        /// The mark of the scan that ends here.
        mark: Option<u64>,
        /// What became of each item.
        outcomes: Vec<(RecordId, Outcome)>,
    },
    /// The stream is over; nothing comes after this.
    Closed(Reason),
    /// The stream is over; nothing comes after this.
    Fault(WireFault),
}

acts!(Effect, Message);

/// Sends records over one live stream.
///
/// Bounds: [`limits::BATCHES_IN_FLIGHT`] scans a lane, each of [`limits::BATCH_RECORDS`]
/// items, waiting or under way; no record bytes are kept.
#[derive(Debug)]
pub struct Sender {
    head: Head,
    allowance: Allowance,
    waiting: Lanes,
    under_way: VecDeque<Batch>,
    last_batch: u64,
    credit: Credit,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    lane: Lane,
    mark: Option<u64>,
    items: Vec<Item>,
    bytes: u64,
    /// The first tick after its last step: the tick before it may have been long ago.
    since: Option<Millis>,
    state: State,
}

#[derive(Debug)]
enum State {
    Offered,
    Loading(Vec<u32>),
    /// Sent; the items that were withdrawn.
    Sent(Vec<usize>),
    Answered(Vec<Outcome>),
}

#[derive(Clone, Copy, Debug)]
struct Credit {
    batches: usize,
    bytes: u64,
}

impl Sender {
    /// A sender on a stream that was just opened, and the hello to send.
    pub fn new(ours: Hello) -> (Self, Message) {
        let (head, hello) = Head::new(ours);
        let sender = Self {
            head,
            allowance: Allowance::full(),
            waiting: Lanes::default(),
            under_way: VecDeque::new(),
            last_batch: 0,
            // Nothing until the receiver grants some.
            credit: Credit {
                batches: 0,
                bytes: 0,
            },
        };
        (sender, hello)
    }

    /// How many more scans the lane takes now.
    pub fn room(&self, lane: Lane) -> usize {
        if !self.head.is_open() {
            return 0;
        }
        let under_way = self.under_way.iter().filter(|b| b.lane == lane).count();
        let held = under_way + self.waiting.len(lane);
        limits::BATCHES_IN_FLIGHT.saturating_sub(held)
    }

    /// Whether every item handed over is settled.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.waiting.is_empty()
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
            self.waiting = Lanes::default();
            self.under_way = VecDeque::new();
        }
        effects
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        match event {
            Event::Message(message) => self.message(message, out)?,
            Event::Scanned { lane, mark, items } => self.scanned(lane, mark, items, out)?,
            Event::Loaded { batch, frames } => self.loaded(batch, frames, out)?,
            Event::Notify(notice) => return self.notify(notice, out),
            Event::Tick(now) => return self.tick(now),
            Event::Close(reason) => {
                self.head.close(reason, out);
                return Ok(());
            }
        }
        if !self.head.is_over() {
            self.offer_more(out);
        }
        Ok(())
    }

    fn message(&mut self, message: Message, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let message = match self.head.take(message, out)? {
            Came::Hello => {
                out.push(Effect::Room);
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
            Message::Want { batch, indices } => self.want(batch, indices, out),
            Message::Answers { batch, outcomes } => self.answers(batch, outcomes, out),
            Message::Credit { batches, bytes } => self.credit(batches, bytes),
            other => Err(WireFault::Unexpected {
                expected: "want, answers or credit",
                found: other.name(),
            }),
        }
    }

    fn want(
        &mut self,
        batch: u64,
        indices: Vec<u32>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let open = self
            .batch(batch)
            .filter(|b| matches!(b.state, State::Offered));
        let unknown = WireFault::UnknownBatch {
            message: "want",
            batch,
        };
        let open = open.ok_or(unknown)?;
        let mut after = None;
        let mut ids = Vec::with_capacity(indices.len());
        for index in &indices {
            let items = open.items.len();
            let fault = WireFault::WantIndex {
                index: *index,
                items,
                after,
            };
            if after.is_some_and(|after| *index <= after) {
                return Err(fault);
            }
            ids.push(open.items.get(*index as usize).ok_or(fault)?.id);
            after = Some(*index);
        }
        open.state = State::Loading(indices);
        open.since = None;
        out.push(Effect::Load { batch, ids });
        Ok(())
    }

    fn loaded(
        &mut self,
        batch: u64,
        frames: Vec<Option<Vec<u8>>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let open = self
            .batch(batch)
            .ok_or(WireFault::misuse("loaded an unknown batch"))?;
        let State::Loading(indices) = &open.state else {
            return Err(WireFault::misuse("loaded what was not asked for"));
        };
        if indices.len() != frames.len() {
            return Err(WireFault::misuse(
                "loaded another number of records than asked",
            ));
        }
        let mut withdrawn = Vec::new();
        for (index, frame) in indices.iter().zip(&frames) {
            let index = *index as usize;
            let announced = open.items.get(index).map_or(0, |i| i.size as usize);
            match frame {
                None => withdrawn.push(index),
                Some(bytes) if bytes.is_empty() || bytes.len() > announced => {
                    return Err(WireFault::misuse("a record is longer than its offer said"));
                }
                Some(_) => {}
            }
        }
        open.state = State::Sent(withdrawn);
        open.since = None;
        out.extend(split(batch, frames).map(Effect::Send));
        Ok(())
    }

    fn answers(
        &mut self,
        batch: u64,
        outcomes: Vec<Outcome>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let unknown = WireFault::UnknownBatch {
            message: "answers",
            batch,
        };
        let open = self.batch(batch).ok_or(unknown.clone())?;
        let none = Vec::new();
        let withdrawn = match &open.state {
            State::Offered => &none,
            State::Sent(withdrawn) => withdrawn,
            State::Loading(_) | State::Answered(_) => return Err(unknown),
        };
        let (found, expected) = (outcomes.len(), open.items.len());
        if found != expected {
            return Err(WireFault::AnswerCount {
                batch,
                found,
                expected,
            });
        }
        for (index, outcome) in outcomes.iter().enumerate() {
            if withdrawn.contains(&index) != matches!(outcome, Outcome::Withdrawn) {
                return Err(WireFault::AnswerMismatch { batch, index });
            }
        }
        open.state = State::Answered(outcomes);
        self.settle(out);
        Ok(())
    }

    fn credit(&mut self, batches: u32, bytes: u64) -> Result<(), WireFault> {
        if batches > 0 {
            let (min, max) = (limits::BATCH_BYTES as u64, u64::MAX);
            crate::wire::cbor::bounds("bytes of credit", bytes, min, max)?;
        }
        self.credit = Credit {
            batches: batches as usize,
            bytes,
        };
        Ok(())
    }

    fn scanned(
        &mut self,
        lane: Lane,
        mark: u64,
        items: Vec<Item>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        if items.len() > limits::BATCH_RECORDS {
            return Err(WireFault::misuse(
                "a scan of more records than a batch holds",
            ));
        }
        if items.is_empty() {
            self.move_mark(lane, mark, out);
            return Ok(());
        }
        if self.room(lane) == 0 {
            return Err(WireFault::misuse("a scan where there was no room"));
        }
        self.waiting.push(lane, mark, items)
    }

    /// A scan that found nothing: the mark goes to the last scan of its lane that is still
    /// open, or is settled at once.
    fn move_mark(&mut self, lane: Lane, mark: u64, out: &mut Vec<Effect>) {
        if let Some(last) = self.waiting.last_mut(lane) {
            last.mark = Some(mark);
        } else if let Some(last) = self.under_way.iter_mut().rev().find(|b| b.lane == lane) {
            last.mark = Some(mark);
        } else {
            out.push(Effect::Settled {
                lane,
                mark: Some(mark),
                outcomes: Vec::new(),
            });
        }
    }

    fn settle(&mut self, out: &mut Vec<Effect>) {
        let before = out.len();
        while let Some(front) = self.under_way.pop_front() {
            let Batch {
                lane,
                mark,
                items,
                state,
                ..
            } = front;
            match state {
                State::Answered(outcomes) => {
                    let ids = items.into_iter().map(|i| i.id);
                    let outcomes = ids.zip(outcomes).collect();
                    out.push(Effect::Settled {
                        lane,
                        mark,
                        outcomes,
                    });
                }
                state => {
                    self.under_way.push_front(Batch {
                        lane,
                        mark,
                        items,
                        state,
                        ..front
                    });
                    break;
                }
            }
        }
        if out.len() > before {
            out.push(Effect::Room);
        }
    }

    fn offer_more(&mut self, out: &mut Vec<Effect>) {
        loop {
            let (mut batches, mut bytes) = (0, 0);
            for batch in self.under_way.iter().filter(|b| !b.state.is_answered()) {
                batches += 1;
                bytes += batch.bytes;
            }
            if batches >= self.credit.batches.min(limits::BATCHES_IN_FLIGHT) {
                return;
            }
            let left = self.credit.bytes.saturating_sub(bytes);
            let Some((lane, next)) = self.waiting.pop(left) else {
                return;
            };
            self.last_batch += 1;
            let (number, bytes) = (self.last_batch, next.bytes());
            let Waiting { mark, items } = next;
            out.push(Effect::Send(Message::Offer {
                batch: number,
                items: items.clone(),
            }));
            self.under_way.push_back(Batch {
                number,
                lane,
                mark,
                items,
                bytes,
                since: None,
                state: State::Offered,
            });
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
        for batch in &mut self.under_way {
            let since = *batch.since.get_or_insert(now);
            if matches!(batch.state, State::Offered | State::Sent(_)) {
                overdue(now, since, limits::REPLY_MS, "the answers to a batch")?;
            }
        }
        Ok(())
    }

    fn batch(&mut self, number: u64) -> Option<&mut Batch> {
        self.under_way.iter_mut().find(|b| b.number == number)
    }
}

impl State {
    fn is_answered(&self) -> bool {
        matches!(self, State::Answered(_))
    }
}

/// Cuts wanted records into messages that fit a frame.
fn split(batch: u64, frames: Vec<Option<Vec<u8>>>) -> impl Iterator<Item = Message> {
    // Tag, batch, place and three heads take at most 24 bytes.
    const ROOM: usize = limits::FRAME_BYTES - 32;
    let mut messages = Vec::new();
    let (mut first, mut next) = (0u32, 0u32);
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for frame in frames {
        let len = message::frame_len(frame.as_deref());
        if bytes + len > ROOM && !piece.is_empty() {
            messages.push(Message::Records {
                batch,
                first,
                frames: std::mem::take(&mut piece),
            });
            first = next;
            bytes = 0;
        }
        bytes += len;
        next += 1;
        piece.push(frame);
    }
    if !piece.is_empty() {
        messages.push(Message::Records {
            batch,
            first,
            frames: piece,
        });
    }
    messages.into_iter()
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
