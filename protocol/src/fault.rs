//! Who is at fault, and what a record is answered with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// At whose door a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The agency that signed the record.
    Author,
    /// The peer that sent it.
    Courier,
    /// This node: its disk, clock, configuration or officer.
    Local,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Blame::Author => "author",
            Blame::Courier => "courier",
            Blame::Local => "local",
        })
    }
}

/// What a node answers to a record that it was sent: the whole of what the sender learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// On disk, or was there already.
    Stored,
    /// Never: the reason is final.
    Refused(Refused),
    /// Not now: offer it again.
    Later(Later),
}

/// Why a record is refused for good; coarse on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// Not a record: not deterministic CBOR, not COSE_Sign1, unknown field or code, too large.
    Form,
    /// The signature does not verify under a key that its author may sign with.
    Signature,
    /// Its author's handling did not let the courier pass it on to us.
    Handling,
    /// Our accept policy does not want it.
    Policy,
    /// It was retracted.
    Retracted,
    /// It is past its expiry.
    Expired,
    /// It amends or retracts what its author may not.
    NotTheAuthor,
    /// An exercise record offered to a live store, or the reverse.
    Exercise,
}

/// Why a record may be taken later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Later {
    /// Its time lies ahead of our clock.
    Clock,
    /// The courier has used up its share for now.
    Quota,
    /// We have no card of its author.
    UnknownAuthor,
    /// Its schema is newer than this node.
    Schema,
    /// The key to it did not arrive.
    NoKey,
    /// Our disk is full or failing.
    Disk,
}

impl Refused {
    /// All reasons, for tables and metrics.
    pub const ALL: [Refused; 8] = [
        Refused::Form,
        Refused::Signature,
        Refused::Handling,
        Refused::Policy,
        Refused::Retracted,
        Refused::Expired,
        Refused::NotTheAuthor,
        Refused::Exercise,
    ];

    /// The reason as it stands in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refused::Form => "form",
            Refused::Signature => "signature",
            Refused::Handling => "handling",
            Refused::Policy => "policy",
            Refused::Retracted => "retracted",
            Refused::Expired => "expired",
            Refused::NotTheAuthor => "not-the-author",
            Refused::Exercise => "exercise",
        }
    }
}

impl Later {
    /// All reasons, for tables and metrics.
    pub const ALL: [Later; 6] = [
        Later::Clock,
        Later::Quota,
        Later::UnknownAuthor,
        Later::Schema,
        Later::NoKey,
        Later::Disk,
    ];

    /// The reason as it stands in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Later::Clock => "clock",
            Later::Quota => "quota",
            Later::UnknownAuthor => "unknown-author",
            Later::Schema => "schema",
            Later::NoKey => "no-key",
            Later::Disk => "disk",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Stored => f.write_str("stored"),
            Answer::Refused(r) => write!(f, "refused: {}", r.as_str()),
            Answer::Later(l) => write!(f, "later: {}", l.as_str()),
        }
    }
}
