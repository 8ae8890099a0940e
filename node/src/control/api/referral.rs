//! Referrals: what waits for whom, one referral in full, and the step that moves it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroize;

use super::FindingView;

/// `GET /v1/inbox`: what is live, the most pressing first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct InboxReport {
    /// When this was so, RFC 3339.
    pub now: String,
    /// Referrals that are not over, at most 1,000.
    pub rows: Vec<InboxRow>,
    /// How many there are in all.
    pub total: u64,
    /// Agencies that do not answer others in time, as a hub is told; the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overdue: Vec<OverdueView>,
    /// Why no deadline fires at present: this machine's clock is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// An agency does not answer another: telephone it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverdueView {
    /// The thread between these two. What it is about, a hub does not know.
    pub thread: String,
    /// Who waits.
    pub by: String,
    /// Who is silent.
    pub silent: String,
    /// Since when that is said, RFC 3339.
    pub at: String,
}

/// A referral in one line. Who the person is, or anything of them but how urgent it is, does
/// not stand here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InboxRow {
    /// Its id: that of its thread.
    pub id: String,
    /// What this agency is in it: `originator` or `provider`.
    pub role: String,
    /// The other agency, as it is called here.
    pub peer: String,
    /// `sent`, `acknowledged`, `accepted`, … as on the list of states.
    pub state: String,
    /// `critical`, `high` or `standard`.
    pub urgency: String,
    /// Phase of assistance: `first`, `recovery` or `long-term`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Since when it is here, RFC 3339.
    pub since: String,
    /// What has to happen next, and by when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DeadlineView>,
    /// Whether the other agency's node has not got everything yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
    /// Whether it is for this agency to do something now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ours: bool,
    /// Whether something came that no officer has looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
    /// Whether two steps ran into each other, so that a person has to look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
    /// The officers to whom it is assigned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<String>,
    /// Whether you are one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
    /// What an officer is asked to do, in sentences: telephone, record a service gap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
}

/// A moment by which something has to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadlineView {
    /// `acknowledge`, `decide`, `first-assistance`, `follow-up` or `welfare`.
    pub what: String,
    /// Which time, from 1: only follow-ups recur.
    pub number: u16,
    /// By when, RFC 3339.
    pub at: String,
    /// Milliseconds until then by this machine's clock; negative: it has passed.
    pub left_ms: i64,
    /// What follows: `next-candidate`, `remind` or `check-welfare`.
    pub on_timeout: String,
    /// Who has to do it: `originator` or `provider`.
    pub whose: String,
}

/// `GET /v1/referrals/{id}`: a referral in full, for who may read it.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ReferralView {
    /// Its id: that of its thread.
    pub id: String,
    /// What this agency is in it: `originator` or `provider`.
    pub role: String,
    /// The other agency, as it is called here.
    pub peer: String,
    /// That agency's id.
    pub agency: String,
    /// Where it stands.
    pub state: String,
    /// Where it stood when the person went missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Phase of assistance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How urgent it is now.
    pub urgency: String,
    /// Whether the person is treated as a child.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub child: bool,
    /// What runs, the next first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deadlines: Vec<DeadlineView>,
    /// The steps that are open to you now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenStep>,
    /// Whether the other agency's node has not got everything yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undelivered: bool,
    /// What the person agreed to, as it is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// The last day on which the person agrees that who they are is kept, if longer than it is
    /// anyway, YYYY-MM-DD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<String>,
    /// Whether a guardian was recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guardian: bool,
    /// Whether a best-interests officer was recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub best_interests: bool,
    /// The profile, as it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub profile: Option<serde_json::Value>,
    /// The assessment, where there is one for you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub assessment: Option<serde_json::Value>,
    /// The identity, where it was released to you or is yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub identity: Option<serde_json::Value>,
    /// Whom the originator asks, in order; only at the originator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CandidateView>,
    /// Steps that did not know of each other: both are kept, one took effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ConflictView>,
    /// Steps that name one that is not here yet.
    #[serde(default)]
    pub waiting: u64,
    /// What the checks say: what stands in the way of the next step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// The officers to whom it is assigned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<String>,
    /// What an officer is asked to do, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// Why no deadline fires at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// A step that may be taken now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenStep {
    /// Its name: `accepted`.
    pub step: String,
    /// What it does, in words.
    pub label: String,
    /// What it needs beside its name: `reason`, `note`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// Somebody who is asked, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CandidateView {
    /// Its name here.
    pub peer: String,
    /// The thread with it; none: it was not asked yet, and knows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where that stands; `next` for one that was not asked yet.
    pub state: String,
}

