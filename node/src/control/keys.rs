//! Signing keys: which there are, how they stand, and how they leave.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use liaison_protocol::card::KeyState;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::PublicKey;
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::codes::{Kind, RevokedState};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::kinds::{Affirm, Content};
use liaison_protocol::record::signed::SignedRecord;

use super::api::{
    AffirmReport, AffirmRequest, ApiError, KeyChangeReport, KeyChangeRequest, KeyView, KeysView,
    RevokeAllRequest,
};
use super::text::rfc3339;
use crate::audit::note;
use crate::cardfile::CardFile;
use crate::home::affirmation_fields;
use crate::ingest::Statement;
use crate::kind;
use crate::limits;
use crate::node::{Node, NodeError};
use crate::store::{Arrival, ClassId, Flags, Header};

type Answer<T> = Result<Json<T>, ApiError>;

/// `GET /v1/keys`.
pub(super) async fn own(State(node): State<Node>) -> Answer<KeysView> {
    view(&node, node.registry.own()).map(Json)
}

/// `GET /v1/keys/{name}`.
pub(super) async fn of(State(node): State<Node>, Path(name): Path<String>) -> Answer<KeysView> {
    let agency = match name.as_str() {
        "self" => node.registry.own(),
        name => node.registry.find(name)?.0,
    };
    view(&node, agency).map(Json)
}

/// `POST /v1/keys/rotate`.
pub(super) async fn rotate(
    State(node): State<Node>,
    Json(request): Json<KeyChangeRequest>,
) -> Answer<KeyChangeReport> {
    if request.key.is_some() || request.since.is_some() {
        return Err(
            ApiError::new("invalid", "only the key in use is rotated, and from now on")
                .with_remedy(
                    "'liaison keys compromised KEY --since DATE' is for a key that was stolen",
                ),
        );
    }
    change(node, request, RevokedState::Rotated).await
}

/// `POST /v1/keys/compromised`.
pub(super) async fn compromised(
    State(node): State<Node>,
    Json(request): Json<KeyChangeRequest>,
) -> Answer<KeyChangeReport> {
    change(node, request, RevokedState::Compromised).await
}

