//! `liaison status`.

use clap::Args;
use liaison_node::control::api::Status;
use serde_json::{Value, json};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::{Tone, status};

/// How the node and its peers do
///
/// Per peer: connected since, behind by how many records, last error, what waits as `later`
/// and why.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison status
  liaison status --check --behind 100 || mail -s 'liaison' duty@example.org

--check exits 1 when a peer is silent, records wait as `later`, the policy files differ from
the active policy, or a peer is behind by more than --behind; 3 when the node is not running.")]
pub struct StatusArgs {
    /// Exit 1 if something is wrong
    #[arg(long)]
    check: bool,
    /// With --check: a peer that is behind by more than this many records is wrong
    #[arg(long, value_name = "N", requires = "check")]
    behind: Option<u64>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &StatusArgs) -> Outcome {
    let found: Status = context.client()?.get("/v1/status")?;
    let problems = if args.check {
        status::problems(&found, args.behind)
    } else {
        Vec::new()
    };
    if context.ui.json {
        let mut value = json!(found);
        if let (true, Value::Object(fields)) = (args.check, &mut value) {
            fields.insert("problems".into(), json!(problems));
        }
        context.ui.object(&value)?;
    } else {
        let mut text = status::status(&context.ui.style, &found);
        if args.check && problems.is_empty() {
            text.push_str(&format!(
                "\n{}\n",
                context.ui.style.paint(Tone::Good, "All is well.")
            ));
        }
        for problem in &problems {
            text.push_str(&format!(
                "{} {problem}\n",
                context.ui.style.paint(Tone::Bad, "wrong:")
            ));
        }
        context.ui.print(&text)?;
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}
