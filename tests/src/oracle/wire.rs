//! Every frame of a node against the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use liaison_node::swarm::{Channel, Direction};
use liaison_protocol::id::RecordId;
use liaison_protocol::wire::{Message, Outcome};

use super::judge::{self, Violation, name};
use super::model::{Gate, Model, Version, What};
use crate::sealed::stands_in;
use crate::tap::Frame;

/// How long after a change what was under way before may still go out.
const OLD_EPOCH: Duration = Duration::from_secs(2);

/// What a node's wire shows: violations, and what it took in from whom.
pub struct Wire {
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What it took in.
    pub accepted: BTreeSet<RecordId>,
    /// What it was given, by whom, and the version of its gates then: a line that breaks, or a
    /// node that stops, may leave it unanswered.
    pub received: Vec<(RecordId, usize, usize)>,
    /// Frames that were judged.
    pub frames: usize,
}

/// Where a withdrawn record stopped to be in force at a node.
#[derive(Clone, Copy)]
struct Gone {
    moment: u64,
    at: Instant,
    why: Why,
}

/// Why it stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Amended,
    Retracted,
    /// Who had given it called it back.
    Recalled,
}

/// A stream as it went on.
#[derive(Default)]
struct Stream {
    /// Epoch and moment of its first frame.
    opened: Option<(Option<u64>, u64)>,
    /// What was offered on it, which way it goes.
    offers: HashMap<u64, Vec<RecordId>>,
    got: HashMap<RecordId, (Option<u64>, u64)>,
}

