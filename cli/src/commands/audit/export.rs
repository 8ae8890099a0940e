//! `liaison audit export`.

use std::fs::{DirBuilder, File};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use liaison_node::audit::path_of;
use liaison_node::control::api::AuditExport;
use serde_json::json;

use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::plural;

/// Copy the log, byte for byte, into a new folder
///
/// `liaison audit verify --dir` checks the copy anywhere; it needs the agency's card only.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  liaison audit export /media/stick/audit-2031-03
  liaison audit verify --dir /media/stick/audit-2031-03 --card qn-bord.card")]
pub struct ExportArgs {
    /// The folder; it is made
    dir: PathBuf,
}

pub(super) fn run(context: &mut Context, args: &ExportArgs) -> Outcome {
    let dir = args.dir.as_path();
    let made = DirBuilder::new().mode(0o700).create(dir);
    made.map_err(|e| failed(dir, e))?;
    let mut file: Option<(PathBuf, BufWriter<File>)> = None;
    let mut count = 0;
    context.client()?.lines("/v1/audit/export", |line| {
        let part: AuditExport = serde_json::from_str(line).map_err(|e| CommandError::Answer {
            path: "/v1/audit/export".into(),
            why: e.to_string(),
        })?;
        match part {
            AuditExport::Stub(stub) => {
                let path = path_of(dir, stub.first, "stub");
                let bytes = serde_json::to_vec(&stub).unwrap_or_default();
                std::fs::write(&path, bytes).map_err(|e| failed(&path, e))?;
            }
            AuditExport::Segment(first) => {
                close(&mut file)?;
                let path = path_of(dir, first, "log");
                let opened = File::create(&path).map_err(|e| failed(&path, e))?;
                file = Some((path, BufWriter::new(opened)));
            }
            AuditExport::Line(line) => {
                if let Some((path, file)) = &mut file {
                    writeln!(file, "{line}").map_err(|e| failed(path, e))?;
                    count += 1;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    close(&mut file)?;
    let shown = dir.display().to_string();
    context
        .ui
        .either(&json!({ "dir": shown, "lines": count }), |_| {
            format!("{} in {shown}\n", plural(count, "line", "lines"))
        })
}

fn close(file: &mut Option<(PathBuf, BufWriter<File>)>) -> Result<(), CommandError> {
    let Some((path, mut writer)) = file.take() else {
        return Ok(());
    };
    writer
        .flush()
        .and_then(|()| writer.get_ref().sync_all())
        .map_err(|e| failed(&path, e))
}

fn failed(path: &Path, source: std::io::Error) -> CommandError {
    CommandError::File {
        what: "write",
        path: path.to_owned(),
        source,
    }
}
