//! The agency's side of a mailbox stream.

use std::collections::BTreeMap;

use super::message::{Deposit, Held, Message, Refusal, Waiting};
use super::piece_len;
use crate::clock::Millis;
use crate::id::ParcelId;
use crate::limits;
use crate::parcel::Parcel;
use crate::wire::fault::WireFault;
use crate::wire::head::{Came, Head, acts, overdue};
use crate::wire::hello::Hello;
use crate::wire::message::Reason;

/// What happens to a client. All but the first, `Tick` and `Close` are allowed once
/// [`Effect::Opened`] came.
#[derive(Clone, Debug)]
pub enum Event {
    /// The hub sent this.
    Message(Message),
    /// Leave this at the hub, beside others; allowed while [`Client::may_deposit`] says so. Its id
    /// and size are those of the parcel.
    Deposit {
        /// What the hub is told.
        deposit: Deposit,
        /// The parcel.
        parcel: Parcel,
    },
    /// Have the hub drop these, 1 to [`limits::MAILBOX_IDS`]; allowed while
    /// [`Client::is_discarding`] is false.
    Discard(Vec<ParcelId>),
    /// Have the hub announce what waits for us, so many at a time; once a stream.
    Collect(u32),
    /// Get an announced one; allowed while [`Client::is_fetching`] is false.
    Fetch(ParcelId),
    /// An announced one is dealt with: what was in it is on disk here, or it never will be.
    Done(ParcelId),
    /// An announced one can't be dealt with now.
    Leave(ParcelId),
    /// Ask which of ours the hub holds, after this id; allowed while [`Client::is_listing`] is
    /// false.
    Holding(Option<ParcelId>),
    /// The time, every few seconds.
    Tick(Millis),
    /// The caller ends the stream.
    Close(Reason),
}

/// What a client's caller is to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this.
    Send(Message),
    /// The hub said hello; compare it with the connection's key.
    Opened {
        /// Version in use.
        version: u16,
        /// Its hello.
        peer: Hello,
    },
    /// The hub says what became of a deposit: it is on its disk, or why not.
    Deposited {
        /// The parcel.
        id: ParcelId,
        /// Why not.
        kept: Result<(), Refusal>,
    },
    /// The hub says that these are gone from its disk, and which it had and had given to nobody.
    Discarded(Vec<(ParcelId, bool)>),
    /// This waits for us. Deal with it: fetch it, or leave it.
    Waiting(Waiting),
    /// A parcel that was fetched; its bytes have the announced id. Answer by [`Event::Done`] or
    /// [`Event::Leave`].
    Fetched {
        /// As it was announced.
        waiting: Waiting,
        /// The parcel.
        parcel: Parcel,
    },
    /// A parcel that was announced is not at the hub any more, after [`Event::Done`] or instead
    /// of [`Effect::Fetched`].
    Gone(ParcelId),
    /// Which of ours the hub says that it holds.
    Held {
        /// Rising by id.
        parcels: Vec<Held>,
        /// Whether there are more behind them.
        more: bool,
    },
    /// The stream is over; nothing comes after this.
    Closed(Reason),
    /// The stream is over; nothing comes after this.
    Fault(WireFault),
}

acts!(Effect, Message);

/// Speaks with one hub over one mailbox stream.
///
/// Bounds: parcels of [`limits::PARCEL_BYTES`] each way, and the ids of
/// [`limits::WAITING_PARCELS`].
#[derive(Debug)]
pub struct Client {
    head: Head,
    /// At most [`limits::DEPOSITS_AT_ONCE`].
    deposits: BTreeMap<ParcelId, Upload>,
    discarding: Option<Asked<Vec<ParcelId>>>,
    listing: Option<Asked<Option<ParcelId>>>,
    /// How many may be announced at a time; 0: we collect nothing.
    window: usize,
    announced: BTreeMap<ParcelId, Announced>,
    fetching: Option<Download>,
}

