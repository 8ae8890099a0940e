//! A second officer's word on an emergency.

use clap::Args;
use liaison_node::control::api::{DraftRow, DraftView, ReferralReport};
use serde_json::json;

use super::make::{confirm, finish};
use crate::client::segment;
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::drafts as render;

/// Approve a colleague's emergency referral, which is sent then; alone: list what waits
///
/// Nobody could wait for the person's consent, so two officers answer for it. You see what the
/// candidate will read, without a name. Within 72 hours a second officer looks at it again
/// (`liaison refer review ID`); until then, and no longer, the identity may be released.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer approve
  liaison refer approve d-3f7k9q2m")]
pub struct ApproveArgs {
    /// The draft's name, as your colleague was told it
    draft: Option<String>,
    /// Don't ask
    #[arg(long, requires = "draft")]
    yes: bool,
}

/// Say that you have looked again at an emergency that was sent
///
/// Not reviewed within 72 hours, nothing more of it can be disclosed. You are not the officer
/// who wrote it.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer review 3F7K-9Q2M")]
pub struct ReviewArgs {
    /// The referral's id, or the draft's name
    id: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

pub fn approve(context: &mut Context, args: &ApproveArgs) -> Outcome {
    let client = context.client()?;
    let Some(name) = &args.draft else {
        let mut rows: Vec<DraftRow> = client.get("/v1/drafts")?;
        rows.retain(|row| row.state == "waiting");
        return context.ui.either(&json!({ "drafts": rows }), |style| {
            render::table(style, &rows)
        });
    };
    let mut seen = String::new();
    if !args.yes {
        if !context.ui.interactive {
            return Err(CommandError::usage(
                "an emergency is not approved without a question",
                "type it on a terminal, or add --yes",
            ));
        }
        let view: DraftView = client.get(&format!("/v1/drafts/{}", segment(name)))?;
        let text = render::view(&context.ui.err_style, &view);
        context.ui.note(&text)?;
        confirm(context, "Send it without consent, and answer for it?")?;
        seen = view.waits_ms.map_or(seen, |ms| format!("&seen={ms}"));
    }
    let path = format!("/v1/drafts/{}/approve?wait_s=30{seen}", segment(name));
    let report: ReferralReport = client.post(&path, &json!({}))?;
    finish(context, &report)
}

pub fn review(context: &mut Context, args: &ReviewArgs) -> Outcome {
    let client = context.client()?;
    if !args.yes {
        if context.ui.interactive {
            let read = format!("To read it: liaison refer show {} --why TEXT", args.id);
            context.ui.note(&read)?;
        }
        confirm(context, "Have you looked at it, and may it go on?")?;
    }
    let path = format!("/v1/drafts/{}/review", segment(&args.id));
    let report: ReferralReport = client.post(&path, &json!({}))?;
    context
        .ui
        .either(&report, |_| "It is reviewed, and goes on.\n".into())
}
