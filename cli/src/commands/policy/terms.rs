//! On which terms a policy that is not proven is put in force: for `apply` and `revert`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::ProofTerms;

use crate::commands::Context;
use crate::error::CommandError;
use crate::input;
use crate::limits::POLICY_BYTES;

/// What else than a proof made here lets a policy in.
#[derive(Debug, Args)]
pub struct TermsArgs {
    /// Invariant that the policy may break; may be given several times; needs --reason
    #[arg(long, value_name = "NAME")]
    accept_broken: Vec<String>,
    /// Proof made elsewhere, by `policy prove --out`, for a node without the solver
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Take it where nothing can be proven, for want of the solver; needs --reason
    #[arg(long, conflicts_with = "certificate")]
    unproven: bool,
}

impl TermsArgs {
    /// As the node takes them.
    ///
    /// # Errors
    /// The certificate can't be read.
    pub fn read(self, context: &mut Context) -> Result<ProofTerms, CommandError> {
        let certificate = match &self.certificate {
            Some(file) => Some(input::read_text(context.ui, file, POLICY_BYTES)?),
            None => None,
        };
        Ok(ProofTerms {
            accept_broken: self.accept_broken,
            unproven: self.unproven,
            certificate,
        })
    }
}
