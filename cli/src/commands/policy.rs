//! `liaison policy`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use liaison_node::control::api::{PolicyPlain, PolicyReport, PolicyRequest};
use serde_json::json;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::{POLICY_BYTES, POLICY_FILES};
use crate::output::policy as render;

/// What your agency lets its peers have, and takes from them.
///
/// A policy is a folder of Cedar files (`*.cedar`) and an optional `entities.json` for
/// circles. Without one, nothing is shared.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check policy files without changing anything
    #[command(
        after_long_help = "Examples:\n  liaison policy check\n  liaison policy check policy/\n  liaison policy check share.cedar"
    )]
    Check {
        /// Folder or file; `-` is standard input [default: policy/ in the home folder]
        source: Option<PathBuf>,
    },
    /// Make policy files the active policy, at once
    #[command(
        after_long_help = "Example:\n  liaison policy apply policy/ --reason 'Agreement with QM of 2 March'\n\n`liaison policy revert` takes it back."
    )]
    Apply {
        /// Folder or file; `-` is standard input [default: policy/ in the home folder]
        source: Option<PathBuf>,
        /// Why; kept beside the policy
        #[arg(long, value_name = "R")]
        reason: Option<String>,
    },
    /// Go back to the policy before the active one
    #[command(
        after_long_help = "Example:\n  liaison policy revert --reason 'applied to the wrong node'"
    )]
    Revert {
        /// Why; kept beside the policy
        #[arg(long, value_name = "R")]
        reason: Option<String>,
    },
    /// Show the active policy and its history
    #[command(
        after_long_help = "Examples:\n  liaison policy show\n  liaison policy show --plain      who may have what, in words"
    )]
    Show {
        /// A table of peers and kinds, in words
        #[arg(long)]
        plain: bool,
    },
}

/// Runs one of them.
pub fn run(context: &mut Context, command: PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check { source } => {
            let request = PolicyRequest {
                files: files(context, source)?,
                reason: None,
            };
            let report: PolicyReport = context.client()?.post("/v1/policy/check", &request)?;
            context.ui.either(&report, |style| {
                format!("{}No faults.\n", render::statements(style, &report))
            })
        }
        PolicyCommand::Apply { source, reason } => {
            let request = PolicyRequest {
                files: files(context, source)?,
                reason,
            };
            let report: PolicyReport = context.client()?.post("/v1/policy/apply", &request)?;
            context
                .ui
                .either(&report, |style| render::statements(style, &report))
        }
        PolicyCommand::Revert { reason } => {
            let report: PolicyReport = context
                .client()?
                .post("/v1/policy/revert", &json!({ "reason": reason }))?;
            context
                .ui
                .either(&report, |style| render::statements(style, &report))
        }
        PolicyCommand::Show { plain: true } => {
            let view: PolicyPlain = context.client()?.get("/v1/policy/plain")?;
            context
                .ui
                .either(&view, |style| render::plain(style, &view))
        }
        PolicyCommand::Show { plain: false } => {
            let report: PolicyReport = context.client()?.get("/v1/policy")?;
            context
                .ui
                .either(&report, |style| render::show(style, &report))
        }
    }
}

/// Name and text of the policy's files.
fn files(
    context: &mut Context,
    source: Option<PathBuf>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let source = match source {
        Some(source) => source,
        None => context.place()?.home.join("policy"),
    };
    if source == Path::new("-") {
        let text = input::read_text(context.ui, &source, POLICY_BYTES)?;
        return Ok(BTreeMap::from([("stdin.cedar".to_owned(), text)]));
    }
    if !source.is_dir() {
        let text = input::read_text(context.ui, &source, POLICY_BYTES)?;
        return Ok(BTreeMap::from([(name(&source), text)]));
    }
    let failed = |e| CommandError::File {
        what: "read",
        path: source.clone(),
        source: e,
    };
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&source).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = name(&path);
        let wanted =
            name == "entities.json" || (name.ends_with(".cedar") && !name.starts_with('.'));
        if wanted && path.is_file() {
            found.insert(name, input::read_text(context.ui, &path, POLICY_BYTES)?);
        }
        if found.len() > POLICY_FILES {
            return Err(CommandError::usage(
                format!(
                    "{} holds more than {POLICY_FILES} policy files",
                    source.display()
                ),
                "check that it is the right folder",
            ));
        }
    }
    if !found.keys().any(|name| name.ends_with(".cedar")) {
        return Err(CommandError::usage(
            format!("{} holds no *.cedar file", source.display()),
            "name the folder that holds your policy; an empty file is a policy that shares nothing",
        ));
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
