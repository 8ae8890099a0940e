//! The messages: a CBOR array each, whose first item is a tag. SPEC.md has them as CDDL.

use crate::clock::{Hlc, Millis};
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::wire::cbor::{self, Reader, Writer};
use crate::wire::fault::WireFault;
use crate::wire::hello::{self, Hello, Speaks};
use crate::wire::outcome::Outcome;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First of each side on every stream.
    Hello(Hello),
    /// Last of a side that ends the stream in an orderly way.
    Bye(Reason),
    /// Live, from the sender of records: these could be had.
    Offer {
        /// Dense number in this stream, from 1.
        batch: u64,
        /// 1 to [`limits::BATCH_RECORDS`] items that together announce at most
        /// [`limits::BATCH_BYTES`], no id twice.
        items: Vec<Item>,
    },
    /// Live, from the receiver: of that offer, these.
    Want {
        /// The offer.
        batch: u64,
        /// Rising indices into its items, at least one.
        indices: Vec<u32>,
    },
    /// Live, from the sender: wanted records, in the order of the want. One want may take
    /// several of these.
    Records {
        /// The offer.
        batch: u64,
        /// Place in the want of the first one here.
        first: u32,
        /// Each record's bytes; `None`: no such id (any more).
        frames: Vec<Option<Vec<u8>>>,
    },
    /// Live, from the receiver: what became of each item of the offer, in its order.
    Answers {
        /// The offer.
        batch: u64,
        /// One for each item.
        outcomes: Vec<Outcome>,
    },
    /// Live, from the receiver: how much may be under way from now on.
    Credit {
        /// Unanswered batches; 0: offer nothing for now.
        batches: u32,
        /// Bytes that they may announce together; at least [`limits::BATCH_BYTES`].
        bytes: u64,
    },
    /// Repair: this side's half of the nonce.
    Nonce([u8; 16]),
    /// Repair: a message of negentropy, version 1.
    Ranges(Vec<u8>),
    /// Repair, from the initiator: hashes of records that it lacks.
    Missing(Vec<[u8; 32]>),
    /// Repair: this side is done.
    Done,
    /// Live, from either side: keep this head of the sender's audit chain for it.
    Witness {
        /// A [`crate::audit::SignedHead`] in bytes: 1 to [`limits::AUDIT_HEAD_BYTES`], read by
        /// nobody on the way.
        head: Vec<u8>,
    },
    /// Live, from either side: what the sender holds of the receiver.
    Held {
        /// The last head that the receiver had it keep; none: it keeps none.
        head: Option<Vec<u8>>,
        /// The highest `created` of the receiver's records that it holds, its wall-clock part,
        /// cards and keys statements aside; none: it holds none.
        clock: Option<Millis>,
    },
    /// Live, from either side: what the sender's clock says now.
    Time(Millis),
    /// Live, from the sender of records: whatever it may offer is offered and answered, what
    /// the repair found that its receiver began with this nonce included.
    Settled([u8; 16]),
}

/// A record on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: RecordId,
    /// Its `created`: with it the receiver knows a record's place in a repair although it
    /// never got it, and says `later: clock` without its bytes. A record whose own value
    /// differs is refused: form.
    pub created: Hlc,
    /// Most bytes that its frame will have, at most [`limits::RECORD_FRAME_BYTES`].
    pub size: u32,
}

/// Why a side ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The node stops.
    Stopping,
    /// Something changed; open the stream anew.
    Restart,
    /// Too much else to do; come again later.
    Busy,
    /// The other side broke the protocol.
    Fault,
}

