//! `liaison stats`.

use std::path::Path;

use clap::{Args, Subcommand};
use liaison_node::control::api::StatsReport;

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::stats;

/// Figures without persons: referrals, answers of providers, and whom nobody took.
#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// How the providers that you asked answered
    #[command(
        after_long_help = "Examples:\n  liaison stats responses\n  liaison stats responses --by provider --quarter 2031-Q1\n\nBy: outcome, provider, speed."
    )]
    Responses(StatsArgs),
    /// People whom no provider took
    #[command(
        after_long_help = "Examples:\n  liaison stats gaps\n  liaison stats gaps --by area --as-trend > gaps.json\n\nBy: need, area, age-gender."
    )]
    Gaps(StatsArgs),
    /// People whom you referred
    #[command(
        after_long_help = "Examples:\n  liaison stats referrals\n  liaison stats referrals --by area --as-trend > trend.json && liaison push trend.json --dry-run\n\nBy: age-gender, area, status, need."
    )]
    Referrals(StatsArgs),
}

/// Of each of them. Counts under 11 are hidden, and with them as many others as would give
/// them away. Only people who agreed to be counted are.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// By what they are told apart
    #[arg(long, value_name = "PARTITION")]
    by: Option<String>,
    /// Which quarter [default: the last that has ended]
    #[arg(long, value_name = "2031-Q1")]
    quarter: Option<String>,
    /// Print the draft of a trend instead, for `liaison push`
    #[arg(long, conflicts_with = "json")]
    as_trend: bool,
}

/// Asks the node.
pub fn run(context: &mut Context, command: StatsCommand) -> Outcome {
    let (figure, args) = match command {
        StatsCommand::Responses(args) => ("responses", args),
        StatsCommand::Gaps(args) => ("gaps", args),
        StatsCommand::Referrals(args) => ("referrals", args),
    };
    let mut path = format!("/v1/stats/{figure}");
    let mut sign = '?';
    for (name, value) in [("by", &args.by), ("quarter", &args.quarter)] {
        if let Some(value) = value {
            path.push_str(&format!("{sign}{name}={}", segment(value)));
            sign = '&';
        }
    }
    let report: StatsReport = context.client()?.get(&path)?;
    if !args.as_trend {
        return context
            .ui
            .either(&report, |style| stats::table(style, &report));
    }
    let Some(draft) = &report.draft else {
        return Err(CommandError::failed(
            format!("no trend can be made of {figure} by {}", report.by),
            "choose --by area, age-gender or status where something is shown; answers make no trend",
        ));
    };
    let text = serde_json::to_string_pretty(draft).map_err(|e| {
        CommandError::failed(
            format!("the draft can't be written: {e}"),
            "look at it with --json",
        )
    })?;
    let place = Path::new("-");
    context.ui.note(&format!(
        "A draft for `liaison push {}`; read it first.",
        place.display()
    ))?;
    context.ui.verbatim(&text)
}
