//! What waits for whom, out of memory alone.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::lifecycle::{Deadline, DeadlineKind, OnTimeout, Party, State, allowed};
use liaison_protocol::record::codes::{StepKind, Urgency};

use super::book::Notice;
use super::timers::Fired;
use super::{Count, ReferralError, Referrals, Thread};
use crate::limits;
use crate::node::Node;

/// A referral in one line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its thread.
    pub id: RecordId,
    /// What this agency is in it.
    pub role: Party,
    /// The other agency.
    pub peer: AgencyId,
    /// Where it stands.
    pub state: State,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Since when it is here.
    pub since: Millis,
    /// What has to happen next.
    pub due: Option<Deadline>,
    /// Whether that, or something before it, is late.
    pub late: bool,
    /// Whether the other agency's node has not got everything yet.
    pub undelivered: bool,
    /// Whether it is for this agency to do something now.
    pub ours: bool,
    /// Whether it came and nobody has acknowledged it.
    pub new: bool,
    /// Whether two steps ran into each other.
    pub conflict: bool,
    /// Phase of assistance.
    pub phase: Option<liaison_protocol::record::codes::AssistPhase>,
    /// What an officer is asked to do.
    pub prompts: Vec<Prompt>,
}

/// What an officer is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prompt {
    /// A child is missing.
    MissingChild,
    /// Somebody is missing.
    Missing,
    /// Telephone: the other agency is late.
    Telephone,
    /// We are late.
    Late,
    /// Two follow-ups were missed.
    CheckWelfare,
    /// Nobody took the person: a gap to be recorded.
    RecordGap,
    /// Two steps ran into each other.
    Conflict,
    /// The person does not agree to what the next step needs.
    AskConsent,
    /// A colleague has to look at an emergency again.
    Review,
    /// Nobody did in time.
    ReviewOverdue,
    /// None of the candidates that are left can be asked.
    NobodyCanBeAsked,
}

impl Prompt {
    /// It, as a sentence.
    pub const fn says(self) -> &'static str {
        match self {
            Prompt::MissingChild => {
                "a child is missing: telephone the police and the other agency now, then record what you did with a note"
            }
            Prompt::Missing => "the person is missing: telephone the other agency",
            Prompt::Telephone => "the other agency is late: telephone its duty desk",
            Prompt::Late => {
                "this agency is late: take the next step, or telephone the other agency"
            }
            Prompt::CheckWelfare => {
                "two follow-ups were missed: telephone the provider and ask how the person is"
            }
            Prompt::RecordGap => {
                "nobody could take the person: record the gap with 'liaison new service' (stance gap), so that it is seen"
            }
            Prompt::Conflict => {
                "two steps did not know of each other: 'liaison refer timeline' shows both; telephone the other agency"
            }
            Prompt::AskConsent => {
                "the next candidate can't be asked without consent to share the profile: ask the person, then record it"
            }
            Prompt::Review => {
                "an emergency: within 72 h a colleague looks at it again, and types 'liaison refer review' with its id"
            }
            Prompt::ReviewOverdue => {
                "nobody looked at this emergency again within 72 h: nothing more of it goes out, and nobody else is asked, until a colleague does and types 'liaison refer review' with its id"
            }
            Prompt::NobodyCanBeAsked => {
                "none of the candidates that are left can be asked now: telephone them, or make a new referral to others; 'liaison peer list' shows who can be asked"
            }
        }
    }
}

impl Referrals {
    /// The line of a thread; none: there is none of this id.
    pub fn line(&self, id: &RecordId, last_of_case: bool) -> Option<Line> {
        let book = self.book();
        let thread = book.threads.get(id)?;
        let marks = book.marks.get(id);
        let fired = |fired: Fired| marks.is_some_and(|m| m.contains(&fired));
        Some(line(
            thread,
            &thread.deadlines(self.table()),
            fired,
            last_of_case,
        ))
    }

    /// Every referral that is not over, or has something left to be done, the most pressing
    /// first.
    pub fn lines(&self, now: Millis) -> Vec<Line> {
        let book = self.book();
        // Of the threads of ours that nobody took, which are the last of their case is known
        // to the caller only; the line says so when it is asked for by itself.
        let mut lines: Vec<Line> = book
            .threads
            .values()
            .filter(|thread| !thread.state().is_over())
            .map(|thread| {
                let marks = book.marks.get(&thread.id);
                let fired = |fired: Fired| marks.is_some_and(|m| m.contains(&fired));
                line(thread, &thread.deadlines(self.table()), fired, false)
            })
            .collect();
        lines.sort_by_key(|line| pressing(line, now));
        lines
    }

    /// How many are how.
    pub fn count(&self, now: Millis) -> Count {
        let mut count = Count::default();
        for line in self.lines(now) {
            count.live += 1;
            let due = line.due.filter(|_| line.ours);
            count.due += u64::from(due.is_some());
            count.overdue +=
                u64::from(line.ours && (line.late || due.is_some_and(|d| d.at <= now)));
            count.new += u64::from(line.new);
            count.undelivered += u64::from(line.undelivered);
        }
        count
    }

    /// What hubs are told, and we as one: which threads are overdue, and who is silent.
    pub fn overdue_notices(&self, own: &AgencyId) -> Vec<Notice> {
        let book = self.book();
        let mut notices: Vec<Notice> = book
            .overdue
            .values()
            .filter(|n| n.by != *own)
            .copied()
            .collect();
        notices.sort_by_key(|n| n.at);
        notices
    }
}

impl Node {
    /// [`Referrals::lines`], with what only this node's own files tell.
    pub fn live_referrals(&self, now: Millis) -> Vec<Line> {
        let mut lines = self.referrals.lines(now);
        for line in &mut lines {
            line.prompts.extend(self.review_prompt(&line.id));
        }
        lines
    }

