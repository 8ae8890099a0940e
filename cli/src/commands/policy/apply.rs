//! `liaison policy apply`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PolicyReport, PolicyRequest, ProofTerms};

use super::files;
use crate::commands::Context;
use crate::error::Outcome;
use crate::input;
use crate::limits::POLICY_BYTES;
use crate::output::policy as render;

/// Make policy files the active policy, at once, if they keep every invariant
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison policy apply policy/ --reason 'Agreement with QM of 2 March'
  liaison policy apply policy/ --certificate policy.cert --reason 'proven at headquarters'
  liaison policy apply policy/ --accept-broken red-to-named --reason 'joint team QM/QN, until May'

`liaison policy prove` says beforehand what would be refused. `liaison policy revert` takes it
back.")]
pub struct ApplyArgs {
    /// Folder or file; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
    /// Why; kept beside the policy
    #[arg(long, value_name = "R")]
    reason: Option<String>,
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

/// Asks the node.
pub fn run(context: &mut Context, args: ApplyArgs) -> Outcome {
    let certificate = match &args.certificate {
        Some(file) => Some(input::read_text(context.ui, file, POLICY_BYTES)?),
        None => None,
    };
    let request = PolicyRequest {
        files: files(context, args.source)?,
        reason: args.reason,
        proof: ProofTerms {
            accept_broken: args.accept_broken,
            unproven: args.unproven,
            certificate,
        },
    };
    let report: PolicyReport = context.client()?.post("/v1/policy/apply", &request)?;
    context
        .ui
        .either(&report, |style| render::statements(style, &report))
}