async fn change(
    node: Node,
    request: KeyChangeRequest,
    state: RevokedState,
) -> Answer<KeyChangeReport> {
    let _one_at_a_time = node.changing.lock().await;
    // Which cards it signed since the backup, it does not know yet. A stolen key leaves all the
    // same: its card goes above every other.
    if state == RevokedState::Rotated {
        node.ingest.may_sign()?;
    }
    let key = match &request.key {
        Some(typed) => Some(find_key(&node, typed)?),
        None => None,
    };
    let since = match &request.since {
        Some(day) => Some(day_start(day)?),
        None => None,
    };
    let worker = node.clone();
    let (change, at) = tokio::task::spawn_blocking(move || {
        let node = worker;
        let now = node.clock.now();
        node.ingest.change_signing_key(|after| {
            let at = match (state, since) {
                (RevokedState::Compromised, since) => since.unwrap_or(now),
                (RevokedState::Rotated, _) => after,
            };
            let root = request.root.as_ref();
            let known = node.registry.agency(&node.registry.own());
            let known = known.as_ref();
            let change = node.home.retire_key(root, key, state, at, now, known)?;
            node.registry.try_own(&change.card)?;
            node.home.keep_change(&change)?;
            // Before anything is signed with the new key, we have to know it ourselves.
            node.registry.renew_own(&change.card)?;
            let new = change.new.as_ref().map(|key| key.public());
            Ok::<_, NodeError>((change.new, ((change.card, change.old, new), at)))
        })
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    let (card, old, new) = change;
    node.take_card(&card).await?;
    // The new key says how the log stands: a thief of the old one can't.
    if new.is_some()
        && let Err(error) = node.audit.sign_head().await
    {
        tracing::error!(%error, "the audit log's head is not signed with the new key yet");
    }
    let records = {
        let node = node.clone();
        tokio::task::spawn_blocking(move || under(&node, |key| *key == old))
            .await
            .map_err(|_| ApiError::new("internal", "the node is stopping"))??
    };
    note(|note| {
        let next = new.as_ref().map_or("none".to_owned(), ToString::to_string);
        note.outcome = Some(format!(
            "key {old} is {}, the next is {next}",
            state.as_str()
        ));
    });
    tracing::warn!(key = ?old, state = state.as_str(), "a signing key left");
    Ok(Json(KeyChangeReport {
        old: old.to_string(),
        new: new.map(|key| key.to_string()),
        state: state.as_str().to_owned(),
        at: rfc3339(at),
        revision: card.contact().map_or(0, |c| c.revision),
        records: records.len() as u64,
    }))
}

/// `POST /v1/keys/affirm`.
pub(super) async fn affirm(
    State(node): State<Node>,
    Json(request): Json<AffirmRequest>,
) -> Answer<AffirmReport> {
    let worker = node.clone();
    let statements = tokio::task::spawn_blocking(move || affirmations(&worker, &request))
        .await
        .map_err(|_| ApiError::new("internal", "the node is stopping"))??;
    let mut report = AffirmReport {
        affirmed: 0,
        ids: Vec::new(),
    };
    for statement in statements {
        let count = match &statement.content {
            Content::Affirm(affirm) => {
                note(|note| affirm.records.iter().for_each(|id| note.record(*id)));
                affirm.records.len() as u64
            }
            _ => 0,
        };
        let made = node.ingest.own(vec![statement], Vec::new()).await?;
        report.affirmed += count;
        report.ids.extend(made.iter().map(|(id, _)| id.full()));
    }
    Ok(Json(report))
}

/// `POST /v1/keys/revoke-all`.
pub(super) async fn revoke_all(
    State(node): State<Node>,
    Json(request): Json<RevokeAllRequest>,
) -> Answer<KeysView> {
    let file =
        CardFile::parse(&request.card).map_err(|e| ApiError::new("invalid", e.to_string()))?;
    let own = node.registry.own();
    let revokes = file.contact().is_some_and(|c| c.keys.revoke_all);
    if file.agency() != own || !revokes {
        return Err(
            ApiError::new("refused", "this is not the revoke-all card of this agency")
                .with_remedy("look for the copy of 'keys/revoke-all.liaison' that you kept apart"),
        );
    }
    let _one_at_a_time = node.changing.lock().await;
    node.registry.renew_own(&file)?;
    node.ingest.own_signed(vec![file.card().clone()]).await?;
    tracing::warn!("all our keys are revoked");
    view(&node, own).map(Json)
}

fn view(node: &Node, agency: AgencyId) -> Result<KeysView, ApiError> {
    let unknown = || ApiError::new("not-found", "no card of this agency is here");
    let known = node.registry.agency(&agency).ok_or_else(unknown)?;
    let own = agency == node.registry.own();
    let file = own.then(|| node.home.card_file().ok()).flatten();
    let listed = file.as_ref().and_then(CardFile::contact);
    // Whoever lost its node may have handed in a card older than the last.
    let strays = |key: &PublicKey| {
        listed.is_some_and(|c| c.keys.signing.iter().all(|entry| entry.key != *key))
    };
    let keys = known
        .keys
        .signing_keys()
        .map(|(key, from, until)| {
            let valid = from < until;
            let state = known.keys.state(&key);
            KeyView {
                key: key.to_string(),
                state: state_word(state).to_owned(),
                from: valid.then(|| rfc3339(from)),
                until: valid.then(|| rfc3339(until)),
                says: match state {
                    KeyState::Current if strays(&key) => NOT_OF_THIS_NODE.into(),
                    state => key_says(state),
                },
            }
        })
        .collect();
    let nodes = known.statement_body().filter(|_| known.is_reachable());
    Ok(KeysView {
        peer: node.registry.alias(&agency),
        agency: agency.full(),
        fingerprint: agency.fingerprint(),
        root_here: own.then(|| node.home.has_root()),
        revision: known.keys.newest().map_or(0, |(revision, _)| revision),
        all_revoked: known
            .keys
            .signing_keys()
            .next()
            .is_some_and(|(key, _, _)| known.keys.state(&key) == KeyState::AllRevoked),
        keys,
        nodes: nodes
            .map(|s| s.nodes.iter().map(|n| n.key.to_string()).collect())
            .unwrap_or_default(),
    })
}

/// What is said of a key that stands on an older card of ours and not on that of this home.
const NOT_OF_THIS_NODE: &str = "it stands, but this node never had it: a lost node of ours had, or a thief has. End it: 'liaison keys compromised KEY --root FILE'";

/// A key's state as one word.
pub(super) fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Current => "current",
        KeyState::Rotated(_) => "rotated",
        KeyState::Compromised(_) => "compromised",
        KeyState::AllRevoked => "revoked",
        KeyState::Unknown => "unknown",
    }
}

fn key_says(state: KeyState) -> String {
    match state {
        KeyState::Current => "it signs".into(),
        KeyState::Rotated(at) => format!(
            "rotated at {}: what it signed before stands, nothing later is taken",
            rfc3339(at)
        ),
        KeyState::Compromised(at) => format!(
            "compromised since {}: nothing more is taken under it but what the agency affirms",
            rfc3339(at)
        ),
        KeyState::AllRevoked => "revoked with all keys of the agency".into(),
        KeyState::Unknown => "on no card that is here".into(),
    }
}

impl Node {
    /// How the key stands that signed a record, as a word and a sentence; none if it is in use.
    pub(in crate::control) fn key_mark(
        &self,
        signed: &SignedRecord,
    ) -> Option<(&'static str, String)> {
        let author = signed.unverified().envelope.author;
        let keys = self.registry.keys(&author)?;
        let state = keys.state(&signed.key());
        let says = match state {
            KeyState::Current => return None,
            KeyState::Rotated(at) => format!(
                "signed with a key that was rotated later, at {}: it stands",
                rfc3339(at)
            ),
            KeyState::Compromised(at) if keys.is_affirmed(&signed.key(), &signed.id()) => {
                let says = format!(
                    "signed with a key that is compromised since {}; its author has affirmed that it made this",
                    rfc3339(at)
                );
                return Some(("affirmed", says));
            }
            KeyState::Compromised(at) => format!(
                "signed with a key that is compromised since {}: a thief may have made it. Ask its author, who can affirm it ('liaison keys affirm' there)",
                rfc3339(at)
            ),
            KeyState::AllRevoked => {
                "all keys of its author were revoked: a thief may have made it. Telephone the agency".into()
            }
            KeyState::Unknown => "signed with a key that is on no card here".into(),
        };
        Some((state_word(state), says))
    }
}