    /// Looks which of our records have arrived since.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn look_for_deliveries(&self) -> Result<(), ReferralError> {
        let waiting: BTreeMap<RecordId, (AgencyId, Vec<RecordId>)> = {
            let book = self.referrals.book();
            let on_the_way = book.threads.values().filter(|t| !t.on_the_way.is_empty());
            on_the_way
                .take(limits::REFERRAL_ROWS)
                .map(|t| (t.id, (t.peer, t.on_the_way.iter().copied().collect())))
                .collect()
        };
        for (thread, (peer, records)) in waiting {
            for id in records {
                if self.has(&id, &peer)?
                    && let Some(thread) = self.referrals.book().threads.get_mut(&thread)
                {
                    thread.on_the_way.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// Own threads that nobody took, where nobody is left to be asked, for as long as
    /// [`limits::PROMPT_MS`].
    ///
    /// # Errors
    /// The keyring can't be read.
    pub fn untaken(&self, now: Millis) -> Result<Vec<Line>, ReferralError> {
        let ended: Vec<RecordId> = {
            let book = self.referrals.book();
            let untaken = book.threads.values().filter(|t| {
                let since = t.folded.moments.ended.unwrap_or(t.created);
                t.role == Party::Originator
                    && matches!(t.state(), State::Declined | State::Expired)
                    && now.0.saturating_sub(since.0) < limits::PROMPT_MS
            });
            untaken.take(limits::REFERRAL_ROWS).map(|t| t.id).collect()
        };
        let mut lines = Vec::new();
        for id in ended {
            let of_case = self.threads_of_case(&id);
            let all_over = of_case.iter().all(|id| {
                let thread = self.referrals.thread(id);
                thread.is_none_or(|t| matches!(t.state(), State::Declined | State::Expired))
            });
            if of_case.last() != Some(&id) || !all_over {
                continue;
            }
            let why = match self.is_next(&id) {
                true => self.referrals.book().stuck.get(&id).copied(),
                false => Some(Prompt::RecordGap),
            };
            // Without a reason the next is about to be asked.
            if let Some(why) = why {
                let line = self.referrals.line(&id, true);
                lines.extend(line.map(|line| match why {
                    Prompt::RecordGap => line,
                    why => Line {
                        prompts: vec![why],
                        ..line
                    },
                }));
            }
        }
        Ok(lines)
    }
}

fn line(
    thread: &Thread,
    running: &[Deadline],
    fired: impl Fn(Fired) -> bool,
    untaken: bool,
) -> Line {
    let state = thread.state();
    let late: Vec<&Deadline> = running.iter().filter(|d| fired(Fired::from(*d))).collect();
    let mut prompts = Vec::new();
    if state == State::Missing {
        prompts.push(match thread.child {
            true => Prompt::MissingChild,
            false => Prompt::Missing,
        });
    }
    let welfare = late
        .iter()
        .any(|d| d.on_timeout == OnTimeout::CheckWelfare && thread.role == Party::Originator);
    if welfare {
        prompts.push(Prompt::CheckWelfare);
    }
    if late.iter().any(|d| d.what != DeadlineKind::Welfare) {
        prompts.push(match thread.role {
            Party::Originator => Prompt::Telephone,
            Party::Provider => Prompt::Late,
        });
    }
    if untaken {
        prompts.push(Prompt::RecordGap);
    }
    if !thread.folded.conflicts.is_empty() {
        prompts.push(Prompt::Conflict);
    }
    let due = running.iter().find(|d| !fired(Fired::from(*d))).copied();
    Line {
        id: thread.id,
        role: thread.role,
        peer: thread.peer,
        state,
        urgency: thread.urgency(),
        since: thread.created,
        due: due.or_else(|| late.first().copied().copied()),
        late: !late.is_empty(),
        undelivered: !thread.on_the_way.is_empty(),
        ours: whose(state, thread) == thread.role,
        new: thread.role == Party::Provider && state == State::Sent,
        conflict: !thread.folded.conflicts.is_empty(),
        phase: thread.folded.phase,
        prompts,
    }
}

/// Whose turn it is.
fn whose(state: State, thread: &Thread) -> Party {
    match state {
        State::InfoAsked => Party::Originator,
        State::Accepted if !thread.folded.identity_released => Party::Originator,
        State::Missing | State::Located => thread.role,
        _ => Party::Provider,
    }
}

/// Smallest first: what is missing or undelivered, what is late, then by deadline and urgency.
fn pressing(line: &Line, now: Millis) -> (bool, bool, bool, Millis, Urgency, RecordId) {
    let missing = line.state == State::Missing;
    let due = line.due.map_or(Millis(u64::MAX), |d| d.at);
    let late = line.late || due <= now;
    (
        !missing,
        !line.undelivered,
        !late,
        due,
        line.urgency,
        line.id,
    )
}

/// Who has to see to a deadline.
pub const fn answers_for(what: DeadlineKind) -> Party {
    match what {
        DeadlineKind::Welfare => Party::Originator,
        _ => Party::Provider,
    }
}

/// The steps that are open to this agency now.
pub fn open_steps(thread: &Thread) -> Vec<StepKind> {
    let mut open = allowed(&thread.folded, thread.role);
    // What nobody is asked to do every time is at the end.
    open.sort_by_key(|step| {
        matches!(
            step,
            StepKind::Consent
                | StepKind::Guardian
                | StepKind::BestInterests
                | StepKind::Reclassified
                | StepKind::Missing
                | StepKind::Withdrawn
        )
    });
    // The node closes a thread to a silent candidate; an officer may as well.
    open
}
