//! How the node is, and how it stands with each peer.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};
use liaison_protocol::fault::Answer as Answered;
use liaison_protocol::id::AgencyId;

use super::api::{ApiError, PeerStatus, ReferralCounts, Status, Tally};
use super::caller::Caller;
use super::text::rfc3339;
use crate::limits;
use crate::node::Node;
use crate::store::{Arrival, Direction};
use crate::swarm::Path;

/// `GET /v1/status`.
pub(super) async fn status(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Status>, ApiError> {
    let own = node.registry.own();
    let counts = node.store.counts()?;
    let policy = super::policy::state(&node)?;
    let peers = peer_status(&node).await?;
    let seen = super::query::seen(&node, &format!("seen/{}", caller.uid))?;
    let mut alerts = super::keyring::looks_for(&node, &caller);
    alerts.extend(self::alerts(&node, &peers));
    Ok(Json(Status {
        name: node
            .registry
            .contact(&own)
            .map(|c| c.org)
            .unwrap_or_default(),
        agency: own.full(),
        fingerprint: own.fingerprint(),
        version: env!("CARGO_PKG_VERSION").into(),
        you: Some(caller.view()),
        listening: node.swarm.listen_addrs(),
        records: counts.arrivals.saturating_sub(counts.erased),
        new: counts.arrivals.saturating_sub(seen),
        policy,
        peers,
        quarantined: counts.quarantined,
        unindexed: node.search.unindexed(),
        asks: node.open_asks()?,
        alerts,
        reviews_due: node.sweeper.due().reviews,
        referrals: referrals(&node),
        hub: node.hub.is_some().then(|| super::hub::report(&node)),
        uptime_s: node.clock.now().0.saturating_sub(node.started.0) / 1000,
    }))
}

fn referrals(node: &Node) -> ReferralCounts {
    let count = node.referrals.count(node.clock.now());
    ReferralCounts {
        undelivered: count.undelivered,
        overdue: count.overdue,
        due: count.due,
        new: count.new,
        live: count.live,
    }
}

/// What no other part of the status says.
pub(crate) fn alerts(node: &Node, peers: &[PeerStatus]) -> Vec<String> {
    let mut alerts = Vec::new();
    if let Some(waiting) = node.catch_up.waiting() {
        let why = super::backup::why(node, waiting.reason);
        let names: Vec<String> = waiting
            .agencies
            .iter()
            .map(|a| node.registry.alias(a))
            .collect();
        alerts.push(format!(
            "{why}. Not heard from: {}. See 'liaison restore status'",
            names.join(", ")
        ));
    }
    let undecided = super::backup::undecided(node).unwrap_or_default().len();
    if undecided > 0 {
        alerts.push(format!(
            "{undecided} of our own records came back from peers without their distribution lists, or were taken back from somebody since the backup: nobody else gets them. 'liaison restore status' lists them; 'liaison audience ID --to NAMES' (or --policy) says who may have one"
        ));
    }
    for (by, holds) in node.set_back.disbelieved() {
        alerts.push(format!(
            "{name}: it claimed to hold a record of ours of {}, which we do not have, and showed none; it is not believed. Telephone it. 'liaison peer remove {name}' if it goes on",
            rfc3339(holds),
            name = node.registry.alias(&by),
        ));
    }
    alerts.extend(node.time.trusted().err().map(|doubt| doubt.to_string()));
    for agency in node.registry.forked() {
        let name = node.registry.alias(&agency);
        alerts.push(format!("{name}: two different cards carry the same revision; nothing new is taken from it. Telephone it, then 'liaison peer add FILE --fingerprint DIGITS' with its newest card"));
    }
    let nobody = super::policy::names_nobody(node);
    alerts.extend(nobody.into_iter().take(limits::ALERTS_SHOWN).map(|rule| {
        format!("policy: {rule}, so that it holds for nobody now. 'liaison peer add FILE' links the agency under its name again; else take the rule out and 'liaison policy apply'")
    }));
    alerts.extend(super::approval::alerts(node));
    alerts.extend(super::audit::alerts(node));
    alerts.extend(super::keyring::alerts(node));
    alerts.extend(super::parcels::alerts(node));
    match node.stuck_referrals() {
        0 => {}
        1 => alerts.push("of a referral nobody took nobody else is asked: an officer has to act. 'liaison inbox' says what".into()),
        n => alerts.push(format!("of {n} referrals that nobody took nobody else is asked: an officer has to act. 'liaison inbox' says what")),
    }
    for case in node.unreviewed_emergencies() {
        alerts.push(format!("the emergency {case} was not looked at again within 72 h: nothing more of it goes out until an officer who did not write it does. 'liaison refer review {case}'"));
    }
    if let Some(fault) = node.notify.fault() {
        alerts.push(format!("nobody is told of what is new or due: the command under [notify] in config.toml fails: {fault}"));
    }
    if let Ok(roster) = node.officers.roster()
        && !roster.unknown.is_empty()
    {
        let names = roster.unknown.join(", ");
        alerts.push(format!("officers.toml names users that this machine does not know: {names}. They are not let in; 'liaison officers' lists who is"));
    }
    for (agency, peer) in node.registry.peers() {
        let known = node.registry.agency(&agency);
        if known.is_some_and(|k| k.statement.is_some() && !k.is_reachable()) {
            alerts.push(format!("{}: its keys statement was signed with a key that is compromised, so that it is not let in. Telephone it, then 'liaison peer add FILE' with its newest card", peer.alias));
        }
    }
    for peer in peers {
        if peer.keys_days.is_some_and(|days| days < 0) {
            alerts.push(format!("{}: its keys statement has run out. Ask for its newest card, then 'liaison peer add FILE'", peer.peer));
        }
    }
    if let Ok(counts) = node.store.counts()
        && counts.quarantined > 0
    {
        alerts.push(format!(
            "{} malformed records were set aside; the log names who sent them",
            counts.quarantined
        ));
    }
    alerts
}

/// Every peer as `status` and `peer list` show it.
pub(super) async fn peer_status(node: &Node) -> Result<Vec<PeerStatus>, ApiError> {
    let node = node.clone();
    tokio::task::spawn_blocking(move || {
        let peers = node.registry.peers();
        let mut all = peers
            .keys()
            .map(|agency| one(&node, agency))
            .collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| a.peer.cmp(&b.peer));
        Ok(all)
    })
    .await
    .map_err(|_| ApiError::new("internal", "the node is stopping"))?
}

