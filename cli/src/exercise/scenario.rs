//! A scenario that can be played: every name in it is known, every file was read.

use std::collections::BTreeSet;
use std::time::Duration;

use super::command::Command;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name of the exercise, which stands in every record.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is about.
    pub about: String,
    /// Words that may stand on no disk in clear.
    pub secrets: Vec<String>,
    /// Who takes part, in the order of the table.
    pub agencies: Vec<Agency>,
    /// Who is linked.
    pub links: Vec<(String, String)>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// An agency that takes part.
#[derive(Clone, Debug)]
pub struct Agency {
    /// What the others call it.
    pub name: String,
    /// What its card says.
    pub title: String,
    /// Its sector.
    pub sector: String,
    /// Its country.
    pub country: String,
    /// Its data-protection law.
    pub regime: String,
    /// Its policy: names and texts of the files.
    pub policy: Vec<(String, String)>,
    /// Whether it is a hub.
    pub hub: bool,
    /// The hubs that it uses.
    pub hubs: Vec<String>,
    /// Whether others can call it.
    pub address: bool,
}

/// Something that happens, and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number, as people count.
    pub row: String,
    /// What happens, in a sentence.
    pub says: String,
    /// What it is called in the table; none: it has no line there.
    pub what: Option<String>,
    /// What is done.
    pub act: Act,
    /// Name for what comes of it.
    pub label: Option<String>,
    /// What must come of it.
    pub expects: Vec<Expect>,
    /// How long that may take.
    pub within: Duration,
}

/// What is done in a step.
#[derive(Clone, Debug)]
pub enum Act {
    /// A command is run at an agency.
    Run {
        /// Where.
        at: String,
        /// The command.
        command: Command,
        /// Whether another officer of the agency runs it.
        second: bool,
        /// What it reads, as JSON, and under which name that is shown.
        draft: Option<(String, String)>,
    },
    /// Time passes, in milliseconds.
    Pass(u64),
    /// A node is stopped.
    Stop(String),
    /// A node is started again.
    Start(String),
    /// Waits until the provider after this referral's is asked.
    Next {
        /// Where the referral was made.
        at: String,
        /// The referral that came before.
        of: String,
    },
    /// Looks whether something that was on its way has arrived.
    Arrives {
        /// Who wrote it.
        at: String,
        /// What was on its way.
        of: String,
    },
}

/// Something that must be so after a step.
#[derive(Clone, Debug)]
pub enum Expect {
    /// The command is refused, with these words.
    Refused(Vec<String>),
    /// The command says that it did not arrive.
    Undelivered,
    /// What the command prints, and what it does not.
    Prints {
        /// Texts that stand in it.
        all: Vec<String>,
        /// Texts that do not.
        none: Vec<String>,
    },
    /// Who has what came of the step.
    Holds {
        /// These, and its author.
        must: BTreeSet<String>,
        /// Not these.
        must_not: BTreeSet<String>,
    },
    /// These have the card of the step's agency as it is now.
    Card(BTreeSet<String>),
    /// Something elsewhere.
    Then {
        /// Where.
        at: BTreeSet<String>,
        /// What.
        then: Then,
    },
}

/// What must be so at an agency.
#[derive(Clone, Debug)]
pub enum Then {
    /// A referral comes to stand so.
    Stands {
        /// The referral.
        of: String,
        /// Its state.
        state: String,
    },
    /// A referral stands so, and nothing moves it.
    Still {
        /// The referral.
        of: String,
        /// Its state.
        state: String,
    },
    /// These are all steps of a referral that are known, each once.
    Steps {
        /// The referral.
        of: String,
        /// Their names.
        steps: Vec<String>,
    },
    /// Nothing of a record, or of a referral, is left.
    Gone {
        /// The record or referral.
        of: String,
    },
    /// The agency's duty officer is told who is silent.
    Overdue {
        /// In which referral.
        of: String,
        /// Who.
        silent: String,
    },
    /// A look shows this.
    Shows {
        /// The look.
        command: Command,
        /// Texts that stand in it.
        all: Vec<String>,
        /// Texts that do not.
        none: Vec<String>,
    },
}

impl Scenario {
    /// An agency by its name.
    pub fn agency(&self, name: &str) -> Option<&Agency> {
        self.agencies.iter().find(|agency| agency.name == name)
    }
}

impl Step {
    /// The agency that acts.
    pub fn at(&self) -> Option<&str> {
        match &self.act {
            Act::Run { at, .. } | Act::Next { at, .. } | Act::Arrives { at, .. } => Some(at),
            Act::Stop(at) | Act::Start(at) => Some(at),
            Act::Pass(_) => None,
        }
    }
}
