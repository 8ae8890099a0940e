//! Making a referral: guided, or from a file.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::{DraftRow, DraftView, ReferralReport};
use liaison_protocol::personal::ReferralDraft;
use liaison_protocol::personal::questions::questions;
use liaison_protocol::personal::template::referral_toml;
use liaison_protocol::record::codes::EmergencyReason;
use serde_json::{Value, json};

use super::guide;
use crate::client::{Client, segment};
use crate::commands::{Context, today};
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits;
use crate::output::drafts as render;

/// Refer a person: guided, or from a file
///
/// Without a file it asks, one question at a time, and keeps a draft after each answer. It
/// shows who will be asked, in which order and by when, before anything is sent. Candidates
/// read a profile without identity; the name stays on your node until a provider has accepted
/// and you release it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer new                                asks what it needs
  liaison refer new --emergency child-at-risk      when nobody can consent in time
  liaison refer template > r.toml                  a referral to fill in
  liaison refer new r.toml
  liaison refer new --draft d-3f7k9q2m             goes on with a draft

An emergency waits for a colleague, who approves it from their own account with
`liaison refer approve`. It waits up to 30 s for the provider's node to have it, and says
whom to telephone if it has not.")]
pub struct NewArgs {
    /// A referral in TOML or JSON; - is standard input
    #[arg(conflicts_with = "draft")]
    file: Option<PathBuf>,
    /// Go on with this draft
    #[arg(long, value_name = "DRAFT")]
    draft: Option<String>,
    /// Whom to ask, in this order
    #[arg(long, value_name = "PROVIDER,...", value_delimiter = ',')]
    to: Vec<String>,
    /// Ask them in the order given, even if the first is closed now and a later one open
    #[arg(long)]
    keep_order: bool,
    /// Nobody can consent in time; a second officer has to approve it
    #[arg(long, value_name = "REASON", value_parser = PossibleValuesParser::new(EmergencyReason::TEXTS))]
    emergency: Option<String>,
    /// Only keep the draft
    #[arg(long, conflicts_with = "dry_run")]
    keep: bool,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Don't ask before it is sent
    #[arg(long)]
    yes: bool,
}

/// Print a referral to fill in, with all allowed codes
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer template > r.toml")]
pub struct TemplateArgs {}

/// Drafts of referrals, and emergencies that wait for a second officer
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer drafts
  liaison refer drafts --drop d-3f7k9q2m")]
