//! What the local API says and is told: one type a message, the same names as on the command
//! line. Everything is JSON over HTTP on the node's Unix socket.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An error as every route answers it, with the exit code that the command line gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{error}")]
pub struct ApiError {
    /// What happened, as a sentence.
    pub error: String,
    /// What to type or do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Machine-readable kind: `not-found`, `ambiguous`, `invalid`, `refused`, `conflict`,
    /// `disk`, `internal`.
    pub code: String,
    /// Findings on the record or policy, one a fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
}

/// One fault of a draft, a row or a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Check code, such as `TRD-02`.
    pub code: String,
    /// Path to the field, or file:line:column.
    pub place: String,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub remedy: String,
}

/// `POST /v1/records`: sign and store a draft, then offer it to whom both gates allow.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PushRequest {
    /// The draft, as `record template` prints it.
    #[schema(value_type = Object)]
    pub draft: Value,
    /// Distribution list: aliases, circles or agency ids. Absent: policy decides. Empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a push, amend or dry run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PushReport {
    /// The record's full id; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its marking.
    pub tlp: String,
    /// Per linked peer: who gets it, who does not, and why.
    pub peers: Vec<PeerDecision>,
    /// For an amendment: who has the record that it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// What the gates say of one record and one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerDecision {
    /// The peer's local alias.
    pub peer: String,
    /// The peer's agency id.
    pub agency: String,
    /// Whether it gets the record.
    pub allow: bool,
    /// The gate that decided: `handling`, `audience`, `policy`, `expired`, `link`.
    pub gate: String,
    /// The deciding statement's `@id`, or the handling rule's name.
    pub rule: String,
    /// The rule in its author's words.
    pub says: String,
    /// Where the statement stands: file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// `GET /v1/records/{id}/why/{peer}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The record's full id.
    pub id: String,
    /// The decision as of now.
    pub decision: PeerDecision,
    /// The gates in order, each with what it said.
    pub gates: Vec<GateView>,
    /// What has happened between this record and this peer, from the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerView>,
}

/// One gate's word.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GateView {
    /// `handling`, `audience`, `policy`, `expired`, `link`.
    pub gate: String,
    /// Whether it is open.
    pub allow: bool,
    /// Why, as a sentence.
    pub says: String,
}

/// One line of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerView {
    /// The peer's alias.
    pub peer: String,
    /// `sent`, `received` or `offered`.
    pub direction: String,
    /// When, RFC 3339.
    pub at: String,
    /// What the peer answered: `stored`, `refused: …`, `later: …`; none while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The rule under which it was released.
    pub rule: String,
}

/// `POST /v1/query`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryRequest {
    /// The words as typed: `kind:trend`, `dim.nationality:AFG`, `period:2015..2016`, free text.
    pub words: Vec<String>,
    /// At most this many rows; default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only the number of records.
    #[serde(default)]
    pub count: bool,
    /// Only records that came since this user last asked so.
    #[serde(default)]
    pub new: bool,
    /// Sum the counts of the matching cells.
    #[serde(default)]
    pub sum: bool,
    /// Group by this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The answer to a query.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryReport {
    /// Matching records in all.
    pub count: u64,
    /// The newest of them, unless only a count or sum was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RecordRow>,
    /// The sum over matching cells, if asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<u64>,
    /// Groups, if asked, greatest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Something the reader has to know, such as that transit counts were not added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One group of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The field's value.
    pub key: String,
    /// Records in it.
    pub count: u64,
    /// Sum over its matching cells, if asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<u64>,
}

/// A record as a line in a table.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordRow {
    /// Full id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Title.
    pub title: String,
    /// Author's alias, or its short id.
    pub author: String,
    /// Marking.
    pub tlp: String,
    /// When its author signed it, RFC 3339.
    pub created: String,
    /// When it arrived here, RFC 3339.
    pub received: String,
    /// Replaced by a newer record.
    #[serde(default)]
    pub superseded: bool,
    /// Retracted by its author.
    #[serde(default)]
    pub retracted: bool,
}

/// `GET /v1/records/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// The line.
    #[serde(flatten)]
    pub row: RecordRow,
    /// The author's agency id.
    pub author_id: String,
    /// The signing key's full text.
    pub key: String,
    /// Envelope and body as signed.
    #[schema(value_type = Object)]
    pub record: Value,
    /// Where it came from: `own`, or a peer's alias.
    pub courier: String,
    /// Marks of the receiver's own checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// Ids of records that replace it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded_by: Vec<String>,
    /// The retraction, if any: id, reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted_by: Option<RetractionView>,
    /// Other records that link here or that this links to, and what is known of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkView>,
    /// Who got it from us and who gave it to us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerView>,
}

