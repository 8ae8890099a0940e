//! The commands that a scenario may have: those of an officer's day, on records. None that
//! chooses another home, writes a file or changes the node itself.

use std::collections::BTreeMap;

use liaison_protocol::id::{RecordId, clip};

use crate::shell;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It changes something: run with `--json`, for the id that comes of it.
    Acts,
    /// It shows something: run as people run it.
    Shows,
}

use Does::{Acts, Shows};

/// A command, what is below it, and what it does where nothing below it is said.
type Row = (&'static str, &'static [(&'static str, Does)], Does);

/// The commands, and what is below them where not all of it may be run.
const ALLOWED: &[Row] = &[
    ("push", &[], Acts),
    ("amend", &[], Acts),
    ("retract", &[], Acts),
    ("audience", &[], Acts),
    ("ask", &[], Acts),
    ("permit", &[], Acts),
    ("card", &[("edit", Acts)], Acts),
    (
        "refer",
        &[
            ("new", Acts),
            ("approve", Acts),
            ("review", Acts),
            ("ack", Acts),
            ("ask-info", Acts),
            ("give-info", Acts),
            ("accept", Acts),
            ("decline", Acts),
            ("expire", Acts),
            ("release-identity", Acts),
            ("assist", Acts),
            ("transfer", Acts),
            ("follow-up", Acts),
            ("missing", Acts),
            ("located", Acts),
            ("consent", Acts),
            ("guardian", Acts),
            ("best-interests", Acts),
            ("reclassify", Acts),
            ("close", Acts),
            ("withdraw", Acts),
            ("show", Shows),
            ("timeline", Shows),
            ("screen", Shows),
            ("find", Shows),
        ],
        Shows,
    ),
    (
        "peer",
        &[("list", Shows), ("revoke", Acts), ("remove", Acts)],
        Shows,
    ),
    ("hub", &[("status", Shows)], Shows),
    ("service", &[], Shows),
    ("query", &[], Shows),
    ("show", &[], Shows),
    ("why", &[], Shows),
    ("inbox", &[], Shows),
    ("status", &[], Shows),
    ("stats", &[], Shows),
    ("expiry", &[], Shows),
];

/// Commands that read a draft: here it comes from the scenario, as standard input.
const READS: &[&str] = &["push", "amend", "card edit", "refer new"];

/// Flags that a scenario may not use: another node's home; how the player reads the answer.
const NOT_HERE: &[&str] = &["--home", "--json", "--no-color", "--wait", "--identity"];

/// A command of a scenario, with `{LABEL}` where an id will stand.
#[derive(Clone, Debug)]
pub struct Command {
    words: Vec<String>,
    /// What it does.
    pub does: Does,
    /// Whether it reads a draft.
    pub reads: bool,
}

impl Command {
    /// Reads a line as it is typed after `liaison`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(line: &str) -> Result<Self, (String, String)> {
        let fault = |says: String, remedy: &str| Err((says, remedy.to_owned()));
        let mut words = match shell::words(line) {
            Ok(words) => words,
            Err(says) => return fault(format!("{says} in '{}'", clip(line)), "close it"),
        };
        if words.first().is_some_and(|first| first == "liaison") {
            words.remove(0);
        }
        let first = words.first().map_or("", String::as_str);
        let Some((name, below, does)) = ALLOWED.iter().find(|(name, ..)| *name == first) else {
            let known: Vec<&str> = ALLOWED.iter().map(|(name, ..)| *name).collect();
            return fault(
                format!("'{}' is no command of an exercise", clip(first)),
                &format!("write one of: {}", known.join(", ")),
            );
        };
        let second = words.get(1).map_or("", String::as_str);
        let does = match (below, below.iter().find(|(name, _)| *name == second)) {
            ([], _) => *does,
            (_, Some((_, does))) => *does,
            (_, None) => {
                let known: Vec<&str> = below.iter().map(|(name, _)| *name).collect();
                return fault(
                    format!("'{name} {}' is no command of an exercise", clip(second)),
                    &format!("of '{name}' write one of: {}", known.join(", ")),
                );
            }
        };
        for word in &words {
            let flag = word.split_once('=').map_or(word.as_str(), |(flag, _)| flag);
            if NOT_HERE.contains(&flag) {
                return fault(format!("{flag} is not for an exercise"), "leave it out");
            }
        }
        let whole = format!("{first} {second}");
        let reads = READS.contains(&first) || READS.contains(&whole.as_str());
        let dash = words.iter().filter(|word| *word == "-").count();
        if reads != (dash == 1) {
            let says = format!("'{}' has {dash} times '-'", clip(line));
            let remedy = if reads {
                "write - where the file's name stands, once: what it reads is named by file, or written as [step.draft]"
            } else {
                "leave it out: this command reads nothing"
            };
            return fault(says, remedy);
        }
        Ok(Self { words, does, reads })
    }

    /// Whether it begins with these words.
    pub fn is(&self, words: &[&str]) -> bool {
        self.words.iter().take(words.len()).eq(words.iter())
    }

    /// The labels that it names.
    pub fn labels(&self) -> Vec<String> {
        let mut all = Vec::new();
        for word in &self.words {
            labels_in(word, &mut all);
        }
        all
    }

    /// Its arguments, with ids in the places of labels.
    pub fn arguments(&self, known: &Labels) -> Vec<String> {
        let words = self.words.iter();
        words
            .map(|word| fill(word, |label| known.full(label)))
            .collect()
    }

    /// As a person would type it.
    pub fn shown(&self, known: &Labels, file: Option<&str>) -> String {
        let mut out = String::from("liaison");
        for word in &self.words {
            let word = match file {
                Some(file) if word == "-" => file.to_owned(),
                _ => fill(word, |label| known.short(label)),
            };
            let plain = !word.is_empty() && !word.contains(char::is_whitespace);
            out.push(' ');
            out.push_str(&if plain { word } else { format!("'{word}'") });
        }
        out
    }
}

/// What labels stand for.
#[derive(Clone, Debug, Default)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Gives something a name.
    pub fn set(&mut self, label: &str, id: String) {
        self.0.insert(label.to_owned(), id);
    }

    /// The id in full.
    pub fn full(&self, label: &str) -> Option<String> {
        self.0.get(label).cloned()
    }

    /// The record of a label.
    pub fn record(&self, label: &str) -> Option<RecordId> {
        self.0.get(label)?.parse().ok()
    }

    /// The id as people type it.
    pub fn short(&self, label: &str) -> Option<String> {
        let id = self.0.get(label)?;
        Some(
            id.parse::<RecordId>()
                .map_or_else(|_| id.clone(), |id| id.short()),
        )
    }
}

/// The labels in a text, `{LABEL}`.
pub fn labels_in(text: &str, all: &mut Vec<String>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((label, end)) = after.split_once('}') else {
            return;
        };
        if is_label(label) {
            all.push(label.to_owned());
            rest = end;
        } else {
            rest = after;
        }
    }
}

