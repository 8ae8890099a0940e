//! What a change would do to the store as it is, before it applies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiError, RecordRow};
use crate::registry::PeerEdit;

/// `POST /v1/preview`: which change.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PreviewRequest {
    /// `policy apply` of these files.
    Apply {
        /// File name to text: `*.cedar`, `entities.json` and `ceilings.toml`.
        files: BTreeMap<String, String>,
    },
    /// `policy revert`.
    Revert,
    /// `peer confirm` and `peer circles`.
    Peer {
        /// The peer's alias.
        peer: String,
        /// What changes.
        edit: PeerEdit,
    },
    /// `peer add`.
    Link {
        /// The card file's text.
        card: String,
        /// Local alias; default from the card's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
        /// Circles to put it in, besides those of `entities.json`.
        #[serde(default)]
        circles: Vec<String>,
    },
}

/// One line of the answer to `POST /v1/preview`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum PreviewLine {
    /// How far it is.
    Looked {
        /// Records looked at.
        records: u64,
        /// Records that there are.
        of: u64,
    },
    /// A peer for which something changes.
    Peer(PeerPreview),
    /// The last line.
    Done(PreviewEnd),
    /// The last line, if it failed.
    Failed(ApiError),
}

/// What changes for one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerPreview {
    /// The peer's alias.
    pub peer: String,
    /// The peer's agency id.
    pub agency: String,
    /// Records that it would newly get.
    pub flows: PreviewCount,
    /// Records that it would get no more.
    pub stops: PreviewCount,
    /// Of those that stop: how many were released to it already. They stay with it, unless they
    /// are recalled.
    pub held: u64,
}

/// Records counted, with examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewCount {
    /// How many.
    pub records: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// The newest of them.
    pub samples: Vec<RecordRow>,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewEnd {
    /// Stands for the policy and the peers as they are: an apply that names it (`over`) is
    /// refused if they changed since.
    pub over: String,
    /// Records looked at.
    pub records: u64,
    /// Peers for which nothing changes.
    pub unchanged: u64,
    /// Names of ceilings that would be no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ceilings_gone: Vec<String>,
}

/// A whole preview, as the command line prints it with `--json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// What was compared.
    #[serde(flatten)]
    pub end: PreviewEnd,
    /// The peers for which something changes, by alias.
    pub peers: Vec<PeerPreview>,
}

/// What was asked back from one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recalled {
    /// The peer's alias.
    pub peer: String,
    /// Records that it was told to erase.
    pub records: u64,
}
