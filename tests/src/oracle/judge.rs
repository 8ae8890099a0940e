//! Every frame and every store against the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use liaison_node::store::{Arrival, Flags, Header, Store};
use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::SignedRecord;
use liaison_protocol::wire::{Message, Outcome};

use super::model::{Gate, Known, Model, What};
use crate::TestNode;
use crate::tap::Frame;

/// How long after a change what was under way before may still go out.
const OLD_EPOCH: Duration = Duration::from_secs(2);

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

/// What a node's wire shows: violations, and what it took in from whom.
pub struct Wire {
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What it took in.
    pub accepted: BTreeSet<RecordId>,
    /// What it was given, by whom, and the version of its gates then: a line that breaks, or a
    /// node that stops, may leave it unanswered.
    received: Vec<(RecordId, usize, usize)>,
    /// Frames that were judged.
    pub frames: usize,
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
        for bytes in frame.records() {
            learn_record(model, bytes.into());
        }
    }
}

fn learn_record(model: &mut Model, bytes: Bytes) {
    let Ok(signed) = SignedRecord::parse(bytes) else {
        return;
    };
    let record = signed.unverified();
    let Some(author) = model.node(&record.envelope.author) else {
        return;
    };
    let what = match &record.content {
        Content::Retract(retract) => What::Retract(retract.of),
        Content::Contact(_) => What::Card,
        Content::Keys(_) => What::Keys,
        Content::Recall(recall) => What::Control(vec![recall.of]),
        Content::Receipt(receipt) => What::Control(vec![receipt.r#for, receipt.of]),
        Content::Permit(permit) => What::Control(vec![permit.of]),
        Content::Ask(ask) => What::Control(vec![ask.of]),
        // What was drawn is known since it was pushed.
        _ => return,
    };
    model.records.entry(signed.id()).or_insert(Known {
        author,
        what,
        supersedes: None,
    });
}

/// Where a withdrawn record stopped to be in force at a node.
#[derive(Clone, Copy)]
struct Gone {
    moment: u64,
    at: Instant,
    retracted: bool,
}

/// A stream as it went on.
#[derive(Default)]
struct Stream {
    /// Epoch and moment of its first frame.
    opened: Option<(Option<u64>, u64)>,
    offers: HashMap<u64, Vec<RecordId>>,
    got: HashMap<RecordId, (Option<u64>, u64)>,
}

struct Reader<'a> {
    model: &'a Model<'a>,
    us: usize,
    streams: HashMap<u64, Stream>,
    /// Ids that were named or given on the line with a peer, either way.
    crossed: BTreeSet<(usize, RecordId)>,
    gone: BTreeMap<RecordId, Gone>,
    wire: Wire,
    /// First bytes of every id, to look for them where none belongs.
    prefixes: HashMap<[u8; 8], RecordId>,
}

/// Reads all that a node said and heard.
pub fn read_wire(model: &Model, us: usize, frames: &[Frame]) -> Wire {
    let mut reader = Reader {
        model,
        us,
        streams: HashMap::new(),
        crossed: BTreeSet::new(),
        gone: BTreeMap::new(),
        wire: Wire {
            violations: Vec::new(),
            accepted: BTreeSet::new(),
            received: Vec::new(),
            frames: frames.len(),
        },
        prefixes: model
            .records
            .keys()
            .filter_map(|id| Some((*id.as_bytes().first_chunk::<8>()?, *id)))
            .collect(),
    };
    for (id, (moment, at)) in &model.withdrawn {
        let ours = model.records.get(id).is_some_and(|k| k.author == us);
        if ours {
            let gone = Gone {
                moment: *moment,
                at: *at,
                retracted: true,
            };
            reader.gone.insert(*id, gone);
        }
    }
    for frame in frames {
        reader.frame(frame);
    }
    reader.wire
}

impl Reader<'_> {
    fn frame(&mut self, frame: &Frame) {
        let Some(peer) = self.model.node(&frame.peer) else {
            return;
        };
        let stream = self.streams.entry(frame.stream).or_default();
        stream.opened.get_or_insert((frame.epoch, frame.moment));
        let message = frame.message();
        match (&message, frame.direction) {
            (Message::Offer { items, .. }, Direction::Out) => {
                for item in items {
                    self.goes_out(frame, peer, &item.id, "is offered");
                    self.crossed.insert((peer, item.id));
                }
            }
            (Message::Offer { batch, items }, Direction::In) => {
                let ids: Vec<RecordId> = items.iter().map(|i| i.id).collect();
                self.crossed.extend(ids.iter().map(|id| (peer, *id)));
                stream.offers.insert(*batch, ids);
            }
            (Message::Records { frames, .. }, direction) => {
                for bytes in frames.iter().flatten() {
                    let Ok(signed) = SignedRecord::parse(bytes.clone().into()) else {
                        self.note(Gate::Stray, "bytes that are no record".into());
                        continue;
                    };
                    let id = signed.id();
                    self.crossed.insert((peer, id));
                    if direction == Direction::Out {
                        self.goes_out(frame, peer, &id, "is given");
                    } else if let Some(stream) = self.streams.get_mut(&frame.stream) {
                        stream.got.insert(id, (frame.epoch, frame.moment));
                        let version = self.model.version_at(self.us, frame.epoch, frame.moment);
                        self.wire.received.push((id, peer, version));
                    }
                }
            }
            (Message::Answers { batch, outcomes }, Direction::Out) => {
                let ids = stream.offers.remove(batch).unwrap_or_default();
                for (id, outcome) in ids.into_iter().zip(outcomes) {
                    self.answered(frame, peer, id, *outcome);
                }
            }
            (_, Direction::Out) => self.look_for_ids(frame, peer, message.name()),
            _ => {}
        }
    }

    /// A record that is told of or given to a peer.
    fn goes_out(&mut self, frame: &Frame, peer: usize, id: &RecordId, how: &str) {
        let (model, us) = (self.model, self.us);
        let says = |more: &str| format!("{} {how} by n{us} to n{peer}{more}", name(model, id));
        let Some(known) = model.records.get(id) else {
            self.note(Gate::Stray, says(": nobody made it"));
            return;
        };
        if frame.channel != Channel::Live {
            self.note(Gate::Stray, says(" in a repair"));
            return;
        }
        let all = &model.versions[us];
        let opened = self.streams.get(&frame.stream).and_then(|s| s.opened);
        let (epoch, moment) = opened.unwrap_or((frame.epoch, frame.moment));
        let to = model.version_at(us, frame.epoch, frame.moment);
        // Within one epoch, the newest version of it; after a change, all that it went through.
        let from = if epoch.is_some() && epoch == frame.epoch {
            to
        } else {
            model.version_at(us, epoch, moment).min(to)
        };
        let control = matches!(known.what, What::Retract(_) | What::Control(_) | What::Keys)
            || (matches!(known.what, What::Card) && known.author == us);
        let begun = all.partition_point(|v| v.begin <= frame.moment);
        // What is owed may still go to one who was a peer.
        let first = if control { 0 } else { from };
        let linked = all[first..begun]
            .iter()
            .any(|v| v.peers.contains_key(&peer));
        if !linked {
            self.note(Gate::Link, says(", which is no peer"));
        }
        let about = match &known.what {
            What::Retract(of) => Some(std::slice::from_ref(of)),
            What::Control(about) => Some(about.as_slice()),
            _ => None,
        };
        if let Some(about) = about {
            if !about.iter().any(|of| self.crossed.contains(&(peer, *of))) {
                let more = ": what it concerns never crossed that line";
                self.note(Gate::Owed, says(more));
            }
            return;
        }
        // What an agency gave us and lost, it may have back.
        if known.author == peer && self.crossed.contains(&(peer, *id)) {
            return;
        }
        if let Err(gate) = model.release(us, peer, known, &all[from..=to]) {
            let versions = format!(" (gates {from} to {to} of {})", all.len());
            self.note(gate, says(&versions));
            return;
        }
        if control {
            return;
        }
        if from < to && frame.at > all[to].done + OLD_EPOCH {
            self.note(Gate::Epoch, says(" two seconds after the policy changed"));
        }
        if let Some(gone) = self.gone.get(id) {
            // What was under way then has come to rest by the next rest, or after two seconds.
            let rest = model.rests.partition_point(|r| *r <= gone.moment);
            let rested = model.rests.get(rest).is_some_and(|r| *r < frame.moment);
            if rested || (frame.moment > gone.moment && frame.at > gone.at + OLD_EPOCH) {
                self.note(Gate::InForce, says(" although it was withdrawn there"));
            }
        }
    }

    /// An offer of a peer was answered: what was taken in had to be allowed.
    fn answered(&mut self, frame: &Frame, peer: usize, id: RecordId, outcome: Outcome) {
        let got = self
            .streams
            .get_mut(&frame.stream)
            .and_then(|s| s.got.remove(&id));
        let Some((epoch, moment)) = got.filter(|_| outcome.is_stored()) else {
            return;
        };
        let (model, us) = (self.model, self.us);
        let says = |more: &str| format!("n{us} takes {} from n{peer}{more}", name(model, &id));
        let Some(known) = model.records.get(&id) else {
            self.note(Gate::Stray, says(": nobody made it"));
            return;
        };
        let to = model.version_at(us, frame.epoch, frame.moment);
        let from = if epoch.is_some() && epoch == frame.epoch {
            to
        } else {
            model.version_at(us, epoch, moment).min(to)
        };
        if let Err(gate) = model.accept(us, peer, known, &model.versions[us][from..=to]) {
            let versions = format!(" (gates {from} to {to})");
            self.note(gate, says(&versions));
        }
        let before = self.gone.get(&id).copied();
        if let Some(gone) = before.filter(|g| g.retracted) {
            let rest = model.rests.partition_point(|r| *r <= gone.moment);
            if model.rests.get(rest).is_some_and(|r| *r < moment) {
                self.note(Gate::Returned, says(" although it was retracted there"));
            }
        }
        self.wire.accepted.insert(id);
        let mut goes = |of: RecordId, retracted: bool| {
            let same = model
                .records
                .get(&of)
                .is_some_and(|k| k.author == known.author);
            if same {
                let gone = Gone {
                    moment: frame.moment,
                    at: frame.at,
                    retracted,
                };
                let entry = self.gone.entry(of).or_insert(gone);
                entry.retracted |= retracted;
            }
        };
        if let What::Retract(of) = &known.what {
            goes(*of, true);
        }
        if let Some(of) = known.supersedes {
            goes(of, false);
        }
    }

    /// No other message names a record.
    fn look_for_ids(&mut self, frame: &Frame, peer: usize, message: &str) {
        let found: Vec<RecordId> = frame
            .body
            .windows(32)
            .filter_map(|w| {
                let id = self.prefixes.get(w.first_chunk::<8>()?)?;
                (w == id.as_bytes()).then_some(*id)
            })
            .collect();
        for id in found {
            let what = name(self.model, &id);
            let us = self.us;
            let says = format!("n{us} names {what} to n{peer} in a message '{message}'");
            self.note(Gate::Stray, says);
        }
        for (n, record) in self.model.plan.records.iter().enumerate() {
            let marker = record.marker.as_bytes();
            if frame.body.windows(marker.len()).any(|w| w == marker) {
                let says = format!("text of r{n} to n{peer} in a message '{message}'");
                self.note(Gate::Stray, says);
            }
        }
    }

    fn note(&mut self, gate: Gate, says: String) {
        self.wire.violations.push(Violation { gate, says });
    }
}

