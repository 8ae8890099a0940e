//! `liaison audit log`.

use clap::Args;
use liaison_node::control::api::{AuditReport, AuditRequest};

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::audit as render;

/// Show lines of the log, newest last
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audit log
  liaison audit log --since 2031-03-01 --what disclose --peer qm-pol
  liaison audit log --who anna --what consult
  liaison audit log --record 3F7K-9Q2M --json

Needs the role data-protection-officer or administrator. That you looked is a line as well.")]
pub struct LogArgs {
    #[command(flatten)]
    filter: FilterArgs,
}

/// Which lines are meant.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Not before this day or time (UTC)
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Before this day or time (UTC)
    #[arg(long, value_name = "T")]
    until: Option<String>,
    /// By this user (name or number), or by the node
    #[arg(long, value_name = "USER")]
    who: Option<String>,
    /// collect, alter, consult, disclose, combine, erase, administer, turn-away, log
    #[arg(long, value_name = "ACT")]
    what: Option<String>,
    /// About this record
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// To or from this peer
    #[arg(long, value_name = "PEER")]
    peer: Option<String>,
    /// At most this many, the newest [default: 100]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only lines before the one of this number: those that the last answer had no room for
    #[arg(long, value_name = "LINE")]
    before: Option<u64>,
}

impl From<FilterArgs> for AuditRequest {
    fn from(args: FilterArgs) -> Self {
        Self {
            since: args.since,
            until: args.until,
            who: args.who,
            what: args.what,
            record: args.record,
            peer: args.peer,
            typed: false,
            limit: args.limit,
            before: args.before,
        }
    }
}

pub(super) fn run(context: &mut Context, args: LogArgs) -> Outcome {
    let request = AuditRequest::from(args.filter);
    let report: AuditReport = context.client()?.post("/v1/audit/log", &request)?;
    context
        .ui
        .either(&report, |style| render::lines(style, &report))
}