impl Message {
    /// Its name, for logs and faults.
    pub const fn name(&self) -> &'static str {
        match self {
            Message::Hello(_) => "hello",
            Message::Bye(_) => "bye",
            Message::Offer { .. } => "offer",
            Message::Want { .. } => "want",
            Message::Records { .. } => "records",
            Message::Answers { .. } => "answers",
            Message::Credit { .. } => "credit",
            Message::Nonce(_) => "nonce",
            Message::Ranges(_) => "ranges",
            Message::Missing(_) => "missing",
            Message::Done => "done",
            Message::Witness { .. } => "witness",
            Message::Held { .. } => "held",
            Message::Time(_) => "time",
            Message::Settled(_) => "settled",
        }
    }

    /// The body of its frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.size_hint());
        match self {
            Message::Hello(hello) => {
                open(&mut w, HELLO, 4);
                w.uint(u64::from(hello.speaks.min));
                w.uint(u64::from(hello.speaks.max));
                w.text(&hello.software);
                w.bytes(hello.agency.as_bytes());
            }
            Message::Bye(reason) => {
                open(&mut w, BYE, 1);
                w.uint(reason.code());
            }
            Message::Offer { batch, items } => {
                open(&mut w, OFFER, 4);
                w.uint(*batch);
                w.joined(
                    items.len() * 32,
                    items.iter().map(|i| i.id.as_bytes().as_slice()),
                );
                w.array(items.len());
                items.iter().for_each(|i| w.uint(i.created.to_wire()));
                w.array(items.len());
                items.iter().for_each(|i| w.uint(u64::from(i.size)));
            }
            Message::Want { batch, indices } => {
                open(&mut w, WANT, 2);
                w.uint(*batch);
                w.array(indices.len());
                indices.iter().for_each(|i| w.uint(u64::from(*i)));
            }
            Message::Records {
                batch,
                first,
                frames,
            } => {
                open(&mut w, RECORDS, 3);
                w.uint(*batch);
                w.uint(u64::from(*first));
                w.array(frames.len());
                for frame in frames {
                    match frame {
                        Some(bytes) => w.bytes(bytes),
                        None => w.null(),
                    }
                }
            }
            Message::Answers { batch, outcomes } => {
                open(&mut w, ANSWERS, 2);
                w.uint(*batch);
                let codes: Vec<u8> = outcomes.iter().map(|o| o.code()).collect();
                w.bytes(&codes);
            }
            Message::Credit { batches, bytes } => {
                open(&mut w, CREDIT, 2);
                w.uint(u64::from(*batches));
                w.uint(*bytes);
            }
            Message::Nonce(nonce) => {
                open(&mut w, NONCE, 1);
                w.bytes(nonce);
            }
            Message::Ranges(bytes) => {
                open(&mut w, RANGES, 1);
                w.bytes(bytes);
            }
            Message::Missing(hashes) => {
                open(&mut w, MISSING, 1);
                w.joined(hashes.len() * 32, hashes.iter().map(|h| h.as_slice()));
            }
            Message::Done => open(&mut w, DONE, 0),
            Message::Witness { head } => {
                open(&mut w, WITNESS, 1);
                w.bytes(head);
            }
            Message::Held { head, clock } => {
                open(&mut w, HELD, 2);
                match head {
                    Some(head) => w.bytes(head),
                    None => w.null(),
                }
                match clock {
                    Some(clock) => w.uint(clock.0),
                    None => w.null(),
                }
            }
            Message::Time(now) => {
                open(&mut w, TIME, 1);
                w.uint(now.0);
            }
            Message::Settled(nonce) => {
                open(&mut w, SETTLED, 1);
                w.bytes(nonce);
            }
        }
        w.finish()
    }

    /// Reads the body of a frame. Exactly what [`Message::encode`] writes is accepted, so
    /// one message has one encoding.
    pub fn decode(body: &[u8]) -> Result<Message, WireFault> {
        let mut r = Reader::new(body);
        let items = r.array("items in a message", 1, 5)?;
        let tag = r.uint()?;
        let due = match tag {
            HELLO | OFFER => 5,
            RECORDS => 4,
            WANT | ANSWERS | CREDIT | HELD => 3,
            BYE | NONCE | RANGES | MISSING | WITNESS | TIME | SETTLED => 2,
            DONE => 1,
            found => {
                return Err(WireFault::UnknownCode {
                    what: "message",
                    found,
                });
            }
        };
        if items != due {
            return Err(r.fault("a message has the wrong number of items"));
        }
        let message = match tag {
            HELLO => read_hello(&mut r)?,
            BYE => Message::Bye(Reason::from_code(r.uint()?)?),
            OFFER => read_offer(&mut r)?,
            WANT => {
                let batch = r.uint()?;
                let count = r.array("indices in a want", 1, limits::BATCH_RECORDS)?;
                let indices = (0..count).map(|_| r.u32()).collect::<Result<_, _>>()?;
                Message::Want { batch, indices }
            }
            RECORDS => read_records(&mut r)?,
            ANSWERS => {
                let batch = r.uint()?;
                let codes = r.bytes()?;
                let max = limits::BATCH_RECORDS as u64;
                cbor::bounds("answers", codes.len() as u64, 1, max)?;
                let outcomes = codes.iter().map(|c| Outcome::from_code(*c));
                Message::Answers {
                    batch,
                    outcomes: outcomes.collect::<Result<_, _>>()?,
                }
            }
            CREDIT => Message::Credit {
                batches: r.u32()?,
                bytes: r.uint()?,
            },
            NONCE => Message::Nonce(r.fixed()?),
            RANGES => {
                let bytes = r.bytes()?;
                let max = limits::REPAIR_FRAME_BYTES as u64;
                cbor::bounds("bytes of ranges", bytes.len() as u64, 1, max)?;
                Message::Ranges(bytes.to_vec())
            }
            MISSING => {
                let hashes = r.joined::<32>()?;
                let max = limits::REPAIR_MISSING as u64;
                cbor::bounds("missing hashes", hashes.len() as u64, 1, max)?;
                Message::Missing(hashes.to_vec())
            }
            WITNESS => Message::Witness {
                head: read_head(&mut r)?,
            },
            HELD => {
                let head = if r.null() {
                    None
                } else {
                    Some(read_head(&mut r)?)
                };
                let clock = if r.null() {
                    None
                } else {
                    Some(Millis(r.uint()?))
                };
                Message::Held { head, clock }
            }
            TIME => Message::Time(Millis(r.uint()?)),
            SETTLED => Message::Settled(r.fixed()?),
            // Only these tags came through above.
            _ => Message::Done,
        };
        r.end()?;
        Ok(message)
    }

    fn size_hint(&self) -> usize {
        match self {
            Message::Offer { items, .. } => 32 + items.len() * 46,
            Message::Want { indices, .. } => 32 + indices.len() * 3,
            Message::Records { frames, .. } => {
                32 + frames
                    .iter()
                    .map(|f| frame_len(f.as_deref()))
                    .sum::<usize>()
            }
            Message::Ranges(bytes) => 16 + bytes.len(),
            Message::Missing(hashes) => 16 + hashes.len() * 32,
            _ => 128,
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 4] = [
        Reason::Stopping,
        Reason::Restart,
        Reason::Busy,
        Reason::Fault,
    ];

    const fn code(self) -> u64 {
        match self {
            Reason::Stopping => 0,
            Reason::Restart => 1,
            Reason::Busy => 2,
            Reason::Fault => 3,
        }
    }

    fn from_code(found: u64) -> Result<Self, WireFault> {
        Self::ALL
            .into_iter()
            .find(|r| r.code() == found)
            .ok_or(WireFault::UnknownCode {
                what: "reason",
                found,
            })
    }
}

