//! `liaison audit verify`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::audit;
use liaison_node::control::api::{AuditVerifyReport, AuditVerifyRequest};

use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::node::CardFile;
use crate::output::audit as render;

/// Check that the log is as it was written
///
/// Finds a line that was edited, removed or moved. With --witness also a log whose end was
/// cut off behind the last head that a peer holds, or that was rewritten or begun anew. After
/// a restore it says which lines were lost with it; a restore of which the log tells no backup,
/// or a machine that was set back, counts as an end that was cut off. It can't find what was cut off or rewritten since that head by someone who has the node's
/// signing key, nor what was never written.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audit verify --witness              on the running node, against its peers
  liaison audit verify --dir /media/audit --card qn-bord.card      on a copy, without a node

Exit codes: 0 intact, 1 not intact.")]
pub struct VerifyArgs {
    /// Also against the heads of this log that peers hold
    #[arg(long, conflicts_with = "dir")]
    witness: bool,
    /// A copy or an export of the log instead of the node's
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// With --dir: the agency's card [default: the home folder's]
    #[arg(long, value_name = "FILE", requires = "dir")]
    card: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, args: &VerifyArgs) -> Outcome {
    let report = if args.dir.is_some() {
        offline(context, args)?
    } else {
        let request = AuditVerifyRequest {
            witness: args.witness,
        };
        context.client()?.post("/v1/audit/verify", &request)?
    };
    context.ui.either(&report, |style| {
        render::verified(style, &report, args.witness)
    })?;
    if report.intact {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

fn offline(context: &mut Context, args: &VerifyArgs) -> Result<AuditVerifyReport, CommandError> {
    let failed = |says: String| {
        CommandError::failed(says, "name the folder with the log, and the agency's card")
    };
    let card = match &args.card {
        Some(card) => card.clone(),
        None => context.place()?.home.join("card.liaison"),
    };
    let text = input::read_text(context.ui, &card, INPUT_BYTES)?;
    let keys = CardFile::parse(&text)
        .and_then(|card| card.agency_keys())
        .map_err(|e| failed(format!("{}: {e}", card.display())))?;
    let dir = args.dir.clone().unwrap_or_default();
    let report = audit::verify(&dir, &keys, &[]).map_err(|e| failed(e.to_string()))?;
    let mut faults: Vec<String> = report.faults.into_iter().map(|f| f.says).collect();
    if report.to == 0 {
        faults.push(format!("{} holds no log", dir.display()));
    }
    Ok(AuditVerifyReport {
        intact: faults.is_empty(),
        from: report.from,
        to: report.to,
        heads: report.heads,
        lost: report.lost,
        signed: report.signed,
        witnessed: 0,
        witnesses: Vec::new(),
        restores: report.restores,
        faults,
    })
}
