//! `liaison policy prover-key`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::policy::prove::prover_key;
use serde_json::json;

use crate::commands::Context;
use crate::error::{CommandError, Outcome};

/// Make a key that signs proofs, for nodes without the solver
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example, on a machine that has cvc5:
  liaison policy prover-key prover.key
and in config.toml of the node that has not:
  [policy]
  prover = \"the public key that was printed\"")]
pub struct ProverKeyArgs {
    /// File for the secret key; it must not exist
    file: PathBuf,
}

/// Writes the key and prints its public half.
pub fn run(context: &mut Context, args: &ProverKeyArgs) -> Outcome {
    let public = prover_key::make(&args.file)
        .map_err(|e| CommandError::failed(e.to_string(), "name a file that does not exist yet"))?;
    let shown = json!({ "prover": public.to_string() });
    context.ui.either(&shown, |_| {
        format!(
            "Secret key written to {}: keep it where policies are proven.\nIn config.toml of the nodes that take its word:\n\n[policy]\nprover = \"{public}\"\n",
            args.file.display()
        )
    })
}
