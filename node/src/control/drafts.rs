//! Making a referral: drafts, sending, emergencies, first screening.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::clip;
use liaison_protocol::personal::{ReferralDraft, screen};
use liaison_protocol::record::codes::{AgeBand, ConsentState, ScreenIndicator};
use zeroize::Zeroize;

use super::api::{
    ApiError, ApproveQuery, DraftRow, DraftView, FindingView, PlanRow, ReferralQuery,
    ReferralReport, ScreenReport, ScreenRequest,
};
use super::caller::Caller;
use super::text::rfc3339;
use crate::audit::note;
use crate::limits;
use crate::node::Node;
use crate::officers::{Officer, Role, Roles};
use crate::referral::access::Aim;
use crate::referral::emergency::{ApprovalFault, Second};
use crate::referral::{CaseFile, CaseId, Draft, NewFault, Planned, ReferralError, Sent};

type Answer<T> = Result<Json<T>, ApiError>;

/// `POST /v1/referrals`.
pub(super) async fn make(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ReferralQuery>,
    body: Bytes,
) -> Answer<ReferralReport> {
    let written = written(body)?;
    node.may_draft(&caller, Aim::Draft)?;
    let into = match &query.draft {
        Some(name) => Some(named(name)?),
        None => None,
    };
    if query.dry_run {
        let draft = node.reads(&written)?;
        let (plan, findings) = node.prospect(&draft)?;
        return Ok(Json(
            node.referral_report("checked", &draft, &plan, findings),
        ));
    }
    // Whatever comes of it, nothing that was typed is lost.
    let (uid, user) = (caller.uid, &caller.officer.name);
    let case = node.keep_draft(written, into, uid, user).await;
    let case = case.map_err(|fault| match fault {
        NewFault::Others { .. } => ApiError::new("forbidden", fault.to_string())
            .with_remedy("leave out --draft to begin one of your own; nothing was changed"),
        other => other.into(),
    })?;
    note(|note| note.typed("draft", case.id.as_str()));
    if query.keep {
        return Ok(Json(ReferralReport {
            state: "kept".into(),
            draft: Some(case.id.to_string()),
            now: rfc3339(node.clock.now()),
            ..ReferralReport::default()
        }));
    }
    let own = &caller.officer;
    node.may_draft(&caller, Aim::Send)
        .map_err(|error| kept(&case.id, own, error))?;
    let sent = node.send_draft(&case.id, &case.draft).await;
    let (case, sent) = sent.map_err(|error| kept(&case.id, own, error.into()))?;
    node.became(&case, sent, query.wait_s).await.map(Json)
}