/// Two steps that did not know of each other, or two words on consent or urgency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictView {
    /// The step that took effect.
    pub kept: String,
    /// Its name.
    pub kept_step: String,
    /// The step that had none.
    pub other: String,
    /// Its name.
    pub other_step: String,
    /// What that means, and what to do.
    pub says: String,
}

/// `GET /v1/referrals/{id}/timeline`: every step that is here, in the order in which they
/// count.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct TimelineReport {
    /// The referral.
    pub id: String,
    /// Its steps, the first first.
    pub rows: Vec<TimelineRow>,
}

/// A step, or that the referral was sent.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TimelineRow {
    /// Its record.
    pub id: String,
    /// When its author signed it, RFC 3339.
    pub at: String,
    /// Whose it is, as that agency is called here.
    pub by: String,
    /// `sent`, or the step's name.
    pub step: String,
    /// What came with it: the reason, the phase, the topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The word to the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `applied`, `refused` or `waiting`.
    pub effect: String,
    /// Why it had no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the other agency's node has it; only of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<bool>,
}

/// `POST /v1/referrals/{id}/steps`: takes a step. What it has no place for is refused.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    /// The step's name: `acknowledged`, `accepted`, `declined`, …
    pub step: String,
    /// A word to the other side, at most 200 characters. Never who the person is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of a question or an answer: about what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Why: of `declined`, `closed` and `withdrawn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of `assisting`: the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Of `transferred`: the peer's name here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A day, YYYY-MM-DD: of the consent, or since when. Today, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Of `followed-up`: which, from 1. The next, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// Of `consent`: what the person said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Of `consent`: to what they agree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// Of `consent` that is given: the last day, YYYY-MM-DD, on which who they are may be kept,
    /// if longer than it is anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<String>,
    /// Of `reclassified`: how urgent it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<String>,
    /// Of `identity-released`: the identity. What the referral was made with, if it is left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub identity: Option<serde_json::Value>,
    /// Why you look at it though it is not assigned to you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Only tells what would happen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What came of a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct StepReport {
    /// The step's record; none of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The referral.
    pub referral: String,
    /// Where it stands now.
    pub state: String,
    /// The other agency, as it is called here.
    pub peer: String,
    /// Whether the other agency's node has it already.
    pub delivered: bool,
    /// What runs now, the next first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deadlines: Vec<DeadlineView>,
    /// The steps that are open to you now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenStep>,
    /// What else was done, in sentences: who is asked next, what was erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
}

/// `POST /v1/referrals/{id}/assign`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    /// The officer's user name.
    pub user: String,
    /// Takes it away from the officer instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
}

/// To whom a referral is assigned now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssignReport {
    /// The referral.
    pub id: String,
    /// The officers.
    pub assigned: Vec<String>,
}

/// `POST /v1/referrals/find`: searches what is assigned to you, in memory.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindRequest {
    /// Words that all have to be there.
    pub words: String,
    /// Why you look for them.
    pub reason: String,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct FindReport {
    /// The referrals, at most 100.
    pub rows: Vec<InboxRow>,
}

/// What stands in the query of a call that shows a referral.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookQuery {
    /// Why you look at it though it is not assigned to you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A word in it is about a person: wiped.
impl Drop for TimelineRow {
    fn drop(&mut self) {
        self.note.zeroize();
    }
}

impl std::fmt::Debug for ReferralView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReferralView").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TimelineRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimelineRow").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StepRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepRequest").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FindRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FindRequest").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LookQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LookQuery").finish_non_exhaustive()
    }
}
