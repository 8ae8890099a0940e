//! Leave to pass a record on: asking its author, giving it as the author, and what of both
//! there is.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::check::{self, CheckContext};
use liaison_protocol::record::codes::Plane;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::handling::OnwardMode;
use liaison_protocol::record::kinds::{Ask, Content, Permit};
use liaison_protocol::record::signed::Record;

use super::Answer;
use crate::control::api::{
    ApiError, AskReport, AskRequest, LeaveView, OpenAsk, OpenAsks, PermitReport, PermitRequest,
};
use crate::control::caller::Caller;
use crate::control::text::rfc3339;
use crate::ingest::Statement;
use crate::limits;
use crate::node::Node;
use crate::share::{Leave, LeaveKind, control_fields, passed};
use crate::store::{Arrival, Flags, Header};

/// `POST /v1/records/{id}/ask`.
pub(in crate::control) async fn ask(
    State(node): State<Node>,
    Path(id): Path<String>,
    Json(request): Json<AskRequest>,
) -> Answer<AskReport> {
    let (arrival, header) = node.find(&id)?;
    let short = header.id.short();
    if header.author == node.registry.own() {
        return Err(refused(
            format!("{short} is your own record: nobody has to be asked"),
            format!("'liaison permit {short} --to PEER --until DATE' lets others pass it on"),
        ));
    }
    in_force(&header)?;
    let record = node.statement(arrival)?;
    liftable(&record, &short)?;
    let to = node.agencies(&request.to)?;
    let now = node.time.latest();
    let mut left = Vec::new();
    for agency in to {
        let receiver = record.receiver(&agency, false);
        let holder = record.holder(&node.registry.own());
        let free = record.terms().release(holder, receiver).allows();
        let permits = node.share.leaves.naming(
            (&node.store, &node.registry),
            &header.id,
            &header.author,
            &agency,
            now,
        )?;
        if !free && permits.is_empty() {
            left.push(agency);
        }
    }
    if left.is_empty() {
        let first = request.to.first().map_or("PEER", String::as_str);
        return Err(refused(
            format!("its author lets {short} go there already"),
            format!("'liaison why {short} {first}' says what else keeps it here"),
        ));
    }
    let author = &header.author;
    let direct = node.registry.is_peer(author) && passed(&node.store, author, &header.id)?;
    let Some(next) = (if direct {
        Some(*author)
    } else {
        header.courier
    }) else {
        return Err(refused(
            format!("nobody is known through whom the author of {short} could be asked"),
            "link the author with 'liaison peer add FILE'".into(),
        ));
    };
    let mut report = AskReport {
        of: header.id.full(),
        title: record.envelope.fields.title.clone(),
        id: None,
        author: node.registry.alias(author),
        by_way_of: node.registry.alias(&next),
        to: left.iter().map(|a| node.registry.alias(a)).collect(),
    };
    if !request.dry_run {
        let why = request.why.unwrap_or_else(|| "No reason given.".into());
        let content = Content::from(Ask {
            of: header.id,
            to: left.into_iter().collect(),
            why,
        });
        report.id = Some(node.say("Request for a permit", &record, content).await?);
    }
    Ok(Json(report))
}

/// `POST /v1/records/{id}/permit`.
pub(in crate::control) async fn permit(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(request): Json<PermitRequest>,
) -> Answer<PermitReport> {
    let (arrival, header) = node.find(&id)?;
    let short = header.id.short();
    node.own_word(&header, "permitted to go on")?;
    in_force(&header)?;
    let record = node.statement(arrival)?;
    liftable(&record, &short)?;
    let to = node.agencies(&request.to)?;
    // Another holder would pass it on: what may not go from here may not go by way of one.
    node.names_within_ceilings(caller.officer.roles, &record, "--to", &to)?;
    let last: Date = request
        .until
        .parse()
        .map_err(|e| ApiError::new("invalid", format!("until: {e}")))?;
    let today = Date::from_millis(node.clock.now());
    if !(0..=limits::PERMIT_DAYS).contains(&last.days_since(today)) {
        return Err(ApiError::new(
            "invalid",
            format!(
                "a permit ends between today and {} days from now, not on {last}",
                limits::PERMIT_DAYS
            ),
        )
        .with_remedy("give another --until, and a new permit when this one has ended"));
    }
    let mut report = PermitReport {
        of: header.id.full(),
        title: record.envelope.fields.title.clone(),
        id: None,
        to: to.iter().map(|a| node.registry.alias(a)).collect(),
        until: last.to_string(),
        held_by: node.holders(arrival)?,
    };
    if !request.dry_run {
        let content = Content::from(Permit {
            of: header.id,
            to: to.into_iter().collect(),
            until: last.end_ms(),
        });
        report.id = Some(node.say("Permit", &record, content).await?);
    }
    Ok(Json(report))
}

