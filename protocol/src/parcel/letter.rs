//! What stands in a parcel: a letter of one agency to another.

use std::collections::HashSet;
use std::fmt;

use super::fault::{LetterFault, ParcelFault};
use super::window::Window;
use crate::clock::{Hlc, Millis};
use crate::fault::Answer;
use crate::id::{AgencyId, ParcelId, RecordId};
use crate::limits;
use crate::seal::SealingId;
use crate::wire::cbor::{self, Reader, Writer};
use crate::wire::{Item, Outcome, WireFault};

/// Bytes of contents that fit a parcel, as [`Cargo::encoded_len`] counts them: the longest
/// parcel without its seal (1,145), its signature and what a letter begins with.
pub const ROOM: usize = limits::PARCEL_BYTES - 1145 - 512;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A letter: what one agency has to say to another, in the order in which it is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Who wrote it.
    pub from: AgencyId,
    /// Whom it is for, and nobody else.
    pub to: AgencyId,
    /// From 1; no two letters of `from` to `to` carry the same.
    pub number: u64,
    /// When it was written, by the sender's clock. What it carries was offered then: a recall
    /// that is younger stands.
    pub made: Millis,
    /// First moment at which it is not opened any more, at most [`limits::PARCEL_DAYS`] later.
    pub expires: Millis,
    /// At least one; what is owed first.
    pub contents: Vec<Cargo>,
}

/// One thing in a letter.
#[derive(Clone, PartialEq, Eq)]
pub enum Cargo {
    /// A record, as a live stream would have brought it.
    Record {
        /// What it would have been offered with; its size is that of the frame.
        item: Item,
        /// The record, and the wrapped key behind a sealed one.
        frame: Vec<u8>,
    },
    /// What became of records that the addressee sent: its ledger's answers.
    Answers(Vec<(RecordId, Answer)>),
    /// Numbers of the addressee's letters that were opened here: it need not keep them.
    Arrived(Vec<u64>),
    /// Numbers of the sender's own letters that do not count any more, because a hub was told to
    /// discard them: they are refused if they come all the same.
    Void(Vec<u64>),
    /// Parcels of the addressee's that came and don't open, because the sender's half of the key
    /// that they are sealed to is destroyed: what was in them is to be sent anew, under another.
    Retired {
        /// The key.
        key: SealingId,
        /// The parcels.
        parcels: Vec<ParcelId>,
    },
}

impl Cargo {
    /// A record and its frame, 1 to [`limits::RECORD_FRAME_BYTES`]; none for another length.
    pub fn record(id: RecordId, created: Hlc, frame: Vec<u8>) -> Option<Self> {
        let size = u32::try_from(frame.len()).ok()?;
        let fits = (1..=limits::RECORD_FRAME_BYTES).contains(&frame.len());
        fits.then_some(Cargo::Record {
            item: Item { id, created, size },
            frame,
        })
    }