struct Reader<'a> {
    model: &'a Model<'a>,
    us: usize,
    streams: HashMap<u64, Stream>,
    /// Ids that were named or given on the line with a peer, either way.
    crossed: BTreeSet<(usize, RecordId)>,
    /// Whose bytes came, and from whom.
    came: BTreeSet<(RecordId, usize)>,
    /// What was surely here, by our answer, and when.
    here: BTreeMap<RecordId, u64>,
    /// What a peer surely has: it answered so, or offered it itself.
    theirs: BTreeSet<(usize, RecordId)>,
    gone: BTreeMap<RecordId, Gone>,
    /// What was withdrawn here, and forgotten with a backup that came back since.
    lost: BTreeMap<RecordId, Gone>,
    /// How often we came back from one.
    lives: usize,
    /// Peers that said since then that we have all that they have for us.
    heard: BTreeSet<usize>,
    /// What was called back here, and by whom.
    recalled: BTreeMap<RecordId, BTreeSet<usize>>,
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
        came: BTreeSet::new(),
        here: BTreeMap::new(),
        theirs: BTreeSet::new(),
        gone: BTreeMap::new(),
        lost: BTreeMap::new(),
        lives: 0,
        heard: BTreeSet::new(),
        recalled: BTreeMap::new(),
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
                why: Why::Retracted,
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
        self.live_on(frame.moment);
        self.look_for_sealed(frame, peer);
        let stream = self.streams.entry(frame.stream).or_default();
        stream.opened.get_or_insert((frame.epoch, frame.moment));
        let message = frame.message();
        match (&message, frame.direction) {
            (Message::Offer { batch, items }, direction) => {
                let ids: Vec<RecordId> = items.iter().map(|i| i.id).collect();
                stream.offers.insert(*batch, ids.clone());
                for id in ids {
                    if direction == Direction::Out {
                        self.goes_out(frame, peer, &id, "is offered");
                    } else {
                        self.theirs.insert((peer, id));
                    }
                    self.crossed.insert((peer, id));
                }
            }
            (Message::Records { frames, .. }, direction) => {
                for bytes in frames.iter().flatten() {
                    let Some(signed) = judge::parse(bytes.clone()) else {
                        self.note(Gate::Stray, "bytes that are no record".into());
                        continue;
                    };
                    let id = signed.id();
                    self.crossed.insert((peer, id));
                    if direction == Direction::Out {
                        self.goes_out(frame, peer, &id, "is given");
                    } else if let Some(stream) = self.streams.get_mut(&frame.stream) {
                        stream.got.insert(id, (frame.epoch, frame.moment));
                        self.came.insert((id, peer));
                        self.lost.remove(&id);
                        if self.lifts(peer, &id) {
                            self.gone.remove(&id);
                        }
                        let version = self.model.version_at(self.us, frame.epoch, frame.moment);
                        self.wire.received.push((id, peer, version));
                    }
                }
            }
            (Message::Answers { batch, outcomes }, direction) => {
                let ids = stream.offers.remove(batch).unwrap_or_default();
                for (id, outcome) in ids.into_iter().zip(outcomes) {
                    if direction == Direction::Out {
                        self.answered(frame, peer, id, *outcome);
                    } else if outcome.is_stored() {
                        self.theirs.insert((peer, id));
                    }
                }
            }
            (Message::Settled(_), Direction::In) => {
                self.heard.insert(peer);
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
        let shared = matches!(known.what, What::Drawn(..))
            || (matches!(known.what, What::Card) && known.author != us);
        let control = !shared;
        let begun = all.partition_point(|v| v.begin <= frame.moment);
        if self.is_revoked(frame, peer) {
            self.note(Gate::Revoked, says(", which it had revoked"));
        }
        // What is owed may still go to one who was a peer.
        let first = if control { 0 } else { from };
        let linked = all[first..begun]
            .iter()
            .any(|v| v.peers.contains_key(&peer));
        if !linked {
            self.note(Gate::Link, says(", which is no peer"));
        }
        let about = match &known.what {
            What::Retract(of) | What::Permit { of, .. } | What::Recall { of, .. } => {
                Some(std::slice::from_ref(of))
            }
            What::Control(about) => Some(about.as_slice()),
            _ => None,
        };
        if let Some(about) = about {
            let crossed = about.iter().any(|of| self.crossed.contains(&(peer, *of)));
            if !crossed && !self.goes_ahead(peer, &known.what, &all[from..=to]) {
                let more = ": what it concerns never crossed that line";
                self.note(Gate::Owed, says(more));
            }
            if let What::Recall { of, from } = &known.what {
                if known.author != us || *from != Some(peer) {
                    self.note(Gate::Owed, says(": it is between two others"));
                } else if !self.calls_back(peer, of, frame.moment) {
                    self.note(Gate::Recall, says(": nobody called it back"));
                }
            }
            return;
        }
        // What an agency gave us and lost, it may have back.
        if known.author == peer && self.crossed.contains(&(peer, *id)) {
            return;
        }
        let permitted = self.is_permitted(frame, id, peer, true);
        if let Err(gate) = model.release(us, peer, known, &all[from..=to], permitted) {
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
            if self.is_over(frame, gone.moment, gone.at) {
                self.note(Gate::InForce, says(" although it was withdrawn there"));
            }
        } else if self.lost.contains_key(id) && !self.may_serve(id, frame.moment) {
            self.note(
                Gate::InForce,
                says(", restored, and nobody was heard of whether it was withdrawn"),
            );
        }
    }

    /// What came back from a backup by a moment has forgotten what was withdrawn since.
    fn live_on(&mut self, moment: u64) {
        let ours = self.model.restored.iter().filter(|r| r.node == self.us);
        let Some(restored) = ours.skip(self.lives).find(|r| r.moment < moment).copied() else {
            return;
        };
        self.lives += 1;
        self.heard.clear();
        let between = |gone: &Gone| restored.backup < gone.moment && gone.moment < restored.moment;
        self.lost.extend(
            self.gone
                .iter()
                .filter(|(_, g)| between(g))
                .map(|(id, g)| (*id, *g)),
        );
        self.gone.retain(|_, gone| !between(gone));
        let lost = |at: u64| restored.backup < at && at < restored.moment;
        self.here.retain(|_, at| !lost(*at));
    }

    /// Whether what came with a backup may be passed on: who had brought it was heard from, or
    /// somebody decided to wait no longer.
    fn may_serve(&self, id: &RecordId, moment: u64) -> bool {
        let ours = self.model.restored.iter().filter(|r| r.node == self.us);
        let restored = self.lives.checked_sub(1).and_then(|n| ours.copied().nth(n));
        let released = restored.and_then(|r| r.released);
        let known = self.model.records.get(id);
        let own = known.is_some_and(|known| known.author == self.us);
        let mut couriers = self.came.iter().filter(|(of, _)| of == id);
        released.is_some_and(|r| r <= moment)
            || (own && !self.heard.is_empty())
            || couriers.any(|(_, peer)| self.heard.contains(peer))
    }

    /// Whether what was under way at a moment has come to rest since: by the next rest, or after
    /// two seconds.
    fn is_over(&self, frame: &Frame, moment: u64, at: Instant) -> bool {
        self.rested(moment, frame.moment) || (frame.moment > moment && frame.at > at + OLD_EPOCH)
    }

    /// Whether everything came to rest between two moments.
    fn rested(&self, from: u64, to: u64) -> bool {
        let rests = &self.model.rests;
        let next = rests.partition_point(|r| *r <= from);
        rests.get(next).is_some_and(|r| *r < to)
    }

    /// Whether we revoked a peer, and what was under way then is over.
    fn is_revoked(&self, frame: &Frame, peer: usize) -> bool {
        let all = &self.model.versions[self.us];
        let begun = all.partition_point(|v| v.begin <= frame.moment);
        let since = all[..begun]
            .iter()
            .rev()
            .take_while(|v| v.revoked.contains(&peer))
            .last();
        since.is_some_and(|v| self.is_over(frame, v.begin, v.done))
    }

    /// Whether a permit goes ahead of its record to one whom it names.
    fn goes_ahead(&self, peer: usize, what: &What, versions: &[Version]) -> bool {
        let (model, us) = (self.model, self.us);
        let What::Permit { of, to } = what else {
            return false;
        };
        let known = model.records.get(of);
        to.contains(&peer)
            && known.is_some_and(|known| model.release(us, peer, known, versions, true).is_ok())
    }

    /// Whether we call a copy back from a peer: because we were told to, or because it was
    /// called back from us.
    fn calls_back(&self, peer: usize, of: &RecordId, moment: u64) -> bool {
        let (model, us) = (self.model, self.us);
        let told = model
            .recalled
            .iter()
            .any(|r| (r.by, r.from, r.of) == (us, peer, *of) && r.moment <= moment);
        // It may act on a recall before it answers it.
        let came = self.came.iter().filter_map(|(id, _)| model.records.get(id));
        let passed_on = came
            .map(|known| &known.what)
            .any(|what| matches!(what, What::Recall { of: what, from } if what == of && *from == Some(us)));
        told || model.recalled_all.contains(&(us, peer)) || passed_on
    }

    /// Whether a permit lets a record go to a node: one that we have, and, if the record is ours
    /// to give, one that the receiver has as well.
    fn is_permitted(&self, frame: &Frame, of: &RecordId, to: usize, gives: bool) -> bool {
        self.model.permits_of(of, to).any(|permit| {
            let here = self.came.iter().any(|(id, _)| *id == permit);
            let there = !gives || self.theirs.contains(&(to, permit));
            let gone = self.gone.get(&permit);
            here && there && !gone.is_some_and(|g| self.is_over(frame, g.moment, g.at))
        })
    }

    /// An offer of a peer was answered: what was taken in had to be allowed.
    fn answered(&mut self, frame: &Frame, peer: usize, id: RecordId, outcome: Outcome) {
        let got = self
            .streams
            .get_mut(&frame.stream)
            .and_then(|s| s.got.remove(&id));
        if outcome.is_stored() {
            self.here.insert(id, frame.moment);
        }
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
        if self.is_revoked(frame, peer) {
            self.note(Gate::Revoked, says(", which it had revoked"));
        }
        let permitted = self.is_permitted(frame, &id, us, false);
        let gates = &model.versions[us][from..=to];
        if let Err(gate) = model.accept(us, peer, known, gates, permitted) {
            let versions = format!(" (gates {from} to {to})");
            self.note(gate, says(&versions));
        }
        self.comes_back(peer, &id, moment);
        self.wire.accepted.insert(id);
        match &known.what {
            What::Retract(of) => self.goes(frame, *of, known.author, Why::Retracted),
            What::Permit { of, to }
                if !to.contains(&us) && !self.crossed.contains(&(peer, *of)) =>
            {
                self.note(Gate::Owed, says(": it is no concern of either"));
            }
            What::Recall { of, from } => {
                if known.author != peer || *from != Some(us) {
                    self.note(Gate::Owed, says(": it is between two others"));
                    return;
                }
                self.recalled.entry(*of).or_default().insert(peer);
                let author = model.records.get(of).map(|known| known.author);
                let other = self.came.iter().any(|(id, from)| id == of && *from != peer);
                let binds = author != Some(us) && (author == Some(peer) || !other);
                // A copy that was refused, or never came, is not there to be taken back.
                if binds && self.here.contains_key(of) {
                    self.goes(frame, *of, author.unwrap_or(peer), Why::Recalled);
                }
            }
            _ => {}
        }
        if let Some(of) = known.supersedes {
            self.goes(frame, of, known.author, Why::Amended);
        }
    }

    /// What was taken in had not been withdrawn here.
    fn comes_back(&mut self, peer: usize, id: &RecordId, got: u64) {
        let Some(gone) = self.gone.get(id).copied() else {
            return;
        };
        let how = match gone.why {
            Why::Amended => return,
            Why::Retracted => "retracted",
            Why::Recalled => "taken back",
        };
        if self.rested(gone.moment, got) {
            let (what, us) = (name(self.model, id), self.us);
            let says = format!("n{us} takes {what} from n{peer} although it was {how} there");
            self.note(Gate::Returned, says);
        }
    }

    /// Whether a peer may bring what was called back here: its author, or who called it back.
    fn lifts(&self, peer: usize, id: &RecordId) -> bool {
        let author = self.model.records.get(id).map(|known| known.author);
        let by = self.recalled.get(id);
        let gone = self.gone.get(id);
        gone.is_some_and(|gone| gone.why == Why::Recalled)
            && (author == Some(peer) || by.is_some_and(|by| by.contains(&peer)))
    }

    /// A record of this author is not in force here any more.
    fn goes(&mut self, frame: &Frame, of: RecordId, author: usize, why: Why) {
        let known = self.model.records.get(&of);
        if known.is_none_or(|known| known.author != author) {
            return;
        }
        let gone = Gone {
            moment: frame.moment,
            at: frame.at,
            why,
        };
        let entry = self.gone.entry(of).or_insert(gone);
        if entry.why != Why::Retracted && why != Why::Amended {
            entry.why = why;
        }
    }

    /// No frame has a word of what is sealed.
    fn look_for_sealed(&mut self, frame: &Frame, peer: usize) {
        let records = self.model.plan.records.iter().enumerate();
        for (n, record) in records.filter(|(_, record)| record.traits.sealed) {
            if stands_in(&frame.body, record.marker.as_bytes()) {
                let us = self.us;
                let says = format!("words of r{n}, which is sealed, between n{us} and n{peer}");
                self.note(Gate::Stray, says);
            }
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
