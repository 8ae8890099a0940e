//! The audit log, as the officers who answer for it read it. Reading it is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use liaison_protocol::audit::SignedHead;
use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use tokio::sync::mpsc;

use super::api::{
    ApiError, AuditExport, AuditKeyReport, AuditKeyRequest, AuditReport, AuditRequest,
    AuditVerifyReport, AuditVerifyRequest, DisclosureRow, DisclosuresRequest,
};
use super::text::rfc3339;
use crate::audit::{
    Act, AuditError, Filter, Lines, Next, Witnessed, note, seal, search, segments, stubs, verify,
};
use crate::limits;
use crate::node::Node;
use crate::store::{Arrival, Direction};
use crate::sync::{CONTRADICTED, HELD, HELD_AGAINST, HELD_BEFORE};

type Answer<T> = Result<Json<T>, ApiError>;

/// Lines in an answer, unless asked for more.
const LINES: usize = 100;

/// `POST /v1/audit/log`.
pub(super) async fn log(
    State(node): State<Node>,
    Json(request): Json<AuditRequest>,
) -> Answer<AuditReport> {
    let limit = request
        .limit
        .unwrap_or(LINES)
        .min(limits::AUDIT_ANSWER_LINES);
    note(|note| {
        note.typed(
            "asked",
            &serde_json::to_string(&request).unwrap_or_default(),
        )
    });
    let filter = filter(&node, request)?;
    let dir = node.audit.dir().to_owned();
    let found = blocking(move || search(&dir, &filter, limit, limits::AUDIT_ANSWER_IDS)).await??;
    let mut names = BTreeMap::new();
    for id in found.lines.iter().flat_map(|line| &line.peers) {
        if let Ok(agency) = id.parse::<AgencyId>() {
            names.insert(id.clone(), node.registry.alias(&agency));
        }
    }
    note(|note| note.count = Some(found.lines.len() as u64));
    Ok(Json(AuditReport {
        lines: found.lines,
        openings: found.openings,
        names,
        more: found.more,
    }))
}

/// `POST /v1/audit/verify`.
pub(super) async fn check(
    State(node): State<Node>,
    Json(request): Json<AuditVerifyRequest>,
) -> Answer<AuditVerifyReport> {
    let own = node.registry.own();
    let keys = node
        .registry
        .keys(&own)
        .ok_or_else(|| ApiError::new("internal", "our own card is missing"))?;
    let (mut witnessed, mut against) = (Vec::new(), Vec::new());
    if request.witness {
        for prefix in [HELD, HELD_BEFORE] {
            witnessed.extend(heads_held(&node, &keys, prefix)?);
        }
        against = heads_held(&node, &keys, HELD_AGAINST)?;
    }
    let witnesses: BTreeSet<String> = witnessed.iter().map(|w| w.by.clone()).collect();
    let witnesses = witnesses.into_iter().collect();
    // One that was held against the log is still held if nothing newer came.
    let is_older = |one: &Witnessed| witnessed.iter().all(|w| w.head != one.head);
    against.retain(is_older);
    let gone = against.clone();
    witnessed.extend(against);
    // Everything that is written by now is looked at.
    let dir = node.audit.dir().to_owned();
    let report = blocking(move || verify(&dir, &keys, &witnessed)).await??;
    let mut faults: Vec<String> = report.faults.into_iter().map(|f| f.says).collect();
    // Its line left since; that it was another one stays true.
    let gone = gone.iter().filter(|w| w.head.lines < report.from);
    faults.extend(gone.map(|Witnessed { by, head }| {
        format!(
            "line {}, which left since, was not the one that {by} witnessed: the log was cut off or rewritten",
            head.lines
        )
    }));
    if let Some(damage) = &node.audit.state().borrow().damage {
        faults.push(format!("when the node started, {damage}"));
    }
    Ok(Json(AuditVerifyReport {
        intact: faults.is_empty(),
        from: report.from,
        to: report.to,
        heads: report.heads,
        lost: report.lost,
        signed: report.signed,
        witnessed: report.witnessed,
        witnesses,
        restores: report.restores,
        faults,
    }))
}

