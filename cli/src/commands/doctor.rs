//! `liaison doctor`.

use std::sync::Arc;

use clap::Args;
use liaison_node::clock::Clock;
use liaison_node::config::Config;
use liaison_node::control::api::{ParcelsReport, Status};
use liaison_node::doctor::{Finding, Health, Orders, examine, hubs};
use serde_json::json;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::node::{Home, SystemClock};
use crate::output::{Style, Tone, clean};

/// Look a home over while the node is stopped, and mend it
///
/// Reads every record; looks at keys, configuration, who may read what, disk, swap and clock.
/// Changes nothing unless told to. While the node runs its store is left alone, and it is asked
/// for its hubs instead: whether each is connected and carries for us, what waits there for too
/// long, and if this node is a hub, how full it is.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  systemctl stop liaison
  liaison doctor
  liaison doctor --compact        nothing that was erased is left on this disk's files
  liaison doctor --repair         a damaged store is moved aside; peers refill the new one
  systemctl start liaison
  liaison doctor                  hubs and parcels

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
    if args.repair {
        let question = "A damaged store is moved aside and begun anew. Go on?";
        context.ui.sure(question, args.yes, "nothing was changed")?;
    }
    let orders = Orders {
        repair: args.repair,
        compact: args.compact,
        index: args.index,
    };
    let mut findings = examine(&home, orders, Arc::new(SystemClock));
    findings.extend(carried(context, &home));
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

/// What only the running node knows.
fn carried(context: &Context, home: &Home) -> Vec<Finding> {
    // What is wrong with it was said before.
    let config = Config::read(&home.config_path()).unwrap_or_default();
    let asked = || {
        let client = context.client()?;
        let status: Status = client.get("/v1/status")?;
        let parcels: ParcelsReport = client.get("/v1/parcels")?;
        Ok::<_, CommandError>((status, parcels))
    };
    match asked() {
        Ok((status, parcels)) => {
            let mut findings = hubs(&status, &parcels, &config.hubs, SystemClock.now());
            findings.extend(status.policy.names_nobody.iter().map(|rule| Finding {
                what: "policy".into(),
                health: Health::Warning,
                says: format!("{rule}: it holds for nobody. 'liaison peer add FILE' links the agency under its name again; else take the rule out and 'liaison policy apply'"),
            }));
            findings
        }
        Err(_) if config.hubs.hubs.is_empty() && config.hub.is_none() => Vec::new(),
        Err(_) => vec![Finding {
            what: "hubs".into(),
            health: Health::Warning,
            says: "the node did not answer, so hubs and parcels were not looked at: start it, then type 'liaison doctor' again".into(),
        }],
    }
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