    /// Bytes that it takes in a letter; [`ROOM`] is for all together.
    pub fn encoded_len(&self) -> usize {
        let head = |n: usize| cbor::head_len(n as u64);
        let numbers = |all: &[u64]| head(all.len()) + all.len() * 9;
        2 + match self {
            Cargo::Record { frame, .. } => 34 + 9 + head(frame.len()) + frame.len(),
            Cargo::Answers(all) => head(all.len() * 32) + all.len() * 33 + head(all.len()),
            Cargo::Arrived(all) | Cargo::Void(all) => numbers(all),
            Cargo::Retired { parcels, .. } => 9 + head(parcels.len() * 32) + parcels.len() * 32,
        }
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Cargo::Record { item, frame } => {
                w.array(4);
                w.uint(RECORD);
                w.bytes(item.id.as_bytes());
                w.uint(item.created.to_wire());
                w.bytes(frame);
            }
            Cargo::Answers(all) => {
                w.array(3);
                w.uint(ANSWERS);
                let ids = all.iter().map(|(id, _)| id.as_bytes().as_slice());
                w.joined(all.len() * 32, ids);
                let codes = all.iter().map(|(_, a)| Outcome::Answered(*a).code());
                w.bytes(&codes.collect::<Vec<u8>>());
            }
            Cargo::Arrived(all) => write_numbers(w, ARRIVED, all),
            Cargo::Void(all) => write_numbers(w, VOID, all),
            Cargo::Retired { key, parcels } => {
                w.array(3);
                w.uint(RETIRED);
                w.bytes(key.as_bytes());
                let ids = parcels.iter().map(|id| id.as_bytes().as_slice());
                w.joined(parcels.len() * 32, ids);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, WireFault> {
        let items = r.array("items in a cargo", 2, 4)?;
        let tag = r.uint()?;
        let due = match tag {
            RECORD => 4,
            ANSWERS | RETIRED => 3,
            ARRIVED | VOID => 2,
            found => {
                return Err(WireFault::UnknownCode {
                    what: "cargo",
                    found,
                });
            }
        };
        if items != due {
            return Err(r.fault("a cargo has the wrong number of items"));
        }
        Ok(match tag {
            RECORD => {
                let id = RecordId::from_bytes(r.fixed()?);
                let created = Hlc::from_wire(r.uint()?);
                let fault = r.fault("a record's frame has no or too many bytes");
                let frame = r.bytes()?.to_vec();
                Cargo::record(id, created, frame).ok_or(fault)?
            }
            ANSWERS => {
                let ids = r.joined::<32>()?;
                let max = limits::PARCEL_ANSWERS as u64;
                cbor::bounds("answers", ids.len() as u64, 1, max)?;
                let fault = r.fault("a letter has another number of answers than of records");
                let codes = r.bytes()?;
                if codes.len() != ids.len() {
                    return Err(fault);
                }
                let answers =
                    ids.iter()
                        .zip(codes)
                        .map(|(id, code)| match Outcome::from_code(*code)? {
                            Outcome::Answered(answer) => Ok((RecordId::from_bytes(*id), answer)),
                            Outcome::Withdrawn => Err(WireFault::UnknownCode {
                                what: "answer",
                                found: u64::from(*code),
                            }),
                        });
                Cargo::Answers(answers.collect::<Result<_, _>>()?)
            }
            ARRIVED => Cargo::Arrived(read_numbers(r)?),
            RETIRED => {
                let key = SealingId::from_bytes(r.fixed()?);
                let ids = r.joined::<32>()?;
                let max = limits::PARCEL_NUMBERS as u64;
                cbor::bounds("retired parcels", ids.len() as u64, 1, max)?;
                let parcels = ids.iter().map(|id| ParcelId::from_bytes(*id)).collect();
                Cargo::Retired { key, parcels }
            }
            // Only these tags came through above.
            _ => Cargo::Void(read_numbers(r)?),
        })
    }
}

/// Says how much of what, and nothing of it.
impl fmt::Debug for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cargo::Record { item, .. } => {
                write!(f, "Record({}, {} bytes)", item.id.short(), item.size)
            }
            Cargo::Answers(all) => write!(f, "Answers({})", all.len()),
            Cargo::Arrived(all) => write!(f, "Arrived({})", all.len()),
            Cargo::Void(all) => write!(f, "Void({})", all.len()),
            Cargo::Retired { parcels, .. } => write!(f, "Retired({})", parcels.len()),
        }
    }
}

impl Letter {
    /// Takes a letter that is signed by its sender, or says why not. What is taken is noted in the
    /// window ([`Window::note`]) when its contents are on disk.
    ///
    /// `own` is who we are; `depositor` who gave it to the hub, by the hub's word; none for a
    /// bundle. Whether `from` may write to us at all, the caller has to know.
    ///
    /// # Errors
    /// [`ParcelFault`]: for another agency, deposited by another, from ahead of our clock,
    /// expired, or seen before.
    pub fn take(
        &self,
        own: &AgencyId,
        depositor: Option<&AgencyId>,
        window: &Window,
        now: Millis,
    ) -> Result<(), ParcelFault> {
        let (from, number) = (self.from, self.number);
        if self.to != *own {
            return Err(ParcelFault::NotForUs { from, to: self.to });
        }
        if let Some(depositor) = depositor.filter(|d| **d != from) {
            return Err(ParcelFault::OtherDepositor {
                from,
                depositor: *depositor,
            });
        }
        if window.has(number) {
            return Err(ParcelFault::SeenBefore { from, number });
        }
        if self.made.0 > now.0.saturating_add(limits::CLOCK_AHEAD_MS) {
            return Err(ParcelFault::Ahead { from, number });
        }
        if self.expires <= now {
            return Err(ParcelFault::Expired { from, number });
        }
        Ok(())
    }

