//! `liaison doctor`.

use std::sync::Arc;

use clap::Args;
use liaison_node::doctor::{Finding, Health, Orders, examine};
use serde_json::json;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::node::{Home, SystemClock};
use crate::output::{Style, Tone, clean};

/// Look a home over while the node is stopped, and mend it
///
/// Reads every record; looks at keys, configuration, who may read what, disk, swap and clock.
/// Changes nothing unless told to.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  systemctl stop liaison
  liaison doctor
  liaison doctor --compact        nothing that was erased is left on this disk's files
  liaison doctor --repair         a damaged store is moved aside; peers refill the new one

Exit code 1 when something is broken. Until --compact ran, bytes of erased records may be found
in the store's and the index's files by whoever reads the disk.")]
pub struct DoctorArgs {
    /// Mend what is found: close open files, move a damaged store aside
    #[arg(long)]
    repair: bool,
    /// Copy the store, so that nothing erased is left in it, and drop the search index
    #[arg(long)]
    compact: bool,
    /// Drop the search index: the next start makes it anew
    #[arg(long)]
    index: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Looks, mends, says.
pub fn run(context: &mut Context, args: &DoctorArgs) -> Outcome {
    let place = context.place()?;
    let home = Home::at(place.home.clone());
    if !home.dir().exists() {
        return Err(CommandError::NoHome { home: place.home });
    }
    if args.repair && context.ui.interactive && !args.yes {
        let question = "A damaged store is moved aside and begun anew. Go on?";
        if !context.ui.confirm(question, false)? {
            return Err(CommandError::failed(
                "nothing was changed",
                "`liaison doctor` without --repair only looks",
            ));
        }
    }
    let orders = Orders {
        repair: args.repair,
        compact: args.compact,
        index: args.index,
    };
    let findings = examine(&home, orders, Arc::new(SystemClock));
    context
        .ui
        .either(&json!({ "findings": findings }), |style| {
            text(style, &findings)
        })?;
    if findings.iter().any(|f| f.health == Health::Broken) {
        return Err(CommandError::Partial);
    }
    Ok(())
}

fn text(style: &Style, findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let (word, tone) = match finding.health {
            Health::Good => ("good", Tone::Good),
            Health::Warning => ("look", Tone::Warn),
            Health::Done => ("done", Tone::Good),
            Health::Broken => ("broken", Tone::Bad),
        };
        let word = style.paint(tone, &format!("{word:<6}"));
        out.push_str(&format!(
            "{word} {}: {}\n",
            clean(&finding.what),
            clean(&finding.says)
        ));
    }
    out
}
