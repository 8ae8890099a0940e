//! Reading a step and what must come of it.

use std::collections::BTreeSet;
use std::time::Duration;

use liaison_protocol::id::clip;
use liaison_protocol::lifecycle::State;
use liaison_protocol::record::codes::StepKind;
use toml::Spanned;

use super::{Named, Reader, one_of};
use crate::exercise::command::{Command, Does, is_label, labels_in};
use crate::exercise::form::{StepForm, Text, ThenForm};
use crate::exercise::scenario::{Act, Expect, Step, Then};
use crate::input::{json, line_of};
use crate::limits::{
    EXERCISE_DRAFT_BYTES, PASS_MS, SCENARIO_LIST, STEP_THENS, STEP_WHAT_CHARS, WITHIN_MOST_S,
    WITHIN_S,
};

impl Reader<'_> {
    /// A step; none, if nothing happens in it. Its number is the last one's, if it has none.
    pub(super) fn step(&mut self, form: Spanned<StepForm>, last: String) -> Option<Step> {
        let line = line_of(self.text, form.span().start);
        let form = form.into_inner();
        let row = form.row.as_ref().map(|row| self.sentence(row));
        let says = self.sentence(&form.says);
        let what = form.what.as_ref().map(|what| {
            if what.get_ref().chars().count() > STEP_WHAT_CHARS {
                let says = format!("what has more than {STEP_WHAT_CHARS} characters");
                self.fault(what, says, "Make it shorter: it stands in the table.");
            }
            what.get_ref().clone()
        });
        if let Some(what) = &form.what
            && form.must_hold.is_none()
            && form.refused.is_none()
        {
            let says = "what stands in the table, where this step has no line";
            self.fault(
                what,
                says,
                "Write must_hold or refused as well, or leave it out.",
            );
        }
        let act = self.act(&form, line)?;
        let expects = self.expects(&form, &act);
        let label = self.label(&form, &act);
        let within = match &form.within {
            Some(text) => self.duration(text, WITHIN_MOST_S.saturating_mul(1_000)),
            None => WITHIN_S.saturating_mul(1_000),
        };
        Some(Step {
            row: row.unwrap_or(last),
            says,
            what,
            act,
            label,
            expects,
            within: Duration::from_millis(within),
        })
    }

    fn act(&mut self, form: &StepForm, line: usize) -> Option<Act> {
        let acts = [
            &form.run,
            &form.pass,
            &form.stop,
            &form.start,
            &form.next,
            &form.arrives,
        ];
        if acts.iter().filter(|act| act.is_some()).count() != 1 {
            let says = "a step does exactly one thing";
            let remedy = "Write one of run, pass, stop, start, next, arrives.";
            self.faults.add(Some(line), says, remedy);
            return None;
        }
        if let Some(text) = &form.pass {
            return Some(Act::Pass(self.duration(text, PASS_MS)));
        }
        if let Some(name) = &form.stop {
            return Some(Act::Stop(self.agency_named(name)?));
        }
        if let Some(name) = &form.start {
            return Some(Act::Start(self.agency_named(name)?));
        }
        let Some(at) = &form.at else {
            let says = "the step does not say where it is done";
            self.faults.add(Some(line), says, "Write at = \"AGENCY\".");
            return None;
        };
        let at = self.agency_named(at)?;
        if let Some(of) = &form.next {
            let of = self.referral(of)?;
            return Some(Act::Next { at, of });
        }
        if let Some(of) = &form.arrives {
            self.known(of.get_ref(), of);
            let of = of.get_ref().clone();
            return Some(Act::Arrives { at, of });
        }
        let run = form.run.as_ref()?;
        let command = self.command(run)?;
        let second = match &form.officer {
            None => false,
            Some(officer) => {
                let seconds = ["refer approve", "refer review"];
                let typed = run.get_ref().trim_start_matches("liaison ").trim();
                let may = seconds.iter().any(|name| typed.starts_with(name));
                if officer.get_ref() != "second" || !may {
                    let says = "only the second officer may, and only approve and review";
                    let remedy = "Write officer = \"second\" with run = \"refer approve …\", or leave it out.";
                    self.fault(officer, says, remedy);
                }
                true
            }
        };
        let draft = self.draft(form, &command, line);
        Some(Act::Run {
            at,
            command,
            second,
            draft,
        })
    }

    fn command(&mut self, line: &Text) -> Option<Command> {
        match Command::parse(line.get_ref()) {
            Ok(command) => {
                for label in command.labels() {
                    self.known(&label, line);
                }
                Some(command)
            }
            Err((says, remedy)) => {
                let mut remedy = remedy;
                if let Some(first) = remedy.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                self.fault(line, says, format!("{remedy}."));
                None
            }
        }
    }

    /// What a command reads: JSON, and the name under which it is shown.
    fn draft(
        &mut self,
        form: &StepForm,
        command: &Command,
        line: usize,
    ) -> Option<(String, String)> {
        let (text, name, at) = match (&form.file, &form.draft) {
            (None, None) if !command.reads => return None,
            (Some(file), None) if command.reads => {
                let name = file.get_ref();
                let text = match self.files.text(name, EXERCISE_DRAFT_BYTES) {
                    Ok(text) => text,
                    Err(says) => {
                        let says = format!("the file {} {says}", clip(name));
                        self.fault(file, says, "Name one beside the scenario.");
                        return None;
                    }
                };
                let short = name.rsplit('/').next().unwrap_or(name).to_owned();
                (text, short, self.line(file))
            }
            (None, Some(draft)) if command.reads => {
                let at = line_of(self.text, draft.span().start);
                let value = json(toml::Value::Table(draft.get_ref().clone()));
                (value.to_string(), "draft.json".to_owned(), at)
            }
            (Some(_), Some(_)) => {
                let says = "the step has both a file and a draft";
                self.faults.add(Some(line), says, "Leave one of them out.");
                return None;
            }
            _ if command.reads => {
                let says = "the command reads a draft, and the step has none";
                let remedy = "Write file = \"FILE.json\", or the fields under [step.draft].";
                self.faults.add(Some(line), says, remedy);
                return None;
            }
            _ => {
                let says = "the step has a draft, and the command reads none";
                self.faults
                    .add(Some(line), says, "Leave file and draft out.");
                return None;
            }
        };
        let value = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map_err(|e| e.to_string())
        } else {
            let table = toml::from_str::<toml::Table>(&text);
            table
                .map(|table| json(toml::Value::Table(table)))
                .map_err(|e| e.message().to_owned())
        };
        let value: serde_json::Value = match value {
            Ok(value) => value,
            Err(says) => {
                let says = format!("{name} can't be read: {says}");
                let remedy = "`liaison record template KIND` and `liaison refer template` print ones that are right.";
                self.faults.add(Some(at), says, remedy);
                return None;
            }
        };
        let text = value.to_string();
        let mut labels = Vec::new();
        labels_in(&text, &mut labels);
        for label in labels {
            if !self.labels.contains_key(&label) {
                let says = format!("nothing is called '{label}' before {name}");
                let remedy = "Give an earlier step that name: as = \"NAME\".";
                self.faults.add(Some(at), says, remedy);
            }
        }
        Some((text, name))
    }

    fn label(&mut self, form: &StepForm, act: &Act) -> Option<String> {
        let label = form.label.as_ref()?;
        let named = match act {
            Act::Next { .. } => Named::Referral,
            Act::Run { command, .. } if command.is(&["refer", "new"]) => Named::Referral,
            Act::Run { command, .. } if command.is(&["refer", "approve"]) => Named::Referral,
            Act::Run { command, .. } if command.does == Does::Acts => Named::Record,
            _ => {
                let says = "nothing comes of this step that could have a name";
                self.fault(label, says, "Leave out as.");
                return None;
            }
        };
        let name = label.get_ref().clone();
        if !is_label(&name) {
            let says = format!("'{}' can't be a name", clip(&name));
            self.fault(label, says, "Letters, digits, '-' and '_', at most 40.");
        } else if self.labels.insert(name.clone(), named).is_some() {
            let says = format!("two steps give the name '{name}'");
            self.fault(label, says, "Give each a name of its own.");
        }
        Some(name)
    }

    fn expects(&mut self, form: &StepForm, act: &Act) -> Vec<Expect> {
        let mut expects = Vec::new();
        if let Some(words) = &form.refused {
            let words = self.texts(words);
            expects.push(Expect::Refused(words));
        }
        if form.undelivered {
            expects.push(Expect::Undelivered);
        }
        if !(form.prints.is_empty() && form.prints_not.is_empty()) {
            let all = self.texts(&form.prints);
            let none = self.texts(&form.prints_not);
            expects.push(Expect::Prints { all, none });
        }
        self.holders(form, act, &mut expects);
        if let Some(names) = &form.card_reaches {
            let names = self.agencies_named(names);
            expects.push(Expect::Card(names));
        }
        self.few(form.then.len(), STEP_THENS, "[[step.then]] in one step");
        for then in &form.then {
            let line = line_of(self.text, then.span().start);
            expects.extend(self.then(then.get_ref(), line, form.label.as_ref()));
        }
        expects
    }

    fn holders(&mut self, form: &StepForm, act: &Act, expects: &mut Vec<Expect>) {
        let Some(names) = &form.must_hold else {
            if let Some(first) = form.must_not_hold.as_ref().and_then(|names| names.first()) {
                let says = "must_not_hold stands without must_hold";
                let remedy = "Write must_hold as well; must_hold = [] is nobody but its author.";
                self.fault(first, says, remedy);
            }
            return;
        };
        let mut must = self.agencies_named(names);
        let by = match act {
            Act::Run { at, command, .. } if command.does == Does::Acts => Some(at),
            Act::Next { at, .. } | Act::Arrives { at, .. } => Some(at),
            _ => None,
        };
        let Some(by) = by else {
            if let Some(first) = names.first() {
                let says = "nothing comes of this step that somebody could hold";
                self.fault(first, says, "Leave out must_hold.");
            }
            return;
        };
        must.insert(by.clone());
        let must_not: BTreeSet<String> = match &form.must_not_hold {
            Some(names) => self.agencies_named(names),
            None => self.names.difference(&must).cloned().collect(),
        };
        if let Some(both) = must.intersection(&must_not).next() {
            let says = format!("'{both}' must hold it and must not");
            let remedy = "Leave it out of one list; the author always holds it.";
            match names.first() {
                Some(first) => self.fault(first, says, remedy),
                None => self.faults.add(None, says, remedy),
            }
        }
        expects.push(Expect::Holds { must, must_not });
    }

    fn then(&mut self, form: &ThenForm, line: usize, own: Option<&Text>) -> Option<Expect> {
        let at = self.agencies_named(&form.at);
        let kinds = [
            form.stands.is_some(),
            form.still.is_some(),
            form.steps.is_some(),
            form.gone,
            form.overdue.is_some(),
            form.run.is_some(),
        ];
        if kinds.into_iter().filter(|given| *given).count() != 1 {
            let says = "[[step.then]] says exactly one thing";
            let remedy = "Write one of stands, still, steps, gone, overdue, run.";
            self.faults.add(Some(line), says, remedy);
            return None;
        }
        if form.run.is_none() && !(form.prints.is_empty() && form.prints_not.is_empty()) {
            let says = "prints stands without a command";
            self.faults.add(Some(line), says, "Write run as well.");
        }
        let then = if let Some(run) = &form.run {
            let command = self.command(run)?;
            if command.does == Does::Acts {
                self.fault(
                    run,
                    "an expectation only looks",
                    "Make a step of this command.",
                );
            }
            Then::Shows {
                command,
                all: self.texts(&form.prints),
                none: self.texts(&form.prints_not),
            }
        } else {
            let Some(of) = form.of.as_ref().or(own) else {
                let says = "[[step.then]] does not say of what";
                self.faults.add(Some(line), says, "Write of = \"NAME\".");
                return None;
            };
            self.then_of(form, of, own)?
        };
        Some(Expect::Then { at, then })
    }

    fn then_of(&mut self, form: &ThenForm, of: &Text, own: Option<&Text>) -> Option<Then> {
        // The step's own name is known once the step is read.
        let is_own = own.is_some_and(|own| own.get_ref() == of.get_ref());
        if form.gone {
            if !is_own {
                self.known(of.get_ref(), of);
            }
            let of = of.get_ref().clone();
            return Some(Then::Gone { of });
        }
        let of = match is_own {
            true => of.get_ref().clone(),
            false => self.referral(of)?,
        };
        if let Some(state) = &form.stands {
            let state = self.state(state)?;
            return Some(Then::Stands { of, state });
        }
        if let Some(state) = &form.still {
            let state = self.state(state)?;
            return Some(Then::Still { of, state });
        }
        if let Some(steps) = &form.steps {
            let line = line_of(self.text, steps.span().start);
            let steps = steps.get_ref().clone();
            if let Some(step) = steps
                .iter()
                .find(|s| !StepKind::TEXTS.contains(&s.as_str()))
            {
                let says = format!("'{}' is no step of a referral", clip(step));
                self.faults.add(Some(line), says, one_of(StepKind::TEXTS));
            }
            return Some(Then::Steps { of, steps });
        }
        let silent = self.agency_named(form.overdue.as_ref()?)?;
        Some(Then::Overdue { of, silent })
    }

    fn state(&mut self, text: &Text) -> Option<String> {
        if State::ALL
            .iter()
            .any(|state| state.as_str() == text.get_ref())
        {
            return Some(text.get_ref().clone());
        }
        let says = format!("no referral stands '{}'", clip(text.get_ref()));
        let known: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        self.fault(text, says, one_of(&known));
        None
    }

    fn referral(&mut self, label: &Text) -> Option<String> {
        match self.labels.get(label.get_ref()) {
            Some(Named::Referral) => Some(label.get_ref().clone()),
            Some(Named::Record) => {
                let says = format!("'{}' is no referral", clip(label.get_ref()));
                self.fault(label, says, "Name what a step with `refer new` made.");
                None
            }
            None => {
                self.known(label.get_ref(), label);
                None
            }
        }
    }

    fn known(&mut self, label: &str, at: &Text) {
        if self.labels.contains_key(label) {
            return;
        }
        let says = format!("nothing is called '{}' before this line", clip(label));
        let known: Vec<&str> = self.labels.keys().map(String::as_str).collect();
        let remedy = if known.is_empty() {
            "Give an earlier step that name: as = \"NAME\".".to_owned()
        } else {
            format!("Known are: {}.", known.join(", "))
        };
        self.fault(at, says, remedy);
    }

    fn texts(&mut self, texts: &[Text]) -> Vec<String> {
        self.few(texts.len(), SCENARIO_LIST, "texts in one list");
        for text in texts {
            let mut labels = Vec::new();
            labels_in(text.get_ref(), &mut labels);
            for label in labels {
                self.known(&label, text);
            }
        }
        texts.iter().map(|text| self.sentence(text)).collect()
    }

    /// `90s`, `30m`, `2h` or `7d`, in milliseconds.
    fn duration(&mut self, text: &Text, most: u64) -> u64 {
        let ms = milliseconds(text.get_ref());
        match ms {
            Some(ms) if (1..=most).contains(&ms) => ms,
            _ => {
                let says = format!("'{}' is no time that may pass here", clip(text.get_ref()));
                let remedy = format!(
                    "Write it as 90s, 30m, 2h or 7d; at most {} s.",
                    most / 1_000
                );
                self.fault(text, says, remedy);
                0
            }
        }
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let of = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(of)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(milliseconds("90s"), Some(90_000));
        assert_eq!(milliseconds("2h"), Some(7_200_000));
        assert_eq!(milliseconds("7d"), Some(604_800_000));
        for wrong in ["", "7", "d", "2 h", "-1s", "99999999999999999d", "3é"] {
            assert_eq!(milliseconds(wrong), None, "{wrong}");
        }
    }
}
