//! The reference model: the rules of the specification, written anew. Nothing here uses the
//! node's policy engine, its share or ingest, or the protocol's handling table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use liaison_protocol::id::{AgencyId, RecordId};

use super::plan::{Plan, pair};
use super::policy::{Facts, Policy, country_of};
use super::record::{Onward, Traits};

/// What a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// It went to one who is no peer.
    Link,
    /// It was retracted or amended.
    InForce,
    /// Control traffic that nobody owed.
    Owed,
    /// Its author's handling forbids it.
    Handling,
    /// It went to one whom the sender revoked, or came from it.
    Revoked,
    /// A ceiling of the sender keeps it from there.
    Ceiling,
    /// A copy was called back, and nobody said so.
    Recall,
    /// The receiver is not on its distribution list.
    Audience,
    /// It is sealed, and went to one whom it does not name, or from another than its author.
    Seal,
    /// The sender's policy forbids it.
    Policy,
    /// A session went on under an old policy.
    Epoch,
    /// Its courier was not allowed to pass it on, and it was taken in all the same.
    Courier,
    /// The receiver's policy forbids taking it in.
    Accept,
    /// The receiver does not know its author.
    Author,
    /// It was taken in although it had been retracted there, or taken back.
    Returned,
    /// A node holds it, and nothing on the wire says how it came there.
    NeverReleased,
    /// A record that was retracted or called back is still held where that had to come.
    NotErased,
    /// A record did not come where the gates in force let it.
    Starved,
    /// An id or text where none belongs.
    Stray,
}

/// What stood between one change of a node's gates and the next.
#[derive(Clone, Debug)]
pub struct Version {
    /// When the change began that made it.
    pub begin: u64,
    /// When that change was done.
    pub done: Instant,
    /// The node's policy epoch when it was done.
    pub epoch: u64,
    /// The policy.
    pub policy: Policy,
    /// The peers, with the circles that they were put into.
    pub peers: BTreeMap<usize, BTreeSet<usize>>,
    /// Who is a peer, or was: their names mean them as authors.
    pub named: BTreeSet<usize>,
    /// Whom it revoked and did not link again.
    pub revoked: BTreeSet<usize>,
    /// Whether it came with a backup: its epochs begin anew.
    pub restored: bool,
}

/// A node that came back from a backup.
#[derive(Clone, Copy, Debug)]
pub struct Restored {
    /// The node.
    pub node: usize,
    /// When its home was lost.
    pub moment: u64,
    /// When the backup was made.
    pub backup: u64,
    /// When somebody decided to wait for nobody any more.
    pub released: Option<u64>,
}

/// A copy that a node called back.
#[derive(Clone, Copy, Debug)]
pub struct Recalled {
    /// When that began.
    pub moment: u64,
    /// Who had released it.
    pub by: usize,
    /// Who has it.
    pub from: usize,
    /// The record.
    pub of: RecordId,
}

/// What a record is.
#[derive(Clone, Debug)]
pub enum What {
    /// One of the drawn ones, with its distribution list.
    Drawn(usize, Option<BTreeSet<usize>>),
    /// An agency's card.
    Card,
    /// An agency's keys statement.
    Keys,
    /// A retraction of another one.
    Retract(RecordId),
    /// Leave to pass a record on.
    Permit {
        /// The record.
        of: RecordId,
        /// To whom.
        to: BTreeSet<usize>,
    },
    /// A copy is called back.
    Recall {
        /// The record.
        of: RecordId,
        /// From whom; none: from nobody of this federation.
        from: Option<usize>,
    },
    /// Another control record, about these.
    Control(Vec<RecordId>),
}

/// A record and its author.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who signed it.
    pub author: usize,
    /// What it is.
    pub what: What,
    /// What it replaces.
    pub supersedes: Option<RecordId>,
}

/// The federation as the rules see it.
pub struct Model<'a> {
    /// What was drawn.
    pub plan: &'a Plan,
    /// The agencies of the nodes.
    pub agencies: Vec<AgencyId>,
    /// Each node's gates, in the order of their changes.
    pub versions: Vec<Vec<Version>>,
    /// Every record that there is.
    pub records: BTreeMap<RecordId, Known>,
    /// The ids of the drawn ones.
    pub ids: Vec<Option<RecordId>>,
    /// The ids of the permits.
    pub permits: Vec<Option<RecordId>>,
    /// Copies that were called back.
    pub recalled: Vec<Recalled>,
    /// Nodes that called back all that a peer had of them.
    pub recalled_all: BTreeSet<(usize, usize)>,
    /// When everything had come to rest.
    pub rests: Vec<u64>,
    /// When its author withdrew or replaced a record.
    pub withdrawn: BTreeMap<RecordId, (u64, Instant)>,
    /// Nodes that came back from a backup.
    pub restored: Vec<Restored>,
    /// Records that their author lost so, and with them who may have them.
    pub undecided: BTreeSet<RecordId>,
    /// Sealed records of which their author lost the key.
    pub closed: BTreeSet<RecordId>,
    /// Lines that were cut and not mended.
    pub cut: BTreeSet<(usize, usize)>,
}