impl Node {
    /// Signs a control record about a record and takes it in. Its id.
    async fn say(&self, title: &str, about: &Record, content: Content) -> Result<String, ApiError> {
        let old = &about.envelope.fields;
        let statement = Statement {
            fields: control_fields(title, old.purpose, old.exercise.clone()),
            content,
            audience: None,
        };
        // What an officer typed goes to other agencies in clear.
        let today = CheckContext::on(Date::from_millis(self.clock.now()));
        let findings = check::check(&statement.fields, &statement.content, &today);
        if !findings.is_empty() {
            return Err(ApiError::findings(&findings));
        }
        let made = self.ingest.own(vec![statement], Vec::new()).await?;
        let first = made.first().map(|(id, _)| id.full());
        first.ok_or_else(|| ApiError::new("internal", "the node is stopping"))
    }

    /// Agencies out of names, also of those that are no peers of ours: their whole ids.
    fn agencies(&self, names: &[String]) -> Result<Vec<AgencyId>, ApiError> {
        let mut all = Vec::new();
        for name in names {
            let whole = name.parse::<AgencyId>().ok().map(|agency| vec![agency]);
            let agencies = self.named(name).or(whole).ok_or_else(|| {
                let shown = liaison_protocol::id::clip(name);
                ApiError::new(
                    "not-found",
                    format!("'{shown}' is no peer, no circle and no agency's whole id"),
                )
                .with_remedy("'liaison peer list' shows the names; --json has whole ids")
            })?;
            all.extend(agencies);
        }
        all.sort_unstable();
        all.dedup();
        let max = wire_limits::PERMIT_AGENCIES;
        if all.is_empty() || all.len() > max {
            return Err(ApiError::new(
                "invalid",
                format!("{} agencies are named; 1 to {max} can be", all.len()),
            )
            .with_remedy("name fewer, and make a second one for the rest"));
        }
        Ok(all)
    }

    /// The permits and requests that there are for a record.
    pub(super) fn leave_views(&self, header: &Header) -> Result<Vec<LeaveView>, ApiError> {
        let now = self.time.latest();
        let mut views = Vec::new();
        for leave in self.share.leaves.of(&header.id) {
            let by_author = leave.author == header.author;
            let stands = leave.stands(&self.store)?;
            let (state, until, why) = match &leave.what {
                _ if !stands => ("withdrawn", last_day(&leave), None),
                _ if !leave.is_its_word(&self.registry) => {
                    ("key-compromised", last_day(&leave), None)
                }
                LeaveKind::Permit { .. } if !by_author => {
                    ("not-the-author", last_day(&leave), None)
                }
                LeaveKind::Permit { until } if *until <= now => ("ended", last_day(&leave), None),
                LeaveKind::Permit { .. } => ("in-force", last_day(&leave), None),
                LeaveKind::Ask { why } => {
                    let open = !self.unanswered(header, &leave, now)?.is_empty();
                    let state = if open { "open" } else { "answered" };
                    (state, None, Some(why.clone()))
                }
            };
            views.push(LeaveView {
                id: leave.id.full(),
                by: self.registry.alias(&leave.author),
                at: rfc3339(leave.made),
                to: leave.to.iter().map(|a| self.name_of(a)).collect(),
                until,
                why,
                state: state.into(),
            });
        }
        Ok(views)
    }

