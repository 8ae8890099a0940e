//! `liaison audit`.

mod disclosures;
mod export;
mod key;
mod log;
mod looks;
mod unseal;
mod verify;

use clap::Subcommand;

use super::Context;
use crate::error::Outcome;

/// Who did what: the audit log.
///
/// Every collection, alteration, consultation, disclosure, combination and erasure is a line
/// of a hash-chained log in the home folder, and so is every change of the node. It holds ids,
/// never content; what officers typed is sealed to the data-protection officer.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    Log(log::LogArgs),
    Verify(verify::VerifyArgs),
    Disclosures(disclosures::DisclosuresArgs),
    Export(export::ExportArgs),
    Unseal(unseal::UnsealArgs),
    Looks(looks::LooksArgs),
    #[command(subcommand)]
    Key(key::KeyCommand),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: AuditCommand) -> Outcome {
    match command {
        AuditCommand::Log(args) => log::run(context, args),
        AuditCommand::Verify(args) => verify::run(context, &args),
        AuditCommand::Disclosures(args) => disclosures::run(context, args),
        AuditCommand::Export(args) => export::run(context, &args),
        AuditCommand::Looks(args) => looks::run(context, &args),
        AuditCommand::Unseal(args) => unseal::run(context, args),
        AuditCommand::Key(command) => key::run(context, &command),
    }
}