#[derive(Debug)]
struct Asked<T> {
    what: T,
    since: Option<Millis>,
}

#[derive(Debug)]
struct Upload {
    deposit: Deposit,
    /// Until the hub wants it.
    parcel: Option<Parcel>,
    since: Option<Millis>,
}

#[derive(Debug)]
struct Announced {
    waiting: Waiting,
    /// It is fetched, or was.
    fetched: bool,
    /// Since when the hub is to delete it.
    done: Option<Asked<()>>,
}

#[derive(Debug)]
struct Download {
    waiting: Waiting,
    bytes: Vec<u8>,
    since: Option<Millis>,
}

impl Client {
    /// A client on a stream to a hub, and the hello to send.
    pub fn new(ours: Hello) -> (Self, Message) {
        let (head, hello) = Head::new(ours);
        let client = Self {
            head,
            deposits: BTreeMap::new(),
            discarding: None,
            listing: None,
            window: 0,
            announced: BTreeMap::new(),
            fetching: None,
        };
        (client, hello)
    }

    /// Whether a deposit is under way.
    pub fn is_depositing(&self) -> bool {
        !self.deposits.is_empty()
    }

    /// Whether a parcel of so many bytes may be left beside those that are under way: what is to
    /// be gone from the hub does not wait behind more than one of the longest.
    pub fn may_deposit(&self, size: u32) -> bool {
        let under_way = self.deposits.values().map(|u| u.deposit.size as usize);
        let bytes = under_way.sum::<usize>().saturating_add(size as usize);
        self.deposits.is_empty()
            || (self.deposits.len() < limits::DEPOSITS_AT_ONCE && bytes <= limits::PARCEL_BYTES)
    }

    /// Whether the hub is discarding.
    pub fn is_discarding(&self) -> bool {
        self.discarding.is_some()
    }

    /// Whether a parcel is being fetched.
    pub fn is_fetching(&self) -> bool {
        self.fetching.is_some()
    }

