//! `liaison query`.

use clap::Args;
use liaison_node::control::api::{QueryReport, QueryRequest};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::records;

/// Search the records that this node holds
///
/// Words are free text, or FIELD:VALUE. All of them must match. Fields: kind, author,
/// country, area, route, period, measure, dim.NAME, crime, tlp, created, received. A value
/// may be a range, FROM..TO; dates may be today, 7d, 2031-03.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison query boat engine
  liaison query kind:trend 'route:Western Balkan Route' period:2015..2016
  liaison query kind:trend dim.nationality:SYR --sum --by period
  liaison query received:today author:qm-bord
  liaison query --new                       what came since you last asked so
  liaison query kind:trend --limit 20000 --csv > trends.csv
  liaison query kind:trend --limit 20000 --csv --before 3F7K-9Q2M > older.csv
  liaison query kind:trend --by route --sum --csv > routes.csv")]
pub struct QueryArgs {
    /// What to look for
    words: Vec<String>,
    /// At most this many rows [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only what came before this record: the rows that the last answer had no room for
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// Only the number of records
    #[arg(long, conflicts_with = "csv")]
    count: bool,
    /// Only what came since you last asked so, without words
    #[arg(long)]
    new: bool,
    /// Add up the counts of the matching cells of trends
    #[arg(long)]
    sum: bool,
    /// Group by this field
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,
    /// Write CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Asks the node.
pub fn run(context: &mut Context, args: QueryArgs) -> Outcome {
    if args.words.is_empty()
        && !(args.new
            || args.count
            || args.sum
            || args.by.is_some()
            || args.limit.is_some()
            || args.before.is_some())
    {
        return Err(CommandError::usage(
            "query needs something to look for",
            "words or FIELD:VALUE, for example `liaison query kind:trend received:7d`; `liaison query --new` shows what is new",
        ));
    }
    let request = QueryRequest {
        words: args.words,
        limit: args.limit,
        before: args.before,
        count: args.count,
        new: args.new,
        sum: args.sum,
        by: args.by,
    };
    let report: QueryReport = context.client()?.post("/v1/query", &request)?;
    if args.csv {
        for note in &report.notes {
            context.ui.note(note)?;
        }
        if let Some(older) = records::older(&report) {
            context
                .ui
                .note(&format!("not all of them are in the file: {older}"))?;
        }
        return context.ui.bytes(&records::csv(&report)?);
    }
    if request.count && !context.ui.json && report.groups.is_empty() && report.sum.is_none() {
        return context.ui.print(&report.count.to_string());
    }
    context.ui.either(&report, |style| {
        records::query(style, &report, request.by.as_deref())
    })
}
