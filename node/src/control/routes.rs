//! Which call is answered where: one table a noun, one call a line or two.

use super::access::{
    ADMINISTER, APPROVE, ASSIGN, COLLECT, ERASE, GOVERN, LOOK, OVERSEE, PACK, READ, READ_SEALED,
    REFER, SEAL, SECOND, WRITE,
};
use super::api::{
    AffirmReport, AffirmRequest, AmendRequest, ApprovalView, ApproveReport, ApproveRequest,
    AskReport, AskRequest, AssignReport, AssignRequest, AudienceReport, AudienceRequest,
    AuditExport, AuditKeyReport, AuditKeyRequest, AuditReport, AuditRequest, AuditVerifyReport,
    AuditVerifyRequest, BackupRequest, BundleBegun, BundlePackReport, BundlePackRequest,
    BundleRequest, BundleWrittenRequest, CardView, CatchUpReport, ClockReport, DisclosureRow,
    DisclosuresRequest, DraftRow, DraftView, ExpiryReport, ExplainRequest, Explanation, FindReport,
    FindRequest, GapsReport, HubReport, ImportChunk, ImportReport, InboxReport, KeyChangeReport,
    KeyChangeRequest, KeysView, LookAlert, LooksSeenRequest, MatchReport, MatchRequest,
    OfficersReport, ParcelOpened, ParcelsReport, PeerAddReport, PeerAddRequest, PeerCardView,
    PeerChangeReport, PeerChangeRequest, PeerRemoveReport, PeerRemoveRequest, PeerRevokeReport,
    PeerRevokeRequest, PeerStatus, PeerTestReport, PermitReport, PermitRequest, PolicyPlain,
    PolicyReport, PolicyRequest, PreviewLine, PreviewRequest, ProofReport, PushReport, PushRequest,
    QueryReport, QueryRequest, RecordView, ReferralBody, ReferralReport, ReferralView,
    ReleaseRequest, RetractReport, RetractRequest, RevertRequest, RevokeAllRequest, RevokedPeer,
    ScreenReport, ScreenRequest, SealingErased, SealingReport, StatsReport, Status, StepReport,
    StepRequest, TimelineReport, VerifyReport, WatchEvent, Why,
};
use super::calls::{Calls, bytes, json, lines, list, nothing};
use super::{
    approval, audit, backup, clock, drafts, expiry, hub, import, keyring, keys, officers, parcels,
    parting, peers, policy, preview, query, records, services, stats, status, watch,
};
use crate::home::CardEdit;

/// Every call.
pub(super) fn calls() -> Calls {
    let mut calls = Calls::new();
    for table in [
        node,
        upkeep,
        records,
        parcels_and_bundles,
        services_for_people,
        referrals_made,
        peers,
        keys_of_agencies,
        policy,
        imports,
        audit_log,
        referrals,
        approvals,
    ] {
        calls = table(calls);
    }
    calls
}

/// How the node is, and what happens.
#[rustfmt::skip] // A table.
fn node(calls: Calls) -> Calls {
    calls
        .get("/v1/status", "How the node and its peers are", LOOK, status::status, json::<Status>())
        .get("/v1/hub", "What this node carries for others, if it is a hub", LOOK, hub::show, json::<HubReport>())
        .get("/v1/officers", "Who may use the node, and as what", LOOK, officers::list, json::<OfficersReport>())
        .get("/v1/watch", "What happens, as it happens", READ, watch::watch, lines::<WatchEvent>())
}

/// What keeps a node sound: time, backups.
#[rustfmt::skip] // A table.
fn upkeep(calls: Calls) -> Calls {
    calls
        .get("/v1/expiry", "What ends, and what is due for review, up to a day", READ,
            expiry::expiry, json::<ExpiryReport>())
        .get("/v1/clock", "Whether the clock is believed", LOOK, clock::show, json::<ClockReport>())
        .post("/v1/clock/confirm", "An administrator says that the clock is right", ADMINISTER,
            clock::confirm, nothing(), json::<ClockReport>())
        .post("/v1/backup", "Streams what a backup holds, to be sealed by whoever asks", ADMINISTER,
            backup::make, json::<BackupRequest>(), bytes())
        .get("/v1/restore", "For whom a restored node waits", LOOK, backup::status, json::<CatchUpReport>())
        .post("/v1/restore/release", "Waits no longer for an agency", ADMINISTER,
            backup::release, json::<ReleaseRequest>(), json::<CatchUpReport>())
}