fn one(node: &Node, agency: &AgencyId) -> Result<PeerStatus, ApiError> {
    let peer = node.registry.peer(agency);
    let known = node.registry.agency(agency);
    let link = node.swarm.link(agency);
    let traffic = node.swarm.traffic(agency);
    let tally = tally(node, agency)?;
    let standing = node.share.standing(agency)?;
    let session_error = node.sync.peers().of(agency).last_error();
    let link_error = link.as_ref().and_then(|l| l.last_error.clone());
    let last_error = match (session_error, link_error) {
        (Some(a), Some(b)) => Some(if a.0 >= b.0 { a } else { b }),
        (a, b) => a.or(b),
    };
    let now = node.clock.now().0;
    let keys_days = known.as_ref().and_then(|k| k.statement_body()).map(|keys| {
        let left = i128::from(keys.until.0) - i128::from(now);
        i64::try_from(left.div_euclid(i128::from(limits::DAY_MS))).unwrap_or(i64::MAX)
    });
    let up = link.as_ref().is_some_and(|l| l.is_up());
    let connected_since = link.as_ref().and_then(|l| l.connected_since);
    Ok(PeerStatus {
        peer: node.registry.alias(agency),
        agency: agency.full(),
        name: known
            .and_then(|k| k.contact().map(|c| c.org.clone()))
            .unwrap_or_default(),
        sector: peer
            .as_ref()
            .map(|p| p.pinned.sector.clone())
            .unwrap_or_default(),
        country: peer
            .as_ref()
            .map(|p| p.pinned.country.clone())
            .unwrap_or_default(),
        changed: super::peers::changes(node, agency),
        circles: node.policies.current().circles_of(agency),
        trust: if peer.is_some() { "link" } else { "author" }.into(),
        connected_since: connected_since.map(rfc3339),
        transport: link
            .as_ref()
            .and_then(|l| l.transport)
            .map(|t| t.to_string()),
        hub: link.as_ref().and_then(|l| match l.path? {
            Path::Direct => None,
            Path::Circuit(hub) => Some(node.registry.alias(&hub)),
        }),
        carries_for_us: link.as_ref().and_then(|l| l.reserved),
        last_seen: node.sync.peers().of(agency).last_seen().map(rfc3339),
        behind: standing.behind,
        // What failed before the present connection was mended by it, unless records wait.
        last_error: last_error
            .filter(|(at, _)| {
                !up || standing.behind > 0 || connected_since.is_some_and(|c| *at >= c)
            })
            .or_else(|| node.sync.peers().of(agency).fault())
            .map(|(_, says)| says),
        later: tallies(tally.later),
        refused: tallies(tally.refused),
        sent: tally.sent,
        received: tally.received,
        withheld: standing.withheld,
        bytes_in: traffic.bytes_in,
        bytes_out: traffic.bytes_out,
        keys_days,
    })
}

/// What the ledger says of one peer, counted.
#[derive(Debug, Default)]
pub(super) struct LedgerTally {
    pub sent: u64,
    pub received: u64,
    pub later: BTreeMap<String, u64>,
    pub refused: BTreeMap<String, u64>,
}

/// Counts a peer's ledger.
pub(super) fn tally(node: &Node, agency: &AgencyId) -> Result<LedgerTally, ApiError> {
    let mut tally = LedgerTally::default();
    let mut from = Arrival(0);
    loop {
        let lines = node.store.ledger_of(agency, from, limits::STORE_ROWS)?;
        let Some((last, _)) = lines.last() else {
            return Ok(tally);
        };
        from = last.next();
        for (_, line) in &lines {
            match line.answer {
                Some(Answered::Later(l)) => *tally.later.entry(l.as_str().into()).or_default() += 1,
                Some(Answered::Refused(r)) => {
                    *tally.refused.entry(r.as_str().into()).or_default() += 1;
                }
                Some(Answered::Stored) if line.direction == Direction::Sent => tally.sent += 1,
                Some(Answered::Stored) if line.direction == Direction::Received => {
                    tally.received += 1;
                }
                _ => {}
            }
        }
    }
}

fn tallies(counts: BTreeMap<String, u64>) -> Vec<Tally> {
    counts
        .into_iter()
        .map(|(reason, count)| Tally { reason, count })
        .collect()
}
