//! Proving a set, and whether one may be applied that is not proven.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use liaison_protocol::id::AgencyId;

use super::{Answer, history, read};
use crate::control::api::{
    ApiError, PolicyRequest, ProofFinding, ProofNote, ProofReport, ProofTerms,
};
use crate::control::caller::Caller;
use crate::node::Node;
use crate::policy::prove::{Certificate, Finding, ProveError, concrete, symbolic};
use crate::policy::{Directory, Engine, PolicySet};

/// One proof at a time: each keeps a processor busy for a second or so.
static PROVING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// `POST /v1/policy/prove`; without files, of the policy in force.
pub(in crate::control) async fn prove(
    State(node): State<Node>,
    Json(request): Json<PolicyRequest>,
) -> Answer<ProofReport> {
    let set = if request.files.is_empty() {
        Arc::clone(node.policies.current().set())
    } else {
        Arc::new(read(&node, request.files)?)
    };
    let directory = directory(&node)?;
    let solver = node.config.policy.solver();
    let (hash, version) = (HEXLOWER.encode(&set.text().sha256()), solver.version()?);
    let findings = {
        let _one_at_a_time = PROVING.lock().await;
        blocking(move || {
            let mut findings = symbolic(&set, &solver)?;
            findings.extend(tried(&set, directory, None, |_| true)?);
            Ok(findings)
        })
        .await?
    };
    Ok(Json(ProofReport {
        hash,
        proven: findings.iter().all(Finding::is_proven),
        solver: Some(version),
        notes: Vec::new(),
        findings: findings.iter().map(ProofFinding::from).collect(),
    }))
}

/// What is known of a set for all agencies that there may be.
pub(super) struct ForAll {
    note: ProofNote,
    /// What is not proven, by name, in words.
    broken: BTreeMap<String, String>,
    /// Whether no proof was made or shown.
    untried: bool,
}

/// Proves a set for any agencies, as far as these terms want it proven.
pub(super) async fn prove_for_all(
    node: &Node,
    set: &PolicySet,
    terms: &ProofTerms,
    reason: Option<&str>,
) -> Result<ForAll, ApiError> {
    let mut note = ProofNote {
        how: "proven".into(),
        prover: None,
        accepted: Vec::new(),
    };
    let mut broken: BTreeMap<String, String> = BTreeMap::new();
    let mut untried = false;
    let set = Arc::new(set.clone());
    if let Some(text) = &terms.certificate {
        let certificate =
            Certificate::parse(text).map_err(|e| ApiError::new("invalid", e.to_string()))?;
        let unproven = certificate
            .check(&set, node.config.policy.prover.as_ref())
            .map_err(|e| ApiError::new("unproven", e.to_string()))?;
        for (id, word) in unproven {
            broken.insert(id, format!("its certificate calls it {word}"));
        }
        note.how = "certificate".into();
        note.prover = Some(certificate.prover.to_string());
    } else {
        let (solver, wanted) = (node.config.policy.solver(), Arc::clone(&set));
        let _one_at_a_time = PROVING.lock().await;
        match blocking(move || symbolic(&wanted, &solver).map_err(ApiError::from)).await {
            Ok(findings) => gather(&mut broken, &findings),
            Err(e) if !terms.unproven => {
                return Err(ApiError {
                    remedy: Some(NO_PROOF.into()),
                    ..e
                });
            }
            Err(e) => {
                if stated(reason).is_none() {
                    return Err(no_reason("--unproven"));
                }
                tracing::warn!(why = %e.error, "policy applied without a proof made here and now");
                untried = true;
                note.how = UNPROVEN.into();
                // What was proven of this text once is so for all agencies and records.
                let hash = HEXLOWER.encode(&set.text().sha256());
                let before = history(node)?.into_iter().filter(|h| h.hash == hash);
                let proofs = before.filter_map(|h| h.proof).filter(|p| p.how != UNPROVEN);
                let accepts = |p: &ProofNote| {
                    let mut broken = p.accepted.iter();
                    broken.all(|id| terms.accept_broken.contains(id))
                };
                if let Some(proof) = proofs.into_iter().find(accepts) {
                    note.how = proof.how;
                    note.prover = proof.prover;
                }
            }
        }
    }
    Ok(ForAll {
        note,
        broken,
        untried,
    })
}

/// Whether a set may be put in force on these terms, with the agencies that there are; answers
/// what its history says of it. The caller holds `changing`.
pub(super) async fn admit(
    node: &Node,
    caller: &Caller,
    set: &PolicySet,
    proven: ForAll,
    terms: &ProofTerms,
    reason: Option<&str>,
) -> Result<ProofNote, ApiError> {
    let ForAll {
        mut note,
        mut broken,
        untried,
    } = proven;
    let (set, agencies) = (Arc::new(set.clone()), directory(node)?);
    set.check_names(&agencies)?;
    // What is proven for all agencies need not be tried with some, nor what may be broken.
    let may_be = terms.accept_broken.clone();
    let findings = blocking(move || {
        tried(&set, agencies, None, |id| {
            untried && !may_be.iter().any(|m| m == id)
        })
    })
    .await?;
    gather(&mut broken, &findings);
    note.accepted = accept(
        broken,
        &terms.accept_broken,
        "--accept-broken NAME --reason TEXT",
    )?;
    if untried {
        // Not tried, so it may well be broken.
        note.accepted.extend(terms.accept_broken.iter().cloned());
        note.accepted.sort();
        note.accepted.dedup();
    }
    if !note.accepted.is_empty() {
        if stated(reason).is_none() {
            return Err(no_reason("--accept-broken"));
        }
        // A second person's leave is asked for by `carry_out`, which notes the reason as well.
        tracing::warn!(uid = caller.uid, invariants = ?note.accepted, "broken invariants accepted");
    }
    Ok(note)
}