/// A key of ours by the beginning of its text.
fn find_key(node: &Node, typed: &str) -> Result<PublicKey, ApiError> {
    let wanted: String = typed
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let keys = node.registry.keys(&node.registry.own());
    let all = keys.iter().flat_map(|keys| keys.signing_keys());
    let found: Vec<PublicKey> = all
        .map(|(key, _, _)| key)
        .filter(|key| key.to_string().starts_with(&wanted))
        .collect();
    match found.as_slice() {
        [one] if wanted.len() >= liaison_protocol::id::MIN_PREFIX => Ok(*one),
        [] => Err(ApiError::new(
            "not-found",
            format!(
                "no key of ours begins with {}",
                liaison_protocol::id::clip(typed)
            ),
        )
        .with_remedy("'liaison keys show' lists them")),
        _ => Err(
            ApiError::new("ambiguous", "several keys of ours begin like this")
                .with_remedy("type more characters of the key, at least 4"),
        ),
    }
}

fn day_start(day: &str) -> Result<Millis, ApiError> {
    let day: Date = day.parse().map_err(|_| {
        ApiError::new("invalid", "this is no day").with_remedy("write it as 2031-03-15")
    })?;
    Ok(day.start_ms())
}

/// Our records in force whose key is so.
fn under(
    node: &Node,
    so: impl Fn(&PublicKey) -> bool,
) -> Result<Vec<(Arrival, Header, PublicKey)>, ApiError> {
    let own = node.registry.own();
    let mut found = Vec::new();
    let mut from = Arrival(0);
    loop {
        let rows = node.store.headers(from.next(), limits::STORE_ROWS)?;
        let Some((last, _)) = rows.last() else {
            return Ok(found);
        };
        from = *last;
        for (arrival, header) in rows {
            let proves = matches!(kind::of(&header), None | Some(Kind::Contact | Kind::Keys));
            if header.author != own || proves || header.flags.contains(Flags::ERASED) {
                continue;
            }
            let signed = node.store.record(arrival)?;
            let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
            if let Some(key) = signed.map(|s| s.key()).filter(&so) {
                found.push((arrival, header, key));
            }
        }
    }
}

/// An affirmation names only records that are alike: of one class, one distribution list and
/// the same holders. Else whoever may have one of them would learn the ids of the others.
type Alike = (PublicKey, ClassId, Option<Vec<AgencyId>>, Vec<AgencyId>);

fn affirmations(node: &Node, request: &AffirmRequest) -> Result<Vec<Statement>, ApiError> {
    let own = node.registry.own();
    let keys = node
        .registry
        .keys(&own)
        .ok_or_else(|| ApiError::new("internal", "our own card is missing"))?;
    let compromised = |key: &PublicKey| matches!(keys.state(key), KeyState::Compromised(_));
    let mut chosen = Vec::new();
    for id in &request.ids {
        let (arrival, header) = node.find(id)?;
        node.own_word(&header, "affirmed")?;
        let signed = node.store.record(arrival)?;
        let signed = signed.and_then(|bytes| SignedRecord::parse(bytes).ok());
        let Some(key) = signed.map(|s| s.key()).filter(compromised) else {
            return Err(ApiError::new(
                "refused",
                format!(
                    "{} needs no affirmation: its key is not compromised, or it was erased",
                    header.id.short()
                ),
            ));
        };
        chosen.push((arrival, header, key));
    }
    if let Some(day) = &request.all_before {
        let before = day_start(day)?;
        let all = under(node, compromised)?;
        chosen.extend(
            all.into_iter()
                .filter(|(_, header, _)| header.created.wall() < before),
        );
    }
    let mut groups: BTreeMap<Alike, Vec<RecordId>> = BTreeMap::new();
    for (arrival, header, key) in chosen {
        if keys.is_affirmed(&key, &header.id) {
            continue;
        }
        let holders = node.store.ledgers_for(arrival)?;
        let holders = holders.into_iter().map(|(peer, _)| peer).collect();
        let audience = node.store.audience(arrival)?;
        let alike = (key, header.class, audience, holders);
        groups.entry(alike).or_default().push(header.id);
    }
    let mut statements = Vec::new();
    for ((key, ..), ids) in groups {
        for some in ids.chunks(wire_limits::AFFIRM_RECORDS) {
            let content = Content::Affirm(Affirm {
                key,
                records: some.iter().copied().collect(),
            });
            statements.push(Statement::from((affirmation_fields(), content)));
        }
    }
    Ok(statements)
}