    /// The requests for leave that wait for us: for records of ours that are in force, from
    /// the last [`limits::ASK_DAYS`] days, naming somebody who has no permit.
    pub(in crate::control) fn open_asks(&self) -> Result<OpenAsks, ApiError> {
        let now = self.time.latest();
        let days = u64::try_from(limits::ASK_DAYS).unwrap_or_default();
        let oldest = now.0.saturating_sub(days.saturating_mul(limits::DAY_MS));
        let mut waiting = Vec::new();
        for id in self.share.leaves.asked() {
            let Some((arrival, header)) = self.ours_in_force(&id)? else {
                continue;
            };
            for leave in self.share.leaves.of(&id) {
                let stands = leave.is_its_word(&self.registry) && leave.stands(&self.store)?;
                if leave.is_permit() || leave.made.0 < oldest || !stands {
                    continue;
                }
                let to = self.unanswered(&header, &leave, now)?;
                if !to.is_empty() {
                    waiting.push((leave, id, arrival, to));
                }
            }
        }
        waiting.sort_by_key(|(leave, ..)| leave.arrival);
        let count = waiting.len() as u64;
        let until = Date::from_millis(now).add_days(limits::ASK_DAYS);
        let mut oldest = Vec::new();
        for (leave, of, arrival, to) in waiting.into_iter().take(limits::ASKS_SHOWN) {
            let record = self.statement(arrival)?;
            let LeaveKind::Ask { why } = &leave.what else {
                continue;
            };
            let to: Vec<String> = to.iter().map(|a| self.name_of(a)).collect();
            oldest.push(OpenAsk {
                id: leave.id.full(),
                of: of.full(),
                title: record.envelope.fields.title,
                by: self.registry.alias(&leave.author),
                at: rfc3339(leave.made),
                command: format!(
                    "liaison permit {} --to {} --until {until}",
                    of.short(),
                    to.join(",")
                ),
                to,
                why: why.clone(),
            });
        }
        Ok(OpenAsks { count, oldest })
    }

    /// A record of ours that can still be passed on.
    fn ours_in_force(&self, id: &RecordId) -> Result<Option<(Arrival, Header)>, ApiError> {
        let Some(arrival) = self.store.arrival_of(id)? else {
            return Ok(None);
        };
        let header = self.store.header(arrival)?;
        let own = self.registry.own();
        let fits = |h: &Header| h.author == own && in_force(h).is_ok();
        Ok(header.filter(fits).map(|header| (arrival, header)))
    }

    /// Whom a request names and no permit.
    fn unanswered(
        &self,
        header: &Header,
        ask: &Leave,
        now: Millis,
    ) -> Result<Vec<AgencyId>, ApiError> {
        let mut left = Vec::new();
        for agency in &ask.to {
            let naming = self.share.leaves.naming(
                (&self.store, &self.registry),
                &header.id,
                &header.author,
                agency,
                now,
            )?;
            if naming.is_empty() {
                left.push(*agency);
            }
        }
        Ok(left)
    }

    /// How an agency is named on the command line: an alias, or its whole id.
    fn name_of(&self, agency: &AgencyId) -> String {
        let known = *agency == self.registry.own() || self.registry.peer(agency).is_some();
        if known {
            self.registry.alias(agency)
        } else {
            agency.full()
        }
    }
}

/// A record that is withdrawn or amended goes to nobody any more, with leave or without.
fn in_force(header: &Header) -> Result<(), ApiError> {
    let short = header.id.short();
    let gone = header.flags.contains(Flags::RETRACTED) || header.flags.contains(Flags::ERASED);
    if gone {
        return Err(refused(
            format!("{short} is withdrawn and goes to nobody any more"),
            format!("'liaison show {short}' says by whom and why"),
        ));
    }
    if header.flags.contains(Flags::SUPERSEDED) {
        return Err(refused(
            format!("{short} was amended; leave is for the newer record"),
            format!("'liaison show {short}' names it"),
        ));
    }
    Ok(())
}

/// What no permit lifts: `onward: none`, and personal records.
fn liftable(record: &Record, short: &str) -> Result<(), ApiError> {
    let terms = record.terms();
    if terms.plane != Plane::Strategic {
        return Err(refused(
            format!(
                "{short} is a {} record: only its author's node releases it",
                terms.plane.as_str()
            ),
            "its author sends it to whom it may go".into(),
        ));
    }
    if terms.effective_onward() == OnwardMode::None {
        return Err(refused(
            format!("{short} says 'onward: none', which no permit lifts"),
            "its author can push it to the agency itself, or amend it with 'onward: ask'".into(),
        ));
    }
    Ok(())
}

fn last_day(leave: &Leave) -> Option<String> {
    match leave.what {
        LeaveKind::Permit { until } => {
            Some(Date::from_millis(Millis(until.0.saturating_sub(1))).to_string())
        }
        LeaveKind::Ask { .. } => None,
    }
}

fn refused(says: String, remedy: String) -> ApiError {
    ApiError::new("refused", says).with_remedy(remedy)
}
