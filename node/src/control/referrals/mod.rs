//! Referrals: what waits for whom, one in full, and the steps that move it.

mod find;
mod inbox;
mod step;
mod view;
mod wiped;

use axum::Json;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{IdPrefix, RecordId};
use liaison_protocol::lifecycle::Deadline;
use liaison_protocol::record::codes::StepKind;

pub(super) use self::find::find;
pub(super) use self::inbox::inbox;
pub(super) use self::step::{assign, step};
pub(super) use self::view::{show, timeline};
use super::api::{ApiError, DeadlineView, OpenStep};
use super::caller::Caller;
use super::text::rfc3339;
use crate::limits;
use crate::node::Node;
use crate::officers::Roles;
use crate::referral::access::{Aim, Granted};
use crate::referral::inbox::{answers_for, open_steps};
use crate::referral::{CaseId, ReferralError, Thread};
use crate::store::Flags;

type Answer<T> = Result<Json<T>, ApiError>;

impl Node {
    /// The referral whose id begins so; or the newest thread of a case, by its name.
    pub(in crate::control) fn referral(&self, text: &str) -> Result<Thread, ApiError> {
        let none = || {
            let shown = liaison_protocol::id::clip(text);
            ApiError::new(
                "not-found",
                format!("no referral here has an id that begins with {shown}"),
            )
            .with_remedy("'liaison inbox' lists what is here")
        };
        if let Ok(case) = text.parse::<CaseId>() {
            let case = self.cases.read(&case)?.ok_or_else(none)?;
            let thread = case.threads().last().ok_or_else(none)?;
            return self.referrals.thread(&thread).ok_or_else(none);
        }
        let prefix: IdPrefix = text.parse()?;
        let found: Vec<RecordId> = self.referrals.find(&prefix, limits::AMBIGUOUS);
        match found.as_slice() {
            [] => Err(self.erased_referral(text).unwrap_or_else(none)),
            [id] => self.referrals.thread(id).ok_or_else(none),
            several => Err(ApiError::ambiguous(text, several)),
        }
    }

    /// What is said of a referral that was here and is erased.
    fn erased_referral(&self, text: &str) -> Option<ApiError> {
        let (_, header) = self.find(text).ok()?;
        let id = header.id.short();
        header.flags.contains(Flags::ERASED).then(|| {
            ApiError::new(
                "not-found",
                format!("{id} was taken back or has ended: it is erased here"),
            )
            .with_remedy(format!("'liaison show {id}' tells what became of it"))
        })
    }

    /// Lets an officer do something with a referral. Nobody's is whoever's opens it first: that
    /// officer works on it from then on.
    pub(in crate::control) fn admit(
        &self,
        caller: &Caller,
        thread: RecordId,
        aim: Aim,
        why: Option<String>,
    ) -> Result<Granted, ApiError> {
        let officer = &caller.officer;
        // Whoever says why looks and does not take it.
        let takes = matches!(aim, Aim::Read | Aim::Act) && why.is_none() && !officer.shared;
        let now = self.time.latest();
        // The audit log's line of the call is written from here, so this is no task of its own;
        // the files are small.
        if self.is_left(&thread) && !officer.shared && Roles::REFERRERS.meets(officer.roles) {
            let gone: Vec<u32> = self.looks.assigned(&thread).uids().collect();
            self.looks.assign(&thread, &[], &gone, officer.uid, now)?;
        }
        if takes && self.looks.assigned(&thread).is_empty() && self.looks.lists(&thread, officer) {
            let put = [officer.as_ref().clone()];
            self.looks.assign(&thread, &put, &[], officer.uid, now)?;
        }
        let granted = self
            .looks
            .may(officer, Some(&thread), aim, why.as_deref(), now)?;
        Ok(granted)
    }

    /// Whether all who were put on a referral have left, or work on none any more: then it is
    /// nobody's, and not theirs for ever.
    fn is_left(&self, thread: &RecordId) -> bool {
        let works = |uid| {
            let officer = self.officers.of(uid);
            officer.is_ok_and(|o| !o.shared && Roles::REFERRERS.meets(o.roles))
        };
        let assigned = self.looks.assigned(thread);
        !assigned.is_empty() && !assigned.uids().any(works)
    }

    /// The names of the officers who work on a referral.
    fn assigned_names(&self, thread: &RecordId) -> Vec<String> {
        let assigned = self.looks.assigned(thread);
        let name = |uid| match self.officers.of(uid) {
            Ok(officer) => officer.name,
            // An officer no more: the machine may know the user still.
            Err(_) => crate::officers::user_name(uid),
        };
        assigned.uids().map(name).collect()
    }

    /// Why no deadline fires at present.
    fn deadlines_stopped(&self) -> Option<String> {
        self.time.trusted().err().map(|doubt| doubt.to_string())
    }
}

fn deadline(deadline: &Deadline, now: Millis) -> DeadlineView {
    let left = i128::from(deadline.at.0) - i128::from(now.0);
    let edge = if left < 0 { i64::MIN } else { i64::MAX };
    DeadlineView {
        what: deadline.what.to_string(),
        number: deadline.number,
        at: rfc3339(deadline.at),
        left_ms: i64::try_from(left).unwrap_or(edge),
        on_timeout: deadline.on_timeout.to_string(),
        whose: answers_for(deadline.what).to_string(),
    }
}

fn open(thread: &Thread) -> Vec<OpenStep> {
    open_steps(thread)
        .into_iter()
        .map(|step| OpenStep {
            step: step.to_string(),
            label: step.label().to_owned(),
            needs: needs(step).iter().map(|n| (*n).to_owned()).collect(),
        })
        .collect()
}

/// What a step needs beside its name.
const fn needs(step: StepKind) -> &'static [&'static str] {
    match step {
        StepKind::InfoAsked | StepKind::InfoGiven => &["topic", "note"],
        StepKind::Declined | StepKind::Closed | StepKind::Withdrawn => &["reason"],
        StepKind::Assisting => &["phase"],
        StepKind::Transferred => &["to"],
        StepKind::Consent => &["state", "scope"],
        StepKind::Reclassified => &["urgency"],
        _ => &[],
    }
}

impl From<ReferralError> for ApiError {
    fn from(error: ReferralError) -> Self {
        match error {
            ReferralError::Checks(findings) => {
                let mut error = ApiError::findings(&findings);
                error.remedy = Some("nothing was sent".into());
                error
            }
            ReferralError::Ingest(fault) => fault.into(),
            ReferralError::Store(error) => error.into(),
            ReferralError::Keyring(error) => error.into(),
            ReferralError::Refused(refusal) => {
                ApiError::new("refused", refusal.to_string()).with_remedy(
                    "'liaison refer show ID' ends with the steps that are open to you now",
                )
            }
            ReferralError::None { .. } | ReferralError::NoCase { .. } => {
                ApiError::new("not-found", error.to_string())
                    .with_remedy("'liaison inbox' lists what is here")
            }
            ReferralError::NoIdentity { thread } => ApiError::new("invalid", error.to_string())
                .with_remedy(format!(
                    "'liaison refer release-identity {} --identity FILE' takes it from a file",
                    thread.short()
                )),
            ReferralError::Elsewhere { ref peer, thread } => {
                ApiError::new("refused", error.to_string()).with_remedy(format!(
                    "telephone {peer}; 'liaison refer close {}' ends it there, and then a new referral is made",
                    thread.short()
                ))
            }
            other => ApiError::new("internal", other.to_string()),
        }
    }
}
