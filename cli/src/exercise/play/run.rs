//! Running a step's command as an officer would: the same program, in this process.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Cursor;
use std::time::Instant;

use liaison_node::referral::emergency::Second;
use liaison_node::referral::{CaseId, Sent};
use liaison_node::store::Arrival;
use liaison_protocol::id::RecordId;
use serde_json::Value;

use super::super::command::{Command, Does, fill};
use super::super::report::{Check, StepReport};
use super::super::scenario::{Act, Expect, Step};
use super::Player;
use super::expect::{LOOK, pause};
use crate::output::{Kept, Ui};
use crate::stage::{Done, Member, failed};

/// What a command came to.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Its exit code.
    pub code: u8,
    /// What it printed, both ways.
    pub text: String,
    /// Its JSON, where it was asked for.
    pub json: Value,
}

/// Name and number of the officer who is second: nobody's on this machine.
const SECOND: (&str, u32) = ("second", u32::MAX - 1);

impl Player<'_> {
    /// Runs the step's command, and takes up what came of it.
    pub(super) fn run(&mut self, step: &Step, report: &mut StepReport) -> Done {
        let Act::Run {
            at,
            command,
            second,
            draft,
        } = &step.act
        else {
            return Ok(());
        };
        let missing = command
            .labels()
            .into_iter()
            .find(|l| self.labels.full(l).is_none());
        if let Some(label) = missing {
            let says = format!("'{label}' did not come to be, so this was not done");
            Self::check(report, Check::failed(says));
            return Ok(());
        }
        let member = self.stage.of(at)?;
        if !member.runs() {
            let says = format!("the node of {at} does not run");
            Self::check(report, Check::failed(says));
            return Ok(());
        }
        let input = draft.as_ref().map_or_else(String::new, |(text, _)| {
            fill(text, |label| self.labels.full(label))
        });
        let refusal = step.expects.iter().any(|e| matches!(e, Expect::Refused(_)));
        let before = match refusal {
            // What others sent before must not arrive in between.
            true => {
                self.stage.settle()?;
                Some(held_at(member)?)
            }
            false => None,
        };
        let ran = match second {
            true => self.seconded(member, command)?,
            false => self.command_at(member, command, &input),
        };
        report.printed.clone_from(&ran.text);
        if let Some(before) = before {
            let same = before == held_at(member)?;
            let check = Check::of(
                same,
                "nothing is stored",
                "something was stored all the same",
            );
            Self::check(report, check.quietly());
        }
        let undelivered = step
            .expects
            .iter()
            .any(|e| matches!(e, Expect::Undelivered));
        let arrived = ran.json.get("delivered") != Some(&Value::Bool(false));
        // A command that is not delivered says so with its exit code, or in its answer.
        let sent = ran.code != 0 && !arrived && ran.json.get("id").is_some();
        if !refusal {
            let done = ran.code == 0 || (undelivered && sent);
            let says = format!("it was refused: {}", first_line(&ran.text));
            Self::check(report, Check::of(done, "it is done", says).quietly());
        }
        if undelivered {
            let says = "it has not arrived yet, and the officer is told so";
            Self::check(
                report,
                Check::of(!arrived, says, "it arrived, and must not yet"),
            );
        }
        let made = ["id", "draft"]
            .into_iter()
            .find_map(|key| ran.json.get(key)?.as_str());
        if let Some(id) = made.filter(|_| command.does == Does::Acts) {
            report.id = Some(id.to_owned());
            if let Some(label) = &step.label {
                self.labels.set(label, id.to_owned());
            }
            self.unjudged.extend(id.parse::<RecordId>());
        } else if let (Some(label), false) = (&step.label, refusal) {
            let says = format!("nothing came of it that could be called '{label}'");
            Self::check(report, Check::failed(says));
        }
        Ok(())
    }

    /// Runs a command at a node, with this input.
    pub(super) fn command_at(&self, member: &Member, command: &Command, input: &str) -> Ran {
        let acts = command.does == Does::Acts;
        let home = member.home.dir().as_os_str().to_owned();
        let words = command.arguments(&self.labels).into_iter();
        let words = words.chain(acts.then(|| "--json".to_owned()));
        let args: Vec<OsString> = ["liaison".into(), "--home".into(), home]
            .into_iter()
            .chain(words.map(OsString::from))
            .collect();
        let (out, err) = (Kept::default(), Kept::default());
        let mut ui = Ui::with(
            Box::new(Cursor::new(input.as_bytes().to_vec())),
            Box::new(out.clone()),
            Box::new(err.clone()),
        );
        let code = crate::run_in(&args, &mut ui);
        let (out, err) = (out.text(), err.text());
        Ran {
            code,
            json: serde_json::from_str(out.trim()).unwrap_or_default(),
            text: format!("{out}{err}"),
        }
    }

    /// What the second officer does: as the node's library, since the kernel would not let this
    /// process be a second user.
    fn seconded(&self, member: &Member, command: &Command) -> Done<Ran> {
        let (user, uid) = SECOND;
        let second = Second {
            uid,
            user: user.into(),
            shared: false,
        };
        let words = command.arguments(&self.labels);
        let node = member.node()?;
        let named = words.iter().find_map(|word| {
            let of_draft = word.parse::<CaseId>().ok();
            let of_thread = || {
                word.parse::<RecordId>()
                    .ok()
                    .and_then(|id| node.cases.of_thread(&id))
            };
            of_draft.or_else(|| of_thread().map(|(case, _)| case))
        });
        let Some(case) = named else {
            return Ok(Ran {
                code: 1,
                text: "there is no such draft or referral".into(),
                json: Value::Null,
            });
        };
        let done = if command.is(&["refer", "approve"]) {
            let done = member.run(node.approve_emergency(&case, second, None));
            done.map(|(_, sent)| match sent {
                Sent::To { thread, .. } => Some(thread),
                Sent::Waits => None,
            })
        } else {
            let done = member.run(node.review_emergency(&case, second));
            done.map(|case| case.threads().next())
        };
        Ok(match done {
            Ok(thread) => Ran {
                code: 0,
                text: String::new(),
                json: thread.map_or(Value::Null, |id| serde_json::json!({ "id": id.full() })),
            },
            Err(error) => Ran {
                code: 1,
                text: error.to_string(),
                json: Value::Null,
            },
        })
    }

    /// Waits until the provider after this one is asked.
    pub(super) fn next(
        &mut self,
        step: &Step,
        at: &str,
        of: &str,
        report: &mut StepReport,
    ) -> Done {
        let member = self.stage.of(at)?;
        let Some(first) = self.labels.record(of) else {
            let says = format!("'{of}' did not come to be, so nobody else is asked");
            Self::check(report, Check::failed(says));
            return Ok(());
        };
        let end = Instant::now() + step.within;
        let next = loop {
            let node = member.node()?;
            let case = node.cases.of_thread(&first);
            let case = case.map(|(case, _)| node.cases.read(&case));
            let case = match case {
                Some(Err(e)) => return Err(member.trouble(failed(e.to_string()))),
                Some(Ok(case)) => case,
                None => None,
            };
            let threads: Vec<RecordId> = case.iter().flat_map(|case| case.threads()).collect();
            let after = threads.iter().skip_while(|thread| **thread != first).nth(1);
            match after {
                Some(next) => break Some(*next),
                None if Instant::now() >= end => break None,
                None => pause(LOOK),
            }
        };
        Self::check(
            report,
            Check::of(next.is_some(), "the next is asked", "nobody else is asked").quietly(),
        );
        if let Some(next) = next {
            report.id = Some(next.full());
            if let Some(label) = &step.label {
                self.labels.set(label, next.full());
            }
            let all: BTreeSet<RecordId> = [next].into();
            self.unjudged.extend(all);
        }
        Ok(())
    }
}

/// What a node has stored: its last arrival, and how much that it can open.
fn held_at(member: &Member) -> Done<(Arrival, usize)> {
    let node = member.node()?;
    Ok((node.store.last(), node.vault.count()))
}

/// The first line of what a command printed, as a sentence's end.
fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.map_or_else(
        || "it printed nothing".into(),
        |line| line.chars().take(300).collect(),
    )
}
