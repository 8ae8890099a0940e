//! A referral in full, and its steps in the order in which they count.

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use liaison_protocol::id::RecordId;
use liaison_protocol::lifecycle::{Party, State as Stands};
use liaison_protocol::personal::{Action, Private, StepData};
use liaison_protocol::record::check::Finding;
use liaison_protocol::record::codes::{ReferralPart, StepKind};
use zeroize::Zeroizing;

use super::{deadline, open, wiped};
use crate::audit::note;
use crate::control::api::{
    ApiError, CandidateView, ConflictView, FindingView, LookQuery, ReferralView, TimelineReport,
    TimelineRow,
};
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::node::Node;
use crate::referral::Thread;
use crate::referral::access::Aim;
use crate::referral::inbox::Prompt;

/// A part of a referral: its name and, in JSON, what stands inside.
type Part = (&'static str, Zeroizing<Vec<u8>>);

/// `GET /v1/referrals/{id}`.
pub(in crate::control) async fn show(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(look): Query<LookQuery>,
) -> Result<Response, ApiError> {
    let thread = node.referral(&id)?;
    node.admit(&caller, thread.id, Aim::Read, look.why.clone())?;
    let names_shown = has_identity(&thread)
        && node
            .admit(&caller, thread.id, Aim::Identity, look.why)
            .is_ok();
    if names_shown {
        note(|note| {
            // Beside the words on how the look was granted, if there are any.
            let granted = note.outcome.take().map(|how| format!(", {how}"));
            note.outcome = Some(format!("identity{}", granted.unwrap_or_default()));
        });
    }
    let this = node.clone();
    let (view, parts) = tokio::task::spawn_blocking(move || {
        this.look_for_deliveries()?;
        let thread = this.referrals.thread(&thread.id).unwrap_or(thread);
        let view = referral(&this, &thread)?;
        let parts = this.parts_to_show(&thread, names_shown)?;
        Ok::<_, ApiError>((view, parts))
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    wiped::object(&view, &parts)
}

/// `GET /v1/referrals/{id}/timeline`.
pub(in crate::control) async fn timeline(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(look): Query<LookQuery>,
) -> Result<Response, ApiError> {
    let thread = node.referral(&id)?;
    node.admit(&caller, thread.id, Aim::Read, look.why)?;
    let this = node.clone();
    let report = tokio::task::spawn_blocking(move || {
        this.look_for_deliveries()?;
        let thread = this.referrals.thread(&thread.id).unwrap_or(thread);
        rows(&this, &thread)
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    wiped::object(&report, &[])
}

/// Whether there is an identity that may be read now.
fn has_identity(thread: &Thread) -> bool {
    let held = thread.parts(ReferralPart::Identity).next().is_some();
    held && (thread.role == Party::Originator || thread.may_read_identity())
}

fn referral(node: &Node, thread: &Thread) -> Result<ReferralView, ApiError> {
    let now = node.clock.now();
    let folded = &thread.folded;
    let (_, scope) = thread.consent();
    let line = node.referrals.line(&thread.id, false);
    let findings: Vec<Finding> = node.obstacles(thread)?;
    Ok(ReferralView {
        id: thread.id.full(),
        role: thread.role.to_string(),
        peer: node.registry.alias(&thread.peer),
        agency: thread.peer.full(),
        state: thread.state().to_string(),
        before: folded.before.map(|state| state.to_string()),
        phase: folded.phase.map(|phase| phase.to_string()),
        urgency: thread.urgency().to_string(),
        child: thread.child,
        deadlines: thread
            .deadlines(node.referrals.table())
            .iter()
            .map(|running| deadline(running, now))
            .collect(),
        open: open(thread),
        undelivered: line.as_ref().is_some_and(|line| line.undelivered),
        scope: scope.iter().map(|scope| scope.to_string()).collect(),
        keep_until: thread.keep_until().map(|day| day.to_string()),
        guardian: thread.has_guardian(),
        best_interests: folded.best_interests,
        profile: None,
        assessment: None,
        identity: None,
        candidates: candidates(node, thread)?,
        conflicts: folded
            .conflicts
            .iter()
            .map(|conflict| ConflictView {
                kept: conflict.kept.full(),
                kept_step: step_name(thread, &conflict.kept),
                other: conflict.other.full(),
                other_step: step_name(thread, &conflict.other),
                says: conflict_says(
                    &step_name(thread, &conflict.kept),
                    &step_name(thread, &conflict.other),
                ),
            })
            .collect(),
        waiting: folded.waiting.len() as u64,
        findings: findings.iter().map(FindingView::from).collect(),
        assigned: node.assigned_names(&thread.id),
        prompts: line
            .into_iter()
            .flat_map(|line| line.prompts)
            // The conflicts themselves say more.
            .filter(|prompt| *prompt != Prompt::Conflict)
            .chain(node.review_prompt(&thread.id))
            .map(|prompt| prompt.says().to_owned())
            .collect(),
        stopped: node.deadlines_stopped(),
    })
}

impl Node {
    /// What stands inside, as far as this agency may read it now, in JSON.
    fn parts_to_show(&self, thread: &Thread, names: bool) -> Result<Vec<Part>, ApiError> {
        let mut shown = Vec::new();
        // A candidate that does not take the person has nothing more to read.
        let closed = thread.role == Party::Provider
            && matches!(
                thread.state(),
                Stands::Declined | Stands::Expired | Stands::Withdrawn
            );
        if closed {
            return Ok(shown);
        }
        let assessment = thread.parts(ReferralPart::Assessment).last();
        let identity = thread.parts(ReferralPart::Identity).last();
        let parts = [
            ("profile", Some(thread.id)),
            ("assessment", assessment),
            ("identity", identity.filter(|_| names)),
        ];
        for (name, id) in parts {
            let Some(id) = id else { continue };
            let Some(inside) = self.vault.inside(&id).map_err(internal)? else {
                continue;
            };
            shown.push((name, inside.show_content().map_err(internal)?));
        }
        Ok(shown)
    }

    /// What stands in the way of the steps that the table allows now.
    fn obstacles(&self, thread: &Thread) -> Result<Vec<Finding>, ApiError> {
        if thread.role != Party::Originator || !thread.folded.may_release_identity() {
            return Ok(Vec::new());
        }
        let inside = self.vault.inside(&thread.id).map_err(internal)?;
        let found = inside.map(|inside| {
            let mut found = self.step_findings(thread, &inside, &Action::IdentityReleased);
            found.extend(self.origin_finding(thread, &inside, None));
            found
        });
        Ok(found.unwrap_or_default())
    }
}

fn candidates(node: &Node, thread: &Thread) -> Result<Vec<CandidateView>, ApiError> {
    let Some((id, _)) = node.cases.of_thread(&thread.id) else {
        return Ok(Vec::new());
    };
    let Some(case) = node.cases.read(&id)? else {
        return Ok(Vec::new());
    };
    let view = |agency, id: Option<RecordId>| CandidateView {
        peer: node.registry.alias(agency),
        id: id.map(|id| id.full()),
        state: match id.map(|id| node.referrals.thread(&id)) {
            None => "next".to_owned(),
            Some(Some(thread)) => thread.state().to_string(),
            Some(None) => "erased".to_owned(),
        },
    };
    Ok(case
        .asked
        .iter()
        .map(|asked| view(&asked.agency, asked.thread))
        .collect())
}

fn rows(node: &Node, thread: &Thread) -> Result<TimelineReport, ApiError> {
    let mut rows = vec![TimelineRow {
        id: thread.id.full(),
        at: rfc3339(thread.created),
        by: name_of(node, thread, Party::Originator),
        step: "sent".to_owned(),
        detail: None,
        note: None,
        effect: "applied".to_owned(),
        why: None,
        delivered: (thread.role == Party::Originator).then_some(!thread.is_on_the_way(&thread.id)),
    }];
    let folded = &thread.folded;
    for id in folded.order.iter().chain(&folded.waiting) {
        let Some(held) = thread.step(id) else {
            continue;
        };
        let refused = folded.refused.iter().find(|refused| refused.id == *id);
        let waits = folded.waiting.contains(id);
        // Its word is in the record alone.
        let inside = node.vault.inside(id).map_err(internal)?;
        let word = inside.as_ref().and_then(|inside| inside.step());
        let note = word
            .and_then(|step| step.note.as_ref())
            .map(Private::expose);
        rows.push(TimelineRow {
            id: id.full(),
            at: rfc3339(held.at),
            by: name_of(node, thread, held.by),
            step: held.step.action.kind().to_string(),
            detail: detail(node, &held.step.action.data()),
            note: note.map(str::to_owned),
            effect: match (waits, refused.is_some()) {
                (true, _) => "waiting",
                (_, true) => "refused",
                _ => "applied",
            }
            .to_owned(),
            why: match (refused, waits) {
                (Some(refused), _) => Some(refused.refusal.to_string()),
                (None, true) => Some(
                    "it names a step that is not here yet; it counts as soon as that comes".into(),
                ),
                _ => None,
            },
            delivered: (held.by == thread.role).then_some(!thread.is_on_the_way(id)),
        });
    }
    Ok(TimelineReport {
        id: thread.id.full(),
        rows,
    })
}

/// What came with a step, in codes.
fn detail(node: &Node, data: &StepData) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    said.extend(data.topic.map(|code| code.to_string()));
    said.extend(data.reason.clone());
    said.extend(data.phase.map(|code| code.to_string()));
    said.extend(data.to.map(|to| node.registry.alias(&to)));
    said.extend(data.number.map(|number| format!("number {number}")));
    said.extend(data.state.map(|code| code.to_string()));
    if !data.scope.is_empty() {
        let scope: Vec<&str> = data.scope.iter().map(|code| code.as_str()).collect();
        said.push(scope.join(", "));
    }
    said.extend(data.keep_until.map(|day| format!("kept until {day}")));
    said.extend(data.urgency.map(|code| code.to_string()));
    said.extend(data.date.map(|date| date.to_string()));
    (!said.is_empty()).then(|| said.join("; "))
}

fn name_of(node: &Node, thread: &Thread, party: Party) -> String {
    let agency = if party == thread.role {
        &thread.own
    } else {
        &thread.peer
    };
    node.registry.alias(agency)
}

/// What came of two steps that did not know of each other, and what to do.
fn conflict_says(kept: &str, other: &str) -> String {
    if kept == StepKind::Consent.as_str() && other == kept {
        return "consent was recorded twice, without knowing of each other, and not the same. Only what both say counts, here and at the other agency. Ask the person, and record it once more.".into();
    }
    if kept == StepKind::Reclassified.as_str() && other == kept {
        return "the urgency was changed twice, without knowing of each other. The more urgent counts, here and at the other agency. Change it once more if that is wrong.".into();
    }
    format!(
        "'{kept}' and '{other}' were taken without knowing of each other. '{kept}' counts, by a fixed table, here and at the other agency; both are kept. Telephone the other agency."
    )
}

fn step_name(thread: &Thread, id: &RecordId) -> String {
    let held = thread.step(id);
    held.map_or_else(String::new, |held| held.step.action.kind().to_string())
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::new("internal", error.to_string())
}
