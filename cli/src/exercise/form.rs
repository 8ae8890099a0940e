//! A scenario as it stands in its file: every key that it may have, and no other.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A text, with where it stands.
pub type Text = Spanned<String>;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioForm {
    /// Name of the exercise: it stands in every record, and live nodes refuse them.
    pub name: Text,
    /// What people call it.
    pub title: Text,
    /// What it is about.
    #[serde(default)]
    pub about: String,
    /// Words that may stand on no disk in clear.
    #[serde(default)]
    pub secrets: Vec<Text>,
    /// Agencies under one name.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<Text>>,
    /// Who is linked: pairs; absent: each with each.
    #[serde(default)]
    pub links: Option<Vec<Spanned<Vec<String>>>>,
    /// Who takes part.
    #[serde(default)]
    pub agency: Vec<AgencyForm>,
    /// What happens.
    #[serde(default)]
    pub step: Vec<Spanned<StepForm>>,
}

/// `[[agency]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgencyForm {
    /// What the others call it.
    pub name: Text,
    /// What its card says.
    pub title: Text,
    /// Its sector.
    pub sector: Text,
    /// Its country.
    pub country: Text,
    /// Its data-protection law.
    pub regime: Option<Text>,
    /// Folder with its policy, or `sample:SECTOR`.
    pub policy: Text,
    /// Whether it is a hub.
    #[serde(default)]
    pub hub: bool,
    /// The hubs that it uses.
    #[serde(default)]
    pub hubs: Vec<Text>,
    /// Whether others can call it.
    #[serde(default = "yes")]
    pub address: bool,
}

/// `[[step]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepForm {
    /// Its number, as people count.
    pub row: Option<Text>,
    /// What happens, in a sentence.
    pub says: Text,
    /// What it is called in the table at the end.
    pub what: Option<Text>,
    /// The agency that does it.
    pub at: Option<Text>,
    /// What is typed there after `liaison`.
    pub run: Option<Text>,
    /// Who types it: `second`, another officer of the same agency.
    pub officer: Option<Text>,
    /// The file that the command reads.
    pub file: Option<Text>,
    /// The same, written here.
    pub draft: Option<Spanned<toml::Table>>,
    /// Name for what comes of it.
    #[serde(rename = "as")]
    pub label: Option<Text>,
    /// Instead of a command: lets time pass.
    pub pass: Option<Text>,
    /// Instead of a command: stops a node.
    pub stop: Option<Text>,
    /// Instead of a command: starts it again.
    pub start: Option<Text>,
    /// Instead of a command: waits until the next provider of this referral is asked.
    pub next: Option<Text>,
    /// Instead of a command: what was on its way is awaited.
    pub arrives: Option<Text>,
    /// Who must have it, beside who wrote it.
    pub must_hold: Option<Vec<Text>>,
    /// Who must not have it; absent: everybody else.
    pub must_not_hold: Option<Vec<Text>>,
    /// It is refused, with these words.
    pub refused: Option<Vec<Text>>,
    /// It is taken, and does not arrive yet.
    #[serde(default)]
    pub undelivered: bool,
    /// What the command prints.
    #[serde(default)]
    pub prints: Vec<Text>,
    /// What it does not print.
    #[serde(default)]
    pub prints_not: Vec<Text>,
    /// Who must have the agency's card as it is now.
    pub card_reaches: Option<Vec<Text>>,
    /// How long all that may take.
    pub within: Option<Text>,
    /// What else must be so then.
    #[serde(default)]
    pub then: Vec<Spanned<ThenForm>>,
}

/// `[[step.then]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThenForm {
    /// Where.
    pub at: Vec<Text>,
    /// Of what.
    pub of: Option<Text>,
    /// A referral comes to stand so.
    pub stands: Option<Text>,
    /// A referral stands so now, and does not move.
    pub still: Option<Text>,
    /// Every step of a referral that is known, each once.
    pub steps: Option<Spanned<Vec<String>>>,
    /// Nothing of it is left.
    #[serde(default)]
    pub gone: bool,
    /// This agency is said to be silent.
    pub overdue: Option<Text>,
    /// A look.
    pub run: Option<Text>,
    /// What it shows.
    #[serde(default)]
    pub prints: Vec<Text>,
    /// What it does not show.
    #[serde(default)]
    pub prints_not: Vec<Text>,
}

fn yes() -> bool {
    true
}
