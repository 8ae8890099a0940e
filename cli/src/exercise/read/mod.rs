//! Reading a scenario: from its form to what can be played, or all that is wrong with it.

mod step;

use std::collections::{BTreeMap, BTreeSet};

use liaison_node::policy::{PolicySet, PolicyText};
use liaison_protocol::id::clip;
use liaison_protocol::record::codes::{Regime, Sector};

use super::built_in;
use super::command::is_label;
use super::fault::Faults;
use super::files::Files;
use super::form::{AgencyForm, ScenarioForm, Text};
use super::scenario::{Agency, Scenario};
use crate::input::line_of;
use crate::limits::{
    EXERCISE_AGENCIES, EXERCISE_NAME_CHARS, EXERCISE_STEPS, SCENARIO_BYTES, SCENARIO_LIST,
    SCENARIO_TEXT_CHARS,
};

/// The name of the group of all agencies.
const ALL: &str = "all";
/// Before the sector of a policy that is built in.
const SAMPLE: &str = "sample:";

/// Reads the text of a scenario, and the files that it names.
///
/// # Errors
/// All that is wrong with it.
pub fn read(text: &str, files: &Files) -> Result<Scenario, Faults> {
    let mut faults = Faults::default();
    if text.len() as u64 > SCENARIO_BYTES {
        let says = format!("the scenario is larger than {SCENARIO_BYTES} bytes");
        faults.add(None, says, "Put drafts into files of their own.");
        return Err(faults);
    }
    let form: ScenarioForm = match toml::from_str(text) {
        Ok(form) => form,
        Err(error) => {
            let line = error.span().map(|span| line_of(text, span.start));
            let says = error.message().replace('\n', ", ");
            let remedy = "`liaison exercise template` prints a scenario with every key.";
            faults.add(line, says, remedy);
            return Err(faults);
        }
    };
    let mut reader = Reader {
        text,
        files,
        faults,
        names: BTreeSet::new(),
        groups: BTreeMap::new(),
        labels: BTreeMap::new(),
    };
    let scenario = reader.scenario(form);
    if reader.faults.is_empty() {
        Ok(scenario)
    } else {
        Err(reader.faults.sorted())
    }
}

/// What a label stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// A record, or a referral's draft.
    Record,
    /// A referral.
    Referral,
}

struct Reader<'a> {
    text: &'a str,
    files: &'a Files,
    faults: Faults,
    names: BTreeSet<String>,
    groups: BTreeMap<String, BTreeSet<String>>,
    labels: BTreeMap<String, Named>,
}

