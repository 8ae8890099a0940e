//! The messages of a mailbox: a CBOR array each, whose first item is a tag. SPEC.md has them as
//! CDDL. Hello and bye are those of all streams.

use crate::clock::Millis;
use crate::id::{AgencyId, ParcelId};
use crate::limits;
use crate::wire::cbor::{self, Reader, Writer};
use crate::wire::fault::WireFault;
use crate::wire::head::spoken;
use crate::wire::hello::Hello;
use crate::wire::message::{self as other, Reason};

/// One message between an agency and a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First of each side.
    Hello(Hello),
    /// Last of a side that ends the stream in an orderly way.
    Bye(Reason),
    /// From the agency: keep this for another. One at a time.
    Deposit(Deposit),
    /// From the hub: send it.
    Keep(ParcelId),
    /// Either way: the next bytes of a parcel, [`limits::PIECE_BYTES`] but for the last.
    Piece {
        /// The parcel.
        id: ParcelId,
        /// 1 to [`limits::PIECE_BYTES`] bytes.
        bytes: Vec<u8>,
    },
    /// From the hub: it is on disk.
    Kept(ParcelId),
    /// From the hub: it is not kept, or not any more.
    Refuse {
        /// The parcel.
        id: ParcelId,
        /// Why.
        why: Refusal,
    },
    /// From the agency: drop these that I deposited. One list at a time.
    Discard(Vec<ParcelId>),
    /// From the hub, to a [`Message::Discard`]: of these, in its order, which it had and had
    /// given nothing of to anybody; none of them is there any more.
    Discarded(Vec<bool>),
    /// From the agency, once: announce what waits for me, now and as it comes; 1 to
    /// [`limits::WAITING_PARCELS`] of them at a time that I have not dealt with.
    Collect(u32),
    /// From the hub: this waits for you.
    Waiting(Waiting),
    /// From the agency: send me this one. One at a time.
    Fetch(ParcelId),
    /// From the agency: I have dealt with it; delete it.
    Done(ParcelId),
    /// From the agency: I can't deal with it now; keep it, and announce others on this stream.
    Leave(ParcelId),
    /// From the hub, to a [`Message::Fetch`] or a [`Message::Done`]: it is not here (any more).
    Gone(ParcelId),
    /// From the agency: which of mine do you hold? Those after this id in the order of ids; none:
    /// from the first. One page at a time.
    Holding(Option<ParcelId>),
    /// From the hub, to a [`Message::Holding`].
    Held {
        /// At most [`limits::MAILBOX_IDS`], rising by id.
        parcels: Vec<Held>,
        /// Whether there are more behind them.
        more: bool,
    },
}

/// A parcel that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Its name, which its bytes have to have.
    pub id: ParcelId,
    /// Who may collect it.
    pub to: AgencyId,
    /// Its bytes: one of [`limits::PARCEL_CLASSES`].
    pub size: u32,
    /// First moment at which it is dropped, whoever was there.
    pub expires: Millis,
    /// Whether it goes before others: it holds control traffic.
    pub owed: bool,
}

/// A parcel that waits for whoever is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its name.
    pub id: ParcelId,
    /// Who deposited it, by the hub's word.
    pub from: AgencyId,
    /// Its bytes: one of [`limits::PARCEL_CLASSES`].
    pub size: u32,
}

/// A parcel that a hub holds of whoever is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub id: ParcelId,
    /// Who may collect it.
    pub to: AgencyId,
    /// First moment at which it is dropped.
    pub expires: Millis,
}

/// Why a hub does not keep a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It carries nothing from this agency to that one, or does not know it.
    NotCarried,
    /// The depositor's share is used up.
    DepositorFull,
    /// The addressee's mailbox is full.
    AddresseeFull,
    /// Its expiry is past, or too far ahead.
    Expiry,
    /// The disk is full or failing.
    Disk,
    /// Too much at a time; later.
    Busy,
}

impl Refusal {
    /// All of them, for tables and metrics.
    pub const ALL: [Refusal; 6] = [
        Refusal::NotCarried,
        Refusal::DepositorFull,
        Refusal::AddresseeFull,
        Refusal::Expiry,
        Refusal::Disk,
        Refusal::Busy,
    ];

    /// As it stands in `--json` and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::NotCarried => "not-carried",
            Refusal::DepositorFull => "depositor-full",
            Refusal::AddresseeFull => "addressee-full",
            Refusal::Expiry => "expiry",
            Refusal::Disk => "disk",
            Refusal::Busy => "busy",
        }
    }

    /// Its code on the wire.
    pub const fn code(self) -> u64 {
        match self {
            Refusal::NotCarried => 0,
            Refusal::DepositorFull => 1,
            Refusal::AddresseeFull => 2,
            Refusal::Expiry => 3,
            Refusal::Disk => 4,
            Refusal::Busy => 5,
        }
    }

    fn from_code(found: u64) -> Result<Self, WireFault> {
        let all = Self::ALL.into_iter();
        all.clone()
            .find(|r| r.code() == found)
            .ok_or(WireFault::UnknownCode {
                what: "refusal",
                found,
            })
    }
}