/// A link between records.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// `about`, `supports`, …
    pub rel: String,
    /// The other record's id.
    pub id: String,
    /// `held`, `retracted`, `unknown`.
    pub state: String,
}

/// A retraction as a reader sees it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractionView {
    /// The retraction's own id.
    pub id: String,
    /// Reason code.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
    /// Whether the content was erased.
    pub erased: bool,
}

/// `POST /v1/records/{id}/amend`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AmendRequest {
    /// The new text; whatever it leaves out of the envelope is taken from the old record.
    #[schema(value_type = Object)]
    pub draft: Value,
    /// Distribution list; absent: the old record's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/records/{id}/retract`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractRequest {
    /// `error`, `consent-withdrawn`, `subject-right`, `expired`, `source-at-risk`,
    /// `court-order`, `duplicate`.
    pub reason: String,
    /// Only say who has it.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a retraction.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetractReport {
    /// Id of the retracted record.
    pub of: String,
    /// Id of the retraction; none on a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Aliases of those who already had it and are told.
    pub held_by: Vec<String>,
}

/// `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Name on our card.
    pub name: String,
    /// Our agency id.
    pub agency: String,
    /// Our fingerprint: 30 digits.
    pub fingerprint: String,
    /// Version of the program.
    pub version: String,
    /// Addresses on which the node listens.
    pub listening: Vec<String>,
    /// Records held.
    pub records: u64,
    /// Records that arrived since this user last looked at the home screen.
    pub new: u64,
    /// Policy: file hash (short), statements, when applied, whether files differ from it.
    pub policy: PolicyState,
    /// Per peer.
    pub peers: Vec<PeerStatus>,
    /// What was set aside: malformed or oversized input.
    pub quarantined: u64,
    /// Search index: arrival up to which it is committed is not shown; this is how many
    /// records are only in the in-memory tail.
    pub unindexed: u64,
    /// Things a person has to look at, as sentences with the command to type.
    pub alerts: Vec<String>,
    /// Seconds since the start.
    pub uptime_s: u64,
}

/// State of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// Whether any was applied; without one nothing is shared.
    pub applied: bool,
    /// SHA-256 over text and entities, hex.
    pub hash: String,
    /// Number of statements.
    pub statements: u64,
    /// When applied, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether the files in `policy/` differ from what is active.
    pub differs: bool,
}

/// One peer, as `status` and `peer list` show it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerStatus {
    /// Local alias.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// Name on its card.
    pub name: String,
    /// Sector, country.
    pub sector: String,
    /// Country code.
    pub country: String,
    /// Circles it is in.
    pub circles: Vec<String>,
    /// `link` or `author`.
    pub trust: String,
    /// Connected since, RFC 3339; none while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_since: Option<String>,
    /// How: `quic`, `tcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Last seen connected, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Records that it may have and has not answered yet.
    pub behind: u64,
    /// Last error, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What waits as `later`, by reason.
    pub later: Vec<Tally>,
    /// What it refused, by reason.
    pub refused: Vec<Tally>,
    /// Records sent and stored there.
    pub sent: u64,
    /// Records received from it.
    pub received: u64,
    /// Records that the gates do not let it have.
    pub withheld: u64,
    /// Bytes in and out since the start.
    pub bytes_in: u64,
    /// Bytes out since the start.
    pub bytes_out: u64,
    /// Days until its keys statement ends; none if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_days: Option<i64>,
}

/// A reason and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Reason code.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// `POST /v1/peers`: link an agency whose fingerprint a person has confirmed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerAddRequest {
    /// The card file's text.
    pub card: String,
    /// Local alias; default from the card's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The 30 digits as typed by a person; must match the card's root key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Take the card without digits: for scripts and test homes.
    #[serde(default)]
    pub unconfirmed: bool,
    /// Circles to put it in, besides those of `entities.json`.
    #[serde(default)]
    pub circles: Vec<String>,
}

