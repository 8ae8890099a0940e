//! Drafts: what an officer pushes, or puts in place of an earlier record.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::clock::Hlc;
use liaison_protocol::id::AgencyId;
use liaison_protocol::record::check::{self, CheckContext};
use liaison_protocol::record::codes::{Kind, Plane, RetractReason};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::draft::{Draft, Resolver};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::{OnwardMode, Terms};
use liaison_protocol::record::kinds::{Content, Trend};
use liaison_protocol::record::signed::Record;

use super::Answer;
use super::retraction::retraction;
use crate::control::api::{AmendRequest, ApiError, PeerDecision, PushReport, PushRequest};
use crate::control::caller::Caller;
use crate::ingest::Statement;
use crate::node::Node;
use crate::store::Arrival;

/// `POST /v1/records`.
pub(in crate::control) async fn push(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<PushRequest>,
) -> Answer<PushReport> {
    let PushRequest { draft, to, dry_run } = request;
    let (fields, content) = node.resolve(&draft.to_string())?;
    if fields.supersedes.is_some() {
        return Err(ApiError::new(
            "invalid",
            "a draft that amends another record is not pushed",
        )
        .with_remedy("'liaison amend ID FILE'"));
    }
    let audience = node.audience(to.as_deref())?;
    node.check(&fields, &content, None, &[])?;
    let record = node.record(&fields, &content);
    let by = caller.officer.roles;
    node.within_ceilings(by, &record, audience.as_deref())?;
    let mut report = node.report(&record, audience.as_deref());
    if !dry_run {
        let made = node
            .ingest
            .own(
                vec![Statement {
                    fields,
                    content,
                    audience,
                }],
                Vec::new(),
            )
            .await?;
        report.id = made.first().map(|(id, _)| id.full());
    }
    Ok(Json(report))
}

/// `POST /v1/records/{id}/amend`.
///
/// An amendment for a narrower circle of readers would leave the old text with those who
/// may not have the new one: it goes with a retraction of the old record.
pub(in crate::control) async fn amend(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(request): Json<AmendRequest>,
) -> Answer<PushReport> {
    let AmendRequest { draft, to, dry_run } = request;
    let (arrival, header) = node.find(&id)?;
    node.own_word(&header, "amended")?;
    let old = node.statement(arrival)?;
    let (mut fields, content) = node.resolve(&draft.to_string())?;
    if content.kind() != old.kind() {
        return Err(ApiError::new(
            "invalid",
            format!(
                "the record is a {}, the draft a {}",
                old.kind(),
                content.kind()
            ),
        )
        .with_remedy("an amendment is of the same kind; retract the old one and push a new one"));
    }
    fields.supersedes = Some(header.id);
    fields.thread = old.envelope.fields.thread.or(Some(header.id));
    let listed = node.store.audience(arrival)?;
    let chosen = to.is_some();
    let audience = match to {
        Some(to) => node.audience(Some(&to))?,
        None => listed.clone(),
    };
    node.check(&fields, &content, Some((arrival, &old)), &[])?;
    let record = node.record(&fields, &content);
    // A list taken over from the old record is nobody's choice now: it is narrowed, and shown so.
    let taken_over = audience.as_deref().filter(|_| !chosen).map(|_| &[][..]);
    let by = caller.officer.roles;
    node.within_ceilings(by, &record, taken_over.or(audience.as_deref()))?;
    let mut report = node.report(&record, audience.as_deref());
    report.held_by = node.holders(arrival)?;
    if dry_run {
        return Ok(Json(report));
    }
    // A holder that may not have the new text must not keep the old one either.
    let shut_out = report
        .held_by
        .iter()
        .any(|holder| report.peers.iter().any(|p| p.peer == *holder && !p.allow));
    let narrower = shut_out
        || is_narrower(
            &old,
            &fields,
            &content,
            listed.as_deref(),
            audience.as_deref(),
        );
    let mut statements = Vec::new();
    if narrower {
        let reason = RetractReason::Amended;
        statements.push(retraction(header.id, reason, &old.envelope.fields));
    }
    statements.push(Statement {
        fields,
        content,
        audience,
    });
    let made = node.ingest.own(statements, Vec::new()).await?;
    report.id = made.last().map(|(id, _)| id.full());
    Ok(Json(report))
}

impl Node {
    /// Reads a draft and settles what it leaves open.
    pub(in crate::control) fn resolve(&self, draft: &str) -> Result<(Fields, Content), ApiError> {
        let names = |name: &str| self.named(name);
        let today = Date::from_millis(self.clock.now());
        let mut draft = Draft::from_json(draft)?;
        if draft.exercise.is_none() {
            draft.exercise.clone_from(&self.config.exercise);
        }
        let (fields, content) = draft.resolve(&Resolver {
            today,
            names: &names,
        })?;
        let kind = content.kind();
        if kind == Kind::Contact || kind.plane() == Plane::Control {
            return Err(
                ApiError::new("refused", format!("a {kind} record is not pushed")).with_remedy(
                    "'liaison card edit' changes the card, 'liaison retract' retracts, \
                 'liaison ask' and 'liaison permit' are for passing a record on",
                ),
            );
        }
        Ok((fields, content))
    }