/// Whether the policy in force keeps its invariants with a peer as it would be; those that were
/// accepted as broken when it was applied are. Answers what `accepted` alone lets be broken:
/// that needs a reason here, and the leave of a second person at the caller's.
pub(in crate::control) async fn admit_peer(
    node: &Node,
    agency: AgencyId,
    agencies: Directory,
    accepted: &[String],
    reason: Option<&str>,
) -> Result<Vec<String>, ApiError> {
    let set = Arc::clone(node.policies.current().set());
    let applied = history(node)?.into_iter().next().and_then(|h| h.proof);
    let unproven = applied.as_ref().is_none_or(|note| note.how == UNPROVEN);
    let before: Vec<String> = applied.map(|note| note.accepted).unwrap_or_default();
    let may_be = before.clone();
    let findings = blocking(move || {
        tried(&set, agencies, Some(agency), |id| {
            unproven && !may_be.iter().any(|m| m == id)
        })
    })
    .await?;
    let mut broken = BTreeMap::new();
    gather(&mut broken, &findings);
    let all = [&before[..], accepted].concat();
    let mut broken = accept(broken, &all, "--accept-broken NAME --reason TEXT")?;
    broken.retain(|id| !before.contains(id));
    if broken.is_empty() {
        return Ok(broken);
    }
    if stated(reason).is_none() {
        return Err(ApiError::new("invalid", "--accept-broken needs a reason")
            .with_remedy("add --reason TEXT; it is kept in the audit log"));
    }
    crate::audit::note(|note| {
        note.typed("breaks", &broken.join(", "));
    });
    tracing::warn!(invariants = ?broken, "a peer for which the policy breaks invariants");
    Ok(broken)
}

/// The names of what is broken, if each was accepted.
fn accept(
    broken: BTreeMap<String, String>,
    accepted: &[String],
    how: &str,
) -> Result<Vec<String>, ApiError> {
    let accepted: BTreeSet<&str> = accepted.iter().map(String::as_str).collect();
    let left: Vec<String> = broken
        .iter()
        .filter(|(id, _)| !accepted.contains(id.as_str()))
        .map(|(id, words)| format!("{id}: {words}"))
        .collect();
    if left.is_empty() {
        return Ok(broken.into_keys().collect());
    }
    let many = if left.len() == 1 {
        "an invariant".to_owned()
    } else {
        format!("{} invariants", left.len())
    };
    Err(ApiError::new(
        "broken-invariant",
        format!("the policy breaks {many}:\n{}", left.join("\n")),
    )
    .with_remedy(format!(
        "correct it; 'liaison policy prove' shows when it is right. Where it is meant: {how}"
    )))
}

fn gather(broken: &mut BTreeMap<String, String>, findings: &[Finding]) {
    for finding in findings.iter().filter(|f| !f.is_proven()) {
        let view = ProofFinding::from(finding);
        broken
            .entry(view.id)
            .or_insert_with(|| format!("{} {}", view.says, view.words.unwrap_or_default()));
    }
}

/// The concrete part.
fn tried(
    set: &Arc<PolicySet>,
    agencies: Directory,
    only: Option<AgencyId>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Finding>, ApiError> {
    let engine = Engine::new(Arc::clone(set), agencies, 1)
        .map_err(|e| ApiError::new("internal", e.to_string()))?;
    concrete(&engine, only.as_ref(), wanted).map_err(|e| ApiError::new("internal", e))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?
}

fn directory(node: &Node) -> Result<Directory, ApiError> {
    node.registry
        .directory()
        .map_err(|e| ApiError::new("internal", e.to_string()))
}

/// A reason that says something.
fn stated(reason: Option<&str>) -> Option<&str> {
    reason.map(str::trim).filter(|r| !r.is_empty())
}

fn no_reason(option: &str) -> ApiError {
    ApiError::new("invalid", format!("{option} needs a reason"))
        .with_remedy("add --reason TEXT; it is kept in the history of policies")
}

/// How a set came to be in force of which nothing is proven.
pub(super) const UNPROVEN: &str = "unproven";

/// What to do where nothing can be proven.
const NO_PROOF: &str = "install cvc5 (sudo apt-get install cvc5); or have it proven elsewhere and give --certificate FILE; or, if it must be: --unproven --reason TEXT";

impl From<ProveError> for ApiError {
    fn from(error: ProveError) -> Self {
        let code = match &error {
            ProveError::NoSolver { .. } => "no-solver",
            _ => "unproven",
        };
        Self::new(code, error.to_string())
    }
}
