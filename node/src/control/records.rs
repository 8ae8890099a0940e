//! What officers do with records: push, amend, retract, look at, ask why.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use liaison_protocol::clock::Hlc;
use liaison_protocol::id::{AgencyId, IdPrefix, RecordId};
use liaison_protocol::record::check::{self, CheckContext};
use liaison_protocol::record::codes::{Kind, RetractReason};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::draft::{Draft, Resolver};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::{Onward, OnwardMode, Terms};
use liaison_protocol::record::kinds::{Content, Retract, Trend};
use liaison_protocol::record::signed::{Record, SignedRecord};

use super::api::{
    AmendRequest, ApiError, FindingView, GateView, LedgerView, LinkView, PeerDecision, PushReport,
    PushRequest, RecordRow, RecordView, RetractReport, RetractRequest, RetractionView,
    VerifyReport, Why,
};
use super::text::rfc3339;
use crate::ingest::{IngestFault, Statement, examine};
use crate::node::Node;
use crate::share::{Decided, Gate, GateWord, kind_of};
use crate::store::{Arrival, Direction, Flags, Header};

type Answer<T> = Result<Json<T>, ApiError>;

/// `POST /v1/records`.
pub(super) async fn push(
    State(node): State<Node>,
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
    let mut report = node.report(&fields, &content, audience.as_deref())?;
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
pub(super) async fn amend(
    State(node): State<Node>,
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
    let audience = match to {
        Some(to) => node.audience(Some(&to))?,
        None => listed.clone(),
    };
    node.check(&fields, &content, Some((arrival, &old)), &[])?;
    let mut report = node.report(&fields, &content, audience.as_deref())?;
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

/// `POST /v1/records/{id}/retract`.
pub(super) async fn retract(
    State(node): State<Node>,
    Path(id): Path<String>,
    Json(request): Json<RetractRequest>,
) -> Answer<RetractReport> {
    let reason: RetractReason =
        request
            .reason
            .parse()
            .map_err(|e: liaison_protocol::record::codes::UnknownCode| {
                ApiError::new("invalid", e.to_string())
            })?;
    let (arrival, header) = node.find(&id)?;
    node.own_word(&header, "retracted")?;
    if kind_of(&header) == Some(Kind::Retract) {
        return Err(
            ApiError::new("refused", "a retraction is for good and can't be retracted")
                .with_remedy("push the record again, as a new one"),
        );
    }
    if header.flags.contains(Flags::RETRACTED) {
        return Err(ApiError::new(
            "conflict",
            format!("{} is retracted already", header.id.short()),
        ));
    }
    let mut report = RetractReport {
        of: header.id.full(),
        id: None,
        held_by: node.holders(arrival)?,
    };
    if !request.dry_run {
        let old = node.statement(arrival)?;
        let made = retraction(header.id, reason, &old.envelope.fields);
        let made = node.ingest.own(vec![made], Vec::new()).await?;
        report.id = made.first().map(|(id, _)| id.full());
    }
    Ok(Json(report))
}

/// `GET /v1/records/{id}`.
pub(super) async fn show(State(node): State<Node>, Path(id): Path<String>) -> Answer<RecordView> {
    let (arrival, header) = node.find(&id)?;
    let row = node.row(arrival, &header)?;
    let retracted_by = node.store.tombstone(&header.id)?.map(|t| RetractionView {
        id: t.by.full(),
        reason: RetractReason::ALL
            .get(usize::from(t.reason))
            .map_or("unknown", |r| r.as_str())
            .to_owned(),
        at: rfc3339(t.at),
        erased: header.flags.contains(Flags::ERASED),
    });
    let mut view = RecordView {
        row,
        author_id: header.author.full(),
        key: String::new(),
        record: serde_json::Value::Null,
        courier: header
            .courier
            .map_or_else(|| "own".into(), |c| node.registry.alias(&c)),
        findings: Vec::new(),
        superseded_by: node
            .store
            .superseded_by(&header.id, &header.author)?
            .iter()
            .map(RecordId::full)
            .collect(),
        retracted_by,
        links: Vec::new(),
        ledger: node
            .store
            .ledgers_for(arrival)?
            .into_iter()
            .map(|(peer, line)| LedgerView::new(&node, &peer, &line))
            .collect(),
    };
    if let Some(bytes) = node.store.record(arrival)? {
        let signed = SignedRecord::parse(bytes).map_err(IngestFault::from)?;
        let record = signed.unverified();
        view.key = signed.key().to_string();
        view.record = as_json(record)?;
        let context = CheckContext::on(Date::from_millis(record.envelope.created.wall()));
        view.findings = check::check(&record.envelope.fields, &record.content, &context)
            .iter()
            .map(FindingView::from)
            .collect();
        for link in &record.envelope.fields.refs {
            let state = match node.store.arrival_of(&link.id)? {
                None => "unknown",
                Some(at) => match node.store.header(at)? {
                    Some(h) if h.flags.contains(Flags::RETRACTED) => "retracted",
                    Some(h) if h.flags.contains(Flags::SUPERSEDED) => "amended",
                    Some(_) => "held",
                    None => "unknown",
                },
            };
            view.links.push(LinkView {
                rel: link.rel.as_str().into(),
                id: link.id.full(),
                state: state.into(),
            });
        }
    }
    Ok(Json(view))
}

/// `GET /v1/records/{id}/cose`: the exact signed bytes.
pub(super) async fn cose(
    State(node): State<Node>,
    Path(id): Path<String>,
) -> Result<Bytes, ApiError> {
    let (arrival, header) = node.find(&id)?;
    node.store.record(arrival)?.ok_or_else(|| {
        ApiError::new(
            "not-found",
            format!(
                "{} was erased; only its tombstone is left",
                header.id.short()
            ),
        )
    })
}

/// `GET /v1/records/{id}/why/{peer}`.
pub(super) async fn why(
    State(node): State<Node>,
    Path((id, peer)): Path<(String, String)>,
) -> Answer<Why> {
    let (arrival, header) = node.find(&id)?;
    let (agency, _) = node.registry.find(&peer)?;
    let (decided, words) = node.share.explain(&agency, arrival, &header)?;
    let mut decision = decision(&node, &agency, &decided, &words);
    if decided.gate == Gate::Policy && !decided.allow {
        let nearest = node.share.nearest(&agency, arrival, &header)?;
        for near in nearest {
            decision.says.push(' ');
            decision.says.push_str(&near);
        }
    }
    let line = node.store.ledger_entry(&agency, arrival)?;
    Ok(Json(Why {
        id: header.id.full(),
        decision,
        gates: words
            .iter()
            .map(|w| GateView {
                gate: w.gate.as_str().into(),
                allow: w.allow,
                says: w.says.clone(),
            })
            .collect(),
        ledger: line.map(|line| LedgerView::new(&node, &agency, &line)),
    }))
}

/// `POST /v1/verify`: whose word are these bytes?
pub(super) async fn verify(State(node): State<Node>, body: Bytes) -> Answer<VerifyReport> {
    let signed = SignedRecord::parse(body.clone()).map_err(IngestFault::from)?;
    let record = signed.unverified().clone();
    let author = node.registry.alias(&record.envelope.author);
    let context = CheckContext {
        thresholds: node.ingest.settings().thresholds.clone(),
        ..CheckContext::on(Date::from_millis(record.envelope.created.wall()))
    };
    let findings = check::check(&record.envelope.fields, &record.content, &context);
    let (verified, says) = match examine(&node.registry, body) {
        Ok(_) => (true, format!("signed by {author}, unchanged")),
        Err(fault) => (false, fault.to_string()),
    };
    Ok(Json(VerifyReport {
        id: signed.id().full(),
        verified,
        author,
        kind: record.kind().to_string(),
        says,
        findings: findings.iter().map(FindingView::from).collect(),
    }))
}

impl Node {
    /// Reads a draft and settles what it leaves open.
    pub(super) fn resolve(&self, draft: &str) -> Result<(Fields, Content), ApiError> {
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
        if matches!(
            content,
            Content::Contact(_) | Content::Keys(_) | Content::Retract(_)
        ) {
            return Err(ApiError::new(
                "refused",
                format!("a {} record is not pushed", content.kind()),
            )
            .with_remedy("'liaison card edit' changes the card, 'liaison retract' retracts"));
        }
        Ok((fields, content))
    }

    /// The agencies that a name stands for: an alias, a circle, or a whole id.
    fn named(&self, name: &str) -> Option<Vec<AgencyId>> {
        if let Ok((agency, _)) = self.registry.find(name) {
            return Some(vec![agency]);
        }
        let members = self.policies.current().members(name);
        (!members.is_empty()).then_some(members)
    }

    /// A distribution list out of names. Empty stays empty: nobody.
    pub(super) fn audience(
        &self,
        to: Option<&[String]>,
    ) -> Result<Option<Vec<AgencyId>>, ApiError> {
        let Some(to) = to else { return Ok(None) };
        let mut all = Vec::new();
        for name in to {
            let agencies = self.named(name).ok_or_else(|| {
                let shown = liaison_protocol::id::clip(name);
                ApiError::new(
                    "not-found",
                    format!("'{shown}' is no peer and no circle here"),
                )
                .with_remedy("'liaison peer list' shows the names")
            })?;
            all.extend(agencies);
        }
        all.sort_unstable();
        all.dedup();
        Ok(Some(all))
    }

    /// Runs the checks that bind an author: against the record that it amends, and against
    /// other counts of ours (those of the store, and `beside`, which are about to be stored)
    /// out of which a reader could subtract a small one.
    pub(super) fn check(
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

    /// Who would get it, and why not the others.
    fn report(
        &self,
        fields: &Fields,
        content: &Content,
        audience: Option<&[AgencyId]>,
    ) -> Result<PushReport, ApiError> {
        let created = Hlc::new(self.clock.now(), 0);
        let record = Record::new(
            self.registry.own(),
            created,
            fields.clone(),
            content.clone(),
        );
        let mut peers: Vec<PeerDecision> = self
            .registry
            .peers()
            .keys()
            .map(|agency| {
                let (decided, words) = self.share.explain_draft(agency, &record, audience);
                decision(self, agency, &decided, &words)
            })
            .collect();
        peers.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(PushReport {
            id: None,
            kind: record.kind().to_string(),
            title: fields.title.clone(),
            tlp: fields.tlp.to_string(),
            peers,
            held_by: Vec::new(),
        })
    }

    /// The record whose id begins so.
    pub(super) fn find(&self, text: &str) -> Result<(Arrival, Header), ApiError> {
        let prefix: IdPrefix = text.parse()?;
        let found = self.store.find(&prefix, crate::limits::AMBIGUOUS)?;
        let arrival = match found.as_slice() {
            [] => return Err(ApiError::no_record(text)),
            [(_, arrival)] => *arrival,
            several => {
                let ids: Vec<RecordId> = several.iter().map(|(id, _)| *id).collect();
                return Err(ApiError::ambiguous(text, &ids));
            }
        };
        let header = self
            .store
            .header(arrival)?
            .ok_or_else(|| ApiError::no_record(text))?;
        Ok((arrival, header))
    }

    fn own_word(&self, header: &Header, done: &str) -> Result<(), ApiError> {
        if header.author == self.registry.own() {
            return Ok(());
        }
        let author = self.registry.alias(&header.author);
        Err(ApiError::new(
            "refused",
            format!(
                "{} is the word of {author}; only its author can have it {done}",
                header.id.short()
            ),
        )
        .with_remedy(
            "tell the author, or push a record of your own that contradicts it (refs: contradicts)",
        ))
    }

    /// What a record of the store states.
    pub(super) fn statement(&self, arrival: Arrival) -> Result<Record, ApiError> {
        let bytes = self.store.record(arrival)?.ok_or_else(|| {
            ApiError::new(
                "not-found",
                "the record was erased; only its tombstone is left",
            )
        })?;
        let signed = SignedRecord::parse(bytes).map_err(IngestFault::from)?;
        Ok(signed.unverified().clone())
    }

    /// Aliases of those who hold a record, as far as the ledger says.
    fn holders(&self, arrival: Arrival) -> Result<Vec<String>, ApiError> {
        let mut holders: Vec<String> = self
            .store
            .ledgers_for(arrival)?
            .into_iter()
            .filter(|(_, line)| matches!(line.direction, Direction::Sent | Direction::Received))
            .map(|(peer, _)| self.registry.alias(&peer))
            .collect();
        holders.sort();
        Ok(holders)
    }

    /// A record as a line in a table.
    pub(super) fn row(&self, arrival: Arrival, header: &Header) -> Result<RecordRow, ApiError> {
        let record = self
            .store
            .record(arrival)?
            .and_then(|bytes| SignedRecord::parse(bytes).ok());
        let (title, tlp) = record.map_or_else(
            || ("(erased)".to_owned(), String::new()),
            |r| {
                let fields = &r.unverified().envelope.fields;
                (fields.title.clone(), fields.tlp.to_string())
            },
        );
        Ok(RecordRow {
            id: header.id.full(),
            kind: kind_of(header).map_or("unknown", |k| k.as_str()).to_owned(),
            title,
            author: self.registry.alias(&header.author),
            tlp,
            created: rfc3339(header.created.wall()),
            received: rfc3339(header.received),
            superseded: header.flags.contains(Flags::SUPERSEDED),
            retracted: header.flags.contains(Flags::RETRACTED),
        })
    }
}

impl LedgerView {
    fn new(node: &Node, peer: &AgencyId, line: &crate::store::LedgerEntry) -> Self {
        Self {
            peer: node.registry.alias(peer),
            direction: match line.direction {
                Direction::Offered => "offered",
                Direction::Received => "received",
                Direction::Sent => "sent",
            }
            .into(),
            at: rfc3339(line.at),
            answer: line.answer.map(|a| a.to_string()),
            rule: line.rule.to_string(),
        }
    }
}

fn decision(node: &Node, agency: &AgencyId, decided: &Decided, words: &[GateWord]) -> PeerDecision {
    let word = words.iter().find(|w| w.gate == decided.gate);
    PeerDecision {
        peer: node.registry.alias(agency),
        agency: agency.full(),
        allow: decided.allow,
        gate: decided.gate.as_str().into(),
        rule: decided.rule.to_string(),
        says: word.map(|w| w.says.clone()).unwrap_or_default(),
        place: word.and_then(|w| w.place.clone()),
    }
}

/// The retraction of a record. It has no distribution list: the ledger says whom it is owed
/// to. A tombstone is left of the record everywhere.
fn retraction(of: RecordId, reason: RetractReason, old: &Fields) -> Statement {
    let content = Content::Retract(Retract {
        of,
        reason,
        erase: true,
        notify: true,
    });
    let fields = Fields {
        title: "Retraction".into(),
        summary: None,
        refs: Vec::new(),
        supersedes: None,
        thread: None,
        handling: Vec::new(),
        handling_note: None,
        review_by: None,
        expires: None,
        onward: Onward::None,
        crime: Vec::new(),
        class: None,
        basis: None,
        grade: None,
        legal_basis: None,
        ..old.clone()
    };
    Statement {
        fields,
        content,
        audience: None,
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

fn as_json(record: &Record) -> Result<serde_json::Value, ApiError> {
    let mut value = serde_json::to_value(&record.envelope.fields)
        .map_err(|e| ApiError::new("internal", e.to_string()))?;
    if let Some(map) = value.as_object_mut() {
        map.insert("schema".into(), record.envelope.schema.into());
        map.insert("kind".into(), record.kind().as_str().into());
        map.insert("author".into(), record.envelope.author.full().into());
        map.insert(
            "created".into(),
            rfc3339(record.envelope.created.wall()).into(),
        );
        map.insert("body".into(), record.content.to_json()?);
    }
    Ok(value)
}
