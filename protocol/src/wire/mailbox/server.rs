//! The hub's side of a mailbox stream.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::message::{Deposit, Held, Message, Refusal, Waiting};
use super::piece_len;
use crate::clock::Millis;
use crate::id::ParcelId;
use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::head::{Came, Head, acts, overdue};
use crate::wire::hello::Hello;
use crate::wire::message::Reason;

/// What a hub makes of a deposit before its bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Keep,
    /// The same parcel of this agency for the same addressee is here already.
    Kept,
    /// Not kept.
    Refuse(Refusal),
}

/// What happens to a server.
#[derive(Clone, Debug)]
pub enum Event {
    /// The agency sent this.
    Message(Message),
    /// What [`Effect::Judge`] asked for.
    Judged {
        /// The parcel.
        id: ParcelId,
        /// Whether it is kept.
        verdict: Verdict,
    },
    /// What became of [`Effect::Finish`]: on disk and synced, or not.
    Finished {
        /// The parcel.
        id: ParcelId,
        /// Why not.
        kept: Result<(), Refusal>,
    },
    /// Which of [`Effect::Discard`], in its order, were there and given to nobody, nor in part;
    /// all are gone from the disk.
    Discarded(Vec<bool>),
    /// This waits for the agency: allowed while [`Server::room`] is not 0, each parcel once a
    /// stream.
    Announce(Waiting),
    /// What [`Effect::Load`] asked for; none: it is not there any more.
    Loaded {
        /// The parcel.
        id: ParcelId,
        /// As many bytes as were asked for.
        bytes: Option<Vec<u8>>,
    },
    /// What [`Effect::Remove`] asked for is done.
    Removed(ParcelId),
    /// What [`Effect::List`] asked for: at most [`limits::MAILBOX_IDS`], rising by id.
    Held {
        /// The page.
        parcels: Vec<Held>,
        /// Whether there are more behind it.
        more: bool,
    },
    /// The time, every few seconds.
    Tick(Millis),
    /// The caller ends the stream.
    Close(Reason),
}

/// What a server's caller is to do, in order. A parcel that was begun by [`Effect::Judge`] and not
/// finished when the stream ends is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this.
    Send(Message),
    /// The agency said hello; compare it with the connection's key.
    Opened {
        /// Version in use.
        version: u16,
        /// Its hello.
        peer: Hello,
    },
    /// Is this kept? Answer by [`Event::Judged`].
    Judge(Deposit),
    /// Write these bytes of the parcel that is kept, behind those before.
    Write {
        /// The parcel.
        id: ParcelId,
        /// Where they begin.
        offset: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// All bytes came, and they are the parcel's: sync it, keep it and answer by
    /// [`Event::Finished`].
    Finish(Deposit),
    /// Drop those of these that the agency deposited; answer by [`Event::Discarded`].
    Discard(Vec<ParcelId>),
    /// There is room to announce: ask [`Server::room`].
    Room,
    /// Read so many bytes of an announced parcel; answer by [`Event::Loaded`].
    Load {
        /// The parcel.
        id: ParcelId,
        /// From here.
        offset: u32,
        /// So many.
        len: u32,
    },
    /// The addressee has dealt with it: delete it, sync, and answer by [`Event::Removed`].
    Remove(ParcelId),
    /// Which does the hub hold of this agency, after this id? Answer by [`Event::Held`].
    List {
        /// None: from the first.
        after: Option<ParcelId>,
    },
    /// The stream is over; nothing comes after this.
    Closed(Reason),
    /// The stream is over; nothing comes after this.
    Fault(WireFault),
}

acts!(Effect, Message);

/// Serves one agency over one mailbox stream.
///
/// Bounds: the ids of [`limits::WAITING_PARCELS`] and [`limits::DEPOSITS_AT_ONCE`]; one piece each
/// way, which is handed on.
#[derive(Debug)]
pub struct Server {
    head: Head,
    deposits: BTreeMap<ParcelId, Upload>,
    /// The parcel of which some pieces came and others are due.
    coming: Option<Coming>,
    /// Since when the next piece of any parcel is waited for.
    since: Option<Millis>,
    discarding: Option<usize>,
    listing: bool,
    /// How many may be announced at a time; 0: the agency collects nothing.
    window: usize,
    announced: BTreeMap<ParcelId, Announced>,
    /// The one that is sent, and the bytes of it that were.
    fetching: Option<(ParcelId, usize)>,
}

#[derive(Debug)]
struct Upload {
    deposit: Deposit,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Judging,
    /// Its pieces are due.
    Wanted,
    Finishing,
}

#[derive(Debug)]
struct Coming {
    id: ParcelId,
    got: usize,
    hash: Sha256,
}

#[derive(Debug)]
struct Announced {
    size: u32,
    removing: bool,
}

impl Server {
    /// A server on a stream that an agency opened, and the hello to send.
    pub fn new(ours: Hello) -> (Self, Message) {
        let (head, hello) = Head::new(ours);
        let server = Self {
            head,
            deposits: BTreeMap::new(),
            coming: None,
            since: None,
            discarding: None,
            listing: false,
            window: 0,
            announced: BTreeMap::new(),
            fetching: None,
        };
        (server, hello)
    }