impl Message {
    /// Its name, for logs and faults.
    pub const fn name(&self) -> &'static str {
        match self {
            Message::Hello(_) => "hello",
            Message::Bye(_) => "bye",
            Message::Deposit(_) => "deposit",
            Message::Keep(_) => "keep",
            Message::Piece { .. } => "piece",
            Message::Kept(_) => "kept",
            Message::Refuse { .. } => "refuse",
            Message::Discard(_) => "discard",
            Message::Discarded(_) => "discarded",
            Message::Collect(_) => "collect",
            Message::Waiting(_) => "waiting",
            Message::Fetch(_) => "fetch",
            Message::Done(_) => "done",
            Message::Leave(_) => "leave",
            Message::Gone(_) => "gone",
            Message::Holding(_) => "holding",
            Message::Held { .. } => "held",
        }
    }

    /// The body of its frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(match self {
            Message::Piece { bytes, .. } => 64 + bytes.len(),
            _ => 128,
        });
        match self {
            Message::Hello(hello) => return other::Message::Hello(hello.clone()).encode(),
            Message::Bye(reason) => return other::Message::Bye(*reason).encode(),
            Message::Deposit(deposit) => {
                open(&mut w, DEPOSIT, 5);
                w.bytes(deposit.id.as_bytes());
                w.bytes(deposit.to.as_bytes());
                w.uint(u64::from(deposit.size));
                w.uint(deposit.expires.0);
                w.uint(u64::from(deposit.owed));
            }
            Message::Keep(id) => one(&mut w, KEEP, id),
            Message::Piece { id, bytes } => {
                open(&mut w, PIECE, 2);
                w.bytes(id.as_bytes());
                w.bytes(bytes);
            }
            Message::Kept(id) => one(&mut w, KEPT, id),
            Message::Refuse { id, why } => {
                open(&mut w, REFUSE, 2);
                w.bytes(id.as_bytes());
                w.uint(why.code());
            }
            Message::Discard(ids) => {
                open(&mut w, DISCARD, 1);
                w.joined(
                    ids.len() * 32,
                    ids.iter().map(|id| id.as_bytes().as_slice()),
                );
            }
            Message::Discarded(untouched) => {
                open(&mut w, DISCARDED, 1);
                w.bytes(
                    &untouched
                        .iter()
                        .map(|one| u8::from(*one))
                        .collect::<Vec<u8>>(),
                );
            }
            Message::Collect(more) => {
                open(&mut w, COLLECT, 1);
                w.uint(u64::from(*more));
            }
            Message::Waiting(waiting) => {
                open(&mut w, WAITING, 3);
                w.bytes(waiting.id.as_bytes());
                w.bytes(waiting.from.as_bytes());
                w.uint(u64::from(waiting.size));
            }
            Message::Fetch(id) => one(&mut w, FETCH, id),
            Message::Done(id) => one(&mut w, DONE, id),
            Message::Leave(id) => one(&mut w, LEAVE, id),
            Message::Gone(id) => one(&mut w, GONE, id),
            Message::Holding(after) => {
                open(&mut w, HOLDING, 1);
                match after {
                    Some(id) => w.bytes(id.as_bytes()),
                    None => w.null(),
                }
            }
            Message::Held { parcels, more } => {
                open(&mut w, HELD, 4);
                let len = parcels.len() * 32;
                w.joined(len, parcels.iter().map(|p| p.id.as_bytes().as_slice()));
                w.joined(len, parcels.iter().map(|p| p.to.as_bytes().as_slice()));
                w.array(parcels.len());
                parcels.iter().for_each(|p| w.uint(p.expires.0));
                w.uint(u64::from(*more));
            }
        }
        w.finish()
    }

    /// Reads the body of a frame. Exactly what [`Message::encode`] writes is accepted.
    ///
    /// # Errors
    /// [`WireFault`], the peer's.
    pub fn decode(body: &[u8]) -> Result<Self, WireFault> {
        let mut r = Reader::new(body);
        let items = r.array("items in a message", 1, 6)?;
        let tag = r.uint()?;
        let due = match tag {
            DEPOSIT => 6,
            HELD => 5,
            WAITING => 4,
            PIECE | REFUSE => 3,
            KEEP | KEPT | DISCARD | DISCARDED | COLLECT | FETCH | DONE | LEAVE | GONE | HOLDING => {
                2
            }
            found => {
                return match other::Message::decode(body)? {
                    other::Message::Hello(hello) => Ok(Message::Hello(hello)),
                    other::Message::Bye(reason) => Ok(Message::Bye(reason)),
                    _ => Err(WireFault::UnknownCode {
                        what: "message",
                        found,
                    }),
                };
            }
        };
        if items != due {
            return Err(r.fault("a message has the wrong number of items"));
        }
        let message = match tag {
            DEPOSIT => Message::Deposit(Deposit {
                id: id(&mut r)?,
                to: AgencyId::from_bytes(r.fixed()?),
                size: size(&mut r)?,
                expires: Millis(r.uint()?),
                owed: flag(&mut r)?,
            }),
            KEEP => Message::Keep(id(&mut r)?),
            PIECE => {
                let id = id(&mut r)?;
                let bytes = r.bytes()?;
                let max = limits::PIECE_BYTES as u64;
                cbor::bounds("bytes in a piece", bytes.len() as u64, 1, max)?;
                let bytes = bytes.to_vec();
                Message::Piece { id, bytes }
            }
            KEPT => Message::Kept(id(&mut r)?),
            REFUSE => Message::Refuse {
                id: id(&mut r)?,
                why: Refusal::from_code(r.uint()?)?,
            },
            DISCARD => {
                let ids = r.joined::<32>()?;
                list("parcels to discard", ids.len(), 1)?;
                Message::Discard(ids.iter().map(|id| ParcelId::from_bytes(*id)).collect())
            }
            DISCARDED => {
                let fault = r.fault("whether a parcel was there is neither yes nor no");
                let untouched = r.bytes()?;
                list("parcels discarded", untouched.len(), 1)?;
                if untouched.iter().any(|one| *one > 1) {
                    return Err(fault);
                }
                Message::Discarded(untouched.iter().map(|one| *one == 1).collect())
            }
            COLLECT => {
                let more = r.u32()?;
                let max = u64::from(limits::WAITING_PARCELS);
                cbor::bounds("parcels to announce", u64::from(more), 1, max)?;
                Message::Collect(more)
            }
            WAITING => Message::Waiting(Waiting {
                id: id(&mut r)?,
                from: AgencyId::from_bytes(r.fixed()?),
                size: size(&mut r)?,
            }),
            FETCH => Message::Fetch(id(&mut r)?),
            DONE => Message::Done(id(&mut r)?),
            LEAVE => Message::Leave(id(&mut r)?),
            GONE => Message::Gone(id(&mut r)?),
            HOLDING => Message::Holding(match r.null() {
                true => None,
                false => Some(id(&mut r)?),
            }),
            // Only these tags came through above.
            _ => read_held(&mut r)?,
        };
        r.end()?;
        Ok(message)
    }
}

