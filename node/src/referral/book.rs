//! The referrals in memory: threads, and what came before its profile.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::Party;
use liaison_protocol::personal::Step;
use liaison_protocol::record::codes::ReferralPart;

use super::thread::Thread;
use super::timers::Marks;

/// All that is known of all referrals.
#[derive(Default)]
pub(super) struct Book {
    pub threads: BTreeMap<RecordId, Thread>,
    /// What belongs to a thread whose profile is not here.
    pub orphans: BTreeMap<RecordId, BTreeMap<RecordId, Piece>>,
    /// Notices that an agency is late: ours to hubs, and those to us.
    pub overdue: BTreeMap<RecordId, Notice>,
    /// Which thread a record belongs to.
    of: HashMap<RecordId, RecordId>,
    /// The deadlines that fired.
    pub marks: Marks,
    /// How many of them since the start.
    pub fired: u64,
    /// Threads to be looked at.
    pub dirty: BTreeSet<RecordId>,
    /// Threads with steps that are not folded yet.
    unfolded: BTreeSet<RecordId>,
    /// Whether what was here at the start is in it.
    pub filled: bool,
    /// The last change of the vault that was taken up.
    pub taken: u64,
}

/// A record of a thread, beside its profile.
#[derive(Clone)]
pub(super) struct Piece {
    pub author: AgencyId,
    pub at: Millis,
    pub what: What,
    /// Whether it is our own and the other agency may not have it yet.
    pub on_the_way: bool,
}

/// What such a record is.
#[derive(Clone)]
pub(super) enum What {
    Step(Step),
    Part(ReferralPart),
}

/// An agency is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who says so.
    pub by: AgencyId,
    /// The thread.
    pub thread: RecordId,
    /// Who is late.
    pub silent: AgencyId,
    /// Since when it is said.
    pub at: Millis,
}

/// What a sealed record turned out to be.
pub(super) enum Seen {
    Profile(Box<Thread>),
    Piece(RecordId, Piece),
    Overdue(Notice),
}

impl Seen {
    /// Whether somebody else wrote it.
    pub fn is_of_others(&self, own: &AgencyId) -> bool {
        match self {
            Seen::Profile(thread) => thread.role == Party::Provider,
            Seen::Piece(_, piece) => piece.author != *own,
            Seen::Overdue(notice) => notice.by != *own,
        }
    }
}

impl Book {
    /// Takes up a record.
    pub fn take(&mut self, id: RecordId, seen: Seen) {
        match seen {
            Seen::Profile(thread) => {
                if self.threads.contains_key(&id) {
                    return;
                }
                self.of.insert(id, id);
                self.dirty.insert(id);
                self.threads.insert(id, *thread);
                for (piece, what) in self.orphans.remove(&id).unwrap_or_default() {
                    self.put(id, piece, what);
                }
            }
            Seen::Piece(thread, piece) => {
                self.of.insert(id, thread);
                self.dirty.insert(thread);
                match self.threads.contains_key(&thread) {
                    true => self.put(thread, id, piece),
                    false => {
                        self.orphans.entry(thread).or_default().insert(id, piece);
                    }
                }
            }
            Seen::Overdue(notice) => {
                self.overdue.insert(id, notice);
            }
        }
    }

    fn put(&mut self, thread: RecordId, id: RecordId, piece: Piece) {
        let Some(thread) = self.threads.get_mut(&thread) else {
            return;
        };
        let ours = piece.on_the_way;
        let by = match piece.author {
            author if author == thread.peer => thread.role.other(),
            author if author == thread.own => thread.role,
            // Who else knows the thread's id (a hub is told it) has no word in it.
            _ => return,
        };
        match piece.what {
            What::Step(step) if by != thread.role && thread.is_full_of(by, &step) => {}
            What::Step(step) => {
                thread.add(id, by, piece.at, step);
                self.unfolded.insert(thread.id);
            }
            // Only the originator says who it is about.
            What::Part(part) if by == Party::Originator => thread.add_part(id, part),
            What::Part(_) => {}
        }
        if ours {
            thread.on_the_way.insert(id);
        }
    }

    /// Folds the threads that have new steps: once for all of them, since a peer may bring many.
    pub fn fold(&mut self) {
        for id in std::mem::take(&mut self.unfolded) {
            if let Some(thread) = self.threads.get_mut(&id) {
                thread.refold();
            }
        }
    }

    /// A record is gone. What is left of a thread without its profile waits for it, or is taken
    /// back as well.
    pub fn gone(&mut self, id: &RecordId) {
        self.overdue.remove(id);
        let Some(thread) = self.of.remove(id) else {
            return;
        };
        self.dirty.insert(thread);
        if thread == *id {
            if let Some(ended) = self.threads.remove(id) {
                let left = ended.into_pieces();
                if !left.is_empty() {
                    self.orphans.entry(thread).or_default().extend(left);
                }
            }
            return;
        }
        if let Some(thread) = self.threads.get_mut(&thread)
            && thread.remove(id)
        {
            self.unfolded.insert(thread.id);
        }
        if let Some(left) = self.orphans.get_mut(&thread) {
            left.remove(id);
            if left.is_empty() {
                self.orphans.remove(&thread);
            }
        }
    }
}
