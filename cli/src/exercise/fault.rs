//! What is wrong with a scenario, where, and what to write instead.

use std::fmt;

use serde::Serialize;

use crate::limits::SCENARIO_FAULTS;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line, from 1; none: of the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is wrong.
    pub says: String,
    /// What to write.
    pub remedy: String,
}

/// All that is wrong with a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// The first of them, in the order of the file.
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more: usize,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, line: Option<usize>, says: impl Into<String>, remedy: impl Into<String>) {
        if self.faults.len() >= SCENARIO_FAULTS {
            self.more = self.more.saturating_add(1);
            return;
        }
        self.faults.push(Fault {
            line,
            says: says.into(),
            remedy: remedy.into(),
        });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Itself, the first lines first.
    pub fn sorted(mut self) -> Self {
        self.faults.sort_by_key(|fault| fault.line);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}. {}", self.says, self.remedy)
    }
}