/// Bytes that one wanted record takes in a `records` message.
pub(crate) fn frame_len(frame: Option<&[u8]>) -> usize {
    frame.map_or(1, |bytes| cbor::head_len(bytes.len() as u64) + bytes.len())
}

fn open(w: &mut Writer, tag: u64, items: usize) {
    w.array(1 + items);
    w.uint(tag);
}

fn read_hello(r: &mut Reader<'_>) -> Result<Message, WireFault> {
    let speaks = Speaks {
        min: r.u16()?,
        max: r.u16()?,
    };
    if speaks.min > speaks.max {
        return Err(r.fault("a range of versions ends before it begins"));
    }
    let software = r.text()?;
    cbor::bounds(
        "bytes of software",
        software.len() as u64,
        0,
        limits::SOFTWARE_BYTES as u64,
    )?;
    if !software.chars().all(hello::is_printable) {
        return Err(r.fault("the software's name is not printable ASCII"));
    }
    let agency = AgencyId::from_bytes(r.fixed()?);
    Ok(Message::Hello(Hello {
        speaks,
        software: software.to_owned(),
        agency,
    }))
}

fn read_head(r: &mut Reader<'_>) -> Result<Vec<u8>, WireFault> {
    let bytes = r.bytes()?;
    let max = limits::AUDIT_HEAD_BYTES as u64;
    cbor::bounds("bytes of an audit head", bytes.len() as u64, 1, max)?;
    Ok(bytes.to_vec())
}

fn read_offer(r: &mut Reader<'_>) -> Result<Message, WireFault> {
    let batch = r.uint()?;
    let ids = r.joined::<32>()?;
    let count = r.array("items in an offer", 1, limits::BATCH_RECORDS)?;
    if count != ids.len() {
        return Err(r.fault("an offer has not as many times as ids"));
    }
    let created = (0..count)
        .map(|_| r.uint())
        .collect::<Result<Vec<_>, _>>()?;
    let sizes = r.array("items in an offer", 1, limits::BATCH_RECORDS)?;
    if sizes != ids.len() {
        return Err(r.fault("an offer has not as many sizes as ids"));
    }
    let mut items = Vec::with_capacity(count);
    let mut total = 0u64;
    for (id, created) in ids.iter().zip(created) {
        let size = r.u32()?;
        let max = limits::RECORD_FRAME_BYTES as u64;
        cbor::bounds("bytes of a record", u64::from(size), 1, max)?;
        total += u64::from(size);
        let (id, created) = (RecordId::from_bytes(*id), Hlc::from_wire(created));
        items.push(Item { id, created, size });
    }
    cbor::bounds("bytes in an offer", total, 1, limits::BATCH_BYTES as u64)?;
    Ok(Message::Offer { batch, items })
}

