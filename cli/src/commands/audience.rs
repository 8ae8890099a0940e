//! `liaison audience`.

use clap::Args;
use liaison_node::control::api::{AudienceReport, AudienceRequest};

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::recipients;

/// Change who may have a record of your own
///
/// Whoever may not have it any more is told to erase the copy it got from you; whoever may have
/// it now gets it. A copy that came another way stays: for that, use `liaison retract`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audience 3F7K-9Q2M --to qn-bord,qo-fiu --dry-run    who would get it, who would lose it
  liaison audience 3F7K-9Q2M --to qn-bord                     only qn-bord from now on
  liaison audience 3F7K-9Q2M --to ''                          nobody
  liaison audience 3F7K-9Q2M --policy                         no list: policy decides")]
pub struct AudienceArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Peers or circles, with commas; empty: nobody
    #[arg(
        long,
        value_name = "NAMES",
        required_unless_present = "policy",
        conflicts_with = "policy"
    )]
    to: Option<String>,
    /// Lift the list: policy decides
    #[arg(long)]
    policy: bool,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Changes a record's distribution list.
pub fn run(context: &mut Context, args: &AudienceArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/records/{}/audience", segment(&args.id));
    let to = args.to.as_deref().map(|names| {
        let names = names.split(',').map(str::trim);
        names
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let send = |dry_run| -> Result<AudienceReport, CommandError> {
        let to = to.clone();
        client.post(&path, &AudienceRequest { to, dry_run })
    };
    if context.ui.interactive && !args.yes && !args.dry_run {
        let preview = send(true)?;
        let text = recipients::audience(&preview, true);
        context.ui.note(&text)?;
        if !context.ui.confirm("Change the list?", false)? {
            return Err(CommandError::failed(
                "nothing was changed",
                "type y to change it",
            ));
        }
    }
    let report = send(args.dry_run)?;
    context
        .ui
        .either(&report, |_| recipients::audience(&report, args.dry_run))
}
