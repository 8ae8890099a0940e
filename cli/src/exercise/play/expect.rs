//! Looking whether what a step must bring about is so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use liaison_protocol::id::RecordId;

use super::super::command::{Command, fill};
use super::super::report::{Check, StepReport};
use super::super::scenario::{Expect, Step, Then};
use super::Player;
use super::given::{Given, Has, has};
use crate::limits::EXPECT_LOOK_MS;
use crate::stage::{Done, Member};

/// How long between two looks.
pub const LOOK: Duration = Duration::from_millis(EXPECT_LOOK_MS);

/// How long between two looks by a command: each is a line in the audit log of its node.
const LOOK_BY_COMMAND: Duration = Duration::from_millis(5 * EXPECT_LOOK_MS);

/// Waits a moment.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

impl Player<'_> {
    /// Looks at all that a step must bring about.
    pub(super) fn expectations(&mut self, step: &Step, report: &mut StepReport) -> Done {
        let end = Instant::now() + step.within;
        for expect in &step.expects {
            match expect {
                Expect::Refused(words) => {
                    // What others do meanwhile must not be taken for what the command did.
                    let missing = words.iter().find(|word| !report.printed.contains(*word));
                    let check = match missing {
                        None => Check::held(format!("refused: {}", words.join(", "))),
                        Some(word) => Check::failed(format!(
                            "it was not refused with '{word}', but said: {}",
                            report.printed.trim().chars().take(300).collect::<String>()
                        )),
                    };
                    let nothing = Check::of(
                        report.id.is_none(),
                        "nothing came of it",
                        "something came of it all the same",
                    )
                    .quietly();
                    report.checks.extend([check, nothing]);
                }
                Expect::Undelivered => {}
                Expect::Prints { all, none } => {
                    let text = report.printed.clone();
                    report.checks.extend(self.shows(&text, all, none));
                }
                Expect::Holds { must, must_not } => {
                    self.holds(step, must, must_not, end, report)?;
                }
                Expect::Card(names) => {
                    let check = self.card(step, names, end)?;
                    report.checks.push(check);
                }
                Expect::Then { at, then } => {
                    for name in at {
                        let checks = self.then(name, then, end)?;
                        report.checks.extend(checks);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a text has all of some and none of others.
    fn shows(&self, text: &str, all: &[String], none: &[String]) -> Vec<Check> {
        let says = |word: &String| {
            let there = text.contains(&fill(word, |label| self.labels.full(label)))
                || text.contains(&fill(word, |label| self.labels.short(label)));
            let word = fill(word, |label| self.labels.short(label));
            let (says, not) = (
                format!("it says '{word}'"),
                format!("it does not say '{word}'"),
            );
            (there, says, not)
        };
        let all = all
            .iter()
            .map(says)
            .map(|(there, says, not)| Check::of(there, says, not));
        let none = none
            .iter()
            .map(says)
            .map(|(there, says, not)| Check::of(!there, not, says));
        all.chain(none).collect()
    }

    /// Who has what came of the step, and who must not.
    fn holds(
        &mut self,
        step: &Step,
        must: &BTreeSet<String>,
        must_not: &BTreeSet<String>,
        end: Instant,
        report: &mut StepReport,
    ) -> Done {
        let id = report
            .id
            .as_ref()
            .and_then(|id| id.parse::<RecordId>().ok());
        let (Some(id), Some(author)) = (id, step.at()) else {
            report.checks.push(Check::failed("no record came of it"));
            return Ok(());
        };
        let gist = self.stage.of(author)?.node()?.vault.gist(&id);
        let thread = gist.map(|gist| gist.thread);
        let sealed = thread.is_some();
        let lacks = loop {
            let mut lacks = Vec::new();
            for name in must {
                let member = self.stage.of(name)?;
                if !member.runs() || has(member, &id, sealed)? != Has::Content {
                    lacks.push(name.clone());
                }
            }
            if lacks.is_empty() || Instant::now() >= end {
                break lacks;
            }
            pause(LOOK);
        };
        // What must arrive is there: only now is it of any meaning that others have nothing.
        self.stage.settle()?;
        let all = self.who_has(&id, sealed)?;
        let in_order = |names: &BTreeSet<String>| -> Vec<String> {
            let all = self.stage.iter().map(|member| &member.name);
            all.filter(|name| names.contains(*name)).cloned().collect()
        };
        let held: BTreeSet<String> = all
            .iter()
            .filter(|(_, has)| **has == Has::Content)
            .map(|(name, _)| name.clone())
            .collect();
        for name in must.iter().filter(|name| *name != author) {
            let says = format!("{name} has it");
            let fault = format!("{name} does not have it");
            let check = Check::of(!lacks.contains(name), says, fault);
            report.checks.push(check.quietly());
        }
        let mut has_not = BTreeSet::new();
        for name in must_not {
            let check = match all.get(name) {
                Some(Has::Content) => Check::failed(format!("{name} has it, and must not")),
                // An erased record leaves its id; one that is sealed for others, nothing.
                Some(Has::Id) if sealed => {
                    Check::failed(format!("{name} knows its id, and must not"))
                }
                Some(_) => Check::held(format!("{name} does not have it")),
                None => continue,
            };
            if check.ok {
                has_not.insert(name.clone());
            }
            report.checks.push(check.quietly());
        }
        let others = held.iter().filter(|name| *name != author);
        report.has = in_order(&others.cloned().collect());
        report.has_not = in_order(&has_not);
        self.unjudged.remove(&id);
        self.given.push(Given {
            step: self.steps.len(),
            row: step.row.clone(),
            what: step.what.clone(),
            author: author.to_owned(),
            id,
            thread,
            parts: BTreeSet::from([id]),
            must: must.clone(),
            must_not: must_not.clone(),
            held,
            gone: false,
        });
        Ok(())
    }

    /// Whether the card of the step's agency is everywhere as it is now.
    fn card(&self, step: &Step, names: &BTreeSet<String>, end: Instant) -> Done<Check> {
        let Some(author) = step.at() else {
            return Ok(Check::failed("nobody changed a card"));
        };
        let author = self.stage.of(author)?;
        let own = author.home.card_file().ok();
        let own = own.as_ref().and_then(|card| card.contact());
        let Some(functions) = own.map(|contact| contact.functions.clone()) else {
            return Ok(Check::failed(format!("{} has no card", author.name)));
        };
        loop {
            let mut lacks = Vec::new();
            for name in names.iter().filter(|name| **name != author.name) {
                let member = self.stage.of(name)?;
                let known = member.node()?.registry.contact(&author.id);
                if known.is_none_or(|known| known.functions != functions) {
                    lacks.push(name.clone());
                }
            }
            if lacks.is_empty() {
                let says = format!(
                    "{} have the card as it is now",
                    names.len().saturating_sub(1)
                );
                return Ok(Check::held(says));
            }
            if Instant::now() >= end {
                let lacks = lacks.join(", ");
                return Ok(Check::failed(format!("{lacks}: the card did not arrive")));
            }
            pause(LOOK);
        }
    }

    /// Whether something is so at an agency.
    fn then(&mut self, name: &str, then: &Then, end: Instant) -> Done<Vec<Check>> {
        let member = self.stage.of(name)?;
        if !member.runs() {
            let says = format!("the node of {name} does not run, so nothing can be looked up");
            return Ok(vec![Check::failed(says)]);
        }
        let of = match then {
            Then::Stands { of, .. }
            | Then::Still { of, .. }
            | Then::Steps { of, .. }
            | Then::Gone { of }
            | Then::Overdue { of, .. } => of,
            Then::Shows { command, all, none } => {
                return self.looks(member, command, (all, none), end);
            }
        };
        let Some(id) = self.labels.record(of) else {
            return Ok(vec![Check::failed(format!("'{of}' did not come to be"))]);
        };
        let check = match then {
            Then::Stands { state, .. } => {
                let stands = until(end, || Ok(state_of(member, &id)?.as_deref() == Some(state)))?;
                let now = state_of(member, &id)?.unwrap_or_else(|| "not there".into());
                let says = format!("{of} is {state} at {name}");
                Check::of(
                    stands,
                    says,
                    format!("{of} is {now} at {name}, not {state}"),
                )
            }
            Then::Still { state, .. } => {
                self.stage.settle()?;
                let now = state_of(member, &id)?.unwrap_or_else(|| "not there".into());
                let says = format!("{of} is still {state} at {name}");
                Check::of(
                    now == *state,
                    says,
                    format!("{of} is {now} at {name}, not {state}"),
                )
            }
            Then::Steps { steps, .. } => {
                let mut wanted = steps.clone();
                wanted.sort();
                let so = until(end, || Ok(steps_of(member, &id)? == wanted))?;
                let now = steps_of(member, &id)?.join(", ");
                let says = format!("{of} at {name}: {}, each once", steps.join(", "));
                Check::of(so, says, format!("the steps of {of} at {name} are: {now}"))
            }
            Then::Gone { .. } => self.gone(name, of, &id, end)?,
            Then::Overdue { silent, .. } => {
                let silent_id = self.stage.of(silent)?.id;
                let told = until(end, || {
                    let node = member.node()?;
                    let notices = node.referrals.overdue_notices(&member.id);
                    let mut of_it = notices.iter();
                    Ok(of_it.any(|n| n.thread == id && n.silent == silent_id))
                })?;
                let name = member.name.clone();
                self.told.entry(id).or_default().insert(name.clone());
                let says = format!("{name} is told that {silent} is silent");
                Check::of(
                    told,
                    says,
                    format!("{name} is not told that {silent} is silent"),
                )
            }
            Then::Shows { .. } => return Ok(Vec::new()),
        };
        Ok(vec![check])
    }

    /// Nothing of a record, or of any record of a referral, is left at an agency.
    fn gone(&mut self, name: &str, of: &str, id: &RecordId, end: Instant) -> Done<Check> {
        let mut all: BTreeSet<RecordId> = BTreeSet::from([*id]);
        for given in &mut self.given {
            if given.thread == Some(*id) || given.id == *id {
                given.gone = true;
                all.extend(&given.parts);
            }
        }
        let member = self.stage.of(name)?;
        let gone = until(end, || {
            for id in &all {
                let left = has(member, id, true)? == Has::Content
                    || has(member, id, false)? == Has::Content
                    || member.node()?.vault.keyring().holds(id);
                if left {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        let says = format!("nothing of {of} is left at {name}");
        Ok(Check::of(
            gone,
            says,
            format!("{name} still has something of {of}"),
        ))
    }

    /// Looks by a command until it shows what it must.
    fn looks(
        &self,
        member: &Member,
        command: &Command,
        (all, none): (&[String], &[String]),
        end: Instant,
    ) -> Done<Vec<Check>> {
        loop {
            let ran = self.command_at(member, command, "");
            let mut checks = self.shows(&ran.text, all, none);
            if ran.code != 0 {
                let shown = command.shown(&self.labels, None);
                let says = format!("{}: {shown} failed: {}", member.name, ran.text.trim());
                checks.push(Check::failed(says));
            }
            if checks.iter().all(|check| check.ok) || Instant::now() >= end {
                return Ok(checks);
            }
            pause(LOOK_BY_COMMAND);
        }
    }
}

/// Looks until something is so, or the time is over.
fn until(end: Instant, mut so: impl FnMut() -> Done<bool>) -> Done<bool> {
    loop {
        if so()? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        pause(LOOK);
    }
}

fn state_of(member: &Member, id: &RecordId) -> Done<Option<String>> {
    let thread = member.node()?.referrals.thread(id);
    Ok(thread.map(|thread| thread.state().to_string()))
}

/// The steps of a referral that are known at a node, by name: what two agencies do within one
/// moment of the exercise's clock has no order.
fn steps_of(member: &Member, id: &RecordId) -> Done<Vec<String>> {
    let thread = member.node()?.referrals.thread(id);
    let held = thread.iter().flat_map(|thread| thread.steps().values());
    let mut steps: Vec<String> = held
        .map(|held| held.step.action.effect().to_string())
        .collect();
    steps.sort();
    Ok(steps)
}