pub struct DraftsArgs {
    /// Destroy this draft
    #[arg(long, value_name = "DRAFT")]
    drop: Option<String>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Prints the template.
pub fn template(context: &mut Context) -> Outcome {
    context.ui.print(&referral_toml(today()))
}

/// Lists or drops drafts.
pub fn drafts(context: &mut Context, args: &DraftsArgs) -> Outcome {
    let client = context.client()?;
    let Some(name) = &args.drop else {
        let rows: Vec<DraftRow> = client.get("/v1/drafts")?;
        return context.ui.either(&json!({ "drafts": rows }), |style| {
            render::table(style, &rows)
        });
    };
    if !args.yes {
        confirm(
            context,
            &format!("Destroy {name}? It can't be brought back."),
        )?;
    }
    let path = format!("/v1/drafts/{}/drop", segment(name));
    let row: DraftRow = client.post(&path, &json!({}))?;
    context
        .ui
        .either(&row, |_| format!("{} is destroyed.\n", row.draft))
}

/// Makes a referral.
pub fn new(context: &mut Context, args: NewArgs) -> Outcome {
    let client = context.client()?;
    let mut name = args.draft.clone();
    let mut draft = match (&args.file, &args.draft) {
        (Some(file), _) => from_file(context, file)?,
        (None, Some(name)) => {
            let view: DraftView = client.get(&format!("/v1/drafts/{}", segment(name)))?;
            view.referral
        }
        (None, None) if context.ui.interactive && !context.ui.json => json!({}),
        (None, None) => {
            return Err(CommandError::usage(
                "there is no terminal to ask at",
                "`liaison refer template > r.toml`, fill it in, then `liaison refer new r.toml`",
            ));
        }
    };
    if !args.to.is_empty() {
        draft["candidates"] = json!(args.to);
    }
    if args.keep_order {
        draft["keep_order"] = json!(true);
    }
    if let Some(reason) = &args.emergency {
        as_emergency(&mut draft, reason);
    }
    if args.file.is_none() && context.ui.interactive {
        name = guide::ask_all(context, &client, &mut draft, name, questions())?;
    }
    if args.keep {
        let report = keep(&client, &draft, name.as_deref())?;
        return context.ui.either(&report, |_| render::kept(&report));
    }
    let checked: ReferralReport = post(&client, &draft, &[("dry_run", "true")])?;
    if args.dry_run {
        return context
            .ui
            .either(&checked, |style| render::plan(style, &checked));
    }
    if !checked.findings.is_empty() {
        let report = keep(&client, &draft, name.as_deref())?;
        if context.ui.json {
            context.ui.object(&checked)?;
        } else {
            let text = render::plan(&context.ui.err_style, &checked);
            context.ui.note(&text)?;
            context.ui.note(&render::kept(&report))?;
        }
        return Err(CommandError::Partial);
    }
    if context.ui.interactive && !args.yes {
        let text = render::plan(&context.ui.err_style, &checked);
        context.ui.note(&text)?;
        if !context.ui.confirm("Send it?", false)? {
            let report = keep(&client, &draft, name.as_deref())?;
            return context.ui.either(&report, |_| render::kept(&report));
        }
    }
    let mut query = vec![("wait_s", "30")];
    if let Some(name) = &name {
        query.push(("draft", name));
    }
    let report: ReferralReport = post(&client, &draft, &query)?;
    finish(context, &report)
}

/// Shows what became of it; what was not delivered is not all well.
pub fn finish(context: &mut Context, report: &ReferralReport) -> Outcome {
    context
        .ui
        .either(report, |style| render::sent(style, report))?;
    if report.state == "sent" && !report.delivered {
        return Err(CommandError::Partial);
    }
    Ok(())
}

/// Keeps a draft with the node.
pub fn keep(
    client: &Client,
    draft: &Value,
    name: Option<&str>,
) -> Result<ReferralReport, CommandError> {
    let mut query = vec![("keep", "true")];
    if let Some(name) = name {
        query.push(("draft", name));
    }
    post(client, draft, &query)
}

fn post(
    client: &Client,
    draft: &Value,
    query: &[(&str, &str)],
) -> Result<ReferralReport, CommandError> {
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", segment(value)))
        .collect();
    client.post(&format!("/v1/referrals?{}", query.join("&")), draft)
}

/// A question before what can't be undone.
pub fn confirm(context: &mut Context, question: &str) -> Outcome {
    context.ui.sure(question, false, "nothing was done")
}

fn from_file(context: &mut Context, file: &Path) -> Result<Value, CommandError> {
    let text = input::read_text(context.ui, file, limits::IDENTITY_BYTES)?;
    let place = file.display().to_string();
    let malformed = |says: String| CommandError::Malformed {
        place: place.clone(),
        says,
        remedy: "`liaison refer template` prints a referral with all allowed codes".into(),
    };
    if text.trim_start().starts_with('{') {
        ReferralDraft::from_json(text.as_bytes()).map_err(|e| malformed(e.to_string()))?;
        return serde_json::from_str(&text).map_err(|e| malformed(e.to_string()));
    }
    match ReferralDraft::from_toml(&text) {
        Ok((_, json)) => Ok(json),
        Err(error) => Err(malformed(error.to_string())),
    }
}

/// An emergency has a reason and nobody who consented.
fn as_emergency(draft: &mut Value, reason: &str) {
    let consent = &mut draft["profile"]["consent"];
    if !consent.is_object() {
        *consent = json!({});
    }
    if let Some(consent) = consent.as_object_mut() {
        for given in ["by", "scope", "checklist", "keep_until", "form_hash"] {
            consent.remove(given);
        }
        consent.insert("state".into(), json!("emergency"));
        let note = consent
            .get("emergency")
            .and_then(|e| e.get("note"))
            .cloned();
        let mut emergency = json!({ "reason": reason });
        if let Some(note) = note {
            emergency["note"] = note;
        }
        consent.insert("emergency".into(), emergency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_takes_the_place_of_consent() {
        let mut draft = json!({"profile": {"consent": {
            "state": "given", "by": "self", "scope": ["assistance"], "language": "ar"}}});
        as_emergency(&mut draft, "child-at-risk");
        assert_eq!(
            draft["profile"]["consent"],
            json!({"state": "emergency", "language": "ar", "emergency": {"reason": "child-at-risk"}})
        );
        let mut empty = json!({});
        as_emergency(&mut empty, "other");
        assert_eq!(empty["profile"]["consent"]["state"], "emergency");
    }
}
