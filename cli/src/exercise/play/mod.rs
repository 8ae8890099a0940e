//! Playing a scenario.

mod disk;
mod end;
mod expect;
mod given;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_node::clock::ManualClock;
use liaison_node::control::api::ClockReport;
use liaison_protocol::id::RecordId;

use self::disk::Disk;
use self::given::{Given, Refused};
use super::command::Labels;
use super::report::{Check, Report, StepReport};
use super::scenario::{Act, Agency, Expect, Scenario, Step};
use crate::node::{Clock, SystemClock};
use crate::stage::{Done, Part, Stage, Taps, failed};

/// Plays a scenario. The nodes run until [`Player::finish`].
pub struct Player<'a> {
    scenario: &'a Scenario,
    stage: Stage,
    clock: Arc<ManualClock>,
    dir: PathBuf,
    disk: Disk,
    labels: Labels,
    /// What came of the steps that say who must hold it.
    given: Vec<Given>,
    /// What came of the others: nobody said who may hold it.
    unjudged: BTreeSet<RecordId>,
    /// By thread: who was to be told that somebody is silent.
    told: BTreeMap<RecordId, BTreeSet<String>>,
    steps: Vec<StepReport>,
    /// What a node refused.
    refused: Vec<Refused>,
}

impl<'a> Player<'a> {
    /// Starts the nodes in a folder, puts their policies in force and links them. `taps` gives
    /// each node what sees its frames.
    ///
    /// # Errors
    /// A node does not start, or two do not find each other.
    pub fn start(scenario: &'a Scenario, dir: &Path, taps: Taps<'_>) -> Done<Self> {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let handed: Arc<dyn Clock> = clock.clone();
        let parts = scenario.agencies.iter().map(|a| part(a, &scenario.name));
        let links = scenario.links.clone();
        let stage = Stage::start(dir, parts.collect(), links, &handed, taps)?;
        let player = Self {
            scenario,
            stage,
            clock,
            dir: dir.to_owned(),
            disk: Disk::new(&scenario.secrets),
            labels: Labels::default(),
            given: Vec::new(),
            unjudged: BTreeSet::new(),
            told: BTreeMap::new(),
            steps: Vec::new(),
            refused: Vec::new(),
        };
        let linked = player.stage.link();
        match linked.and_then(|()| player.stage.apply_policies(&scenario.name)) {
            Ok(_statements) => Ok(player),
            Err(trouble) => {
                player.stage.stop();
                Err(trouble)
            }
        }
    }

    /// The nodes.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// What a step's command looks like when it is typed; none: it has no command.
    pub fn command(&self, step: &Step) -> Option<String> {
        match &step.act {
            Act::Run { command, draft, .. } => {
                let file = draft.as_ref().map(|(_, name)| name.as_str());
                Some(command.shown(&self.labels, file))
            }
            _ => None,
        }
    }

    /// Plays a step, and looks at what must come of it.
    ///
    /// # Errors
    /// A node broke down. What is only not as expected stands in the report.
    pub fn play(&mut self, step: &Step) -> Done<&StepReport> {
        let mut report = StepReport {
            row: step.row.clone(),
            says: step.says.clone(),
            at: step.at().map(str::to_owned),
            command: self.command(step),
            printed: String::new(),
            id: None,
            label: step.label.clone(),
            has: Vec::new(),
            has_not: Vec::new(),
            checks: Vec::new(),
        };
        self.act(step, &mut report)?;
        if report.ok() {
            self.expectations(step, &mut report)?;
        }
        self.look_at_threads()?;
        if let Some(what) = &step.what
            && step.expects.iter().any(|e| matches!(e, Expect::Refused(_)))
        {
            let at = report.at.clone().unwrap_or_default();
            self.refused.push(Refused {
                step: self.steps.len(),
                row: step.row.clone(),
                what: what.clone(),
                by: at,
            });
        }
        if matches!(&step.act, Act::Run { draft: Some(_), .. }) {
            let searched = self.disk.search(&self.dir);
            report.checks.extend(searched.map(Check::quietly));
        }
        self.steps.push(report);
        let last = self.steps.last();
        last.ok_or_else(|| failed("the step has no report".into()).into())
    }

    fn act(&mut self, step: &Step, report: &mut StepReport) -> Done {
        match &step.act {
            Act::Run { .. } => self.run(step, report),
            Act::Pass(ms) => {
                self.clock.advance(*ms);
                self.believe_the_clock()
            }
            Act::Stop(name) => self.stage.stop_one(name),
            Act::Start(name) => {
                self.stage.start_one(name)?;
                self.believe_the_clock()?;
                self.stage.settle()
            }
            Act::Next { at, of } => self.next(step, at, of, report),
            Act::Arrives { of, .. } => {
                report.id = self.labels.full(of);
                Ok(())
            }
        }
    }

    /// What peers told of their clocks before an hour passed is old: each administrator says that
    /// the clock is right.
    fn believe_the_clock(&self) -> Done {
        for member in self.stage.iter().filter(|m| m.runs()) {
            let confirmed: Result<ClockReport, _> = member.client.post("/v1/clock/confirm", &());
            confirmed.map_err(|e| member.trouble(e))?;
        }
        Ok(())
    }

    /// Looks at everything once more, stops the nodes, and says what came of it.
    ///
    /// # Errors
    /// A node broke down.
    pub fn finish(mut self) -> Done<Report> {
        let mut at_the_end = Vec::new();
        let looked = self.look_back(&mut at_the_end);
        let matrix = self.matrix();
        let matrix = looked.and(matrix);
        let Self {
            scenario,
            stage,
            dir,
            mut disk,
            steps,
            ..
        } = self;
        stage.stop();
        let matrix = matrix?;
        at_the_end.extend(disk.search(&dir));
        let all = || {
            let steps = steps.iter();
            let of_steps = steps.flat_map(|step| step.checks.iter().map(move |c| (Some(step), c)));
            of_steps.chain(at_the_end.iter().map(|check| (None, check)))
        };
        let faults: Vec<String> = all()
            .filter(|(_, check)| !check.ok)
            .map(|(step, check)| match step {
                Some(step) => format!("Row {}: {}", step.row, check.says),
                None => format!("At the end: {}", check.says),
            })
            .collect();
        Ok(Report {
            ok: faults.is_empty(),
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            agencies: scenario.agencies.iter().map(|a| a.name.clone()).collect(),
            expectations: all().count(),
            matrix,
            faults,
            at_the_end,
            steps,
        })
    }

    /// Stops the nodes without a verdict.
    pub fn stop(self) {
        self.stage.stop();
    }

    /// Adds a check that is not the scenario's.
    fn check(report: &mut StepReport, check: Check) {
        report.checks.push(check);
    }
}

/// What an agency brings.
fn part(agency: &Agency, exercise: &str) -> Part {
    let mut config = toml::Table::new();
    config.insert("exercise".into(), exercise.into());
    if !agency.address {
        config.insert("listen".into(), toml::Value::Array(Vec::new()));
    }
    if agency.hub {
        config.insert("hub".into(), toml::Table::new().into());
    }
    if !agency.hubs.is_empty() {
        let hubs = toml::Table::from_iter([("use".to_owned(), agency.hubs.clone().into())]);
        config.insert("hubs".into(), hubs.into());
    }
    Part {
        name: agency.name.clone(),
        title: agency.title.clone(),
        country: agency.country.clone(),
        sector: agency.sector.clone(),
        regime: agency.regime.clone(),
        policy: agency.policy.clone(),
        config: config.to_string(),
        every_role: true,
        listens: agency.address,
        hubs: agency.hubs.clone(),
    }
}
