//! `liaison audit unseal`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use liaison_node::audit::seal::{SealError, SecretKey};
use liaison_node::control::api::{AuditReport, AuditRequest};
use zeroize::Zeroizing;

use super::log::FilterArgs;
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::output::audit::{self as render, Unsealed};

/// Read what officers typed: queries and reasons
///
/// For the data-protection officer. The private half of the key is read here and never goes
/// to the node.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audit unseal --key /media/stick/audit-key.private --who anna
  liaison audit unseal --key - --since 2031-03-01 < audit-key.private")]
pub struct UnsealArgs {
    /// File with the private half; `-` is standard input
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) fn run(context: &mut Context, args: UnsealArgs) -> Outcome {
    let text = Zeroizing::new(input::read_text(context.ui, &args.key, INPUT_BYTES)?);
    let key = SecretKey::parse(&text).map_err(|e| fault(&e))?;
    let request = AuditRequest {
        typed: true,
        ..AuditRequest::from(args.filter)
    };
    let report: AuditReport = context.client()?.post("/v1/audit/log", &request)?;
    let mine = key.public().fingerprint();
    let mut openers = BTreeMap::new();
    for (by, opening) in &report.openings {
        if opening.key == mine {
            openers.insert(*by, key.open(opening).map_err(|e| fault(&e))?);
        }
    }
    let mut rows = Vec::new();
    for line in &report.lines {
        let Some(sealed) = &line.typed else { continue };
        let typed = match openers.get(&sealed.by) {
            Some(opener) => Some(opener.open(line.n, sealed).map_err(|e| fault(&e))?),
            None => None,
        };
        rows.push(Unsealed {
            n: line.n,
            at: line.at.clone(),
            who: line.who.to_string(),
            by: line.by.clone(),
            typed,
        });
    }
    if context.ui.json {
        for row in &rows {
            context.ui.object(row)?;
        }
        // Objects are what was typed: that there is more is told beside them.
        if let Some(older) = render::older(&report) {
            context.ui.note(&older)?;
        }
        return Ok(());
    }
    let text = render::unsealed(&context.ui.style, &rows);
    context.ui.print(&text)?;
    match render::older(&report) {
        Some(older) => context.ui.note(&older),
        None => Ok(()),
    }
}

fn fault(error: &SealError) -> CommandError {
    CommandError::failed(
        error.to_string(),
        "use the file that the data-protection officer keeps: audit-key.private",
    )
}