impl Reader<'_> {
    fn scenario(&mut self, form: ScenarioForm) -> Scenario {
        let name = self.sentence(&form.name);
        if name.is_empty() || name.len() > 40 {
            let remedy = "Give it a name of at most 40 characters, such as NIGHT-1.";
            self.fault(
                &form.name,
                "the exercise has no name that records can have",
                remedy,
            );
        }
        let title = self.sentence(&form.title);
        let secrets = form.secrets.iter().map(|text| {
            let secret = text.get_ref().clone();
            if secret.chars().count() < 4 {
                let remedy = "Plant a word of four letters or more that stands nowhere else.";
                self.fault(text, format!("'{secret}' is too short to look for"), remedy);
            }
            secret
        });
        let secrets: Vec<String> = secrets.collect();
        self.few(secrets.len(), SCENARIO_LIST, "secrets");
        let agencies = self.agencies(&form.agency);
        self.named_groups(&form.groups);
        let links = self.links(form.links);
        self.few(form.step.len(), EXERCISE_STEPS, "steps");
        if form.step.is_empty() {
            let remedy = "Write at least one [[step]].";
            self.faults.add(None, "nothing happens in it", remedy);
        }
        let mut steps = Vec::new();
        for step in form.step {
            let row = steps
                .last()
                .map_or_else(|| "1".to_owned(), |s: &super::Step| s.row.clone());
            steps.extend(self.step(step, row));
        }
        Scenario {
            name,
            title,
            about: self.clipped(&form.about),
            secrets,
            agencies,
            links,
            steps,
        }
    }

    fn agencies(&mut self, forms: &[AgencyForm]) -> Vec<Agency> {
        self.few(forms.len(), EXERCISE_AGENCIES, "agencies");
        if forms.len() < 2 {
            let says = "fewer than two agencies take part";
            self.faults.add(None, says, "Write an [[agency]] for each.");
        }
        for form in forms {
            let name = form.name.get_ref();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let good = (1..=EXERCISE_NAME_CHARS).contains(&name.len())
                && name.chars().all(plain)
                && name.starts_with(|c: char| c.is_ascii_lowercase());
            if !good || name == ALL || name == "self" {
                let says = format!("'{}' can't be the name of an agency", clip(name));
                let remedy = format!(
                    "Small letters, digits and '-', at most {EXERCISE_NAME_CHARS}, such as border."
                );
                self.fault(&form.name, says, remedy);
            } else if !self.names.insert(name.clone()) {
                let says = format!("two agencies are called '{name}'");
                self.fault(&form.name, says, "Give each a name of its own.");
            }
        }
        self.groups.insert(ALL.into(), self.names.clone());
        let hubs: BTreeSet<&String> = forms
            .iter()
            .filter(|form| form.hub)
            .map(|form| form.name.get_ref())
            .collect();
        forms.iter().map(|form| self.agency(form, &hubs)).collect()
    }

    fn agency(&mut self, form: &AgencyForm, known_hubs: &BTreeSet<&String>) -> Agency {
        let (sector, country) = (form.sector.get_ref(), form.country.get_ref());
        if sector.parse::<Sector>().is_err() {
            let says = format!("'{}' is no sector", clip(sector));
            self.fault(&form.sector, says, one_of(Sector::TEXTS));
        }
        if !(country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase())) {
            let says = format!("'{}' is no country", clip(country));
            self.fault(
                &form.country,
                says,
                "Two capital letters; made-up ones are QM to QZ.",
            );
        }
        let regime = match &form.regime {
            Some(regime) => {
                if regime.get_ref().parse::<Regime>().is_err() {
                    let says = format!("'{}' is no data-protection law", clip(regime.get_ref()));
                    self.fault(regime, says, one_of(Regime::TEXTS));
                }
                regime.get_ref().clone()
            }
            None => "led".into(),
        };
        let hubs: Vec<String> = form.hubs.iter().map(|hub| hub.get_ref().clone()).collect();
        for hub in &form.hubs {
            if !known_hubs.contains(hub.get_ref()) {
                let says = format!("'{}' is no hub", clip(hub.get_ref()));
                self.fault(hub, says, "Write hub = true at that agency.");
            }
        }
        if !form.address && form.hub {
            let says = format!("the hub '{}' has no address", clip(form.name.get_ref()));
            self.fault(
                &form.name,
                says,
                "Leave out address = false: others have to reach it.",
            );
        }
        Agency {
            name: form.name.get_ref().clone(),
            title: self.sentence(&form.title),
            sector: sector.clone(),
            country: country.clone(),
            regime,
            policy: self.policy(&form.policy),
            hub: form.hub,
            hubs,
            address: form.address,
        }
    }

    /// The files of a policy, once they are known to be one.
    fn policy(&mut self, name: &Text) -> Vec<(String, String)> {
        let found = match name.get_ref().strip_prefix(SAMPLE) {
            Some(sample) => {
                let files = built_in::sample(sample);
                if files.is_empty() {
                    let says = format!("there is no sample '{}'", clip(sample));
                    let names = built_in::SAMPLES.map(|name| format!("{SAMPLE}{name}"));
                    self.fault(name, says, format!("Write one of: {}.", names.join(", ")));
                    return Vec::new();
                }
                files
            }
            None => match self.files.policy(name.get_ref()) {
                Ok(files) => files,
                Err(says) => {
                    let says = format!("the policy {} {says}", clip(name.get_ref()));
                    let remedy = "Name a folder beside the scenario, or sample:police.";
                    self.fault(name, says, remedy);
                    return Vec::new();
                }
            },
        };
        let text = PolicyText::from_names(found.iter().cloned().collect());
        if let Err(problems) = text.and_then(PolicySet::from_text) {
            let says = format!("the policy {} has faults", clip(name.get_ref()));
            let remedy = match problems.0.first() {
                Some(first) => format!("The first: {first}. `liaison policy check` shows all."),
                None => "`liaison policy check` shows them.".into(),
            };
            self.fault(name, says, remedy);
        }
        found
    }

    fn named_groups(&mut self, groups: &BTreeMap<String, Vec<Text>>) {
        self.few(groups.len(), SCENARIO_LIST, "groups");
        for (group, members) in groups {
            let line = members.first().map(|first| self.line(first));
            if self.names.contains(group) || group == ALL || !is_label(group) {
                let says = format!("a group can't be called '{}'", clip(group));
                self.faults
                    .add(line, says, "Give it a name that no agency has.");
                continue;
            }
            let members = self.agencies_named(members);
            self.groups.insert(group.clone(), members);
        }
    }

    fn links(&mut self, pairs: Option<Vec<toml::Spanned<Vec<String>>>>) -> Vec<(String, String)> {
        let names: Vec<String> = self.names.iter().cloned().collect();
        let Some(pairs) = pairs else {
            let mut all = Vec::new();
            for (at, a) in names.iter().enumerate() {
                let rest = names.iter().skip(at.saturating_add(1));
                all.extend(rest.map(|b| (a.clone(), b.clone())));
            }
            return all;
        };
        let mut links = BTreeSet::new();
        for pair in pairs {
            let line = line_of(self.text, pair.span().start);
            match <[String; 2]>::try_from(pair.into_inner()) {
                Ok([a, b]) if a != b && self.names.contains(&a) && self.names.contains(&b) => {
                    let (a, b) = if a < b { (a, b) } else { (b, a) };
                    links.insert((a, b));
                }
                _ => {
                    let says = "this is no link between two agencies that take part";
                    let remedy = "Write links = [[\"border\", \"shelter\"]], or leave it out: each is linked with each.";
                    self.faults.add(Some(line), says, remedy);
                }
            }
        }
        links.into_iter().collect()
    }

    /// Agencies and groups, as agencies.
    fn agencies_named(&mut self, names: &[Text]) -> BTreeSet<String> {
        self.few(names.len(), SCENARIO_LIST, "names in one list");
        let mut found = BTreeSet::new();
        for name in names {
            match self.groups.get(name.get_ref()) {
                Some(members) => found.extend(members.iter().cloned()),
                None => found.extend(self.agency_named(name)),
            }
        }
        found
    }

    /// An agency that takes part.
    fn agency_named(&mut self, name: &Text) -> Option<String> {
        if self.names.contains(name.get_ref()) {
            return Some(name.get_ref().clone());
        }
        let says = format!("nobody is called '{}'", clip(name.get_ref()));
        let groups = self.groups.keys();
        let known: Vec<&str> = self
            .names
            .iter()
            .chain(groups)
            .map(String::as_str)
            .collect();
        let remedy = format!("Write one of: {}.", known.join(", "));
        self.fault(name, says, remedy);
        None
    }

    /// A text that people read.
    fn sentence(&mut self, text: &Text) -> String {
        if text.get_ref().chars().count() > SCENARIO_TEXT_CHARS {
            let says = format!("this text has more than {SCENARIO_TEXT_CHARS} characters");
            self.fault(text, says, "Make it shorter: people read it on one screen.");
        }
        text.get_ref().trim().to_owned()
    }

    fn clipped(&mut self, text: &str) -> String {
        let most = SCENARIO_TEXT_CHARS.saturating_mul(4);
        if text.chars().count() > most {
            let says = format!("about has more than {most} characters");
            self.faults
                .add(None, says, "Make it shorter: people read it on one screen.");
        }
        text.trim().to_owned()
    }

    fn few(&mut self, count: usize, most: usize, what: &str) {
        if count > most {
            let says = format!("there are {count} {what}, and at most {most} may be");
            self.faults.add(None, says, "Make two scenarios of it.");
        }
    }

    fn fault(&mut self, at: &Text, says: impl Into<String>, remedy: impl Into<String>) {
        let line = self.line(at);
        self.faults.add(Some(line), says, remedy);
    }

    fn line(&self, text: &Text) -> usize {
        line_of(self.text, text.span().start)
    }
}

