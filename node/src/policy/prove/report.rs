//! What was found of each invariant.

use serde::Serialize;

use super::super::decision::StatementRef;
use super::case::Case;

/// One invariant and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The invariant's name.
    pub id: String,
    /// Its sentence.
    pub says: String,
    /// Who asks for it.
    pub origin: Origin,
    /// How it was looked at.
    pub part: Part,
    /// What was found.
    pub verdict: Verdict,
}

impl Finding {
    /// Whether it may be relied on.
    pub fn is_proven(&self) -> bool {
        matches!(self.verdict, Verdict::Proven)
    }
}

/// Who asks for an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// This program, of every policy.
    BuiltIn,
    /// The rules of circles in `entities.json`.
    Circles,
    /// The agency, in `policy/invariants`.
    Agency,
}

impl Origin {
    /// As a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Circles => "circles",
            Self::Agency => "own",
        }
    }
}

/// How an invariant was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// By the solver: for all agencies, circles and records.
    Symbolic,
    /// By trying: the agencies and circles as they are, times classes of records.
    Concrete,
}

impl Part {
    /// As a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Symbolic => "symbolic",
            Self::Concrete => "concrete",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// No case breaks it.
    Proven,
    /// A case breaks it.
    Refuted {
        /// The case; none where the fault is not of a record (a member of the wrong circle).
        case: Option<Box<Case>>,
        /// The case in words, a sentence or two.
        words: String,
        /// The statements that let it through.
        statements: Vec<StatementRef>,
        /// The real engine was asked and does allow it. If not, solver and engine disagree:
        /// the invariant counts as broken all the same.
        confirmed: bool,
    },
    /// Neither: it counts as broken.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// As a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Refuted {
                confirmed: true, ..
            } => "refuted",
            Self::Refuted { .. } => "unconfirmed",
            Self::Unknown { .. } => "unknown",
        }
    }
}
