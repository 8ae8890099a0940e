//! The officers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One who may use the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfficerView {
    /// The Unix user's name, or its number where it has none.
    pub user: String,
    /// The Unix user's number.
    pub uid: u32,
    /// Role names.
    pub roles: Vec<String>,
    /// Whether several people use this account.
    #[serde(default)]
    pub shared: bool,
}

/// `GET /v1/officers`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OfficersReport {
    /// The file that says so.
    pub file: String,
    /// Who may use the node.
    pub officers: Vec<OfficerView>,
    /// Entries whose user this machine does not know: they let nobody in.
    pub unknown: Vec<String>,
    /// Who asks.
    pub you: OfficerView,
}
