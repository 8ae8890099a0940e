//! `liaison keys`.

mod affirm;
mod change;
mod master;
mod recover;
mod revoke_all;
mod root;
mod sealing;
mod show;

use std::path::PathBuf;

use clap::Subcommand;
use liaison_node::home::RootKeyText;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;

/// The keys with which your agency signs, and those to which others seal: look at them, change
/// them, say that one was stolen.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    Show(show::ShowArgs),
    Rotate(change::RotateArgs),
    Compromised(change::CompromisedArgs),
    Affirm(affirm::AffirmArgs),
    RevokeAll(revoke_all::RevokeAllArgs),
    Recover(recover::RecoverArgs),
    Sealing(sealing::SealingArgs),
    Erase(sealing::EraseArgs),
    Master(master::MasterArgs),
    #[command(subcommand)]
    Root(root::RootCommand),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: KeysCommand) -> Outcome {
    match command {
        KeysCommand::Show(args) => show::run(context, &args),
        KeysCommand::Rotate(args) => change::rotate(context, &args),
        KeysCommand::Compromised(args) => change::compromised(context, &args),
        KeysCommand::Affirm(args) => affirm::run(context, &args),
        KeysCommand::Recover(args) => recover::run(context, &args),
        KeysCommand::RevokeAll(args) => revoke_all::run(context, &args),
        KeysCommand::Sealing(args) => sealing::show(context, &args),
        KeysCommand::Erase(args) => sealing::erase(context, &args),
        KeysCommand::Master(args) => master::run(context, &args),
        KeysCommand::Root(command) => root::run(context, command),
    }
}

/// Reads the root key's file that `--root` names.
///
/// # Errors
/// It can't be read.
pub fn root_text(
    context: &mut Context,
    file: Option<&PathBuf>,
) -> Result<Option<RootKeyText>, CommandError> {
    let Some(file) = file else { return Ok(None) };
    let text = input::read_text(context.ui, file, INPUT_BYTES)?;
    Ok(Some(RootKeyText::new(text)))
}
