//! The referrals in memory: threads, and what came before its profile.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::Party;
use liaison_protocol::personal::Step;
use liaison_protocol::record::codes::ReferralPart;

use super::inbox::Prompt;
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
    /// Records that could not be looked at; what is known of them stands until they can.
    unclear: BTreeSet<RecordId>,
    /// Threads of ours that end with their candidate, and why nobody else is asked.
    pub stuck: BTreeMap<RecordId, Prompt>,
    /// When it was last looked what is kept too long.
    pub kept_at: Option<Millis>,
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

/// What came of looking at a record.
pub(super) enum Looked {
    /// What it is.
    Is(Seen),
    /// Nothing that belongs to referrals, or it is gone.
    Nothing,
    /// The disk gave no answer: it may be there still.
    Unclear,
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
    /// Takes up what came of looking at a record.
    pub fn looked(&mut self, id: RecordId, looked: Looked) {
        self.unclear.remove(&id);
        match looked {
            Looked::Is(seen) => self.take(id, seen),
            Looked::Nothing => self.gone(&id),
            Looked::Unclear => {
                self.unclear.insert(id);
            }
        }
    }

    /// Whether something has to be looked at again.
    pub fn is_unclear(&self) -> bool {
        !self.unclear.is_empty()
    }

    /// What has to be looked at again; it stays until [`Self::looked`] has it, so that a look
    /// that is cut short loses nothing.
    pub fn again(&self) -> BTreeSet<RecordId> {
        self.unclear.clone()
    }

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
        self.stuck.remove(id);
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

#[cfg(test)]
mod tests {
    use liaison_protocol::limits::THREAD_STEPS;
    use liaison_protocol::personal::template::referral_toml;
    use liaison_protocol::personal::{Action, ReferralDraft};
    use liaison_protocol::record::codes::{Urgency, WithdrawalReason};
    use liaison_protocol::record::date::Date;

    use super::*;

    const OWN: AgencyId = AgencyId::from_bytes([1; 32]);
    const PEER: AgencyId = AgencyId::from_bytes([2; 32]);

    fn id(n: u64) -> RecordId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        RecordId::from_bytes(bytes)
    }

    fn thread() -> RecordId {
        id(0)
    }

    /// A referral of ours to a peer.
    fn book() -> Book {
        let day = Date::new(2031, 3, 14).expect("a day");
        let (draft, _) = ReferralDraft::from_toml(&referral_toml(day)).expect("the template");
        let moments = (Millis(1), Millis(1));
        let thread = Thread::new(
            thread(),
            Party::Originator,
            (OWN, PEER),
            moments,
            &draft.profile,
        );
        let mut book = Book::default();
        book.looked(thread.id, Looked::Is(Seen::Profile(Box::new(thread))));
        book
    }

    fn step(author: AgencyId, action: Action) -> Looked {
        let step = Step {
            on: thread(),
            seen: BTreeSet::new(),
            action,
            note: None,
        };
        let piece = Piece {
            author,
            at: Millis(2),
            what: What::Step(step),
            on_the_way: false,
        };
        Looked::Is(Seen::Piece(thread(), piece))
    }

    #[test]
    fn a_peer_fills_a_thread_to_its_bound_and_no_further_and_can_withdraw_all_the_same() {
        let mut book = book();
        let most = THREAD_STEPS as u64;
        for n in 1..=most + 100 {
            book.looked(id(n), step(PEER, Action::Acknowledged));
        }
        let held = |book: &Book| book.threads[&thread()].steps().len() as u64;
        assert_eq!(held(&book), most);
        // What it sent takes no room from us.
        let urgent = Action::Reclassified {
            urgency: Urgency::Critical,
        };
        book.looked(id(5_000), step(OWN, urgent));
        assert_eq!(held(&book), most + 1);
        let withdrawn = || Action::Withdrawn {
            reason: WithdrawalReason::ConsentWithdrawn,
        };
        for n in 1..=2 * most {
            book.looked(id(10_000 + n), step(PEER, withdrawn()));
        }
        assert_eq!(held(&book), 2 * most + 1);
        book.fold();
        let state = book.threads[&thread()].state();
        assert_eq!(state, liaison_protocol::lifecycle::State::Withdrawn);
    }

    #[test]
    fn what_the_disk_does_not_tell_is_not_gone_and_is_looked_at_again() {
        let mut book = book();
        book.looked(thread(), Looked::Unclear);
        assert!(book.threads.contains_key(&thread()) && book.is_unclear());
        assert_eq!(book.again(), BTreeSet::from([thread()]));
        assert!(book.is_unclear(), "a look that is cut short loses nothing");
        book.looked(thread(), Looked::Nothing);
        assert!(!book.is_unclear());
        assert!(book.threads.is_empty());
    }
}