    /// Whether the hub was asked what it holds.
    pub fn is_listing(&self) -> bool {
        self.listing.is_some()
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
            self.deposits = BTreeMap::new();
            self.fetching = None;
        }
        effects
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let since = self.head.now();
        match event {
            Event::Message(message) => return self.message(message, out),
            Event::Tick(now) => return self.tick(now),
            Event::Close(reason) => {
                self.head.close(reason, out);
                return Ok(());
            }
            _ if !self.head.is_open() => {
                return Err(WireFault::misuse("a request before the hub's hello"));
            }
            Event::Deposit { deposit, parcel } => {
                let same =
                    deposit.id == parcel.id() && deposit.size as usize == parcel.bytes().len();
                let twice = self.deposits.contains_key(&deposit.id);
                if !self.may_deposit(deposit.size) || twice || !same {
                    return Err(WireFault::misuse(
                        "a deposit too many, or one twice, or of another parcel",
                    ));
                }
                out.push(Effect::Send(Message::Deposit(deposit)));
                let upload = Upload {
                    deposit,
                    parcel: Some(parcel),
                    since,
                };
                self.deposits.insert(deposit.id, upload);
            }
            Event::Discard(ids) => {
                let fits = (1..=limits::MAILBOX_IDS).contains(&ids.len());
                if self.discarding.is_some() || !fits {
                    return Err(WireFault::misuse(
                        "a discard beside another, or of too many parcels",
                    ));
                }
                out.push(Effect::Send(Message::Discard(ids.clone())));
                self.discarding = Some(Asked { what: ids, since });
            }
            Event::Collect(window) => {
                let fits = (1..=limits::WAITING_PARCELS).contains(&window);
                if self.window != 0 || !fits {
                    return Err(WireFault::misuse("collecting twice, or too many at a time"));
                }
                self.window = window as usize;
                out.push(Effect::Send(Message::Collect(window)));
            }
            Event::Fetch(id) => {
                let announced = self.announced.get_mut(&id).filter(|a| !a.fetched);
                let announced = announced.filter(|_| self.fetching.is_none());
                let announced =
                    announced.ok_or(WireFault::misuse("fetching what is not announced"))?;
                announced.fetched = true;
                self.fetching = Some(Download {
                    waiting: announced.waiting,
                    bytes: Vec::new(),
                    since,
                });
                out.push(Effect::Send(Message::Fetch(id)));
            }
            Event::Done(id) => {
                self.dealing(id)?.done = Some(Asked { what: (), since });
                out.push(Effect::Send(Message::Done(id)));
            }
            Event::Leave(id) => {
                self.dealing(id)?;
                self.announced.remove(&id);
                out.push(Effect::Send(Message::Leave(id)));
            }
            Event::Holding(after) => {
                if self.listing.is_some() {
                    return Err(WireFault::misuse("asking what is held twice"));
                }
                out.push(Effect::Send(Message::Holding(after)));
                self.listing = Some(Asked { what: after, since });
            }
        }
        Ok(())
    }

    fn message(&mut self, message: Message, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let Came::Other(message) = self.head.take(message, out)? else {
            return Ok(());
        };
        match message {
            Message::Keep(id) => self.keep(id, out),
            Message::Kept(id) => self.deposited("kept", id, Ok(()), out),
            Message::Refuse { id, why } => self.deposited("refuse", id, Err(why), out),
            Message::Discarded(untouched) => self.discarded(untouched, out),
            Message::Waiting(waiting) => self.waiting(waiting, out),
            Message::Piece { id, bytes } => self.piece(id, &bytes, out),
            Message::Gone(id) => self.gone(id, out),
            Message::Held { parcels, more } => self.held(parcels, more, out),
            other => Err(WireFault::Unexpected {
                expected: "a message of a hub",
                found: other.name(),
            }),
        }
    }

    fn keep(&mut self, id: ParcelId, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let upload = self.deposits.get_mut(&id);
        let not_due = WireFault::NotDue {
            message: "keep",
            id,
        };
        let upload = upload.ok_or(not_due.clone())?;
        let parcel = upload.parcel.take().ok_or(not_due)?;
        upload.since = self.head.now();
        for piece in parcel.bytes().chunks(limits::PIECE_BYTES) {
            let bytes = piece.to_vec();
            out.push(Effect::Send(Message::Piece { id, bytes }));
        }
        Ok(())
    }

    fn deposited(
        &mut self,
        message: &'static str,
        id: ParcelId,
        kept: Result<(), Refusal>,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let upload = self.deposits.remove(&id);
        // A hub may say `kept` of one that it was never sent: it says that it has it already.
        upload.ok_or(WireFault::NotDue { message, id })?;
        out.push(Effect::Deposited { id, kept });
        Ok(())
    }

    fn discarded(&mut self, untouched: Vec<bool>, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let asked = self.discarding.take().ok_or(WireFault::Unexpected {
            expected: "no answer to a discard",
            found: "discarded",
        })?;
        let (found, due) = (untouched.len() as u64, asked.what.len() as u64);
        if found != due {
            return Err(WireFault::Bounds {
                what: "answers to a discard",
                found,
                min: due,
                max: due,
            });
        }
        let all = asked.what.into_iter().zip(untouched).collect();
        out.push(Effect::Discarded(all));
        Ok(())
    }

    fn waiting(&mut self, waiting: Waiting, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let found = self.announced.len() + 1;
        if found > self.window {
            return Err(WireFault::OverCredit {
                what: "parcels",
                found: found as u64,
                granted: self.window as u64,
            });
        }
        let announced = Announced {
            waiting,
            fetched: false,
            done: None,
        };
        if self.announced.insert(waiting.id, announced).is_some() {
            return Err(WireFault::NotDue {
                message: "waiting",
                id: waiting.id,
            });
        }
        out.push(Effect::Waiting(waiting));
        Ok(())
    }

    fn piece(
        &mut self,
        id: ParcelId,
        bytes: &[u8],
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let download = self.fetching.as_mut().filter(|d| d.waiting.id == id);
        let download = download.ok_or(WireFault::NotDue {
            message: "piece",
            id,
        })?;
        let size = download.waiting.size;
        let (found, due) = (bytes.len(), piece_len(size, download.bytes.len()));
        if found != due {
            return Err(WireFault::PieceSize { id, found, due });
        }
        download.bytes.extend_from_slice(bytes);
        download.since = self.head.now();
        if download.bytes.len() < size as usize {
            return Ok(());
        }
        let Some(Download { waiting, bytes, .. }) = self.fetching.take() else {
            return Ok(());
        };
        match Parcel::from_bytes(bytes.into()) {
            Ok(parcel) if parcel.id() == id => {
                out.push(Effect::Fetched { waiting, parcel });
                Ok(())
            }
            _ => Err(WireFault::OtherBytes { id }),
        }
    }

    fn gone(&mut self, id: ParcelId, out: &mut Vec<Effect>) -> Result<(), WireFault> {
        let not_due = WireFault::NotDue {
            message: "gone",
            id,
        };
        // In the middle as well: its sender may have had it discarded.
        let fetching = self.fetching.take_if(|d| d.waiting.id == id);
        let done = self.announced.get(&id).is_some_and(|a| a.done.is_some());
        if fetching.is_none() && !done {
            return Err(not_due);
        }
        self.announced.remove(&id);
        out.push(Effect::Gone(id));
        Ok(())
    }

    fn held(
        &mut self,
        parcels: Vec<Held>,
        more: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), WireFault> {
        let asked = self.listing.take().ok_or(WireFault::Unexpected {
            expected: "no list",
            found: "held",
        })?;
        // A page that does not move on would be asked for again for ever.
        let moves = match parcels.first().map(|held| held.id) {
            Some(first) => asked.what.is_none_or(|after| first > after),
            None => !more,
        };
        if !moves {
            return Err(WireFault::Unexpected {
                expected: "the next page",
                found: "held",
            });
        }
        out.push(Effect::Held { parcels, more });
        Ok(())
    }

    fn tick(&mut self, now: Millis) -> Result<(), WireFault> {
        self.head.tick(now)?;
        for upload in self.deposits.values_mut() {
            let since = *upload.since.get_or_insert(now);
            let (allowed, what) = match upload.parcel {
                Some(_) => (limits::REPLY_MS, "whether it keeps a parcel"),
                None => (limits::DEPOSIT_MS, "that it has kept a parcel"),
            };
            overdue(now, since, allowed, what)?;
        }
        if let Some(download) = &mut self.fetching {
            let since = *download.since.get_or_insert(now);
            overdue(now, since, limits::REPLY_MS, "the next piece of a parcel")?;
        }
        if let Some(asked) = &mut self.discarding {
            let since = *asked.since.get_or_insert(now);
            overdue(now, since, limits::REPLY_MS, "what it discarded")?;
        }
        if let Some(asked) = &mut self.listing {
            let since = *asked.since.get_or_insert(now);
            overdue(now, since, limits::REPLY_MS, "what it holds")?;
        }
        for done in self.announced.values_mut().filter_map(|a| a.done.as_mut()) {
            let since = *done.since.get_or_insert(now);
            overdue(now, since, limits::REPLY_MS, "that a parcel is gone")?;
        }
        Ok(())
    }

    /// An announced parcel that was not dealt with.
    fn dealing(&mut self, id: ParcelId) -> Result<&mut Announced, WireFault> {
        let fetching = self.fetching.as_ref().is_some_and(|d| d.waiting.id == id);
        let announced = self.announced.get_mut(&id).filter(|a| a.done.is_none());
        let announced = announced.filter(|_| !fetching);
        announced.ok_or(WireFault::misuse("dealing with what is not announced"))
    }
}
