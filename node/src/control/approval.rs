//! Acts that can't be undone wait for a second person with another role, who approves exactly
//! what was asked for: the act is kept with its hash, and done when it is approved.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use data_encoding::HEXLOWER;
use liaison_protocol::clock::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::api::{
    ApiError, ApprovalView, ApproveReport, ApproveRequest, PeerAddRequest, PeerChangeRequest,
    PeerRemoveRequest, PolicyRequest,
};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::note;
use crate::limits;
use crate::node::Node;
use crate::officers::{Officer, Role, Roles, WaitsFor};
use crate::store::Op;

type Answer<T> = Result<Json<T>, ApiError>;

/// Prefix of the stored values that hold what waits, by its number.
const PENDING: &str = "approval/";

/// One is asked for at a time, so that no number is given twice. Nothing else is waited for
/// while it is held.
static ASKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// An act that can't be undone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act", content = "request")]
pub(super) enum Irrevocable {
    /// A policy that breaks an invariant, or that calls copies back.
    Policy(Box<PolicyRequest>),
    /// A new peer for which the policy breaks an invariant.
    Link(Box<PeerAddRequest>),
    /// A change of a peer that calls copies back, or for which the policy breaks an invariant.
    Peer(OfPeer<PeerChangeRequest>),
    /// The end of a link, with all copies called back.
    Removal(OfPeer<PeerRemoveRequest>),
}

/// What is asked for a peer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OfPeer<T> {
    /// Its agency id, in full: a name could be another's by the time that it is approved.
    pub agency: String,
    /// What.
    pub request: T,
}

/// An act that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    /// What will be done.
    act: Irrevocable,
    /// It, in a sentence.
    says: String,
    /// SHA-256 of `act`, hex.
    hash: String,
    /// Who asked for it.
    uid: u32,
    /// That user's name.
    user: String,
    /// That user's roles at the time.
    roles: Vec<Role>,
    /// Since when it waits.
    at: Millis,
    /// Why.
    reason: Option<String>,
    /// When somebody approved it and it was begun: it is not done a second time, whatever the
    /// node came to before it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Millis>,
}

/// Lets an act go ahead, or keeps it until a second person approves it.
///
/// # Errors
/// `pending`, with the number by which it is approved. It is not done.
pub(super) async fn second_person(
    node: &Node,
    caller: &Caller,
    act: Irrevocable,
    says: String,
    reason: Option<String>,
) -> Result<(), ApiError> {
    if caller.approved || waits_for(node) == WaitsFor::Nobody {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&act).map_err(|e| ApiError::new("internal", e.to_string()))?;
    let hash = HEXLOWER.encode(&Sha256::digest(&bytes));
    let _one_at_a_time = ASKING.lock().await;
    let waiting = waiting(node)?;
    // Whoever asks again, it is the first who asked, and the hours count from then.
    if let Some((number, pending)) = waiting.iter().find(|(_, p)| p.hash == hash) {
        return Err(match pending.begun {
            Some(at) => was_begun(number, at),
            None => waits(node, number, pending),
        });
    }
    if waiting.len() >= limits::PENDING_ACTS {
        return Err(
            ApiError::new("conflict", "too many acts wait for a second person")
                .with_remedy("'liaison reject NUMBER' for those that are not meant any more"),
        );
    }
    let number = hash.get(..8).unwrap_or(&hash).to_owned();
    // What somebody has looked at under this number must not become another act.
    if waiting.iter().any(|(taken, _)| *taken == number) {
        return Err(
            ApiError::new("conflict", format!("another act waits under {number}"))
                .with_remedy("ask again with another reason: the number follows from it"),
        );
    }
    let pending = Pending {
        act,
        says,
        hash,
        uid: caller.uid,
        user: caller.officer.name.clone(),
        roles: caller.officer.roles.iter().collect(),
        // Not before what was believed: a clock that was turned back shortens no waiting.
        at: node.time.latest(),
        reason,
        begun: None,
    };
    put(node, &number, &pending).await?;
    note(|note| note.typed("waits", &format!("{number}: {}", pending.says)));
    Err(waits(node, &number, &pending))
}

