//! `liaison demo`.

mod check;
mod plan;
pub mod report;

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use liaison_node::control::api::{
    AmendRequest, PushReport, PushRequest, RetractReport, RetractRequest,
};
use liaison_node::ingest::Statement;
use liaison_protocol::record::draft::Draft;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;

use self::plan::{EXERCISE, Fate, GROUPS, Group, LINKS};
use self::report::{Report, Written};
use super::{Context, today};
use crate::error::{CommandError, Outcome};
use crate::node::{Clock, SystemClock};
use crate::output::{Ui, demo};
use crate::stage::{self, Done, Member, Part, Stage, Trouble, failed};

pub use self::plan::{AGENCIES, PICTURE};

/// See it work: five nodes on this machine exchange synthetic records under policies
///
/// Starts them in a temporary folder, prints who sent, received and was refused what and by
/// which rule, checks that every node holds exactly what it should, and ends by itself.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  liaison demo\n  liaison demo --keep     and look into FOLDER/border and FOLDER/border.log"
)]
pub struct DemoArgs {
    /// Keep the folder with the nodes' homes and logs
    #[arg(long)]
    keep: bool,
}

/// Runs it.
pub fn run(context: &mut Context, args: &DemoArgs) -> Outcome {
    let report = stage::in_folder(context.ui, args.keep, play)?;
    if report.ok {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

fn play(ui: &mut Ui, dir: &Path) -> Result<Report, Trouble> {
    let mut step = Steps { ui };
    step.title()?;
    let members = agencies(dir)?;
    let done = exchange(&mut step, &members);
    members.stop();
    let report = done?;
    ui.either(&report, |style| demo::report(style, &report))?;
    Ok(report)
}

/// The demo's nodes, started.
fn agencies(dir: &Path) -> Done<Stage> {
    let part = |agency: &plan::Agency| Part {
        name: agency.name.into(),
        title: agency.title.into(),
        country: agency.country.into(),
        sector: agency.sector.into(),
        regime: agency.regime.into(),
        policy: agency
            .policy
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()))
            .collect(),
        config: format!("exercise = \"{EXERCISE}\"\n"),
        every_role: false,
        listens: true,
        hubs: Vec::new(),
    };
    let links = LINKS.iter().map(|(a, b)| ((*a).into(), (*b).into()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = AGENCIES.iter().map(part).collect();
    Stage::start(dir, parts, links.collect(), &clock, &|_| None)
}

/// The demo itself, while the nodes run.
fn exchange(step: &mut Steps, members: &Stage) -> Result<Report, Trouble> {
    step.say(&format!(
        "{} nodes started, each with its own keys, store and port.",
        AGENCIES.len()
    ))?;
    let statements = members.apply_policies("demo")?;
    step.say(&format!(
        "Policies applied: {statements} statements; whatever none permits is not shared."
    ))?;
    members.link()?;
    step.say(&format!(
        "{} links up: cards exchanged, 30 digits compared.",
        LINKS.len()
    ))?;

    let mut written = Vec::new();
    for (number, group) in (1..).zip(&GROUPS) {
        written.push(write(members.of(group.by)?, group, number)?);
    }
    let count: usize = written.iter().map(|w| w.ids.len()).sum();
    step.say(&format!(
        "{count} fictional records signed; one draft was not (TRD-02)."
    ))?;
    members.settle()?;
    step.say("Exchanged: every session is idle.")?;
    let why = report::why(members, &written)?;

    for (group, written) in GROUPS.iter().zip(&mut written) {
        let author = members.of(group.by)?;
        match group.fate {
            Fate::Amended => amend(author, written)?,
            Fate::Retracted => retract(author, written)?,
            Fate::Stays | Fate::Unsigned => {}
        }
    }
    members.settle()?;
    step.say("One record amended, one retracted; those who had them have heard.")?;

    let mut report = Report::gather(members, &written, &why)?;
    (report.checked, report.faults) = check::check(members, &written)?;
    report.ok = report.faults.is_empty();
    Ok(report)
}

/// Signs a group's records. Several at once go in like an import, one by one like an
/// officer's push.
fn write(author: &Member, group: &Group, number: u64) -> Result<Written, Trouble> {
    let mut written = Written::default();
    if group.fate == Fate::Unsigned {
        let request = PushRequest {
            draft: group.unsignable(today()),
            to: None,
            dry_run: false,
        };
        match author.client.post::<PushReport>("/v1/records", &request) {
            Err(CommandError::Api(error)) => written.findings = error.findings,
            Err(error) => return Err(author.trouble(error)),
            Ok(report) => written.ids.extend(id_of(report.id.as_deref())),
        }
        return Ok(written);
    }
    let statements = group.statements(number, today());
    match <[_; 1]>::try_from(statements) {
        Ok([(fields, content)]) => {
            let request = PushRequest {
                draft: draft(&fields, &content)?,
                to: group
                    .to
                    .map(|to| to.iter().map(|name| (*name).into()).collect()),
                dry_run: false,
            };
            let report: PushReport = author
                .client
                .post("/v1/records", &request)
                .map_err(|e| author.trouble(e))?;
            written.ids.extend(id_of(report.id.as_deref()));
        }
        Err(several) => {
            let several = several
                .into_iter()
                .map(|(fields, content)| Statement {
                    fields,
                    content,
                    audience: None,
                })
                .collect();
            let node = author.node()?;
            let made = author
                .run(node.ingest.own(several, Vec::new()))
                .map_err(|e| author.trouble(failed(e.to_string())))?;
            written.ids = made.into_iter().map(|(id, _)| id).collect();
        }
    }
    Ok(written)
}

fn amend(author: &Member, written: &mut Written) -> Result<(), Trouble> {
    for id in &written.ids {
        let path = format!("/v1/records/{}", id.full());
        let view: liaison_node::control::api::RecordView = author.client.get(&path)?;
        let mut draft = view.record;
        if let Some(draft) = draft.as_object_mut() {
            for derived in ["schema", "author", "created"] {
                draft.remove(derived);
            }
            draft.retain(|_, value| !value.is_null());
            draft.insert(
                "title".into(),
                format!("{} (corrected)", view.row.title).into(),
            );
        }
        let request = AmendRequest {
            draft,
            to: None,
            dry_run: false,
        };
        let report: PushReport = author
            .client
            .post(&format!("{path}/amend"), &request)
            .map_err(|e| author.trouble(e))?;
        written.amendment = id_of(report.id.as_deref());
    }
    Ok(())
}

fn retract(author: &Member, written: &Written) -> Result<(), Trouble> {
    for id in &written.ids {
        let request = RetractRequest {
            reason: "error".into(),
            dry_run: false,
        };
        let path = format!("/v1/records/{}/retract", id.full());
        let _report: RetractReport = author
            .client
            .post(&path, &request)
            .map_err(|e| author.trouble(e))?;
    }
    Ok(())
}

fn draft(fields: &Fields, content: &Content) -> Result<serde_json::Value, CommandError> {
    let draft = Draft::of(fields, content).map_err(|e| failed(e.to_string()))?;
    serde_json::to_value(draft).map_err(|e| failed(e.to_string()))
}

fn id_of(text: Option<&str>) -> Option<liaison_protocol::id::RecordId> {
    text.and_then(|id| id.parse().ok())
}

/// Tells on standard output how far it is; with `--json` nothing.
struct Steps<'a> {
    ui: &'a mut Ui,
}

impl Steps<'_> {
    fn title(&mut self) -> Outcome {
        if self.ui.json {
            return Ok(());
        }
        let text = demo::title(&self.ui.style);
        self.ui.print(&text)
    }

    fn say(&mut self, says: &str) -> Outcome {
        if self.ui.json {
            return Ok(());
        }
        let text = demo::step(&self.ui.style, says);
        self.ui.print(&text)
    }
}
