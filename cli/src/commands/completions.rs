//! `liaison completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Context};
use crate::error::Outcome;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison completions bash > /etc/bash_completion.d/liaison
  liaison completions zsh > ~/.zfunc/_liaison")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints them.
pub fn run(context: &mut Context, args: &CompletionsArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "liaison", &mut text);
    context.ui.bytes(&text)
}