/// What became of `peer add`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerAddReport {
    /// Alias.
    pub peer: String,
    /// Agency id.
    pub agency: String,
    /// Name on its card.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Whether it was known already and only its card or keys were renewed.
    pub updated: bool,
    /// What the active policy lets it have, in words, one line each.
    pub may_have: Vec<String>,
}

/// `GET /v1/card` and `POST /v1/card`: our own card.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CardView {
    /// The card file's text, to be handed to others.
    pub card: String,
    /// Our 30 digits.
    pub fingerprint: String,
    /// What the card says.
    #[schema(value_type = Object)]
    pub contact: Value,
    /// What is missing for others to reach us, as sentences with what to type.
    pub missing: Vec<String>,
}

/// `DELETE /v1/peers/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerRemoveReport {
    /// Alias.
    pub peer: String,
    /// How many of the records released to it it still holds.
    pub holds: u64,
}

/// `POST /v1/peers/{name}/test`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeerTestReport {
    /// Alias.
    pub peer: String,
    /// Steps in order; the first that fails ends it.
    pub steps: Vec<TestStep>,
}

/// One step of a peer test.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TestStep {
    /// `resolve`, `connect`, `key`, `known-to-them`, `version`.
    pub step: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found.
    pub says: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Policy files, for `POST /v1/policy/check` and `POST /v1/policy/apply`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyRequest {
    /// File name to text: `*.cedar` and `entities.json`.
    pub files: std::collections::BTreeMap<String, String>,
    /// Why; kept beside the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to a policy check, apply, revert or show.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyReport {
    /// SHA-256 over text and entities, hex.
    pub hash: String,
    /// Whether it is the active one now.
    pub active: bool,
    /// Statements: id, what it says, file and line.
    pub statements: Vec<StatementView>,
    /// Files, for `show`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub files: std::collections::BTreeMap<String, String>,
    /// Earlier sets, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PolicyApplied>,
}

/// One statement of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StatementView {
    /// `@id`.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// `@says`.
    pub says: String,
    /// File and line.
    pub place: String,
}

/// One application of a policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyApplied {
    /// SHA-256, hex.
    pub hash: String,
    /// When, RFC 3339.
    pub at: String,
    /// Unix uid of who applied it.
    pub uid: u32,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /v1/policy/plain`: peer by kind, in words.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyPlain {
    /// Column heads: the kinds.
    pub kinds: Vec<String>,
    /// A row a peer: alias and one cell a kind.
    pub rows: Vec<PlainRow>,
}

/// One peer's row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlainRow {
    /// Alias.
    pub peer: String,
    /// One cell a kind, such as `up to amber`, `some`, `-`.
    pub cells: Vec<String>,
}

/// `POST /v1/imports/{key}`: a piece of a CSV file. The job is keyed by file and map.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportChunk {
    /// The map file's text (TOML).
    pub map: String,
    /// The file's header line.
    pub header: String,
    /// Data rows, as they stand in the file (UTF-8 already).
    pub rows: String,
    /// Line number in the file of the first row.
    pub first_line: u64,
    /// Number of data rows before this piece.
    pub rows_before: u64,
    /// Distribution list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a piece, and `GET /v1/imports/{key}` for the whole job.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Rows of the job done so far, good and bad: where to go on.
    pub rows_done: u64,
    /// Records made by this piece.
    pub records: u64,
    /// Bad rows of this piece.
    pub bad: Vec<BadRow>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadRow {
    /// Line in the file, from 1.
    pub line: u64,
    /// Column name, if one is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub says: String,
}

/// One line of `GET /v1/watch` (newline-delimited JSON).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum WatchEvent {
    /// A record arrived or was written here.
    Record(RecordRow),
    /// A peer answered a record of ours.
    Answered {
        /// Alias.
        peer: String,
        /// Record id.
        id: String,
        /// What it answered.
        answer: String,
    },
    /// A peer came up.
    Up {
        /// Alias.
        peer: String,
    },
    /// A peer went down.
    Down {
        /// Alias.
        peer: String,
        /// Why, in words.
        says: String,
    },
}

/// `POST /v1/verify`: is this file a record, and whose word is it?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifyReport {
    /// Record id.
    pub id: String,
    /// Whether the signature verifies under the author's keys that we know.
    pub verified: bool,
    /// Alias or short id of the author.
    pub author: String,
    /// Kind.
    pub kind: String,
    /// In words.
    pub says: String,
    /// Findings of the content checks.
    pub findings: Vec<FindingView>,
}