/// Records, one by one and by query.
#[rustfmt::skip] // A table.
fn records(calls: Calls) -> Calls {
    calls
        .post("/v1/records", "Signs, stores and offers a draft", WRITE, records::push,
            json::<PushRequest>(), json::<PushReport>())
        .get("/v1/records/{id}", "A record in full", READ, records::show, json::<RecordView>())
        .get("/v1/records/{id}/cose", "A record's exact signed bytes", READ, records::cose, bytes())
        .get("/v1/records/{id}/why/{peer}", "Why a peer gets a record, or not", READ, records::why, json::<Why>())
        .post("/v1/records/{id}/amend", "Replaces a record of our own", WRITE, records::amend,
            json::<AmendRequest>(), json::<PushReport>())
        .post("/v1/records/{id}/retract", "Takes a record of our own back", ERASE, records::retract,
            json::<RetractRequest>(), json::<RetractReport>())
        .post("/v1/records/{id}/audience", "Changes who may have a record of our own", WRITE, records::audience,
            json::<AudienceRequest>(), json::<AudienceReport>())
        .post("/v1/records/{id}/ask", "Asks a record's author for leave to pass it on", WRITE, records::ask,
            json::<AskRequest>(), json::<AskReport>())
        .post("/v1/records/{id}/permit", "Lets a record of our own be passed on", WRITE, records::permit,
            json::<PermitRequest>(), json::<PermitReport>())
        .post("/v1/query", "Searches what the node holds", READ, query::query,
            json::<QueryRequest>(), json::<QueryReport>())
        .post("/v1/verify", "Whose word signed bytes are", LOOK, records::verify, bytes(), json::<VerifyReport>())
}

/// What is under way to agencies that are away.
#[rustfmt::skip] // A table.
fn parcels_and_bundles(calls: Calls) -> Calls {
    calls
        .get("/v1/parcels", "Parcels that are under way, and what keeps them", LOOK, parcels::list,
            json::<ParcelsReport>())
        .post("/v1/bundles", "Begins a bundle for an agency", PACK, parcels::begin,
            json::<BundleRequest>(), json::<BundleBegun>())
        .post("/v1/bundles/pack", "The next parcel of a bundle; no bytes when it is complete", PACK, parcels::pack,
            json::<BundlePackRequest>(), bytes())
        .post("/v1/bundles/written", "Says that a bundle is on its medium", PACK, parcels::written,
            json::<BundleWrittenRequest>(), json::<BundlePackReport>())
        .post("/v1/bundles/open", "Opens one parcel of a bundle", COLLECT, parcels::open,
            bytes(), json::<ParcelOpened>())
}

/// Services for people: offers that fit, and gaps.
#[rustfmt::skip] // A table.
fn services_for_people(calls: Calls) -> Calls {
    calls
        .post("/v1/services/match", "Which offers fit what is sought, and why", READ, services::matching,
            json::<MatchRequest>(), json::<MatchReport>())
        .get("/v1/referrals/{id}/services", "Which offers fit the person of a referral, and why", READ,
            services::for_referral, json::<MatchReport>())
        .get("/v1/services/gaps", "Where needs and offers do not meet", READ, services::missing,
            json::<GapsReport>())
        .get("/v1/stats/{figure}", "Counts of people who agreed to be counted, by quarter", READ, stats::stats,
            json::<StatsReport>())
}

