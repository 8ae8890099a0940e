//! The keyring: the sealing keys in it, how they leave at once, and who looked without being
//! assigned.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use liaison_protocol::clock::Millis;
use liaison_protocol::seal::SealingId;

use super::api::{
    ApiError, LookAlert, LooksSeenRequest, SealingErased, SealingKeyView, SealingReport,
};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::note;
use crate::keyring::{Keyring, KeyringError};
use crate::limits;
use crate::node::{Node, NodeError};
use crate::officers::Role;
use crate::referral::access::AlertKind;

type Answer<T> = Result<Json<T>, ApiError>;

/// `GET /v1/sealing`.
pub(super) async fn sealing(State(node): State<Node>) -> Answer<SealingReport> {
    let now = node.clock.now();
    blocking(move || report(&node.keyring, now)).await.map(Json)
}

/// `POST /v1/sealing/erase`: all of our sealing keys leave at once.
pub(super) async fn erase(State(node): State<Node>) -> Answer<SealingErased> {
    let _one_at_a_time = node.changing.lock().await;
    // A statement dated by a wrong clock would be in nobody's time.
    let now = node.time.trusted().map_err(|doubt| {
        ApiError::new("conflict", doubt.to_string())
            .with_remedy("'liaison clock show' says more; nothing was changed")
    })?;
    let worker = node.clone();
    let (done, card) = tokio::task::spawn_blocking(move || {
        let done = worker.keyring.retire_all(now)?;
        let (card, _) = worker
            .home
            .renew_keys(worker.keyring.listed(now), None, now)?;
        Ok::<_, NodeError>((done, card))
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    node.take_card(&card).await?;
    note(|note| {
        note.count = Some(done.deleted.len() as u64);
        note.outcome = Some("sealing keys deleted".into());
    });
    tracing::warn!(
        deleted = done.deleted.len(),
        "all sealing keys were replaced"
    );
    let text = |ids: Vec<SealingId>| ids.iter().map(|id| id.to_string()).collect();
    let worker = node.clone();
    Ok(Json(SealingErased {
        deleted: text(done.deleted),
        made: text(done.made),
        now: blocking(move || report(&worker.keyring, now)).await?,
    }))
}

/// `GET /v1/looks`.
pub(super) async fn looks(State(node): State<Node>) -> Answer<Vec<LookAlert>> {
    Ok(Json(node.looks.alerts().iter().map(view).collect()))
}

/// `POST /v1/looks/seen`.
pub(super) async fn seen(
    State(node): State<Node>,
    Json(request): Json<LooksSeenRequest>,
) -> Answer<Vec<LookAlert>> {
    let worker = node.clone();
    blocking(move || worker.looks.seen(request.number)).await?;
    looks(State(node)).await
}

/// What of the keyring a person has to look at.
pub(super) fn alerts(node: &Node) -> Vec<String> {
    let damaged = node.keyring.damaged();
    let mut alerts: Vec<String> = node.keyring.is_nearly_full().into_iter().collect();
    if let Some(first) = damaged.first() {
        alerts.push(format!(
            "{} of the keyring did not open, so what they are for can't be read: {}: {}. 'liaison doctor' lists them; 'liaison restore KEYRING-BACKUP' brings them back",
            match damaged.len() {
                1 => "a file".to_owned(),
                n => format!("{n} files"),
            },
            first.file,
            first.says
        ));
    }
    alerts
}

/// What the data-protection officer is told; nobody else is.
pub(super) fn looks_for(node: &Node, caller: &Caller) -> Vec<String> {
    if !caller.officer.roles.has(Role::DataProtectionOfficer) {
        return Vec::new();
    }
    let alerts = node.looks.alerts();
    let mut says: Vec<String> = alerts
        .iter()
        .rev()
        .take(limits::ALERTS_SHOWN)
        .map(|alert| sentence(&view(alert)))
        .collect();
    if alerts.len() > says.len() {
        says.push(format!(
            "{} more looks to be looked at: 'liaison audit looks'",
            alerts.len() - says.len()
        ));
    }
    says
}

fn sentence(alert: &LookAlert) -> String {
    let LookAlert {
        number, says, at, ..
    } = alert;
    format!(
        "{says}, last at {at}. 'liaison audit log --who {}' has the lines; then 'liaison audit looks --seen {number}'",
        alert.user
    )
}

fn view(alert: &crate::referral::access::Alert) -> LookAlert {
    let times = match alert.times {
        1 => String::new(),
        n => format!(" {n} times"),
    };
    let (what, record, says) = match alert.kind {
        AlertKind::BrokeGlass { thread } => (
            "broke-glass",
            Some(thread.full()),
            format!(
                "{} read referral {}{times} without being assigned, and gave a reason",
                alert.user,
                thread.short()
            ),
        ),
        AlertKind::Many { threads } => (
            "many",
            None,
            format!(
                "{} read {threads} referrals within an hour{times}, more than work needs",
                alert.user
            ),
        ),
    };
    LookAlert {
        number: alert.number,
        at: rfc3339(alert.at),
        user: alert.user.clone(),
        uid: alert.uid,
        what: what.into(),
        record,
        times: alert.times,
        says,
    }
}

fn report(keyring: &Keyring, now: Millis) -> Result<SealingReport, KeyringError> {
    let entries = keyring.entries()?;
    let mut held: BTreeMap<SealingId, u64> = BTreeMap::new();
    for entry in &entries {
        if let Some(by) = entry.opened_by {
            *held.entry(by).or_default() += 1;
        }
    }
    let keys = keyring
        .sealing()
        .into_iter()
        .map(|status| SealingKeyView {
            key: status.key.id().to_string(),
            state: match now < status.key.until {
                true => "listed",
                false => "kept",
            }
            .into(),
            from: rfc3339(status.key.from),
            until: rfc3339(status.key.until),
            deleted: rfc3339(status.deleted_at),
            records: held.get(&status.key.id()).copied().unwrap_or_default(),
        })
        .collect();
    Ok(SealingReport {
        keys,
        readable: entries.len() as u64,
        opens_with: crate::keyring::kind_of(keyring.dir())?
            .unwrap_or_default()
            .noun()
            .into(),
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))?
        .map_err(ApiError::from)
}
