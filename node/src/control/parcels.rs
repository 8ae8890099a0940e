//! Parcels and bundles: what is under way to agencies that are away, and files of it.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use liaison_protocol::fault::Blame;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::parcel::{Parcel, ParcelFault};

use super::api::{
    ApiError, BundleBegun, BundlePackReport, BundlePackRequest, BundleRequest,
    BundleWrittenRequest, ParcelFaultView, ParcelOpened, ParcelRefusalView, ParcelView,
    ParcelsReport,
};
use super::text::rfc3339;
use crate::audit::note;
use crate::limits;
use crate::node::Node;
use crate::parcels::{Fault, OpenError, PackError, Row, State as Standing, Way, refused};
use crate::share::ReleaseError;
use crate::store::Arrival;

type Answer<T> = Result<Json<T>, ApiError>;

/// `GET /v1/parcels`.
pub(super) async fn list(State(node): State<Node>) -> Answer<ParcelsReport> {
    let faults = faults(&node).into_iter();
    let faults = faults.map(|(agency, fault)| ParcelFaultView {
        peer: node.registry.alias(&agency),
        at: rfc3339(fault.at),
        says: fault.says,
    });
    Ok(Json(ParcelsReport {
        parcels: node.parcel_views(node.parcels.outbox().rows(|_| true)),
        refused: node.refusal_views(None),
        faults: faults.collect(),
    }))
}

/// `POST /v1/bundles`.
pub(super) async fn begin(
    State(node): State<Node>,
    Json(request): Json<BundleRequest>,
) -> Answer<BundleBegun> {
    let (agency, peer) = node.registry.find(&request.to)?;
    let first = node.parcels.begin_bundle(agency).await?;
    Ok(Json(BundleBegun {
        to: peer.alias,
        first,
    }))
}

/// `POST /v1/bundles/pack`.
pub(super) async fn pack(
    State(node): State<Node>,
    Json(request): Json<BundlePackRequest>,
) -> Result<Response, ApiError> {
    let (agency, _) = node.registry.find(&request.to)?;
    let BundlePackRequest { first, again, .. } = request;
    let parcel = node.parcels.pack_bundle(agency, first, again).await?;
    let bytes = parcel.map(Parcel::into_bytes).unwrap_or_default();
    let octets = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((octets, Body::from(bytes)).into_response())
}

/// `POST /v1/bundles/written`.
pub(super) async fn written(
    State(node): State<Node>,
    Json(request): Json<BundleWrittenRequest>,
) -> Answer<BundlePackReport> {
    let (agency, peer) = node.registry.find(&request.to)?;
    let ids = request.parcels.iter().map(|id| id.parse::<ParcelId>());
    let ids: Vec<ParcelId> = ids
        .collect::<Result<_, _>>()
        .map_err(|e| ApiError::new("invalid", e.to_string()))?;
    let rows = node.parcels.bundle_written(agency, &ids).await?;
    let mut records = 0;
    for arrival in rows.iter().flat_map(|row| &row.records) {
        records += 1;
        if let Some(header) = node.store.header(*arrival)? {
            note(|note| note.record(header.id));
        }
    }
    Ok(Json(BundlePackReport {
        to: peer.alias,
        parcels: rows.len() as u64,
        records,
        until: rows.iter().map(|row| row.expires).min().map(rfc3339),
    }))
}

/// `POST /v1/bundles/open`.
pub(super) async fn open(State(node): State<Node>, bytes: Bytes) -> Answer<ParcelOpened> {
    let parcel = Parcel::from_bytes(bytes).map_err(|fault| not_taken(&node, fault.into()))?;
    match node.parcels.open(parcel, Way::Bundle, None).await {
        Ok(opened) => {
            note(|note| {
                note.peer(opened.from);
                note.count = Some((opened.stored + opened.refused + opened.later) as u64);
            });
            Ok(Json(ParcelOpened {
                from: node.registry.alias(&opened.from),
                number: opened.number,
                again: false,
                stored: opened.stored as u64,
                refused: opened.refused as u64,
                later: opened.later as u64,
                answers: opened.answers as u64,
            }))
        }
        // A copy that was cut short comes again when it is whole.
        Err(OpenError::Parcel(ParcelFault::SeenBefore { from, number })) => {
            Ok(Json(ParcelOpened {
                from: node.registry.alias(&from),
                number,
                again: true,
                ..ParcelOpened::default()
            }))
        }
        Err(error) => Err(not_taken(&node, error)),
    }
}

/// What was done with parcels that may not be, and what keeps them from agencies that are away.
fn faults(node: &Node) -> Vec<(AgencyId, Fault)> {
    let all = node.parcels.faults().into_iter();
    all.filter(|(agency, fault)| fault.lasts || hinders(node, agency))
        .collect()
}

/// Whether what keeps parcels from an agency, or from a hub, is of any matter now.
fn hinders(node: &Node, agency: &AgencyId) -> bool {
    let is_hub = node.registry.hubs().contains(agency);
    is_hub || (node.registry.is_peer(agency) && node.unreachable_since(agency).is_some())
}

