//! `liaison demo`.

mod check;
mod nodes;
mod plan;
pub mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use liaison_node::control::api::{
    AmendRequest, PushReport, PushRequest, RetractReport, RetractRequest,
};
use liaison_node::ingest::Statement;
use liaison_protocol::record::draft::Draft;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;

use self::nodes::{Member, Members, Trouble, failed};
use self::plan::{Fate, GROUPS, Group, LINKS};
use self::report::{Report, Written};
use super::{Context, today};
use crate::error::{CommandError, Outcome};
use crate::output::demo;

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

/// Bytes of a temporary folder's path: with the folder of a node and its socket below it,
/// the whole stays under the 107 bytes that the kernel allows.
const TEMP_PATH_BYTES: usize = 60;

/// Runs it.
pub fn run(context: &mut Context, args: &DemoArgs) -> Outcome {
    if std::env::var_os("SSLKEYLOGFILE").is_some() {
        return Err(CommandError::failed(
            "SSLKEYLOGFILE is set: the session keys of every connection would be written to disk",
            "unset it, then start again",
        ));
    }
    // A socket's path has to be short; a long TMPDIR would not leave room for it.
    let short = |dir: &PathBuf| dir.as_os_str().len() <= TEMP_PATH_BYTES;
    let base = Some(std::env::temp_dir()).filter(short);
    let base = base.unwrap_or_else(|| PathBuf::from("/tmp"));
    let folder = tempfile::Builder::new()
        .prefix("liaison-")
        .tempdir_in(base)
        .map_err(|e| {
            CommandError::failed(
                format!("there is no room for the nodes: {e}"),
                "name a folder that you may write to in TMPDIR",
            )
        })?;
    let played = play(context, folder.path());
    let keep = args.keep || played.is_err();
    let dir = folder.path().display().to_string();
    if keep {
        let _path = folder.keep();
    }
    match played {
        Ok(report) => {
            if args.keep {
                context.ui.note(&format!("Kept: {dir}"))?;
            }
            if report.ok {
                Ok(())
            } else {
                Err(CommandError::Partial)
            }
        }
        Err(Trouble { error, log }) => {
            let log = log.map_or_else(|| format!("{dir}/*.log"), |l| l.display().to_string());
            context
                .ui
                .note(&format!("The nodes' logs were kept; read {log}"))?;
            Err(error)
        }
    }
}

fn play(context: &mut Context, dir: &Path) -> Result<Report, Trouble> {
    let mut step = Steps::new(context);
    step.title()?;
    let members = Members::start(dir)?;
    let done = exchange(&mut step, &members);
    members.stop();
    let report = done?;
    context
        .ui
        .either(&report, |style| demo::report(style, &report))?;
    Ok(report)
}

/// The demo itself, while the nodes run.
fn exchange(step: &mut Steps, members: &Members) -> Result<Report, Trouble> {
    step.say(&format!(
        "{} nodes started, each with its own keys, store and port.",
        AGENCIES.len()
    ))?;
    let statements = members.apply_policies()?;
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
            let made = author
                .run(author.node.ingest.own(several, Vec::new()))
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
struct Steps<'a, 'b> {
    context: &'a mut Context<'b>,
}

impl<'a, 'b> Steps<'a, 'b> {
    fn new(context: &'a mut Context<'b>) -> Self {
        Self { context }
    }

    fn title(&mut self) -> Outcome {
        if self.context.ui.json {
            return Ok(());
        }
        let text = demo::title(&self.context.ui.style);
        self.context.ui.print(&text)
    }

    fn say(&mut self, says: &str) -> Outcome {
        if self.context.ui.json {
            return Ok(());
        }
        let text = demo::step(&self.context.ui.style, says);
        self.context.ui.print(&text)
    }
}