impl<'a> Model<'a> {
    /// Nothing has happened yet.
    pub fn new(plan: &'a Plan, agencies: Vec<AgencyId>) -> Self {
        Self {
            plan,
            versions: vec![Vec::new(); agencies.len()],
            agencies,
            records: BTreeMap::new(),
            ids: vec![None; plan.records.len()],
            permits: vec![None; plan.permits],
            recalled: Vec::new(),
            recalled_all: BTreeSet::new(),
            rests: Vec::new(),
            withdrawn: BTreeMap::new(),
            restored: Vec::new(),
            undecided: BTreeSet::new(),
            closed: BTreeSet::new(),
            cut: BTreeSet::new(),
        }
    }

    /// The number of an agency's node.
    pub fn node(&self, agency: &AgencyId) -> Option<usize> {
        self.agencies.iter().position(|a| a == agency)
    }

    /// Whether a node came back from a backup of before a moment, after it: it lost what it did
    /// then.
    pub fn is_lost(&self, node: usize, moment: u64) -> bool {
        self.is_lost_by(node, moment, u64::MAX)
    }

    /// Whether it had lost by a later moment what it did at a moment.
    fn is_lost_by(&self, node: usize, moment: u64, later: u64) -> bool {
        let lives = self.restored.iter().filter(|r| r.node == node);
        lives
            .filter(|r| r.moment <= later)
            .any(|r| r.backup < moment && moment < r.moment)
    }

    /// Which version of a node's gates an epoch and a moment belong to.
    pub fn version_at(&self, node: usize, epoch: Option<u64>, moment: u64) -> usize {
        let begun = self.versions[node].partition_point(|v| v.begin <= moment);
        let last = begun.saturating_sub(1);
        let Some(epoch) = epoch else { return last };
        let of = &self.versions[node];
        let life = (0..begun).rev().find(|k| of[*k].restored).unwrap_or(0);
        let mut at = (life..begun)
            .find(|k| of[*k].epoch >= epoch)
            .unwrap_or(last);
        // A change that moved no epoch holds from when it began.
        while at < last && of[at + 1].epoch == of[at].epoch {
            at += 1;
        }
        at
    }

    /// The permits of its author that let a record go to a node.
    pub fn permits_of(&self, of: &RecordId, to: usize) -> impl Iterator<Item = RecordId> {
        let author = self.records.get(of).map(|known| known.author);
        self.permits
            .iter()
            .flatten()
            .copied()
            .filter(move |permit| {
                let Some(permit) = self.records.get(permit) else {
                    return false;
                };
                let names = matches!(&permit.what, What::Permit { of: what, to: names }
                if what == of && names.contains(&to));
                names && Some(permit.author) == author
            })
    }

    /// May a node give a record to another one, by the gates of one of these versions? The
    /// gate that says no, if not. What is gone is not asked here. `permitted`: by a permit that
    /// both have.
    pub fn release(
        &self,
        from: usize,
        to: usize,
        known: &Known,
        versions: &[Version],
        permitted: bool,
    ) -> Result<(), Gate> {
        let card;
        let (traits, list) = match &known.what {
            What::Keys | What::Card if known.author == from => return Ok(()),
            What::Keys => return Err(Gate::Owed),
            // Who is owed one is told by what crossed the wire.
            What::Retract(_) | What::Control(_) | What::Permit { .. } | What::Recall { .. } => {
                return Ok(());
            }
            What::Card => {
                card = card_traits(known.author);
                (&card, None)
            }
            What::Drawn(number, list) => (&self.plan.records[*number].traits, list.as_ref()),
        };
        let list = list.filter(|_| known.author == from);
        let addressed = list.is_some_and(|l| l.contains(&to));
        let roles = Roles {
            author: known.author,
            from,
            to,
        };
        if traits.sealed && (from != known.author || !addressed) {
            return Err(Gate::Seal);
        }
        if !handling(traits, roles, addressed, permitted) {
            return Err(Gate::Handling);
        }
        if list.is_some() && !addressed {
            return Err(Gate::Audience);
        }
        let mut gate = Gate::Policy;
        for version in versions.iter().filter(|v| v.peers.contains_key(&to)) {
            let facts = Facts {
                traits,
                author: known.author,
                us: from,
                peer: to,
                peers: &version.peers,
                named: &version.named,
                addressed,
            };
            if version.policy.allows(true, &facts) {
                if !version.policy.withholds(&facts) {
                    return Ok(());
                }
                gate = Gate::Ceiling;
            }
        }
        Err(gate)
    }

