//! What came of an exercise.

use serde::Serialize;

/// What came of an exercise.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every expectation held.
    pub ok: bool,
    /// Name of the exercise.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who took part, in the order of the table.
    pub agencies: Vec<String>,
    /// What happened.
    pub steps: Vec<StepReport>,
    /// Who has what.
    pub matrix: Vec<MatrixRow>,
    /// What was looked at when all was over.
    pub at_the_end: Vec<Check>,
    /// Expectations that were looked at.
    pub expectations: usize,
    /// What did not hold, in sentences.
    pub faults: Vec<String>,
}

/// What came of a step.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Its number, as people count.
    pub row: String,
    /// What happened.
    pub says: String,
    /// The agency that acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What was typed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What it printed.
    #[serde(skip)]
    pub printed: String,
    /// The record or referral that came of it, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name that the scenario gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<String>,
    /// Who must not have it, and does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has_not: Vec<String>,
    /// What was expected.
    pub checks: Vec<Check>,
}

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was expected, or how it is instead.
    pub says: String,
    /// Whether it held.
    pub ok: bool,
    /// Whether people are told only where it did not hold.
    #[serde(skip)]
    pub quiet: bool,
}

/// A line of the table: who has what came of one step.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    /// The step's number.
    pub row: String,
    /// What it is.
    pub what: String,
    /// Each agency's part, in the order of the agencies.
    pub cells: Vec<MatrixCell>,
}

/// What one agency has of it.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixCell {
    /// The agency.
    pub agency: String,
    /// What it has.
    pub state: CellState,
}

/// How an agency has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellState {
    /// It wrote it.
    Wrote,
    /// It wrote it, and it is erased now.
    WroteErased,
    /// It has it.
    Has,
    /// It had it, and it is erased now.
    Erased,
    /// It never had it.
    Never,
    /// Its own node refused to sign it.
    Refused,
    /// It must have it, and does not.
    Lacks,
    /// It must not have it, and does.
    Leaked,
}

impl StepReport {
    /// Whether all that was expected held.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

impl Check {
    /// What held.
    pub fn held(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            ok: true,
            quiet: false,
        }
    }

    /// What did not.
    pub fn failed(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            ok: false,
            quiet: false,
        }
    }

    /// The same, told only where it did not hold.
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The one or the other.
    pub fn of(ok: bool, held: impl Into<String>, failed: impl Into<String>) -> Self {
        if ok {
            Self::held(held)
        } else {
            Self::failed(failed)
        }
    }
}
