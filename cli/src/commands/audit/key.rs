//! `liaison audit key`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Subcommand;
use liaison_node::audit::seal;
use liaison_node::control::api::{AuditKeyReport, AuditKeyRequest};

use crate::commands::Context;
use crate::error::{CommandError, Outcome};

/// The key that what officers type is sealed to.
#[derive(Debug, Subcommand)]
#[command(after_long_help = "Example:\n  liaison audit key init /media/stick/audit-key.private")]
pub enum KeyCommand {
    /// Make a new key; the node seals to it from now on
    ///
    /// Run it as the data-protection officer, with FILE on a medium that is not the node's.
    /// What was sealed before stays sealed to the key before: keep that file as well.
    #[command(
        after_long_help = "Example:\n  liaison audit key init /media/stick/audit-key.private"
    )]
    Init {
        /// Where the private half goes; it must not exist yet
        file: PathBuf,
    },
}

pub(super) fn run(context: &mut Context, command: &KeyCommand) -> Outcome {
    let KeyCommand::Init { file } = command;
    let failed = |source| CommandError::File {
        what: "write",
        path: file.clone(),
        source,
    };
    let client = context.client()?;
    let (secret, public) = seal::pair();
    // The private half is kept before anything is sealed to it.
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    out.write_all(secret.to_text().as_bytes())
        .and_then(|()| out.sync_all())
        .map_err(failed)?;
    let request = AuditKeyRequest {
        public: public.to_text(),
    };
    let report: AuditKeyReport = client.post("/v1/audit/key", &request)?;
    let shown = file.display().to_string();
    context.ui.either(&report, |_| {
        format!(
            "Sealed to key {} from now on. Whoever has {shown} can read what officers type: keep it off this machine.\n",
            report.key
        )
    })
}