/// A text with its labels filled in; one that stands for nothing stays.
pub fn fill(text: &str, of: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let label = after.split_once('}').filter(|(label, _)| is_label(label));
        let filled = label.and_then(|(label, end)| Some((of(label)?, end)));
        match filled {
            Some((id, end)) => {
                out.push_str(&id);
                rest = end;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Whether a text can be a label.
pub fn is_label(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_of_a_scenario_is_one() {
        let cli = crate::commands::Cli::command();
        for (name, below, _) in ALLOWED {
            let command = cli.find_subcommand(name).expect(name);
            for (below, _) in *below {
                assert!(command.find_subcommand(below).is_some(), "{name} {below}");
            }
        }
    }

    #[test]
    fn only_an_officers_commands_are_taken() {
        for line in [
            "backup x",
            "run",
            "exercise sarajevo",
            "peer add x",
            "push - --home /",
            "query --home=/ x",
            "push draft.toml",
            "query -",
            "refer",
            "refer new 'x",
            "",
        ] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
        let push = Command::parse("push - --to a").expect("push");
        assert!(push.reads && push.does == Acts);
        let ack = Command::parse("liaison refer ack {A}").expect("ack");
        assert_eq!(ack.labels(), ["A"]);
    }

    #[test]
    fn labels_are_filled_in_and_other_braces_stay() {
        let mut known = Labels::default();
        known.set("A", "d-3f7k9q2m".into());
        let fill = |text: &str| fill(text, |label| known.full(label));
        assert_eq!(fill("{A}"), "d-3f7k9q2m");
        assert_eq!(
            fill("{\"x\": \"{A}\", {B} {"),
            "{\"x\": \"d-3f7k9q2m\", {B} {"
        );
        let mut found = Vec::new();
        labels_in("{\"x\": \"{A}\"} {B}", &mut found);
        assert_eq!(found, ["A", "B"]);
    }
}