    /// How many more may be announced now.
    pub fn room(&self) -> usize {
        match self.head.is_over() {
            true => 0,
            false => self.window.saturating_sub(self.announced.len()),
        }
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
            self.announced = BTreeMap::new();
        }
        effects
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        match event {
            Event::Message(message) => self.message(message, out),
            Event::Judged { id, verdict } => self.judged(id, verdict, out),
            Event::Finished { id, kept } => self.finished(id, kept, out),
            Event::Discarded(untouched) => self.discarded(untouched, out),
            Event::Announce(waiting) => self.announce(waiting, out),
            Event::Loaded { id, bytes } => self.loaded(id, bytes, out),
            Event::Removed(id) => self.removed(id, out),
            Event::Held { parcels, more } => self.held(parcels, more, out),
            Event::Tick(now) => self.tick(now),
            Event::Close(reason) => {
                self.head.close(reason, out);
                Ok(())
            }
        }
    }

    fn message(&mut self, message: Message, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let Came::Other(message) = self.head.take(message, out)? else {
            return Ok(());
        };
        match message {
            Message::Deposit(deposit) if self.has_place(&deposit.id) => {
                let upload = Upload {
                    deposit,
                    stage: Stage::Judging,
                };
                self.deposits.insert(deposit.id, upload);
                out.push(Effect::Judge(deposit));
                Ok(())
            }
            Message::Piece { id, bytes } => self.piece(id, bytes, out),
            Message::Discard(ids) if self.discarding.is_none() => {
                self.discarding = Some(ids.len());
                out.push(Effect::Discard(ids));
                Ok(())
            }
            Message::Collect(window) if self.window == 0 => {
                self.window = window as usize;
                out.push(Effect::Room);
                Ok(())
            }
            Message::Fetch(id) if self.fetching.is_none() => {
                let size = self.dealing("fetch", id)?.size;
                self.fetching = Some((id, 0));
                out.push(load(id, size, 0));
                Ok(())
            }
            Message::Done(id) => {
                self.not_fetching("done", id)?;
                self.dealing("done", id)?.removing = true;
                out.push(Effect::Remove(id));
                Ok(())
            }
            Message::Leave(id) => {
                self.not_fetching("leave", id)?;
                self.dealing("leave", id)?;
                self.announced.remove(&id);
                out.push(Effect::Room);
                Ok(())
            }
            Message::Holding(after) if !self.listing => {
                self.listing = true;
                out.push(Effect::List { after });
                Ok(())
            }
            other => Err(WireFault::Unexpected {
                expected: "a request that is due: one of its kind, and some deposits, at a time",
                found: other.name(),
            }),
        }
    }

    fn judged(
        &mut self,
        id: ParcelId,
        verdict: Verdict,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let waits = self.is_waiting();
        let upload = self.deposits.get_mut(&id);
        let upload = upload.filter(|upload| upload.stage == Stage::Judging);
        let upload = upload.ok_or(WireFault::misuse(
            "judged a parcel that was not asked about",
        ))?;
        match verdict {
            Verdict::Keep => {
                upload.stage = Stage::Wanted;
                if !waits {
                    self.since = self.head.now();
                }
                out.push(Effect::Send(Message::Keep(id)));
            }
            Verdict::Kept => {
                self.deposits.remove(&id);
                out.push(Effect::Send(Message::Kept(id)));
            }
            Verdict::Refuse(why) => {
                self.deposits.remove(&id);
                out.push(Effect::Send(Message::Refuse { id, why }));
            }
        }
        Ok(())
    }

    fn piece(
        &mut self,
        id: ParcelId,
        bytes: Vec<u8>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let not_due = WireFault::NotDue {
            message: "piece",
            id,
        };
        let upload = self.deposits.get_mut(&id);
        let upload = upload.filter(|upload| upload.stage == Stage::Wanted);
        let upload = upload.ok_or(not_due.clone())?;
        let mut coming = match self.coming.take() {
            // One after the other: a hub writes one file at a time.
            Some(other) if other.id != id => return Err(not_due),
            Some(coming) => coming,
            None => Coming {
                id,
                got: 0,
                hash: Sha256::new(),
            },
        };
        let (found, due) = (bytes.len(), piece_len(upload.deposit.size, coming.got));
        if found != due {
            return Err(WireFault::PieceSize { id, found, due });
        }
        coming.hash.update(&bytes);
        // At most PARCEL_BYTES.
        let offset = coming.got as u32;
        coming.got += found;
        self.since = self.head.now();
        if coming.got < upload.deposit.size as usize {
            self.coming = Some(coming);
            out.push(Effect::Write { id, offset, bytes });
            return Ok(());
        }
        if ParcelId::from_bytes(coming.hash.finalize().into()) != id {
            return Err(WireFault::OtherBytes { id });
        }
        upload.stage = Stage::Finishing;
        out.push(Effect::Write { id, offset, bytes });
        out.push(Effect::Finish(upload.deposit));
        Ok(())
    }

    fn finished(
        &mut self,
        id: ParcelId,
        kept: Result<(), Refusal>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        // A disk that fails says so while bytes still come: they are read and dropped.
        let upload = self.deposits.get(&id).ok_or(WireFault::misuse(
            "finished a parcel that was not asked about",
        ))?;
        if upload.stage != Stage::Finishing {
            return Err(WireFault::misuse("finished a parcel that is not whole"));
        }
        self.deposits.remove(&id);
        out.push(Effect::Send(match kept {
            Ok(()) => Message::Kept(id),
            Err(why) => Message::Refuse { id, why },
        }));
        Ok(())
    }

    fn discarded(&mut self, untouched: Vec<bool>, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        if self.discarding.take() != Some(untouched.len()) {
            return Err(WireFault::misuse(
                "discarded another number of parcels than asked",
            ));
        }
        out.push(Effect::Send(Message::Discarded(untouched)));
        Ok(())
    }

    fn announce(&mut self, waiting: Waiting, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        if self.room() == 0 {
            return Err(WireFault::misuse("announced a parcel without room"));
        }
        let announced = Announced {
            size: waiting.size,
            removing: false,
        };
        if self.announced.insert(waiting.id, announced).is_some() {
            return Err(WireFault::misuse("announced a parcel twice"));
        }
        out.push(Effect::Send(Message::Waiting(waiting)));
        Ok(())
    }

    fn loaded(
        &mut self,
        id: ParcelId,
        bytes: Option<Vec<u8>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let due = WireFault::misuse("loaded a parcel that was not asked for");
        let Some((_, got)) = self.fetching.filter(|(fetching, _)| *fetching == id) else {
            return Err(due);
        };
        let Some(size) = self.announced.get(&id).map(|a| a.size) else {
            return Err(due);
        };
        let Some(bytes) = bytes else {
            self.fetching = None;
            return self.settle(id, out);
        };
        if bytes.len() != piece_len(size, got) {
            return Err(WireFault::misuse(
                "loaded another number of bytes than asked",
            ));
        }
        let got = got + bytes.len();
        out.push(Effect::Send(Message::Piece { id, bytes }));
        self.fetching = match piece_len(size, got) {
            0 => None,
            _ => {
                out.push(load(id, size, got));
                Some((id, got))
            }
        };
        Ok(())
    }

    fn removed(&mut self, id: ParcelId, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        if !self.announced.get(&id).is_some_and(|a| a.removing) {
            return Err(WireFault::misuse(
                "removed a parcel that was not asked about",
            ));
        }
        self.settle(id, out)
    }

    fn held(
        &mut self,
        parcels: Vec<Held>,
        more: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let in_order = parcels.is_sorted_by(|a, b| a.id < b.id);
        if !std::mem::take(&mut self.listing) || parcels.len() > limits::MAILBOX_IDS || !in_order {
            return Err(WireFault::misuse("listed parcels otherwise than asked"));
        }
        out.push(Effect::Send(Message::Held { parcels, more }));
        Ok(())
    }

    fn tick(&mut self, now: Millis) -> Result<(), WireFault> {
        self.head.tick(now)?;
        if self.is_waiting() {
            let since = *self.since.get_or_insert(now);
            overdue(now, since, limits::REPLY_MS, "the next piece of its parcel")?;
        }
        Ok(())
    }

    /// Whether one more parcel may come beside those that do.
    fn has_place(&self, id: &ParcelId) -> bool {
        self.deposits.len() < limits::DEPOSITS_AT_ONCE && !self.deposits.contains_key(id)
    }

    /// Whether pieces of a parcel are due.
    fn is_waiting(&self) -> bool {
        let mut all = self.deposits.values();
        all.any(|upload| upload.stage == Stage::Wanted)
    }

    /// An announced parcel is gone.
    fn settle(&mut self, id: ParcelId, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        self.announced.remove(&id);
        out.push(Effect::Send(Message::Gone(id)));
        out.push(Effect::Room);
        Ok(())
    }

    /// An announced parcel that the agency has not dealt with.
    fn dealing(
        &mut self,
        message: &'static str,
        id: ParcelId,
    ) -> Result<&mut Announced, WireFault> {
        let announced = self.announced.get_mut(&id).filter(|a| !a.removing);
        announced.ok_or(WireFault::NotDue { message, id })
    }

    fn not_fetching(&self, message: &'static str, id: ParcelId) -> Result<(), WireFault> {
        match self.fetching.is_some_and(|(fetching, _)| fetching == id) {
            true => Err(WireFault::NotDue { message, id }),
            false => Ok(()),
        }
    }
}

fn load(id: ParcelId, size: u32, got: usize) -> Effect {
    Effect::Load {
        id,
        // Both at most PARCEL_BYTES.
        offset: got as u32,
        len: piece_len(size, got) as u32,
    }
}