/// Peers, and our own card.
#[rustfmt::skip] // A table.
fn peers(calls: Calls) -> Calls {
    calls
        .get("/v1/peers", "The linked agencies", LOOK, peers::list, list::<PeerStatus>())
        .post("/v1/peers", "Links an agency", ADMINISTER, peers::add, json::<PeerAddRequest>(), json::<PeerAddReport>())
        .post("/v1/peers/{name}", "Confirms a peer's new attributes, or edits its circles", GOVERN, peers::change,
            json::<PeerChangeRequest>(), json::<PeerChangeReport>())
        .post("/v1/peers/{name}/remove", "Stops exchanging with an agency", ADMINISTER, parting::remove,
            json::<PeerRemoveRequest>(), json::<PeerRemoveReport>())
        .post("/v1/peers/{name}/revoke", "Cuts an agency off at once", ADMINISTER, parting::revoke,
            json::<PeerRevokeRequest>(), json::<PeerRevokeReport>())
        .get("/v1/revoked", "The agencies that were cut off", LOOK, parting::revoked, list::<RevokedPeer>())
        .get("/v1/peers/{name}/card", "The card of an agency, as it is known here", LOOK, peers::card_of,
            json::<PeerCardView>())
        .post("/v1/peers/{name}/test", "Looks why a link does not work", LOOK, peers::test,
            nothing(), json::<PeerTestReport>())
        .get("/v1/card", "Our own card", LOOK, peers::card, json::<CardView>())
        .post("/v1/card", "Changes our own card", ADMINISTER, peers::edit, json::<CardEdit>(), json::<CardView>())
}

/// Signing keys.
#[rustfmt::skip] // A table.
fn keys_of_agencies(calls: Calls) -> Calls {
    calls
        .get("/v1/keys", "Our own signing keys", LOOK, keys::own, json::<KeysView>())
        .get("/v1/keys/{name}", "The signing keys of an agency", LOOK, keys::of, json::<KeysView>())
        .post("/v1/keys/rotate", "Changes our signing key", ADMINISTER, keys::rotate,
            json::<KeyChangeRequest>(), json::<KeyChangeReport>())
        .post("/v1/keys/compromised", "Says that a signing key was stolen", ADMINISTER, keys::compromised,
            json::<KeyChangeRequest>(), json::<KeyChangeReport>())
        .post("/v1/keys/affirm", "Says which records under a stolen key are ours", ADMINISTER, keys::affirm,
            json::<AffirmRequest>(), json::<AffirmReport>())
        .post("/v1/keys/revoke-all", "Revokes all our keys, for good", ADMINISTER, keys::revoke_all,
            json::<RevokeAllRequest>(), json::<KeysView>())
        .get("/v1/sealing", "Our own sealing keys", LOOK, keyring::sealing, json::<SealingReport>())
        .post("/v1/sealing/erase", "Deletes our sealing keys at once", ADMINISTER, keyring::erase,
            nothing(), json::<SealingErased>())
}

/// Referrals, until they are sent.
#[rustfmt::skip] // A table.
fn referrals_made(calls: Calls) -> Calls {
    calls
        .post("/v1/referrals", "Keeps, checks or sends a referral", REFER, drafts::make,
            json::<ReferralBody>(), json::<ReferralReport>())
        .post("/v1/referrals/screen", "What signs at a first meeting suggest", REFER, drafts::screening,
            json::<ScreenRequest>(), json::<ScreenReport>())
        .get("/v1/drafts", "Drafts of referrals, and what waits for a second officer", READ_SEALED, drafts::list,
            list::<DraftRow>())
        .get("/v1/drafts/{name}", "A draft as it was written", READ_SEALED, drafts::show, json::<DraftView>())
        .post("/v1/drafts/{name}/drop", "Drops a draft", SECOND, drafts::discard, nothing(), json::<DraftRow>())
        .post("/v1/drafts/{name}/approve", "Approves an emergency, which is sent then", SECOND, drafts::approve,
            nothing(), json::<ReferralReport>())
        .post("/v1/drafts/{name}/review", "Says that an emergency was looked at again", SECOND, drafts::review,
            nothing(), json::<ReferralReport>())
}

