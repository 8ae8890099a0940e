//! `GET /v1/inbox`: what waits for whom.

use axum::Json;
use axum::extract::{Extension, State};

use super::{Answer, deadline};
use crate::control::api::{ApiError, InboxReport, InboxRow, OverdueView};
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::limits;
use crate::node::Node;
use crate::officers::Roles;
use crate::referral::inbox::Line;

/// `GET /v1/inbox`.
pub(in crate::control) async fn inbox(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Answer<InboxReport> {
    let now = node.clock.now();
    let (this, officer) = (node.clone(), caller.officer.clone());
    let gather = move || {
        this.look_for_deliveries()?;
        let mut lines = this.untaken(now)?;
        lines.extend(this.live_referrals(now));
        let works = Roles::REFERRERS.meets(officer.roles);
        lines.retain(|line| {
            this.looks.lists(&line.id, &officer) || (works && this.is_left(&line.id))
        });
        lines.sort_by_key(|line| !line.undelivered);
        Ok::<_, ApiError>(lines)
    };
    let lines = tokio::task::spawn_blocking(gather)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    let shown = lines.iter().take(limits::REFERRAL_ROWS);
    Ok(Json(InboxReport {
        now: rfc3339(now),
        total: lines.len() as u64,
        rows: shown.map(|line| row(&node, &caller, line, now)).collect(),
        overdue: overdue(&node),
        stopped: node.deadlines_stopped(),
    }))
}

/// What other agencies told us as their hub.
fn overdue(node: &Node) -> Vec<OverdueView> {
    let notices = node.referrals.overdue_notices(&node.registry.own());
    let newest = notices.iter().rev().take(limits::REFERRAL_ROWS);
    newest
        .map(|notice| OverdueView {
            thread: notice.thread.full(),
            by: node.registry.alias(&notice.by),
            silent: node.registry.alias(&notice.silent),
            at: rfc3339(notice.at),
        })
        .collect()
}

/// A line as the API shows it.
pub(super) fn row(
    node: &Node,
    caller: &Caller,
    line: &Line,
    now: liaison_protocol::clock::Millis,
) -> InboxRow {
    InboxRow {
        id: line.id.full(),
        role: line.role.to_string(),
        peer: node.registry.alias(&line.peer),
        state: line.state.to_string(),
        urgency: line.urgency.to_string(),
        phase: line.phase.map(|phase| phase.to_string()),
        since: rfc3339(line.since),
        due: line.due.as_ref().map(|due| deadline(due, now)),
        undelivered: line.undelivered,
        ours: line.ours,
        new: line.new,
        conflict: line.conflict,
        assigned: node.assigned_names(&line.id),
        mine: node.looks.is_assigned(&line.id, caller.uid),
        prompts: line.prompts.iter().map(|p| p.says().to_owned()).collect(),
    }
}
