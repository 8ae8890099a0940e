//! `liaison policy apply`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PolicyReport, PolicyRequest, PreviewRequest, ProofTerms};

use super::files;
use crate::commands::{Context, preview};
use crate::error::Outcome;
use crate::input;
use crate::limits::POLICY_BYTES;
use crate::output::parcels;
use crate::output::policy as render;
use crate::output::preview::recalled;

/// Make policy files the active policy, at once, if they keep every invariant
///
/// On a terminal it shows first what would newly flow and what would stop, per peer, and asks.
/// Peers keep what they hold and may have no more, unless you say --recall.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison policy apply policy/ --reason 'Agreement with QM of 2 March'
  liaison policy apply policy/ --recall     ask back what peers may have no more
  liaison policy apply policy/ --certificate policy.cert --reason 'proven at headquarters'
  liaison policy apply policy/ --accept-broken red-to-named --reason 'joint team QM/QN, until May'

`liaison policy prove` says beforehand what would be refused, `liaison policy preview` what
would flow. `liaison policy revert` takes it back.")]
pub struct ApplyArgs {
    /// Folder or file; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
    /// Why; kept beside the policy
    #[arg(long, value_name = "R")]
    reason: Option<String>,
    /// Ask back what peers hold and may have no more
    #[arg(long)]
    recall: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Invariant that the policy may break; may be given several times; needs --reason
    #[arg(long, value_name = "NAME")]
    accept_broken: Vec<String>,
    /// Proof made elsewhere, by `policy prove --out`, for a node without the solver
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Take files without a statement, so that nothing is shared any more
    #[arg(long)]
    empty: bool,
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
    let files = files(context, args.source)?;
    let client = context.client()?;
    let change = PreviewRequest::Apply {
        files: files.clone(),
    };
    let ask = preview::Ask {
        question: "Apply it?",
        yes: args.yes,
        recall: args.recall,
    };
    let over = preview::ask(context, &client, &change, ask)?;
    let request = PolicyRequest {
        files,
        reason: args.reason,
        recall: args.recall,
        over,
        proof: ProofTerms {
            accept_broken: args.accept_broken,
            unproven: args.unproven,
            certificate,
        },
        empty: args.empty,
    };
    let report: PolicyReport = client.post("/v1/policy/apply", &request)?;
    context.ui.either(&report, |style| {
        format!(
            "{}{}{}",
            render::statements(style, &report),
            recalled(&report.recalled),
            parcels::left(&report.parcels)
        )
    })
}
