//! What the judges of wire and stores have in common: what is held, and what is known of it.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use liaison_node::store::{Arrival, Flags, Header, Store};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::seal::frame;

use super::model::{Gate, Known, Model, What};
use super::record::TLP;
use crate::TestNode;

/// Where node and model differ.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Whose rule it is.
    pub gate: Gate,
    /// What happened.
    pub says: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.gate, self.says)
    }
}

/// What is held at a node.
pub type Held = BTreeMap<RecordId, Header>;

/// All that a running node's store names.
pub fn held(node: &TestNode) -> Held {
    let store = &node.node().store;
    let mut all = BTreeMap::new();
    let mut from = Arrival(0);
    loop {
        let rows = store.headers(from.next(), 1_000).expect("headers");
        let Some((last, _)) = rows.last() else {
            return all;
        };
        from = *last;
        all.extend(rows.iter().map(|(_, h)| (h.id, h.clone())));
    }
}

/// A record as it came, with or without a wrap behind it.
pub fn parse(frame: Vec<u8>) -> Option<SignedRecord> {
    frame::read(&frame.into()).ok().map(|(signed, _)| signed)
}

/// Adds what a store holds to what the model knows of; a stopped node's can still be read.
pub fn learn(model: &mut Model, store: &Store) {
    for (arrival, _) in store.headers(Arrival(0), 10_000).expect("headers") {
        if let Some(bytes) = store.record(arrival).expect("record") {
            learn_record(model, bytes);
        }
    }
}

/// Adds what crossed a node's wire.
pub fn learn_frames(model: &mut Model, node: &TestNode) {
    for frame in node.tap.frames() {
        for signed in frame.records().into_iter().filter_map(parse) {
            learn_signed(model, &signed);
        }
    }
}

fn learn_record(model: &mut Model, bytes: Bytes) {
    if let Ok(signed) = SignedRecord::parse(bytes) {
        learn_signed(model, &signed);
    }
}

fn learn_signed(model: &mut Model, signed: &SignedRecord) {
    let record = signed.unverified();
    let Some(author) = model.node(&record.envelope.author) else {
        return;
    };
    let what = match &record.content {
        Content::Retract(retract) => What::Retract(retract.of),
        Content::Contact(_) => What::Card,
        Content::Keys(_) => What::Keys,
        Content::Recall(recall) => What::Recall {
            of: recall.of,
            from: model.node(&recall.to),
        },
        Content::Receipt(receipt) => What::Control(vec![receipt.r#for, receipt.of]),
        Content::Ask(ask) => What::Control(vec![ask.of]),
        // What was drawn, and permits, are known since they were made.
        _ => return,
    };
    model.records.entry(signed.id()).or_insert(Known {
        author,
        what,
        supersedes: None,
    });
}

/// Whether it is used and passed on.
pub fn is_in_force(header: &Header) -> bool {
    let gone = [
        Flags::RETRACTED,
        Flags::SUPERSEDED,
        Flags::ERASED,
        Flags::LOCKED,
    ];
    !gone.iter().any(|f| header.flags.contains(*f))
}

/// A record as a reader of a failure wants it.
pub fn name(model: &Model, id: &RecordId) -> String {
    let short = id.short();
    let Some(known) = model.records.get(id) else {
        return format!("an unknown record {short}");
    };
    let author = known.author;
    match &known.what {
        What::Drawn(number, list) => {
            let t = &model.plan.records[*number].traits;
            let list = list
                .as_ref()
                .map_or(String::new(), |l| format!(" to {l:?}"));
            format!(
                "r{number} ({} of n{author}, {}, {:?}{list})",
                t.kind, TLP[t.tlp], t.onward
            )
        }
        What::Card => format!("the card of n{author}"),
        What::Keys => format!("the keys of n{author}"),
        What::Permit { of, to } => {
            format!("a permit to {to:?} by n{author} for {}", name(model, of))
        }
        What::Recall { of, from } => {
            format!("a recall from {from:?} by n{author} of {}", name(model, of))
        }
        What::Control(_) => format!("a control record of n{author}"),
        What::Retract(of) => {
            let of = model.ids.iter().position(|i| i.as_ref() == Some(of));
            format!(
                "the retraction of r{} of n{author}",
                of.unwrap_or(usize::MAX)
            )
        }
    }
}
