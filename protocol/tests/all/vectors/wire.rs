//! Frames of every message, and frames that are none.

use ciborium::Value;
use liaison_protocol::fault::{Answer, Later, Refused};
use liaison_protocol::id::RecordId;
use liaison_protocol::limits;
use liaison_protocol::wire::{Hello, Item, Message, Outcome, Reason, Speaks, WireFault, frame};
use serde::{Deserialize, Serialize};

use super::{bytes_of, hex, mentioned, on_disk};
use crate::cast;
use crate::raw::{bstr, diagnostic, head, tstr};

/// A vector of a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireVector {
    pub what: String,
    /// `ok` or `refused`.
    pub expect: String,
    /// Name of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// The body in diagnostic notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The frame, head and body, hexadecimal.
    pub hex: String,
}

pub(super) fn name_of(fault: &WireFault) -> &'static str {
    match fault {
        WireFault::FrameSize { .. } => "FrameSize",
        WireFault::Form { .. } => "Form",
        WireFault::UnknownCode { .. } => "UnknownCode",
        WireFault::Bounds { .. } => "Bounds",
        _ => "of a session",
    }
}

pub fn messages() -> Vec<(&'static str, Message)> {
    let item = |byte: u8| Item {
        id: RecordId::from_bytes([byte; 32]),
        created: cast::made(u16::from(byte)),
        size: 600,
    };
    let signed = cast::small()
        .sign(&cast::secret("narova signing"))
        .expect("signs");
    let head = crate::audit::head()
        .sign(&cast::secret("narova signing"))
        .expect("signs")
        .bytes()
        .to_vec();
    vec![
        (
            "hello",
            Message::Hello(Hello::new(
                Speaks { min: 1, max: 1 },
                "liaison 0.1.0",
                cast::narova(),
            )),
        ),
        ("bye", Message::Bye(Reason::Restart)),
        (
            "offer",
            Message::Offer {
                batch: 1,
                items: vec![item(1), item(2), item(3)],
            },
        ),
        (
            "want",
            Message::Want {
                batch: 1,
                indices: vec![0, 2],
            },
        ),
        (
            "records",
            Message::Records {
                batch: 1,
                first: 0,
                frames: vec![Some(signed.bytes().to_vec()), None],
            },
        ),
        (
            "answers",
            Message::Answers {
                batch: 1,
                outcomes: vec![
                    Outcome::Answered(Answer::Stored),
                    Outcome::Withdrawn,
                    Outcome::Answered(Answer::Refused(Refused::Policy)),
                    Outcome::Answered(Answer::Later(Later::UnknownAuthor)),
                ],
            },
        ),
        (
            "credit",
            Message::Credit {
                batches: 8,
                bytes: limits::CREDIT_BYTES as u64,
            },
        ),
        ("nonce", Message::Nonce([0xA5; 16])),
        ("ranges", Message::Ranges(vec![0x61, 0, 0, 0])),
        ("missing", Message::Missing(vec![[1; 32], [2; 32]])),
        ("done", Message::Done),
        ("witness", Message::Witness { head: head.clone() }),
        (
            "held",
            Message::Held {
                head: Some(head),
                clock: Some(cast::start(cast::TODAY)),
            },
        ),
        ("time", Message::Time(cast::start(cast::TODAY))),
        ("settled", Message::Settled([8; 16])),
    ]
}

pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    [(body.len() as u32).to_be_bytes().to_vec(), body.to_vec()].concat()
}

impl WireVector {
    /// A message in its frame.
    pub(super) fn good(name: &str, body: &[u8]) -> Self {
        let says: Value = ciborium::from_reader(body).expect("CBOR");
        Self {
            what: format!("A message '{name}'."),
            expect: "ok".into(),
            message: Some(name.into()),
            fault: None,
            mentions: Vec::new(),
            body: Some(diagnostic(&says)),
            hex: hex(&framed(body)),
        }
    }

    /// A frame that is refused.
    pub(super) fn bad(what: &str, fault: &str, mentions: &[&str], frame: &[u8]) -> Self {
        Self {
            what: what.into(),
            expect: "refused".into(),
            message: None,
            fault: Some(fault.into()),
            mentions: mentions.iter().map(|&m| m.to_owned()).collect(),
            body: None,
            hex: hex(frame),
        }
    }
}