spoken!(Message);

fn open(w: &mut Writer, tag: u64, items: usize) {
    w.array(1 + items);
    w.uint(tag);
}

fn one(w: &mut Writer, tag: u64, id: &ParcelId) {
    open(w, tag, 1);
    w.bytes(id.as_bytes());
}

fn id(r: &mut Reader<'_>) -> Result<ParcelId, WireFault> {
    r.fixed().map(ParcelId::from_bytes)
}

fn size(r: &mut Reader<'_>) -> Result<u32, WireFault> {
    let fault = r.fault("a parcel has none of the lengths that parcels have");
    let size = r.u32()?;
    let known = limits::PARCEL_CLASSES.contains(&(size as usize));
    known.then_some(size).ok_or(fault)
}

fn flag(r: &mut Reader<'_>) -> Result<bool, WireFault> {
    let fault = r.fault("neither 0 nor 1");
    match r.uint()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(fault),
    }
}

fn list(what: &'static str, found: usize, min: u64) -> Result<(), WireFault> {
    cbor::bounds(what, found as u64, min, limits::MAILBOX_IDS as u64)
}

fn read_held(r: &mut Reader<'_>) -> Result<Message, WireFault> {
    let ids = r.joined::<32>()?;
    list("parcels held", ids.len(), 0)?;
    let fault = r.fault("a list of parcels has rows of different lengths");
    let to = r.joined::<32>()?;
    let times = r.array("expiries", 0, limits::MAILBOX_IDS)?;
    if to.len() != ids.len() || times != ids.len() {
        return Err(fault);
    }
    let order = r.fault("parcels held are not in the order of their ids");
    if !ids.is_sorted_by(|a, b| a < b) {
        return Err(order);
    }
    let mut parcels = Vec::with_capacity(ids.len());
    for (id, to) in ids.iter().zip(to) {
        parcels.push(Held {
            id: ParcelId::from_bytes(*id),
            to: AgencyId::from_bytes(*to),
            expires: Millis(r.uint()?),
        });
    }
    let more = flag(r)?;
    Ok(Message::Held { parcels, more })
}

const DEPOSIT: u64 = 32;
const KEEP: u64 = 33;
const PIECE: u64 = 34;
const KEPT: u64 = 35;
const REFUSE: u64 = 36;
const DISCARD: u64 = 37;
const DISCARDED: u64 = 38;
const COLLECT: u64 = 39;
const WAITING: u64 = 40;
const FETCH: u64 = 41;
const DONE: u64 = 42;
const GONE: u64 = 43;
const HOLDING: u64 = 44;
const HELD: u64 = 45;
const LEAVE: u64 = 46;
