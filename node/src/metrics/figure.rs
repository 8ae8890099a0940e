//! One number of the node, and what it may say beside it.

use liaison_protocol::id::AgencyId;

/// A part of the node that has figures of its own, such as the mailbox of a hub:
/// [`super::Metrics::add`] puts them on the page.
pub trait Figures: Send + Sync + 'static {
    /// The figures as they are now. Asked for at each look: no walk over the store or a disk.
    fn figures(&self, page: &mut Vec<Figure>);
}

/// One number.
///
/// What stands beside it is a peer or a word of the program: the type has no room for a title,
/// an id, an officer or anything of a record, and there are as many figures as peers and words.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: Vec<Label>,
    pub(super) value: Value,
}

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// A peer, shown by its alias here.
    Peer(AgencyId),
    /// A key and a word, both of the program.
    Word(&'static str, &'static str),
}

/// A number, and whether it may fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// How it is now.
    Now(f64),
    /// How often since the start.
    Since(u64),
}

impl Figure {
    /// How something is now: it rises and falls. `name` begins with `liaison_` and ends with its
    /// unit (`_seconds`, `_bytes`) or the noun that is counted; `help` is a sentence.
    pub fn now(name: &'static str, help: &'static str, value: u64) -> Self {
        // Exact up to 2^53, which no count of a node comes near.
        Self::measured(name, help, value as f64)
    }

    /// The same for what is no count.
    pub fn measured(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: Value::Now(value),
        }
    }

    /// Whether something holds now: 1 or 0.
    pub fn holds(name: &'static str, help: &'static str, holds: bool) -> Self {
        Self::now(name, help, u64::from(holds))
    }

    /// How often something happened since the node started. The page adds `_total` to `name`.
    pub fn since(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            value: Value::Since(value),
        }
    }

    /// The same figure, of one peer.
    #[must_use]
    pub fn of(mut self, peer: AgencyId) -> Self {
        self.labels.push(Label::Peer(peer));
        self
    }

    /// The same figure, of one sort: `key` and `word` are of the program.
    #[must_use]
    pub fn is(mut self, key: &'static str, word: &'static str) -> Self {
        self.labels.push(Label::Word(key, word));
        self
    }
}
