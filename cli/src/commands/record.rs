//! `liaison record`.

use clap::Subcommand;
use liaison_protocol::record::template::{template_json, template_toml};

use super::{Context, kinds, parse_kind, today};
use crate::error::{CommandError, Outcome};

/// Help with writing records by hand or by program.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Print a filled-in example of a kind, as `push` takes it
    #[command(after_long_help = "\
Examples:
  liaison record template trend > draft.json
  liaison record template route --toml > draft.toml     with the allowed codes as comments
  liaison push draft.toml --dry-run")]
    Template {
        /// The kind
        #[arg(value_parser = kinds())]
        kind: String,
        /// TOML with the allowed codes as comments, instead of JSON
        #[arg(long, conflicts_with = "json")]
        toml: bool,
    },
}

/// Runs it.
pub fn run(context: &mut Context, command: RecordCommand) -> Outcome {
    let RecordCommand::Template { kind, toml } = command;
    let kind = parse_kind(&kind)?;
    let today = today();
    let text = if toml {
        template_toml(kind, today)
    } else {
        template_json(kind, today)
    };
    let text = text.ok_or_else(|| {
        CommandError::failed(
            format!("there is no example of '{kind}'"),
            "the kinds are in `liaison new --help`",
        )
    })?;
    if !context.ui.json {
        return context.ui.verbatim(&text);
    }
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| CommandError::failed(format!("the example is not JSON: {e}"), "use --toml"))?;
    context.ui.object(&value)
}
