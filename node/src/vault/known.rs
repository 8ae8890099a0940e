//! What is kept in memory of each sealed record that opens: codes, no text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::personal::Inside;
use liaison_protocol::record::codes::{Country2, PersonalKind, ReferralPart};

use crate::policy::{Attributes, ClassId};
use crate::share::Class;

/// What both gates need of a sealed record, and what finds its thread.
#[derive(Clone, PartialEq, Eq)]
pub struct Gist {
    /// Who sealed it.
    pub author: AgencyId,
    /// The thread that it belongs to; the record itself where it begins one.
    pub thread: RecordId,
    /// To whom it is sealed.
    pub recipients: BTreeSet<AgencyId>,
    /// What it is.
    pub kind: PersonalKind,
    /// Which part of a referral.
    pub part: Option<ReferralPart>,
    /// Countries whose authorities may never get it.
    pub exclude: BTreeSet<Country2>,
    /// What policy sees of it, and its number in this process.
    pub(crate) class: Arc<Class>,
    pub(crate) class_id: ClassId,
}

impl std::fmt::Debug for Gist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gist").finish_non_exhaustive()
    }
}

/// What happened to a sealed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It came in, or was made, and opens.
    Opened(RecordId),
    /// Its key was destroyed.
    Gone(RecordId),
}

impl Change {
    /// The record.
    pub const fn id(&self) -> &RecordId {
        match self {
            Change::Opened(id) | Change::Gone(id) => id,
        }
    }
}

/// The records, and in which order they changed.
#[derive(Default)]
pub(super) struct Known {
    /// About to be committed: the gates may be asked about one before whoever committed it
    /// comes to say so.
    coming: HashMap<RecordId, Arc<Gist>>,
    by_id: HashMap<RecordId, (u64, Option<Arc<Gist>>)>,
    by_number: BTreeMap<u64, RecordId>,
    last: u64,
    classes: Classes,
}

impl Known {
    pub(super) fn gist(&self, id: &RecordId) -> Option<Arc<Gist>> {
        let known = self.by_id.get(id).and_then(|(_, gist)| gist.clone());
        known.or_else(|| self.coming.get(id).cloned())
    }

    /// A record is about to be committed.
    pub(super) fn expect(&mut self, id: RecordId, of: Of<'_>) {
        if self.gist(&id).is_none() {
            let gist = self.gist_of(of);
            self.coming.insert(id, gist);
        }
    }

    /// It was committed. Whether anything changed.
    pub(super) fn open(&mut self, id: &RecordId) -> bool {
        let Some(gist) = self.coming.remove(id) else {
            return false;
        };
        self.set(*id, Some(gist));
        true
    }

    fn gist_of(&mut self, of: Of<'_>) -> Arc<Gist> {
        let (class_id, class) = self.classes.enter(of.attributes);
        Arc::new(Gist {
            author: of.author,
            thread: of.thread,
            recipients: of.recipients.clone(),
            kind: of.inside.kind(),
            part: of.inside.part(),
            exclude: of.inside.exclude.clone(),
            class,
            class_id,
        })
    }

    /// Whether anything changed.
    pub(super) fn forget(&mut self, id: &RecordId) -> bool {
        let Some(gist) = self.gist(id) else {
            return false;
        };
        self.classes.leave(gist.class.as_ref());
        if self.coming.remove(id).is_some() {
            return false;
        }
        self.set(*id, None);
        true
    }

    fn set(&mut self, id: RecordId, gist: Option<Arc<Gist>>) {
        self.last += 1;
        if let Some((before, _)) = self.by_id.insert(id, (self.last, gist)) {
            self.by_number.remove(&before);
        }
        self.by_number.insert(self.last, id);
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// The changes after a number, each with its own; of a record only its last.
    pub(super) fn after(&self, number: u64, limit: usize) -> Vec<(u64, Change)> {
        let later = self.by_number.range(number.saturating_add(1)..);
        later
            .take(limit)
            .map(|(number, id)| {
                let open = self.by_id.get(id).is_some_and(|(_, gist)| gist.is_some());
                let change = match open {
                    true => Change::Opened(*id),
                    false => Change::Gone(*id),
                };
                (*number, change)
            })
            .collect()
    }

    pub(super) fn opened(&self) -> impl Iterator<Item = (&RecordId, &Arc<Gist>)> {
        let all = self.by_id.iter();
        all.filter_map(|(id, (_, gist))| Some((id, gist.as_ref()?)))
    }
}

/// What a gist is made of.
pub(super) struct Of<'a> {
    pub author: AgencyId,
    pub thread: RecordId,
    pub recipients: &'a BTreeSet<AgencyId>,
    pub inside: &'a Inside,
    pub attributes: Attributes,
}

/// The classes of sealed records. Those of the store are on the disk; these may not be there.
#[derive(Default)]
struct Classes {
    /// With how many records there are of each.
    by_look: HashMap<Attributes, (ClassId, Arc<Class>, usize)>,
    last: u32,
}

/// Above all numbers that the store gives: what was decided of one class is never taken for
/// another's.
const FIRST: u32 = 0x8000_0000;

impl Classes {
    fn enter(&mut self, attributes: Attributes) -> (ClassId, Arc<Class>) {
        if let Some((id, class, count)) = self.by_look.get_mut(&attributes) {
            *count += 1;
            return (*id, class.clone());
        }
        // A number is not used twice; two thousand million classes are not met by one process.
        let id = ClassId(FIRST | self.last);
        self.last = self.last.saturating_add(1);
        let class = Arc::new(crate::share::class_of(attributes.clone()));
        self.by_look.insert(attributes, (id, class.clone(), 1));
        (id, class)
    }

    fn leave(&mut self, class: &Class) {
        let Some((attributes, _)) = class else { return };
        if let Some((_, _, count)) = self.by_look.get_mut(attributes) {
            *count -= 1;
            if *count == 0 {
                self.by_look.remove(attributes);
            }
        }
    }
}