/// The policy.
#[rustfmt::skip] // A table.
fn policy(calls: Calls) -> Calls {
    calls
        .get("/v1/policy", "The active policy", LOOK, policy::show, json::<PolicyReport>())
        .post("/v1/policy/check", "Checks policy files", LOOK, policy::check,
            json::<PolicyRequest>(), json::<PolicyReport>())
        .post("/v1/policy/prove", "Whether a policy can do what it must not", LOOK, policy::prove,
            json::<PolicyRequest>(), json::<ProofReport>())
        .post("/v1/policy/apply", "Puts policy files in force", GOVERN, policy::apply,
            json::<PolicyRequest>(), json::<PolicyReport>())
        .post("/v1/policy/revert", "Goes back to the policy before", GOVERN, policy::revert,
            json::<RevertRequest>(), json::<PolicyReport>())
        .post("/v1/policy/explain", "A decision taken apart", READ, policy::explain,
            json::<ExplainRequest>(), json::<Explanation>())
        .post("/v1/preview", "What a change would do, before it applies", READ, preview::preview,
            json::<PreviewRequest>(), lines::<PreviewLine>())
        .get("/v1/policy/plain", "The active policy in words", LOOK, policy::plain, json::<PolicyPlain>())
}

/// Imports.
#[rustfmt::skip] // A table.
fn imports(calls: Calls) -> Calls {
    calls
        .get("/v1/imports/{key}", "How far an import is", LOOK, import::progress, json::<ImportReport>())
        .post("/v1/imports/{key}", "Takes a piece of an import", COLLECT, import::piece,
            json::<ImportChunk>(), json::<ImportReport>())
}

/// Who did what.
#[rustfmt::skip] // A table.
fn audit_log(calls: Calls) -> Calls {
    calls
        .post("/v1/audit/log", "Lines of the audit log", OVERSEE, audit::log,
            json::<AuditRequest>(), json::<AuditReport>())
        .post("/v1/audit/verify", "Whether the audit log is as it was written", OVERSEE, audit::check,
            json::<AuditVerifyRequest>(), json::<AuditVerifyReport>())
        .post("/v1/audit/disclosures", "Who was given what", OVERSEE, audit::disclosures,
            json::<DisclosuresRequest>(), list::<DisclosureRow>())
        .get("/v1/audit/export", "The audit log, byte for byte", OVERSEE, audit::export, lines::<AuditExport>())
        .get("/v1/looks", "Who looked without being assigned", OVERSEE, keyring::looks, list::<LookAlert>())
        .post("/v1/looks/seen", "The data-protection officer has seen them", SEAL, keyring::seen,
            json::<LooksSeenRequest>(), list::<LookAlert>())
        .post("/v1/audit/key", "Seals what officers type to another key", SEAL, audit::key,
            json::<AuditKeyRequest>(), json::<AuditKeyReport>())
}

/// Referrals.
#[rustfmt::skip] // A table.
fn referrals(calls: Calls) -> Calls {
    calls
        .get("/v1/inbox", "Referrals that wait for somebody", READ, super::referrals::inbox, json::<InboxReport>())
        .get("/v1/referrals/{id}", "A referral in full, for who may read it", READ, super::referrals::show,
            json::<ReferralView>())
        .get("/v1/referrals/{id}/timeline", "Its steps, in the order in which they count", READ,
            super::referrals::timeline, json::<TimelineReport>())
        .post("/v1/referrals/{id}/steps", "Takes a step", WRITE, super::referrals::step,
            json::<StepRequest>(), json::<StepReport>())
        .post("/v1/referrals/{id}/assign", "Says who works on it", ASSIGN, super::referrals::assign,
            json::<AssignRequest>(), json::<AssignReport>())
        .post("/v1/referrals/find", "Searches what you work on", READ, super::referrals::find,
            json::<FindRequest>(), json::<FindReport>())
}

/// What waits for a second person.
#[rustfmt::skip] // A table.
fn approvals(calls: Calls) -> Calls {
    calls
        .get("/v1/approvals", "What waits for a second person", LOOK, approval::list, list::<ApprovalView>())
        .post("/v1/approvals/{number}/approve", "Does what another officer asked for", APPROVE, approval::approve,
            json::<ApproveRequest>(), json::<ApproveReport>())
        .post("/v1/approvals/{number}/reject", "Drops what was asked for", APPROVE, approval::reject,
            nothing(), json::<ApprovalView>())
}