fn one_of(texts: &[&str]) -> String {
    format!("Write one of: {}.", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{EXERCISES, built_in_files, named};
    use super::*;

    /// The small exercise, with something else in the place of something.
    fn small(from: &str, to: &str) -> String {
        let text = named("night-shift").expect("it is there").text;
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    }

    fn faults(text: &str) -> Faults {
        read(text, &built_in_files()).expect_err("a fault")
    }

    #[test]
    fn what_is_built_in_can_be_played() {
        for exercise in &EXERCISES {
            let scenario = read(exercise.text, &built_in_files());
            let scenario = scenario.unwrap_or_else(|f| panic!("{}: {f:?}", exercise.name));
            assert!(!scenario.steps.is_empty(), "{}", exercise.name);
        }
    }

    #[test]
    fn a_fault_names_its_line_and_what_to_write() {
        let line = |what: &str| {
            let text = named("night-shift").expect("it is there").text;
            text.split(what).next().map(|before| before.lines().count())
        };
        for (from, to, says, remedy) in [
            (
                "must_hold = [\"shelter\"]",
                "must_hold = [\"sheltr\"]",
                "'sheltr'",
                "border",
            ),
            (
                "sector = \"ngo\"",
                "sector = \"charity\"",
                "'charity' is no sector",
                "ngo",
            ),
            (
                "country = \"QN\"  ",
                "country = \"Narova\"",
                "'Narova' is no country",
                "QM",
            ),
            (
                "policy = \"sample:ngo\"",
                "policy = \"sample:bank\"",
                "'bank'",
                "sample:fiu",
            ),
            (
                "policy = \"sample:ngo\"",
                "policy = \"nowhere\"",
                "nowhere",
                "folder",
            ),
            ("pass = \"1h\"", "pass = \"an hour\"", "'an hour'", "2h"),
            (
                "stands = \"declined\"",
                "stands = \"refused\"",
                "'refused'",
                "declined",
            ),
            ("of = \"night\"", "of = \"nigth\"", "'nigth'", "night"),
            ("run = \"push -\"", "run = \"backup -\"", "'backup'", "push"),
            ("run = \"push -\"", "run = \"push file\"", "'-'", "-"),
            (
                "next = \"night\"",
                "next = \"detections\"",
                "no referral",
                "refer new",
            ),
            ("as = \"second\"", "as = \"night\"", "two steps", "its own"),
            (
                "at = \"border\"\nnext",
                "pass = \"1h\"\nnext",
                "exactly one thing",
                "pass",
            ),
            (
                "secrets = [\"Hollermarke\"]",
                "secrets = [\"x\"]",
                "too short",
                "four",
            ),
        ] {
            let text = small(from, to);
            let found = faults(&text);
            let first = found.faults.first().expect("one");
            assert!(first.says.contains(says), "{from}: {first}");
            assert!(first.remedy.contains(remedy), "{from}: {first}");
            let near = line(from)
                .zip(first.line)
                .is_some_and(|(at, said)| at.abs_diff(said) <= 12);
            assert!(near, "{from}: {first}");
        }
    }

    #[test]
    fn an_unknown_key_and_no_toml_have_a_line_as_well() {
        let found = faults(&small("urgency = \"high\"", "urgency = high"));
        assert!(
            found.faults.iter().all(|f| f.line.is_some_and(|l| l > 90)),
            "{found:?}"
        );
        let found = faults(&small(
            "title = \"A night shift\"",
            "titel = \"A night shift\"",
        ));
        assert!(
            found.faults.iter().any(|f| f.says.contains("titel")),
            "{found:?}"
        );
        assert!(faults("").faults.iter().any(|f| f.says.contains("name")));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let large = format!("# {}", "x".repeat(SCENARIO_BYTES as usize));
        assert!(
            faults(&large)
                .faults
                .iter()
                .any(|f| f.says.contains("larger"))
        );
        let step = "\n[[step]]\nsays = \"on\"\npass = \"1s\"\n";
        let many = format!("{}{}", small("name", "name"), step.repeat(EXERCISE_STEPS));
        assert!(
            faults(&many)
                .faults
                .iter()
                .any(|f| f.says.contains("steps"))
        );
        let wrong = "\n[[step]]\nsays = \"on\"\nstop = \"nobody\"\n".repeat(40);
        let found = faults(&format!("{}{wrong}", small("name", "name")));
        assert_eq!((found.faults.len(), found.more), (20, 20));
    }
}