    /// May a node take in a record that a courier brings? `permitted`: by a permit that it has.
    pub fn accept(
        &self,
        at: usize,
        courier: usize,
        known: &Known,
        versions: &[Version],
        permitted: bool,
    ) -> Result<(), Gate> {
        let latest = versions.last().map_or(0, |v| v.begin);
        if !self.knows(at, known.author, latest) {
            return Err(Gate::Author);
        }
        let card;
        let names = |node| match &known.what {
            What::Drawn(_, Some(list)) => list.contains(&node),
            _ => false,
        };
        let sealed = self.is_sealed(known);
        if sealed && (courier != known.author || !names(at)) {
            return Err(Gate::Seal);
        }
        let traits = match &known.what {
            What::Retract(_) | What::Control(_) | What::Permit { .. } | What::Recall { .. } => {
                return Ok(());
            }
            // What an agency lost, a peer that had it from it gives back.
            _ if known.author == at => return Ok(()),
            What::Keys | What::Card if known.author == courier => return Ok(()),
            What::Keys => return Err(Gate::Courier),
            What::Card => {
                card = card_traits(known.author);
                &card
            }
            What::Drawn(number, _) => &self.plan.records[*number].traits,
        };
        // What its author sends, it may send: whom it names is its own business.
        let roles = Roles {
            author: known.author,
            from: courier,
            to: at,
        };
        if courier != known.author && !handling(traits, roles, false, permitted) {
            return Err(Gate::Courier);
        }
        let open = versions.iter().any(|v| {
            v.peers.contains_key(&courier)
                && v.policy.allows(
                    false,
                    &Facts {
                        traits,
                        author: known.author,
                        us: at,
                        peer: courier,
                        peers: &v.peers,
                        named: &v.named,
                        addressed: sealed,
                    },
                )
        });
        if open { Ok(()) } else { Err(Gate::Accept) }
    }

    /// Whether a record is sealed.
    pub fn is_sealed(&self, known: &Known) -> bool {
        matches!(&known.what, What::Drawn(number, _) if self.plan.records[*number].traits.sealed)
    }

    /// Whether a node had been given an agency's card by a person by a moment, and not lost it
    /// since.
    fn knows(&self, node: usize, author: usize, moment: u64) -> bool {
        let given = |v: &&Version| v.peers.contains_key(&author) && v.begin <= moment;
        let mut given = self.versions[node].iter().filter(given);
        node == author || given.any(|v| !self.is_lost_by(node, v.begin, moment))
    }

    /// A node's gates as they are now.
    pub fn now(&self, node: usize) -> &[Version] {
        let all = &self.versions[node];
        &all[all.len().saturating_sub(1)..]
    }

    /// Whether two nodes are each other's peers and nobody cut their line.
    pub fn is_linked(&self, a: usize, b: usize) -> bool {
        let has = |x: usize, y: usize| self.now(x).iter().any(|v| v.peers.contains_key(&y));
        a != b && has(a, b) && has(b, a) && !self.cut.contains(&pair(a, b))
    }
}

/// Who is who when a record goes from one node to another.
#[derive(Clone, Copy)]
struct Roles {
    author: usize,
    from: usize,
    to: usize,
}

/// The author's word, from SPEC.md: what a holder may do with a record of the strategic plane.
fn handling(traits: &Traits, roles: Roles, addressed: bool, permitted: bool) -> bool {
    const AMBER: usize = 2;
    const AMBER_STRICT: usize = 3;
    const RED: usize = 4;
    let Roles { author, from, to } = roles;
    if from == author {
        return traits.tlp != RED || addressed;
    }
    if to == author {
        return true;
    }
    let by_tlp = match traits.tlp {
        RED | AMBER_STRICT => 1,
        AMBER => 2,
        _ => 3,
    };
    let ceiling = if traits.codes.contains("H2") {
        1
    } else {
        by_tlp
    };
    match &traits.onward {
        Onward::None => false,
        Onward::Ask => permitted,
        // A named agency may not pass it on.
        Onward::To(names) => {
            permitted || (ceiling >= 2 && names.contains(&to) && !names.contains(&from))
        }
        // Cut to `to`, it names nobody.
        Onward::Community => permitted || ceiling >= 3,
    }
}

fn card_traits(author: usize) -> Traits {
    Traits {
        kind: "contact",
        tlp: 1,
        onward: Onward::Community,
        codes: BTreeSet::new(),
        class: "none",
        tags: [format!("country:{}", country_of(author))].into(),
        sealed: false,
    }
}
