//! Records to look at: in full, as signed bytes, as a line in a table.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::check::{self, CheckContext};
use liaison_protocol::record::codes::RetractReason;
use liaison_protocol::record::date::Date;
use liaison_protocol::record::signed::{FormFault, Record, SignedRecord};

use super::Answer;
use crate::control::api::{
    ApiError, FindingView, LedgerView, LinkView, RecordRow, RecordView, RetractionView,
    VerifyReport,
};
use crate::control::text::rfc3339;
use crate::ingest::{IngestFault, examine};
use crate::kind;
use crate::node::Node;
use crate::store::{Arrival, Flags, Header, Tombstone};

/// `GET /v1/records/{id}`.
pub(in crate::control) async fn show(
    State(node): State<Node>,
    Path(id): Path<String>,
) -> Answer<RecordView> {
    let (arrival, header) = node.find(&id)?;
    node.unlocked(&header)?;
    let row = node.row(arrival, &header)?;
    let retracted_by = node.store.tombstone(&header.id)?.map(|t| RetractionView {
        id: t.by.full(),
        reason: match t.reason {
            Tombstone::EXPIRED => "expired",
            Tombstone::RECALLED => "recalled",
            number => RetractReason::ALL
                .get(usize::from(number))
                .map_or("unknown", |r| r.as_str()),
        }
        .to_owned(),
        at: rfc3339(t.at),
        erased: header.flags.contains(Flags::ERASED),
    });
    let mut view = RecordView {
        row,
        author_id: header.author.full(),
        key: String::new(),
        key_says: None,
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
        recipients: node.recipient_views(arrival, &header)?,
        leave: node.leave_views(&header)?,
        ledger: node
            .store
            .ledgers_for(arrival)?
            .into_iter()
            .map(|(peer, line)| LedgerView::new(&node, &peer, arrival, &line))
            .collect::<Result<_, _>>()?,
    };
    if let Some(bytes) = node.store.record(arrival)? {
        let signed = SignedRecord::parse(bytes).map_err(IngestFault::from)?;
        let record = signed.unverified();
        view.key = signed.key().to_string();
        view.key_says = node.key_mark(&signed).map(|(_, says)| says);
        view.record = match node.stub(record) {
            Some(stub) => stub,
            None => as_json(record)?,
        };
        let context = CheckContext::on(Date::from_millis(record.envelope.created.wall()));
        view.findings = check::check(&record.envelope.fields, &record.content, &context)
            .iter()
            .map(FindingView::from)
            .collect();
        for link in &record.envelope.fields.refs {
            let state = match node.store.arrival_of(&link.id)? {
                None => "unknown",
                Some(at) => match node.store.header(at)? {
                    Some(h) if h.flags.contains(Flags::EXPIRED) => "expired",
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
pub(in crate::control) async fn cose(
    State(node): State<Node>,
    Path(id): Path<String>,
) -> Result<Bytes, ApiError> {
    let (arrival, header) = node.find(&id)?;
    node.unlocked(&header)?;
    node.store.record(arrival)?.ok_or_else(|| {
        ApiError::new(
            "not-found",
            format!(
                "{} was erased; only its tombstone is left",
                header.id.short()
            ),
        )
        .with_remedy(format!(
            "'liaison show {}' says by whom and why",
            header.id.short()
        ))
    })
}

/// `POST /v1/verify`: whose word are these bytes?
pub(in crate::control) async fn verify(
    State(node): State<Node>,
    body: Bytes,
) -> Answer<VerifyReport> {
    let signed = SignedRecord::parse(body.clone()).map_err(|fault| match fault {
        FormFault::Limit(finding) => ApiError::findings(std::slice::from_ref(finding.as_ref())),
        fault => ApiError::new("refused", format!("this is no signed record: {fault}"))
            .with_remedy("'liaison show ID --cose > FILE' writes one"),
    })?;
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
    /// Refuses what may not be shown yet.
    pub(in crate::control) fn unlocked(&self, header: &Header) -> Result<(), ApiError> {
        if !header.flags.contains(Flags::LOCKED) {
            return Ok(());
        }
        let from = header
            .courier
            .map_or_else(|| "its readers".into(), |c| self.registry.alias(&c));
        let short = header.id.short();
        Err(ApiError::new(
            "conflict",
            format!("{short} came back with a backup and is locked until {from} told whether it still stands"),
        )
        .with_remedy("'liaison restore status' lists who was not heard from; 'liaison restore release NAME --reason TEXT' waits no longer"))
    }

    /// A record as a line in a table.
    pub(in crate::control) fn row(
        &self,
        arrival: Arrival,
        header: &Header,
    ) -> Result<RecordRow, ApiError> {
        let locked = header.flags.contains(Flags::LOCKED);
        let record = self
            .store
            .record(arrival)?
            .filter(|_| !locked)
            .and_then(|bytes| SignedRecord::parse(bytes).ok());
        let gone = if locked { "(locked)" } else { "(erased)" };
        let key_state = record.as_ref().and_then(|r| self.key_mark(r));
        let (title, tlp) = record.map_or_else(
            || (gone.to_owned(), String::new()),
            |r| {
                let fields = &r.unverified().envelope.fields;
                match kind::is_sealed(header) {
                    true => (super::SEALED_TITLE.to_owned(), String::new()),
                    false => (fields.title.clone(), fields.tlp.to_string()),
                }
            },
        );
        Ok(RecordRow {
            id: header.id.full(),
            kind: kind::of(header)
                .map_or("unknown", |k| k.as_str())
                .to_owned(),
            title,
            author: self.registry.alias(&header.author),
            tlp,
            created: rfc3339(header.created.wall()),
            received: rfc3339(header.received),
            superseded: header.flags.contains(Flags::SUPERSEDED),
            retracted: header.flags.contains(Flags::RETRACTED),
            key_state: key_state.map(|(word, _)| word.to_owned()),
        })
    }
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
