//! `liaison man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use serde_json::json;

use super::{Cli, Context};
use crate::error::{CommandError, Outcome};

/// Write the manual pages, one a command, into a folder
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison man /usr/local/share/man/man1")]
pub struct ManArgs {
    /// The folder
    dir: PathBuf,
}

/// Writes them.
pub fn run(context: &mut Context, args: &ManArgs) -> Outcome {
    let failed = |source| CommandError::File {
        what: "write",
        path: args.dir.clone(),
        source,
    };
    fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(failed)?;
    context.ui.either(&json!({ "dir": args.dir }), |_| {
        format!(
            "The manual pages are in {}; begin with `man {}/liaison.1`.\n",
            args.dir.display(),
            args.dir.display()
        )
    })
}
