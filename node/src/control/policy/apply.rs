//! Putting a policy in force, and going back to the one before.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use data_encoding::HEXLOWER;

use super::proof::admit;
use super::{Answer, HISTORY, TEXTS, history, read, report, short};
use crate::audit::note;
use crate::control::api::{ApiError, PolicyApplied, PolicyReport, PolicyRequest, ProofNote};
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
    let set = read(node, request.files)?;
    let note = admit(
        node,
        caller,
        &set,
        &request.proof,
        request.reason.as_deref(),
    )
    .await?;
    if !note.accepted.is_empty() {
        let says = format!(
            "put policy {} in force, which breaks {}",
            short(&HEXLOWER.encode(&set.text().sha256())),
            note.accepted.join(", ")
        );
        second_person(node, caller, asked, says, request.reason.clone()).await?;
    }
    put_in_force(node, set, caller.uid, request.reason, Some(note)).await
}

/// `POST /v1/policy/revert`.
pub(in crate::control) async fn revert(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RevertRequest>,
) -> Answer<PolicyReport> {
    let history = history(&node)?;
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
    let reason = request
        .reason
        .unwrap_or_else(|| format!("revert to {}", short(&before.hash)));
    // It was admitted once, on terms that its history tells.
    let note = before.proof.clone();
    put_in_force(&node, set, caller.uid, Some(reason), note).await
}

/// Body of `POST /v1/policy/revert`.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
pub(in crate::control) struct RevertRequest {
    /// Why; kept beside the policy.
    #[serde(default)]
    reason: Option<String>,
}

async fn put_in_force(
    node: &Node,
    set: PolicySet,
    uid: u32,
    reason: Option<String>,
    proof: Option<ProofNote>,
) -> Answer<PolicyReport> {
    let _one_at_a_time = node.changing.lock().await;
    let hash = HEXLOWER.encode(&set.text().sha256());
    note(|note| {
        note.typed("policy", &hash);
        note.typed("reason", reason.as_deref().unwrap_or_default());
    });
    let number = node.store.metas(HISTORY, crate::limits::STORE_ROWS)?.len();
    let applied = PolicyApplied {
        hash: hash.clone(),
        at: rfc3339(node.clock.now()),
        uid,
        reason,
        proof,
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
    Ok(Json(report(node, &set)))
}