/// `POST /v1/audit/disclosures`: the accounting, out of the log and the ledger.
pub(super) async fn disclosures(
    State(node): State<Node>,
    Json(request): Json<DisclosuresRequest>,
) -> Answer<Vec<DisclosureRow>> {
    let record = match &request.record {
        Some(text) => Some(node.find(text)?.1.id),
        None => None,
    };
    let filter = filter(
        &node,
        AuditRequest {
            since: request.since,
            until: request.until,
            what: Some(Act::Disclose.as_str().into()),
            record: record.map(|id| id.full()),
            peer: request.peer,
            ..AuditRequest::default()
        },
    )?;
    blocking(move || account(&node, record, &filter))
        .await?
        .map(Json)
}

/// `GET /v1/audit/export`: every line, byte for byte.
pub(super) async fn export(State(node): State<Node>) -> Response {
    let (lines, queue) = mpsc::channel::<Bytes>(limits::WATCH_EVENTS);
    let dir = node.audit.dir().to_owned();
    tokio::task::spawn_blocking(move || {
        let send = |part: &AuditExport| {
            let mut bytes = serde_json::to_vec(part).unwrap_or_default();
            bytes.push(b'\n');
            lines.blocking_send(bytes.into()).is_ok()
        };
        if let Err(error) = export_all(&dir, send) {
            tracing::warn!(%error, "an export of the audit log broke off");
        }
    });
    let stream = futures::stream::unfold(queue, |mut queue| async move {
        let line = queue.recv().await?;
        Some((Ok::<Bytes, Infallible>(line), queue))
    });
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(stream),
    )
        .into_response()
}

/// `POST /v1/audit/key`.
pub(super) async fn key(
    State(node): State<Node>,
    Json(request): Json<AuditKeyRequest>,
) -> Answer<AuditKeyReport> {
    let key = seal::PublicKey::parse(&request.public)
        .map_err(|e| ApiError::new("invalid", e.to_string()))?;
    node.home
        .put_audit_key(&key)
        .map_err(|e| ApiError::new("disk", e.to_string()))?;
    let fingerprint = key.fingerprint();
    node.audit.seal_to(key).await?;
    Ok(Json(AuditKeyReport { key: fingerprint }))
}

/// What of the log a person has to look at.
pub(super) fn alerts(node: &Node) -> Vec<String> {
    let mut alerts = Vec::new();
    let state = node.audit.state().borrow().clone();
    if let Some(fault) = state.fault {
        alerts.push(fault);
    }
    if let Some(damage) = state.damage {
        alerts.push(format!(
            "the audit log is damaged: {damage}. 'liaison audit verify --witness' says more"
        ));
    }
    if state.key.is_none() {
        alerts.push("there is no key for the data-protection officer: queries and reasons are not kept in the audit log. 'liaison audit key init FILE' makes one".into());
    } else if node.home.audit_secret_path().exists() {
        alerts.push(format!(
            "{} can read what officers typed: the data-protection officer takes it away from this machine",
            node.home.audit_secret_path().display()
        ));
    }
    for (name, _) in node
        .store
        .metas(CONTRADICTED, limits::STORE_ROWS)
        .unwrap_or_default()
    {
        let agency = name
            .strip_prefix(CONTRADICTED)
            .and_then(|id| id.parse().ok());
        if let Some(agency) = agency {
            alerts.push(format!(
                "{}: its audit log does not follow from what it had us keep: it was cut short, rewritten, or begun anew after a restore. Telephone its data-protection officer",
                node.registry.alias(&agency)
            ));
        }
    }
    for (name, _) in node
        .store
        .metas(HELD_AGAINST, limits::STORE_ROWS)
        .unwrap_or_default()
    {
        let agency = name
            .strip_prefix(HELD_AGAINST)
            .and_then(|id| id.parse().ok());
        if let Some(agency) = agency {
            alerts.push(format!(
                "our audit log is not the one that {} witnessed: it was cut off or rewritten here. 'liaison audit verify --witness' says from which line on",
                node.registry.alias(&agency)
            ));
        }
    }
    alerts
}