/// A node holds nothing that was not released to it, and nothing that had to be erased.
pub fn judge_store(model: &Model, us: usize, held: &Held, wire: &Wire) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, header) in held {
        let author = model.node(&header.author);
        let unanswered = |(of, peer, version): &(RecordId, usize, usize)| {
            let gates = &model.versions[us][*version..];
            of == id
                && model
                    .records
                    .get(id)
                    .is_some_and(|known| model.accept(us, *peer, known, gates).is_ok())
        };
        let came = wire.accepted.contains(id) || wire.received.iter().any(unanswered);
        if author != Some(us) && !came {
            let says = format!("n{us} holds {}", name(model, id));
            violations.push(Violation {
                gate: Gate::NeverReleased,
                says,
            });
        }
        let withdrawn = model.withdrawn.contains_key(id) && author == Some(us);
        if withdrawn && is_in_force(header) {
            let says = format!("n{us} holds {} of its own, withdrawn", name(model, id));
            violations.push(Violation {
                gate: Gate::NotErased,
                says,
            });
        }
    }
    violations
}

/// What had to come to a node from another one and has not: one hop, by what both hold now.
/// Over all pairs, that is all that the gates in force make reachable.
pub fn unmet(model: &Model, from: usize, to: usize, there: &Held, here: &Held) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, header) in there {
        let Some(known) = model.records.get(id) else {
            continue;
        };
        match &known.what {
            What::Retract(of) => {
                let from_agency = model.agencies[from];
                let to_agency = model.agencies[to];
                let copy = here.get(of).filter(|h| !h.flags.contains(Flags::ERASED));
                let crossed = copy.is_some_and(|h| h.courier == Some(from_agency))
                    || there.get(of).is_some_and(|h| h.courier == Some(to_agency));
                if copy.is_some() && crossed {
                    let of = name(model, of);
                    let says = format!("n{to} still has {of}, and n{from} has its retraction");
                    violations.push(Violation {
                        gate: Gate::NotErased,
                        says,
                    });
                }
            }
            What::Drawn(..) if is_in_force(header) && !here.contains_key(id) => {
                let goes = model.release(from, to, known, model.now(from)).is_ok()
                    && model.accept(to, from, known, model.now(to)).is_ok();
                // One that was withdrawn there before it came is not taken in.
                let buried = here.keys().any(|other| {
                    let other = model.records.get(other);
                    other.is_some_and(|o| matches!(&o.what, What::Retract(of) if of == id))
                });
                if goes && !buried {
                    let says = format!("{} did not come from n{from} to n{to}", name(model, id));
                    violations.push(Violation {
                        gate: Gate::Starved,
                        says,
                    });
                }
            }
            _ => {}
        }
    }
    violations
}

fn is_in_force(header: &Header) -> bool {
    let gone = [Flags::RETRACTED, Flags::SUPERSEDED, Flags::ERASED];
    !gone.iter().any(|f| header.flags.contains(*f))
}

/// A record as a reader of a failure wants it.
fn name(model: &Model, id: &RecordId) -> String {
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
                t.kind,
                super::record::TLP[t.tlp],
                t.onward
            )
        }
        What::Card => format!("the card of n{author}"),
        What::Keys => format!("the keys of n{author}"),
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
