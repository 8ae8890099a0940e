//! `liaison policy prove`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PolicyRequest, ProofFinding, ProofReport};
use liaison_node::policy::prove::{Certificate, Finding, Solver, prover_key, symbolic};
use liaison_node::policy::{PolicySet, PolicyText};

use super::files;
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::proof as render;

/// Show that a policy cannot do what it must not, for any peer and record, or how it can
///
/// Each invariant is proven, or refuted by a case that the policy really allows. Some are built
/// in: personal records and TLP red go only to named recipients, private companies never get
/// what is not for them, no statement can fail. Your own stand in policy/invariants/*.cedar. The
/// symbolic part is for all agencies and records and needs the solver cvc5; the concrete part
/// tries the peers and circles that there are.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison policy prove
  liaison policy prove policy/
  liaison policy prove active                            the policy in force
  liaison policy prove policy/ --key prover.key --out policy.cert
                                                         for a node that has no solver

Exit codes: 0 all proven, 1 something is not, 5 the solver is missing. It needs no running node,
but then the concrete part is left out.")]
pub struct ProveArgs {
    /// Folder or file; `active`; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
    /// Write a certificate, for `policy apply --certificate`
    #[arg(long, value_name = "FILE", requires = "key")]
    out: Option<PathBuf>,
    /// The key to sign it with, from `policy prover-key`
    #[arg(long, value_name = "FILE", requires = "out")]
    key: Option<PathBuf>,
    /// The solver, a program that is called like cvc5, where no node is asked
    #[arg(long, value_name = "PROGRAM")]
    solver: Option<PathBuf>,
}

/// Asks the node, or proves here where there is none or a certificate is wanted.
pub fn run(context: &mut Context, args: ProveArgs) -> Outcome {
    let active = args
        .source
        .as_ref()
        .is_some_and(|s| s.as_os_str() == "active");
    let files = if active {
        BTreeMap::new()
    } else {
        files(context, args.source.clone())?
    };
    let report = match (&args.out, &args.key) {
        (Some(out), Some(key)) => {
            if active {
                return Err(CommandError::usage(
                    "a certificate is of policy files, not of what is active",
                    "name the folder: liaison policy prove DIR --key KEY --out FILE",
                ));
            }
            let key = prover_key::read(key).map_err(|e| {
                CommandError::failed(e.to_string(), "make one: liaison policy prover-key FILE")
            })?;
            let (set, findings, report) = here(files, args.solver.as_deref())?;
            let solver = report.solver.clone().unwrap_or_default();
            let certificate = Certificate::new(&set, &findings, solver, &key);
            std::fs::write(out, certificate.to_text()).map_err(|e| CommandError::File {
                what: "write",
                path: out.clone(),
                source: e,
            })?;
            report
        }
        _ => {
            let request = PolicyRequest {
                files,
                ..PolicyRequest::default()
            };
            let asked = context
                .client()
                .and_then(|client| client.post("/v1/policy/prove", &request));
            match asked {
                Err(e) if e.is_unreachable() && !active => {
                    let (_, _, mut report) = here(request.files, args.solver.as_deref())?;
                    report.notes.push(format!(
                        "The concrete part was left out: {e}, so the peers are not known."
                    ));
                    report
                }
                asked => asked?,
            }
        }
    };
    context
        .ui
        .either(&report, |style| render::report(style, &report))?;
    if report.proven {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

/// The symbolic part, in this process.
fn here(
    files: BTreeMap<String, String>,
    solver: Option<&std::path::Path>,
) -> Result<(PolicySet, Vec<Finding>, ProofReport), CommandError> {
    let set = read(files)?;
    let solver = solver.map_or_else(Solver::default, Solver::at);
    let version = solver.version().map_err(api)?;
    let findings = symbolic(&set, &solver).map_err(api)?;
    let report = ProofReport {
        hash: hash(&set),
        proven: findings.iter().all(Finding::is_proven),
        solver: Some(version),
        notes: Vec::new(),
        findings: findings.iter().map(ProofFinding::from).collect(),
    };
    Ok((set, findings, report))
}

/// Files as a set.
pub(super) fn read(files: BTreeMap<String, String>) -> Result<PolicySet, CommandError> {
    PolicyText::from_names(files)
        .and_then(PolicySet::from_text)
        .map_err(|e| CommandError::Api(Box::new(e.into())))
}

pub(super) fn api(error: liaison_node::policy::prove::ProveError) -> CommandError {
    CommandError::Api(Box::new(error.into()))
}

fn hash(set: &PolicySet) -> String {
    set.text()
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
