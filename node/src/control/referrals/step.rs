//! Taking a step, and who works on a referral.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use liaison_protocol::personal::{
    Action, Identity, Private, StepData, StepError, discreet, without_value,
};
use liaison_protocol::record::codes::StepKind;
use liaison_protocol::record::date::Date;
use zeroize::Zeroize;

use super::{Answer, deadline, open};
use crate::audit::note;
use crate::control::api::{ApiError, AssignReport, AssignRequest, StepReport, StepRequest};
use crate::control::caller::Caller;
use crate::node::Node;
use crate::officers::Officer;
use crate::referral::access::Aim;
use crate::referral::{ReferralError, Thread, Wanted};

/// `POST /v1/referrals/{id}/steps`.
pub(in crate::control) async fn step(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<StepReport> {
    let request = read(body)?;
    let thread = node.referral(&id)?;
    node.admit(&caller, thread.id, Aim::Act, request.why.clone())?;
    let dry_run = request.dry_run;
    let wanted = wanted(&node, &thread, request)?;
    let kind = wanted.action.kind();
    if kind == StepKind::IdentityReleased {
        node.admit(&caller, thread.id, Aim::Identity, None)?;
    }
    // Who is referred, and how that goes, is nobody's business who reads the log.
    note(|note| note.record(thread.id));
    let would = thread.folded.leads_to(&wanted.action, thread.role).ok();
    let made = node.take_step(wanted, dry_run).await;
    let made = made.map_err(|error| {
        let is_refused = matches!(error, ReferralError::Refused(_));
        let error = ApiError::from(error);
        match is_refused {
            true => error.with_remedy(format!(
                "'liaison refer show {}' ends with the steps that are open to you now",
                thread.id.short()
            )),
            false => error,
        }
    })?;
    let now = node.clock.now();
    let after = node.referrals.thread(&thread.id);
    let peer = node.registry.alias(&thread.peer);
    let delivered = match (&made.id, &after) {
        (Some(id), Some(thread)) => !thread.is_on_the_way(id),
        _ => false,
    };
    Ok(Json(StepReport {
        id: made.id.map(|id| id.full()),
        referral: thread.id.full(),
        state: match (would.filter(|_| dry_run), &after) {
            (Some(would), _) => would.to_string(),
            (None, Some(thread)) => thread.state().to_string(),
            (None, None) => "withdrawn".to_owned(),
        },
        peer,
        delivered,
        deadlines: after
            .iter()
            .flat_map(|t| t.deadlines(node.referrals.table()))
            .map(|running| deadline(&running, now))
            .collect(),
        open: after.as_ref().map(open).unwrap_or_default(),
        done: made.done,
    }))
}

/// `POST /v1/referrals/{id}/assign`.
pub(in crate::control) async fn assign(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(request): Json<AssignRequest>,
) -> Answer<AssignReport> {
    let thread = node.referral(&id)?;
    node.admit(&caller, thread.id, Aim::Assign, None)?;
    let roster = node.officers.roster()?;
    let officer = roster
        .officers
        .values()
        .find(|officer| officer.name == request.user)
        .ok_or_else(|| {
            let shown = liaison_protocol::id::clip(&request.user);
            ApiError::new("not-found", format!("'{shown}' is no officer of this node"))
                .with_remedy("'liaison officers' lists them")
        })?;
    let officer: Officer = officer.clone();
    note(|note| {
        let (uid, what) = (
            officer.uid,
            if request.remove {
                "taken off"
            } else {
                "put on"
            },
        );
        note.outcome = Some(format!("user {uid} is {what} it"));
    });
    let (this, now, by) = (node.clone(), node.time.latest(), caller.uid);
    let assigned = tokio::task::spawn_blocking(move || match request.remove {
        true => this.looks.assign(&thread.id, &[], &[officer.uid], by, now),
        false => this.looks.assign(&thread.id, &[officer], &[], by, now),
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    Ok(Json(AssignReport {
        id: thread.id.full(),
        assigned: assigned.uids().map(crate::officers::user_name).collect(),
    }))
}

/// Reads what is asked for: what was typed of a person is not repeated where that fails.
fn read(body: Bytes) -> Result<StepRequest, ApiError> {
    let mut input = serde_json::Deserializer::from_slice(&body);
    let request = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let place = error.path().to_string();
        let says = error.into_inner().to_string();
        let (place, says) = discreet(&place, &says);
        let place = if place == "." { "the step" } else { &place };
        invalid(format!("{place}: {says}"))
    });
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
    request
}

/// What is asked for, in the codes of the protocol.
fn wanted(node: &Node, thread: &Thread, request: StepRequest) -> Result<Wanted, ApiError> {
    let kind: StepKind = code(&request.step)?;
    let today = Date::from_millis(node.clock.now());
    let dated = matches!(
        kind,
        StepKind::Transferred | StepKind::Consent | StepKind::Guardian | StepKind::BestInterests
    );
    let date = match &request.date {
        Some(date) => Some(code(date)?),
        None => dated.then_some(today),
    };
    let next = thread.folded.follow_ups.saturating_add(1);
    let scope: Result<BTreeSet<_>, ApiError> = request.scope.iter().map(|s| code(s)).collect();
    let data = StepData {
        topic: request.topic.as_deref().map(code).transpose()?,
        reason: request.reason,
        phase: request.phase.as_deref().map(code).transpose()?,
        to: match &request.to {
            Some(name) => Some(node.registry.find(name)?.0),
            None => None,
        },
        date,
        number: match request.number {
            None if kind == StepKind::FollowedUp => Some(next),
            given => given,
        },
        state: request.state.as_deref().map(code).transpose()?,
        scope: scope?,
        keep_until: request.keep_until.as_deref().map(code).transpose()?,
        urgency: request.urgency.as_deref().map(code).transpose()?,
    };
    let action = Action::new(kind, data).map_err(|error| match error {
        StepError::Reason(unknown) => invalid(without_value(&unknown.to_string())),
        other => invalid(other),
    })?;
    let identity = match request.identity {
        None => None,
        Some(_) if kind != StepKind::IdentityReleased => {
            return Err(invalid(format!(
                "'{kind}' has no place for 'identity'; leave it out"
            )));
        }
        Some(identity) => {
            let identity: Identity = serde_json::from_value(identity).map_err(|error| {
                // What was written is nobody's business who reads the message.
                let _withheld = error;
                invalid("the identity is not one: look at 'liaison refer template'")
            })?;
            Some(Box::new(identity))
        }
    };
    Ok(Wanted {
        thread: thread.id,
        action,
        note: request.note.map(Private::new),
        identity,
    })
}

fn code<T: FromStr>(text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    let read = text.parse::<T>();
    read.map_err(|error| invalid(without_value(&error.to_string())))
}

fn invalid(error: impl std::fmt::Display) -> ApiError {
    ApiError::new("invalid", error.to_string())
}