/// `GET /v1/approvals`.
pub(super) async fn list(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Answer<Vec<ApprovalView>> {
    let all = waiting(&node)?;
    Ok(Json(
        all.iter()
            .map(|(number, pending)| view(&node, &caller, number, pending))
            .collect(),
    ))
}

/// `POST /v1/approvals/{number}/approve`.
pub(super) async fn approve(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
    Json(request): Json<ApproveRequest>,
) -> Answer<ApproveReport> {
    // What is approved twice at once is done once.
    let _one_at_a_time = node.approving.lock().await;
    let pending = find(&node, &number)?;
    if request.hash != pending.hash {
        return Err(ApiError::new(
            "conflict",
            format!("what waits under {number} is not what was shown: its SHA-256 is another"),
        )
        .with_remedy("'liaison approve' alone shows what waits now"));
    }
    if let Some(at) = pending.begun {
        return Err(was_begun(&number, at));
    }
    may_approve(&node, &caller, &pending)?;
    let asker = still_may(&node, &pending)?;
    // Exactly what was asked for: what is stored is what was hashed.
    let bytes =
        serde_json::to_vec(&pending.act).map_err(|e| ApiError::new("internal", e.to_string()))?;
    if HEXLOWER.encode(&Sha256::digest(&bytes)) != pending.hash {
        return Err(ApiError::new(
            "internal",
            "what waits is not what was asked for: it was changed in the store",
        ));
    }
    note(|note| {
        note.typed("approved", &format!("{number}: {}", pending.says));
        note.typed(
            "asked for by",
            &format!("{} ({})", pending.user, pending.uid),
        );
        note.typed("hash", &pending.hash);
    });
    let asker = Caller {
        uid: pending.uid,
        officer: Arc::new(asker),
        approved: true,
    };
    let begun = Pending {
        begun: Some(node.clock.now()),
        ..pending.clone()
    };
    put(&node, &number, &begun).await?;
    let report = match carry_out(&node, &asker, pending.act.clone()).await {
        Ok(report) => report,
        Err(error) => {
            // It was refused: it may be approved once more.
            put(&node, &number, &pending).await?;
            return Err(error);
        }
    };
    drop_pending(&node, &number).await?;
    Ok(Json(ApproveReport {
        number,
        says: pending.says,
        report,
    }))
}

async fn carry_out(node: &Node, asker: &Caller, act: Irrevocable) -> Result<Value, ApiError> {
    let report = match act {
        Irrevocable::Policy(request) => {
            let Json(report) = super::policy::carry_out(node, asker, *request).await?;
            serde_json::to_value(report)
        }
        Irrevocable::Link(request) => {
            let Json(report) = super::peers::link(node, asker, *request).await?;
            serde_json::to_value(report)
        }
        Irrevocable::Peer(OfPeer { agency, request }) => {
            let Json(report) = super::peers::carry_out(node, asker, &agency, request).await?;
            serde_json::to_value(report)
        }
        Irrevocable::Removal(OfPeer { agency, request }) => {
            let Json(report) = super::parting::carry_out(node, asker, &agency, request).await?;
            serde_json::to_value(report)
        }
    };
    report.map_err(|e| ApiError::new("internal", e.to_string()))
}

/// Of an act that was begun, and of which nobody knows how far it came.
fn was_begun(number: &str, at: Millis) -> ApiError {
    ApiError::new(
        "conflict",
        format!(
            "what waits under {number} was begun at {}, and the node stopped before it was done or before that was written down",
            rfc3339(at)
        ),
    )
    .with_remedy(format!(
        "'liaison policy show' and 'liaison peer list' show how far it came; then 'liaison reject {number}', and ask for it anew if it is still wanted"
    ))
}

/// `POST /v1/approvals/{number}/reject`; also by who asked for it.
pub(super) async fn reject(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(number): Path<String>,
) -> Answer<ApprovalView> {
    // What is being done can't be rejected any more.
    let _one_at_a_time = node.approving.lock().await;
    let pending = find(&node, &number)?;
    note(|note| note.typed("rejected", &format!("{number}: {}", pending.says)));
    drop_pending(&node, &number).await?;
    Ok(Json(view(&node, &caller, &number, &pending)))
}

/// What waits, in sentences, for `status`.
pub(super) fn alerts(node: &Node) -> Vec<String> {
    let mut alerts: Vec<String> = waiting(node)
        .unwrap_or_default()
        .iter()
        .map(|(number, pending)| match pending.begun {
            Some(at) => format!(
                "the node stopped while this was done, at {}: {}. See whether it was, then 'liaison reject {number}'",
                rfc3339(at),
                pending.says
            ),
            None => format!(
                "{} asks: {}. 'liaison approve {number}' or 'liaison reject {number}', until {}",
                pending.user,
                pending.says,
                rfc3339(end(pending))
            ),
        })
        .collect();
    if waits_for(node) == WaitsFor::Nobody {
        alerts.push("what can't be undone waits for nobody here: waits_for in officers.toml, for test homes only".into());
    }
    alerts
}

/// Another person in another role; or, where the agency says that it has none, the same after
/// a day in which every officer could see it.
fn may_approve(node: &Node, caller: &Caller, pending: &Pending) -> Result<(), ApiError> {
    let forbidden = |says: String| {
        ApiError::new("forbidden", says).with_remedy(
            "'liaison officers' lists who has another role; the parent body or a hub may be one of them",
        )
    };
    let day = waits_for(node) == WaitsFor::SecondPersonOrADay;
    let ripe = Millis(pending.at.0.saturating_add(limits::DAY_MS));
    if day && node.time.trusted().is_ok_and(|now| now >= ripe) {
        return Ok(());
    }
    if caller.officer.shared {
        return Err(forbidden(
            "a shared account is nobody's second person".into(),
        ));
    }
    if caller.uid == pending.uid {
        let after = if day {
            format!(", or you after {}", rfc3339(ripe))
        } else {
            String::new()
        };
        return Err(forbidden(format!(
            "you asked for it yourself: somebody else approves it{after}"
        )));
    }
    let asked: Roles = pending.roles.iter().copied().collect();
    if asked.covers(caller.officer.roles) {
        return Err(forbidden(format!(
            "{} has the same role ({asked}): somebody with another one approves it",
            caller.officer.name
        )));
    }
    Ok(())
}

/// Who asked, as that officer is now: what is done in somebody's name needs that person to be
/// still in the role that allowed it.
fn still_may(node: &Node, pending: &Pending) -> Result<Officer, ApiError> {
    let governs = |role: &Role| Roles::GOVERNORS.has(*role);
    node.officers
        .of(pending.uid)
        .ok()
        .filter(|now| {
            pending
                .roles
                .iter()
                .filter(|r| governs(r))
                .all(|r| now.roles.has(*r))
        })
        .ok_or_else(|| {
            ApiError::new(
                "forbidden",
                format!(
                    "{}, who asked for it, has not that role any more",
                    pending.user
                ),
            )
            .with_remedy("'liaison reject' it; an officer who has the role asks for it anew")
        })
}

fn waits(node: &Node, number: &str, pending: &Pending) -> ApiError {
    let day = match waits_for(node) {
        WaitsFor::SecondPersonOrADay => ", or anybody after 24 hours,",
        _ => "",
    };
    ApiError::new(
        "pending",
        format!(
            "this can't be undone, so it waits for a second person: {}",
            pending.says
        ),
    )
    .with_remedy(format!(
        "an officer with another role{day} types 'liaison approve {number}'; it lapses at {}",
        rfc3339(end(pending))
    ))
}

/// A file that can't be read lets nobody approve anything.
fn waits_for(node: &Node) -> WaitsFor {
    node.officers
        .roster()
        .map(|roster| roster.waits_for)
        .unwrap_or_default()
}

fn view(node: &Node, caller: &Caller, number: &str, pending: &Pending) -> ApprovalView {
    let act = serde_json::to_value(&pending.act).unwrap_or_default();
    ApprovalView {
        number: number.to_owned(),
        says: pending.says.clone(),
        hash: pending.hash.clone(),
        user: pending.user.clone(),
        uid: pending.uid,
        at: rfc3339(pending.at),
        until: rfc3339(end(pending)),
        reason: pending.reason.clone(),
        yours: pending.begun.is_none() && may_approve(node, caller, pending).is_ok(),
        act,
    }
}

fn end(pending: &Pending) -> Millis {
    Millis(pending.at.0.saturating_add(limits::PENDING_MS))
}

/// What waits and has not lapsed, oldest first.
fn waiting(node: &Node) -> Result<Vec<(String, Pending)>, ApiError> {
    let now = node.clock.now();
    let mut all: Vec<(String, Pending)> = node
        .store
        .metas(PENDING, limits::STORE_ROWS)?
        .into_iter()
        .filter_map(|(name, bytes)| {
            let pending: Pending = serde_json::from_slice(&bytes).ok()?;
            Some((name.strip_prefix(PENDING)?.to_owned(), pending))
        })
        .filter(|(_, pending)| end(pending) > now)
        .collect();
    all.sort_by_key(|(_, pending)| pending.at);
    Ok(all)
}

fn find(node: &Node, number: &str) -> Result<Pending, ApiError> {
    let found = waiting(node)?.into_iter().find(|(n, _)| n == number);
    found.map(|(_, pending)| pending).ok_or_else(|| {
        let shown = liaison_protocol::id::clip(number);
        ApiError::new("not-found", format!("nothing waits under {shown}"))
            .with_remedy("'liaison approve' alone lists what waits")
    })
}

async fn put(node: &Node, number: &str, pending: &Pending) -> Result<(), ApiError> {
    let bytes =
        serde_json::to_vec(pending).map_err(|e| ApiError::new("internal", e.to_string()))?;
    if bytes.len() > limits::STORE_VALUE_BYTES {
        return Err(ApiError::new(
            "refused",
            "what is asked for is too large to wait for a second person",
        )
        .with_remedy("split it"));
    }
    let name = format!("{PENDING}{number}");
    node.store
        .write(vec![Op::PutMeta {
            name,
            bytes: bytes.into(),
        }])
        .await?;
    Ok(())
}

async fn drop_pending(node: &Node, number: &str) -> Result<(), ApiError> {
    let name = format!("{PENDING}{number}");
    node.store.write(vec![Op::DeleteMeta { name }]).await?;
    Ok(())
}