pub fn cases() -> Vec<(&'static str, WireVector)> {
    let good = messages()
        .into_iter()
        .map(|(name, message)| (name, WireVector::good(name, &message.encode())));
    let bad = bad()
        .into_iter()
        .map(|(name, what, fault, mentions, frame)| {
            (name, WireVector::bad(what, fault, mentions, &frame))
        });
    good.chain(bad).collect()
}

type Bad = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Vec<u8>,
);

fn bad() -> Vec<Bad> {
    let array = |items: &[Vec<u8>]| framed(&[head(4, items.len() as u64), items.concat()].concat());
    let n = |value: u64| head(0, value);
    let list = |items: &[Vec<u8>]| [head(4, items.len() as u64), items.concat()].concat();
    let hello = |min: u64, max: u64, software: &str| {
        array(&[
            n(0),
            n(min),
            n(max),
            tstr(software),
            bstr(cast::narova().as_bytes()),
        ])
    };
    let offer = |ids: usize, sizes: Vec<u64>| {
        let times = vec![n(7); sizes.len()];
        let sizes: Vec<Vec<u8>> = sizes.into_iter().map(n).collect();
        array(&[n(2), n(1), bstr(&vec![1; ids]), list(&times), list(&sizes)])
    };
    vec![
        (
            "frame-of-0-bytes",
            "A frame that announces no bytes.",
            "FrameSize",
            &["frame of 0 bytes"],
            vec![0; 4],
        ),
        (
            "frame-too-large",
            "A frame that announces 1,048,577 bytes; refused by its head.",
            "FrameSize",
            &["frame of 1048577 bytes", "1048576"],
            vec![0x00, 0x10, 0x00, 0x01],
        ),
        (
            "tag-unknown",
            "A message with a tag that version 1 does not have.",
            "UnknownCode",
            &["message 23"],
            array(&[n(23)]),
        ),
        (
            "not-an-array",
            "A map.",
            "Form",
            &["malformed message", "at byte"],
            framed(&head(5, 0)),
        ),
        (
            "witness-of-nothing",
            "A head of no bytes.",
            "Bounds",
            &["0 bytes of an audit head"],
            array(&[n(11), bstr(&[])]),
        ),
        (
            "witness-too-large",
            "A head of 513 bytes.",
            "Bounds",
            &["513 bytes of an audit head", "512"],
            array(&[n(11), bstr(&[7; 513])]),
        ),
        (
            "held-clock-as-text",
            "A clock that is a text.",
            "Form",
            &["at byte"],
            array(&[n(12), vec![0xF6], tstr("now")]),
        ),
        (
            "settled-nonce-short",
            "A nonce of 15 bytes.",
            "Form",
            &["at byte"],
            array(&[n(14), bstr(&[8; 15])]),
        ),
        (
            "items-too-many",
            "A 'done' with a second item.",
            "Form",
            &["wrong number of items"],
            array(&[n(10), n(0)]),
        ),
        (
            "trailing-byte",
            "A byte follows the message.",
            "Form",
            &["at byte 2"],
            framed(&[0x81, 0x0A, 0x00]),
        ),
        (
            "integer-not-shortest",
            "The tag in two bytes.",
            "Form",
            &["at byte"],
            framed(&[0x81, 0x18, 0x0A]),
        ),
        (
            "array-indefinite",
            "An array of indefinite length.",
            "Form",
            &["at byte"],
            framed(&[0x9F, 0x0A, 0xFF]),
        ),
        (
            "cut-short",
            "A nonce whose last byte is missing; the frame is whole.",
            "Form",
            &["at byte"],
            { framed(&[head(4, 2), n(7), head(2, 16), vec![0; 15]].concat()) },
        ),
        (
            "integer-negative",
            "A negative batch number.",
            "Form",
            &["at byte"],
            array(&[n(3), head(1, 0), list(&[n(0)])]),
        ),
        (
            "hello-versions-crossed",
            "Versions 2 to 1.",
            "Form",
            &["range of versions"],
            hello(2, 1, "x"),
        ),
        (
            "hello-software-not-printable",
            "A line break in the software's name.",
            "Form",
            &["printable ASCII"],
            hello(1, 1, "a\nb"),
        ),
        (
            "hello-software-too-long",
            "A software's name of 65 bytes.",
            "Bounds",
            &["65 bytes of software", "64"],
            hello(1, 1, &"x".repeat(65)),
        ),
        (
            "bye-reason-unknown",
            "A bye with reason 4.",
            "UnknownCode",
            &["reason 4"],
            array(&[n(1), n(4)]),
        ),
        (
            "offer-of-nothing",
            "An offer without an item.",
            "Bounds",
            &["0 items in an offer"],
            offer(0, vec![]),
        ),
        (
            "offer-of-201",
            "An offer of 201 items.",
            "Bounds",
            &["201 items in an offer", "200"],
            offer(201 * 32, vec![1; 201]),
        ),
        (
            "offer-ids-cut",
            "Ids of 63 bytes for two items.",
            "Form",
            &["at byte"],
            offer(63, vec![1, 1]),
        ),
        (
            "offer-times-missing",
            "Two ids and one time.",
            "Form",
            &["not as many times"],
            offer(64, vec![1]),
        ),
        (
            "offer-size-0",
            "An item of no bytes.",
            "Bounds",
            &["0 bytes of a record"],
            offer(32, vec![0]),
        ),
        (
            "offer-size-too-large",
            "An item of 69,633 bytes.",
            "Bounds",
            &["69633 bytes of a record", "69632"],
            offer(32, vec![69_633]),
        ),
        (
            "offer-too-large",
            "Items that announce more than 2,097,152 bytes together.",
            "Bounds",
            &["bytes in an offer", "2097152"],
            offer(31 * 32, vec![69_632; 31]),
        ),
        (
            "want-of-nothing",
            "A want without an index.",
            "Bounds",
            &["0 indices in a want"],
            array(&[n(3), n(1), list(&[])]),
        ),
        (
            "records-empty",
            "A record of no bytes.",
            "Bounds",
            &["0 bytes of a record"],
            array(&[n(4), n(1), n(0), list(&[bstr(&[])])]),
        ),
        (
            "answer-unknown",
            "An answer with code 2.",
            "UnknownCode",
            &["answer 2"],
            array(&[n(5), n(1), bstr(&[0, 2])]),
        ),
        (
            "answers-none",
            "No answers.",
            "Bounds",
            &["0 answers"],
            array(&[n(5), n(1), bstr(&[])]),
        ),
        (
            "nonce-15-bytes",
            "A nonce of 15 bytes.",
            "Form",
            &["at byte"],
            array(&[n(7), bstr(&[0; 15])]),
        ),
        (
            "ranges-empty",
            "Ranges of no bytes.",
            "Bounds",
            &["0 bytes of ranges"],
            array(&[n(8), bstr(&[])]),
        ),
        (
            "missing-33-bytes",
            "Hashes of 33 bytes.",
            "Form",
            &["at byte"],
            array(&[n(9), bstr(&[0; 33])]),
        ),
        (
            "missing-none",
            "No hash.",
            "Bounds",
            &["0 missing hashes"],
            array(&[n(9), bstr(&[])]),
        ),
    ]
}

