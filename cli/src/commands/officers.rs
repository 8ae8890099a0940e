//! `liaison officers`.

use clap::Args;
use liaison_node::control::api::OfficersReport;

use super::Context;
use crate::error::Outcome;
use crate::output::officers as render;

/// List who may use this node, and as what.
///
/// The kernel tells the node which login of this machine calls it; `officers.toml` in the home
/// folder says what that login may do. A change of the file holds at once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  liaison officers

To let somebody in, add to officers.toml in the home folder:
  [[officer]]
  user = \"anna\"
  roles = [\"analyst\"]

Roles: analyst, referral-officer, case-officer, data-protection-officer, administrator.")]
pub struct OfficersArgs {}

/// Asks the node.
pub fn run(context: &mut Context, _args: &OfficersArgs) -> Outcome {
    let report: OfficersReport = context.client()?.get("/v1/officers")?;
    context
        .ui
        .either(&report, |style| render::officers(style, &report))
}