fn read_records(r: &mut Reader<'_>) -> Result<Message, WireFault> {
    let batch = r.uint()?;
    let first = r.u32()?;
    let count = r.array("records in a message", 1, limits::BATCH_RECORDS)?;
    let mut frames = Vec::with_capacity(count);
    for _ in 0..count {
        if r.null() {
            frames.push(None);
            continue;
        }
        let bytes = r.bytes()?;
        let max = limits::RECORD_FRAME_BYTES as u64;
        cbor::bounds("bytes of a record", bytes.len() as u64, 1, max)?;
        frames.push(Some(bytes.to_vec()));
    }
    Ok(Message::Records {
        batch,
        first,
        frames,
    })
}

const HELLO: u64 = 0;
const BYE: u64 = 1;
const OFFER: u64 = 2;
const WANT: u64 = 3;
const RECORDS: u64 = 4;
const ANSWERS: u64 = 5;
const CREDIT: u64 = 6;
const NONCE: u64 = 7;
const RANGES: u64 = 8;
const MISSING: u64 = 9;
const DONE: u64 = 10;
const WITNESS: u64 = 11;
const HELD: u64 = 12;
const TIME: u64 = 13;
const SETTLED: u64 = 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Answer, Later};

    #[test]
    fn the_bytes_stay_as_they_are() {
        let offer = Message::Offer {
            batch: 1,
            items: vec![Item {
                id: RecordId::from_bytes([0xAB; 32]),
                created: Hlc::from_wire(7),
                size: 600,
            }],
        };
        let mut due = vec![0x85, 0x02, 0x01, 0x58, 0x20];
        due.extend([0xAB; 32]);
        due.extend([0x81, 0x07, 0x81, 0x19, 0x02, 0x58]);
        assert_eq!(offer.encode(), due);
        let want = Message::Want {
            batch: 300,
            indices: vec![0, 24],
        };
        assert_eq!(
            want.encode(),
            [0x83, 0x03, 0x19, 0x01, 0x2C, 0x82, 0x00, 0x18, 0x18]
        );
        let records = Message::Records {
            batch: 2,
            first: 0,
            frames: vec![None, Some(vec![9])],
        };
        assert_eq!(
            records.encode(),
            [0x84, 0x04, 0x02, 0x00, 0x82, 0xF6, 0x41, 0x09]
        );
        let answers = Message::Answers {
            batch: 2,
            outcomes: vec![
                Outcome::Withdrawn,
                Outcome::Answered(Answer::Later(Later::Clock)),
            ],
        };
        assert_eq!(answers.encode(), [0x83, 0x05, 0x02, 0x42, 0x01, 0x20]);
        assert_eq!(Message::Done.encode(), [0x81, 0x0A]);
        let hello = Hello::new(
            Speaks { min: 1, max: 2 },
            "x",
            AgencyId::from_bytes([5; 32]),
        );
        let mut due = vec![0x85, 0x00, 0x01, 0x02, 0x61, b'x', 0x58, 0x20];
        due.extend([5; 32]);
        assert_eq!(Message::Hello(hello).encode(), due);
        assert_eq!(Message::Bye(Reason::Fault).encode(), [0x82, 0x01, 0x03]);
        let credit = Message::Credit {
            batches: 8,
            bytes: 4 << 20,
        };
        assert_eq!(
            credit.encode(),
            [0x83, 0x06, 0x08, 0x1A, 0x00, 0x40, 0x00, 0x00]
        );
        let nonce = [vec![0x82, 0x07, 0x50], vec![6; 16]].concat();
        assert_eq!(Message::Nonce([6; 16]).encode(), nonce);
        assert_eq!(
            Message::Ranges(vec![0x61]).encode(),
            [0x82, 0x08, 0x41, 0x61]
        );
        let missing = [vec![0x82, 0x09, 0x58, 0x40], vec![7; 64]].concat();
        assert_eq!(Message::Missing(vec![[7; 32]; 2]).encode(), missing);
    }

    #[test]
    fn another_encoding_of_the_same_message_is_refused() {
        let bad: [&[u8]; 9] = [
            &[0x98, 0x01, 0x0A],                   // length in a longer head
            &[0x81, 0x18, 0x0A],                   // tag in a longer head
            &[0x9F, 0x0A, 0xFF],                   // indefinite length
            &[0x81, 0x0A, 0x00],                   // trailing byte
            &[0x82, 0x0A, 0x00],                   // an item too many
            &[0x80],                               // no tag
            &[0x81, 0x0B],                         // unknown tag
            &[0x82, 0x01, 0x04],                   // unknown reason
            &[0x83, 0x05, 0x02, 0x42, 0x01, 0xFF], // unknown answer
        ];
        for body in bad {
            let fault = Message::decode(body).expect_err("refused");
            assert_eq!(
                fault.blame(),
                Some(crate::fault::Blame::Courier),
                "{body:02x?}"
            );
        }
    }
}