#[test]
fn every_wire_vector_is_read_as_its_file_says() {
    if super::blessing() {
        return;
    }
    let mut names = std::collections::BTreeSet::new();
    let mut faults = std::collections::BTreeSet::new();
    for (path, vector) in &on_disk::<WireVector>("wire") {
        let bytes = bytes_of(&vector.hex);
        let mut decoder = frame::Decoder::new();
        decoder.push(&bytes);
        match decoder.next_message() {
            Ok(Some(message)) => {
                assert_eq!(vector.expect, "ok", "{path} was read");
                assert_eq!(Some(message.name()), vector.message.as_deref(), "{path}");
                assert_eq!(frame::encode(&message), bytes, "{path}");
                assert_eq!(decoder.held(), 0, "{path}");
                names.insert(message.name());
            }
            Ok(None) => panic!("{path}: the frame is not whole"),
            Err(fault) => {
                let text = fault.to_string();
                assert_eq!(vector.expect, "refused", "{path}: {text}");
                assert_eq!(
                    Some(name_of(&fault)),
                    vector.fault.as_deref(),
                    "{path}: {text}"
                );
                mentioned(path, &text, &vector.mentions);
                faults.insert(name_of(&fault));
            }
        }
    }
    assert_eq!(names.len(), 15, "{names:?}");
    assert_eq!(faults.len(), 4, "{faults:?}");
}