    /// Runs the checks that bind an author: against the record that it amends, and against
    /// other counts of ours (those of the store, and `beside`, which are about to be stored)
    /// out of which a reader could subtract a small one.
    pub(in crate::control) fn check(
        &self,
        fields: &Fields,
        content: &Content,
        amends: Option<(Arrival, &Record)>,
        beside: &[Trend],
    ) -> Result<(), ApiError> {
        check::limits_of(fields, content)
            .map_err(|finding| ApiError::findings(std::slice::from_ref(&finding)))?;
        let thresholds = self.ingest.settings().thresholds.clone();
        let previous = match amends.map(|(_, old)| &old.content) {
            Some(Content::Trend(trend)) => Some(trend),
            _ => None,
        };
        let mut ours = Vec::new();
        if let Content::Trend(trend) = content
            && thresholds.of(trend.measure) > 1
        {
            ours = self.own_trends(trend, amends.map(|(arrival, _)| arrival))?;
        }
        let overlapping: Vec<&Trend> = ours.iter().chain(beside).collect();
        let context = CheckContext {
            thresholds,
            previous,
            overlapping: &overlapping,
            ..CheckContext::on(Date::from_millis(self.clock.now()))
        };
        let findings = check::check(fields, content, &context);
        if findings.is_empty() {
            Ok(())
        } else {
            Err(ApiError::findings(&findings))
        }
    }

    /// Our trends of the same measure whose period touches that of `trend`.
    fn own_trends(&self, trend: &Trend, amended: Option<Arrival>) -> Result<Vec<Trend>, ApiError> {
        let own = self.registry.own();
        let author = |name: &str| (name == "self").then_some(own);
        let context = crate::search::Context {
            now: self.clock.now(),
            author: &author,
        };
        let (from, to) = (trend.period.first_day(), trend.period.last_day());
        let text = format!(
            "kind:trend author:self measure:{} period:{from}..{to}",
            trend.measure
        );
        let query = crate::search::Query::parse(&text, &context)?;
        let options = crate::search::Options {
            limit: crate::limits::OVERLAPPING,
            ..crate::search::Options::default()
        };
        let mut trends = Vec::new();
        for arrival in self
            .search
            .query(&query, &options)?
            .arrivals
            .into_iter()
            .map(Arrival)
        {
            if Some(arrival) == amended {
                continue;
            }
            if let Content::Trend(trend) = self.statement(arrival)?.content {
                trends.push(trend);
            }
        }
        Ok(trends)
    }

    /// A draft as the record that it would be if it were signed now.
    pub(in crate::control) fn record(&self, fields: &Fields, content: &Content) -> Record {
        let created = Hlc::new(self.clock.now(), 0);
        let own = self.registry.own();
        Record::new(own, created, fields.clone(), content.clone())
    }

    /// Who would get it, and why not the others.
    fn report(&self, record: &Record, audience: Option<&[AgencyId]>) -> PushReport {
        let mut peers: Vec<PeerDecision> = self
            .registry
            .peers()
            .keys()
            .map(|agency| {
                let (decided, words) = self.share.explain_draft(agency, record, audience);
                PeerDecision::of(self, agency, &decided, &words)
            })
            .collect();
        peers.sort_by(|a, b| a.peer.cmp(&b.peer));
        let fields = &record.envelope.fields;
        PushReport {
            id: None,
            kind: record.kind().to_string(),
            title: fields.title.clone(),
            tlp: fields.tlp.to_string(),
            onward: record.terms().effective_onward().as_str().to_owned(),
            listed: audience.is_some(),
            peers,
            held_by: Vec::new(),
        }
    }
}

/// Whether the new text may have fewer readers than the old one.
fn is_narrower(
    old: &Record,
    fields: &Fields,
    content: &Content,
    listed: Option<&[AgencyId]>,
    audience: Option<&[AgencyId]>,
) -> bool {
    let before = &old.envelope.fields;
    let terms = |f: &Fields| Terms::of(content.kind().plane(), f.tlp, &f.handling, &f.onward);
    let fewer_named = match (&before.onward, &fields.onward) {
        (a, b) if a == b => false,
        _ => {
            terms(fields).effective_onward() < terms(before).effective_onward()
                || terms(fields).effective_onward() == OnwardMode::To
        }
    };
    let fewer_listed = match (listed, audience) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => old.iter().any(|a| !new.contains(a)),
    };
    fields.tlp > before.tlp || fewer_named || fewer_listed || fields.handling != before.handling
}
