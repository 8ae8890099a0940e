//! `liaison parcels`.

use clap::Args;
use liaison_node::control::api::ParcelsReport;

use super::Context;
use crate::error::Outcome;
use crate::output::parcels;

/// What is under way to agencies that are not connected
///
/// A peer that is away for longer than `[hubs] after_s` is sent parcels: one sealed file each, left
/// at a hub that it collects from, or packed into a bundle. Each is listed with the hub that keeps
/// it, how many records are in it, and until when it can be opened. What may no longer go is
/// taken back by itself; what is lost is sent again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison parcels
  liaison parcels --json | jq -r '.parcels[] | select(.reachable | not) | .id'

STATE is `waits` while the hub keeps it, `gone` once the hub has it no more and the agency has not
said that it arrived, `unwanted` while it is being taken back (one in a bundle is out of reach: the agency
is told in the next parcel to refuse it), `made` before it has left. One with
0 records brings answers alone. A hub that does not keep parcels for an agency is asked again when it
connects anew or its policy changes, when something of ours is collected there, and else after 1, 5,
15 and then every 60 minutes; the list says when.
`liaison why ID PEER` says which parcel a record is in.")]
pub struct ParcelsArgs {}

/// Lists them.
pub fn run(context: &mut Context, _args: &ParcelsArgs) -> Outcome {
    let report: ParcelsReport = context.client()?.get("/v1/parcels")?;
    context
        .ui
        .either(&report, |style| parcels::report(style, &report))
}