/// What keeps parcels from leaving or from being opened.
pub(super) fn alerts(node: &Node) -> Vec<String> {
    let faults = faults(node).into_iter();
    let says = faults.map(|(agency, fault)| {
        let peer = node.registry.alias(&agency);
        format!(
            "parcels, {peer}: {}. 'liaison parcels' lists what is under way",
            fault.says
        )
    });
    let refused = node.refusal_views(None).into_iter();
    let refused = refused.map(|one| {
        format!(
            "parcels, {}: {}. 'liaison parcels' says when it is asked again",
            one.to, one.says
        )
    });
    let says = says.chain(refused);
    says.take(limits::ALERTS_SHOWN).collect()
}

fn not_taken(node: &Node, error: OpenError) -> ApiError {
    let remedy = match &error {
        OpenError::Parcel(ParcelFault::OtherKey { .. }) => {
            "check for whom the bundle was packed; it opens at that agency's node alone".to_owned()
        }
        OpenError::Parcel(ParcelFault::Stranger { .. }) => {
            "add the agency with 'liaison peer add FILE', then unpack the bundle again".to_owned()
        }
        OpenError::Parcel(ParcelFault::UnknownKey { .. }) => {
            "ask the agency for its newest card, 'liaison peer add FILE', then unpack the bundle again".to_owned()
        }
        OpenError::Parcel(ParcelFault::Ahead { .. }) => {
            "see 'liaison clock show', then unpack the bundle again".to_owned()
        }
        OpenError::Parcel(_) if error.blame() == Blame::Author => {
            let sender = error.sender().map(|agency| node.registry.alias(&agency));
            format!("telephone {}", sender.unwrap_or_else(|| "the sender".into()))
        }
        OpenError::Parcel(_) => "ask the sender to pack another bundle".to_owned(),
        _ => "mend that, then unpack the bundle again".to_owned(),
    };
    let code = match &error {
        OpenError::Parcel(_) => "refused",
        OpenError::Disk => "disk",
        OpenError::Clock(_) => "conflict",
        _ => "internal",
    };
    ApiError::new(code, error.to_string()).with_remedy(remedy)
}

impl Node {
    /// Parcels of ours, as people see them.
    pub(super) fn parcel_views(&self, rows: Vec<Row>) -> Vec<ParcelView> {
        rows.into_iter().map(|row| self.parcel_view(&row)).collect()
    }

    /// Those under way to an agency with a record.
    pub(super) fn parcels_with(&self, to: &AgencyId, arrival: Arrival) -> Vec<ParcelView> {
        let with =
            |row: &Row| row.to == *to && row.is_under_way() && row.records.contains(&arrival);
        self.parcel_views(self.parcels.outbox().rows(with))
    }

    /// What hubs do not keep for agencies that are away, or for one of them.
    pub(super) fn refusal_views(&self, of: Option<&AgencyId>) -> Vec<ParcelRefusalView> {
        let now = self.clock.now();
        let all = self.parcels.refusals().into_iter();
        let all = all.filter(|(hub, to, _)| {
            let uses = self.registry.hubs_of_peer(to).contains(hub);
            uses && of.is_none_or(|of| of == to) && self.unreachable_since(to).is_some()
        });
        all.map(|(hub, to, one)| {
            let (hub, to) = (self.registry.alias(&hub), self.registry.alias(&to));
            ParcelRefusalView {
                says: refused(&hub, &to, one.why),
                to,
                hub,
                why: one.why.as_str().to_owned(),
                since: rfc3339(one.since),
                asked: one.times as u64,
                next: one.holds(now).then(|| rfc3339(one.next)),
            }
        })
        .collect()
    }

    fn parcel_view(&self, row: &Row) -> ParcelView {
        let hub = row.way.hub();
        ParcelView {
            to: self.registry.alias(&row.to),
            agency: row.to.full(),
            number: row.number,
            id: row.id.full(),
            hub: hub.map(|hub| self.registry.alias(&hub)),
            reachable: hub.is_some_and(|hub| self.unreachable_since(&hub).is_none()),
            state: match row.state {
                Standing::Made => "made",
                Standing::Lies => "waits",
                Standing::Gone { .. } => "gone",
                Standing::Unwanted { .. } => "unwanted",
            }
            .into(),
            made: rfc3339(row.made),
            until: rfc3339(row.expires),
            bytes: u64::from(row.size),
            records: row.records.len() as u64,
        }
    }
}

impl From<PackError> for ApiError {
    fn from(error: PackError) -> Self {
        let says = error.to_string();
        match error {
            PackError::Store(error) => error.into(),
            PackError::Release(ReleaseError::Store(error)) => error.into(),
            PackError::Release(ReleaseError::Audit(error)) => error.into(),
            PackError::NoKey { .. }
            | PackError::CatchingUp
            | PackError::Full { .. }
            | PackError::Withdrawn { .. } => Self::new("conflict", says),
            PackError::Fault { .. } | PackError::Stopping => Self::new("internal", says),
        }
    }
}