/// `GET /v1/drafts`.
pub(super) async fn list(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Answer<Vec<DraftRow>> {
    let (this, by) = (node.clone(), caller.clone());
    let drafts = off(move || {
        let mut drafts = Vec::new();
        for id in this.cases.drafts()? {
            drafts.extend(this.cases.read(&id).ok().flatten());
        }
        drafts.retain(|case| !case.sent && (case.waits.is_some() || this.goes_on(&by, case)));
        Ok(drafts)
    })
    .await?;
    Ok(Json(
        drafts
            .iter()
            .map(|case| DraftRow {
                draft: case.id.to_string(),
                user: case.user.clone(),
                at: rfc3339(case.made),
                state: if case.waits.is_some() {
                    "waiting".into()
                } else {
                    "draft".into()
                },
                whole: case.draft.read().is_ok(),
                yours: case.waits.is_some() && case.uid != caller.uid && !caller.officer.shared,
            })
            .collect(),
    ))
}

/// `GET /v1/drafts/{name}`.
pub(super) async fn show(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<DraftView> {
    let case = node.case(&named(&name)?).await?;
    let own = node.goes_on(&caller, &case);
    let second = case.waits.is_some() && !caller.officer.shared;
    if case.sent || !(own || second) {
        return Err(ApiError::new(
            "forbidden",
            format!("{} is another officer's draft", case.id),
        )
        .with_remedy("they can show it to you; once it is sent, 'liaison inbox' lists it"));
    }
    let mut referral: serde_json::Value = serde_json::from_str(case.draft.expose())
        .map_err(|_| ApiError::new("internal", "the draft can't be read any more"))?;
    // Whoever approves decides on the emergency, and for that needs no name; and a name that
    // somebody typed at a login of many is not shown to everybody who uses it.
    if (!own || caller.officer.shared)
        && let Some(map) = referral.as_object_mut()
    {
        map.remove("identity");
    }
    note(|note| note.typed("draft", case.id.as_str()));
    Ok(Json(DraftView {
        draft: case.id.to_string(),
        user: case.user.clone(),
        referral,
        waits_ms: case.waits.map(|since| since.0),
    }))
}

/// `POST /v1/drafts/{name}/drop`.
pub(super) async fn discard(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<DraftRow> {
    let oversees = caller.officer.roles.has(Role::DataProtectionOfficer);
    let dropped = node.drop_draft(named(&name)?, caller.uid, oversees).await;
    let case = dropped.map_err(|fault| {
        let says = fault.to_string();
        match fault {
            NewFault::Sent { .. } => ApiError::new("conflict", says)
                .with_remedy("'liaison refer withdraw ID' takes a referral back"),
            NewFault::Others { .. } => ApiError::new("forbidden", says)
                .with_remedy("they or the data-protection officer drop it"),
            other => other.into(),
        }
    })?;
    note(|note| note.typed("draft", case.id.as_str()));
    Ok(Json(DraftRow {
        draft: case.id.to_string(),
        user: case.user.clone(),
        at: rfc3339(case.made),
        state: "dropped".into(),
        whole: false,
        yours: false,
    }))
}

/// `POST /v1/drafts/{name}/approve`.
pub(super) async fn approve(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(query): Query<ApproveQuery>,
) -> Answer<ReferralReport> {
    let id = named(&name)?;
    note(|note| note.typed("approves", id.as_str()));
    let seen = query.seen.map(Millis);
    let (case, sent) = node.approve_emergency(&id, second(&caller), seen).await?;
    node.became(&case, sent, query.wait_s).await.map(Json)
}

/// `POST /v1/drafts/{name}/review`: also by the id of a referral that was sent.
pub(super) async fn review(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<ReferralReport> {
    let id = match CaseId::is_one(&name) {
        true => named(&name)?,
        false => {
            let (_, header) = node.find(&name)?;
            let case = node.cases.of_thread(&header.id);
            let no = || {
                ApiError::new(
                    "not-found",
                    format!("{} is no referral of ours", clip(&name)),
                )
                .with_remedy("'liaison inbox' lists the referrals")
            };
            case.ok_or_else(no)?.0
        }
    };
    note(|note| note.typed("reviews", id.as_str()));
    let case = node.review_emergency(&id, second(&caller)).await?;
    // Of a referral that is long over nothing is left of what was written.
    let mut report = match node.reads(&case.draft) {
        Ok(draft) => node.referral_report("sent", &draft, &[], Vec::new()),
        Err(_) => ReferralReport {
            state: "sent".into(),
            now: rfc3339(node.clock.now()),
            ..ReferralReport::default()
        },
    };
    report.draft = Some(case.id.to_string());
    report.id = case.threads().next().map(|thread| thread.full());
    Ok(Json(report))
}

/// `POST /v1/referrals/screen`.
pub(super) async fn screening(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<ScreenRequest>,
) -> Answer<ScreenReport> {
    node.may_draft(&caller, Aim::Draft)?;
    let invalid = |e: liaison_protocol::record::codes::UnknownCode| {
        ApiError::new("invalid", e.to_string())
            .with_remedy("write one of the codes that are allowed")
    };
    let age: AgeBand = request.age_band.parse().map_err(invalid)?;
    if request.indicators.len() > ScreenIndicator::ALL.len() {
        return Err(
            ApiError::new("invalid", "there are more signs than the list has")
                .with_remedy("name each once"),
        );
    }
    let signs: BTreeSet<ScreenIndicator> = request
        .indicators
        .iter()
        .map(|sign| sign.parse().map_err(invalid))
        .collect::<Result<_, _>>()?;
    let found = screen::screen(&signs, age);
    let draft = if request.keep && found.suggests {
        let begun = Draft::new(screen::begun(age).to_string());
        let (uid, user) = (caller.uid, &caller.officer.name);
        Some(node.keep_draft(begun, None, uid, user).await?.id)
    } else {
        None
    };
    Ok(Json(ScreenReport {
        suggests: found.suggests,
        says: found.says.into(),
        strong: found.strong.iter().map(ToString::to_string).collect(),
        draft: draft.map(String::from),
    }))
}

impl Node {
    /// The referral that was written, in this node's exercise.
    fn reads(&self, written: &Draft) -> Result<ReferralDraft, ApiError> {
        let mut draft = written.read().map_err(NewFault::from)?;
        if draft.exercise.is_none() {
            draft.exercise.clone_from(&self.config.exercise);
        }
        Ok(draft)
    }

    /// Whether an officer may go on with a draft: their own, or one from a login of many.
    fn goes_on(&self, caller: &Caller, case: &CaseFile) -> bool {
        let refers = Roles::REFERRERS.meets(caller.officer.roles);
        case.uid == caller.uid || (refers && self.is_of_many(case))
    }

    /// Whether an officer may write or send a referral.
    fn may_draft(&self, caller: &Caller, aim: Aim) -> Result<(), ApiError> {
        let now = self.clock.now();
        let officer = &caller.officer;
        let looks = &self.looks;
        looks.may(officer, None, aim, None, now)?;
        Ok(())
    }

    /// Who would be asked, and what stands in the way.
    fn prospect(
        &self,
        draft: &ReferralDraft,
    ) -> Result<(Vec<Planned>, Vec<FindingView>), ApiError> {
        let now = self.clock.now();
        let plan = self.plan(draft, now)?;
        let emergency = draft.profile.consent.state == ConsentState::Emergency;
        let found = self.check_referral(draft, &plan, emergency, now)?;
        Ok((plan, found.iter().map(FindingView::from).collect()))
    }

    /// What became of a draft that was to be sent.
    async fn became(
        &self,
        case: &CaseFile,
        sent: Sent,
        wait_s: Option<u64>,
    ) -> Result<ReferralReport, ApiError> {
        let draft = self.reads(&case.draft)?;
        let (plan, _) = self.prospect(&draft)?;
        let state = match sent {
            Sent::Waits => "waiting",
            Sent::To { .. } => "sent",
        };
        let mut report = self.referral_report(state, &draft, &plan, Vec::new());
        report.draft = Some(case.id.to_string());
        let by = case.review_by().map(|by| self.time.on_clock(by));
        report.review_by = by.map(rfc3339);
        if let Sent::To { thread, agency } = sent {
            note(|note| note.peer(agency));
            report.id = Some(thread.full());
            let most = wait_s.unwrap_or_default().min(limits::ARRIVAL_WAIT_S);
            report.delivered = self
                .wait_for_arrival(&thread, &agency, Duration::from_secs(most))
                .await?;
        }
        Ok(report)
    }

    fn referral_report(
        &self,
        state: &str,
        draft: &ReferralDraft,
        plan: &[Planned],
        findings: Vec<FindingView>,
    ) -> ReferralReport {
        let urgency = draft.profile.effective_urgency();
        let within = self.deadline_table().acknowledge.of(urgency);
        ReferralReport {
            state: state.into(),
            now: rfc3339(self.clock.now()),
            urgency: urgency.to_string(),
            plan: plan
                .iter()
                .map(|planned| PlanRow {
                    peer: planned.name.clone(),
                    name: self.registry.contact(&planned.agency).map(|card| card.org),
                    open: planned
                        .opening
                        .map(liaison_protocol::record::hours::Opening::is_open),
                    clock_from: rfc3339(planned.clock_from),
                    acknowledge_by: rfc3339(Millis(planned.clock_from.0.saturating_add(within))),
                    telephone: planned.desk.clone().map(Into::into),
                })
                .collect(),
            findings,
            ..ReferralReport::default()
        }
    }
}

/// Takes the body over, and leaves no copy of it where it can be helped.
fn written(body: Bytes) -> Result<Draft, ApiError> {
    let most = liaison_protocol::limits::REFERRAL_DRAFT_BYTES;
    if body.len() > most {
        return Err(ApiError::new(
            "invalid",
            format!("the referral has more than {most} bytes"),
        )
        .with_remedy("shorten its notes and lists"));
    }
    let draft = std::str::from_utf8(&body).map(|text| Draft::new(text.to_owned()));
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
    let draft = draft.map_err(|_| {
        ApiError::new("invalid", "the referral is not text")
            .with_remedy("write it as 'liaison refer template' prints it, in UTF-8")
    })?;
    let is_object = serde_json::from_str::<serde::de::IgnoredAny>(draft.expose()).is_ok()
        && draft.expose().trim_start().starts_with('{');
    if !is_object {
        return Err(ApiError::new("invalid", "the referral is no JSON object")
            .with_remedy("'liaison refer template' prints one that is right, in TOML; 'liaison refer new FILE' takes it"));
    }
    Ok(draft)
}

fn named(name: &str) -> Result<CaseId, ApiError> {
    name.parse::<CaseId>().map_err(|says| {
        ApiError::new("invalid", says).with_remedy("'liaison refer drafts' lists them")
    })
}

fn second(caller: &Caller) -> Second {
    Second {
        uid: caller.uid,
        user: caller.officer.name.clone(),
        shared: caller.officer.shared,
    }
}

/// The same error, saying that nothing is lost.
fn kept(id: &CaseId, by: &Officer, mut error: ApiError) -> ApiError {
    let whose = match by.shared {
        true => " from a login of one's own",
        false => "",
    };
    let hint = format!(
        "what you wrote is kept as draft {id}: 'liaison refer new --draft {id}'{whose} goes on with it"
    );
    error.remedy = Some(match error.remedy.take() {
        Some(remedy) => format!("{remedy}; {hint}"),
        None => hint,
    });
    error
}

async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NewFault> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(NewFault::Stopping.into()),
    }
}

impl From<NewFault> for ApiError {
    fn from(fault: NewFault) -> Self {
        let says = fault.to_string();
        match fault {
            NewFault::Draft(_) => ApiError::new("invalid", says)
                .with_remedy("'liaison refer template' prints a referral that is right"),
            NewFault::Peer(error) => error.into(),
            NewFault::NoPeer(_) => ApiError::new("conflict", says)
                .with_remedy("'liaison peer list' shows who is linked"),
            NewFault::Pinned { peer, .. } => ApiError::new("conflict", says)
                .with_remedy(format!("'liaison peer confirm {peer}' takes its card over")),
            NewFault::Checks(findings) => ApiError {
                remedy: Some("correct it; nothing was sent".into()),
                ..ApiError::findings(&findings)
            },
            NewFault::NoDraft { .. } => {
                ApiError::new("not-found", says).with_remedy("'liaison refer drafts' lists them")
            }
            NewFault::Others { .. } => ApiError::new("forbidden", says)
                .with_remedy("ask them to change it, or write one of your own"),
            NewFault::Sent { thread, .. } => {
                let id = thread.map(|thread| thread.short()).unwrap_or_default();
                ApiError::new("conflict", says)
                    .with_remedy(format!("'liaison refer show {id}' shows how it stands"))
            }
            NewFault::Changed { id } => ApiError::new("conflict", says).with_remedy(format!(
                "'liaison refer new --draft {id}' shows it as it is now and goes on with it"
            )),
            NewFault::NoCandidate { .. } => ApiError::new("conflict", says)
                .with_remedy("'liaison service match' suggests providers"),
            NewFault::TooManyDrafts => {
                ApiError::new("conflict", says).with_remedy("'liaison refer drafts' lists them")
            }
            NewFault::Clock(_) => ApiError::new("conflict", says),
            NewFault::Ask(ReferralError::Ingest(fault)) => fault.into(),
            NewFault::Ask(_) => ApiError::new("internal", says),
            NewFault::Keyring(_) => {
                ApiError::new("disk", says).with_remedy("'liaison doctor' looks at the keyring")
            }
            NewFault::Store(error) => error.into(),
            NewFault::Stopping => ApiError::new("internal", says),
        }
    }
}

impl From<ApprovalFault> for ApiError {
    fn from(fault: ApprovalFault) -> Self {
        let says = fault.to_string();
        match fault {
            ApprovalFault::NotWaiting { .. } => ApiError::new("conflict", says)
                .with_remedy("'liaison refer drafts' lists what waits"),
            ApprovalFault::Changed { id } => ApiError::new("conflict", says).with_remedy(format!(
                "'liaison refer approve {id}' shows it as it is now"
            )),
            ApprovalFault::Own { .. } | ApprovalFault::Shared => ApiError::new("forbidden", says)
                .with_remedy("'liaison officers' lists who may approve it"),
            ApprovalFault::New(fault) => fault.into(),
        }
    }
}
