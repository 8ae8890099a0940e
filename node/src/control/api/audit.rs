//! The audit log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::seal::Opening;
use crate::audit::{Line, Stub};

/// `POST /v1/audit/log`: which lines; what is absent does not matter.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditRequest {
    /// Not before this day or RFC 3339 time.
    pub since: Option<String>,
    /// Before this day or RFC 3339 time.
    pub until: Option<String>,
    /// A user's name or number, or `node`.
    pub who: Option<String>,
    /// `collect`, `alter`, `consult`, `disclose`, `combine`, `erase`, `administer`,
    /// `turn-away`, `log`.
    pub what: Option<String>,
    /// A record's id or the beginning of one.
    pub record: Option<String>,
    /// A peer's name or agency id.
    pub peer: Option<String>,
    /// Only lines with something under seal.
    pub typed: bool,
    /// At most this many, the newest; default 100.
    pub limit: Option<usize>,
    /// Only lines before the one of this number: those that the last answer had no room for.
    pub before: Option<u64>,
}

/// Lines of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// As they stand there, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Line>,
    /// What opens the texts under seal, for the holder of the private half.
    #[schema(value_type = Object)]
    pub openings: BTreeMap<u64, Opening>,
    /// How people call the agencies in it, by id.
    pub names: BTreeMap<String, String>,
    /// Whether older lines match as well: the first of these has the number for `before`.
    pub more: bool,
}

/// `POST /v1/audit/verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditVerifyRequest {
    /// Also against the heads that peers hold.
    pub witness: bool,
}

/// What a check of the log found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditVerifyReport {
    /// Whether nothing is wrong.
    pub intact: bool,
    /// The first line that is still here.
    pub from: u64,
    /// The last line.
    pub to: u64,
    /// Signed heads that fit.
    pub heads: u64,
    /// Those of them whose key was compromised or revoked since.
    #[serde(default)]
    pub lost: u64,
    /// The last line that a signed head covers.
    pub signed: u64,
    /// The last line that a peer witnessed, and that fits.
    pub witnessed: u64,
    /// Peers that said what they hold.
    pub witnesses: Vec<String>,
    /// Restores of backups, and what was lost with them, as sentences.
    #[serde(default)]
    pub restores: Vec<String>,
    /// What is wrong, as sentences.
    pub faults: Vec<String>,
}

/// `POST /v1/audit/disclosures`: one of the first two, or a time.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DisclosuresRequest {
    /// Of this record.
    pub record: Option<String>,
    /// To this peer.
    pub peer: Option<String>,
    /// Not before this day or RFC 3339 time.
    pub since: Option<String>,
    /// Before this day or RFC 3339 time.
    pub until: Option<String>,
}

/// One record that one peer was given.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DisclosureRow {
    /// When, RFC 3339.
    pub at: String,
    /// The record's full id.
    pub record: String,
    /// The peer, as people call it.
    pub peer: String,
    /// Its agency id.
    pub agency: String,
    /// The statement of the policy.
    pub rule: String,
    /// Of which policy epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What it answered, by the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The line of the log; none: it has left, and the ledger alone tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// `POST /v1/audit/key`: the public half of a new key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditKeyRequest {
    /// Its file's text.
    pub public: String,
}

/// Which key what officers type is sealed to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditKeyReport {
    /// Its fingerprint: 16 hexadecimal digits.
    pub key: String,
}

/// One line of `GET /v1/audit/export`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditExport {
    /// A segment that left.
    #[schema(value_type = Object)]
    Stub(Stub),
    /// A segment begins, with this line.
    Segment(u64),
    /// A line, byte for byte.
    Line(String),
}