    /// What any sender has to keep to.
    pub(super) fn check(&self) -> Result<(), LetterFault> {
        if self.number == 0 {
            return Err(LetterFault::NoNumber);
        }
        if self.from == self.to {
            return Err(LetterFault::ToItself);
        }
        let longest = limits::PARCEL_DAYS * DAY_MS;
        if self.expires <= self.made || self.expires.0 - self.made.0 > longest {
            return Err(LetterFault::Life);
        }
        if self.contents.is_empty() {
            return Err(LetterFault::Empty);
        }
        let mut ids = HashSet::new();
        let (mut answers, mut arrived, mut void, mut retired) = (0, 0, 0, 0);
        for cargo in &self.contents {
            match cargo {
                Cargo::Record { item, frame } => {
                    if frame.len() > limits::RECORD_FRAME_BYTES || frame.len() != item.size as usize
                    {
                        return Err(LetterFault::FrameSize);
                    }
                    if !ids.insert(item.id) {
                        return Err(LetterFault::RecordTwice { id: item.id });
                    }
                }
                Cargo::Answers(all) => answers += all.len(),
                Cargo::Arrived(all) => arrived += all.len(),
                Cargo::Void(all) => void += all.len(),
                Cargo::Retired { parcels, .. } => retired += parcels.len(),
            }
        }
        for (what, found, max) in [
            ("records", ids.len(), limits::PARCEL_RECORDS),
            ("answers", answers, limits::PARCEL_ANSWERS),
            ("numbers that arrived", arrived, limits::PARCEL_NUMBERS),
            ("void numbers", void, limits::PARCEL_NUMBERS),
            ("retired parcels", retired, limits::PARCEL_NUMBERS),
        ] {
            if found > max {
                return Err(LetterFault::TooMany { what, found, max });
            }
        }
        Ok(())
    }

    /// The payload that is signed.
    pub(super) fn encode(&self) -> Vec<u8> {
        let contents = self.contents.iter().map(Cargo::encoded_len).sum::<usize>();
        let mut w = Writer::with_capacity(128 + contents);
        w.array(6);
        w.bytes(self.from.as_bytes());
        w.bytes(self.to.as_bytes());
        w.uint(self.number);
        w.uint(self.made.0);
        w.uint(self.expires.0);
        w.array(self.contents.len());
        for cargo in &self.contents {
            cargo.write(&mut w);
        }
        w.finish()
    }

    /// Reads a payload: exactly what [`Letter::encode`] writes.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, WireFault> {
        let mut r = Reader::new(payload);
        r.array("items in a letter", 6, 6)?;
        let from = AgencyId::from_bytes(r.fixed()?);
        let to = AgencyId::from_bytes(r.fixed()?);
        let number = r.uint()?;
        let (made, expires) = (Millis(r.uint()?), Millis(r.uint()?));
        let max = limits::PARCEL_RECORDS + limits::PARCEL_ANSWERS + 3 * limits::PARCEL_NUMBERS;
        let count = r.array("things in a letter", 0, max)?;
        let contents = (0..count).map(|_| Cargo::read(&mut r));
        let contents = contents.collect::<Result<_, _>>()?;
        r.end()?;
        Ok(Self {
            from,
            to,
            number,
            made,
            expires,
            contents,
        })
    }
}

fn write_numbers(w: &mut Writer, tag: u64, all: &[u64]) {
    w.array(2);
    w.uint(tag);
    w.array(all.len());
    all.iter().for_each(|number| w.uint(*number));
}

fn read_numbers(r: &mut Reader<'_>) -> Result<Vec<u64>, WireFault> {
    let count = r.array("numbers in a letter", 1, limits::PARCEL_NUMBERS)?;
    (0..count).map(|_| r.uint()).collect()
}

const RECORD: u64 = 0;
const ANSWERS: u64 = 1;
const ARRIVED: u64 = 2;
const VOID: u64 = 3;
const RETIRED: u64 = 4;
