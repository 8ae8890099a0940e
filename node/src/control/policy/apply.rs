//! Putting a policy in force, and going back to the one before.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use data_encoding::HEXLOWER;

use super::proof::{admit, prove_for_all};
use super::{Answer, HISTORY, TEXTS, history, read, report, short};
use crate::audit::note;
use crate::control::api::{
    ApiError, PolicyApplied, PolicyReport, PolicyRequest, ProofNote, ProofTerms, RevertRequest,
};
use crate::control::approval::{Irrevocable, second_person};
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::node::{Node, POLICY_ACTIVE};
use crate::policy::{PolicySet, PolicyText};
use crate::store::Op;

/// `POST /v1/policy/apply`.
pub(in crate::control) async fn apply(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<PolicyRequest>,
) -> Answer<PolicyReport> {
    carry_out(&node, &caller, request).await
}

/// Puts a policy in force, at once or when a second person approved it.
pub(in crate::control) async fn carry_out(
    node: &Node,
    caller: &Caller,
    request: PolicyRequest,
) -> Answer<PolicyReport> {
    let asked = Irrevocable::Policy(Box::new(request.clone()));
    node.is_over(request.over.as_deref())?;
    let set = read(node, request.files)?;
    says_something(node, &set, request.empty)?;
    let (terms, reason) = (&request.proof, request.reason.as_deref());
    // For all agencies that there may be, so no change waits for it; a revocation least of all.
    let proven = prove_for_all(node, &set, terms, reason).await?;
    // From here on the agencies stay as they are.
    let one_at_a_time = node.changing.lock().await;
    node.is_over(request.over.as_deref())?;
    let note = admit(node, caller, &set, proven, terms, reason).await?;
    let mut acts = Vec::new();
    if !note.accepted.is_empty() {
        acts.push(format!("breaks {}", note.accepted.join(", ")));
    }
    if request.recall {
        acts.push("calls back what peers may have no more".to_owned());
    }
    if !acts.is_empty() {
        let says = format!(
            "put policy {} in force, which {}",
            short(&HEXLOWER.encode(&set.text().sha256())),
            acts.join(" and ")
        );
        second_person(node, caller, asked, says, request.reason.clone()).await?;
    }
    let terms = Terms {
        recall: request.recall,
        reason: request.reason,
        proof: note,
    };
    put_in_force(node, one_at_a_time, set, caller.uid, terms).await
}

/// `POST /v1/policy/revert`.
pub(in crate::control) async fn revert(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RevertRequest>,
) -> Answer<PolicyReport> {
    let (set, before) = earlier(&node)?;
    let reason = request
        .reason
        .unwrap_or_else(|| format!("revert to {}", short(&before.hash)));
    // As if it were applied anew: agencies and invariants may have changed since it was in
    // force, and what waited for a second person then waits now.
    let mut accepted = before.proof.map(|note| note.accepted).unwrap_or_default();
    accepted.extend(request.accept_broken);
    accepted.sort();
    accepted.dedup();
    let again = PolicyRequest {
        files: set.text().by_name(),
        reason: Some(reason),
        recall: request.recall,
        over: request.over,
        proof: ProofTerms {
            accept_broken: accepted,
            // Without a solver, what its history says of the same text still holds.
            unproven: true,
            certificate: None,
        },
        // Whoever goes back to it names it.
        empty: true,
    };
    carry_out(&node, &caller, again).await
}

/// The policy before the active one, and how it was applied.
pub(in crate::control) fn earlier(node: &Node) -> Result<(PolicySet, PolicyApplied), ApiError> {
    let history = history(node)?;
    let before = history.get(1).ok_or_else(|| {
        ApiError::new("conflict", "there is no earlier policy to go back to")
            .with_remedy("'liaison policy apply DIR' puts another one in force")
    })?;
    let bytes = node
        .store
        .meta(&format!("{TEXTS}{}", before.hash))?
        .ok_or_else(|| {
            ApiError::new(
                "internal",
                format!("the text of policy {} is gone", before.hash),
            )
        })?;
    let set = PolicySet::from_text(PolicyText::from_bytes(&bytes)?)?;
    Ok((set, before.clone()))
}

/// Refuses a policy without statements in place of one that has some, unless it is meant: it is
/// what a wrong folder looks like, and it stops all sharing and all referrals.
fn says_something(node: &Node, set: &PolicySet, meant: bool) -> Result<(), ApiError> {
    let has_some = |set: &PolicySet| set.statements().next().is_some();
    if meant || has_some(set) || !has_some(node.policies.current().set()) {
        return Ok(());
    }
    Err(ApiError::new(
        "refused",
        "these files have no statement: with them nothing more would go to anybody, referrals included; nothing was applied",
    )
    .with_remedy(
        "look at the folder: 'liaison policy apply DIR' names another. If nothing is to be shared any more, add --empty",
    ))
}

/// On which terms a policy is put in force.
struct Terms {
    /// Ask back what peers may have no more.
    recall: bool,
    /// Why.
    reason: Option<String>,
    /// How it was proven.
    proof: ProofNote,
}

async fn put_in_force(
    node: &Node,
    _one_at_a_time: tokio::sync::MutexGuard<'_, ()>,
    set: PolicySet,
    uid: u32,
    terms: Terms,
) -> Answer<PolicyReport> {
    let before = node.policies.current();
    let hash = HEXLOWER.encode(&set.text().sha256());
    note(|note| {
        note.typed("policy", &hash);
        note.typed("reason", terms.reason.as_deref().unwrap_or_default());
    });
    let number = node.store.metas(HISTORY, crate::limits::STORE_ROWS)?.len();
    let applied = PolicyApplied {
        hash: hash.clone(),
        at: rfc3339(node.clock.now()),
        uid,
        reason: terms.reason,
        proof: Some(terms.proof),
    };
    let line =
        serde_json::to_vec(&applied).map_err(|e| ApiError::new("internal", e.to_string()))?;
    let text: bytes::Bytes = set.text().to_bytes().into();
    // On disk first: a node that dies here starts with the new policy, never with none.
    node.store
        .write(vec![
            Op::PutMeta {
                name: format!("{TEXTS}{hash}"),
                bytes: text.clone(),
            },
            Op::PutMeta {
                name: format!("{HISTORY}{number:08}"),
                bytes: line.into(),
            },
            Op::PutMeta {
                name: POLICY_ACTIVE.into(),
                bytes: text,
            },
        ])
        .await?;
    let set = Arc::new(set);
    node.reengage(Some(set.clone())).await?;
    tracing::info!(uid, policy = %short(&hash), "policy applied");
    let mut report = report(node, &set);
    report.recalled = node.settle_change(before, terms.recall).await?;
    let withdrawn = node.parcels.withdrawn().await?;
    let left = node.taken_back(|row| withdrawn.contains(&row.key())).await;
    report.parcels = node.parcel_views(left);
    Ok(Json(report))
}