/// Heads of our log that peers hold, as they said.
fn heads_held(node: &Node, keys: &AgencyKeys, prefix: &str) -> Result<Vec<Witnessed>, ApiError> {
    let mut heads = Vec::new();
    for (name, bytes) in node.store.metas(prefix, limits::STORE_ROWS)? {
        let agency: Option<AgencyId> = name.strip_prefix(prefix).and_then(|id| id.parse().ok());
        let Some(agency) = agency else { continue };
        let alias = node.registry.alias(&agency);
        // What does not verify under our own key is nothing that we signed.
        match SignedHead::parse(bytes).and_then(|head| head.verify_also_lost(keys)) {
            Ok(head) if head.is_key_lost() => heads.push(Witnessed {
                by: format!("{alias} (under a key that was lost since)"),
                head: *head.head(),
            }),
            Ok(head) => heads.push(Witnessed {
                by: alias,
                head: *head.head(),
            }),
            Err(error) => {
                tracing::warn!(peer = %alias, %error, "it shows a head that is not ours");
            }
        }
    }
    Ok(heads)
}

fn export_all(
    dir: &std::path::Path,
    mut send: impl FnMut(&AuditExport) -> bool,
) -> Result<(), AuditError> {
    for (_, stub) in stubs(dir)? {
        if let Some(stub) = stub
            && !send(&AuditExport::Stub(stub))
        {
            return Ok(());
        }
    }
    for one in segments(dir)? {
        if !send(&AuditExport::Segment(one.first)) {
            return Ok(());
        }
        let mut lines = Lines::open(&one.path)?;
        loop {
            let text = match lines.read_next()? {
                Next::Line(raw) => {
                    format!("{} {}", raw.digest, String::from_utf8_lossy(&raw.json))
                }
                // A check of the copy finds it in its place.
                Next::Garbage => "damaged".to_owned(),
                Next::Torn(_) | Next::End => break,
            };
            if !send(&AuditExport::Line(text)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn account(
    node: &Node,
    record: Option<RecordId>,
    filter: &Filter,
) -> Result<Vec<DisclosureRow>, ApiError> {
    // An account that leaves something out is none: rather none at all.
    let most = limits::AUDIT_ANSWER_IDS;
    let too_many = || {
        let says = format!("more than {most} disclosures match, and an account has no more");
        ApiError::new("invalid", says)
            .with_remedy("ask for one span after another, with --since T and --until T")
    };
    let found = search(node.audit.dir(), filter, usize::MAX, most)?;
    if found.more {
        return Err(too_many());
    }
    let mut rows = Vec::new();
    let mut told = BTreeSet::new();
    for line in found.lines {
        for (id, peer) in line
            .records
            .iter()
            .flat_map(|id| line.peers.iter().map(move |peer| (id, peer)))
        {
            let (Ok(of), Ok(agency)) = (id.parse::<RecordId>(), peer.parse::<AgencyId>()) else {
                continue;
            };
            if record.is_some_and(|record| record != of) {
                continue;
            }
            told.insert((of, agency));
            let entry = match node.store.arrival_of(&of)? {
                Some(arrival) => node.store.ledger_entry(&agency, arrival)?,
                None => None,
            };
            rows.push(DisclosureRow {
                at: line.at.clone(),
                record: id.clone(),
                peer: node.registry.alias(&agency),
                agency: peer.clone(),
                rule: line.rule.clone().unwrap_or_default(),
                epoch: line.epoch,
                answer: entry.and_then(|e| e.answer).map(|a| a.to_string()),
                line: Some(line.n),
            });
        }
    }
    // Of what left the log, the ledger still tells.
    let mut ledger = Vec::new();
    if let Some(record) = record
        && let Some(arrival) = node.store.arrival_of(&record)?
    {
        for (peer, line) in node.store.ledgers_for(arrival)? {
            ledger.push((peer, record, line));
        }
    } else if let Some(peer) = filter.peer.as_ref().and_then(|p| p.parse().ok()) {
        let mut from = Arrival(0);
        loop {
            let lines = node.store.ledger_of(&peer, from, limits::SCAN_ROWS)?;
            let Some((last, _)) = lines.last() else { break };
            from = last.next();
            for (arrival, line) in lines {
                if line.direction == Direction::Sent
                    && filter.holds(line.at)
                    && let Some(header) = node.store.header(arrival)?
                    && !told.contains(&(header.id, peer))
                {
                    ledger.push((peer, header.id, line));
                }
            }
            if rows.len() + ledger.len() > most {
                return Err(too_many());
            }
        }
    }
    for (agency, of, line) in ledger {
        let in_span = filter.holds(line.at);
        let meant = filter.peer.as_ref().is_none_or(|p| *p == agency.full());
        if line.direction != Direction::Sent || !in_span || !meant || told.contains(&(of, agency)) {
            continue;
        }
        rows.push(DisclosureRow {
            at: rfc3339(line.at),
            record: of.full(),
            peer: node.registry.alias(&agency),
            agency: agency.full(),
            rule: line.rule.to_string(),
            epoch: Some(line.epoch),
            answer: line.answer.map(|a| a.to_string()),
            line: None,
        });
    }
    rows.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(rows)
}

fn filter(node: &Node, request: AuditRequest) -> Result<Filter, ApiError> {
    let what = match request.what {
        None => None,
        Some(text) => Some(text.parse().map_err(|()| {
            let all: Vec<&str> = Act::ALL.iter().map(|act| act.as_str()).collect();
            ApiError::new("invalid", "the audit log has no such act")
                .with_remedy(format!("one of: {}", all.join(", ")))
        })?),
    };
    let peer = match request.peer {
        None => None,
        // Also one that is no peer any more.
        Some(name) => Some(match name.parse::<AgencyId>() {
            Ok(agency) => agency.full(),
            Err(_) => once_called(node, &name)?.full(),
        }),
    };
    Ok(Filter {
        since: time(request.since)?,
        until: time(request.until)?,
        before: request.before,
        who: request.who,
        what,
        record: request
            .record
            .map(|id| id.replace('-', "").to_ascii_uppercase()),
        peer,
        typed: request.typed,
    })
}

/// The peer of that name; or the one of that name that was cut off, about which one asks most.
fn once_called(node: &Node, name: &str) -> Result<AgencyId, ApiError> {
    let unknown = match node.registry.find(name) {
        Ok((agency, _)) => return Ok(agency),
        Err(unknown) => unknown,
    };
    let revoked = node.registry.revoked().into_iter();
    let mut of_name = revoked.filter(|(_, revoked)| revoked.alias == name);
    match (of_name.next(), of_name.next()) {
        (Some((agency, _)), None) => Ok(agency),
        _ => Err(unknown.into()),
    }
}

/// A time, or the beginning of a day (UTC).
fn time(text: Option<String>) -> Result<Option<Millis>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let whole = format!("{text}T00:00:00Z");
    let at: Option<jiff::Timestamp> = text.parse().or_else(|_| whole.parse()).ok();
    at.and_then(|at| u64::try_from(at.as_millisecond()).ok())
        .map(|at| Some(Millis(at)))
        .ok_or_else(|| {
            let shown = liaison_protocol::id::clip(&text);
            ApiError::new("invalid", format!("'{shown}' is no time"))
                .with_remedy("write a day (2031-03-02) or a time (2031-03-02T14:00:00Z)")
        })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))
}
