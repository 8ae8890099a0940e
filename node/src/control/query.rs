//! `POST /v1/query`.

use axum::Json;
use axum::extract::{Extension, State};
use liaison_protocol::clock::Millis;
use liaison_protocol::record::signed::SignedRecord;

use super::api::{ApiError, Group, QueryReport, QueryRequest, RecordRow};
use super::caller::Caller;
use crate::audit::{Act, note};
use crate::node::Node;
use crate::search::limits;
use crate::search::query::{Clause, Pattern, Test, join};
use crate::search::{Context, Field, Note, Options, Query};
use crate::store::{Arrival, Flags, Op};

/// Rows in an answer, unless asked for more.
const ROWS: usize = 50;

pub(super) async fn query(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<QueryRequest>,
) -> Result<Json<QueryReport>, ApiError> {
    note(|note| {
        note.typed("query", &join(&request.words));
        if request.count || request.sum || request.by.is_some() {
            note.what = Some(Act::Combine);
        }
    });
    let mark = format!("seen/{}", caller.uid);
    let last = node.store.last();
    let after = if request.new {
        Some(seen(&node, &mark)?)
    } else {
        None
    };
    let work = {
        let node = node.clone();
        let request = request.clone();
        move || answer(&node, &request, after)
    };
    let mut report = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    note(|note| {
        note.count = Some(report.count);
        let ids = report.rows.iter().filter_map(|row| row.id.parse().ok());
        ids.for_each(|id| note.record(id));
    });
    // What was only counted, cut off by the limit, or not asked for was not seen.
    let most = report.count.min(limits::QUERY_ARRIVALS as u64);
    let listed = !(request.count || request.sum || request.by.is_some());
    let whole = report.rows.len() as u64 >= most;
    let narrowed = request.before.is_some() || request.words.iter().any(|w| !w.trim().is_empty());
    if request.new && listed && narrowed && report.count > 0 {
        report.notes.push(
            "they stay new until all that is new is listed: 'liaison query --new'".to_owned(),
        );
    } else if request.new && listed && !whole {
        report.notes.push(format!(
            "all of them stay new until they are listed: 'liaison query --new --limit {most}'"
        ));
    }
    if request.new && listed && whole && !narrowed {
        if report.count > most {
            report.notes.push(format!(
                "{most} are listed, and the others count as seen as well: 'liaison query --before {}' lists them",
                report.next.as_deref().unwrap_or_default()
            ));
        }
        let bytes = last.0.to_be_bytes().to_vec().into();
        node.store
            .write(vec![Op::PutMeta { name: mark, bytes }])
            .await?;
    }
    Ok(Json(report))
}

/// Up to which arrival a user has seen what is new.
pub(super) fn seen(node: &Node, mark: &str) -> Result<u64, ApiError> {
    let bytes = node.store.meta(mark)?;
    Ok(bytes
        .and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok())
        .map_or(0, u64::from_be_bytes))
}

fn answer(
    node: &Node,
    request: &QueryRequest,
    after: Option<u64>,
) -> Result<QueryReport, ApiError> {
    let now: Millis = node.clock.now();
    let author = |name: &str| {
        if name == "self" {
            return Some(node.registry.own());
        }
        node.registry.find(name).ok().map(|(agency, _)| agency)
    };
    let text = join(&request.words);
    let query = Query::parse(
        &text,
        &Context {
            now,
            author: &author,
        },
    )?;
    let by = match &request.by {
        Some(name) => {
            Some(Field::parse(name).map_err(|e| ApiError::new("invalid", e.to_string()))?)
        }
        None => None,
    };
    let only_figures = request.count || request.sum || by.is_some();
    let limit = if only_figures {
        0
    } else {
        request.limit.unwrap_or(ROWS)
    };
    let before = match &request.before {
        Some(text) => Some(node.find(text)?.0.0),
        None => None,
    };
    let options = Options {
        limit,
        sum: request.sum,
        by,
        before,
        after,
        ..Options::default()
    };
    let outcome = node.search.query(&query, &options)?;
    let mixed = outcome
        .notes
        .iter()
        .find(|n| matches!(n, Note::Mixed { .. }));
    if let (true, Some(Note::Mixed { measures })) = (request.sum, mixed) {
        return Err(ApiError::new(
            "refused",
            format!(
                "TRD-04 --sum would add up {}: they count different things",
                measures.join(", ")
            ),
        )
        .with_remedy("add measure:NAME to the query, or --by measure"));
    }
    let found = outcome.arrivals.len();
    let full = found > 0 && found >= limit.min(limits::QUERY_ARRIVALS);
    let is_cut = full && (found as u64) < outcome.count;
    let mut rows: Vec<RecordRow> = Vec::with_capacity(found);
    for arrival in outcome.arrivals {
        let arrival = Arrival(arrival);
        if let Some(header) = node.store.header(arrival)? {
            rows.push(node.row(arrival, &header)?);
        }
    }
    let mut notes: Vec<String> = outcome.notes.iter().map(ToString::to_string).collect();
    if only_figures {
        notes.extend(doubtful(node, &query, after)?);
    }
    let is_author = matches!(by, Some(Field::Author));
    let groups = outcome
        .groups
        .into_iter()
        .map(|g| Group {
            key: match g.value.parse() {
                Ok(agency) if is_author => node.registry.alias(&agency),
                _ => g.value,
            },
            count: g.count,
            sum: g.sum,
        })
        .collect();
    let next = rows.last().filter(|_| is_cut).map(|row| row.id.clone());
    Ok(QueryReport {
        count: outcome.count,
        rows,
        next,
        sum: outcome.sum,
        groups,
        notes,
    })
}

/// What figures do not show of the records behind them: how many of them a thief may have made.
fn doubtful(node: &Node, query: &Query, after: Option<u64>) -> Result<Option<String>, ApiError> {
    let authors = node.registry.with_lost_keys();
    if authors.is_empty() {
        return Ok(None);
    }
    let mut of_them = query.clone();
    of_them.clauses.push(Clause {
        negated: false,
        test: Test::Value {
            field: Field::Author,
            any: authors.iter().map(|a| Pattern::Is(a.full())).collect(),
        },
    });
    let options = Options {
        limit: limits::QUERY_ARRIVALS,
        after,
        ..Options::default()
    };
    let outcome = node.search.query(&of_them, &options)?;
    let mut found = 0_u64;
    for arrival in &outcome.arrivals {
        let arrival = Arrival(*arrival);
        let header = node.store.header(arrival)?;
        if !header.is_some_and(|h| h.flags.contains(Flags::KEY_LOST)) {
            continue;
        }
        let signed = node.store.record(arrival)?;
        let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
        let word = signed.and_then(|signed| node.key_mark(&signed));
        found += u64::from(!matches!(word, Some(("affirmed", _))));
    }
    let least = match outcome.count > outcome.arrivals.len() as u64 {
        true => "at least ",
        false => "",
    };
    Ok((found > 0).then(|| {
        format!(
            "{least}{found} of the records counted here are signed with a key that was compromised or revoked, and their authors have not affirmed them: a thief may have made them. Without --count, --sum and --by they are listed and marked."
        )
    }))
}
