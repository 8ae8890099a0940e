//! What was done, in the words of Directive (EU) 2016/680, Article 25.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a line of the audit log tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Records came in, from a peer or a file.
    Collect,
    /// Records were written or amended.
    Alter,
    /// Records were shown to an officer.
    Consult,
    /// Records were released to a peer.
    Disclose,
    /// Records were counted, summed or grouped together.
    Combine,
    /// Records were taken back.
    Erase,
    /// The node, its policy, keys, peers or officers were changed.
    Administer,
    /// A user was turned away, or a role was lacking.
    TurnAway,
    /// The log itself: begun, sealed anew, signed.
    Log,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Collect,
        Self::Alter,
        Self::Consult,
        Self::Disclose,
        Self::Combine,
        Self::Erase,
        Self::Administer,
        Self::TurnAway,
        Self::Log,
    ];

    /// As it stands in the log and as people type it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Alter => "alter",
            Self::Consult => "consult",
            Self::Disclose => "disclose",
            Self::Combine => "combine",
            Self::Erase => "erase",
            Self::Administer => "administer",
            Self::TurnAway => "turn-away",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Act {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|act| act.as_str() == text)
            .ok_or(())
    }
}
