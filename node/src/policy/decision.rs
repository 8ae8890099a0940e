//! What policy answers.

use std::fmt;

use serde::Serialize;

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Send it to the peer.
    Share,
    /// Take it in from the peer.
    Accept,
    /// Keep parcels for the peer.
    Carry,
    /// Answer the peer's hit/no-hit query from it.
    Match,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Share, Self::Accept, Self::Carry, Self::Match];

    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Accept => "accept",
            Self::Carry => "carry",
            Self::Match => "match",
        }
    }

    pub(super) const fn index(self) -> u64 {
        match self {
            Self::Share => 0,
            Self::Accept => 1,
            Self::Carry => 2,
            Self::Match => 3,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A statement of the active set: what `why` quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StatementRef {
    /// Its `@id`.
    pub id: String,
    /// Its `@says`: a sentence in its author's words.
    pub says: String,
    /// The file that it stands in.
    pub file: String,
    /// The line where it begins, counted from 1.
    pub line: u32,
}

/// Whether, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Decision {
    /// Whether the action may go on.
    pub allow: bool,
    /// The statements that decided, in the order of their ids: permits if allowed, forbids if
    /// not; none if nothing permits.
    pub statements: Vec<StatementRef>,
    /// No statement spoke about it: denied because nothing allows it.
    pub default_deny: bool,
    /// What failed while deciding. Not empty means denied, whatever the statements say.
    pub errors: Vec<String>,
}

impl Decision {
    /// Denied because the question itself could not be put.
    pub(super) fn failed(error: String) -> Self {
        Self {
            allow: false,
            statements: Vec::new(),
            default_deny: false,
            errors: vec![error],
        }
    }

    /// One sentence or more for an officer.
    pub fn in_words(&self, action: Action) -> String {
        if !self.errors.is_empty() {
            return format!(
                "Refused, because the policy could not be evaluated: {}. Correct it and run 'liaison policy apply'.",
                self.errors.join("; ")
            );
        }
        if self.default_deny {
            let doing = match action {
                Action::Share => {
                    "sharing it with this peer; the policy's default is to share nothing"
                }
                Action::Accept => {
                    "taking it in from this peer; the policy's default is to accept nothing"
                }
                Action::Carry => {
                    "carrying parcels for this peer; the policy's default is to carry nothing"
                }
                Action::Match => {
                    "answering this peer's query; the policy's default is to answer nothing"
                }
            };
            return format!("No statement allows {doing}.");
        }
        let verb = if self.allow { "Allowed" } else { "Forbidden" };
        let quotes: Vec<String> = self
            .statements
            .iter()
            .map(|s| {
                format!(
                    "{verb} by '{}' ({}, line {}): {}",
                    s.id, s.file, s.line, s.says
                )
            })
            .collect();
        quotes.join("\n")
    }
}
