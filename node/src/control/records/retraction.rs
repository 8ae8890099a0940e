//! Retractions: a word taken back.

use axum::Json;
use axum::extract::{Extension, Path, State};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{Kind, RetractReason};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::{Content, Retract};

use super::Answer;
use crate::control::access::WRITE;
use crate::control::api::{ApiError, RetractReport, RetractRequest};
use crate::control::caller::Caller;
use crate::ingest::Statement;
use crate::kind;
use crate::node::Node;
use crate::officers::Role;
use crate::referral::access::Aim;
use crate::store::Flags;

/// `POST /v1/records/{id}/retract`.
pub(in crate::control) async fn retract(
    State(node): State<Node>,
    Extension(caller): Extension<Caller>,
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
    // What is about a person is taken back by who works on it, or by who answers for their rights;
    // all else by those who write.
    if !kind::is_sealed(&header) {
        WRITE.check(&caller)?;
    } else if !caller.officer.roles.has(Role::DataProtectionOfficer) {
        let thread = header.thread.unwrap_or(header.id);
        node.admit(&caller, thread, Aim::Act, None)?;
    }
    if kind::of(&header) == Some(Kind::Retract) {
        return Err(
            ApiError::new("refused", "a retraction is for good and can't be retracted")
                .with_remedy("push the record again, as a new one"),
        );
    }
    if matches!(kind::of(&header), Some(Kind::Recall | Kind::Receipt)) {
        return Err(ApiError::new(
            "refused",
            "a recall and a receipt say what was done and can't be retracted",
        )
        .with_remedy("a recalled record goes to the peer again once policy and list let it"));
    }
    if matches!(kind::of(&header), Some(Kind::Contact | Kind::Keys)) {
        return Err(ApiError::new(
            "refused",
            "a card and a keys statement say who we are and can't be retracted",
        )
        .with_remedy("'liaison card edit' makes a newer one, which takes its place"));
    }
    if header.flags.contains(Flags::RETRACTED) {
        return Err(ApiError::new(
            "conflict",
            format!("{} is retracted already", header.id.short()),
        )
        .with_remedy(format!(
            "'liaison show {}' says who has erased it",
            header.id.short()
        )));
    }
    let mut report = RetractReport {
        of: header.id.full(),
        id: None,
        held_by: node.holders(arrival)?,
        recipients: Vec::new(),
        parcels: Vec::new(),
    };
    if !request.dry_run {
        let old = node.statement(arrival)?;
        let made = retraction(header.id, reason, &old.envelope.fields);
        // No row of an import makes a sealed record again.
        let noted = match kind::is_sealed(&header) {
            true => None,
            false => Some(super::erased::note(
                &header.id,
                &old.envelope.fields,
                &old.content,
            )?),
        };
        let made = node
            .ingest
            .own(vec![made], noted.into_iter().collect())
            .await?;
        report.id = made.first().map(|(id, _)| id.full());
        let left = node.taken_back(|row| row.records.contains(&arrival)).await;
        report.parcels = node.parcel_views(left);
        report.recipients = node.recipient_views(arrival, &header)?;
    }
    Ok(Json(report))
}

/// The retraction of a record. It has no distribution list: the ledger says whom it is owed
/// to. A tombstone is left of the record everywhere.
pub(super) fn retraction(of: RecordId, reason: RetractReason, old: &Fields) -> Statement {
    let content = Content::Retract(Retract {
        of,
        reason,
        erase: true,
        notify: true,
    });
    Statement {
        fields: crate::withdrawal::envelope("Retraction", old),
        content,
        audience: None,
    }
}
